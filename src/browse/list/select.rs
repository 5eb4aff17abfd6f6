//! Lists that are searched, sorted, counted or filtered by what changes all the time.

use super::facets::Facet;
use super::look::{count, look_at_all};
use super::order::{By, Step, id_of, of_hit, to_hit};
use crate::access::{Scope, Scopes};
use crate::catalog::search::{Search, Strictness, Wanted};
use crate::catalog::view::{CatalogView, Lookup, Misses, ProductQuery, Row};
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::id::{ProductId, StoreId};
use crate::stock::model::Availability;
use crate::stock::view::StockView;
use bytes::Bytes;
use std::collections::HashSet;

/// Products that filters leave of which a set is made before a search: where more are left, enough of
/// what is found is taken.
const FEW: usize = 4_096;

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
        self.query.wants_prices = self.looks_at_prices();
    }

    /// Refuses filters and facets over what the key may not read.
    pub(super) fn permit(&self, scopes: Scopes) -> ApiResult<()> {
        let needed = [
            (self.looks_at_prices(), Scope::PricesRead),
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

    /// Whether the best matches come first, whatever is counted beside them.
    fn is_by_relevance(&self) -> bool {
        matches!(self.order.as_slice(), [step] if step.by == By::Relevance)
    }

    /// Whether no filter leaves any product out.
    fn takes_all(&self) -> bool {
        self.query == ProductQuery { wants_prices: self.query.wants_prices, ..Default::default() }
            && self.attributes.is_empty()
            && self.availability.is_empty()
    }

    /// Whether prices decide about the list.
    pub(super) fn looks_at_prices(&self) -> bool {
        self.query.wants_any_price()
            || self.facets.contains(&Facet::Price)
            || self.order.iter().any(|step| step.by == By::Price)
    }

    /// Whether stock decides about the list.
    pub(super) fn looks_at_stock(&self) -> bool {
        !self.availability.is_empty() || self.facets.contains(&Facet::Availability)
    }
}

/// What of the views decides whether a product is in a list, beside its document.
pub(super) struct Beside<'a> {
    request: &'a Request,
    stock: &'a StockView,
    /// For each property that is asked for, the products that have it.
    attributes: Vec<HashSet<u64>>,
    /// The availabilities of the product looked at last.
    pub(super) has: Vec<Availability>,
}

impl<'a> Beside<'a> {
    fn new(request: &'a Request, stock: &'a StockView, search: &Search) -> Option<Self> {
        let with_property =
            |(property, values): &(String, Vec<String>)| search.with_property(property, values);
        let attributes = request.attributes.iter().map(with_property).collect::<Option<_>>()?;
        Some(Self { request, stock, attributes, has: Vec::new() })
    }

    /// Notes what else a product misses.
    pub(super) fn complete(&mut self, row: &mut Row<'_>) {
        let request = self.request;
        self.has.clear();
        if request.looks_at_stock() {
            let query = &request.query;
            let takes = |id: StoreId| {
                query.store.is_none_or(|store| store == id)
                    && query.grant.as_ref().is_none_or(|grant| grant.includes_store(id))
            };
            self.stock.availabilities(row.id(), takes, |one| self.has.push(one));
        }
        let available = self.has.iter().any(|one| request.availability.contains(one));
        let wanted = request.availability.is_empty() || available;
        row.misses.add(Misses::AVAILABILITY, !wanted);
        for (at, products) in self.attributes.iter().enumerate() {
            row.misses.add(Misses::attribute(at), !products.contains(&row.id()));
        }
    }
}

/// The page that a request asks for; `None` while this node has no search index and one is needed.
pub(super) fn select(
    request: &Request,
    catalog: &CatalogView,
    stock: &StockView,
    search: &Search,
) -> Option<Selected> {
    let mut beside = Beside::new(request, stock, search)?;
    match &request.text {
        Some(text) if request.is_by_relevance() => {
            best(request, text, catalog, search, &mut beside)
        }
        _ => look_at_all(request, catalog, search, &mut beside),
    }
}

/// The page of the best matches. Of what else is found, the view is asked only to count it.
fn best(
    request: &Request,
    text: &str,
    catalog: &CatalogView,
    search: &Search,
    beside: &mut Beside<'_>,
) -> Option<Selected> {
    let counts = request.wants_total || !request.facets.is_empty();
    let (mut page, mut all) = (None, Vec::new());
    if request.takes_all() {
        let found = counts.then_some(&mut all);
        let own = best_of(request, text, catalog, search, (&mut |_| true, found))?;
        // The index may still hold what has gone from the view: then each must be looked at.
        page = Some(own).filter(|own| own.missing == 0);
    }
    let page = match page {
        Some(page) => page,
        None => {
            let few = catalog.few_candidates(&request.query, FEW);
            let mut takes = |id| {
                let mut taken = false;
                if few.as_ref().is_none_or(|few| few.contains_key(&id)) {
                    catalog.rows(&request.query, &[id], request.now, |row| {
                        beside.complete(row);
                        taken = row.misses == Misses::default();
                    });
                }
                taken
            };
            let found = counts.then_some(&mut all);
            best_of(request, text, catalog, search, (&mut takes, found))?
        }
    };
    if !counts {
        return Some(page.selected);
    }
    let (total, facets) = count(request, catalog, search, beside, &all)?;
    Some(Selected { total, facets, ..page.selected })
}

/// A page of best matches, and how many of it and what tells that there is more are gone.
struct BestPage {
    selected: Selected,
    missing: usize,
}

/// The page of the best matches of those that are taken; all that is found goes to `found`.
fn best_of(
    request: &Request,
    text: &str,
    catalog: &CatalogView,
    search: &Search,
    (takes, found): (&mut dyn FnMut(u64) -> bool, Option<&mut Vec<u64>>),
) -> Option<BestPage> {
    let (first, after) = request.after.as_deref().and_then(to_hit).unzip();
    let wanted = Wanted { after, most: request.limit + 1, takes, found };
    let (hits, strictness) = search.best(text, first.and_then(Strictness::of), wanted)?;
    let page = hits.iter().map(|hit| of_hit(strictness as u8, *hit)).collect();
    let selected = page_of(page, request, catalog);
    let missing = hits.iter().filter(|hit| !catalog.has_product(ProductId(hit.id))).count();
    Some(BestPage { selected, missing })
}

/// A page from the keys of its products and of the one behind them.
pub(super) fn page_of(
    mut page: Vec<Vec<u8>>,
    request: &Request,
    catalog: &CatalogView,
) -> Selected {
    let more = page.len() > request.limit;
    page.truncate(request.limit);
    let next = page.last().filter(|_| more).cloned();
    let body = |key: &Vec<u8>| match catalog.product(ProductId(id_of(key)?)) {
        Lookup::Found { body, .. } => Some(body),
        Lookup::Gone { .. } | Lookup::Missing => None,
    };
    let items = page.iter().filter_map(body).collect();
    Selected { items, next, total: 0, facets: Vec::new() }
}
