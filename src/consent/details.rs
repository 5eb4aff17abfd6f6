//! The authorization details type `retail_customer_data` (RFC 9396): what a partner asks for, in one object.

use super::category::{SensitiveCategories, SensitiveCategory};
use super::purpose::{DAYS_MOST, HISTORY_MOST, PurposeDocument, PurposeId, RETENTION_MOST};
use super::scope::{OAuthScope, OAuthScopes};
use super::settings::ConsentSettings;
use crate::kernel::Object;
use crate::kernel::word::{Word as _, read_words, words};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Display;

/// The type's name.
pub const DETAILS_TYPE: &str = "retail_customer_data";
/// Days for which a consent lasts at most that is given once: time enough to fetch what was agreed to.
pub const ONCE_DAYS: u16 = 1;
/// The action that there is.
const READ: &str = "read";

words! {
    /// How often data may be read.
    pub enum AccessMode {
        /// In one go: there is one code, one access token and no refresh token, and it is over within a day.
        Once = "once",
        /// As long as the consent lasts.
        Recurring = "recurring",
    }
}
read_words!(AccessMode);

/// What is asked for or agreed to, in its canonical form: each member is there, datatypes and categories are
/// in the order of the documents, once each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerDataDetails {
    /// What is read, as the scopes of the datatypes.
    pub datatypes: OAuthScopes,
    /// What for.
    pub purpose_id: PurposeId,
    /// Months before the consent whose data is read; with 0 only what comes after it.
    pub history_months: u16,
    /// How often.
    pub access: AccessMode,
    /// Days for which the consent lasts.
    pub duration_days: u16,
    /// Days for which the partner keeps the data.
    pub retention_days: u16,
    /// What is left out.
    pub exclude_categories: SensitiveCategories,
    /// Resource servers; none stands for this one.
    pub locations: Vec<String>,
}

/// Why details are refused: `invalid_authorization_details` (RFC 9396 §5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDetails {
    /// It is no array of such objects: it has a member that the type does not know, lacks one, or has one
    /// twice, as null or of another kind.
    #[error("authorization_details: {0}")]
    Shape(String),
    /// More than one object, or none: each purpose needs a consent of its own.
    #[error("authorization_details: give one object, for one purpose")]
    Count,
    /// A type that there is not.
    #[error("authorization_details: the type must be retail_customer_data")]
    Type,
    /// A member has a value that it cannot have.
    #[error("authorization_details: {member} {must}")]
    Value {
        /// The member.
        member: &'static str,
        /// What it must be.
        must: String,
    },
}

impl InvalidDetails {
    fn value(member: &'static str, must: impl Into<String>) -> Self {
        Self::Value { member, must: must.into() }
    }
}

/// The object as it comes. Numbers are whole, and a name that is here twice is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenDetails {
    r#type: String,
    actions: Vec<String>,
    datatypes: Vec<String>,
    purpose_id: String,
    history_months: u16,
    access: String,
    duration_days: u16,
    retention_days: u16,
    #[serde(default, deserialize_with = "there")]
    exclude_categories: Option<Vec<String>>,
    #[serde(default)]
    locations: Vec<String>,
}

/// A member that may be left out, and is not null where it is there.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl CustomerDataDetails {
    /// Reads an `authorization_details` parameter of an API at this address. Where it does not say what is left out,
    /// all that is sensitive is.
    pub fn parse(
        text: &str,
        api: &str,
        sensitive: SensitiveCategories,
    ) -> Result<Self, InvalidDetails> {
        let shape = |error: serde_json::Error| InvalidDetails::Shape(error.to_string());
        let given: Vec<Object<GivenDetails>> = serde_json::from_str(text).map_err(shape)?;
        let mut given = given.into_iter();
        let (Some(Object(one)), None) = (given.next(), given.next()) else {
            return Err(InvalidDetails::Count);
        };
        let details = one.read(Some(sensitive))?;
        if details.datatypes.is_empty() {
            return Err(InvalidDetails::value("datatypes", "must name one at least"));
        }
        if details.locations.iter().any(|location| location != api) {
            return Err(InvalidDetails::value("locations", format!("can only be {api}")));
        }
        Ok(details)
    }

    /// What a request that names scopes alone asks for: the least that serves it. Only what comes after the
    /// consent is read, in one go where there is no `offline_access`.
    #[must_use]
    pub fn of_scopes(
        scopes: OAuthScopes,
        purpose: &PurposeDocument,
        settings: ConsentSettings,
    ) -> Self {
        let is_recurring = scopes.has(OAuthScope::OfflineAccess);
        let days = settings.default_days.min(settings.max_days).min(purpose.max_duration_days);
        Self {
            datatypes: scopes.that(|scope| scope.datatype().is_some()),
            purpose_id: purpose.purpose_id.clone(),
            history_months: 0,
            access: if is_recurring { AccessMode::Recurring } else { AccessMode::Once },
            duration_days: if is_recurring { days } else { days.min(ONCE_DAYS) },
            retention_days: purpose.retention_days,
            exclude_categories: settings.sensitive_categories,
            locations: Vec::new(),
        }
    }

    /// What is left of it for some scopes, such as those of one token; `None` where they read nothing.
    #[must_use]
    pub fn cut_to(&self, scopes: OAuthScopes) -> Option<Self> {
        let datatypes = self.datatypes.and(scopes);
        (!datatypes.is_empty()).then(|| Self { datatypes, ..self.clone() })
    }
}

/// A number within its bounds.
fn bounded(
    member: &'static str,
    number: u16,
    least: u16,
    most: u16,
) -> Result<u16, InvalidDetails> {
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(InvalidDetails::value(member, format!("must be {least} to {most}")))
    }
}

/// What a member must be, by the error of its own type.
fn must<E: Display>(member: &'static str) -> impl Fn(E) -> InvalidDetails {
    move |error| InvalidDetails::value(member, error.to_string())
}

impl GivenDetails {
    /// What the object says; with what is left out where it does not say, if that is known.
    fn read(
        self,
        sensitive: Option<SensitiveCategories>,
    ) -> Result<CustomerDataDetails, InvalidDetails> {
        let given = self;
        if given.r#type != DETAILS_TYPE {
            return Err(InvalidDetails::Type);
        }
        if given.actions != [READ] {
            return Err(InvalidDetails::value("actions", "must be [\"read\"]"));
        }
        let datatype = |name: &String| {
            let unknown = || InvalidDetails::value("datatypes", format!("has no `{name}`"));
            OAuthScope::of_datatype(name).ok_or_else(unknown)
        };
        let category = |name: &String| name.parse::<SensitiveCategory>();
        let excluded = given.exclude_categories.map(|names| names.iter().map(category).collect());
        let excluded = excluded.transpose().map_err(must("exclude_categories"))?.or(sensitive);
        let missing = || InvalidDetails::Shape("missing field `exclude_categories`".to_owned());
        let mut locations = given.locations;
        locations.sort_unstable();
        locations.dedup();
        Ok(CustomerDataDetails {
            datatypes: given.datatypes.iter().map(datatype).collect::<Result<_, _>>()?,
            purpose_id: given.purpose_id.parse().map_err(must("purpose_id"))?,
            history_months: bounded("history_months", given.history_months, 0, HISTORY_MOST)?,
            access: given.access.parse().map_err(must("access"))?,
            duration_days: bounded("duration_days", given.duration_days, 1, DAYS_MOST)?,
            retention_days: bounded("retention_days", given.retention_days, 0, RETENTION_MOST)?,
            exclude_categories: excluded.ok_or_else(missing)?,
            locations,
        })
    }
}

impl Serialize for CustomerDataDetails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let datatypes: Vec<_> = self.datatypes.iter().filter_map(OAuthScope::datatype).collect();
        let members = if self.locations.is_empty() { 9 } else { 10 };
        let mut object = serializer.serialize_struct("CustomerDataDetails", members)?;
        object.serialize_field("type", DETAILS_TYPE)?;
        object.serialize_field("actions", &[READ])?;
        object.serialize_field("datatypes", &datatypes)?;
        object.serialize_field("purpose_id", &self.purpose_id)?;
        object.serialize_field("history_months", &self.history_months)?;
        object.serialize_field("access", self.access.as_str())?;
        object.serialize_field("duration_days", &self.duration_days)?;
        object.serialize_field("retention_days", &self.retention_days)?;
        object.serialize_field("exclude_categories", &self.exclude_categories)?;
        if !self.locations.is_empty() {
            object.serialize_field("locations", &self.locations)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for CustomerDataDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(given) = Object::<GivenDetails>::deserialize(deserializer)?;
        given.read(None).map_err(serde::de::Error::custom)
    }
}
