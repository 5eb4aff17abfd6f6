//! All SQL of the authorization server: pushed requests, codes, refresh tokens, what was used once, and keys.
//!
//! Of what a client or a customer holds only the hash is stored, and what works once is one statement that changes one row
//! or none: how many it has changed is what [`Untaken`](super::once::Untaken) wants to know.
//!
//! A code is taken and what comes of it is written in one transaction, and whoever revokes deletes the codes of a consent
//! before its refresh tokens ([`revoke`]): an exchange that is under way is waited for, and its refresh token found. What
//! is bound to a customer hangs on the name that the partner knows them by (`consent_subs`) and is deleted by the database
//! with it, so that forgetting a customer needs to know of nothing here.
//!
//! None of this locks the ledger of consents. A transaction that moves a consent as well does that last
//! ([`crate::consent::store`]).

pub mod codes;
pub mod expire;
pub mod keys;
pub mod refresh_tokens;
pub mod requests;
pub mod revoke;
mod row;
pub mod used;

const REQUESTS: &str = "authz_requests";
const CODES: &str = "authz_codes";
const REFRESH_TOKENS: &str = "authz_refresh_tokens";
