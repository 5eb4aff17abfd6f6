use super::*;
use crate::kernel::Currency;
use crate::kernel::clock::{DAY, HOUR};
use crate::limit::Anchor;
use crate::rating::{BillingPeriod, Rounding};
use proptest::prelude::*;
use std::collections::HashMap;

/// 1 January 2026, UTC.
const START: i64 = 1_767_225_600_000_000;
/// Plans with lists of different periods; the first is free.
const PLANS: u64 = 6;

fn periods(plan: u64) -> Periods {
    let (length, anchor, zone) = match plan {
        1 => (BillingPeriod::Month, Anchor::Calendar, "Europe/Paris"),
        2 => (BillingPeriod::Month, Anchor::Calendar, "UTC"),
        3 => (BillingPeriod::Quarter, Anchor::Calendar, "Europe/Paris"),
        4 => (BillingPeriod::Month, Anchor::Contract, "Asia/Tokyo"),
        _ => (BillingPeriod::Year, Anchor::Contract, "America/New_York"),
    };
    Periods { length, anchor, zone: TimeZone::get(zone).unwrap() }
}

fn versions() -> PriceVersions {
    let euro: Currency = "EUR".parse().unwrap();
    let of = |plan: u64| {
        let list = PriceList::new(euro, periods(plan), Rounding::HalfEven);
        let list = (plan > 0).then(|| Arc::new(list));
        let version = PriceVersion { number: 1, at: Micros(0), from: PricesFrom::NextPeriod, list };
        (PlanId(plan), vec![version])
    };
    (0..PLANS).map(of).collect()
}

/// An app that was on each plan for some hours.
fn history(tenures: &[(u64, i64)]) -> History {
    let mut from = Micros(START);
    let last = tenures.len() - 1;
    let each = |(n, (plan, hours)): (usize, &(u64, i64))| {
        let (begins, ends) = (from, Micros(from.0 + hours * HOUR));
        from = ends;
        Tenure {
            partner: PartnerId(1),
            plan: PlanId(*plan),
            from: begins,
            until: (n < last).then_some(ends),
            contract: Micros(START - 40 * DAY),
        }
    };
    History { app: AppId(7), tenures: tenures.iter().enumerate().map(each).collect() }
}

fn shown(pieces: &[Piece]) -> Vec<(Bounds, Period)> {
    pieces.iter().map(|piece| (piece.span, piece.period.clone())).collect()
}

proptest! {
    /// An app's time has no gap, and no instant of it lies in two periods that it pays for.
    #[test]
    fn periods_of_an_app_never_overlap(
        tenures in prop::collection::vec((0..PLANS, 1..3_000_i64), 1..8),
        days in 0..800_i64,
        later in 0..400_i64,
    ) {
        let (history, versions) = (history(&tenures), versions());
        let until = Micros(START + days * DAY);
        let all = pieces(&history, &versions, Micros(i64::MIN), until);
        for pair in all.windows(2) {
            prop_assert_eq!(pair[0].span.end, pair[1].span.start);
        }
        let priced: Vec<&Piece> = all.iter().filter(|piece| piece.list.is_some()).collect();
        for piece in &priced {
            let (span, bounds) = (piece.span, piece.period.bounds);
            prop_assert!(bounds.start <= span.start && span.end <= bounds.end, "{piece:?}");
            prop_assert!(piece.period.of.start <= bounds.start && bounds.end <= piece.period.of.end);
        }
        for pair in priced.windows(2) {
            let (one, next) = (&pair[0].period, &pair[1].period);
            prop_assert!(one == next || one.bounds.end <= next.bounds.start, "{one:?} {next:?}");
        }
        // What has begun is the same whenever it is looked at.
        let mut seen = pieces(&history, &versions, Micros(i64::MIN), Micros(until.0 + later * DAY));
        seen.retain(|piece| piece.span.start <= until);
        prop_assert_eq!(shown(&all), shown(&seen));
        // And what is open does not change with what is closed.
        if let Some(closed) = priced.first().map(|piece| piece.period.bounds.end) {
            let open = pieces(&history, &versions, closed, until);
            let mut left: HashMap<BillingPeriodId, i32> = HashMap::new();
            for piece in priced.iter().filter(|piece| piece.period.bounds.start >= closed) {
                *left.entry(piece.period.id()).or_default() += 1;
            }
            for piece in open.iter().filter(|piece| piece.list.is_some()) {
                *left.entry(piece.period.id()).or_default() -= 1;
            }
            prop_assert!(left.values().all(|count| *count == 0), "{left:?}");
        }
    }
}

#[test]
fn the_versions_are_told_whose_prices_hold_and_wait() {
    let list = |plan: u64, rounding| {
        Some(Arc::new(PriceList::new("EUR".parse().unwrap(), periods(plan), rounding)))
    };
    let version = |number: u32, day: i64, from, list| PriceVersion {
        number,
        at: Micros(START + day * DAY),
        from,
        list,
    };
    let (next, now) = (PricesFrom::NextPeriod, PricesFrom::Now);
    let of = |plan: u64, other: &[PriceVersion], day: i64| {
        let first = version(1, 0, next, list(plan, Rounding::HalfEven));
        let all = [&[first][..], other].concat();
        let standing =
            prices_standing(PlanId(9), &[(PlanId(9), all)].into(), Micros(START + day * DAY));
        let PricesStanding { holds, waits } = standing.unwrap();
        (holds, waits)
    };
    // Months of the calendar: an edit of something else, other prices from February on, and the first ones at once.
    let edits = [
        version(2, 10, next, list(2, Rounding::HalfEven)),
        version(3, 20, next, list(2, Rounding::HalfUp)),
        version(4, 45, now, list(2, Rounding::HalfEven)),
    ];
    assert_eq!(of(2, &[], 5), ((1, 1), None));
    assert_eq!(of(2, &edits[..2], 25), ((1, 2), Some((3, 3))));
    assert_eq!(of(2, &edits[..2], 40), ((3, 3), None));
    assert_eq!(of(2, &edits, 46), ((4, 4), None));
    // Months of contracts: some app may have a month that began a moment before the edit.
    let edits = [version(2, 20, next, list(4, Rounding::HalfUp))];
    assert_eq!(of(4, &edits, 45), ((1, 1), Some((2, 2))));
    assert_eq!(of(4, &edits, 52), ((2, 2), None));
    assert_eq!(prices_standing(PlanId(8), &PriceVersions::new(), Micros(START)), None);
}
