//! Products as partners receive them. They are served as they are stored, so these types describe
//! and are never filled; a test holds them against a stored document.
#![expect(dead_code, reason = "the types describe stored documents")]

use super::list::FacetValueOut;
use crate::catalog::api::deleted::DeletedOut;
use crate::catalog::api::offers::OfferOut;
use crate::catalog::api::schema::CategoryOut;
use crate::catalog::check::Measure;
use crate::catalog::model::Status;
use crate::catalog::model::parts::{
    Brand, Description, Identifier, Image, Property, Rating, VariantAttribute,
};
use crate::catalog::translations::ProductTexts;
use crate::stock::line::StockLevelOut;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A product, with the parts that `embed` asked for. With `fields`, only what was asked for is there.
#[derive(Debug, ToSchema)]
pub(super) struct ProductOut {
    /// Its id, the same for good.
    #[schema(example = "prd_7HqK2mXw9Pz")]
    id: String,
    /// The retailer's article number.
    #[schema(example = "82311569")]
    sku: String,
    /// GTIN in 14 digits; null for products without one, and for in-store codes.
    #[schema(required = true, example = "03276550063551")]
    gtin: Option<String>,
    /// All codes as they were supplied.
    identifiers: Vec<Identifier>,
    /// What it is called.
    #[schema(example = "Enduit de lissage Axton 1,75 l")]
    name: String,
    /// What it is.
    #[schema(required = true)]
    description: Option<Description>,
    /// Its brand; null where it has none.
    #[schema(required = true)]
    brand: Option<Brand>,
    /// The manufacturer's part number.
    #[schema(required = true, example = "AX-175-W")]
    mpn: Option<String>,
    /// Who makes it.
    #[schema(required = true, example = "Axton SAS")]
    manufacturer: Option<String>,
    /// What its variants have in common.
    #[schema(required = true, example = "grp_9")]
    item_group_id: Option<String>,
    /// What distinguishes it from its variants.
    variant_attributes: Vec<VariantAttribute>,
    /// The categories it is in. One that was deleted stays named until the product says otherwise; asked for, it
    /// answers 410.
    #[schema(example = json!(["cat_5tR81kQmZx2"]))]
    category_ids: Vec<String>,
    /// Google's product category.
    #[schema(required = true, example = "413")]
    google_product_category: Option<String>,
    /// GS1 GPC brick code, 8 digits.
    #[schema(required = true, example = "10000201")]
    gpc_category_code: Option<String>,
    /// How much is in the pack.
    #[schema(required = true)]
    net_content: Option<Measure>,
    /// ISO 3166-1 code of the country it comes from.
    #[schema(required = true, example = "FR")]
    country_of_origin: Option<String>,
    /// Its images, the main one first.
    images: Vec<Image>,
    /// Properties that not all products have.
    additional_property: Vec<Property>,
    /// Its certifications.
    #[schema(example = json!(["NF Environnement"]))]
    certifications: Vec<String>,
    /// What customers think.
    #[schema(required = true)]
    aggregate_rating: Option<Rating>,
    /// `new`, `refurbished` or `used`.
    #[schema(required = true, example = "new")]
    condition: Option<String>,
    /// Whether it is sold.
    status: Status,
    /// The product that stands in its place.
    #[schema(required = true, example = json!(null))]
    replaced_by: Option<String>,
    /// Whether it is sold by weight.
    #[schema(example = false)]
    is_sold_by_weight: bool,
    /// Its page in the shop.
    #[schema(required = true, example = "https://www.example.com/p/82311569")]
    link: Option<String>,
    /// Its address by GTIN, which leads to its page or to this document (GS1 Digital Link). Absent where it
    /// has no GTIN, and from changes and exports, which hold what the retailer said.
    #[schema(format = "uri", example = "https://api.example.com/01/03276550063551")]
    digital_link: Option<String>,
    /// Its texts in other languages, by language (RFC 5646), where the retailer gives any. Absent from
    /// calls with `Accept-Language`, whose texts are chosen from here.
    translations: Option<BTreeMap<String, ProductTexts>>,
    /// When it last changed.
    #[schema(format = DateTime, example = "2026-11-22T04:00:00Z")]
    updated_at: String,
    /// How often it changed.
    #[schema(example = 7)]
    version: u64,
    /// Its offers, at most 50 (`embed=offers`).
    offers: Option<Vec<OfferOut>>,
    /// Where all its offers are; null where all are here.
    more_offers: Option<String>,
    /// Its stock, at most 50 lines (`embed=stock`).
    stock: Option<Vec<StockLevelOut<'static>>>,
    /// Where all its stock is; null where all is here.
    more_stock: Option<String>,
    /// Its categories (`embed=category`).
    categories: Option<Vec<CategoryOut>>,
    /// The other products of its item group, at most 50 (`embed=variants`).
    variants: Option<Vec<VariantOut>>,
    /// Where the whole item group is; null where all others are here.
    more_variants: Option<String>,
}

/// A variant of a product: another product of its item group.
#[derive(Debug, ToSchema)]
pub(super) struct VariantOut {
    /// Its id.
    #[schema(example = "prd_0aB4cD8eF1g")]
    id: String,
    /// The retailer's article number.
    #[schema(example = "82311570")]
    sku: String,
    /// GTIN in 14 digits.
    #[schema(required = true, example = "03276550063568")]
    gtin: Option<String>,
    /// What it is called.
    #[schema(example = "Enduit de lissage Axton 5 l")]
    name: String,
    /// What distinguishes it within its item group.
    variant_attributes: Vec<VariantAttribute>,
    /// Its texts in other languages, by language (RFC 5646), where the retailer gives any. Absent from
    /// calls with `Accept-Language`, whose texts are chosen from here.
    translations: Option<BTreeMap<String, ProductTexts>>,
}

/// A product, or with `include_deleted` what tells of one that was deleted.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(super) enum ProductOrDeleted {
    /// One that is there.
    Present(Box<ProductOut>),
    /// One that was deleted.
    Deleted(DeletedOut),
}

/// Products, a page of them.
#[derive(Debug, ToSchema)]
pub(super) struct PageOfProducts {
    /// The products.
    items: Vec<ProductOrDeleted>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/products?brand=Axton&limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/products?brand=Axton&limit=50")]
    own: String,
    /// How many products the list has, with `include_total`.
    #[schema(example = 128)]
    total: Option<u64>,
    /// The counts of each facet, with `facets`.
    facets: Option<BTreeMap<String, Vec<FacetValueOut>>>,
}
