//! What calls weigh under a plan, as JSON: `{"list_products": 2.5}`.

use super::OperationId;
use crate::access::operation::by_code;
use crate::limit::Weights;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Most units that a call may weigh.
const MOST: f64 = 100_000.0;

/// Units by the ids of operations, with up to three decimals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanWeights(pub Weights);

impl PlanWeights {
    /// Whether the plan names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for PlanWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (code, milli) in self.0.iter() {
            let Some(operation) = by_code(code) else { continue };
            match milli % 1_000 {
                0 => map.serialize_entry(operation.id, &(milli / 1_000))?,
                _ => map.serialize_entry(operation.id, &(f64::from(milli) / 1_000.0))?,
            }
        }
        map.end()
    }
}

/// Units as thousandths.
struct Units(u32);

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = f64::deserialize(deserializer)?;
        let milli = (units * 1_000.0).round();
        // A decimal of three digits differs from its nearest number by far less than this.
        let exact = (units * 1_000.0 - milli).abs() < 1e-6;
        if (0.0..=MOST).contains(&units) && exact {
            return Ok(Self(milli as u32));
        }
        Err(D::Error::custom(
            "a weight must be 0 to 100000 units with up to three decimals, such as 2.5",
        ))
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = PlanWeights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of units by operation ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PlanWeights, A::Error> {
        let mut weights: Vec<(u16, u32)> = Vec::new();
        while let Some(id) = map.next_key::<String>()? {
            let short: String = id.chars().take(40).collect();
            let Some(operation) = OperationId::find(&id) else {
                let known = OperationId::all();
                return Err(A::Error::custom(format!(
                    "unknown field `{short}`, expected one of {known}"
                )));
            };
            let Units(milli) = map.next_value()?;
            if weights.iter().any(|(code, _)| *code == operation.0.code) {
                return Err(A::Error::custom(format!("duplicate field `{short}`")));
            }
            weights.push((operation.0.code, milli));
        }
        Ok(PlanWeights(Weights::new(weights)))
    }
}

impl<'de> Deserialize<'de> for PlanWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::parse;

    #[test]
    fn weights_are_read_and_written() {
        for json in [r#"{"get_product":2.5,"list_stock":10}"#, r#"{"get_usage":0}"#, "{}"] {
            let weights: PlanWeights = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&weights).unwrap(), json);
        }
        assert_eq!(
            serde_json::from_str::<PlanWeights>(r#"{"get_product":0.1}"#).unwrap().0.of(2),
            Some(100)
        );
    }

    #[test]
    fn a_fault_is_pointed_at() {
        #[derive(Debug, Deserialize)]
        struct Doc {
            #[expect(dead_code, reason = "only what reading refuses is looked at")]
            weights: PlanWeights,
        }
        for (weights, pointer, suggestion) in [
            (r#"{"get_produkt":1}"#, "/weights/get_produkt", Some("get_product")),
            (r#"{"unrouted":1}"#, "/weights/unrouted", None),
            (r#"{"get_product":1.0005}"#, "/weights/get_product", None),
            (r#"{"get_product":-1}"#, "/weights/get_product", None),
            (r#"{"get_product":"1"}"#, "/weights/get_product", None),
            (r#"{"get_product":1,"get_product":1}"#, "/weights/get_product", None),
            ("[]", "/weights", None),
        ] {
            let error = parse::<Doc>(format!(r#"{{"weights":{weights}}}"#).as_bytes()).unwrap_err();
            let fault = &error.faults()[0];
            let found = (fault.pointer.as_deref(), fault.suggestion.as_deref());
            assert_eq!(found, (Some(pointer), suggestion), "{weights}");
        }
    }
}
