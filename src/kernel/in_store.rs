//! In-store codes: restricted circulation numbers that carry an item of one retailer and often its
//! price or weight (GS1 General Specifications §1.4, §2.1.11). How the digits are divided is the
//! retailer's own affair, so only a pattern that the retailer gives can read one.

use super::money::{Amount, Currency, DECIMALS, Money};
use std::str::FromStr;

/// Digits of a code that is read.
const DIGITS: usize = 13;
/// Decimals of a weight: grams.
const MOST_WEIGHT_DECIMALS: u8 = 3;

/// What a place of a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Digit(u8),
    Item,
    Value,
    Any,
}

/// What the value of a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Price(u8, Currency),
    Weight(u8),
}

/// How one kind of in-store code is read: `21IIIIIVVVVVC price 2 EUR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The places before the check digit.
    places: Vec<Place>,
    kind: Kind,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a mask and what its value is.
    #[error(
        "must be a mask and what its value is, such as `21IIIIIVVVVVC price 2 EUR`, `29IIIIIVVVVVC weight 3` or `20IIIIIIIIIIC none`"
    )]
    Form,
    /// The mask has another form.
    #[error("must begin with a mask of 13 places (12 for UPC): digits, then I, V and X, then C")]
    Mask,
    /// Codes of the mask are not in-store codes.
    #[error("must be a mask of in-store codes: 2, 02 or 04 at its beginning (2 or 4 for UPC)")]
    Prefix,
    /// I or V stand in several places.
    #[error("must have its I, and its V, each in one row")]
    Scattered,
    /// No I.
    #[error("must have an item: at least one I")]
    NoItem,
    /// V without a meaning, or a meaning without V.
    #[error("must have V for a price or a weight, and none with `none`")]
    Value,
    /// More decimals than digits, or than can be held.
    #[error("must have no more decimals than V, at most 4 for a price and 3 for a weight")]
    Decimals,
    /// No ISO 4217 code.
    #[error("must name the currency of a price by its ISO 4217 code, such as EUR")]
    Currency,
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let mut words = text.split_ascii_whitespace();
        let mask = words.next().ok_or(InvalidPattern::Form)?;
        let decimals = |word: &str| word.parse::<u8>().map_err(|_| InvalidPattern::Decimals);
        let kind = match words.collect::<Vec<_>>().as_slice() {
            ["none"] => Kind::None,
            ["weight", places] => Kind::Weight(decimals(places)?),
            ["price", places, currency] => {
                let currency = currency.parse().map_err(|_| InvalidPattern::Currency)?;
                Kind::Price(decimals(places)?, currency)
            }
            ["price", _] => return Err(InvalidPattern::Currency),
            _ => return Err(InvalidPattern::Form),
        };
        let places = places(mask)?;
        let count = |wanted: Place| places.iter().filter(|place| **place == wanted).count();
        if count(Place::Item) == 0 {
            return Err(InvalidPattern::NoItem);
        }
        let values = count(Place::Value);
        if (kind == Kind::None) != (values == 0) {
            return Err(InvalidPattern::Value);
        }
        let within = match kind {
            Kind::None => true,
            Kind::Price(decimals, _) => usize::from(decimals) <= values.min(DECIMALS),
            Kind::Weight(decimals) => {
                usize::from(decimals) <= values && decimals <= MOST_WEIGHT_DECIMALS
            }
        };
        if !within {
            return Err(InvalidPattern::Decimals);
        }
        Ok(Self { places, kind })
    }
}

/// The places of a mask before its check digit, in the form of 13 digits.
fn places(mask: &str) -> Result<Vec<Place>, InvalidPattern> {
    let body = mask.strip_suffix('C').ok_or(InvalidPattern::Mask)?;
    let mut places = match mask.len() {
        DIGITS => Vec::new(),
        12 => vec![Place::Digit(b'0')],
        _ => return Err(InvalidPattern::Mask),
    };
    for byte in body.bytes() {
        places.push(match byte {
            b'0'..=b'9' => Place::Digit(byte),
            b'I' => Place::Item,
            b'V' => Place::Value,
            b'X' => Place::Any,
            _ => return Err(InvalidPattern::Mask),
        });
    }
    let in_store = matches!(
        places.as_slice(),
        [Place::Digit(b'2'), ..] | [Place::Digit(b'0'), Place::Digit(b'2' | b'4'), ..]
    );
    if !in_store {
        return Err(InvalidPattern::Prefix);
    }
    for wanted in [Place::Item, Place::Value] {
        let rows = places.chunk_by(|a, b| a == b).filter(|row| row.first() == Some(&wanted));
        if rows.count() > 1 {
            return Err(InvalidPattern::Scattered);
        }
    }
    Ok(places)
}

/// What an in-store code says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The retailer's number for the item, with its leading zeros.
    pub reference: String,
    /// The price.
    pub price: Option<Money>,
    /// The weight in kilograms, as a decimal.
    pub weight_kg: Option<String>,
}

impl Pattern {
    /// What a code says, where it is of this pattern. The check digit is the caller's to check.
    #[must_use]
    pub fn read(&self, code: &str) -> Option<Item> {
        if !code.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let code = match code.len() {
            12 => format!("0{code}"),
            DIGITS => code.to_owned(),
            14 => code.strip_prefix('0')?.to_owned(),
            _ => return None,
        };
        let (mut reference, mut value) = (String::new(), String::new());
        for (place, digit) in self.places.iter().zip(code.bytes()) {
            match place {
                Place::Digit(wanted) if *wanted != digit => return None,
                Place::Item => reference.push(char::from(digit)),
                Place::Value => value.push(char::from(digit)),
                Place::Digit(_) | Place::Any => {}
            }
        }
        let (price, weight_kg) = match self.kind {
            Kind::None => (None, None),
            Kind::Price(decimals, currency) => {
                let amount: Amount = decimal(&value, decimals)?.parse().ok()?;
                (Some(Money { amount, currency }), None)
            }
            Kind::Weight(decimals) => (None, Some(decimal(&value, decimals)?)),
        };
        Some(Item { reference, price, weight_kg })
    }
}

/// Digits with a point before the last `decimals`.
fn decimal(digits: &str, decimals: u8) -> Option<String> {
    let number: u64 = digits.parse().ok()?;
    let scale = 10u64.checked_pow(decimals.into())?;
    let width = usize::from(decimals);
    Some(match width {
        0 => number.to_string(),
        _ => format!("{}.{:0width$}", number / scale, number % scale),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::gtin::check_digit;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_reads_item_and_value() {
        let price = pattern("21IIIIIVVVVVC price 2 EUR").read("2112345003499").unwrap();
        assert_eq!(price.reference, "12345");
        let money = Money { amount: Amount(34_900), currency: "EUR".parse().unwrap() };
        assert_eq!(price.price, Some(money));
        let weight = pattern("29IIIIIVVVVVC weight 3").read("02900042012340").unwrap();
        assert_eq!(
            (weight.reference.as_str(), weight.weight_kg.as_deref()),
            ("00042", Some("1.234"))
        );
        let upc = pattern("2IIIIIXVVVVC price 2 USD").read("212345604990").unwrap();
        assert_eq!(upc.reference, "12345");
        assert_eq!(pattern("20IIIIIIIIIIC none").read("2112345003499"), None);
    }

    #[test]
    fn what_is_no_pattern_is_explained() {
        use InvalidPattern as I;
        for (text, error) in [
            ("", I::Form),
            ("21IIIIIVVVVVC", I::Form),
            ("21IIIIIVVVVV price 2 EUR", I::Mask),
            ("31IIIIIVVVVVC price 2 EUR", I::Prefix),
            ("21IIIVVVVVIIC price 2 EUR", I::Scattered),
            ("21VVVVVVVVVVC weight 3", I::NoItem),
            ("21IIIIIIIIIIC weight 3", I::Value),
            ("21IIIIIVVVVVC none", I::Value),
            ("21IIIIIVVVVVC price 5 EUR", I::Decimals),
            ("21IIIIIVVVVVC weight 4", I::Decimals),
            ("21IIIIIIIIIVC weight 2", I::Decimals),
            ("21IIIIIVVVVVC price 2", I::Currency),
            ("21IIIIIVVVVVC price 2 euro", I::Currency),
        ] {
            let result: Result<Pattern, _> = text.parse();
            assert_eq!(result, Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text: String, mask in "[0-9IVXC]{10,14} (price|weight|none) [0-9] ?(EUR)?", code: String) {
            let _ = text.parse::<Pattern>();
            if let Ok(pattern) = mask.parse::<Pattern>() {
                let _ = pattern.read(&code);
            }
        }

        #[test]
        fn what_was_written_is_read(item in 0u32..100_000, value in 0u32..100_000) {
            let body = format!("21{item:05}{value:05}");
            let code = format!("{body}{}", check_digit(body.as_bytes()));
            let read = pattern("21IIIIIVVVVVC weight 3").read(&code).unwrap();
            prop_assert_eq!(read.reference, format!("{item:05}"));
            prop_assert_eq!(read.weight_kg, Some(format!("{}.{:03}", value / 1000, value % 1000)));
        }
    }
}
