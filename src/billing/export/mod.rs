//! Usage and what it comes to, as files: rows in a fixed order of columns, each with a hash of its own.

mod adjustment_rows;
mod billed;
mod bucket;
mod content;
mod days;
mod directory;
pub mod event_row;
mod events;
mod focus;
mod held;
mod hourly;
pub mod layout;
mod line_rows;
mod names;
pub mod page;
mod parts;
mod periods;
mod prices;
mod question;
pub mod read;
pub mod row;
mod statements;
mod store;
mod summary;
mod write;

pub use billed::Billed;
pub use bucket::{Deposited, Depot};
pub use content::{Content, UnknownContent};
pub use directory::{Order, export_to_directory};
pub use events::Asked;
pub use focus::{FocusVersion, UnknownVersion};
pub use periods::AppPeriods;
pub use question::Question;
pub use summary::{Summary, export, export_rows};
pub use write::{Format, UnknownFormat};

use super::BillingError;
use super::keys::KeyError;
use super::manifest::{Fact, rows};
use crate::kernel::id::BillingPeriodId;
use crate::objects::ObjectError;
use crate::storage::StoreError;
use layout::Layout;
use parquet::errors::ParquetError;
use row::Row;
use std::io;
use std::path::PathBuf;

/// Why an export failed. What it was to make is then not there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement could not be made.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// A row that would not be counted when it is read again.
    #[error("a row of {0} is not as its layout has it: {1}")]
    Row(&'static str, String),
    /// Statements are of billing periods.
    #[error(
        "{0} are of a billing period: name it with --period, as `GET /admin/v1/billing/periods` lists them"
    )]
    NoPeriod(String),
    /// The period is exported under another name of the retailer.
    #[error(
        "the period is closed and was exported with the retailer called {0:?}, which stays so that its rows do"
    )]
    OtherName(String),
    /// The ledger has other events of a closed period than its close counts.
    #[error(
        "{period} is closed, and the ledger has not the events that close {number} counts: {why}. It is not exported; \
         `comptoir usage reconcile --period {period}` names all that differs"
    )]
    NotAsClosed {
        /// The period.
        period: BillingPeriodId,
        /// The number of its close.
        number: i64,
        /// The first difference.
        why: String,
    },
    /// The rows could not be written.
    #[error("the export could not be written: {0}")]
    Write(#[from] io::Error),
    /// A row that does not fit its columns.
    #[error("a row cannot be written as Parquet: {0}")]
    Parquet(ParquetError),
    /// The manifest could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system has no randomness.
    #[error("no randomness from the system: {0}")]
    Random(#[from] getrandom::Error),
    /// Something is there.
    #[error("{} is there already, and an export is never written over: name another directory", .0.display())]
    Exists(PathBuf),
    /// Another process writes there.
    #[error("another export is being written to {}: wait for its end, or name another directory", .0.display())]
    Busy(PathBuf),
    /// The object storage, or what is to go there.
    #[error("the export could not be written: {0}")]
    Object(#[from] ObjectError),
    /// Something else is there.
    #[error("{at} holds {what}, and an export is never written over: name another prefix")]
    Occupied {
        /// The address.
        at: String,
        /// What is there.
        what: String,
    },
    /// Another process, or another node, writes to the bucket.
    #[error("another export is being written to {0}: wait for its end, or name another prefix")]
    BusyBucket(String),
    /// The file or directory could not be made.
    #[error("the export could not be written to {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<ParquetError> for ExportError {
    /// A full disk is that, whoever was writing.
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => Self::Write(*source),
                Err(source) => Self::Parquet(ParquetError::External(source)),
            },
            other => Self::Parquet(other),
        }
    }
}

/// Shows a row that is no event with what is counted of it: by the same rule as when it is checked.
fn show(
    layout: &'static Layout,
    row: &Row,
    each: &mut impl FnMut(&Fact, &Row) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let fact = rows::fact(layout, &row.texts).map_err(|why| ExportError::Row(layout.name, why))?;
    each(&fact, row)
}
