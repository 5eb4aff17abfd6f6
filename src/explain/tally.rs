//! The history of refusals, counted by minute in the memory of the node until it is stored.

use super::refusal::Refusal;
use crate::kernel::Micros;
use crate::kernel::clock::MINUTE;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Most cells between two savings. What comes beyond is counted by its code alone, so a node that is
/// attacked with many keys stays small.
const MOST_CELLS: usize = 10_000;

/// What refusals are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// Start of the minute.
    pub minute: Micros,
    /// Partner, app and key by the numbers in their ids; `None` where no key was proved.
    pub who: Option<(u64, u64, u64)>,
    /// The operation's ledger code.
    pub operation: Option<u16>,
    /// The problem's code.
    pub code: String,
    /// The names of the limits that refused, joined by commas.
    pub limits: String,
}

/// Refusals of one kind in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// How many.
    pub count: u64,
    /// The id of the latest.
    pub last_id: String,
    /// When it was.
    pub last_at: Micros,
}

/// Counts what this node refuses.
#[derive(Debug, Default)]
pub struct Tally(Mutex<HashMap<CellKey, Cell>>);

impl Tally {
    /// Counts a refusal.
    pub fn count(&self, refusal: &Refusal, id: &str) {
        let violated = refusal.limits.iter().filter(|limit| limit.violated);
        let limits: Vec<&str> = violated.map(|limit| limit.name.as_str()).collect();
        let key = CellKey {
            minute: Micros(refusal.at.div_euclid(MINUTE) * MINUTE),
            who: refusal.who.map(|who| (who.partner, who.app, who.key)),
            operation: refusal.operation,
            code: refusal.code.clone(),
            limits: limits.join(","),
        };
        let mut cells = self.0.lock();
        let full = cells.len() >= MOST_CELLS && !cells.contains_key(&key);
        let key = match full {
            true => CellKey { who: None, operation: None, limits: String::new(), ..key },
            false => key,
        };
        let cell = cells.entry(key).or_insert_with(|| Cell {
            count: 0,
            last_id: String::new(),
            last_at: Micros(i64::MIN),
        });
        cell.count += 1;
        if refusal.at() >= cell.last_at {
            cell.last_at = refusal.at();
            id.clone_into(&mut cell.last_id);
        }
    }

    /// What was counted since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<(CellKey, Cell)> {
        std::mem::take(&mut *self.0.lock()).into_iter().collect()
    }

    /// Puts back what could not be stored, unless the memory is full by now.
    pub fn put_back(&self, taken: Vec<(CellKey, Cell)>) {
        let mut cells = self.0.lock();
        for (key, cell) in taken {
            if cells.len() >= MOST_CELLS && !cells.contains_key(&key) {
                continue;
            }
            let held = cells.entry(key).or_insert_with(|| Cell { count: 0, ..cell.clone() });
            held.count += cell.count;
        }
    }
}
