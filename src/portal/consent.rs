//! The page on which a customer decides about a request, and the way of their answer.

use super::answer::{failed, lead, lead_with};
use super::asked::{AskedFor, Asking, NotAsked, reference, refusal_of};
use super::authorize::{barred, next, place_of, replaced, told};
use super::error::PageError;
use super::language::View;
use super::query::{FORM_MOST, FormFields};
use super::samples::Sample;
use super::screen::{Screen, shown};
use super::sessions::LoggedIn;
use super::state::{Portal, PortalAt};
use super::ticks::{Ticks, expression, family};
use crate::authz::authorize::AuthorizeError;
use crate::authz::login::NextStep;
use crate::consent::own::{OwnedByClient, OwnedByCustomer};
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::refused::ChangeRefused;
use crate::consent::store::read;
use crate::http::body::RawBody;
use crate::storage::StoreError;
use actix_web::{HttpRequest, HttpResponse, web};

/// A customer before an open request, and all that is on the screen.
pub(super) struct SeenRequest {
    pub(super) who: LoggedIn,
    pub(super) asking: Asking,
    pub(super) asked: AskedFor,
    /// What is asked for, as the record of it would be.
    pub(super) record: ConsentRecord,
    /// The consent in whose place it is to stand.
    pub(super) before: Option<ConsentRecord>,
    /// Where they log in as strongly as the most sensitive of it wants; empty where there is no way, and `None` where they
    /// have.
    stronger: Option<String>,
    /// Where the form goes.
    action: String,
}

/// Why there is no screen: another answer, or an error.
#[derive(Debug)]
enum NoScreen {
    Answer(Box<HttpResponse>),
    Error(PageError),
}

impl From<PageError> for NoScreen {
    fn from(error: PageError) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for NoScreen {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// Another answer than a screen.
fn instead(answer: HttpResponse) -> NoScreen {
    NoScreen::Answer(Box::new(answer))
}

/// Shows the page.
pub(super) async fn show(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = at.showing((&request, &path), &view).await;
    answer_of(&view, answered)
}

/// Takes the answer.
pub(super) async fn decide(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = at.deciding((&request, &path), &body.0, &view).await;
    answer_of(&view, answered)
}

fn answer_of(view: &View<'_>, answered: Result<HttpResponse, NoScreen>) -> HttpResponse {
    match answered {
        Ok(answer) => answer,
        Err(NoScreen::Answer(answer)) => *answer,
        Err(NoScreen::Error(error)) => failed(view, &error),
    }
}

impl Portal {
    async fn showing(
        &self,
        (http, text): (&HttpRequest, &str),
        view: &View<'_>,
    ) -> Result<HttpResponse, NoScreen> {
        let asking = self.asking(reference(text)?, None).await?;
        let Some(who) = self.logged_in(http).await? else {
            return Ok(lead(&place_of(&asking)));
        };
        let seen = self.seen(asking, who, view).await?;
        let view = self.view_for(http, &seen.asking.request().ui_locales);
        Ok(self.screen(&seen, &view, None).await?)
    }

    async fn deciding(
        &self,
        (http, text): (&HttpRequest, &str),
        body: &[u8],
        view: &View<'_>,
    ) -> Result<HttpResponse, NoScreen> {
        let given = FormFields::read(body)?;
        let asking = self.asking(reference(text)?, None).await?;
        // Before anything is looked at: a page of another site learns nothing, and changes nothing.
        let who = self.logged_in(http).await?.ok_or(PageError::Forged)?;
        self.check_form(http, (&who, &asking.bound()), given.get("csrf"))?;
        let seen = self.seen(asking, who, view).await?;
        match given.get("decision") {
            Some("allow") => Ok(self.allow(http, &seen, &given).await?),
            Some("deny") => {
                self.deny(&seen).await?;
                Ok(told(self, &seen.asking, (AuthorizeError::AccessDenied, true))?)
            }
            _ => Err(PageError::Tampered.into()),
        }
    }

    /// What a customer is asked, if that is what comes next for them.
    async fn seen(
        &self,
        asking: Asking,
        who: LoggedIn,
        view: &View<'_>,
    ) -> Result<SeenRequest, NoScreen> {
        if let Some(bar) = who.session.barred {
            return Err(instead(barred(self, view, (Some(&asking), bar)).await?));
        }
        match next(self, &asking, &who).await? {
            NextStep::Ask => {}
            NextStep::LogIn(_) | NextStep::Answer => return Err(instead(lead(&place_of(&asking)))),
            NextStep::Refuse(error) => return Err(self.refused(&asking, error)),
        }
        let asked = match self.asked_for(&asking).await {
            Ok(asked) => asked,
            Err(NotAsked::Refused(error)) => return Err(self.refused(&asking, error)),
            Err(NotAsked::Page(error)) => return Err(error.into()),
        };
        let record = match shown(self, (&asking, &asked), who.session.subject) {
            Ok(record) => record,
            Err(refused) => return Err(self.refused(&asking, refusal_of(&refused))),
        };
        let before = match replaced(&asking) {
            None => None,
            Some(id) => match self.replaceable((&asking, &who), id).await? {
                Some(before) => Some(before),
                None => return Err(self.refused(&asking, AuthorizeError::InvalidGrantId)),
            },
        };
        let provider = self.provider(&who.session.provider).ok();
        let stronger = match provider {
            Some(it) if it.is_strong(who.session.login.acr.as_deref()) => None,
            Some(it) if !it.rules.step_up_acr.is_empty() => {
                Some(format!("/login/start?i={}&p={}&up=1", asking.in_path(), it.name()))
            }
            _ => Some(String::new()),
        };
        let action = format!("/consent/{}", asking.in_path());
        Ok(SeenRequest { who, asking, asked, record, before, stronger, action })
    }

    fn refused(&self, asking: &Asking, error: AuthorizeError) -> NoScreen {
        told(self, asking, (error, true)).map_or_else(NoScreen::Error, instead)
    }

    /// A consent that a request replaces, if it is this customer's and this client's.
    async fn replaceable(
        &self,
        (asking, who): (&Asking, &LoggedIn),
        id: GrantId,
    ) -> Result<Option<ConsentRecord>, PageError> {
        let found = read::current(&self.db, id).await?;
        Ok(found.filter(|record| {
            OwnedByCustomer::of(record, who.session.subject).is_some()
                && OwnedByClient::of(record, asking.partner.client.app).is_some()
                && !record.status.is_terminal()
        }))
    }

    /// The page, with the customer's own values.
    async fn screen(
        &self,
        seen: &SeenRequest,
        view: &View<'_>,
        wrong: Option<&'static str>,
    ) -> Result<HttpResponse, PageError> {
        let samples = self.samples(&seen.who.customer, seen.record.data.scopes).await?;
        let key = self.form_key(&seen.who, &seen.asking.bound());
        let host = seen.asking.host();
        let mut page = seen.on(self, (&host, &samples, &key), wrong).page(view);
        // Browsers hold the redirect that answers a form to where forms may lead.
        page.leads_to = seen.asking.origin();
        Ok(page.ok(view))
    }

    /// The customer agrees to what they have ticked.
    async fn allow(
        &self,
        http: &HttpRequest,
        seen: &SeenRequest,
        given: &FormFields,
    ) -> Result<HttpResponse, PageError> {
        let view =
            View { elsewhere: None, ..self.view_for(http, &seen.asking.request().ui_locales) };
        let view = view.shown_in(given.get("shown_in"));
        let ticks = Ticks::read(given, &seen.record.data)?;
        let host = seen.asking.host();
        let screen_hash = seen.on(self, (&host, &[], ""), None).blank_hash(&view);
        let expression = expression(&seen.who, (screen_hash, self.network(http)), family(http));
        let approval = ticks.approval(expression, seen.stronger.is_none());
        let words = view.words;
        match self.grant(seen, approval, view.language).await? {
            Ok(place) => Ok(lead_with(&place)),
            Err(ChangeRefused::Nothing) => self.screen(seen, &view, Some(words.tick_one)).await,
            Err(ChangeRefused::NotExplicit(_)) => {
                self.screen(seen, &view, Some(words.tick_both)).await
            }
            Err(ChangeRefused::StepUp(_) | ChangeRefused::CategoryStepUp(_)) => {
                match seen.stronger.as_deref().filter(|place| !place.is_empty()) {
                    Some(place) => Ok(lead(place)),
                    None => self.screen(seen, &view, Some(words.ask_stronger)).await,
                }
            }
            Err(ChangeRefused::Over) => Err(PageError::Answered),
            Err(refused) => told(self, &seen.asking, (refusal_of(&refused), true)),
        }
    }
}

impl SeenRequest {
    /// What stands on the screen.
    pub(super) fn on<'a>(
        &'a self,
        portal: &'a Portal,
        (host, samples, key): (&'a str, &'a [Sample], &'a str),
        wrong: Option<&'static str>,
    ) -> Screen<'a> {
        let partner = &self.asking.partner;
        Screen {
            partner: &partner.legal_name,
            app: &partner.app_name,
            host,
            reach: (&partner.contact, &partner.privacy_url),
            purpose: &self.asked.purpose,
            notice: &self.asked.notice,
            data: &self.record.data,
            most_days: self.record.data.authorization_details.duration_days,
            before: self.before.as_ref().map(|before| &before.data),
            samples,
            settings: portal.settings.consent,
            stronger: self.stronger.as_deref(),
            complain: &portal.settings.controller.contact,
            form: (&self.action, key),
            wrong,
            now: portal.now(),
        }
    }
}
