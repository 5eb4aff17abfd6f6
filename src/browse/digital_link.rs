//! GS1 Digital Link: the web address that a QR code on a pack holds, resolved to where the product
//! is described (GS1 Digital Link Standard: URI Syntax; GS1-Conformant Resolver Standard).
//!
//! Whoever scans a pack has no key, and a resolver tells links and no data, so these paths are open.

mod schema;

use super::gtin;
use crate::catalog::view::{CatalogView, Lookup};
use crate::http::fields::members;
use crate::http::path::not_found;
use crate::http::{ApiError, ApiResult, Code, Params};
use crate::kernel::Gtin;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK, LOCATION, VARY,
};
use actix_web::{HttpRequest, HttpResponse, get, web};
use schema::{LinksetOut, ResolverOut};
use serde_json::{Value, json};
use url::Url;
use utoipa_actix_web::service_config::ServiceConfig;

/// Application identifiers that may follow a GTIN and do not change the product: consumer product
/// variant, lot and serial number, in this order.
const QUALIFIERS: [&str; 3] = ["22", "10", "21"];
/// The GS1 vocabulary of link types.
const VOCABULARY: &str = "https://ref.gs1.org/voc/";
/// Media type of a set of links (RFC 9264 §4.2).
const LINKSET: &str = "application/linkset+json";
const DESCRIPTION: &str = "/.well-known/gs1resolver";
/// How long anyone may keep where a code leads.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// How partners reach this server, without a slash at the end.
#[derive(Debug, Clone)]
pub struct Base(pub String);

/// Mounts the resolver.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(resolve_digital_link).service(get_resolver_description);
}

/// Mounts what no document can describe: a path with qualifiers behind the GTIN, however many.
pub fn configure_qualified(config: &mut web::ServiceConfig) {
    config.route("/01/{gtin}/{qualifiers:.+}", web::get().to(resolve));
}

/// Whether the resolver answers at a path.
#[must_use]
pub fn is_path(path: &str) -> bool {
    path.strip_prefix("/01/").is_some_and(|rest| !rest.is_empty()) || path == DESCRIPTION
}

/// What is asked of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The page about the product.
    Page,
    /// The product's document in this API.
    Document,
    /// All links.
    Links,
}

/// The link types that there are.
const LINK_TYPES: &[(&str, Wanted)] = &[
    ("all", Wanted::Links),
    ("linkset", Wanted::Links),
    ("gs1:pip", Wanted::Page),
    ("gs1:defaultLink", Wanted::Page),
];

/// Follow a code
///
/// The GS1 Digital Link that a code on a pack holds: redirects to the product's page, or to its document in this API
/// where `Accept` asks for JSON, and tells all links where `linkType` or `Accept` asks for them. It needs no key,
/// is not counted and costs nothing. Behind the GTIN there can be `/22/VARIANT`, `/10/LOT` and `/21/SERIAL`, in this order, and in
/// the query whatever a code says of its pack (best-before date, weight), which goes along to the page.
#[utoipa::path(
    operation_id = "resolve_digital_link", tag = "links",
    params(
        ("gtin" = String, Path, description = "A GTIN of 8, 12, 13 or 14 digits.", example = "3276550063551"),
        ("linkType" = Option<String>, Query, description = "Which links: `all` or `linkset` tells all of them, the others redirect to the page. Where it is left out, `Accept` decides.", example = "linkset"),
    ),
    responses(
        (status = 200, description = "All links of the code.", body = LinksetOut, content_type = "application/linkset+json", headers(("Vary" = String, description = "`accept`."))),
        (status = 307, description = "Where the product is described.", headers(
            ("Location" = String, description = "The page, or the document in this API."),
            ("Link" = String, description = "All links of the code, as `linkset`."),
            ("Vary" = String, description = "`accept`."),
        )),
        (status = 404, description = "Nothing has this code, or what stands behind it is no qualifier."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
        (status = 422, description = "The code is no GTIN, or one that names a product in one retailer only."),
    ),
    security(()),
)]
#[get("/01/{gtin}")]
async fn resolve_digital_link(
    request: HttpRequest,
    view: web::Data<CatalogView>,
    base: web::Data<Base>,
) -> ApiResult<HttpResponse> {
    resolve(request, view, base).await
}

async fn resolve(
    request: HttpRequest,
    view: web::Data<CatalogView>,
    base: web::Data<Base>,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let link_type = params.one_of("linkType", LINK_TYPES);
    // A code on a pack holds more in its query than a resolver must know: best-before dates, weights.
    params.finish_with_others()?;
    let qualifiers = request.match_info().get("qualifiers").unwrap_or_default();
    if !are_qualifiers(qualifiers) {
        let detail =
            "Behind the GTIN there can be /22/VARIANT, /10/LOT and /21/SERIAL, in this order.";
        return Err(ApiError::new(Code::UnknownPath, detail));
    }
    let code = request.match_info().get("gtin").unwrap_or_default();
    let code = gtin::parse(code, &request, &view, None)?;
    let body = match view.product_by_gtin(code) {
        Lookup::Found { body, .. } => body,
        Lookup::Missing => return Err(not_found("product with the GTIN", &code)),
        Lookup::Gone { replaced_by } => {
            let error = ApiError::new(Code::Gone, format!("The product `{code}` was deleted."));
            return Err(match replaced_by {
                Some(other) => error.replaced_by(other, format!("/v1/products/{other}")),
                None => error,
            });
        }
    };
    let document = format!("{}/v1/products/gtin/{code}", base.0);
    let page = text_of(&body, "link").unwrap_or_else(|| document.clone());
    let mut response = match link_type.unwrap_or_else(|| accepted(&request)) {
        Wanted::Links => {
            let links = linkset(&base.0, code, &body, (&page, &document));
            return Ok(HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, LINKSET))
                .insert_header((CACHE_CONTROL, KEPT))
                .insert_header((VARY, "accept"))
                .body(links.to_string()));
        }
        Wanted::Page => {
            // Our own document knows its parameters, and refuses others.
            let target = if page == document { page } else { passed_on(page, &request) };
            HttpResponse::TemporaryRedirect().insert_header((LOCATION, target)).finish()
        }
        Wanted::Document => {
            HttpResponse::TemporaryRedirect().insert_header((LOCATION, document)).finish()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, KEPT);
    headers.insert(VARY, HeaderValue::from_static("accept"));
    let all =
        format!("<{}/01/{code}?linkType=linkset>; rel=\"linkset\"; type=\"{LINKSET}\"", base.0);
    if let Ok(all) = HeaderValue::from_str(&all) {
        headers.insert(LINK, all);
    }
    Ok(response)
}

/// The address of a page with what else a code says of this very pack, which is for the page and not for
/// the resolver: by default a resolver passes all of its query on (GS1-Conformant Resolver Standard).
fn passed_on(page: String, request: &HttpRequest) -> String {
    let is_ours = |pair: &&str| pair.split('=').next() == Some("linkType");
    let pairs = request.query_string().split('&').filter(|pair| !pair.is_empty());
    let others: Vec<&str> = pairs.filter(|pair| !is_ours(pair)).collect();
    match Url::parse(&page) {
        Ok(mut url) if !others.is_empty() => {
            let own = url.query().filter(|own| !own.is_empty()).map(|own| format!("{own}&"));
            url.set_query(Some(&(own.unwrap_or_default() + &others.join("&"))));
            url.into()
        }
        _ => page,
    }
}

/// What the client can read, where it names no link type.
fn accepted(request: &HttpRequest) -> Wanted {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let mut types = accept
        .unwrap_or_default()
        .split(',')
        .map(|one| one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    types
        .find_map(|one| match one.as_str() {
            LINKSET => Some(Wanted::Links),
            "application/json" | "application/ld+json" => Some(Wanted::Document),
            "text/html" | "*/*" => Some(Wanted::Page),
            _ => None,
        })
        .unwrap_or(Wanted::Page)
}

/// Whether a path behind the GTIN is made of qualifiers in their order.
fn are_qualifiers(path: &str) -> bool {
    let mut allowed = QUALIFIERS.iter();
    let mut parts = path.split('/').filter(|_| !path.is_empty());
    while let Some(name) = parts.next() {
        let value = parts.next().unwrap_or_default();
        if value.is_empty() || !allowed.any(|qualifier| *qualifier == name) {
            return false;
        }
    }
    true
}

/// A text at the top of a document.
fn text_of(body: &[u8], name: &str) -> Option<String> {
    let members = members(body)?;
    let (_, value) = members.iter().find(|member| member.0 == name.as_bytes())?;
    serde_json::from_slice::<Option<String>>(value).ok()?
}

fn linkset(base: &str, code: Gtin, body: &[u8], (page, document): (&str, &str)) -> Value {
    let title = text_of(body, "name").unwrap_or_default();
    let page = json!([{ "href": page, "title": title }]);
    json!({ "linkset": [{
        "anchor": format!("{base}/01/{code}"),
        (format!("{VOCABULARY}defaultLink")): page,
        (format!("{VOCABULARY}pip")): page,
        "describedby": [{ "href": document, "title": title, "type": "application/json" }],
    }] })
}

/// The resolver
///
/// What this resolver of GS1 Digital Links is and does, as the GS1-Conformant Resolver Standard wants it told.
#[utoipa::path(
    operation_id = "get_resolver_description", tag = "links",
    responses((status = 200, description = "The resolver.", body = ResolverOut)),
    security(()),
)]
#[get("/.well-known/gs1resolver")]
async fn get_resolver_description(base: web::Data<Base>) -> HttpResponse {
    let description = json!({
        "name": "Comptoir",
        "resolverRoot": base.0,
        "supportedPrimaryKeys": ["01"],
        "supportedLinkTypes": [{ "namespace": VOCABULARY, "prefix": "gs1:", "linkTypes": ["pip", "defaultLink"] }],
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")))
        .body(description.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    #[test]
    fn what_else_a_code_says_goes_to_the_page() {
        let told = |page: &str, query: &str| {
            let uri = format!("/01/03276550063551?{query}");
            passed_on(page.to_owned(), &TestRequest::with_uri(&uri).to_http_request())
        };
        const PAGE: &str = "https://www.example.com/p/1";
        for (page, query, expected) in [
            (PAGE, "", PAGE.to_owned()),
            (PAGE, "linkType=gs1:pip&", PAGE.to_owned()),
            (PAGE, "17=261231&linkType=gs1:pip&10=a%26b", format!("{PAGE}?17=261231&10=a%26b")),
            (&format!("{PAGE}?v=2#top"), "3103=000195", format!("{PAGE}?v=2&3103=000195#top")),
            (&format!("{PAGE}?"), "a", format!("{PAGE}?a")),
            ("/no/address", "17=261231", "/no/address".to_owned()),
        ] {
            assert_eq!(told(page, query), expected, "{page} {query}");
        }
    }

    #[test]
    fn qualifiers_come_in_their_order() {
        for fits in ["", "10/ABC", "22/2A/10/ABC/21/7", "21/7"] {
            assert!(are_qualifiers(fits), "{fits}");
        }
        for other in ["10", "10/", "21/7/10/A", "10/A/10/B", "99/1", "/10/A"] {
            assert!(!are_qualifiers(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path: String) {
            let _ = (are_qualifiers(&path), is_path(&path));
        }
    }
}
