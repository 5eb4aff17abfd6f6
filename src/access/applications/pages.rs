//! The pages that links in mails lead to. Looking at one does nothing, for programs look at links too: a
//! button does it.

use super::api::{At, pass};
use super::door::Weight;
use super::links::{Step, Token};
use super::model::State;
use super::service;
use crate::access::error::AccessError;
use crate::http::{ApiError, ApiResult, Params};
use crate::kernel::id::ApplicationId;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
};
use actix_web::{HttpRequest, HttpResponse, web};

/// Where the pages are.
pub const PATH: &str = "/apply/{application_id}/{step}";

/// Mounts the pages.
pub fn configure(config: &mut web::ServiceConfig) {
    config.route(PATH, web::get().to(ask)).route(PATH, web::post().to(act));
}

/// What a link carries.
fn token(request: &HttpRequest) -> ApiResult<Token> {
    let mut params = Params::new(request.query_string());
    let token = params.value("token");
    params.finish()?;
    token.ok_or_else(|| AccessError::Link.into())
}

/// A page in plain HTML. What is put into it is ours or of letters, digits and `_` alone.
fn page(title: &str, body: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <main><h1>{title}</h1>{body}</main></html>"
    );
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        ))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .body(html)
}

fn place(path: &(String, String)) -> ApiResult<(ApplicationId, Step)> {
    let unknown = || ApiError::from(AccessError::Link);
    Ok((path.0.parse().map_err(|_| unknown())?, path.1.parse().map_err(|()| unknown())?))
}

async fn ask(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    at: At,
) -> ApiResult<HttpResponse> {
    pass(&request, &at, Weight::Look)?;
    let (_, step) = place(&path)?;
    token(&request)?;
    let (title, button) = match step {
        Step::Verify => ("Confirm your address", "Confirm"),
        Step::Withdraw => ("Take your application back", "Take it back"),
        Step::Claim => ("Your first key", "Show it, this once"),
    };
    Ok(page(title, &format!("<form method=\"post\"><button>{button}</button></form>")))
}

async fn act(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    at: At,
) -> ApiResult<HttpResponse> {
    pass(&request, &at, Weight::Step)?;
    let (id, step) = place(&path)?;
    let token = token(&request)?;
    let state = match step {
        Step::Verify => service::verify(&at, id, token).await?.state,
        Step::Withdraw => service::withdraw(&at, id, token).await?.state,
        Step::Claim => {
            let issued = service::claim(&at, id, token).await?;
            let said = "Send it as <code>Authorization: Bearer</code> with each call. It cannot be shown again.";
            let body = format!("<p><code>{}</code></p><p>{said}</p>", issued.text.reveal());
            return Ok(page("Your first key", &body));
        }
    };
    Ok(match state {
        State::Approved => page("Approved", "<p>Your first key comes with the next mail.</p>"),
        State::Withdrawn => page("Taken back", "<p>Your application is withdrawn.</p>"),
        _ => page("Confirmed", "<p>Your application is looked at. You will get a mail.</p>"),
    })
}

/// Whether there is a page of this kind at a path.
#[must_use]
pub fn is_path(path: &str) -> bool {
    let mut parts = path.strip_prefix("/apply/").unwrap_or_default().split('/');
    let (id, step) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    parts.next().is_none() && id.parse::<ApplicationId>().is_ok() && step.parse::<Step>().is_ok()
}
