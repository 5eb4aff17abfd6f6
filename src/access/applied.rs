//! Waiting until this node has applied a change to access.

use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::sleep;

/// Asks what follows the control log to read it now, and to answer when it has.
pub type Reload = mpsc::Sender<oneshot::Sender<()>>;

/// How long a write waits for this node to apply it. The database has it by then, so after this
/// time the call is answered anyway.
const PATIENCE: Duration = Duration::from_secs(2);

/// The least time between two looks at the control log for keys that are not known, however many such calls come: so they
/// cost the database ten questions a second at most.
const APART: Duration = Duration::from_millis(100);

/// Waits until this node has applied what was written.
pub async fn applied(reload: &Reload) {
    if !followed(reload).await {
        tracing::warn!("a change to access is stored, but this node has yet to apply it");
    }
}

/// Has the control log read to its head; whether that was done in time.
async fn followed(reload: &Reload) -> bool {
    let (done, applied) = oneshot::channel();
    let reload = async { reload.send(done).await.is_ok() && applied.await.is_ok() };
    matches!(tokio::time::timeout(PATIENCE, reload).await, Ok(true))
}

/// Looks at the control log for calls whose key is whole and not known here: it may have been made just now, by a command
/// of the shell or on another node.
#[derive(Debug)]
pub struct Looks {
    reload: Reload,
    /// When the last one began.
    last: Mutex<Option<Instant>>,
}

impl Looks {
    /// Looks that ask so.
    #[must_use]
    pub fn new(reload: Reload) -> Self {
        Self { reload, last: Mutex::default() }
    }

    /// Waits for a look that begins after now: for all that come before it the same one.
    pub async fn look(&self) {
        let came = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(at) = *last {
            if at >= came {
                return;
            }
            sleep(APART.saturating_sub(at.elapsed())).await;
        }
        *last = Some(Instant::now());
        followed(&self.reload).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test]
    async fn however_many_want_a_look_few_are_taken() {
        let (reload, mut asked) = mpsc::channel::<oneshot::Sender<()>>(16);
        let looks = Looks::new(reload);
        let begun = Instant::now();
        let mut taken = 0_u128;
        let count = async {
            while let Some(done) = asked.recv().await {
                taken += 1;
                let _ = done.send(());
            }
        };
        tokio::select! {
            () = count => {}
            _ = join_all((0..1_000).map(|_| looks.look())) => {}
        }
        // One for the first, and one for all that came behind it; more only where this machine took its time.
        let most = 1 + begun.elapsed().as_millis() / APART.as_millis();
        assert!((2..=most).contains(&taken), "{taken} looks, {most} at most");
    }
}
