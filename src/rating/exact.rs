//! Exact decimals: prices, percents and amounts.

use super::charge::InvalidPrices;
use super::share::Share;
use crate::kernel::word::words;
use std::fmt::Write as _;
use std::str::FromStr;

/// Digits behind the point of a price.
const PRICE: u32 = 12;
/// Digits behind the point of an amount: those of a price, of thousandths of a unit and of a percent in
/// hundredths, so that no product of the three needs rounding.
const AMOUNT: u32 = PRICE + 3 + 4;
/// Most that a price may be.
const MOST: i128 = 1_000_000_000 * 10_i128.pow(PRICE);

words! {
    /// How a line of a bill is rounded to what the currency has.
    pub enum Rounding {
        /// To the nearest; halves to the even neighbour.
        HalfEven = "half_even",
        /// To the nearest; halves away from zero.
        HalfUp = "half_up",
    }
}

/// An amount or quantity that cannot be held exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is too large to be held exactly; no real bill is")]
pub struct TooLarge;

/// A price: not below zero, with up to 12 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Price(i128);

/// A part of a hundred in hundredths: `1250` is 12.5 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(u16);

/// An amount of money in 10⁻¹⁹ of the currency's unit, exact; also below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Exact(i128);

/// The digits of a text as a whole number of `decimals` decimals; none where it is anything else.
fn scaled(text: &str, decimals: u32) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let width = decimals as usize;
    // More digits than any number that is taken has.
    if !digits(whole) || !digits(fraction) || whole.len() > 20 || fraction.len() > width {
        return None;
    }
    format!("{whole}{fraction:0<width$}").parse().ok()
}

/// A number of `decimals` decimals as text, with at least `least` digits behind the point.
fn text(value: i128, decimals: u32, least: u8) -> String {
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let one = 10_u128.pow(decimals);
    let (whole, rest) = (size / one, size % one);
    let width = decimals as usize;
    let mut fraction = format!("{rest:0width$}");
    let needed = fraction.trim_end_matches('0').len().max(usize::from(least)).min(width);
    fraction.truncate(needed);
    let mut out = format!("{sign}{whole}");
    if !fraction.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(out, ".{fraction}");
    }
    out
}

impl Price {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The price as text, with at least `least` digits behind the point.
    #[must_use]
    pub fn text(self, least: u8) -> String {
        text(self.0, PRICE, least)
    }

    /// What it is for a part of a period, to the last of its decimals.
    pub(super) fn share(self, share: Share) -> Self {
        Self(share.of_price(self.0))
    }

    /// What it comes to once.
    #[must_use]
    pub fn once(self) -> Exact {
        // At most 10^21 * 10^7: far from the end.
        Exact(self.0 * 10_i128.pow(AMOUNT - PRICE))
    }

    /// What so many thousandths of a unit come to.
    pub fn times(self, milli: u128) -> Result<Exact, TooLarge> {
        let milli = i128::try_from(milli).map_err(|_| TooLarge)?;
        let product = self.0.checked_mul(milli);
        product.and_then(|p| p.checked_mul(10_i128.pow(4))).map(Exact).ok_or(TooLarge)
    }
}

impl FromStr for Price {
    type Err = InvalidPrices;

    fn from_str(text: &str) -> Result<Self, InvalidPrices> {
        let value = scaled(text, PRICE).filter(|value| *value <= MOST);
        value.map(Self).ok_or_else(|| InvalidPrices::Price(text.chars().take(40).collect()))
    }
}

impl Percent {
    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// As text.
    #[must_use]
    pub fn text(self) -> String {
        text(self.0.into(), 2, 0)
    }
}

impl FromStr for Percent {
    type Err = InvalidPrices;

    fn from_str(text: &str) -> Result<Self, InvalidPrices> {
        let value = scaled(text, 2).and_then(|value| u16::try_from(value).ok());
        let value = value.filter(|value| *value <= 10_000);
        value.map(Self).ok_or_else(|| InvalidPrices::Percent(text.chars().take(40).collect()))
    }
}

impl FromStr for Exact {
    type Err = InvalidPrices;

    fn from_str(text: &str) -> Result<Self, InvalidPrices> {
        let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
        let value = scaled(size, AMOUNT).map(|value| Self(sign * value));
        value.ok_or_else(|| InvalidPrices::Price(text.chars().take(40).collect()))
    }
}

impl Exact {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum of two.
    pub fn plus(self, other: Self) -> Result<Self, TooLarge> {
        self.0.checked_add(other.0).map(Self).ok_or(TooLarge)
    }

    /// What is left when the other is taken away.
    pub fn minus(self, other: Self) -> Result<Self, TooLarge> {
        self.0.checked_sub(other.0).map(Self).ok_or(TooLarge)
    }

    /// The sum of many.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Result<Self, TooLarge> {
        all.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// A part of it. What comes of prices ends with four zeros, so the division leaves nothing.
    pub fn part(self, percent: Percent) -> Result<Self, TooLarge> {
        debug_assert_eq!(self.0 % 10_000, 0, "a part of what has been multiplied once");
        (self.0 / 10_000).checked_mul(percent.0.into()).map(Self).ok_or(TooLarge)
    }

    /// The nearest amount that has so many decimals.
    #[must_use]
    pub fn rounded(self, decimals: u8, rule: Rounding) -> Self {
        let step = 10_i128.pow(AMOUNT.saturating_sub(decimals.into()));
        let (whole, rest) = (self.0 / step, (self.0 % step).abs() * 2);
        let away = match rest.cmp(&step) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => match rule {
                Rounding::HalfUp => true,
                Rounding::HalfEven => whole % 2 != 0,
            },
        };
        let nearest = if away { whole + self.0.signum() } else { whole };
        Self(nearest.saturating_mul(step))
    }

    /// The amount as text, with at least `least` digits behind the point.
    #[must_use]
    pub fn text(self, least: u8) -> String {
        text(self.0, AMOUNT, least)
    }

    #[cfg(test)]
    pub(super) fn raw(self) -> i128 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_written_to_the_last_digit() {
        for (from, to) in [
            ("0", "0"),
            ("0.000000000001", "0.000000000001"),
            ("49.00", "49"),
            ("12.50", "12.5"),
            ("1000000000", "1000000000"),
        ] {
            assert_eq!(from.parse::<Price>().unwrap().text(0), to);
        }
        assert_eq!("49.5".parse::<Price>().unwrap().text(2), "49.50");
        for bad in ["", "-1", "1.", ".5", "1e3", "0.0000000000001", "1000000000.1", "1,5", "+1"] {
            assert!(bad.parse::<Price>().is_err(), "{bad}");
        }
        for bad in ["100.01", "-1", "1.234", "", "101"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
        for amount in ["-0.0000000000000000001", "12.5", "0", "-3"] {
            assert_eq!(amount.parse::<Exact>().unwrap().text(0), amount);
        }
        assert_eq!("12.50".parse::<Percent>().unwrap().text(), "12.5");
    }

    #[test]
    fn halves_go_where_the_rule_says() {
        let round = |price: &str, decimals, rule| {
            let exact = price.parse::<Price>().unwrap().once();
            let below = Exact::ZERO.minus(exact).unwrap();
            let text = |exact: Exact| exact.rounded(decimals, rule).text(decimals);
            (text(exact), text(below))
        };
        let pair = |above: &str, below: &str| (above.to_owned(), below.to_owned());
        assert_eq!(round("0.125", 2, Rounding::HalfUp), pair("0.13", "-0.13"));
        assert_eq!(round("0.125", 2, Rounding::HalfEven), pair("0.12", "-0.12"));
        assert_eq!(round("0.135", 2, Rounding::HalfEven), pair("0.14", "-0.14"));
        assert_eq!(round("2.5", 0, Rounding::HalfEven), pair("2", "-2"));
        assert_eq!(round("2.500000000001", 0, Rounding::HalfEven), pair("3", "-3"));
        assert_eq!(round("1.0004999", 3, Rounding::HalfUp), pair("1.000", "-1.000"));
        assert_eq!(round("0.4", 0, Rounding::HalfUp), pair("0", "0"));
    }
}
