//! One page of a list that is walked in the order of ids.

/// Most rows looked at for one page. Where filters match rarely a page is returned short, with a
/// cursor behind the last row seen, so that no call holds the view for long.
pub const MOST_SEEN: usize = 20_000;

/// Rows of a page, and the key after which the next page begins, where there is more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K = u64> {
    /// The rows.
    pub items: Vec<T>,
    /// The key to continue after.
    pub next: Option<K>,
}

impl<T, K: Copy> Page<T, K> {
    /// Fills a page from rows in the order of their keys, taking what `pick` makes of them.
    pub fn fill<R>(
        rows: impl Iterator<Item = (K, R)>,
        limit: usize,
        mut pick: impl FnMut(R) -> Option<T>,
    ) -> Self {
        let mut items = Vec::with_capacity(limit.min(64));
        let mut last_taken = None;
        for (seen, (key, row)) in rows.enumerate() {
            if let Some(item) = pick(row) {
                if items.len() == limit {
                    return Self { items, next: last_taken };
                }
                items.push(item);
                last_taken = Some(key);
            }
            if seen + 1 == MOST_SEEN {
                return Self { items, next: Some(key) };
            }
        }
        Self { items, next: None }
    }
}

impl<K: Copy> Page<(), K> {
    /// How many rows a walk by pages has; `page` gives the one behind a key, of at most so many rows.
    pub fn count(mut page: impl FnMut(Option<K>, usize) -> Self) -> u64 {
        let (mut total, mut after) = (0, None);
        loop {
            let found = page(after, usize::MAX);
            total += found.items.len() as u64;
            after = found.next;
            if after.is_none() {
                return total;
            }
        }
    }
}

impl<T> Page<T> {
    /// Fills a page from ascending ids.
    pub fn of_ids(
        ids: impl Iterator<Item = u64>,
        limit: usize,
        pick: impl FnMut(u64) -> Option<T>,
    ) -> Self {
        Self::fill(ids.map(|id| (id, id)), limit, pick)
    }

    /// The key to continue after, as a cursor holds it.
    #[must_use]
    pub fn next_pair(&self) -> Option<(u64, u64)> {
        self.next.map(|id| (id, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_goes_on_behind_what_one_page_may_see() {
        let all = 2 * MOST_SEEN as u64 + 7;
        let mut pages = 0;
        let total = Page::count(|after, most| {
            pages += 1;
            let ids = after.map_or(0, |after| after + 1)..all;
            Page::of_ids(ids, most, |id| id.is_multiple_of(2).then_some(()))
        });
        assert_eq!((total, pages), (all.div_ceil(2), 3));
        assert_eq!(Page::count(|_, most| Page::of_ids(0..0, most, |_| Some(()))), 0);
    }
}
