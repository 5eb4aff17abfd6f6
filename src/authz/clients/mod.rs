//! Apps as clients that customers let in: what is registered of them, what of it somebody has approved, and the client
//! that the protocol knows.
//!
//! Who manages partners registers what an app asks for; who looks after privacy approves or refuses it, each scope and
//! each address by itself. A client is known by the id of one of the app's OAuth clients
//! ([`access::oauth`](crate::access::oauth)), whose secrets and public keys it proves itself with. Consents are given to
//! the app, and to the partner whose it was when it was registered.

mod find;
mod known;
pub mod model;
pub mod service;
pub mod store;

pub use find::{Registered, consent_client, find};
pub use known::KnownClients;
