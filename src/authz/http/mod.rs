//! The endpoints of the authorization server that are called without a browser.
//!
//! A request is read strictly and once ([`arrived`]), its client and key are proved, and what the core says of them is done
//! in one transaction and answered. Nothing is judged here: every rule is the core's, and what a consent allows is read
//! from its row, which knows more than any memory ([`found`]).
//!
//! One token endpoint serves two kinds of client: those that are keys of another kind ([`crate::access::oauth`]), which
//! get tokens in place of a key, and those that are registered for customers' data ([`registered`]).

pub mod answered;
pub mod arrived;
pub mod documents;
pub mod ended;
pub mod found;
pub mod grants;
pub mod introspection;
pub mod issuing;
pub mod keyring;
pub mod metadata;
pub mod pushing;
pub mod registered;
pub mod replays;
pub mod revocation;
pub mod state;
pub mod taking_back;
pub mod token;

pub use ended::consent_ended;
pub use keyring::SigningKeys;
pub use replays::Replays;
pub use state::{AuthzParts, AuthzState};

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the endpoints; [`AuthzState`] is in the application's data.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(metadata::get_oauth_metadata)
        .service(metadata::get_openid_metadata)
        .service(metadata::get_resource_metadata)
        .service(metadata::get_signing_keys)
        .service(pushing::push_authorization_request)
        .service(token::create_access_token)
        .service(revocation::revoke_token)
        .service(introspection::introspect_token)
        .service(grants::get_grant)
        .service(grants::delete_grant);
}

/// The methods that a path takes, where it is one of these.
#[must_use]
pub fn methods_at(path: &str) -> Option<&'static str> {
    use super::grant::ENDED_PATH;
    use super::metadata as at;
    match path {
        at::PAR_PATH | at::TOKEN_PATH | at::REVOKE_PATH | at::INTROSPECT_PATH => Some("POST"),
        at::SERVER_PATH | at::OPENID_PATH | at::RESOURCE_PATH | at::JWKS_PATH | ENDED_PATH => {
            Some("GET, HEAD")
        }
        _ => {
            let id = path.strip_prefix(at::GRANTS_PATH)?.strip_prefix('/')?;
            (!id.is_empty() && !id.contains('/')).then_some("DELETE, GET, HEAD")
        }
    }
}
