//! Base62 in ASCII order (`0-9A-Za-z`), so that fixed-width text sorts like the number it spells.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What each byte is worth: the table of [`DIGITS`] turned round.
const VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let mut digit = 0;
    while digit < DIGITS.len() {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
/// A byte that is no digit.
const FOREIGN: u8 = 255;

/// Characters needed for any `u64`.
pub const U64_WIDTH: usize = 11;
/// Characters needed for any `u32`.
pub const U32_WIDTH: usize = 6;

/// Writes `value` into all of `out`, most significant digit first, padded with `0`.
pub fn encode_into(mut value: u64, out: &mut [u8]) {
    for slot in out.iter_mut().rev() {
        *slot = DIGITS[(value % 62) as usize];
        value /= 62;
    }
}

/// `value` as text of exactly `width` characters.
#[must_use]
pub fn encode(value: u64, width: usize) -> String {
    let mut out = vec![b'0'; width];
    encode_into(value, &mut out);
    out.into_iter().map(char::from).collect()
}

/// The number that `text` spells; `None` for a foreign character or a value above `u64::MAX`.
#[must_use]
pub fn decode(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |value, &byte| match VALUES[usize::from(byte)] {
        FOREIGN => None,
        digit => value.checked_mul(62)?.checked_add(u64::from(digit)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip_and_order(a: u64, b: u64) {
            let (ta, tb) = (encode(a, U64_WIDTH), encode(b, U64_WIDTH));
            prop_assert_eq!(decode(ta.as_bytes()), Some(a));
            prop_assert_eq!(a.cmp(&b), ta.cmp(&tb));
        }

        #[test]
        fn decode_never_panics(text: Vec<u8>) {
            let _ = decode(&text);
        }
    }
}
