//! Promotions in memory: some thousands at most, so a list looks at each.

use super::{CatalogView, Grant, Listed, Lookup, Page, with_deleted};
use crate::catalog::offers::Channel;
use crate::http::answer::{Cache, digest};
use crate::kernel::Micros;
use crate::kernel::id::{BrandId, CategoryId, ProductId, PromotionId, StoreId};
use crate::kernel::word::{read_words, words};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Tells whether a promotion is about anything that a caller may know.
pub(super) type Told<'a> = &'a dyn Fn(&PromotionRecord) -> bool;

words! {
    /// Who a promotion is for. One customer's own is not among those that are told.
    pub enum Audience {
        /// Everybody.
        Public = "public",
        /// Members of the loyalty programme.
        Member = "member",
    }
}
read_words!(Audience);

/// Where a promotion stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has yet to begin.
    Upcoming,
    /// It holds.
    Current,
    /// It is over.
    Ended,
}

impl Phase {
    /// The word for it in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Current => "current",
            Self::Ended => "ended",
        }
    }
}

/// What filters look at, read from a promotion's document.
#[derive(Debug, Clone, Deserialize)]
struct Traits {
    applies_to: AppliesTo,
    store_ids: Vec<String>,
    channels: Vec<String>,
    audience: Audience,
    valid_from: Option<Micros>,
    valid_through: Option<Micros>,
    updated_at: Micros,
    version: i64,
}

#[derive(Debug, Clone, Deserialize)]
struct AppliesTo {
    product_ids: Vec<ProductId>,
    category_ids: Vec<CategoryId>,
    brand_ids: Vec<BrandId>,
}

/// A promotion as it is stored, ready to be served.
#[derive(Debug, Clone)]
pub struct PromotionRecord {
    id: PromotionId,
    body: Bytes,
    etag: u64,
    traits: Traits,
    /// The phase that the database has; `None` before the first.
    told: Option<String>,
}

impl PromotionRecord {
    /// A promotion from its document.
    pub fn read(
        id: PromotionId,
        body: &str,
        told: Option<String>,
    ) -> Result<Self, serde_json::Error> {
        let traits = serde_json::from_str(body)?;
        let body = Bytes::copy_from_slice(body.as_bytes());
        Ok(Self { id, etag: digest(&body), body, traits, told })
    }

    /// Whether at least one of its stores, and one of what it is on, is included. `above` has the
    /// included categories and those above them: what is on one of these is on products below, too.
    pub fn is_about(
        &self,
        grant: &Grant,
        above: Option<&BTreeSet<u64>>,
        takes: impl Fn(ProductId) -> bool,
    ) -> bool {
        let AppliesTo { product_ids, category_ids, brand_ids } = &self.traits.applies_to;
        let is_there = |id: &String| {
            id == "*" || id.parse().is_ok_and(|store: StoreId| grant.includes_store(store))
        };
        let of_all = product_ids.is_empty() && category_ids.is_empty() && brand_ids.is_empty();
        let is_above = |id: &CategoryId| above.is_none_or(|above| above.contains(&id.0));
        self.traits.store_ids.iter().any(is_there)
            && (of_all
                || brand_ids.iter().any(|id| grant.includes_brand(*id))
                || category_ids.iter().any(is_above)
                || product_ids.iter().any(|id| takes(*id)))
    }

    /// Where it stands at an instant; the end belongs to it no longer.
    fn phase(&self, now: Micros) -> Phase {
        if self.traits.valid_through.is_some_and(|end| end <= now) {
            return Phase::Ended;
        }
        if self.traits.valid_from.is_some_and(|begin| begin > now) {
            return Phase::Upcoming;
        }
        Phase::Current
    }

    /// The next instant behind another at which it begins or ends.
    fn turns_after(&self, now: Micros) -> Option<Micros> {
        let Traits { valid_from, valid_through, .. } = &self.traits;
        [*valid_from, *valid_through].into_iter().flatten().filter(|at| *at > now).min()
    }
}

/// What became of a promotion.
#[derive(Debug, Clone)]
pub enum PromotionChange {
    /// It is, or is now, this.
    Upsert(Box<PromotionRecord>),
    /// It was deleted or has become one customer's own, at this instant.
    Delete(PromotionId, Micros),
    /// It never was for others than one customer: nobody is told that it is or was.
    Forget(PromotionId),
}

/// A product as promotions see it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its id.
    pub product: ProductId,
    /// Its brand.
    pub brand: Option<BrandId>,
    /// Its categories and all above them.
    pub categories: Vec<CategoryId>,
}

/// Filters of a list of promotions. All must hold.
#[derive(Debug, Default, Clone)]
pub struct PromotionQuery {
    /// That hold in this store.
    pub store: Option<StoreId>,
    /// That this product is part of.
    pub subject: Option<Subject>,
    /// That name one of these categories; any where there is none.
    pub categories: Vec<CategoryId>,
    /// That name one of these brands; any where there is none.
    pub brands: Vec<BrandId>,
    /// Through this channel.
    pub channel: Option<Channel>,
    /// For one of these audiences; for any where there is none.
    pub audiences: Vec<Audience>,
    /// That hold at this instant.
    pub active_at: Option<Micros>,
    /// That are not over at this instant.
    pub not_ended_at: Option<Micros>,
    /// That changed at or after this instant.
    pub updated_since: Option<Micros>,
    /// That are about what is included.
    pub grant: Option<Grant>,
}

impl PromotionQuery {
    fn takes(&self, promotion: &PromotionRecord) -> bool {
        let traits = &promotion.traits;
        let to = &traits.applies_to;
        let everything =
            to.product_ids.is_empty() && to.category_ids.is_empty() && to.brand_ids.is_empty();
        let of = |subject: &Subject| {
            everything
                || to.product_ids.contains(&subject.product)
                || subject.brand.is_some_and(|brand| to.brand_ids.contains(&brand))
                || subject.categories.iter().any(|category| to.category_ids.contains(category))
        };
        let here = |store: StoreId| {
            let is_there = self.grant.as_ref().is_none_or(|grant| grant.includes_store(store));
            let store = store.to_string();
            traits.store_ids.iter().any(|id| id == "*" || is_there && *id == store)
        };
        let through = |channel: Channel| {
            use crate::kernel::word::Word as _;
            traits.channels.iter().any(|word| word == channel.as_str())
        };
        self.store.is_none_or(here)
            && self.subject.as_ref().is_none_or(of)
            && (self.categories.is_empty() || names(&self.categories, &to.category_ids))
            && (self.brands.is_empty() || names(&self.brands, &to.brand_ids))
            && self.channel.is_none_or(through)
            && (self.audiences.is_empty() || self.audiences.contains(&traits.audience))
            && self.active_at.is_none_or(|at| promotion.phase(at) == Phase::Current)
            && self.not_ended_at.is_none_or(|at| promotion.phase(at) != Phase::Ended)
            && self.updated_since.is_none_or(|since| traits.updated_at >= since)
    }
}

/// Whether one of those that are asked for is among those that are named.
fn names<T: PartialEq>(asked: &[T], named: &[T]) -> bool {
    asked.iter().any(|one| named.contains(one))
}

/// A promotion that has begun or ended since the database was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub id: PromotionId,
    /// Of this version.
    pub version: i64,
    /// Where it stands now.
    pub phase: Phase,
}

/// All promotions that are told.
#[derive(Debug, Default)]
pub(super) struct Promotions {
    by_id: BTreeMap<u64, PromotionRecord>,
    /// When those that are gone went.
    gone: BTreeMap<u64, Micros>,
}

impl CatalogView {
    /// How long the promotions that a query takes may be kept: not beyond the next instant at which one of them
    /// begins or ends.
    pub fn cache_of_promotions(&self, query: &PromotionQuery, now: Micros) -> Cache {
        let turn = self.with_promotions(query.grant.as_ref(), |promotions, told| {
            promotions.turns_after(query, told, now)
        });
        Cache::Short.until(turn, now)
    }
}

impl Promotions {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn apply(&mut self, change: PromotionChange) {
        match change {
            PromotionChange::Upsert(promotion) => {
                self.gone.remove(&promotion.id.0);
                self.by_id.insert(promotion.id.0, *promotion);
            }
            PromotionChange::Delete(id, at) => {
                self.by_id.remove(&id.0);
                self.gone.insert(id.0, at);
            }
            PromotionChange::Forget(id) => {
                self.by_id.remove(&id.0);
                self.gone.remove(&id.0);
            }
        }
    }

    /// The promotion with this id.
    pub(super) fn get(&self, id: PromotionId, told: Told<'_>) -> Lookup {
        match self.by_id.get(&id.0) {
            Some(found) if told(found) => {
                Lookup::Found { body: found.body.clone(), etag: found.etag }
            }
            None if self.gone.contains_key(&id.0) => Lookup::Gone { replaced_by: None },
            _ => Lookup::Missing,
        }
    }

    pub(super) fn list(
        &self,
        query: &PromotionQuery,
        told: Told<'_>,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Bytes> {
        let behind = |id: &u64| after.is_none_or(|after| *id > after);
        Page::of_ids(self.by_id.keys().copied().filter(behind), limit, |id| {
            let promotion = self.by_id.get(&id)?;
            (query.takes(promotion) && told(promotion)).then(|| promotion.body.clone())
        })
    }

    /// How many promotions a query takes.
    pub(super) fn count(&self, query: &PromotionQuery, told: Told<'_>) -> u64 {
        let takes = |promotion: &&PromotionRecord| query.takes(promotion) && told(promotion);
        self.by_id.values().filter(takes).count() as u64
    }

    /// The next instant behind another at which one that a query takes begins or ends.
    fn turns_after(&self, query: &PromotionQuery, told: Told<'_>, now: Micros) -> Option<Micros> {
        let turns = self.by_id.values().filter_map(|one| Some((one.turns_after(now)?, one)));
        // Whether one is taken costs more than when it turns: it is asked of few.
        turns.fold(None, |next: Option<Micros>, (at, one)| {
            let is_next = next.is_none_or(|next| at < next) && query.takes(one) && told(one);
            if is_next { Some(at) } else { next }
        })
    }

    pub(super) fn list_with_deleted(
        &self,
        since: Micros,
        place: (Option<u64>, usize),
        told: Told<'_>,
    ) -> Page<Listed<PromotionId>> {
        // Those that are over come too: who has a copy holds them for current otherwise.
        let query = PromotionQuery { updated_since: Some(since), ..PromotionQuery::default() };
        with_deleted((&self.by_id, &self.gone), since, place, PromotionId, |promotion| {
            (query.takes(promotion) && told(promotion)).then(|| promotion.body.clone())
        })
    }

    /// The promotions of which the database has another phase.
    pub(super) fn turned(&self, now: Micros) -> Vec<Turn> {
        let turn = |promotion: &PromotionRecord| {
            let phase = promotion.phase(now);
            (promotion.told.as_deref() != Some(phase.as_str())).then_some(Turn {
                id: promotion.id,
                version: promotion.traits.version,
                phase,
            })
        };
        self.by_id.values().filter_map(turn).collect()
    }
}
