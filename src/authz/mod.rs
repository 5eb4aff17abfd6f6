//! The core of an OAuth 2.0 authorization server in the FAPI 2.0 Security Profile, without I/O.

pub mod authorize;
pub mod bits;
pub mod client;
pub mod client_assertion;
pub mod dpop;
pub mod error;
pub mod form;
pub mod handles;
pub mod htu;
pub mod jwk;
pub mod jws;
pub mod keys;
pub mod nonce;
pub mod par;
pub mod pkce;
pub mod redirect;
pub mod request;
pub mod scopes;
pub mod signing;
