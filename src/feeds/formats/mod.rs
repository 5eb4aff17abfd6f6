//! Formats that a retailer's systems write already, so that no mapping is needed: the Google product
//! and local inventory feeds, GS1's words as columns, the Agentic Commerce Protocol's product feed.
//!
//! One record of a file may tell a product, its categories, an offer and a level. Each feed is
//! imported by itself and takes what is its own.

mod acp;
mod availability;
pub(super) mod columns;
mod google;
mod gs1;
mod markup;
pub(super) mod read;
pub(super) mod text;
pub(super) mod xml;

use super::{Adapted, Feed, Mode};
use crate::catalog::Fault;
use crate::kernel::Micros;
use serde_json::{Map, Value};

/// How a file is laid out, where no mapping says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A JSON object per line, in the API's own shapes.
    #[default]
    Ndjson,
    /// The Google Merchant product feed: tabs under a header, RSS 2.0 or Atom.
    GoogleProducts,
    /// The Google local inventory feed: tabs under a header, RSS 2.0 or Atom.
    GoogleLocalInventory,
    /// CSV whose columns have the names of the GS1 Web Vocabulary.
    Gs1Csv,
    /// The product feed of the Agentic Commerce Protocol: JSON lines or CSV.
    Acp,
}

/// No format has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be ndjson, google-products, google-local-inventory, gs1-csv or acp")]
pub struct UnknownFormat;

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(UnknownFormat)
    }
}

impl Format {
    const ALL: [Self; 5] =
        [Self::Ndjson, Self::GoogleProducts, Self::GoogleLocalInventory, Self::Gs1Csv, Self::Acp];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::GoogleProducts => "google-products",
            Self::GoogleLocalInventory => "google-local-inventory",
            Self::Gs1Csv => "gs1-csv",
            Self::Acp => "acp",
        }
    }

    /// What a file tells, in the order of import; offers and levels of the web shop only where a
    /// store is named for them, while rows of GS1's CSV may name it themselves. Of our own NDJSON
    /// nothing is known beforehand.
    #[must_use]
    pub fn feeds(self, with_store: bool) -> &'static [Feed] {
        use Feed::{Categories, Offers, Products, Stock};
        match (self, with_store) {
            (Self::Ndjson, _) => &[],
            (Self::GoogleLocalInventory, _) => &[Offers, Stock],
            (Self::Gs1Csv, _) => &[Products, Offers],
            (Self::GoogleProducts | Self::Acp, false) => &[Categories, Products],
            (Self::GoogleProducts | Self::Acp, true) => &[Categories, Products, Offers, Stock],
        }
    }

    /// What a file tells that is left out where no store is named for it.
    pub fn left_out(self, with_store: bool) -> impl Iterator<Item = Feed> {
        let taken = self.feeds(with_store);
        self.feeds(true).iter().copied().filter(|feed| !taken.contains(feed))
    }

    /// Why a feed that a file tells is left out.
    #[must_use]
    pub fn names_no_store(self, feed: Feed) -> String {
        let (format, feed) = (self.as_str(), feed.as_str());
        format!("{format} names no store for {feed}; name that of the web shop (`store`, --store)")
    }

    /// Whether a file tells something about a feed; why not otherwise.
    pub(super) fn tells(self, feed: Feed, with_store: bool) -> Result<(), String> {
        if self == Self::Ndjson || self.feeds(with_store).contains(&feed) {
            return Ok(());
        }
        let (format, feed_name) = (self.as_str(), feed.as_str());
        if self.feeds(true).contains(&feed) {
            return Err(self.names_no_store(feed));
        }
        let told: Vec<&str> = self.feeds(true).iter().map(|feed| feed.as_str()).collect();
        Err(format!("{format} tells nothing about {feed_name}; it tells {}", told.join(", ")))
    }

    /// Categories that come along with products are never all there are.
    pub(super) fn mode(self, feed: Feed, asked: Mode) -> Mode {
        if self != Self::Ndjson && feed == Feed::Categories { Mode::Incremental } else { asked }
    }
}

/// The named texts of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((column(name), value.into()));
    }

    /// Adds what there is under names that are written as [`column()`] writes them.
    fn extend(&mut self, named: impl IntoIterator<Item = (&'static str, String)>) {
        self.0.extend(named.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }

    /// Names what is said and not read, by a path that no column has.
    fn note(&mut self, name: &str, part: &str) {
        self.0.push((format!("{name}.{}", column(part)), "…".to_owned()));
    }

    /// The names of what is not empty.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| !value.trim().is_empty()).map(|(name, _)| name.as_str())
    }

    /// The first text of that name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let texts = self.0.iter().filter(|(own, _)| own == name);
        texts.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }

    /// Every text of that name that is not empty.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let texts = self.0.iter().filter(move |(own, _)| own == name);
        texts.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }
}

/// A column's name in one spelling: `g:image link`, `Image_Link` and `image_link` are the same.
pub(super) fn column(name: &str) -> String {
    let name = name.trim().trim_start_matches('\u{feff}');
    let name = name.strip_prefix("g:").or_else(|| name.strip_prefix("gs1:")).unwrap_or(name);
    let mut column = String::with_capacity(name.len() + 2);
    let mut small = false;
    for c in name.chars() {
        if c.is_uppercase() && small {
            column.push('_');
        }
        small = c.is_lowercase() || c.is_ascii_digit();
        column.extend(if matches!(c, ' ' | '-' | '.' | ':') { '_' } else { c }.to_lowercase());
    }
    column
}

/// Makes lines of a feed out of the records of a format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Translator<'a> {
    pub(super) format: Format,
    pub(super) feed: Feed,
    pub(super) store: Option<&'a str>,
    pub(super) now: Micros,
    /// How the file differs from its format.
    pub(super) adapted: Option<&'a Adapted>,
}

impl Translator<'_> {
    /// The lines that a record says about the feed; none where it says nothing about it.
    pub(super) fn lines(&self, record: &Fields) -> Result<Vec<Value>, Fault> {
        match self.format {
            Format::GoogleProducts => google::product_feed(self, record),
            Format::GoogleLocalInventory => google::local_inventory(self, record),
            Format::Gs1Csv => gs1::lines(self, record),
            Format::Acp => google::product_feed(self, record),
            Format::Ndjson => Ok(Vec::new()),
        }
    }

    /// What of a refused record names what it is about.
    pub(super) fn key(&self, record: &Fields) -> Value {
        if self.format == Format::Gs1Csv {
            return gs1::key(self, record);
        }
        let adapted = (self.format == Format::Acp).then(|| acp::adapted(record));
        let record = adapted.as_ref().unwrap_or(record);
        let mut row = Row::default();
        row.text("sku", record.get("id"));
        row.text("store_code", record.get("store_code").or(self.store));
        row.text("channel", record.get("store_code").is_none().then_some("online"));
        row.done()
    }
}

/// An object under construction: what is not there is left out.
#[derive(Default)]
struct Row(Map<String, Value>);

impl Row {
    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), Value::from(value));
        }
    }

    fn value(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn list(&mut self, name: &str, values: Vec<Value>) {
        if !values.is_empty() {
            self.0.insert(name.to_owned(), Value::Array(values));
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests;
