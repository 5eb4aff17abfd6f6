//! All SQL of how plans are offered.

use super::Offer;
use crate::access::model::Plan;
use crate::access::plan::store::PlanRow;
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use std::collections::HashMap;

const TABLE: &str = "plan_offers";

/// Most plans in the public list.
const PUBLIC_MOST: i64 = 100;

#[derive(FromRow)]
struct Row {
    plan_id: String,
    approval: String,
    listed: bool,
    description: String,
}

impl TryFrom<Row> for Offer {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let description = Some(row.description).filter(|text| !text.is_empty());
        Ok(Self {
            approval: stored(TABLE, &row.approval)?,
            public: row.listed,
            description: description.map(|text| stored(TABLE, &text)).transpose()?,
        })
    }
}

/// How a plan is offered, where that has been said.
pub async fn find(db: &Db, plan: PlanId) -> Result<Option<Offer>, StoreError> {
    const FIND: &str = "SELECT * FROM plan_offers WHERE plan_id = $1";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(FIND).bind(plan.to_string()).fetch_optional(c).await)?;
    row.map(Offer::try_from).transpose()
}

/// How plans are offered of which that has been said.
pub async fn all(db: &Db) -> Result<HashMap<PlanId, Offer>, StoreError> {
    const ALL: &str = "SELECT * FROM plan_offers";
    let rows: Vec<Row> = on_db!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let each = |row: Row| Ok((stored(TABLE, &row.plan_id)?, row.try_into()?));
    rows.into_iter().map(each).collect()
}

/// The plans that everybody may see, by name.
pub async fn public(db: &Db) -> Result<Vec<(Plan, Offer)>, StoreError> {
    const PLANS: &str = "SELECT p.*, v.definition FROM plans p \
                         JOIN plan_offers o ON o.plan_id = p.id AND o.listed \
                         JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version \
                         ORDER BY p.name LIMIT $1";
    let rows: Vec<PlanRow> =
        on_db!(db, c => sqlx::query_as(PLANS).bind(PUBLIC_MOST).fetch_all(c).await)?;
    let mut offers = all(db).await?;
    let mut public = Vec::with_capacity(rows.len());
    for row in rows {
        let plan = Plan::try_from(row)?;
        if let Some(offer) = offers.remove(&plan.id).filter(|offer| offer.public) {
            public.push((plan, offer));
        }
    }
    Ok(public)
}

/// Stores how a plan is offered.
pub async fn put(tx: &mut Tx, plan: PlanId, offer: &Offer, now: Micros) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO plan_offers (plan_id, approval, listed, description, updated_at) \
                       VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (plan_id) DO UPDATE SET approval = excluded.approval, \
                       listed = excluded.listed, description = excluded.description, \
                       updated_at = excluded.updated_at";
    let description = offer.description.as_ref().map_or("", |text| text.as_str());
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(plan.to_string()).bind(offer.approval.as_str());
        let put = put.bind(offer.public).bind(description).bind(now.0);
        put.execute(c).await?;
    });
    Ok(())
}
