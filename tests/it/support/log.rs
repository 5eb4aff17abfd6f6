//! What the program has logged lately, of all tests of this run: a test that fails shows it, for the cause of an
//! answer that nobody expected stands there alone.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::sync::Once;
use tracing_subscriber::filter::LevelFilter;

/// Lines that are kept.
const MOST: usize = 12;

static LINES: Mutex<VecDeque<String>> = parking_lot::const_mutex(VecDeque::new());

/// Takes one event at a time.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        // A server that its test left to the runtime's end finds its directory gone, and says so.
        if text.contains("(os error 2)") {
            return Ok(event.len());
        }
        let mut lines = LINES.lock();
        if lines.len() == MOST {
            lines.pop_front();
        }
        lines.push_back(text.trim_end().to_owned());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens from now on, in the whole process.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt().with_ansi(false).with_max_level(LevelFilter::WARN);
        let _ = log.with_writer(|| Lines).try_init();
    });
}

/// Prints what is kept.
#[expect(clippy::print_stderr, reason = "a test that fails says why")]
pub(crate) fn tell() {
    let lines = LINES.lock();
    eprintln!("the last {} warnings and errors of all tests:", lines.len());
    for line in &*lines {
        eprintln!("  {line}");
    }
}
