//! One event as a row of `usage_events_v1`.

use super::layout::{Column, Kind, Layout};
use super::periods::{AppPeriods, Booking};
use super::row::{Cell, Row};
use crate::access::operation;
use crate::idempotency::replays;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::metering::Outcome;
use crate::metering::journal::EventId;
use crate::metering::usage::newest_fold;
use crate::metering::walk::{Opened, Placed};
use crate::storage::{Db, StoreError, Tx};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The setting in the database that says which installation it is.
pub(super) const INSTALLATION: &str = "installation";

/// One row for each event of the ledger. Those of `environment` test are in it, and those that nothing is charged for,
/// with the rule that says so.
pub static USAGE_EVENTS: Layout = Layout {
    name: "usage_events_v1",
    columns: &[
        Column::of(
            "export_seq",
            Kind::Int,
            "The event's number in the order of the ledger, given once and for ever.",
        ),
        Column::of("event_id", Kind::Text, "Its id, as `Usage-Event-Id` of the answer named it."),
        Column::of("occurred_at", Kind::Time, "When the call was accepted."),
        Column::of("recorded_at", Kind::Time, "When it came into the ledger."),
        Column::maybe(
            "occurred_period",
            Kind::Text,
            "The billing period in which it was made; null where the plan asks nothing.",
        ),
        Column::maybe(
            "booked_period",
            Kind::Text,
            "The billing period that it is paid for in: a later one where it came in behind the close.",
        ),
        Column::maybe("retailer_id", Kind::Text, "The installation, which is one retailer's."),
        Column::of("partner_id", Kind::Text, "Whose call it was."),
        Column::of("app_id", Kind::Text, "The app that made it."),
        Column::of("key_id", Kind::Text, "The key that it showed."),
        Column::of("environment", Kind::Text, "`live` or `test`."),
        Column::maybe("api", Kind::Text, "The part of the API; null where the path is not there."),
        Column::of("operation_id", Kind::Text, "The operation."),
        Column::maybe(
            "spec_version",
            Kind::Text,
            "The version of the program that answered; null where it was not kept.",
        ),
        Column::maybe("method", Kind::Text, "The method of the operation."),
        Column::maybe("route_template", Kind::Text, "The path of the operation."),
        Column::of("status", Kind::Int, "The HTTP status; 0 where a receiver gave none."),
        Column::of("outcome", Kind::Text, "How the call ended."),
        Column::maybe("cache", Kind::Text, "Always null: no cache is priced on its own."),
        Column::of("requests", Kind::Int, "Always 1."),
        Column::of("records", Kind::Int, "Resources in the answer."),
        Column::of("bytes", Kind::Int, "Bytes of the body."),
        Column::of("weight_milli", Kind::Int, "What the call weighs, in thousandths of a unit."),
        Column::of("billable", Kind::Bool, "Whether it is charged."),
        Column::of("billability_rule", Kind::Text, "The rule that decided."),
        Column::of(
            "plan_version",
            Kind::Text,
            "The plan and its version that were in force, as `plan@version`.",
        ),
        Column::maybe(
            "replay_of",
            Kind::Text,
            "Of a write that came again with its `Idempotency-Key`: the event of the call that did it.",
        ),
        Column::maybe("adjusts_event_id", Kind::Text, "Always null, so far."),
        Column::of("hash", Kind::Text, "SHA-256 over the other columns of the row."),
        Column::of("plan_id", Kind::Text, "The plan alone."),
        Column::of("duration_us", Kind::Int, "How long the answer took, in microseconds."),
        Column::of("node", Kind::Text, "The node that answered."),
        Column::of("epoch", Kind::Int, "The run of the node."),
        Column::of("seq", Kind::Int, "The number within that run."),
    ],
    hash: "hash",
    id: "event_id",
    day: "occurred_at",
    money: None,
};

/// What rows say that is not in the ledger's events.
#[derive(Debug, Clone)]
pub struct Context {
    /// The installation, which is one retailer's.
    pub retailer: Option<String>,
    /// The billing periods of apps.
    pub periods: AppPeriods,
    /// The events that those of the segment at hand are replays of, by their numbers.
    pub replays: BTreeMap<i64, String>,
}

impl Context {
    /// What rows of the ledger as it is now need; of no app yet.
    pub async fn read(db: &Db) -> Result<Self, StoreError> {
        let retailer = db.setting(INSTALLATION).await?;
        let newest = newest_fold(db).await?.unwrap_or(Micros(0));
        Ok(Self { retailer, periods: AppPeriods::until(newest), replays: BTreeMap::new() })
    }

    /// Reads what rows of a segment's events need.
    pub async fn learn(
        &mut self,
        tx: &mut Tx,
        opened: &Opened,
        apps: &BTreeSet<AppId>,
    ) -> Result<(), StoreError> {
        self.periods.learn(tx, apps).await?;
        self.replays.clear();
        let replayed = opened.events().filter(|placed| placed.event.outcome == Outcome::Replayed);
        let ids: Vec<EventId> = replayed.map(|placed| placed.id).collect();
        // All events of a segment are of one run.
        let numbers = ids.iter().map(|id| id.seq.cast_signed());
        if let (Some(first), Some(last), Some(id)) =
            (numbers.clone().min(), numbers.max(), ids.first())
        {
            let id = id.to_string();
            let run = id.rsplit_once('.').map_or("", |(run, _)| run);
            self.replays = replays(tx, run, (first, last)).await?;
        }
        Ok(())
    }

    fn replay_of(&self, placed: &Placed<'_>) -> Option<String> {
        let is_replay = placed.event.outcome == Outcome::Replayed;
        is_replay.then(|| self.replays.get(&placed.id.seq.cast_signed()).cloned())?
    }

    /// The billing periods of an event.
    #[must_use]
    pub fn booking(&self, placed: &Placed<'_>) -> Booking {
        let event = placed.event;
        self.periods.booking(event.app, event.started_at, placed.export_seq.position())
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
            occurred.map_or(Cell::Null, Cell::id),
            booked.map_or(Cell::Null, Cell::id),
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
            self.replay_of(placed).map_or(Cell::Null, Cell::id),
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
