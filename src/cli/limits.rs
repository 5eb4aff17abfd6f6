//! Limits and weights as the command line has them: in short, where that says all, or as JSON of the admin API.

use super::json::json_below;
use crate::access::operation::by_code;
use crate::access::plan::{LimitDoc, PlanLimits, PlanWeights, left_out, named};
use crate::kernel::word::Word as _;
use crate::limit::{Anchor, Kind, Limit, Limits, Per, Weights};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// A limit in short, or as JSON. The short form is turned into JSON, so that both are read by one reader.
pub(super) fn limit(text: &str) -> Result<Limit, String> {
    let form = || {
        "a limit must be NAME:UNITS:SECONDS, such as burst:50:1, or NAME:UNITS:PERIOD, such as \
         month:100000:month, either with the operations that it counts behind it (:list_suggestions) or \
         those that it leaves out (:-list_suggestions), or JSON"
            .to_owned()
    };
    let is_json = text.trim_start().starts_with('{');
    let json = match is_json {
        true => format!("[{text}]"),
        false => json!([short(text).ok_or_else(form)?]).to_string(),
    };
    let PlanLimits(limits) = json_below(&json, 1)?;
    match limits.list() {
        [limit] => Ok(limit.clone()),
        [] => Err(form()),
        _ => Err("these are several limits; give each with a --limit of its own".to_owned()),
    }
}

/// What the short form says, as the JSON of a limit.
fn short(text: &str) -> Option<Value> {
    let parts: Vec<&str> = text.split(':').collect();
    let [name, quota, window, which @ ..] = parts.as_slice() else { return None };
    let quota: u64 = quota.parse().ok()?;
    let length = match window.parse::<u64>() {
        Ok(seconds) => ("window_s", Value::from(seconds)),
        Err(_) => ("period", Value::from(*window)),
    };
    let mut limit = json!({ "name": name, "quota": quota, length.0: length.1 });
    match which {
        [] => {}
        [which] => {
            let (field, names) =
                which.strip_prefix('-').map_or(("operations", *which), |but| ("except", but));
            limit[field] = names.split(',').collect();
        }
        _ => return None,
    }
    Some(limit)
}

/// A limit as `--limit` takes it.
pub(super) fn limit_text(limit: &Limit) -> String {
    let json = || serde_json::to_string(&LimitDoc::from(limit)).unwrap_or_default();
    let (quota, length) = match &limit.kind {
        Kind::Rate(rate) => (rate.quota, rate.window_s.to_string()),
        Kind::Quota(quota)
            if quota.cycle.anchor == Anchor::Calendar && quota.cycle.zone == TimeZone::UTC =>
        {
            (quota.quota, quota.cycle.period.as_str().to_owned())
        }
        Kind::Quota(_) | Kind::Concurrency(_) => return json(),
    };
    if limit.per != Per::App {
        return json();
    }
    let ids = |operations: Vec<_>| {
        let ids: Vec<&str> =
            operations.iter().map(|id: &crate::access::plan::OperationId| id.0.id).collect();
        ids.join(",")
    };
    let which = match (named(&limit.operations), left_out(&limit.operations)) {
        (Some(only), _) => format!(":{}", ids(only)),
        (None, Some(but)) => format!(":-{}", ids(but)),
        (None, None) => String::new(),
    };
    format!("{}:{quota}:{length}{which}", limit.name)
}

/// All limits of a plan in one cell.
pub(super) fn limits_text(limits: &Limits) -> String {
    limits.list().iter().map(limit_text).collect::<Vec<_>>().join(" ")
}

/// What one operation weighs.
pub(super) fn weight(text: &str) -> Result<PlanWeights, String> {
    let form = || "a weight must be OPERATION=UNITS, such as list_products=2.5".to_owned();
    let (operation, units) = text.split_once('=').ok_or_else(form)?;
    let units: f64 = units.trim().parse().map_err(|_| form())?;
    json_below(&json!({ operation.trim(): units }).to_string(), 0)
}

/// The weights that several such say; the last holds of two for one operation.
pub(super) fn weights(each: &[PlanWeights]) -> PlanWeights {
    let mut all: Vec<(u16, u32)> = Vec::new();
    for (code, milli) in each.iter().flat_map(|one| one.0.iter()) {
        all.retain(|(other, _)| *other != code);
        all.push((code, milli));
    }
    PlanWeights(Weights::new(all))
}

/// Each weight as `--weight` takes it.
pub(super) fn weight_texts(weights: &PlanWeights) -> Vec<String> {
    let text = |(code, milli): (u16, u32)| {
        let units = f64::from(milli) / 1_000.0;
        by_code(code).map(|operation| format!("{}={units}", operation.id))
    };
    weights.0.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_as_it_is_read() {
        for text in [
            "burst:50:1",
            "month:3000000:month",
            "suggest:10:1:list_suggestions",
            "burst:50:1:-list_products,list_suggestions",
            r#"{"name":"lists","concurrent":4,"operations":["list_products"]}"#,
            r#"{"name":"m","quota":9,"period":"month","anchor":"calendar","time_zone":"Europe/Paris","per":"partner"}"#,
            r#"{"name":"r","quota":9,"window_s":1,"per":"key"}"#,
        ] {
            assert_eq!(limit_text(&limit(text).unwrap()), text);
        }
    }

    #[test]
    fn what_is_wrong_with_a_limit_is_said_in_plain_words() {
        for (text, said) in [
            (
                "month:10:fortnight",
                "period: must be one of `day`, `week`, `month`, `quarter`, `year`",
            ),
            ("x:10:1:list_product", "did you mean `list_products`?"),
            ("x:0:1", "quota: a quota must be 1 to 1000000000 units, not 0"),
            ("x:y:1", "NAME:UNITS:SECONDS"),
            ("x", "NAME:UNITS:SECONDS"),
            ("{", "is not JSON"),
            (
                r#"{"name":"a","quota":5,"window_s":1},{"name":"b","quota":5,"window_s":1}"#,
                "several limits; give each",
            ),
            (r#"{"name":"x","quota":"5","window_s":1}"#, "quota: must be a whole number"),
        ] {
            let error = limit(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
            for leak in ["at line", "expected", "variant", "u64"] {
                assert!(!error.contains(leak), "{text}: {error}");
            }
        }
    }

    #[test]
    fn a_weight_is_written_as_it_is_read() {
        for text in ["list_products=2.5", "get_product=0"] {
            assert_eq!(weight_texts(&weight(text).unwrap()), [text]);
        }
        for (text, said) in [
            ("list_products", "OPERATION=UNITS"),
            ("list_products=x", "OPERATION=UNITS"),
            ("list_product=1", "did you mean `list_products`?"),
            ("list_products=1.0005", "must be 0 to 100000 units"),
        ] {
            let error = weight(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let both =
            ["list_products=1", "get_product=2", "list_products=3"].map(|it| weight(it).unwrap());
        assert_eq!(weight_texts(&weights(&both)), ["list_products=3", "get_product=2"]);
    }
}
