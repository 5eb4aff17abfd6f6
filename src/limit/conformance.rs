//! One scripted timeline that every limiter must follow to the unit, and what is special to each.

use super::{Ask, Decision, Limit, Limiter, Limits, LocalLimiter, SubjectId, Terms, Verdict};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
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
    let mut out = Vec::new();
    decision.write_header(&terms.limits, &mut out);
    String::from_utf8(out).unwrap()
}

/// Runs the timeline. `take(terms, ask)` asks one limiter about one subject.
pub(super) fn run(mut take: impl FnMut(&Arc<Terms>, &Ask) -> Decision) {
    let plan = limits(&[("burst", 3, 1), ("day", 10, 86_400)]);
    let mut at = |ms: i64, plan: &Arc<Terms>, weight: u32, expected: &str| {
        let decision = take(plan, &ask(Micros(START + ms * 1_000), weight));
        let verdict = match decision.verdict() {
            Verdict::Admitted => "yes".to_owned(),
            Verdict::Wait { micros } => format!("wait {micros}"),
            Verdict::Busy => "busy".to_owned(),
            Verdict::Never => "never".to_owned(),
        };
        let violated: Vec<&str> = decision.violated(&plan.limits).collect();
        let said = format!("{verdict} [{}] {}", violated.join(" "), header(&decision, plan));
        assert_eq!(said, expected, "at {ms} ms");
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
