//! Having one's data erased.

use super::answer_of;
use super::list::ERASE;
use crate::access::service::By;
use crate::consent::change::ConsentActor;
use crate::customers::erase::erase_customer;
use crate::http::body::RawBody;
use crate::portal::answer::PortalPage;
use crate::portal::error::PageError;
use crate::portal::html::Html;
use crate::portal::language::View;
use crate::portal::query::{FORM_MOST, FormFields};
use crate::portal::sessions::SESSION;
use crate::portal::state::{Portal, PortalAt};
use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse};

/// Who the audit log names for it: not which customer.
const ACTOR: &str = "customer";

/// Erases what is known of the customer, who has ticked that they are sure.
pub(in crate::portal) async fn erase(
    request: HttpRequest,
    at: PortalAt,
    body: RawBody<FORM_MOST>,
) -> HttpResponse {
    let view = at.view(&request);
    let answered = erased(&at, &request, &body.0, &view).await;
    answer_of((&view, &request), answered)
}

async fn erased(
    portal: &Portal,
    http: &HttpRequest,
    body: &[u8],
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let given = FormFields::read(body)?;
    let coming = portal.sending(http, (&given, ERASE)).await?;
    if let Some(way) = portal.again(&coming) {
        return Ok(way);
    }
    if given.get("sure").is_none() {
        return Err(PageError::NotNow(view.words.me_tick_to_erase.to_owned()));
    }
    // All consents end with it, and so do sessions: they hang on who the customer is to the ledger.
    let by = By::new(ACTOR, portal.now());
    let customer = &coming.who.customer;
    erase_customer(&portal.db, &by, customer, ConsentActor::Customer).await?;
    portal.consents.nudge();
    let mut said = Html::new();
    said.paragraph(view.words.me_erased_means);
    let page = PortalPage::new(view.words.me_erased, said);
    let mut answer = page.send(view, HttpResponse::Accepted());
    let forget = SESSION.forget(&portal.site)?;
    answer.headers_mut().append(SET_COOKIE, forget);
    Ok(answer)
}
