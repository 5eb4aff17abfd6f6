//! Pushed requests.

use super::*;
use crate::access::Pepper;
use crate::authz::handles::RequestUri;
use crate::authz::par::PushedRequest;
use crate::authz::store::expire::expire;
use crate::authz::store::requests::{RequestSealer, find, put, take};
use crate::kernel::clock::DAY;

const HINT: &str = "eve.moneypenny@example.com";

fn sealer(byte: u8) -> RequestSealer {
    RequestSealer::new(&Pepper::from_hex(&format!("{byte:02x}").repeat(32)).unwrap())
}

fn pushed() -> PushedRequest {
    let request = push(&[("login_hint", HINT), ("prompt", "login consent"), ("nonce", "n1")]);
    PushedRequest { request: request.unwrap(), expires_at: later(300), decided: false }
}

async fn kept(db: &Db, byte: u8) -> HandleHash {
    let hash = hash::<RequestUri>(byte);
    in_tx!(db, tx => put(&mut tx, &sealer(1), hash, &pushed()).await.unwrap());
    hash
}

async fn taken(db: &Db, hash: HandleHash, now: Micros) -> u64 {
    in_tx!(db, tx => take(&mut tx, hash, now).await.unwrap())
}

#[tokio::test]
async fn a_request_is_found_as_it_was_pushed() {
    let db = database().await;
    let hash = kept(&db, 1).await;
    let found = find(&db, &sealer(1), hash).await.unwrap().unwrap();
    assert_eq!(found, pushed());
    assert_eq!(find(&db, &sealer(1), super::hash::<RequestUri>(2)).await.unwrap(), None);
    // Looking at it uses nothing up, and the answer of the customer does.
    let rows = taken(&db, hash, NOW).await;
    let decided = found.decide("c_7f", NOW).unwrap().taken(rows).unwrap();
    assert_eq!(decided, pushed().request);
    let found = find(&db, &sealer(1), hash).await.unwrap().unwrap();
    assert!(found.decided && found.of("c_7f", NOW).is_err());
}

#[tokio::test]
async fn what_a_request_says_is_sealed_for_its_row() {
    const SEALED: &str = "SELECT request FROM authz_requests";
    let db = database().await;
    let hash = kept(&db, 1).await;
    let bytes: Vec<u8> = on_db!(&*db, c => sqlx::query_scalar(SEALED).fetch_one(c).await).unwrap();
    for text in [HINT, "c_7f", "https://app.example/cb"] {
        assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
    let foreign = find(&db, &sealer(2), hash).await;
    assert!(matches!(foreign, Err(StoreError::Corrupt { .. })), "{foreign:?}");
    let other = super::hash::<RequestUri>(2);
    tell(&db, &format!("UPDATE authz_requests SET hash = '{other}'")).await.unwrap();
    let moved = find(&db, &sealer(1), other).await;
    assert!(matches!(moved, Err(StoreError::Corrupt { .. })), "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_one_counts() {
    let db = database().await;
    for byte in 1..=5 {
        let hash = kept(&db, byte).await;
        let rows = join_all((0..8).map(|_| taken(&db, hash, NOW))).await;
        assert_eq!(rows.iter().sum::<u64>(), 1, "{rows:?}");
    }
    let late = kept(&db, 6).await;
    assert_eq!(taken(&db, late, later(300)).await, 0, "it is over");
    assert_eq!(taken(&db, late, Micros(later(300).0 - 1)).await, 1);
}

#[tokio::test]
async fn requests_are_forgotten_some_at_a_time() {
    let db = database().await;
    for byte in 1..=3 {
        kept(&db, byte).await;
    }
    let end = Micros(later(300).0 + DAY);
    assert_eq!(expire(&db, DAY, 2, end).await.unwrap(), 0, "kept for a day");
    let end = Micros(end.0 + 1);
    let mut batches = Vec::new();
    for _ in 0..3 {
        batches.push(expire(&db, DAY, 2, end).await.unwrap());
    }
    assert_eq!(batches, [2, 1, 0]);
}
