//! The id of an event, which the caller gets with the answer: `<node>.<epoch>.<seq>`.

use crate::kernel::base62;
use crate::kernel::id::NodeId;

/// Names one event for ever: who recorded it, in which run, as the how-many-eth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The data directory that recorded it.
    pub node: NodeId,
    /// The run of that node.
    pub epoch: u64,
    /// Contiguous from 0 within the run.
    pub seq: u64,
}

/// The text names no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a node, a run and a number, such as 0Ab3cD4eF5g.7.1204")]
pub struct InvalidEventId;

impl EventId {
    /// Most characters that an id has.
    pub const MAX_LEN: usize = PREFIX_MAX + 20;
}

const PREFIX_MAX: usize = base62::U64_WIDTH + 1 + 20 + 1;

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base62::encode(self.node.0, base62::U64_WIDTH))?;
        write!(f, ".{}.{}", self.epoch, self.seq)
    }
}

impl std::str::FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let decimal = |part: &str| {
            let canonical = part.parse::<u64>().ok()?;
            (canonical.to_string() == part).then_some(canonical)
        };
        let parts: Vec<&str> = text.split('.').collect();
        let [node, epoch, seq] = parts.as_slice() else { return Err(InvalidEventId) };
        if node.len() != base62::U64_WIDTH {
            return Err(InvalidEventId);
        }
        Ok(Self {
            node: NodeId(base62::decode(node.as_bytes()).ok_or(InvalidEventId)?),
            epoch: decimal(epoch).ok_or(InvalidEventId)?,
            seq: decimal(seq).ok_or(InvalidEventId)?,
        })
    }
}

/// The part of the text that all events of a run share, made once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    text: [u8; PREFIX_MAX],
    len: usize,
}

impl Prefix {
    pub(super) fn new(node: NodeId, epoch: u64) -> Self {
        let mut text = [b'.'; PREFIX_MAX];
        base62::encode_into(node.0, &mut text[..base62::U64_WIDTH]);
        let mut buffer = itoa::Buffer::new();
        let epoch = buffer.format(epoch).as_bytes();
        let end = base62::U64_WIDTH + 1 + epoch.len();
        text[base62::U64_WIDTH + 1..end].copy_from_slice(epoch);
        Self { text, len: end + 1 }
    }

    /// Writes the id of event `seq` into `out` and returns the part written.
    pub(super) fn write<'a>(&self, seq: u64, out: &'a mut [u8; EventId::MAX_LEN]) -> &'a [u8] {
        let mut buffer = itoa::Buffer::new();
        let seq = buffer.format(seq).as_bytes();
        let len = self.len + seq.len();
        out[..self.len].copy_from_slice(&self.text[..self.len]);
        out[self.len..len].copy_from_slice(seq);
        &out[..len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_texts_agree_and_parse(node: u64, epoch: u64, seq: u64) {
            let id = EventId { node: NodeId(node), epoch, seq };
            let mut out = [0; EventId::MAX_LEN];
            let written = Prefix::new(id.node, epoch).write(seq, &mut out);
            prop_assert_eq!(std::str::from_utf8(written).unwrap(), id.to_string());
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn parse_never_panics(text: String) {
            let _ = text.parse::<EventId>();
        }
    }
}
