//! What a counter counts, once, whatever order it hears in.

use super::counter::{Billed, Counter};
use super::policy::{Operations, Quota};
use super::tally::HEARD_FOR;
use super::terms::Placed;
use super::{Cycle, Period, Verdict};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;

const START: Micros = Micros(1_795_341_600_000_000);

fn counter() -> Counter {
    let cycle = Cycle { period: Period::Day, ..Cycle::default() };
    let quota = Quota { quota: 10, cycle };
    let name = "day".parse().unwrap();
    let mut counter =
        Counter::new(&Placed { place: 0, name, operations: Operations::ALL, grant: quota }, START);
    let bounds = counter.wants(START).unwrap();
    counter.seed(bounds, &[(1, 2_000)]);
    counter
}

fn left(counter: &Counter, now: Micros) -> u32 {
    counter.standing(10, now).remaining
}

fn billed(at: Micros, milli: u32) -> Billed {
    Billed { at, operation: 1, milli }
}

#[test]
fn a_call_is_taken_settled_and_followed_and_counted_once() {
    let mut counter = counter();
    assert_eq!((counter.refuses(10, START, 1_000), left(&counter, START)), (None, 8));
    counter.take(START, 1_000);
    assert_eq!(left(&counter, START), 7);
    counter.settle(START, Some(4), 3_000);
    counter.give_back(START, 1_000);
    assert_eq!(left(&counter, START), 5);
    counter.follow(&[billed(START, 500)], Some(3), START);
    assert_eq!(left(&counter, START), 4);
    counter.follow(&[billed(START, 3_000)], Some(4), START);
    assert_eq!((left(&counter, START), counter.idle()), (4, true));
    // What comes too late for its segment is taken back.
    counter.settle(START, Some(4), 1_000);
    counter.unsettle(START, 4, 1_000);
    assert_eq!(left(&counter, START), 4);
    assert_eq!(counter.refuses(10, START, 11_000), Some(Verdict::Never));
    assert!(matches!(counter.refuses(10, START, 5_000), Some(Verdict::Wait { .. })));
    assert_eq!(counter.refuses(10, START, 0), None);
}

#[test]
fn what_the_shared_counter_told_counts_where_it_is_more_and_falls_by_newer_answers_alone() {
    let mut counter = counter();
    let (day, at) = (counter.used(START).1.start, START);
    let known = |counter: &Counter| counter.known(at) / 1_000;
    let told = |micros: i64| Micros(at.0 + micros);
    // Two questions at once, whose answers come in the wrong order: both calls are counted, once.
    for answer in [(7_000, told(2)), (6_000, told(1))] {
        counter.hear(day, answer, at);
        counter.take_told(at, 1_000);
    }
    assert_eq!((known(&counter), left(&counter, at)), (7, 6));
    // One costs nothing, the other two units more than it took.
    counter.give_back(at, 1_000);
    counter.settle(at, Some(4), 3_000);
    counter.give_back(at, 1_000);
    assert_eq!(known(&counter), 8);
    // What other nodes give back is in answers that are newer than the last, however many questions are under way.
    counter.hear(day, (3_000, told(1)), at);
    assert_eq!(known(&counter), 8);
    counter.hear(day, (6_000, told(3)), at);
    assert_eq!(known(&counter), 6);
    // Redis's clock was put back: by less than an answer may take, it may be an older answer, of which more counts.
    counter.hear(day, (5_000, told(-1_000_000)), at);
    assert_eq!(known(&counter), 6);
    counter.hear(day, (5_000, told(-70_000_000)), at);
    assert_eq!(known(&counter), 5);
    counter.hear(day, (6_000, told(-69_999_999)), at);
    // What is granted without Redis comes on top, and the ledger where it is ahead.
    counter.take(at, 2_000);
    assert_eq!(known(&counter), 8);
    assert_eq!(counter.is_over(10, at, 3_000), None);
    assert!(matches!(counter.is_known_over(10, at, 3_000), Some(Verdict::Wait { .. })));
    counter.follow(&[billed(at, 4_000)], Some(3), at);
    assert_eq!(known(&counter), 11);
}

#[test]
fn what_was_told_is_of_its_period_and_is_forgotten_once_the_ledger_has_it() {
    let mut counter = counter();
    let (today, tomorrow) = (counter.used(START).1.start, Micros(START.0 + DAY));
    counter.hear(today, (9_000, START), START);
    counter.unseed();
    let bounds = counter.wants(START).unwrap();
    counter.seed(bounds, &[(1, 3_000)]);
    assert_eq!(counter.known(START), 9_000);
    counter.roll(tomorrow);
    assert_eq!((counter.known(tomorrow), counter.known(START)), (0, 9_000));
    // An answer that comes late belongs to the day that was asked about.
    counter.hear(today, (9_500, tomorrow), tomorrow);
    assert_eq!((counter.known(tomorrow), counter.known(START)), (0, 9_500));
    counter.follow(&[], None, Micros(tomorrow.0 + HEARD_FOR - 1));
    assert_eq!(counter.known(START), 9_500);
    counter.follow(&[], None, Micros(tomorrow.0 + HEARD_FOR));
    assert_eq!(counter.known(START), 3_000);
}

#[test]
fn a_new_period_begins_whole_and_a_clock_stepped_back_finds_the_old_one() {
    let mut counter = counter();
    let tomorrow = Micros(START.0 + DAY);
    // Another node's clock is ahead: counted when the period begins here.
    counter.follow(&[billed(tomorrow, 1_000)], None, START);
    assert_eq!(left(&counter, START), 8);
    counter.roll(tomorrow);
    assert_eq!((left(&counter, tomorrow), left(&counter, START)), (9, 8));
    counter.roll(START);
    counter.take(START, 1_000);
    assert_eq!((left(&counter, tomorrow), left(&counter, START)), (9, 7));
    // It may not be all that is ahead, so the ledger is asked.
    let bounds = counter.wants(tomorrow).unwrap();
    counter.seed(bounds, &[(1, 1_000)]);
    assert_eq!((left(&counter, tomorrow), counter.wants(tomorrow)), (9, None));
    // Far back nothing is given back, and the ledger is asked.
    let past = Micros(START.0 - 30 * DAY);
    counter.roll(past);
    assert_eq!(left(&counter, past), 9);
    let bounds = counter.wants(past).unwrap();
    counter.seed(bounds, &[(1, 4_000)]);
    assert_eq!(left(&counter, past), 6);
    // When the clock is right again, the day is as it was; of the next the ledger is asked again.
    counter.roll(tomorrow);
    assert_eq!(left(&counter, tomorrow), 9);
    assert!(counter.wants(Micros(tomorrow.0 + DAY)).is_some());
}

#[test]
fn what_is_in_the_ledger_is_told_of_both_periods_and_only_as_far_as_it_was_asked() {
    let mut counter = counter();
    let (today, tomorrow) = (counter.used(START).1, Micros(START.0 + DAY));
    counter.take(START, 1_000);
    counter.settle(START, Some(4), 3_000);
    assert_eq!(counter.in_ledger(), [None, Some((today, 2_000))]);
    counter.roll(tomorrow);
    let next = counter.used(tomorrow).1;
    // What comes late counts where it belongs.
    counter.follow(&[billed(START, 3_000), billed(tomorrow, 500)], Some(4), tomorrow);
    assert_eq!(counter.in_ledger(), [Some((today, 5_000)), Some((next, 500))]);
    counter.unseed();
    assert_eq!(counter.in_ledger(), [None, None]);
    counter.seed(next, &[(1, 700)]);
    assert_eq!(counter.in_ledger(), [None, Some((next, 700))]);
}

#[test]
fn a_new_counter_asks_for_the_period_before_for_a_while() {
    let mut counter = counter();
    let today = counter.used(START).1;
    let yesterday = counter.wants_ended(START).unwrap();
    assert_eq!((yesterday.end, yesterday.seconds()), (today.start, 86_400));
    counter.seed(yesterday, &[(1, 9_000)]);
    assert_eq!(counter.in_ledger(), [Some((yesterday, 9_000)), Some((today, 2_000))]);
    assert_eq!(counter.wants_ended(START), None);
    counter.follow(&[billed(Micros(today.start.0 - 1), 500)], None, START);
    assert_eq!(counter.in_ledger()[0], Some((yesterday, 9_500)));
}

#[test]
fn the_reset_is_the_end_of_the_period() {
    let counter = counter();
    // 10:00 of a day in UTC.
    assert_eq!(counter.standing(10, START).reset_s, 14 * 3_600);
    assert_eq!(counter.standing(10, Micros(START.0 + 1)).reset_s, 14 * 3_600);
    assert_eq!(counter.standing(10, START).period_s, 86_400);
}

#[test]
fn an_edit_of_what_a_quota_counts_keeps_what_its_shared_counter_told() {
    let mut old = counter();
    let today = old.used(START).1.start;
    old.hear(today, (9_000, START), START);
    let edited = |period| {
        let quota = Quota { quota: 10, cycle: Cycle { period, ..Cycle::default() } };
        let operations = Operations::only([1]);
        let placed = Placed { place: 0, name: old.name(), operations, grant: quota };
        let mut counter = Counter::new(&placed, START);
        counter.go_on_from(&old);
        let bounds = counter.wants(START).unwrap();
        counter.seed(bounds, &[(1, 2_000)]);
        counter
    };
    let mut counter = edited(Period::Day);
    assert_eq!((counter.known(START), left(&counter, START)), (9_000, 8));
    // The next day, and a period that begins otherwise, have another one.
    let tomorrow = Micros(START.0 + DAY);
    counter.roll(tomorrow);
    assert_eq!(counter.known(tomorrow), 0);
    assert_eq!(edited(Period::Month).known(START), 2_000);
    // Where the edit is taken back, what was heard meanwhile counts.
    let mut counter = edited(Period::Day);
    counter.hear(today, (5_000, Micros(START.0 + 1)), Micros(START.0 + 1));
    old.go_on_from(&counter);
    assert_eq!(old.known(START), 5_000);
}
