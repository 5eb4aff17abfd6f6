//! An import from file to report: one thread reads and checks rows, this one stores them.

use super::kinds::Import;
use super::report::Reporter;
use super::source::{Checked, Record, Source};
use super::store::{self, Run};
use super::{Feed, ImportError, Mapping, Progress, Report};
use crate::catalog::categories::Category;
use crate::catalog::model::Product;
use crate::catalog::offers::Offer;
use crate::catalog::promotions::Promotion;
use crate::catalog::{self, Fate, Fault, Known, Line, shape};
use crate::kernel::{Clock, Micros};
use crate::stock::model::Level;
use crate::storage::Db;
use crate::stores;
use crate::stores::model::Store;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most rows per transaction: a commit waits for the disk, and other writers wait for the commit.
const BATCH: usize = 2_000;
/// Bytes of records after which a batch is full with fewer rows, so that memory stays bounded.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batches that may wait between the two threads.
const AHEAD: usize = 2;

/// Rows with their lines, checked.
type Batch<T> = Vec<(u64, Result<T, Fault>)>;

/// Runs a generic function with the row type of a feed.
macro_rules! by_feed {
    ($feed:expr, $run:ident ( $($arg:expr),* )) => {
        match $feed {
            Feed::Categories => $run::<Line<Category>>($($arg),*).await,
            Feed::Products => $run::<Line<Product>>($($arg),*).await,
            Feed::Stores => $run::<Line<Store>>($($arg),*).await,
            Feed::Promotions => $run::<Line<Promotion>>($($arg),*).await,
            Feed::Offers => $run::<Offer>($($arg),*).await,
            Feed::Stock => $run::<Level>($($arg),*).await,
        }
    };
}

/// Imports a file: CSV where there is a mapping, else a JSON object per line; plain or gzip. Each
/// refused row is written to `rejects` as a line of JSON.
pub async fn import(
    db: &Db,
    clock: &Clock,
    feed: Feed,
    file: &Path,
    mapping: Option<&Mapping>,
    rejects: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, ImportError> {
    if let Some(mapping) = mapping.filter(|mapping| mapping.feed != feed) {
        return Err(ImportError::OtherFeed { mapping: mapping.feed, feed });
    }
    let started_at = clock.now();
    let (source, checked) = check(Source::open(file, mapping)?, progress).await?;
    let known = Arc::new(known(db, feed).await?);
    let reporter = Reporter::new(feed, rejects)?;
    let stage = Stage { db, now: started_at, reporter, of: checked.rows, done: 0 };
    let checked = Arc::new(checked);
    let report = by_feed!(feed, stored(stage, source, Arc::clone(&checked), known, progress))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let finished_at = clock.now();
    let run = Run { file_name: &name, sha256: &checked.sha256, started_at, finished_at };
    store::record(db, &report, &run).await?;
    Ok(report)
}

/// Imports values from memory through the same checks.
pub async fn import_values(
    db: &Db,
    clock: &Clock,
    feed: Feed,
    values: &[Value],
) -> Result<Report, ImportError> {
    let known = known(db, feed).await?;
    let reporter = Reporter::new(feed, None)?;
    let stage = Stage { db, now: clock.now(), reporter, of: values.len() as u64, done: 0 };
    by_feed!(feed, stored_values(stage, &known, values))
}

/// What rows of the feed may name; nothing where they name nothing.
async fn known(db: &Db, feed: Feed) -> Result<Known, ImportError> {
    let mut known = Known::default();
    if matches!(feed, Feed::Offers | Feed::Stock) {
        catalog::store::know_products(db, &mut known).await?;
        stores::store::know_stores(db, &mut known).await?;
    }
    Ok(known)
}

/// A thread's failure to come back is its panic, which is passed on.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
    }
}

/// The first pass, on a thread of its own.
async fn check(
    mut source: Source,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Source, Checked), ImportError> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let reading = tokio::task::spawn_blocking(move || {
        let checked = source.check(|rows| {
            if rows % 10_000 == 0 {
                // Nobody listening only means that nobody wants to know.
                let _ = tell.send(rows);
            }
        });
        (source, checked)
    });
    while let Some(rows) = told.recv().await {
        progress(Progress::Checking(rows));
    }
    let (source, checked) = joined(reading.await);
    Ok((source, checked?))
}

/// The storing half of an import.
struct Stage<'a> {
    db: &'a Db,
    now: Micros,
    reporter: Reporter,
    of: u64,
    done: u64,
}

impl Stage<'_> {
    /// Stores one batch in one transaction.
    async fn store<T: Import>(&mut self, batch: Batch<T>) -> Result<(), ImportError> {
        let mut lines = Vec::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        self.done += batch.len() as u64;
        for (line, row) in batch {
            match row {
                Ok(row) => {
                    lines.push(line);
                    rows.push(row);
                }
                Err(fault) => self.reporter.add(line, Fate::Refused(fault))?,
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        store::one_at_a_time(&mut tx, self.reporter.report.feed).await?;
        let fates = T::put(&mut tx, &rows, self.now).await?;
        tx.commit().await?;
        for (line, fate) in lines.into_iter().zip(fates) {
            self.reporter.add(line, fate)?;
        }
        Ok(())
    }
}

async fn stored<T: Import>(
    mut stage: Stage<'_>,
    mut source: Source,
    checked: Arc<Checked>,
    known: Arc<Known>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, ImportError> {
    let (send, mut receive) = mpsc::channel::<Batch<T>>(AHEAD);
    let now = stage.now;
    let reading = tokio::task::spawn_blocking(move || {
        let (mut batch, mut held) = (Vec::new(), 0);
        source.each(&checked, |line, bytes, record| {
            batch.push((line, row(record, &known, now)));
            held += bytes;
            (batch.len() < BATCH && held < BATCH_BYTES) || {
                let full = std::mem::take(&mut batch);
                held = 0;
                // The other side is gone only after a failure that it reports itself.
                send.blocking_send(full).is_ok()
            }
        })?;
        let _ = send.blocking_send(batch);
        Ok::<_, ImportError>(())
    });
    while let Some(batch) = receive.recv().await {
        stage.store(batch).await?;
        progress(Progress::Storing { done: stage.done, of: stage.of });
    }
    joined(reading.await)?;
    stage.reporter.finish()
}

async fn stored_values<T: Import>(
    mut stage: Stage<'_>,
    known: &Known,
    values: &[Value],
) -> Result<Report, ImportError> {
    let mut line = 0;
    for values in values.chunks(BATCH) {
        let mut batch = Vec::with_capacity(values.len());
        for value in values {
            line += 1;
            batch.push((line, checked(value, known, stage.now)));
        }
        stage.store::<T>(batch).await?;
    }
    stage.reporter.finish()
}

fn row<T: Import>(record: Record<'_>, known: &Known, now: Micros) -> Result<T, Fault> {
    match record {
        Record::Json(line) => T::check(shape::read(line)?, known, now),
        Record::Mapped(value) => checked(&value?, known, now),
    }
}

fn checked<T: Import>(value: &Value, known: &Known, now: Micros) -> Result<T, Fault> {
    T::check(shape::read_value(value)?, known, now)
}
