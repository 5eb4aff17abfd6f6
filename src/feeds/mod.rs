//! What the retailer sends in: files of products, stores, prices and stock.
//!
//! A file is read twice: first to its end, so that a broken one is refused before anything is
//! written; then row by row. A bad row is reported and never stops the rest. What is stored
//! already changes nothing, so a file can always be imported again.

mod adapted;
mod decimal;
mod encoding;
mod fields;
pub mod formats;
mod kinds;
pub mod levels;
pub mod mapping;
pub mod options;
pub mod out;
mod patch;
mod plan;
pub mod report;
mod run;
mod source;
pub mod sources;
pub mod store;
#[cfg(test)]
mod tests;

pub use adapted::{Adapted, MappingFile};
pub use formats::Format;
pub use mapping::{Mapping, MappingError};
pub use options::{Guard, Hand, Mode, Options};
pub use report::{Rejected, Report};
pub use run::{check_store, import, import_values, import_with};
pub use store::new_id;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// The category tree.
    Categories,
    /// Products.
    Products,
    /// Stores.
    Stores,
    /// Promotions.
    Promotions,
    /// Prices by store.
    Offers,
    /// Stock levels.
    Stock,
}

impl Feed {
    /// All feeds in the order in which they build on each other.
    pub const ALL: [Self; 6] = [
        Self::Categories,
        Self::Products,
        Self::Stores,
        Self::Promotions,
        Self::Offers,
        Self::Stock,
    ];

    /// The word for it on the command line and in the records of imports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Categories => "categories",
            Self::Products => "products",
            Self::Stores => "stores",
            Self::Promotions => "promotions",
            Self::Offers => crate::catalog::offers::store::OFFERS,
            Self::Stock => "stock",
        }
    }
}

/// The word names no feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a feed must be categories, products, stores, promotions, offers or stock")]
pub struct UnknownFeed;

impl std::str::FromStr for Feed {
    type Err = UnknownFeed;

    fn from_str(text: &str) -> Result<Self, UnknownFeed> {
        Self::ALL.into_iter().find(|feed| feed.as_str() == text).ok_or(UnknownFeed)
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The file is being read to its end; rows so far.
    Checking(u64),
    /// Rows are being stored.
    Storing {
        /// Rows dealt with.
        done: u64,
        /// Rows in the file.
        of: u64,
    },
}

/// Why a whole import was refused or broke off.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file that cannot be opened, read or written.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is damaged or not what it should be. Nothing was stored.
    #[error("{}: {reason}; nothing was imported", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A file that was not the same when its rows were stored as when it was checked.
    #[error(
        "{}: changed while it was imported, so that part of its rows is stored; import it again \
         when it is whole", file.display()
    )]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// The same file was begun again, which counts. What this import has stored stays.
    #[error(
        "the import of the same file was begun again while this one was under way, so this one \
         deletes nothing; look at the later one with `comptoir feed list`"
    )]
    Superseded,
    /// The format tells nothing about this feed, or needs to be told more.
    #[error("{0}")]
    NotInFormat(String),
    /// The options name a store for offers and levels that is not there.
    #[error(
        "no store has the code `{0}`, so that every offer and level would be refused; import the \
         store first, or correct the code. A web shop is the line \
         {{\"store_code\":\"{0}\",\"name\":\"Web shop\",\"type\":\"online\",\"time_zone\":\"Europe/Paris\"}} \
         of the feed `stores`"
    )]
    NoStore(String),
    /// The mapping was made for another feed.
    #[error("the mapping is for {mapping}, not for {feed}; choose the mapping of this feed", mapping = .mapping.as_str(), feed = .feed.as_str())]
    OtherFeed {
        /// What the mapping is for.
        mapping: Feed,
        /// What was to be imported.
        feed: Feed,
    },
    /// The database failed. Batches before stay; importing the file again completes it.
    #[error(transparent)]
    Store(#[from] crate::storage::StoreError),
    /// The system has no randomness.
    #[error("no randomness from the system: {0}")]
    Random(#[from] getrandom::Error),
}
