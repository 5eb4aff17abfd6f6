//! Ids that leave: each partner's own, so that no two can join what they know by them.

use crate::consent::subject::{ScopedIds, ScopedKind};
use crate::customers::model::CustomerDocument;
use serde_json::Value;

/// Where ids stand in a document, and of what they are.
const fn places(document: CustomerDocument) -> &'static [(&'static [&'static str], ScopedKind)] {
    match document {
        CustomerDocument::Profile | CustomerDocument::MonthOfCategory => &[],
        CustomerDocument::LoyaltyAccount => &[(&["id"], ScopedKind::Card)],
        CustomerDocument::LoyaltyTransaction => {
            &[(&["id"], ScopedKind::Transaction), (&["purchase_id"], ScopedKind::Order)]
        }
        CustomerDocument::Purchase => &[(&["id"], ScopedKind::Order)],
        CustomerDocument::List => {
            &[(&["id"], ScopedKind::List), (&["items", "item_id"], ScopedKind::Item)]
        }
        CustomerDocument::Promotion => &[(&["id"], ScopedKind::Offer)],
    }
}

/// Puts the partner's ids in the place of the retailer's.
pub(super) fn put(document: CustomerDocument, ids: &ScopedIds, whole: &mut Value) {
    for (path, kind) in places(document) {
        at(whole, path, &|id| ids.outside(*kind, id));
    }
}

fn at(value: &mut Value, path: &[&str], outside: &dyn Fn(&str) -> String) {
    match (value, path) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| at(item, path, outside)),
        (Value::String(id), []) => *id = outside(id),
        (Value::Object(fields), [name, rest @ ..]) => {
            if let Some(field) = fields.get_mut(*name) {
                at(field, rest, outside);
            }
        }
        _ => {}
    }
}
