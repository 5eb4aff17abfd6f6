//! What is known of events that nobody has seen.

use super::*;
use crate::metering::journal::last_epoch;
use crate::metering::runs::{self, End, Run, Standing};

const MINUTE: i64 = 60 * SECOND;

fn later(micros: i64) -> Micros {
    Micros(TEN.0 + micros)
}

/// A journal whose run is written down.
async fn begun(bench: &Bench, records_per_segment: u32) -> Arc<Journal> {
    let journal = bench.journal(records_per_segment, 100);
    runs::begin(&bench.db, journal.run(), TEN).await.unwrap();
    journal
}

async fn noted(bench: &Bench) -> Vec<Run> {
    runs::noteworthy(&bench.db, 10).await.unwrap()
}

#[tokio::test]
async fn a_run_tells_how_far_it_is_and_ends_when_it_is_drained() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    append_all(&journal, &samples(3)).into_iter().for_each(|r| assert!(r.complete()));
    let at = later(MINUTE);
    folder.fold_once(at).await.unwrap();
    let [run] = &noted(&bench).await[..] else { panic!("one run") };
    assert_eq!((run.node, run.epoch, run.told_at, run.missing), (NODE, 1, at, 0));
    // A call that was accepted long ago may be answered only now.
    assert_eq!(run.through, later(MINUTE - runs::LONGEST_CALL).max(TEN));
    assert_eq!(folder.folded_through(), Some(at));
    assert!(!run.is_silent(later(2 * MINUTE)) && run.is_silent(later(2 * MINUTE + 1)));
    let silent = runs::standing(&bench.db, later(2 * MINUTE + 1)).await.unwrap();
    assert_eq!(silent, Standing { silent: 1, missing: 0, folded_through: Some(at) });

    folder.drain(later(20 * MINUTE)).await.unwrap();
    assert_eq!(noted(&bench).await, []);
    let standing = runs::standing(&bench.db, later(HOUR)).await.unwrap();
    assert_eq!(standing, Standing::default());
}

#[tokio::test]
async fn an_answer_under_way_holds_back_what_is_told() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    let mut slow = append_all(&journal, &[Event { started_at: later(-HOUR), ..sample(3) }]);
    // It waits for the answer: nothing is told. Then the event moves on, and what is told ends before it.
    folder.fold_once(later(MINUTE)).await.unwrap();
    assert_eq!(folder.folded_through(), None);
    folder.fold_once(later(2 * MINUTE)).await.unwrap();
    folder.fold_once(later(2 * HOUR)).await.unwrap();
    let run = noted(&bench).await.remove(0);
    assert_eq!((run.through, run.told_at), (TEN, later(2 * HOUR)), "the hour before its begin");
    assert!(slow.remove(0).complete());
    folder.fold_once(later(3 * HOUR)).await.unwrap();
    assert_eq!(noted(&bench).await[0].through, later(3 * HOUR - runs::LONGEST_CALL));
}

#[tokio::test]
async fn a_killed_run_is_ended_by_whoever_folds_its_journal() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let receipts = append_all(&journal, &samples(6));
    let left = bench.killed(journal, receipts);
    std::fs::copy(bench.journal_dir().join("epoch"), left.path().join("epoch")).unwrap();
    assert_eq!(noted(&bench).await.len(), 1);
    let at = later(HOUR);
    let report = runs::recover(left.path(), NODE, &bench.db, at).await.unwrap();
    assert_eq!((report.events, report.unconfirmed), (6, 6));
    assert_eq!(noted(&bench).await, [], "nothing is unsure within a boot");

    // A power cut in between, and a file that nobody can read: that one leaves the run open.
    let journal = begun(&bench, 4).await;
    let receipts = append_all(&journal, &samples(2));
    let left = bench.killed(journal, receipts);
    std::fs::copy(bench.journal_dir().join("epoch"), left.path().join("epoch")).unwrap();
    let odd = left.path().join("00000000000000ff-00000000.seg");
    std::fs::write(&odd, [7; 256]).unwrap();
    let report = runs::recover(left.path(), NODE, &bench.db, at).await.unwrap();
    assert_eq!(report.set_aside.len(), 1);
    assert_eq!(noted(&bench).await[0].ended, None);
    runs::recover_in(POWER_CUT, left.path(), NODE, &bench.db, at).await.unwrap();
    assert_eq!(noted(&bench).await[0].ended, Some((at, End::TailUnsure)));
}

#[tokio::test]
async fn numbers_without_an_event_are_counted_until_they_come() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let receipts = append_all(&journal, &samples(12));
    let left = bench.killed(journal, receipts);
    // The second of three segments is on another disk.
    let away = tempfile::tempdir().unwrap();
    let second = segments(left.path()).remove(1);
    std::fs::rename(&second, away.path().join(second.file_name().unwrap())).unwrap();
    recover(left.path(), &bench.db, TEN).await.unwrap();
    assert_eq!(noted(&bench).await[0].missing, 4);
    let gaps = crate::metering::gaps::gaps_of(&bench.db, NODE, 1).await.unwrap();
    let numbers = |gap: &Gap| (gap.from_seq, gap.before_seq);
    assert_eq!(gaps.iter().map(numbers).collect::<Vec<_>>(), [(4, 8)]);
    assert_eq!(runs::standing(&bench.db, TEN).await.unwrap().missing, 4);
    recover(away.path(), &bench.db, TEN).await.unwrap();
    assert_eq!(noted(&bench).await[0].missing, 0);
}

#[tokio::test]
async fn an_old_copy_of_a_data_directory_gets_a_number_of_its_own() {
    let bench = Bench::new().await;
    let first = begun(&bench, 4).await;
    let dir = bench.journal_dir();
    assert_eq!((first.run().1, last_epoch(&dir).unwrap()), (1, 1));
    let _second = begun(&bench, 4).await;
    // The copy was made in the first run, and knows nothing of the second.
    std::fs::write(dir.join("epoch"), "1").unwrap();
    segments(&dir).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    runs::recover(&dir, NODE, &bench.db, TEN).await.unwrap();
    let known = runs::newest(&bench.db, NODE).await.unwrap();
    assert_eq!(next_epoch(&dir, known).unwrap(), 3);
    let open: Vec<u64> = noted(&bench).await.iter().map(|run| run.epoch).collect();
    assert_eq!(open, [2], "what the second run had recorded is not in this directory");
}
