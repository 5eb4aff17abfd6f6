//! What is unusual in an hour of an app: one plain rule for each kind.
//!
//! An hour is compared with the same hour (UTC) of the days before. The median of those is not moved by some odd
//! days; the hour a week before stands beside it, so that what comes once a week is usual on its day.

use super::model::Kind;

/// Days that an hour is compared with.
pub(super) const DAYS: usize = 14;
/// Days for which an app must have been calling.
pub(super) const LEAST_DAYS: usize = 7;
/// Errors and refusals are unusual only where they are at least one in so many calls.
const ONE_IN: i64 = 20;

/// Live calls of an app in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hour {
    /// All of them.
    pub(super) calls: i64,
    /// Those that ended in 4xx or 5xx, but for refusals.
    pub(super) errors: i64,
    /// Those that ended in 401, 403 or 429.
    pub(super) refusals: i64,
}

/// What counts as unusual.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Times the usual.
    pub(super) factor: i64,
    /// Least count.
    pub(super) minimum: i64,
}

/// Something unusual: how many there were, and how many would have been usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unusual {
    pub(super) kind: Kind,
    pub(super) count: i64,
    pub(super) usual: i64,
}

impl Rule {
    /// What is unusual in `hour`; `before` is the same hour of the days before, the last day first. `others` says
    /// whether anybody called in the hour: where nobody did, silence is ours.
    pub(super) fn judge(self, hour: Hour, before: &[Hour], others: bool) -> Vec<Unusual> {
        if before.len() < LEAST_DAYS {
            return Vec::new();
        }
        let week_before = before.get(6).map_or(0, |hour| hour.calls);
        let median = median(before.iter().map(|hour| hour.calls));
        let mut found = Vec::new();
        let usual = median.max(week_before);
        if hour.calls >= self.minimum && hour.calls > usual.saturating_mul(self.factor) {
            found.push(Unusual { kind: Kind::HighUsage, count: hour.calls, usual });
        }
        let usual = median.min(week_before);
        if hour.calls == 0 && others && usual >= self.minimum {
            found.push(Unusual { kind: Kind::Silence, count: 0, usual });
        }
        let all: i64 = before.iter().map(|hour| hour.calls).sum();
        let share = |of: fn(&Hour) -> i64| {
            let usual = i128::from(before.iter().map(of).sum::<i64>()) * i128::from(hour.calls);
            i64::try_from(usual / i128::from(all.max(1))).unwrap_or(i64::MAX)
        };
        for (kind, count, usual) in [
            (Kind::ManyErrors, hour.errors, share(|hour| hour.errors)),
            (Kind::ManyRefusals, hour.refusals, share(|hour| hour.refusals)),
        ] {
            let is_much = count >= self.minimum && count.saturating_mul(ONE_IN) >= hour.calls;
            if is_much && count > usual.saturating_mul(self.factor) {
                found.push(Unusual { kind, count, usual });
            }
        }
        found
    }
}

/// The middle value; of two, the greater.
fn median(values: impl Iterator<Item = i64>) -> i64 {
    let mut values: Vec<i64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { factor: 3, minimum: 100 };

    fn calls(calls: i64) -> Hour {
        Hour { calls, ..Hour::default() }
    }

    fn kinds(hour: Hour, before: &[Hour]) -> Vec<(Kind, i64, i64)> {
        let found = RULE.judge(hour, before, true);
        found.into_iter().map(|it| (it.kind, it.count, it.usual)).collect()
    }

    #[test]
    fn more_calls_than_three_times_the_usual_are_told() {
        let before = [calls(200); DAYS];
        assert_eq!(kinds(calls(600), &before), []);
        assert_eq!(kinds(calls(601), &before), [(Kind::HighUsage, 601, 200)]);
        // One odd day changes nothing, but what came a week before is usual.
        let mut odd = before;
        odd[2] = calls(100_000);
        assert_eq!(kinds(calls(601), &odd), [(Kind::HighUsage, 601, 200)]);
        odd[6] = calls(500);
        assert_eq!(kinds(calls(1_500), &odd), []);
        // A few calls are nothing, also where none are usual.
        assert_eq!(kinds(calls(99), &[calls(0); DAYS]), []);
        assert_eq!(kinds(calls(100), &[calls(0); DAYS]), [(Kind::HighUsage, 100, 0)]);
    }

    #[test]
    fn silence_is_told_of_who_is_never_silent() {
        let before = [calls(150); DAYS];
        assert_eq!(kinds(calls(0), &before), [(Kind::Silence, 0, 150)]);
        assert_eq!(kinds(calls(1), &before), []);
        let mut weekly = before;
        weekly[6] = calls(0);
        assert_eq!(kinds(calls(0), &weekly), []);
        assert_eq!(RULE.judge(calls(0), &before, false), [], "nobody called: it is ours");
    }

    #[test]
    fn errors_and_refusals_are_told_by_their_share() {
        let usual = Hour { calls: 1_000, errors: 50, refusals: 0 };
        let before = [usual; DAYS];
        let errors = |errors| Hour { calls: 1_000, errors, refusals: 0 };
        assert_eq!(kinds(errors(150), &before), []);
        assert_eq!(kinds(errors(151), &before), [(Kind::ManyErrors, 151, 50)]);
        let refused = |calls, refusals| Hour { calls, errors: 0, refusals };
        assert_eq!(kinds(refused(1_000, 100), &before), [(Kind::ManyRefusals, 100, 0)]);
        // Few among many calls are not much.
        assert_eq!(kinds(refused(2_900, 100), &before), []);
        assert_eq!(kinds(refused(1_000, 99), &before), []);
    }

    #[test]
    fn who_is_new_is_not_judged() {
        assert_eq!(kinds(calls(10_000), &[calls(1); LEAST_DAYS - 1]), []);
        assert_ne!(kinds(calls(10_000), &[calls(1); LEAST_DAYS]), []);
    }
}
