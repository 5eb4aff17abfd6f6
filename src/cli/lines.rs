//! Partners, apps, plans, keys and tokens as lines of the shell.

use super::speak::{heading, remark, say};
use crate::access::freezes::{Freezable, Freeze, Frozen};
use crate::access::leaks::Leak;
use crate::access::model::{App, Definition, Key, Partner, Plan};
use crate::admin::token::AdminToken;
use crate::kernel::Micros;
use crate::storage::Db;
use std::fmt::Display;

/// The columns of partners.
pub(super) const PARTNER: &str = "ID STATUS NAME";
/// The columns of apps.
pub(super) const APP: &str = "ID STATUS PARTNER PLAN NAME";
/// The columns of plans.
pub(super) const PLAN: &str = "ID VERSION LIMITS NAME STOCK DATA";
/// The columns of keys.
pub(super) const KEY: &str =
    "ID STATUS ENVIRONMENT APP SCOPES NAME LAST-USED EXPIRES NEW-SECRET-STARTS OLD-SECRET-ENDS";
/// The columns of tokens.
pub(super) const TOKEN: &str = "ID STATUS NAME ROLES";

/// A status, and by what it is overruled where something is frozen.
fn status_word(status: impl Display, frozen: Option<(Freezable, &Freeze)>) -> String {
    frozen.map_or_else(|| status.to_string(), |(what, _)| format!("{status}, frozen by {what}"))
}

pub(super) fn partner_line(partner: &Partner, frozen: &Frozen) -> String {
    let status = status_word(partner.status, frozen.partner(partner.id));
    format!("{}\t{status}\t{}", partner.id, partner.name)
}

pub(super) fn app_line(app: &App, frozen: &Frozen) -> String {
    let status = status_word(app.status, frozen.app(app.id));
    format!("{}\t{status}\t{}\t{}\t{}", app.id, app.partner, app.plan, app.name)
}

pub(super) fn plan_line(plan: &Plan) -> String {
    let Plan { id, name, version, definition, .. } = plan;
    let limits = serde_json::to_string(&definition.limits).unwrap_or_default();
    let data = Some(&definition.data).filter(|data| !data.is_everything());
    let data = data.and_then(|data| serde_json::to_string(data).ok());
    let data = data.map_or_else(String::new, |data| format!("\tdata {data}"));
    format!(
        "{id}\tversion {version}\t{limits}\t{name}\tstock {}{data}",
        definition.stock_disclosure
    )
}

/// Warns of operations that a plan's limits can never admit.
pub(super) fn warn_of(definition: &Definition) {
    for never in definition.never_admitted() {
        remark(format!("careful: {never}"));
    }
}

pub(super) fn key_line(key: &Key, frozen: &Frozen) -> String {
    let spec = &key.spec;
    let status = status_word(key.status, frozen.key(key.id, spec.app));
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {at}"));
    let ends = spec.expires_at.map_or_else(String::new, |at| format!("\texpires {at}"));
    let starts = key.rotation().and_then(|turn| turn.new.starts_at);
    let starts = starts.map_or_else(String::new, |at| format!("\tnew secret starts {at}"));
    let turns = key.rotation().and_then(|turn| turn.old.expires_at);
    let turns = turns.map_or_else(String::new, |at| format!("\told secret ends {at}"));
    format!(
        "{}\t{status}\t{}\t{}\t{}\t{}\t{used}{ends}{starts}{turns}",
        key.id, spec.environment, spec.app, spec.scopes, spec.name
    )
}

/// Says a line about something, beside what is frozen now.
pub(super) async fn say_now<T>(
    db: &Db,
    it: T,
    line: fn(&T, &Frozen) -> String,
) -> anyhow::Result<()> {
    say(line(&it, &Frozen::read(db).await?))
}

pub(super) fn token_line(token: &AdminToken, now: Micros) -> String {
    let held =
        if token.is_held { "\tits account is suspended or has none of its roles" } else { "" };
    format!("{}\t{}\t{}\t{}{held}", token.id, token.standing(now), token.name, token.roles)
}

/// The places where a secret was found.
pub(super) fn say_leaks(leaks: &[Leak]) -> anyhow::Result<()> {
    heading("FOUND HINT FORM ACTION SOURCE PLACE");
    for Leak { found_at, hint, kind, action, source, url, .. } in leaks {
        say(format!("{found_at}\t{hint}\t{kind}\t{action}\t{source}\t{url}"))?;
    }
    Ok(())
}
