//! Billing over HTTP: periods and their close, statements, adjustments, and periods at other prices.

mod adjustments;
mod billability;
mod budgets;
mod outs;
mod periods;
mod reratings;
mod statements;

pub use adjustments::{CREATE, REVERSE};
pub use periods::CLOSE;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on billing.
pub fn configure(config: &mut ServiceConfig<'_>) {
    periods::configure(config);
    statements::configure(config);
    adjustments::configure(config);
    reratings::configure(config);
    billability::configure(config);
    budgets::configure(config);
}
