//! `comptoir refusal`: which calls were refused, and why.

use super::desk::Desk;
use super::speak::say;
use super::table::{Table, row};
use crate::config::Config;
use crate::explain::api::{Explainer, RefusalOut};
use crate::explain::stop;
use crate::explain::store::{Asked, Place, list};
use crate::http::Code;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use clap::Subcommand;

/// Rows read at once.
const PAGE: u32 = 200;

/// Calls that were refused.
#[derive(Debug, Subcommand)]
pub(super) enum RefusalCommand {
    /// List refusals, counted by minute, newest first. A running server adds what it has counted now and then.
    List {
        /// Only those of a partner.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Only those of an app.
        #[arg(long)]
        app: Option<AppId>,
        /// Only those of a key.
        #[arg(long)]
        key: Option<KeyId>,
        /// Only those with this code, such as quota_exceeded.
        #[arg(long, value_parser = code_of)]
        code: Option<Code>,
        /// From when on (RFC 3339); the last day where it is not given.
        #[arg(long, value_name = "TIME")]
        from: Option<Micros>,
        /// Until when (RFC 3339).
        #[arg(long, value_name = "TIME")]
        to: Option<Micros>,
    },
    /// Show why a call was refused, by the refusal_id in its answer, as JSON.
    Show {
        /// The `refusal_id` of the answer, or what `refusal list` names last.
        id: String,
    },
}

/// A code of problem documents.
fn code_of(text: &str) -> Result<Code, String> {
    let known = Code::ALL.iter().find(|known| known.as_str() == text);
    known.copied().ok_or_else(|| "is none of the codes of problem documents".to_owned())
}

pub(super) async fn run(config: &Config, command: RefusalCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    match command {
        RefusalCommand::List { partner, app, key, code, from, to } => {
            let from = from.map_or(desk.clock.now().0.saturating_sub(DAY), |at| at.0);
            let asked = Asked {
                partner: partner.map(|id| id.to_string()),
                app: app.map(|id| id.to_string()),
                key: key.map(|id| id.to_string()),
                code: code.map(|code| code.as_str().to_owned()),
                from,
                to: to.map_or(i64::MAX, |at| at.0),
                behind: None,
                limit: PAGE,
            };
            show(&desk, asked).await
        }
        RefusalCommand::Show { id } => {
            let explainer = Explainer::new(&desk.pepper, (&desk.db, &desk.clock));
            let refusal = explainer.open(&id).map_err(|it| anyhow::anyhow!("{}", it.detail()))?;
            let stop = stop::find(&desk.db, &refusal).await?;
            say(serde_json::to_string_pretty(&RefusalOut::for_retailer(refusal, stop))?)
        }
    }
}

async fn show(desk: &Desk, mut asked: Asked) -> anyhow::Result<()> {
    let mut table = Table::new("MINUTE CALLS CODE OPERATION LIMITS PARTNER APP KEY LAST-REFUSAL");
    loop {
        let rows = list(&desk.db, &asked).await?;
        for row in &rows {
            let minute = Micros(row.minute);
            table.row(row![
                minute,
                row.refused,
                row.code,
                row.operation,
                row.limits,
                row.partner_id,
                row.app_id,
                row.key_id,
                row.last_id
            ])?;
        }
        match rows.last() {
            Some(last) if rows.len() >= PAGE as usize => asked.behind = Some(Place::of(last)),
            _ => return table.end(),
        }
    }
}
