//! Stopping a consent, and taking a part of it back.

use super::{answer_of, shape};
use crate::consent::ask::Narrowing;
use crate::consent::record::ConsentRecord;
use crate::consent::refused::ChangeRefused;
use crate::http::body::RawBody;
use crate::kernel::Micros;
use crate::portal::answer::{PortalPage, json, lead};
use crate::portal::confirm::Confirmed;
use crate::portal::decision::own;
use crate::portal::error::PageError;
use crate::portal::html::Html;
use crate::portal::language::View;
use crate::portal::query::{FORM_MOST, FormFields};
use crate::portal::screen::day;
use crate::portal::state::{Portal, PortalAt};
use crate::portal::ticks::ticked;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::tz::TimeZone;

/// Ends a consent.
pub(in crate::portal) async fn revoke(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = revoked(&at, (&request, &path), &body.0, &view).await;
    answer_of((&view, &request), answered)
}

async fn revoked(
    portal: &Portal,
    (http, id): (&HttpRequest, &str),
    body: &[u8],
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let given = FormFields::read(body)?;
    let coming = portal.sending(http, (&given, id)).await?;
    let record = portal.own_consent(&coming.who, id).await?;
    let (subject, now) = (coming.who.session.subject, portal.now());
    let delete = given.get("delete").is_some();
    let make = |it: &ConsentRecord| own(it, subject)?.revoke(delete, now);
    let moved = portal.moved(record.grant_id, make).await?.map_err(|refused| not_now(&refused))?;
    let query = FormFields::read(http.query_string().as_bytes())?;
    let waits = query.get("wait") == Some("all");
    let confirmed = match moved.seq.filter(|_| waits) {
        Some(seq) => Some(portal.confirmed(seq).await?),
        None => None,
    };
    // Where not all have said so, those that have not give nothing out behind this, since what they know is too old.
    let stale = i64::from(portal.settings.consent.max_stale_ms) * 1_000;
    let effective_at = match &confirmed {
        None => now,
        Some(it) if it.is_all() => it.at,
        Some(_) => Micros(now.0.saturating_add(stale)),
    };
    if coming.wants_json {
        return Ok(json(&serde_json::json!({
            "effective_at": effective_at,
            "nodes_confirmed": confirmed.as_ref().map(|it| it.nodes),
            "nodes_total": confirmed.as_ref().map(|it| it.total),
            "receipt": moved.record.receipt_jws,
            "consent": shape::consent(&moved.record),
        })));
    }
    Ok(stopped(&moved.record, (effective_at, confirmed.as_ref()), view).ok(view))
}

/// The page that says from when on it holds nowhere.
fn stopped(
    record: &ConsentRecord,
    (at, confirmed): (Micros, Option<&Confirmed>),
    view: &View<'_>,
) -> PortalPage {
    let words = view.words;
    let time = at.timestamp().to_zoned(TimeZone::UTC).time().strftime("%H:%M:%S").to_string();
    let mut body = Html::new();
    body.raw("<p>").text(words.me_stopped).raw(" <time>").text(day(at, view.language));
    body.raw(" ").text(time).raw(" UTC</time>.");
    if let Some(Confirmed { nodes, total, .. }) = confirmed {
        body.raw(" ").text(nodes).raw(" ").text(words.me_nodes).raw(" ").text(total);
        body.raw(" ").text(words.me_nodes_confirm).raw(".");
    }
    body.raw("</p>\n<p>").link(format!("/me/consents/{}", record.grant_id), words.me_show);
    body.raw(" · ").link("/me", words.me_back).raw("</p>\n");
    PortalPage::new(words.me_changed, body)
}

/// Takes a part of a consent back.
pub(in crate::portal) async fn narrow(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = narrowed(&at, (&request, &path), &body.0).await;
    answer_of((&view, &request), answered)
}

async fn narrowed(
    portal: &Portal,
    (http, id): (&HttpRequest, &str),
    body: &[u8],
) -> Result<HttpResponse, PageError> {
    let given = FormFields::read(body)?;
    let coming = portal.sending(http, (&given, id)).await?;
    let record = portal.own_consent(&coming.who, id).await?;
    let less = Narrowing {
        remove: ticked(&given, "scope:")?.into_iter().collect(),
        exclude: ticked(&given, "category:")?.into_iter().collect(),
    };
    let (subject, now) = (coming.who.session.subject, portal.now());
    let make = |it: &ConsentRecord| own(it, subject)?.narrow(less, now);
    let moved = portal.moved(record.grant_id, make).await?.map_err(|refused| not_now(&refused))?;
    if coming.wants_json {
        return Ok(json(&shape::consent(&moved.record)));
    }
    Ok(lead(&format!("/me/consents/{}", record.grant_id)))
}

/// What a consent does not allow.
fn not_now(refused: &ChangeRefused) -> PageError {
    PageError::NotNow(refused.to_string())
}
