//! Reading the log for who asks, as far as their plan includes it.

use crate::access::plan::PlanData;
use crate::catalog::view::CatalogView;
use crate::changes::store::{self, Stretch, Wanted};
use crate::changes::{InPlan, Kind, Waits};
use crate::kernel::id::StoreId;
use crate::storage::{Db, StoreError};
use std::sync::Arc;

/// How often the log is read on for a page of which a plan includes little.
const MOST_READS: usize = 10;

/// What is looked for.
pub(super) struct Look<'a> {
    pub(super) db: &'a Db,
    pub(super) waits: &'a Waits,
    pub(super) catalog: &'a CatalogView,
    /// What the plan includes; none where that is everything.
    pub(super) data: Option<&'a Arc<PlanData>>,
    pub(super) kinds: Vec<Kind>,
    pub(super) store: Option<StoreId>,
    pub(super) most: usize,
}

impl Look<'_> {
    /// The entries behind a position.
    pub(super) async fn behind(&self, after: i64) -> Result<Stretch, StoreError> {
        // In this order: what a plan includes is held against what is in memory, which must not be older
        // than the entries.
        let limited_to = self.data.is_some().then(|| self.waits.position());
        let included = InPlan::of(self.data, self.catalog);
        let wanted = Wanted { kinds: self.kinds.clone(), store: self.store, limited_to };
        let mut found = store::read(self.db, after, &wanted, self.most).await?;
        let Some(included) = included else { return Ok(found) };
        let tell = |entries: Vec<_>| entries.into_iter().filter_map(|entry| included.entry(entry));
        found.entries = tell(found.entries).collect();
        for _ in 0..MOST_READS {
            let room = self.most - found.entries.len();
            if room == 0 || found.reached >= found.head {
                break;
            }
            let next = store::read(self.db, found.reached, &wanted, room).await?;
            found.entries.extend(tell(next.entries));
            (found.reached, found.head, found.end) = (next.reached, next.head, next.end);
        }
        Ok(found)
    }
}
