//! What an operator sees: the program's log, metrics, and the access log.
//!
//! Nothing here stands in the way of a call: no span, no formatting machinery, no lock.

pub mod access_log;
mod histogram;
pub mod metrics;

pub use access_log::AccessLog;
pub use metrics::{Gauge, Metrics, Tally};

use crate::config::{LogFormat, LogLevel, Telemetry};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is heard at a level. Libraries are heard when something is wrong; their progress is not ours
/// to tell. Each malformed request is an error to the HTTP library: anybody could fill the disk with
/// them, so that they are heard only by who looks for them.
fn filter(level: LevelFilter) -> Targets {
    let requests = if level >= LevelFilter::DEBUG { level } else { LevelFilter::OFF };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("actix_http::h1", requests)
        .with_target("comptoir", level)
}

/// Starts the program's own log, on standard error. A process has one: later calls change nothing.
pub fn init_logging(settings: &Telemetry) {
    start_logging(settings, LevelFilter::INFO);
}

/// The same for a command, which tells its user itself how it goes.
pub fn init_logging_of_command(settings: &Telemetry) {
    start_logging(settings, LevelFilter::WARN);
}

/// Starts it; `usual` is what is heard at the level `info`.
fn start_logging(settings: &Telemetry, usual: LevelFilter) {
    let level = match settings.log_level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => usual,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let filter = filter(level);
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi);
    let registry = tracing_subscriber::registry();
    // An error says that a log was started before, which is what we want.
    let _ = match settings.log_format {
        LogFormat::Text => registry.with(log.with_filter(filter)).try_init(),
        LogFormat::Json => {
            registry.with(log.json().flatten_event(true).with_filter(filter)).try_init()
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn malformed_requests_do_not_fill_the_log() {
        let heard =
            |at: LevelFilter| filter(at).would_enable("actix_http::h1::dispatcher", &Level::ERROR);
        assert!(!heard(LevelFilter::INFO) && heard(LevelFilter::DEBUG));
        let info = filter(LevelFilter::INFO);
        assert!(
            info.would_enable("sqlx", &Level::WARN) && !info.would_enable("sqlx", &Level::INFO)
        );
        assert!(info.would_enable("comptoir::app", &Level::INFO));
    }
}
