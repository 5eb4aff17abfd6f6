//! `comptoir key show`: what is known of a key, but for its text.

use crate::access::freezes::Frozen;
use crate::access::keys::service::get_key;
use crate::access::model::{Key, KeySecret};
use crate::admin::keys::schema::{KeyOut, RotationOut};
use crate::cli::desk::Desk;
use crate::cli::lines::status_word;
use crate::cli::speak::say;
use crate::cli::table::{Table, or_dash, row};
use crate::kernel::id::KeyId;

/// A key as it is now, and below it its secrets.
pub(super) async fn show(desk: &Desk, id: KeyId, json: bool) -> anyhow::Result<()> {
    let key = get_key(&desk.db, id, desk.clock.now()).await?;
    let frozen = Frozen::read(&desk.db).await?;
    if json {
        return say(serde_json::to_string_pretty(&KeyOut::of(key, &frozen))?);
    }
    about(&key, &frozen)?;
    secrets(&key.secrets)
}

fn about(key: &Key, frozen: &Frozen) -> anyhow::Result<()> {
    let (spec, freeze) = (&key.spec, frozen.key(key.id, key.spec.app));
    let mut table = Table::of_one();
    table.row(row!["key", key.id])?;
    table.row(row!["name", spec.name])?;
    table.row(row!["kind", key.kind])?;
    table.row(row!["status", status_word(key.status, freeze)])?;
    if let Some((_, freeze)) = freeze {
        table.row(row!["frozen because", freeze.reason])?;
        table.row(row!["frozen by", freeze.by])?;
        table.row(row!["frozen at", freeze.at])?;
    }
    table.row(row!["app", spec.app])?;
    table.row(row!["environment", spec.environment])?;
    table.row(row!["scopes", spec.scopes])?;
    for cidr in &spec.cidrs {
        table.row(row!["cidr", cidr])?;
    }
    table.row(row!["expires", or_dash(spec.expires_at)])?;
    table.row(row!["last used", or_dash(key.last_used_at)])?;
    if let Some(rotation) = key.rotation().map(RotationOut::from) {
        table.row(row!["new secret begins", rotation.starts_at])?;
        table.row(row!["old secret ends", or_dash(rotation.ends_at)])?;
        table.row(row!["old secret quiet since", rotation.old_quiet_since])?;
    }
    table.row(row!["version", key.version])?;
    table.row(row!["created", key.created_at])?;
    table.row(row!["changed", key.updated_at])?;
    table.end()
}

/// The secrets that are not over, oldest first.
fn secrets(secrets: &[KeySecret]) -> anyhow::Result<()> {
    let mut table = Table::new("SECRET FORM HINT CREATED BEGINS ENDS LAST-USED");
    for KeySecret { id, form, hint, created_at, starts_at, expires_at, last_used_at } in secrets {
        let [begins, ends, used] = [starts_at, expires_at, last_used_at].map(|it| or_dash(*it));
        table.row(row![id, form, hint, created_at, begins, ends, used])?;
    }
    table.end()
}
