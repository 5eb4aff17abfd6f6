//! The promises of metering, on a real database and real files.

mod periods;
mod power;
mod runs;
mod slow;

use super::event::{Event, Outcome};
use super::find;
use super::gaps::{Gap, gaps};
use super::journal::{
    Backlog, Boot, Header, Journal, JournalFull, JournalOptions, Keeper, Receipt, next_epoch,
};
use super::ledger::{FoldError, FoldReport, Folder, recover_in};
use super::usage::{Granularity, usage};
use super::walk::{ExportSeq, Placed, Walk};
use super::{seal::Sums, store};
use crate::access::{Environment, Op, op};
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use crate::kernel::id::{AppId, KeyId, NodeId, PartnerId, PlanId};
use crate::storage::testing::{TestDb, database};
use crate::storage::{Db, Log, log};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const NODE: NodeId = NodeId(77);
const APP: AppId = AppId(3);
/// How long a segment waits for answers under way.
const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const NOVEMBER: &str = "2026-11";
/// A boot after the one that the tests write in.
const POWER_CUT: Boot = Boot::other(1);
/// 2026-11-22T10:00:00Z
const TEN: Micros = Micros(1_795_341_600_000_000);

/// Folds what a process has left in the boot of the machine that it ran in.
async fn recover(dir: &Path, db: &Db, now: Micros) -> Result<FoldReport, FoldError> {
    recover_in(Boot::current(), dir, db, now).await
}

/// The `n`th of a series of different events, 7 minutes apart.
pub(crate) fn sample(n: u64) -> Event {
    let (status, outcome) =
        [(200, Outcome::Served), (304, Outcome::NotModified), (404, Outcome::ClientError)]
            [(n % 3) as usize];
    Event {
        started_at: Micros(TEN.0 + n.cast_signed() * 420 * SECOND),
        duration_us: 90,
        partner: PartnerId(2),
        app: APP,
        key: KeyId(4 + n % 2),
        plan: PlanId(5),
        plan_version: 1,
        environment: if n.is_multiple_of(5) { Environment::Test } else { Environment::Live },
        operation: op::GetProduct::OPERATION.code,
        status,
        outcome,
        weight_milli: 1_000,
        records: 1,
        bytes: 900 + n,
    }
}

/// A database and a journal in a directory of their own.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) db: TestDb,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, db: database().await }
    }

    fn journal_dir(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn journal(&self, records_per_segment: u32, max_backlog_segments: usize) -> Arc<Journal> {
        let options = JournalOptions { records_per_segment, max_backlog_segments, synced: false };
        self.open(options)
    }

    fn open(&self, options: JournalOptions) -> Arc<Journal> {
        let epoch = next_epoch(&self.journal_dir(), 0).unwrap();
        Arc::new(Journal::open(&self.journal_dir(), NODE, epoch, options).unwrap())
    }

    fn folder(&self, journal: &Arc<Journal>) -> Folder {
        Folder::new(Db::clone(&self.db), Arc::clone(journal), PATIENCE)
    }

    /// Records completed events in a run of their own and folds them.
    pub(crate) async fn record(&self, events: &[Event]) {
        self.record_as(NODE, 3, events).await;
    }

    /// The same on a node, in segments of so many events.
    pub(crate) async fn record_as(&self, node: NodeId, per_segment: u32, events: &[Event]) {
        let dir = self.dir.path().join(node.to_string());
        let dir = if node == NODE { self.journal_dir() } else { dir };
        let options = JournalOptions {
            records_per_segment: per_segment,
            max_backlog_segments: 1_000,
            synced: false,
        };
        let epoch = next_epoch(&dir, 0).unwrap();
        let journal = Arc::new(Journal::open(&dir, node, epoch, options).unwrap());
        append_all(&journal, events).into_iter().for_each(|receipt| assert!(receipt.complete()));
        self.folder(&journal).drain(TEN).await.unwrap();
    }

    /// What a `kill -9` leaves: the files as they are, in another directory, nobody's.
    fn killed(&self, journal: Arc<Journal>, receipts: Vec<Receipt>) -> tempfile::TempDir {
        receipts.into_iter().for_each(std::mem::forget);
        std::mem::forget(journal);
        let left = tempfile::tempdir().unwrap();
        copy_segments(&self.journal_dir(), left.path());
        left
    }

    /// Everything in the ledger that could differ.
    async fn ledger(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let head = log::head(&self.db, Log::Usage).await.unwrap();
        let (from, to) = (Micros(i64::MIN), Micros(i64::MAX));
        let (mut after, mut segments) = (0, Vec::new());
        let mut tx = self.db.snapshot().await.unwrap();
        while let Some(s) = store::next_segment(&mut tx, (after, head), (from, to)).await.unwrap() {
            after = s.position;
            segments.push((s.position, s.epoch, s.segment, s.hash, s.prev_hash, s.block));
        }
        let hours = usage(&self.db, (PartnerId(2), APP), Micros(0), to, (Granularity::Hour, None))
            .await
            .unwrap();
        (head, segments, hours)
    }

    /// The sums of a period, and its events.
    async fn export(&self, period: &str) -> (Summary, Vec<serde_json::Value>) {
        let through = log::head(&self.db, Log::Usage).await.unwrap();
        let span = Some(period.parse().unwrap());
        let mut walk = Walk { span, after: ExportSeq(0), through };
        let gaps = gaps(&self.db, through).await.unwrap();
        let (mut summary, mut rows) = (Summary { gaps, ..Summary::default() }, Vec::new());
        let mut tx = self.db.snapshot().await.unwrap();
        while let Some(opened) = walk.next(&mut tx).await.unwrap() {
            for placed in opened.events() {
                summary.total.add(placed.event);
                if placed.rule.billable {
                    summary.billable.add(placed.event);
                }
                rows.push(told(&placed));
            }
        }
        (summary, rows)
    }
}

/// Gaps of the node as run, first number and the number behind the last.
fn numbers(gaps: &[Gap]) -> Vec<(i64, u64, u64)> {
    assert!(gaps.iter().all(|gap| gap.node == NODE.to_string()));
    gaps.iter().map(|gap| (gap.epoch, gap.from_seq, gap.before_seq)).collect()
}

/// The sums of a period.
#[derive(Default)]
struct Summary {
    total: Sums,
    billable: Sums,
    gaps: Vec<Gap>,
}

/// What tests look at of an event.
fn told(placed: &Placed<'_>) -> serde_json::Value {
    let event = placed.event;
    serde_json::json!({
        "event_id": placed.id.to_string(), "seq": placed.id.seq, "occurred_at": event.started_at,
        "environment": event.environment.as_str(), "key_id": event.key.to_string(),
        "operation_id": placed.operation_id(),
        "status": event.status, "outcome": event.outcome.as_str(),
        "requests": 1, "records": event.records, "bytes": event.bytes,
        "weight_milli": event.weight_milli,
        "billable": placed.rule.billable, "billability_rule": placed.rule.id,
    })
}

fn append_all(journal: &Journal, events: &[Event]) -> Vec<Receipt> {
    events.iter().map(|event| journal.append(event).unwrap()).collect()
}

fn samples(count: u64) -> Vec<Event> {
    (0..count).map(sample).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "seg")).collect();
    paths.sort();
    paths
}

fn copy_segments(from: &Path, to: &Path) {
    for path in segments(from) {
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[tokio::test]
async fn concurrent_appends_lose_and_double_nothing() {
    let bench = Bench::new().await;
    let journal = bench.journal(100, 1_000);
    let keeper = Keeper::start(Arc::clone(&journal), Duration::from_millis(1)).unwrap();
    let given: Vec<u64> = std::thread::scope(|scope| {
        let append = || {
            let receipts = append_all(&journal, &samples(2_000));
            let seqs: Vec<u64> = receipts.iter().map(|r| r.event_id().seq).collect();
            receipts.into_iter().for_each(|receipt| assert!(receipt.complete()));
            seqs
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(append)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    drop(keeper);
    assert_eq!(given.len(), 12_000);
    assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), (0..12_000).collect());
    assert_eq!(journal.backlog().events, 12_000);
    let report = bench.folder(&journal).drain(TEN).await.unwrap();
    assert_eq!((report.segments, report.events, report.missing), (120, 12_000, 0));
    assert_eq!(segments(&bench.journal_dir()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn numbers_go_on_over_rotations_and_folds() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let folder = bench.folder(&journal);
    for round in 0..3u64 {
        let receipts = append_all(&journal, &samples(6));
        let seqs: Vec<u64> = receipts.iter().map(|r| r.event_id().seq).collect();
        assert_eq!(seqs, (round * 6..round * 6 + 6).collect::<Vec<_>>());
        receipts.into_iter().for_each(|receipt| assert!(receipt.complete()));
        // Four in the segment that was full, then two in the one closed by the next call.
        assert_eq!(folder.fold_once(TEN).await.unwrap().events, 4);
        assert_eq!(folder.fold_once(TEN).await.unwrap().events, 2);
        assert_eq!(folder.fold_once(TEN).await.unwrap(), FoldReport::default());
    }
    assert_eq!(bench.export(NOVEMBER).await.0.gaps, []);
}

#[tokio::test]
async fn a_full_backlog_refuses_and_recovers() {
    let bench = Bench::new().await;
    let journal = bench.journal(2, 1);
    append_all(&journal, &samples(4)).into_iter().for_each(|r| assert!(r.complete()));
    assert_eq!(journal.append(&sample(4)).unwrap_err(), JournalFull::Backlog);
    assert_eq!((journal.backlog().segments, journal.backlog().events), (1, 4));
    let folder = bench.folder(&journal);
    folder.fold_once(TEN).await.unwrap();
    assert!(journal.append(&sample(4)).unwrap().complete());
    assert_eq!(folder.drain(TEN).await.unwrap().events, 3);
    let (summary, rows) = bench.export(NOVEMBER).await;
    assert_eq!((summary.total.requests, rows.len(), summary.gaps), (5, 5, vec![]));
}

#[tokio::test]
async fn a_disk_that_takes_no_file_refuses() {
    let bench = Bench::new().await;
    let journal = bench.journal(1, 10);
    assert!(journal.append(&sample(0)).unwrap().complete());
    let moved = bench.dir.path().join("away");
    std::fs::rename(bench.journal_dir(), &moved).unwrap();
    assert_eq!(journal.append(&sample(1)).unwrap_err(), JournalFull::Disk);
    // What is recorded comes into the ledger all the same, once.
    let folder = bench.folder(&journal);
    assert_eq!(folder.fold_once(TEN).await.unwrap().events, 1);
    assert_eq!(folder.fold_once(TEN).await.unwrap(), FoldReport::default());
    assert_eq!(journal.append(&sample(1)).unwrap_err(), JournalFull::Disk);
    assert_eq!(journal.backlog(), Backlog { segments: 0, events: 0 });
    std::fs::rename(&moved, bench.journal_dir()).unwrap();
    journal.prepare().unwrap();
    assert_eq!(journal.append(&sample(1)).unwrap().event_id().seq, 1);
    assert_eq!(folder.drain(TEN).await.unwrap().events, 1);
}

#[tokio::test]
async fn a_crash_loses_no_event_and_bills_none_unconfirmed() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let mut receipts = append_all(&journal, &samples(10));
    assert!(receipts.remove(9).complete());
    assert!(receipts.remove(8).complete());
    drop(receipts.remove(7));
    let left = bench.killed(journal, receipts);

    let report = recover(left.path(), &bench.db, TEN).await.unwrap();
    assert_eq!((report.segments, report.events), (3, 10));
    assert_eq!((report.unconfirmed, report.missing), (7, 0));
    assert_eq!(segments(left.path()), Vec::<PathBuf>::new());
    let (summary, rows) = bench.export(NOVEMBER).await;
    // Event 9 is served and live; 8 is a 404.
    assert_eq!((summary.total.requests, summary.billable.requests), (10, 1));
    let count = |rule: &str| rows.iter().filter(|row| row["billability_rule"] == rule).count();
    // Events 0 and 5 were made with test keys, which is the first rule that applies.
    assert_eq!((count("v1.crash_unconfirmed"), count("v1.test_key")), (5, 2));
    assert_eq!((count("v1.client_aborted"), count("v1.client_error")), (1, 1));
}

#[tokio::test]
async fn replayed_segments_change_nothing() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let receipts = append_all(&journal, &samples(30));
    let left = bench.killed(journal, receipts);
    let again = tempfile::tempdir().unwrap();
    copy_segments(left.path(), again.path());
    recover(left.path(), &bench.db, TEN).await.unwrap();
    let once = bench.ledger().await;

    let files = segments(again.path());
    for turn in 0..files.len() * 3 {
        // Each alone, in an order that is not theirs.
        let name = files[turn * 5 % files.len()].file_name().unwrap();
        std::fs::copy(again.path().join(name), left.path().join(name)).unwrap();
        let report = recover(left.path(), &bench.db, Micros(TEN.0 + HOUR)).await.unwrap();
        assert_eq!((report.repeated, report.segments), (1, 0));
        assert_eq!(report.set_aside, Vec::<PathBuf>::new());
    }
    assert!(once == bench.ledger().await);
}

#[tokio::test]
async fn the_database_may_be_away() {
    let mut bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    append_all(&journal, &samples(3)).into_iter().for_each(|r| assert!(r.complete()));
    bench.db.close().await;
    let away = bench.folder(&journal);
    for _ in 0..3 {
        assert!(away.fold_once(TEN).await.is_err());
        append_all(&journal, &samples(1)).into_iter().for_each(|r| assert!(r.complete()));
    }
    // The second segment fills up instead of being closed at each try.
    assert_eq!((journal.backlog().segments, journal.backlog().events), (1, 6));
    bench.db.reconnect().await;
    assert_eq!(bench.folder(&journal).drain(TEN).await.unwrap().events, 6);
    assert_eq!(bench.export(NOVEMBER).await.0.gaps, []);
}

#[tokio::test]
async fn a_stop_folds_everything_and_takes_no_more() {
    let bench = Bench::new().await;
    let journal = bench.journal(2, 100);
    let open = append_all(&journal, &samples(5));
    let report = bench.folder(&journal).drain(TEN).await.unwrap();
    assert_eq!((report.events, report.given_up), (5, 5));
    assert_eq!(journal.append(&sample(0)).unwrap_err(), JournalFull::Closed);
    drop((open, journal));
    assert_eq!(segments(&bench.journal_dir()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn torn_records_are_a_gap_and_are_named() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let receipts = append_all(&journal, &samples(8));
    let left = bench.killed(journal, receipts);
    let [first, second] = &segments(left.path())[..] else { panic!("two segments") };
    // Record 1 torn, record 2 never reached the disk; and the whole second file gone.
    let mut bytes = std::fs::read(first).unwrap();
    bytes[2 * 128 + 40] ^= 1;
    bytes[3 * 128..4 * 128].fill(0);
    std::fs::write(first, bytes).unwrap();
    std::fs::rename(second, left.path().join("later")).unwrap();
    let report = recover_in(POWER_CUT, left.path(), &bench.db, TEN).await.unwrap();
    assert_eq!((report.events, report.missing, report.unreleased), (2, 2, 0));
    assert_eq!(numbers(&bench.export(NOVEMBER).await.0.gaps), [(1, 1, 3)]);
    // A file whose header is gone is kept.
    std::fs::write(second, [1; 256]).unwrap();
    let report = recover(left.path(), &bench.db, TEN).await.unwrap();
    assert_eq!(report.set_aside, [second.with_extension("unreadable")]);
    assert!(report.set_aside[0].exists());
}

#[tokio::test]
async fn slots_that_a_killed_thread_had_claimed_are_no_gap() {
    for (boot, torn) in [(None, false), (None, true), (Some(POWER_CUT), false)] {
        let bench = Bench::new().await;
        let journal = bench.journal(8, 100);
        let receipts = append_all(&journal, &samples(7));
        let left = bench.killed(journal, receipts);
        let file = &segments(left.path())[0];
        let mut bytes = std::fs::read(file).unwrap();
        // Slots 2, 3 and 5 were claimed; their threads came no further.
        for slot in [2, 3, 5] {
            bytes[(slot + 1) * 128..(slot + 2) * 128].fill(0);
        }
        bytes[40 + 128] ^= u8::from(torn);
        std::fs::write(file, bytes).unwrap();
        let recovered = recover_in(boot.unwrap_or(Boot::current()), left.path(), &bench.db, TEN);
        let report = recovered.await.unwrap();
        let gaps = bench.export(NOVEMBER).await.0.gaps;
        let spans: Vec<(u64, u64)> =
            gaps.iter().map(|gap| (gap.from_seq, gap.before_seq)).collect();
        let counts = (report.events, report.missing, report.unreleased);
        match (boot, torn) {
            (None, false) => assert_eq!((counts, spans), ((4, 0, 3), vec![])),
            // What was published and is damaged is missing in any case.
            (None, true) => assert_eq!((counts, spans), ((3, 1, 3), vec![(0, 1)])),
            (Some(_), _) => assert_eq!((counts, spans), ((4, 3, 0), vec![(2, 4), (5, 6)])),
        }
    }
}

#[tokio::test]
async fn a_segment_that_names_no_boot_keeps_its_gaps() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let receipts = append_all(&journal, &samples(3));
    let left = bench.killed(journal, receipts);
    let file = &segments(left.path())[0];
    let mut bytes = std::fs::read(file).unwrap();
    let header = Header::decode(&bytes).unwrap();
    assert!(header.boot.is(Boot::current()));
    bytes[..128].copy_from_slice(&Header { boot: Boot::UNKNOWN, ..header }.encode());
    bytes[2 * 128..3 * 128].fill(0);
    std::fs::write(file, bytes).unwrap();
    let report = recover(left.path(), &bench.db, TEN).await.unwrap();
    assert_eq!((report.events, report.missing, report.unreleased), (2, 1, 0));
    assert_eq!(bench.export(NOVEMBER).await.0.gaps.len(), 1);
}

#[tokio::test]
async fn a_clock_stepped_back_makes_nothing_wait_for_the_step() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let late = append_all(&journal, &samples(1));
    let folder = bench.folder(&journal);
    assert_eq!(folder.fold_once(TEN).await.unwrap().segments, 0);
    let back = TEN.0 - HOUR;
    assert_eq!(folder.fold_once(Micros(back)).await.unwrap().segments, 0);
    let report = folder.fold_once(Micros(back + 30 * SECOND)).await.unwrap();
    assert_eq!((report.segments, report.carried), (1, 1));
    drop(late);
}

#[tokio::test]
async fn a_missing_segment_is_a_gap() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    let receipts = append_all(&journal, &samples(12));
    let left = bench.killed(journal, receipts);
    std::fs::remove_file(&segments(left.path())[1]).unwrap();
    assert_eq!(recover(left.path(), &bench.db, TEN).await.unwrap().events, 8);
    let gaps = bench.export(NOVEMBER).await.0.gaps;
    assert_eq!(numbers(&gaps), [(1, 4, 8)]);
}

#[tokio::test]
async fn other_events_under_a_known_name_are_kept_aside() {
    let bench = Bench::new().await;
    bench.record(&samples(2)).await;
    let before = bench.ledger().await;
    std::fs::remove_file(bench.journal_dir().join("epoch")).unwrap();
    let journal = bench.journal(4, 100);
    append_all(&journal, &[sample(9)]).into_iter().for_each(|r| assert!(r.complete()));
    let report = bench.folder(&journal).drain(TEN).await.unwrap();
    assert_eq!((report.segments, report.set_aside.len()), (0, 1));
    assert!(report.set_aside[0].exists());
    assert!(before == bench.ledger().await);
}

#[tokio::test]
async fn running_journals_are_left_alone_and_epochs_never_repeat() {
    let bench = Bench::new().await;
    let journal = bench.journal(4, 100);
    append_all(&journal, &samples(1)).into_iter().for_each(|r| assert!(r.complete()));
    journal.prepare().unwrap();
    let report = recover(&bench.journal_dir(), &bench.db, TEN).await.unwrap();
    assert_eq!((report.busy, report.segments), (2, 0));
    std::fs::remove_file(bench.journal_dir().join("epoch")).unwrap();
    assert_eq!(next_epoch(&bench.journal_dir(), 0).unwrap(), 2);
    drop(journal);
    // The spare is gone with its journal, the used one is taken up.
    assert_eq!(segments(&bench.journal_dir()).len(), 1);
    let report = recover(&bench.journal_dir(), &bench.db, TEN).await.unwrap();
    assert_eq!((report.busy, report.events), (0, 1));
    std::fs::write(bench.journal_dir().join("epoch"), "x").unwrap();
    assert!(next_epoch(&bench.journal_dir(), 0).is_err());
}
