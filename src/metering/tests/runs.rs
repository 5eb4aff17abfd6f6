//! What is known of events that nobody has seen.

use super::*;
use crate::access::error::AccessError;
use crate::access::service::By;
use crate::metering::journal::last_epoch;
use crate::metering::period::Period;
use crate::metering::runs::{self, End, Incomplete, Lack, Loss, Run, Standing};

const MINUTE: i64 = 60 * SECOND;

fn later(micros: i64) -> Micros {
    Micros(TEN.0 + micros)
}

/// A journal whose run is written down.
async fn begun(bench: &Bench, records_per_segment: u32) -> Arc<Journal> {
    let journal = bench.journal(records_per_segment, 100);
    runs::begin(&bench.db, journal.run(), TEN, journal.is_synced()).await.unwrap();
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
    let standing = async |at| runs::standing(&bench.db, at).await.unwrap();
    let complete_through = Some(at);
    let well = Standing { silent: 0, missing: 0, folded_through: Some(at), complete_through };
    assert_eq!(standing(later(2 * MINUTE)).await, well);
    // A silent one has a figure of its own, which hides nothing of the others; what is complete ends where it fell silent.
    let silent = Standing { silent: 1, missing: 0, folded_through: None, complete_through };
    assert_eq!(standing(later(2 * MINUTE + 1)).await, silent);

    folder.drain(later(20 * MINUTE)).await.unwrap();
    assert_eq!(noted(&bench).await, []);
    assert_eq!(standing(later(HOUR)).await, Standing::default());
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
    // Doing it again changes nothing, until somebody has looked at the file.
    for _ in 0..2 {
        let report = runs::recover(left.path(), NODE, &bench.db, at).await.unwrap();
        assert_eq!(report.set_aside, [odd.with_extension("unreadable")]);
        assert_eq!(noted(&bench).await[0].ended, None);
    }
    std::fs::remove_file(odd.with_extension("unreadable")).unwrap();
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
    assert_eq!(numbers(&gaps), [(1, 4, 8)]);
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
    let open = async || -> Vec<u64> { noted(&bench).await.iter().map(|run| run.epoch).collect() };
    assert_eq!(open().await, [2], "what the second run had recorded is not in this directory");
    // Nor is it at the next start, when the directory has counted beyond it; it is where it was.
    runs::recover(&dir, NODE, &bench.db, TEN).await.unwrap();
    assert_eq!(open().await, [2]);
    let away = tempfile::tempdir().unwrap();
    std::fs::write(away.path().join("epoch"), "2").unwrap();
    runs::recover(away.path(), NODE, &bench.db, TEN).await.unwrap();
    assert_eq!(open().await, [] as [u64; 0]);
}

#[tokio::test]
async fn an_answer_that_has_ended_is_told_of_when_it_is_folded() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    let mut slow = append_all(&journal, &[Event { started_at: later(HOUR), ..sample(3) }]);
    folder.fold_once(later(2 * HOUR)).await.unwrap();
    // It has moved into the current segment, and ends while the round looks at the database.
    folder.fold_once(later(3 * HOUR)).await.unwrap();
    let begin = later(HOUR);
    assert_eq!(journal.oldest_moved(), Some(begin));
    assert!(slow.remove(0).complete());
    assert_eq!(journal.oldest_moved(), Some(begin), "it is in no closed segment");
    folder.fold_once(later(4 * HOUR)).await.unwrap();
    assert_eq!(journal.oldest_moved(), None);
    assert_eq!(noted(&bench).await[0].through, later(4 * HOUR - runs::LONGEST_CALL));
}

#[tokio::test]
async fn a_directory_whose_process_may_still_run_is_known() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let copy = bench.killed(journal, vec![]);
    std::fs::copy(bench.journal_dir().join("epoch"), copy.path().join("epoch")).unwrap();
    let speaking = async |at| {
        let found = runs::speaking(copy.path(), NODE, &bench.db, at).await.unwrap();
        found.iter().map(|run| run.epoch).collect::<Vec<_>>()
    };
    assert_eq!(speaking(later(MINUTE)).await, [1]);
    assert_eq!(speaking(later(MINUTE + 1)).await, [] as [u64; 0]);
    // A later run is not of this copy.
    begun(&bench, 4).await;
    assert_eq!(speaking(later(MINUTE + 1)).await, [] as [u64; 0]);
}

#[tokio::test]
async fn a_run_of_which_a_segment_was_set_aside_says_nothing_more_and_does_not_end() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    // A copy of the directory was recovered, and has other events under the name of the first segment.
    let copy = tempfile::tempdir().unwrap();
    let twin = Journal::open(copy.path(), NODE, 1, JournalOptions::default()).unwrap();
    append_all(&twin, &samples(2)).into_iter().for_each(|r| assert!(r.complete()));
    bench.folder(&Arc::new(twin)).fold_once(TEN).await.unwrap();
    append_all(&journal, &[sample(9)]).into_iter().for_each(|r| assert!(r.complete()));
    assert_eq!(folder.fold_once(later(MINUTE)).await.unwrap().set_aside.len(), 1);
    assert_eq!(folder.folded_through(), None);
    // What follows is folded all the same.
    append_all(&journal, &[sample(8)]).into_iter().for_each(|r| assert!(r.complete()));
    assert_eq!(folder.fold_once(later(HOUR)).await.unwrap().segments, 1);
    folder.drain(later(HOUR)).await.unwrap();
    let run = noted(&bench).await.remove(0);
    assert_eq!((run.ended, run.told_at), (None, TEN));
}

fn loss(gone_at: Option<Micros>) -> Loss {
    Loss { reason: "The machine was taken away".parse().unwrap(), gone_at }
}

#[tokio::test]
async fn a_silent_run_is_given_up_and_goes_on_where_it_speaks_again() {
    // By the clock of the database, which on a server is not ours.
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    let now = later(HOUR);
    let lose = async |epoch, gone_at| {
        runs::lose(&bench.db, &By::new("tests", now), (NODE, epoch), loss(gone_at)).await
    };
    assert!(matches!(lose(2, None).await, Err(AccessError::NotFound { .. })));
    for wrong in [later(-1), Micros(i64::MAX)] {
        let refused = lose(1, Some(wrong)).await;
        assert!(matches!(refused, Err(AccessError::Field { field: "gone_at", .. })));
    }
    let lost = lose(1, Some(later(MINUTE))).await.unwrap();
    assert_eq!(lost.ended, Some((later(MINUTE), End::Lost)));
    assert_eq!((lost.through, lost.told_at, lost.next_seq), (TEN, TEN, 0));
    assert!(matches!(lose(1, None).await, Err(AccessError::Conflict(_))), "once");
    assert_eq!(noted(&bench).await, [lost]);

    // It was only cut off from its database.
    append_all(&journal, &samples(3)).into_iter().for_each(|r| assert!(r.complete()));
    folder.fold_once(later(HOUR)).await.unwrap();
    let run = noted(&bench).await.remove(0);
    assert_eq!((run.ended, run.told_at, run.next_seq), (None, later(HOUR), 3));
    folder.drain(later(HOUR)).await.unwrap();
    assert_eq!(noted(&bench).await, []);
}

#[tokio::test]
async fn who_ended_a_living_run_is_corrected_by_it() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(bench.journal_dir().join("epoch"), copy.path().join("epoch")).unwrap();
    runs::recover(copy.path(), NODE, &bench.db, later(2 * HOUR)).await.unwrap();
    assert_eq!(noted(&bench).await, []);
    folder.fold_once(later(HOUR)).await.unwrap();
    let run = noted(&bench).await.remove(0);
    assert_eq!((run.ended, run.through), (None, later(HOUR - runs::LONGEST_CALL)));
}

/// What may be missing from a part of the day, asked three hours after ten.
async fn lacking(bench: &Bench, from: i64, to: i64) -> Vec<Incomplete> {
    let span = Period { from: later(from), to: later(to) };
    let mut tx = bench.db.snapshot().await.unwrap();
    runs::incomplete(&mut tx, span, later(3 * HOUR)).await.unwrap()
}

fn lacks(found: &[Incomplete]) -> Vec<(Lack, u64, Option<u64>)> {
    found.iter().map(|it| (it.lack, it.from_seq, it.before_seq)).collect()
}

#[tokio::test]
async fn a_span_is_complete_when_every_run_has_said_so() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let folder = bench.folder(&journal);
    append_all(&journal, &samples(3)).into_iter().for_each(|r| assert!(r.complete()));
    assert_eq!(lacking(&bench, -HOUR, 0).await, [], "it began later");
    let silent = [(Lack::Silent, 0, None)];
    assert_eq!(lacks(&lacking(&bench, -HOUR, 1).await), silent);
    assert_eq!(lacks(&lacking(&bench, 100 * HOUR, 101 * HOUR).await), silent, "nobody knows");
    folder.fold_once(later(3 * HOUR)).await.unwrap();
    let complete = 3 * HOUR - runs::LONGEST_CALL;
    assert_eq!(lacking(&bench, 0, complete).await, []);
    let found = lacking(&bench, 0, complete + 1).await;
    assert_eq!(lacks(&found), [(Lack::Running, 3, None)]);
    assert_eq!((found[0].node, found[0].epoch, found[0].from_at), (NODE, 1, later(complete)));
    assert_eq!((found[0].to_at, found[0].told_at), (None, Some(later(3 * HOUR))));
    folder.drain(later(3 * HOUR)).await.unwrap();
    assert_eq!(lacking(&bench, 0, 100 * HOUR).await, []);
}

#[tokio::test]
async fn a_lost_run_lacks_what_it_may_have_recorded_until_it_was_gone() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    bench.folder(&journal).fold_once(later(HOUR)).await.unwrap();
    let by = By::new("tests", later(3 * HOUR));
    runs::lose(&bench.db, &by, (NODE, 1), loss(Some(later(2 * HOUR)))).await.unwrap();
    let through = HOUR - runs::LONGEST_CALL;
    assert_eq!(lacking(&bench, 0, through).await, []);
    let found = lacking(&bench, 0, through + 1).await;
    assert_eq!(lacks(&found), [(Lack::Lost, 0, None)]);
    assert_eq!((found[0].from_at, found[0].to_at), (later(through), Some(later(2 * HOUR))));
    assert!(found[0].hinders());
    assert_eq!(lacks(&lacking(&bench, 2 * HOUR, 3 * HOUR).await).len(), 1);
    assert_eq!(lacking(&bench, 2 * HOUR + 1, 3 * HOUR).await, []);
}

#[tokio::test]
async fn a_gap_lies_between_its_neighbours() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    let receipts = append_all(&journal, &samples(12));
    let left = bench.killed(journal, receipts);
    std::fs::copy(bench.journal_dir().join("epoch"), left.path().join("epoch")).unwrap();
    std::fs::remove_file(&segments(left.path())[1]).unwrap();
    runs::recover(left.path(), NODE, &bench.db, later(2 * HOUR)).await.unwrap();
    let from = sample(3).started_at.0 - TEN.0 - runs::LONGEST_CALL;
    assert_eq!(lacking(&bench, -HOUR, from).await, []);
    assert_eq!(lacking(&bench, 2 * HOUR + 1, 3 * HOUR).await, []);
    for (from, to) in [(-HOUR, from + 1), (2 * HOUR, 3 * HOUR), (HOUR, HOUR + 1)] {
        let found = lacking(&bench, from, to).await;
        assert_eq!(lacks(&found), [(Lack::Gap, 4, Some(8))]);
        assert_eq!((found[0].node, found[0].epoch, found[0].told_at), (NODE, 1, None));
    }
}

#[tokio::test]
async fn what_the_power_may_have_taken_is_told_and_hinders_nothing() {
    let bench = Bench::new().await;
    let journal = begun(&bench, 4).await;
    bench.folder(&journal).fold_once(later(HOUR)).await.unwrap();
    let left = bench.killed(journal, vec![]);
    std::fs::copy(bench.journal_dir().join("epoch"), left.path().join("epoch")).unwrap();
    runs::recover_in(POWER_CUT, left.path(), NODE, &bench.db, later(2 * HOUR)).await.unwrap();
    let begin = HOUR - runs::LONGEST_CALL;
    assert_eq!(lacking(&bench, 0, begin).await, []);
    let found = lacking(&bench, 0, begin + 1).await;
    assert_eq!(lacks(&found), [(Lack::TailUnsure, 0, None)]);
    assert!(!found[0].hinders());
    assert_eq!(lacking(&bench, 2 * HOUR + 1, 3 * HOUR).await, []);
}
