//! The provider's pages. Each says what it is.

use super::PEOPLE;
use crate::access::oauth::form::Parameters;
use crate::demo::images::escape;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder};

/// What stands above each page.
const BANNER: &str = "Demonstration / Démonstration: a made-up identity provider. Nobody here is real, and anybody can log in as \
     any of these customers. / Un fournisseur d'identité fictif. Personne ici n'est réel.";
const STYLE: &str = "body{font:17px/1.5 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:1rem;color:#111;background:#fff}\
     aside{border:3px solid #111;padding:.75rem;font-weight:600}\
     button{font:inherit;padding:.6rem 1rem;margin:.3rem 0;width:100%;text-align:left;background:#fff;color:#111;border:2px solid #111}\
     button:focus-visible{outline:3px solid #0b4f8a;outline-offset:2px}";
/// What a form has to bring back of what was asked for.
const BROUGHT_BACK: [&str; 9] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "acr_values",
];

fn page(mut answer: HttpResponseBuilder, title: &str, body: &str) -> HttpResponse {
    answer
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Nothing of `form-action`: the answer to the form leads back to the gateway.
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .body(format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
             <body><aside>{BANNER}</aside><main><h1>{title}</h1>{body}</main></body></html>\n"
        ))
}

/// What is at the address itself.
pub(super) fn welcome(issuer: &str) -> HttpResponse {
    let body = format!("<p>The OpenID provider of the demo: <code>{}</code></p>", escape(issuer));
    page(HttpResponse::Ok(), "Demo provider", &body)
}

/// What was wrong.
pub(super) fn wrong(why: &str) -> HttpResponse {
    let body = format!("<p>{}</p>", escape(why));
    page(HttpResponse::BadRequest(), "This login cannot be", &body)
}

/// Who can be logged in as.
pub(super) fn choice(given: &Parameters, is_strong: bool) -> HttpResponse {
    let field = |name: &&str| {
        let value = escape(given.get(name)?);
        Some(format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
    };
    let fields: String = BROUGHT_BACK.iter().filter_map(field).collect();
    let button = |person: &super::DemoPerson| {
        format!(
            "<button name=\"person\" value=\"{}\"><strong>{}</strong>: {}</button>",
            person.key, person.name, person.about
        )
    };
    let buttons: String = PEOPLE.iter().map(button).collect();
    let how = if is_strong { "<p>A strong login is asked for.</p>" } else { "" };
    let body = format!("{how}<form method=\"post\" action=\"/authorize\">{fields}{buttons}</form>");
    page(HttpResponse::Ok(), "Log in as…", &body)
}
