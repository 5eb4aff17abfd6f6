//! Nodes that follow know what those know that read all.

use super::*;
use crate::consent::head::KnownConsent;
use crate::consent::status::ConsentStatus;

/// The memory of a node.
#[derive(Debug, Default)]
pub(super) struct ConsentFollower {
    pub(super) known: HashMap<GrantId, KnownConsent>,
    pub(super) position: i64,
}

impl ConsentFollower {
    /// Reads what is behind, so many at a time; how many heads were new.
    pub(super) async fn follow(&mut self, db: &Db, limit: u32) -> usize {
        let mut newer = 0;
        loop {
            let behind = heads::behind(db, self.position, limit).await.unwrap().unwrap();
            for head in behind.heads {
                newer += usize::from(self.known.entry(head.grant_id).or_default().apply(head));
            }
            self.position = behind.position;
            if !behind.more {
                return newer;
            }
        }
    }

    pub(super) fn heads(&self) -> HashMap<GrantId, ConsentHead> {
        self.known.iter().map(|(id, known)| (*id, *known.head().unwrap())).collect()
    }
}

#[tokio::test]
async fn heads_followed_from_any_place_are_those_read_whole() {
    let db = shop().await;
    let mut early = ConsentFollower::default();
    assert_eq!(early.follow(&db, 2).await, 0);
    let mut records = Vec::new();
    for n in 1..=5 {
        records.push(given(&db, n).await);
        if n == 3 {
            assert_eq!(early.follow(&db, 2).await, 3);
        }
    }
    let (known, position) = whole(&db).await;
    let known = known.into_iter().map(|(id, head)| {
        let mut known = KnownConsent::default();
        assert!(known.apply(head));
        (id, known)
    });
    let mut late = ConsentFollower { known: known.collect(), position };
    assert_eq!(late.follow(&db, 2).await, 0, "all of it is known");
    for record in [&records[4], &records[0]] {
        write(&db, &own(record).revoke(false, days(1)).unwrap()).await.unwrap();
    }
    assert_eq!((late.follow(&db, 1).await, early.follow(&db, 3).await), (2, 3));
    let (whole, position) = whole(&db).await;
    assert_eq!((late.heads(), late.position), (whole.clone(), position));
    assert_eq!((early.heads(), early.position), (whole.clone(), position));
    assert_eq!(whole[&grant_id(1)].status, ConsentStatus::Revoked);
    assert_eq!(heads::behind(&db, position + 1, 9).await.unwrap(), None, "of another database");
}

/// Places are taken in the order of the commits: who has seen one has seen all before.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_in_behind_what_was_followed() {
    let db = shop().await;
    for n in 1..=8 {
        given(&db, n).await;
    }
    let end = async |numbers: std::ops::RangeInclusive<u8>| {
        for n in numbers {
            let record = current(&db, grant_id(n)).await;
            write(&db, &own(&record).revoke(false, days(1)).unwrap()).await.unwrap();
        }
    };
    let mut follower = ConsentFollower::default();
    let following = async {
        while follower.position < 24 {
            follower.follow(&db, 3).await;
        }
    };
    tokio::join!(end(1..=4), end(5..=8), following);
    assert_eq!(follower.heads(), whole(&db).await.0);
}
