//! What a node knows of all consents, and how it follows what happens to them.
//!
//! It holds the heads of those that have not ended, and when it was last certain that there is nothing newer
//! ([`KnownConsents::known`]). An ended one allows what one allows that never was, and takes no memory. Where memory is too
//! old, or cannot have what a token points at yet, the row is asked ([`KnownConsents::known_for`]), and where that does not
//! answer, what is known stays too old to decide by: nothing is handed out then.

use super::head::{ConsentHead, KnownConsent};
use super::live::GrantPointer;
use super::memory::HeadTable;
use super::record::GrantId;
use super::store::heads::{self, HeadsBehind};
use crate::kernel::clock::SECOND;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

/// Parts of the memory, so that who reads waits for few writes. Heads are dealt by the last byte of their id.
const PARTS: usize = 16;
/// Heads that are read at once.
const BATCH: u32 = 1_000;
/// The position of a node that knows nothing.
const NOTHING: i64 = -1;
/// The instant at which nothing was ever certain.
const NEVER: i64 = i64::MIN;
/// How long a row may take to be read.
const ROW_PATIENCE: Duration = Duration::from_millis(500);
/// By how much clocks of nodes may differ where it is judged whether a token is newer than what is known.
const SKEW_S: i64 = 10;

/// What a node knows of all consents.
#[derive(Debug)]
pub struct KnownConsents {
    parts: [RwLock<HeadTable>; PARTS],
    /// Up to where it has followed.
    position: AtomicI64,
    /// Up to where it follows now: said before the first head up to there is taken.
    reached: AtomicI64,
    /// When it was certain that there is nothing newer.
    confirmed_at: AtomicI64,
    /// Held by who follows, so that nobody puts an older state over a newer one.
    turn: Mutex<()>,
    nudged: Notify,
}

/// What following has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentsFollowed {
    /// Where the node was before; `None` where it knew nothing, or what it knew was of another ledger.
    pub from: Option<i64>,
    /// Where it is now.
    pub position: i64,
}

impl Default for KnownConsents {
    fn default() -> Self {
        Self {
            parts: Default::default(),
            position: AtomicI64::new(NOTHING),
            reached: AtomicI64::new(NOTHING),
            confirmed_at: AtomicI64::new(NEVER),
            turn: Mutex::default(),
            nudged: Notify::new(),
        }
    }
}

impl KnownConsents {
    /// What is known of a consent, and since when.
    #[must_use]
    pub fn known(&self, id: GrantId) -> KnownConsent {
        // First, so that what is found is as new as that at least.
        let confirmed_at = self.confirmed_at.load(Ordering::Acquire);
        let head = self.part(id).read().get(id).copied();
        // All may have been forgotten in between.
        let is_certain = self.confirmed_at.load(Ordering::Acquire) != NEVER;
        told(head, (is_certain && confirmed_at != NEVER).then_some(Micros(confirmed_at)))
    }

    /// What is known of the consent that something points at which was issued then, in seconds since 1970: from memory
    /// where that is no older than `stale_after` and can have it, from the row otherwise. What cannot be known is too old
    /// in what comes back.
    pub async fn known_for(
        &self,
        (db, clock): (&Db, &Clock),
        (pointer, issued_at): (&GrantPointer, i64),
        stale_after: Duration,
    ) -> KnownConsent {
        let known = self.known(pointer.grant_id);
        if is_enough(&known, (pointer, issued_at), stale_after, clock.now()) {
            return known;
        }
        let at = clock.now();
        match timeout(ROW_PATIENCE, heads::one(db, pointer.grant_id)).await {
            Ok(Ok(head)) => {
                if let Some(head) = head {
                    self.learn(head);
                }
                told(head, Some(at))
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "how a consent stands could not be read");
                unsure(known, pointer)
            }
            Err(_) => unsure(known, pointer),
        }
    }

    /// Up to which place of the ledger all is known; `None` before anything is.
    #[must_use]
    pub fn position(&self) -> Option<i64> {
        Some(self.position.load(Ordering::Acquire)).filter(|position| *position != NOTHING)
    }

    /// When it was last certain that there is nothing newer.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<Micros> {
        let at = self.confirmed_at.load(Ordering::Acquire);
        (at != NEVER).then_some(Micros(at))
    }

    /// How many consents are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.read().len()).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has who follows look at once: this node has moved a consent.
    pub fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Resolves when it was asked for.
    pub async fn nudged(&self) {
        self.nudged.notified().await;
    }

    /// Reads all that is new, or all where nothing is known. Broken off, it goes on from there the next time.
    pub async fn follow(&self, db: &Db, clock: &Clock) -> Result<ConsentsFollowed, StoreError> {
        let _turn = self.turn.lock().await;
        let mut from = self.position();
        loop {
            let at = clock.now();
            let position = match self.position() {
                Some(position) => position,
                None => self.load(db).await?,
            };
            let Some(HeadsBehind { heads, position, more }) =
                heads::behind(db, position, BATCH).await?
            else {
                tracing::warn!("the ledger of consents is another than before; all is read anew");
                from = None;
                self.forget();
                continue;
            };
            self.reached.store(position, Ordering::Release);
            heads.into_iter().for_each(|head| self.take(head));
            self.position.store(position, Ordering::Release);
            if !more {
                self.confirmed_at.store(at.0, Ordering::Release);
                return Ok(ConsentsFollowed { from, position });
            }
        }
    }

    /// Reads all; the place from which it is to be followed.
    async fn load(&self, db: &Db) -> Result<i64, StoreError> {
        // What an earlier try has left may have ended meanwhile, and nothing would say so.
        self.forget();
        let take = |some: Vec<ConsentHead>| some.into_iter().for_each(|head| self.take(head));
        let position = heads::living(db, take).await?;
        self.reached.store(position, Ordering::Release);
        self.position.store(position, Ordering::Release);
        Ok(position)
    }

    /// Knows nothing any more.
    fn forget(&self) {
        self.confirmed_at.store(NEVER, Ordering::Release);
        self.reached.store(NOTHING, Ordering::Release);
        self.position.store(NOTHING, Ordering::Release);
        self.parts.iter().for_each(|part| *part.write() = HeadTable::default());
    }

    /// Takes a head in the order of the feed.
    fn take(&self, head: ConsentHead) {
        let mut part = self.part(head.grant_id).write();
        if head.status.is_terminal() {
            part.remove(head.grant_id, head.seq);
        } else {
            part.put(head);
        }
    }

    /// Takes a head that was read out of that order. Where there is none in memory of a consent that was followed already,
    /// it has ended since; one that has ended in what is read stays until that is followed, so that nothing older comes in.
    pub(super) fn learn(&self, head: ConsentHead) {
        let mut part = self.part(head.grant_id).write();
        // Under the lock: whatever is taken behind this is taken with the lock, too, and knows better.
        let reached = self.reached.load(Ordering::Acquire);
        let is_news = reached != NOTHING && head.seq > reached;
        if is_news || part.get(head.grant_id).is_some() {
            part.put(head);
        }
    }

    fn part(&self, id: GrantId) -> &RwLock<HeadTable> {
        let [.., last] = *id.0.bytes();
        &self.parts[usize::from(last) % PARTS]
    }
}

/// A head, where there is one, as it is certain since then.
fn told(head: Option<ConsentHead>, confirmed_at: Option<Micros>) -> KnownConsent {
    let mut known = KnownConsent::default();
    if let Some(head) = head {
        known.apply(head);
    }
    if let Some(at) = confirmed_at {
        known.confirm(at);
    }
    known
}

/// Whether memory is new enough for what points at a consent.
fn is_enough(
    known: &KnownConsent,
    (pointer, issued_at): (&GrantPointer, i64),
    stale_after: Duration,
    now: Micros,
) -> bool {
    let Some(at) = known.confirmed_at() else { return false };
    if Duration::from_micros(now.0.abs_diff(at.0)) > stale_after {
        return false;
    }
    // What was issued before that was written before that: whoever comes with old tokens of an ended consent asks no row.
    let is_old = issued_at < at.0.div_euclid(SECOND).saturating_sub(SKEW_S);
    is_old || known.head().is_some_and(|head| pointer.version <= head.version)
}

/// What is known where the row was wanted and could not be read: of a consent that memory does not have, nothing.
fn unsure(known: KnownConsent, pointer: &GrantPointer) -> KnownConsent {
    let has_it = known.head().is_some_and(|head| pointer.version <= head.version);
    if has_it { known } else { KnownConsent::default() }
}
