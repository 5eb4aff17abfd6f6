//! The thread that keeps the journal ready: syncs it and makes the next segment ahead.

use super::Journal;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Keeps a journal until dropped; then syncs it a last time.
#[derive(Debug)]
pub struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread has ended.
    running: oneshot::Receiver<()>,
}

impl Keeper {
    /// Starts the thread. `sync_interval` bounds what a power cut can take: 50 ms is usual.
    pub fn start(journal: Arc<Journal>, sync_interval: Duration) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (alive, running) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let _alive = alive;
            let mut well = true;
            loop {
                let ended = stopped.recv_timeout(sync_interval) != Err(RecvTimeoutError::Timeout);
                let done = journal.sync().and_then(|()| journal.prepare());
                // Said once when it begins and once when it is over, not twenty times a second.
                match &done {
                    Err(error) if well => tracing::error!(%error, "the journal is in trouble"),
                    Ok(()) if !well => tracing::info!("the journal is well again"),
                    _ => {}
                }
                well = done.is_ok();
                if ended {
                    break;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread), running })
    }

    /// Resolves when the thread has ended, which it does by itself only when it panics.
    pub async fn failed(&mut self) {
        let _ = (&mut self.running).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
