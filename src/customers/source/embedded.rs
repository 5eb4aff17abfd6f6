//! Customers' data in the gateway's own database.

use super::changes::{add, keep_back, told};
use super::{
    CustomerPage, KeptList, MOST_ITEMS, MOST_LISTS, MOST_SUMMED, PageBehind, PageOf, PurchaseRange,
    ScannedItem, SourceError, fill,
};
use crate::consent::category::SensitiveCategories;
use crate::customers::model::{
    CustomerList, CustomerProfile, CustomerPurchase, LoyaltyAccount, LoyaltyTransaction,
    MonthOfCategory, PersonalPromotion,
};
use crate::customers::store::lists::{ListPut, change, list_in, make};
use crate::customers::store::read;
use crate::kernel::Micros;
use crate::storage::{Db, Tx};

/// Times that an item is put into a list that others change meanwhile.
const TRIES: usize = 5;

/// The gateway's own database.
#[derive(Debug, Clone)]
pub struct EmbeddedCustomers {
    db: Db,
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
        fill::sums(excluded, async |after: Option<&PageBehind>, limit: i64| {
            let rows = read::purchases(&self.db, customer, range, after, limit).await;
            rows.map_err(SourceError::from)
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
            let rows = read::purchases(&self.db, customer, range, after, limit).await;
            rows.map_err(SourceError::from)
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
