//! How a file is to be imported.

use super::Mapping;
use super::formats::Format;
use super::mapping::Encoding;
use crate::catalog::offers::Plausible;
use crate::config;
use crate::kernel::hex;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Whether a file says all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The file says all there is: what it does not name is deleted. A feed of offers or stock
    /// speaks of the stores that it names only.
    Full,
    /// The file says what is new.
    #[default]
    Incremental,
}

impl Mode {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }
}

/// No mode has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be full or incremental")]
pub struct UnknownMode;

impl std::str::FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        [Self::Full, Self::Incremental]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(UnknownMode)
    }
}

/// When the deletions of a full import wait for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// Percent of what is there that may go without approval.
    pub percent: u32,
    /// Deletions below which nothing waits.
    pub least: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self { percent: 10, least: 20 }
    }
}

impl Guard {
    /// As the settings say.
    #[must_use]
    pub fn of(settings: &config::Feeds) -> Self {
        Self { percent: settings.max_delete_percent, least: settings.max_delete_min }
    }

    /// Whether so many deletions of so many resources wait.
    #[must_use]
    pub fn holds(self, deletions: u64, of: u64) -> bool {
        deletions >= u64::from(self.least)
            && u128::from(deletions) * 100 > u128::from(of) * u128::from(self.percent)
    }
}

/// By what way a file comes that is from no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hand {
    /// The command line.
    #[default]
    Shell,
    /// The admin API.
    Upload,
}

impl Hand {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "cli",
            Self::Upload => "upload",
        }
    }
}

/// How a file is to be imported.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How the columns of the retailer's own CSV become fields.
    pub mapping: Option<Mapping>,
    /// How the columns of a known format are called in the file.
    pub adapted: Option<super::Adapted>,
    /// A format that needs no mapping; our own NDJSON where there is neither.
    pub format: Format,
    /// The source that the file comes from, by its name: files of the same name from another are other files.
    pub source: Option<String>,
    /// By what way it comes where it is from none.
    pub hand: Hand,
    /// The store of offers and levels whose file names none: the web shop.
    pub store_code: Option<String>,
    /// Whether the file says all there is; where nothing is said, what the mapping says.
    pub mode: Option<Mode>,
    /// How the file's characters are written, where it has no byte-order mark; where nothing is
    /// said, what the mapping says.
    pub encoding: Option<Encoding>,
    /// When the deletions of a full import wait for approval.
    pub guard: Guard,
    /// Which prices are taken.
    pub plausible: Plausible,
    /// Most bytes of a file once it is unpacked; none is no bound of its own.
    pub max_bytes: Option<u64>,
}

impl Options {
    /// Our own NDJSON, or CSV by a mapping.
    #[must_use]
    pub fn mapped(mapping: Option<&Mapping>) -> Self {
        Self { mapping: mapping.cloned(), ..Self::default() }
    }

    /// The word for how the file is laid out.
    pub(super) fn layout(&self) -> &'static str {
        if self.mapping.is_some() { "csv" } else { self.format.as_str() }
    }

    /// Where the file comes from, as it is told: its source, or the way.
    pub(super) fn came_from(&self) -> String {
        self.source.clone().unwrap_or_else(|| self.hand.as_str().to_owned())
    }

    /// A hash over where a file comes from, what says how it is read, of which store, and which prices are taken.
    pub(super) fn read_as(&self) -> String {
        let Self { mapping, adapted, format, source, store_code, plausible, .. } = self;
        hex(Sha256::digest(format!(
            "{mapping:?} {adapted:?} {format:?} {source:?} {store_code:?} {plausible:?}"
        )))
    }

    pub(super) fn mode(&self) -> Mode {
        let declared = self.mapping.as_ref().and_then(|mapping| mapping.mode);
        let declared = declared.or(self.adapted.as_ref().and_then(|adapted| adapted.mode));
        self.mode.or(declared).unwrap_or_default()
    }

    pub(super) fn encoding(&self) -> Encoding {
        let declared = self.mapping.as_ref().map(|mapping| mapping.encoding);
        let declared = declared.or(self.adapted.as_ref().and_then(|adapted| adapted.encoding));
        self.encoding.or(declared).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_from_two_sources_are_not_one() {
        let of = |source: &str| Options { source: Some(source.to_owned()), ..Options::default() };
        assert_eq!(of("tills").read_as(), of("tills").read_as());
        assert_ne!(of("tills").read_as(), of("web").read_as());
        assert_ne!(of("tills").read_as(), Options::default().read_as());
    }
}
