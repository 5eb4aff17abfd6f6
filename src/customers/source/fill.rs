//! Reading purchases so that it does not show what is left out: the same wherever they are kept.

use super::{CustomerPage, MOST_SUMMED, PageBehind, PageOf, SourceError};
use crate::consent::category::SensitiveCategories;
use crate::customers::model::{CustomerPurchase, MonthOfCategory, PurchaseSums};

/// Purchases that are read at a time to add them up, or to look for one.
pub(super) const BATCH: u32 = 200;
/// Times that a page is filled up where purchases are left out of it.
const FILLS: usize = 20;

/// Where a purchase stands in the order of time.
pub(super) fn place(purchase: &CustomerPurchase) -> PageBehind {
    PageBehind::at(purchase.order_date, &purchase.id)
}

/// A page of purchases without what is left out. `read` gives so many behind a place, the newest first. A page with fewer
/// rows than were asked for would show that there are others, so it is filled up.
pub(super) async fn page(
    page: &PageOf,
    excluded: SensitiveCategories,
    read: impl AsyncFn(Option<&PageBehind>, i64) -> Result<Vec<CustomerPurchase>, SourceError>,
) -> Result<CustomerPage<CustomerPurchase>, SourceError> {
    let mut told: Vec<CustomerPurchase> = Vec::new();
    let mut after = page.after.clone();
    for _ in 0..FILLS {
        let rows = read(after.as_ref(), page.and_one()).await?;
        let is_end = rows.len() <= page.rows();
        after = rows.last().map(place).or(after);
        told.extend(rows.into_iter().filter_map(|it| it.without(excluded)));
        if is_end || told.len() > page.rows() {
            return Ok(CustomerPage::of(told, page, place));
        }
    }
    Ok(CustomerPage { rows: told, next: after })
}

/// All purchases added up, as `read` gives them.
pub(super) async fn sums(
    excluded: SensitiveCategories,
    read: impl AsyncFn(Option<&PageBehind>, i64) -> Result<Vec<CustomerPurchase>, SourceError>,
) -> Result<Vec<MonthOfCategory>, SourceError> {
    let (mut sums, mut added) = (PurchaseSums::without(excluded), 0_usize);
    let mut after = None;
    loop {
        let rows = read(after.as_ref(), i64::from(BATCH)).await?;
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
