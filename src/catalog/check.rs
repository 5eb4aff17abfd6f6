//! Small rules for the values of feeds: texts, decimals, codes. Pure.

use super::Fault;
use crate::kernel::clock::{HOUR, MINUTE};
use crate::kernel::word::Word;
use crate::kernel::{Amount, Currency, Micros, Money, money};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::Display;
use std::str::FromStr;

/// Longest name or title in characters.
pub const NAME: usize = 500;
/// Longest description in characters.
pub const DESCRIPTION: usize = 50_000;
/// Longest code, word or link in characters.
pub const WORD: usize = 2_000;
/// Most entries in any list of a resource.
pub const LIST: usize = 1_000;

/// A text that is there, trimmed, without control characters and not longer than `most` characters.
pub fn text(field: &'static str, value: &str, most: usize) -> Result<String, Fault> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Err(Fault::new(field, value, "missing", "is empty; give it a text"));
    }
    if trimmed.chars().count() > most {
        let message = format!("is longer than {most} characters; shorten it");
        return Err(Fault::new(field, value, "too_long", message));
    }
    if trimmed.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
        let message = "holds control characters; remove them";
        return Err(Fault::new(field, value, "control_character", message));
    }
    Ok(trimmed.to_owned())
}

/// A text or nothing; an empty text is nothing.
pub fn optional(
    field: &'static str,
    value: Option<String>,
    most: usize,
) -> Result<Option<String>, Fault> {
    match value {
        Some(value) if !value.trim().is_empty() => text(field, &value, most).map(Some),
        _ => Ok(None),
    }
}

/// A code of the retailer: 1 to 50 printable ASCII characters without space, quote, `\` and `/`.
pub fn code(field: &'static str, value: &str) -> Result<String, Fault> {
    let fits = (1..=50).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'/'));
    if fits {
        return Ok(value.to_owned());
    }
    let message = "must be 1 to 50 printable ASCII characters without space, quote, \\ and /";
    Err(Fault::new(field, value, "invalid_code", message))
}

/// A value read by its type's own parser.
pub fn parsed<T>(field: &'static str, value: &str) -> Result<T, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    value.parse().map_err(|error: T::Err| Fault::new(field, value, "malformed", error.to_string()))
}

/// One of a few words.
pub fn word(
    field: &'static str,
    value: &str,
    allowed: &[&'static str],
) -> Result<&'static str, Fault> {
    allowed.iter().find(|word| **word == value).copied().ok_or_else(|| {
        Fault::new(field, value, "not_allowed", format!("must be one of {}", allowed.join(", ")))
    })
}

/// One of a set's words, where a word is given.
pub fn one_of<T: Word>(field: &'static str, value: Option<&str>) -> Result<Option<T>, Fault> {
    let known = |word: &str| {
        let unknown =
            || Fault::new(field, word, "not_allowed", format!("must be one of {}", T::all()));
        T::of(word).ok_or_else(unknown)
    };
    value.map(known).transpose()
}

/// Two or more capitals or digits: ISO 3166 countries (`FR`) and UN/CEFACT units (`KGM`).
pub fn capitals(
    field: &'static str,
    value: &str,
    lengths: std::ops::RangeInclusive<usize>,
    example: &str,
) -> Result<String, Fault> {
    let fits = lengths.contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if fits {
        return Ok(value.to_owned());
    }
    Err(Fault::new(
        field,
        value,
        "malformed",
        format!("must be a code in capitals such as {example}"),
    ))
}

/// An ISO 3166-1 country of two letters.
pub fn country(field: &'static str, value: &str) -> Result<String, Fault> {
    capitals(field, value, 2..=2, "FR")
}

/// A list that is not too long.
pub fn list<T>(field: &'static str, values: Vec<T>) -> Result<Vec<T>, Fault> {
    if values.len() <= LIST {
        return Ok(values);
    }
    let message = format!("has more than {LIST} entries");
    Err(Fault::new(field, &values.len().to_string(), "too_many", message))
}

/// The two ends of a time span in order.
pub fn span(from: Option<Micros>, through: Option<Micros>) -> Result<(), Fault> {
    match (from, through) {
        (Some(from), Some(through)) if through < from => Err(Fault::new(
            "valid_through",
            &through.to_string(),
            "before_start",
            format!("is before valid_from, {from}"),
        )),
        _ => Ok(()),
    }
}

/// Below this a double tells decimals of four digits apart.
const EXACT: f64 = 1e11;

/// Money on the way in: the amount may be a JSON number or a text, and is exact either way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyIn {
    /// How much, as a decimal.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

impl MoneyIn {
    /// A price: zero or more, in a known currency, such as a shop may ask for.
    pub fn price(&self, field: &'static str) -> Result<Money, Fault> {
        let money = self.money(field)?;
        let (digits, code) = (money.currency.price_decimals(), money.currency.code());
        if money.amount.scale() > digits {
            let message =
                format!("has more than the {digits} decimals of a price in {code}; round it");
            let fault = Fault::new(field, &self.amount.0, "too_precise", message);
            return Err(fault.within("amount"));
        }
        Ok(money)
    }

    /// A price per unit, which may have more decimals than what is paid.
    pub fn unit_price(&self, field: &'static str) -> Result<Money, Fault> {
        self.money(field)
    }

    fn money(&self, field: &'static str) -> Result<Money, Fault> {
        let currency: Currency =
            parsed(field, &self.currency).map_err(|fault| fault.within("currency"))?;
        let amount: Amount =
            parsed(field, &self.amount.0).map_err(|fault| fault.within("amount"))?;
        let refuse = |code, message: String| {
            Err(Fault::new(field, &self.amount.0, code, message).within("amount"))
        };
        if amount.0 < 0 {
            return refuse("negative", "is below zero; give the price that is paid".to_owned());
        }
        let absurd = currency.absurd();
        if amount.0 / money::SCALE >= absurd {
            return refuse("absurd", format!("is {absurd} or more; look for a missing point"));
        }
        Ok(Money { amount, currency })
    }
}

/// The text of a decimal as it was written; a text or a JSON number.
///
/// A JSON number passes through a double, whose shortest text gives back any decimal of at most 15
/// digits unchanged. Refused are numbers with decimals or an exponent from `10^11` on, and whole
/// numbers beyond 64 bits. Of a smaller number with more than 15 digits the nearest double counts;
/// its decimals are then checked like any others. A text keeps any digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Decimal(pub String);

impl Decimal {
    /// The value in units of `10^-decimals`; `None` unless it is digits with at most one point, no
    /// finer than the unit and below `10^12`.
    #[must_use]
    pub fn scaled(&self, decimals: usize) -> Option<i64> {
        let (negative, digits) =
            self.0.strip_prefix('-').map_or((false, self.0.as_str()), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let kept = fraction.trim_end_matches('0');
        if !all_digits(whole) || !all_digits(fraction) || kept.len() > decimals {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() + decimals > 15 {
            return None;
        }
        let value: i64 = format!("0{whole}{kept:0<decimals$}").parse().ok()?;
        Some(if negative { -value } else { value })
    }

    /// The shortest text of the same positive value.
    #[must_use]
    pub fn normal(&self) -> Option<Self> {
        self.scaled(6).filter(|value| *value > 0)?;
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        Some(Self(format!("{whole}{point}{fraction}")))
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "must be a decimal: a number, or digits in a text")]
        enum Wire {
            Whole(i64),
            Number(f64),
            Text(String),
        }
        Ok(Self(match Wire::deserialize(deserializer)? {
            Wire::Whole(number) => number.to_string(),
            Wire::Number(number) if number.abs() >= EXACT => {
                let message = "a number this large with decimals must be written as a text";
                return Err(serde::de::Error::custom(message));
            }
            // `Display` of a double is its shortest text, never in exponent form.
            Wire::Number(number) => number.to_string(),
            Wire::Text(text) => text,
        }))
    }
}

/// An amount of something with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// How much, as an exact decimal.
    #[schema(value_type = String, example = "1.75")]
    pub value: Decimal,
    /// UN/CEFACT Recommendation 20 code of the unit: `LTR`, `KGM`, `C62` (piece) and so on.
    #[schema(example = "LTR")]
    pub unit_code: String,
}

impl Measure {
    /// A positive amount in its shortest text, with a unit code of the right form.
    pub fn checked(self, field: &'static str) -> Result<Self, Fault> {
        let value = self.value.normal().ok_or_else(|| {
            let message = "must be a decimal above zero with at most 6 decimals, such as 1.75";
            Fault::new(field, &self.value.0, "malformed", message).within("value")
        })?;
        let unit_code = capitals(field, &self.unit_code, 2..=3, "KGM, LTR or C62")
            .map_err(|fault| fault.within("unit_code"))?;
        Ok(Self { value, unit_code })
    }
}

/// How far ahead of now a price may be said to be told: no zone is more than a day ahead, and price lists
/// bear the date of the day that they are for.
pub const PRICE_AHEAD: i64 = 24 * HOUR;

/// The same of a count, which a clock has taken that may not be set exactly.
pub const COUNT_AHEAD: i64 = 10 * MINUTE;

/// When a line is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The time now.
    pub now: Micros,
    /// When it was heard first: before now in a file that is imported again.
    pub first: Micros,
}

impl Heard {
    /// The time now, of what was heard before.
    #[must_use]
    pub fn again(self) -> Option<Micros> {
        (self.first < self.now).then_some(self.now)
    }
}

impl From<Micros> for Heard {
    fn from(now: Micros) -> Self {
        Self { now, first: now }
    }
}

/// When a count or a price was taken; when the line was heard first where nothing is said. The newest one holds, so that
/// one from a clock that runs ahead would shut out all true ones until its time has come: no more than `most`
/// microseconds are let pass.
pub fn as_of(text: Option<&str>, heard: Heard, most: i64) -> Result<Micros, Fault> {
    let now = heard.now;
    let Some(text) = text else { return Ok(heard.first) };
    let at: Micros = parsed("as_of", text)?;
    if at.0 > now.0.saturating_add(most) {
        let message = format!(
            "lies more than {} minutes after now ({now}); look at the sender's clock and time zone",
            most / MINUTE
        );
        return Err(Fault::new("as_of", text, "in_future", message));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_clock_that_runs_ahead_shuts_nobody_out() {
        let now: Micros = "2026-11-22T10:00:00Z".parse().unwrap();
        let heard = Heard { now, first: Micros(now.0 - HOUR) };
        let code = |text| as_of(Some(text), heard, PRICE_AHEAD).map_err(|fault| fault.code);
        assert_eq!(as_of(None, heard, PRICE_AHEAD), Ok(heard.first));
        assert_eq!(code("2026-11-23T10:00:00Z"), Ok(Micros(now.0 + 24 * HOUR)));
        assert_eq!(code("2026-11-23T10:00:01Z"), Err("in_future"));
        assert_eq!(code("2999-12-31T23:59:59Z"), Err("in_future"));
        assert!(code("2001-01-01T00:00:00Z").is_ok());
        let code = |text| as_of(Some(text), heard, COUNT_AHEAD).map_err(|fault| fault.code);
        assert!(code("2026-11-22T10:10:00Z").is_ok());
        assert_eq!(code("2026-11-22T10:10:01Z"), Err("in_future"));
    }

    #[test]
    fn decimals_keep_their_digits() {
        let scaled = |text: &str, n| Decimal(text.to_owned()).scaled(n);
        assert_eq!(scaled("0.1", 3), Some(100));
        assert_eq!(scaled("-58.633769", 6), Some(-58_633_769));
        assert_eq!(scaled("1.0000", 0), Some(1));
        for bad in ["", "-", ".5", "5.", "1e3", "0.0001", "1,5", "٣", "9999999999999"] {
            assert_eq!(scaled(bad, 3), None, "{bad}");
        }
        let normal = |text: &str| Decimal(text.to_owned()).normal().map(|d| d.0);
        assert_eq!(normal("1.0").as_deref(), Some("1"));
        assert_eq!(normal("00.50").as_deref(), Some("0.5"));
        assert_eq!(normal("0.0"), None);
    }

    proptest! {
        #[test]
        fn a_json_number_is_read_exactly(thousandths in -999_999_999_999i64..999_999_999_999) {
            let sign = if thousandths < 0 { "-" } else { "" };
            let size = thousandths.unsigned_abs();
            let text = format!("{sign}{}.{:03}", size / 1000, size % 1000);
            let decimal: Decimal = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(decimal.scaled(3), Some(thousandths));
        }

        #[test]
        fn no_text_panics(text: String, n in 0usize..7) {
            let decimal = Decimal(text);
            let _ = (decimal.scaled(n), decimal.normal());
        }
    }
}
