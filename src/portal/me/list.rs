//! What a customer shares with whom, now and before.

use super::shape;
use super::{OwnVisit, answer_of};
use crate::consent::record::ConsentRecord;
use crate::consent::status::ConsentStatus;
use crate::portal::answer::{PortalPage, json};
use crate::portal::error::PageError;
use crate::portal::html::Html;
use crate::portal::language::View;
use crate::portal::logout;
use crate::portal::screen::day;
use crate::portal::state::{Portal, PortalAt};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// What the form by which data is erased is bound to.
pub(super) const ERASE: &str = "erase";

/// Shows the page.
pub(in crate::portal) async fn list(request: HttpRequest, at: PortalAt) -> HttpResponse {
    let view = at.view(&request);
    let answered = listed(&at, &request, &view).await;
    answer_of((&view, &request), answered)
}

async fn listed(
    portal: &Portal,
    http: &HttpRequest,
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let coming = match portal.coming(http).await? {
        Ok(coming) => coming,
        Err(instead) => return Ok(instead),
    };
    let mut all = portal.consents_of(coming.who.session.subject).await?;
    // What is asked for is on its own screen.
    all.retain(|record| record.status != ConsentStatus::Pending);
    all.sort_by_key(|record| std::cmp::Reverse(record.validity.starts_at));
    if coming.wants_json {
        let items: Vec<Value> = all.iter().map(shape::consent).collect();
        return Ok(json(&serde_json::json!({ "items": items })));
    }
    Ok(page(portal, &coming, view, &all).ok(view))
}

fn page(portal: &Portal, coming: &OwnVisit, view: &View<'_>, all: &[ConsentRecord]) -> PortalPage {
    let words = view.words;
    let (ended, active): (Vec<&ConsentRecord>, Vec<&ConsentRecord>) =
        all.iter().partition(|record| record.status.is_terminal());
    let mut body = Html::new();
    body.element(("<h2>", "</h2>\n"), words.me_active);
    body.part(&table(&active, view));
    if !ended.is_empty() {
        body.element(("<h2>", "</h2>\n"), words.me_ended).part(&table(&ended, view));
    }
    body.element(("<h2>", "</h2>\n<p>"), words.me_accesses);
    body.link("/me/accesses", words.me_accesses_show).raw("</p>\n");
    body.element(("<h2>", "</h2>\n"), words.me_export).paragraph(words.me_export_means);
    body.raw("<p>").link("/me/export?format=json", "JSON").raw(" · ");
    body.link("/me/export?format=csv", "CSV").raw("</p>\n");
    body.element(("<h2>", "</h2>\n"), words.me_erase).paragraph(words.me_erase_means);
    body.raw("<form method=\"post\" action=\"/me/erasure\">");
    body.hidden("csrf", portal.form_key(&coming.who, ERASE));
    body.raw("<label><input type=\"checkbox\" name=\"sure\" value=\"1\"><span>");
    body.text(words.me_erase_sure).raw("</span></label>\n<button>").text(words.me_erase);
    body.raw("</button></form>\n<hr>\n<form method=\"post\" action=\"/me/logout\">");
    body.hidden("csrf", portal.form_key(&coming.who, logout::ABOUT));
    body.raw("<button>").text(words.me_log_out).raw("</button></form>\n");
    PortalPage::new(words.me_title, body)
}

fn table(records: &[&ConsentRecord], view: &View<'_>) -> Html {
    let words = view.words;
    let mut table = Html::new();
    if records.is_empty() {
        table.paragraph(words.me_no_consents);
        return table;
    }
    table.raw("<ul>\n");
    for record in records {
        let (parties, validity) = (&record.parties, &record.validity);
        table.raw("<li><strong>").name(&parties.partner_legal_name).raw("</strong>, ");
        table.name(&record.purpose.service).raw(": ").text(words.status(record.status));
        table.raw(", ").text(words.me_since).raw(" ");
        table.text(day(validity.granted_at.unwrap_or(validity.starts_at), view.language));
        if !record.status.is_terminal() {
            table.raw(", ").text(words.me_until).raw(" ");
            table.text(day(validity.expires_at, view.language));
        }
        table.raw(". <a href=\"/me/consents/").text(record.grant_id).raw("\">");
        table.text(words.me_show).raw(" <span>").name(&record.purpose.service);
        table.raw("</span></a></li>\n");
    }
    table.raw("</ul>\n");
    table
}
