//! The columns that a format is read for, in one spelling.

use super::{Format, acp, gs1};
use std::collections::{BTreeSet, HashSet};

/// Columns of Google's product feed, which the Agentic Commerce Protocol shares.
const PRODUCTS: [&str; 46] = [
    "id",
    "title",
    "structured_title",
    "description",
    "structured_description",
    "link",
    "image_link",
    "additional_image_link",
    "lifestyle_image_link",
    "brand",
    "gtin",
    "mpn",
    "identifier_exists",
    "item_group_id",
    "color",
    "size",
    "material",
    "pattern",
    "gender",
    "age_group",
    "product_type",
    "google_product_category",
    "condition",
    "price",
    "sale_price",
    "sale_price_effective_date",
    "loyalty_program",
    "promotion_id",
    "availability",
    "availability_date",
    "quantity",
    "store_code",
    "pickup_method",
    "pickup_sla",
    "instore_product_location",
    "unit_pricing_measure",
    "unit_pricing_base_measure",
    "product_detail",
    "certification",
    "energy_efficiency_class",
    "min_energy_efficiency_class",
    "max_energy_efficiency_class",
    "multipack",
    "is_bundle",
    "maximum_retail_price",
    "product_highlight",
];
/// Columns in the words of the GS1 Web Vocabulary.
const GS1: [&str; 32] = [
    "gtin",
    "sku",
    "product_id",
    "product_name",
    "product_description",
    "brand",
    "brand_name",
    "manufacturer",
    "consumer_product_variant",
    "gpc_category_code",
    "gpc_code",
    "country_of_origin",
    "net_content",
    "net_content_value",
    "net_content_unit_code",
    "unit_code",
    "image",
    "referenced_file_url",
    "file_pixel_width",
    "file_pixel_height",
    "certification",
    "allergen",
    "price",
    "price_currency",
    "store_code",
    "location_gln",
    "valid_from",
    "valid_through",
    "availability_starts",
    "availability_ends",
    "offer_discount",
    "additive",
];

/// The columns of a format.
pub(in crate::feeds) fn of(format: Format) -> Vec<&'static str> {
    match format {
        Format::Ndjson => Vec::new(),
        Format::GoogleProducts | Format::GoogleLocalInventory => PRODUCTS.to_vec(),
        Format::Gs1Csv => {
            let nutrients = gs1::NUTRIENTS.iter().map(|(column, _)| *column);
            GS1.into_iter().chain(nutrients).collect()
        }
        Format::Acp => {
            let own = acp::NAMES.iter().map(|(own, _)| *own);
            own.chain(PRODUCTS).collect()
        }
    }
}

/// Most names that are kept of what is not read, and most characters of one.
const MOST_UNREAD: usize = 50;
const LONGEST: usize = 60;

/// What the records of a file say that the format has no use for, by name.
pub(super) struct Unread {
    known: HashSet<&'static str>,
    names: BTreeSet<String>,
}

impl Unread {
    pub(super) fn of(format: Format) -> Self {
        Self { known: of(format).into_iter().collect(), names: BTreeSet::new() }
    }

    /// Whether a name is one that nobody reads.
    pub(super) fn is(&self, name: &str) -> bool {
        !name.is_empty() && !self.known.contains(name) && !name.starts_with(acp::OWN)
    }

    /// Looks through the names of what a record says.
    pub(super) fn look<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if !self.is(name) || self.names.len() == MOST_UNREAD || self.names.contains(name) {
                continue;
            }
            let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
            self.names.insert(name);
        }
    }

    pub(super) fn names(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that a source file asks a record for.
    fn asked(source: &str) -> Vec<&str> {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        ["record.get(\"", "record.all(\""]
            .iter()
            .flat_map(|call| code.split(*call).skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect()
    }

    #[test]
    fn every_column_that_is_read_can_be_named() {
        for (source, format) in
            [(include_str!("google.rs"), Format::Acp), (include_str!("gs1.rs"), Format::Gs1Csv)]
        {
            let asked = asked(source);
            assert!(asked.len() > 15);
            for name in asked.into_iter().filter(|name| !name.starts_with(acp::OWN)) {
                assert!(of(format).contains(&name), "{name} of {}", format.as_str());
            }
        }
    }
}
