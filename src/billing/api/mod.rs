//! What partners see of what is billed.

pub mod credits;
pub mod current;
pub mod event_proof;
pub mod events;
pub mod schema;
pub mod statements;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations.
pub fn configure(config: &mut ServiceConfig<'_>) {
    current::configure(config);
    events::configure(config);
    event_proof::configure(config);
    statements::configure(config);
    credits::configure(config);
}
