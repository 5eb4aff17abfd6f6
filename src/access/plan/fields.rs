//! The fields of resources that a plan includes.

use crate::access::resource::Kind;
use crate::http::fields::Fields;
use crate::kernel::word::Word as _;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Names in a member that holds texts by language.
const TRANSLATIONS: &str = "translations";

const PRODUCT: &[&str] = &[
    "additional_property",
    "aggregate_rating",
    "brand",
    "category_ids",
    "certifications",
    "condition",
    "country_of_origin",
    "description",
    "digital_link",
    "google_product_category",
    "gpc_category_code",
    "gtin",
    "identifiers",
    "images",
    "is_sold_by_weight",
    "item_group_id",
    "link",
    "manufacturer",
    "mpn",
    "name",
    "net_content",
    "replaced_by",
    "sku",
    "status",
    "variant_attributes",
];

const CATEGORY: &[&str] = &[
    "code",
    "google_product_category",
    "gpc_category_code",
    "level",
    "name",
    "parent_id",
    "path",
    "product_count",
];

const STORE: &[&str] = &[
    "address",
    "closes_at",
    "geo",
    "gln",
    "name",
    "open_now",
    "opening_hours",
    "opens_at",
    "services",
    "special_opening_hours",
    "store_code",
    "telephone",
    "time_zone",
    "type",
];

const OFFER: &[&str] = &[
    "eco_contribution",
    "list_price",
    "lowest_price_30d",
    "member_price",
    "price",
    "price_type",
    "promotion_ids",
    "seller",
    "tax_included",
    "unit_price",
    "valid_from",
    "valid_through",
];

/// What the sale of an offer says: a plan includes of it what it includes of the offer, and nothing without its
/// price.
pub const SALE: [&str; 5] =
    ["lowest_price_30d", "price", "unit_price", "valid_from", "valid_through"];

const PROMOTION: &[&str] = &[
    "applies_to",
    "audience",
    "channels",
    "code",
    "conditions",
    "coupon_code",
    "store_ids",
    "title",
    "type",
    "valid_from",
    "valid_through",
    "value",
];

const STOCK: &[&str] = &[
    "availability",
    "gtin",
    "instore_location",
    "is_stale",
    "max_age_s",
    "pickup",
    "quantity",
    "received_at",
    "restock_at",
    "source",
];

/// The fields that a plan can name. They are those of the documents in `openapi/partner.yaml`, which a test
/// compares.
#[must_use]
pub fn fields(of: Kind) -> &'static [&'static str] {
    match of {
        Kind::Product => PRODUCT,
        Kind::Category => CATEGORY,
        Kind::Store => STORE,
        Kind::Offer => OFFER,
        Kind::Promotion => PROMOTION,
        Kind::Stock => STOCK,
    }
}

/// The fields that every plan includes: what a resource is known and kept by, what answers a parameter of
/// the call, and what is embedded, which is cut by its own.
#[must_use]
pub fn kept(of: Kind) -> &'static [&'static str] {
    match of {
        Kind::Product => &[
            "id",
            "updated_at",
            "version",
            "categories",
            "more_offers",
            "more_stock",
            "more_variants",
            "offers",
            "stock",
            "variants",
        ],
        Kind::Category | Kind::Promotion => &["id", "updated_at", "version"],
        Kind::Store => &["id", "updated_at", "version", "basket", "distance_m"],
        Kind::Offer => &["product_id", "store_id", "channel", "as_of"],
        Kind::Stock => &["product_id", "store_id", "as_of", "distance_m"],
    }
}

/// The fields of each resource that is cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataFields(BTreeMap<Kind, (BTreeSet<&'static str>, Fields)>);

impl DataFields {
    /// Whether nothing is cut.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left of a resource; none where that is all.
    #[must_use]
    pub fn of(&self, resource: Kind) -> Option<&Fields> {
        self.0.get(&resource).map(|(_, fields)| fields)
    }

    fn put(&mut self, resource: Kind, names: BTreeSet<&'static str>) {
        let whole = names.iter().chain(kept(resource)).map(|name| (*name).to_owned());
        let texts = names.iter().map(|name| format!("{TRANSLATIONS}.*.{name}"));
        let has_sale = resource == Kind::Offer && names.contains("price");
        let of_sale = SALE.into_iter().filter(|name| has_sale && names.contains(name));
        let of_sale = of_sale.map(|name| format!("sale.{name}"));
        let fields = Fields::of_paths(whole.chain(texts).chain(of_sale));
        self.0.insert(resource, (names, fields));
    }
}

impl Serialize for DataFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (resource, (names, _)) in &self.0 {
            map.serialize_entry(resource.as_str(), names)?;
        }
        map.end()
    }
}

/// Reads the names of fields of a resource, so that what is wrong with one is said of its place.
struct Names(Kind);

impl<'de> DeserializeSeed<'de> for Names {
    type Value = Option<BTreeSet<&'static str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Some(names) = Option::<Vec<String>>::deserialize(deserializer)? else {
            return Ok(None);
        };
        if names.is_empty() {
            let message = "at least one field is named; leave the resource out to include all";
            return Err(D::Error::custom(message));
        }
        let names = names.iter().map(|name| known(self.0, name));
        names.collect::<Result<_, _>>().map(Some).map_err(D::Error::custom)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = DataFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names of fields by resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DataFields, A::Error> {
        let mut all = DataFields::default();
        while let Some(word) = map.next_key::<String>()? {
            let Some(resource) = Kind::of(&word) else {
                let short: String = word.chars().take(40).collect();
                let known = Kind::WORDS
                    .iter()
                    .map(|(word, _)| format!("`{word}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                let message = format!("unknown field `{short}`, expected one of {known}");
                return Err(A::Error::custom(message));
            };
            let Some(names) = map.next_value_seed(Names(resource))? else { continue };
            if all.of(resource).is_some() {
                return Err(A::Error::custom(format!("duplicate field `{word}`")));
            }
            all.put(resource, names);
        }
        Ok(all)
    }
}

/// The field of a resource with this name, or what is wrong with the name.
fn known(resource: Kind, name: &str) -> Result<&'static str, String> {
    let fields = fields(resource);
    if let Some(field) = fields.iter().find(|field| **field == name) {
        return Ok(field);
    }
    let short: String = name.chars().take(40).collect();
    Err(match kept(resource).contains(&name) {
        true => format!("`{short}` is always included; leave it out"),
        false => format!("`{short}` is no field of a {resource}; there are {}", fields.join(", ")),
    })
}

impl<'de> Deserialize<'de> for DataFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}
