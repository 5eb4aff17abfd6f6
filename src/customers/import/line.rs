//! A line of a feed, read and checked.

use super::CustomerFeed;
use super::check::CheckedDocument;
use crate::catalog::Fault;
use crate::customers::model::{
    CustomerList, CustomerProfile, CustomerPurchase, LoyaltyAccount, PersonalPromotion,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// Most characters of an id.
const MOST_ID: usize = 100;
/// Where a document says whose it is.
const CUSTOMER: &str = "customer_id";

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedDocument {
    /// Who a customer is.
    Customer(Box<CustomerProfile>),
    /// What they bought.
    Purchase(Box<CustomerPurchase>),
    /// Their loyalty account.
    Loyalty(Box<LoyaltyAccount>),
    /// Their list.
    List(Box<CustomerList>),
    /// A promotion that is their own.
    Promotion(Box<PersonalPromotion>),
}

/// A line of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// Its number in the file.
    pub line: u64,
    /// Whose it is.
    pub customer: String,
    /// What it says.
    pub document: FeedDocument,
}

impl FeedDocument {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Customer(it) => &it.id,
            Self::Purchase(it) => &it.id,
            Self::Loyalty(it) => &it.id,
            Self::List(it) => &it.id,
            Self::Promotion(it) => &it.id,
        }
    }

    fn read(feed: CustomerFeed, value: Value) -> Result<Self, Fault> {
        Ok(match feed {
            CustomerFeed::Customers => Self::Customer(typed(value)?),
            CustomerFeed::Purchases => Self::Purchase(typed(value)?),
            CustomerFeed::Loyalty => Self::Loyalty(typed(value)?),
            CustomerFeed::Lists => Self::List(typed(value)?),
            CustomerFeed::Promotions => Self::Promotion(typed(value)?),
        })
    }
}

impl FeedRow {
    /// Reads a line; why it says nothing otherwise.
    pub(super) fn read(feed: CustomerFeed, line: u64, text: &[u8]) -> Result<Self, Fault> {
        let malformed = |error: serde_json::Error| {
            fault("", "malformed", format!("is no JSON, at byte {} of the line", error.column()))
        };
        let mut value: Value = serde_json::from_slice(text).map_err(malformed)?;
        if !value.is_object() {
            return Err(fault("", "malformed", "is no object"));
        }
        let named = match feed {
            CustomerFeed::Customers => None,
            _ => Some(customer_of(&mut value)?),
        };
        let document = FeedDocument::read(feed, value)?;
        checked_id("id", document.id())?;
        let customer = named.unwrap_or_else(|| document.id().to_owned());
        Ok(Self { line, customer, document })
    }
}

/// A fault of a field, without what stands there.
pub(super) fn fault(field: &str, code: &'static str, message: impl Into<String>) -> Fault {
    Fault::new(field.to_owned(), "", code, message)
}

/// Takes out of a document whose it is.
fn customer_of(value: &mut Value) -> Result<String, Fault> {
    match value.as_object_mut().and_then(|fields| fields.remove(CUSTOMER)) {
        Some(Value::String(customer)) => {
            checked_id(CUSTOMER, &customer)?;
            Ok(customer)
        }
        Some(_) => Err(fault(CUSTOMER, "malformed", "must be a text")),
        None => Err(fault(CUSTOMER, "missing", "must name the customer whose it is")),
    }
}

fn checked_id(field: &str, id: &str) -> Result<(), Fault> {
    let is_id = (1..=MOST_ID).contains(&id.chars().count()) && !id.chars().any(char::is_control);
    if is_id {
        return Ok(());
    }
    let message = format!("must be 1 to {MOST_ID} characters, none of them a control");
    Err(fault(field, "malformed", message))
}

/// The document that a value is, checked.
fn typed<T: DeserializeOwned + CheckedDocument>(value: Value) -> Result<Box<T>, Fault> {
    let document: T = serde_path_to_error::deserialize(value)
        .map_err(|error| shape(error.path(), &error.inner().to_string()))?;
    document.check()?;
    Ok(Box::new(document))
}

/// What is wrong with the shape of a document, by what the parser says. It repeats what it has read, so that only what it
/// has expected is taken from it.
fn shape(path: &Path, said: &str) -> Fault {
    let mut way: Vec<&Segment> = path.iter().collect();
    // Behind the last one there may be what a text of the file says.
    let expected = said.rsplit_once(", expected ").map(|(_, expected)| expected);
    let is = |kind: &str| said.starts_with(kind);
    if is("unknown field") {
        let is_unknown = |last: &&Segment| matches!(last, Segment::Map { key } if is(&format!("unknown field `{key}`")));
        if way.last().is_some_and(is_unknown) {
            way.pop();
        }
        let message =
            format!("has a field that it cannot have; it has {}", expected.unwrap_or("none"));
        return fault(&spelled(&way), "unknown_field", message);
    }
    let field = spelled(&way);
    if is("missing field") {
        return fault(&field, "missing", said.to_owned());
    }
    if is("invalid type") || is("invalid value") || is("invalid length") || is("unknown variant") {
        return fault(&field, "malformed", format!("must be {}", expected.unwrap_or("otherwise")));
    }
    // What the documents' own types say of a text does not repeat it.
    fault(&field, "malformed", own(said))
}

/// What our own types say; nothing of it where it is none of theirs.
fn own(said: &str) -> String {
    const KNOWN: [&str; 5] = ["must be ", "is ", "has ", "ends with ", "begins with "];
    let is_own = KNOWN.iter().any(|known| said.starts_with(known)) && !said.contains('"');
    if is_own { said.to_owned() } else { "is not of the form that it should be".to_owned() }
}

/// The names on the way to a field, with dots between, and the places of entries from 0.
fn spelled(way: &[&Segment]) -> String {
    let mut text = String::new();
    for segment in way {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}
