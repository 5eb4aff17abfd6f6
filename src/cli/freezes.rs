//! Freezes and notes from the shell: `freeze` and `unfreeze` of partners, apps and keys.

use super::desk::Desk;
use super::table::{Table, row, say_row};
use crate::access::freezes::{self, Freezable};
use crate::access::partners::service::notes;
use crate::access::service::By;
use crate::access::text::Reason;
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use crate::storage::Db;
use std::error::Error;
use std::str::FromStr;

/// Notes read at once.
const PAGE: u32 = 200;

/// What is frozen, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Freeze<
    Id: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
> {
    /// Its id, as the list of its kind names it.
    pub(super) id: Id,
    /// Why.
    #[arg(long)]
    reason: Reason,
    /// Tell the reason to who calls.
    #[arg(long)]
    tell_caller: bool,
}

/// What is unfrozen, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Unfreeze<
    Id: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
> {
    /// Its id, as the list of its kind names it.
    pub(super) id: Id,
    /// Why.
    #[arg(long)]
    reason: Reason,
}

/// Why something is done, where somebody says so.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Because {
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<Reason>,
}

impl Because {
    /// Who does it, and why.
    pub(super) fn say<'a>(&'a self, by: By<'a>) -> By<'a> {
        by.because(self.reason.as_ref())
    }
}

/// What something is done to, and why, where somebody says so.
#[derive(Debug, clap::Args)]
pub(super) struct Why<
    Id: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
> {
    /// Its id, as the list of its kind names it.
    pub(super) id: Id,
    #[command(flatten)]
    pub(super) because: Because,
}

pub(super) async fn freeze<Id>(desk: &Desk, what: Freezable, how: Freeze<Id>) -> anyhow::Result<()>
where
    Id: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    let frozen = freezes::freeze(&desk.db, &desk.by(), what, (how.reason, how.tell_caller)).await?;
    say_row("WHAT STANDING REASON", row![what, "frozen", frozen.reason])
}

pub(super) async fn unfreeze<Id>(
    desk: &Desk,
    what: Freezable,
    why: &Unfreeze<Id>,
) -> anyhow::Result<()>
where
    Id: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    freezes::unfreeze(&desk.db, &desk.by(), what, &why.reason).await?;
    say_row("WHAT STANDING", row![what, "not frozen"])
}

/// Every note about a partner, newest first.
pub(super) async fn show_notes(db: &Db, id: PartnerId) -> anyhow::Result<()> {
    let mut before = i64::MAX;
    let mut table = Table::new("NUMBER WRITTEN AUTHOR NOTE");
    loop {
        let page = notes(db, id, before, PAGE).await?;
        for note in &page {
            let at = Micros(note.written_at);
            table.row(row![note.number, at, note.author, note.body])?;
        }
        match page.last() {
            Some(last) if page.len() >= PAGE as usize => before = last.number,
            _ => return table.end(),
        }
    }
}
