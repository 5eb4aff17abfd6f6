//! Which server of a cluster holds what: its 16384 slots, and who leads them.

use super::node::Node;
use redis::{FromRedisValue as _, Value};
use std::sync::Arc;

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// The slot of a name in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Slot(u16);

impl Slot {
    /// Of a name: what stands between its first braces decides, where anything does.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let tag = name.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        let tag = tag.map(|(tag, _)| tag).filter(|tag| !tag.is_empty());
        Self(crc16(tag.unwrap_or(name).as_bytes()) % SLOTS)
    }
}

/// CRC-16/XMODEM, by which a cluster shares names out.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// The servers that lead slots. One that is no cluster leads all.
#[derive(Debug, Default)]
pub(super) struct Map {
    pub(super) nodes: Vec<Arc<Node>>,
    /// First and last slot, and the place of who leads them, by slot.
    spans: Vec<(u16, u16, usize)>,
}

impl Map {
    /// Of one server.
    pub(super) fn of_one(node: Node) -> Self {
        Self { nodes: vec![Arc::new(node)], spans: vec![(0, SLOTS - 1, 0)] }
    }

    /// Of several.
    pub(super) fn new(nodes: Vec<Arc<Node>>, mut spans: Vec<(u16, u16, usize)>) -> Self {
        spans.sort_unstable();
        Self { nodes, spans }
    }

    /// Who leads a slot, where anybody does.
    pub(super) fn leader(&self, Slot(slot): Slot) -> Option<&Arc<Node>> {
        let behind = self.spans.partition_point(|(first, ..)| *first <= slot);
        let (_, last, place) = self.spans.get(behind.checked_sub(1)?)?;
        self.nodes.get(*place).filter(|_| slot <= *last)
    }

    /// Whether the same servers lead the same slots.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.spans == other.spans && self.has_nodes_of(other)
    }

    /// Whether it has the same servers.
    pub(super) fn has_nodes_of(&self, other: &Self) -> bool {
        let mut pairs = self.nodes.iter().zip(&other.nodes);
        self.nodes.len() == other.nodes.len() && pairs.all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

/// A row of `CLUSTER SLOTS`: who leads some slots. The host is none where it is that which was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: Option<String>,
    pub(super) port: u16,
}

/// The answer to `CLUSTER SLOTS`; none where it is another.
pub(super) fn spans(said: &Value) -> Option<Vec<Span>> {
    let Value::Array(rows) = said else { return None };
    rows.iter().map(span).collect()
}

fn span(row: &Value) -> Option<Span> {
    let number = |value: &Value| match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    };
    let Value::Array(row) = row else { return None };
    let [first, last, Value::Array(leader), ..] = row.as_slice() else { return None };
    let [host, port, ..] = leader.as_slice() else { return None };
    let host = Option::<String>::from_redis_value_ref(host).ok()?;
    // `?` is that of a server whose name the cluster does not know yet.
    let host = host.filter(|host| !host.is_empty() && host != "?");
    let (first, last) = (number(first)?, number(last)?);
    (first <= last && last < SLOTS).then_some(Span { first, last, host, port: number(port)? })
}

#[cfg(test)]
mod tests {
    use super::super::Means;
    use super::*;
    use redis::IntoConnectionInfo as _;

    #[test]
    fn names_are_in_the_slots_that_redis_puts_them_into() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        // As `CLUSTER KEYSLOT` says.
        for (name, slot) in [("foo", 12_182), ("a{foo}b", 12_182), ("{}foo", 9_500), ("", 0)] {
            assert_eq!(Slot::of(name), Slot(slot), "{name}");
        }
    }

    fn row(first: i64, last: i64, host: Value, port: i64) -> Value {
        let leader = Value::Array(vec![host, Value::Int(port), Value::Nil]);
        Value::Array(vec![Value::Int(first), Value::Int(last), leader.clone(), leader])
    }

    #[test]
    fn the_map_is_read_and_what_is_none_is_not() {
        let host = || Value::BulkString(b"10.0.0.1".to_vec());
        let said = Value::Array(vec![row(0, 5, host(), 7_000), row(6, 16_383, Value::Nil, 7_001)]);
        let read = spans(&said).unwrap();
        assert_eq!(read[0].host.as_deref(), Some("10.0.0.1"));
        assert_eq!((read[1].host.as_deref(), read[1].port, read[1].last), (None, 7_001, 16_383));
        for wrong in [row(5, 4, host(), 1), row(0, 16_384, host(), 1), row(0, 1, host(), 70_000)] {
            assert_eq!(spans(&Value::Array(vec![wrong])), None);
        }
        assert_eq!(spans(&Value::Okay), None);
    }

    #[test]
    fn a_slot_without_a_leader_has_none() {
        let node = |port: u16| {
            let info = ("127.0.0.1", port).into_connection_info().unwrap();
            Arc::new(Node::new(info, &Arc::new(Means::default())).unwrap())
        };
        let nodes = vec![node(1), node(2)];
        let map = Map::new(nodes.clone(), vec![(100, 200, 1), (0, 50, 0)]);
        let led =
            |slot| map.leader(Slot(slot)).map(|n| nodes.iter().position(|o| Arc::ptr_eq(o, n)));
        let found = [0, 50, 51, 100, 200, 201].map(led);
        assert_eq!(found, [Some(Some(0)), Some(Some(0)), None, Some(Some(1)), Some(Some(1)), None]);
        assert!(Map::default().leader(Slot(0)).is_none());
        assert!(
            Map::of_one(Node::new(nodes[0].info().clone(), &Arc::new(Means::default())).unwrap())
                .leader(Slot(16_383))
                .is_some()
        );
    }
}
