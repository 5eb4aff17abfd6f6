//! Hours that were unusual.

use super::model::{Alert, Detail, UnusualHour, Whose};
use super::unusual::{DAYS, Hour, Rule, Unusual};
use super::{Alerts, store};
use crate::access::directory::Standing;
use crate::access::{AccessError, Environment};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR, MINUTE};
use crate::kernel::id::{AppId, PartnerId};
use std::collections::{BTreeMap, HashMap};

/// How long after its end an hour is judged: its calls are in the ledger then.
const SETTLED: i64 = 5 * MINUTE;
/// Hours that are judged when none was for long. What is older is no news.
const MOST_BEHIND: i64 = 24;

/// Calls by app and start of the hour.
type Sums = HashMap<(AppId, Micros), Hour>;

impl Alerts {
    /// Judges the hours that are over and not judged yet.
    pub(super) async fn look_at_hours(&self, now: Micros) -> Result<(), AccessError> {
        let last = Micros(now.0.saturating_sub(SETTLED)).hour();
        let last = Micros(last.0.saturating_sub(HOUR));
        let Some(through) = store::judged_through(&self.db).await? else {
            // What was before the first look is not told.
            return Ok(store::judged(&self.db, last).await?);
        };
        let first = through.0.max(last.0.saturating_sub(MOST_BEHIND * HOUR));
        let mut hour = Micros(first.saturating_add(HOUR));
        while hour <= last {
            self.judge(hour).await?;
            store::judged(&self.db, hour).await?;
            hour = Micros(hour.0.saturating_add(HOUR));
        }
        Ok(())
    }

    /// Raises what begins in an hour, and ends what does not go on.
    async fn judge(&self, hour: Micros) -> Result<(), AccessError> {
        let compared: Vec<Micros> =
            (0..=DAYS as i64).map(|days| Micros(hour.0.saturating_sub(days * DAY))).collect();
        let sums: Sums = store::hours(&self.db, &compared).await?.into_iter().collect();
        let others = sums.keys().any(|(_, at)| *at == hour);
        let minimum = i64::from(self.settings.anomaly_minimum);
        let rule = Rule { factor: self.settings.anomaly_factor.into(), minimum };
        let mut found = Vec::new();
        for (app, partner) in self.usable_apps(hour) {
            // Most apps call too little for anything to be unusual.
            if compared.iter().all(|at| calls(&sums, app, *at).calls < minimum) {
                continue;
            }
            let known = self.known_days(app, hour).await?;
            let before: Vec<Hour> =
                compared.iter().skip(1).take(known).map(|at| calls(&sums, app, *at)).collect();
            let own = calls(&sums, app, hour);
            found.extend(rule.judge(own, &before, others).into_iter().map(|it| (partner, app, it)));
        }
        let running = store::running(&self.db).await?;
        for (app, kind) in &running {
            if !found.iter().any(|(_, of, unusual)| (of, unusual.kind) == (app, *kind)) {
                store::end(&self.db, (*app, *kind), hour).await?;
            }
        }
        for (partner, app, unusual) in found {
            if !running.contains(&(app, unusual.kind)) {
                let own = calls(&sums, app, hour).calls;
                self.raise_unusual((partner, app), unusual, (hour, own)).await?;
            }
        }
        Ok(())
    }

    async fn raise_unusual(
        &self,
        (partner, app): (PartnerId, AppId),
        Unusual { kind, count, usual }: Unusual,
        (hour, calls): (Micros, i64),
    ) -> Result<(), AccessError> {
        let alert = Alert {
            id: Alert::of_hour(app, kind, hour),
            kind,
            whose: Whose { partner: Some(partner), app: Some(app), key: None },
            detail: Detail::Hour(UnusualHour { hour, calls, count, usual }),
            raised_at: self.clock.now(),
            ended_at: None,
        };
        self.raise(&alert).await
    }

    /// The apps that have a live key in force, with their partners.
    fn usable_apps(&self, hour: Micros) -> BTreeMap<AppId, PartnerId> {
        let directory = self.keyring.current();
        let live = directory.keys_at(self.clock.now()).filter(|key| {
            let over = key.expires_at.is_some_and(|at| at < Micros(hour.0.saturating_add(HOUR)));
            key.environment == Environment::Live && key.standing == Standing::Good && !over
        });
        live.map(|key| (key.app, key.partner)).collect()
    }

    /// On how many of the days before an hour an app was calling already.
    async fn known_days(&self, app: AppId, hour: Micros) -> Result<usize, AccessError> {
        let first = store::first_hour(&self.db, app).await?.unwrap_or(hour);
        let days = hour.0.saturating_sub(first.0).max(0) / DAY;
        Ok(usize::try_from(days).unwrap_or(DAYS).min(DAYS))
    }
}

fn calls(sums: &Sums, app: AppId, at: Micros) -> Hour {
    sums.get(&(app, at)).copied().unwrap_or_default()
}
