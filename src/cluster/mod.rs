//! What several nodes on one database share beside it: the Redis that wakes them, and who they are.
//!
//! The database is the truth. Redis makes things quick and may be away at any time: nothing waits for
//! it longer than its response timeout, and nothing that is only in Redis is needed to go on.

pub mod nodes;
pub mod redis;
pub mod store;
pub mod wake;

pub use nodes::Nodes;
pub use redis::{Away, Redis, Slot};
pub use wake::Wakes;
