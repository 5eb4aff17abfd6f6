//! Partners, apps, keys and tokens as rows of the shell.

use super::speak::remark;
use super::table::{Table, or_dash, row, say_row};
use crate::access::freezes::{Freezable, Freeze, Frozen};
use crate::access::leaks::Leak;
use crate::access::model::{App, Definition, Key, Partner};
use crate::admin::token::AdminToken;
use crate::kernel::Micros;
use crate::storage::Db;
use std::fmt::Display;

/// The columns of partners.
pub(super) const PARTNER: &str = "ID STATUS NAME";
/// The columns of apps.
pub(super) const APP: &str = "ID STATUS PARTNER PLAN NAME";
/// The columns of keys.
pub(super) const KEY: &str =
    "ID STATUS ENVIRONMENT APP SCOPES NAME LAST-USED EXPIRES OLD-SECRET-ENDS NEW-SECRET-BEGINS";
/// The columns of tokens.
pub(super) const TOKEN: &str = "ID STATUS NAME ROLES HELD";

/// A status, and by what it is overruled where something is frozen.
pub(super) fn status_word(status: impl Display, frozen: Option<(Freezable, &Freeze)>) -> String {
    frozen.map_or_else(|| status.to_string(), |(what, _)| format!("{status}, frozen by {what}"))
}

pub(super) fn partner_row(partner: &Partner, frozen: &Frozen) -> Vec<String> {
    let status = status_word(partner.status, frozen.partner(partner.id));
    row![partner.id, status, partner.name]
}

pub(super) fn app_row(app: &App, frozen: &Frozen) -> Vec<String> {
    let status = status_word(app.status, frozen.app(app.id));
    row![app.id, status, app.partner, app.plan, app.name]
}

/// Warns of operations that a plan's limits can never admit.
pub(super) fn warn_of(definition: &Definition) {
    for never in definition.never_admitted() {
        remark(format!("careful: {never}"));
    }
}

pub(super) fn key_row(key: &Key, frozen: &Frozen) -> Vec<String> {
    let spec = &key.spec;
    let status = status_word(key.status, frozen.key(key.id, spec.app));
    let turn = key.rotation();
    let ends = turn.and_then(|turn| turn.old.expires_at);
    let begins = turn.and_then(|turn| turn.new.starts_at);
    row![
        key.id,
        status,
        spec.environment,
        spec.app,
        spec.scopes,
        spec.name,
        or_dash(key.last_used_at),
        or_dash(spec.expires_at),
        or_dash(ends),
        or_dash(begins),
    ]
}

/// Says a row about something, beside what is frozen now.
pub(super) async fn say_now<T>(
    db: &Db,
    it: T,
    headings: &str,
    row: fn(&T, &Frozen) -> Vec<String>,
) -> anyhow::Result<()> {
    say_row(headings, row(&it, &Frozen::read(db).await?))
}

pub(super) fn token_row(token: &AdminToken, now: Micros) -> Vec<String> {
    let held =
        if token.is_held { "its account is suspended or has none of its roles" } else { "-" };
    row![token.id, token.standing(now), token.name, token.roles, held]
}

/// The places where a secret was found.
pub(super) fn say_leaks(leaks: &[Leak]) -> anyhow::Result<()> {
    let mut table = Table::new("FOUND HINT FORM ACTION SOURCE PLACE");
    for Leak { found_at, hint, kind, action, source, url, .. } in leaks {
        table.row(row![found_at, hint, kind, action, source, url])?;
    }
    table.end()
}
