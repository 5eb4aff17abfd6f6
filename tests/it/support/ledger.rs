//! Calls that nobody made here, as a node that was away brings them into the ledger.

use comptoir::kernel::Micros;
use comptoir::kernel::id::NodeId;
use comptoir::metering::journal::{JournalOptions, next_epoch};
use comptoir::metering::{Event, Folder, Journal};
use comptoir::storage::Db;
use std::sync::Arc;
use std::time::Duration;

/// Events into the journal of a node of their own, in segments of so many, and from there into the ledger.
pub(crate) async fn journalled(
    (db, now): (&Db, Micros),
    records_per_segment: u32,
    events: impl Iterator<Item = Event>,
) {
    let dir = tempfile::tempdir().unwrap();
    let options =
        JournalOptions { records_per_segment, max_backlog_segments: 1_000, synced: false };
    let epoch = next_epoch(dir.path(), 0).unwrap();
    let node = NodeId::random().unwrap();
    let journal = Arc::new(Journal::open(dir.path(), node, epoch, options).unwrap());
    for event in events {
        assert!(journal.append(&event).unwrap().complete());
    }
    let folder = Folder::new(Db::clone(db), journal, Duration::from_secs(30));
    folder.drain(now).await.unwrap();
}
