//! Which products a list takes, and how to find them without looking at the others.

use super::grant::Grant;
use super::id_set::{IdSet, Union};
use super::offers::Offers;
use super::page::Page;
use super::postings::Postings;
use super::products::{Entry, Products, group_key};
use super::rows::Misses;
use crate::catalog::model::{Condition, Status};
use crate::catalog::offers::Channel;
use crate::kernel::id::{BrandId, CategoryId, ProductId, StoreId};
use crate::kernel::{Amount, Gtin, Micros};
use bytes::Bytes;

/// Filters of a product list. All must hold; within a list one must; an empty list asks nothing.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct ProductQuery {
    /// Of one of these brands.
    pub brands: Vec<BrandId>,
    /// In one of these categories. With descendants wanted, they are in the list.
    pub categories: Vec<CategoryId>,
    /// With one of these GTINs.
    pub gtins: Vec<Gtin>,
    /// With one of these ids, which skus lead to.
    pub ids: Vec<ProductId>,
    /// A variant of one of these groups.
    pub item_groups: Vec<String>,
    /// With one of these states.
    pub statuses: Vec<Status>,
    /// Sold by weight, or not.
    pub sold_by_weight: Option<bool>,
    /// Offered in this store, at the instant of the question.
    pub store: Option<StoreId>,
    /// Changed at or after this instant.
    pub updated_since: Option<Micros>,
    /// In one of these conditions.
    pub conditions: Vec<Condition>,
    /// Offered through this channel, in the store where one is named.
    pub channel: Option<Channel>,
    /// Asked for at least this much.
    pub min_price: Option<Amount>,
    /// Asked for at most this much.
    pub max_price: Option<Amount>,
    /// Whether rows need their price: for a filter, a facet or an order.
    pub wants_prices: bool,
    /// Included in the caller's plan.
    pub grant: Option<Grant>,
}

impl ProductQuery {
    /// Whether what a product costs decides about it.
    #[must_use]
    pub fn wants_any_price(&self) -> bool {
        self.channel.is_some() || self.min_price.is_some() || self.max_price.is_some()
    }

    /// What the store that was asked for offers at an instant, or ever; nothing in one that is not included.
    pub(super) fn sold<'a>(&self, offers: &'a Offers, at: Option<Micros>) -> Option<Sold<'a>> {
        let store = self.store?;
        let is_there = self.grant.as_ref().is_none_or(|grant| grant.includes_store(store));
        let products = offers.in_store(store).filter(|_| is_there);
        Some(Sold { products, offers, store, at })
    }

    /// Whether prices are those of some stores or of a channel, and not of all.
    pub(super) fn narrows_prices(&self) -> bool {
        self.store.is_some()
            || self.channel.is_some()
            || self.grant.as_ref().is_some_and(|grant| grant.stores.is_some())
    }
}

/// What a store offers at an instant, or at any.
pub(super) struct Sold<'a> {
    /// The products of which it has an offer, also one that has ended or is to come.
    pub(super) products: Option<&'a IdSet>,
    offers: &'a Offers,
    store: StoreId,
    at: Option<Micros>,
}

impl Sold<'_> {
    fn has(&self, product: u64) -> bool {
        self.products.is_some_and(|products| products.contains(product))
            && self.at.is_none_or(|at| self.offers.holds_in_store(product, self.store, at))
    }
}

/// A query with its keys resolved against the products of this moment.
pub(super) struct Filter<'a> {
    query: &'a ProductQuery,
    products: &'a Products,
    /// What the store that was asked for offers.
    sold: Option<Sold<'a>>,
    brands: Vec<u32>,
    categories: Vec<u64>,
    groups: Vec<u32>,
}

/// The sets of some keys; a key that no product has leads to none.
fn sets(postings: &Postings, keys: impl Iterator<Item = u64>) -> Vec<&IdSet> {
    keys.filter_map(|key| postings.set(key)).collect()
}

impl<'a> Filter<'a> {
    pub(super) fn new(
        query: &'a ProductQuery,
        products: &'a Products,
        sold: Option<Sold<'a>>,
    ) -> Self {
        // A category that is not included has no products, also where these are in another.
        let is_there = |id: &&CategoryId| {
            query.grant.as_ref().is_none_or(|grant| grant.includes_category(**id))
        };
        let mut categories: Vec<u64> =
            query.categories.iter().filter(is_there).map(|id| id.0).collect();
        categories.sort_unstable();
        let groups = || query.item_groups.iter().map(|group| group_key(group));
        Self {
            query,
            products,
            sold,
            brands: query.brands.iter().filter_map(|id| products.brands.find(id.0)).collect(),
            categories,
            groups: groups().filter_map(|key| products.groups.find(key)).collect(),
        }
    }

    /// The filters that a product misses; those of price and channel are not looked at here.
    pub(super) fn misses(&self, entry: &Entry) -> Misses {
        let (query, products) = (self.query, self.products);
        let of_category = |id: &u64| self.categories.binary_search(id).is_ok();
        let in_categories =
            query.categories.is_empty() || products.categories_of(entry).iter().any(of_category);
        let in_condition = query.conditions.is_empty()
            || entry.condition.is_some_and(|own| query.conditions.contains(&own));
        let others = (query.gtins.is_empty()
            || query.gtins.iter().any(|g| g.number() == entry.gtin))
            && (query.ids.is_empty() || query.ids.contains(&ProductId(entry.id)))
            && (query.item_groups.is_empty() || self.groups.contains(&entry.group))
            && query.sold_by_weight.is_none_or(|by_weight| entry.sold_by_weight == by_weight)
            && query.updated_since.is_none_or(|since| entry.updated_at >= since.0)
            && self.sold.as_ref().is_none_or(|sold| sold.has(entry.id))
            && query.grant.as_ref().is_none_or(|grant| grant.takes(entry, products));
        let mut misses = Misses::default();
        misses.add(Misses::BRAND, !query.brands.is_empty() && !self.brands.contains(&entry.brand));
        misses.add(Misses::CATEGORY, !in_categories);
        let in_status = query.statuses.is_empty() || query.statuses.contains(&entry.status);
        misses.add(Misses::STATUS, !in_status);
        misses.add(Misses::CONDITION, !in_condition);
        misses.add(Misses::OTHER, !others);
        misses
    }

    fn takes(&self, entry: &Entry) -> bool {
        self.misses(entry) == Misses::default()
    }

    /// Sets of ids of which the answer is a part: of all that the filters offer, the smallest.
    pub(super) fn smallest(&self) -> Vec<&'a IdSet> {
        let (query, products) = (self.query, self.products);
        let mut smallest = vec![&products.ids];
        let mut consider = |sets: Vec<&'a IdSet>| {
            let size = |sets: &[&IdSet]| sets.iter().map(|set| set.len()).sum::<usize>();
            if size(&sets) < size(&smallest) {
                smallest = sets;
            }
        };
        if !query.brands.is_empty() {
            consider(sets(&products.brands, query.brands.iter().map(|id| id.0)));
        }
        if !query.categories.is_empty() {
            consider(sets(&products.in_category, self.categories.iter().copied()));
        }
        if let Some(brands) = query.grant.as_ref().and_then(|grant| grant.brands.as_ref()) {
            consider(sets(&products.brands, brands.iter().map(|id| id.0)));
        }
        if let Some(named) = query.grant.as_ref().and_then(|grant| grant.categories.as_ref()) {
            consider(sets(&products.in_category, named.iter().copied()));
        }
        if !query.item_groups.is_empty() {
            let keys = query.item_groups.iter().map(|group| group_key(group));
            consider(sets(&products.groups, keys));
        }
        if let Some(sold) = &self.sold {
            consider(sold.products.into_iter().collect());
        }
        smallest
    }

    /// The ids named by identifier, where the query names any.
    pub(super) fn named(&self) -> Option<IdSet> {
        if !self.query.ids.is_empty() {
            return Some(self.query.ids.iter().map(|id| id.0).collect());
        }
        let gtins = self.query.gtins.iter().map(|gtin| gtin.number());
        let ids = gtins.flat_map(|gtin| self.products.all_by_gtin(gtin));
        (!self.query.gtins.is_empty()).then(|| ids.collect())
    }
}

impl Products {
    /// The page of products behind `after` that a query takes.
    pub(super) fn list(
        &self,
        query: &ProductQuery,
        sold: Option<Sold<'_>>,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Bytes> {
        let filter = Filter::new(query, self, sold);
        let pick = |id| {
            let entry = self.get(id).filter(|entry| filter.takes(entry))?;
            Some(entry.body.clone())
        };
        if let Some(named) = filter.named() {
            return Page::of_ids(named.after(after), limit, pick);
        }
        match filter.smallest().as_slice() {
            [one] => Page::of_ids(one.after(after), limit, pick),
            several => Page::of_ids(Union::after(several, after), limit, pick),
        }
    }
}
