//! All SQL of histories.

use super::{PriceVersion, PricesFrom};
use crate::access::plan::PlanPrices;
use crate::access::plan::store::{definition, version};
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::on_tx;
use crate::storage::{StoreError, Tx};
use std::collections::HashMap;

/// A time in which an app was one partner's.
pub(super) struct Owner {
    pub(super) partner: PartnerId,
    pub(super) from: Micros,
    pub(super) until: Option<Micros>,
}

/// A time in which an app was on a plan.
pub(super) struct OnPlan {
    pub(super) app: AppId,
    pub(super) plan: PlanId,
    pub(super) from: Micros,
    pub(super) until: Option<Micros>,
}

/// Notes whose an app was until now.
pub(in crate::access) async fn leave(
    tx: &mut Tx,
    app: AppId,
    partner: PartnerId,
    until: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO app_past_owners (app_id, until_at, partner_id) VALUES ($1, $2, $3)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(app.to_string()).bind(until.0);
        insert.bind(partner.to_string()).execute(c).await?;
    });
    Ok(())
}

/// The owners of apps, each app's in order.
pub(super) async fn owners(
    tx: &mut Tx,
    app: Option<AppId>,
) -> Result<HashMap<AppId, Vec<Owner>>, StoreError> {
    const PAST: &str = "SELECT app_id, partner_id, until_at FROM app_past_owners \
                        WHERE $1 IS NULL OR app_id = $1 ORDER BY app_id, until_at";
    const PRESENT: &str = "SELECT id, partner_id FROM apps WHERE $1 IS NULL OR id = $1";
    let app = app.map(|app| app.to_string());
    let past: Vec<(String, String, i64)> =
        on_tx!(&mut *tx, c => sqlx::query_as(PAST).bind(&app).fetch_all(c).await)?;
    let present: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(PRESENT).bind(&app).fetch_all(c).await)?;
    let mut owners: HashMap<AppId, Vec<Owner>> = HashMap::new();
    let past = past.into_iter().map(|(app, partner, until)| (app, partner, Some(Micros(until))));
    for (app, partner, until) in past.chain(present.into_iter().map(|(a, p)| (a, p, None))) {
        let of_app = owners.entry(stored("apps", &app)?).or_default();
        let from = of_app.last().and_then(|last| last.until).unwrap_or(Micros(i64::MIN));
        of_app.push(Owner { partner: stored("apps", &partner)?, from, until });
    }
    Ok(owners)
}

/// When contracts began.
pub(super) async fn contracts(tx: &mut Tx) -> Result<HashMap<PartnerId, Micros>, StoreError> {
    const FIND: &str = "SELECT id, contract_from FROM partners WHERE contract_from IS NOT NULL";
    let rows: Vec<(String, i64)> = on_tx!(tx, c => sqlx::query_as(FIND).fetch_all(c).await)?;
    rows.into_iter().map(|(id, from)| Ok((stored("partners", &id)?, Micros(from)))).collect()
}

/// The subscriptions of apps that were approved, each app's in order.
pub(super) async fn subscriptions(
    tx: &mut Tx,
    app: Option<AppId>,
) -> Result<Vec<OnPlan>, StoreError> {
    const TABLE: &str = "app_subscriptions";
    const FIND: &str = "SELECT app_id, plan_id, starts_at, ends_at FROM app_subscriptions \
                        WHERE starts_at IS NOT NULL AND ($1 IS NULL OR app_id = $1) \
                        ORDER BY app_id, starts_at";
    let app = app.map(|app| app.to_string());
    let rows: Vec<(String, String, i64, Option<i64>)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(&app).fetch_all(c).await)?;
    let each = |(app, plan, from, until): (String, String, i64, Option<i64>)| {
        let (app, plan) = (stored(TABLE, &app)?, stored(TABLE, &plan)?);
        Ok(OnPlan { app, plan, from: Micros(from), until: until.map(Micros) })
    };
    rows.into_iter().map(each).collect()
}

/// The versions of plans with their prices, each plan's in order: of all plans, or of those that an app has been on.
pub(super) async fn versions(
    tx: &mut Tx,
    app: Option<AppId>,
) -> Result<Vec<(PlanId, PriceVersion, Option<PlanPrices>)>, StoreError> {
    const TABLE: &str = "plan_versions";
    const FIND: &str = "SELECT plan_id, version, definition, created_at, prices_from \
                        FROM plan_versions WHERE $1 IS NULL \
                        OR plan_id IN (SELECT plan_id FROM app_subscriptions WHERE app_id = $1) \
                        ORDER BY plan_id, version";
    let app = app.map(|app| app.to_string());
    let rows: Vec<(String, i64, String, i64, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(&app).fetch_all(c).await)?;
    let each = |(plan, number, text, at, from): (String, i64, String, i64, String)| {
        let from: PricesFrom = stored(TABLE, &from)?;
        let version = PriceVersion { number: version(number)?, at: Micros(at), from, list: None };
        Ok((stored(TABLE, &plan)?, version, definition(&text)?.prices))
    };
    rows.into_iter().map(each).collect()
}
