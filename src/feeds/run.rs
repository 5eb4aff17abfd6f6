//! An import from file to report: one thread reads and checks rows, this one stores them.

use super::kinds::{Import, Mark, Rules};
use super::patch::{self, Told};
use super::report::Reporter;
use super::source::{Checked, Record, Source};
use super::store::{self, Run, sweep};
use super::{Feed, Guard, ImportError, Mapping, Mode, Options, Progress, Report};
use crate::catalog::categories::Category;
use crate::catalog::check::Heard;
use crate::catalog::model::Product;
use crate::catalog::offers::{Offer, Plausible};
use crate::catalog::promotions::Promotion;
use crate::catalog::{self, Fate, Fault, Known, shape};
use crate::kernel::Clock;
use crate::kernel::id::StoreId;
use crate::stock::model::Level;
use crate::stock::told::Unsaid;
use crate::storage::{Db, one_at_a_time};
use crate::stores;
use crate::stores::model::Store;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of records after which a batch is full with fewer rows, so that memory stays bounded.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batches that may wait between the two threads.
const AHEAD: usize = 2;

/// Rows with their lines, checked; of refused ones what they are about, where that could be read.
type Batch<T> = Vec<(u64, Result<T, Box<Refused>>)>;
type Refused = (Fault, Option<Mark>);

/// Runs a generic function with the row type of a feed.
macro_rules! by_feed {
    ($feed:expr, $run:ident ( $($arg:expr),* )) => {
        match $feed {
            Feed::Categories => $run::<Told<Category>>($($arg),*).await,
            Feed::Products => $run::<Told<Product>>($($arg),*).await,
            Feed::Stores => $run::<Told<Store>>($($arg),*).await,
            Feed::Promotions => $run::<Told<Promotion>>($($arg),*).await,
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
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, ImportError> {
    import_with(db, clock, feed, file, &Options::mapped(mapping), rejects, progress).await
}

/// Refuses options that name a store for offers and levels that is not there. For before a file is read.
pub async fn check_store(db: &Db, feeds: &[Feed], options: &Options) -> Result<(), ImportError> {
    let Some(code) = &options.store_code else { return Ok(()) };
    if !feeds.iter().any(|feed| matches!(feed, Feed::Offers | Feed::Stock)) {
        return Ok(());
    }
    if stores::store::exists(db, StoreId::derived(code)).await? {
        return Ok(());
    }
    Err(ImportError::NoStore(code.clone()))
}

/// Imports what a file tells about a feed, as the options say.
pub async fn import_with(
    db: &Db,
    clock: &Clock,
    feed: Feed,
    file: &Path,
    options: &Options,
    rejects: Option<&Path>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, ImportError> {
    if let Some(mapping) = options.mapping.as_ref().filter(|mapping| mapping.feed != feed) {
        return Err(ImportError::OtherFeed { mapping: mapping.feed, feed });
    }
    options.format.tells(feed, options.store_code.is_some()).map_err(ImportError::NotInFormat)?;
    let started_at = clock.now();
    let source = Source::open(file, feed, options, started_at)?;
    let (source, checked) = check(source, progress).await?;
    let known = Arc::new(known(db, feed).await?);
    let mut reporter = Reporter::new(feed, rejects)?;
    reporter.report.unread.clone_from(&checked.unread);
    let mut run = Run {
        id: store::new_id()?,
        feed,
        format: options.layout(),
        mode: options.format.mode(feed, options.mode()),
        file_name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: checked.sha256.clone(),
        source: options.came_from(),
        read_as: options.read_as(),
        started_at,
        told_at: started_at,
    };
    run.told_at = store::begin(db, &run).await?;
    let mut stage = Stage::new(db, clock, reporter, checked.rows, Some(run.clone()));
    stage.guard = options.guard;
    stage.rules.plausible = options.plausible;
    if run.mode == Mode::Full {
        stage.rules.unsaid = Unsaid::Cleared;
    }
    let checked = Arc::new(checked);
    let report = by_feed!(feed, stored(stage, source, checked, known, progress));
    if report.is_err()
        && let Err(error) = store::fail(db, &run).await
    {
        tracing::warn!(%error, import = run.id, "a broken-off import could not be recorded as such");
    }
    report
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
    let stage = Stage::new(db, clock, reporter, values.len() as u64, None);
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
    progress: &mut (dyn FnMut(Progress) + Send),
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
    clock: &'a Clock,
    heard: Heard,
    rules: Rules,
    reporter: Reporter,
    of: u64,
    done: u64,
    run: Option<Run>,
    guard: Guard,
    /// Whether a row was refused that may have been about anything.
    in_doubt: bool,
}

impl<'a> Stage<'a> {
    fn new(db: &'a Db, clock: &'a Clock, reporter: Reporter, of: u64, run: Option<Run>) -> Self {
        let (guard, plausible) = (Guard::default(), Plausible::default());
        let now = clock.now();
        let rules = Rules { now, plausible, unsaid: Unsaid::Kept };
        let heard = run
            .as_ref()
            .map_or(now.into(), |run| Heard { now: run.started_at, first: run.told_at });
        Self { db, clock, heard, rules, reporter, of, done: 0, run, guard, in_doubt: false }
    }

    /// Stores one batch in one transaction.
    async fn store<T: Import>(&mut self, batch: Batch<T>) -> Result<(), ImportError> {
        let mut lines = Vec::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        let mut marks = Vec::with_capacity(batch.len());
        self.done += batch.len() as u64;
        for (line, row) in batch {
            match row {
                Ok(row) => {
                    marks.push(row.mark());
                    lines.push(line);
                    rows.push(row);
                }
                Err(refused) => {
                    let (fault, mark) = *refused;
                    self.in_doubt |= mark.is_none();
                    marks.extend(mark);
                    self.reporter.add(line, Fate::Refused(fault))?;
                }
            }
        }
        if marks.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        one_at_a_time(&mut tx, self.reporter.report.feed.as_str()).await?;
        if let Some(run) = &self.run {
            store::mark(&mut tx, run, &marks).await?;
        }
        // A stamp of before the lock would stand far behind those who have asked since.
        let rules = Rules { now: self.clock.now(), ..self.rules };
        let fates = T::put(&mut tx, rows, &rules).await?;
        tx.commit().await?;
        for (line, fate) in lines.into_iter().zip(fates) {
            self.reporter.add(line, fate)?;
        }
        Ok(())
    }

    /// Ends the import: a full one deletes what it did not name, or holds that for approval.
    async fn finish(self) -> Result<Report, ImportError> {
        let (mut report, refused) = self.reporter.finish()?;
        let Some(run) = self.run else { return Ok(report) };
        report.import_id = Some(run.id.clone());
        if run.mode == Mode::Full {
            // A file without rows is rather a failed export than an empty shop.
            let in_doubt = self.in_doubt || self.done == 0;
            let now = self.clock.now();
            let held = sweep::stage(self.db, &run, self.guard, in_doubt, now).await?;
            report.held = held.ok_or(ImportError::Superseded)?;
            if report.held == 0 {
                let (id, until) = (&run.id, run.started_at);
                report.deleted = sweep::carry_out(self.db, self.clock, run.feed, id, until).await?;
            }
        }
        let status = if report.held > 0 { "held" } else { "done" };
        store::finish(self.db, &run, (&report, &refused), status, self.clock.now()).await?;
        Ok(report)
    }
}

async fn stored<T: Import>(
    mut stage: Stage<'_>,
    mut source: Source,
    checked: Arc<Checked>,
    known: Arc<Known>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, ImportError> {
    let (send, mut receive) = mpsc::channel::<Batch<T>>(AHEAD);
    let heard = stage.heard;
    let reading = tokio::task::spawn_blocking(move || {
        let (mut batch, mut held) = (Vec::new(), 0);
        source.each(&checked, |line, bytes, record| {
            batch.push((line, row(record, &known, heard)));
            held += bytes;
            (batch.len() < T::BATCH && held < BATCH_BYTES) || {
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
    stage.finish().await
}

async fn stored_values<T: Import>(
    mut stage: Stage<'_>,
    known: &Known,
    values: &[Value],
) -> Result<Report, ImportError> {
    let mut line = 0;
    for values in values.chunks(T::BATCH) {
        let mut batch = Vec::with_capacity(values.len());
        for value in values {
            line += 1;
            batch.push((
                line,
                checked(value, known, stage.heard).map_err(|fault| Box::new((fault, None))),
            ));
        }
        stage.store::<T>(batch).await?;
    }
    stage.finish().await
}

fn row<T: Import>(record: Record<'_>, known: &Known, heard: Heard) -> Result<T, Box<Refused>> {
    match record {
        Record::Json(line) => read(line, known, heard).map_err(|fault| {
            let read = serde_json::from_str::<Value>(line).ok();
            Box::new((fault, read.and_then(|row| T::mark_of(&row, known))))
        }),
        Record::Mapped(value) => checked(&value, known, heard)
            .map_err(|fault| Box::new((fault, T::mark_of(&value, known)))),
        Record::Refused(fault, value) => Err(Box::new((fault, T::mark_of(&value, known)))),
    }
}

fn read<T: Import>(line: &str, known: &Known, heard: Heard) -> Result<T, Fault> {
    if let Some(fields) = patch::of_line(line) {
        return T::part(fields?);
    }
    T::check(shape::read(line)?, known, heard)
}

fn checked<T: Import>(value: &Value, known: &Known, heard: Heard) -> Result<T, Fault> {
    if let Some(fields) = patch::of_value(value) {
        return T::part(fields);
    }
    T::check(shape::read_value(value)?, known, heard)
}
