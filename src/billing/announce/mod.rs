//! Telling apps that a period was closed, and which of their statements are final.
//!
//! Closes are told in their order: how far that went is one row, moved in the transaction that writes the messages. So each
//! subscription gets each close once, whatever nodes and crashes there are, and whoever closed, also from the shell.

mod message;
mod store;

pub use message::describe;

use super::BillingError;
use super::close::Close;
use crate::hooks::event::PERIOD_CLOSED;
use crate::hooks::{Hooks, Notice};
use crate::storage::{Db, StoreError, Tx};
use std::sync::Arc;

/// Tells of closes, on a node.
#[derive(Debug)]
pub struct Announcer {
    db: Db,
    hooks: Arc<Hooks>,
}

impl Announcer {
    /// What tells by these subscriptions.
    #[must_use]
    pub fn new(db: &Db, hooks: &Arc<Hooks>) -> Self {
        Self { db: db.clone(), hooks: Arc::clone(hooks) }
    }

    /// Tells all closes that were not told yet.
    pub async fn round(&self) -> Result<(), BillingError> {
        while let Some(told) = store::behind(&self.db).await? {
            let mut tx = self.db.begin().await?;
            let Some(close) = super::store::close_behind(&mut tx, told).await? else { break };
            // Another node waits here, and finds that it is told.
            if !store::advance(&mut tx, (told, close.number)).await? {
                continue;
            }
            self.tell(&mut tx, &close).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn tell(&self, tx: &mut Tx, close: &Close) -> Result<(), StoreError> {
        let id = close.period_id.to_string();
        let statements = store::wanted(tx, close.period_id).await?;
        for of_app in statements.chunk_by(|one, next| one.app_id == next.app_id) {
            let app = of_app[0].app_id.parse();
            let app = app.map_err(|error| StoreError::corrupt("statements", error))?;
            let payload = message::of(close, of_app)?;
            let notice = Notice { app, event: PERIOD_CLOSED, id: &id, payload: &payload };
            self.hooks.tell(tx, &notice).await?;
        }
        Ok(())
    }
}
