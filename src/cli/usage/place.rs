//! Where an export goes to, or is.

use crate::objects::{InvalidLocation, Location};
use std::path::PathBuf;
use std::str::FromStr;

/// A place for the files of an export.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Place {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A prefix of a bucket.
    Bucket(Location),
}

impl FromStr for Place {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        if Location::is_meant(text) {
            return text.parse().map(Self::Bucket);
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }
}
