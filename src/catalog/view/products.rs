//! Products in memory: a slab of entries, two hash indexes of 4-byte slots, an ordered id set and
//! posting sets.
//!
//! There is no index by sku: a product's id is derived from its sku, so the sku leads to the id.

use super::arena::Arena;
use super::hash::{IdMap, hash};
use super::id_set::IdSet;
use super::names::Names;
use super::pool::Pool;
use super::postings::Postings;
use super::prices::{Kept, Lowest, Prices};
use super::saved::SavedProduct;
use crate::catalog::model::{Condition, Status};
use crate::kernel::id::{BrandId, CategoryId, ProductId};
use crate::kernel::word::Word as _;
use crate::kernel::{Currency, Gtin, Micros};
use bytes::Bytes;
use hashbrown::HashTable;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A product as it is stored, ready to be served.
#[derive(Debug, Clone)]
pub struct ProductRecord {
    /// Its id, derived from its sku.
    pub id: ProductId,
    /// Its GTIN, where it has one.
    pub gtin: Option<Gtin>,
    /// Its brand.
    pub brand: Option<BrandId>,
    /// The ids of its categories with a space between.
    pub categories: String,
    /// What its variants have in common.
    pub item_group: Option<String>,
    /// Whether it is sold.
    pub status: Status,
    /// Whether it is sold by weight.
    pub sold_by_weight: bool,
    /// The document.
    pub body: String,
    /// Digest of the document.
    pub etag: u64,
    /// When it last changed.
    pub updated_at: Micros,
}

/// What became of a product.
#[derive(Debug, Clone)]
pub enum ProductChange {
    /// It is, or is now, this.
    Upsert(Box<ProductRecord>),
    /// It was deleted.
    Delete(Tombstone),
}

/// What is remembered of a deleted product.
#[derive(Debug, Clone, Copy)]
pub struct Tombstone {
    /// Its id.
    pub id: ProductId,
    /// The GTIN that it had.
    pub gtin: Option<Gtin>,
    /// What stands in its place.
    pub replaced_by: Option<ProductId>,
    /// When it was deleted.
    pub at: Micros,
}

impl Tombstone {
    /// Its key among those with a GTIN.
    fn by_gtin(&self) -> Option<(u64, Micros, ProductId)> {
        self.gtin.map(|gtin| (gtin.number(), self.at, self.id))
    }
}

/// A product in the slab: 80 bytes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) body: Bytes,
    pub(super) id: u64,
    pub(super) etag: u64,
    /// 0 for none.
    pub(super) gtin: u64,
    pub(super) updated_at: i64,
    /// Number in `brands`.
    pub(super) brand: u32,
    /// Number in `groups`.
    pub(super) group: u32,
    /// Number in `categories`.
    pub(super) categories: u32,
    pub(super) status: Status,
    pub(super) sold_by_weight: bool,
    pub(super) condition: Option<Condition>,
    /// The currency of the lowest price that is kept of it.
    currency: Option<Currency>,
}

/// Entries per page of the slab: it grows by 320 KiB, never by doubling.
pub(super) const PAGE: usize = 4096;
/// How many bodies an update moves along (see [`Products::tidy`]).
const MOVED_PER_UPDATE: usize = 16;

/// All products.
#[derive(Debug, Default)]
pub(super) struct Products {
    slab: Vec<Vec<Option<Entry>>>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    by_gtin: HashTable<u32>,
    /// Deleted products.
    pub(super) gone: IdMap<Tombstone>,
    /// The same in order.
    pub(super) gone_ids: IdSet,
    /// Those that had a GTIN: the GTIN, when it was deleted, which.
    gone_by_gtin: BTreeSet<(u64, Micros, ProductId)>,
    pub(super) ids: IdSet,
    pub(super) brands: Postings,
    pub(super) brand_names: Names,
    pub(super) groups: Postings,
    pub(super) in_category: Postings,
    pub(super) categories: Pool<Box<[u64]>>,
    arena: Arena,
    pub(super) body_bytes: usize,
    /// The slot whose body moves next.
    moving: usize,
    /// How often a product that was deleted came back.
    pub(super) returns: u64,
    prices: Prices,
}

fn slot(slab: &[Vec<Option<Entry>>], at: u32) -> Option<&Entry> {
    slab.get(at as usize / PAGE)?.get(at as usize % PAGE)?.as_ref()
}

/// The key of a group of variants.
pub(super) fn group_key(group: &str) -> u64 {
    crate::http::answer::digest(group.as_bytes())
}

fn category_numbers(text: &str) -> Box<[u64]> {
    let mut ids: Vec<u64> =
        text.split(' ').filter_map(|id| id.parse::<CategoryId>().ok()).map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into()
}

/// The condition that a document tells. It is found as bytes: in the documents that we write a quote
/// inside a text stands behind a backslash, so what looks like the member is the member, and reading
/// the whole document would cost a start of a million products more than a second.
fn condition(body: &[u8]) -> Option<Condition> {
    const MEMBER: &[u8] = b",\"condition\":\"";
    let at = memchr::memmem::rfind(body, MEMBER)? + MEMBER.len();
    let word = body.get(at..)?.split(|byte| *byte == b'"').next()?;
    Condition::of(std::str::from_utf8(word).ok()?)
}

/// The name of the brand in a document.
fn brand_name(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Branded {
        brand: Option<Brand>,
    }
    #[derive(Deserialize)]
    struct Brand {
        name: Option<String>,
    }
    serde_json::from_slice::<Branded>(body).ok()?.brand?.name
}

impl Products {
    fn slot_of(&self, id: u64) -> Option<u32> {
        let is_it = |at: &u32| slot(&self.slab, *at).is_some_and(|entry| entry.id == id);
        self.by_id.find(hash(id), is_it).copied()
    }

    /// The product with this id.
    pub(super) fn get(&self, id: u64) -> Option<&Entry> {
        slot(&self.slab, self.slot_of(id)?)
    }

    /// The product with this id, and its slot.
    pub(super) fn get_with_slot(&self, id: u64) -> Option<(u32, &Entry)> {
        let at = self.slot_of(id)?;
        Some((at, slot(&self.slab, at)?))
    }

    /// The products of the slab's `nth` page with their slots; `None` behind the last. A product that
    /// changes stays where it is.
    pub(super) fn stride(&self, nth: usize) -> Option<impl Iterator<Item = (u32, &Entry)>> {
        let slots = (nth * PAGE) as u32..;
        let entries = slots.zip(self.slab.get(nth)?);
        Some(entries.filter_map(|(at, entry)| Some((at, entry.as_ref()?))))
    }

    /// The lowest price that is kept of a product in a slot.
    pub(super) fn lowest(&self, at: u32, entry: &Entry) -> Lowest {
        self.prices.get(at).lowest(entry.currency)
    }

    /// Keeps the lowest prices of some products.
    pub(super) fn keep_prices(&mut self, prices: &[(u64, Lowest)]) {
        for (id, lowest) in prices {
            let Some(at) = self.slot_of(*id) else { continue };
            self.prices.keep(at, Kept::new(*lowest));
            if let Some(entry) = &mut self.slab[at as usize / PAGE][at as usize % PAGE] {
                entry.currency = lowest.price.map(|(_, currency)| currency);
            }
        }
    }

    /// Forgets the lowest price of a product, where one is kept.
    pub(super) fn forget_price(&mut self, id: u64) {
        if let Some(at) = self.slot_of(id) {
            self.prices.forget(at);
        }
    }

    /// The product with this GTIN of those that `takes` takes; where several have it, an active one before
    /// the others, then the newest.
    pub(super) fn by_gtin(&self, gtin: u64, takes: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        let sharing = self.by_gtin.iter_hash(hash(gtin));
        sharing
            .filter_map(|at| slot(&self.slab, *at))
            .filter(|entry| entry.gtin == gtin && takes(entry))
            .min_by_key(|entry| (entry.status, Reverse(entry.updated_at), entry.id))
    }

    /// The last deleted product that had this GTIN.
    pub(super) fn gone_by_gtin(&self, gtin: u64) -> Option<&Tombstone> {
        let with_gtin =
            (gtin, Micros(i64::MIN), ProductId(0))..=(gtin, Micros(i64::MAX), ProductId(u64::MAX));
        self.gone.get(&self.gone_by_gtin.range(with_gtin).next_back()?.2.0)
    }

    /// What stands in the place of a deleted product at the end of the chain of replacements; none
    /// where the chain runs in a circle, or ends with a product that was deleted for good or was never there.
    pub(super) fn successor(&self, tombstone: &Tombstone) -> Option<ProductId> {
        let mut seen = vec![tombstone.id];
        let mut next = tombstone.replaced_by?;
        while let Some(gone) = self.gone.get(&next.0) {
            if seen.contains(&next) {
                return None;
            }
            seen.push(next);
            next = gone.replaced_by?;
        }
        self.slot_of(next.0).map(|_| next)
    }

    /// Every product with this GTIN.
    pub(super) fn all_by_gtin(&self, gtin: u64) -> impl Iterator<Item = u64> {
        let sharing = self.by_gtin.iter_hash(hash(gtin));
        let entries = sharing.filter_map(|at| slot(&self.slab, *at));
        entries.filter(move |entry| entry.gtin == gtin).map(|entry| entry.id)
    }

    /// The categories of a product, ascending.
    pub(super) fn categories_of(&self, entry: &Entry) -> &[u64] {
        self.categories.value(entry.categories).map_or(&[], |ids| ids)
    }

    pub(super) fn apply(&mut self, change: ProductChange) {
        match change {
            ProductChange::Upsert(record) => {
                let replaced = self.take_out(record.id.0);
                self.returns += u64::from(self.forget(record.id));
                self.put_in(&SavedProduct::of(&record), record.status);
                if replaced {
                    self.tidy();
                }
            }
            ProductChange::Delete(tombstone) => {
                self.take_out(tombstone.id.0);
                self.forget(tombstone.id);
                self.bury(tombstone);
            }
        }
    }

    /// Remembers a deleted product that is not remembered yet.
    pub(super) fn bury(&mut self, tombstone: Tombstone) {
        self.gone_by_gtin.extend(tombstone.by_gtin());
        self.gone_ids.insert(tombstone.id.0);
        self.gone.insert(tombstone.id.0, tombstone);
    }

    /// Takes a product out of the deleted ones; false where it was not among them.
    fn forget(&mut self, id: ProductId) -> bool {
        let Some(tombstone) = self.gone.remove(&id.0) else { return false };
        self.gone_ids.remove(id.0);
        if let Some(key) = tombstone.by_gtin() {
            self.gone_by_gtin.remove(&key);
        }
        true
    }

    /// Puts in a product that is not there.
    pub(super) fn put_in(&mut self, product: &SavedProduct<'_>, status: Status) {
        let id = product.id;
        let body = product.body.as_bytes();
        let entry = Entry {
            body: self.arena.keep(body),
            id,
            etag: product.etag,
            gtin: product.gtin,
            updated_at: product.updated_at,
            brand: self.brands.number(product.brand),
            group: self.groups.number(product.group),
            categories: self.categories.take(product.categories, category_numbers),
            status,
            sold_by_weight: product.sold_by_weight,
            condition: condition(body),
            currency: None,
        };
        if let Some(brand) = product.brand.filter(|brand| !self.brand_names.has(*brand)) {
            self.brand_names.put(brand, &[&brand_name(body).unwrap_or_default()]);
        }
        self.ids.insert(id);
        self.brands.insert(entry.brand, id);
        self.groups.insert(entry.group, id);
        for category in self.categories.value(entry.categories).into_iter().flatten() {
            let number = self.in_category.number(Some(*category));
            self.in_category.insert(number, id);
        }
        self.body_bytes += entry.body.len();
        let gtin = entry.gtin;
        let at = self.place(entry);
        let slab = &self.slab;
        let rehash = |at: &u32| hash(slot(slab, *at).map_or(0, |entry| entry.id));
        self.by_id.insert_unique(hash(id), at, rehash);
        if gtin != 0 {
            let rehash = |at: &u32| hash(slot(slab, *at).map_or(0, |entry| entry.gtin));
            self.by_gtin.insert_unique(hash(gtin), at, rehash);
        }
    }

    fn place(&mut self, entry: Entry) -> u32 {
        if let Some(at) = self.free.pop() {
            self.prices.forget(at);
            self.slab[at as usize / PAGE][at as usize % PAGE] = Some(entry);
            return at;
        }
        if self.slab.last().is_none_or(|page| page.len() == PAGE) {
            self.slab.push(Vec::with_capacity(PAGE));
        }
        let page = self.slab.len() - 1;
        self.slab[page].push(Some(entry));
        (page * PAGE + self.slab[page].len() - 1) as u32
    }

    fn take_out(&mut self, id: u64) -> bool {
        let Some(at) = self.slot_of(id) else { return false };
        let taken = self.slab[at as usize / PAGE][at as usize % PAGE].take();
        let Some(entry) = taken else { return false };
        if let Ok(found) = self.by_id.find_entry(hash(id), |other| *other == at) {
            found.remove();
        }
        if let Ok(found) = self.by_gtin.find_entry(hash(entry.gtin), |other| *other == at) {
            found.remove();
        }
        self.free.push(at);
        self.ids.remove(id);
        self.brands.remove(entry.brand, id);
        self.groups.remove(entry.group, id);
        for category in self.categories.value(entry.categories).into_iter().flatten() {
            let number = self.in_category.number(Some(*category));
            self.in_category.remove(number, id);
        }
        self.categories.release(entry.categories);
        self.body_bytes -= entry.body.len();
        true
    }

    /// Moves the next few bodies to the newest chunk. A chunk is freed only when all its bodies are
    /// gone, so without this a few unchanged products would hold on to many dead ones; with it, the
    /// dead are at most about an eighth of the living, for 16 short copies per update.
    fn tidy(&mut self) {
        let slots = self.slab.iter().map(Vec::len).sum::<usize>();
        for _ in 0..MOVED_PER_UPDATE.min(slots) {
            self.moving = (self.moving + 1) % slots;
            if let Some(entry) = &mut self.slab[self.moving / PAGE][self.moving % PAGE] {
                entry.body = self.arena.keep(&entry.body);
            }
        }
    }

    /// Gives back the room that loading left.
    pub(super) fn settle(&mut self) {
        self.ids.settle();
        self.gone_ids.settle();
        self.brands.settle();
        self.groups.settle();
        self.in_category.settle();
    }

    /// Bytes held beside the bodies. The last chunk's unused rest and the texts of the category
    /// lists are left out: neither grows with the number of products.
    pub(super) fn overhead_bytes(&self) -> usize {
        let slab: usize = self.slab.iter().map(|p| p.capacity() * size_of::<Option<Entry>>()).sum();
        slab + self.by_id.allocation_size()
            + self.by_gtin.allocation_size()
            + self.gone.allocation_size()
            + self.gone_by_gtin.len() * size_of::<(u64, Micros, ProductId)>()
            + self.prices.bytes()
            + self.ids.bytes()
            + self.gone_ids.bytes()
            + self.brands.bytes()
            + self.groups.bytes()
            + self.in_category.bytes()
    }
}
