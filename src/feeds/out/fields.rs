//! The fields of resources that attributes of a feed tell: an attribute is left out where a plan leaves out one
//! of its fields.

use super::rows::Row;
use crate::access::resource::Kind::{self, Category, Offer, Product, Promotion, Stock};
use crate::catalog::api::Included;

/// The fields that an attribute tells. What a thing is known by is always told, by its id where the retailer's
/// code for it is left out.
fn fields(attribute: &str) -> &'static [(Kind, &'static str)] {
    match attribute {
        "title" => &[(Product, "name")],
        "description" => &[(Product, "description")],
        "link" => &[(Product, "link")],
        "image_link" | "additional_image_link" | "lifestyle_image_link" => &[(Product, "images")],
        "brand" => &[(Product, "brand")],
        "gtin" => &[(Product, "gtin")],
        "mpn" => &[(Product, "mpn")],
        "identifier_exists" => &[(Product, "gtin"), (Product, "mpn")],
        "condition" => &[(Product, "condition")],
        "item_group_id" => &[(Product, "item_group_id")],
        "color" | "size" | "material" | "pattern" | "gender" | "age_group" => {
            &[(Product, "variant_attributes")]
        }
        "google_product_category" => &[(Product, "google_product_category")],
        "product_type" => &[(Product, "category_ids"), (Category, "path"), (Category, "name")],
        "unit_pricing_measure" => &[(Product, "net_content")],
        "energy_efficiency_class"
        | "min_energy_efficiency_class"
        | "max_energy_efficiency_class"
        | "multipack"
        | "is_bundle"
        | "maximum_retail_price"
        | "product_highlight"
        | "product_detail" => &[(Product, "additional_property")],
        "certification" => &[(Product, "certifications")],
        "unit_pricing_base_measure" => &[(Offer, "unit_price")],
        "price" | "sale_price" => &[(Offer, "price")],
        "sale_price_effective_date" => {
            &[(Offer, "price"), (Offer, "valid_from"), (Offer, "valid_through")]
        }
        "promotion_id" => &[(Offer, "promotion_ids"), (Promotion, "code")],
        "loyalty_program" => &[(Offer, "member_price")],
        "availability" => &[(Stock, "availability")],
        "availability_date" => &[(Stock, "availability"), (Stock, "restock_at")],
        "quantity" => &[(Stock, "quantity")],
        "pickup_method" | "pickup_sla" => &[(Stock, "pickup")],
        "instore_product_location" => &[(Stock, "instore_location")],
        _ => &[],
    }
}

/// Takes out of a row what is left out, and what says nothing without it: for how much a unit price is, where nobody knows
/// how much there is.
pub(super) fn keep(row: &mut Row, included: &Included) {
    let has = |(of, field): &(Kind, &str)| included.has_field(*of, field);
    row.retain(|(attribute, _)| fields(attribute).iter().all(has));
    if !row.iter().any(|(attribute, _)| *attribute == "unit_pricing_measure") {
        row.retain(|(attribute, _)| *attribute != "unit_pricing_base_measure");
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{INVENTORY, PRODUCT};
    use super::*;
    use crate::access::plan::fields as known;
    use std::collections::BTreeSet;

    #[test]
    fn every_attribute_tells_of_fields_that_there_are() {
        let all: BTreeSet<&str> = PRODUCT.iter().chain(INVENTORY).copied().collect();
        for attribute in all {
            let told = fields(attribute);
            let needs_none = ["id", "store_code", "excluded_destination"].contains(&attribute);
            assert_eq!(told.is_empty(), needs_none, "{attribute}");
            for (of, field) in told {
                assert!(known(*of).contains(field), "{attribute}: {of}.{field}");
            }
        }
    }
}
