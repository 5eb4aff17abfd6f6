//! Properties of products: which products have a value, and which values some products have.

use super::document::Fields;
use super::fold::folded;
use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::TermSetQuery;
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader, Term};

/// Between a property and its value; no text of ours holds it.
const BETWEEN: char = '\u{1f}';

/// A property with a value as they are compared: case and accents make no difference.
pub(super) fn compared(property: &str, value: &str) -> String {
    shown(property, &folded(value))
}

/// A property as it is compared with a value as it is shown.
pub(super) fn shown(property: &str, value: &str) -> String {
    format!("{}{BETWEEN}{value}", folded(property))
}

/// The products of which a property has one of some values.
pub(super) fn with_values(
    searcher: &Searcher,
    fields: &Fields,
    property: &str,
    values: &[String],
) -> tantivy::Result<HashSet<u64>> {
    let term = |value: &String| Term::from_field_text(fields.property, &compared(property, value));
    searcher.search(&TermSetQuery::new(values.iter().map(term)), &Ids)
}

/// A value of a property, and how many products have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueCount {
    /// The value as most of the products write it.
    pub value: String,
    /// How many products have it, whatever the case and the accents.
    pub count: u32,
}

/// The ways in which a value is written, with how many products write it so.
#[derive(Debug, Default)]
struct Written(BTreeMap<String, u32>);

impl Written {
    /// The value as most write it; among equals the first in the order of letters.
    fn counted(self) -> Option<ValueCount> {
        let count = self.0.values().sum();
        let most = self.0.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        most.map(|(value, _)| ValueCount { value, count })
    }
}

/// How many of some products have each value of a property. Case and accents make no difference, as in the filter:
/// a product that writes a value in two ways has it once.
pub(super) fn values_of(
    searcher: &Searcher,
    property: &str,
    products: &HashSet<u64>,
) -> tantivy::Result<Vec<ValueCount>> {
    let mut found: BTreeMap<String, Written> = BTreeMap::new();
    let first = shown(property, "");
    let mut behind = first.clone();
    behind.pop();
    behind.push(char::from(BETWEEN as u8 + 1));
    for segment in searcher.segment_readers() {
        let Some(column) = segment.fast_fields().str("property_shown")? else { continue };
        let bounds = column
            .dictionary()
            .term_bounds_to_ord(Bound::Included(&first), Bound::Excluded(&behind))?;
        let (Bound::Included(from), Bound::Excluded(to)) = bounds else { continue };
        let mut of_value = vec![0u32; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
        let value_of = |ord: u64| -> std::io::Result<Option<String>> {
            let mut text = String::new();
            let is_there = column.ord_to_str(ord, &mut text)?;
            Ok(is_there.then(|| text.split_once(BETWEEN).map_or("", |(_, value)| value).to_owned()))
        };
        let ids = segment.fast_fields().u64("id")?;
        let mut own = Vec::new();
        for doc in segment.doc_ids_alive() {
            if of_value.is_empty() || !ids.first(doc).is_some_and(|id| products.contains(&id)) {
                continue;
            }
            own.clear();
            own.extend(column.ords().values_for_doc(doc).filter(|ord| (from..to).contains(ord)));
            own.sort_unstable();
            if own.len() > 1 {
                let mut seen = HashSet::new();
                let mut error = None;
                own.retain(|ord| match value_of(*ord) {
                    Ok(value) => value.is_some_and(|value| seen.insert(folded(&value))),
                    Err(failed) => {
                        error = Some(failed);
                        false
                    }
                });
                error.map_or(Ok(()), Err)?;
            }
            for ord in &own {
                let place = usize::try_from(ord - from).ok();
                if let Some(count) = place.and_then(|place| of_value.get_mut(place)) {
                    *count += 1;
                }
            }
        }
        for (place, count) in of_value.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            if let Some(value) = value_of(from + place as u64)? {
                let written = found.entry(folded(&value)).or_default();
                *written.0.entry(value).or_default() += count;
            }
        }
    }
    Ok(found.into_values().filter_map(Written::counted).collect())
}

/// Collects ids.
struct Ids;

struct SegmentIds {
    ids: Column<u64>,
    found: Vec<u64>,
}

impl Collector for Ids {
    type Fruit = HashSet<u64>;
    type Child = SegmentIds;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<SegmentIds> {
        Ok(SegmentIds { ids: segment.fast_fields().u64("id")?, found: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Vec<u64>>) -> tantivy::Result<HashSet<u64>> {
        Ok(segments.into_iter().flatten().collect())
    }
}

impl SegmentCollector for SegmentIds {
    type Fruit = Vec<u64>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.found.extend(self.ids.first(doc));
    }

    fn harvest(self) -> Vec<u64> {
        self.found
    }
}
