//! Reading the limits of a plan, so that an error points at the field and says what would be right.
//! What kind a limit is shows in its fields.

use super::{OperationId, PlanLimits};
use crate::kernel::Object;
use crate::kernel::word::Word;
use crate::limit::policy::{CONCURRENT, MOST_LIMITS, UNITS, WINDOW, checked};
use crate::limit::{
    Anchor, Concurrency, Cycle, InvalidLimits, Kind, Limit, LimitName, Limits, Operations, Per,
    Period, Quota, Rate,
};
use jiff::tz::TimeZone;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::RangeInclusive;

impl<'de> Deserialize<'de> for PlanLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = PlanLimits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of 1 to 8 limits")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PlanLimits, A::Error> {
        let mut limits = Vec::new();
        while let Some(limit) = seq.next_element_seed(Next(&limits))? {
            limits.push(limit);
        }
        Limits::new(limits).map(PlanLimits).map_err(A::Error::custom)
    }
}

/// The limit behind those that were read: what it has against them is said at its own place.
struct Next<'a>(&'a [Limit]);

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = Limit;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Limit, D::Error> {
        let Object(fields) = Object::<Fields>::deserialize(deserializer)?;
        if self.0.len() == MOST_LIMITS {
            return Err(D::Error::custom(InvalidLimits::Count(MOST_LIMITS + 1)));
        }
        if self.0.iter().any(|other| other.name == fields.name) {
            return Err(D::Error::custom(InvalidLimits::Repeated(fields.name)));
        }
        fields.limit()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: LimitName,
    #[serde(default, deserialize_with = "units")]
    quota: Option<u32>,
    #[serde(default, deserialize_with = "window")]
    window_s: Option<u32>,
    #[serde(default, deserialize_with = "word")]
    period: Option<Period>,
    #[serde(default, deserialize_with = "word")]
    anchor: Option<Anchor>,
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<TimeZone>,
    #[serde(default, deserialize_with = "concurrent")]
    concurrent: Option<u32>,
    #[serde(default, deserialize_with = "word")]
    per: Option<Per>,
    #[serde(default, deserialize_with = "operations")]
    operations: Option<Operations>,
    #[serde(default, deserialize_with = "except")]
    except: Option<Operations>,
}

impl Fields {
    fn limit<E: Error>(self) -> Result<Limit, E> {
        let kind = match (self.window_s, self.period, self.concurrent) {
            (Some(window_s), None, None) => {
                self.only_quotas_have("a rate (`window_s`)")?;
                Kind::Rate(Rate { quota: self.units()?, window_s })
            }
            (None, Some(period), None) => {
                let anchor = self.anchor.unwrap_or(Anchor::Calendar);
                let zone = self.time_zone.clone().unwrap_or(TimeZone::UTC);
                Kind::Quota(Quota { quota: self.units()?, cycle: Cycle { period, anchor, zone } })
            }
            (None, None, Some(most)) => {
                self.only_quotas_have("a limit of concurrency (`concurrent`)")?;
                if self.quota.is_some() {
                    return Err(beside("quota", "a limit of concurrency (`concurrent`)"));
                }
                Kind::Concurrency(Concurrency { most })
            }
            (None, None, None) => {
                return Err(E::custom(
                    "missing field `window_s`: a rate has it, a quota has `period` in its place, \
                     a limit of concurrency `concurrent`",
                ));
            }
            (Some(_), Some(_), _) => return Err(beside("period", "a rate (`window_s`)")),
            (_, _, Some(_)) => return Err(beside("concurrent", "a rate or a quota")),
        };
        let operations = match (self.operations, self.except) {
            (Some(_), Some(_)) => return Err(beside("except", "a limit that names `operations`")),
            (only, except) => only.or(except).unwrap_or(Operations::ALL),
        };
        Ok(Limit { name: self.name, per: self.per.unwrap_or(Per::App), operations, kind })
    }

    fn units<E: Error>(&self) -> Result<u32, E> {
        let missing = "missing field `quota`: the whole units that it grants, from 1 to 1000000000";
        self.quota.ok_or_else(|| E::custom(missing))
    }

    fn only_quotas_have<E: Error>(&self, kind: &str) -> Result<(), E> {
        match (&self.anchor, &self.time_zone) {
            (Some(_), _) => Err(beside("anchor", kind)),
            (_, Some(_)) => Err(beside("time_zone", kind)),
            _ => Ok(()),
        }
    }
}

/// A field that the kind of limit does not have, in serde's words, by which the field is pointed at.
pub(super) fn beside<E: Error>(field: &str, kind: &str) -> E {
    E::custom(format!("unknown field `{field}` of {kind}: leave it out, or make two of it"))
}

fn number<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: &RangeInclusive<u64>,
    error: fn(u64) -> InvalidLimits,
) -> Result<Option<u32>, D::Error> {
    let value = Option::<u64>::deserialize(deserializer)?;
    let within = |value| checked(range, value, error).map_err(D::Error::custom);
    value.map(within).transpose()
}

fn units<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    number(deserializer, &UNITS, InvalidLimits::Quota)
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    number(deserializer, &WINDOW, InvalidLimits::Window)
}

fn concurrent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    number(deserializer, &CONCURRENT, InvalidLimits::Concurrent)
}

/// One of a set of words.
pub(super) fn word<'de, W: Word, D: Deserializer<'de>>(d: D) -> Result<Option<W>, D::Error> {
    let Some(word) = Option::<String>::deserialize(d)? else { return Ok(None) };
    let known: Vec<String> = W::WORDS.iter().map(|(word, _)| format!("`{word}`")).collect();
    let short: String = word.chars().take(40).collect();
    // In serde's own words, from which the nearest is suggested.
    let unknown = || format!("unknown variant `{short}`, expected one of {}", known.join(", "));
    W::of(&word).map(Some).ok_or_else(|| D::Error::custom(unknown()))
}

pub(super) fn zone<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TimeZone>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let short: String = name.chars().take(40).collect();
    // A zone without a name, such as a fixed offset, could not be written again.
    let known = TimeZone::get(&name).ok().filter(|zone| zone.iana_name().is_some());
    let unknown = || format!("`{short}` is no time zone: an IANA name is like Europe/Paris or UTC");
    known.map(Some).ok_or_else(|| D::Error::custom(unknown()))
}

/// The operations that a list names, at least one.
fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u16>>, D::Error> {
    let named = Option::<Vec<OperationId>>::deserialize(deserializer)?;
    if named.as_ref().is_some_and(Vec::is_empty) {
        let none = "names no operation: leave it out for all of them";
        return Err(D::Error::custom(none));
    }
    Ok(named.map(|named| named.iter().map(|operation| operation.0.code).collect()))
}

pub(super) fn operations<'de, D>(deserializer: D) -> Result<Option<Operations>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(listed(deserializer)?.map(Operations::only))
}

fn except<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Operations>, D::Error> {
    Ok(listed(deserializer)?.map(Operations::all_but))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::parse;

    #[derive(Debug, Deserialize)]
    struct Doc {
        limits: PlanLimits,
    }

    #[test]
    fn limits_of_all_kinds_are_read_and_written() {
        let json = r#"[{"name":"burst","quota":50,"window_s":1},
            {"name":"month","quota":9,"period":"month","anchor":"contract","time_zone":"Europe/Paris","per":"partner"},
            {"name":"at-once","concurrent":4,"per":"key","operations":["list_products","list_stock"]},
            {"name":"most","quota":9,"window_s":1,"except":["list_suggestions"]}]"#;
        let limits: PlanLimits = serde_json::from_str(json).unwrap();
        let written = serde_json::to_string(&limits).unwrap();
        assert_eq!(written, json.replace("\n            ", ""));
        let short = r#"[{"name":"w","quota":9,"period":"week","operations":null,"window_s":null}]"#;
        let short: PlanLimits = serde_json::from_str(short).unwrap();
        let whole =
            r#"[{"name":"w","quota":9,"period":"week","anchor":"calendar","time_zone":"UTC"}]"#;
        assert_eq!(serde_json::to_string(&short).unwrap(), whole);
    }

    #[test]
    fn a_fault_is_pointed_at_and_says_what_would_be_right() {
        let burst = r#"{"name":"burst","quota":1,"window_s":1}"#;
        for (limit, pointer, says) in [
            (r#"{"name":"Day"}"#, "/name", "1 to 20 of a-z"),
            (r#"{"quota":1,"window_s":1}"#, "/name", "is missing"),
            (r#"{"name":"a","quota":0,"window_s":1}"#, "/quota", "1 to 1000000000 units, not 0"),
            (r#"{"name":"a","quota":1,"window_s":0}"#, "/window_s", "1 to 31622400 seconds"),
            (r#"{"name":"a","concurrent":0}"#, "/concurrent", "1 to 100000 calls"),
            (r#"{"name":"a","quota":1}"#, "/window_s", "a quota has `period`"),
            (r#"{"name":"a","window_s":1}"#, "/quota", "whole units"),
            (r#"{"name":"a","period":"day"}"#, "/quota", "whole units"),
            (r#"{"name":"a","quota":1,"period":"fortnight"}"#, "/period", "one of `day`"),
            (r#"{"name":"a","quota":1,"period":"day","anchor":"x"}"#, "/anchor", "`contract`"),
            (
                r#"{"name":"a","quota":1,"period":"day","time_zone":"Paris"}"#,
                "/time_zone",
                "Europe/Paris",
            ),
            (r#"{"name":"a","quota":1,"window_s":1,"period":"day"}"#, "/period", "two of it"),
            (r#"{"name":"a","quota":1,"concurrent":1}"#, "/quota", "leave it out"),
            (r#"{"name":"a","quota":1,"window_s":1,"concurrent":1}"#, "/concurrent", "two of it"),
            (r#"{"name":"a","quota":1,"window_s":1,"time_zone":"UTC"}"#, "/time_zone", "a rate"),
            (r#"{"name":"a","quota":1,"window_s":1,"per":"user"}"#, "/per", "`partner`"),
            (
                r#"{"name":"a","quota":1,"window_s":1,"operations":[]}"#,
                "/operations",
                "leave it out",
            ),
            (
                r#"{"name":"a","quota":1,"window_s":1,"operations":["x"]}"#,
                "/operations/0",
                "`list_products`",
            ),
            (r#"{"name":"a","quota":1,"window_s":1,"except":[]}"#, "/except", "leave it out"),
            (
                r#"{"name":"a","concurrent":1,"except":["get_usage"],"operations":["list_stock"]}"#,
                "/except",
                "leave it out",
            ),
            (r#"{"name":"a","quota":1,"window":1}"#, "/window", "window_s"),
            (burst, "", "two limits are called `burst`"),
            (r#"["a",1,1]"#, "", "an object"),
        ] {
            let body = format!(r#"{{"limits":[{burst},{limit}]}}"#);
            let error = parse::<Doc>(body.as_bytes()).unwrap_err();
            let fault = &error.faults()[0];
            assert_eq!(fault.pointer.as_deref(), Some(&*format!("/limits/1{pointer}")), "{limit}");
            assert!(fault.message.contains(says), "{limit}: {}", fault.message);
        }
        // A quota whose period is wrong is not also a rate without its window.
        let body = br#"{"limits":[{"name":"a","quota":1,"period":"fortnight"},{"quota":1}]}"#;
        let error = parse::<Doc>(body).unwrap_err();
        let pointers = error.faults().iter().map(|fault| fault.pointer.clone());
        let pointers: Vec<String> = pointers.map(Option::unwrap_or_default).collect();
        assert_eq!(pointers, ["/limits/0/period", "/limits/1/name"]);
        let error = parse::<Doc>(br#"{"limits":[]}"#).unwrap_err();
        assert!(error.detail().contains("1 to 8 limits, not 0"), "{}", error.detail());
        let many: Vec<String> = (0..9).map(|n| burst.replace("burst", &format!("l{n}"))).collect();
        let body = format!(r#"{{"limits":[{}]}}"#, many.join(","));
        let error = parse::<Doc>(body.as_bytes()).unwrap_err();
        assert_eq!(error.faults()[0].pointer.as_deref(), Some("/limits/8"));
        assert!(parse::<Doc>(many_ok(&many).as_bytes()).unwrap().limits.0.list().len() == 8);
    }

    fn many_ok(many: &[String]) -> String {
        format!(r#"{{"limits":[{}]}}"#, many[..8].join(","))
    }
}
