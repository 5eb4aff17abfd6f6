//! The bytes of one record: 128, little-endian.
//!
//! ```text
//!   0  state         u8, changed atomically (see `State`); 3 bytes unused
//!   4  crc32         u32 over bytes 8 to 87
//!   8  seq u64 · 16 started_at i64 · 24 duration_us u32 · 28 weight_milli u32
//!  32  partner u64 · 40 app u64 · 48 key u64 · 56 plan u64
//!  64  plan_version u32 · 68 records u32 · 72 bytes u64
//!  80  operation u16 · 82 status u16 · 84 outcome u8 · 85 environment u8 · 86 rule u8 · 87 unused
//!  88  40 bytes unused, zero
//! ```
//!
//! `seq` is the number of the record's place, or a smaller one: that of an event which has moved here from an
//! earlier segment (`moves.rs`).
//!
//! The rule is 0 in a journal: it is decided when the segment is sealed, and only then is part of
//! the bytes that the seal hashes.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::metering::event::{Event, Outcome, environment_code, environment_from_code};

/// Bytes of a record, and of the header that stands before the first.
pub(crate) const RECORD: usize = 128;
/// Bytes of what is said of the event.
pub(crate) const BODY: usize = 80;
/// Bytes of checksum and body: what is written once, between the state and the unused end.
pub(crate) const PAYLOAD: usize = 4 + BODY;

/// Checksum and body.
pub(crate) type Payload = [u8; PAYLOAD];

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Nothing written.
    Empty = 0,
    /// Written; its response is under way.
    Written = 1,
    /// Its body was handed over.
    Complete = 2,
    /// Its body was not handed over in full.
    Aborted = 3,
    /// Claimed, and given up before anything was written or, of what was to move here, ended before.
    Void = 4,
    /// Its response goes on, and its event stands in a later segment.
    Moved = 5,
}

impl State {
    /// The state of a byte; `None` for one that no journal writes.
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Empty),
            1 => Some(Self::Written),
            2 => Some(Self::Complete),
            3 => Some(Self::Aborted),
            4 => Some(Self::Void),
            5 => Some(Self::Moved),
            _ => None,
        }
    }
}

/// The bytes are not those of a record: torn by a power cut, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole record")]
pub(crate) struct Damaged;

/// What is said of an event; `rule` is 0 in a journal. Packed by words, which the compiler turns into
/// as many stores; copied field by field it takes twice the instructions.
pub(crate) fn body(event: &Event, seq: u64, rule: u8) -> [u8; BODY] {
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let words = [
        seq,
        event.started_at.0.cast_unsigned(),
        pair(event.duration_us, event.weight_milli),
        event.partner.0,
        event.app.0,
        event.key.0,
        event.plan.0,
        pair(event.plan_version, event.records),
        event.bytes,
        u64::from(event.operation)
            | u64::from(event.status) << 16
            | u64::from(event.outcome.code()) << 32
            | u64::from(environment_code(event.environment)) << 40
            | u64::from(rule) << 48,
    ];
    let mut out = [0; BODY];
    for (bytes, word) in out.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    out
}

/// What a body says: the sequence number, the event, and the code of the rule. None where it names what this program does
/// not know.
pub(crate) fn read(body: &[u8; BODY]) -> Option<(u64, Event, u8)> {
    let event = Event {
        started_at: Micros(number(body, 8, 8).cast_signed()),
        duration_us: number(body, 16, 4) as u32,
        weight_milli: number(body, 20, 4) as u32,
        partner: PartnerId(number(body, 24, 8)),
        app: AppId(number(body, 32, 8)),
        key: KeyId(number(body, 40, 8)),
        plan: PlanId(number(body, 48, 8)),
        plan_version: number(body, 56, 4) as u32,
        records: number(body, 60, 4) as u32,
        bytes: number(body, 64, 8),
        operation: number(body, 72, 2) as u16,
        status: number(body, 74, 2) as u16,
        outcome: Outcome::from_code(body[76])?,
        environment: environment_from_code(body[77])?,
    };
    Some((number(body, 0, 8), event, body[78]))
}

/// The checksum and body of a new record.
pub(crate) fn encode(event: &Event, seq: u64) -> Payload {
    let body = body(event, seq, 0);
    let mut out = [0; PAYLOAD];
    out[..4].copy_from_slice(&crc32fast::hash(&body).to_le_bytes());
    out[4..].copy_from_slice(&body);
    out
}

/// The sequence number and the event of a record.
pub(crate) fn decode(payload: &Payload) -> Result<(u64, Event), Damaged> {
    let body = payload.last_chunk::<BODY>().ok_or(Damaged)?;
    if u64::from(crc32fast::hash(body)) != number(payload, 0, 4) {
        return Err(Damaged);
    }
    let (seq, event, _) = read(body).ok_or(Damaged)?;
    Ok((seq, event))
}

/// The sequence number that a record says it has.
pub(crate) fn seq_of(payload: &Payload) -> u64 {
    number(payload, 4, 8)
}

/// The unsigned number in the `width` (at most 8) bytes of `bytes` from `at`.
pub(crate) fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let mut word = [0; 8];
    word[..width].copy_from_slice(&bytes[at..at + width]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::event::samples::any_event;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let event = Event {
            started_at: Micros(0x0102),
            duration_us: 3,
            partner: PartnerId(4),
            app: AppId(5),
            key: KeyId(6),
            plan: PlanId(7),
            plan_version: 8,
            environment: crate::access::Environment::Test,
            operation: 9,
            status: 404,
            outcome: Outcome::ClientError,
            weight_milli: 10,
            records: 11,
            bytes: 12,
        };
        let body = body(&event, 13, 14);
        // Offsets of a record, of which the body begins at byte 8.
        let at = |offset: usize, width| number(&body, offset - 8, width);
        assert_eq!([at(8, 8), at(16, 8), at(24, 4), at(28, 4)], [13, 0x0102, 3, 10]);
        assert_eq!([at(32, 8), at(40, 8), at(48, 8), at(56, 8)], [4, 5, 6, 7]);
        assert_eq!([at(64, 4), at(68, 4), at(72, 8)], [8, 11, 12]);
        assert_eq!([at(80, 2), at(82, 2), at(84, 1), at(85, 1)], [9, 404, 3, 2]);
        assert_eq!([at(86, 1), at(87, 1)], [14, 0]);
    }

    proptest! {
        #[test]
        fn round_trip(event in any_event(), seq: u64) {
            prop_assert_eq!(decode(&encode(&event, seq)), Ok((seq, event)));
        }

        #[test]
        fn a_body_says_what_it_was_made_of(event in any_event(), seq: u64, rule: u8) {
            prop_assert_eq!(read(&body(&event, seq, rule)), Some((seq, event, rule)));
        }

        #[test]
        fn a_flipped_bit_is_seen(event in any_event(), seq: u64, bit in 0..PAYLOAD * 8) {
            let mut payload = encode(&event, seq);
            payload[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode(&payload), Err(Damaged));
        }

        #[test]
        fn decode_never_panics(bytes in prop::collection::vec(any::<u8>(), PAYLOAD), fix: bool) {
            let mut payload: Payload = bytes.try_into().unwrap();
            if fix {
                let crc = crc32fast::hash(&payload[4..]);
                payload[..4].copy_from_slice(&crc.to_le_bytes());
            }
            let _ = decode(&payload);
        }
    }
}
