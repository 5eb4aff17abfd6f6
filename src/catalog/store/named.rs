//! What a plan names of the catalog, and is not there.

use crate::access::plan::PlanData;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, fetch};
use std::collections::HashSet;

/// What a plan may name: what people call it, and how those are found that are there.
const NAMED: [(&str, &str); 3] = [
    ("category", "SELECT id FROM categories WHERE deleted_at IS NULL AND id IN ("),
    ("brand", "SELECT DISTINCT brand_id FROM products WHERE deleted_at IS NULL AND brand_id IN ("),
    ("store", "SELECT id FROM stores WHERE deleted_at IS NULL AND id IN ("),
];

/// The categories, brands and stores that a plan names and the catalog does not have: what they are, and their ids.
/// A brand is there where a product is of it.
pub async fn absent(db: &Db, data: &PlanData) -> Result<Vec<(&'static str, String)>, StoreError> {
    fn texts<T: ToString>(ids: Option<impl IntoIterator<Item = T>>) -> Vec<String> {
        ids.into_iter().flatten().map(|id| id.to_string()).collect()
    }
    let ids = [
        texts(data.category_ids.as_ref()),
        texts(data.brand_ids.as_ref()),
        texts(data.store_ids.as_ref()),
    ];
    let mut absent = Vec::new();
    for ((what, select), ids) in NAMED.into_iter().zip(ids) {
        let mut there = HashSet::new();
        for some in ids.chunks(ROWS_PER_STATEMENT) {
            let rows: Vec<(String,)> = fetch::by_ids(db, select, some).await?;
            there.extend(rows.into_iter().map(|(id,)| id));
        }
        absent.extend(ids.into_iter().filter(|id| !there.contains(id)).map(|id| (what, id)));
    }
    Ok(absent)
}
