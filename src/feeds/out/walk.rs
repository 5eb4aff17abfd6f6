//! What goes into a feed: products from memory, with the prices that hold while it is written.

use super::rows::{self, Paths, Product, Row};
use super::write::{Writer, Written};
use super::{Asked, Kind};
use crate::catalog::offers::Channel;
use crate::catalog::view::{Lookup, OfferRecord, ProductQuery};
use crate::kernel::Micros;
use crate::kernel::id::{ProductId, StoreId};
use crate::mirror::Mirror;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Products taken from memory at a time.
const BATCH: usize = 500;
/// Most offers and levels of a product: it has no more stores.
const MOST_PLACES: usize = 100_000;

/// Writes a feed, and tells when one of its prices begins or no longer holds.
pub(super) fn write(
    mirror: &Mirror,
    asked: Asked,
    now: Micros,
    path: &Path,
    link: &str,
) -> io::Result<(Written, Option<Micros>)> {
    let (columns, title) = match asked.kind {
        Kind::Products { .. } => (rows::PRODUCT, "Products"),
        Kind::Inventory { .. } => (rows::INVENTORY, "Local inventory"),
    };
    let mut writer = Writer::new(path, asked.form, columns, (title, link))?;
    let mut walk = Walk {
        mirror,
        stores: asked.store.into_iter().collect(),
        now,
        turns: None,
        paths: Paths::new(),
        codes: BTreeMap::new(),
    };
    let mut after = None;
    loop {
        let (bodies, next) = batch(mirror, asked, after);
        for body in &bodies {
            let product: Product = serde_json::from_slice(body)?;
            if product.status != "active" {
                continue;
            }
            let told = match asked.kind {
                Kind::Products { with_stock } => {
                    walk.product(&product, with_stock).into_iter().collect()
                }
                Kind::Inventory { exact, with_prices } => {
                    walk.inventory(&product, exact, with_prices)
                }
            };
            told.iter().try_for_each(|row| writer.row(row))?;
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok((writer.finish()?, walk.turns)),
        }
    }
}

/// The next products behind one: of a store, those that it offers or tells the stock of.
fn batch(mirror: &Mirror, asked: Asked, after: Option<u64>) -> (Vec<Bytes>, Option<u64>) {
    if let (Kind::Inventory { .. }, Some(store)) = (asked.kind, asked.store) {
        let ids = mirror.stock.of_store(store, after, BATCH, |product, _| Some(product));
        let body = |id: ProductId| match mirror.catalog.product(id) {
            Lookup::Found { body, .. } => Some(body),
            Lookup::Gone { .. } | Lookup::Missing => None,
        };
        return (ids.items.into_iter().filter_map(body).collect(), ids.next);
    }
    let query = ProductQuery { store: asked.store, ..ProductQuery::default() };
    let page = mirror.catalog.list(&query, after, BATCH);
    (page.items, page.next)
}

struct Walk<'a> {
    mirror: &'a Mirror,
    /// Those that are asked for; all where there is none.
    stores: Vec<StoreId>,
    now: Micros,
    turns: Option<Micros>,
    paths: Paths,
    /// Codes of stores that were looked up already.
    codes: BTreeMap<StoreId, Option<String>>,
}

impl Walk<'_> {
    /// The offers of a product that hold.
    fn offers(&mut self, product: ProductId, channel: Channel) -> Vec<OfferRecord> {
        let all =
            self.mirror.catalog.offers(product, &self.stores, Some(channel), None, MOST_PLACES);
        let mut offers = all.items;
        let turns = offers.iter().filter_map(|offer| offer.turns_after(self.now));
        self.turns = turns.chain(self.turns).min();
        offers.retain(|offer| offer.holds(self.now));
        offers
    }

    /// The row of a product of the web shop: of the store that is named, or the first that offers it.
    fn product(&mut self, product: &Product, with_stock: bool) -> Option<Row> {
        let offer = self.offers(product.id, Channel::Online).into_iter().next()?;
        let mut row = rows::product(product, &offer, &self.mirror.catalog, &mut self.paths);
        if with_stock {
            let stock = &self.mirror.stock;
            let told =
                stock.at(product.id, offer.store, |level| level.map(|l| rows::availability(&l)));
            row.extend(told.unwrap_or_default());
        }
        Some(row)
    }

    /// The rows of a product in the stores that know its stock.
    fn inventory(&mut self, product: &Product, exact: bool, with_prices: bool) -> Vec<Row> {
        let offers =
            if with_prices { self.offers(product.id, Channel::InStore) } else { Vec::new() };
        let stock = &self.mirror.stock;
        let told = stock.of_product(product.id, &self.stores, None, MOST_PLACES, |store, level| {
            let offer = offers.iter().find(|offer| offer.store == store);
            Some((store, rows::inventory(&product.sku, offer, &level?, exact)))
        });
        let stores = &self.mirror.stores;
        let with_code = |(store, mut row): (StoreId, Row)| {
            let code = self.codes.entry(store);
            let code = code.or_insert_with(|| rows::member(stores.store(store), "store_code"));
            row.push(("store_code", code.clone()?));
            Some(row)
        };
        told.items.into_iter().filter_map(with_code).collect()
    }
}
