//! What goes into a feed: products from memory, with the prices that hold while it is written.

use super::rows::{self, Paths, Product, Row};
use super::write::{Writer, Written};
use super::{Asked, Kind, Said, fields};
use crate::access::resource::Kind as Resource;
use crate::catalog::api::Included;
use crate::catalog::offers::Channel;
use crate::catalog::view::{Grant, Lookup, OfferRecord, ProductQuery};
use crate::kernel::Micros;
use crate::kernel::id::{ProductId, StoreId};
use crate::mirror::Mirror;
use crate::stock::view::Level;
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
    asked: &Asked,
    now: Micros,
    path: &Path,
    said: &Said,
) -> io::Result<(Written, Option<Micros>)> {
    let (columns, title) = match asked.kind {
        Kind::Products { .. } => (rows::PRODUCT, "Products"),
        Kind::Inventory { .. } => (rows::INVENTORY, "Local inventory"),
    };
    let mut writer = Writer::new(path, asked.form, columns, (title, &said.link))?;
    let mut walk = Walk {
        mirror,
        included: Included::of_plan(asked.data.as_ref(), &mirror.catalog),
        stores: asked.store.into_iter().collect(),
        program: said.loyalty_program.as_deref(),
        now,
        turns: None,
        paths: Paths::new(),
        codes: BTreeMap::new(),
    };
    let mut after = None;
    loop {
        let (bodies, next) = batch(mirror, asked, walk.included.grant(), after);
        for body in &bodies {
            let product: Product = serde_json::from_slice(body)?;
            if product.status != "active" {
                continue;
            }
            let told = match asked.kind {
                Kind::Products { with_stock, with_stores } => {
                    walk.product(&product, with_stock, with_stores).into_iter().collect()
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
fn batch(
    mirror: &Mirror,
    asked: &Asked,
    grant: Option<&Grant>,
    after: Option<u64>,
) -> (Vec<Bytes>, Option<u64>) {
    if let (Kind::Inventory { .. }, Some(store)) = (asked.kind, asked.store) {
        let ids = mirror.stock.of_store(store, after, BATCH, |product, _| Some(product));
        let body = |id: ProductId| match mirror.catalog.product_within(grant, id) {
            Lookup::Found { body, .. } => Some(body),
            Lookup::Gone { .. } | Lookup::Missing => None,
        };
        return (ids.items.into_iter().filter_map(body).collect(), ids.next);
    }
    let (store, grant) = (asked.store, grant.cloned());
    let query = ProductQuery { store, grant, ..ProductQuery::default() };
    // Those whose offers are to come say when the feed changes.
    let page = mirror.catalog.list(&query, None, after, BATCH);
    (page.items, page.next)
}

struct Walk<'a> {
    mirror: &'a Mirror,
    included: Included,
    /// Those that are asked for; all where there is none.
    stores: Vec<StoreId>,
    /// By which the price for members is told, where it is.
    program: Option<&'a str>,
    now: Micros,
    turns: Option<Micros>,
    paths: Paths,
    /// Codes of stores that were looked up already.
    codes: BTreeMap<StoreId, Option<String>>,
}

impl Walk<'_> {
    /// The offers of a product that hold, with their sales where these may be told whole.
    fn offers(&mut self, product: ProductId, channel: Channel) -> Vec<OfferRecord> {
        let (catalog, grant) = (&self.mirror.catalog, self.included.grant());
        let mut offers = catalog.stored_offers(grant, product, &self.stores, Some(channel));
        let has = |field: &&str| self.included.has_field(Resource::Offer, field);
        let tells_sales = ["list_price", "price", "valid_from", "valid_through"].iter().all(has);
        let turns = offers.iter().filter_map(|offer| offer.turns_after(self.now));
        self.turns = turns.chain(self.turns).min();
        if tells_sales {
            offers.retain(|offer| offer.holds(self.now));
            return offers;
        }
        let mut offers: Vec<_> =
            offers.into_iter().filter_map(|offer| offer.at(self.now)).collect();
        if !has(&"list_price") {
            offers.iter_mut().for_each(|offer| offer.list_price = None);
        }
        offers
    }

    /// The row of a product of the web shop: of the store that is named, or the first that offers it. Of what only
    /// stores sell, where that is wanted, with the price of the first, and kept from the destinations online.
    fn product(&mut self, product: &Product, with_stock: bool, with_stores: bool) -> Option<Row> {
        let online = self.offers(product.id, Channel::Online).into_iter().next();
        let is_online = online.is_some();
        let in_store = match online {
            None if with_stores => self.offers(product.id, Channel::InStore).into_iter().next(),
            _ => None,
        };
        let offer = online.or(in_store)?;
        let told = (&*self.mirror.catalog, self.included.grant());
        let mut row = rows::product((product, &offer, self.now), told, &mut self.paths);
        self.for_members(&offer, &mut row);
        if with_stock && is_online {
            let stock = &self.mirror.stock;
            let told =
                stock.at(product.id, offer.store, |level| level.map(|l| rows::availability(&l)));
            row.extend(told.unwrap_or_default());
        }
        if !is_online {
            row.extend(rows::in_stores_only(with_stock));
        }
        self.known_by_id(product, &mut row);
        fields::keep(&mut row, &self.included);
        Some(row)
    }

    /// The price for members of the loyalty programme, as a group of attributes.
    fn for_members(&self, offer: &OfferRecord, row: &mut Row) {
        let sale = offer.sale.filter(|sale| sale.holds(self.now));
        let paid = sale.map_or(offer.price, |sale| sale.price);
        let lower = offer.member_price.filter(|amount| *amount < paid);
        let price = lower.map(|amount| rows::money(amount, offer.currency));
        let told = self.program.zip(price);
        row.extend(
            told.map(|(program, price)| ("loyalty_program", format!("{program}:{price}::::"))),
        );
    }

    /// Where the retailer's code of a product is left out, its id stands in its place.
    fn known_by_id(&self, product: &Product, row: &mut Row) {
        if !self.included.has_field(Resource::Product, "sku") {
            let id = row.iter_mut().find(|(attribute, _)| *attribute == "id");
            id.into_iter().for_each(|(_, text)| *text = product.id.to_string());
        }
    }

    /// The rows of a product in the stores that know its stock.
    fn inventory(&mut self, product: &Product, exact: bool, with_prices: bool) -> Vec<Row> {
        let offers =
            if with_prices { self.offers(product.id, Channel::InStore) } else { Vec::new() };
        let stock = &self.mirror.stock;
        let place = (product.id, &*self.stores);
        let line = |store, level: Option<Level<'_>>| {
            let offer = offers.iter().find(|offer| offer.store == store);
            let now = offer.map(|offer| (offer, self.now));
            let mut row = rows::inventory(&product.sku, now, &level?, exact)?;
            offer.into_iter().for_each(|offer| self.for_members(offer, &mut row));
            Some((store, row))
        };
        let told = stock.of_product_within(&self.included, place, None, MOST_PLACES, line);
        let told = told.items.into_iter().filter_map(|(store, mut row)| {
            row.push(("store_code", self.code(store)?));
            self.known_by_id(product, &mut row);
            fields::keep(&mut row, &self.included);
            Some(row)
        });
        told.collect()
    }

    /// What a store is known by.
    fn code(&mut self, store: StoreId) -> Option<String> {
        if !self.included.has_field(Resource::Store, "store_code") {
            return Some(store.to_string());
        }
        let stores = &self.mirror.stores;
        let code = self.codes.entry(store);
        code.or_insert_with(|| rows::member(stores.store(store), "store_code")).clone()
    }
}
