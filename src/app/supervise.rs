//! What runs beside the calls is watched: a part that has failed would leave a node that says it is
//! ready and whose keys, catalog or ledger stand still.

use std::future::pending;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// The running tasks. Each runs until it is told to stop.
#[derive(Debug)]
pub(super) struct Tasks {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Tasks {
    /// Tasks that end after `stop` is sent.
    pub(super) fn new(stop: watch::Sender<bool>, running: JoinSet<()>) -> Self {
        Self { stop, running }
    }

    /// Resolves when one of them has ended that was not told to, with what happened.
    pub(super) async fn failed(&mut self) -> anyhow::Error {
        match self.running.join_next().await {
            Some(ended) => failure(ended),
            None => pending().await,
        }
    }

    /// Ends the tasks after the round they are in.
    pub(super) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// What a task died of that should have run on.
pub(super) fn failure(ended: Result<(), JoinError>) -> anyhow::Error {
    match ended {
        Ok(()) => anyhow::anyhow!("a task of this node has ended by itself"),
        Err(error) => anyhow::Error::new(error).context("a task of this node has failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn running() -> (JoinSet<()>, watch::Sender<bool>) {
        let (stop, mut stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        });
        (running, stop)
    }

    #[tokio::test]
    async fn a_panic_in_a_task_is_noticed_and_the_others_end() {
        let (mut running, stop) = running();
        running.spawn(async { panic!("out of step") });
        let mut tasks = Tasks::new(stop, running);
        let error = format!("{:#}", tasks.failed().await);
        assert!(error.contains("has failed") && error.contains("out of step"), "{error}");
        tasks.stop().await;
    }

    #[tokio::test]
    async fn a_task_that_ends_too_early_is_noticed_too() {
        let (mut running, stop) = running();
        running.spawn(async {});
        let error = Tasks::new(stop, running).failed().await.to_string();
        assert!(error.contains("by itself"), "{error}");
    }

    #[tokio::test]
    async fn tasks_that_run_have_not_failed() {
        let (running, stop) = running();
        let mut tasks = Tasks::new(stop, running);
        assert!(tasks.failed().now_or_never().is_none());
        tasks.stop().await;
    }
}
