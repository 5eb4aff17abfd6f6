//! How the limits of a key stand, for who holds it.

use crate::access::directory::{KeyRecord, Keyring};
use crate::access::plan::{OperationId, left_out, named};
use crate::kernel::Micros;
use crate::kernel::word::words;
use crate::limit::{Anchor, Kind, Limit, LimitName, Look, Per, Period};
use serde::Serialize;
use utoipa::ToSchema;

words! {
    /// What a limit counts.
    pub enum LimitKind {
        /// Units over a stretch of time that moves along.
        Rate = "rate",
        /// Units in a calendar or contract period.
        Quota = "quota",
        /// Calls under way.
        Concurrency = "concurrency",
    }
}

/// A limit and how it stands now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "month", "kind": "quota", "per": "partner", "quota": 1_000_000, "period": "month", "anchor": "calendar",
    "time_zone": "Europe/Paris", "period_start": "2026-10-31T23:00:00Z", "period_end": "2026-11-30T23:00:00Z",
    "used": "4711.000", "remaining": 995_289, "reset_s": 740_000,
}))]
pub struct LimitStandingOut {
    /// Its name in the `RateLimit` headers.
    #[schema(value_type = String, example = "month")]
    name: LimitName,
    /// `rate`: what is used comes back evenly. `quota`: all comes back at the end of a period.
    /// `concurrency`: calls under way.
    #[schema(example = "quota")]
    kind: LimitKind,
    /// Whose calls are counted together.
    #[schema(example = "app")]
    per: Per,
    /// The only operations whose calls are counted; left out where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["list_products"]))]
    operations: Option<Vec<OperationId>>,
    /// The operations whose calls are not counted, where all others are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["list_suggestions"]))]
    except: Option<Vec<OperationId>>,
    /// Units that a rate or a quota grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_000_000)]
    quota: Option<u32>,
    /// Seconds in which a rate comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    window_s: Option<u32>,
    /// How long the periods of a quota are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "month")]
    period: Option<Period>,
    /// Where they begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "calendar")]
    anchor: Option<Anchor>,
    /// The time zone of their days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Paris")]
    time_zone: Option<String>,
    /// Start of the present period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-10-31T23:00:00Z")]
    period_start: Option<Micros>,
    /// End of the present period, when all units come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-30T23:00:00Z")]
    period_end: Option<Micros>,
    /// Calls that may be under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 10)]
    concurrent: Option<u32>,
    /// What is used, a decimal with three digits: units, or calls under way.
    #[schema(example = "4711.000")]
    used: String,
    /// Whole units that are left, or calls that may begin.
    #[schema(example = 995_289)]
    remaining: u32,
    /// Seconds until all is there again; left out for calls under way, whose end nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 740_000)]
    reset_s: Option<u32>,
}

/// How the limits of a key stand, in the order of the plan.
pub(super) fn of(keyring: &Keyring, key: &KeyRecord, now: Micros) -> Vec<LimitStandingOut> {
    let looks = keyring.limiter().look(&key.subject, &key.granted.terms, now);
    let limits = key.granted.terms.limits.list();
    looks.iter().filter_map(|look| Some(told(limits.get(look.place)?, look))).collect()
}

fn told(limit: &Limit, look: &Look) -> LimitStandingOut {
    let (whole, milli) = (look.used_milli / 1_000, look.used_milli % 1_000);
    let empty = LimitStandingOut {
        name: limit.name,
        kind: LimitKind::Rate,
        per: limit.per,
        operations: named(&limit.operations),
        except: left_out(&limit.operations),
        quota: Some(limit.granted()),
        window_s: None,
        period: None,
        anchor: None,
        time_zone: None,
        period_start: look.period.map(|bounds| bounds.start),
        period_end: look.period.map(|bounds| bounds.end),
        concurrent: None,
        used: format!("{whole}.{milli:03}"),
        remaining: look.standing.remaining,
        reset_s: Some(look.standing.reset_s),
    };
    match &limit.kind {
        Kind::Rate(rate) => LimitStandingOut { window_s: Some(rate.window_s), ..empty },
        Kind::Quota(quota) => LimitStandingOut {
            kind: LimitKind::Quota,
            period: Some(quota.cycle.period),
            anchor: Some(quota.cycle.anchor),
            time_zone: quota.cycle.zone.iana_name().map(str::to_owned),
            ..empty
        },
        Kind::Concurrency(places) => LimitStandingOut {
            kind: LimitKind::Concurrency,
            concurrent: Some(places.most),
            quota: None,
            reset_s: None,
            ..empty
        },
    }
}
