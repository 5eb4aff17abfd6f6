//! Reading what is a customer's. Each statement names the customer: what is another's is not there.

use super::{ACCOUNTS, CUSTOMERS, LISTS, PROMOTIONS, PURCHASES};
use crate::customers::model::{
    CustomerProfile, CustomerPurchase, LoyaltyAccount, PersonalPromotion,
};
use crate::customers::source::{
    CustomerPage, KeptList, MOST_ACCOUNTS, PageBehind, PageOf, PurchaseRange,
};
use crate::kernel::Micros;
use crate::on_db;
use crate::storage::{Db, StoreError};
use serde::de::DeserializeOwned;

/// A stored document. What is wrong with a damaged one is said without what stands in it.
pub(super) fn document<T: DeserializeOwned>(
    table: &'static str,
    body: &str,
) -> Result<T, StoreError> {
    let damaged = |error: serde_json::Error| {
        StoreError::corrupt(table, format!("no document of its kind, at {}", error.column()))
    };
    serde_json::from_str(body).map_err(damaged)
}

fn documents<T: DeserializeOwned>(
    table: &'static str,
    bodies: &[String],
) -> Result<Vec<T>, StoreError> {
    bodies.iter().map(|body| document(table, body)).collect()
}

/// Who a customer is.
pub async fn profile(db: &Db, customer: &str) -> Result<Option<CustomerProfile>, StoreError> {
    const FIND: &str = "SELECT body FROM customers WHERE id = $1";
    let body: Option<String> =
        on_db!(db, c => sqlx::query_scalar(FIND).bind(customer).fetch_optional(c).await)?;
    body.map(|body| document(CUSTOMERS, &body)).transpose()
}

/// A customer's loyalty accounts.
pub async fn accounts(db: &Db, customer: &str) -> Result<Vec<LoyaltyAccount>, StoreError> {
    const LIST: &str =
        "SELECT body FROM loyalty_accounts WHERE customer_id = $1 ORDER BY id LIMIT $2";
    let bodies: Vec<String> = on_db!(db, c => {
        let list = sqlx::query_scalar(LIST).bind(customer);
        list.bind(i64::from(MOST_ACCOUNTS)).fetch_all(c).await
    })?;
    documents(ACCOUNTS, &bodies)
}

/// One of a customer's loyalty accounts.
pub async fn account(
    db: &Db,
    customer: &str,
    id: &str,
) -> Result<Option<LoyaltyAccount>, StoreError> {
    const FIND: &str = "SELECT body FROM loyalty_accounts WHERE customer_id = $1 AND id = $2";
    let body: Option<String> = on_db!(db, c => {
        sqlx::query_scalar(FIND).bind(customer).bind(id).fetch_optional(c).await
    })?;
    body.map(|body| document(ACCOUNTS, &body)).transpose()
}

/// A customer's purchases behind a place, the newest first, at most so many.
pub async fn purchases(
    db: &Db,
    customer: &str,
    range: PurchaseRange,
    after: Option<&PageBehind>,
    limit: i64,
) -> Result<Vec<CustomerPurchase>, StoreError> {
    const LIST: &str = "SELECT body FROM purchases
        WHERE customer_id = $1 AND ordered_at >= $2 AND ordered_at < $3
            AND (ordered_at < $4 OR (ordered_at = $4 AND id < $5))
        ORDER BY ordered_at DESC, id DESC LIMIT $6";
    let (from, to) = range.bounds();
    let (at, id) = after.map_or((i64::MAX, ""), |after| (after.at.0, after.id.as_str()));
    let bodies: Vec<String> = on_db!(db, c => {
        let list = sqlx::query_scalar(LIST).bind(customer).bind(from.0).bind(to.0);
        list.bind(at).bind(id).bind(limit).fetch_all(c).await
    })?;
    documents(PURCHASES, &bodies)
}

/// The ids of a customer's purchases, the newest first, at most so many.
pub async fn purchase_ids(
    db: &Db,
    customer: &str,
    range: PurchaseRange,
    most: usize,
) -> Result<Vec<String>, StoreError> {
    const LIST: &str = "SELECT id FROM purchases
        WHERE customer_id = $1 AND ordered_at >= $2 AND ordered_at < $3
        ORDER BY ordered_at DESC, id DESC LIMIT $4";
    let (from, to) = range.bounds();
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    on_db!(db, c => {
        let list = sqlx::query_scalar(LIST).bind(customer).bind(from.0).bind(to.0);
        list.bind(most).fetch_all(c).await
    })
    .map_err(StoreError::from)
}

/// One of a customer's purchases.
pub async fn purchase(
    db: &Db,
    customer: &str,
    id: &str,
) -> Result<Option<CustomerPurchase>, StoreError> {
    const FIND: &str = "SELECT body FROM purchases WHERE customer_id = $1 AND id = $2";
    let body: Option<String> = on_db!(db, c => {
        sqlx::query_scalar(FIND).bind(customer).bind(id).fetch_optional(c).await
    })?;
    body.map(|body| document(PURCHASES, &body)).transpose()
}

pub(super) fn kept((version, body): (i64, String)) -> Result<KeptList, StoreError> {
    Ok(KeptList { version, list: document(LISTS, &body)? })
}

/// A page of a customer's lists.
pub async fn lists(
    db: &Db,
    customer: &str,
    page: &PageOf,
) -> Result<CustomerPage<KeptList>, StoreError> {
    const LIST: &str = "SELECT version, body FROM customer_lists
        WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    let rows: Vec<(i64, String)> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(customer).bind(page.after_id());
        list.bind(page.and_one()).fetch_all(c).await
    })?;
    let lists = rows.into_iter().map(kept).collect::<Result<Vec<_>, _>>()?;
    Ok(CustomerPage::of(lists, page, |it| PageBehind::id(&it.list.id)))
}

/// One of a customer's lists.
pub async fn list(db: &Db, customer: &str, id: &str) -> Result<Option<KeptList>, StoreError> {
    const FIND: &str =
        "SELECT version, body FROM customer_lists WHERE customer_id = $1 AND id = $2";
    let row: Option<(i64, String)> = on_db!(db, c => {
        sqlx::query_as(FIND).bind(customer).bind(id).fetch_optional(c).await
    })?;
    row.map(kept).transpose()
}

/// A page of the promotions of a customer that have not ended.
pub async fn promotions(
    db: &Db,
    customer: &str,
    now: Micros,
    page: &PageOf,
) -> Result<CustomerPage<PersonalPromotion>, StoreError> {
    const LIST: &str = "SELECT body FROM customer_promotions
        WHERE customer_id = $1 AND valid_through > $2 AND id > $3 ORDER BY id LIMIT $4";
    let bodies: Vec<String> = on_db!(db, c => {
        let list = sqlx::query_scalar(LIST).bind(customer).bind(now.0).bind(page.after_id());
        list.bind(page.and_one()).fetch_all(c).await
    })?;
    let promotions = documents(PROMOTIONS, &bodies)?;
    Ok(CustomerPage::of(promotions, page, |it: &PersonalPromotion| PageBehind::id(&it.id)))
}
