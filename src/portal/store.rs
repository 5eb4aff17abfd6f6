//! All SQL of customers' sessions.

use super::eligibility::CustomerBar;
use crate::authz::bits;
use crate::authz::grant::CustomerLogin;
use crate::consent::subject::SubjectRef;
use crate::kernel::Micros;
use crate::kernel::secret::Secret;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const SESSIONS: &str = "customer_sessions";

/// A customer who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CustomerSession {
    /// Who, as the ledger names them.
    pub(super) subject: SubjectRef,
    /// At which provider.
    pub(super) provider: String,
    /// When and how strongly.
    pub(super) login: CustomerLogin,
    /// Why the account cannot agree to anything; `None` where it can.
    pub(super) barred: Option<CustomerBar>,
    /// The hash of the request for which they have.
    pub(super) asked_by: Option<String>,
    /// When it was last used.
    pub(super) used_at: Micros,
    /// When it ends, used or not.
    pub(super) ends_at: Micros,
}

/// The provider's names for a customer and their session there.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProviderNames<'a> {
    /// Of the customer.
    pub(super) subject: Option<&'a str>,
    /// Of the session.
    pub(super) session: Option<&'a str>,
}

/// What is stored of a text that somebody else knows.
pub(super) fn hashed(text: &str) -> String {
    bits::encode(bits::sha256(text))
}

#[derive(Debug, FromRow)]
struct CustomerSessionRow {
    subject_ref: String,
    provider: String,
    auth_time: i64,
    acr: Option<String>,
    barred: Option<String>,
    asked_by: Option<String>,
    used_at: i64,
    ends_at: i64,
}

impl TryFrom<CustomerSessionRow> for CustomerSession {
    type Error = StoreError;

    fn try_from(row: CustomerSessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            subject: SubjectRef(parsed(SESSIONS, &row.subject_ref)?),
            provider: row.provider,
            login: CustomerLogin { auth_time: row.auth_time, acr: row.acr },
            barred: row.barred.map(|word| parsed(SESSIONS, &word)).transpose()?,
            asked_by: row.asked_by,
            used_at: Micros(row.used_at),
            ends_at: Micros(row.ends_at),
        })
    }
}

/// Keeps a session under the hash of its text.
pub(super) async fn put(
    tx: &mut Tx,
    text: &Secret,
    session: &CustomerSession,
    names: ProviderNames<'_>,
) -> Result<(), StoreError> {
    const PUT: &str =
        "INSERT INTO customer_sessions (hash, subject_ref, provider, provider_sub, provider_sid, auth_time,
        acr, barred, asked_by, used_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(hashed(text.reveal()));
        let put = put.bind(session.subject.0.to_string()).bind(&session.provider);
        let put = put.bind(names.subject.map(hashed).unwrap_or_default());
        let put = put.bind(names.session.map(hashed)).bind(session.login.auth_time);
        let put = put.bind(&session.login.acr).bind(session.barred.map(|bar| bar.to_string()));
        let put = put.bind(&session.asked_by).bind(session.used_at.0).bind(session.ends_at.0);
        put.execute(c).await?;
    });
    Ok(())
}

/// The session of a text; `None` where there is none.
pub(super) async fn find(db: &Db, text: &Secret) -> Result<Option<CustomerSession>, StoreError> {
    const FIND: &str =
        "SELECT subject_ref, provider, auth_time, acr, barred, asked_by, used_at, ends_at
        FROM customer_sessions WHERE hash = $1";
    let row: Option<CustomerSessionRow> = on_db!(db, c => {
        sqlx::query_as(FIND).bind(hashed(text.reveal())).fetch_optional(c).await
    })?;
    row.map(CustomerSession::try_from).transpose()
}

/// Notes that a session was used.
pub(super) async fn touch(db: &Db, text: &Secret, now: Micros) -> Result<(), StoreError> {
    const TOUCH: &str = "UPDATE customer_sessions SET used_at = $2 WHERE hash = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(TOUCH).bind(hashed(text.reveal())).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}

/// Ends a session.
pub(super) async fn end(tx: &mut Tx, text: &Secret) -> Result<(), StoreError> {
    const END: &str = "DELETE FROM customer_sessions WHERE hash = $1";
    on_tx!(tx, c => {
        sqlx::query(END).bind(hashed(text.reveal())).execute(c).await?;
    });
    Ok(())
}

/// Ends the sessions of somebody who has logged out at a provider: the one that it names, or all of theirs where it names
/// none. Whose they were.
pub(super) async fn end_named(
    tx: &mut Tx,
    provider: &str,
    names: ProviderNames<'_>,
) -> Result<Vec<SubjectRef>, StoreError> {
    const BY_SESSION: &str = "DELETE FROM customer_sessions
        WHERE provider = $1 AND provider_sid = $2 RETURNING subject_ref";
    const BY_SUBJECT: &str = "DELETE FROM customer_sessions
        WHERE provider = $1 AND provider_sub = $2 RETURNING subject_ref";
    let (statement, name) = match (names.session, names.subject) {
        (Some(session), _) => (BY_SESSION, session),
        (None, Some(subject)) => (BY_SUBJECT, subject),
        (None, None) => return Ok(Vec::new()),
    };
    let mut ended: Vec<String> = on_tx!(tx, c => {
        sqlx::query_scalar(statement).bind(provider).bind(hashed(name)).fetch_all(c).await?
    });
    ended.sort_unstable();
    ended.dedup();
    ended.iter().map(|text| parsed(SESSIONS, text).map(SubjectRef)).collect()
}

/// Forgets sessions that have ended or lie idle since, at most `limit` of them; how many there were.
pub(super) async fn expire(
    db: &Db,
    idle_since: Micros,
    now: Micros,
    limit: u32,
) -> Result<u64, StoreError> {
    const EXPIRE: &str = "DELETE FROM customer_sessions WHERE hash IN
        (SELECT hash FROM customer_sessions WHERE ends_at < $1 OR used_at < $2 ORDER BY ends_at LIMIT $3)";
    let mut tx = db.begin().await?;
    let gone = on_tx!(&mut tx, c => {
        let expire = sqlx::query(EXPIRE).bind(now.0).bind(idle_since.0).bind(i64::from(limit));
        expire.execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(gone)
}
