//! Calls of closed periods that came into the ledger after their close: late, and booked in the next period.
//!
//! A close stands on a position, so what is late is what has a higher one: of the app's last close, for what was late
//! before that is in its statement. Each late call is thus found by exactly one statement.

use super::as_of::AsOf;
use super::store::{self, Shut, ShutPeriod};
use crate::access::Environment;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::metering::hours::{Counted, Group};
use crate::metering::period::Period;
use crate::metering::walk::{ExportSeq, Opened, Walk};
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What was counted late of an app, by the start of the closed period that it belongs to.
pub(super) type Late = BTreeMap<Micros, Counted>;

/// What is late of apps whose periods are closed up to there.
pub(super) async fn late(
    tx: &mut Tx,
    shut: &HashMap<AppId, Shut>,
    as_of: AsOf,
) -> Result<HashMap<AppId, Late>, StoreError> {
    let mut found = HashMap::new();
    let mut periods: HashMap<AppId, Vec<ShutPeriod>> = HashMap::new();
    // Apps that were closed together are looked through together. As a rule there is nothing to be read.
    for mark in shut.values().copied().collect::<BTreeSet<Shut>>() {
        let span = Some(Period { from: Micros(i64::MIN), to: mark.until });
        let after = ExportSeq::last_of(mark.position);
        let mut walk = Walk { span, after, through: as_of.position };
        while let Some(fetched) = walk.fetch(tx).await? {
            let opening = tokio::task::spawn_blocking(move || fetched.open());
            let opened = opening.await.map_err(|e| StoreError::corrupt("usage_segments", e))??;
            for app in apps(&opened) {
                if shut.get(&app) == Some(&mark) && !periods.contains_key(&app) {
                    periods.insert(app, store::shut_periods(tx, app, as_of).await?);
                }
            }
            let of_mark = |app: &AppId| shut.get(app) == Some(&mark);
            add(&opened, &of_mark, &periods, &mut found);
        }
    }
    Ok(found)
}

fn apps(opened: &Opened) -> BTreeSet<AppId> {
    opened.events().map(|placed| placed.event.app).collect()
}

/// Adds the live calls of a segment that lie in a closed period of theirs.
fn add(
    opened: &Opened,
    of_mark: &dyn Fn(&AppId) -> bool,
    periods: &HashMap<AppId, Vec<ShutPeriod>>,
    found: &mut HashMap<AppId, Late>,
) {
    for placed in opened.events().filter(|placed| of_mark(&placed.event.app)) {
        let event = placed.event;
        let closed = periods.get(&event.app).and_then(|all| holding(all, event.started_at));
        if let Some(period) = closed.filter(|_| event.environment == Environment::Live) {
            let of_period = found.entry(event.app).or_default().entry(period.from).or_default();
            of_period.entry(Group::of(event, placed.rule)).or_default().plus(&placed.sums());
        }
    }
}

/// The closed period that an instant lies in.
pub(super) fn holding(periods: &[ShutPeriod], at: Micros) -> Option<&ShutPeriod> {
    periods.iter().rfind(|period| (period.from..period.to).contains(&at))
}
