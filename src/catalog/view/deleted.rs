//! Resources and deleted resources in one walk.

use super::grant::Grant;
use super::page::Page;
use super::products::Products;
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;

/// An item of a list that holds deleted resources too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed<I, T = Bytes> {
    /// A resource that is there.
    Present(T),
    /// A resource that was deleted.
    Deleted {
        /// Its id.
        id: I,
        /// When it was deleted.
        at: Micros,
        /// What stands in its place: only products are replaced.
        replaced_by: Option<ProductId>,
    },
}

/// The ids of two ascending walks in one. None is in both.
fn merged(
    living: impl Iterator<Item = u64>,
    gone: impl Iterator<Item = u64>,
) -> impl Iterator<Item = u64> {
    let (mut living, mut gone) = (living.peekable(), gone.peekable());
    std::iter::from_fn(move || match (living.peek(), gone.peek()) {
        (Some(alive), Some(dead)) if dead < alive => gone.next(),
        (None, _) => gone.next(),
        _ => living.next(),
    })
}

/// The page behind `after` of what `pick` takes of some resources and of those that were deleted at or
/// after an instant, by id.
pub fn with_deleted<R, I, T>(
    (living, gone): (&BTreeMap<u64, R>, &BTreeMap<u64, Micros>),
    since: Micros,
    (after, limit): (Option<u64>, usize),
    id_of: impl Fn(u64) -> I,
    mut pick: impl FnMut(&R) -> Option<T>,
) -> Page<Listed<I, T>> {
    let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let living_ids = living.range(behind).map(|(id, _)| *id);
    let gone_ids = gone.range(behind).map(|(id, _)| *id);
    Page::of_ids(merged(living_ids, gone_ids), limit, |id| match living.get(&id) {
        Some(resource) => pick(resource).map(Listed::Present),
        None => gone.get(&id).filter(|at| **at >= since).map(|at| Listed::Deleted {
            id: id_of(id),
            at: *at,
            replaced_by: None,
        }),
    })
}

impl Products {
    /// The page behind `after` of what changed or was deleted at or after an instant, by id.
    pub(super) fn list_with_deleted(
        &self,
        grant: Option<&Grant>,
        since: Micros,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Listed<ProductId>> {
        let takes = |id: u64| grant.is_none_or(|grant| grant.takes_id(id, self));
        let both = merged(self.ids.after(after), self.gone_ids.after(after));
        Page::of_ids(both, limit, |id| match self.get(id) {
            Some(entry) => {
                let is_taken = entry.updated_at >= since.0 && takes(id);
                is_taken.then(|| Listed::Present(entry.body.clone()))
            }
            None => {
                self.gone.get(&id).filter(|gone| gone.at >= since).map(|gone| Listed::Deleted {
                    id: gone.id,
                    at: gone.at,
                    replaced_by: self.successor(gone).filter(|id| takes(id.0)),
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::view::page::MOST_SEEN;
    use crate::catalog::view::{ProductChange, Tombstone};
    use crate::kernel::id::StoreId;
    use proptest::prelude::*;

    #[test]
    fn deleted_products_are_walked_in_steps_and_those_of_before_are_passed_over() {
        let mut products = Products::default();
        let bury = |products: &mut Products, n: u64, at: i64| {
            let (id, at) = (ProductId(n), Micros(at));
            let gone = Tombstone { id, gtin: None, replaced_by: None, at };
            products.apply(ProductChange::Delete(gone));
        };
        let most = MOST_SEEN as u64;
        (0..most).for_each(|n| bury(&mut products, n, 1));
        bury(&mut products, most, 2);
        let first = products.list_with_deleted(None, Micros(2), None, 1);
        assert_eq!((first.items.len(), first.next), (0, Some(most - 1)));
        let last = products.list_with_deleted(None, Micros(2), first.next, 1);
        let gone = Listed::Deleted { id: ProductId(most), at: Micros(2), replaced_by: None };
        assert_eq!((last.items, last.next), (vec![gone], None));
        // Told anew, it is of another instant and there once.
        bury(&mut products, 0, 3);
        let again = products.list_with_deleted(None, Micros(3), None, 9);
        assert_eq!((again.items.len(), products.gone_ids.len() as u64), (1, most + 1));
    }

    proptest! {
        #[test]
        fn a_walk_has_the_living_and_the_recently_deleted_once_each_in_order(
            states in proptest::collection::btree_map(0..60u64, (any::<bool>(), 0..9i64), 0..40),
            since in 0..9i64,
            limit in 1..7usize,
        ) {
            let of = |alive: bool| -> BTreeMap<u64, Micros> {
                let own = states.iter().filter(|(_, (own, _))| *own == alive);
                own.map(|(id, (_, at))| (*id, Micros(*at))).collect()
            };
            let (living, gone) = (of(true), of(false));
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let pick = |at: &Micros| (at.0 >= since).then_some(*at);
                let place = (after, limit);
                let page = with_deleted((&living, &gone), Micros(since), place, StoreId, pick);
                prop_assert!(page.items.len() <= limit);
                seen.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let recent = states.iter().filter(|(_, (_, at))| *at >= since);
            let expected: Vec<Listed<StoreId, Micros>> = recent
                .map(|(id, (alive, at))| match alive {
                    true => Listed::Present(Micros(*at)),
                    false => Listed::Deleted { id: StoreId(*id), at: Micros(*at), replaced_by: None },
                })
                .collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
