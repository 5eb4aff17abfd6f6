//! `comptoir approval`: what waits for a second person. Here it can be looked at and rejected; to approve and to
//! claim takes a person who has logged in, over the admin API.

use super::desk::Desk;
use super::speak::say;
use super::table::{Table, row, say_row};
use crate::access::error::{AccessError, Kind};
use crate::access::text::Reason;
use crate::admin::approvals::service::{Approval, find, list, reject_from_shell};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use clap::Subcommand;

/// Most approvals that are listed.
const MOST: u32 = 200;

/// What waits for a second person.
#[derive(Debug, Subcommand)]
pub(super) enum ApprovalCommand {
    /// List the newest 200, those alone that wait or all.
    List {
        /// Also those that are decided or over.
        #[arg(long)]
        all: bool,
    },
    /// Show who asks for what: what would come of it, and what exactly is to be done.
    Show {
        /// The approval, as `approval list` names it.
        id: ApprovalId,
    },
    /// Reject it; also what was approved and is not claimed yet.
    Reject {
        /// The approval, as `approval list` names it.
        id: ApprovalId,
        /// Why, for who has asked.
        #[arg(long)]
        reason: Reason,
    },
}

/// The columns of approvals.
const APPROVAL: &str = "ID STATUS ACTION ASKED-BY ASKED UNTIL";

fn cells(approval: &Approval, now: Micros) -> Vec<String> {
    let Approval { id, action, asked_by, asked_at, expires_at, .. } = approval;
    let status = approval.standing(now);
    row![id, status, action, asked_by, asked_at, expires_at]
}

pub(super) async fn run(config: &Config, command: ApprovalCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        ApprovalCommand::List { all } => {
            let mut table = Table::new(APPROVAL);
            for approval in &list(db, (!all).then_some(by.now), (None, MOST)).await? {
                table.row(cells(approval, by.now))?;
            }
            table.end()
        }
        ApprovalCommand::Show { id } => {
            let found = find(db, id).await?;
            let found = found.ok_or_else(|| AccessError::not_found(Kind::Approval, id))?;
            say_row(APPROVAL, cells(&found, by.now))?;
            say("What it comes to:")?;
            say(serde_json::to_string_pretty(&found.preview)?)?;
            if found.payload == found.preview {
                return say("What is to be done: the same.");
            }
            say("What is to be done:")?;
            say(serde_json::to_string_pretty(&found.payload)?)
        }
        ApprovalCommand::Reject { id, reason } => {
            let rejected = reject_from_shell(db, by, id, reason.to_string()).await;
            let rejected = rejected.map_err(|error| anyhow::anyhow!("{}", error.detail()))?;
            say_row(APPROVAL, cells(&rejected, by.now))
        }
    }
}
