//! One consent: the words that were agreed to, what it allows, its versions, and what can be done with it.

use super::{OwnVisit, answer_of, shape};
use crate::consent::purpose::{NoticeDocument, PurposeDocument};
use crate::consent::record::ConsentRecord;
use crate::consent::status::ConsentStatus;
use crate::consent::store::{documents, read};
use crate::portal::answer::{PortalPage, json};
use crate::portal::error::PageError;
use crate::portal::html::Html;
use crate::portal::language::View;
use crate::portal::scope_words::{category_words, scope_words};
use crate::portal::screen::day;
use crate::portal::state::{Portal, PortalAt};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json as value;

/// Shows a consent.
pub(in crate::portal) async fn show(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = shown(&at, (&request, &path), &view).await;
    answer_of((&view, &request), answered)
}

/// What was agreed to, in words.
struct AgreedWords {
    purpose: Option<PurposeDocument>,
    notice: Option<NoticeDocument>,
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
    let record = portal.own_consent(&coming.who, id).await?;
    let history = read::history(&portal.db, record.grant_id).await?.ok_or(PageError::NotFound)?;
    let purpose = documents::purpose_at(&portal.db, record.purpose.purpose_text_hash).await?;
    let notice = documents::notice_at(&portal.db, record.notice.notice_hash).await?;
    let agreed = AgreedWords {
        purpose: purpose.map(|published| published.document),
        notice: notice.map(|published| published.document),
    };
    let csrf = portal.form_key(&coming.who, &record.grant_id.to_string());
    if coming.wants_json {
        let versions: Vec<_> = history.versions.iter().map(shape::consent).collect();
        return Ok(json(&value!({
            "consent": shape::consent(&record),
            "purpose": agreed.purpose.as_ref().map(|it| &it.text),
            "notice": agreed.notice,
            "versions": versions,
            "csrf": csrf,
        })));
    }
    let body = body((&record, &history.versions), &agreed, (&coming, &csrf), view);
    Ok(PortalPage::new(record.parties.partner_legal_name.clone(), body).ok(view))
}

fn body(
    (record, versions): (&ConsentRecord, &[ConsentRecord]),
    agreed: &AgreedWords,
    (coming, csrf): (&OwnVisit, &str),
    view: &View<'_>,
) -> Html {
    let words = view.words;
    let mut body = Html::new();
    body.part(&facts(record, view));
    if let Some(purpose) = &agreed.purpose {
        body.element(("<h2>", "</h2>\n"), words.ask_purpose);
        body.paragraph(purpose.text.in_language(view.language));
    }
    body.element(("<h2>", "</h2>\n<ul>"), words.ask_what);
    for scope in record.data.scopes.of_customers().iter() {
        let [name, meaning] = scope_words(scope, view.language);
        body.raw("<li><strong>").text(name).raw("</strong><br>").text(meaning).raw("</li>\n");
    }
    body.raw("</ul>\n");
    if let Some(notice) = &agreed.notice {
        body.raw("<details><summary>")
            .text(words.ask_notice)
            .raw("</summary><div class=\"notice\">");
        body.text(notice.text.in_language(record.notice.notice_lang)).raw("</div></details>\n");
    }
    body.raw("<p>").link(format!("/me/accesses?consent={}", record.grant_id), words.me_accesses);
    body.raw(" · ").link(format!("/me/consents/{}/receipt", record.grant_id), words.me_receipt);
    body.raw("</p>\n");
    let is_own = coming.who.session.subject == record.parties.subject_ref;
    if is_own && matches!(record.status, ConsentStatus::Active | ConsentStatus::Suspended) {
        body.part(&stop(record, csrf, view)).part(&less(record, csrf, view));
        let place = format!("/me/consents/{}/renew", record.grant_id);
        body.element(("<h2>", "</h2>\n<p>"), words.me_renew).link(place, words.me_renew_for);
        body.raw("</p>\n");
    }
    body.element(("<h2>", "</h2>\n<ol>"), words.me_versions);
    for version in versions {
        let at = version.validity.granted_at.unwrap_or(version.validity.starts_at);
        body.raw("<li>").text(words.status(version.status)).raw(", ").text(words.me_since);
        body.raw(" ").text(day(at, view.language)).raw("</li>\n");
    }
    body.raw("</ol>\n<p>").link("/me", words.me_back).raw("</p>\n");
    body
}

fn facts(record: &ConsentRecord, view: &View<'_>) -> Html {
    let (words, validity) = (view.words, &record.validity);
    let mut facts = Html::new();
    facts.raw("<dl>").element(("<dt>", "</dt>"), words.me_status);
    facts.element(("<dd>", "</dd>"), words.status(record.status));
    if let Some(at) = validity.granted_at {
        facts.element(("<dt>", "</dt>"), words.me_given);
        facts.element(("<dd>", "</dd>"), day(at, view.language));
    }
    facts.element(("<dt>", "</dt>"), words.ask_until);
    facts.element(("<dd>", "</dd>"), day(validity.expires_at, view.language));
    facts.element(("<dt>", "</dt>"), words.ask_contact).raw("<dd>");
    facts.name(&record.parties.partner_contact).raw("</dd></dl>\n");
    facts
}

/// The button that stops it.
fn stop(record: &ConsentRecord, csrf: &str, view: &View<'_>) -> Html {
    let words = view.words;
    let mut stop = Html::new();
    stop.element(("<h2>", "</h2>\n"), words.me_stop).paragraph(words.me_stop_means);
    stop.raw("<form method=\"post\" action=\"/me/consents/").text(record.grant_id);
    stop.raw("/revoke?wait=all\">").hidden("csrf", csrf);
    stop.raw("<label><input type=\"checkbox\" name=\"delete\" value=\"1\"><span>");
    stop.text(words.me_ask_delete).raw("</span></label>\n<button>").text(words.me_stop);
    stop.raw("</button></form>\n");
    stop
}

/// The form that takes a part back; nothing where there is none that could be.
fn less(record: &ConsentRecord, csrf: &str, view: &View<'_>) -> Html {
    let (words, data) = (view.words, &record.data);
    let optional = data.scopes.of_customers().without(data.required);
    let mut less = Html::new();
    if optional.is_empty() && data.let_in.is_empty() {
        return less;
    }
    less.element(("<h2>", "</h2>\n"), words.me_narrow).paragraph(words.me_narrow_means);
    less.raw("<form method=\"post\" action=\"/me/consents/").text(record.grant_id);
    less.raw("/narrow\">").hidden("csrf", csrf);
    for scope in optional.iter() {
        less.raw("<label><input type=\"checkbox\" name=\"scope:").text(scope);
        less.raw("\" value=\"1\"><span>").text(scope_words(scope, view.language)[0]);
        less.raw("</span></label>\n");
    }
    for category in data.let_in.iter() {
        less.raw("<label><input type=\"checkbox\" name=\"category:").text(category);
        less.raw("\" value=\"1\"><span>").text(category_words(category, view.language));
        less.raw("</span></label>\n");
    }
    less.raw("<button>").text(words.me_narrow).raw("</button></form>\n");
    less
}

/// Hands over the receipt of a consent.
pub(in crate::portal) async fn receipt(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = signed(&at, (&request, &path), &view).await;
    answer_of((&view, &request), answered)
}

async fn signed(
    portal: &Portal,
    (http, id): (&HttpRequest, &str),
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let coming = match portal.coming(http).await? {
        Ok(coming) => coming,
        Err(instead) => return Ok(instead),
    };
    let record = portal.own_consent(&coming.who, id).await?;
    let Some(receipt) = record.receipt_jws else {
        if record.expression.is_none() {
            return Err(PageError::NotFound);
        }
        let mut body = Html::new();
        body.raw("<p>").link("/me", view.words.me_back).raw("</p>");
        return Ok(PortalPage::new(view.words.me_receipt_soon, body).ok(view));
    };
    let name =
        format!("attachment; filename=\"receipt-{}.{}.jwt\"", record.grant_id, record.version);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/jwt"))
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(receipt))
}
