//! Answers that are read for longer than a segment lasts.

use super::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

/// A journal with an answer under way, and with one that has ended behind it.
fn one_slow(bench: &Bench, records_per_segment: u32) -> (Arc<Journal>, Receipt) {
    let journal = bench.journal(records_per_segment, 100);
    let mut receipts = append_all(&journal, &[sample(3), sample(6)]);
    assert!(receipts.remove(1).complete());
    (journal, receipts.remove(0))
}

fn seconds(n: i64) -> Micros {
    Micros(TEN.0 + n * SECOND)
}

/// What the export says of an event: its outcome and whether it is billed.
fn told(rows: &[serde_json::Value], id: &str) -> Vec<(String, bool)> {
    let of_it = rows.iter().filter(|row| row["event_id"] == id);
    of_it
        .map(|row| (row["outcome"].as_str().unwrap().to_owned(), row["billable"] == true))
        .collect()
}

#[tokio::test]
async fn it_holds_nothing_up_keeps_its_id_and_is_billed_when_it_ends() {
    let bench = Bench::new().await;
    let (journal, slow) = one_slow(&bench, 4);
    let (folder, id) = (bench.folder(&journal), slow.event_id().to_string());
    assert_eq!(folder.fold_once(TEN).await.unwrap().segments, 0);
    assert_eq!(folder.fold_once(seconds(29)).await.unwrap().segments, 0);
    let report = folder.fold_once(seconds(30)).await.unwrap();
    assert_eq!((report.segments, report.events, report.carried, report.given_up), (1, 1, 1, 0));
    assert_eq!(slow.segment(), 1);
    // Alone it makes no segment, and behind it nobody waits again.
    assert_eq!(folder.fold_once(seconds(31)).await.unwrap(), FoldReport::default());
    for n in 32..36 {
        assert!(journal.append(&sample(9)).unwrap().complete());
        let report = folder.fold_once(seconds(n)).await.unwrap();
        assert_eq!((report.events, report.carried), (1, 1));
    }
    let (summary, rows) = bench.export(NOVEMBER).await;
    assert_eq!((told(&rows, &id), summary.gaps), (vec![], vec![]));

    assert_eq!((slow.event_id().to_string(), slow.segment()), (id.clone(), 5));
    assert!(slow.complete());
    let report = folder.fold_once(seconds(36)).await.unwrap();
    assert_eq!((report.events, report.carried, report.missing), (1, 0, 0));
    let (summary, rows) = bench.export(NOVEMBER).await;
    assert_eq!(told(&rows, &id), [("served".to_owned(), true)]);
    // Its id leads to it, in the segment that it has moved to.
    let mut tx = bench.db.snapshot().await.unwrap();
    let found = find::one(&mut tx, id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((found.event.outcome, found.export_seq.position()), (Outcome::Served, 6));
    assert_eq!((summary.total.requests, summary.billable.requests), (6, 6));
    assert_eq!(summary.gaps, []);
    assert_eq!(journal.backlog(), Backlog::default());
}

#[tokio::test]
async fn broken_off_it_is_aborted_wherever_it_stands() {
    let bench = Bench::new().await;
    let (journal, slow) = one_slow(&bench, 4);
    let (folder, id) = (bench.folder(&journal), slow.event_id().to_string());
    folder.fold_once(TEN).await.unwrap();
    assert_eq!(folder.fold_once(seconds(30)).await.unwrap().carried, 1);
    drop(slow);
    assert_eq!(folder.drain(seconds(31)).await.unwrap().events, 1);
    let (summary, rows) = bench.export(NOVEMBER).await;
    assert_eq!(told(&rows, &id), [("client_aborted".to_owned(), false)]);
    assert_eq!(summary.gaps, []);
}

#[tokio::test]
async fn at_a_stop_it_is_aborted_and_not_completed_later() {
    let bench = Bench::new().await;
    let (journal, slow) = one_slow(&bench, 4);
    let folder = bench.folder(&journal);
    folder.fold_once(TEN).await.unwrap();
    assert_eq!(folder.fold_once(seconds(30)).await.unwrap().carried, 1);
    assert_eq!(folder.drain(seconds(31)).await.unwrap().given_up, 1);
    assert!(!slow.complete());
    assert_eq!(bench.export(NOVEMBER).await.0.billable.requests, 1);
}

#[tokio::test]
async fn where_there_is_no_room_it_is_aborted_and_the_rest_goes_on() {
    let bench = Bench::new().await;
    let journal = bench.journal(2, 1);
    let mut slow = append_all(&journal, &samples(4));
    assert_eq!(journal.append(&sample(4)).unwrap_err(), JournalFull::Backlog);
    let folder = bench.folder(&journal);
    assert_eq!(folder.fold_once(TEN).await.unwrap(), FoldReport::default());
    let report = folder.fold_once(seconds(30)).await.unwrap();
    assert_eq!((report.segments, report.events, report.given_up), (1, 2, 2));
    assert!(!slow.remove(0).complete());
    assert!(journal.append(&sample(4)).unwrap().complete());
}

#[tokio::test]
async fn killed_while_it_is_read_it_stands_there_once_and_is_not_billed() {
    let bench = Bench::new().await;
    let (journal, slow) = one_slow(&bench, 4);
    let (folder, id) = (bench.folder(&journal), slow.event_id().to_string());
    folder.fold_once(TEN).await.unwrap();
    folder.fold_once(seconds(30)).await.unwrap();
    assert!(journal.append(&sample(9)).unwrap().complete());
    let left = bench.killed(journal, vec![slow]);
    let report = recover(left.path(), &bench.db, seconds(31)).await.unwrap();
    assert_eq!((report.events, report.unconfirmed, report.missing), (2, 1, 0));
    let (summary, rows) = bench.export(NOVEMBER).await;
    assert_eq!(told(&rows, &id), [("crash_unconfirmed".to_owned(), false)]);
    assert_eq!((summary.total.requests, summary.billable.requests), (3, 2));
    assert_eq!(summary.gaps, []);
}

#[tokio::test]
async fn killed_between_its_two_records_it_stands_there_once() {
    // The record that was to be left behind is open still, or its answer has just ended.
    for (state, outcome) in [(1, "crash_unconfirmed"), (2, "served"), (3, "client_aborted")] {
        let bench = Bench::new().await;
        let (journal, slow) = one_slow(&bench, 2);
        let id = slow.event_id().to_string();
        // The first segment is full, so this one is in the second, and what moves comes behind it.
        assert!(journal.append(&sample(9)).unwrap().complete());
        let closed = journal.closed().remove(0);
        assert_eq!(journal.carry(&closed), Ok(1));
        let left = bench.killed(journal, vec![slow]);
        let first = &segments(left.path())[0];
        let mut bytes = std::fs::read(first).unwrap();
        assert_eq!(bytes[128], 5);
        bytes[128] = state;
        std::fs::write(first, bytes).unwrap();
        let report = recover(left.path(), &bench.db, TEN).await.unwrap();
        assert_eq!((report.events, report.missing), (3, 0));
        let (summary, rows) = bench.export(NOVEMBER).await;
        assert_eq!(told(&rows, &id), [(outcome.to_owned(), state == 2)]);
        assert_eq!(summary.gaps, []);
    }
}

#[tokio::test]
async fn many_that_end_while_they_move_are_billed_once_each() {
    let bench = Bench::new().await;
    let journal = bench.journal(500, 100);
    let folder = Folder::new(Db::clone(&bench.db), Arc::clone(&journal), Duration::ZERO);
    let enough = Arc::new(AtomicBool::new(false));
    let (appended_to, stop) = (Arc::clone(&journal), Arc::clone(&enough));
    let caller = std::thread::spawn(move || {
        let (mut open, mut count) = (VecDeque::new(), 0);
        while !stop.load(Ordering::Relaxed) {
            if appended_to.backlog().segments > 2 {
                std::thread::yield_now();
                continue;
            }
            open.push_back(appended_to.append(&sample(3)).unwrap());
            count += 1;
            // More than the segments that may wait hold, so that some of each are open when it is folded.
            if open.len() > 1_200 {
                assert!(open.pop_front().unwrap().complete());
            }
        }
        open.into_iter().for_each(|receipt| assert!(receipt.complete()));
        count
    });
    let mut carried = 0;
    while carried < 1_000 && !caller.is_finished() {
        carried += folder.fold_once(TEN).await.unwrap().carried;
    }
    enough.store(true, Ordering::Relaxed);
    let count = caller.join().unwrap();
    folder.drain(TEN).await.unwrap();
    let (summary, rows) = bench.export(NOVEMBER).await;
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["event_id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), rows.len()), (count, count));
    let free: Vec<_> = rows.iter().filter(|row| row["billable"] != true).collect();
    assert!(free.is_empty(), "{free:?}");
    assert_eq!((summary.billable.requests, summary.gaps), (count as i64, vec![]));
}
