//! Products and deleted products in one walk.

use super::page::Page;
use super::products::Products;
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use bytes::Bytes;

/// An item of a list that holds deleted products too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A product, as stored.
    Product(Bytes),
    /// A product that was deleted.
    Deleted {
        /// Its id.
        id: ProductId,
        /// When it was deleted.
        at: Micros,
        /// What stands in its place.
        replaced_by: Option<ProductId>,
    },
}

impl Products {
    /// The page behind `after` of what changed or was deleted at or after an instant, by id.
    pub(super) fn list_with_deleted(
        &self,
        since: Micros,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Listed> {
        let behind = |id: u64| after.is_none_or(|after| id > after);
        let recent = self.gone.values().filter(|gone| gone.at >= since && behind(gone.id.0));
        let mut gone: Vec<u64> = recent.map(|gone| gone.id.0).collect();
        gone.sort_unstable();
        let mut gone = gone.into_iter().peekable();
        let mut living = self.ids.after(after).peekable();
        let both = std::iter::from_fn(|| match (living.peek(), gone.peek()) {
            (Some(alive), Some(dead)) if dead < alive => gone.next(),
            (None, _) => gone.next(),
            _ => living.next(),
        });
        Page::of_ids(both, limit, |id| match self.get(id) {
            Some(entry) => {
                (entry.updated_at >= since.0).then(|| Listed::Product(entry.body.clone()))
            }
            None => self.gone.get(&id).map(|gone| Listed::Deleted {
                id: gone.id,
                at: gone.at,
                replaced_by: self.successor(gone),
            }),
        })
    }
}
