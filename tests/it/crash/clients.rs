//! Clients that hang up in the middle of a long answer, or read it slowly.

use super::{exported, long_products};
use crate::support::data;
use crate::support::process::{Home, Wire};
use serde_json::json;
use std::time::Instant;

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_is_not_billed() {
    let home = Home::new(&[], &long_products()).await;
    let (key, server) = (home.key(), home.serve());
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.public).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let mut wire = Wire::over(stream).unwrap();
    wire.send(&key, "/v1/products?limit=200").unwrap();
    let head = wire.head().unwrap();
    assert_eq!(head.status, 200);
    assert!(head.length > 8_000_000, "{} bytes", head.length);
    wire.body(10_000).unwrap();
    drop(wire);

    // The same answer, read to its end, by a client that then keeps the connection: it counts now,
    // not when the connection ends.
    let mut patient = Wire::connect(server.public).unwrap();
    let whole = patient.get(&key, "/v1/products?limit=200").unwrap();
    assert_eq!((whole.status, whole.body.len()), (200, head.length));
    let until = Instant::now() + crate::support::PATIENCE;
    while !exported(&home.db).await.1.contains_key(&whole.id) {
        assert!(Instant::now() < until, "{} is not folded", whole.id);
        crate::support::pause().await;
    }
    server.terminate();
    drop(patient);
    let (summary, events) = exported(&home.db).await;
    let cut = &events[&head.id];
    assert_eq!((&cut["outcome"], &cut["billable"]), (&json!("client_aborted"), &json!(false)));
    assert_eq!(events[&whole.id]["billable"], true);
    assert_eq!((summary.total.requests, summary.billable.requests), (2, 1));
}

#[tokio::test]
async fn a_client_that_reads_slowly_pays_when_it_has_read_and_holds_nobody_up() {
    let home = Home::new(&[("METERING__COMPLETION_TIMEOUT_S", "1")], &long_products()).await;
    let (key, server) = (home.key(), home.serve());
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.public).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let mut slow = Wire::over(stream).unwrap();
    slow.send(&key, "/v1/products?limit=200").unwrap();
    let head = slow.head().unwrap();
    slow.body(10_000).unwrap();
    // Others come into the ledger meanwhile, over and over.
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut others = Wire::connect(server.public).unwrap();
    for _ in 0..3 {
        let quick = others.get(&key, &path).unwrap();
        let until = Instant::now() + crate::support::PATIENCE;
        while !exported(&home.db).await.1.contains_key(&quick.id) {
            assert!(Instant::now() < until, "{} is not folded", quick.id);
            crate::support::pause().await;
        }
    }
    let (summary, events) = exported(&home.db).await;
    assert!(!events.contains_key(&head.id), "{}", events[&head.id]);
    assert_eq!(summary.gaps, []);
    slow.body(head.length - 10_000).unwrap();
    let until = Instant::now() + crate::support::PATIENCE;
    while !exported(&home.db).await.1.contains_key(&head.id) {
        assert!(Instant::now() < until, "{} is not folded", head.id);
        crate::support::pause().await;
    }
    server.terminate();
    let (summary, events) = exported(&home.db).await;
    assert_eq!(
        (&events[&head.id]["outcome"], &events[&head.id]["billable"]),
        (&json!("served"), &json!(true))
    );
    assert_eq!((summary.total.requests, summary.billable.requests), (4, 4));
    assert_eq!(summary.gaps, []);
}
