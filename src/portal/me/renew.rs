//! Agreeing anew to what is shared already, for longer: on a screen of its own, by who has just logged in.

use super::{OwnVisit, answer_of};
use crate::authz::clients::consent_client;
use crate::consent::ask::{ConsentAsked, ConsentCeiling};
use crate::consent::purpose::{NoticeDocument, NoticeLanguage, PurposeDocument};
use crate::consent::record::ConsentRecord;
use crate::consent::refused::ChangeRefused;
use crate::consent::standing::ConsentClient;
use crate::consent::store::{documents, ledger};
use crate::http::body::RawBody;
use crate::portal::answer::lead;
use crate::portal::decision::own;
use crate::portal::error::PageError;
use crate::portal::language::View;
use crate::portal::query::{FORM_MOST, FormFields};
use crate::portal::samples::Sample;
use crate::portal::screen::Screen;
use crate::portal::state::{Portal, PortalAt};
use crate::portal::ticks::{Ticks, expression, family};
use actix_web::{HttpRequest, HttpResponse, web};

/// A consent that may be renewed, with the words of now.
struct Renewable {
    record: ConsentRecord,
    client: ConsentClient,
    purpose: PurposeDocument,
    notice: NoticeDocument,
    /// What is asked for: what is shared now, and as long as may be.
    asked: ConsentAsked,
    stronger: Option<String>,
    action: String,
}

/// Shows the screen.
pub(in crate::portal) async fn show(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = shown(&at, (&request, &path), &view).await;
    answer_of((&view, &request), answered)
}

async fn shown(
    portal: &Portal,
    (http, id): (&HttpRequest, &str),
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let coming = match portal.coming(http).await? {
        Ok(coming) => coming,
        Err(instead) => return Ok(instead),
    };
    if let Some(way) = portal.again(&coming) {
        return Ok(way);
    }
    let renewable = portal.renewable(&coming, id, view.language).await?;
    let scopes = renewable.asked.scopes;
    let samples = portal.samples(&coming.who.customer, scopes).await?;
    let key = portal.form_key(&coming.who, id);
    Ok(renewable.on(portal, (&samples, &key)).page(view).ok(view))
}

/// Takes the answer.
pub(in crate::portal) async fn renew(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = renewed(&at, (&request, &path), &body.0).await;
    answer_of((&view, &request), answered)
}

async fn renewed(
    portal: &Portal,
    (http, id): (&HttpRequest, &str),
    body: &[u8],
) -> Result<HttpResponse, PageError> {
    let given = FormFields::read(body)?;
    let coming = portal.sending(http, (&given, id)).await?;
    if let Some(way) = portal.again(&coming) {
        return Ok(way);
    }
    let view = View { elsewhere: None, ..portal.view(http) }.shown_in(given.get("shown_in"));
    let renewable = portal.renewable(&coming, id, view.language).await?;
    let place = format!("/me/consents/{}", renewable.record.grant_id);
    match given.get("decision") {
        Some("allow") => {}
        Some("deny") => return Ok(lead(&place)),
        _ => return Err(PageError::Tampered),
    }
    let ticks = Ticks::read(&given, &renewable.record.data)?;
    let screen_hash = renewable.on(portal, (&[], "")).blank_hash(&view);
    let said = expression(&coming.who, (screen_hash, portal.network(http)), family(http));
    let approval = ticks.approval(said, renewable.stronger.is_none());
    let ceiling = ConsentCeiling {
        purpose: &renewable.purpose,
        client: renewable.client,
        settings: portal.settings.consent,
    };
    let (subject, now) = (coming.who.session.subject, portal.now());
    let make = |it: &ConsentRecord| {
        own(it, subject)?.renew(&renewable.asked, &ceiling, approval.clone(), now)
    };
    match portal.moved(renewable.record.grant_id, make).await? {
        Ok(_) => Ok(lead(&place)),
        Err(ChangeRefused::Tampered(how)) => {
            let mine = own(&renewable.record, subject).map_err(|_| PageError::NotFound)?;
            let mut tx = portal.db.begin().await?;
            ledger::note(&mut tx, &mine.tampered(how, now)).await?;
            tx.commit().await?;
            Err(PageError::Tampered)
        }
        Err(refused) => Err(PageError::NotNow(refused.to_string())),
    }
}

impl Portal {
    /// A consent of the customer that is in force, whose partner may still ask for it.
    async fn renewable(
        &self,
        coming: &OwnVisit,
        id: &str,
        language: NoticeLanguage,
    ) -> Result<Renewable, PageError> {
        let gone = || PageError::NotNow("the partner does not ask for it any more".to_owned());
        let record = self.own_consent(&coming.who, id).await?;
        if coming.who.session.barred.is_some() {
            return Err(PageError::NotNow("the account cannot agree to anything".to_owned()));
        }
        let app = record.parties.client_id;
        let client = consent_client(&self.db, app).await?.ok_or_else(gone)?;
        let purpose = documents::purpose(&self.db, app, &record.purpose.purpose_id).await?;
        let purpose = purpose.ok_or_else(gone)?.document;
        let notice = self.notice().await?;
        let mut details = record.data.authorization_details.clone();
        details.duration_days = self.settings.consent.max_days.min(purpose.max_duration_days);
        let asked = ConsentAsked {
            parties: record.parties.clone(),
            sub: record.known_as.sub().ok_or(PageError::NotFound)?,
            service: record.purpose.service.clone(),
            scopes: record.data.scopes,
            details,
            conditions: self.conditions(),
            notice: notice.clone(),
            notice_lang: language,
        };
        let provider = self.provider(&coming.who.session.provider).ok();
        let acr = coming.who.session.login.acr.as_deref();
        let is_strong = provider.is_some_and(|provider| provider.is_strong(acr));
        let action = format!("/me/consents/{}/renew", record.grant_id);
        let stronger = (!is_strong).then(String::new);
        Ok(Renewable { record, client, purpose, notice, asked, stronger, action })
    }
}

impl Renewable {
    fn on<'a>(&'a self, portal: &'a Portal, (samples, key): (&'a [Sample], &'a str)) -> Screen<'a> {
        let parties = &self.record.parties;
        Screen {
            partner: &parties.partner_legal_name,
            app: &self.record.purpose.service,
            host: "",
            reach: (&parties.partner_contact, &parties.partner_privacy_url),
            purpose: &self.purpose,
            notice: &self.notice,
            data: &self.record.data,
            most_days: self.asked.details.duration_days,
            before: Some(&self.record.data),
            samples,
            settings: portal.settings.consent,
            stronger: self.stronger.as_deref(),
            complain: &portal.settings.controller.contact,
            form: (&self.action, key),
            wrong: None,
            now: portal.now(),
        }
    }
}
