//! Snapshots and exports: the catalog as files, as of one position of the change log.
//!
//! A snapshot is written once a day for all partners; an export is written for the app that asks.
//! Both are read from one snapshot of the database together with the head of the change log, written
//! into a directory of their own, synced, renamed, and only then registered.

pub mod api;
pub(crate) mod columnar;
pub(crate) mod digest;
pub(crate) mod download;
mod files;
pub mod model;
mod range;
mod schedule;
mod scope;
pub mod store;
pub mod worker;
pub mod write;

pub use worker::Worker;

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] crate::storage::StoreError),
    /// The disk failed, or is full.
    #[error("the files cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// A row that does not fit the columns of its file.
    #[error("a row cannot be written as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// What was asked for, or what was made, cannot be read.
    #[error("the record of an export is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// The writing was cut off.
    #[error("the writing was cut off")]
    CutOff,
    /// The system has no randomness.
    #[error("no randomness from the system: {0}")]
    Random(#[from] getrandom::Error),
}

#[cfg(test)]
mod tests;
