use super::model::{Format, Request, Resource};
use super::store::{self, Enqueued};
use super::worker::LEASE;
use super::*;
use crate::config::Config;
use crate::kernel::id::NodeId;
use crate::kernel::{Clock, Micros};
use crate::on_tx;
use crate::storage::Db;
use crate::storage::testing::database;
use std::path::Path;

const OFFER: &str = "INSERT INTO offers (product_id, store_id, channel, currency, price, price_type, \
     tax_included, promotion_ids, as_of, version, updated_at) \
     VALUES ($1, 's', 'in_store', $2, 23900, 'regular', TRUE, '', 1, 1, 1)";

async fn offer(db: &Db, product: String, currency: &str) {
    let mut tx = db.begin().await.unwrap();
    let done = on_tx!(&mut tx, c => {
        sqlx::query(OFFER).bind(product).bind(currency).execute(c).await.map(|_| ())
    });
    done.unwrap();
    tx.commit().await.unwrap();
}

fn worker(db: &Db, dir: &Path) -> Worker {
    let clock = Clock::fixed(Micros(0));
    Worker::new(db.clone(), clock, dir, NodeId(1), Config::embedded().exports)
}

fn offers() -> Request {
    let formats = vec![Format::NdjsonGz, Format::Parquet];
    Request { resources: vec![Resource::Offers], formats, store_ids: Vec::new(), data: None }
}

#[tokio::test]
async fn a_row_that_cannot_be_written_leaves_no_file_and_no_snapshot() {
    let (db, dir) = (database().await, tempfile::tempdir().unwrap());
    for n in 0..1_200 {
        offer(&db, n.to_string(), "EUR").await;
    }
    let writer = worker(&db, dir.path());
    let whole = write::write(&db, dir.path(), "exp_whole", &offers()).await.unwrap();
    let rows: Vec<u64> = whole.files.iter().map(|file| file.rows).collect();
    assert_eq!(rows, [1_200, 1_200]);
    offer(&db, "damaged".to_owned(), "no currency").await;
    assert!(matches!(writer.snapshot(None).await, Err(ExportError::Store(_))));
    assert_eq!(std::fs::read_dir(dir.path().join("exports")).unwrap().count(), 0);
    assert!(store::ids(&db).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_run_was_cut_off_from_is_begun_again() {
    let (db, dir) = (database().await, tempfile::tempdir().unwrap());
    let writer = worker(&db, dir.path());
    let (id, queued) = writer.enqueue("app_1", &offers(), None).await.unwrap();
    assert_eq!(queued, Enqueued::Queued);
    let node = NodeId(1).to_string();
    // Taken by a run that then ends.
    assert!(store::take_queued(&db, &node, Micros(1)).await.unwrap().is_some());
    // In the middle of a file, or when all was there and only the row did not say so.
    for leftover in [format!("{id}.part"), id.to_string()] {
        let leftover = dir.path().join("exports").join(leftover);
        std::fs::create_dir_all(&leftover).unwrap();
        std::fs::write(leftover.join("offers.ndjson.gz"), "begun").unwrap();
    }
    let next = worker(&db, dir.path());
    next.start().await.unwrap();
    next.asked().await;
    assert_eq!(next.work_off().await.unwrap(), 0);
    let export = store::find(&db, &id.to_string()).await.unwrap().unwrap();
    assert_eq!(export.status, "ready");
}

#[tokio::test]
async fn what_is_not_held_any_more_is_given_up() {
    let (db, dir) = (database().await, tempfile::tempdir().unwrap());
    let (writer, node) = (worker(&db, dir.path()), NodeId(1).to_string());
    let (id, _) = writer.enqueue("app_1", &offers(), None).await.unwrap();
    let id = id.to_string();
    let status = async || store::find(&db, &id).await.unwrap().map(|export| export.status);
    assert!(store::take_queued(&db, &node, Micros(5)).await.unwrap().is_some());
    store::give_up(&db, Micros(5)).await.unwrap();
    assert_eq!(status().await.as_deref(), Some("running"));
    // The writer is still there.
    assert!(store::keep(&db, &id, Micros(9)).await.unwrap());
    store::give_up(&db, Micros(9)).await.unwrap();
    assert_eq!(status().await.as_deref(), Some("running"));
    // It says no more: the app sees that, and may ask again at once; a late word changes nothing.
    store::give_up(&db, Micros(10)).await.unwrap();
    assert_eq!(status().await.as_deref(), Some("failed"));
    assert!(!store::keep(&db, &id, Micros(20)).await.unwrap());
    assert!(!store::finish(&db, &id, (1, "[]"), Micros(20)).await.unwrap());
    assert_eq!(writer.enqueue("app_1", &offers(), None).await.unwrap().1, Enqueued::Queued);
}

#[tokio::test]
async fn what_waits_for_a_node_that_is_gone_fails_and_another_may_be_asked() {
    let (db, dir) = (database().await, tempfile::tempdir().unwrap());
    let (writer, node) = (worker(&db, dir.path()), NodeId(1).to_string());
    let (id, _) = writer.enqueue("app_1", &offers(), None).await.unwrap();
    let id = id.to_string();
    let status = async || store::find(&db, &id).await.unwrap().unwrap().status;
    store::give_up(&db, Micros(LEASE)).await.unwrap();
    assert_eq!(status().await, "queued");
    // The node is busy with another, and holds on to this one.
    store::keep_queued(&db, &node, Micros(2 * LEASE)).await.unwrap();
    store::give_up(&db, Micros(2 * LEASE)).await.unwrap();
    assert_eq!(status().await, "queued");
    // Or it was away, and is back before anybody has given it up.
    store::reset(&db, &node, Micros(3 * LEASE)).await.unwrap();
    store::give_up(&db, Micros(3 * LEASE)).await.unwrap();
    assert_eq!(status().await, "queued");
    store::give_up(&db, Micros(3 * LEASE + 1)).await.unwrap();
    assert_eq!(status().await, "failed");
    assert!(store::take_queued(&db, &node, Micros(9 * LEASE)).await.unwrap().is_none());
    assert_eq!(writer.enqueue("app_1", &offers(), None).await.unwrap().1, Enqueued::Queued);
}
