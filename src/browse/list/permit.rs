//! What a plan has to include for a list to be asked for.

use super::facets::Facet;
use super::order::By;
use super::select::Request;
use crate::access::resource::Kind;
use crate::catalog::api::Included;
use crate::http::ApiResult;

/// The fields of which a search looks at the words. Codes name a product, whatever the plan says of them:
/// who asks by one has it.
const SEARCHED: [&str; 7] = [
    "name",
    "brand",
    "manufacturer",
    "category_ids",
    "description",
    "additional_property",
    "variant_attributes",
];
/// The fields that hold properties.
const PROPERTIES: [&str; 2] = ["additional_property", "variant_attributes"];

/// Refuses what filters, sorts, counts or searches by a field that the caller's plan leaves out.
pub(super) fn permit(request: &Request, included: &Included) -> ApiResult<()> {
    const OF: Kind = Kind::Product;
    if included.is_everything() {
        return Ok(());
    }
    let query = &request.query;
    let counts = |facet: Facet| request.facets.contains(&facet);
    let sorts = |by: By| request.order.iter().any(|step| step.by == by);
    let is_bounded = query.min_price.is_some() || query.max_price.is_some();
    let properties =
        !request.attributes.is_empty() || request.facets.iter().any(Facet::is_property);
    included.need_all(&[
        (!query.brands.is_empty(), "brand", OF, "brand"),
        (!query.categories.is_empty(), "category_id", OF, "category_ids"),
        (!query.item_groups.is_empty(), "item_group_id", OF, "item_group_id"),
        (!query.statuses.is_empty(), "status", OF, "status"),
        (query.sold_by_weight.is_some(), "is_sold_by_weight", OF, "is_sold_by_weight"),
        (!query.conditions.is_empty(), "condition", OF, "condition"),
        (is_bounded, "min_price", Kind::Offer, "price"),
        (!request.availability.is_empty(), "availability", Kind::Stock, "availability"),
        (sorts(By::Name), "sort=name", OF, "name"),
        (sorts(By::Price), "sort=price", Kind::Offer, "price"),
        (counts(Facet::Brand), "facets=brand", OF, "brand"),
        (counts(Facet::Category), "facets=category_id", OF, "category_ids"),
        (counts(Facet::Category), "facets=category_id", Kind::Category, "name"),
        (counts(Facet::Price), "facets=price", Kind::Offer, "price"),
        (counts(Facet::Availability), "facets=availability", Kind::Stock, "availability"),
        (counts(Facet::Condition), "facets=condition", OF, "condition"),
        (counts(Facet::Status), "facets=status", OF, "status"),
    ])?;
    included.need_all(&PROPERTIES.map(|field| (properties, "attr", OF, field)))?;
    if request.text.is_some() { search(included) } else { Ok(()) }
}

/// Refuses to search where a field that is looked at is left out.
pub(in crate::browse) fn search(included: &Included) -> ApiResult<()> {
    included.need_all(&SEARCHED.map(|field| (true, "q", Kind::Product, field)))?;
    included.need("q", Kind::Category, "name")
}
