//! Policies: what a plan promises, and the header that says so.

use crate::kernel::Object;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// Most policies that one plan has.
pub const MOST_POLICIES: usize = 4;
/// Most characters of a policy's name.
const LONGEST_NAME: usize = 20;

/// Units that a policy may grant.
const QUOTA: RangeInclusive<u64> = 1..=1_000_000_000;
/// Seconds that a policy may stretch over: up to a leap year.
const WINDOW: RangeInclusive<u64> = 1..=31_622_400;

/// The name of a policy, as it stands in headers: 1 to 20 of `a-z`, `0-9`, `_`, `-`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyName {
    length: u8,
    bytes: [u8; LONGEST_NAME],
}

/// A limit: `quota` units may be taken at once; what was taken comes back evenly over `window_s`
/// seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name in the `RateLimit` headers: 1 to 20 of a-z, 0-9, `_` and `-`.
    #[schema(value_type = String, example = "burst", min_length = 1, max_length = 20, pattern = "^[a-z0-9_-]+$")]
    pub name: PolicyName,
    /// Whole units that may be taken at once.
    #[serde(deserialize_with = "quota")]
    #[schema(example = 50, minimum = 1, maximum = 1_000_000_000)]
    pub quota: u32,
    /// Seconds in which a full quota comes back: up to a leap year.
    #[serde(deserialize_with = "window")]
    #[schema(example = 1, minimum = 1, maximum = 31_622_400)]
    pub window_s: u32,
}

/// The one to four policies of a plan, `[{"name":"burst","quota":50,"window_s":1}]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Object<Policy>>", into = "Vec<Policy>")]
pub struct Limits {
    /// Places behind `length` repeat the first policy, so that equal limits are equal values.
    policies: [Policy; MOST_POLICIES],
    length: u8,
}

/// Why policies make no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimits {
    /// None, or more than four.
    #[error("a plan has 1 to 4 limits, not {0}")]
    Count(usize),
    /// A name that cannot stand in a header.
    #[error("`{0}` is no name for a limit: it is 1 to 20 of a-z, 0-9, _ and -")]
    Name(String),
    /// Two policies of one name.
    #[error("two limits are called `{0}`; give each its own name")]
    Repeated(PolicyName),
    /// Units out of range.
    #[error("a quota is 1 to 1000000000 units, not {0}")]
    Quota(u64),
    /// Seconds out of range.
    #[error("a window is 1 to 31622400 seconds, not {0}")]
    Window(u64),
}

impl PolicyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name as ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl TryFrom<String> for PolicyName {
    type Error = InvalidLimits;

    fn try_from(text: String) -> Result<Self, InvalidLimits> {
        text.parse()
    }
}

impl std::str::FromStr for PolicyName {
    type Err = InvalidLimits;

    fn from_str(text: &str) -> Result<Self, InvalidLimits> {
        let token = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=LONGEST_NAME).contains(&text.len()) || !text.bytes().all(token) {
            return Err(InvalidLimits::Name(text.chars().take(40).collect()));
        }
        let mut bytes = [0; LONGEST_NAME];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { length: text.len() as u8, bytes })
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Limits {
    /// The limits of these policies, if they can stand together.
    pub fn new(policies: &[Policy]) -> Result<Self, InvalidLimits> {
        let (Some(first), true) = (policies.first(), policies.len() <= MOST_POLICIES) else {
            return Err(InvalidLimits::Count(policies.len()));
        };
        for (i, policy) in policies.iter().enumerate() {
            checked(QUOTA, policy.quota.into(), InvalidLimits::Quota)?;
            checked(WINDOW, policy.window_s.into(), InvalidLimits::Window)?;
            if policies[..i].iter().any(|other| other.name == policy.name) {
                return Err(InvalidLimits::Repeated(policy.name));
            }
        }
        let mut all = [*first; MOST_POLICIES];
        all[..policies.len()].copy_from_slice(policies);
        Ok(Self { policies: all, length: policies.len() as u8 })
    }

    /// The policies, in the order of the headers.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies[..usize::from(self.length)]
    }

    /// The value of `RateLimit-Policy`, `"burst";q=50;w=1, "day";q=100000;w=86400`. It is the same
    /// for every call of a plan: make it once.
    #[must_use]
    pub fn policy_header(&self) -> String {
        let item = |p: &Policy| format!("\"{}\";q={};w={}", p.name, p.quota, p.window_s);
        self.policies().iter().map(item).collect::<Vec<_>>().join(", ")
    }
}

impl TryFrom<Vec<Object<Policy>>> for Limits {
    type Error = InvalidLimits;

    fn try_from(policies: Vec<Object<Policy>>) -> Result<Self, InvalidLimits> {
        let policies: Vec<Policy> = policies.into_iter().map(|policy| policy.0).collect();
        Self::new(&policies)
    }
}

impl From<Limits> for Vec<Policy> {
    fn from(limits: Limits) -> Self {
        limits.policies().to_vec()
    }
}

fn checked(
    range: RangeInclusive<u64>,
    value: u64,
    error: fn(u64) -> InvalidLimits,
) -> Result<u32, InvalidLimits> {
    let fits = u32::try_from(value).ok().filter(|_| range.contains(&value));
    fits.ok_or_else(|| error(value))
}

// Checked field by field while reading, so that an error points at the field.

fn quota<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let value = u64::deserialize(deserializer)?;
    checked(QUOTA, value, InvalidLimits::Quota).map_err(D::Error::custom)
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let value = u64::deserialize(deserializer)?;
    checked(WINDOW, value, InvalidLimits::Window).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_and_written_as_json() {
        let json = r#"[{"name":"burst","quota":50,"window_s":1},{"name":"day","quota":100000,"window_s":86400}]"#;
        let limits: Limits = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&limits).unwrap(), json);
        assert_eq!(limits.policy_header(), r#""burst";q=50;w=1, "day";q=100000;w=86400"#);
    }

    #[test]
    fn what_is_no_plan_says_what_is() {
        let policy =
            |name: &str, quota: u32| format!(r#"{{"name":"{name}","quota":{quota},"window_s":1}}"#);
        for (policies, says) in [
            (vec![], "1 to 4 limits, not 0"),
            (["a", "b", "c", "d", "e"].map(|n| policy(n, 1)).to_vec(), "1 to 4 limits, not 5"),
            (vec![policy("Day", 1)], "`Day` is no name"),
            (vec![policy("", 1)], "1 to 20 of a-z"),
            (vec![policy("a", 1), policy("a", 2)], "two limits are called `a`"),
            (vec![policy("a", 0)], "1 to 1000000000 units, not 0"),
            (vec![r#"["a",1,1]"#.to_owned()], "an object"),
            (vec![r#"{"name":"a","quota":1,"window":1}"#.to_owned()], "window_s"),
        ] {
            let json = format!("[{}]", policies.join(","));
            let error = serde_json::from_str::<Limits>(&json).unwrap_err().to_string();
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}
