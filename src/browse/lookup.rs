//! Many products at once, by whatever identifiers a partner holds.

mod schema;

use super::shape::{Shape, Views};
use crate::access::{Caller, op};
use crate::catalog::api::Included;
use crate::catalog::view::{CatalogView, Grant, Lookup};
use crate::http::answer::Cache;
use crate::http::fields::{Refused, members};
use crate::http::gtin::{self, Reason};
use crate::http::language;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, JsonBody, Params};
use crate::kernel::Gtin;
use crate::kernel::gtin::InvalidGtin;
use crate::kernel::id::{ProductId, StoreId};
use actix_web::{HttpRequest, post};
use bytes::Bytes;
use schema::{IdentifierIn, LookupIn, LookupOut, Match, MatchedOut, NotFoundOut};
use serde::Serialize;
use std::collections::HashMap;

/// Most identifiers in a call.
const MOST: usize = 100;
/// Most stores that `store_id` may name.
const MOST_STORES: usize = 50;

/// Products by identifiers
///
/// Up to 100 products by GTIN, sku or id, mixed as you like. Identifiers of one product are answered
/// with the product once; `matched` names them. A deleted product is answered with its successor,
/// and says so. What was not found is in `not_found` with the reason; the call succeeds all the
/// same. Each product found costs a unit, and what was not found costs nothing; the call takes its weight
/// from the limits once, whatever it finds.
#[utoipa::path(
    operation_id = "lookup_products", tag = "products",
    request_body = LookupIn,
    responses(
        (status = 200, description = "What was found and what was not.", body = LookupOut),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON by its `Content-Type`."),
    ),
)]
#[post("/v1/products/lookup")]
pub(super) async fn lookup_products(
    caller: Caller<op::LookupProducts>,
    request: HttpRequest,
    body: JsonBody<LookupIn>,
    views: Views,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let JsonBody(asked) = body;
    let mut shape = shape(&asked)?;
    if language::is_wanted(request.headers()) {
        shape = shape.in_languages();
    }
    let shape = shape.within(caller.scopes(), Included::of(&caller, &views.0))?;
    let mut found: Vec<(Bytes, Vec<MatchedOut>)> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut not_found = Vec::new();
    for input in asked.identifiers {
        match resolve(&input, &views.0, shape.included().grant()) {
            Ok((body, how)) => {
                let id = id_of(&body);
                let at = *places.entry(id).or_insert(found.len());
                if at == found.len() {
                    found.push((body, Vec::new()));
                }
                if let Some((_, matched)) = found.get_mut(at) {
                    matched.push(MatchedOut { input, how });
                }
            }
            Err((reason, suggestion, replaced_by)) => {
                not_found.push(NotFoundOut { input, reason, suggestion, replaced_by });
            }
        }
    }
    let mut items = Vec::with_capacity(found.len());
    for (body, matched) in &found {
        let mut item = shape.apply(body, caller.stock_disclosure(), &views)?;
        if item.pop() == Some(b'}') {
            let separator: &[u8] = if item.len() > 1 { b"," } else { b"" };
            item.extend_from_slice(separator);
            item.extend_from_slice(b"\"matched\":");
            item.extend(json(matched)?);
            item.push(b'}');
        }
        items.push(item);
    }
    let mut answer = b"{\"items\":[".to_vec();
    answer.extend(items.join(&b','));
    answer.extend_from_slice(b"],\"not_found\":");
    answer.extend(json(&not_found)?);
    answer.push(b'}');
    Ok(Answer::new(answer, Cache::NoStore, found.len() as u32).with_texts())
}

/// What the body asks for; otherwise every fault in it.
fn shape(asked: &LookupIn) -> ApiResult<Shape> {
    let mut faults = Vec::new();
    let stores = asked.store_id.iter().flat_map(|text| text.split(','));
    let mut known: Vec<StoreId> = Vec::new();
    for store in stores {
        match store.trim().parse() {
            Ok(id) => known.push(id),
            Err(error) => {
                faults.push(FieldError::pointer("/store_id", "malformed", format!("{error}")));
            }
        }
    }
    if known.len() > MOST_STORES {
        let message = format!("takes at most {MOST_STORES} stores, not {}", known.len());
        faults.push(FieldError::pointer("/store_id", "too_many", message));
    }
    let (shape, refused) = Shape::parse(asked.fields.as_deref(), asked.embed.as_deref(), known);
    faults.extend(refused.into_iter().map(|(name, Refused { code, message, suggestion })| {
        FieldError::pointer(&format!("/{name}"), code, message).suggest(suggestion)
    }));
    if asked.identifiers.is_empty() || asked.identifiers.len() > MOST {
        let message = format!("has {} identifiers; 1 to {MOST} are taken", asked.identifiers.len());
        faults.push(FieldError::pointer("/identifiers", "out_of_range", message));
    } else {
        for (nth, identifier) in asked.identifiers.iter().enumerate() {
            let IdentifierIn { gtin, sku, id } = identifier;
            if [gtin, sku, id].into_iter().flatten().count() != 1 {
                let message = "has exactly one of `gtin`, `sku` and `id`";
                faults.push(FieldError::pointer(&format!("/identifiers/{nth}"), "one_of", message));
            }
        }
    }
    let Some(first) = faults.first() else { return Ok(shape) };
    let at = first.pointer.as_deref().unwrap_or_default();
    let detail = crate::kernel::sentence(format!("`{at}` {}", first.message));
    Err(ApiError::new(Code::InvalidBody, detail).errors(faults))
}

type Nothing = (Reason, Option<String>, Option<ProductId>);

/// The product that an identifier leads to, asked by who has a grant.
fn resolve(
    input: &IdentifierIn,
    view: &CatalogView,
    grant: Option<&Grant>,
) -> Result<(Bytes, Match), Nothing> {
    let unknown = (Reason::Unknown, None, None);
    let (lookup, how) = match input {
        IdentifierIn { gtin: Some(text), .. } => {
            let code: Gtin = text.parse().map_err(|error| no_gtin(text, &error))?;
            let how = if code.to_string() == *text { Match::Exact } else { Match::Normalised };
            (view.product_by_gtin_within(grant, code), how)
        }
        IdentifierIn { sku: Some(sku), .. } => {
            (view.product_within(grant, ProductId::derived(sku)), Match::Exact)
        }
        IdentifierIn { id: Some(id), .. } => {
            let id = id.parse().map_err(|_| unknown.clone())?;
            (view.product_within(grant, id), Match::Exact)
        }
        _ => return Err(unknown),
    };
    match lookup {
        Lookup::Found { body, .. } => Ok((body, how)),
        Lookup::Missing => Err(unknown),
        Lookup::Gone { replaced_by: None } => Err((Reason::Gone, None, None)),
        Lookup::Gone { replaced_by: Some(other) } => match view.product(other) {
            Lookup::Found { body, .. } => Ok((body, Match::Successor)),
            _ => Err((Reason::Gone, None, Some(other))),
        },
    }
}

fn no_gtin(text: &str, error: &InvalidGtin) -> Nothing {
    let (reason, suggestion) = gtin::reason(text, error);
    (reason, suggestion, None)
}

fn id_of(body: &[u8]) -> Vec<u8> {
    let members = members(body).unwrap_or_default();
    members.iter().find(|(name, _)| *name == b"id").map_or(Vec::new(), |(_, id)| id.to_vec())
}

fn json(value: &impl Serialize) -> ApiResult<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "a lookup could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}
