//! Reads that join the domains: products with what they cost and where they are.
//!
//! A domain answers for itself in its own `api`; what needs products, prices, stores and stock at
//! once stands here, above all of them.

pub mod digital_link;
pub mod gtin;
mod list;
mod lookup;
mod products;
mod schema;
mod shape;
mod store_offers;
mod stores;
mod suggest;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations, fixed paths before those that take an id.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list::list_products)
        .service(suggest::list_suggestions)
        .service(stores::list_stores)
        .service(stores::get_store)
        .service(store_offers::list_store_offers)
        .service(lookup::lookup_products)
        .service(products::get_product_by_gtin)
        .service(products::get_product_by_sku)
        .service(products::get_product);
    digital_link::configure(config);
}

#[cfg(test)]
mod tests;
