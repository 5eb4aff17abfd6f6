//! Taking back what was issued: what is stored of it goes and its consent moves, in one transaction.

use super::answered::ProtocolFailed;
use super::state::AuthzState;
use crate::access::oauth::error::OAuthCode;
use crate::authz::handles::HandleHash;
use crate::authz::store::revoke;
use crate::consent::change::ConsentChange;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::store::{NotWritten, read};

/// Times that it is begun anew where the consent has moved meanwhile.
const TRIES: u8 = 5;

/// What is taken back.
#[derive(Debug, Clone, Copy)]
pub(super) enum GivenBack<'a> {
    /// What came of a code.
    Code(HandleHash),
    /// A refresh token of a client.
    RefreshToken(HandleHash, &'a str),
    /// All of a consent.
    Grant(GrantId),
}

/// Takes back what was issued, and has its consent move from how it stands then; with none nothing else is to be done.
/// Whether it moved.
pub(super) async fn take_back(
    state: &AuthzState,
    given: GivenBack<'_>,
    moved: impl Fn(&ConsentRecord) -> Option<ConsentChange>,
) -> Result<bool, ProtocolFailed> {
    for _ in 0..TRIES {
        match once(state, given, &moved).await {
            Ok(has_moved) => {
                state.consents.nudge();
                return Ok(has_moved);
            }
            Err(NotWritten::Moved) => {}
            Err(NotWritten::Store(error)) => return Err(error.into()),
            // Who is forgotten has no tokens any more.
            Err(NotWritten::Forgotten) => return Ok(false),
            Err(error @ NotWritten::NotCanonical(_)) => {
                tracing::error!(%error, "a consent could not be moved");
                return Err(OAuthCode::ServerError.into());
            }
        }
    }
    Err(OAuthCode::TemporarilyUnavailable.into())
}

async fn once(
    state: &AuthzState,
    given: GivenBack<'_>,
    moved: impl Fn(&ConsentRecord) -> Option<ConsentChange>,
) -> Result<bool, NotWritten> {
    let mut tx = state.db.begin().await?;
    let id = match given {
        GivenBack::Code(hash) => revoke::of_code(&mut tx, hash).await?,
        GivenBack::RefreshToken(hash, client_id) => {
            revoke::of_token(&mut tx, hash, client_id).await?
        }
        GivenBack::Grant(id) => Some(id),
    };
    let Some(id) = id else { return Ok(false) };
    let record = read::current_in(&mut tx, id).await?;
    let change = record.as_ref().and_then(moved);
    let has_moved = change.is_some();
    if let Some(change) = &change {
        // Last, since it locks the ledger. Refused, all of the transaction is dropped.
        revoke::apply(&mut tx, change).await?;
    }
    tx.commit().await?;
    Ok(has_moved)
}
