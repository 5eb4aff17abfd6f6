//! The access log: one JSON line for each call, gathered per worker and written in large pieces.
//!
//! Each worker owns an [`AccessLog`], calls [`AccessLog::line`] for every call and
//! [`AccessLog::flush`] about once a second. A line names the route, not the path, and the key's id:
//! no secret, and nothing of a person. A file is opened for appending, so workers share it and
//! `copytruncate` rotation works. What cannot be written is dropped and said in the program's log:
//! calls are counted by the journal, not here.

use crate::config;
use crate::kernel::id::KeyId;
use crate::kernel::{Micros, base62};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 * 1_024;
/// No line is longer, so the buffer never grows: the fixed part, and a route of a few hundred bytes.
const LONGEST_LINE: usize = 1_024;
/// Characters of `2026-11-22T09:41:07`.
const SECOND_TEXT: usize = 19;

/// What is told of a call. All texts are the program's own, so none needs escaping.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// When it was answered.
    pub at: Micros,
    /// The id of its event.
    pub event: &'a str,
    /// The method that was called.
    pub method: &'static str,
    /// The path with parameters in braces.
    pub route: &'static str,
    /// The operation id.
    pub operation: &'static str,
    /// The status.
    pub status: u16,
    /// Bytes of the body.
    pub bytes: u64,
    /// Time to answer.
    pub duration_us: u32,
    /// The key, where one was known.
    pub key: Option<KeyId>,
}

/// One worker's end of the access log.
#[derive(Debug)]
pub struct AccessLog {
    sink: Option<Sink>,
    /// One call in so many is logged.
    sample: u32,
    /// Calls until the next that is logged.
    until_next: u32,
    buffer: Vec<u8>,
    lines: u64,
    /// Whether the last piece was lost, so that an outage is reported once.
    failing: bool,
    second: i64,
    second_text: [u8; SECOND_TEXT],
}

#[derive(Debug)]
enum Sink {
    Stdout,
    File(File),
}

impl AccessLog {
    /// Opens the log that the settings name, creating the file where there is none.
    pub fn open(settings: &config::Telemetry) -> io::Result<Self> {
        let sink = match &settings.access_log {
            config::AccessLog::Off => None,
            config::AccessLog::Stdout => Some(Sink::Stdout),
            config::AccessLog::File(path) => {
                let options = &mut File::options();
                Some(Sink::File(options.append(true).create(true).mode(0o640).open(path)?))
            }
        };
        Ok(Self::to(sink, settings.access_log_sample))
    }

    /// A log that writes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::to(None, 1)
    }

    fn to(sink: Option<Sink>, sample: u32) -> Self {
        Self {
            buffer: Vec::with_capacity(if sink.is_some() { BUFFER } else { 0 }),
            sink,
            sample,
            until_next: 0,
            lines: 0,
            failing: false,
            second: i64::MIN,
            second_text: [0; SECOND_TEXT],
        }
    }

    /// Adds the line of a call, unless the log is off or the call is not in the sample.
    pub fn line(&mut self, line: &Line<'_>) {
        if self.sink.is_none() {
            return;
        }
        if self.until_next > 0 {
            self.until_next -= 1;
            return;
        }
        self.until_next = self.sample.saturating_sub(1);
        if self.buffer.len() + LONGEST_LINE > BUFFER {
            self.flush();
        }
        self.write(line);
    }

    /// Writes what was gathered.
    pub fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let written = match &mut self.sink {
            None => Ok(()),
            Some(Sink::Stdout) => {
                let mut out = io::stdout().lock();
                out.write_all(&self.buffer).and_then(|()| out.flush())
            }
            Some(Sink::File(file)) => file.write_all(&self.buffer),
        };
        if let (Err(error), false) = (&written, self.failing) {
            tracing::error!(%error, lines = self.lines, "access log lines are being lost");
        }
        self.failing = written.is_err();
        self.buffer.clear();
        self.lines = 0;
    }

    fn write(&mut self, line: &Line<'_>) {
        self.lines += 1;
        self.time(line.at);
        let mut digits = itoa::Buffer::new();
        let out = &mut self.buffer;
        text(out, ",\"id\":\"", line.event);
        text(out, "\",\"method\":\"", line.method);
        text(out, "\",\"route\":\"", line.route);
        text(out, "\",\"operation\":\"", line.operation);
        text(out, "\",\"status\":", digits.format(line.status));
        text(out, ",\"bytes\":", digits.format(line.bytes));
        text(out, ",\"duration_us\":", digits.format(line.duration_us));
        if let Some(KeyId(number)) = line.key {
            let mut id = [0; base62::U64_WIDTH];
            base62::encode_into(number, &mut id);
            text(out, ",\"key\":\"", KeyId::PREFIX);
            out.push(b'_');
            out.extend_from_slice(&id);
            out.push(b'"');
        }
        out.extend_from_slice(b"}\n");
    }

    /// Begins a line with its time. The text of a second is kept: most lines share it.
    fn time(&mut self, at: Micros) {
        let second = at.0.div_euclid(1_000_000);
        if second != self.second {
            self.second = second;
            self.second_text = second_text(second);
        }
        self.buffer.extend_from_slice(b"{\"time\":\"");
        self.buffer.extend_from_slice(&self.second_text);
        let mut fraction = *b".000000Z\"";
        decimal(&mut fraction[1..7], at.0.rem_euclid(1_000_000));
        self.buffer.extend_from_slice(&fraction);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}

fn text(out: &mut Vec<u8>, before: &str, value: &str) {
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(value.as_bytes());
}

/// `number` in all of `out`, padded with zeros.
fn decimal(out: &mut [u8], mut number: i64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// RFC 3339 up to the second, UTC; years beyond 0 to 9999 are held at their end.
fn second_text(second: i64) -> [u8; SECOND_TEXT] {
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_300_799;
    let second = second.clamp(FIRST, LAST);
    let (day, of_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    // Days to a date of the Gregorian calendar, counted in eras of 400 years from 1 March of year 0,
    // so that the leap day is a year's last: https://howardhinnant.github.io/date_algorithms.html
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };

    let mut out = *b"0000-00-00T00:00:00";
    decimal(&mut out[0..4], year + era * 400 + carry);
    decimal(&mut out[5..7], month);
    decimal(&mut out[8..10], of_month);
    decimal(&mut out[11..13], of_day / 3_600);
    decimal(&mut out[14..16], of_day / 60 % 60);
    decimal(&mut out[17..19], of_day % 60);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;
    use std::path::Path;

    const LINE: Line<'static> = Line {
        at: Micros(1_795_340_467_000_042),
        event: "evt_1",
        method: "GET",
        route: "/v1/products/{product_id}",
        operation: "get_product",
        status: 200,
        bytes: 512,
        duration_us: 84,
        key: Some(KeyId(62)),
    };

    fn open(path: &Path, sample: u32) -> AccessLog {
        let mut settings = Config::embedded().telemetry;
        settings.access_log = config::AccessLog::File(path.to_owned());
        settings.access_log_sample = sample;
        AccessLog::open(&settings).unwrap()
    }

    #[test]
    fn a_call_is_one_json_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let mut log = open(&path, 1);
        log.line(&LINE);
        log.line(&Line { key: None, ..LINE });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        log.flush();
        let written = std::fs::read_to_string(&path).unwrap();
        let first = r#"{"time":"2026-11-22T09:41:07.000042Z","id":"evt_1","method":"GET","route":"/v1/products/{product_id}","operation":"get_product","status":200,"bytes":512,"duration_us":84,"key":"key_00000000010"}"#;
        assert_eq!(written.lines().next(), Some(first));
        for line in written.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        assert_eq!(written.lines().count(), 2);
    }

    #[test]
    fn workers_share_a_file_and_lose_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut log = open(&path, 1);
                    (0..2_000).for_each(|_| log.line(&LINE));
                });
            }
        });
        let written = std::fs::read_to_string(&path).unwrap();
        let lengths: std::collections::HashSet<usize> = written.lines().map(str::len).collect();
        assert_eq!((written.lines().count(), lengths.len()), (8_000, 1));
    }

    #[test]
    fn one_in_so_many_is_logged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let mut log = open(&path, 10);
        (0..95).for_each(|_| log.line(&LINE));
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 10);
    }

    #[test]
    fn a_full_disk_stops_nothing() {
        let mut log = open(Path::new("/dev/full"), 1);
        (0..2_000).for_each(|_| log.line(&LINE));
        log.flush();
        assert!(log.failing && log.buffer.is_empty() && log.buffer.capacity() == BUFFER);
    }

    proptest! {
        #[test]
        fn dates_are_those_of_jiff(second in -62_135_596_800i64..253_402_207_200) {
            let expected = Micros(second * 1_000_000).to_string();
            let written = second_text(second).to_vec();
            prop_assert_eq!(format!("{}Z", String::from_utf8(written).unwrap()), expected);
        }

        #[test]
        fn no_time_panics(at: i64) {
            let _ = second_text(at);
        }
    }
}
