//! When secrets and keys were last used.

use super::hex;
use crate::access::keys::model::SecretUse;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{StoreError, Tx};

#[cfg(doc)]
use super::rotation::hold_secrets;

static HOLD_SECRETS: Statement = Statement::new(
    "SELECT hash FROM key_secrets WHERE hash IN (VALUES",
    1,
    ") ORDER BY key_id COLLATE \"C\", hash COLLATE \"C\" FOR NO KEY UPDATE",
);
static TOUCH_SECRETS: Statement = Statement::new(
    "WITH k (hash, at) AS (VALUES",
    2,
    ") UPDATE key_secrets SET last_used_at = k.at FROM k WHERE key_secrets.hash = k.hash
       AND (key_secrets.last_used_at IS NULL OR key_secrets.last_used_at < k.at)",
);
/// In the order in which the keys are given, which is the same on all nodes whatever their databases sort by, for the
/// same reason as below.
static TOUCH_KEYS: Statement = Statement::new(
    "WITH u (place, key_id, at) AS (VALUES",
    3,
    ") INSERT INTO key_uses (key_id, last_used_at)
       SELECT k.id, u.at FROM u, keys k WHERE k.id = u.key_id ORDER BY u.place
       ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at
       WHERE key_uses.last_used_at < excluded.last_used_at",
);

/// Stores when secrets were last used, and their keys, which outlive them. An older time never replaces a newer one.
pub async fn touch_secrets(tx: &mut Tx, uses: &[SecretUse]) -> Result<(), StoreError> {
    let secrets = latest(uses.iter().map(|used| (hex(&used.hash), used.at.0)));
    hold(tx, uses).await?;
    bulk::write(tx, &TOUCH_SECRETS, &cells(&secrets)).await?;
    let keys = latest(uses.iter().map(|used| (used.key.to_string(), used.at.0)));
    let placed = (0_i64..).zip(&keys);
    let placed =
        placed.flat_map(|(at, (key, used))| [at.into(), key.as_str().into(), (*used).into()]);
    bulk::write(tx, &TOUCH_KEYS, &placed.collect::<Vec<Cell<'_>>>()).await
}

/// Holds secrets in one order, that of their keys, on all nodes, so that two of them never wait for each other, nor one
/// for who rotates many keys ([`hold_secrets`]). On SQLite one writes at a time.
async fn hold(tx: &mut Tx, uses: &[SecretUse]) -> Result<(), StoreError> {
    let Tx::Postgres(_) = tx else { return Ok(()) };
    let mut held: Vec<_> =
        uses.iter().map(|used| (used.key.to_string(), hex(&used.hash))).collect();
    held.sort_unstable();
    held.dedup();
    let hashes: Vec<Cell<'_>> = held.iter().map(|(_, hash)| hash.as_str().into()).collect();
    bulk::write(tx, &HOLD_SECRETS, &hashes).await
}

/// The last use of each, in the order of their names: of two of one, a statement may take either, or none.
fn latest(uses: impl Iterator<Item = (String, i64)>) -> Vec<(String, i64)> {
    let mut uses: Vec<(String, i64)> = uses.collect();
    uses.sort_unstable_by(|one, other| (&one.0, other.1).cmp(&(&other.0, one.1)));
    uses.dedup_by(|next, kept| next.0 == kept.0);
    uses
}

fn cells(uses: &[(String, i64)]) -> Vec<Cell<'_>> {
    uses.iter().flat_map(|(name, at)| [name.as_str().into(), (*at).into()]).collect()
}
