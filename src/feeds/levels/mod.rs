//! Levels as tills and stock systems send them while the gateway runs: lines of JSON in a stream that
//! may last as long as the sender likes.
//!
//! Lines are read against this node's memory, stored in batches by one writer, and in memory when
//! their batch is committed. What came late or twice changes nothing: the newest instant holds.

mod lines;
mod writer;

pub use lines::Lines;
pub use writer::Writer;

use crate::catalog::{Fault, Names, shape};
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::{Clock, Gtin};
use crate::mirror::Mirror;
use crate::stock::model::{Level, LevelIn, POS};
use crate::storage::StoreError;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Levels after which a batch is handed to the writer: few enough that what comes behind two of them is stored within a
/// second on a slow disk.
const BATCH: usize = 5_000;
/// Batches of one stream that are with the writer, then the sender waits: one that is being stored, and two that are stored
/// together next.
const AHEAD: usize = 3;
/// Refused lines that a receipt tells of.
const KEPT: usize = 100;

/// What became of the lines of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Levels that were stored.
    pub written: u64,
    /// Levels that were older than what is known, or the same.
    pub unchanged: u64,
    /// Lines that were refused.
    pub rejected: u64,
    /// The first refused lines with their numbers from 1.
    pub faults: Vec<(u64, Fault)>,
    /// The last line up to which everything is stored or refused for good.
    pub settled_lines: u64,
}

/// A stream under way.
#[derive(Debug)]
pub struct Intake<'a> {
    writer: &'a Writer,
    mirror: &'a Mirror,
    clock: &'a Clock,
    batch: Vec<Level>,
    /// Batches on their way, each with its last line.
    waiting: VecDeque<(u64, oneshot::Receiver<writer::Answer>)>,
    lines: u64,
    receipt: Receipt,
}

/// Why a stream ended early. What the receipt counts is stored.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The database failed.
    #[error("the levels could not be stored: {0}")]
    Store(Arc<StoreError>),
    /// The program is stopping.
    #[error("the program is stopping")]
    Stopping,
}

/// What is in memory, as rows name it.
struct Memory<'a>(&'a Mirror);

impl Names for Memory<'_> {
    fn has_product(&self, id: ProductId) -> bool {
        self.0.catalog.has_product(id)
    }

    fn product_of(&self, gtin: Gtin) -> Option<ProductId> {
        self.0.catalog.id_of(gtin)
    }

    fn has_store(&self, id: StoreId) -> bool {
        self.0.stores.has(id)
    }

    fn stores_of(&self, gln: &str) -> Vec<StoreId> {
        self.0.stores.with_gln(gln)
    }
}

impl<'a> Intake<'a> {
    /// A stream whose levels go to a writer.
    #[must_use]
    pub fn new(writer: &'a Writer, mirror: &'a Mirror, clock: &'a Clock) -> Self {
        let (batch, waiting) = (Vec::new(), VecDeque::new());
        Self { writer, mirror, clock, batch, waiting, lines: 0, receipt: Receipt::default() }
    }

    /// Takes a line; an empty one is passed over. Waits where the writer is behind.
    pub async fn line(&mut self, line: Result<&str, Fault>) -> Result<(), IntakeError> {
        self.lines += 1;
        let read = line.and_then(|line| {
            let line = line.trim();
            if line.is_empty() {
                return Ok(None);
            }
            let level = shape::read::<LevelIn>(line)?;
            level.check(&Memory(self.mirror), self.clock.now().into(), POS).map(Some)
        });
        match read {
            Ok(Some(level)) => self.batch.push(level),
            Ok(None) => {}
            Err(fault) => {
                self.receipt.rejected += 1;
                if self.receipt.faults.len() < KEPT {
                    self.receipt.faults.push((self.lines, fault));
                }
            }
        }
        if self.batch.len() >= BATCH {
            self.hand_over().await?;
        }
        Ok(())
    }

    /// Whether there are levels that were not handed to the writer yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Hands what is read to the writer without waiting for it, so that a slow sender's levels are
    /// seen while its stream lasts.
    pub async fn hand_over(&mut self) -> Result<(), IntakeError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        while self.waiting.len() >= AHEAD {
            self.settle().await?;
        }
        let levels = std::mem::take(&mut self.batch);
        let stored = self.writer.put(levels).await.ok_or(IntakeError::Stopping)?;
        self.waiting.push_back((self.lines, stored));
        Ok(())
    }

    /// Waits for the first batch that is on its way.
    async fn settle(&mut self) -> Result<(), IntakeError> {
        let Some((line, stored)) = self.waiting.pop_front() else { return Ok(()) };
        let stored = stored.await.map_err(|_| IntakeError::Stopping)?;
        let stored = stored.map_err(IntakeError::Store)?;
        self.receipt.written += stored.written;
        self.receipt.unchanged += stored.unchanged;
        self.receipt.settled_lines = line;
        Ok(())
    }

    /// Stores what is left. The receipt says what became of all lines, also where the end is an error.
    pub async fn finish(
        mut self,
        ended: Result<(), IntakeError>,
    ) -> (Receipt, Result<(), IntakeError>) {
        let mut ended = ended;
        if ended.is_ok() {
            ended = self.hand_over().await;
        }
        while ended.is_ok() && !self.waiting.is_empty() {
            ended = self.settle().await;
        }
        if ended.is_ok() {
            self.receipt.settled_lines = self.lines;
        }
        (self.receipt, ended)
    }
}
