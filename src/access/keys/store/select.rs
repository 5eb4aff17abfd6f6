//! Which keys are meant: one statement for lists and for what is done to many.

use super::{Row, SecretRow, joined};
use crate::access::Environment;
use crate::access::keys::model::KeyFilter;
use crate::access::model::Key;
use crate::access::store::{Owners, Walk, stored};
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::kernel::word::Word;
use crate::on_tx;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{StoreError, Tx, fetch};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// A parameter that is NULL stands for anything. `$10` says why keys want to be looked at, `$11` is the time
/// behind that: until when for what ends, since when for what is or is not used.
const SELECT: &str = "SELECT k.*, u.last_used_at FROM keys k JOIN apps a ON a.id = k.app_id \
    LEFT JOIN key_uses u ON u.key_id = k.id \
    WHERE k.id > $1 \
    AND a.partner_id = COALESCE($2, a.partner_id) AND k.app_id = COALESCE($3, k.app_id) \
    AND EXISTS (SELECT 1 FROM app_subscriptions s WHERE s.app_id = a.id \
        AND s.plan_id = COALESCE($4, s.plan_id) AND s.starts_at <= $12 \
        AND (s.ends_at IS NULL OR s.ends_at > $12)) \
    AND k.environment = COALESCE($5, k.environment) AND k.kind = COALESCE($6, k.kind) \
    AND k.status = COALESCE($7, k.status) \
    AND (' ' || k.scopes || ' ') LIKE COALESCE($8, '%') \
    AND k.created_at < COALESCE($9, k.created_at + 1) \
    AND CASE $10 \
        WHEN 'all' THEN 1 = 1 \
        WHEN 'expiring' THEN k.status <> 'revoked' AND k.expires_at > $12 AND k.expires_at <= $11 \
        WHEN 'old_secret_used' THEN EXISTS (SELECT 1 FROM key_secrets s WHERE s.key_id = k.id \
            AND s.expires_at > $12 AND s.last_used_at >= $11) \
        WHEN 'old_secret_quiet' THEN EXISTS (SELECT 1 FROM key_secrets s WHERE s.key_id = k.id \
            AND s.expires_at > $12) AND NOT EXISTS (SELECT 1 FROM key_secrets s \
            WHERE s.key_id = k.id AND s.expires_at > $12 AND s.last_used_at >= $11) \
        WHEN 'unused' THEN k.status <> 'revoked' AND k.created_at < $11 \
            AND COALESCE(u.last_used_at, 0) < $11 \
        ELSE k.status <> 'revoked' AND EXISTS (SELECT 1 FROM key_leaks l \
            WHERE l.key_id = k.id AND l.found_at >= $11) END \
    AND ($13 = '' OR EXISTS (SELECT 1 FROM key_secrets s WHERE s.key_id = k.id AND s.hint = $13 \
        AND (s.expires_at IS NULL OR s.expires_at > $12))) \
    AND ($14 < 0 OR (k.created_at < $14 AND COALESCE(u.last_used_at, 0) < $14))";
/// The end of it.
const PAGE: &str = " ORDER BY k.id LIMIT $15";

/// The keys that a filter means, in the order of their ids, with their secrets that are not over.
pub async fn keys(
    tx: &mut Tx,
    filter: &KeyFilter,
    walk: &Walk,
    now: Micros,
) -> Result<Vec<Key>, StoreError> {
    let mut ids: Vec<String> = filter.ids.iter().map(ToString::to_string).collect();
    if ids.is_empty() {
        let rows = rows(tx, filter, (walk, &[]), now).await?;
        return with_secrets(tx, rows, now).await;
    }
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::new();
    for some in ids.chunks(ROWS_PER_STATEMENT) {
        found.append(&mut rows(tx, filter, (walk, some), now).await?);
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found.truncate(walk.limit as usize);
    with_secrets(tx, found, now).await
}

/// The statement for any keys, or for some ids in so many places behind the other parameters.
fn statement(places: usize) -> AssertSqlSafe<String> {
    let list: Vec<String> = (0..places).map(|at| format!("${}", at + 16)).collect();
    let of_ids =
        if places == 0 { String::new() } else { format!(" AND k.id IN ({})", list.join(", ")) };
    AssertSqlSafe(format!("{SELECT}{of_ids}{PAGE}"))
}

async fn rows(
    tx: &mut Tx,
    filter: &KeyFilter,
    (walk, ids): (&Walk, &[String]),
    now: Micros,
) -> Result<Vec<Row>, StoreError> {
    let scope = filter.scope.map(|scope| format!("% {} %", scope.as_str()));
    let (attention, since) = match filter.attention {
        Some((attention, since)) => (attention.as_str(), since),
        None => ("all", now),
    };
    let places = if ids.is_empty() { 0 } else { ROWS_PER_STATEMENT };
    Ok(on_tx!(tx, c => {
        let mut select = sqlx::query_as(statement(places)).bind(&walk.after);
        select = select.bind(filter.partner.map(|id| id.to_string()));
        select = select.bind(filter.app.map(|id| id.to_string()));
        select = select.bind(filter.plan.map(|id| id.to_string()));
        select = select.bind(filter.environment.map(Environment::as_str));
        select = select.bind(filter.kind.map(Word::as_str));
        select = select.bind(filter.status.map(Word::as_str)).bind(scope);
        select = select.bind(filter.created_before.map(|at| at.0));
        select = select.bind(attention).bind(since.0).bind(now.0);
        select = select.bind(filter.hint.as_deref().unwrap_or_default());
        select = select.bind(filter.used_before.map_or(-1, |at| at.0)).bind(i64::from(walk.limit));
        for place in 0..places {
            // The last one fills what is left, so that there is one statement for all numbers of ids.
            select = select.bind(ids.get(place).or(ids.last()));
        }
        select.fetch_all(c).await
    })?)
}

async fn with_secrets(tx: &mut Tx, rows: Vec<Row>, now: Micros) -> Result<Vec<Key>, StoreError> {
    const SECRETS: &str = "SELECT * FROM key_secrets WHERE key_id IN (";
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut secrets = Vec::new();
    for some in ids.chunks(ROWS_PER_STATEMENT) {
        secrets.extend(fetch::by_ids_in::<SecretRow>(tx, SECRETS, some).await?);
    }
    secrets.retain(|secret| secret.expires_at.is_none_or(|at| at > now.0));
    secrets.sort_by_key(|secret| (secret.created_at, secret.expires_at.is_none()));
    joined(rows, secrets)
}

/// Whose the apps of keys are.
pub async fn owners(tx: &mut Tx, keys: &[Key]) -> Result<Owners, StoreError> {
    const APPS: &str = "SELECT id, partner_id FROM apps WHERE id IN (";
    let apps: BTreeSet<AppId> = keys.iter().map(|key| key.spec.app).collect();
    let apps: Vec<String> = apps.iter().map(ToString::to_string).collect();
    let mut owners = Owners::new();
    for some in apps.chunks(ROWS_PER_STATEMENT) {
        for (app, partner) in fetch::by_ids_in::<(String, String)>(tx, APPS, some).await? {
            owners.insert(stored("apps", &app)?, stored("apps", &partner)?);
        }
    }
    Ok(owners)
}
