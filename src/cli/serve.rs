//! `comptoir serve`, `comptoir migrate`.

use super::speak::{mention, say};
use crate::app::{Addresses, Comptoir, open_database};
use crate::config::Config;
use crate::kernel::Clock;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM or SIGINT.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    crate::telemetry::init_logging(&config.telemetry);
    let mut comptoir = Comptoir::open(config, Clock::System).await?;
    if let Some(token) = comptoir.take_bootstrap_token() {
        show_bootstrap_token(token.reveal());
    }
    let stop = stop_signal()?;
    comptoir
        .serve(
            |at: Addresses| tracing::info!(public = %at.public, admin = %at.admin, "serving"),
            stop,
        )
        .await
}

/// The one time that the first admin token is shown.
pub(super) fn show_bootstrap_token(token: &str) {
    mention(format!("Admin token (shown once, keep it safe): {token}"));
}

/// Resolves when the process is asked to stop.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Opening a database migrates it.
pub(super) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let db = open_database(config).await?;
    say(format!("The {} schema is at this version.", db.engine()))
}
