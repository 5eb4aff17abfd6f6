//! What is agreed with a partner and known about it: contacts, contract, notes.

pub mod find;
pub mod model;
pub mod service;
pub mod store;

pub use model::{Contact, Contract, Profile, Role};
