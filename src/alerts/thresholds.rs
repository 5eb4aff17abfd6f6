//! Quotas that have reached a threshold.

use super::model::{Alert, Detail, Kind, QuotaUse, Whose};
use super::{Alerts, store};
use crate::access::directory::KeyRecord;
use crate::access::operation::OPERATIONS;
use crate::access::{AccessError, Environment};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR};
use crate::kernel::id::AlertId;
use crate::limit::policy::Operations;
use crate::limit::{Counted, Kind as LimitKind, Per};
use std::collections::HashSet;

/// What this node knows to be told, so that the database is not asked again and again.
#[derive(Debug, Default)]
pub(super) struct Told {
    ids: HashSet<AlertId>,
    /// When that was read; none where it has to be.
    read_at: Option<Micros>,
}

impl Alerts {
    /// Raises what quotas have newly reached, the least of each first.
    pub(super) async fn look_at_quotas(&self, now: Micros) -> Result<(), AccessError> {
        let mut told = self.told.lock().await;
        let fresh = told.read_at.is_some_and(|at| at <= now && now.0 - at.0 < HOUR);
        if !fresh {
            let since = Micros(now.0.saturating_sub(DAY));
            told.ids = store::told(&self.db, since).await?.into_iter().collect();
            told.read_at = Some(now);
        }
        let new = self.newly_reached(now, &mut told.ids);
        for (place, (id, whose, quota)) in (0..).zip(new) {
            // They have an order, also where they are noticed at once.
            let raised_at = Micros(now.0.saturating_add(place));
            let detail = Detail::Quota(quota);
            let alert =
                Alert { id, kind: Kind::Threshold, whose, detail, raised_at, ended_at: None };
            if let Err(error) = self.raise(&alert).await {
                told.read_at = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn newly_reached(&self, now: Micros, told: &mut HashSet<AlertId>) -> Vec<Reached> {
        let directory = self.keyring.current();
        let live = directory.keys_at(now).filter(|key| key.environment == Environment::Live);
        let mut new = Vec::new();
        for key in live {
            for counted in key.subject.counted(&key.granted.terms, now) {
                new.extend(reached(key, &counted, &self.settings.thresholds, told));
            }
        }
        new
    }
}

/// An alert that is not told yet.
type Reached = (AlertId, Whose, QuotaUse);

/// What a quota of a key has reached that is not told yet, in ascending order.
fn reached(
    key: &KeyRecord,
    counted: &Counted,
    thresholds: &[u32],
    told: &mut HashSet<AlertId>,
) -> Vec<Reached> {
    let limit = key.granted.terms.limits.list().get(counted.place);
    let Some((limit, LimitKind::Quota(quota))) = limit.map(|limit| (limit, &limit.kind)) else {
        return Vec::new();
    };
    let mut new = Vec::new();
    for percent in thresholds.iter().copied().filter(|p| is_reached(counted.milli, quota.quota, *p))
    {
        let (counter, whose) = whose(key, counted.per);
        let id = Alert::of_threshold(&counter, limit.name, counted.period, percent);
        if !told.insert(id) {
            continue;
        }
        let used = format!("{}.{:03}", counted.milli / 1_000, counted.milli % 1_000);
        let (period_start, period_end) = (counted.period.start, counted.period.end);
        let (plan_id, plan_version, per) =
            (key.granted.plan, key.granted.version, counted.per.to_string());
        let operations = operations(limit.operations);
        let (limit, quota) = (limit.name, quota.quota);
        let quota = QuotaUse {
            limit,
            per,
            operations,
            percent,
            quota,
            used,
            period_start,
            period_end,
            plan_id,
            plan_version,
        };
        new.push((id, whose, quota));
    }
    new
}

/// The operations that a limit counts, by name; none where those are all. What is never billed no quota counts.
fn operations(of: Operations) -> Option<Vec<String>> {
    let counted = OPERATIONS.iter().filter(|known| of.cover(known.code) && !known.is_free());
    (!of.is_all()).then(|| counted.map(|known| known.id.to_owned()).collect())
}

/// Whether so many thousandths of a unit are so many percent of a quota.
fn is_reached(milli: u64, quota: u32, percent: u32) -> bool {
    milli >= u64::from(quota) * 10 * u64::from(percent)
}

/// The name of the account that counts a key's calls for `per`, and whose it is.
fn whose(key: &KeyRecord, per: Per) -> (String, Whose) {
    let partner = Whose { partner: Some(key.partner), app: None, key: None };
    match per {
        Per::Partner => (key.partner.to_string(), partner),
        Per::App => (key.app.to_string(), Whose { app: Some(key.app), ..partner }),
        Per::Key => {
            let whose = Whose { app: Some(key.app), key: Some(key.key), ..partner };
            (key.key.to_string(), whose)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_reached_at_its_last_thousandth() {
        for (milli, quota, percent, expected) in [
            (4_999, 10, 50, false),
            (5_000, 10, 50, true),
            (999, 1, 100, false),
            (1_000, 1, 100, true),
            (9_999_999_999_999, 1_000_000_000, 1_000, false),
            (10_000_000_000_000, 1_000_000_000, 1_000, true),
            // A third of ten is not whole: 3.300 units are 33 percent.
            (3_299, 10, 33, false),
            (3_300, 10, 33, true),
        ] {
            assert_eq!(is_reached(milli, quota, percent), expected, "{milli} {quota} {percent}");
        }
    }
}
