//! What a plan grants: a few limits that hold together. A definition that exists is valid.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::ops::RangeInclusive;

/// Most limits in a plan.
const MOST: usize = 4;
/// Most characters in a limit's name.
const NAME_MOST: usize = 20;
/// Units that a limit may grant.
const QUOTA: RangeInclusive<u64> = 1..=1_000_000_000;
/// Seconds that a limit may stretch over: up to a leap year.
const WINDOW: RangeInclusive<u64> = 1..=31_622_400;

/// One limit of a plan: so many units in so many seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitPolicy {
    /// Its name in the `RateLimit` headers: 1 to 20 of a-z, 0-9, `_` and `-`.
    #[serde(deserialize_with = "name")]
    #[schema(example = "burst", min_length = 1, max_length = 20, pattern = "^[a-z0-9_-]+$")]
    pub name: String,
    /// Units in a window.
    #[serde(deserialize_with = "quota")]
    #[schema(example = 50, minimum = 1, maximum = 1_000_000_000)]
    pub quota: u64,
    /// Length of the window in seconds.
    #[serde(deserialize_with = "window")]
    #[schema(example = 1, minimum = 1, maximum = 31_622_400)]
    pub window_s: u64,
}

/// The limits of a plan, as they are stored for each of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDefinition {
    /// One to four limits; a call must be within all of them.
    #[serde(deserialize_with = "limits")]
    #[schema(min_items = 1, max_items = 4)]
    pub limits: Vec<LimitPolicy>,
}

/// Why limits are no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// None, or more than four.
    #[error("a plan has 1 to 4 limits, not {0}")]
    Count(usize),
    /// A name that is empty, too long or has a foreign character.
    #[error("a limit's name is 1 to 20 of a-z, 0-9, `_` and `-`")]
    Name,
    /// Two limits of one name.
    #[error("`{0}` names two limits; give each its own name")]
    Repeated(String),
    /// Units out of range.
    #[error("a quota is 1 to 1000000000 units")]
    Quota,
    /// Seconds out of range.
    #[error("a window is 1 to 31622400 seconds")]
    Window,
}

impl PlanDefinition {
    /// A plan of these limits.
    pub fn new(limits: Vec<LimitPolicy>) -> Result<Self, InvalidPlan> {
        for limit in &limits {
            check_name(&limit.name)?;
            check_range(&QUOTA, limit.quota, InvalidPlan::Quota)?;
            check_range(&WINDOW, limit.window_s, InvalidPlan::Window)?;
        }
        check_set(&limits)?;
        Ok(Self { limits })
    }
}

fn check_name(name: &str) -> Result<(), InvalidPlan> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let valid = (1..=NAME_MOST).contains(&name.len()) && name.bytes().all(fits);
    if valid { Ok(()) } else { Err(InvalidPlan::Name) }
}

fn check_range(
    range: &RangeInclusive<u64>,
    value: u64,
    error: InvalidPlan,
) -> Result<u64, InvalidPlan> {
    if range.contains(&value) { Ok(value) } else { Err(error) }
}

fn check_set(limits: &[LimitPolicy]) -> Result<(), InvalidPlan> {
    if !(1..=MOST).contains(&limits.len()) {
        return Err(InvalidPlan::Count(limits.len()));
    }
    for (i, limit) in limits.iter().enumerate() {
        if limits[..i].iter().any(|earlier| earlier.name == limit.name) {
            return Err(InvalidPlan::Repeated(limit.name.clone()));
        }
    }
    Ok(())
}

// Checked field by field while reading, so that an error points at the field.

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    check_name(&name).map_err(D::Error::custom)?;
    Ok(name)
}

fn quota<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let quota = u64::deserialize(deserializer)?;
    check_range(&QUOTA, quota, InvalidPlan::Quota).map_err(D::Error::custom)
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let window = u64::deserialize(deserializer)?;
    check_range(&WINDOW, window, InvalidPlan::Window).map_err(D::Error::custom)
}

/// The limits of a plan, for documents that hold them among other things.
pub fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LimitPolicy>, D::Error> {
    let limits = Vec::deserialize(deserializer)?;
    check_set(&limits).map_err(D::Error::custom)?;
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str, quota: u64, window_s: u64) -> LimitPolicy {
        LimitPolicy { name: name.into(), quota, window_s }
    }

    #[test]
    fn building_and_reading_refuse_the_same() {
        let refused = [
            (vec![], InvalidPlan::Count(0)),
            (vec![limit("a", 1, 1); 5], InvalidPlan::Count(5)),
            (vec![limit("a", 1, 1), limit("a", 2, 2)], InvalidPlan::Repeated("a".into())),
            (vec![limit("", 1, 1)], InvalidPlan::Name),
            (vec![limit("A", 1, 1)], InvalidPlan::Name),
            (vec![limit(&"a".repeat(21), 1, 1)], InvalidPlan::Name),
            (vec![limit("a", 0, 1)], InvalidPlan::Quota),
            (vec![limit("a", 1_000_000_001, 1)], InvalidPlan::Quota),
            (vec![limit("a", 1, 0)], InvalidPlan::Window),
            (vec![limit("a", 1, 31_622_401)], InvalidPlan::Window),
        ];
        for (limits, error) in refused {
            let text = serde_json::json!({ "limits": limits }).to_string();
            let read = serde_json::from_str::<PlanDefinition>(&text).unwrap_err();
            assert!(read.to_string().starts_with(&error.to_string()), "{read}");
            assert_eq!(PlanDefinition::new(limits), Err(error));
        }
    }

    #[test]
    fn a_definition_reads_what_it_wrote() {
        let plan = PlanDefinition::new(vec![limit("burst", 50, 1), limit("day", 100_000, 86_400)]);
        let plan = plan.unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(
            text,
            r#"{"limits":[{"name":"burst","quota":50,"window_s":1},{"name":"day","quota":100000,"window_s":86400}]}"#
        );
        assert_eq!(serde_json::from_str::<PlanDefinition>(&text).unwrap(), plan);
    }
}
