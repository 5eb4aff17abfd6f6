//! The proof of what customers have agreed to, what partners are told of it, and forgetting.

mod erasure;
mod events;
mod given;
mod ledger;
mod receiver;
mod times;
