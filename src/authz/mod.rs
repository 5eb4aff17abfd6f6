//! The core of an OAuth 2.0 authorization server in the FAPI 2.0 Security Profile.
//!
//! Everything here but [`store`] and [`http`] judges values that it is given: forms, keys, records, times and random bytes.
//! What is asked for and answered without a browser is in [`http`]. A secret text leaves in a
//! [`Secret`](crate::kernel::secret::Secret), and only hashes of it are kept.
//!
//! The way of a client: it pushes what it asks for ([`par`], [`request`]), sends the customer with the reference
//! ([`authorize`]), exchanges the code ([`token_request`], [`exchange`]) and later the refresh token ([`refresh`]) for
//! access tokens ([`access_token`]), and shows those with a proof of its key ([`dpop`], [`presented`]). It is proved in
//! one place ([`authenticate`]), what works once counts once ([`once`]), and what a consent allows is told by
//! [`crate::consent`]. Forms, error codes, signatures and assertions are read as [`crate::access::oauth`] reads them.

pub mod access_token;
pub mod authenticate;
pub mod authorize;
pub mod bits;
pub mod client;
pub mod clients;
pub mod dpop;
pub mod ends;
pub mod events;
pub mod exchange;
pub mod grant;
pub mod handles;
pub mod http;
pub mod htu;
pub mod id_token;
pub mod introspect;
pub mod issued;
pub mod jwk;
pub mod keys;
pub mod login;
pub mod metadata;
pub mod nonce;
pub mod once;
pub mod par;
pub mod pkce;
pub mod presented;
pub mod redirect;
pub mod refresh;
pub mod request;
pub mod scopes;
pub mod settings;
pub mod signers;
pub mod signing;
pub mod store;
pub mod token_request;

#[cfg(test)]
mod tests;
