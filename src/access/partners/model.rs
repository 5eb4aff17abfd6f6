//! Contacts and contract of a partner as values that cannot be wrong.

use crate::access::model::Name;
use crate::access::terms::Window;
use crate::access::text::Text;
use crate::kernel::Micros;
use crate::kernel::language::LanguageTag;
use crate::kernel::word::{read_words, words};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Most contacts of a partner.
pub const CONTACTS_MOST: usize = 20;

words! {
    /// What a contact is asked about.
    #[schema(as = ContactRole)]
    pub enum Role {
        /// Keys, errors, changes of the API.
        Technical = "technical",
        /// Usage and invoices.
        Billing = "billing",
        /// Personal data.
        Privacy = "privacy",
        /// The contract.
        Legal = "legal",
    }
}
read_words!(Role);

/// A value that is a text of a checked form.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $error:ident = $message:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        /// The text has another form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $error;

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked! {
    /// An e-mail address.
    Email, InvalidEmail = "must be an e-mail address such as name@example.com",
    |text| text.len() <= 254 && text.is_ascii() && text.parse::<lettre::Address>().is_ok()
}
checked! {
    /// A telephone number.
    Phone, InvalidPhone = "must be a telephone number such as +33 1 23 45 67 89",
    |text| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let fits = |b: u8| b.is_ascii_digit() || b" -().".contains(&b);
        (5..=15).contains(&digits) && text.len() <= 30 && text.strip_prefix('+').unwrap_or(text).bytes().all(fits)
    }
}
checked! {
    /// A time zone of IANA.
    Zone, InvalidZone = "must be a time zone of IANA, such as Europe/Paris",
    |text| TimeZone::get(text).is_ok()
}

/// A day of the calendar, in the years 2000 to 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// The text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2027-01-31, of the years 2000 to 2199")]
pub struct InvalidDay;

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let day: Date = text.parse().map_err(|_| InvalidDay)?;
        let valid = text.len() == 10 && (2000..2200).contains(&day.year());
        if valid { Ok(Self(day)) } else { Err(InvalidDay) }
    }
}

impl TryFrom<String> for Day {
    type Error = InvalidDay;

    fn try_from(text: String) -> Result<Self, InvalidDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.0.to_string()
    }
}

/// Somebody to talk to at a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What this person is asked about: `technical`, `billing`, `privacy` or `legal`.
    #[schema(example = "technical")]
    pub role: Role,
    /// Name of the person or of the team.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Camille Robin")]
    pub name: Name,
    /// E-mail address.
    #[schema(value_type = String, max_length = 254, example = "camille.robin@example.com")]
    pub email: Email,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 30, example = "+33 1 23 45 67 89")]
    pub phone: Option<Phone>,
    /// The language to write in, as a tag (RFC 5646).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 35, example = "fr")]
    pub language: Option<LanguageTag>,
}

/// A contract with a partner. Its keys are refused before its first day and after its last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The retailer's name for the contract.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "2026-117")]
    pub reference: Name,
    /// The first day, from its midnight on.
    #[schema(value_type = String, format = Date, example = "2026-01-01")]
    pub starts_on: Day,
    /// The last day, up to the midnight behind it; without it, the contract goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, example = "2027-12-31")]
    pub ends_on: Option<Day>,
    /// Where these midnights are, by the name that IANA gives the time zone.
    #[schema(value_type = String, max_length = 100, example = "Europe/Paris")]
    pub time_zone: Zone,
    /// How it is ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 500, example = "Three months to the end of a quarter")]
    pub notice: Option<Text<500>>,
}

impl Contract {
    /// When it holds; `None` where its last day lies before its first.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        let zone = TimeZone::get(self.time_zone.as_str()).ok()?;
        let midnight = |day: Date| {
            let begin = day.to_zoned(zone.clone()).ok()?;
            Some(Micros::from(begin.timestamp()))
        };
        let from = midnight(self.starts_on.0)?;
        let until = match self.ends_on {
            Some(day) => midnight(day.0.checked_add(1.day()).ok()?)?,
            None => Micros(i64::MAX),
        };
        (from < until).then_some(Window { from, until })
    }
}

/// What is known of a partner beside its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the retailer's own system calls it, one partner's only.
    pub external_ref: Option<Name>,
    /// Whom to talk to.
    pub contacts: Vec<Contact>,
    /// The contract.
    pub contract: Option<Contract>,
}

/// What shall change of a partner. The inner `None` takes away what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerPatch {
    /// Another name.
    pub name: Option<Name>,
    /// Another reference.
    pub external_ref: Option<Option<Name>>,
    /// Other contacts, in place of all.
    pub contacts: Option<Vec<Contact>>,
    /// Another contract.
    pub contract: Option<Option<Contract>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn window(starts_on: &str, ends_on: &str, zone: &str) -> Option<(String, String)> {
        let contract: Contract = serde_json::from_value(json!({
            "reference": "c", "starts_on": starts_on, "ends_on": ends_on, "time_zone": zone,
        }))
        .unwrap();
        contract.window().map(|w| (w.from.to_string(), w.until.to_string()))
    }

    #[test]
    fn a_contract_holds_from_midnight_to_midnight_where_it_is_made() {
        let both = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        let paris = window("2026-03-29", "2026-03-29", "Europe/Paris");
        assert_eq!(
            paris,
            both("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            "a day of 23 hours"
        );
        let auckland = window("2026-12-31", "2027-01-31", "Pacific/Auckland");
        assert_eq!(auckland, both("2026-12-30T11:00:00Z", "2027-01-31T11:00:00Z"));
        // There midnight itself is left out when summer time begins.
        let beirut = window("2026-03-29", "2026-03-29", "Asia/Beirut");
        assert_eq!(beirut, both("2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"));
        assert_eq!(window("2026-03-29", "2026-03-28", "Europe/Paris"), None);
    }

    #[test]
    fn what_is_no_address_number_or_day_is_refused() {
        for bad in ["", "a", "a@", "@b.example", "a b@c.example", "a@b.example\nBcc: c@d.example"] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
        for bad in ["", "123", "+33 one", "1234567890123456", "12345\n"] {
            assert!(bad.parse::<Phone>().is_err(), "{bad:?}");
        }
        assert!("+33 (0)1 23-45.67".parse::<Phone>().is_ok());
        for bad in ["", "2026-1-1", "2026-02-30", "1999-12-31", "2200-01-01", "2026-01-01T00:00"] {
            assert!(bad.parse::<Day>().is_err(), "{bad:?}");
        }
        assert!("Mars/Olympus".parse::<Zone>().is_err());
    }
}
