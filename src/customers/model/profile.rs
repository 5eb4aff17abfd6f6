//! Who a customer is.

use super::units::CalendarDay;
use crate::kernel::Micros;
use crate::kernel::word::{UnknownWord, Word, read_words};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// A band of ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgeBand {
    /// Below 18.
    Minor,
    /// 18 to 24.
    From18,
    /// 25 to 34.
    From25,
    /// 35 to 44.
    From35,
    /// 45 to 54.
    From45,
    /// 55 to 64.
    From55,
    /// 65 and more.
    From65,
}

impl Word for AgeBand {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("under_18", Self::Minor),
        ("18_24", Self::From18),
        ("25_34", Self::From25),
        ("35_44", Self::From35),
        ("45_54", Self::From45),
        ("55_64", Self::From55),
        ("65_plus", Self::From65),
    ];
}

impl AgeBand {
    /// The band of an age in years.
    #[must_use]
    pub const fn of_age(years: u16) -> Self {
        match years {
            ..18 => Self::Minor,
            18..25 => Self::From18,
            25..35 => Self::From25,
            35..45 => Self::From35,
            45..55 => Self::From45,
            55..65 => Self::From55,
            65.. => Self::From65,
        }
    }
}

impl FromStr for AgeBand {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::of(text).ok_or_else(|| UnknownWord::of::<Self>(text))
    }
}

impl Serialize for AgeBand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
read_words!(AgeBand);

/// A postal address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerAddress {
    /// Street, number and what else stands above the town.
    pub lines: Vec<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// Region, as the post of the country writes it.
    pub region: Option<String>,
    /// ISO 3166-1 alpha-2 code of the country.
    pub country: Option<String>,
}

/// What a customer eats and does not bear: it can reveal health or belief (GDPR Art. 9).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerPreferences {
    /// Diets, in the retailer's words.
    #[serde(default)]
    pub diets: Vec<String>,
    /// Allergens to be avoided, in the retailer's words.
    #[serde(default)]
    pub allergens: Vec<String>,
}

/// A customer, as the retailer knows them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerProfile {
    /// The retailer's id. Partners know customers by other names.
    #[serde(alias = "sub")]
    pub id: String,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address was proved to be the customer's.
    pub email_verified: Option<bool>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<CustomerAddress>,
    /// Day of birth: only ages are made of it.
    pub birth_date: Option<CalendarDay>,
    /// Band of ages, where the retailer knows no day of birth.
    pub age_band: Option<AgeBand>,
    /// Language and country, as BCP 47 writes them.
    pub locale: Option<String>,
    /// The retailer's code of the store that the customer goes to.
    pub home_store_code: Option<String>,
    /// Diet and allergens.
    pub preferences: Option<CustomerPreferences>,
    /// When the retailer came to know them.
    pub created_at: Option<Micros>,
}

macro_rules! never_shown {
    ($($name:ident),+) => {$(
        /// Says nothing of the customer: what is written for debugging ends in logs.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($name), "]"))
            }
        }
    )+};
}
never_shown!(CustomerAddress, CustomerPreferences, CustomerProfile);

impl CustomerProfile {
    /// The band of ages on a day: by the day of birth, or as the retailer says.
    #[must_use]
    pub fn band_on(&self, today: CalendarDay) -> Option<AgeBand> {
        self.birth_date.map(|born| AgeBand::of_age(born.years_until(today))).or(self.age_band)
    }

    /// Whether the customer is of age on a day, where it is known.
    #[must_use]
    pub fn is_adult_on(&self, today: CalendarDay) -> Option<bool> {
        self.band_on(today).map(|band| band != AgeBand::Minor)
    }

    /// What there is to be told on a day, before it is cut: ages in place of the day of birth.
    pub fn told_on(&self, today: CalendarDay) -> Result<Value, serde_json::Error> {
        let mut told = serde_json::to_value(self)?;
        if let Some(fields) = told.as_object_mut() {
            fields.remove("birth_date");
            fields.insert("age_band".to_owned(), serde_json::to_value(self.band_on(today))?);
            fields.insert("over_18".to_owned(), self.is_adult_on(today).into());
        }
        Ok(told)
    }
}
