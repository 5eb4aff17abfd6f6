//! Which of the lines about a level hold, over what is held of it in the table or in memory.

use crate::kernel::Micros;
use crate::stock::model::{Availability, Level, LevelKey};
use crate::stock::told::{FORGOTTEN, NOTHING, Unsaid};
use crate::storage::StoreError;

/// A level as it is held.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// Whether it can be had.
    pub availability: Availability,
    /// Thousandths of a unit.
    pub quantity: Option<i64>,
    /// When the retailer counted.
    pub as_of: Micros,
    /// What counted.
    pub source: &'a str,
    /// What else is told, as its column holds it.
    pub detail: &'a str,
}

/// A level that is to be stored.
#[derive(Debug)]
pub struct Fresh<'a> {
    /// The place of its line in the batch.
    pub at: usize,
    /// The line with the count.
    pub level: &'a Level,
    /// When that was so.
    pub as_of: Micros,
    /// What else is told of it then, as its column holds it.
    pub detail: String,
    /// The availability before, where there was a level.
    pub before: Option<Availability>,
    /// Whether something else is told of it than before.
    pub otherwise: bool,
}

/// The lines about one level, by their places in the batch and in that order.
pub type Group<'a> = &'a [(LevelKey, usize)];

/// The places of levels by their keys, in which order all writers take their rows.
#[must_use]
pub fn in_order(levels: &[Level]) -> Vec<(LevelKey, usize)> {
    let mut order: Vec<_> = levels.iter().enumerate().map(|(at, level)| (level.key, at)).collect();
    order.sort_unstable();
    order
}

/// The lines about each level.
pub fn groups(order: &[(LevelKey, usize)]) -> impl Iterator<Item = Group<'_>> {
    order.chunk_by(|one, other| one.0 == other.0)
}

/// What is to be stored of a level after all lines about it; nothing where none of them changes it. Each
/// holds unless what is held is newer, or says the same of the same instant.
pub fn newest<'a>(
    held: Option<Held<'_>>,
    levels: &'a [Level],
    group: Group<'_>,
    unsaid: Unsaid,
) -> Result<Option<Fresh<'a>>, StoreError> {
    let (before, told) = (held.map(|held| held.availability), held.map(|held| held.detail));
    let mut fresh: Option<Fresh<'a>> = None;
    for (_, at) in group {
        let level = &levels[*at];
        let held = fresh.as_ref().map(Fresh::held).or(held);
        let detail = match (unsaid, held) {
            (Unsaid::Kept, Some(held)) if held.detail != FORGOTTEN => held.detail,
            _ => NOTHING,
        };
        let detail = level.told.over(detail);
        let detail = detail.map_err(|error| StoreError::corrupt("stock_levels", error))?;
        let says = Held { detail: &detail, ..Held::counted(level) };
        let is_same = |held: Held<'_>| held.says(&says) || held.detail == FORGOTTEN;
        let as_of = level.again.filter(|_| held.is_some_and(is_same)).unwrap_or(level.as_of);
        if held.is_some_and(|held| held.as_of > as_of) {
            continue;
        }
        let says = Held { as_of, ..says };
        if !held.is_some_and(|held| held.is(&says)) {
            let detail = detail.into_owned();
            let otherwise = told != Some(detail.as_str());
            fresh = Some(Fresh { at: *at, level, as_of, detail, before, otherwise });
        }
    }
    Ok(fresh)
}

impl Held<'_> {
    fn counted(level: &Level) -> Self {
        Self {
            availability: level.availability,
            quantity: level.quantity,
            as_of: level.as_of,
            source: level.source,
            detail: NOTHING,
        }
    }

    fn is(&self, other: &Held<'_>) -> bool {
        self.as_of == other.as_of && self.source == other.source && self.says(other)
    }

    /// Whether the same is told, by whomever and whenever.
    fn says(&self, other: &Held<'_>) -> bool {
        self.availability == other.availability
            && self.quantity == other.quantity
            && self.detail == other.detail
    }
}

impl Fresh<'_> {
    fn held(&self) -> Held<'_> {
        Held { as_of: self.as_of, detail: &self.detail, ..Held::counted(self.level) }
    }
}
