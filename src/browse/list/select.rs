//! Lists that are searched, sorted, counted or filtered by what changes all the time: every product
//! that could be in the list is looked at once, and the best of them are kept.

use super::facets::{Counter, Facet};
use super::order::{By, Keys, Step, id_of};
use crate::access::{Scope, Scopes};
use crate::catalog::search::{Search, Strictness};
use crate::catalog::view::{CatalogView, Lookup, Misses, ProductQuery};
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use crate::stock::model::Availability;
use crate::stock::view::StockView;
use bytes::Bytes;
use std::collections::{BinaryHeap, HashSet};

/// Products looked at under one hold of the view's locks.
const STRIDE: usize = 2_048;

/// What a list shall be.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) query: ProductQuery,
    pub(super) text: Option<String>,
    /// Properties with the values that are wanted.
    pub(super) attributes: Vec<(String, Vec<String>)>,
    pub(super) availability: Vec<Availability>,
    pub(super) order: Vec<Step>,
    pub(super) facets: Vec<Facet>,
    pub(super) facet_limit: usize,
    /// Whether products count in the categories above their own.
    pub(super) descend: bool,
    pub(super) wants_total: bool,
    pub(super) after: Option<Vec<u8>>,
    pub(super) limit: usize,
    pub(super) now: Micros,
}

/// A page and what stands beside it.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) items: Vec<Bytes>,
    pub(super) next: Option<Vec<u8>>,
    pub(super) total: u64,
    /// The facets as JSON.
    pub(super) facets: Vec<u8>,
}

impl Request {
    /// Whether the list is more than a walk by id over filters that each product answers alone.
    pub(super) fn is_selection(&self) -> bool {
        let query = &self.query;
        self.text.is_some()
            || self.wants_total
            || !self.attributes.is_empty()
            || !self.availability.is_empty()
            || !self.order.is_empty()
            || !self.facets.is_empty()
            || query.wants_any_price()
    }

    /// Notes whether prices are needed.
    pub(super) fn settle(&mut self) {
        let query = &mut self.query;
        query.wants_prices = query.wants_any_price()
            || self.facets.contains(&Facet::Price)
            || self.order.iter().any(|step| step.by == By::Price);
    }

    /// Refuses filters and facets over what the key may not read.
    pub(super) fn permit(&self, scopes: Scopes) -> ApiResult<()> {
        let needed = [
            (
                self.query.wants_any_price() || self.facets.contains(&Facet::Price),
                Scope::PricesRead,
            ),
            (self.order.iter().any(|step| step.by == By::Price), Scope::PricesRead),
            (self.looks_at_stock(), Scope::StockRead),
        ];
        for (asked, scope) in needed {
            if asked && !scopes.has(scope) {
                let scope = scope.as_str();
                let detail = format!("What was asked for needs the scope `{scope}`.");
                let error = ApiError::new(Code::InsufficientScope, detail);
                return Err(error.required_scope(scope));
            }
        }
        Ok(())
    }

    /// Whether stock decides about the list.
    pub(super) fn looks_at_stock(&self) -> bool {
        !self.availability.is_empty() || self.facets.contains(&Facet::Availability)
    }
}

/// The ids to look at with the rank of each, and the first byte of the walk's keys; `None` while
/// there is no index to search.
fn candidates(
    request: &Request,
    catalog: &CatalogView,
    search: &Search,
) -> Option<(Vec<u64>, Vec<u64>, u8)> {
    let Some(text) = &request.text else {
        let whole = !request.facets.is_empty();
        return Some((catalog.candidates(&request.query, whole), Vec::new(), 0));
    };
    let kept = request.after.as_ref().and_then(|key| key.first().copied());
    let (hits, strictness) = search.find(text, kept.and_then(Strictness::of))?;
    let (ids, ranks) = hits.into_iter().map(|hit| (hit.id, hit.rank)).unzip();
    Some((ids, ranks, strictness as u8))
}

/// The page that a request asks for; `None` while this node has no search index and one is needed.
pub(super) fn select(
    request: &Request,
    catalog: &CatalogView,
    stock: &StockView,
    search: &Search,
) -> Option<Selected> {
    let with_property =
        |(property, values): &(String, Vec<String>)| search.with_property(property, values);
    let attributes: Vec<HashSet<u64>> =
        request.attributes.iter().map(with_property).collect::<Option<_>>()?;
    let (ids, ranks, first) = candidates(request, catalog, search)?;
    let mut keys = Keys::new(&request.order, first);
    let mut counter = Counter::new(&request.facets, request.descend, catalog);
    // The greatest key on top: what a smaller one pushes out.
    let mut best: BinaryHeap<Vec<u8>> = BinaryHeap::with_capacity(request.limit + 2);
    let (mut key, mut has, mut total) = (Vec::new(), Vec::new(), 0);
    for (stride, chunk) in ids.chunks(STRIDE).enumerate() {
        let mut nth = stride * STRIDE;
        let mut place = 0;
        catalog.rows(&request.query, chunk, request.now, |row| {
            // Products that have gone meanwhile are skipped, so the place is looked for.
            while chunk.get(place).is_some_and(|id| *id != row.id()) {
                place += 1;
            }
            nth = stride * STRIDE + place;
            has.clear();
            if request.looks_at_stock() {
                stock.availabilities(row.id(), request.query.store, |one| has.push(one));
            }
            let available = has.iter().any(|one| request.availability.contains(one));
            let wanted = request.availability.is_empty() || available;
            row.misses.add(Misses::AVAILABILITY, !wanted);
            for (at, products) in attributes.iter().enumerate() {
                row.misses.add(Misses::attribute(at), !products.contains(&row.id()));
            }
            counter.take(row, &has);
            if row.misses != Misses::default() {
                return;
            }
            total += 1;
            keys.write(&mut key, row, ranks.get(nth).copied().unwrap_or(0));
            if request.after.as_ref().is_some_and(|after| key <= *after) {
                return;
            }
            if best.len() > request.limit {
                if best.peek().is_some_and(|worst| *worst <= key) {
                    return;
                }
                best.pop();
            }
            best.push(key.clone());
        });
    }
    let facets = counter.finish(request, catalog, search)?;
    let mut page = best.into_sorted_vec();
    let more = page.len() > request.limit;
    page.truncate(request.limit);
    let next = page.last().filter(|_| more).cloned();
    let body = |key: &Vec<u8>| match catalog.product(ProductId(id_of(key)?)) {
        Lookup::Found { body, .. } => Some(body),
        Lookup::Gone { .. } | Lookup::Missing => None,
    };
    Some(Selected { items: page.iter().filter_map(body).collect(), next, total, facets })
}
