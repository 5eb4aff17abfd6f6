//! What the commands work with, and how they list.

use super::table::Table;
use crate::access::service::{By, Walk};
use crate::access::{Pepper, Scopes};
use crate::app::open_pepper;
use crate::config::{Config, FourEyes};
use crate::kernel::Clock;
use crate::storage::Db;
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
    pub(super) four_eyes: Vec<FourEyes>,
    withheld: Scopes,
}

impl Desk {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (db, clock) = super::database(config).await?;
        let pepper = open_pepper(config, &db).await?;
        let (four_eyes, withheld) = (config.admin.four_eyes.clone(), super::withheld(config)?);
        Ok(Self { db, clock, pepper, four_eyes, withheld })
    }

    pub(super) fn by(&self) -> By<'static> {
        By::new(ACTOR, self.clock.now()).withholding(self.withheld)
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
