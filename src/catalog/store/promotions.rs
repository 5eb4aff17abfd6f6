//! Writing promotions. Of one customer's own partners are told nothing: for them it is not there.

use super::document::{self, Resource, Statements};
use crate::catalog::document::{Document, Line};
use crate::catalog::fault::Fate;
use crate::catalog::offers::store::named::{self, Told};
use crate::catalog::promotions::Promotion;
use crate::kernel::Micros;
use crate::kernel::id::PromotionId;
use crate::storage::bulk::{Cell, Statement};
use crate::storage::{StoreError, Tx};

static FIND: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT p.id, p.hash, p.version, p.deleted_at IS NOT NULL AS deleted, p.personal AS hidden
       FROM k JOIN promotions p ON p.id = k.id",
);
static BODIES: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT t.id, t.body FROM k JOIN promotions t ON t.id = k.id WHERE t.deleted_at IS NULL",
);
// `gone_at` is when partners saw it go: it stays as it is while the promotion is one customer's own.
static PUT: Statement = Statement::new(
    "INSERT INTO promotions (id, code, personal, body, hash, version, updated_at) VALUES",
    7,
    "ON CONFLICT (id) DO UPDATE SET personal = excluded.personal, body = excluded.body,
       hash = excluded.hash, version = excluded.version, updated_at = excluded.updated_at,
       deleted_at = NULL, gone_at = CASE WHEN NOT excluded.personal THEN NULL
         WHEN promotions.personal THEN promotions.gone_at
         ELSE COALESCE(promotions.gone_at, excluded.updated_at) END",
);
impl Resource for Promotion {
    const KIND: &'static str = "promotion";
    const CODE_FIELD: &'static str = "code";
    const UNKNOWN: &'static str = "unknown_promotion";

    fn statements() -> Statements {
        const DELETE: &str = "UPDATE promotions SET deleted_at = $1, updated_at = $1, version = $2,
            gone_at = CASE WHEN personal THEN gone_at ELSE $1 END, body = COALESCE($4, body)
            WHERE id = $3";
        Statements { find: &FIND, bodies: &BODIES, upsert: &PUT, delete: DELETE }
    }

    fn id_of(code: &str) -> String {
        PromotionId::derived(code).to_string()
    }

    fn code(&self) -> &str {
        &self.code
    }

    fn document(&self) -> &Document {
        &self.document
    }

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![Self::id_of(&self.code).into(), self.code.as_str().into(), self.is_personal().into()]
    }

    fn is_told(&self) -> bool {
        !self.is_personal()
    }
}

/// Stores a batch of lines about promotions, and tells offers anew that name one which partners are told of from
/// now on, or no longer. Whoever writes offers must be kept out meanwhile.
pub async fn put_promotions(
    tx: &mut Tx,
    lines: &[Line<Promotion>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Unchanged; lines.len()];
    let ids: Vec<String> = lines.iter().map(|line| Promotion::id_of(line.code())).collect();
    let before = Told::of(tx, ids.iter().map(String::as_str)).await?;
    document::put(tx, lines, &mut fates, now).await?;
    tell_offers(tx, &ids, &before, now).await?;
    Ok(fates)
}

/// Deletes the promotions of these ids that a full feed names no more, and tells offers anew that name one; how many
/// there were. Whoever writes offers must be kept out meanwhile.
pub async fn remove_promotions(
    tx: &mut Tx,
    ids: &[String],
    reason: &'static str,
    now: Micros,
) -> Result<u64, StoreError> {
    let before = Told::of(tx, ids.iter().map(String::as_str)).await?;
    let removed = document::remove::<Promotion>(tx, ids, reason, now).await?;
    tell_offers(tx, ids, &before, now).await?;
    Ok(removed)
}

/// Tells offers anew that name one of these promotions which has turned since `before`.
async fn tell_offers(
    tx: &mut Tx,
    ids: &[String],
    Told(before): &Told,
    now: Micros,
) -> Result<(), StoreError> {
    let Told(after) = Told::of(tx, ids.iter().map(String::as_str)).await?;
    let shown = after.difference(before).map(String::as_str).collect();
    let hidden = before.difference(&after).map(String::as_str).collect();
    named::tell_anew(tx, (&shown, &hidden), now).await
}
