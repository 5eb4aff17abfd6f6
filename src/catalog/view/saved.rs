//! Products and offers in the form in which they go to a file and come back, the same in every run of one
//! version of the program.

use super::CatalogView;
use super::offers::{OfferRecord, Offers};
use super::products::{Entry, ProductRecord, Products, Tombstone, group_key};
use crate::catalog::model::Status;
use crate::catalog::offers::{Channel, PriceType, Sale};
use crate::kernel::id::{ProductId, PromotionId, StoreId};
use crate::kernel::word::Word;
use crate::kernel::{Amount, Currency, Gtin, Micros};
use serde::{Deserialize, Serialize};

/// A word or a document that no view can have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not what was saved")]
pub struct NotSaved(pub String);

fn word<T: Word>(text: &str) -> Result<T, NotSaved> {
    T::of(text).ok_or_else(|| NotSaved(text.to_owned()))
}

/// A product.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedProduct<'a> {
    pub(super) id: u64,
    /// 0 for none.
    pub(super) gtin: u64,
    pub(super) brand: Option<u64>,
    /// The key of its item group.
    pub(super) group: Option<u64>,
    pub(super) categories: &'a str,
    status: &'a str,
    pub(super) sold_by_weight: bool,
    pub(super) body: &'a str,
    pub(super) etag: u64,
    pub(super) updated_at: i64,
}

impl<'a> SavedProduct<'a> {
    pub(super) fn of(record: &'a ProductRecord) -> Self {
        Self {
            id: record.id.0,
            gtin: record.gtin.map_or(0, Gtin::number),
            brand: record.brand.map(|brand| brand.0),
            group: record.item_group.as_deref().map(group_key),
            categories: &record.categories,
            status: record.status.as_str(),
            sold_by_weight: record.sold_by_weight,
            body: &record.body,
            etag: record.etag,
            updated_at: record.updated_at.0,
        }
    }

    fn of_entry(entry: &'a Entry, products: &'a Products) -> Option<Self> {
        Some(Self {
            id: entry.id,
            gtin: entry.gtin,
            brand: products.brands.key(entry.brand),
            group: products.groups.key(entry.group),
            categories: products.categories.text(entry.categories).unwrap_or_default(),
            status: entry.status.as_str(),
            sold_by_weight: entry.sold_by_weight,
            body: std::str::from_utf8(&entry.body).ok()?,
            etag: entry.etag,
            updated_at: entry.updated_at,
        })
    }
}

/// A deleted product.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedTombstone {
    id: u64,
    /// 0 for none.
    gtin: u64,
    replaced_by: Option<u64>,
    at: i64,
}

/// An offer.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedOffer<'a> {
    product: u64,
    store: u64,
    channel: &'a str,
    currency: &'a str,
    price: i64,
    list_price: Option<i64>,
    member_price: Option<i64>,
    price_type: &'a str,
    unit_price: Option<i64>,
    unit_reference: Option<String>,
    tax_included: bool,
    eco_contribution: Option<i64>,
    seller: Option<String>,
    lowest_price_30d: Option<i64>,
    valid_from: Option<i64>,
    valid_through: Option<i64>,
    sale: Option<String>,
    promotions: Vec<u64>,
    as_of: i64,
}

impl From<OfferRecord> for SavedOffer<'static> {
    fn from(offer: OfferRecord) -> Self {
        let number = |amount: Option<Amount>| amount.map(|amount| amount.0);
        Self {
            product: offer.product.0,
            store: offer.store.0,
            channel: offer.channel.as_str(),
            currency: offer.currency.code(),
            price: offer.price.0,
            list_price: number(offer.list_price),
            member_price: number(offer.member_price),
            price_type: offer.price_type.as_str(),
            unit_price: number(offer.unit_price),
            unit_reference: offer.unit_reference,
            tax_included: offer.tax_included,
            eco_contribution: number(offer.eco_contribution),
            seller: offer.seller,
            lowest_price_30d: number(offer.lowest_price_30d),
            valid_from: offer.valid_from.map(|at| at.0),
            valid_through: offer.valid_through.map(|at| at.0),
            sale: offer.sale.map(|sale| sale.text()),
            promotions: offer.promotions.iter().map(|id| id.0).collect(),
            as_of: offer.as_of.0,
        }
    }
}

impl TryFrom<SavedOffer<'_>> for OfferRecord {
    type Error = NotSaved;

    fn try_from(offer: SavedOffer<'_>) -> Result<Self, NotSaved> {
        let currency: Result<Currency, _> = offer.currency.parse();
        let sale = |text: String| Sale::read(&text).ok_or(NotSaved(text));
        let sale = offer.sale.map(sale);
        Ok(Self {
            product: ProductId(offer.product),
            store: StoreId(offer.store),
            channel: word::<Channel>(offer.channel)?,
            currency: currency.map_err(|_| NotSaved(offer.currency.to_owned()))?,
            price: Amount(offer.price),
            list_price: offer.list_price.map(Amount),
            member_price: offer.member_price.map(Amount),
            price_type: word::<PriceType>(offer.price_type)?,
            unit_price: offer.unit_price.map(Amount),
            unit_reference: offer.unit_reference,
            tax_included: offer.tax_included,
            eco_contribution: offer.eco_contribution.map(Amount),
            seller: offer.seller,
            lowest_price_30d: offer.lowest_price_30d.map(Amount),
            valid_from: offer.valid_from.map(Micros),
            valid_through: offer.valid_through.map(Micros),
            sale: sale.transpose()?,
            promotions: offer.promotions.into_iter().map(PromotionId).collect(),
            as_of: Micros(offer.as_of),
        })
    }
}

impl CatalogView {
    /// Gives some products to `save`, those that are still there. Readers are let in, writers wait.
    pub fn save_products<T>(&self, ids: &[u64], save: impl FnOnce(&[SavedProduct<'_>]) -> T) -> T {
        let products = self.products.read();
        let entries = ids.iter().filter_map(|id| products.get(*id));
        let saved: Vec<_> =
            entries.filter_map(|entry| SavedProduct::of_entry(entry, &products)).collect();
        save(&saved)
    }

    /// Takes products in that were saved, into a view that holds none of them.
    pub fn restore_products(&self, saved: &[SavedProduct<'_>]) -> Result<(), NotSaved> {
        let mut products = self.products.write();
        for product in saved {
            products.put_in(product, word::<Status>(product.status)?);
        }
        Ok(())
    }

    /// All deleted products.
    pub fn save_deleted(&self) -> Vec<SavedTombstone> {
        let products = self.products.read();
        let saved = products.gone.values().map(|gone| SavedTombstone {
            id: gone.id.0,
            gtin: gone.gtin.map_or(0, Gtin::number),
            replaced_by: gone.replaced_by.map(|id| id.0),
            at: gone.at.0,
        });
        saved.collect()
    }

    /// Takes deleted products in that were saved.
    pub fn restore_deleted(&self, saved: Vec<SavedTombstone>) {
        let mut products = self.products.write();
        for gone in saved {
            products.bury(Tombstone {
                id: ProductId(gone.id),
                gtin: Gtin::from_number(gone.gtin),
                replaced_by: gone.replaced_by.map(ProductId),
                at: Micros(gone.at),
            });
        }
    }

    /// The ids of all products that have offers, ascending.
    pub fn offered(&self) -> Vec<u64> {
        self.offers.read().products()
    }

    /// The offers of some products.
    pub fn save_offers(&self, products: &[u64]) -> Vec<SavedOffer<'static>> {
        let offers = self.offers.read();
        products.iter().flat_map(|id| offers.of_product(ProductId(*id))).map(Into::into).collect()
    }

    /// Takes offers in that were saved.
    pub fn restore_offers(&self, saved: Vec<SavedOffer<'_>>) -> Result<(), NotSaved> {
        let mut offers = self.offers.write();
        saved.into_iter().try_for_each(|offer| {
            offers.put(offer.try_into()?);
            Ok(())
        })
    }

    /// Forgets products, the deleted ones too, and offers.
    pub fn clear(&self) {
        *self.products.write() = Products::default();
        *self.offers.write() = Offers::default();
    }
}
