//! All SQL of the history of refusals.

use super::tally::{Cell as Counted, CellKey};
use crate::access::operation;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{Db, StoreError};
use crate::{on_db, on_tx};
use sqlx::{FromRow, QueryBuilder};

/// One row of the history.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Row {
    /// Start of the minute.
    pub minute: i64,
    /// Ids, empty where no key was proved.
    pub partner_id: String,
    /// The app.
    pub app_id: String,
    /// The key.
    pub key_id: String,
    /// The operation id; empty for a path that is none.
    pub operation: String,
    /// The problem's code.
    pub code: String,
    /// The limits that refused, joined by commas.
    pub limits: String,
    /// How many calls.
    pub refused: i64,
    /// The refusal id of the latest.
    pub last_id: String,
    /// When it was.
    pub last_at: i64,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Of one partner.
    pub partner: Option<String>,
    /// Of one app.
    pub app: Option<String>,
    /// Of one key.
    pub key: Option<String>,
    /// With one code.
    pub code: Option<String>,
    /// From this instant on.
    pub from: i64,
    /// Before this instant.
    pub to: i64,
    /// The place behind which the rows begin.
    pub behind: Option<Place>,
    /// Most rows.
    pub limit: u32,
}

/// The place of a row in the history, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    minute: i64,
    /// What tells the rows of a minute apart.
    rest: String,
}

impl Place {
    /// Of a row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let of = [&row.partner_id, &row.app_id, &row.key_id];
        let parts = of.into_iter().chain([&row.operation, &row.code, &row.limits]);
        Self { minute: row.minute, rest: parts.map(String::as_str).collect::<Vec<_>>().join("|") }
    }

    /// As the key of a cursor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.minute.to_be_bytes()[..], self.rest.as_bytes()].concat()
    }

    /// From the key of a cursor.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (minute, rest) = bytes.split_first_chunk::<8>()?;
        let rest = String::from_utf8(rest.to_vec()).ok()?;
        Some(Self { minute: i64::from_be_bytes(*minute), rest })
    }
}

/// Adds what a node has counted to the history.
pub async fn add(db: &Db, counted: &[(CellKey, Counted)]) -> Result<(), StoreError> {
    static ADD: Statement = Statement::new(
        "INSERT INTO refusals (minute, partner_id, app_id, key_id, operation, code, limits, refused, \
         last_id, last_at) VALUES",
        10,
        "ON CONFLICT (minute, partner_id, app_id, key_id, operation, code, limits) DO UPDATE SET \
         refused = refusals.refused + excluded.refused, \
         last_id = CASE WHEN excluded.last_at >= refusals.last_at \
         THEN excluded.last_id ELSE refusals.last_id END, \
         last_at = CASE WHEN excluded.last_at >= refusals.last_at \
         THEN excluded.last_at ELSE refusals.last_at END",
    );
    // In one order on every node, so that two that add at once wait for each other and do not hang.
    let mut rows: Vec<[Cell<'_>; 10]> = counted.iter().map(row).collect();
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    let cells: Vec<Cell<'_>> = rows.into_iter().flatten().collect();
    let mut tx = db.begin().await?;
    bulk::write(&mut tx, &ADD, &cells).await?;
    tx.commit().await
}

fn row((key, cell): &(CellKey, Counted)) -> [Cell<'_>; 10] {
    let ids = key.who.map(|(partner, app, key)| {
        [PartnerId(partner).to_string(), AppId(app).to_string(), KeyId(key).to_string()]
    });
    let [partner, app, of_key] = ids.unwrap_or_default();
    let operation = key.operation.and_then(operation::by_code).map_or("", |known| known.id);
    [
        key.minute.0.into(),
        partner.into(),
        app.into(),
        of_key.into(),
        operation.into(),
        key.code.as_str().into(),
        key.limits.as_str().into(),
        i64::try_from(cell.count).unwrap_or(i64::MAX).into(),
        cell.last_id.as_str().into(),
        cell.last_at.0.into(),
    ]
}

/// What tells the rows of a minute apart, in their order.
const REST: &str = "partner_id || '|' || app_id || '|' || key_id || '|' || operation || '|' || code || '|' || limits";

/// The statement that lists what is asked for, once per engine. Only what is asked for stands in it: a condition
/// that is always true keeps SQLite from the index of an app.
macro_rules! listed {
    ($select:expr, $asked:ident) => {{
        let mut sql = QueryBuilder::new($select);
        sql.push(" WHERE minute >= ")
            .push_bind($asked.from)
            .push(" AND minute < ")
            .push_bind($asked.to);
        let columns = [
            ("partner_id", &$asked.partner),
            ("app_id", &$asked.app),
            ("key_id", &$asked.key),
            ("code", &$asked.code),
        ];
        for (column, wanted) in columns {
            if let Some(wanted) = wanted {
                sql.push(format_args!(" AND {column} = ")).push_bind(wanted.clone());
            }
        }
        if let Some(Place { minute, rest }) = &$asked.behind {
            sql.push(" AND minute <= ")
                .push_bind(*minute)
                .push(" AND (minute < ")
                .push_bind(*minute);
            sql.push(format_args!(" OR {REST} > ")).push_bind(rest.clone()).push(")");
        }
        sql.push(format_args!(" ORDER BY minute DESC, {REST} LIMIT "));
        sql.push_bind(i64::from($asked.limit));
        sql
    }};
}

/// Rows of the history, newest minute first.
pub async fn list(db: &Db, asked: &Asked) -> Result<Vec<Row>, StoreError> {
    const SELECT: &str = "SELECT * FROM refusals";
    Ok(on_db!(db, c => listed!(SELECT, asked).build_query_as().fetch_all(c).await)?)
}

/// Forgets minutes before an instant.
pub async fn forget(db: &Db, before: Micros) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM refusals WHERE minute < $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(FORGET).bind(before.0).execute(c).await?;
    });
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Row as _;

    #[tokio::test]
    async fn the_refusals_of_an_app_are_read_by_its_index() {
        let db = crate::storage::testing::database().await;
        // PostgreSQL plans with the values, and reads tables of no rows whole.
        let Db::Sqlite { read, .. } = &*db else { return };
        let app = || Some("app_1".to_owned());
        let behind = || Some(Place { minute: 7, rest: "r".to_owned() });
        for asked in [
            Asked { app: app(), to: i64::MAX, limit: 5, ..Asked::default() },
            Asked { app: app(), partner: Some("prt_1".to_owned()), ..Asked::default() },
            Asked { app: app(), behind: behind(), code: Some("c".to_owned()), ..Asked::default() },
        ] {
            let asked = &asked;
            let mut sql = listed!("EXPLAIN QUERY PLAN SELECT * FROM refusals", asked);
            let steps = sql.build().fetch_all(read).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
            assert!(steps.iter().any(|step| step.contains("refusals_app (app_id=?")), "{steps:?}");
        }
    }
}
