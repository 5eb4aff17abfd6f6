//! What becomes of a list that somebody changes who has not seen all of it: the same wherever it is kept.

use super::{KeptList, ScannedItem};
use crate::consent::category::SensitiveCategories;
use crate::customers::model::{CustomerList, ListItem};
use crate::kernel::{Gtin, base62};

/// A list without what is left out.
pub(super) fn told(kept: KeptList, excluded: SensitiveCategories) -> KeptList {
    KeptList { version: kept.version, list: kept.list.without(excluded) }
}

/// Brings back what who changes a list has not seen. What an item can reveal is the retailer's to say, and stays.
pub(super) fn keep_back(
    list: &mut CustomerList,
    before: Option<CustomerList>,
    excluded: SensitiveCategories,
) {
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
pub(super) fn add(list: &mut CustomerList, scanned: &ScannedItem) {
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
