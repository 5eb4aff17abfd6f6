//! All SQL of plans and their versions.

use super::Definition;
use crate::access::history::PricesFrom;
use crate::access::model::{Name, Plan, PlanVersion};
use crate::access::store::{Walk, stored};
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// What a stored plan version grants.
pub(in crate::access) fn definition(text: &str) -> Result<Definition, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt("plan_versions", error))
}

#[derive(FromRow)]
pub(in crate::access) struct PlanRow {
    id: String,
    name: String,
    version: i64,
    definition: String,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<PlanRow> for Plan {
    type Error = StoreError;

    fn try_from(row: PlanRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: stored("plans", &row.id)?,
            name: stored("plans", &row.name)?,
            version: version(row.version)?,
            definition: definition(&row.definition)?,
            created_at: Micros(row.created_at),
            updated_at: Micros(row.updated_at),
        })
    }
}

/// A stored version of a plan.
pub(in crate::access) fn version(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|error| StoreError::corrupt("plans", error))
}

/// Adds a plan at its first version. A taken name is a conflict.
pub async fn insert_plan(tx: &mut Tx, plan: &Plan) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO plans (id, name, version, created_at, updated_at) \
                          VALUES ($1, $2, $3, $4, $5)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(plan.id.to_string()).bind(plan.name.as_str());
        let insert = insert.bind(i64::from(plan.version));
        insert.bind(plan.created_at.0).bind(plan.updated_at.0).execute(c).await?;
    });
    let version = i64::from(plan.version);
    let definition = (&plan.definition, PricesFrom::default());
    insert_version(tx, plan.id, version, definition, plan.created_at).await
}

/// Gives a plan a new definition; its new version, `None` where there is no such plan.
pub async fn update_plan(
    tx: &mut Tx,
    id: PlanId,
    definition: (&Definition, PricesFrom),
    now: Micros,
) -> Result<Option<u32>, StoreError> {
    const UPDATE: &str = "UPDATE plans SET version = version + 1, updated_at = $2 \
                          WHERE id = $1 RETURNING version";
    let number: Option<i64> = on_tx!(tx, c => {
        sqlx::query_scalar(UPDATE).bind(id.to_string()).bind(now.0).fetch_optional(c).await
    })?;
    let Some(number) = number else { return Ok(None) };
    insert_version(tx, id, number, definition, now).await?;
    version(number).map(Some)
}

/// Gives a plan another name. A taken one is a conflict.
pub async fn rename_plan(
    tx: &mut Tx,
    id: PlanId,
    name: &Name,
    now: Micros,
) -> Result<(), StoreError> {
    const RENAME: &str = "UPDATE plans SET name = $2, updated_at = $3 WHERE id = $1";
    on_tx!(tx, c => {
        let rename = sqlx::query(RENAME).bind(id.to_string()).bind(name.as_str());
        rename.bind(now.0).execute(c).await?;
    });
    Ok(())
}

async fn insert_version(
    tx: &mut Tx,
    id: PlanId,
    version: i64,
    (definition, from): (&Definition, PricesFrom),
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO plan_versions \
                          (plan_id, version, definition, created_at, prices_from) \
                          VALUES ($1, $2, $3, $4, $5)";
    let definition = serde_json::to_string(definition)
        .map_err(|error| StoreError::corrupt("plan_versions", error))?;
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(id.to_string()).bind(version);
        insert.bind(definition).bind(now.0).bind(from.as_str()).execute(c).await?;
    });
    Ok(())
}

const FIND_PLAN: &str = "SELECT p.*, v.definition FROM plans p \
                         JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version \
                         WHERE p.id = $1";

/// A plan at its current version.
pub async fn find_plan(db: &Db, id: PlanId) -> Result<Option<Plan>, StoreError> {
    let row: Option<PlanRow> =
        on_db!(db, c => sqlx::query_as(FIND_PLAN).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Plan::try_from).transpose()
}

/// A plan at its current version, kept from others until the end of the transaction.
pub async fn hold_plan(tx: &mut Tx, id: PlanId) -> Result<Option<Plan>, StoreError> {
    const HOLD: &str = "UPDATE plans SET id = id WHERE id = $1";
    let id = id.to_string();
    let row: Option<PlanRow> = on_tx!(tx, c => {
        sqlx::query(HOLD).bind(&id).execute(&mut *c).await?;
        sqlx::query_as(FIND_PLAN).bind(&id).fetch_optional(c).await?
    });
    row.map(Plan::try_from).transpose()
}

/// Whether the prices of a plan held at once when they were made, or it has none.
pub async fn prices_hold_at_once(tx: &mut Tx, plan: &Plan) -> Result<bool, StoreError> {
    const FIND: &str = "SELECT definition, prices_from FROM plan_versions \
                        WHERE plan_id = $1 ORDER BY version DESC";
    let id = plan.id.to_string();
    let rows: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(&id).fetch_all(c).await)?;
    for (text, from) in rows {
        if definition(&text)?.prices != plan.definition.prices {
            return Ok(false);
        }
        if from == PricesFrom::Now.as_str() {
            return Ok(true);
        }
    }
    Ok(plan.definition.prices.is_none())
}

/// Plans in the order of their ids.
pub async fn list_plans(db: &Db, walk: &Walk) -> Result<Vec<Plan>, StoreError> {
    const LIST: &str = "SELECT p.*, v.definition FROM plans p \
                        JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version \
                        WHERE p.id > $1 ORDER BY p.id LIMIT $2";
    let rows: Vec<PlanRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(&walk.after).bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Plan::try_from).collect()
}

#[derive(FromRow)]
struct VersionRow {
    plan_id: String,
    version: i64,
    definition: String,
    created_at: i64,
}

impl TryFrom<VersionRow> for PlanVersion {
    type Error = StoreError;

    fn try_from(row: VersionRow) -> Result<Self, StoreError> {
        Ok(Self {
            plan: stored("plan_versions", &row.plan_id)?,
            version: version(row.version)?,
            definition: definition(&row.definition)?,
            created_at: Micros(row.created_at),
        })
    }
}

/// The versions of a plan behind `after`, oldest first.
pub async fn list_plan_versions(
    db: &Db,
    plan: PlanId,
    after: u32,
    limit: u32,
) -> Result<Vec<PlanVersion>, StoreError> {
    const LIST: &str = "SELECT * FROM plan_versions WHERE plan_id = $1 AND version > $2 \
                        ORDER BY version LIMIT $3";
    let rows: Vec<VersionRow> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(plan.to_string()).bind(i64::from(after));
        list.bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(PlanVersion::try_from).collect()
}

/// A version of a plan.
pub async fn find_plan_version(
    db: &Db,
    plan: PlanId,
    number: u32,
) -> Result<Option<PlanVersion>, StoreError> {
    let before = number.saturating_sub(1);
    let found = list_plan_versions(db, plan, before, 1).await?.pop();
    Ok(found.filter(|found| found.version == number))
}
