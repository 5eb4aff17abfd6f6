//! Operations as plans name them.

use crate::access::operation::{self, OPERATIONS, Op as _, Operation, op};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The OpenAPI id of an operation that a plan may name.
#[derive(Debug, Clone, Copy)]
pub struct OperationId(pub &'static Operation);

impl OperationId {
    /// The operation of this id, if a plan may name it.
    pub(super) fn find(id: &str) -> Option<Self> {
        operation::by_id(id).filter(|operation| may_be_named(operation)).map(Self)
    }

    /// All that a plan may name, quoted.
    pub(super) fn all() -> String {
        let named = OPERATIONS.iter().filter(|operation| may_be_named(operation));
        named.map(|operation| format!("`{}`", operation.id)).collect::<Vec<_>>().join(", ")
    }
}

/// All but what is not there and what is never billed nor asked for.
fn may_be_named(operation: &Operation) -> bool {
    let not = [op::Unrouted::OPERATION.code, op::DeliverTestMessage::OPERATION.code];
    !not.contains(&operation.code)
}

impl Serialize for OperationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.id)
    }
}

impl<'de> Deserialize<'de> for OperationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let short: String = id.chars().take(40).collect();
        // In serde's own words, from which the nearest is suggested.
        let unknown = || {
            D::Error::custom(format!("unknown variant `{short}`, expected one of {}", Self::all()))
        };
        Self::find(&id).ok_or_else(unknown)
    }
}
