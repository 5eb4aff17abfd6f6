//! The stores in memory: by id, and by where they are.

use super::geo::{Point, squared_chord};
use super::model::Gln;
use super::near::Near;
use super::postal_codes::PostalCodes;
pub use super::record::{Beside, StoreRecord};
use crate::catalog::api::Included;
use crate::catalog::view::{Listed, Lookup, Page, with_deleted};
use crate::kernel::Micros;
use crate::kernel::id::StoreId;
use crate::kernel::ranked::Ranked;
use hashbrown::HashMap;
use rstar::RTree;
use rstar::primitives::GeomWithData;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of a store.
#[derive(Debug, Clone)]
pub enum StoreChange {
    /// It is, or is now, this.
    Upsert(Arc<StoreRecord>),
    /// It was deleted, at this instant.
    Delete(StoreId, Micros),
}

/// Filters of a store list. All must hold.
#[derive(Debug, Default, Clone)]
pub struct StoreQuery {
    /// With one of these codes of the retailer; any where there is none.
    pub codes: Vec<String>,
    /// With one of these Global Location Numbers; any where there is none.
    pub glns: Vec<Gln>,
    /// With all of these services.
    pub services: Vec<String>,
    /// In this country, an ISO 3166-1 code of two letters.
    pub country: Option<String>,
    /// In one of these towns, in any case; in any where there is none.
    pub cities: Vec<String>,
    /// With this postal code.
    pub postal_code: Option<String>,
    /// Of one of these types, in any case; of any where there is none.
    pub kinds: Vec<String>,
    /// Open at this instant. A store whose hours are not known is not.
    pub open_at: Option<Micros>,
    /// That changed at or after this instant.
    pub updated_since: Option<Micros>,
}

/// A store's place in the index of places.
type Place = GeomWithData<[f64; 3], u64>;

#[derive(Debug, Default)]
struct Stores {
    by_id: BTreeMap<u64, Arc<StoreRecord>>,
    places: RTree<Place>,
    /// When those that were deleted were deleted.
    gone: BTreeMap<u64, Micros>,
    by_gln: HashMap<String, Vec<StoreId>>,
}

impl Stores {
    fn take_out(&mut self, id: StoreId) {
        let Some(old) = self.by_id.remove(&id.0) else { return };
        if let Some(point) = old.point {
            self.places.remove(&Place::new(point.axes(), id.0));
        }
        if let Some(others) = old.gln.as_ref().and_then(|gln| self.by_gln.get_mut(gln)) {
            others.retain(|other| *other != id);
        }
    }
}

/// The stores of this node.
#[derive(Debug, Default)]
pub struct StoresView {
    stores: Ranked<Stores, 0>,
    postal_codes: PostalCodes,
}

impl StoresView {
    /// No stores yet, and where postal codes are.
    #[must_use]
    pub fn new(postal_codes: PostalCodes) -> Self {
        Self { postal_codes, ..Self::default() }
    }

    /// The store with this id, as it is stored.
    pub fn store(&self, id: StoreId) -> Lookup {
        let stores = self.stores.read();
        match stores.by_id.get(&id.0) {
            Some(store) => {
                let (body, etag) = store.stored();
                Lookup::Found { body, etag }
            }
            None if stores.gone.contains_key(&id.0) => Lookup::Gone { replaced_by: None },
            None => Lookup::Missing,
        }
    }

    /// The record of a store.
    pub fn record(&self, id: StoreId) -> Option<Arc<StoreRecord>> {
        self.stores.read().by_id.get(&id.0).cloned()
    }

    /// Whether there is such a store.
    pub fn has(&self, id: StoreId) -> bool {
        self.stores.read().by_id.contains_key(&id.0)
    }

    /// The stores with this GLN.
    pub fn with_gln(&self, gln: &str) -> Vec<StoreId> {
        self.stores.read().by_gln.get(gln).cloned().unwrap_or_default()
    }

    /// Where a postal code is: by the file of postal codes, or in the middle of the stores that
    /// have it and are included.
    pub fn place_of(&self, country: &str, postal_code: &str, included: &Included) -> Option<Point> {
        self.postal_codes.find(country, postal_code).or_else(|| {
            let stores = self.stores.read();
            let told = stores.by_id.values().filter(|store| included.has_store(store.id()));
            let there = told.filter(|store| store.lies_in(Some(country), postal_code));
            Point::mean(there.filter_map(|store| store.point))
        })
    }

    /// Whether a postal code is one of an included store's, or of a place that is known.
    pub fn knows_code(
        &self,
        country: Option<&str>,
        postal_code: &str,
        included: &Included,
    ) -> bool {
        country.is_some_and(|country| self.postal_codes.find(country, postal_code).is_some())
            || self
                .stores
                .read()
                .by_id
                .values()
                .any(|store| store.lies_in(country, postal_code) && included.has_store(store.id()))
    }

    /// The page behind `after` of the stores that a query takes, in the order of ids.
    pub fn list<T>(
        &self,
        query: &StoreQuery,
        after: Option<u64>,
        limit: usize,
        mut pick: impl FnMut(&StoreRecord) -> Option<T>,
    ) -> Page<T> {
        let stores = self.stores.read();
        let behind = |id: &u64| after.is_none_or(|after| *id > after);
        Page::of_ids(stores.by_id.keys().copied().filter(behind), limit, |id| {
            pick(stores.by_id.get(&id).filter(|store| store.is_taken_by(query))?)
        })
    }

    /// The page behind `after` of the stores that changed or were deleted at or after an instant, in the
    /// order of ids.
    pub fn list_with_deleted<T>(
        &self,
        since: Micros,
        after: Option<u64>,
        limit: usize,
        mut pick: impl FnMut(&StoreRecord) -> Option<T>,
    ) -> Page<Listed<StoreId, T>> {
        let stores = self.stores.read();
        let query = StoreQuery { updated_since: Some(since), ..StoreQuery::default() };
        with_deleted((&stores.by_id, &stores.gone), since, (after, limit), StoreId, |store| {
            store.is_taken_by(&query).then(|| pick(store))?
        })
    }

    /// The page behind `after` of the stores near a place that a query takes, the nearest first, in
    /// the order of whole metres and ids.
    pub fn near<T>(
        &self,
        near: &Near,
        query: &StoreQuery,
        after: Option<(u64, u64)>,
        limit: usize,
        mut pick: impl FnMut(&StoreRecord, u32) -> Option<T>,
    ) -> Page<T, (u64, u64)> {
        let stores = self.stores.read();
        let within = squared_chord(near.radius_m);
        let nearest = stores
            .places
            .nearest_neighbor_iter_with_distance_2(near.center.axes())
            .take_while(|(_, squared)| *squared <= within)
            .filter_map(|(place, _)| stores.by_id.get(&place.data))
            .filter(|store| store.is_taken_by(query))
            .filter_map(|store| {
                let distance = near.center.distance_m(store.point?);
                let key = (distance.round() as u64, store.id.0);
                (distance <= near.radius_m && after.is_none_or(|after| key > after))
                    .then_some((key, store.as_ref()))
            });
        Page::fill(in_order(nearest), limit, |(metres, store)| pick(store, metres))
    }

    /// Applies changes.
    pub fn apply(&self, changes: Vec<StoreChange>) {
        let mut stores = self.stores.write();
        for change in changes {
            match change {
                StoreChange::Upsert(store) => {
                    stores.take_out(store.id);
                    stores.gone.remove(&store.id.0);
                    if let Some(point) = store.point {
                        stores.places.insert(Place::new(point.axes(), store.id.0));
                    }
                    if let Some(gln) = &store.gln {
                        stores.by_gln.entry(gln.clone()).or_default().push(store.id);
                    }
                    stores.by_id.insert(store.id.0, store);
                }
                StoreChange::Delete(id, at) => {
                    stores.take_out(id);
                    stores.gone.insert(id.0, at);
                }
            }
        }
    }

    /// How many stores there are.
    pub fn len(&self) -> usize {
        self.stores.read().by_id.len()
    }

    /// Whether there is no store.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Stores by whole metres and id, with their metres. They come the nearest first but for what rounding changes: one that
/// comes later may be a metre nearer than one before it, and not more.
fn in_order<'a>(
    nearest: impl Iterator<Item = ((u64, u64), &'a StoreRecord)>,
) -> impl Iterator<Item = ((u64, u64), (u32, &'a StoreRecord))> {
    let (mut nearest, mut waiting, mut reached) = (nearest.fuse(), BTreeMap::new(), 0);
    std::iter::from_fn(move || {
        loop {
            let is_next = |(metres, _): &(u64, u64)| metres + 1 < reached;
            if waiting.first_key_value().is_some_and(|(key, _)| is_next(key)) {
                break;
            }
            let Some((key, store)) = nearest.next() else { break };
            reached = reached.max(key.0);
            waiting.insert(key, store);
        }
        waiting.pop_first().map(|(key, store)| (key, (key.0 as u32, store)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn upsert(id: StoreId, body: &serde_json::Value) -> StoreChange {
        StoreChange::Upsert(Arc::new(StoreRecord::read(id, &body.to_string()).unwrap()))
    }

    fn store(code: &str, city: &str, services: &[&str]) -> StoreChange {
        let id = StoreId::derived(code);
        let body = serde_json::json!({
            "id": id, "type": "hypermarket", "services": services,
            "address": {"postal_code": "31130", "address_locality": city, "address_country": "FR"},
        });
        upsert(id, &body)
    }

    fn placed(id: u64, latitude: f64, longitude: f64) -> StoreChange {
        let body = serde_json::json!({"geo": {"latitude": latitude, "longitude": longitude}});
        upsert(StoreId(id), &body)
    }

    #[test]
    fn filters_hold_together() {
        let view = StoresView::default();
        view.apply(vec![
            store("1", "Balma", &["drive", "click_collect"]),
            store("2", "Lille", &["drive"]),
            store("3", "Balma", &[]),
        ]);
        let unknown = r#"{"address":null,"services":null,"type":null}"#;
        let bare = StoreRecord::read(StoreId::derived("9"), unknown).unwrap();
        view.apply(vec![StoreChange::Upsert(Arc::new(bare))]);
        let count = |query: StoreQuery| view.list(&query, None, 50, |_| Some(())).items.len();
        let cities = vec!["toulouse".to_owned(), "balma".to_owned()];
        let services = vec!["drive".to_owned()];
        assert_eq!(count(StoreQuery::default()), 4);
        assert_eq!(count(StoreQuery { cities: cities.clone(), ..StoreQuery::default() }), 2);
        assert_eq!(count(StoreQuery { cities, services, ..StoreQuery::default() }), 1);
        let country = Some("DE".to_owned());
        assert_eq!(count(StoreQuery { country, ..StoreQuery::default() }), 0);
        let gln = |code: &str, gln: &str| {
            upsert(StoreId::derived(code), &serde_json::json!({"gln": gln}))
        };
        view.apply(vec![gln("g", "1"), gln("h", "1"), gln("h", "2")]);
        assert_eq!(view.with_gln("1"), [StoreId::derived("g")]);
        assert_eq!(view.with_gln("2"), [StoreId::derived("h")]);
        view.apply(
            ["g", "h"].map(|code| StoreChange::Delete(StoreId::derived(code), Micros(0))).to_vec(),
        );
        assert_eq!(view.with_gln("1"), []);
        let two = StoreId::derived("2");
        view.apply(vec![StoreChange::Delete(two, Micros(0))]);
        assert_eq!(view.store(two), Lookup::Gone { replaced_by: None });
        assert_eq!(view.store(StoreId::derived("4")), Lookup::Missing);
        assert_eq!(view.len(), 3);
    }

    #[test]
    fn a_store_that_moves_is_found_where_it_is_now() {
        let view = StoresView::default();
        let count = |latitude| {
            let near = Near { center: Point::new(latitude, 0.0), radius_m: 1_000.0 };
            view.near(&near, &StoreQuery::default(), None, 50, |_, _| Some(())).items.len()
        };
        view.apply(vec![placed(1, 10.0, 0.0), placed(1, 20.0, 0.0)]);
        assert_eq!((count(10.0), count(20.0)), (0, 1));
        view.apply(vec![StoreChange::Delete(StoreId(1), Micros(0))]);
        assert_eq!((count(10.0), count(20.0)), (0, 0));
    }

    proptest! {
        #[test]
        fn near_is_what_a_look_at_every_store_finds(
            places in proptest::collection::vec((-90.0..90.0f64, -180.0..180.0f64), 1..60),
            center in (-90.0..90.0f64, -180.0..180.0f64),
            radius_m in 1.0..5_000_000.0f64,
            limit in 1usize..20,
        ) {
            let view = StoresView::default();
            let changes = places.iter().enumerate();
            view.apply(changes.map(|(id, (lat, lon))| placed(id as u64, *lat, *lon)).collect());
            let near = Near { center: Point::new(center.0, center.1), radius_m };
            let mut expected: Vec<(u64, u64)> = places
                .iter()
                .enumerate()
                .map(|(id, (lat, lon))| (near.center.distance_m(Point::new(*lat, *lon)), id as u64))
                .filter(|(distance, _)| *distance <= radius_m)
                .map(|(distance, id)| (distance.round() as u64, id))
                .collect();
            expected.sort_unstable();
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let page = view.near(&near, &StoreQuery::default(), after, limit, |store, metres| {
                    Some((u64::from(metres), store.id.0))
                });
                walked.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(walked, expected);
        }
    }
}
