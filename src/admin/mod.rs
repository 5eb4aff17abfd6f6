//! The administration of access over HTTP, and the tokens that it takes.
//!
//! Every route lies behind [`caller::guard`], so none can be reached without the right that it needs
//! ([`rights`]), and no answer may be stored. A write is answered when this node has applied it.

pub mod accounts;
pub mod alerts;
pub mod applications;
pub mod approvals;
pub mod apps;
pub mod audit;
pub mod billing;
pub mod caller;
pub mod consent_words;
pub mod customer_access;
pub mod customers;
pub mod freezes;
pub mod imports;
pub mod keys;
pub mod levels;
pub mod login;
pub mod mails;
pub mod me;
pub mod nodes;
pub mod notes;
pub mod offers;
pub mod oidc;
pub mod page;
pub mod partners;
pub mod plan_versions;
pub mod plans;
pub mod privacy;
pub mod problems;
pub mod refusals;
pub mod refused;
pub mod rights;
pub mod roles;
pub mod sessions;
pub mod simulations;
pub mod sources;
pub mod state;
pub mod store;
pub mod subscriptions;
pub mod token;
pub mod tokens;
pub mod transfers;
pub mod uploads;
pub mod usage;
pub mod usage_events;
pub mod usage_health;
pub mod usage_runs;

#[cfg(test)]
mod tests;

pub use caller::AdminCaller;
pub use state::AdminState;
pub use token::bootstrap;

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where the admin API begins.
pub const PREFIX: &str = "/admin/v1";

/// Mounts the admin API, and with it its part of the OpenAPI document.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(
        scope(PREFIX)
            .configure(partners::configure)
            .configure(apps::configure)
            .configure(usage::configure)
            .configure(usage_health::configure)
            .configure(billing::configure)
            .configure(usage_runs::configure)
            .configure(usage_events::configure)
            .configure(plans::configure)
            .configure(simulations::configure)
            .configure(keys::configure)
            .configure(applications::configure)
            .configure(freezes::configure)
            .configure(notes::configure)
            .configure(offers::configure)
            .configure(subscriptions::configure)
            .configure(transfers::configure)
            .configure(tokens::configure)
            .configure(accounts::configure)
            .configure(approvals::configure)
            .configure(login::configure)
            .configure(oidc::configure)
            .configure(me::configure)
            .configure(audit::configure)
            .configure(refusals::configure)
            .configure(alerts::configure)
            .configure(mails::configure)
            .configure(levels::configure)
            .configure(uploads::configure)
            .configure(customers::configure)
            .configure(customer_access::configure)
            .configure(consent_words::configure)
            .configure(privacy::configure)
            .configure(imports::configure)
            .configure(sources::configure)
            .configure(nodes::configure)
            .wrap(actix_web::middleware::from_fn(caller::guard)),
    );
}
