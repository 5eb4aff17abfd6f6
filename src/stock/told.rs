//! What a line tells of a level beside its count. Tills count and know nothing of pickup and aisles: what
//! a line does not have stays as another has told it, and null clears.

use super::model::{Location, Pickup};
use crate::kernel::Micros;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A level of which nothing is told beside its count, as its column holds that.
pub const NOTHING: &str = "{}";
/// The same to readers, of a level that went with its product or its store: nobody has said that it is unknown, so any
/// file tells it anew.
pub const FORGOTTEN: &str = "{ }";

/// What becomes of the members that a line does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unsaid {
    /// They stay as they are stored.
    #[default]
    Kept,
    /// They are taken away: the line says all there is.
    Cleared,
}

/// The members of a line beside its count: none where it does not have one, of null what it clears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What becomes of the members that are none.
    pub unsaid: Unsaid,
    /// After how many seconds a count is stale.
    pub max_age_s: Option<Option<u32>>,
    /// When new goods are expected.
    pub restock_at: Option<Option<Micros>>,
    /// How it can be collected; one that is given stands whole in place of the one before.
    pub pickup: Option<Option<Pickup>>,
    /// Where in the store it is; likewise.
    pub instore_location: Option<Option<Location>>,
}

/// The members as their column holds them, in this order: equal ones are equal as text.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Column {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restock_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pickup: Option<Pickup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instore_location: Option<Location>,
}

impl Told {
    /// What a line tells that takes the level away.
    #[must_use]
    pub fn nothing() -> Self {
        Self { unsaid: Unsaid::Cleared, ..Self::default() }
    }

    /// What the column holds after this line, from what it held. It is an error if that is damaged.
    pub fn over<'a>(&self, stored: &'a str) -> serde_json::Result<Cow<'a, str>> {
        let Self { unsaid, max_age_s, restock_at, pickup, instore_location } = self;
        let stored = if *unsaid == Unsaid::Cleared { NOTHING } else { stored };
        let tells = max_age_s.is_some()
            || restock_at.is_some()
            || pickup.is_some()
            || instore_location.is_some();
        if !tells {
            return Ok(Cow::Borrowed(stored));
        }
        let mut column = match stored {
            NOTHING => Column::default(),
            stored => serde_json::from_str(stored)?,
        };
        put(&mut column.max_age_s, max_age_s.as_ref());
        put(&mut column.restock_at, restock_at.as_ref());
        put(&mut column.pickup, pickup.as_ref());
        put(&mut column.instore_location, instore_location.as_ref());
        serde_json::to_string(&column).map(Cow::Owned)
    }
}

fn put<T: Clone>(stored: &mut Option<T>, told: Option<&Option<T>>) {
    if let Some(told) = told {
        stored.clone_from(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_does_not_have_stays_and_null_clears() {
        let stored = r#"{"max_age_s":60,"instore_location":{"aisle":"21","bay":null}}"#;
        let told = |told: Told| told.over(stored).unwrap().into_owned();
        assert_eq!(told(Told::default()), stored);
        assert_eq!(told(Told::nothing()), "{}");
        let cleared = Told { max_age_s: Some(None), ..Told::default() };
        assert_eq!(told(cleared), r#"{"instore_location":{"aisle":"21","bay":null}}"#);
        let other = Told { max_age_s: Some(Some(5)), ..Told::nothing() };
        assert_eq!(told(other.clone()), r#"{"max_age_s":5}"#);
        assert!(Told { unsaid: Unsaid::Kept, ..other }.over("damaged").is_err());
    }
}
