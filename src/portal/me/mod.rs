//! The customer's own page: what they share with whom, how to share less or stop, what was read, all that is known of
//! them, and how to have it erased. What is another customer's is not there.

pub(super) mod accesses;
pub(super) mod change;
pub(super) mod detail;
pub(super) mod erase;
pub(super) mod export;
pub(super) mod list;
pub(super) mod renew;
mod shape;

use super::answer::{failed, failed_json, lead};
use super::decision::own;
use super::error::PageError;
use super::language::View;
use super::query::FormFields;
use super::sessions::LoggedIn;
use super::state::Portal;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::store::read;
use crate::http::form::Form;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse};

/// How long ago somebody may have logged in who has all of their data handed over, erased, or shared for longer.
const FRESH_S: i64 = 300;

/// Who comes to their own page, and how they want to be answered.
pub(super) struct OwnVisit {
    pub(super) who: LoggedIn,
    /// As JSON, and not as a page.
    pub(super) wants_json: bool,
}

/// Whether a call wants JSON.
pub(super) fn wants_json(http: &HttpRequest) -> bool {
    let accept = http.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| Form::preferred_of_page(accept) != Form::Html)
}

impl Portal {
    /// Who reads their own page. Without a login there is the way to one.
    pub(super) async fn coming(
        &self,
        http: &HttpRequest,
    ) -> Result<Result<OwnVisit, HttpResponse>, PageError> {
        let wants_json = wants_json(http);
        match self.logged_in(http).await? {
            Some(who) => Ok(Ok(OwnVisit { who, wants_json })),
            None if wants_json => Err(PageError::Forged),
            None => Ok(Err(lead("/login/start"))),
        }
    }

    /// Who sends a form of their own page that is about something.
    pub(super) async fn sending(
        &self,
        http: &HttpRequest,
        (given, about): (&FormFields, &str),
    ) -> Result<OwnVisit, PageError> {
        let who = self.logged_in(http).await?.ok_or(PageError::Forged)?;
        self.check_form(http, (&who, about), given.get("csrf"))?;
        Ok(OwnVisit { who, wants_json: wants_json(http) })
    }

    /// A consent of this customer. Of another one it is as little there as what never was.
    pub(super) async fn own_consent(
        &self,
        who: &LoggedIn,
        id: &str,
    ) -> Result<ConsentRecord, PageError> {
        let id: GrantId = id.parse().map_err(|_| PageError::NotFound)?;
        let record = read::current(&self.db, id).await?.ok_or(PageError::NotFound)?;
        own(&record, who.session.subject).map_err(|_| PageError::NotFound)?;
        Ok(record)
    }

    /// The way to log in anew, where that was too long ago.
    pub(super) fn again(&self, coming: &OwnVisit) -> Option<HttpResponse> {
        let is_fresh = coming.who.is_fresh(FRESH_S, self.now());
        let way = format!("/login/start?p={}&again=1", coming.who.session.provider);
        (!is_fresh).then(|| lead(&way))
    }
}

/// The answer, or what went wrong in the way that was asked for.
pub(super) fn answer_of(
    (view, http): (&View<'_>, &HttpRequest),
    answered: Result<HttpResponse, PageError>,
) -> HttpResponse {
    match answered {
        Ok(answer) => answer,
        Err(error) if wants_json(http) => failed_json(&error),
        Err(error) => failed(view, &error),
    }
}
