//! The sums of calls by hour, made from the events: so they hold what a period books, and late calls count where they are
//! booked.

use super::ExportError;
use super::event_row::Context;
use super::events::{Asked, walk};
use super::layout::{Column, Kind, Layout};
use super::row::{Cell, Row};
use super::show;
use crate::access::operation;
use crate::billing::manifest::Fact;
use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use crate::kernel::id::{AppId, BillingPeriodId, KeyId, PartnerId, PlanId};
use crate::metering::Sums;
use crate::metering::walk::Placed;
use crate::storage::Db;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One row for each hour, key, operation, result and plan that had calls.
pub(super) static USAGE_HOURLY: Layout = Layout {
    name: "usage_hourly_v1",
    columns: &[
        Column::maybe(
            "period",
            Kind::Text,
            "The billing period that the calls are paid for in; null where the plan asks nothing.",
        ),
        Column::of("hour_start", Kind::Time, "The hour of UTC in which the calls were accepted."),
        Column::of("hour_end", Kind::Time, "Its end, exclusive."),
        Column::maybe("retailer_id", Kind::Text, "The installation, which is one retailer's."),
        Column::of("partner_id", Kind::Text, "Whose calls they were."),
        Column::of("app_id", Kind::Text, "The app that made them."),
        Column::of("key_id", Kind::Text, "The key that it showed."),
        Column::maybe("api", Kind::Text, "The part of the API; null where the path is not there."),
        Column::of("operation_id", Kind::Text, "The operation."),
        Column::of("status", Kind::Int, "The HTTP status; 0 where a receiver gave none."),
        Column::of("outcome", Kind::Text, "How the calls ended."),
        Column::maybe("cache", Kind::Text, "Always null: no cache is priced on its own."),
        Column::of("billable", Kind::Bool, "Whether they are charged."),
        Column::of(
            "plan_version",
            Kind::Text,
            "The plan and its version that were in force, as `plan@version`.",
        ),
        Column::of("requests", Kind::Int, "Calls."),
        Column::of("records", Kind::Int, "Resources in the answers."),
        Column::of("bytes", Kind::Int, "Bytes of the bodies."),
        Column::of("weight_milli", Kind::Int, "What they weigh, in thousandths of a unit."),
        Column::of("environment", Kind::Text, "`live` or `test`."),
        Column::of("billability_rule", Kind::Text, "The rule that decided."),
        Column::of("hash", Kind::Text, "SHA-256 over the other columns of the row."),
    ],
    hash: "hash",
    id: "hash",
    day: "hour_start",
    money: None,
};

/// What sums are kept apart by, in the order of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    hour: Micros,
    partner: PartnerId,
    app: AppId,
    key: KeyId,
    environment: &'static str,
    operation: Cow<'static, str>,
    status: u16,
    outcome: &'static str,
    rule: &'static str,
    billable: bool,
    plan: PlanId,
    plan_version: u32,
    period: Option<BillingPeriodId>,
}

impl Group {
    fn of(placed: &Placed<'_>, context: &Context) -> Self {
        let event = placed.event;
        Self {
            hour: event.started_at.hour(),
            partner: event.partner,
            app: event.app,
            key: event.key,
            environment: event.environment.as_str(),
            operation: placed.operation_id(),
            status: event.status,
            outcome: event.outcome.as_str(),
            rule: placed.rule.id,
            billable: placed.rule.billable,
            plan: event.plan,
            plan_version: event.plan_version,
            period: context.booking(placed).booked,
        }
    }

    fn row(&self, sums: &Sums, retailer: Option<&String>) -> Row {
        let operation = operation::by_id(&self.operation);
        let api = operation.map(|operation| operation.api).filter(|api| *api != "none");
        let known = |text: Option<&'static str>| Cell::text(text.map(Cow::from));
        let cells = vec![
            self.period.map_or(Cell::Null, Cell::id),
            Cell::Time(self.hour),
            Cell::Time(Micros(self.hour.0.saturating_add(HOUR))),
            Cell::text(retailer.cloned().map(Cow::from)),
            Cell::id(self.partner),
            Cell::id(self.app),
            Cell::id(self.key),
            known(api),
            Cell::Text(self.operation.clone()),
            Cell::Int(self.status.into()),
            known(Some(self.outcome)),
            Cell::Null,
            Cell::Bool(self.billable),
            Cell::id(format_args!("{}@{}", self.plan, self.plan_version)),
            Cell::Int(sums.requests),
            Cell::Int(sums.records),
            Cell::Int(sums.bytes),
            Cell::Int(sums.weight_milli),
            known(Some(self.environment)),
            known(Some(self.rule)),
            Cell::Null,
        ];
        Row::sealed(&USAGE_HOURLY, cells)
    }
}

/// Shows the sums of the events that are asked for, up to a position, hour by hour. A day is held in memory.
pub(super) async fn each(
    db: &Db,
    asked: &Asked,
    through: i64,
    mut each: impl FnMut(&Fact, &Row) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut context = Context::read(db).await?;
    let mut since = Micros(i64::MIN);
    while let Some((day, next)) = asked.next_day(db, through, since).await? {
        let mut sums: BTreeMap<Group, Sums> = BTreeMap::new();
        walk(db, &day, through, &mut context, |placed, context| {
            sums.entry(Group::of(placed, context)).or_default().plus(&placed.sums());
            Ok(())
        })
        .await?;
        for (group, sums) in &sums {
            let row = group.row(sums, context.retailer.as_ref());
            show(&USAGE_HOURLY, &row, &mut each)?;
        }
        since = next;
    }
    Ok(())
}
