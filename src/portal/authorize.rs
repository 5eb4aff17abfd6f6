//! The authorization endpoint: where a partner sends a customer, and where the customer is led from there.

use super::answer::{PortalPage, failed, lead, lead_with};
use super::asked::{AskedFor, Asking, NotAsked, refusal_of};
use super::eligibility::CustomerBar;
use super::error::PageError;
use super::html::Html;
use super::language::View;
use super::screen;
use super::sessions::LoggedIn;
use super::state::{Portal, PortalAt};
use crate::access::oauth::form::Parameters;
use crate::access::service::Walk;
use crate::authz::authorize::{Arrival, AuthorizeError, ErrorTold, refused};
use crate::authz::handles::{Handle, RequestUri};
use crate::authz::login::{NextStep, Visit, next_step};
use crate::authz::par::PushedRequest;
use crate::authz::request::{self, GrantAction, PlainRefused};
use crate::authz::settings::IdpSettings;
use crate::authz::store::requests;
use crate::consent::category::SensitiveCategories;
use crate::consent::details::AccessMode;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::status::ConsentStatus;
use crate::consent::store::read;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

/// Where partners send customers.
pub(super) const PATH: &str = "/oauth/authorize";
/// Consents of a customer that are looked through at a time.
pub(super) const BATCH: u32 = 100;

/// Answers who comes.
pub(super) async fn authorize(request: HttpRequest, at: PortalAt) -> HttpResponse {
    let view = at.view(&request);
    match arrive(&at, &request).await {
        Ok(answer) => answer,
        Err(error) => failed(&view, &error),
    }
}

async fn arrive(portal: &Portal, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    match Arrival::read(request.query_string().as_bytes())? {
        Arrival::Plain { client_id, form } => plain(portal, request, (&client_id, &form)).await,
        Arrival::Pushed { client_id, request_uri } => {
            let asking = portal.asking(request_uri, Some(&client_id)).await?;
            step(portal, request, &asking).await
        }
    }
}

/// The address of a request.
pub(super) fn place_of(asking: &Asking) -> String {
    address(&asking.request().client_id, &asking.reference)
}

fn address(client_id: &str, reference: &Handle<RequestUri>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", client_id);
    query.append_pair("request_uri", reference.text().reveal());
    format!("{PATH}?{}", query.finish())
}

/// Keeps a request that stands in the address as if it had been pushed, so that there is one way from here on.
async fn plain(
    portal: &Portal,
    http: &HttpRequest,
    (client_id, form): (&str, &Parameters),
) -> Result<HttpResponse, PageError> {
    let partner = portal.partner(client_id).await?;
    let request = match request::plain(form, &partner.client, portal.rules()) {
        Ok(request) => request,
        Err(PlainRefused { error, back }) => {
            let is_logged_in = portal.logged_in(http).await?.is_some();
            let code = error.code.into();
            return match refused(code, back.as_ref(), is_logged_in, portal.issuer()) {
                ErrorTold::Client(place) => Ok(lead_with(&place)),
                ErrorTold::Customer(_) => Err(error.into()),
            };
        }
    };
    let now = portal.now();
    let life = i64::from(portal.settings.authz.par_ttl_s) * SECOND;
    let reference = Handle::<RequestUri>::random(getrandom::fill)?;
    let expires_at = Micros(now.0.saturating_add(life));
    let pushed = PushedRequest { request, expires_at, decided: false };
    let mut tx = portal.db.begin().await?;
    let kept = requests::put(&mut tx, &portal.requests, reference.hash(), &pushed).await;
    kept.map_err(|error| PageError::Inside(error.to_string()))?;
    tx.commit().await?;
    Ok(lead(&address(client_id, &reference)))
}

/// What comes next for who stands before a request.
async fn step(
    portal: &Portal,
    http: &HttpRequest,
    asking: &Asking,
) -> Result<HttpResponse, PageError> {
    let Some(who) = portal.logged_in(http).await? else {
        let visit = Visit { login: None, for_this: false, is_consented: false };
        let next = next_step(asking.request(), visit, &IdpSettings::default(), portal.now());
        return Ok(match next {
            NextStep::Refuse(error) => told(portal, asking, (error, false))?,
            _ => to_login(asking),
        });
    };
    if let Some(bar) = who.session.barred {
        let view = portal.view_for(http, &asking.request().ui_locales);
        return barred(portal, &view, (Some(asking), bar)).await;
    }
    match next(portal, asking, &who).await? {
        NextStep::LogIn(_) => Ok(to_login(asking)),
        NextStep::Ask => Ok(lead(&format!("/consent/{}", asking.in_path()))),
        NextStep::Refuse(error) => told(portal, asking, (error, true)),
        NextStep::Answer => match consented(portal, asking, &who).await {
            Ok(Some(record)) => portal.code_by(asking, &who, &record).await,
            Ok(None) => Ok(lead(&format!("/consent/{}", asking.in_path()))),
            Err(NotAsked::Refused(error)) => told(portal, asking, (error, true)),
            Err(NotAsked::Page(error)) => Err(error),
        },
    }
}

fn to_login(asking: &Asking) -> HttpResponse {
    lead(&format!("/login/start?i={}", asking.in_path()))
}

/// What comes next for who has logged in.
pub(super) async fn next(
    portal: &Portal,
    asking: &Asking,
    who: &LoggedIn,
) -> Result<NextStep, PageError> {
    let is_consented = match consented(portal, asking, who).await {
        Ok(found) => found.is_some(),
        Err(NotAsked::Refused(error)) => return Ok(NextStep::Refuse(error)),
        Err(NotAsked::Page(error)) => return Err(error),
    };
    let visit = Visit {
        login: Some(&who.session.login),
        for_this: who.session.asked_by.as_ref() == Some(&asking.bound()),
        is_consented,
    };
    let rules = portal.provider(&who.session.provider).map(|it| it.rules.clone());
    Ok(next_step(asking.request(), visit, &rules.unwrap_or_default(), portal.now()))
}

/// Tells whoever is to hear of it that a request is refused.
pub(super) fn told(
    portal: &Portal,
    asking: &Asking,
    (error, is_logged_in): (AuthorizeError, bool),
) -> Result<HttpResponse, PageError> {
    let back = &asking.request().back;
    match refused(error, Some(back), is_logged_in, portal.issuer()) {
        ErrorTold::Client(place) => Ok(lead_with(&place)),
        ErrorTold::Customer(error) => {
            Err(PageError::Request(error.code().description().to_owned()))
        }
    }
}

/// The page of somebody whose account cannot agree to anything: they see why, and the partner hears that it was denied,
/// when they go back to it.
pub(super) async fn barred(
    portal: &Portal,
    view: &View<'_>,
    (asking, bar): (Option<&Asking>, CustomerBar),
) -> Result<HttpResponse, PageError> {
    let words = view.words;
    let mut body = Html::new();
    body.paragraph(match bar {
        CustomerBar::Blocked => words.barred_blocked,
        CustomerBar::Minor => words.barred_minor,
        CustomerBar::Deceased => words.barred_deceased,
        CustomerBar::Closed => words.barred_closed,
    });
    if let Some(asking) = asking {
        let mut tx = portal.db.begin().await?;
        requests::take(&mut tx, asking.reference.hash(), portal.now()).await?;
        tx.commit().await?;
        let back = &asking.request().back;
        let answer = refused(AuthorizeError::AccessDenied, Some(back), true, portal.issuer());
        if let ErrorTold::Client(place) = answer {
            body.raw("<p><a href=\"").text(place.reveal()).raw("\">").text(words.back_to);
            body.raw(" ").name(&asking.partner.legal_name).raw("</a></p>\n");
        }
    }
    Ok(PortalPage::new(words.barred_title, body).send(view, HttpResponse::Forbidden()))
}

/// A consent of the customer that is in force and allows all that is asked for already.
async fn consented(
    portal: &Portal,
    asking: &Asking,
    who: &LoggedIn,
) -> Result<Option<ConsentRecord>, NotAsked> {
    let asked = portal.asked_for(asking).await?;
    // What nobody could agree to is refused whoever has agreed to what before.
    screen::shown(portal, (asking, &asked), who.session.subject)
        .map_err(|refused| NotAsked::Refused(refusal_of(&refused)))?;
    if asking.request().grant.is_some() {
        return Ok(None);
    }
    let mut walk = Walk { after: String::new(), limit: BATCH };
    loop {
        let some = read::of_subject(&portal.db, who.session.subject, &walk).await?;
        let Some(last) = some.last().map(|record| record.grant_id.to_string()) else {
            return Ok(None);
        };
        walk.after = last;
        let by = (portal.settings.consent.sensitive_categories, portal.now());
        let covers = |record: &ConsentRecord| is_covered(record, (asking, &asked), by);
        if let Some(found) = some.into_iter().find(covers) {
            return Ok(Some(found));
        }
    }
}

/// Whether a consent allows all that is asked for. What special categories reveal is asked for each time.
fn is_covered(
    record: &ConsentRecord,
    (asking, asked): (&Asking, &AskedFor),
    (sensitive, now): (SensitiveCategories, Micros),
) -> bool {
    let data = &record.data;
    let (given, wanted) = (&data.authorization_details, &asked.details);
    let is_in_force = record.status == ConsentStatus::Active && now < record.validity.expires_at;
    let is_its = record.parties.client_id == asking.partner.client.app
        && record.purpose.purpose_id == asked.purpose.purpose_id;
    let is_recurring = given.access == AccessMode::Recurring && wanted.access == given.access;
    let scopes = asking.request().scopes.or(wanted.datatypes);
    let offered = wanted.exclude_categories.or(sensitive.without(asked.purpose.categories));
    is_in_force
        && is_its
        && is_recurring
        && scopes.within(data.scopes)
        && scopes.special().is_empty()
        && given.exclude_categories.within(offered)
        && wanted.history_months <= given.history_months
        && wanted.retention_days <= given.retention_days
}

/// Whether a request replaces a consent, and which.
pub(super) fn replaced(asking: &Asking) -> Option<GrantId> {
    match &asking.request().grant {
        Some(GrantAction::Replace { grant_id }) => Some(*grant_id),
        Some(GrantAction::Create) | None => None,
    }
}
