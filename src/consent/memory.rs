//! Heads in memory: one after the other in blocks that never move, and found by the id of their consent.

use super::head::ConsentHead;
use super::record::GrantId;
use hashbrown::HashTable;

/// Heads that are allocated at once: a table that doubled would for a moment be there twice.
const BLOCK: usize = 1_024;

/// The heads of some consents.
#[derive(Debug, Default)]
pub(super) struct HeadTable {
    blocks: Vec<Vec<ConsentHead>>,
    /// Places that are not in use.
    free: Vec<u32>,
    /// The places of the heads.
    index: HashTable<u32>,
}

/// Part of an id. Ids are random and made here, so nobody can choose them to fall together.
fn hash(id: GrantId) -> u64 {
    id.0.bytes().first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
}

fn at(blocks: &[Vec<ConsentHead>], place: u32) -> Option<&ConsentHead> {
    let place = place as usize;
    blocks.get(place / BLOCK)?.get(place % BLOCK)
}

impl HeadTable {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The head of a consent.
    pub(super) fn get(&self, id: GrantId) -> Option<&ConsentHead> {
        at(&self.blocks, self.place(id)?)
    }

    /// Keeps a head, unless a newer one is known or the same.
    pub(super) fn put(&mut self, head: ConsentHead) {
        if let Some(place) = self.place(head.grant_id) {
            if let Some(known) = self.at_mut(place).filter(|known| known.seq < head.seq) {
                *known = head;
            }
            return;
        }
        let place = self.added(head);
        let blocks = &self.blocks;
        let rehash = |place: &u32| at(blocks, *place).map_or(0, |head| hash(head.grant_id));
        self.index.insert_unique(hash(head.grant_id), place, rehash);
    }

    /// Forgets the head of a consent, unless one is known that is newer than of that place in the feed.
    pub(super) fn remove(&mut self, id: GrantId, seq: i64) {
        let Self { blocks, free, index } = self;
        let is_it = |place: &u32| {
            at(blocks, *place).is_some_and(|head| head.grant_id == id && head.seq <= seq)
        };
        if let Ok(found) = index.find_entry(hash(id), is_it) {
            free.push(found.remove().0);
        }
    }

    fn place(&self, id: GrantId) -> Option<u32> {
        let is_it = |place: &u32| at(&self.blocks, *place).is_some_and(|head| head.grant_id == id);
        self.index.find(hash(id), is_it).copied()
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut ConsentHead> {
        let place = place as usize;
        self.blocks.get_mut(place / BLOCK)?.get_mut(place % BLOCK)
    }

    /// Puts a head into a free place, or behind the last; where that is.
    fn added(&mut self, head: ConsentHead) -> u32 {
        if let Some(place) = self.free.pop() {
            if let Some(slot) = self.at_mut(place) {
                *slot = head;
            }
            return place;
        }
        let before = self.blocks.len().saturating_sub(1) * BLOCK;
        match self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => {
                block.push(head);
                (before + block.len() - 1) as u32
            }
            None => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(head);
                self.blocks.push(block);
                ((self.blocks.len() - 1) * BLOCK) as u32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::category::SensitiveCategories;
    use crate::consent::details::AccessMode;
    use crate::consent::scope::OAuthScopes;
    use crate::consent::status::ConsentStatus;
    use crate::kernel::Micros;
    use crate::kernel::id::AppId;

    fn head(n: u32, seq: i64) -> ConsentHead {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        ConsentHead {
            grant_id: GrantId::from_random(bytes),
            client: AppId(2),
            sub: None,
            seq,
            version: 1,
            status: ConsentStatus::Active,
            scopes: OAuthScopes::NONE,
            excluded: SensitiveCategories::NONE,
            let_in: SensitiveCategories::NONE,
            access: AccessMode::Recurring,
            history_from: None,
            starts_at: Micros(0),
            expires_at: Micros(1),
            tokens_since: None,
        }
    }

    #[test]
    fn the_newest_head_counts_and_removed_ones_leave_their_place() {
        let mut table = HeadTable::default();
        let known = |table: &HeadTable, n| table.get(head(n, 0).grant_id).map(|head| head.seq);
        let most = 3 * u32::try_from(BLOCK).unwrap() + 7;
        (0..most).for_each(|n| table.put(head(n, 10)));
        for (seq, counts) in [(9, 10), (11, 11), (10, 11)] {
            table.put(head(5, seq));
            assert_eq!(known(&table, 5), Some(counts));
        }
        table.remove(head(5, 0).grant_id, 10);
        assert_eq!(known(&table, 5), Some(11), "a newer one is known");
        let gone: Vec<u32> = (0..most).filter(|n| n % 3 == 0).collect();
        gone.iter().for_each(|n| table.remove(head(*n, 0).grant_id, 12));
        let there = |table: &HeadTable| (0..most).filter(|n| known(table, *n).is_some()).count();
        assert_eq!((table.len(), there(&table)), (most as usize - gone.len(), table.len()));
        let blocks = table.blocks.len();
        gone.iter().for_each(|n| table.put(head(*n, 13)));
        assert_eq!((there(&table), table.blocks.len()), (most as usize, blocks));
        assert_eq!((known(&table, 0), known(&table, 1)), (Some(13), Some(10)));
        table.remove(head(most, 0).grant_id, 99);
        assert_eq!(table.len(), most as usize);
    }

    /// A million of them are in the memory of each node.
    #[test]
    fn a_head_is_small() {
        assert!(size_of::<ConsentHead>() <= 144, "{}", size_of::<ConsentHead>());
    }
}
