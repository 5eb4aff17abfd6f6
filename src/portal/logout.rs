//! Logging out: by the customer here, and by the provider when they have logged out there.

use super::answer::{PortalPage, failed};
use super::error::PageError;
use super::html::Html;
use super::providers::LoginProvider;
use super::query::{FORM_MOST, FormFields};
use super::sessions::SESSION;
use super::state::{Portal, PortalAt};
use super::store::{self, ProviderNames};
use crate::access::oauth::store::use_assertion;
use crate::authz::bits;
use crate::authz::settings::LogoutReach;
use crate::consent::store::subjects;
use crate::http::body::RawBody;
use crate::http::error::AsItIs;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use actix_web::http::header::{CACHE_CONTROL, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};

/// What a customer's own form for it is bound to.
pub(super) const ABOUT: &str = "log out";
/// How long it is remembered which logout tokens were taken: longer than any is believed.
const REMEMBERED: i64 = DAY;

/// The customer logs out here.
pub(super) async fn log_out(
    request: HttpRequest,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let view = at.view(&request);
    if let Err(error) = end_own(&at, &request, &body.0).await {
        return failed(&view, &error);
    }
    let mut said = Html::new();
    said.raw("<p>").link("/me", view.words.me_back).raw("</p>");
    let mut answer = PortalPage::new(view.words.me_logged_out, said).ok(&view);
    if let Ok(forget) = SESSION.forget(&at.site) {
        answer.headers_mut().append(SET_COOKIE, forget);
    }
    answer
}

async fn end_own(portal: &Portal, http: &HttpRequest, body: &[u8]) -> Result<(), PageError> {
    let given = FormFields::read(body)?;
    let who = portal.logged_in(http).await?.ok_or(PageError::Forged)?;
    portal.check_form(http, (&who, ABOUT), given.get("csrf"))?;
    let mut tx = portal.db.begin().await?;
    store::end(&mut tx, &who.text).await?;
    Ok(tx.commit().await?)
}

/// A provider says that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0).
pub(super) async fn by_provider(
    path: web::Path<String>,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let answer = match end_there(&at, &path, &body.0).await {
        Ok(()) => return empty(HttpResponse::Ok()),
        Err(PageError::Away(why)) => {
            tracing::warn!(why, "a logout of a provider could not be taken");
            HttpResponse::ServiceUnavailable()
        }
        Err(PageError::Inside(why)) => {
            tracing::error!(why, "a logout of a provider could not be taken");
            HttpResponse::InternalServerError()
        }
        Err(PageError::NotFound) => HttpResponse::NotFound(),
        Err(error) => {
            tracing::info!(%error, "a logout of a provider was refused");
            HttpResponse::BadRequest()
        }
    };
    empty(answer)
}

fn empty(mut answer: HttpResponseBuilder) -> HttpResponse {
    let mut response = answer.insert_header((CACHE_CONTROL, "no-store")).finish();
    response.extensions_mut().insert(AsItIs);
    response
}

async fn end_there(portal: &Portal, name: &str, body: &[u8]) -> Result<(), PageError> {
    let provider = portal.provider(name)?;
    let given = FormFields::read(body)?;
    let token = given.get("logout_token");
    let token = token.ok_or_else(|| PageError::Login("logout_token is missing".to_owned()))?;
    let now = portal.now();
    let out = provider.client.logged_out(token, now).await?;
    let mark = bits::sha256(format!("logout\u{1f}{}\u{1f}{}", provider.name(), out.id));
    let until = Micros(now.0.saturating_add(REMEMBERED));
    if !use_assertion(&portal.db, &mark, until, now).await? {
        return Err(PageError::Login("the logout token was used before".to_owned()));
    }
    let names = ProviderNames { subject: out.subject.as_deref(), session: out.session.as_deref() };
    let mut tx = portal.db.begin().await?;
    let mut ended = store::end_named(&mut tx, provider.name(), names).await?;
    tx.commit().await?;
    if provider.rules.on_logout != LogoutReach::Tokens {
        return Ok(());
    }
    // Their session here may have ended before: the tokens have not.
    if let Some(customer) = by_subject(provider, out.subject.as_deref()) {
        ended.extend(subjects::reference_of(&portal.db, customer).await?);
    }
    ended.dedup();
    for subject in ended {
        portal.end_tokens(subject).await?;
    }
    Ok(())
}

/// The customer of a provider's own name, where that is the retailer's, too.
fn by_subject<'a>(provider: &LoginProvider, subject: Option<&'a str>) -> Option<&'a str> {
    subject.filter(|_| provider.rules.customer_claim == "sub")
}
