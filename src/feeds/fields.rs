//! The fields that a column of a flat file can fill, by feed.

use super::Feed;
use crate::kernel::language::LanguageTag;
use std::borrow::Cow;

/// How the text of a cell becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text, or a decimal as text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Whole,
    /// Texts with a separator.
    List,
    /// An RFC 3339 instant, or a date (and time) in a zone that the mapping names.
    Instant,
}

use Kind::{Bool, Instant, List, Text, Whole};

type Fields = &'static [(&'static str, Kind)];

const CATEGORIES: Fields = &[
    ("code", Text),
    ("name", Text),
    ("parent_code", Text),
    ("google_product_category", Text),
    ("gpc_category_code", Text),
];

const PRODUCTS: Fields = &[
    ("sku", Text),
    ("gtin", Text),
    ("name", Text),
    ("description.plain", Text),
    ("description.html", Text),
    ("brand.name", Text),
    ("mpn", Text),
    ("manufacturer", Text),
    ("item_group_id", Text),
    ("category_codes", List),
    ("google_product_category", Text),
    ("gpc_category_code", Text),
    ("net_content.value", Text),
    ("net_content.unit_code", Text),
    ("country_of_origin", Text),
    ("condition", Text),
    ("status", Text),
    ("replaced_by_sku", Text),
    ("is_sold_by_weight", Bool),
    ("link", Text),
];

const STORES: Fields = &[
    ("store_code", Text),
    ("gln", Text),
    ("name", Text),
    ("type", Text),
    ("address.street_address", Text),
    ("address.postal_code", Text),
    ("address.address_locality", Text),
    ("address.address_region", Text),
    ("address.address_country", Text),
    ("geo.latitude", Text),
    ("geo.longitude", Text),
    ("time_zone", Text),
    ("telephone", Text),
    ("services", List),
];

const PROMOTIONS: Fields = &[
    ("code", Text),
    ("title", Text),
    ("type", Text),
    ("value", Text),
    ("conditions.min_quantity", Whole),
    ("conditions.min_spend.amount", Text),
    ("conditions.min_spend.currency", Text),
    ("conditions.member_only", Bool),
    ("applies_to.skus", List),
    ("applies_to.category_codes", List),
    ("applies_to.brands", List),
    ("store_codes", List),
    ("channels", List),
    ("audience", Text),
    ("coupon_code", Text),
    ("valid_from", Instant),
    ("valid_through", Instant),
];

const OFFERS: Fields = &[
    ("sku", Text),
    ("gtin", Text),
    ("product_id", Text),
    ("store_code", Text),
    ("store_id", Text),
    ("store_gln", Text),
    ("channel", Text),
    ("price.amount", Text),
    ("price.currency", Text),
    ("list_price.amount", Text),
    ("list_price.currency", Text),
    ("member_price.amount", Text),
    ("member_price.currency", Text),
    ("price_type", Text),
    ("unit_price.amount", Text),
    ("unit_price.currency", Text),
    ("unit_price.reference.value", Text),
    ("unit_price.reference.unit_code", Text),
    ("tax_included", Bool),
    ("valid_from", Instant),
    ("valid_through", Instant),
    ("sale.price.amount", Text),
    ("sale.price.currency", Text),
    ("sale.valid_from", Instant),
    ("sale.valid_through", Instant),
    ("promotion_codes", List),
    ("as_of", Instant),
];

const STOCK: Fields = &[
    ("sku", Text),
    ("gtin", Text),
    ("product_id", Text),
    ("store_code", Text),
    ("store_id", Text),
    ("store_gln", Text),
    ("quantity", Text),
    ("availability", Text),
    ("as_of", Instant),
    ("source", Text),
    ("max_age_s", Whole),
    ("restock_at", Instant),
    ("pickup.method", Text),
    ("pickup.sla", Text),
    ("instore_location.aisle", Text),
    ("instore_location.bay", Text),
];

/// The fields of a feed.
pub(super) fn of(feed: Feed) -> Fields {
    match feed {
        Feed::Categories => CATEGORIES,
        Feed::Products => PRODUCTS,
        Feed::Stores => STORES,
        Feed::Promotions => PROMOTIONS,
        Feed::Offers => OFFERS,
        Feed::Stock => STOCK,
    }
}

/// The field with this name.
pub(super) fn find(feed: Feed, name: &str) -> Option<(Cow<'static, str>, Kind)> {
    let known = of(feed).iter().find(|(field, _)| *field == name);
    let known = known.map(|(field, kind)| (Cow::Borrowed(*field), *kind));
    known.or_else(|| is_translation(feed, name).then(|| (Cow::Owned(name.to_owned()), Text)))
}

/// Whether a field is a text in another language: `translations.en-GB.name`.
fn is_translation(feed: Feed, name: &str) -> bool {
    let texts: &[&str] = match feed {
        Feed::Products => &["name", "description.plain", "description.html", "link"],
        Feed::Categories => &["name"],
        Feed::Promotions => &["title"],
        Feed::Stores | Feed::Offers | Feed::Stock => &[],
    };
    let parts = name.strip_prefix("translations.").and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(tag, text)| tag.parse::<LanguageTag>().is_ok() && texts.contains(&text))
}
