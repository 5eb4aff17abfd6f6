//! Group commit: an answer leaves when the disk has its event (`metering.durability = "power"`).
//!
//! One thread brings segments to the disk. Whoever has recorded an event gives it the segment and waits; all who come while
//! a sync is under way wait for the next one together, so there are as many syncs as the disk can do, and not as many as
//! there are calls. After one that failed nobody knows what the disk has (the system forgets what it could not write), so
//! the journal takes no more events until the program is started again.

use super::{Journal, JournalFull, Receipt, Segment};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// What group commit has done.
#[derive(Debug, Default)]
struct Counts {
    syncs: AtomicU64,
    kept: AtomicU64,
}

/// An event that was recorded and is to be on the disk.
#[derive(Debug)]
struct Waiting {
    segment: Arc<Segment>,
    /// Dropped where it failed.
    kept: oneshot::Sender<()>,
}

/// The thread, until dropped.
#[derive(Debug)]
pub(super) struct GroupCommit {
    waiting: Option<Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
    #[cfg(test)]
    pub(super) before: hook::Hook,
}

impl GroupCommit {
    pub(super) fn start() -> io::Result<Self> {
        let (waiting, asked) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        let keeper = Keeper {
            counts: Arc::clone(&counts),
            #[cfg(test)]
            before: hook::Hook::default(),
        };
        #[cfg(test)]
        let before = keeper.before.clone();
        let thread = std::thread::Builder::new().name("journal-commit".to_owned());
        let thread = thread.spawn(move || keeper.run(&asked))?;
        Ok(Self {
            waiting: Some(waiting),
            thread: Some(thread),
            counts,
            #[cfg(test)]
            before,
        })
    }

    /// Waits until a segment is on the disk as it is now; false where it could not be brought there.
    async fn keep(&self, segment: Arc<Segment>) -> bool {
        let (kept, told) = oneshot::channel();
        let asked = self.waiting.as_ref().map(|waiting| waiting.send(Waiting { segment, kept }));
        matches!(asked, Some(Ok(()))) && told.await.is_ok()
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.waiting = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Keeper {
    counts: Arc<Counts>,
    #[cfg(test)]
    before: hook::Hook,
}

impl Keeper {
    fn run(&self, asked: &Receiver<Waiting>) {
        while let Ok(first) = asked.recv() {
            let all: Vec<Waiting> = std::iter::once(first).chain(asked.try_iter()).collect();
            if let Err(error) = self.sync(&all) {
                tracing::error!(%error, "the journal could not be brought to the disk");
                continue;
            }
            self.counts.kept.fetch_add(all.len() as u64, Relaxed);
            for Waiting { kept, .. } in all {
                // Who has gone has no answer that waits.
                let _ = kept.send(());
            }
        }
    }

    /// Brings the segments to the disk, mostly one, two where one has just been filled.
    fn sync(&self, all: &[Waiting]) -> io::Result<()> {
        let mut done: Vec<&Arc<Segment>> = Vec::new();
        for Waiting { segment, .. } in all {
            if done.iter().any(|synced| Arc::ptr_eq(synced, segment)) {
                continue;
            }
            #[cfg(test)]
            self.before.call()?;
            segment.commit()?;
            self.counts.syncs.fetch_add(1, Relaxed);
            done.push(segment);
        }
        Ok(())
    }
}

impl Journal {
    /// Waits until the disk has the event, where the journal is synced before each answer. Its answer may not be
    /// released before.
    pub async fn kept(&self, receipt: &Receipt) -> Result<(), JournalFull> {
        let Some(commit) = &self.commit else { return Ok(()) };
        if commit.keep(Arc::clone(&receipt.segment)).await {
            return Ok(());
        }
        self.fail();
        Err(JournalFull::Failed)
    }

    /// Whether answers wait for the disk.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.commit.is_some()
    }

    /// Syncs that answers have waited for since the last question, and how many answers that were.
    pub fn take_synced(&self) -> (u64, u64) {
        let take = |count: &AtomicU64| count.swap(0, Relaxed);
        self.commit
            .as_ref()
            .map_or((0, 0), |commit| (take(&commit.counts.syncs), take(&commit.counts.kept)))
    }
}

#[cfg(test)]
pub(crate) mod hook {
    use parking_lot::Mutex;
    use std::io;
    use std::sync::Arc;

    type Step = Box<dyn FnMut() -> io::Result<()> + Send>;

    /// What a test does before a sync; an error is that of the sync.
    #[derive(Clone, Default)]
    pub(crate) struct Hook(Arc<Mutex<Option<Step>>>);

    impl Hook {
        pub(crate) fn set(&self, step: impl FnMut() -> io::Result<()> + Send + 'static) {
            *self.0.lock() = Some(Box::new(step));
        }

        pub(super) fn call(&self) -> io::Result<()> {
            self.0.lock().as_mut().map_or(Ok(()), |step| step())
        }
    }

    impl std::fmt::Debug for Hook {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Hook")
        }
    }

    impl super::Journal {
        /// What comes before each sync that answers wait for.
        pub(crate) fn before_sync(&self) -> Hook {
            self.commit
                .as_ref()
                .expect("a journal that is synced before each answer")
                .before
                .clone()
        }
    }
}
