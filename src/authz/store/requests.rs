//! Pushed authorization requests.

use super::REQUESTS;
use crate::access::Pepper;
use crate::authz::handles::HandleHash;
use crate::authz::par::PushedRequest;
use crate::kernel::Micros;
use crate::kernel::seal::ByteSealer;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// What the key is derived for.
const PURPOSE: &str = "comptoir pushed authorization requests";

/// Reads what is stored of requests: a client may say in one who it thinks that the customer is.
#[derive(Debug)]
pub struct RequestSealer(ByteSealer);

impl RequestSealer {
    /// The sealer of all nodes that have this pepper.
    #[must_use]
    pub fn new(pepper: &Pepper) -> Self {
        Self(ByteSealer::new(pepper.derive(PURPOSE, "")))
    }
}

/// Why a request was not kept.
#[derive(Debug, thiserror::Error)]
pub enum RequestNotKept {
    /// There is no randomness, or the request has no text.
    #[error("a pushed request cannot be sealed: the system gives no randomness")]
    Unsealed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, FromRow)]
struct RequestRow {
    request: Vec<u8>,
    expires_at: i64,
    decided_at: Option<i64>,
}

/// Keeps a request that nobody has decided about.
pub async fn put(
    tx: &mut Tx,
    sealer: &RequestSealer,
    hash: HandleHash,
    pushed: &PushedRequest,
) -> Result<(), RequestNotKept> {
    const PUT: &str = "INSERT INTO authz_requests (hash, request, expires_at) VALUES ($1, $2, $3)";
    let name = hash.to_string();
    let text = serde_json::to_vec(&pushed.request).map_err(|_| RequestNotKept::Unsealed)?;
    let sealed = sealer.0.seal(&name, text).ok_or(RequestNotKept::Unsealed)?;
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(&name).bind(&sealed).bind(pushed.expires_at.0);
        put.execute(c).await.map_err(StoreError::from)?;
    });
    Ok(())
}

/// The request of a reference; `None` where there is none.
pub async fn find(
    db: &Db,
    sealer: &RequestSealer,
    hash: HandleHash,
) -> Result<Option<PushedRequest>, StoreError> {
    const FIND: &str = "SELECT request, expires_at, decided_at FROM authz_requests WHERE hash = $1";
    let name = hash.to_string();
    let row: Option<RequestRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(&name).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let sealed = || StoreError::corrupt(REQUESTS, "a request that was not sealed for its row");
    let text = sealer.0.open(&name, &row.request).ok_or_else(sealed)?;
    let request =
        serde_json::from_slice(&text).map_err(|error| StoreError::corrupt(REQUESTS, error))?;
    Ok(Some(PushedRequest {
        request,
        expires_at: Micros(row.expires_at),
        decided: row.decided_at.is_some(),
    }))
}

/// Takes a request that the customer has decided about: one row, or none where another answer was first or its time is
/// over.
pub async fn take(tx: &mut Tx, hash: HandleHash, now: Micros) -> Result<u64, StoreError> {
    const TAKE: &str = "UPDATE authz_requests SET decided_at = $2
        WHERE hash = $1 AND decided_at IS NULL AND expires_at > $2";
    Ok(on_tx!(tx, c => {
        sqlx::query(TAKE).bind(hash.to_string()).bind(now.0).execute(c).await?.rows_affected()
    }))
}
