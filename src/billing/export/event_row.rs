//! One event as a row of `usage_events_v1`.

use super::layout::{Column, Kind, Layout};
use super::row::{Cell, Row};
use crate::access::operation;
use crate::metering::walk::Placed;
use std::borrow::Cow;

/// One row for each event of the ledger. Those of `environment` test are in it, and those that nothing is charged for,
/// with the rule that says so.
pub static USAGE_EVENTS: Layout = Layout {
    name: "usage_events_v1",
    columns: &[
        Column::of("export_seq", Kind::Int),
        Column::of("event_id", Kind::Text),
        Column::of("occurred_at", Kind::Time),
        Column::of("recorded_at", Kind::Time),
        Column::maybe("occurred_period", Kind::Text),
        Column::maybe("booked_period", Kind::Text),
        Column::maybe("retailer_id", Kind::Text),
        Column::of("partner_id", Kind::Text),
        Column::of("app_id", Kind::Text),
        Column::of("key_id", Kind::Text),
        Column::of("environment", Kind::Text),
        Column::maybe("api", Kind::Text),
        Column::of("operation_id", Kind::Text),
        Column::maybe("spec_version", Kind::Text),
        Column::maybe("method", Kind::Text),
        Column::maybe("route_template", Kind::Text),
        Column::of("status", Kind::Int),
        Column::of("outcome", Kind::Text),
        Column::maybe("cache", Kind::Text),
        Column::of("requests", Kind::Int),
        Column::of("records", Kind::Int),
        Column::of("bytes", Kind::Int),
        Column::of("weight_milli", Kind::Int),
        Column::of("billable", Kind::Bool),
        Column::of("billability_rule", Kind::Text),
        Column::of("plan_version", Kind::Text),
        Column::maybe("replay_of", Kind::Text),
        Column::maybe("adjusts_event_id", Kind::Text),
        Column::of("hash", Kind::Text),
        Column::of("plan_id", Kind::Text),
        Column::of("duration_us", Kind::Int),
        Column::of("node", Kind::Text),
        Column::of("epoch", Kind::Int),
        Column::of("seq", Kind::Int),
    ],
};

/// The billing periods of an event: in which it was made, and in which it is paid for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Booking {
    /// The period that its start lies in.
    pub occurred: Option<String>,
    /// The same, or a later one where that was closed before the event came into the ledger.
    pub booked: Option<String>,
}

/// What rows say that is not in the ledger's events.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The installation, which is one retailer's.
    pub retailer: Option<String>,
}

impl Context {
    /// The one place that knows in which period an event is booked: where no period is closed, it is not settled.
    #[must_use]
    pub fn booking(&self, _placed: &Placed<'_>) -> Booking {
        Booking::default()
    }

    /// The row of an event.
    #[must_use]
    pub fn row(&self, placed: &Placed<'_>) -> Row {
        Row::sealed(&USAGE_EVENTS, self.cells(placed))
    }

    /// The fields stand in the order of the columns.
    fn cells(&self, placed: &Placed<'_>) -> Vec<Cell> {
        let (event, id) = (placed.event, &placed.id);
        let operation = operation::by_code(event.operation);
        // A call that met no route, and a message to a receiver, have no path here.
        let routed = operation.filter(|operation| !operation.path.is_empty());
        let api = operation.map(|operation| operation.api).filter(|api| *api != "none");
        let Booking { occurred, booked } = self.booking(placed);
        let (known, own) =
            (|text: Option<&'static str>| Cell::text(text.map(Cow::from)), Cow::from);
        let version = Some(placed.version.to_owned()).filter(|version| !version.is_empty());
        vec![
            Cell::Int(placed.export_seq.0),
            Cell::id(id),
            Cell::Time(event.started_at),
            Cell::Time(placed.recorded_at),
            Cell::text(occurred.map(own)),
            Cell::text(booked.map(own)),
            Cell::text(self.retailer.clone().map(own)),
            Cell::id(event.partner),
            Cell::id(event.app),
            Cell::id(event.key),
            known(Some(event.environment.as_str())),
            known(api),
            Cell::Text(placed.operation_id()),
            Cell::text(version.map(own)),
            known(routed.map(|operation| operation.method)),
            known(routed.map(|operation| operation.path)),
            Cell::Int(event.status.into()),
            known(Some(event.outcome.as_str())),
            // Answers come from memory: there is no cache that would be priced on its own.
            Cell::Null,
            Cell::Int(1),
            Cell::Int(event.records.into()),
            Cell::number(event.bytes),
            Cell::Int(event.weight_milli.into()),
            Cell::Bool(placed.rule.billable),
            known(Some(placed.rule.id)),
            Cell::id(format_args!("{}@{}", event.plan, event.plan_version)),
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::id(event.plan),
            Cell::Int(event.duration_us.into()),
            Cell::id(id.node),
            Cell::number(id.epoch),
            Cell::number(id.seq),
        ]
    }
}
