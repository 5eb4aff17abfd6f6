//! Mails to people at partners and at the retailer. What shall be told is noted in the transaction that makes it
//! true; a node puts the message together and hands it to a sink: files, or an SMTP server.
//!
//! Letters about applications are put together when they are sent: their links are signed then, so the database
//! holds none. Alerts are noted with their text, which goes when they are sent. What is not taken is tried again
//! later and later, for three days; what is refused for good is given up and stays in the list for an admin. What
//! a crash leaves between the sending and its note is sent twice.

mod letter;
pub mod smtp;
pub mod store;

pub use smtp::{NotTaken, Smtp};

use super::applications::{self, Links};
use super::error::AccessError;
use crate::kernel::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::kernel::id::{ApplicationId, MailId};
use crate::kernel::word::words;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError, Tx, lease, write_durably};
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, MIME_VERSION_1_0};
use smtp::Line;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use store::Waiting;

/// Mails sent in one round.
const ROUND: u32 = 20;
/// How long it is kept that a mail was sent or given up.
const KEPT: i64 = 30 * DAY;
/// How long a mail is tried.
const TRIED: i64 = 3 * DAY;
/// The longest pause between two attempts.
const LONGEST: i64 = 4 * HOUR;
/// How long a node that says no more keeps the others from sending, beyond what a message may take.
const LEASE: i64 = 30 * SECOND;

words! {
    /// What a mail about an application tells.
    pub enum Letter {
        /// The link that verifies an address.
        Verify = "verify",
        /// That an application is approved, with the link to the key.
        Approved = "approved",
        /// That an application is rejected, and why.
        Rejected = "rejected",
    }
}

/// What a mail says to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The recipient.
    pub to: Mailbox,
    /// The subject line.
    pub title: String,
    /// The text.
    pub body: String,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) enum What {
    /// A letter about an application.
    Letter(Letter, ApplicationId),
    /// What was noted.
    Noted(Draft),
}

/// Notes a mail about an application to be sent, in the transaction that makes it true.
pub(super) async fn put(
    tx: &mut Tx,
    letter: Letter,
    to: ApplicationId,
    now: Micros,
) -> Result<(), AccessError> {
    let id = MailId::random()?;
    Ok(store::insert(tx, id, (letter, to), now).await?)
}

/// Notes a mail about an alert to be sent, in the transaction that raises it.
pub async fn put_alert(
    tx: &mut Tx,
    alert: &str,
    draft: &Draft,
    now: Micros,
) -> Result<(), AccessError> {
    let id = MailId::random()?;
    Ok(store::insert_alert(tx, id, (alert, draft), now).await?)
}

/// Where messages go.
#[derive(Debug)]
pub enum Sink {
    /// A file for each message in a directory.
    Files(PathBuf),
    /// A server.
    Smtp(Box<Smtp>),
}

impl Sink {
    /// Microseconds that a message may take.
    fn patience(&self) -> i64 {
        match self {
            Self::Files(_) => 0,
            Self::Smtp(smtp) => smtp.patience(),
        }
    }

    async fn send(&self, line: &mut Line, id: MailId, message: &Message) -> Result<(), NotTaken> {
        let folder = match self {
            Self::Smtp(smtp) => return smtp.send(line, message).await,
            Self::Files(folder) => folder.clone(),
        };
        let (path, bytes) = (folder.join(format!("{id}.eml")), message.formatted());
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            write_durably(&path, &bytes)
        });
        let written = written.await.map_err(std::io::Error::other).and_then(|written| written);
        written.map_err(|error| NotTaken::Away(format!("the file cannot be written: {error}")))
    }
}

/// What was done since this was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Mails that were taken.
    pub sent: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Mails that were given up.
    pub given_up: u64,
}

/// Sends the mails that wait.
#[derive(Debug)]
pub struct Post {
    db: Db,
    clock: Clock,
    links: Links,
    from: Mailbox,
    sink: Sink,
    node: String,
    sent: AtomicU64,
    failures: AtomicU64,
    given_up: AtomicU64,
}

impl Post {
    /// What sends mails of this sender from a node to a sink.
    #[must_use]
    pub fn new(
        (db, clock): (&Db, &Clock),
        node: String,
        links: Links,
        (from, sink): (Mailbox, Sink),
    ) -> Self {
        let [sent, failures, given_up] = std::array::from_fn(|_| AtomicU64::new(0));
        let (db, clock) = (db.clone(), clock.clone());
        Self { db, clock, links, from, sink, node, sent, failures, given_up }
    }

    /// What was done since this was last asked.
    pub fn take_counts(&self) -> Counts {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let (sent, failures) = (take(&self.sent), take(&self.failures));
        Counts { sent, failures, given_up: take(&self.given_up) }
    }

    /// How many mails wait.
    pub async fn waiting(&self) -> Result<i64, StoreError> {
        store::waiting(&self.db).await
    }

    /// Sends what is due, where this node is the one that sends, until it is told to stop.
    pub async fn round(&self, stopped: impl Fn() -> bool) -> Result<(), StoreError> {
        if store::due(&self.db, self.clock.now(), 1).await?.is_empty() || !self.hold().await? {
            return Ok(());
        }
        let mut line = None;
        let mut away = None;
        for waiting in store::due(&self.db, self.clock.now(), ROUND).await? {
            if stopped() || !self.hold().await? {
                break;
            }
            // A server that does not take the one takes none of the others.
            let became = match away.clone() {
                Some(why) => Err(why),
                None => self.attempt(&mut line, &waiting).await?,
            };
            away = became.clone().err().filter(|why| matches!(why, NotTaken::Away(_)));
            self.note(&waiting, became).await?;
        }
        if let Sink::Smtp(smtp) = &self.sink {
            smtp.close(line).await;
        }
        Ok(())
    }

    async fn hold(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = Micros(now.0.saturating_add(LEASE).saturating_add(self.sink.patience()));
        lease::hold(&self.db, ("outbox", &self.node), now, until).await
    }

    /// Sends a mail once. One about an application that was deleted meanwhile tells nothing.
    async fn attempt(
        &self,
        line: &mut Line,
        waiting: &Waiting,
    ) -> Result<Result<(), NotTaken>, StoreError> {
        let never = |why: &dyn std::fmt::Display| {
            Err(NotTaken::Never(format!("the message cannot be put together: {why}")))
        };
        let draft = match &waiting.what {
            What::Noted(draft) => draft.clone(),
            What::Letter(letter, to) => match applications::store::find(&self.db, *to).await? {
                None => return Ok(Ok(())),
                Some(to) => match letter::draft(self, *letter, &to) {
                    Ok(draft) => draft,
                    Err(error) => return Ok(never(&error)),
                },
            },
        };
        match self.message(waiting.id, draft) {
            Ok(message) => Ok(self.sink.send(line, waiting.id, &message).await),
            Err(error) => Ok(never(&error)),
        }
    }

    /// The message (RFC 5322) of a draft.
    fn message(&self, id: MailId, draft: Draft) -> Result<Message, lettre::error::Error> {
        let at = UNIX_EPOCH + Duration::from_micros(self.clock.now().0.max(0).unsigned_abs());
        Message::builder()
            .from(self.from.clone())
            .to(draft.to)
            .subject(draft.title)
            .date(at)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(draft.body)
    }

    /// Notes what became of a mail.
    async fn note(
        &self,
        waiting: &Waiting,
        became: Result<(), NotTaken>,
    ) -> Result<(), StoreError> {
        let (id, now) = (waiting.id, self.clock.now());
        let Err(why) = became else {
            self.sent.fetch_add(1, Ordering::Relaxed);
            return store::sent(&self.db, id, now).await;
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        let next = match &why {
            NotTaken::Never(_) => None,
            NotTaken::Away(_) | NotTaken::Later(_) => next(waiting, now),
        };
        if next.is_none() {
            self.given_up.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%id, %why, "a mail was given up; see GET /admin/v1/mails");
        } else {
            tracing::warn!(%id, %why, "a mail was not taken; it is tried again");
        }
        store::not_sent(&self.db, id, (&why.to_string(), next), now).await
    }

    /// Forgets applications whose address nobody has verified in time, those that came to nothing `keep_days` ago,
    /// and mails that are long done with.
    pub async fn forget(&self, keep_days: u32) -> Result<(), StoreError> {
        let now = self.clock.now();
        store::forget(&self.db, Micros(now.0.saturating_sub(KEPT))).await?;
        let closed = Micros(now.0.saturating_sub(i64::from(keep_days) * DAY));
        applications::store::forget(&self.db, self.links.oldest(now), closed).await
    }
}

/// When a mail that was not taken is tried again: after a minute, then four times as late each time, up to four
/// hours; not when that would be more than three days after it was noted.
fn next(waiting: &Waiting, now: Micros) -> Option<Micros> {
    let doublings = waiting.attempts.clamp(0, 4) * 2;
    let next = Micros(now.0.saturating_add((MINUTE << doublings).min(LONGEST)));
    (next.0 <= waiting.created_at.0.saturating_add(TRIED)).then_some(next)
}
