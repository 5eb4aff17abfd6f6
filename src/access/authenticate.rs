//! Who calls: the key or the access token that a call holds, from memory alone.

use super::Scopes;
use super::directory::{Directory, KeyRecord, Keyring, SecretRecord, Unusable};
use super::key::{self, KeyText};
use super::policy::CallView;
use super::token::{self, Tokens};
use crate::http::{ApiError, Code};
use crate::kernel::{Micros, secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key that a call has proved to hold, with what the call may do with it.
#[derive(Debug)]
pub(super) struct Held {
    /// The key.
    pub(super) key: Arc<KeyRecord>,
    /// What of its scopes the call has.
    pub(super) scopes: Scopes,
}

impl From<Arc<KeyRecord>> for Held {
    fn from(key: Arc<KeyRecord>) -> Self {
        Self { scopes: key.scopes, key }
    }
}

/// Why a call has proved to hold no key that works.
#[derive(Debug)]
pub(super) struct Unproven {
    /// What to tell the caller.
    pub(super) error: ApiError,
    /// The key, where the call held a secret of it that does not work now.
    pub(super) of: Option<(Arc<KeyRecord>, Unusable)>,
    /// Whether it held a whole key that is not known here, and may have been made just now.
    pub(super) may_be_new: bool,
}

impl From<ApiError> for Unproven {
    fn from(error: ApiError) -> Self {
        Self { error, of: None, may_be_new: false }
    }
}

/// The key whose secret or token the call holds, as a password too where the operation takes one. What is not whole costs a checksum, and what another
/// gateway may have given out a hash, where any such key is known.
pub(super) fn caller(
    keyring: &Keyring,
    tokens: &Tokens,
    call: &CallView<'_>,
    (takes_basic, now): (bool, Micros),
) -> Result<Held, Unproven> {
    let password = if takes_basic { password(call)? } else { None };
    let text = match &password {
        Some(password) => password.as_slice(),
        None => presented(call)?,
    };
    let directory = keyring.current();
    if let Ok(text) = KeyText::parse(text) {
        can_judge(keyring)?;
        let key = directory.at(text.id, now).ok_or_else(unheard)?;
        let hash = text.hash(keyring.pepper());
        return used(key, &hash, now).map(Held::from);
    }
    if token::is_token(text) {
        can_judge(keyring)?;
        return Ok(by_token(&directory, tokens, text, now)?);
    }
    if key::is_ours(text) || !directory.has_imported() {
        return Err(no_key(text).into());
    }
    can_judge(keyring)?;
    let hash = keyring.imported_hasher().of_text(text).ok_or_else(damaged)?;
    let key = directory.imported(&hash, now).ok_or_else(unknown)?;
    used(key, &hash, now).map(Held::from)
}

/// The key, where one of its secrets has this hash and works.
fn used(key: &Arc<KeyRecord>, hash: &[u8; 32], now: Micros) -> Result<Arc<KeyRecord>, Unproven> {
    let is_it = |held: &&SecretRecord| secret::same(&held.hash, hash);
    let held = key.secrets.iter().find(is_it).ok_or_else(unheard)?;
    match held.unusable(now) {
        None => {
            held.note_use(now);
            Ok(Arc::clone(key))
        }
        Some(why) => {
            Err(Unproven { of: Some((Arc::clone(key), why)), ..Unproven::from(unusable(why)) })
        }
    }
}

fn unusable(why: Unusable) -> ApiError {
    match why {
        Unusable::TakenBack(_) => ApiError::new(
            Code::ExpiredKey,
            "The rotation that made this secret was taken back: use the secret before it.",
        ),
        Unusable::Replaced(_) => ApiError::new(
            Code::ExpiredKey,
            "This secret was replaced and its overlap is over: use the new one.",
        ),
        Unusable::Before(at) => ApiError::new(
            Code::InvalidKey,
            format!("This secret works from {at}: use the one before until then."),
        ),
    }
}

fn by_token(
    directory: &Directory,
    tokens: &Tokens,
    text: &[u8],
    now: Micros,
) -> Result<Held, ApiError> {
    let invalid = |detail| ApiError::new(Code::InvalidToken, detail);
    let token = tokens.read(text).map_err(|_| {
        invalid("The access token is not one of ours or was damaged on the way: get a new one.")
    })?;
    if token.expires_at <= now {
        return Err(invalid("The access token is over: get a new one from /oauth/token."));
    }
    let ended = "The access token was ended by the retailer: get a new one from /oauth/token.";
    let key = directory.at(token.client, now).ok_or_else(|| invalid(ended))?;
    // A later generation is one that this node has yet to follow.
    if token.generation < key.token_generation {
        return Err(invalid(ended));
    }
    Ok(Held { scopes: token.scopes.and(key.scopes), key: Arc::clone(key) })
}

/// Whether what this node knows of the keys, and of the time, is good enough to say yes or no by it.
pub(super) fn can_judge(keyring: &Keyring) -> Result<(), ApiError> {
    let (code, detail) = if keyring.freshness().is_stale() {
        let detail = "This node cannot tell now whether the key is still valid. Try again in a moment; \
                      the key itself is not refused.";
        (Code::AccessStale, detail)
    } else if keyring.skew().is_beyond() {
        let detail = "The clock of this node is wrong, so that it judges and records nothing. Try again in a \
                      moment; the key itself is not refused.";
        (Code::ClockSkewed, detail)
    } else {
        return Ok(());
    };
    Err(ApiError::new(code, detail).limited(Vec::new(), Some(1)))
}

/// A text that is no key: what it is instead, where that can be told.
fn no_key(text: &[u8]) -> ApiError {
    let detail = if text.starts_with(key::ADMIN.as_bytes()) {
        "This is an admin token: it works under /admin/v1 on the admin listener, and not here. Send a key."
    } else if text.starts_with(key::CLIENT.as_bytes()) {
        "This is the secret of a client: get an access token for it from /oauth/token, and send that."
    } else {
        return damaged();
    };
    ApiError::new(Code::InvalidKey, detail)
}

fn damaged() -> ApiError {
    let detail = "The key's text is not one of ours or was damaged on the way: \
                  copy it again whole, from `cpt_` to its last character.";
    ApiError::new(Code::InvalidKey, detail)
}

fn unknown() -> ApiError {
    let detail = "This key is not known here. Check that it belongs to this retailer, \
                  or ask for a new one.";
    ApiError::new(Code::InvalidKey, detail)
}

/// A key, or a secret of one, that has the form of ours and its checksum.
fn unheard() -> Unproven {
    Unproven { may_be_new: true, ..Unproven::from(unknown()) }
}

/// The text of a key or token: `X-API-Key`, or `Authorization: Bearer`. Never the query string.
fn presented<'a>(call: &CallView<'a>) -> Result<&'a [u8], ApiError> {
    if let Some(key) = call.api_key {
        return Ok(key);
    }
    let missing = "Send your key as `Authorization: Bearer cpt_…` or `X-API-Key: cpt_…`.";
    let header = call.authorization.ok_or_else(|| ApiError::new(Code::MissingKey, missing))?;
    match header.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => Ok(key),
        _ => Err(ApiError::new(Code::InvalidKey, missing)),
    }
}

/// The password of `Authorization: Basic` (RFC 7617), where a call has one and no other key. The name before it
/// says nothing that the key does not.
fn password(call: &CallView<'_>) -> Result<Option<Zeroizing<Vec<u8>>>, ApiError> {
    let header = call.authorization.filter(|_| call.api_key.is_none());
    let split = header.and_then(|header| header.split_at_checked(6));
    let Some((_, text)) = split.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic ")) else {
        return Ok(None);
    };
    let malformed = || {
        let detail = "`Authorization: Basic` holds a name, any, a colon and your key, in base64.";
        ApiError::new(Code::InvalidKey, detail)
    };
    let pair = STANDARD.decode(text.trim_ascii()).map(Zeroizing::new).map_err(|_| malformed())?;
    let colon = memchr::memchr(b':', &pair).ok_or_else(malformed)?;
    Ok(pair.get(colon + 1..).map(|password| Zeroizing::new(password.to_vec())))
}
