//! Money: an exact decimal and an ISO 4217 code. Never a float.
//!
//! Amounts of catalog data are held as ten-thousandths in an `i64`: exact for every currency, four
//! digits for prices per unit (fuel at 1.799), and up to 922 trillion.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// An amount in ten-thousandths of the currency's main unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(pub i64);

/// Ten-thousandths in one.
pub const SCALE: i64 = 10_000;
/// Digits after the point that an amount can hold.
pub const DECIMALS: usize = 4;

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Not digits with at most one point.
    #[error("is not digits with a point before the decimals, such as 12.90")]
    Form,
    /// More digits after the point than can be held exactly.
    #[error("has more than 4 decimals")]
    TooPrecise,
    /// Too large to hold.
    #[error("is more than 900000000000000")]
    TooLarge,
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let ends_with_point = digits.ends_with('.');
        if whole.is_empty() || ends_with_point || !all_digits(whole) || !all_digits(fraction) {
            return Err(InvalidAmount::Form);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS {
            return Err(InvalidAmount::TooPrecise);
        }
        let whole: i64 = whole.parse().map_err(|_| InvalidAmount::TooLarge)?;
        let fraction: i64 =
            format!("{fraction:0<DECIMALS$}").parse().map_err(|_| InvalidAmount::Form)?;
        let value = whole
            .checked_mul(SCALE)
            .and_then(|v| v.checked_add(fraction))
            .filter(|v| *v <= 900_000_000_000_000 * SCALE)
            .ok_or(InvalidAmount::TooLarge)?;
        Ok(Self(if negative { -value } else { value }))
    }
}

impl Amount {
    /// Digits after the point that it needs.
    #[must_use]
    pub fn scale(self) -> u8 {
        let (mut fraction, mut digits) = (self.0.unsigned_abs() % SCALE as u64, DECIMALS as u8);
        while digits > 0 && fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        digits
    }

    /// Writes the amount with at least `min_decimals` digits after the point.
    pub fn write(self, out: &mut impl fmt::Write, min_decimals: u8) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let (whole, mut fraction) = (magnitude / SCALE as u64, magnitude % SCALE as u64);
        if self.0 < 0 {
            out.write_char('-')?;
        }
        write!(out, "{whole}")?;
        let mut decimals = DECIMALS;
        while decimals > usize::from(min_decimals) && fraction % 10 == 0 {
            fraction /= 10;
            decimals -= 1;
        }
        if decimals > 0 {
            write!(out, ".{fraction:0decimals$}")?;
        }
        Ok(())
    }
}

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// The code is not in ISO 4217.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an ISO 4217 code in capitals, such as EUR")]
pub struct InvalidCurrency;

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Whether it is money: ISO 4217 has codes for tests and for no currency at all, too.
    #[must_use]
    pub fn is_money(self) -> bool {
        !["XTS", "XXX"].contains(&self.code())
    }

    /// Digits after the point that the currency uses: 2 for EUR, 0 for JPY, 3 for TND.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.0.exponent().unwrap_or(0).min(DECIMALS as u16) as u8
    }
}

/// Currencies whose unit is worth about a dollar or more.
const STRONG: [&str; 9] = ["AUD", "CAD", "CHF", "EUR", "GBP", "KWD", "NZD", "SGD", "USD"];

impl Currency {
    /// Digits after the point that a price may have: one more than the currency uses, as fuel is priced,
    /// and none where it uses none.
    #[must_use]
    pub fn price_decimals(self) -> u8 {
        match self.decimals() {
            0 => 0,
            decimals => (decimals + 1).min(DECIMALS as u8),
        }
    }

    /// What no price in a shop reaches: from here on a point is missing.
    #[must_use]
    pub fn absurd(self) -> i64 {
        if STRONG.contains(&self.code()) { 10_000_000 } else { 10_000_000_000 }
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        iso_currency::Currency::from_code(text).map(Self).ok_or(InvalidCurrency)
    }
}

/// An amount of a currency, `{"amount":"12.90","currency":"EUR"}` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.amount.write(f, self.currency.decimals())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    amount: String,
    currency: String,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.to_string(), currency: self.currency.code().to_owned() }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let amount = wire.amount.parse().map_err(serde::de::Error::custom)?;
        let currency = wire.currency.parse().map_err(serde::de::Error::custom)?;
        Ok(Self { amount, currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_follow_the_currency_and_never_lose_a_digit() {
        let show = |amount: &str, currency: &str| {
            let money =
                Money { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() };
            money.to_string()
        };
        assert_eq!(show("2.5", "EUR"), "2.50");
        assert_eq!(show("2.390", "EUR"), "2.39");
        assert_eq!(show("1.799", "EUR"), "1.799");
        assert_eq!(show("100", "JPY"), "100");
        assert_eq!(show("1.5", "TND"), "1.500");
        assert_eq!(show("-0.05", "EUR"), "-0.05");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in
            ["", "-", ".5", "1.", "1,5", "1e3", "+1", " 1", "1.23456", "9e99", "NaN", "1.2.3"]
        {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
        assert_eq!("99999999999999999999".parse::<Amount>(), Err(InvalidAmount::TooLarge));
    }

    #[test]
    fn currencies_say_what_a_price_may_be() {
        let currency = |code: &str| code.parse::<Currency>().unwrap();
        let of = |code| (currency(code).price_decimals(), currency(code).absurd());
        assert_eq!(of("EUR"), (3, 10_000_000));
        assert_eq!(of("JPY"), (0, 10_000_000_000));
        assert_eq!(of("TND"), (4, 10_000_000_000));
        for (amount, scale) in [("1", 0), ("1.5", 1), ("-0.0105", 4), ("100.10", 1), ("0", 0)] {
            assert_eq!(amount.parse::<Amount>().unwrap().scale(), scale, "{amount}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(value in -900_000_000_000_000i64..900_000_000_000_000, decimals in 0u8..5) {
            let mut text = String::new();
            Amount(value).write(&mut text, decimals).unwrap();
            prop_assert_eq!(text.parse::<Amount>(), Ok(Amount(value)));
        }

        #[test]
        fn parse_never_panics(text: String) {
            let _ = text.parse::<Amount>();
        }
    }
}
