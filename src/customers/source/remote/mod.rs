//! Customers' data in the retailer's own system, asked over HTTP by the contract in `openapi/customer-source.yaml`.
//!
//! Nothing that it answers is kept. Documents are those of the embedded store, read as strictly: what the contract does not
//! have is refused as a whole, and what is read is cut by the same table as everything else. What the system says is held
//! against what was asked: another customer's profile, rows that are not behind the place that was named, or more than
//! were asked for are no answer.

mod breaker;
mod wire;

use super::changes::{add, keep_back, told};
use super::{
    CustomerPage, KeptList, MOST_ACCOUNTS, MOST_ITEMS, PageBehind, PageOf, PurchaseRange,
    ScannedItem, SourceError, fill,
};
use crate::config::CustomerSystem;
use crate::consent::category::SensitiveCategories;
use crate::customers::model::{
    CustomerList, CustomerProfile, CustomerPurchase, LoyaltyAccount, LoyaltyTransaction,
    MonthOfCategory, PersonalPromotion,
};
use crate::kernel::{Clock, Micros};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wire::{SystemCall, SystemWire, breach};

/// Times that an item is put into a list that others change meanwhile.
const TRIES: usize = 5;
/// Pages that are read to find one purchase.
const PAGES_MOST: usize = 100;

/// The retailer's own system.
#[derive(Debug, Clone)]
pub struct RemoteCustomers(Arc<SystemWire>);

/// SystemRows documents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemRows<T> {
    items: Vec<T>,
}

/// A list with its version.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versioned {
    version: i64,
    list: CustomerList,
}

impl From<Versioned> for KeptList {
    fn from(Versioned { version, list }: Versioned) -> Self {
        Self { version, list }
    }
}

fn written(at: Micros) -> String {
    at.to_string()
}

/// Where rows begin that come in the order of time.
fn behind_in_time(after: Option<&PageBehind>, query: &mut Vec<(&'static str, String)>) {
    if let Some(after) = after {
        query.push(("after_at", written(after.at)));
        query.push(("after_id", after.id.clone()));
    }
}

/// Holds rows against what was asked: no more than that, each behind the one before.
fn in_order<T, K: PartialOrd>(
    rows: &[T],
    most: i64,
    key: impl Fn(&T) -> K,
    is_behind: impl Fn(&K, &K) -> bool,
    after: Option<K>,
) -> Result<(), SourceError> {
    if i64::try_from(rows.len()).unwrap_or(i64::MAX) > most {
        return Err(breach("more rows than were asked for"));
    }
    let mut before = after;
    for row in rows {
        let own = key(row);
        if before.as_ref().is_some_and(|before| !is_behind(before, &own)) {
            return Err(breach("rows that are not in the order that the contract has"));
        }
        before = Some(own);
    }
    Ok(())
}

/// The newest first.
fn in_time<T>(
    rows: &[T],
    most: i64,
    place: impl Fn(&T) -> PageBehind,
    after: Option<&PageBehind>,
) -> Result<(), SourceError> {
    let key = |row: &T| {
        let PageBehind { at, id } = place(row);
        (at, id)
    };
    let after = after.map(|after| (after.at, after.id.clone()));
    in_order(rows, most, key, |before, own| own < before, after)
}

/// By their ids.
fn by_id<T>(
    rows: &[T],
    most: i64,
    id: impl Fn(&T) -> String,
    after: Option<&PageBehind>,
) -> Result<(), SourceError> {
    let after = after.map(|after| after.id.clone());
    in_order(rows, most, id, |before, own| own > before, after)
}

impl RemoteCustomers {
    /// The system at an address.
    pub fn new(url: &str, settings: &CustomerSystem, clock: &Clock) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(SystemWire::new(url, settings, clock)?)))
    }

    pub(super) async fn profile(&self, customer: &str) -> Result<CustomerProfile, SourceError> {
        let path = ["customers", customer, "profile"];
        let profile: CustomerProfile = self.0.ask(&SystemCall::get(&path, &[])).await?;
        if profile.id == customer { Ok(profile) } else { Err(breach("another customer's profile")) }
    }

    pub(super) async fn loyalty(&self, customer: &str) -> Result<Vec<LoyaltyAccount>, SourceError> {
        let path = ["customers", customer, "loyalty"];
        let SystemRows { items } = self.0.ask(&SystemCall::get(&path, &[])).await?;
        by_id(&items, i64::from(MOST_ACCOUNTS), |it: &LoyaltyAccount| it.id.clone(), None)?;
        Ok(items)
    }

    pub(super) async fn transactions(
        &self,
        customer: &str,
        account: &str,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<LoyaltyTransaction>, SourceError> {
        let path = ["customers", customer, "loyalty", account, "transactions"];
        let mut query = vec![("limit", page.and_one().to_string())];
        behind_in_time(page.after.as_ref(), &mut query);
        let SystemRows { items } = self.0.ask(&SystemCall::get(&path, &query)).await?;
        let place = |it: &LoyaltyTransaction| PageBehind::at(it.occurred_at, &it.id);
        in_time(&items, page.and_one(), place, page.after.as_ref())?;
        let told = items.into_iter().map(|it: LoyaltyTransaction| it.without(excluded)).collect();
        Ok(CustomerPage::of(told, page, place))
    }

    /// Purchases behind a place, the newest first.
    async fn read(
        &self,
        customer: &str,
        range: PurchaseRange,
        after: Option<&PageBehind>,
        limit: i64,
    ) -> Result<Vec<CustomerPurchase>, SourceError> {
        let path = ["customers", customer, "purchases"];
        let mut query = vec![("limit", limit.to_string())];
        query.extend(range.from.map(|from| ("from", written(from))));
        query.extend(range.to.map(|to| ("to", written(to))));
        behind_in_time(after, &mut query);
        let SystemRows { items } = self.0.ask(&SystemCall::get(&path, &query)).await?;
        in_time(&items, limit, fill::place, after)?;
        if items.iter().any(|it: &CustomerPurchase| !range.holds(it.order_date)) {
            return Err(breach("purchases of another time than was asked for"));
        }
        Ok(items)
    }

    pub(super) async fn summary(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
    ) -> Result<Vec<MonthOfCategory>, SourceError> {
        fill::sums(excluded, async |after: Option<&PageBehind>, limit: i64| {
            self.read(customer, range, after, limit).await
        })
        .await
    }

    pub(super) async fn purchases(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<CustomerPurchase>, SourceError> {
        fill::page(page, excluded, async |after: Option<&PageBehind>, limit: i64| {
            self.read(customer, range, after, limit).await
        })
        .await
    }

    pub(super) async fn purchase(
        &self,
        customer: &str,
        id: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
    ) -> Result<CustomerPurchase, SourceError> {
        let path = ["customers", customer, "purchases", id];
        let found: CustomerPurchase = self.0.ask(&SystemCall::get(&path, &[])).await?;
        if found.id != id {
            return Err(breach("another purchase than was asked for"));
        }
        let found = Some(found).filter(|it| range.holds(it.order_date));
        found.and_then(|it| it.without(excluded)).ok_or(SourceError::NotFound)
    }

    pub(super) async fn purchase_that(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
        is_it: &dyn Fn(&str) -> bool,
    ) -> Result<CustomerPurchase, SourceError> {
        let mut after = None;
        for _ in 0..PAGES_MOST {
            let limit = i64::from(fill::BATCH);
            let rows = self.read(customer, range, after.as_ref(), limit).await?;
            after = rows.last().map(fill::place);
            if let Some(found) = rows.into_iter().find(|it| is_it(&it.id)) {
                return found.without(excluded).ok_or(SourceError::NotFound);
            }
            if after.is_none() {
                break;
            }
        }
        Err(SourceError::NotFound)
    }

    pub(super) async fn lists(
        &self,
        customer: &str,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<KeptList>, SourceError> {
        let path = ["customers", customer, "lists"];
        let mut query = vec![("limit", page.and_one().to_string())];
        query.extend(page.after.as_ref().map(|after| ("after_id", after.id.clone())));
        let SystemRows { items } = self.0.ask(&SystemCall::get(&path, &query)).await?;
        let id = |it: &Versioned| it.list.id.clone();
        by_id(&items, page.and_one(), id, page.after.as_ref())?;
        let rows = items.into_iter().map(|it| told(it.into(), excluded)).collect();
        Ok(CustomerPage::of(rows, page, |it: &KeptList| PageBehind::id(&it.list.id)))
    }

    /// A list with all that is in it.
    async fn whole(&self, customer: &str, id: &str) -> Result<KeptList, SourceError> {
        let path = ["customers", customer, "lists", id];
        let found: Versioned = self.0.ask(&SystemCall::get(&path, &[])).await?;
        if found.list.id == id { Ok(found.into()) } else { Err(breach("another list")) }
    }

    pub(super) async fn list(
        &self,
        customer: &str,
        id: &str,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        Ok(told(self.whole(customer, id).await?, excluded))
    }

    pub(super) async fn put_list(
        &self,
        customer: &str,
        mut list: CustomerList,
        seen: Option<i64>,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        if let Some(seen) = seen {
            let before = self.whole(customer, &list.id).await?;
            if before.version != seen {
                return Err(SourceError::Changed);
            }
            keep_back(&mut list, Some(before.list), excluded);
        }
        Ok(told(self.write(customer, &list, seen).await?, excluded))
    }

    /// Writes a list as it is to stand, in the place of a version or where none is.
    async fn write(
        &self,
        customer: &str,
        list: &CustomerList,
        seen: Option<i64>,
    ) -> Result<KeptList, SourceError> {
        if list.items.len() > MOST_ITEMS {
            return Err(SourceError::Full { most: MOST_ITEMS });
        }
        let path = ["customers", customer, "lists", list.id.as_str()];
        let condition = match seen {
            Some(seen) => ("if-match", format!("\"{seen}\"")),
            None => ("if-none-match", "*".to_owned()),
        };
        let body = serde_json::to_string(list).map_err(|_| breach("a list cannot be written"))?;
        let asked = SystemCall {
            method: "PUT",
            path: &path,
            query: &[],
            headers: &[condition],
            body: Some(body),
        };
        let put: Versioned = self.0.ask(&asked).await?;
        if put.list.id == list.id { Ok(put.into()) } else { Err(breach("another list")) }
    }

    pub(super) async fn add_scanned(
        &self,
        (customer, list): (&str, &str),
        item: &ScannedItem,
        seen: Option<i64>,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        for _ in 0..TRIES {
            let KeptList { version, list: mut whole } = self.whole(customer, list).await?;
            if seen.is_some_and(|seen| seen != version) {
                return Err(SourceError::Changed);
            }
            add(&mut whole, item);
            match self.write(customer, &whole, Some(version)).await {
                // Somebody else was first: what they made of it is looked at.
                Err(SourceError::Changed) if seen.is_none() => {}
                done => return done.map(|kept| told(kept, excluded)),
            }
        }
        Err(SourceError::Changed)
    }

    pub(super) async fn promotions(
        &self,
        customer: &str,
        now: Micros,
        page: &PageOf,
    ) -> Result<CustomerPage<PersonalPromotion>, SourceError> {
        let path = ["customers", customer, "promotions"];
        let mut query = vec![("limit", page.and_one().to_string()), ("now", written(now))];
        query.extend(page.after.as_ref().map(|after| ("after_id", after.id.clone())));
        let SystemRows { items } = self.0.ask(&SystemCall::get(&path, &query)).await?;
        by_id(&items, page.and_one(), |it: &PersonalPromotion| it.id.clone(), page.after.as_ref())?;
        let place = |it: &PersonalPromotion| PageBehind::id(&it.id);
        Ok(CustomerPage::of(items, page, place))
    }
}
