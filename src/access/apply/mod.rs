//! Access as a file: partners, contracts, plans, apps and keys, compared with what is there and made so.
//!
//! What the file does not name is left alone; what it names and leaves out a member of keeps that member.

pub mod current;
pub mod diff;
pub mod export;
pub mod file;
pub mod read;
pub mod run;
pub mod steps;
pub mod store;

pub use current::Current;
pub use diff::{Steps, Wanted};
pub use read::{Fault, read};
pub use run::Issued;
pub use steps::{Done, Shown, Step};
