//! GTIN: the GS1 key of a trade item, held as 14 digits (GS1 General Specifications §3, §7.9).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A valid GTIN, normalised to 14 digits by leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin(u64);

/// Why a text is not a GTIN that names one product everywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGtin {
    /// Not 8, 12, 13 or 14 characters.
    #[error("has {0} characters; a GTIN has 8, 12, 13 or 14 digits")]
    Length(usize),
    /// A character that is no digit.
    #[error("is not digits only, as a GTIN is")]
    NotDigits,
    /// The last digit does not match the others.
    #[error("ends with {found}, expected {expected}")]
    CheckDigit {
        /// What was given.
        given: String,
        /// The digit it ends with.
        found: u8,
        /// The digit that would be right.
        expected: u8,
    },
    /// A restricted circulation number: it means a product inside one retailer's stores only.
    #[error(
        "begins with 2 (or 02, 04): an in-store code, which names a product in one retailer only"
    )]
    InStore,
    /// All zeros.
    #[error("is all zeros, as no GTIN is")]
    Zero,
}

impl InvalidGtin {
    /// The code with its check digit put right, where that is the only fault.
    #[must_use]
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::CheckDigit { given, expected, .. } => {
                let body = given.get(..given.len().checked_sub(1)?)?;
                Some(format!("{body}{expected}"))
            }
            _ => None,
        }
    }
}

/// The check digit for the digits before it: weights 3, 1, 3, … from the right.
#[must_use]
pub fn check_digit(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(i, b)| u32::from(b - b'0') * if i % 2 == 0 { 3 } else { 1 })
        .sum();
    ((10 - sum % 10) % 10) as u8
}

impl Gtin {
    /// The 14-digit number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// A GTIN from a number that was one before (a stored value); `None` when it is not.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        format!("{number:014}").parse().ok()
    }
}

impl FromStr for Gtin {
    type Err = InvalidGtin;

    fn from_str(text: &str) -> Result<Self, InvalidGtin> {
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_digit) {
            return Err(InvalidGtin::NotDigits);
        }
        if !matches!(bytes.len(), 8 | 12 | 13 | 14) {
            return Err(InvalidGtin::Length(bytes.len()));
        }
        let (body, last) = bytes.split_at(bytes.len() - 1);
        let (found, expected) = (last[0] - b'0', check_digit(body));
        if found != expected {
            return Err(InvalidGtin::CheckDigit { given: text.to_owned(), found, expected });
        }
        let number: u64 = text.parse().map_err(|_| InvalidGtin::NotDigits)?;
        if number == 0 {
            return Err(InvalidGtin::Zero);
        }
        // GS1 prefixes 020-029, 040-049 and 200-299 of a 13-digit code, and GTIN-8 prefixes 0 and 2,
        // are restricted circulation numbers. Numbers below 10^8 are GTIN-8s whatever their padding:
        // GS1 gives out no longer ones there, and retailers pad internal codes to 13 digits.
        let in_store = if number < 100_000_000 {
            matches!(number / 10_000_000, 0 | 2)
        } else {
            matches!((number / 10_000_000_000) % 1_000, 20..=29 | 40..=49 | 200..=299)
        };
        if in_store {
            return Err(InvalidGtin::InStore);
        }
        Ok(Self(number))
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

impl Serialize for Gtin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Gtin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_one_code_are_one_gtin() {
        let of = |t: &str| t.parse::<Gtin>().map(|g| g.to_string());
        assert_eq!(of("3276550063551"), Ok("03276550063551".into()));
        assert_eq!(of("03276550063551"), of("3276550063551"));
        assert_eq!(of("036000291452"), of("0036000291452"));
        assert_eq!(of("96385074"), Ok("00000096385074".into()));
    }

    #[test]
    fn a_wrong_digit_is_explained() {
        let error = "3276550063552".parse::<Gtin>().unwrap_err();
        assert_eq!(error.to_string(), "ends with 2, expected 1");
        assert_eq!(error.suggestion().as_deref(), Some("3276550063551"));
    }

    #[test]
    fn in_store_codes_never_name_a_product() {
        for code in
            ["2000000000008", "0200000000004", "02000000000008", "20000004", "0000000205870"]
        {
            let mut digits = code.as_bytes().to_vec();
            let last = digits.len() - 1;
            digits[last] = b'0' + check_digit(&digits[..last]);
            let code = String::from_utf8(digits).unwrap();
            assert!(matches!(code.parse::<Gtin>(), Err(InvalidGtin::InStore)), "{code}");
        }
    }

    proptest! {
        #[test]
        fn parse_never_panics(text: String) {
            let _ = text.parse::<Gtin>();
        }

        #[test]
        fn any_single_digit_error_is_caught(body in 300_000_000_000u64..999_999_999_999, at in 0usize..12, by in 1u8..10) {
            let body = format!("{body:012}");
            let code = format!("{body}{}", check_digit(body.as_bytes()));
            if let Ok(gtin) = code.parse::<Gtin>() {
                prop_assert_eq!(Gtin::from_number(gtin.number()), Some(gtin));
                let mut bad = code.into_bytes();
                bad[at] = b'0' + (bad[at] - b'0' + by) % 10;
                let bad = String::from_utf8(bad).unwrap();
                let is_check_digit_error = matches!(bad.parse::<Gtin>(), Err(InvalidGtin::CheckDigit { .. }));
                prop_assert!(is_check_digit_error);
            }
        }
    }
}
