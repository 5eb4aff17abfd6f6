//! Group commit: no answer before the disk has its event.

use super::*;
use crate::metering::runs;
use futures_util::future::join_all;
use futures_util::poll;
use std::io;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;

fn synced(bench: &Bench, records_per_segment: u32) -> Arc<Journal> {
    bench.open(JournalOptions { records_per_segment, max_backlog_segments: 100, synced: true })
}

/// Holds up each sync: the first tells when one has begun, the second lets one go on, or fail.
fn held(journal: &Journal) -> (mpsc::Receiver<()>, mpsc::Sender<io::Result<()>>) {
    let (begun, begins) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    journal.before_sync().set(move || {
        begun.send(()).unwrap();
        goes.recv().unwrap()
    });
    (begins, go)
}

#[tokio::test]
async fn all_who_come_during_a_sync_wait_for_the_next_together() {
    let bench = Bench::new().await;
    let journal = synced(&bench, 100);
    let (begins, go) = held(&journal);
    let receipts = append_all(&journal, &samples(6));
    let mut first = pin!(journal.kept(&receipts[0]));
    assert_eq!(poll!(&mut first), Poll::Pending);
    begins.recv().unwrap();
    let mut rest = pin!(join_all(receipts[1..].iter().map(|receipt| journal.kept(receipt))));
    assert!(poll!(&mut rest).is_pending());
    assert_eq!(poll!(&mut first), Poll::Pending, "the sync goes on");
    go.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(()));
    begins.recv().unwrap();
    assert!(poll!(&mut rest).is_pending(), "a sync that had begun before says nothing of them");
    go.send(Ok(())).unwrap();
    assert_eq!(rest.await, [Ok(()); 5]);
    assert_eq!(journal.take_synced(), (2, 6));
    assert_eq!(journal.take_synced(), (0, 0));
}

#[tokio::test]
async fn each_segment_that_somebody_waits_for_is_synced() {
    let bench = Bench::new().await;
    let journal = synced(&bench, 2);
    let (begins, go) = held(&journal);
    let receipts = append_all(&journal, &samples(5));
    let mut first = pin!(journal.kept(&receipts[0]));
    assert_eq!(poll!(&mut first), Poll::Pending);
    begins.recv().unwrap();
    let mut rest = pin!(join_all(receipts[1..].iter().map(|receipt| journal.kept(receipt))));
    assert!(poll!(&mut rest).is_pending());
    (0..4).for_each(|_| go.send(Ok(())).unwrap());
    assert_eq!(first.await, Ok(()));
    assert_eq!(rest.await, [Ok(()); 4]);
    assert_eq!(journal.take_synced(), (4, 5));
}

#[tokio::test]
async fn a_disk_that_fails_to_keep_it_ends_the_journal() {
    let bench = Bench::new().await;
    let journal = synced(&bench, 100);
    let receipt = journal.append(&sample(3)).unwrap();
    assert_eq!(journal.kept(&receipt).await, Ok(()));
    assert!(receipt.complete());
    journal.before_sync().set(|| Err(io::Error::other("the disk is broken")));
    let receipt = journal.append(&sample(6)).unwrap();
    assert_eq!(journal.kept(&receipt).await, Err(JournalFull::Failed));
    drop(receipt);
    // Although the next sync would succeed: nobody knows what has become of the one before.
    journal.before_sync().set(|| Ok(()));
    assert_eq!(journal.append(&sample(2)).unwrap_err(), JournalFull::Failed);
    assert!(journal.has_failed() && journal.is_full());
    journal.prepare().unwrap();
    // What is in memory comes into the ledger; what was not answered is free.
    let folder = bench.folder(&journal);
    assert_eq!(folder.fold_once(TEN).await.unwrap().events, 2);
    folder.drain(TEN).await.unwrap();
    let (summary, _) = bench.export(NOVEMBER).await;
    assert_eq!((summary.total.requests, summary.billable.requests), (2, 1));
    assert_eq!(summary.gaps, []);
}

#[tokio::test]
async fn a_power_cut_leaves_no_gap_and_no_doubt() {
    let bench = Bench::new().await;
    let journal = synced(&bench, 4);
    runs::begin(&bench.db, journal.run(), TEN, true).await.unwrap();
    let receipts = append_all(&journal, &samples(4));
    let left = bench.killed(journal, receipts);
    std::fs::copy(bench.journal_dir().join("epoch"), left.path().join("epoch")).unwrap();
    // One record never reached the disk: nobody has got its answer.
    let file = &segments(left.path())[0];
    let mut bytes = std::fs::read(file).unwrap();
    bytes[2 * 128..3 * 128].fill(0);
    std::fs::write(file, bytes).unwrap();
    let report = runs::recover_in(POWER_CUT, left.path(), NODE, &bench.db, TEN).await.unwrap();
    assert_eq!((report.events, report.missing, report.unreleased), (3, 0, 1));
    let mut tx = bench.db.snapshot().await.unwrap();
    let all = "2026-11".parse().unwrap();
    assert_eq!(runs::incomplete(&mut tx, all, TEN).await.unwrap(), []);
}

#[tokio::test]
async fn a_slow_answer_moves_to_where_the_disk_has_it() {
    let bench = Bench::new().await;
    let journal = synced(&bench, 4);
    let folder = bench.folder(&journal);
    let mut receipts = append_all(&journal, &samples(2));
    let slow = receipts.remove(0);
    assert!(receipts.remove(0).complete());
    folder.fold_once(TEN).await.unwrap();
    let report = folder.fold_once(Micros(TEN.0 + 30 * SECOND)).await.unwrap();
    assert_eq!((report.events, report.carried), (1, 1));
    assert!(slow.complete());
    folder.drain(TEN).await.unwrap();
    let (summary, _) = bench.export(NOVEMBER).await;
    assert_eq!((summary.total.requests, summary.gaps), (2, vec![]));
}
