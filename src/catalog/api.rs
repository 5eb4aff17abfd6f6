//! The partner API of categories, offers and promotions.

mod categories;
pub mod deleted;
mod history;
mod included;
pub(crate) mod offers;
mod promotions;
pub(crate) mod schema;
mod tree;

pub use included::Included;

use super::view::Lookup;
use crate::http::answer::{Cache, Texts};
use crate::http::form::Form;
use crate::http::path::not_found;
use crate::http::{Answer, ApiError, ApiResult, Code};
use bytes::Bytes;
use std::fmt::Display;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations of categories, offers and promotions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(offers::list_product_offers)
        .service(history::list_price_history)
        .service(promotions::list_promotions)
        .service(promotions::get_promotion)
        .service(categories::list_categories)
        .service(tree::get_category_tree)
        .service(categories::get_category);
}

/// The answer with a resource that was looked up, or the error that says where it is.
pub fn resource(lookup: Lookup, what: &str, id: &impl Display, cache: Cache) -> ApiResult<Answer> {
    let kind = match what.split(' ').next() {
        Some("product") => Some("Product"),
        Some("category") => Some("Category"),
        Some("store") => Some("Store"),
        Some("promotion") => Some("Promotion"),
        _ => None,
    };
    let (body, etag) = found(lookup, what, id)?;
    let (form, texts) = (Form::Json, Texts::ToBeChosen);
    let (link, beside) = (None, None);
    Ok(Answer { body, etag, cache, records: 1, link, beside, form, kind, texts })
}

/// Refuses what has no resource to stand on.
pub fn existing(lookup: Lookup, what: &str, id: &impl Display) -> ApiResult<()> {
    found(lookup, what, id).map(|_| ())
}

/// The document that was looked up and its digest.
fn found(lookup: Lookup, what: &str, id: &impl Display) -> ApiResult<(Bytes, u64)> {
    match lookup {
        Lookup::Found { body, etag } => Ok((body, etag)),
        Lookup::Gone { replaced_by: None } => {
            Err(ApiError::new(Code::Gone, format!("The {what} `{id}` was deleted.")))
        }
        Lookup::Gone { replaced_by: Some(other) } => {
            let detail = format!("The {what} `{id}` was deleted; `{other}` replaces it.");
            Err(ApiError::new(Code::Gone, detail)
                .replaced_by(other, format!("/v1/products/{other}")))
        }
        Lookup::Missing => Err(not_found(what, id)),
    }
}
