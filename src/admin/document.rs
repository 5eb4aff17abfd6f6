//! The base of the admin API's OpenAPI document: what no handler says.

use crate::http::FieldError;
use crate::http::error::Problem;
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// The document without its operations, which [`super::configure`] adds.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    info(
        title = "Comptoir admin API",
        description = "Partners, apps, plans, keys and admin tokens, and the log of who changed \
                       what. A change is in force on the answering node when the call is answered.",
    ),
    components(schemas(Problem, FieldError)),
    modifiers(&AdminToken),
    tags(
        (name = "partners", description = "Organisations that take data"),
        (name = "apps", description = "Partners' software, each on a plan"),
        (name = "plans", description = "What apps may take in which time"),
        (name = "keys", description = "Secrets that apps call with"),
        (name = "tokens", description = "Secrets that this API is called with"),
        (name = "audit", description = "Who did what, to what, and when"),
    )
)]
pub struct AdminDocument;

/// The security scheme that all admin operations name.
struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, api: &mut OpenApi) {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some("An admin token, `cpt_admin_…`".to_owned());
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("admin_token", SecurityScheme::Http(http));
    }
}
