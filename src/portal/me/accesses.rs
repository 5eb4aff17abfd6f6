//! Each time that a partner has read data of the customer: the same rows by which the partner is billed.

use super::answer_of;
use crate::consent::record::GrantId;
use crate::consent::scope::OAuthScope;
use crate::customers::accesses::LoggedAccess;
use crate::customers::accesses::store::{AccessesOf, list as accesses};
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use crate::portal::answer::{PortalPage, json};
use crate::portal::error::PageError;
use crate::portal::html::Html;
use crate::portal::language::View;
use crate::portal::query::FormFields;
use crate::portal::scope_words::scope_words;
use crate::portal::screen::day;
use crate::portal::state::{Portal, PortalAt};
use actix_web::{HttpRequest, HttpResponse};
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::str::FromStr;

/// Rows of a page.
const ROWS: u32 = 200;

/// Shows them.
pub(in crate::portal) async fn list(request: HttpRequest, at: PortalAt) -> HttpResponse {
    let view = at.view(&request);
    let answered = listed(&at, &request, &view).await;
    answer_of((&view, &request), answered)
}

/// A parameter that may be left out.
fn given<T: FromStr>(query: &FormFields, name: &str) -> Result<Option<T>, PageError> {
    let wrong = || PageError::Request(format!("{name} is not what it should be"));
    query.get(name).map(|text| text.parse::<T>().map_err(|_| wrong())).transpose()
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
    let subject = coming.who.session.subject;
    let query = FormFields::read(http.query_string().as_bytes())?;
    let after = match (given::<Micros>(&query, "after")?, query.get("after_call")) {
        (Some(at), Some(call)) => Some((at, call)),
        _ => None,
    };
    let of = AccessesOf {
        subject,
        grant_id: given::<GrantId>(&query, "consent")?,
        partner: given::<PartnerId>(&query, "partner")?,
        from: given(&query, "from")?.unwrap_or(Micros(i64::MIN)),
        to: given(&query, "to")?.unwrap_or(Micros(i64::MAX)),
        after,
        limit: ROWS,
    };
    let rows = accesses(&portal.db, &of).await?;
    if coming.wants_json {
        let items: Vec<_> = rows.iter().map(shape).collect();
        return Ok(json(&serde_json::json!({ "items": items })));
    }
    let mut names = HashMap::new();
    for record in portal.consents_of(subject).await? {
        names.insert(record.grant_id, record.parties.partner_legal_name);
    }
    Ok(page(&rows, &names, view).ok(view))
}

fn shape(access: &LoggedAccess) -> serde_json::Value {
    let scopes: Vec<OAuthScope> = access.scopes.iter().collect();
    serde_json::json!({
        "call_id": access.call_id,
        "grant_id": access.grant_id,
        "version": access.version,
        "partner_id": access.partner,
        "operation": access.operation,
        "scopes": scopes,
        "fields": access.fields,
        "records": access.records,
        "at": access.at,
    })
}

fn page(rows: &[LoggedAccess], names: &HashMap<GrantId, String>, view: &View<'_>) -> PortalPage {
    let words = view.words;
    let mut body = Html::new();
    if rows.is_empty() {
        body.paragraph(words.me_accesses_none);
    } else {
        body.raw("<table><thead><tr>");
        for head in [words.me_accesses_when, words.me_accesses_who, words.ask_what] {
            body.element(("<th scope=\"col\">", "</th>"), head);
        }
        body.raw("</tr></thead><tbody>\n");
        for access in rows {
            body.part(&row(access, names, view));
        }
        body.raw("</tbody></table>\n");
    }
    if let Some(last) = rows.last().filter(|_| rows.len() >= ROWS as usize) {
        body.raw("<p><a href=\"/me/accesses?after=").text(last.at).raw("&amp;after_call=");
        body.text(&last.call_id).raw("\">").text(words.me_accesses_older).raw("</a></p>\n");
    }
    body.raw("<p>").link("/me", words.me_back).raw("</p>\n");
    PortalPage::new(words.me_accesses, body)
}

fn row(access: &LoggedAccess, names: &HashMap<GrantId, String>, view: &View<'_>) -> Html {
    let time = access.at.timestamp().to_zoned(TimeZone::UTC).time().strftime("%H:%M").to_string();
    let told: Vec<&str> =
        access.scopes.iter().map(|scope| scope_words(scope, view.language)[0]).collect();
    let mut row = Html::new();
    row.raw("<tr><td>").text(day(access.at, view.language)).raw(" ").text(time);
    row.raw(" UTC</td><td>").name(names.get(&access.grant_id).map_or("–", String::as_str));
    row.raw("</td><td>").text(told.join(", ")).raw(" (").text(access.records);
    row.raw(")</td></tr>\n");
    row
}
