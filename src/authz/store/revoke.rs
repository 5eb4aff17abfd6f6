//! Taking codes and refresh tokens back.
//!
//! Access tokens are not stored: those of a consent end by its move ([`apply`]), all that were issued until then.

use super::{CODES, REFRESH_TOKENS};
use crate::authz::handles::HandleHash;
use crate::consent::change::ConsentChange;
use crate::consent::record::GrantId;
use crate::consent::store::{NotWritten, apply as consents};
use crate::on_tx;
use crate::storage::{StoreError, Tx, parsed};

/// Writes a move of a consent with what it means for codes and refresh tokens: where it ends, where its customer is
/// forgotten and where its tokens are revoked, there are none of it any more. Returns what
/// [`consent::store::apply`](crate::consent::store::apply::apply) does; a transaction in which the move is refused is to
/// be dropped, for the tokens are gone in it.
pub async fn apply(tx: &mut Tx, change: &ConsentChange) -> Result<Option<i64>, NotWritten> {
    if ends_tokens(change) {
        of_grant(tx, change.record.grant_id).await?;
    }
    // Last, since it locks the ledger.
    consents::apply(tx, change).await
}

fn ends_tokens(change: &ConsentChange) -> bool {
    let record = &change.record;
    let are_revoked = change.from.is_some_and(|from| from.tokens_since != record.tokens_since);
    record.status.is_terminal() || record.known_as.sub().is_none() || are_revoked
}

/// Takes back all codes and refresh tokens of a consent; how many there were.
pub async fn of_grant(tx: &mut Tx, id: GrantId) -> Result<u64, StoreError> {
    // The codes first: this waits for an exchange that has taken one, and then finds what has come of it.
    const CODES_OF: &str = "DELETE FROM authz_codes WHERE grant_id = $1";
    const TOKENS_OF: &str = "DELETE FROM authz_refresh_tokens WHERE grant_id = $1";
    let id = id.to_string();
    let mut gone = 0;
    for delete in [CODES_OF, TOKENS_OF] {
        gone += on_tx!(tx, c => sqlx::query(delete).bind(&id).execute(c).await?.rows_affected());
    }
    Ok(gone)
}

/// Takes back a refresh token of a client (RFC 7009); its consent, by which the access tokens end that came of it. `None`
/// where there is no such token, or it is another client's: that is told alike, and changes nothing.
pub async fn of_token(
    tx: &mut Tx,
    hash: HandleHash,
    client_id: &str,
) -> Result<Option<GrantId>, StoreError> {
    const DELETE: &str = "DELETE FROM authz_refresh_tokens WHERE hash = $1 AND client_id = $2
        RETURNING grant_id";
    let id: Option<String> = on_tx!(tx, c => {
        let delete = sqlx::query_scalar(DELETE).bind(hash.to_string()).bind(client_id);
        delete.fetch_optional(c).await?
    });
    id.map(|id| parsed(REFRESH_TOKENS, &id)).transpose()
}

/// Takes back the refresh token that came of a code which was shown a second time (RFC 6749 §4.1.2); the consent of both, by
/// which the access tokens end. `None` where the code is not known any more.
pub async fn of_code(tx: &mut Tx, code: HandleHash) -> Result<Option<GrantId>, StoreError> {
    // Changes nothing: it waits for the exchange that has taken the code, and then finds what has come of it.
    const CODE: &str =
        "UPDATE authz_codes SET used_at = used_at WHERE hash = $1 RETURNING grant_id";
    const TOKEN: &str = "DELETE FROM authz_refresh_tokens WHERE code_hash = $1";
    let hash = code.to_string();
    let id: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(CODE).bind(&hash).fetch_optional(c).await?);
    on_tx!(tx, c => {
        sqlx::query(TOKEN).bind(&hash).execute(c).await?;
    });
    id.map(|id| parsed(CODES, &id)).transpose()
}

/// Takes back codes and refresh tokens of a client, about `limit` of each; how many there were. The next call finds those
/// that are left.
pub async fn of_client(tx: &mut Tx, client_id: &str, limit: u32) -> Result<u64, StoreError> {
    const CODES_OF: &str = "DELETE FROM authz_codes WHERE hash IN
        (SELECT hash FROM authz_codes WHERE client_id = $1 ORDER BY hash LIMIT $2)";
    const TOKENS_OF: &str = "DELETE FROM authz_refresh_tokens WHERE hash IN
        (SELECT hash FROM authz_refresh_tokens WHERE client_id = $1 ORDER BY hash LIMIT $2)";
    let mut gone = 0;
    for delete in [CODES_OF, TOKENS_OF] {
        gone += on_tx!(tx, c => {
            let delete = sqlx::query(delete).bind(client_id).bind(i64::from(limit));
            delete.execute(c).await?.rows_affected()
        });
    }
    Ok(gone)
}
