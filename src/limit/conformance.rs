//! One scripted timeline that every limiter must follow to the unit, and what is special to each.

use super::decision::LeftText;
use super::{
    Admission, Ask, Concurrency, Cycle, Decision, Kind, Limit, Limiter, Limits, LocalLimiter,
    Operations, Per, Period, Quota, SubjectId, Terms, Verdict,
};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use proptest::prelude::*;
use std::sync::Arc;

/// 2026-11-22T10:00:00Z.
pub(super) const START: i64 = 1_795_341_600_000_000;
pub(super) const SUBJECT: SubjectId = SubjectId {
    partner: PartnerId(3),
    app: AppId(7),
    key: KeyId(11),
    live: true,
    partner_since: Micros(START),
    app_since: Micros(START),
};

pub(super) fn limits(rates: &[(&str, u32, u32)]) -> Arc<Terms> {
    let rate = |&(name, quota, window_s): &(&str, u32, u32)| {
        Limit::rate(name.parse().unwrap(), quota, window_s)
    };
    Arc::new(Terms::from(Limits::new(rates.iter().map(rate).collect()).unwrap()))
}

fn ask(now: Micros, weight_milli: u32) -> Ask {
    Ask { operation: 1, weight_milli, free: false, now }
}

fn header(decision: &Decision, terms: &Terms) -> String {
    let mut out = LeftText::new();
    decision.write_header(&terms.limits, &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

/// Runs the timeline. `take(terms, ask)` asks one limiter about one subject.
pub(super) fn run(mut take: impl FnMut(&Arc<Terms>, &Ask) -> Decision) {
    let plan = limits(&[("burst", 3, 1), ("day", 10, 86_400)]);
    let mut at = |ms: i64, plan: &Arc<Terms>, weight: u32, expected: &str| {
        let decision = take(plan, &ask(Micros(START + ms * 1_000), weight));
        assert_eq!(said(&decision, plan), expected, "at {ms} ms");
        decision
    };

    // Three at once, the fourth refused, and the refusal takes nothing from either policy.
    at(0, &plan, 1_000, r#"yes [] "burst";r=2;t=1, "day";r=9;t=8640"#);
    at(0, &plan, 2_000, r#"yes [] "burst";r=0;t=1, "day";r=7;t=25920"#);
    let refused = at(0, &plan, 1_000, r#"wait 333334 [burst] "burst";r=0;t=1, "day";r=7;t=25920"#);
    assert_eq!(refused.retry_after_s(), Some(1));
    at(0, &plan, 1_000, r#"wait 333334 [burst] "burst";r=0;t=1, "day";r=7;t=25920"#);
    // Refilled evenly; half units count.
    at(334, &plan, 500, r#"yes [] "burst";r=0;t=1, "day";r=6;t=30240"#);
    at(334, &plan, 500, r#"yes [] "burst";r=0;t=1, "day";r=6;t=34560"#);
    // Heavier than a whole quota: no wait helps, and it says which policy.
    let never = at(2_000, &plan, 4_000, r#"never [burst] "burst";r=3;t=0, "day";r=6;t=34558"#);
    assert_eq!((never.allowed(), never.retry_after_s()), (false, None));
    // Nothing of the refused calls was taken: six whole units are left of the day.
    at(2_000, &plan, 3_000, r#"yes [] "burst";r=0;t=1, "day";r=3;t=60478"#);
    at(3_000, &plan, 3_000, r#"yes [] "burst";r=0;t=1, "day";r=0;t=86397"#);
    at(3_000, &plan, 1_000, r#"wait 8637000000 [burst day] "burst";r=0;t=1, "day";r=0;t=8637"#);

    // A bigger day keeps the ten that were taken; a smaller one leaves nothing, and no debt above it.
    let bigger = limits(&[("day", 20, 86_400), ("burst", 3, 1)]);
    at(4_000, &bigger, 1_000, r#"yes [] "day";r=9;t=47518, "burst";r=2;t=1"#);
    let smaller = limits(&[("day", 5, 86_400), ("burst", 3, 1)]);
    at(5_000, &smaller, 1_000, r#"wait 17280000000 [day] "day";r=0;t=17280, "burst";r=3;t=0"#);
    at(5_000, &plan, 1_000, r#"yes [] "burst";r=2;t=1, "day";r=4;t=51840"#);

    // The clock goes back ten minutes: nothing is given back, and one window later all is.
    at(5_000, &plan, 2_000, r#"yes [] "burst";r=0;t=1, "day";r=2;t=69120"#);
    at(-595_000, &plan, 1_000, r#"wait 333334 [burst] "burst";r=0;t=1, "day";r=2;t=69120"#);
    at(-594_000, &plan, 1_000, r#"yes [] "burst";r=2;t=1, "day";r=1;t=77759"#);
}

/// What an answer says, in one line.
fn said(decision: &Decision, plan: &Terms) -> String {
    let verdict = match decision.verdict() {
        Verdict::Admitted => "yes".to_owned(),
        Verdict::Wait { micros } => format!("wait {micros}"),
        Verdict::Busy => "busy".to_owned(),
        Verdict::Never => "never".to_owned(),
    };
    let violated: Vec<&str> = decision.violated(&plan.limits).collect();
    format!("{verdict} [{}] {}", violated.join(" "), header(decision, plan))
}

fn limit(name: &str, per: Per, kind: Kind) -> Limit {
    Limit { kind, per, ..Limit::rate(name.parse().unwrap(), 1, 1) }
}

/// Runs the timeline of all kinds at all levels: two apps of a partner, the second with two keys.
/// `take(subject, terms, ask)` asks one limiter, which has never seen these subjects.
#[expect(clippy::too_many_lines, reason = "one timeline")]
pub(super) fn run_all_kinds(mut take: impl FnMut(SubjectId, &Arc<Terms>, &Ask) -> Admission) {
    let day = Cycle { period: Period::Day, ..Cycle::default() };
    let plan = vec![
        limit("burst", Per::Partner, Kind::Rate(super::Rate { quota: 6, window_s: 6 })),
        limit("day", Per::App, Kind::Quota(Quota { quota: 4, cycle: day })),
        limit("at-once", Per::Key, Kind::Concurrency(Concurrency { most: 2 })),
        Limit {
            operations: Operations::only([9]),
            ..limit("nine", Per::App, Kind::Rate(super::Rate { quota: 1, window_s: 60 }))
        },
    ];
    let plan = Arc::new(Terms::from(Limits::new(plan).unwrap()));
    let first = SUBJECT;
    let second = SubjectId { app: AppId(8), key: KeyId(12), ..SUBJECT };
    let other_key = SubjectId { key: KeyId(13), ..second };
    let mut at = |who: SubjectId, ms: i64, operation: u16, weight: u32, expected: &str| {
        let ask = Ask { operation, ..ask(Micros(START + ms * 1_000), weight) };
        let admission = take(who, &plan, &ask);
        assert_eq!(said(&admission.decision, &plan), expected, "at {ms} ms");
        admission.permit
    };
    // Each level counts its own. The day ends in 14 hours; the place has no end that is known.
    let a = at(first, 0, 1, 1_000, r#"yes [] "burst";r=5;t=1, "day";r=3;t=50400, "at-once";r=1"#);
    let b = at(first, 0, 1, 1_000, r#"yes [] "burst";r=4;t=2, "day";r=2;t=50400, "at-once";r=0"#);
    // A refusal of one takes from none, at whatever level.
    at(
        first,
        0,
        1,
        1_000,
        r#"busy [at-once] "burst";r=4;t=2, "day";r=2;t=50400, "at-once";r=0;t=1"#,
    );
    let c = at(second, 0, 1, 2_000, r#"yes [] "burst";r=2;t=4, "day";r=2;t=50400, "at-once";r=1"#);
    at(
        second,
        0,
        1,
        3_000,
        r#"wait 50400000000 [burst day] "burst";r=2;t=1, "day";r=2;t=50400, "at-once";r=1"#,
    );
    // Places are the keys' own; the operation has a limit of its own.
    let d = at(
        other_key,
        0,
        9,
        1_000,
        r#"yes [] "burst";r=1;t=5, "day";r=1;t=50400, "at-once";r=1, "nine";r=0;t=60"#,
    );
    at(
        other_key,
        0,
        9,
        500,
        r#"wait 30000000 [nine] "burst";r=1;t=5, "day";r=1;t=50400, "at-once";r=1, "nine";r=0;t=30"#,
    );
    // A call that ends unsettled, as one that failed, gives back what it took of the quota; one that is
    // settled leaves what it costs. Rates keep what was taken.
    drop(a);
    let mut b = b.unwrap();
    b.will_cost(1_500);
    b.settle(None);
    drop(b);
    let a = at(first, 0, 1, 0, r#"yes [] "burst";r=1;t=5, "day";r=2;t=50400, "at-once";r=1"#);
    drop((a, c, d));
    at(second, 0, 1, 0, r#"yes [] "burst";r=1;t=5, "day";r=4;t=50400, "at-once";r=1"#);
    // More than a whole quota never fits.
    at(
        second,
        0,
        1,
        5_000,
        r#"never [burst day] "burst";r=1;t=5, "day";r=4;t=50400, "at-once";r=2"#,
    );
    // The day's end to the microsecond.
    let end = 50_400_000;
    let all =
        at(second, end - 1, 1, 4_000, r#"yes [] "burst";r=2;t=4, "day";r=0;t=1, "at-once";r=1"#);
    at(
        second,
        end - 1,
        1,
        1_000,
        r#"wait 1000 [day] "burst";r=2;t=4, "day";r=0;t=1, "at-once";r=1"#,
    );
    at(second, end, 1, 1_000, r#"yes [] "burst";r=1;t=5, "day";r=3;t=86400, "at-once";r=0"#);
    // What ends behind its period takes nothing from the next, and a clock stepped back finds the old one.
    drop(all);
    at(second, end, 1, 0, r#"yes [] "burst";r=1;t=5, "day";r=4;t=86400, "at-once";r=1"#);
    at(second, end - 1, 1, 0, r#"yes [] "burst";r=1;t=5, "day";r=4;t=1, "at-once";r=1"#);
}

#[test]
fn the_local_limiter_conforms_in_all_kinds() {
    let limiter = local();
    run_all_kinds(|id, terms, ask| {
        limiter.check(&subject(&limiter, id, terms), terms, ask).unwrap()
    });
}

#[test]
fn plans_that_share_a_partner_s_limit_forgive_nothing_by_turns() {
    let plan = |quota| {
        let rate = Kind::Rate(super::Rate { quota, window_s: 3_600 });
        Arc::new(Terms::from(Limits::new(vec![limit("hour", Per::Partner, rate)]).unwrap()))
    };
    let (limiter, big, small) = (local(), plan(10), plan(2));
    let other = SubjectId { app: AppId(8), key: KeyId(12), ..SUBJECT };
    let [big_app, small_app] = [(SUBJECT, &big), (other, &small)]
        .map(|(id, terms)| limiter.subject(id, terms, |per| per == Per::Partner));
    let allowed = |subject, terms, weight| {
        limiter.check(subject, terms, &ask(Micros(START), weight)).unwrap().decision.allowed()
    };
    assert!(allowed(&big_app, &big, 8_000));
    assert!(!allowed(&small_app, &small, 1_000));
    assert!(!allowed(&big_app, &big, 2_001));
    assert!(allowed(&big_app, &big, 2_000));
}

fn subject(limiter: &Limiter, id: SubjectId, terms: &Terms) -> super::Subject {
    limiter.subject(id, terms, |_| false)
}

fn local() -> Limiter {
    Limiter::Local(LocalLimiter::default())
}

#[test]
fn the_local_limiter_conforms() {
    let limiter = local();
    // Handles fetched anew stand for the same account.
    run(|terms, ask| {
        limiter.check(&subject(&limiter, SUBJECT, terms), terms, ask).unwrap().decision
    });
}

#[test]
fn eight_threads_are_admitted_to_the_unit() {
    let (limiter, plan) = (local(), limits(&[("a", 1_000, 3_600), ("b", 700, 86_400)]));
    let subject = subject(&limiter, SUBJECT, &plan);
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let take = || limiter.check(&subject, &plan, &ask(Micros(START), 1_000));
                    (0..500).filter(|_| take().is_ok_and(|a| a.decision.allowed())).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 700);
}

#[test]
fn live_and_test_are_counted_apart() {
    let (limiter, plan) = (local(), limits(&[("a", 1, 60)]));
    let take = |live| {
        let subject = subject(&limiter, SubjectId { live, ..SUBJECT }, &plan);
        limiter.check(&subject, &plan, &ask(Micros(START), 1_000)).unwrap().decision.allowed()
    };
    assert_eq!([take(true), take(false), take(true)], [true, true, false]);
}

#[test]
fn only_settled_accounts_that_nobody_holds_are_forgotten() {
    let (limiter, plan) = (local(), limits(&[("a", 1, 60)]));
    let held = subject(&limiter, SubjectId { app: AppId(1), ..SUBJECT }, &plan);
    let subject = subject(&limiter, SUBJECT, &plan);
    let _ = limiter.check(&subject, &plan, &ask(Micros(START), 1_000));
    drop(subject);
    assert_eq!(limiter.retain_recent(Micros(START + 59_999_999)), 2);
    assert_eq!(limiter.retain_recent(Micros(START + 60_000_000)), 1);
    drop(held);
    assert_eq!(limiter.retain_recent(Micros(START)), 0);
}

proptest! {
    /// Takes and endings in any order: what was billed and what is under way never exceed the quota of a
    /// period, and a call is refused only where it would.
    #[test]
    fn a_quota_is_exact(
        quota in 1u32..12,
        calls in prop::collection::vec((0i64..9 * 3_600, 1u32..3_000, 0u32..4), 1..80),
    ) {
        let (limiter, cycle) = (local(), Cycle { period: Period::Day, ..Cycle::default() });
        let day = limit("day", Per::App, Kind::Quota(Quota { quota, cycle: cycle.clone() }));
        let plan = Arc::new(Terms::from(Limits::new(vec![day]).unwrap()));
        let subject = subject(&limiter, SUBJECT, &plan);
        let mut now = Micros(START);
        // Of each call: its period, its weight, and the permit while it is under way.
        let mut used: Vec<(super::Bounds, u64, Option<super::Permit>)> = Vec::new();
        for (pause_s, weight, end) in calls {
            now = Micros(now.0 + pause_s * 1_000_000);
            let period = cycle.around(now, Micros(START));
            let before: u64 = used.iter().filter(|u| u.0 == period).map(|u| u.1).sum();
            let admission = limiter.check(&subject, &plan, &ask(now, weight)).unwrap();
            let fits = before + u64::from(weight) <= u64::from(quota) * 1_000;
            prop_assert_eq!(admission.decision.allowed(), fits);
            if fits {
                used.push((period, weight.into(), admission.permit));
            }
            // One that is under way ends: failed, settled to half of what it took, or to all.
            let place = used.iter().position(|u| u.2.is_some()).filter(|_| end > 0);
            if let Some(place) = place {
                let mut permit = used[place].2.take().unwrap();
                used[place].1 = match end {
                    1 => 0,
                    2 => used[place].1 / 2,
                    _ => used[place].1,
                };
                if end > 1 {
                    permit.will_cost(used[place].1 as u32);
                    permit.settle(None);
                }
            }
        }
    }
}
