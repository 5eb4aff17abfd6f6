//! Whose an app was, on which plan, and what that plan asked, through time: what bills stand on.

mod store;

use super::plan::PlanPrices;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::kernel::word::{read_words, words};
use crate::rating::PriceList;
use crate::storage::{StoreError, Tx};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) use store::leave;

words! {
    /// From when on the prices of a new version of a plan hold for who is on the plan.
    pub enum PricesFrom {
        /// From the next period on.
        NextPeriod = "next_period",
        /// At once.
        Now = "now",
    }
}

read_words!(PricesFrom);

#[expect(clippy::derivable_impls, reason = "`words!` writes the derives")]
impl Default for PricesFrom {
    fn default() -> Self {
        Self::NextPeriod
    }
}

/// A time in which an app was one partner's and on one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// The partner.
    pub partner: PartnerId,
    /// The plan.
    pub plan: PlanId,
    /// From when on.
    pub from: Micros,
    /// Until when; none while it goes on.
    pub until: Option<Micros>,
    /// The day that periods are counted from where they follow the contract.
    pub contract: Micros,
}

/// An app through time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The app.
    pub app: AppId,
    /// Its tenures, each behind the one before.
    pub tenures: Vec<Tenure>,
}

/// What a version of a plan asks.
#[derive(Debug, Clone)]
pub struct PriceVersion {
    /// The version.
    pub number: u32,
    /// When it was made.
    pub at: Micros,
    /// From when on its prices hold.
    pub from: PricesFrom,
    /// The prices; none where the plan is free.
    pub list: Option<Arc<PriceList>>,
}

/// The versions of all plans, oldest first.
pub type PriceVersions = HashMap<PlanId, Vec<PriceVersion>>;

/// The histories of one app, or of all, in the order of their ids.
pub async fn histories(tx: &mut Tx, app: Option<AppId>) -> Result<Vec<History>, StoreError> {
    let owners = store::owners(tx, app).await?;
    let contracts = store::contracts(tx).await?;
    let mut found: Vec<History> = Vec::new();
    for row in store::subscriptions(tx, app).await? {
        let Some(of_app) = owners.get(&row.app) else { continue };
        if found.last().is_none_or(|last| last.app != row.app) {
            found.push(History { app: row.app, tenures: Vec::new() });
        }
        let Some(History { tenures, .. }) = found.last_mut() else { continue };
        // Where a partner has no contract, its periods count from the app's first subscription.
        let first = tenures.first().map_or(row.from, |first| first.from);
        for owner in of_app {
            let from = row.from.max(owner.from);
            let until = [row.until, owner.until].into_iter().flatten().min();
            if until.is_none_or(|until| from < until) {
                let contract = contracts.get(&owner.partner).copied().unwrap_or(first);
                let (partner, plan) = (owner.partner, row.plan);
                tenures.push(Tenure { partner, plan, from, until, contract });
            }
        }
    }
    Ok(found)
}

/// What the versions of plans ask: of all plans, or of those that an app has been on.
pub async fn price_versions(tx: &mut Tx, app: Option<AppId>) -> Result<PriceVersions, StoreError> {
    let mut all = PriceVersions::new();
    for (plan, version, prices) in store::versions(tx, app).await? {
        let versions = all.entry(plan).or_default();
        let list = prices.map(|PlanPrices(list)| match versions.last() {
            // Most versions change something else.
            Some(PriceVersion { list: Some(before), .. }) if **before == list => Arc::clone(before),
            _ => Arc::new(list),
        });
        versions.push(PriceVersion { list, ..version });
    }
    Ok(all)
}
