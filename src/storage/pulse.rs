//! Whether the database answers, asked once for all who want to know at a time.

use super::{Db, StoreError};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use std::time::Duration;

type Answer = BoxFuture<'static, bool>;

/// The question that is under way. However many wait for it, it takes one connection of the pool.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<WeakShared<Answer>>>);

impl Pulse {
    /// Whether the database's server answers within a time; see [`Db::answers`].
    pub async fn answers(&self, db: &Db, within: Duration) -> Result<(), StoreError> {
        let Db::Postgres(_) = db else { return Ok(()) };
        let db = db.clone();
        let ask = || async move { db.answers(within).await.is_ok() }.boxed();
        if self.shared(ask).await { Ok(()) } else { Err(StoreError::late()) }
    }

    /// The question that is under way, or a new one. One that nobody waits for any more is given up.
    fn shared(&self, ask: impl FnOnce() -> Answer) -> Shared<Answer> {
        let mut under_way = self.0.lock();
        let same = under_way.as_ref().and_then(WeakShared::upgrade);
        same.filter(|same| same.peek().is_none()).unwrap_or_else(|| {
            let new = ask().shared();
            *under_way = new.downgrade();
            new
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_question() {
        let (pulse, asked) = (Pulse::default(), Arc::new(AtomicUsize::new(0)));
        let answers = Arc::new(Semaphore::new(0));
        let ask = || {
            let (asked, answers) = (Arc::clone(&asked), Arc::clone(&answers));
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                answers.acquire().await.unwrap().forget();
                true
            }
            .boxed()
        };
        let all: Vec<_> = (0..100).map(|_| pulse.shared(ask)).collect();
        answers.add_permits(1);
        let told = futures_util::future::join_all(all).await;
        assert!(told.iter().all(|is_there| *is_there));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // It answers for nobody who comes later, and one whose askers have all gone is not waited for.
        assert!(pulse.shared(ask).now_or_never().is_none());
        answers.add_permits(1);
        assert_eq!(pulse.shared(ask).now_or_never(), Some(true));
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
