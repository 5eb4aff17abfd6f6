//! What an operator sees: the program's log, metrics, and the access log.
//!
//! Nothing here stands in the way of a call: no span, no formatting machinery, no lock.

pub mod access_log;
mod histogram;
pub mod metrics;

pub use access_log::AccessLog;
pub use metrics::{Gauge, Metrics};

use crate::config::{LogFormat, LogLevel, Telemetry};
use tracing_subscriber::filter::LevelFilter;

/// Starts the program's own log, on standard error. A process has one: later calls change nothing.
pub fn init_logging(settings: &Telemetry) {
    let level = match settings.log_level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // An error says that a log was started before, which is what we want.
    let _ = match settings.log_format {
        LogFormat::Text => {
            log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
        }
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
