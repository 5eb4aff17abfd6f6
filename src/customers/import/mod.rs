//! Customers' data as feeds bring it into the embedded store: a document of [`model`](super::model) a line.
//!
//! A line of `customers` is a profile; every other names its customer in `customer_id` beside what its document says. A line
//! stands for the whole of what it is about, but a loyalty account's movements, which are added to those that are known. What is
//! stored already changes nothing, so a file can always be imported again. A bad line is reported and stops no other.
//!
//! What is reported names lines, fields and what would be right, and never what stood there: it is a customer's.

mod check;
mod line;
mod lines;
mod report;

pub use line::{FeedDocument, FeedRow};
pub use report::{CustomerReport, RefusedLine};

use super::store::feed::{FeedFate, put_rows};
use crate::catalog::Fault;
use crate::kernel::word::words;
use crate::storage::{Db, StoreError};
use flate2::read::MultiGzDecoder;
use lines::NdjsonLines;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Most lines that are stored in one transaction.
const BATCH: usize = 400;
/// Bytes of lines from which they are stored though they are fewer.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Longest line in bytes.
const MOST_LINE: usize = 1024 * 1024;
/// Newest movements that are kept of a loyalty account.
pub const MOST_TRANSACTIONS: usize = 2_000;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

words! {
    /// What a file of customers' data is about.
    pub enum CustomerFeed {
        /// Who customers are.
        Customers = "customers",
        /// What they bought.
        Purchases = "purchases",
        /// Their loyalty accounts.
        Loyalty = "loyalty",
        /// Their lists.
        Lists = "lists",
        /// The promotions that are their own.
        Promotions = "promotions",
    }
}

/// Why an import was refused or broke off. Lines before are stored; importing the file again completes it.
#[derive(Debug, thiserror::Error)]
pub enum CustomerImportError {
    /// A file that cannot be opened or read.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is read cannot be read on.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A line that is longer than any document.
    #[error("line {0} is longer than {most} bytes", most = MOST_LINE)]
    LongLine(u64),
    /// More than is taken in one file.
    #[error("holds more than {0} bytes once unpacked; send it in parts")]
    TooLarge(u64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Imports a file, plain or gzip, that holds at most so many bytes once unpacked.
pub async fn import_file(
    db: &Db,
    feed: CustomerFeed,
    file: &Path,
    most: u64,
) -> Result<CustomerReport, CustomerImportError> {
    let failed = |source| CustomerImportError::File { file: file.to_owned(), source };
    let mut bytes = BufReader::new(File::open(file).map_err(failed)?);
    let imported = if bytes.fill_buf().map_err(failed)?.starts_with(&GZIP_MAGIC) {
        import_lines(db, feed, BufReader::new(MultiGzDecoder::new(bytes)), most).await
    } else {
        import_lines(db, feed, bytes, most).await
    };
    imported.map_err(|error| match error {
        CustomerImportError::Read(source) => failed(source),
        other => other,
    })
}

/// Imports lines of JSON that are at most so many bytes. They are read on a thread of their own.
pub async fn import_lines(
    db: &Db,
    feed: CustomerFeed,
    from: impl BufRead + Send + 'static,
    most: u64,
) -> Result<CustomerReport, CustomerImportError> {
    let mut report = CustomerReport::new(feed);
    let mut lines = NdjsonLines::new(from, most);
    loop {
        let reading = tokio::task::spawn_blocking(move || {
            let read = LineBatch::read(feed, &mut lines);
            (lines, read)
        });
        let (back, read) = joined(reading.await);
        lines = back;
        let batch = read?;
        for (line, fault) in batch.faults {
            report.refuse(line, fault);
        }
        store(db, feed, batch.rows, &mut report).await?;
        if batch.is_last {
            return Ok(report);
        }
    }
}

/// A thread's failure to come back is its panic, which is passed on.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
    }
}

/// Lines that are stored in one transaction.
struct LineBatch {
    rows: Vec<FeedRow>,
    faults: Vec<(u64, Fault)>,
    is_last: bool,
}

impl LineBatch {
    fn read<R: BufRead>(
        feed: CustomerFeed,
        lines: &mut NdjsonLines<R>,
    ) -> Result<Self, CustomerImportError> {
        let mut batch = Self { rows: Vec::new(), faults: Vec::new(), is_last: false };
        let (mut count, mut bytes) = (0, 0_usize);
        while count < BATCH && bytes < BATCH_BYTES {
            let Some((number, text)) = lines.next()? else {
                batch.is_last = true;
                break;
            };
            count += 1;
            bytes = bytes.saturating_add(text.len());
            match FeedRow::read(feed, number, text) {
                Ok(row) => batch.rows.push(row),
                Err(fault) => batch.faults.push((number, fault)),
            }
        }
        Ok(batch)
    }
}

async fn store(
    db: &Db,
    feed: CustomerFeed,
    rows: Vec<FeedRow>,
    report: &mut CustomerReport,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    let fates = put_rows(&mut tx, feed, rows).await?;
    tx.commit().await?;
    for (line, fate) in fates {
        match fate {
            FeedFate::Written => report.accepted += 1,
            FeedFate::Unchanged => report.unchanged += 1,
            FeedFate::Refused(why) => report.refuse(line, why.fault()),
        }
    }
    Ok(())
}
