//! Byte ranges (RFC 9110 §14): one range of one file.

/// What a `Range` header asks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: no range, one that cannot be read, or several (§14.2 lets a server ignore those).
    Whole,
    /// From the first byte to the last, both included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// Nothing that the file has.
    Unsatisfiable,
}

/// Reads the header of a call for a file of `length` bytes.
pub(super) fn asked(header: &[u8], length: u64) -> Asked {
    read(header, length).unwrap_or(Asked::Whole)
}

fn read(header: &[u8], length: u64) -> Option<Asked> {
    let text = std::str::from_utf8(header).ok()?;
    let (unit, ranges) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return None;
    }
    let (first, last) = ranges.trim().split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(match suffix.min(length) {
            0 => Asked::Unsatisfiable,
            suffix => Asked::Part { first: length - suffix, last: length - 1 },
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(match length.checked_sub(1) {
        Some(end) if first <= end => Asked::Part { first, last: last.min(end) },
        _ => Asked::Unsatisfiable,
    })
}

/// Digits alone; what does not fit is behind every file's end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_means_them() {
        let part = |first, last| Asked::Part { first, last };
        for (header, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("bytes=2-5", part(2, 5)),
            ("Bytes=5-99", part(5, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-99", part(0, 9)),
            ("bytes=9-99999999999999999999999", part(9, 9)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=99999999999999999999999-", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("rows=1-2", Asked::Whole),
            ("bytes", Asked::Whole),
        ] {
            assert_eq!(asked(header.as_bytes(), 10), expected, "{header}");
        }
        assert_eq!(asked(b"bytes=0-", 0), Asked::Unsatisfiable);
        assert_eq!(asked(b"bytes=-1", 0), Asked::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(header: Vec<u8>, a: u64, b: u64, length: u64) {
            for header in [header, format!("bytes={a}-{b}").into_bytes(), format!("bytes=-{a}").into_bytes()] {
                if let Asked::Part { first, last } = asked(&header, length) {
                    prop_assert!(first <= last && last < length);
                }
            }
        }
    }
}
