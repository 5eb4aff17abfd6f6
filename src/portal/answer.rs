//! How pages are answered: the frame around each, its headers, and what goes wrong.

use super::error::PageError;
use super::html::Html;
use super::language::View;
use crate::http::error::AsItIs;
use crate::http::{ApiError, answer};
use crate::kernel::secret::Secret;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, X_FRAME_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError as _};
use serde::Serialize;

/// Where the pages' style is.
pub(super) const STYLE_PATH: &str = "/portal.css";
/// How the pages look: one column, great enough to be read and to be pressed, and nothing that needs a colour to be told.
const STYLE: &str = include_str!("portal.css");

/// A page that is yet to be sent.
#[derive(Debug)]
pub(super) struct PortalPage {
    /// Its title.
    pub(super) title: String,
    /// What stands under it.
    pub(super) body: Html,
    /// Where its forms lead beside this site: browsers hold the answer to a form to that, too.
    pub(super) leads_to: Option<String>,
}

impl PortalPage {
    /// A page with this title.
    pub(super) fn new(title: impl Into<String>, body: Html) -> Self {
        Self { title: title.into(), body, leads_to: None }
    }

    /// The text of it.
    pub(super) fn html(&self, view: &View<'_>) -> String {
        let mut page = Html::new();
        page.raw("<!doctype html>\n<html lang=\"").text(view.words.language).raw("\"><head>");
        page.raw("<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">");
        page.raw("<link rel=\"stylesheet\" href=\"").text(STYLE_PATH).raw("\"><title>");
        page.text(&self.title).raw("</title></head>\n<body><header><p>").text(view.retailer);
        page.raw("</p>");
        if let Some(place) = &view.elsewhere {
            page.raw("<p><a lang=\"").text(view.words.other).raw("\" hreflang=\"");
            page.text(view.words.other).raw("\" href=\"").text(place).raw("\">");
            page.text(view.words.other_name).raw("</a></p>");
        }
        page.raw("</header>\n<main><h1>").text(&self.title).raw("</h1>\n").part(&self.body);
        page.raw("</main></body></html>\n");
        page.into_text()
    }

    /// The answer with it.
    pub(super) fn send(&self, view: &View<'_>, mut answer: HttpResponseBuilder) -> HttpResponse {
        let leads_to = self.leads_to.as_deref().unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {leads_to}; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        // An origin has no character that a header cannot have; without it forms lead nowhere.
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        answer
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_LANGUAGE, view.words.language))
            .insert_header((CONTENT_SECURITY_POLICY, policy))
            .insert_header((X_FRAME_OPTIONS, "DENY"))
            // Without a referrer browsers send forms with the origin `null`.
            .insert_header((REFERRER_POLICY, "same-origin"));
        if let Some(chosen) = &view.chosen {
            answer.append_header((SET_COOKIE, chosen.clone()));
        }
        let mut response = answer.body(self.html(view));
        response.extensions_mut().insert(AsItIs);
        response
    }

    /// The same, where all is well.
    pub(super) fn ok(&self, view: &View<'_>) -> HttpResponse {
        self.send(view, HttpResponse::Ok())
    }
}

/// Leads the browser elsewhere. Always 303: with 307 it would send there what was posted here.
pub(super) fn lead(place: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, place))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// The same to an address that holds a secret.
pub(super) fn lead_with(place: &Secret) -> HttpResponse {
    lead(place.reveal())
}

/// What went wrong, as a page.
pub(super) fn failed(view: &View<'_>, error: &PageError) -> HttpResponse {
    let words = view.words;
    let (answer, title, todo) = match error {
        PageError::Request(_) => {
            (HttpResponse::BadRequest(), words.failed_request, words.failed_request_do)
        }
        PageError::Login(_) => {
            (HttpResponse::BadRequest(), words.failed_login, words.failed_login_do)
        }
        PageError::Forged => {
            (HttpResponse::Forbidden(), words.failed_forged, words.failed_forged_do)
        }
        PageError::Tampered => {
            (HttpResponse::BadRequest(), words.failed_tampered, words.failed_tampered_do)
        }
        PageError::Answered => {
            (HttpResponse::Conflict(), words.failed_answered, words.failed_answered_do)
        }
        PageError::NotFound => {
            (HttpResponse::NotFound(), words.failed_missing, words.failed_missing_do)
        }
        PageError::NotNow(_) => {
            (HttpResponse::Conflict(), words.failed_not_now, words.failed_not_now_do)
        }
        PageError::Away(_) => {
            (HttpResponse::ServiceUnavailable(), words.failed_later, words.failed_later_do)
        }
        PageError::Inside(_) => {
            (HttpResponse::InternalServerError(), words.failed_later, words.failed_later_do)
        }
    };
    note(error);
    let mut body = Html::new();
    body.paragraph(todo);
    if let PageError::Request(why) = error {
        // For who makes the partner's program.
        body.element(("<p lang=\"en\"><code>", "</code></p>"), why);
    }
    body.raw("<p>").link("/me", words.me_back).raw("</p>");
    PortalPage::new(title, body).send(view, answer)
}

/// Tells operators of what is theirs to know.
fn note(error: &PageError) {
    match error {
        PageError::Inside(_) => tracing::error!(%error, "a customer's page could not be answered"),
        PageError::Away(_) => tracing::warn!(%error, "a customer's page could not be answered"),
        other => tracing::debug!(error = %other, "a customer's page was refused"),
    }
}

/// What went wrong, for who has asked for JSON.
pub(super) fn failed_json(error: &PageError) -> HttpResponse {
    note(error);
    ApiError::from(error).error_response()
}

/// A document as JSON.
pub(super) fn json(document: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(document) {
        Ok(bytes) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, answer::JSON))
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(bytes),
        Err(error) => failed_json(&PageError::Inside(error.to_string())),
    }
}

/// The pages' style.
pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(STYLE)
}
