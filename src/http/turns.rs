//! Reads that take longer than a worker may be kept from other calls: they run on threads of their
//! own, as many at a time as there are cores.

use super::{ApiError, ApiResult, Code};
use actix_web::web;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most reads that wait for their turn on a node.
const MOST_WAITING: usize = 256;
/// Seconds after which a read is worth trying again where too many wait.
const RETRY_S: u64 = 1;

/// Who may read now, and who waits for it.
#[derive(Debug)]
pub struct Turns {
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    places: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores, MOST_WAITING)
    }
}

impl Turns {
    fn new(running: usize, waiting: usize) -> Self {
        let places = Semaphore::new(running + waiting);
        Self { running: Arc::new(Semaphore::new(running)), places }
    }

    /// What a read finds, when its turn has come. Refused where too many wait already.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> ApiResult<T> {
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| stopping())?;
        let read = move || {
            // Held by the thread: a caller that goes away does not end what runs.
            let _turn = turn;
            read()
        };
        web::block(read).await.map_err(|_| stopping())
    }
}

fn busy() -> ApiError {
    let detail = "Too many searches and counts wait on this node. Try again in a moment.";
    ApiError::new(Code::Unavailable, detail).limited(Vec::new(), Some(RETRY_S))
}

fn stopping() -> ApiError {
    ApiError::new(Code::Unavailable, "This node is stopping. Try again in a moment.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::pin::pin;
    use std::sync::mpsc;

    #[actix_web::test]
    async fn reads_come_one_by_one_and_too_many_are_refused() {
        let turns = Turns::new(1, 1);
        let (go_on, told) = mpsc::channel::<()>();
        let mut first = pin!(turns.run(move || told.recv().is_ok()));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = pin!(turns.run(|| 2));
        assert!(second.as_mut().now_or_never().is_none());
        let third = turns.run(|| 3).await.unwrap_err();
        assert_eq!((third.code(), third.retry_after()), (Code::Unavailable, Some(RETRY_S)));
        assert_eq!(turns.running.available_permits(), 0);
        go_on.send(()).unwrap();
        assert_eq!((first.await, second.await), (Ok(true), Ok(2)));
        assert_eq!(turns.run(|| 4).await, Ok(4));
    }
}
