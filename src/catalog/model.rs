//! Products as a feed tells them, and the document that partners receive.

pub(crate) mod parts;

use super::check::{self, Measure, NAME, WORD};
use super::document::{Deleted, Document, Line, Op};
use super::fault::Fault;
use super::translations::{self, ProductTexts, Translations};
use crate::kernel::Gtin;
use crate::kernel::gtin::InvalidGtin;
use crate::kernel::id::{BrandId, CategoryId, ProductId};
use crate::kernel::word::words;
use parts::{Brand, Description, Identifier, Image, Property, Rating, VariantAttribute};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::collections::BTreeMap;

words! {
    /// Whether a product is sold.
    #[schema(as = ProductStatus)]
    pub enum Status {
        /// In the range.
        Active = "active",
        /// No longer in the range.
        Discontinued = "discontinued",
        /// Called back by its maker or an authority.
        Recalled = "recalled",
    }
}

/// A line of a product feed. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductIn {
    #[serde(default)]
    op: Op,
    sku: String,
    gtin: Option<String>,
    #[serde(default)]
    identifiers: Vec<Identifier>,
    name: Option<String>,
    description: Option<Description>,
    brand: Option<BrandIn>,
    mpn: Option<String>,
    manufacturer: Option<String>,
    item_group_id: Option<String>,
    #[serde(default)]
    variant_attributes: Vec<VariantAttribute>,
    category_codes: Option<Vec<String>>,
    category_ids: Option<Vec<String>>,
    google_product_category: Option<String>,
    gpc_category_code: Option<String>,
    net_content: Option<Measure>,
    country_of_origin: Option<String>,
    #[serde(default)]
    images: Vec<Image>,
    #[serde(default)]
    additional_property: Vec<Property>,
    #[serde(default)]
    certifications: Vec<String>,
    aggregate_rating: Option<Rating>,
    condition: Option<String>,
    status: Option<String>,
    replaced_by: Option<String>,
    replaced_by_sku: Option<String>,
    reason: Option<String>,
    is_sold_by_weight: Option<bool>,
    link: Option<String>,
    #[serde(default)]
    translations: BTreeMap<String, ProductTexts>,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    #[serde(default, rename = "digital_link")]
    _digital_link: IgnoredAny,
    #[serde(default, rename = "updated_at")]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "version")]
    _version: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BrandIn {
    name: Option<String>,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
}

/// A checked product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The retailer's code.
    pub sku: String,
    /// The id derived from it.
    pub id: ProductId,
    /// Its GS1 key, where it has one that is valid everywhere.
    pub gtin: Option<Gtin>,
    /// Its brand, derived from the brand's name in lower case.
    pub brand_id: Option<BrandId>,
    /// The categories that it is in; they may arrive later.
    pub category_ids: Vec<CategoryId>,
    /// The group of variants that it belongs to.
    pub item_group_id: Option<String>,
    /// Whether it is sold.
    pub status: Status,
    /// Whether its price is per unit of weight.
    pub sold_by_weight: bool,
    /// The document.
    pub document: Document,
}

/// The fields of a product in the order of the API.
#[derive(Serialize)]
struct Body<'a> {
    id: ProductId,
    sku: &'a str,
    gtin: Option<Gtin>,
    identifiers: Vec<Identifier>,
    name: String,
    description: Option<Description>,
    brand: Option<Brand>,
    mpn: Option<String>,
    manufacturer: Option<String>,
    item_group_id: Option<&'a str>,
    variant_attributes: Vec<VariantAttribute>,
    category_ids: &'a [CategoryId],
    google_product_category: Option<String>,
    gpc_category_code: Option<String>,
    net_content: Option<Measure>,
    country_of_origin: Option<String>,
    images: Vec<Image>,
    additional_property: Vec<Property>,
    certifications: Vec<String>,
    aggregate_rating: Option<Rating>,
    condition: Option<Condition>,
    status: Status,
    replaced_by: Option<ProductId>,
    is_sold_by_weight: bool,
    link: Option<String>,
    #[serde(skip_serializing_if = "Translations::is_empty")]
    translations: Translations<ProductTexts>,
}

words! {
    /// Whether a product was used before.
    pub enum Condition {
        /// It was not.
        New = "new",
        /// It was, and has been put in order.
        Refurbished = "refurbished",
        /// It was.
        Used = "used",
    }
}

impl ProductIn {
    /// The product, or what is wrong with it.
    pub fn check(mut self) -> Result<Line<Product>, Fault> {
        let sku = check::code("sku", &self.sku)?;
        if self.op == Op::Delete {
            let replaced_by = self.replaced_by(ProductId::derived(&sku))?;
            let why = check::one_of("reason", self.reason.as_deref())?;
            return Ok(Line::Delete(Deleted { code: sku, replaced_by, why }));
        }
        if let Some(reason) = &self.reason {
            let message = "says why a product is gone; it stands beside `\"op\":\"delete\"` only";
            return Err(Fault::new("reason", reason, "not_allowed", message));
        }
        let gtin = check::optional("gtin", self.gtin.take(), WORD)?;
        let mut product = Product {
            id: ProductId::derived(&sku),
            sku,
            gtin: gtin.map(|code| self::gtin(&code)).transpose()?,
            brand_id: None,
            category_ids: self.categories()?,
            item_group_id: check::optional("item_group_id", self.item_group_id.take(), WORD)?,
            status: check::one_of("status", self.status.as_deref())?.unwrap_or(Status::Active),
            sold_by_weight: self.is_sold_by_weight.unwrap_or(false),
            document: Document::new(&Map::new())?,
        };
        let brand = Brand::named(self.brand.take().and_then(|brand| brand.name))?;
        product.brand_id = brand.as_ref().map(|brand| brand.id);
        product.document = self.document(&product, brand)?;
        Ok(Line::Put(Box::new(product)))
    }

    fn categories(&mut self) -> Result<Vec<CategoryId>, Fault> {
        let codes = check::list("category_codes", self.category_codes.take().unwrap_or_default())?;
        let ids = check::list("category_ids", self.category_ids.take().unwrap_or_default())?;
        if codes.is_empty() {
            return ids.iter().map(|id| check::parsed("category_ids", id)).collect();
        }
        let id =
            |code: &String| check::code("category_codes", code).map(|c| CategoryId::derived(&c));
        codes.iter().map(id).collect()
    }

    fn replaced_by(&mut self, own: ProductId) -> Result<Option<ProductId>, Fault> {
        let id = match (self.replaced_by_sku.take(), self.replaced_by.take()) {
            (Some(sku), _) => ProductId::derived(&check::code("replaced_by_sku", &sku)?),
            (None, Some(id)) => check::parsed("replaced_by", &id)?,
            (None, None) => return Ok(None),
        };
        if id == own {
            let message = "is the product itself; name its successor or leave it out";
            return Err(Fault::new("replaced_by", &id.to_string(), "own_successor", message));
        }
        Ok(Some(id))
    }

    fn document(mut self, product: &Product, brand: Option<Brand>) -> Result<Document, Fault> {
        let replaced_by = self.replaced_by(product.id)?;
        let country = check::optional("country_of_origin", self.country_of_origin, WORD)?;
        let condition = check::one_of("condition", self.condition.as_deref())?;
        let google = self.google_product_category;
        Document::new(&Body {
            id: product.id,
            sku: &product.sku,
            gtin: product.gtin,
            identifiers: check::list("identifiers", self.identifiers)?,
            name: check::text("name", &self.name.unwrap_or_default(), NAME)?,
            description: self.description.map(Description::checked).transpose()?,
            brand,
            mpn: check::optional("mpn", self.mpn, WORD)?,
            manufacturer: check::optional("manufacturer", self.manufacturer, NAME)?,
            item_group_id: product.item_group_id.as_deref(),
            variant_attributes: check::list("variant_attributes", self.variant_attributes)?,
            category_ids: &product.category_ids,
            google_product_category: check::optional("google_product_category", google, WORD)?,
            gpc_category_code: check::optional("gpc_category_code", self.gpc_category_code, WORD)?,
            net_content: self.net_content.map(|m| m.checked("net_content")).transpose()?,
            country_of_origin: country
                .map(|code| check::country("country_of_origin", &code))
                .transpose()?,
            images: parts::images(self.images)?,
            additional_property: check::list("additional_property", self.additional_property)?,
            certifications: check::list("certifications", self.certifications)?,
            aggregate_rating: self.aggregate_rating.map(Rating::checked).transpose()?,
            condition,
            status: product.status,
            replaced_by,
            is_sold_by_weight: product.sold_by_weight,
            link: self.link.map(|link| parts::web_address("link", &link)).transpose()?,
            translations: translations::checked(self.translations)?,
        })
    }
}

/// A GTIN in any of its forms, or the fault that says what would be right.
pub fn gtin(code: &str) -> Result<Gtin, Fault> {
    code.parse().map_err(|error: InvalidGtin| {
        let kind =
            if matches!(error, InvalidGtin::InStore) { "in_store_code" } else { "invalid_gtin" };
        let message = match (error.suggestion(), &error) {
            (Some(right), _) => format!("{error}: {right} would be right"),
            (None, InvalidGtin::InStore) => {
                format!("{error}; give it as an identifier of type internal")
            }
            (None, _) => error.to_string(),
        };
        Fault::new("gtin", code, kind, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shape;
    use crate::kernel::Micros;
    use proptest::prelude::*;

    fn check(line: &str) -> Result<Line<Product>, Fault> {
        shape::read::<ProductIn>(line)?.check()
    }

    #[test]
    fn a_product_becomes_a_document_that_can_come_back() {
        let line = r#"{"sku":"82311569","gtin":"3276550063551","name":" Vis ","brand":{"name":"Bosch"},
            "category_codes":["27073"],"net_content":{"value":"1.750","unit_code":"LTR"}}"#;
        let Ok(Line::Put(product)) = check(line) else { panic!("{:?}", check(line)) };
        let body = product.document.body(Micros(0), 3);
        assert!(
            body.contains(r#""gtin":"03276550063551","identifiers":[],"name":"Vis""#),
            "{body}"
        );
        assert!(body.contains(r#""net_content":{"value":"1.75","unit_code":"LTR"}"#), "{body}");
        assert!(body.ends_with(r#","updated_at":"1970-01-01T00:00:00Z","version":3}"#), "{body}");
        let Ok(Line::Put(again)) = check(&body) else { panic!("{:?}", check(&body)) };
        assert_eq!(again, product);
    }

    #[test]
    fn faults_say_what_would_be_right() {
        let code = |line| check(line).map_err(|fault| (fault.field.into_owned(), fault.code));
        let bad = |field: &str, code| Err((field.to_owned(), code));
        assert_eq!(
            code(r#"{"sku":"1","name":"a","gtin":"3276550063552"}"#),
            bad("gtin", "invalid_gtin")
        );
        assert_eq!(
            code(r#"{"sku":"1","name":"a","gtin":"2000000000008"}"#),
            bad("gtin", "in_store_code")
        );
        assert_eq!(code(r#"{"sku":"a b","name":"a"}"#), bad("sku", "invalid_code"));
        assert_eq!(code(r#"{"sku":"1"}"#), bad("name", "missing"));
        assert_eq!(code(r#"{"sku":"1","nam":"a"}"#), bad("nam", "unknown_field"));
        assert_eq!(
            code(r#"{"sku":"1","name":"a","link":"javascript:x"}"#),
            bad("link", "malformed")
        );
        let message =
            check(r#"{"sku":"1","name":"a","gtin":"3276550063552"}"#).unwrap_err().message;
        assert!(message.contains("3276550063551 would be right"), "{message}");
    }

    proptest! {
        #[test]
        fn no_line_panics(sku: String, gtin: String, name: String, value: String) {
            let line = serde_json::json!({"sku": sku, "gtin": gtin, "name": name,
                "net_content": {"value": value, "unit_code": gtin}, "category_codes": [value]});
            let _ = check(&line.to_string());
            let _ = check(&name);
        }
    }
}
