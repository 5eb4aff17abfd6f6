//! Metrics for `/metrics`. One registry for each [`Metrics`], so that tests can run several
//! programs in one process; what a call touches is registered beforehand.

use super::histogram::Histogram;
use metrics::{Counter, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::fmt::Write as _;

const REQUESTS: &str = "comptoir_requests_total";
const DURATION: &str = "comptoir_request_duration_seconds";
const PROPAGATION: &str = "comptoir_control_propagation_seconds";
const CONSENT_PROPAGATION: &str = "comptoir_consent_propagation_seconds";
const UNIDENTIFIED: &str = "comptoir_unidentified_calls_total";

const LIMITED: &str = "comptoir_limited_calls_total";

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// Classes of status (429 apart from other refusals: it is the plan that refuses), in the order of [`Operation::answered`].
const CLASSES: [&str; 6] = ["2xx", "3xx", "429", "4xx", "5xx", "other"];

/// Declares metrics without labels: variant, name, and what it tells.
macro_rules! plain {
    ($(#[$doc:meta])* $kind:ident in $all:ident; $($variant:ident = $name:literal, $help:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {
            $(#[doc = $help] $variant,)*
        }

        const $all: &[(&str, &str)] = &[$((concat!("comptoir_", $name), $help),)*];
    };
}

plain! {
    /// A number that only grows, counted by background tasks.
    Tally in TALLIES;
    EventsFolded = "events_folded_total", "Events that came into the ledger, those of recovery included.";
    SnapshotsWritten = "snapshots_written_total", "Daily snapshots that this node has written.";
    ExportFailures = "export_failures_total", "Snapshots and exports that could not be written.";
    FeedFiles = "feed_files_total", "Files of sources that were imported or refused by this node.";
    HooksDelivered = "hooks_delivered_total", "Webhook messages that were taken by their receivers.";
    PartnerEventsTaken = "partner_events_taken_total", "Events of consents that partners have taken from this node at their address.";
    HookFailures = "hook_failures_total", "Attempts to deliver a webhook message that failed; most are repeated.";
    AlertsRaised = "alerts_raised_total", "Alerts about usage that this node has raised.";
    HandoffsTaken = "handoffs_taken_total", "Totals and events that systems of others have taken from this node.";
    HandoffFailures = "handoff_failures_total", "Attempts to hand off usage that failed or were refused; see GET /admin/v1/billing/sinks.";
    MailsSent = "mails_sent_total", "Mails that were taken by the server or the folder.";
    MailFailures = "mail_failures_total", "Attempts to send a mail that failed; most are repeated.";
    MailsGivenUp = "mails_given_up_total", "Mails that were given up; GET /admin/v1/mails says why.";
    SearchFailures = "search_failures_total", "Rounds in which the search index could not follow the catalog; it is made anew.";
    TokensIssued = "tokens_issued_total", "Access tokens that this node has issued to OAuth clients.";
    TokensRefused = "tokens_refused_total", "Token requests that this node has refused.";
    CodesReplayed = "code_replay_total", "Authorization codes that their clients have shown a second time: what came of them was taken back.";
    ProofsReplayed = "dpop_replay_total", "Proofs of keys that were shown a second time, and refused.";
    LeakReports = "leak_reports_total", "Signed reports of leaked keys that this node has taken.";
    KeysLeaked = "keys_leaked_total", "Secrets of ours that were reported for the first time at a place.";
    LimitsAsked = "limits_asked_total", "Calls about whose limits Redis was asked: one round trip each.";
    LimitsDegraded = "limits_degraded_total", "Calls that were judged by this node's share of the limits, because Redis was away.";
    RedisFailures = "redis_failures_total", "Questions to Redis that it did not answer, or not in time.";
    JournalSyncs = "journal_syncs_total", "Syncs of the journal to the disk that answers waited for (metering.durability power).";
    AnswersSynced = "answers_synced_total", "Answers that waited for a sync of the journal: several for each while calls are many.";
    ConnectionsRefused = "connections_refused_total", "Connections to the partner API that were ended because their address has too many.";
    ClockSteps = "clock_steps_total", "Times that this machine's clock was set by more than access.max_clock_skew_s while the node ran.";
    UsageRecounts = "usage_recounts_total", "Times that this node has counted the sums by hour again (metering.recount_at).";
    FoldFailures = "fold_failures_total", "Rounds of folding that failed; their events stay in the journal.";
}

plain! {
    /// A value that background tasks keep current.
    Gauge in GAUGES;
    JournalBacklogSegments = "journal_backlog_segments", "Journal segments that wait to be folded into the ledger.";
    JournalBacklogEvents = "journal_backlog_events", "Events that wait to be folded into the ledger.";
    ControlPosition = "control_position", "Position in the control log that this node has applied.";
    ConsentPosition = "consent_position", "Position in the ledger of consents that this node has applied.";
    Consents = "consents", "Consents that have not ended, in this node's memory.";
    CheckpointAge = "ledger_checkpoint_age_seconds", "Seconds since the ledger of consents was last signed, where something has happened since; 0 where nothing has.";
    PartnerEventsOpen = "partner_events_open", "Events of consents that partners have not taken, of all nodes.";
    PartnerEventOldest = "partner_event_oldest_seconds", "Seconds for which the oldest event of consents has waited to be taken by its partner.";
    ConsentFeedLag = "consent_feed_lag_seconds", "Seconds since it was certain on this node that there is nothing newer of consents.";
    ChangePosition = "change_position", "Position in the change log that this node has applied.";
    ChangesWaiting = "changes_waiting", "Calls for changes that wait for the next one on this node.";
    StockPosition = "stock_position", "Position in the stock log that this node has applied.";
    FeedSourcesFailing = "feed_sources_failing", "Sources of feeds with which something is wrong: their settings, their folder or their address.";
    Keys = "keys", "Keys in this node's directory.";
    Products = "products", "Products in this node's memory.";
    Offers = "offers", "Offers in this node's memory.";
    ProductsIndexed = "products_indexed", "Products in this node's search index.";
    SearchPosition = "search_position", "Position in the change log that this node's search has applied.";
    HandoffSinksFailing = "handoff_sinks_failing", "Systems that usage is handed off to and that failed when they were last spoken to.";
    HandoffsRefused = "handoffs_refused", "Totals that billing systems have refused: something has to be put right.";
    MailsWaiting = "mails_waiting", "Mails that wait to be sent, on all nodes.";
    StockLevels = "stock_levels", "Stock levels in this node's memory.";
    RecoveredUnconfirmed = "recovered_unconfirmed_events", "Events of earlier runs, found at this start, whose end is not known; never billed.";
    RecoveredMissing = "recovered_missing_events", "Numbers of earlier runs, found at this start, that hold no whole event: gaps.";
    UsageLag = "usage_lag_seconds", "Seconds by which this node's journal is ahead of the ledger.";
    UsageRunsSilent = "usage_runs_silent", "Runs of all nodes that have neither ended nor said anything for a minute: what they have recorded may be on their disks alone.";
    UsageMissing = "usage_missing_events", "Numbers of events that were given out and of which the ledger has nothing, on all nodes.";
    UsageRecounted = "usage_recounted_seconds", "When the sums by hour were last counted again, by any node, in seconds since 1970; 0 where they never were.";
    UsageRecountDifferences = "usage_recount_differences", "Sums by hour and segments that were not as the events have them when they were last counted again, by any node.";
    NodesAlive = "nodes_alive", "Nodes that run on this database, as far as this one knows.";
    ClockSkew = "clock_skew_seconds", "Seconds by which this node's clock is ahead of the database's; below zero where it is behind.";
    LimitAccounts = "limit_accounts", "Partners, apps and keys whose limits this node counts.";
    RedisUp = "redis_up", "1 when this node reaches Redis (all leaders of a Redis Cluster), 0 when it does not or has none.";
    Ready = "ready", "1 when this node answers calls, 0 when it does not.";
}

/// All metrics of one program.
#[derive(Debug)]
pub struct Metrics {
    recorder: PrometheusRecorder,
    /// By code; a code that is not given out has none.
    operations: Vec<Option<Operation>>,
    tallies: Vec<Counter>,
    gauges: Vec<metrics::Gauge>,
    propagation: Histogram,
    consent_propagation: Histogram,
}

#[derive(Debug)]
struct Operation {
    id: &'static str,
    answered: [Counter; CLASSES.len()],
    durations: Histogram,
}

impl Metrics {
    /// Metrics for these operations, each with the code that [`Metrics::answered`] takes.
    #[must_use]
    pub fn new(operations: &[(u16, &'static str)]) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let help = "Answered calls by operation and class of status.";
        recorder.describe_counter(REQUESTS.into(), None, help.into());
        let help = "Calls without a key that is known, by what was wrong.";
        recorder.describe_counter(UNIDENTIFIED.into(), None, help.into());
        let help = "Calls refused because a limit of the plan was reached, by the limit's name.";
        recorder.describe_counter(LIMITED.into(), None, help.into());
        let tallies = TALLIES.iter().map(|(name, help)| {
            recorder.describe_counter((*name).into(), None, (*help).into());
            recorder.register_counter(&Key::from_static_name(name), &METADATA)
        });
        let tallies = tallies.collect();
        let gauges = GAUGES.iter().map(|(name, help)| {
            recorder.describe_gauge((*name).into(), None, (*help).into());
            recorder.register_gauge(&Key::from_static_name(name), &METADATA)
        });
        let gauges = gauges.collect();
        let mut by_code = Vec::new();
        for (code, id) in operations {
            let at = usize::from(*code);
            by_code.resize_with(by_code.len().max(at + 1), || None);
            by_code[at] = Some(Operation::new(id, &recorder));
        }
        let (propagation, consent_propagation) = Default::default();
        let operations = by_code;
        Self { recorder, operations, tallies, gauges, propagation, consent_propagation }
    }

    /// Counts an answered call: three atomic additions. An unknown code is not counted.
    pub fn answered(&self, code: u16, status: u16, duration_us: u32) {
        let Some(Some(operation)) = self.operations.get(usize::from(code)) else { return };
        let class = match status {
            200..300 => 0,
            300..400 => 1,
            429 => 2,
            400..500 => 3,
            500..600 => 4,
            _ => 5,
        };
        operation.answered[class].increment(1);
        operation.durations.record(duration_us);
    }

    /// Counts a call that brought no known key; `reason` is one of a few fixed words.
    pub fn unidentified(&self, reason: &'static str) {
        let key = Key::from_parts(UNIDENTIFIED, vec![Label::new("reason", reason)]);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }

    /// Counts a call that a limit refused. Names of limits are the retailer's own: a few.
    pub fn limited(&self, policy: &str) {
        let key = Key::from_parts(LIMITED, vec![Label::new("policy", policy.to_owned())]);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }

    /// Adds to a tally.
    pub fn add(&self, tally: Tally, more: u64) {
        if let Some(counter) = self.tallies.get(tally as usize) {
            counter.increment(more);
        }
    }

    /// Sets a gauge.
    pub fn set_gauge(&self, gauge: Gauge, value: i64) {
        if let Some(handle) = self.gauges.get(gauge as usize) {
            handle.set(value as f64);
        }
    }

    /// Sets a gauge to a part of a second.
    pub fn set_seconds(&self, gauge: Gauge, seconds: f64) {
        if let Some(handle) = self.gauges.get(gauge as usize) {
            handle.set(seconds);
        }
    }

    /// Counts an entry of the control log that is in force on this node, so long after it was written.
    pub fn propagated(&self, micros: u32) {
        self.propagation.record(micros);
    }

    /// Counts an entry of the ledger of consents that is in force on this node, so long after it was written.
    pub fn consent_propagated(&self, micros: u32) {
        self.consent_propagation.record(micros);
    }

    /// Everything in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        let handle = self.recorder.handle();
        // Makes the texts of metrics described since visible; there are no other chores.
        handle.run_upkeep();
        let mut out = handle.render();
        let _ = writeln!(out, "# HELP {DURATION} Time to answer, by operation.");
        let _ = writeln!(out, "# TYPE {DURATION} histogram");
        for operation in self.operations.iter().flatten() {
            let label = format!("operation=\"{}\"", operation.id);
            operation.durations.write(&mut out, DURATION, Some(&label));
        }
        let control = "Time from the writing of an entry of the control log to its being in force on this node, by the \
                       database's clock.";
        let consent = "Time from the writing of an entry of the ledger of consents, by the clock of the node that wrote it, \
                       to its being in force on this node, by the database's clock.";
        for (name, help, histogram) in [
            (PROPAGATION, control, &self.propagation),
            (CONSENT_PROPAGATION, consent, &self.consent_propagation),
        ] {
            let _ = writeln!(out, "# HELP {name} {help}");
            let _ = writeln!(out, "# TYPE {name} histogram");
            histogram.write(&mut out, name, None);
        }
        out
    }
}

impl Operation {
    fn new(id: &'static str, recorder: &PrometheusRecorder) -> Self {
        let answered = CLASSES.map(|class| {
            let labels = vec![Label::new("operation", id), Label::new("status", class)];
            recorder.register_counter(&Key::from_parts(REQUESTS, labels), &METADATA)
        });
        Self { id, answered, durations: Histogram::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::new(&[(0, "list_products"), (1, "get_product")]);
        metrics.answered(1, 200, 100);
        metrics.answered(1, 304, 101);
        metrics.answered(1, 429, 3_000_000);
        metrics.answered(1, 404, 2);
        metrics.answered(9, 200, 1);
        metrics.add(Tally::EventsFolded, 3);
        metrics.limited("burst");
        metrics.set_gauge(Gauge::Ready, 1);
        metrics.set_gauge(Gauge::JournalBacklogEvents, 2);
        metrics.unidentified("malformed");
        metrics.unidentified("malformed");
        metrics.propagated(7_000);
        metrics.consent_propagated(9_000);
        let text = metrics.render();
        for line in [
            "# TYPE comptoir_requests_total counter",
            "# HELP comptoir_ready 1 when this node answers calls, 0 when it does not.",
            r#"comptoir_requests_total{operation="get_product",status="2xx"} 1"#,
            r#"comptoir_requests_total{operation="get_product",status="429"} 1"#,
            r#"comptoir_requests_total{operation="get_product",status="4xx"} 1"#,
            r#"comptoir_limited_calls_total{policy="burst"} 1"#,
            "comptoir_events_folded_total 3",
            "comptoir_fold_failures_total 0",
            r#"comptoir_requests_total{operation="list_products",status="2xx"} 0"#,
            r#"comptoir_unidentified_calls_total{reason="malformed"} 2"#,
            "comptoir_ready 1",
            "comptoir_journal_backlog_events 2",
            r#"comptoir_request_duration_seconds_bucket{operation="get_product",le="0.00005"} 1"#,
            r#"comptoir_request_duration_seconds_bucket{operation="get_product",le="0.0001"} 2"#,
            r#"comptoir_request_duration_seconds_bucket{operation="get_product",le="0.00025"} 3"#,
            r#"comptoir_request_duration_seconds_bucket{operation="get_product",le="2.5"} 3"#,
            r#"comptoir_request_duration_seconds_bucket{operation="get_product",le="+Inf"} 4"#,
            r#"comptoir_request_duration_seconds_sum{operation="get_product"} 3.000203"#,
            r#"comptoir_request_duration_seconds_count{operation="get_product"} 4"#,
            r#"comptoir_control_propagation_seconds_bucket{le="0.005"} 0"#,
            r#"comptoir_control_propagation_seconds_bucket{le="0.01"} 1"#,
            "comptoir_control_propagation_seconds_sum 0.007000",
            "comptoir_control_propagation_seconds_count 1",
            "comptoir_consent_propagation_seconds_sum 0.009000",
            "comptoir_consent_propagation_seconds_count 1",
        ] {
            assert!(text.lines().any(|l| l == line), "no `{line}` in\n{text}");
        }
    }

    #[test]
    fn two_programs_in_one_process_count_apart() {
        let (one, other) = (Metrics::new(&[(0, "a")]), Metrics::new(&[(0, "a")]));
        one.answered(0, 200, 1);
        let count = r#"comptoir_requests_total{operation="a",status="2xx"} "#;
        assert!(one.render().contains(&format!("{count}1\n")));
        assert!(other.render().contains(&format!("{count}0\n")));
    }

    #[test]
    fn every_gauge_has_its_own_handle() {
        let metrics = Metrics::new(&[]);
        assert_eq!(metrics.gauges.len(), GAUGES.len());
        assert_eq!(Gauge::Ready as usize, GAUGES.len() - 1);
        assert_eq!(metrics.tallies.len(), TALLIES.len());
        assert_eq!(Tally::FoldFailures as usize, TALLIES.len() - 1);
    }
}
