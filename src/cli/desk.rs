//! What the commands work with, and how they list.

use super::table::Table;
use crate::access::service::{By, Walk};
use crate::access::{Pepper, Scopes};
use crate::app::open_pepper;
use crate::config::{Config, FourEyes};
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use anyhow::Context as _;
use std::sync::Arc;

/// Who the audit trail names for a change made from the shell.
pub(super) const ACTOR: &str = "cli";
/// Rows read at once by a listing.
const PAGE: u32 = 200;

/// What every command needs.
pub(super) struct Desk {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) pepper: Arc<Pepper>,
    shell: Shell,
}

/// Who acts from this shell: one person, where the settings ask for two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shell {
    withheld: Scopes,
    keeps_many: bool,
}

impl Shell {
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let withheld = Scopes::guarded(&config.admin);
        let withheld = withheld.context("`admin.guarded_scopes` cannot be used")?;
        Ok(Self { withheld, keeps_many: config.admin.four_eyes.contains(&FourEyes::Bulk) })
    }

    pub(super) fn by(self, now: Micros) -> By<'static> {
        By::new(ACTOR, now).withholding(self.withheld).keeping_many(self.keeps_many)
    }
}

impl Desk {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (db, clock) = super::database(config).await?;
        let pepper = open_pepper(config, &db).await?;
        Ok(Self { db, clock, pepper, shell: Shell::of(config)? })
    }

    pub(super) fn by(&self) -> By<'static> {
        self.by_at(self.clock.now())
    }

    /// The same at an instant of the clock that all nodes share.
    pub(super) fn by_at(&self, now: Micros) -> By<'static> {
        self.shell.by(now)
    }
}

/// Shows every row of a listing, page by page.
pub(super) async fn show_all<T, F>(
    headings: &str,
    mut page: impl FnMut(Walk) -> F,
    id: fn(&T) -> String,
    row: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Vec<T>>>,
{
    let (mut after, mut table) = (String::new(), Table::new(headings));
    loop {
        let page = page(Walk { after, limit: PAGE }).await?;
        for it in &page {
            table.row(row(it))?;
        }
        match page.last() {
            Some(last) if page.len() >= PAGE as usize => after = id(last),
            _ => return table.end(),
        }
    }
}
