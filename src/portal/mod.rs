//! What a customer's browser sees: the way from a partner to the login and to the screen on which they decide, and their own
//! page.
//!
//! A partner sends a customer to `authorize`. Who is not known is led to a provider of the retailer's (`login`) and
//! comes back with a session (`sessions`); what is asked for stands on the screen (`screen`), with their own values
//! (`samples`); the answer is written with the code in one transaction (`decision`), and leads back to the partner. What
//! may be asked, and which answers count, is judged by [`crate::authz`] and [`crate::consent`]: nothing is judged here.
//!
//! Pages need no script. All that others say is text in them (`html`), each form has a key of the session and of what it
//! is about, and no page can be framed.

mod answer;
mod asked;
mod authorize;
mod confirm;
mod consent;
mod decision;
mod eligibility;
mod error;
mod flow;
mod html;
mod language;
mod login;
mod logout;
mod me;
mod moves;
mod partner;
mod providers;
mod query;
mod rows;
mod samples;
mod scope_words;
mod screen;
mod sessions;
mod state;
mod store;
mod ticks;
mod words;

pub use state::{Portal, PortalParts};

use actix_web::dev::ResourceDef;
use actix_web::web::{self, ServiceConfig};
use std::sync::LazyLock;

/// The paths of the pages, with their methods.
const PATHS: [(&str, &str); 16] = [
    (authorize::PATH, "GET, HEAD"),
    ("/login/start", "GET, HEAD"),
    ("/login/callback/{provider}", "GET, HEAD"),
    ("/login/backchannel-logout/{provider}", "POST"),
    ("/consent/{reference}", "GET, HEAD, POST"),
    ("/me", "GET, HEAD"),
    ("/me/consents", "GET, HEAD"),
    ("/me/consents/{grant_id}", "GET, HEAD"),
    ("/me/consents/{grant_id}/revoke", "POST"),
    ("/me/consents/{grant_id}/narrow", "POST"),
    ("/me/consents/{grant_id}/renew", "GET, HEAD, POST"),
    ("/me/consents/{grant_id}/receipt", "GET, HEAD"),
    ("/me/accesses", "GET, HEAD"),
    ("/me/export", "GET, HEAD"),
    ("/me/erasure", "POST"),
    ("/me/logout", "POST"),
];

/// Mounts the pages.
pub fn configure(config: &mut ServiceConfig) {
    config
        .route(authorize::PATH, web::get().to(authorize::authorize))
        .route("/login/start", web::get().to(login::start))
        .route("/login/callback/{provider}", web::get().to(login::callback))
        .route("/login/backchannel-logout/{provider}", web::post().to(logout::by_provider))
        .route("/consent/{reference}", web::get().to(consent::show))
        .route("/consent/{reference}", web::post().to(consent::decide))
        .route("/me", web::get().to(me::list::list))
        .route("/me/consents", web::get().to(me::list::list))
        .route("/me/consents/{grant_id}", web::get().to(me::detail::show))
        .route("/me/consents/{grant_id}/revoke", web::post().to(me::change::revoke))
        .route("/me/consents/{grant_id}/narrow", web::post().to(me::change::narrow))
        .route("/me/consents/{grant_id}/renew", web::get().to(me::renew::show))
        .route("/me/consents/{grant_id}/renew", web::post().to(me::renew::renew))
        .route("/me/consents/{grant_id}/receipt", web::get().to(me::detail::receipt))
        .route("/me/accesses", web::get().to(me::accesses::list))
        .route("/me/export", web::get().to(me::export::export))
        .route("/me/erasure", web::post().to(me::erase::erase))
        .route("/me/logout", web::post().to(logout::log_out))
        .route(answer::STYLE_PATH, web::get().to(answer::style));
}

/// The methods that a path of these takes; `None` for any other.
#[must_use]
pub fn methods_at(path: &str) -> Option<String> {
    static ROUTES: LazyLock<Vec<(ResourceDef, &str)>> = LazyLock::new(|| {
        PATHS.iter().map(|(path, methods)| (ResourceDef::new(*path), *methods)).collect()
    });
    if path == answer::STYLE_PATH {
        return Some("GET, HEAD".to_owned());
    }
    let found = ROUTES.iter().find(|(template, _)| template.is_match(path));
    found.map(|(_, methods)| (*methods).to_owned())
}
