//! The pages that links in mails lead to. Looking at one does nothing, for programs look at links too: a
//! button does it.

use super::api::{At, of_link};
use super::links::{Step, Token};
use super::model::{Application, State};
use super::service;
use crate::access::error::AccessError;
use crate::http::error::AsItIs;
use crate::http::language::preferred;
use crate::http::{ApiError, ApiResult, Code, Params};
use crate::kernel::id::ApplicationId;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    RETRY_AFTER,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _, web};

/// Where the pages are.
pub const PATH: &str = "/apply/{application_id}/{step}";

/// Mounts the pages.
pub fn configure(config: &mut web::ServiceConfig) {
    config.route(PATH, web::get().to(ask)).route(PATH, web::post().to(act));
}

/// What the pages say in a language.
struct Texts {
    language: &'static str,
    /// Before the time until which a link works.
    until: &'static str,
    /// Titles, and what stands on their buttons.
    verify: (&'static str, &'static str),
    withdraw: (&'static str, &'static str),
    claim: (&'static str, &'static str),
    /// Below a key.
    claimed: &'static str,
    /// Titles, and what became of the application.
    withdrawn: (&'static str, &'static str),
    confirmed: (&'static str, &'static str),
    of_no_use: (&'static str, &'static str),
    /// Titles, and what went wrong otherwise.
    too_many: (&'static str, &'static str),
    later: (&'static str, &'static str),
    not_taken: (&'static str, &'static str),
}

const ENGLISH: Texts = Texts {
    language: "en",
    until: "The link works until",
    verify: ("Confirm your address", "Confirm"),
    withdraw: ("Take your application back", "Take it back"),
    claim: ("Your first key", "Show it, this once"),
    claimed: "Send it as <code>Authorization: Bearer</code> with each call. It cannot be shown again.",
    withdrawn: ("Taken back", "Your application is withdrawn."),
    confirmed: ("Confirmed", "Your application is looked at. You will get a mail."),
    of_no_use: (
        "This link is of no use",
        "It is not right, was used, or its time is over. Open it whole, as it stands in the mail.",
    ),
    too_many: (
        "Too many links that are not right",
        "Try again in an hour, or open the link of the mail whole, as it stands there.",
    ),
    later: ("Not now", "The service cannot answer at present. Try again in some minutes."),
    not_taken: ("This cannot be done now", "Ask the retailer, and name the time."),
};

const FRENCH: Texts = Texts {
    language: "fr",
    until: "Le lien fonctionne jusqu'au",
    verify: ("Confirmez votre adresse", "Confirmer"),
    withdraw: ("Retirez votre demande", "La retirer"),
    claim: ("Votre première clé", "L'afficher, une seule fois"),
    claimed: "Envoyez-la avec chaque appel : <code>Authorization: Bearer</code>. Elle ne sera plus affichée.",
    withdrawn: ("Retirée", "Votre demande est retirée."),
    confirmed: ("Confirmée", "Votre demande sera lue. Vous recevrez un courriel."),
    of_no_use: (
        "Ce lien ne sert pas",
        "Il est incorrect, a déjà servi, ou son délai est passé. Ouvrez-le en entier, tel qu'il est dans le courriel.",
    ),
    too_many: (
        "Trop de liens incorrects",
        "Réessayez dans une heure, ou ouvrez le lien du courriel en entier, tel qu'il y est.",
    ),
    later: ("Pas maintenant", "Le service ne peut pas répondre. Réessayez dans quelques minutes."),
    not_taken: (
        "C'est impossible pour l'instant",
        "Adressez-vous à l'enseigne, en précisant l'heure.",
    ),
};

/// What a link carries.
fn token(request: &HttpRequest) -> ApiResult<Token> {
    let mut params = Params::new(request.query_string());
    let token = params.value("token");
    params.finish()?;
    token.ok_or_else(|| AccessError::Link.into())
}

/// A page in plain HTML. What is put into it is ours, of letters, digits and `_` alone, or escaped.
fn page(texts: &Texts, mut answer: HttpResponseBuilder, title: &str, body: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <main><h1>{title}</h1>{body}</main></html>",
        texts.language
    );
    let mut response = answer
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_LANGUAGE, texts.language))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        ))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .body(html);
    response.extensions_mut().insert(AsItIs);
    response
}

/// A page with nothing but words.
fn told(texts: &Texts, (title, said): (&str, &str)) -> HttpResponse {
    page(texts, HttpResponse::Ok(), title, &format!("<p>{said}</p>"))
}

fn place(path: &(String, String)) -> ApiResult<(ApplicationId, Step)> {
    let unknown = || ApiError::from(AccessError::Link);
    Ok((path.0.parse().map_err(|_| unknown())?, path.1.parse().map_err(|()| unknown())?))
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// The texts in the language of the application, as its mails have, or in that of who looks where the link does
/// not tell whose it is.
fn texts(request: &HttpRequest, found: Option<&Application>) -> &'static Texts {
    let french = match found.and_then(|found| found.wish.language.as_ref()) {
        Some(language) => language.is_of("fr"),
        None => preferred(request.headers(), &["fr", "en"]) == Some("fr"),
    };
    if french { &FRENCH } else { &ENGLISH }
}

/// What an application is about and until when its link works.
fn about(texts: &Texts, at: &At, step: Step, of: &Application) -> String {
    let (app, organisation) =
        (escaped(of.wish.app_name.as_str()), escaped(of.wish.organisation.as_str()));
    let until = match step {
        // As long as it waits.
        Step::Withdraw => String::new(),
        _ => format!("<p>{} {}</p>", texts.until, at.links.until(step, of, texts.language == "fr")),
    };
    format!("<p>{app} ({organisation})</p>{until}")
}

/// What went wrong, as a page.
fn failed(texts: &Texts, error: &ApiError) -> HttpResponse {
    let (title, said) = match error.code() {
        Code::TooManyRequests => texts.too_many,
        Code::NotFound | Code::InvalidParameter => texts.of_no_use,
        Code::Unavailable | Code::Internal => texts.later,
        _ => texts.not_taken,
    };
    let mut answer = HttpResponse::build(error.status_code());
    if let Some(seconds) = error.retry_after() {
        answer.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    page(texts, answer, title, &format!("<p>{said}</p>"))
}

async fn ask(request: HttpRequest, path: web::Path<(String, String)>, at: At) -> HttpResponse {
    match asked(&request, &path, &at).await {
        Ok(page) => page,
        Err(error) => failed(texts(&request, None), &error),
    }
}

async fn asked(request: &HttpRequest, path: &(String, String), at: &At) -> ApiResult<HttpResponse> {
    let (id, step) = place(path)?;
    let found = of_link(request, at, service::by_link(at, (id, step), token(request)?)).await?;
    let texts = texts(request, Some(&found));
    let (title, button) = match step {
        Step::Verify => texts.verify,
        Step::Withdraw => texts.withdraw,
        Step::Claim => texts.claim,
    };
    let about = about(texts, at, step, &found);
    let form = format!("{about}<form method=\"post\"><button>{button}</button></form>");
    Ok(page(texts, HttpResponse::Ok(), title, &form))
}

async fn act(request: HttpRequest, path: web::Path<(String, String)>, at: At) -> HttpResponse {
    let link = place(&path).and_then(|link| Ok((link, token(&request)?)));
    let (link, token) = match link {
        Ok(link) => link,
        Err(error) => return failed(texts(&request, None), &error),
    };
    // Whose it is tells the language, also of what goes wrong behind it.
    let found = match of_link(&request, &at, service::by_link(&at, link, token)).await {
        Ok(found) => found,
        Err(error) => return failed(texts(&request, None), &error),
    };
    let texts = texts(&request, Some(&found));
    match of_link(&request, &at, done(texts, &at, link, token)).await {
        Ok(page) => page,
        Err(error) => failed(texts, &error),
    }
}

/// Does the step of a link, and says what became of it.
async fn done(
    texts: &Texts,
    at: &At,
    (id, step): (ApplicationId, Step),
    token: Token,
) -> Result<HttpResponse, AccessError> {
    let state = match step {
        Step::Verify => service::verify(at, id, token).await?.state,
        Step::Withdraw => service::withdraw(at, id, token).await?.state,
        Step::Claim => {
            let issued = service::claim(at, id, token).await?;
            let (title, said) = (texts.claim.0, texts.claimed);
            let body = format!("<p><code>{}</code></p><p>{said}</p>", issued.text.reveal());
            return Ok(page(texts, HttpResponse::Ok(), title, &body));
        }
    };
    Ok(match state {
        State::Withdrawn => told(texts, texts.withdrawn),
        _ => told(texts, texts.confirmed),
    })
}

/// Whether there is a page of this kind at a path.
#[must_use]
pub fn is_path(path: &str) -> bool {
    let mut parts = path.strip_prefix("/apply/").unwrap_or_default().split('/');
    let (id, step) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    parts.next().is_none() && id.parse::<ApplicationId>().is_ok() && step.parse::<Step>().is_ok()
}
