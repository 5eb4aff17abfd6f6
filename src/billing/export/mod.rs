//! Usage as files: rows of the ledger in a fixed order of columns, each with a hash of its own.

mod directory;
pub mod event_row;
mod events;
pub mod layout;
pub mod page;
mod parts;
pub mod read;
pub mod row;
mod write;

pub use directory::{Order, export_to_directory};
pub use events::{Asked, Summary, export};
pub use write::{Format, UnknownFormat};

use super::keys::KeyError;
use crate::storage::StoreError;
use parquet::errors::ParquetError;
use std::io;
use std::path::PathBuf;

/// Why an export failed. What it was to make is then not there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
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
