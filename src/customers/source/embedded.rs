//! Customers' data in the gateway's own database.

use super::{
    CustomerPage, KeptList, MOST_ITEMS, MOST_LISTS, MOST_SUMMED, PageBehind, PageOf, PurchaseRange,
    ScannedItem, SourceError,
};
use crate::consent::category::SensitiveCategories;
use crate::customers::model::{
    CustomerList, CustomerProfile, CustomerPurchase, ListItem, LoyaltyAccount, LoyaltyTransaction,
    MonthOfCategory, PersonalPromotion, PurchaseSums,
};
use crate::customers::store::lists::{ListPut, change, list_in, make};
use crate::customers::store::read;
use crate::kernel::{Gtin, Micros, base62};
use crate::storage::{Db, Tx};

/// Purchases that are read at a time to add them up.
const BATCH: i64 = 200;
/// Times that a page is filled up where purchases are left out of it.
const FILLS: usize = 20;
/// Times that an item is put into a list that others change meanwhile.
const TRIES: usize = 5;

/// The gateway's own database.
#[derive(Debug, Clone)]
pub struct EmbeddedCustomers {
    db: Db,
}

fn place(purchase: &CustomerPurchase) -> PageBehind {
    PageBehind::at(purchase.order_date, &purchase.id)
}

impl EmbeddedCustomers {
    /// Customers' data in this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    pub(super) async fn profile(&self, customer: &str) -> Result<CustomerProfile, SourceError> {
        read::profile(&self.db, customer).await?.ok_or(SourceError::NotFound)
    }

    pub(super) async fn loyalty(&self, customer: &str) -> Result<Vec<LoyaltyAccount>, SourceError> {
        Ok(read::accounts(&self.db, customer).await?)
    }

    pub(super) async fn transactions(
        &self,
        customer: &str,
        account: &str,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<LoyaltyTransaction>, SourceError> {
        let account = read::account(&self.db, customer, account).await?;
        let mut rows = account.ok_or(SourceError::NotFound)?.transactions;
        if let Some(after) = &page.after {
            let place = (after.at, after.id.as_str());
            rows.retain(|it| (it.occurred_at, it.id.as_str()) < place);
        }
        rows.sort_by(|one, other| (other.occurred_at, &other.id).cmp(&(one.occurred_at, &one.id)));
        rows.truncate(page.rows().saturating_add(1));
        let told = rows.into_iter().map(|it| it.without(excluded)).collect();
        let place = |it: &LoyaltyTransaction| PageBehind::at(it.occurred_at, &it.id);
        Ok(CustomerPage::of(told, page, place))
    }

    pub(super) async fn summary(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
    ) -> Result<Vec<MonthOfCategory>, SourceError> {
        let (mut sums, mut added) = (PurchaseSums::without(excluded), 0_usize);
        let mut after = None;
        loop {
            let rows = read::purchases(&self.db, customer, range, after.as_ref(), BATCH).await?;
            added = added.saturating_add(rows.len());
            if added > MOST_SUMMED {
                return Err(SourceError::TooMuch { most: MOST_SUMMED });
            }
            rows.iter().for_each(|purchase| sums.add(purchase));
            match rows.last() {
                Some(last) => after = Some(place(last)),
                None => return Ok(sums.finish()),
            }
        }
    }

    pub(super) async fn purchases(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<CustomerPurchase>, SourceError> {
        let mut told: Vec<CustomerPurchase> = Vec::new();
        let mut after = page.after.clone();
        // A page with fewer rows than were asked for would show that there are others, so it is filled up.
        for _ in 0..FILLS {
            let limit = page.and_one();
            let rows = read::purchases(&self.db, customer, range, after.as_ref(), limit).await?;
            let is_end = rows.len() <= page.rows();
            after = rows.last().map(place).or(after);
            told.extend(rows.into_iter().filter_map(|it| it.without(excluded)));
            if is_end || told.len() > page.rows() {
                return Ok(CustomerPage::of(told, page, place));
            }
        }
        Ok(CustomerPage { rows: told, next: after })
    }

    pub(super) async fn purchase(
        &self,
        customer: &str,
        id: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
    ) -> Result<CustomerPurchase, SourceError> {
        let found = read::purchase(&self.db, customer, id).await?;
        let found = found.filter(|it| range.holds(it.order_date));
        found.and_then(|it| it.without(excluded)).ok_or(SourceError::NotFound)
    }

    pub(super) async fn purchase_that(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
        is_it: &dyn Fn(&str) -> bool,
    ) -> Result<CustomerPurchase, SourceError> {
        let ids = read::purchase_ids(&self.db, customer, range, MOST_SUMMED).await?;
        let id = ids.iter().find(|id| is_it(id)).ok_or(SourceError::NotFound)?;
        self.purchase(customer, id, range, excluded).await
    }

    pub(super) async fn lists(
        &self,
        customer: &str,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<KeptList>, SourceError> {
        let CustomerPage { rows, next } = read::lists(&self.db, customer, page).await?;
        let rows = rows.into_iter().map(|kept| told(kept, excluded)).collect();
        Ok(CustomerPage { rows, next })
    }

    pub(super) async fn list(
        &self,
        customer: &str,
        id: &str,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        let kept = read::list(&self.db, customer, id).await?.ok_or(SourceError::NotFound)?;
        Ok(told(kept, excluded))
    }

    pub(super) async fn put_list(
        &self,
        customer: &str,
        list: CustomerList,
        seen: Option<i64>,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        let mut tx = self.db.begin().await?;
        let kept = write(&mut tx, customer, list, seen, excluded).await?;
        tx.commit().await?;
        Ok(told(kept, excluded))
    }

    pub(super) async fn add_scanned(
        &self,
        (customer, list): (&str, &str),
        item: &ScannedItem,
        seen: Option<i64>,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        for _ in 0..TRIES {
            let mut kept =
                read::list(&self.db, customer, list).await?.ok_or(SourceError::NotFound)?;
            if seen.is_some_and(|seen| seen != kept.version) {
                return Err(SourceError::Changed);
            }
            add(&mut kept.list, item);
            let version = Some(kept.version);
            match self.put_list(customer, kept.list, version, excluded).await {
                // Somebody else was first: what they made of it is looked at.
                Err(SourceError::Changed) if seen.is_none() => {}
                done => return done,
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
        Ok(read::promotions(&self.db, customer, now, page).await?)
    }
}

fn told(kept: KeptList, excluded: SensitiveCategories) -> KeptList {
    KeptList { version: kept.version, list: kept.list.without(excluded) }
}

/// Writes a list, and gives it as it then stands.
async fn write(
    tx: &mut Tx,
    customer: &str,
    mut list: CustomerList,
    seen: Option<i64>,
    excluded: SensitiveCategories,
) -> Result<KeptList, SourceError> {
    let before = list_in(tx, customer, &list.id).await?.map(|kept| kept.list);
    keep_back(&mut list, before, excluded);
    if list.items.len() > MOST_ITEMS {
        return Err(SourceError::Full { most: MOST_ITEMS });
    }
    let put = match seen {
        Some(seen) => change(tx, customer, &list, seen).await?,
        None => make(tx, customer, &list).await?,
    };
    match put {
        ListPut::Written(version) => Ok(KeptList { version, list }),
        ListPut::Moved => Err(SourceError::Changed),
        ListPut::Missing => Err(SourceError::NotFound),
        ListPut::Full => Err(SourceError::Full { most: usize::try_from(MOST_LISTS).unwrap_or(0) }),
    }
}

/// Brings back what who changes a list has not seen. What an item can reveal is the retailer's to say, and stays.
fn keep_back(list: &mut CustomerList, before: Option<CustomerList>, excluded: SensitiveCategories) {
    let before = before.map(|before| before.items).unwrap_or_default();
    for item in &mut list.items {
        let same = before.iter().find(|known| known.item_id == item.item_id);
        item.sensitive = same.and_then(|known| known.sensitive);
    }
    let is_hidden = |item: &ListItem| item.sensitive.is_some_and(|it| excluded.has(it));
    let is_there = |item: &ListItem| list.items.iter().any(|other| other.item_id == item.item_id);
    let hidden: Vec<ListItem> =
        before.into_iter().filter(|item| is_hidden(item) && !is_there(item)).collect();
    list.items.extend(hidden);
}

/// Puts a product into a list; more of it where it is there already.
fn add(list: &mut CustomerList, scanned: &ScannedItem) {
    if let Some(item) = list.items.iter_mut().find(|item| item.gtin == Some(scanned.gtin)) {
        item.quantity = item.quantity.saturating_add(scanned.quantity);
        if scanned.note.is_some() {
            item.note.clone_from(&scanned.note);
        }
        return;
    }
    list.items.push(ListItem {
        item_id: item_id(&list.id, scanned.gtin),
        sku: None,
        gtin: Some(scanned.gtin),
        sensitive: None,
        quantity: scanned.quantity,
        note: scanned.note.clone(),
        added_at: scanned.at,
        source: Some(scanned.source),
        store_code: scanned.store_code.clone(),
    });
}

/// The name of a product within a list: the same whenever it is put there.
fn item_id(list: &str, gtin: Gtin) -> String {
    let hash = blake3::Hasher::new_derive_key("comptoir item of a list")
        .update(list.as_bytes())
        .update(&gtin.number().to_le_bytes())
        .finalize();
    let mut first = [0_u8; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    format!("itm_{}", base62::encode(u64::from_le_bytes(first), base62::U64_WIDTH))
}
