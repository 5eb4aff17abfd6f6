//! What goes with a product or a store: its offers, and what is known of its stock.

use crate::catalog::Line;
use crate::catalog::offers::store::{OFFERS, withdrawn};
use crate::kernel::Micros;
use crate::stock::store::forget;
use crate::storage::{Log, StoreError, Tx, advance, one_at_a_time};

/// Products whose offers and levels go at a time; of stores one, for it has as many as a shop has goods.
const PRODUCTS: usize = 20;

/// Before a batch that deletes: see [`hold_all`].
pub(in crate::feeds) async fn hold<T: Sync>(
    tx: &mut Tx,
    rows: &[Line<T>],
) -> Result<(), StoreError> {
    if rows.iter().any(|row| matches!(row, Line::Delete(_))) {
        hold_all(tx).await?;
    }
    Ok(())
}

/// Takes what writers of offers and levels take first: these take the change log last, and a deletion
/// has it from its first entry on, so without this the two could wait for each other.
pub(in crate::feeds) async fn hold_all(tx: &mut Tx) -> Result<(), StoreError> {
    one_at_a_time(tx, OFFERS).await?;
    advance(tx, Log::Stock, 0).await?;
    Ok(())
}

/// Withdraws the offers of products and makes their levels unknown.
pub(in crate::feeds) async fn products(
    tx: &mut Tx,
    products: &[String],
    now: Micros,
) -> Result<(), StoreError> {
    for products in products.chunks(PRODUCTS) {
        withdrawn::remove_of_products(tx, products, now).await?;
        forget::forget_products(tx, products, now).await?;
    }
    Ok(())
}

/// Withdraws the offers of stores and makes their levels unknown.
pub(in crate::feeds) async fn stores(
    tx: &mut Tx,
    stores: &[String],
    now: Micros,
) -> Result<(), StoreError> {
    for store in stores {
        withdrawn::remove_of_store(tx, store, now).await?;
        forget::forget_store(tx, store, now).await?;
    }
    Ok(())
}
