//! Pages: a limit and an opaque cursor that remembers the filters it was made for.

use super::base62;

/// Rows in a page where none are asked for.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most rows in a page.
pub const MAX_LIMIT: u32 = 200;

/// A place in an ordered list: the last key seen, and a digest of the filters of the walk.
///
/// On the wire: version letter, position and digest in base62. It holds no secret; the digest makes
/// a cursor that is used with other filters an error instead of a silently wrong page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Key of the last row of the page before.
    pub after: u64,
    /// Second key, for lists ordered by two; 0 otherwise.
    pub and_after: u64,
    filters: u32,
}

/// Why a text is not a cursor for this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    /// Not a cursor that this API has given out.
    #[error("is not a cursor of this API; take the one in `next`, or leave it out to start over")]
    Form,
    /// Made for another list, or for other filters.
    #[error(
        "belongs to another list or to other filters; repeat what it was made with, or leave it out"
    )]
    Filters,
}

const WIDTH: usize = 1 + 2 * base62::U64_WIDTH + base62::U32_WIDTH;

/// The digest of a walk's filters in one canonical text.
fn digest(filters: &str) -> u32 {
    crc32fast::hash(filters.as_bytes())
}

impl Cursor {
    /// A cursor behind the row `after` in the list that `filters` describe.
    #[must_use]
    pub fn new(after: u64, and_after: u64, filters: &str) -> Self {
        Self { after, and_after, filters: digest(filters) }
    }

    /// The cursor in `text`, if it was made for the same `filters`.
    pub fn parse(text: &str, filters: &str) -> Result<Self, InvalidCursor> {
        let cursor = Self::read(text).ok_or_else(|| unfit(KeyCursor::read(text).is_some()))?;
        if cursor.filters == digest(filters) { Ok(cursor) } else { Err(InvalidCursor::Filters) }
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != WIDTH || bytes[0] != b'c' {
            return None;
        }
        let (first, rest) = bytes[1..].split_at(base62::U64_WIDTH);
        let (second, last) = rest.split_at(base62::U64_WIDTH);
        let filters = u32::try_from(base62::decode(last)?).ok()?;
        Some(Self { after: base62::decode(first)?, and_after: base62::decode(second)?, filters })
    }
}

/// Why a text that is no cursor of one kind is refused: it may be of a list of the other kind.
fn unfit(is_other: bool) -> InvalidCursor {
    if is_other { InvalidCursor::Filters } else { InvalidCursor::Form }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("c")?;
        f.write_str(&base62::encode(self.after, base62::U64_WIDTH))?;
        f.write_str(&base62::encode(self.and_after, base62::U64_WIDTH))?;
        f.write_str(&base62::encode(u64::from(self.filters), base62::U32_WIDTH))
    }
}

/// A place in a list that is ordered by a key of bytes.
///
/// On the wire: the letter `k`, the key in hexadecimal digits and the digest in base62.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCursor {
    /// Key of the last row of the page before.
    pub after: Vec<u8>,
    filters: u32,
}

impl KeyCursor {
    /// A cursor behind the row with a key in the list that `filters` describe.
    #[must_use]
    pub fn new(after: Vec<u8>, filters: &str) -> Self {
        Self { after, filters: digest(filters) }
    }

    /// The cursor in `text`, if it was made for the same `filters`.
    pub fn parse(text: &str, filters: &str) -> Result<Self, InvalidCursor> {
        let cursor = Self::read(text).ok_or_else(|| unfit(Cursor::read(text).is_some()))?;
        if cursor.filters == digest(filters) { Ok(cursor) } else { Err(InvalidCursor::Filters) }
    }

    fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('k').filter(|rest| rest.is_ascii())?;
        let (key, last) = rest.split_at(rest.len().checked_sub(base62::U32_WIDTH)?);
        let filters = u32::try_from(base62::decode(last.as_bytes())?).ok()?;
        if key.len() % 2 != 0 {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(key.get(at..at + 2)?, 16).ok();
        let after = (0..key.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Self { after, filters })
    }
}

impl std::fmt::Display for KeyCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("k")?;
        self.after.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(&base62::encode(u64::from(self.filters), base62::U32_WIDTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(after: u64, and_after: u64, filters: String) {
            let cursor = Cursor::new(after, and_after, &filters);
            prop_assert_eq!(Cursor::parse(&cursor.to_string(), &filters), Ok(cursor));
            let other = format!("{filters}&x=1");
            prop_assert_eq!(Cursor::parse(&cursor.to_string(), &other), Err(InvalidCursor::Filters));
        }

        #[test]
        fn round_trip_of_a_key(key: Vec<u8>, filters: String) {
            let cursor = KeyCursor::new(key, &filters);
            prop_assert_eq!(KeyCursor::parse(&cursor.to_string(), &filters), Ok(cursor.clone()));
            let other = format!("{filters}&x=1");
            let elsewhere = KeyCursor::parse(&cursor.to_string(), &other);
            prop_assert_eq!(elsewhere, Err(InvalidCursor::Filters));
            let by_number = Cursor::parse(&cursor.to_string(), &filters);
            prop_assert_eq!(by_number, Err(InvalidCursor::Filters));
            let of_number = Cursor::new(1, 2, &filters).to_string();
            prop_assert_eq!(KeyCursor::parse(&of_number, &filters), Err(InvalidCursor::Filters));
        }

        #[test]
        fn parse_never_panics(text: String) {
            let _ = Cursor::parse(&text, "");
            let _ = KeyCursor::parse(&text, "");
            let _ = KeyCursor::parse(&format!("k{text}"), "");
        }
    }
}
