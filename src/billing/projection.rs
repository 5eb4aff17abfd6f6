//! What an open period will come to: what was counted in it, and what may be called until it ends.
//!
//! The rest of the period is reckoned from what the app was billed for of late, one way for who has called for four weeks
//! and a plain one for who has not, and then rated with what was counted by the function that makes the statement. So
//! tiers, included units, caps and minimums hold for what is projected as they will for what is billed.

use super::timeline::{Period, Piece};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR};
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::word::words;
use crate::metering::hours::{Counted, Group, billed, first_billed};
use crate::metering::{Outcome, Sums, billability, period};
use crate::storage::{StoreError, Tx};
use std::collections::BTreeMap;

/// Weeks that are looked back upon.
const WEEKS: i64 = 4;
const WEEK: i64 = 7 * DAY;
/// Hours of a week.
const SLOTS: usize = 168;

words! {
    /// How the rest of a period is reckoned.
    #[schema(as = ProjectionMethod)]
    pub enum Method {
        /// Each hour to come brings what the same hour of the week (UTC) has brought in the last 28 days, on average.
        HoursOfWeek = "hours_of_week",
        /// Each hour to come brings what all hours since the app's first billed call have brought on average.
        Linear = "linear",
    }
}

words! {
    /// Why nothing is projected.
    #[schema(as = NotProjected)]
    pub enum Unsure {
        /// The app has made no billed call yet.
        NoCalls = "no_calls",
        /// Its first billed call was less than 24 full hours ago.
        TooNew = "too_new",
    }
}

/// What the rest of a period may bring.
#[derive(Debug)]
pub(super) struct Outlook {
    /// How it is reckoned.
    pub(super) method: Method,
    /// The hours that it is reckoned from.
    pub(super) past: period::Period,
    /// What is expected.
    pub(super) expected: Counted,
    /// The same if all weeks were like one of those looked back upon, for each of them; none where there are too few.
    pub(super) like_weeks: Vec<Counted>,
}

/// What the rest of a period may bring to a partner's app that has these pieces, or why nobody can say.
pub(super) async fn outlook(
    tx: &mut Tx,
    whose: (PartnerId, AppId),
    (period, pieces): (&Period, &[Piece]),
    now: Micros,
) -> Result<Result<Outlook, Unsure>, StoreError> {
    let Some(first) = first_billed(tx, whose).await? else { return Ok(Err(Unsure::NoCalls)) };
    let until = now.hour();
    let known = until.0.saturating_sub(first.0);
    if known < DAY {
        return Ok(Err(Unsure::TooNew));
    }
    let from = Micros(until.0.saturating_sub(known.min(WEEKS * WEEK)));
    let past = period::Period { from, to: until };
    let billed = billed(tx, whose, past).await?;
    let to_come = pieces.iter().filter(|piece| piece.period == *period && piece.partner == whose.0);
    let rests: Vec<(&Piece, Rest)> =
        to_come.map(|piece| (piece, Rest::of(piece.span.start.max(now), piece.span.end))).collect();
    let counted = |hours: &dyn Fn(&Rest) -> BTreeMap<String, Sums>| {
        rests.iter().flat_map(|(piece, rest)| groups(piece, hours(rest))).collect::<Counted>()
    };
    if known < WEEKS * WEEK {
        let expected = counted(&|rest| scaled(billed.iter(), |_| rest.micros, i128::from(known)));
        let (method, like_weeks) = (Method::Linear, Vec::new());
        return Ok(Ok(Outlook { method, past, expected, like_weeks }));
    }
    let of_weeks = |weeks: i64, wanted: &dyn Fn(Micros) -> bool| {
        counted(&|rest| {
            let rows = billed.iter().filter(|((hour, _), _)| wanted(*hour));
            scaled(rows, |hour| rest.by_hour[slot(hour)], i128::from(weeks * HOUR))
        })
    };
    let like =
        |week: i64| of_weeks(1, &|hour: Micros| hour.0.saturating_sub(from.0) / WEEK == week);
    Ok(Ok(Outlook {
        method: Method::HoursOfWeek,
        past,
        expected: of_weeks(WEEKS, &|_| true),
        like_weeks: (0..WEEKS).map(like).collect(),
    }))
}

/// What is left of a period, in microseconds.
struct Rest {
    micros: u64,
    /// By the hour of the week that they lie in.
    by_hour: [u64; SLOTS],
}

impl Rest {
    fn of(from: Micros, to: Micros) -> Self {
        let mut rest = Self { micros: 0, by_hour: [0; SLOTS] };
        let mut at = from;
        while at < to {
            let next = Micros(at.hour().0.saturating_add(HOUR)).min(to);
            let part = u64::try_from(next.0.saturating_sub(at.0)).unwrap_or(0);
            rest.micros = rest.micros.saturating_add(part);
            rest.by_hour[slot(at)] += part;
            at = next;
        }
        rest
    }
}

/// Which hour of the week (UTC) holds an instant.
fn slot(at: Micros) -> usize {
    usize::try_from(at.0.div_euclid(HOUR).rem_euclid(SLOTS as i64)).unwrap_or(0)
}

/// By operation, the sum of what each hour has brought times its weight, in so many parts, to the nearest whole.
fn scaled<'a>(
    rows: impl Iterator<Item = (&'a (Micros, String), &'a Sums)>,
    weight: impl Fn(Micros) -> u64,
    parts: i128,
) -> BTreeMap<String, Sums> {
    let mut of_operations: BTreeMap<&str, [i128; 4]> = BTreeMap::new();
    for ((hour, operation), sums) in rows {
        let Sums { requests, records, bytes, weight_milli } = *sums;
        let (weight, sum) =
            (i128::from(weight(*hour)), of_operations.entry(operation).or_default());
        for (sum, counted) in sum.iter_mut().zip([requests, records, bytes, weight_milli]) {
            *sum = sum.saturating_add(i128::from(counted) * weight);
        }
    }
    let nearest =
        |sum: i128| i64::try_from(sum.saturating_add(parts / 2) / parts.max(1)).unwrap_or(i64::MAX);
    let each = |(operation, sums): (&str, [i128; 4])| {
        let [requests, records, bytes, weight_milli] = sums.map(nearest);
        (operation.to_owned(), Sums { requests, records, bytes, weight_milli })
    };
    of_operations.into_iter().map(each).collect()
}

/// Calls of a piece as they are counted.
fn groups(piece: &Piece, sums: BTreeMap<String, Sums>) -> Vec<(Group, Sums)> {
    let group = |operation| Group {
        partner: piece.partner,
        app: piece.app,
        plan: piece.plan,
        plan_version: piece.version,
        operation,
        status: 200,
        outcome: Outcome::Served.as_str().to_owned(),
        rule: billability::SERVED_RULE.to_owned(),
        billable: true,
    };
    sums.into_iter().map(|(operation, sums)| (group(operation), sums)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::hours::Billed;

    fn at(text: &str) -> Micros {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_left_is_told_by_the_hour_of_the_week() {
        // From half past ten to the end of the day a week later.
        let rest = Rest::of(at("2026-11-02T10:30:00Z"), at("2026-11-10T00:00:00Z"));
        let hours = |text: &str| rest.by_hour[slot(at(text))] as i64 * 2 / HOUR;
        assert_eq!(rest.micros as i64, 7 * DAY + 13 * HOUR + HOUR / 2);
        assert_eq!(hours("2026-11-02T10:00:00Z"), 3, "half of one and all of another");
        assert_eq!(hours("2026-11-02T11:00:00Z"), 4);
        assert_eq!(hours("2026-11-03T11:00:00Z"), 2);
        assert_eq!(rest.by_hour.iter().sum::<u64>(), rest.micros);
        assert_eq!(Rest::of(at("2026-11-02T10:30:00Z"), at("2026-11-02T10:30:00Z")).micros, 0);
    }

    #[test]
    fn what_comes_is_in_proportion_to_the_nearest() {
        let sums = |requests| Sums { requests, ..Sums::default() };
        let key = |hour: &str, operation: &str| (at(hour), operation.to_owned());
        let billed: Billed = [
            (key("2026-11-02T10:00:00Z", "get_product"), sums(3)),
            (key("2026-11-02T11:00:00Z", "get_product"), sums(4)),
            (key("2026-11-02T11:00:00Z", "list_products"), sums(1)),
        ]
        .into();
        let half = scaled(billed.iter(), |_| 1, 2);
        let requests: Vec<i64> = half.values().map(|sums| sums.requests).collect();
        assert_eq!(requests, [4, 1], "seven halves, and one");
    }
}
