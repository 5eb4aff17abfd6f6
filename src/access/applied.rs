//! Waiting until this node has applied a change to access.

use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Asks what follows the control log to read it now, and to answer when it has.
pub type Reload = mpsc::Sender<oneshot::Sender<()>>;

/// How long a write waits for this node to apply it. The database has it by then, so after this
/// time the call is answered anyway.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits until this node has applied what was written.
pub async fn applied(reload: &Reload) {
    let (done, applied) = oneshot::channel();
    let reload = async { reload.send(done).await.is_ok() && applied.await.is_ok() };
    if !matches!(tokio::time::timeout(PATIENCE, reload).await, Ok(true)) {
        tracing::warn!("a change to access is stored, but this node has yet to apply it");
    }
}
