//! The settings of consents, as [`crate::config`] reads them.

pub use crate::config::ConsentSettings;
