//! Who can be logged in as.

use crate::demo::customers::id;
use crate::kernel::Micros;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// How old the minor is.
const MINOR_YEARS: i32 = 12;

/// A made-up customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoPerson {
    /// What stands for them in forms.
    pub key: &'static str,
    /// What they are called.
    pub name: &'static str,
    /// What is particular to them.
    pub about: &'static str,
    /// How their account stands.
    pub account_status: &'static str,
    /// A band of ages, where the provider claims one.
    pub age_band: Option<&'static str>,
    /// What their id is made of.
    source: &'static str,
}

/// Somebody for each way in which a login can go.
pub const PEOPLE: [DemoPerson; 4] = [
    DemoPerson {
        key: "adult",
        name: "Camille",
        about: "an adult with purchases, a loyalty card and lists",
        account_status: "active",
        age_band: None,
        source: "customer 1",
    },
    DemoPerson {
        key: "minor",
        name: "Zoé",
        about: "twelve years old: too young to share data",
        account_status: "active",
        age_band: Some("under_18"),
        source: "minor",
    },
    DemoPerson {
        key: "blocked",
        name: "Hugo",
        about: "an account that is blocked",
        account_status: "blocked",
        age_band: None,
        source: "customer 2",
    },
    DemoPerson {
        key: "deleted",
        name: "Louise",
        about: "an account that was deleted",
        account_status: "deleted",
        age_band: None,
        source: "deleted",
    },
];

impl DemoPerson {
    /// The retailer's id of them.
    #[must_use]
    pub fn id(&self) -> String {
        id("cus", self.source)
    }
}

/// The documents of those who are not among the demo's customers already.
#[must_use]
pub fn seed_people(now: Micros) -> Vec<Value> {
    let today = now.timestamp().to_zoned(TimeZone::UTC).date();
    let born = today.saturating_sub(MINOR_YEARS.years());
    let minors = PEOPLE.iter().filter(|person| person.key == "minor");
    let line = |person: &DemoPerson| {
        json!({
            "id": person.id(), "given_name": person.name, "family_name": "Martin",
            "email": "zoe.martin@example.com", "email_verified": true,
            "birth_date": born.to_string(), "locale": "fr-FR",
            "home_store_code": crate::demo::SHOWROOM, "created_at": now.to_string(),
        })
    };
    minors.map(line).collect()
}
