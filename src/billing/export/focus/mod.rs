//! Statements as FOCUS, the FinOps Open Cost and Usage Specification, has cost and usage: what other tools of finance read.
//!
//! A row is what was used of a charge under one price on a day of UTC, or what is asked otherwise. FOCUS' own columns come
//! first, in the order of their names, and ours (`x_`) last.

mod layout;
mod rows;
mod spread;

pub(super) use rows::{Corrected, rows};

use super::layout::Layout;
use std::fmt;
use std::str::FromStr;

/// A version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FocusVersion {
    /// 1.2, of May 2025.
    V1_2,
}

/// There is no such version here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FOCUS is written in version 1.2 alone: focus-1.2")]
pub struct UnknownVersion;

impl FocusVersion {
    /// Its columns.
    #[must_use]
    pub fn layout(self) -> &'static Layout {
        match self {
            Self::V1_2 => &layout::FOCUS_1_2,
        }
    }
}

impl fmt::Display for FocusVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1_2 => f.write_str("1.2"),
        }
    }
}

impl FromStr for FocusVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        if text == "1.2" { Ok(Self::V1_2) } else { Err(UnknownVersion) }
    }
}
