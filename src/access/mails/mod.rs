//! Mails to people at partners. What shall be told is noted in the transaction that makes it true; a node
//! puts the message together and hands it to a sink. Links are signed then, so the database holds none.

mod letter;
pub mod store;

use super::applications::{self, Links};
use super::error::AccessError;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::{ApplicationId, MailId};
use crate::kernel::word::words;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError, Tx, lease, write_durably};
use lettre::message::Mailbox;
use std::path::PathBuf;

/// Mails sent in one round.
const ROUND: u32 = 20;
/// How long it is kept that a mail was sent.
const KEPT: i64 = 30 * DAY;
/// How long a node that says no more keeps the others from sending.
const LEASE: i64 = 30 * SECOND;

words! {
    /// What a mail tells.
    pub enum Letter {
        /// The link that verifies an address.
        Verify = "verify",
        /// That an application is approved, with the link to the key.
        Approved = "approved",
        /// That an application is rejected, and why.
        Rejected = "rejected",
    }
}

/// Notes a mail to be sent, in the transaction that makes it true.
pub(super) async fn put(
    tx: &mut Tx,
    letter: Letter,
    to: ApplicationId,
    now: Micros,
) -> Result<(), AccessError> {
    let id = MailId::random()?;
    Ok(store::insert(tx, id, (letter, to), now).await?)
}

/// Where messages go.
#[derive(Debug, Clone)]
pub enum Sink {
    /// A file for each message in a directory.
    Files(PathBuf),
}

/// Why a message could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// The message could not be put together.
    #[error("the message cannot be put together: {0}")]
    Message(#[from] lettre::error::Error),
    /// The file could not be written.
    #[error("the message cannot be written: {0}")]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sink {
    async fn send(&self, id: MailId, message: Vec<u8>) -> Result<(), NotSent> {
        let Self::Files(folder) = self;
        let path = folder.join(format!("{id}.eml"));
        let folder = folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            write_durably(&path, &message)
        });
        Ok(written.await.map_err(std::io::Error::other)??)
    }
}

/// Sends the mails that wait.
#[derive(Debug)]
pub struct Post {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Signs the links.
    pub links: Links,
    /// Who the mails are from.
    pub from: Mailbox,
    /// Where they go.
    pub sink: Sink,
    /// The node that sends.
    pub node: String,
    /// Days for which applications are kept that were rejected or withdrawn.
    pub keep_days: u32,
}

impl Post {
    /// Sends what waits, where this node is the one that sends. What fails is tried again in the next round;
    /// what a crash leaves between the sending and its note is sent twice.
    pub async fn round(&self) -> Result<(), NotSent> {
        let now = self.clock.now();
        let waiting = store::waiting(&self.db, ROUND).await?;
        let until = Micros(now.0.saturating_add(LEASE));
        let ours = ("outbox", self.node.as_str());
        if waiting.is_empty() || !lease::hold(&self.db, ours, now, until).await? {
            return Ok(());
        }
        for (id, letter, to) in waiting {
            // One that was deleted meanwhile is told nothing.
            if let Some(to) = applications::store::find(&self.db, to).await? {
                let message = letter::message(self, (id, letter), &to, now)?;
                self.sink.send(id, message).await?;
            }
            store::sent(&self.db, id, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Forgets applications whose address nobody has verified in time, those that came to nothing long ago, and
    /// that mails were sent long ago.
    pub async fn forget(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        store::forget(&self.db, Micros(now.0.saturating_sub(KEPT))).await?;
        let closed = Micros(now.0.saturating_sub(i64::from(self.keep_days) * DAY));
        applications::store::forget(&self.db, self.links.oldest(now), closed).await
    }
}
