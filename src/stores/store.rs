//! Writing stores.

pub mod read;

use super::model::Store;
use crate::catalog::document::Document;
use crate::catalog::known::Known;
use crate::catalog::store::document::{Resource, Statements};
use crate::kernel::Micros;
use crate::kernel::id::StoreId;
use crate::on_db;
use crate::storage::bulk::{Cell, Statement};
use crate::storage::{Db, StoreError};
use serde::Deserialize;
use serde_json::Value;

static FIND: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT s.id, s.hash, s.version, s.deleted_at IS NOT NULL AS deleted, s.body
       FROM k JOIN stores s ON s.id = k.id",
);
static BODIES: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT t.id, t.body FROM k JOIN stores t ON t.id = k.id WHERE t.deleted_at IS NULL",
);
static PUT: Statement = Statement::new(
    "INSERT INTO stores (id, store_code, body, hash, version, updated_at) VALUES",
    6,
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body, hash = excluded.hash,
       version = excluded.version, updated_at = excluded.updated_at, deleted_at = NULL",
);

impl Resource for Store {
    const KIND: &'static str = "store";
    const CODE_FIELD: &'static str = "store_code";
    const UNKNOWN: &'static str = "unknown_store";

    fn statements() -> Statements {
        const DELETE: &str = "UPDATE stores SET deleted_at = $1, updated_at = $1, version = $2, \
             body = COALESCE($4, body) WHERE id = $3";
        Statements { find: &FIND, bodies: &BODIES, upsert: &PUT, delete: DELETE }
    }

    fn id_of(code: &str) -> String {
        StoreId::derived(code).to_string()
    }

    fn code(&self) -> &str {
        &self.code
    }

    fn document(&self) -> &Document {
        &self.document
    }

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![Self::id_of(&self.code).into(), self.code.as_str().into()]
    }

    /// Customers stand before closed doors where new hours go unnoticed, so they have a word of their own.
    fn turned(&self, before: &str) -> &'static str {
        let now = self.document.body(Micros(0), 0);
        let hours = |body: &str| serde_json::from_str::<Hours>(body).ok();
        if hours(before) == hours(&now) { "updated" } else { "hours_changed" }
    }
}

/// When a store is open, as its document says.
#[derive(PartialEq, Eq, Deserialize)]
struct Hours {
    time_zone: Value,
    opening_hours: Value,
    special_opening_hours: Value,
}

/// What is read of a store's document.
#[derive(Deserialize)]
struct Named {
    gln: Option<String>,
}

/// Whether there is a store.
pub async fn exists(db: &Db, store: StoreId) -> Result<bool, StoreError> {
    const FIND: &str = "SELECT count(*) FROM stores WHERE id = $1 AND deleted_at IS NULL";
    let id = store.to_string();
    let count: i64 = on_db!(db, c => sqlx::query_scalar(FIND).bind(&id).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Adds the stores that exist to `known`.
pub async fn know_stores(db: &Db, known: &mut Known) -> Result<(), StoreError> {
    const ALL: &str = "SELECT id, body FROM stores WHERE deleted_at IS NULL ORDER BY id";
    let rows: Vec<(String, String)> = on_db!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    for (id, body) in rows {
        let id: StoreId = id.parse().map_err(|e| StoreError::corrupt("stores", e))?;
        let named: Named =
            serde_json::from_str(&body).map_err(|e| StoreError::corrupt("stores", e))?;
        known.stores.insert(id);
        if let Some(gln) = named.gln {
            known.glns.entry(gln).or_default().push(id);
        }
    }
    Ok(())
}
