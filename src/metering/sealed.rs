//! What was sealed of one event, with its place: the bytes that stand for it in the tree of a close.
//!
//! ```text
//!   0  node u64 · 8 run u64
//!  16  the 80 bytes of a record (`journal/record.rs`) with the final outcome and the rule
//! ```
//!
//! All numbers have their lowest byte first.

use super::billability::{self, Rule};
use super::event::Event;
use super::journal::EventId;
use super::journal::record::{self, BODY};
use super::store;
use super::walk::Placed;
use crate::kernel::hex;
use crate::kernel::id::NodeId;
use std::borrow::Cow;

/// Bytes of node and run.
const PLACE: usize = 16;
/// Bytes of what was sealed of an event.
const LENGTH: usize = PLACE + BODY;

/// The bytes that an event was sealed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedEvent([u8; LENGTH]);

/// What such bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFacts {
    /// The event's id.
    pub id: EventId,
    /// What was recorded.
    pub event: Event,
    /// What decided whether it is billed.
    pub rule: &'static Rule,
}

impl SealedEvent {
    /// Those of an event of the ledger.
    #[must_use]
    pub fn of(placed: &Placed<'_>) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&placed.id.node.0.to_le_bytes());
        bytes[8..PLACE].copy_from_slice(&placed.id.epoch.to_le_bytes());
        bytes[PLACE..].copy_from_slice(&placed.sealed());
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Those that a text names, in the one way in which they are written: two small hexadecimal digits each.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != LENGTH || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let sealed = Self(bytes);
        (sealed.to_string() == text).then_some(sealed)
    }

    /// What they say; none where they name an outcome, an environment or a rule that this program does not know.
    #[must_use]
    pub fn facts(&self) -> Option<SealedFacts> {
        let body = self.0.last_chunk::<BODY>()?;
        let (seq, event, rule) = record::read(body)?;
        let node = NodeId(record::number(&self.0, 0, 8));
        let id = EventId { node, epoch: record::number(&self.0, 8, 8), seq };
        Some(SealedFacts { id, event, rule: billability::by_code(rule)? })
    }
}

impl std::fmt::Display for SealedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(self.0))
    }
}

impl SealedFacts {
    /// The name of its operation.
    #[must_use]
    pub fn operation_id(&self) -> Cow<'static, str> {
        store::operation_id(self.event.operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Micros;
    use crate::metering::billability::RULES;
    use crate::metering::event::samples::any_event;
    use crate::metering::walk::ExportSeq;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_is_what_is_read(
            event in any_event(), node: u64, epoch: u64, seq: u64, rule in 0..RULES.len(), at in 0..2 * LENGTH,
        ) {
            let (id, rule) = (EventId { node: NodeId(node), epoch, seq }, &RULES[rule]);
            let (export_seq, recorded_at) = (ExportSeq(7), Micros(8));
            let placed = Placed { export_seq, id, version: "", event: &event, rule, recorded_at };
            let sealed = SealedEvent::of(&placed);
            let facts = SealedFacts { id, event: event.clone(), rule };
            prop_assert_eq!(sealed.facts(), Some(facts));
            let text = sealed.to_string();
            prop_assert_eq!(SealedEvent::parse(&text), Some(sealed));
            // There is one way to write them, and another digit is another event.
            prop_assert_eq!(SealedEvent::parse(&text[1..]), None);
            let mut other = text.into_bytes();
            other[at] = if other[at] == b'0' { b'f' } else { b'0' };
            let other = SealedEvent::parse(std::str::from_utf8(&other).unwrap());
            prop_assert!(other.is_some_and(|other| other != sealed));
            other_spellings(&sealed)?;
        }

        #[test]
        fn parse_never_panics(text: String) {
            let _ = SealedEvent::parse(&text);
        }
    }

    fn other_spellings(sealed: &SealedEvent) -> Result<(), TestCaseError> {
        let text = sealed.to_string();
        let upper = text.to_uppercase();
        prop_assert_eq!(SealedEvent::parse(&upper).is_some(), upper == text);
        prop_assert_eq!(SealedEvent::parse(&format!("+{}", &text[1..])), None);
        Ok(())
    }
}
