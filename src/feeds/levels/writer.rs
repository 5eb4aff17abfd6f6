//! The one writer of levels of this node: what waits is stored together, so that many small senders
//! share a commit.

use crate::kernel::Clock;
use crate::mirror::Mirror;
use crate::stock::model::Level;
use crate::stock::store::newest::{groups, in_order, newest};
use crate::stock::store::{hold, what_changes, write_levels};
use crate::stock::told::Unsaid;
use crate::stock::view::LevelRecord;
use crate::storage::{Db, StoreError};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Levels after which no more are taken into a transaction, for which all that comes meanwhile waits.
const MOST: usize = 10_000;
/// Batches that may wait.
const WAITING: usize = 8;

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) written: u64,
    pub(super) unchanged: u64,
}

pub(super) type Answer = Result<Stored, Arc<StoreError>>;

#[derive(Debug)]
struct Job {
    levels: Vec<Level>,
    done: oneshot::Sender<Answer>,
}

/// Where batches are handed in.
#[derive(Debug, Clone)]
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// A writer and the work that it gives, which ends when the last writer is dropped.
    pub fn new(db: Db, mirror: Arc<Mirror>, clock: Clock) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), work(receiver, db, mirror, clock))
    }

    /// Hands in a batch; `None` where nobody stores any more.
    pub(super) async fn put(&self, levels: Vec<Level>) -> Option<oneshot::Receiver<Answer>> {
        let (done, stored) = oneshot::channel();
        self.0.send(Job { levels, done }).await.ok()?;
        Some(stored)
    }
}

async fn work(mut jobs: mpsc::Receiver<Job>, db: Db, mirror: Arc<Mirror>, clock: Clock) {
    while let Some(first) = jobs.recv().await {
        let mut count = first.levels.len();
        let (mut levels, mut senders) = (first.levels, vec![(count, first.done)]);
        while count < MOST {
            let Ok(job) = jobs.try_recv() else { break };
            count += job.levels.len();
            senders.push((job.levels.len(), job.done));
            levels.extend(job.levels);
        }
        let stored = store(&db, &mirror, &levels, &clock).await.map_err(Arc::new);
        if let Err(error) = &stored {
            tracing::warn!(%error, "levels could not be stored; their senders are told");
        }
        let mut begin = 0;
        for (count, done) in senders {
            let answer = stored.as_ref().map_err(Arc::clone).map(|written| {
                let mine = &written[begin..begin + count];
                let written = mine.iter().filter(|written| **written).count() as u64;
                Stored { written, unchanged: count as u64 - written }
            });
            begin += count;
            // A sender that has gone wants no answer; its levels are stored all the same.
            let _ = done.send(answer);
        }
    }
}

/// Whether each of the levels was written.
async fn store(
    db: &Db,
    mirror: &Mirror,
    levels: &[Level],
    clock: &Clock,
) -> Result<Vec<bool>, StoreError> {
    let mut written = vec![false; levels.len()];
    // Before what is held is looked at, so that it is at least of then.
    let known = mirror.positions().stock;
    let order = in_order(levels);
    let mut asked = Vec::new();
    let mut fresh = mirror.stock.look(|held| {
        let mut fresh = Vec::new();
        for group in groups(&order) {
            let Some((key, _)) = group.first() else { continue };
            let changing = newest(held(*key), levels, group, Unsaid::Kept)?;
            asked.extend(changing.is_some().then_some(group));
            fresh.extend(changing);
        }
        Ok::<_, StoreError>(fresh)
    })?;
    if fresh.is_empty() {
        return Ok(written);
    }
    let mut tx = db.begin().await?;
    if hold(&mut tx).await? != known {
        // A feed or another node has stored what is not in memory yet: only the table knows.
        fresh = what_changes(&mut tx, levels, &asked, Unsaid::Kept).await?;
    }
    // Behind the lock, which may have taken long: who asks by this instant must find it.
    let now = clock.now();
    let position = write_levels(&mut tx, &fresh, now).await?;
    tx.commit().await?;
    fresh.iter().for_each(|fresh| written[fresh.at] = true);
    if let Some(position) = position {
        let records: Vec<LevelRecord> =
            fresh.into_iter().map(|fresh| LevelRecord::of(fresh, now)).collect();
        mirror.wrote_levels(&records, position).await;
    }
    Ok(written)
}
