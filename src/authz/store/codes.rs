//! Authorization codes.

use super::CODES;
use super::row::{IssuedRow, bind_issued, issued_columns};
use crate::authz::exchange::CodeRecord;
use crate::authz::handles::HandleHash;
use crate::authz::redirect::RedirectUri;
use crate::kernel::Micros;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

#[derive(Debug, FromRow)]
struct CodeRow {
    #[sqlx(flatten)]
    issued: IssuedRow,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    expires_at: i64,
    used_at: Option<i64>,
}

/// Keeps a code that nobody has used; false where its customer is forgotten, and it is not kept. Where they are forgotten
/// at the same moment the database may refuse it instead ([`StoreError::Conflict`]).
pub async fn put(tx: &mut Tx, hash: HandleHash, code: &CodeRecord) -> Result<bool, StoreError> {
    const PUT: &str = concat!(
        "INSERT INTO authz_codes (hash, ",
        issued_columns!(),
        ", redirect_uri, challenge, nonce, expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
        WHERE EXISTS (SELECT 1 FROM consent_subs WHERE sub = $8)"
    );
    let row = IssuedRow::of(&code.to, &code.login);
    // With how it was registered: a text alone is no address.
    let redirect_uri = serde_json::to_string(&code.redirect_uri);
    let redirect_uri = redirect_uri.map_err(|error| StoreError::corrupt(CODES, error))?;
    let put = on_tx!(tx, c => {
        let put = bind_issued!(sqlx::query(PUT).bind(hash.to_string()), &row);
        let put = put.bind(&redirect_uri).bind(code.challenge.to_string());
        put.bind(&code.nonce).bind(code.expires_at.0).execute(c).await?.rows_affected()
    });
    Ok(put == 1)
}

/// What is stored of a code, used or not; `None` where there is none, or no more.
pub async fn find(db: &Db, hash: HandleHash) -> Result<Option<CodeRecord>, StoreError> {
    const FIND: &str = concat!(
        "SELECT ",
        issued_columns!(),
        ", redirect_uri, challenge, nonce, expires_at, used_at FROM authz_codes WHERE hash = $1"
    );
    let row: Option<CodeRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(hash.to_string()).fetch_optional(c).await)?;
    row.map(CodeRecord::try_from).transpose()
}

/// Takes a code: one row, or none where another was faster, or it is over or gone. What comes of it is written in the same
/// transaction. One that was refused for who has shown it stays as it is.
pub async fn take(tx: &mut Tx, hash: HandleHash, now: Micros) -> Result<u64, StoreError> {
    const TAKE: &str = "UPDATE authz_codes SET used_at = $2
        WHERE hash = $1 AND used_at IS NULL AND expires_at > $2";
    Ok(on_tx!(tx, c => {
        sqlx::query(TAKE).bind(hash.to_string()).bind(now.0).execute(c).await?.rows_affected()
    }))
}

impl TryFrom<CodeRow> for CodeRecord {
    type Error = StoreError;

    fn try_from(row: CodeRow) -> Result<Self, StoreError> {
        let (to, login) = row.issued.read(CODES)?;
        let redirect_uri: RedirectUri = serde_json::from_str(&row.redirect_uri)
            .map_err(|error| StoreError::corrupt(CODES, error))?;
        Ok(Self {
            to,
            redirect_uri,
            challenge: parsed(CODES, &row.challenge)?,
            login,
            nonce: row.nonce,
            expires_at: Micros(row.expires_at),
            used: row.used_at.is_some(),
        })
    }
}
