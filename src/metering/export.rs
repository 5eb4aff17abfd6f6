//! The export of a period, event by event, as billing takes it: `usage_events_v1`.
//!
//! Events come in the order of the ledger (position, sequence number) with constant memory. The
//! view is fixed at the start: what is folded later belongs to the next export. Every segment is
//! checked against its hash before its events are written.

use super::block::{self, Recorded};
use super::gaps::{Gap, gaps};
use super::period::Period;
use super::row::{Row, Rows};
use super::seal::{Sums, chain};
use super::store::{self, StoredSegment};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::storage::{Db, Log, StoreError, log};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub use super::row::{COLUMNS, Format, UnknownFormat};

const SEGMENTS: &str = "usage_segments";

/// Why an export failed. A file is then not there, or still the one from before.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows could not be written.
    #[error("the export could not be written: {0}")]
    Write(#[from] io::Error),
    /// The file could not be made.
    #[error("the export could not be written to {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Control totals of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The last position of the ledger that it takes in; the next export of a period says more only
    /// if its position is higher.
    pub position: i64,
    /// Segments with events of the period.
    pub segments: u64,
    /// Sums of all events.
    pub total: Sums,
    /// Sums of those that are charged.
    pub billable: Sums,
    /// Sequence numbers without an event, in all of the ledger up to `position`.
    pub gaps: Vec<Gap>,
}

impl std::fmt::Display for Summary {
    /// The totals, and every gap by name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, sums) in [("events", &self.total), ("billable", &self.billable)] {
            let (units, milli) = (sums.weight_milli / 1000, sums.weight_milli % 1000);
            writeln!(
                f,
                "{what}: {} calls, {units}.{milli:03} units, {} records, {} bytes",
                sums.requests, sums.records, sums.bytes
            )?;
        }
        writeln!(f, "from {} segments, up to ledger position {}", self.segments, self.position)?;
        for gap in &self.gaps {
            writeln!(f, "GAP: {gap:?}")?;
        }
        Ok(())
    }
}

/// Writes the events of a period to `out`.
pub async fn export(
    db: &Db,
    period: Period,
    format: Format,
    out: impl Write + Send,
) -> Result<Summary, ExportError> {
    let position = log::head(db, Log::Usage).await?;
    let mut rows = Rows::new(format, out)?;
    let mut summary = Summary {
        position,
        segments: 0,
        total: Sums::default(),
        billable: Sums::default(),
        gaps: gaps(db, position).await?,
    };
    let mut after = 0;
    let Period { from, to } = period;
    while let Some(segment) = store::next_segment(db, after, position, from, to).await? {
        after = segment.position;
        summary.segments += 1;
        write_segment(&segment, period, &mut rows, &mut summary)?;
    }
    rows.finish()?;
    Ok(summary)
}

/// Writes the events of a period to a file, which appears when it is whole.
pub async fn export_to_file(
    db: &Db,
    period: Period,
    format: Format,
    path: &Path,
) -> Result<Summary, ExportError> {
    let failed = |source| ExportError::File { path: path.to_owned(), source };
    let mut staged = path.as_os_str().to_owned();
    staged.push(".part");
    let staged = PathBuf::from(staged);
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(&staged).map_err(failed)?;
    let exported = async {
        let summary = export(db, period, format, &file).await?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&staged, path).map_err(failed)?;
        Ok(summary)
    };
    let exported = exported.await;
    if exported.is_err() {
        let _ = std::fs::remove_file(&staged);
    }
    exported
}

fn damaged(segment: &StoredSegment, what: &dyn std::fmt::Display) -> StoreError {
    let StoredSegment { node, epoch, segment, .. } = segment;
    StoreError::corrupt(SEGMENTS, format!("{node} epoch {epoch} segment {segment}: {what}"))
}

/// The events of a segment, if they are as they were sealed.
pub(super) fn opened(segment: &StoredSegment) -> Result<Vec<Recorded>, StoreError> {
    let events = block::decode(&segment.block).map_err(|e| damaged(segment, &e))?;
    let prev = blake3::Hash::from_hex(&segment.prev_hash).map_err(|e| damaged(segment, &e))?;
    if chain(prev, &events).to_hex().as_str() != segment.hash {
        return Err(damaged(segment, &"the events do not have the hash they were sealed with"));
    }
    Ok(events)
}

fn write_segment(
    segment: &StoredSegment,
    period: Period,
    rows: &mut Rows<impl Write>,
    summary: &mut Summary,
) -> Result<(), ExportError> {
    let events = opened(segment)?;
    let node: NodeId = segment.node.parse().map_err(|e| damaged(segment, &e))?;
    let epoch = u64::try_from(segment.epoch).map_err(|e| damaged(segment, &e))?;
    for recorded in &events {
        if (period.from..period.to).contains(&recorded.event.started_at) {
            summary.total.add(&recorded.event);
            if recorded.rule.billable {
                summary.billable.add(&recorded.event);
            }
            rows.write(&Row::new(recorded, node, epoch, Micros(segment.folded_at)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::tests::{Bench, NOVEMBER, sample};

    #[tokio::test]
    async fn a_flipped_bit_is_named() {
        let bench = Bench::new().await;
        bench.record(&[sample(0), sample(1)]).await;
        let Period { from, to } = NOVEMBER.parse().unwrap();
        let whole = store::next_segment(&bench.db, 0, 1, from, to).await.unwrap().unwrap();
        let period = Period { from, to };
        let write = |segment: &StoredSegment| {
            let mut summary = Summary {
                position: 1,
                segments: 0,
                total: Sums::default(),
                billable: Sums::default(),
                gaps: Vec::new(),
            };
            let mut rows = Rows::new(Format::Ndjson, Vec::new()).unwrap();
            write_segment(segment, period, &mut rows, &mut summary)
        };
        assert!(write(&whole).is_ok());
        let mut events = block::decode(&whole.block).unwrap();
        events[1].event.bytes ^= 1;
        let block = block::encode(&events).unwrap();
        let error = write(&StoredSegment { block, ..whole }).unwrap_err().to_string();
        assert!(error.contains("segment 0: the events do not have the hash"), "{error}");
    }

    #[tokio::test]
    async fn a_failed_export_leaves_no_file() {
        let bench = Bench::new().await;
        bench.record(&[sample(0)]).await;
        let path = bench.dir.path().join("november.csv");
        let period = NOVEMBER.parse().unwrap();
        let summary = export_to_file(&bench.db, period, Format::Csv, &path).await.unwrap();
        assert_eq!(summary.total.requests, 1);
        let before = std::fs::read(&path).unwrap();
        bench.db.close().await;
        assert!(export_to_file(&bench.db, period, Format::Csv, &path).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(!bench.dir.path().join("november.csv.part").exists());
    }
}
