//! What of the retailer's data a plan includes: which products and stores, and which fields of them.
//!
//! What is not included is not there for the apps of the plan: a product is unknown, a store is in no list,
//! a field is absent. A plan that says nothing includes everything, and costs a call nothing.

use super::fields::DataFields;
use crate::access::resource::Kind;
use crate::http::fields::Fields;
use crate::kernel::id::{BrandId, CategoryId, StoreId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use utoipa::ToSchema;

/// Most categories, brands or stores that a plan may name.
const MOST: usize = 1_000;

/// What a plan includes; an empty value includes everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlanData {
    /// Only products in these categories, or below them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_ids: Option<BTreeSet<CategoryId>>,
    /// Only products of these brands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_ids: Option<BTreeSet<BrandId>>,
    /// Only these stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_ids: Option<BTreeSet<StoreId>>,
    /// Only these fields.
    #[serde(skip_serializing_if = "DataFields::is_empty")]
    pub fields: DataFields,
}

impl PlanData {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether some products are left out.
    #[must_use]
    pub fn limits_products(&self) -> bool {
        self.category_ids.is_some() || self.brand_ids.is_some()
    }

    /// Whether a store is included.
    #[must_use]
    pub fn includes_store(&self, store: StoreId) -> bool {
        self.store_ids.as_ref().is_none_or(|stores| stores.contains(&store))
    }

    /// Whether a field of a resource is included.
    #[must_use]
    pub fn includes_field(&self, of: Kind, field: &str) -> bool {
        self.fields.of(of).is_none_or(|fields| fields.names(field))
    }

    /// A document of a resource without the fields that are left out.
    #[must_use]
    pub fn cut<'a>(&self, of: Kind, document: &'a [u8]) -> Cow<'a, [u8]> {
        match self.fields.of(of) {
            None => Cow::Borrowed(document),
            Some(fields) => Cow::Owned(Fields::project(fields, document)),
        }
    }
}

/// What of the retailer's data a plan includes. What is left out, or null, is included whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes `PlanData` as it is read")]
pub struct DataDoc {
    /// Only products in these categories or below them; ids, or the retailer's codes.
    #[schema(min_items = 1, max_items = 1_000, example = json!(["cat_5tR81kQmZx2"]))]
    category_ids: Option<Vec<String>>,
    /// Only products of these brands; ids or names.
    #[schema(min_items = 1, max_items = 1_000, example = json!(["brd_6mWx02TzqKe"]))]
    brand_ids: Option<Vec<String>>,
    /// Only these stores; ids, or the retailer's codes.
    #[schema(min_items = 1, max_items = 1_000, example = json!(["sto_4Fh2Lp8QaZs"]))]
    store_ids: Option<Vec<String>>,
    /// Only these fields, by resource: `product`, `category`, `store`, `offer`, `promotion`, `stock`, named as
    /// in the document of the partner API. Ids, `version` and `updated_at` are always included.
    #[schema(value_type = Option<HashMap<String, Vec<String>>>, example = json!({"product": ["gtin", "name", "brand"]}))]
    fields: Option<DataFields>,
}

impl<'de> Deserialize<'de> for PlanData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(default, deserialize_with = "categories")]
            category_ids: Option<BTreeSet<CategoryId>>,
            #[serde(default, deserialize_with = "brands")]
            brand_ids: Option<BTreeSet<BrandId>>,
            #[serde(default, deserialize_with = "stores")]
            store_ids: Option<BTreeSet<StoreId>>,
            #[serde(default)]
            fields: Option<DataFields>,
        }
        let written = Written::deserialize(deserializer)?;
        Ok(Self {
            category_ids: written.category_ids,
            brand_ids: written.brand_ids,
            store_ids: written.store_ids,
            fields: written.fields.unwrap_or_default(),
        })
    }
}

fn categories<'de, D: Deserializer<'de>>(d: D) -> Result<Option<BTreeSet<CategoryId>>, D::Error> {
    named(d, CategoryId::PREFIX, CategoryId::derived)
}

fn brands<'de, D: Deserializer<'de>>(d: D) -> Result<Option<BTreeSet<BrandId>>, D::Error> {
    named(d, BrandId::PREFIX, BrandId::named)
}

fn stores<'de, D: Deserializer<'de>>(d: D) -> Result<Option<BTreeSet<StoreId>>, D::Error> {
    named(d, StoreId::PREFIX, StoreId::derived)
}

/// Reads ids. A text that does not begin as one is the retailer's own word, which leads to the id.
fn named<'de, T, D>(
    deserializer: D,
    prefix: &str,
    of_word: impl Fn(&str) -> T,
) -> Result<Option<BTreeSet<T>>, D::Error>
where
    T: FromStr + Ord,
    T::Err: Display,
    D: Deserializer<'de>,
{
    let Some(texts) = Option::<Vec<String>>::deserialize(deserializer)? else { return Ok(None) };
    if !(1..=MOST).contains(&texts.len()) {
        let message = format!("1 to {MOST} can be named; leave the list out to include all");
        return Err(D::Error::custom(message));
    }
    let is_id = |text: &str| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'));
    let id = |text: &String| match text.trim() {
        "" => Err(D::Error::custom("an id or a code must have at least one character")),
        text if is_id(text) => text.parse().map_err(D::Error::custom),
        word => Ok(of_word(word)),
    };
    texts.iter().map(id).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::parse;

    fn read(json: &str) -> PlanData {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn codes_and_names_lead_to_ids() {
        let data = read(r#"{"category_ids":["27073"],"brand_ids":["Bosch"],"store_ids":["0261"]}"#);
        assert!(data.includes_store(StoreId::derived("0261")));
        assert!(!data.includes_store(StoreId::derived("0262")));
        assert_eq!(data.brand_ids, Some([BrandId::derived("bosch")].into()));
        let written = serde_json::to_string(&data).unwrap();
        assert_eq!(read(&written), data, "{written}");
        for everything in ["{}", r#"{"store_ids":null,"fields":null}"#, r#"{"fields":{}}"#] {
            assert!(read(everything).is_everything(), "{everything}");
        }
    }

    #[test]
    fn of_a_sale_a_plan_includes_what_it_includes_of_the_offer() {
        let offer = br#"{"channel":"online","price":1,"valid_from":2,"sale":{"price":3,"lowest_price_30d":4,"valid_from":5}}"#;
        let cut = |fields: &str| {
            let data = read(&format!(r#"{{"fields":{{"offer":{fields}}}}}"#));
            String::from_utf8(data.cut(Kind::Offer, offer).into_owned()).unwrap()
        };
        let with = cut(r#"["price","valid_from"]"#);
        assert_eq!(
            with,
            r#"{"channel":"online","price":1,"valid_from":2,"sale":{"price":3,"valid_from":5}}"#
        );
        assert_eq!(cut(r#"["valid_from"]"#), r#"{"channel":"online","valid_from":2}"#);
    }

    #[test]
    fn fields_are_cut_and_ids_stay() {
        let data = read(r#"{"fields":{"product":["name","brand"]}}"#);
        let product = br#"{"id":"p","sku":"1","name":"n","brand":{"name":"b"},"translations":{"fr":{"name":"f","description":"d"}},"version":2}"#;
        assert_eq!(
            std::str::from_utf8(&data.cut(Kind::Product, product)).unwrap(),
            r#"{"id":"p","name":"n","brand":{"name":"b"},"translations":{"fr":{"name":"f"}},"version":2}"#
        );
        assert!(data.includes_field(Kind::Offer, "member_price"));
        assert!(!data.includes_field(Kind::Product, "sku"));
        assert_eq!(read(&serde_json::to_string(&data).unwrap()), data);
    }

    #[test]
    fn a_fault_is_pointed_at() {
        #[derive(Debug, Deserialize)]
        struct Doc {
            #[expect(dead_code, reason = "only what reading refuses is looked at")]
            data: PlanData,
        }
        for (data, pointer, suggestion) in [
            (r#"{"store_id":["0261"]}"#, "/data/store_id", Some("store_ids")),
            (r#"{"store_ids":[]}"#, "/data/store_ids", None),
            (r#"{"store_ids":["sto_!"]}"#, "/data/store_ids", None),
            (r#"{"fields":{"products":["name"]}}"#, "/data/fields/products", Some("product")),
            (r#"{"fields":{"product":["nmae"]}}"#, "/data/fields/product", None),
            (r#"{"fields":{"product":[]}}"#, "/data/fields/product", None),
        ] {
            let error = parse::<Doc>(format!(r#"{{"data":{data}}}"#).as_bytes()).unwrap_err();
            let fault = &error.faults()[0];
            let found = (fault.pointer.as_deref(), fault.suggestion.as_deref());
            assert_eq!(found, (Some(pointer), suggestion), "{data}");
        }
    }
}
