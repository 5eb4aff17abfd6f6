//! The same where nodes take units in batches: what lies in one when the month ends is void, and nothing of the next
//! month is granted before it begins.

use super::{Month, SECOND, begin_all, now};
use crate::support::cluster::Cluster;
use crate::support::{PATIENCE, pause};
use futures_util::future::join_all;
use std::path::Path;
use std::time::Instant;

/// Of which each of three nodes takes two units at once.
const QUOTA: usize = 60;

impl Month {
    /// Calls all nodes by turns until this month (0) or the next (1), of which so much is `admitted`, is used up and every
    /// node says so, and no more is admitted; `false` where that is not so by `until`.
    async fn is_used_up(
        &self,
        cluster: &Cluster,
        (place, mut admitted): (usize, usize),
        until: i64,
    ) -> bool {
        let (mut n, mut exceeded) = (0, 0);
        while exceeded < 2 * cluster.nodes.len() {
            let told = self.call(cluster, n % cluster.nodes.len()).await;
            if told.received >= until {
                return false;
            }
            n += 1;
            if told.is_reduced {
                // Others hold the rest, or have used it: until they give it back, or the ledger has it.
                exceeded = 0;
                pause().await;
                continue;
            }
            told.fits(self, place);
            if told.is_admitted {
                (admitted, exceeded) = (admitted + 1, 0);
                assert!(admitted <= QUOTA, "{admitted}");
            } else {
                assert_eq!(admitted, QUOTA);
                exceeded += 1;
            }
        }
        true
    }

    /// Calls all nodes by turns until the month has ended; then one call of the next is admitted.
    async fn end(&self, cluster: &Cluster) {
        let (mut n, until) = (0, Instant::now() + PATIENCE);
        loop {
            assert!(Instant::now() < until, "nothing of the new month is granted");
            let told = self.call(cluster, n % cluster.nodes.len()).await;
            if told.is_admitted {
                assert!(told.received >= self.ends[0], "the month has not ended");
                return told.fits(self, 1);
            }
            assert!(told.sent < self.ends[0], "the month has ended");
            told.fits(self, 0);
            n += 1;
        }
    }
}

/// Uses up a month in each zone and lets all of them end; `false` where one had ended before it was used up.
pub(super) async fn is_seen(cluster: &Cluster, zones: &Path, attempt: usize) -> bool {
    let (first_s, months) = begin_all(cluster, zones, attempt, QUOTA).await;
    let until = (first_s - 1) * SECOND;
    let used_up = months.iter().map(|month| month.is_used_up(cluster, (0, 0), until));
    if join_all(used_up).await.contains(&false) {
        return false;
    }
    join_all(months.iter().map(|month| month.end(cluster))).await;
    let until = now() + i64::try_from(PATIENCE.as_micros()).unwrap();
    let used_up = months.iter().map(|month| month.is_used_up(cluster, (1, 1), until));
    assert!(!join_all(used_up).await.contains(&false), "what is left was not given back");
    for month in &months {
        month.is_kept(cluster).await;
    }
    true
}
