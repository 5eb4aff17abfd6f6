//! The stores in memory: some thousands, so a list looks at each.

use crate::catalog::view::{Lookup, Page};
use crate::http::answer::digest;
use crate::kernel::id::StoreId;
use bytes::Bytes;
use parking_lot::RwLock;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What filters look at, read from a store's document.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Traits {
    #[serde(rename = "type")]
    kind: Option<String>,
    services: Option<Vec<String>>,
    address: Option<Address>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Address {
    postal_code: Option<String>,
    address_locality: Option<String>,
    address_country: Option<String>,
}

/// A store as it is stored, ready to be served.
#[derive(Debug, Clone)]
pub struct StoreRecord {
    id: StoreId,
    body: Bytes,
    etag: u64,
    traits: Traits,
}

impl StoreRecord {
    /// A store from its document.
    pub fn read(id: StoreId, body: &str) -> Result<Self, serde_json::Error> {
        let traits = serde_json::from_str(body)?;
        let body = Bytes::copy_from_slice(body.as_bytes());
        Ok(Self { id, etag: digest(&body), body, traits })
    }
}

/// What became of a store.
#[derive(Debug, Clone)]
pub enum StoreChange {
    /// It is, or is now, this.
    Upsert(Box<StoreRecord>),
    /// It was deleted.
    Delete(StoreId),
}

/// Filters of a store list. All must hold.
#[derive(Debug, Default, Clone)]
pub struct StoreQuery {
    /// With all of these services.
    pub services: Vec<String>,
    /// In this country, an ISO 3166-1 code of two letters.
    pub country: Option<String>,
    /// In this town, in any case.
    pub city: Option<String>,
    /// With this postal code.
    pub postal_code: Option<String>,
    /// Of this type.
    pub kind: Option<String>,
}

impl StoreQuery {
    fn takes(&self, traits: &Traits) -> bool {
        let same = |asked: &Option<String>, own: &Option<String>| {
            let lower = |text: &String| text.to_lowercase();
            asked.is_none() || asked.as_ref().map(lower) == own.as_ref().map(lower)
        };
        let nowhere = Address::default();
        let address = traits.address.as_ref().unwrap_or(&nowhere);
        let services = traits.services.as_deref().unwrap_or_default();
        same(&self.kind, &traits.kind)
            && same(&self.country, &address.address_country)
            && same(&self.city, &address.address_locality)
            && same(&self.postal_code, &address.postal_code)
            && self.services.iter().all(|service| services.contains(service))
    }
}

#[derive(Debug, Default)]
struct Stores {
    by_id: BTreeMap<u64, StoreRecord>,
    gone: BTreeSet<u64>,
}

/// The stores of this node.
#[derive(Debug, Default)]
pub struct StoresView(RwLock<Stores>);

impl StoresView {
    /// The store with this id.
    pub fn store(&self, id: StoreId) -> Lookup {
        let stores = self.0.read();
        match stores.by_id.get(&id.0) {
            Some(store) => Lookup::Found { body: store.body.clone(), etag: store.etag },
            None if stores.gone.contains(&id.0) => Lookup::Gone { replaced_by: None },
            None => Lookup::Missing,
        }
    }

    /// Whether there is such a store.
    pub fn has(&self, id: StoreId) -> bool {
        self.0.read().by_id.contains_key(&id.0)
    }

    /// The page behind `after` of the stores that a query takes, in the order of ids.
    pub fn list(&self, query: &StoreQuery, after: Option<u64>, limit: usize) -> Page<Bytes> {
        let stores = self.0.read();
        let behind = |id: &u64| after.is_none_or(|after| *id > after);
        Page::of_ids(stores.by_id.keys().copied().filter(behind), limit, |id| {
            let store = stores.by_id.get(&id).filter(|store| query.takes(&store.traits))?;
            Some(store.body.clone())
        })
    }

    /// Applies changes.
    pub fn apply(&self, changes: Vec<StoreChange>) {
        let mut stores = self.0.write();
        for change in changes {
            match change {
                StoreChange::Upsert(store) => {
                    stores.gone.remove(&store.id.0);
                    stores.by_id.insert(store.id.0, *store);
                }
                StoreChange::Delete(id) => {
                    stores.by_id.remove(&id.0);
                    stores.gone.insert(id.0);
                }
            }
        }
    }

    /// How many stores there are.
    pub fn len(&self) -> usize {
        self.0.read().by_id.len()
    }

    /// Whether there is no store.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(code: &str, city: &str, services: &[&str]) -> StoreChange {
        let id = StoreId::derived(code);
        let body = serde_json::json!({
            "id": id, "type": "hypermarket", "services": services,
            "address": {"postal_code": "31130", "address_locality": city, "address_country": "FR"},
        });
        StoreChange::Upsert(Box::new(StoreRecord::read(id, &body.to_string()).unwrap()))
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
        view.apply(vec![StoreChange::Upsert(Box::new(bare))]);
        let count = |query: StoreQuery| view.list(&query, None, 50).items.len();
        let city = Some("balma".to_owned());
        let services = vec!["drive".to_owned()];
        assert_eq!(count(StoreQuery::default()), 4);
        assert_eq!(count(StoreQuery { city: city.clone(), ..StoreQuery::default() }), 2);
        assert_eq!(count(StoreQuery { city, services, ..StoreQuery::default() }), 1);
        let country = Some("DE".to_owned());
        assert_eq!(count(StoreQuery { country, ..StoreQuery::default() }), 0);
        let two = StoreId::derived("2");
        view.apply(vec![StoreChange::Delete(two)]);
        assert_eq!(view.store(two), Lookup::Gone { replaced_by: None });
        assert_eq!(view.store(StoreId::derived("4")), Lookup::Missing);
        assert_eq!(view.len(), 3);
    }
}
