//! `comptoir usage statement`.

use super::which::Which;
use crate::billing::api::statements::{StatementRowOut, written};
use crate::billing::model::Statement;
use crate::billing::page::LANGUAGES;
use crate::billing::view::{self, Reached, Shown, Whose};
use crate::cli::speak::{say, unheard};
use crate::cli::table::{Table, row};
use crate::config::Config;
use crate::http::form::Form;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, StatementId};
use crate::storage::Db;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Rows read at once.
const PAGE: u32 = 200;

/// How a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Written {
    /// The whole of it.
    Json,
    /// Its lines.
    Csv,
    /// A page to be printed.
    Html,
}

/// Which statements, and how they are written.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// One statement, which is printed. Without it, those of a period or of all open ones are listed.
    #[arg(value_name = "STATEMENT", conflicts_with_all = ["period", "partner", "app", "json"])]
    id: Option<StatementId>,
    /// Those of this period, as `usage periods` names it, `last` for the last closed one, or the month in which one begins.
    #[arg(long, value_name = "PERIOD")]
    period: Option<Which>,
    /// Those of this partner only.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<PartnerId>,
    /// Those of this app only.
    #[arg(long, value_name = "APP")]
    app: Option<AppId>,
    /// How statements are written.
    #[arg(long, value_enum, default_value = "json")]
    format: Written,
    /// The language of a page to be printed.
    #[arg(long, default_value = LANGUAGES[0], value_parser = LANGUAGES)]
    language: String,
    /// Write here in place of standard output: the file of one statement, or an existing directory that gets a file for each
    /// that would be listed. Nothing is written over.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Print the list as JSON.
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

impl Written {
    fn form(self) -> Form {
        match self {
            Self::Json => Form::Json,
            Self::Csv => Form::Csv,
            Self::Html => Form::Html,
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Html => "html",
        }
    }
}

/// Prints, writes or lists statements.
pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<()> {
    let (db, clock) = crate::cli::database(config).await?;
    let now = db.now(&clock).await?;
    let Args { format, ref language, .. } = *args;
    let how = (format, (config.billing.issuer.as_str(), language.as_str()));
    if let Some(id) = args.id {
        let reached = view::reached(&db, now).await?;
        let shown = view::find(&db, id, Whose::default(), now).await?;
        let text = text(&db, shown, how, reached).await?;
        return match &args.out {
            Some(path) => put(path, &text),
            None => std::io::stdout().write_all(&text).map_err(unheard),
        };
    }
    let periods = super::which::ids(&db, args.period.as_ref(), now).await?;
    let whose = Whose { partner: args.partner, app: args.app };
    match &args.out {
        Some(dir) => write_all(&db, (&periods, whose), (dir, how), now).await,
        None => list(&db, (&periods, whose), args.json, now).await,
    }
}

/// A form, and of a page to be printed who bills and in which language.
type How<'a> = (Written, (&'a str, &'a str));

/// A statement as it is written.
async fn text(
    db: &Db,
    shown: Shown,
    (format, paper): How<'_>,
    reached: Reached,
) -> anyhow::Result<Vec<u8>> {
    let text = written(db, shown, format.form(), reached, paper).await;
    let mut text = text.map_err(|error| anyhow::anyhow!("{}", error.detail()))?;
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    Ok(text)
}

/// Makes a file. One that is there stays.
fn put(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let made = std::fs::File::create_new(path).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    made.with_context(|| format!("{} cannot be written", path.display()))
}

/// The statements of periods, page by page.
async fn each(
    db: &Db,
    (periods, whose): (&[BillingPeriodId], Whose),
    now: Micros,
    mut each: impl AsyncFnMut(Shown) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for period in periods {
        let mut after = String::new();
        loop {
            let page = view::of_period(db, *period, whose, (&after, PAGE), now).await?;
            let is_last = page.len() < PAGE as usize;
            for shown in page {
                after = shown.statement.id.to_string();
                each(shown).await?;
            }
            if is_last {
                break;
            }
        }
    }
    Ok(())
}

async fn write_all(
    db: &Db,
    of: (&[BillingPeriodId], Whose),
    (dir, how): (&Path, How<'_>),
    now: Micros,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        dir.is_dir(),
        "{} is no directory: make it, or name one statement",
        dir.display()
    );
    let reached = view::reached(db, now).await?;
    each(db, of, now, async |shown: Shown| {
        let path = dir.join(format!("{}.{}", shown.statement.id, how.0.ending()));
        put(&path, &text(db, shown, how, reached).await?)?;
        say(path.display())
    })
    .await
}

async fn list(
    db: &Db,
    of: (&[BillingPeriodId], Whose),
    json: bool,
    now: Micros,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    each(db, of, now, async |shown| {
        rows.push(shown);
        Ok(())
    })
    .await?;
    if json {
        let rows: Vec<StatementRowOut> = rows.into_iter().map(Into::into).collect();
        return say(serde_json::to_string_pretty(&rows)?);
    }
    let mut table = Table::new("ID STATE FROM TO PARTNER APP TOTAL CURRENCY");
    for Shown { statement, digest, .. } in rows {
        let Statement { id, from, to, partner_id, app_id, total, currency, .. } = statement;
        let state = if digest.is_some() { "final" } else { "provisional" };
        table.row(row![id, state, from, to, partner_id, app_id, total, currency])?;
    }
    table.end()
}
