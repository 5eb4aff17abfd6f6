//! The partner API of customers' data, under `/v1/customer/`.
//!
//! Each call goes through one guard (`guard`): it proves the access token and its key, asks the node what it knows of the
//! consent, and holds the call to the limits of the partner's app. What it gives is all that a handler can read by; every
//! answer goes through one door (`told`), which cuts documents to the scopes, gives what has an id the partner's own,
//! and leaves the note of the access.

mod guard;
mod ids;
mod lists;
mod loyalty;
mod profile;
mod promotions;
mod purchases;
mod range;
mod refused;
pub mod schema;
mod state;
mod told;
mod writes;

pub use guard::scopes_of;
pub use state::CustomerApi;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations. What has a fixed name comes before what has an id in its place.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(profile::get_customer_profile)
        .service(loyalty::list_customer_loyalty)
        .service(loyalty::list_customer_loyalty_transactions)
        .service(purchases::get_customer_purchase_summary)
        .service(purchases::list_customer_purchases)
        .service(purchases::get_customer_purchase)
        .service(lists::list_customer_lists)
        .service(lists::get_customer_list)
        .service(writes::create_customer_list)
        .service(writes::update_customer_list)
        .service(writes::add_customer_list_item)
        .service(promotions::list_customer_promotions);
}
