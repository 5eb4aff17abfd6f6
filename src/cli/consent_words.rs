//! `comptoir purpose` and `comptoir notice`: what data is for, and what customers are told, in versions that never change.

use super::desk::Desk;
use super::json::json;
use super::speak::say;
use super::table::{Table, row, say_row};
use crate::access::text::Reason;
use crate::config::Config;
use crate::consent::purpose::{NoticeDocument, PurposeDocument, PurposeId};
use crate::consent::words::{self, KeptWords};
use crate::kernel::id::AppId;
use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Purposes of apps.
#[derive(Debug, Subcommand)]
pub(super) enum PurposeCommand {
    /// Publish a purpose of an app: its first version, or the next one.
    Publish {
        /// The purpose as JSON; `client_id` is the app.
        file: PathBuf,
    },
    /// List all versions of all purposes of an app.
    List {
        /// The app, as `app list` names it.
        app: AppId,
    },
    /// Show the last version of a purpose, as JSON.
    Show {
        /// The app, as `app list` names it.
        app: AppId,
        /// The purpose, as `purpose list` names it.
        id: PurposeId,
    },
    /// Ask no customer for a purpose any more. Consents that were given to it hold on.
    Withdraw {
        /// The app, as `app list` names it.
        app: AppId,
        /// The purpose, as `purpose list` names it.
        id: PurposeId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
}

/// What customers are told before they decide.
#[derive(Debug, Subcommand)]
pub(super) enum NoticeCommand {
    /// Publish a notice: its first version, or the next one.
    Publish {
        /// The notice as JSON.
        file: PathBuf,
    },
    /// List all versions of all notices.
    List,
    /// Show the last version of a notice, as JSON.
    Show {
        /// The notice, as `notice list` names it.
        id: String,
    },
    /// Show no customer a notice any more. Consents that were given to it hold on.
    Withdraw {
        /// The notice, as `notice list` names it.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
}

/// The columns of words.
const WORDS: &str = "NAME VERSION STATE PUBLISHED HASH";

fn cells<D>(name: &str, words: &KeptWords<D>) -> Vec<String> {
    let state = if words.withdrawn.is_some() { "withdrawn" } else { "published" };
    let published = &words.published;
    row![name, published.version, state, published.made_at, published.hash]
}

/// The document in a file.
fn read<D: DeserializeOwned>(file: &Path) -> anyhow::Result<D> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    json(&text).map_err(|why| anyhow::anyhow!("{}: {why}", file.display()))
}

fn show(document: &impl Serialize) -> anyhow::Result<()> {
    say(serde_json::to_string_pretty(document)?)
}

pub(super) async fn purpose(config: &Config, command: PurposeCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    let words = match command {
        PurposeCommand::Publish { file } => {
            words::add_purpose(db, by, &read::<PurposeDocument>(&file)?).await?.0
        }
        PurposeCommand::List { app } => {
            let mut table = Table::new(WORDS);
            for words in &words::purposes(db, app).await? {
                table.row(cells(words.published.document.purpose_id.as_str(), words))?;
            }
            return table.end();
        }
        PurposeCommand::Show { app, id } => {
            return show(&words::purpose(db, app, &id).await?.published.document);
        }
        PurposeCommand::Withdraw { app, id, reason } => {
            words::withdraw_purpose(db, by, (app, &id), &reason).await?
        }
    };
    say_row(WORDS, cells(words.published.document.purpose_id.as_str(), &words))
}

pub(super) async fn notice(config: &Config, command: NoticeCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    let words = match command {
        NoticeCommand::Publish { file } => {
            words::add_notice(db, by, &read::<NoticeDocument>(&file)?).await?.0
        }
        NoticeCommand::List => {
            let mut table = Table::new(WORDS);
            for words in &words::notices(db).await? {
                table.row(cells(&words.published.document.notice_id, words))?;
            }
            return table.end();
        }
        NoticeCommand::Show { id } => {
            return show(&words::notice(db, &id).await?.published.document);
        }
        NoticeCommand::Withdraw { id, reason } => {
            words::withdraw_notice(db, by, &id, &reason).await?
        }
    };
    say_row(WORDS, cells(&words.published.document.notice_id, &words))
}
