//! One event as a row of `usage_events_v1`, in CSV or NDJSON.

use super::block::Recorded;
use super::journal::EventId;
use super::store::operation_id;
use crate::access::operation;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, NodeId, PartnerId, PlanId};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

/// The columns of `usage_events_v1`, in their order. A change of them is a new version.
pub const COLUMNS: [&str; 25] = [
    "event_id",
    "occurred_at",
    "recorded_at",
    "partner_id",
    "app_id",
    "key_id",
    "environment",
    "api",
    "operation_id",
    "method",
    "route_template",
    "status",
    "outcome",
    "requests",
    "records",
    "bytes",
    "weight_milli",
    "duration_us",
    "billable",
    "billability_rule",
    "plan_id",
    "plan_version",
    "node",
    "epoch",
    "seq",
];

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line, lines ended by LF.
    Csv,
    /// One JSON object in a line.
    Ndjson,
}

/// The word is no export format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an export must be csv or ndjson")]
pub struct UnknownFormat;

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err(UnknownFormat),
        }
    }
}

/// The fields stand in the order of [`COLUMNS`]; `None` is an empty field, or null.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(serialize_with = "as_text")]
    event_id: EventId,
    occurred_at: Micros,
    recorded_at: Micros,
    partner_id: PartnerId,
    app_id: AppId,
    key_id: KeyId,
    environment: &'static str,
    api: Option<&'static str>,
    operation_id: Cow<'static, str>,
    method: Option<&'static str>,
    route_template: Option<&'static str>,
    status: u16,
    outcome: &'static str,
    requests: u64,
    records: u32,
    bytes: u64,
    weight_milli: u32,
    duration_us: u32,
    billable: bool,
    billability_rule: &'static str,
    plan_id: PlanId,
    plan_version: u32,
    node: NodeId,
    epoch: u64,
    seq: u64,
}

fn as_text<S: serde::Serializer>(id: &EventId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl Row {
    pub(super) fn new(recorded: &Recorded, node: NodeId, epoch: u64, recorded_at: Micros) -> Self {
        let Recorded { seq, event, rule } = recorded;
        let operation = operation::by_code(event.operation);
        // A call that met no route, and a message to a receiver, have no path here.
        let routed = operation.filter(|operation| !operation.path.is_empty());
        Self {
            event_id: EventId { node, epoch, seq: *seq },
            occurred_at: event.started_at,
            recorded_at,
            partner_id: event.partner,
            app_id: event.app,
            key_id: event.key,
            environment: event.environment.as_str(),
            api: operation.map(|operation| operation.api).filter(|api| *api != "none"),
            operation_id: operation_id(event.operation),
            method: routed.map(|operation| operation.method),
            route_template: routed.map(|operation| operation.path),
            status: event.status,
            outcome: event.outcome.as_str(),
            requests: 1,
            records: event.records,
            bytes: event.bytes,
            weight_milli: event.weight_milli,
            duration_us: event.duration_us,
            billable: rule.billable,
            billability_rule: rule.id,
            plan_id: event.plan,
            plan_version: event.plan_version,
            node,
            epoch,
            seq: *seq,
        }
    }
}

/// Where rows go; both ways are buffered.
pub(super) enum Rows<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(BufWriter<W>),
}

impl<W: Write> Rows<W> {
    pub(super) fn new(format: Format, out: W) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(out);
                csv.write_record(COLUMNS)?;
                Self::Csv(Box::new(csv))
            }
            Format::Ndjson => Self::Ndjson(BufWriter::new(out)),
        })
    }

    pub(super) fn write(&mut self, row: &Row) -> io::Result<()> {
        match self {
            Self::Csv(csv) => Ok(csv.serialize(row)?),
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Csv(mut csv) => csv.flush(),
            Self::Ndjson(mut out) => out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::billability;
    use crate::metering::event::samples::any_event;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_formats_have_the_columns(event in any_event(), seq: u64, epoch: u64) {
            let rule = billability::rule((&event).into());
            let row = Row::new(&Recorded { seq, event, rule }, NodeId(7), epoch, Micros(0));
            let mut out = Vec::new();
            let mut rows = Rows::new(Format::Csv, &mut out).unwrap();
            rows.write(&row).unwrap();
            rows.finish().unwrap();
            let mut csv = csv::Reader::from_reader(out.as_slice());
            let header = csv.headers().unwrap().clone();
            let record = csv.records().next().unwrap().unwrap();
            prop_assert_eq!(header.iter().collect::<Vec<_>>(), COLUMNS.to_vec());

            let json = serde_json::to_value(&row).unwrap();
            prop_assert_eq!(json.as_object().unwrap().len(), COLUMNS.len());
            for (column, text) in COLUMNS.iter().zip(&record) {
                let value = match &json[*column] {
                    serde_json::Value::Null => String::new(),
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                prop_assert_eq!(text, value, "{}", column);
            }
        }
    }
}
