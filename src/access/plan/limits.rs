//! The limits of a plan as JSON documents.

use super::OperationId;
use crate::access::operation::OPERATIONS;
use crate::limit::{Anchor, Kind, Limit, LimitName, Limits, Operations, Per, Period};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The limits of a plan: one to eight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLimits(pub Limits);

impl PlanLimits {
    /// Whether any counts the calls of the partner together.
    #[must_use]
    pub fn of_partner(&self) -> bool {
        self.0.list().iter().any(|limit| limit.per == Per::Partner)
    }
}

/// A limit of a plan: a rate (`window_s`), a quota (`period`) or a limit of concurrency (`concurrent`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(title = "Limit")]
pub enum LimitDoc {
    /// A rate.
    Rate(RateDoc),
    /// A quota.
    Quota(QuotaDoc),
    /// A limit of concurrency.
    Concurrency(ConcurrencyDoc),
}

/// A rate: `quota` units may be taken at once; what was taken comes back evenly over `window_s` seconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "burst", "quota": 50, "window_s": 1, "except": ["list_suggestions"] }))]
pub struct RateDoc {
    /// Its name in the `RateLimit` headers: 1 to 20 of a-z, 0-9, `_` and `-`.
    #[schema(value_type = String, example = "burst", min_length = 1, max_length = 20, pattern = "^[a-z0-9_-]+$")]
    name: LimitName,
    /// Whole units that may be taken at once.
    #[schema(example = 50, minimum = 1, maximum = 1_000_000_000)]
    quota: u32,
    /// Seconds in which a full quota comes back: up to a leap year.
    #[schema(example = 1, minimum = 1, maximum = 31_622_400)]
    window_s: u32,
    /// Whose calls are counted together.
    #[serde(default, skip_serializing_if = "is_app")]
    #[schema(default = "app", example = "app")]
    per: Per,
    /// The only operations whose calls are counted; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_products"]))]
    operations: Option<Vec<OperationId>>,
    /// The operations whose calls are not counted, where all others are: in place of `operations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_suggestions"]))]
    except: Option<Vec<OperationId>>,
}

/// A quota: `quota` units may be taken in each period, and all come back at its end. It counts what is
/// billed: what is free takes nothing. Test keys are held to a rate in its place: as many units over the longest that a
/// period lasts, from which every call takes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "month", "quota": 1_000_000, "period": "month", "anchor": "calendar", "time_zone": "Europe/Paris" }))]
pub struct QuotaDoc {
    /// Its name in the `RateLimit` headers: 1 to 20 of a-z, 0-9, `_` and `-`.
    #[schema(value_type = String, example = "month", min_length = 1, max_length = 20, pattern = "^[a-z0-9_-]+$")]
    name: LimitName,
    /// Whole units in a period.
    #[schema(example = 1_000_000, minimum = 1, maximum = 1_000_000_000)]
    quota: u32,
    /// How long a period is.
    #[schema(example = "month")]
    period: Period,
    /// Where periods begin: with the calendar's, or on the day on which the partner's contract began, as days
    /// are in `time_zone`. Where there is no contract, the day on which the app (for `per` = `partner`, the
    /// partner) was created stands for it, and where a month has no such day, its last one.
    #[serde(default)]
    #[schema(default = "calendar", example = "calendar")]
    anchor: Anchor,
    /// The time zone whose days they are made of, by its IANA name.
    #[serde(default)]
    #[schema(default = "UTC", example = "Europe/Paris", max_length = 64)]
    time_zone: String,
    /// Whose calls are counted together.
    #[serde(default, skip_serializing_if = "is_app")]
    #[schema(default = "app", example = "app")]
    per: Per,
    /// The only operations whose calls are counted; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_products"]))]
    operations: Option<Vec<OperationId>>,
    /// The operations whose calls are not counted, where all others are: in place of `operations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_suggestions"]))]
    except: Option<Vec<OperationId>>,
}

/// A limit of concurrency: so many calls may be under way at once. A call ends with the last byte of its
/// answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "at-once", "concurrent": 10, "operations": ["list_products"] }))]
pub struct ConcurrencyDoc {
    /// Its name in the `RateLimit` headers: 1 to 20 of a-z, 0-9, `_` and `-`.
    #[schema(value_type = String, example = "at-once", min_length = 1, max_length = 20, pattern = "^[a-z0-9_-]+$")]
    name: LimitName,
    /// Calls that may be under way.
    #[schema(example = 10, minimum = 1, maximum = 100_000)]
    concurrent: u32,
    /// Whose calls are counted together.
    #[serde(default, skip_serializing_if = "is_app")]
    #[schema(default = "app", example = "app")]
    per: Per,
    /// The only operations whose calls are counted; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_products"]))]
    operations: Option<Vec<OperationId>>,
    /// The operations whose calls are not counted, where all others are: in place of `operations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_suggestions"]))]
    except: Option<Vec<OperationId>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_app(per: &Per) -> bool {
    *per == Per::App
}

/// The only operations that a limit counts, by name; none where it counts all, or all but some.
#[must_use]
pub fn named(operations: &Operations) -> Option<Vec<OperationId>> {
    let covered = OPERATIONS.iter().filter(|operation| operations.cover(operation.code));
    let is_short = !operations.is_all() && !operations.leaves_out();
    is_short.then(|| covered.map(OperationId).collect())
}

/// The operations that a limit leaves out, by name; none where it names those that it counts, or counts all.
#[must_use]
pub fn left_out(operations: &Operations) -> Option<Vec<OperationId>> {
    let others = OPERATIONS.iter().filter(|operation| !operations.cover(operation.code));
    operations.leaves_out().then(|| others.map(OperationId).collect())
}

impl From<&Limit> for LimitDoc {
    fn from(limit: &Limit) -> Self {
        let Limit { name, per, operations, kind } = limit;
        let (name, per) = (*name, *per);
        let (operations, except) = (named(operations), left_out(operations));
        match kind {
            Kind::Rate(rate) => {
                let (quota, window_s) = (rate.quota, rate.window_s);
                Self::Rate(RateDoc { name, quota, window_s, per, operations, except })
            }
            Kind::Quota(quota) => {
                let cycle = &quota.cycle;
                let time_zone = cycle.zone.iana_name().unwrap_or("UTC").to_owned();
                let (quota, period, anchor) = (quota.quota, cycle.period, cycle.anchor);
                Self::Quota(QuotaDoc {
                    name,
                    quota,
                    period,
                    anchor,
                    time_zone,
                    per,
                    operations,
                    except,
                })
            }
            Kind::Concurrency(places) => {
                let concurrent = places.most;
                Self::Concurrency(ConcurrencyDoc { name, concurrent, per, operations, except })
            }
        }
    }
}

impl Serialize for PlanLimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.list().iter().map(LimitDoc::from))
    }
}
