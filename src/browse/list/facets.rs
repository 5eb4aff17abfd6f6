//! How many products a list would have with one more filter, value by value.

use super::counted::Counted;
use super::select::Request;
use crate::catalog::search::{Search, folded};
use crate::catalog::translations::CategoryTexts;
use crate::catalog::view::{CatalogView, Grant, Misses, Row};
use crate::http::Params;
use crate::http::params::as_alternative;
use crate::kernel::id::CategoryId;
use crate::kernel::money::{Currency, Money};
use crate::stock::model::Availability;
use serde::Serialize;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use utoipa::ToSchema;

/// Most facets of a list, and most values of one.
const MOST_FACETS: usize = 12;
const MOST_VALUES: u32 = 100;
const DEFAULT_VALUES: u32 = 20;

/// What can be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Facet {
    Brand,
    Category,
    Price,
    Availability,
    Condition,
    Status,
    /// A property, and the place of the filter on it among the filters on properties.
    Attribute(String, Option<usize>),
}

impl Facet {
    fn name(&self) -> String {
        match self {
            Self::Brand => "brand".to_owned(),
            Self::Category => "category_id".to_owned(),
            Self::Price => "price".to_owned(),
            Self::Availability => "availability".to_owned(),
            Self::Condition => "condition".to_owned(),
            Self::Status => "status".to_owned(),
            Self::Attribute(property, _) => format!("attr.{property}"),
        }
    }

    /// Whether it counts values of a property.
    pub(super) fn is_property(&self) -> bool {
        matches!(self, Self::Attribute(..))
    }

    /// Whether both count the same: case and accents make no difference between properties.
    fn counts_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Attribute(one, _), Self::Attribute(other, _)) => folded(one) == folded(other),
            _ => self == other,
        }
    }

    /// The filter that a facet leaves out of its own counts.
    fn own(&self) -> Misses {
        match self {
            Self::Brand => Misses::BRAND,
            Self::Category => Misses::CATEGORY,
            Self::Price => Misses::PRICE,
            Self::Availability => Misses::AVAILABILITY,
            Self::Condition => Misses::CONDITION,
            Self::Status => Misses::STATUS,
            Self::Attribute(_, filter) => filter.map_or(Misses::default(), Misses::attribute),
        }
    }
}

/// Reads `facets` and `facet_limit`.
pub(super) fn read(
    params: &mut Params,
    attributes: &[(String, Vec<String>)],
) -> (Vec<Facet>, usize) {
    let words: Vec<String> = params.list("facets", MOST_FACETS);
    let mut facets = Vec::with_capacity(words.len());
    for word in words {
        let facet = match word.as_str() {
            "brand" => Facet::Brand,
            "category_id" => Facet::Category,
            "price" => Facet::Price,
            "availability" => Facet::Availability,
            "condition" => Facet::Condition,
            "status" => Facet::Status,
            other => match other.strip_prefix("attr.").filter(|property| !property.is_empty()) {
                Some(property) => {
                    let filter =
                        attributes.iter().position(|(name, _)| folded(name) == folded(property));
                    Facet::Attribute(property.to_owned(), filter)
                }
                None => {
                    let message = format!(
                        "has `{word}`, which is none of brand, category_id, price, availability, \
                         condition, status, attr.<property>"
                    );
                    params.fault("facets", "not_allowed", message);
                    continue;
                }
            },
        };
        if !facets.iter().any(|known: &Facet| known.counts_as(&facet)) {
            facets.push(facet);
        }
    }
    let limit = params.whole("facet_limit", 1..=MOST_VALUES);
    if limit.is_some() && facets.is_empty() && !params.has_fault("facets") {
        params.fault("facet_limit", "incomplete", "needs `facets` beside it");
    }
    (facets, limit.unwrap_or(DEFAULT_VALUES) as usize)
}

/// A value of a facet.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::browse) struct FacetValueOut {
    /// The value, as the filter takes it; absent in `price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "brd_2Kd83bVnM1c")]
    value: Option<String>,
    /// What a brand or a category is called; what a property's value is, where the filter takes it in
    /// another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bosch")]
    name: Option<String>,
    /// What a category is called in other languages, by language (RFC 5646). Absent from calls with
    /// `Accept-Language`, for which `name` is chosen from here.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<BTreeMap<String, CategoryTexts>>)]
    translations: Value,
    /// The least price of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "20.00")]
    from: Option<String>,
    /// The price above the range, which no longer belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "50.00")]
    to: Option<String>,
    /// The currency of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR")]
    currency: Option<&'static str>,
    /// How many products the list would have with this value alone.
    #[schema(example = 12)]
    count: u32,
}

impl FacetValueOut {
    pub(super) fn of(value: String, name: Option<String>, count: u32) -> Self {
        let (from, to, currency, translations) = (None, None, None, Value::Null);
        Self { value: Some(value), name, translations, from, to, currency, count }
    }

    /// A range of prices.
    pub(super) fn range(from: Money, to: Money, count: u32) -> Self {
        let currency = Some(Currency::code(from.currency));
        let (from, to) = (Some(from.to_string()), Some(to.to_string()));
        let translations = Value::Null;
        Self { value: None, name: None, translations, from, to, currency, count }
    }

    /// A category with its names in other languages.
    pub(super) fn of_category(
        value: String,
        name: Option<String>,
        translations: Value,
        count: u32,
    ) -> Self {
        Self { translations, ..Self::of(value, name, count) }
    }

    /// A value of a property.
    pub(super) fn of_property(value: String, count: u32) -> Self {
        let taken = as_alternative(&value).into_owned();
        let name = (taken != value).then_some(value);
        Self::of(taken, name, count)
    }
}

/// Counts the facets of a list.
#[derive(Debug)]
pub(super) struct Counter<'a> {
    facets: &'a [Facet],
    counted: Vec<Counted>,
    /// The products in which properties are counted, by the filter that is left out: one set for all
    /// properties without a filter of their own.
    products: Vec<(Misses, HashSet<u64>)>,
    /// The parents of categories, where products count in those above their own too.
    parents: Option<HashMap<u64, u64>>,
    /// The categories that a product counts in.
    above: Vec<u64>,
    /// What categories may be told.
    grant: Option<&'a Grant>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(request: &'a Request, catalog: &CatalogView) -> Self {
        let facets = &request.facets;
        let parents =
            (request.descend && facets.contains(&Facet::Category)).then(|| catalog.parents());
        let counted = facets.iter().map(|_| Counted::default()).collect();
        let mut products: Vec<(Misses, HashSet<u64>)> = Vec::new();
        for facet in facets.iter().filter(|facet| matches!(facet, Facet::Attribute(..))) {
            if !products.iter().any(|(own, _)| *own == facet.own()) {
                products.push((facet.own(), HashSet::new()));
            }
        }
        let grant = request.query.grant.as_ref();
        Self { facets, counted, products, parents, above: Vec::new(), grant }
    }

    /// The categories that a row counts in.
    fn place(&mut self, row: &Row<'_>) {
        self.climb(row);
        if let Some(grant) = self.grant {
            self.above.retain(|id| grant.includes_category(CategoryId(*id)));
        }
    }

    /// The categories of a row and, where the filter takes what is below a category, those above them.
    fn climb(&mut self, row: &Row<'_>) {
        self.above.clear();
        let own = row.categories().iter().copied();
        let Some(parents) = &self.parents else { return self.above.extend(own) };
        for mut at in own {
            // What is there already has had those above it counted, so a loop ends here.
            while !self.above.contains(&at) {
                self.above.push(at);
                match parents.get(&at) {
                    Some(parent) => at = *parent,
                    None => break,
                }
            }
        }
    }

    /// Takes a row in, with the availabilities that it has.
    pub(super) fn take(&mut self, row: &Row<'_>, has: &[Availability]) {
        if self.facets.contains(&Facet::Category) {
            self.place(row);
        }
        for (own, products) in &mut self.products {
            if row.misses.none_but(*own) {
                products.insert(row.id());
            }
        }
        for (facet, counted) in self.facets.iter().zip(&mut self.counted) {
            if row.misses.none_but(facet.own()) {
                counted.take(facet, row, &self.above, has);
            }
        }
    }

    /// The facets as a JSON object; `None` where properties cannot be counted now.
    pub(super) fn finish(
        self,
        request: &Request,
        catalog: &CatalogView,
        search: &Search,
    ) -> Option<Vec<u8>> {
        let mut facets: BTreeMap<String, Vec<FacetValueOut>> = BTreeMap::new();
        for (facet, counted) in self.facets.iter().zip(self.counted) {
            let mut values = match facet {
                Facet::Attribute(property, _) => {
                    let own = self.products.iter().find(|(own, _)| *own == facet.own());
                    let (_, products) = own?;
                    let found = search.property_values(property, products)?.into_iter();
                    found.map(|one| FacetValueOut::of_property(one.value, one.count)).collect()
                }
                _ => counted.values(facet, request.facet_limit, catalog),
            };
            if *facet == Facet::Price {
                most_of_ranges(&mut values, request.facet_limit);
            } else {
                values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
                values.truncate(request.facet_limit);
            }
            facets.insert(facet.name(), values);
        }
        serde_json::to_vec(&facets).ok()
    }
}

/// Leaves the ranges that hold the most products, in the order of prices.
fn most_of_ranges(ranges: &mut Vec<FacetValueOut>, most: usize) {
    let mut counts: Vec<u32> = ranges.iter().map(|range| range.count).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let Some(least) = most.checked_sub(1).and_then(|last| counts.get(last).copied()) else {
        return;
    };
    let above = counts.iter().filter(|count| **count > least).count();
    let mut room = most - above;
    ranges.retain(|range| match range.count.cmp(&least) {
        Ordering::Greater => true,
        Ordering::Equal if room > 0 => {
            room -= 1;
            true
        }
        Ordering::Equal | Ordering::Less => false,
    });
}
