//! `comptoir serve`, `comptoir migrate`.

use super::speak::{mention, say};
use crate::app::{Addresses, Comptoir, open_database};
use crate::config::Config;
use crate::kernel::Clock;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until SIGTERM or SIGINT; a second one ends the stop.
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

/// Resolves when the process is asked to stop. From then on it ends at once when it is asked again.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    Ok(async move {
        signals.next().await;
        // Beside the stop, which may be waiting for a disk or a database.
        tokio::spawn(async move {
            signals.next().await;
            tracing::error!(
                "told to stop again: this process ends at once; what is not folded stays in the journal and is folded \
                 at the next start"
            );
            std::process::exit(1);
        });
    })
}

/// What asks a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Opening a database migrates it.
pub(super) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let db = open_database(config).await?;
    say(format!("The {} schema is at this version.", db.engine()))
}
