//! Sessions of people: begun by a login, ended by a logout, by time or by whoever looks after accounts.

pub mod cookie;
pub mod store;

use super::accounts::model::Account;
use crate::access::Pepper;
use crate::access::model::Status;
use crate::config;
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::clock::MINUTE;
use crate::kernel::id::SessionId;
use crate::kernel::secret::Secret;
use crate::storage::{Db, StoreError, Tx};
use std::time::Duration;

/// How far apart uses are that are written down.
const USES_APART: i64 = MINUTE;

/// From where somebody comes.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The address; empty where there is none.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// A session without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// From which address it was begun.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
    /// When it was begun.
    pub created_at: Micros,
    /// When it was last used, to the minute.
    pub seen_at: Micros,
    /// When it ends at the latest.
    pub expires_at: Micros,
}

impl Session {
    /// Whether it has ended by time.
    #[must_use]
    pub fn is_over(&self, settings: &config::Admin, now: Micros) -> bool {
        let idle = now.0.saturating_sub(self.seen_at.0);
        now >= self.expires_at || idle >= micros(settings.session_idle)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn hash(pepper: &Pepper, text: &str) -> String {
    blake3::Hash::from_bytes(pepper.derive("comptoir admin session", text)).to_string()
}

/// Begins a session; its secret is for the cookie alone.
pub async fn begin(
    tx: &mut Tx,
    (pepper, settings): (&Pepper, &config::Admin),
    account: &Account,
    origin: &Origin,
    now: Micros,
) -> Result<(Session, Secret), SessionError> {
    let mut random = zeroize::Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut random[..])?;
    let secret = Secret::new(blake3::Hash::from_bytes(*random).to_hex().to_string());
    let session = Session {
        id: SessionId::random()?,
        address: origin.address.clone(),
        agent: origin.agent.clone(),
        created_at: now,
        seen_at: now,
        expires_at: Micros(now.0.saturating_add(micros(settings.session_most))),
    };
    store::insert(tx, &session, account.id, &hash(pepper, secret.reveal())).await?;
    Ok((session, secret))
}

/// Forgets sessions that are over. In a transaction of its own: it takes rows of anybody.
pub async fn tidy(db: &Db, settings: &config::Admin, now: Micros) -> Result<(), StoreError> {
    let idle_since = Micros(now.0.saturating_sub(micros(settings.session_idle)));
    let mut tx = db.begin().await?;
    store::forget_ended(&mut tx, now, idle_since).await?;
    tx.commit().await
}

/// Why a session was not begun.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The system gave no randomness.
    #[error("no randomness for a session: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Store(error) => error.into(),
            SessionError::Randomness(cause) => {
                tracing::error!(%cause, "no randomness");
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
        }
    }
}

/// The session that a cookie is the secret of, and whose it is, if it may be used now.
pub async fn authenticate(
    db: &Db,
    (pepper, settings): (&Pepper, &config::Admin),
    text: &str,
    now: Micros,
) -> Result<(Session, Account), ApiError> {
    let ended = || {
        let detail = "The session has ended, or never was: log in again (POST /admin/v1/login).";
        ApiError::new(Code::SessionEnded, detail)
    };
    let found = store::find(db, &hash(pepper, text)).await?;
    let (session, account) = found.ok_or_else(ended)?;
    if session.is_over(settings, now) || account.status != Status::Active {
        return Err(ended());
    }
    let idle = now.0.saturating_sub(session.seen_at.0);
    // Often enough that a short idle time is kept, too.
    if idle >= USES_APART.min(micros(settings.session_idle) / 4)
        && let Err(error) = store::touch(db, session.id, now).await
    {
        tracing::warn!(%error, "the use of a session could not be written down");
    }
    Ok((session, account))
}
