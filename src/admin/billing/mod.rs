//! Billing over HTTP: periods and their close, statements, adjustments, credits, periods at other prices, and the
//! hand-off.

mod adjustments;
mod billability;
mod budgets;
mod credits;
mod handoffs;
mod outs;
mod periods;
mod reratings;
mod statements;

pub use adjustments::{CREATE, REVERSE};
pub use credits::{END, GRANT};
pub use periods::{CLOSE, close_period, recounted};

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on billing.
pub fn configure(config: &mut ServiceConfig<'_>) {
    periods::configure(config);
    statements::configure(config);
    adjustments::configure(config);
    credits::configure(config);
    reratings::configure(config);
    handoffs::configure(config);
    billability::configure(config);
    budgets::configure(config);
}
