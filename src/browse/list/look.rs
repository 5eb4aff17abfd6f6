//! Lists for which every product that could be in them is looked at once, and the first are kept.

use super::facets::Counter;
use super::order::Keys;
use super::select::{Beside, Request, Selected, page_of};
use crate::catalog::search::{Search, Strictness};
use crate::catalog::view::{CatalogView, Misses, Row};
use std::collections::BinaryHeap;

/// Products looked at under one hold of the view's locks.
const STRIDE: usize = 2_048;

/// The page of a list, with what is counted beside it.
pub(super) fn look_at_all(
    request: &Request,
    catalog: &CatalogView,
    search: &Search,
    beside: &mut Beside<'_>,
) -> Option<Selected> {
    let Some(text) = &request.text else {
        let seen = match catalog.candidates(&request.query, !request.facets.is_empty()) {
            Some(ids) => of_ids(request, catalog, beside, &ids),
            None => of_all(request, catalog, beside),
        };
        return seen.finish(catalog, search);
    };
    let kept = request.after.as_ref().and_then(|key| key.first().copied());
    let (hits, strictness) = search.find(text, kept.and_then(Strictness::of))?;
    let mut seen = Seen::new(request, catalog, beside, strictness as u8);
    let mut ids = Vec::with_capacity(STRIDE);
    for chunk in hits.chunks(STRIDE) {
        ids.clear();
        ids.extend(chunk.iter().map(|hit| hit.id));
        let mut rest = chunk.iter();
        catalog.rows(&request.query, &ids, request.now, |row| {
            // Products that have gone meanwhile are skipped, so the hit is looked for.
            if let Some(hit) = rest.find(|hit| hit.id == row.id()) {
                seen.take(row, hit.rank);
            }
        });
    }
    seen.finish(catalog, search)
}

/// The total of a list and its facets as JSON, of some products that could be in it.
pub(super) fn count(
    request: &Request,
    catalog: &CatalogView,
    search: &Search,
    beside: &mut Beside<'_>,
    ids: &[u64],
) -> Option<(u64, Vec<u8>)> {
    let mut counter = Counter::new(request, catalog);
    let mut total = 0;
    for chunk in ids.chunks(STRIDE) {
        catalog.rows(&request.query, chunk, request.now, |row| {
            beside.complete(row);
            counter.take(row, &beside.has);
            total += u64::from(row.misses == Misses::default());
        });
    }
    Some((total, counter.finish(request, catalog, search)?))
}

fn of_ids<'a, 'b>(
    request: &'a Request,
    catalog: &CatalogView,
    beside: &'a mut Beside<'b>,
    ids: &[u64],
) -> Seen<'a, 'b> {
    let mut seen = Seen::new(request, catalog, beside, 0);
    for chunk in ids.chunks(STRIDE) {
        catalog.rows(&request.query, chunk, request.now, |row| seen.take(row, 0));
    }
    seen
}

/// Looks at all products as they lie in memory.
fn of_all<'a, 'b>(
    request: &'a Request,
    catalog: &CatalogView,
    beside: &'a mut Beside<'b>,
) -> Seen<'a, 'b> {
    let returns = catalog.returns();
    let mut seen = Seen::new(request, catalog, beside, 0);
    let mut nth = 0;
    while catalog.stride(&request.query, nth, request.now, |row| seen.take(row, 0)) {
        nth += 1;
    }
    if catalog.returns() == returns {
        return seen;
    }
    // A product that left and came back may have been met in both places.
    let beside = seen.beside;
    of_ids(request, catalog, beside, &catalog.ids())
}

/// What has been seen of a list.
struct Seen<'a, 'b> {
    request: &'a Request,
    beside: &'a mut Beside<'b>,
    keys: Keys<'a>,
    counter: Counter<'a>,
    /// The first of the list and the one behind the page, the greatest key on top.
    first: BinaryHeap<Vec<u8>>,
    /// The key of the product at hand.
    key: Vec<u8>,
    total: u64,
}

impl<'a, 'b> Seen<'a, 'b> {
    fn new(
        request: &'a Request,
        catalog: &CatalogView,
        beside: &'a mut Beside<'b>,
        first: u8,
    ) -> Self {
        Self {
            request,
            beside,
            keys: Keys::new(&request.order, first),
            counter: Counter::new(request, catalog),
            first: BinaryHeap::with_capacity(request.limit + 2),
            key: Vec::new(),
            total: 0,
        }
    }

    /// Takes a product in, of the rank that a search gave it.
    fn take(&mut self, row: &mut Row<'_>, rank: u64) {
        self.beside.complete(row);
        self.counter.take(row, &self.beside.has);
        if row.misses != Misses::default() {
            return;
        }
        self.total += 1;
        let (first, request) = (&mut self.first, self.request);
        let is_full = first.len() > request.limit;
        // What begins as neither the cursor nor the last key does is known to be outside.
        let may_fit = |begin: &[u8]| {
            let cut = |key: &Vec<u8>| begin.cmp(key.get(..begin.len()).unwrap_or(key));
            request.after.as_ref().is_none_or(|after| cut(after).is_ge())
                && (!is_full || first.peek().is_none_or(|last| cut(last).is_le()))
        };
        if !self.keys.write(&mut self.key, row, rank, may_fit) {
            return;
        }
        let key = &self.key;
        if request.after.as_ref().is_some_and(|after| key <= after)
            || is_full && first.peek().is_some_and(|last| last <= key)
        {
            return;
        }
        if is_full {
            first.pop();
        }
        first.push(key.clone());
    }

    fn finish(self, catalog: &CatalogView, search: &Search) -> Option<Selected> {
        let facets = self.counter.finish(self.request, catalog, search)?;
        let page = page_of(self.first.into_sorted_vec(), self.request, catalog);
        Some(Selected { total: self.total, facets, ..page })
    }
}
