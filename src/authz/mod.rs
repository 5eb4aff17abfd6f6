//! The core of an OAuth 2.0 authorization server in the FAPI 2.0 Security Profile, without I/O.
//!
//! Everything here judges values that it is given: forms, keys, records, times and random bytes. What is stored, asked
//! for and answered over HTTP is the business of those who call. A secret text leaves in a
//! [`Secret`](crate::kernel::secret::Secret), and only hashes of it are meant to be kept.
//!
//! The way of a client: it pushes what it asks for ([`par`], [`request`]), sends the customer with the reference
//! ([`authorize`]), exchanges the code ([`token_request`], [`exchange`]) and later the refresh token ([`refresh`]) for
//! access tokens ([`access_token`]), and shows those with a proof of its key ([`dpop`], [`presented`]). How it is
//! authenticated is shared with the client credentials of [`crate::access::oauth`], and stricter here
//! ([`client_assertion`]).

pub mod access_token;
pub mod authorize;
pub mod bits;
pub mod client;
pub mod client_assertion;
pub mod dpop;
pub mod error;
pub mod exchange;
pub mod form;
pub mod grant;
pub mod handles;
pub mod htu;
pub mod id_token;
pub mod introspect;
pub mod jwk;
pub mod jws;
pub mod keys;
pub mod metadata;
pub mod nonce;
pub mod par;
pub mod pkce;
pub mod presented;
pub mod redirect;
pub mod refresh;
pub mod request;
pub mod scopes;
pub mod settings;
pub mod signing;
pub mod token_request;

#[cfg(test)]
mod tests;
