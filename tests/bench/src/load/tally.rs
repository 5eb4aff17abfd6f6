//! What came of the calls.

use super::conn::Break;
use super::response::Answer;
use crate::args::Fault;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Counts, times, and a line for each answer.
#[derive(Debug)]
pub struct Tally {
    /// Answers received whole.
    pub answered: u64,
    /// How long it all took.
    pub elapsed: Duration,
    began: Instant,
    by_status: BTreeMap<u16, u64>,
    bytes: u64,
    /// Calls that were sent and not answered.
    unanswered: u64,
    /// Those among them whose answer had begun.
    cut: u64,
    /// Answers to calls that had been sent before, to another server.
    retried: u64,
    /// Connections that ended or were refused before a call was sent.
    lost: u64,
    faults: BTreeMap<&'static str, u64>,
    micros: Vec<u32>,
    record: Option<File>,
    lines: Vec<u8>,
}

/// A call as the record tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Which of the keys it was made with, counted from 0.
    pub key: usize,
    /// What it asks for.
    pub operation: &'a str,
    /// How often it has been sent before.
    pub retries: u32,
    /// Which of the servers it was sent to, counted from 0.
    pub server: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            answered: 0,
            elapsed: Duration::ZERO,
            began: Instant::now(),
            by_status: BTreeMap::new(),
            bytes: 0,
            unanswered: 0,
            cut: 0,
            retried: 0,
            lost: 0,
            faults: BTreeMap::new(),
            micros: Vec::new(),
            record: None,
            lines: Vec::new(),
        }
    }
}

impl Tally {
    /// A tally that also writes a line for each answer: event id, status, key, operation, retries, server, and
    /// milliseconds since the start, between tabs. `-` is an id that there is none of. A call that was sent and not
    /// answered has `cut` for its status, where its answer had begun, or else `sent`.
    pub fn recording(path: Option<&Path>) -> Result<Self, Fault> {
        let record = path.map(File::create).transpose()?;
        Ok(Self { record, ..Self::default() })
    }

    /// Counts an answer.
    pub fn answered(&mut self, answer: &Answer, took: Duration, call: Call<'_>) {
        self.answered += 1;
        *self.by_status.entry(answer.status).or_default() += 1;
        self.bytes += answer.bytes as u64;
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        self.retried += u64::from(call.retries > 0);
        self.line(answer.event_id.as_deref(), answer.status, call);
    }

    /// Counts a connection that ended, with the call that was under way on it or without.
    pub fn broken(&mut self, how: &Break, call: Option<Call<'_>>) {
        self.cut += u64::from(how.cut);
        if how.sent {
            self.unanswered += 1;
        } else {
            self.lost += 1;
        }
        if let Some(fault) = how.fault {
            *self.faults.entry(fault).or_default() += 1;
        }
        if let Some(call) = call.filter(|_| how.sent) {
            self.line(how.event_id.as_deref(), if how.cut { "cut" } else { "sent" }, call);
        }
    }

    fn line(&mut self, event_id: Option<&str>, status: impl fmt::Display, call: Call<'_>) {
        if self.record.is_some() {
            let (id, at) = (event_id.unwrap_or("-"), self.began.elapsed().as_millis());
            let Call { key, operation, retries, server } = call;
            let line = format!("{id}\t{status}\t{key}\t{operation}\t{retries}\t{server}\t{at}\n");
            self.lines.extend_from_slice(line.as_bytes());
        }
    }

    /// Hands the lines so far to the system.
    pub fn write_out(&mut self) -> Result<(), Fault> {
        if let Some(record) = self.record.as_mut().filter(|_| !self.lines.is_empty()) {
            record.write_all(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }

    /// Microseconds that `permille` of the answers took at most. Sorts, so it is for the end.
    pub fn quantile(&mut self, permille: usize) -> u32 {
        self.micros.sort_unstable();
        let last = self.micros.len().saturating_sub(1);
        self.micros.get(last * permille / 1000).copied().unwrap_or(0)
    }

    /// All of it as one line of JSON.
    pub fn report(&mut self) -> String {
        let [p50, p90, p99, p999] = [500, 900, 990, 999].map(|permille| self.quantile(permille));
        format!(
            r#"{{"answered":{},"status":{{{}}},"bytes":{},"seconds":{:.6},"unanswered":{},"cut":{},"retried":{},"lost":{},"faults":{{{}}},"p50_us":{p50},"p90_us":{p90},"p99_us":{p99},"p999_us":{p999}}}"#,
            self.answered,
            Members(&self.by_status),
            self.bytes,
            self.elapsed.as_secs_f64(),
            self.unanswered,
            self.cut,
            self.retried,
            self.lost,
            Members(&self.faults),
        )
    }
}

/// The members of a JSON object; no key needs escaping.
struct Members<'a, K>(&'a BTreeMap<K, u64>);

impl<K: fmt::Display> fmt::Display for Members<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, count)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}\"{key}\":{count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_status_and_time() {
        let mut tally = Tally::default();
        for took in 1..=1000u32 {
            let status = if took % 10 == 0 { 429 } else { 200 };
            let answer = Answer { status, bytes: 7, event_id: None, closes: false };
            let call = Call { key: 0, operation: "read", retries: took % 2, server: 0 };
            tally.answered(&answer, Duration::from_micros(took.into()), call);
        }
        tally.broken(&Break { sent: true, ..Break::default() }, None);
        assert_eq!((tally.quantile(500), tally.quantile(999)), (500, 999));
        let report = tally.report();
        assert!(report.contains(r#""status":{"200":900,"429":100}"#), "{report}");
        assert!(report.contains(r#""unanswered":1,"cut":0,"retried":500"#), "{report}");
    }
}
