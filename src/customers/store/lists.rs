//! Changing lists: each change is made from a version, and only where that still stands.

use super::hold_customer;
use super::read::kept;
use crate::customers::model::CustomerList;
use crate::customers::source::{KeptList, MOST_LISTS};
use crate::on_tx;
use crate::storage::{StoreError, Tx};

/// What became of a list that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPut {
    /// It is written; its version.
    Written(i64),
    /// It stands otherwise than it was seen, or it is there already.
    Moved,
    /// There is no such list of this customer, or no such customer.
    Missing,
    /// The customer has as many lists as there may be.
    Full,
}

fn text(list: &CustomerList) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|_| StoreError::corrupt(super::LISTS, "cannot be written"))
}

/// A list as a transaction sees it.
pub async fn list_in(
    tx: &mut Tx,
    customer: &str,
    id: &str,
) -> Result<Option<KeptList>, StoreError> {
    const FIND: &str =
        "SELECT version, body FROM customer_lists WHERE customer_id = $1 AND id = $2";
    let row: Option<(i64, String)> = on_tx!(tx, c => {
        sqlx::query_as(FIND).bind(customer).bind(id).fetch_optional(c).await
    })?;
    row.map(kept).transpose()
}

/// Writes a list in the place of one of its versions.
pub async fn change(
    tx: &mut Tx,
    customer: &str,
    list: &CustomerList,
    seen: i64,
) -> Result<ListPut, StoreError> {
    const CHANGE: &str = "UPDATE customer_lists SET body = $1, version = version + 1
        WHERE id = $2 AND customer_id = $3 AND version = $4";
    let body = text(list)?;
    let changed = on_tx!(tx, c => {
        let change = sqlx::query(CHANGE).bind(&body).bind(&list.id).bind(customer).bind(seen);
        change.execute(c).await.map(|done| done.rows_affected())
    })?;
    if changed > 0 {
        return Ok(ListPut::Written(seen.saturating_add(1)));
    }
    let there = list_in(tx, customer, &list.id).await?;
    Ok(there.map_or(ListPut::Missing, |_| ListPut::Moved))
}

/// Writes a list that is not there yet. An id that another customer's list has is taken, too.
pub async fn make(tx: &mut Tx, customer: &str, list: &CustomerList) -> Result<ListPut, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM customer_lists WHERE customer_id = $1";
    const MAKE: &str = "INSERT INTO customer_lists (id, customer_id, body, version)
        VALUES ($1, $2, $3, 1) ON CONFLICT (id) DO NOTHING";
    if !hold_customer(tx, customer).await? {
        return Ok(ListPut::Missing);
    }
    let lists: i64 = on_tx!(tx, c => sqlx::query_scalar(COUNT).bind(customer).fetch_one(c).await)?;
    if lists >= i64::from(MOST_LISTS) {
        return Ok(ListPut::Full);
    }
    let body = text(list)?;
    let made = on_tx!(tx, c => {
        let make = sqlx::query(MAKE).bind(&list.id).bind(customer).bind(&body);
        make.execute(c).await.map(|done| done.rows_affected())
    })?;
    Ok(if made > 0 { ListPut::Written(1) } else { ListPut::Moved })
}
