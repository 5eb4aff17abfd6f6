//! Properties of products: which products have a value, and which values some products have.

use super::document::Fields;
use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::TermSetQuery;
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader, Term};

/// Between a property and its value; no text of ours holds it.
const BETWEEN: char = '\u{1f}';

/// A property with a value as they are compared: case makes no difference.
pub(super) fn compared(property: &str, value: &str) -> String {
    shown(&property.to_lowercase(), &value.to_lowercase())
}

/// A property with a value as they are shown.
pub(super) fn shown(property: &str, value: &str) -> String {
    format!("{property}{BETWEEN}{value}")
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

/// How many of some products have each value of a property.
pub(super) fn values_of(
    searcher: &Searcher,
    property: &str,
    products: &HashSet<u64>,
) -> tantivy::Result<BTreeMap<String, u32>> {
    let mut counts = BTreeMap::new();
    let first = shown(property, "");
    let behind = format!("{property}{}", char::from(BETWEEN as u8 + 1));
    for segment in searcher.segment_readers() {
        let Some(column) = segment.fast_fields().str("property_shown")? else { continue };
        let bounds = column
            .dictionary()
            .term_bounds_to_ord(Bound::Included(&first), Bound::Excluded(&behind))?;
        let (Bound::Included(from), Bound::Excluded(to)) = bounds else { continue };
        let mut of_value = vec![0u32; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
        let ids = segment.fast_fields().u64("id")?;
        for doc in segment.doc_ids_alive() {
            if of_value.is_empty() || !ids.first(doc).is_some_and(|id| products.contains(&id)) {
                continue;
            }
            for ord in column.ords().values_for_doc(doc) {
                let place = ord.checked_sub(from).and_then(|place| usize::try_from(place).ok());
                if let Some(count) = place.and_then(|place| of_value.get_mut(place)) {
                    *count += 1;
                }
            }
        }
        for (place, count) in of_value.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let mut text = String::new();
            if column.ord_to_str(from + place as u64, &mut text)? {
                let value = text.split_once(BETWEEN).map_or("", |(_, value)| value);
                *counts.entry(value.to_owned()).or_default() += count;
            }
        }
    }
    Ok(counts)
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
