//! Lists against a slow look at every document: the same filters, counts and orders, written down as
//! plainly as possible.

mod drawn;
mod shop;

use super::select::{Request, Selected, select};
use super::wanted;
use crate::access::plan::PlanData;
use crate::catalog::model::{Condition, Status};
use crate::catalog::offers::{Channel, PriceType};
use crate::catalog::search::{Indexer, Search, Words};
use crate::catalog::view::{
    CatalogView, CategoryChange, CategoryRecord, OfferChange, OfferRecord, ProductChange,
    ProductRecord, Tombstone,
};
use crate::http::Params;
use crate::http::answer::digest;
use crate::kernel::id::{BrandId, CategoryId, ProductId, StoreId};
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Micros};
use crate::stock::model::Availability;
use crate::stock::view::{LevelRecord, StockView};
use drawn::{asked, docs};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select as one_of, subsequence};
use serde::Serialize;
use serde_json::{Value, json};
use shop::Shop;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 7] = [
    "Perceuse à percussion",
    "perceuse a PERCUSSION",
    "Élagueuse",
    "Vis",
    "Vis à bois",
    "Une rallonge électrique de jardin à enrouleur, avec quatre prises, 25 m",
    "Une rallonge électrique de jardin à enrouleur, avec quatre prises, 50 m",
];
const BRANDS: [&str; 3] = ["Bosch", "Makita", "Élan"];
/// Categories with the one above each. The last two stand above one another: a loop.
const CATEGORIES: [(&str, Option<&str>); 6] = [
    ("root", None),
    ("branch", Some("root")),
    ("leaf", Some("branch")),
    ("other", None),
    ("round", Some("about")),
    ("about", Some("round")),
];
const PROPERTIES: [&str; 3] = ["color", "Color", "size"];
const VALUES: [&str; 4] = ["Blanc", "blanc", "1,5 m", "a\\b"];
const PRICES: [i64; 5] = [9_900, 10_000, 199_900, 500_000, 500_000_000];
const CHANNELS: [Channel; 2] = [Channel::InStore, Channel::Online];

#[derive(Debug, Clone, PartialEq)]
struct Offer {
    store: u64,
    channel: Channel,
    price: i64,
    window: (Option<i64>, Option<i64>),
}

/// All that a list can ask of a product.
#[derive(Debug, Clone)]
struct Doc {
    name: &'static str,
    brand: Option<&'static str>,
    categories: Vec<&'static str>,
    status: Status,
    condition: Option<Condition>,
    by_weight: bool,
    updated_at: i64,
    properties: Vec<(&'static str, &'static str)>,
    offers: Vec<Offer>,
    levels: Vec<(u64, Availability)>,
}

#[derive(Serialize)]
struct Body {
    sku: String,
    name: &'static str,
    brand: Option<Value>,
    additional_property: Vec<Value>,
    condition: Option<Condition>,
    status: Status,
}

/// What of the shop the plan of who calls includes.
#[derive(Debug, Clone, Default)]
struct Plan {
    brands: Option<Vec<&'static str>>,
    categories: Option<Vec<&'static str>>,
    stores: Option<Vec<u64>>,
}

impl Plan {
    fn data(&self) -> PlanData {
        let ids = |codes: &Vec<&str>| codes.iter().map(|code| CategoryId::derived(code)).collect();
        PlanData {
            brand_ids: self.brands.as_ref().map(|b| b.iter().map(|b| BrandId::named(b)).collect()),
            category_ids: self.categories.as_ref().map(ids),
            store_ids: self.stores.as_ref().map(|ids| ids.iter().copied().map(StoreId).collect()),
            ..PlanData::default()
        }
    }

    fn has_store(&self, store: u64) -> bool {
        self.stores.as_ref().is_none_or(|stores| stores.contains(&store))
    }

    fn has_category(&self, code: &str) -> bool {
        self.categories.as_ref().is_none_or(|own| above(code).iter().any(|one| own.contains(one)))
    }

    fn has(&self, doc: &Doc) -> bool {
        self.brands.as_ref().is_none_or(|own| doc.brand.is_some_and(|brand| own.contains(&brand)))
            && (self.categories.is_none() || doc.categories.iter().any(|c| self.has_category(c)))
    }
}

/// A category and those above it.
fn above(code: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut at = Some(code);
    while let Some((own, parent)) = at.and_then(|at| CATEGORIES.iter().find(|(c, _)| *c == at)) {
        let is_new = found.insert(*own);
        at = parent.filter(|_| is_new);
    }
    found
}

/// What a call asks, as the parameters say it.
#[derive(Debug, Clone, Default)]
struct Asked {
    plan: Plan,
    text: Option<&'static str>,
    counted: bool,
    brands: Vec<&'static str>,
    categories: Vec<&'static str>,
    descend: bool,
    status: Option<Status>,
    conditions: Vec<Condition>,
    by_weight: Option<bool>,
    store: Option<u64>,
    channel: Option<Channel>,
    prices: (Option<i64>, Option<i64>),
    since: Option<i64>,
    availability: Vec<Availability>,
    properties: BTreeMap<&'static str, Vec<&'static str>>,
    sort: Vec<(&'static str, bool)>,
    facets: Vec<&'static str>,
    facet_limit: usize,
    limit: usize,
    now: i64,
}

fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

fn text(amount: i64) -> String {
    format!("{}.{:04}", amount / 10_000, amount % 10_000)
}

impl Asked {
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut add = |name: &str, value: String| {
            if !value.is_empty() {
                query.append_pair(name, &value);
            }
        };
        // Names and ids mean the same.
        add("brand", joined(self.brands.iter().map(|name| name.to_uppercase())));
        add("category_id", joined(self.categories.iter().map(|code| CategoryId::derived(code))));
        if !self.categories.is_empty() || self.facets.contains(&"category_id") {
            add("include_descendants", self.descend.to_string());
        }
        add("status", self.status.map_or(String::new(), |status| status.to_string()));
        add("condition", joined(&self.conditions));
        add("is_sold_by_weight", self.by_weight.map_or(String::new(), |own| own.to_string()));
        add("store_id", self.store.map_or(String::new(), |store| StoreId(store).to_string()));
        add("channel", self.channel.map_or(String::new(), |channel| channel.to_string()));
        add("min_price", self.prices.0.map_or(String::new(), text));
        add("max_price", self.prices.1.map_or(String::new(), text));
        add("updated_since", self.since.map_or(String::new(), |at| Micros(at).to_string()));
        add("availability", joined(&self.availability));
        for (property, values) in &self.properties {
            let values = values.iter().map(|value| value.replace('\\', "\\\\").replace(',', "\\,"));
            add(&format!("attr.{property}"), joined(values));
        }
        let step =
            |(step, turned): &(&str, bool)| format!("{}{step}", if *turned { "-" } else { "" });
        add("sort", joined(self.sort.iter().map(step)));
        add("facets", joined(&self.facets));
        if !self.facets.is_empty() {
            add("facet_limit", self.facet_limit.to_string());
        }
        add("q", self.text.unwrap_or_default().to_owned());
        add("include_total", self.counted.to_string());
        query.finish()
    }

    fn request(&self, view: &CatalogView) -> Request {
        let mut params = Params::new(&self.query());
        let grant = view.grant(Some(&self.plan.data()));
        let mut request = wanted(&mut params, view, grant.as_ref());
        params.finish().unwrap();
        request.settle();
        (request.limit, request.now) = (self.limit, Micros(self.now));
        request
    }

    fn holds(&self, offer: &Offer) -> bool {
        offer.window.0.is_none_or(|from| from <= self.now)
            && offer.window.1.is_none_or(|through| self.now <= through)
    }

    fn price(&self, doc: &Doc) -> Option<i64> {
        let offers = doc.offers.iter().filter(|offer| {
            self.plan.has_store(offer.store)
                && self.store.is_none_or(|store| store == offer.store)
                && self.channel.is_none_or(|channel| channel == offer.channel)
                && self.holds(offer)
        });
        offers.map(|offer| offer.price).min()
    }

    fn availabilities(&self, doc: &Doc) -> BTreeSet<Availability> {
        let told = doc.levels.iter().filter(|(store, _)| self.plan.has_store(*store));
        let levels = told.filter(|(store, _)| self.store.is_none_or(|own| own == *store));
        let found: BTreeSet<Availability> = levels.map(|(_, one)| *one).collect();
        if found.is_empty() { BTreeSet::from([Availability::Unknown]) } else { found }
    }

    /// The categories that a product counts in.
    fn categories(&self, doc: &Doc) -> BTreeSet<&'static str> {
        let own = doc.categories.iter().copied();
        let mut found: BTreeSet<&str> = match self.descend {
            true => own.flat_map(above).collect(),
            false => own.collect(),
        };
        found.retain(|code| self.plan.has_category(code));
        found
    }

    /// Whether a product is in the list, or would be without one of the filters.
    fn takes(&self, doc: &Doc, without: &str) -> bool {
        let categories = self.categories(doc);
        let price = self.price(doc);
        let within = price.is_some_and(|price| {
            self.prices.0.is_none_or(|min| price >= min)
                && self.prices.1.is_none_or(|max| price <= max)
        });
        let in_store = |store| {
            let mut here = doc.offers.iter().filter(|offer| offer.store == store);
            self.plan.has_store(store) && here.any(|offer| self.holds(offer))
        };
        let availabilities = self.availabilities(doc);
        let has = |property: &str, values: &[&str]| {
            doc.properties.iter().any(|(own, value)| {
                own.to_lowercase() == property.to_lowercase()
                    && values.iter().any(|wanted| wanted.to_lowercase() == value.to_lowercase())
            })
        };
        self.plan.has(doc)
            && (without == "brand"
                || self.brands.is_empty()
                || doc.brand.is_some_and(|brand| self.brands.contains(&brand)))
            && (without == "category_id"
                || self.categories.is_empty()
                || self.categories.iter().any(|code| categories.contains(code)))
            && (without == "status" || self.status.is_none_or(|status| status == doc.status))
            && (without == "condition"
                || self.conditions.is_empty()
                || doc.condition.is_some_and(|own| self.conditions.contains(&own)))
            && self.by_weight.is_none_or(|own| own == doc.by_weight)
            && self.store.is_none_or(in_store)
            && (self.channel.is_none() || price.is_some())
            && (without == "price" || self.prices == (None, None) || within)
            && self.since.is_none_or(|since| doc.updated_at >= since)
            && (without == "availability"
                || self.availability.is_empty()
                || self.availability.iter().any(|one| availabilities.contains(one)))
            && self.properties.iter().all(|(property, values)| {
                without
                    .strip_prefix("attr.")
                    .is_some_and(|own| own.to_lowercase() == property.to_lowercase())
                    || has(property, values)
            })
    }

    /// The values of a facet with their counts, of the products that are found.
    fn facet(&self, name: &str, docs: &BTreeMap<u64, Doc>, found: &[u64]) -> Vec<(String, u32)> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut ways: BTreeMap<String, BTreeMap<&str, u32>> = BTreeMap::new();
        let found = found.iter().filter_map(|id| docs.get(id));
        for doc in found.filter(|doc| self.takes(doc, name)) {
            let values: BTreeSet<String> = match name {
                "brand" => doc.brand.iter().map(|b| BrandId::named(b).to_string()).collect(),
                "category_id" => {
                    let codes = self.categories(doc).into_iter();
                    codes.map(|code| CategoryId::derived(code).to_string()).collect()
                }
                "price" => self.price(doc).map(range).into_iter().collect(),
                "availability" => {
                    self.availabilities(doc).iter().map(ToString::to_string).collect()
                }
                "condition" => doc.condition.iter().map(ToString::to_string).collect(),
                "status" => BTreeSet::from([doc.status.to_string()]),
                other => {
                    let property = other.strip_prefix("attr.").unwrap().to_lowercase();
                    let own = doc.properties.iter();
                    let own: BTreeSet<&str> = own
                        .filter(|(name, _)| name.to_lowercase() == property)
                        .map(|(_, value)| *value)
                        .collect();
                    for value in &own {
                        let ways = ways.entry(value.to_lowercase()).or_default();
                        // A product that writes it in two ways counts as one that writes the first.
                        let first =
                            own.iter().find(|one| one.to_lowercase() == value.to_lowercase());
                        if first == Some(value) {
                            *ways.entry(value).or_default() += 1;
                        }
                    }
                    own.iter().map(|value| value.to_lowercase()).collect()
                }
            };
            for value in values {
                *counts.entry(value).or_default() += 1;
            }
        }
        let shown = |value: String| match ways.get(&value) {
            None => value,
            Some(ways) => {
                let most = ways.values().max().unwrap();
                let (way, _) = ways.iter().find(|(_, count)| *count == most).unwrap();
                way.replace('\\', "\\\\").replace(',', "\\,")
            }
        };
        let mut values: Vec<(String, u32)> =
            counts.into_iter().map(|(value, count)| (shown(value), count)).collect();
        let by_price =
            |value: &str| value.split(' ').next().and_then(|from| from.parse::<i64>().ok());
        if name == "price" {
            values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| by_price(&a.0).cmp(&by_price(&b.0))));
        } else {
            values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        }
        values.truncate(self.facet_limit);
        if name == "price" {
            values.sort_by_key(|(value, _)| by_price(value));
        }
        values
    }

    /// The list, whole and in its order, of the products that are found, the best first.
    fn list(&self, docs: &BTreeMap<u64, Doc>, found: &[u64]) -> Vec<u64> {
        let mut words = Words::default();
        let mut found: Vec<(u64, &Doc, String)> = found
            .iter()
            .filter_map(|id| Some((*id, docs.get(id)?)))
            .filter(|(_, doc)| self.takes(doc, ""))
            .map(|(id, doc)| (id, doc, words.of(doc.name).join(" ").chars().take(60).collect()))
            .collect();
        if self.sort.is_empty() {
            return found.into_iter().map(|(id, ..)| id).collect();
        }
        found.sort_by(|a, b| {
            for (step, turned) in &self.sort {
                let order = match *step {
                    "name" => a.2.cmp(&b.2),
                    "updated_at" => a.1.updated_at.cmp(&b.1.updated_at),
                    "id" => a.0.cmp(&b.0),
                    _ => match (self.price(a.1), self.price(b.1)) {
                        (Some(a), Some(b)) => a.cmp(&b),
                        // What has no price comes last either way.
                        (a, b) => {
                            let order = b.is_some().cmp(&a.is_some());
                            if *turned { order.reverse() } else { order }
                        }
                    },
                };
                let order = if *turned { order.reverse() } else { order };
                if order.is_ne() {
                    return order;
                }
            }
            a.0.cmp(&b.0)
        });
        found.into_iter().map(|(id, ..)| id).collect()
    }
}

/// The range of a price: from 1, 2 or 5 times a power of ten to the next.
fn range(price: i64) -> String {
    let bounds: Vec<i64> = (0..8).flat_map(|n| [1, 2, 5].map(|m| m * 10i64.pow(n))).collect();
    let units = price / 10_000;
    let to = bounds.iter().find(|bound| units < **bound).unwrap();
    let from = bounds.iter().rev().find(|bound| units >= **bound).unwrap_or(&0);
    format!("{from} {to}")
}

/// A value of a facet as the slow look writes it.
fn seen(value: &Value) -> (String, u32) {
    let whole = |name: &str| value[name].as_str()?.split('.').next().map(str::to_owned);
    let word = match value["value"].as_str() {
        Some(word) => word.to_owned(),
        None => format!("{} {}", whole("from").unwrap(), whole("to").unwrap()),
    };
    (word, value["count"].as_u64().unwrap() as u32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_list_is_what_a_slow_look_at_every_document_gives(
        before in docs(),
        after in docs(),
        queries in proptest::collection::vec(asked(), 12),
    ) {
        let mut shop = Shop::new();
        for docs in [before, after] {
            shop.hold(&docs);
            for asked in &queries {
                shop.check(asked)?;
            }
        }
    }
}
