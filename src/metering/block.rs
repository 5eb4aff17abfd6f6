//! A segment's events as one compressed block: column after column, times as differences.
//!
//! `CPTB`, version, three unused bytes, count of events (u32), then zstd of the columns. Rows are
//! fixed in width, so what a block must decompress to is known before it is decompressed.

use super::billability::{self, Rule};
use super::event::{Event, Outcome, environment_code, environment_from_code};
use super::journal::MAX_RECORDS;
use super::journal::record::number;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};

const MAGIC: &[u8; 4] = b"CPTB";
const VERSION: u8 = 1;
const HEADER: usize = 12;
/// zstd's default: of 44 MB of rows it makes 2.1 MB at 340 MB/s, where level 6 makes 2.4 MB at 32 MB/s.
const LEVEL: i32 = 3;

const COLUMNS: usize = 16;
/// Bytes of each column, in the order of [`Recorded::fields`].
const WIDTHS: [usize; COLUMNS] = [8, 8, 4, 4, 8, 8, 8, 8, 4, 4, 8, 2, 2, 1, 1, 1];
/// Columns that hold the difference to the row before: sequence number and time.
const DELTAS: usize = 2;
const ROW: usize = 79;

/// An event as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) seq: u64,
    pub(super) event: Event,
    pub(super) rule: &'static Rule,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Rule {}

/// The bytes are not a block of this or an earlier version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a block of usage events: {0}")]
pub(super) struct InvalidBlock(&'static str);

impl Recorded {
    fn fields(&self) -> [u64; COLUMNS] {
        let e = &self.event;
        [
            self.seq,
            e.started_at.0.cast_unsigned(),
            e.duration_us.into(),
            e.weight_milli.into(),
            e.partner.0,
            e.app.0,
            e.key.0,
            e.plan.0,
            e.plan_version.into(),
            e.records.into(),
            e.bytes,
            e.operation.into(),
            e.status.into(),
            e.outcome.code().into(),
            environment_code(e.environment).into(),
            self.rule.code.into(),
        ]
    }

    /// The widths bound the numbers, so the narrowing casts lose nothing.
    fn from_fields(f: [u64; COLUMNS]) -> Result<Self, InvalidBlock> {
        let event = Event {
            started_at: Micros(f[1].cast_signed()),
            duration_us: f[2] as u32,
            weight_milli: f[3] as u32,
            partner: PartnerId(f[4]),
            app: AppId(f[5]),
            key: KeyId(f[6]),
            plan: PlanId(f[7]),
            plan_version: f[8] as u32,
            records: f[9] as u32,
            bytes: f[10],
            operation: f[11] as u16,
            status: f[12] as u16,
            outcome: Outcome::from_code(f[13] as u8).ok_or(InvalidBlock("unknown outcome"))?,
            environment: environment_from_code(f[14] as u8)
                .ok_or(InvalidBlock("unknown environment"))?,
        };
        let rule = billability::by_code(f[15] as u8).ok_or(InvalidBlock("unknown rule"))?;
        Ok(Self { seq: f[0], event, rule })
    }
}

/// The block of some events; at most as many as a segment holds.
pub(super) fn encode(events: &[Recorded]) -> std::io::Result<Vec<u8>> {
    let rows: Vec<[u64; COLUMNS]> = events.iter().map(Recorded::fields).collect();
    let mut raw = Vec::with_capacity(rows.len() * ROW);
    for (column, width) in WIDTHS.into_iter().enumerate() {
        let mut before = 0;
        for row in &rows {
            let value = row[column].wrapping_sub(before);
            raw.extend_from_slice(&value.to_le_bytes()[..width]);
            if column < DELTAS {
                before = row[column];
            }
        }
    }
    let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEADER + raw.len() / 8);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, 0, 0, 0]);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&zstd::bulk::compress(&raw, LEVEL)?);
    Ok(out)
}

/// The events of a block.
pub(super) fn decode(block: &[u8]) -> Result<Vec<Recorded>, InvalidBlock> {
    let (header, packed) = block.split_at_checked(HEADER).ok_or(InvalidBlock("too short"))?;
    if &header[..4] != MAGIC {
        return Err(InvalidBlock("no header"));
    }
    if header[4] != VERSION {
        return Err(InvalidBlock("unknown version; it needs a newer program"));
    }
    let count = number(header, 8, 4) as usize;
    if count > MAX_RECORDS as usize {
        return Err(InvalidBlock("too many events"));
    }
    let raw = zstd::bulk::decompress(packed, count * ROW)
        .map_err(|_| InvalidBlock("it cannot be decompressed"))?;
    if raw.len() != count * ROW {
        return Err(InvalidBlock("events are missing"));
    }
    let mut rows = vec![[0; COLUMNS]; count];
    let mut at = 0;
    for (column, width) in WIDTHS.into_iter().enumerate() {
        let mut before = 0u64;
        for row in &mut rows {
            row[column] = number(&raw, at, width).wrapping_add(before);
            at += width;
            if column < DELTAS {
                before = row[column];
            }
        }
    }
    rows.into_iter().map(Recorded::from_fields).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::event::samples::any_event;
    use proptest::prelude::*;

    fn any_recorded() -> impl Strategy<Value = Recorded> {
        (any::<u64>(), any_event(), 0..billability::RULES.len())
            .prop_map(|(seq, event, rule)| Recorded { seq, event, rule: &billability::RULES[rule] })
    }

    #[test]
    fn a_row_is_the_sum_of_its_columns() {
        assert_eq!(WIDTHS.iter().sum::<usize>(), ROW);
    }

    proptest! {
        #[test]
        fn round_trip(events in prop::collection::vec(any_recorded(), 0..50)) {
            prop_assert_eq!(decode(&encode(&events).unwrap()), Ok(events));
        }

        #[test]
        fn decode_never_panics(
            bytes: Vec<u8>,
            raw in prop::collection::vec(any::<u8>(), 0..3 * ROW),
            count in 0..4u32,
        ) {
            let _ = decode(&bytes);
            let mut block = [MAGIC.as_slice(), &[VERSION, 0, 0, 0]].concat();
            block.extend_from_slice(&count.to_le_bytes());
            block.extend_from_slice(&bytes);
            let _ = decode(&block);
            block.truncate(HEADER);
            block.extend_from_slice(&zstd::bulk::compress(&raw, 1).unwrap());
            let _ = decode(&block);
        }
    }
}
