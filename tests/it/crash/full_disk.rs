//! A disk that is full under the database and the journal at once.

use super::{all_received_are_recorded, exported, products};
use crate::support::process::{Home, SmallDisk, Wire, wait_until};
use crate::support::{data, tell};
use comptoir::config::DatabaseUrl;
use comptoir::storage::Db;
use serde_json::json;
use tempfile::TempDir;

/// A small disk with the database of a home and what belongs to it; none where this process may not mount one, or the
/// database is a server's.
async fn moved(home: &Home) -> Option<(TempDir, SmallDisk)> {
    if !matches!(home.config().database.url, DatabaseUrl::Sqlite(_)) {
        println!("left out: the database is not on this disk");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(dir.path(), "48m") else {
        println!("left out: this process may not mount a file system");
        return None;
    };
    let copy = format!("VACUUM INTO '{}'", dir.path().join("comptoir.db").display());
    tell(&home.db, &copy).await.unwrap();
    let pepper = home.dir().join("pepper");
    if pepper.exists() {
        std::fs::copy(pepper, dir.path().join("pepper")).unwrap();
    }
    Some((dir, disk))
}

#[tokio::test]
async fn nothing_is_lost_where_the_database_is_on_the_full_disk_too() {
    let home = Home::new(&[("METERING__SEGMENT_RECORDS", "15")], &products(3)).await;
    let (key, token) = (home.key(), home.admin_token());
    let Some((dir, disk)) = moved(&home).await else { return };
    let server = home.serve_in(dir.path());
    let mut wire = Wire::connect(server.public).unwrap();
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut received: Vec<_> = (0..40).map(|_| wire.get(&key, &path).unwrap()).collect();
    assert!(received.iter().all(|reply| reply.status == 200));

    let filler = disk.fill();
    wait_until("neither takes anything any more", || {
        // What is folded leaves the journal, and its room is taken like the rest.
        SmallDisk::fill_again(&filler);
        let reply = wire.get(&key, &path).unwrap();
        assert!([200, 503].contains(&reply.status), "{}", reply.body);
        received.extend(Some(reply).filter(|reply| reply.status == 200));
        let (status, report) = server.operator("/readyz");
        let both = ["the journal is full", "the disk under the database is full"];
        status == 503 && both.iter().all(|problem| report.contains(problem))
    });
    for _ in 0..30 {
        let reply = wire.get(&key, &path).unwrap();
        assert_eq!(reply.status, 503, "{}", reply.body);
        assert!(reply.body.contains("metering_unavailable"), "{}", reply.body);
    }

    std::fs::remove_file(filler).unwrap();
    wait_until("calls are taken again", || {
        let reply = wire.get(&key, &path).unwrap();
        let taken = reply.status == 200;
        received.extend(taken.then_some(reply));
        taken
    });
    wait_until("the ledger has them all", || {
        let (status, report) = server.operator("/readyz");
        let is_well = status == 200 && !report.contains("the disk under the database is full");
        is_well && server.operator("/metrics").1.contains("comptoir_journal_backlog_events 0\n")
    });
    let partners = format!("http://{}/admin/v1/partners", server.admin);
    let asked = reqwest::Client::new().post(partners).bearer_auth(&token);
    let made = asked.json(&json!({ "name": "Behind" })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    server.terminate();

    let db = DatabaseUrl::Sqlite(dir.path().join("comptoir.db"));
    let (summary, events) = exported(&Db::connect(&db, 2).await.unwrap()).await;
    assert_eq!(all_received_are_recorded(&received, &events), 0);
    assert_eq!(events.len(), received.len());
    assert_eq!(summary.gaps, []);
}
