//! All SQL of mails.

use super::{Draft, Letter, What};
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{ApplicationId, MailId};
use crate::kernel::word::{Word as _, words};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const TABLE: &str = "outbox";

/// The kind of mails whose text is noted.
const ALERT: &str = "alert";

/// A mail that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: MailId,
    pub(super) what: What,
    /// How often it was tried.
    pub(super) attempts: i64,
    pub(super) created_at: Micros,
}

words! {
    /// What became of a mail.
    #[schema(as = MailState)]
    pub enum State {
        /// It waits for its next attempt.
        Waiting = "waiting",
        /// It was taken.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }
}

/// A mail as it is told of.
#[derive(Debug, Clone, FromRow)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// What it is: a word of [`Letter`], or `alert`.
    pub kind: String,
    /// What it is about.
    pub subject_id: String,
    /// Whom it is to, where that is noted.
    pub recipient: Option<String>,
    /// When it was noted.
    pub created_at: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_attempt_at: i64,
    /// Why it was not taken the last time.
    pub last_error: Option<String>,
    /// When it was taken.
    pub sent_at: Option<i64>,
    /// When it was given up.
    pub failed_at: Option<i64>,
}

impl Row {
    /// What became of it.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.sent_at, self.failed_at) {
            (Some(_), _) => State::Sent,
            (None, Some(_)) => State::Failed,
            (None, None) => State::Waiting,
        }
    }
}

/// Adds a mail that is put together when it is sent.
pub(super) async fn insert(
    tx: &mut Tx,
    id: MailId,
    (letter, to): (Letter, ApplicationId),
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO outbox (id, kind, subject_id, created_at) VALUES ($1, $2, $3, $4)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(id.to_string()).bind(letter.as_str());
        insert.bind(to.to_string()).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// Adds a mail with its text.
pub(super) async fn insert_alert(
    tx: &mut Tx,
    id: MailId,
    (about, draft): (&str, &Draft),
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO outbox (id, kind, subject_id, created_at, recipient, title, body) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(id.to_string()).bind(ALERT).bind(about).bind(now.0);
        let insert = insert.bind(draft.to.to_string()).bind(&draft.title).bind(&draft.body);
        insert.execute(c).await?;
    });
    Ok(())
}

#[derive(FromRow)]
struct WaitingRow {
    id: String,
    kind: String,
    subject_id: String,
    recipient: Option<String>,
    title: Option<String>,
    body: Option<String>,
    attempts: i64,
    created_at: i64,
}

impl TryFrom<WaitingRow> for Waiting {
    type Error = StoreError;

    fn try_from(row: WaitingRow) -> Result<Self, StoreError> {
        let what = match (row.recipient, row.title, row.body) {
            (Some(to), Some(title), Some(body)) => {
                What::Noted(Draft { to: stored(TABLE, &to)?, title, body })
            }
            _ => What::Letter(stored(TABLE, &row.kind)?, stored(TABLE, &row.subject_id)?),
        };
        let created_at = Micros(row.created_at);
        Ok(Self { id: stored(TABLE, &row.id)?, what, attempts: row.attempts, created_at })
    }
}

/// The mails that are due, the oldest first.
pub(super) async fn due(db: &Db, now: Micros, most: u32) -> Result<Vec<Waiting>, StoreError> {
    const LIST: &str = "SELECT id, kind, subject_id, recipient, title, body, attempts, created_at \
                        FROM outbox WHERE sent_at IS NULL AND failed_at IS NULL \
                        AND next_attempt_at <= $1 ORDER BY created_at, id LIMIT $2";
    let rows: Vec<WaitingRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(now.0).bind(i64::from(most)).fetch_all(c).await
    })?;
    rows.into_iter().map(Waiting::try_from).collect()
}

/// Notes that a mail was sent.
pub(super) async fn sent(db: &Db, id: MailId, now: Micros) -> Result<(), StoreError> {
    const SENT: &str = "UPDATE outbox SET sent_at = $2, attempts = attempts + 1, last_error = NULL, \
                        title = NULL, body = NULL WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(SENT).bind(id.to_string()).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}

/// Notes that a mail was not taken: when it is tried again, or, where it is not, that it is given up now.
pub(super) async fn not_sent(
    db: &Db,
    id: MailId,
    (why, next): (&str, Option<Micros>),
    now: Micros,
) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE outbox SET attempts = attempts + 1, last_error = $2, \
                        next_attempt_at = $3, failed_at = $4, \
                        title = CASE WHEN $4 IS NULL THEN title END, \
                        body = CASE WHEN $4 IS NULL THEN body END WHERE id = $1";
    let given_up = next.is_none().then_some(now.0);
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        let note = sqlx::query(NOTE).bind(id.to_string()).bind(why);
        note.bind(next.unwrap_or(now).0).bind(given_up).execute(c).await?;
    });
    tx.commit().await
}

/// Mails that were noted before an instant and id, the newest first; all states, or one.
pub async fn page(
    db: &Db,
    (before, id): (i64, &str),
    state: Option<State>,
    most: u32,
) -> Result<Vec<Row>, StoreError> {
    const PAGE: &str = "SELECT id, kind, subject_id, recipient, created_at, attempts, next_attempt_at, \
                        last_error, sent_at, failed_at FROM outbox \
                        WHERE created_at <= $1 AND (created_at < $1 OR id < $2) \
                        AND ($3 = '' OR ($3 = 'sent' AND sent_at IS NOT NULL) \
                        OR ($3 = 'failed' AND failed_at IS NOT NULL) \
                        OR ($3 = 'waiting' AND sent_at IS NULL AND failed_at IS NULL)) \
                        ORDER BY created_at DESC, id DESC LIMIT $4";
    let state = state.map_or("", State::as_str);
    Ok(on_db!(db, c => {
        let page = sqlx::query_as(PAGE).bind(before).bind(id).bind(state);
        page.bind(i64::from(most)).fetch_all(c).await
    })?)
}

/// How many mails wait.
pub(super) async fn waiting(db: &Db) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL AND failed_at IS NULL";
    Ok(on_db!(db, c => sqlx::query_scalar(COUNT).fetch_one(c).await)?)
}

/// Forgets the mails that were sent or given up before an instant.
pub(super) async fn forget(db: &Db, before: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM outbox WHERE sent_at <= $1 OR failed_at <= $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(DELETE).bind(before.0).execute(c).await?;
    });
    tx.commit().await
}
