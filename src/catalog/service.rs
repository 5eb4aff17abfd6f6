//! What happens to the catalog by itself, as time goes on.

use super::offers::store::turned;
use super::store::phase::mark;
use super::view::{CatalogView, Phase, Turn};
use crate::kernel::{Clock, Micros};
use crate::storage::changes::{self, Change};
use crate::storage::{Db, StoreError};

/// Tells the change log of the promotions that have begun or ended, each once, whichever node sees it
/// first. Returns how many were told.
pub async fn tell_promotions(
    db: &Db,
    view: &CatalogView,
    now: Micros,
) -> Result<usize, StoreError> {
    let turns = view.turned_promotions(now);
    if turns.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let mut told = Vec::new();
    for turn in &turns {
        if mark(&mut tx, turn).await? {
            told.push(Change {
                kind: "promotion",
                id: turn.id.to_string(),
                deleted: false,
                reason: reason(turn),
                version: turn.version,
            });
        }
    }
    let count = told.len();
    changes::append(&mut tx, &told, now).await?;
    tx.commit().await?;
    Ok(count)
}

/// Tells the change log of the offers of which the price has turned, because a sale began or ended.
pub async fn tell_prices(db: &Db, clock: &Clock) -> Result<(), StoreError> {
    while turned::tell(db, clock).await? {}
    Ok(())
}

/// Why a partner is told.
fn reason(turn: &Turn) -> &'static str {
    match turn.phase {
        Phase::Current => "started",
        Phase::Ended => "ended",
        Phase::Upcoming => "scheduled",
    }
}
