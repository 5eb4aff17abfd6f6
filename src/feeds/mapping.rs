//! Mapping files: how the columns of a retailer's own file become fields. TOML, one per file kind.

use super::{Feed, fields};
use crate::kernel::faults::Told;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A mapping as it is written. Fields of objects have dots: `"price.amount"`, in quotes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What the file is about.
    pub feed: Feed,
    /// How the file is laid out.
    pub format: Format,
    /// The character between columns.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// How its characters are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether the file says all there is (`full`) or what is new (`incremental`).
    pub mode: Option<super::Mode>,
    /// Field to the name of the column that fills it.
    pub columns: BTreeMap<String, String>,
    /// Field to the value that all rows have. In an object that columns fill, only beside a value.
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
    /// Field to the words of the file and what they mean here; other words stay.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Field to words that mean nothing (`SIN MARCA`), whatever their case.
    #[serde(default)]
    pub drop: BTreeMap<String, Vec<String>>,
    /// Field to the decimals that it is rounded to, halves away from zero.
    #[serde(default)]
    pub round: BTreeMap<String, u8>,
    /// List field to the text between its entries.
    #[serde(default)]
    pub split: BTreeMap<String, String>,
    /// Time field to the zone of dates and times that have none.
    #[serde(default)]
    pub zone: BTreeMap<String, String>,
    /// The column that holds a GTIN or some other code (products only).
    pub gtin_from: Option<String>,
    /// What becomes of a code in `gtin_from` that is no GTIN.
    #[serde(default)]
    pub on_invalid_gtin: OnInvalidGtin,
    /// A column such as `800.0 gr` (products only).
    pub pack: Option<Pack>,
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A header line, then a record per line (RFC 4180).
    Csv,
}

/// How characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252; ISO-8859-1 is read as it, as browsers do.
    #[serde(rename = "windows-1252", alias = "iso-8859-1")]
    Windows1252,
}

/// No encoding has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be utf-8, windows-1252 or iso-8859-1; UTF-16 is known by its byte-order mark")]
pub struct UnknownEncoding;

impl std::str::FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        match text.to_ascii_lowercase().as_str() {
            "utf-8" => Ok(Self::Utf8),
            "windows-1252" | "iso-8859-1" => Ok(Self::Windows1252),
            _ => Err(UnknownEncoding),
        }
    }
}

/// What becomes of a code that is no GTIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalidGtin {
    /// The row is refused.
    #[default]
    Reject,
    /// The code is kept as an identifier of type `internal`, and the product has no GTIN.
    Identifier,
}

/// A column with a number and a unit, which becomes the net content.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The column.
    pub column: String,
    /// The file's units and their UN/CEFACT codes.
    pub units: BTreeMap<String, String>,
    /// The pack that says that a product without a GTIN is sold by weight (`1.0 kg`).
    pub sold_by_weight: Option<String>,
}

fn comma() -> char {
    ','
}

/// All that is wrong with a mapping file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", file.display(), problems.join("; "))]
pub struct MappingError {
    /// The file.
    pub file: PathBuf,
    /// Each problem, with its key.
    pub problems: Vec<String>,
}

impl Mapping {
    /// Reads a mapping file; all problems at once.
    pub fn load(file: &Path) -> Result<Self, MappingError> {
        let error = |problems| MappingError { file: file.to_owned(), problems };
        let text = std::fs::read_to_string(file).map_err(|e| error(vec![e.to_string()]))?;
        Self::parse(&text).map_err(error)
    }

    /// Reads the text of a mapping file; all problems at once.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mapping: Self = toml::from_str(text).map_err(|error| vec![toml_fault(text, &error)])?;
        let problems = mapping.problems();
        if problems.is_empty() { Ok(mapping) } else { Err(problems) }
    }

    /// What is wrong although the file has the right shape.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.delimiter.is_ascii() || matches!(self.delimiter, '"' | '\r' | '\n') {
            problems.push(
                "delimiter: must be one ASCII character, no quote and no line end".to_owned(),
            );
        }
        let groups: [(&str, Vec<&String>); 7] = [
            ("columns", self.columns.keys().collect()),
            ("constants", self.constants.keys().collect()),
            ("values", self.values.keys().collect()),
            ("drop", self.drop.keys().collect()),
            ("round", self.round.keys().collect()),
            ("split", self.split.keys().collect()),
            ("zone", self.zone.keys().collect()),
        ];
        for (group, keys) in groups {
            problems.extend(keys.into_iter().filter_map(|key| self.problem(group, key)));
        }
        for (field, zone) in &self.zone {
            if jiff::tz::TimeZone::get(zone).is_err() {
                problems.push(format!("zone.\"{field}\": `{zone}` is no IANA time zone"));
            }
        }
        problems.extend(self.product_problems());
        problems
    }

    fn product_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let gtin = self.gtin_from.is_some();
        if self.feed != Feed::Products && (gtin || self.pack.is_some()) {
            problems.push("gtin_from, pack: are for products only".to_owned());
        }
        if gtin && (self.columns.contains_key("gtin") || self.constants.contains_key("gtin")) {
            problems.push("gtin_from: fills gtin already; take gtin out of columns".to_owned());
        }
        if !gtin && self.on_invalid_gtin == OnInvalidGtin::Identifier {
            problems.push("on_invalid_gtin: needs gtin_from".to_owned());
        }
        problems
    }

    /// What is wrong with one key of one group.
    fn problem(&self, group: &str, key: &str) -> Option<String> {
        let Some((_, kind)) = fields::find(self.feed, key) else {
            let known: Vec<&str> = fields::of(self.feed).iter().map(|(name, _)| *name).collect();
            let meant = crate::kernel::word::nearest(key, &known);
            let hint = meant.map_or_else(
                || format!("fields are {}", known.join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            let feed = self.feed.as_str();
            return Some(format!("{group}.\"{key}\": no field of {feed}; {hint}"));
        };
        let filled = self.columns.contains_key(key);
        match group {
            "constants" if filled => Some(format!("{group}.\"{key}\": is in columns too")),
            "columns" | "constants" => None,
            _ if !filled => Some(format!("{group}.\"{key}\": needs the field in columns")),
            "split" if kind != fields::Kind::List => Some(format!("{group}.\"{key}\": is no list")),
            "zone" if kind != fields::Kind::Instant => {
                Some(format!("{group}.\"{key}\": is no time"))
            }
            _ => None,
        }
    }
}

/// What is wrong with a text of TOML, with its line.
pub(super) fn toml_fault(text: &str, error: &toml::de::Error) -> String {
    let said = error.message().trim();
    let is_of_a_key = ["unknown field", "missing field", "duplicate field"];
    let key = said.split('`').nth(1).filter(|_| is_of_a_key.iter().any(|it| said.starts_with(it)));
    let told = Told::of(said).message.replace('\n', " ");
    let told = key.map_or_else(|| told.clone(), |key| format!("{key}: {told}"));
    let before = error.span().and_then(|span| text.get(..span.start));
    match before.map(|before| 1 + before.matches('\n').count()) {
        Some(line) => format!("line {line}: {told}"),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_problem_is_named_at_once() {
        let problems = Mapping::parse(
            r#"
            feed = "offers"
            format = "csv"
            delimiter = "\""
            gtin_from = "code"
            [columns]
            sku = "id"
            "price.amout" = "precio"
            [constants]
            sku = "1"
            [zone]
            as_of = "Mars/Olympus"
            "#,
        )
        .unwrap_err();
        let all = problems.join("\n");
        for part in
            ["delimiter", "did you mean `price.amount`", "constants.\"sku\"", "Mars", "gtin_from"]
        {
            assert!(all.contains(part), "{part} in {all}");
        }
    }

    #[test]
    fn the_mappings_that_come_along_are_right() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/feeds");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            crate::feeds::MappingFile::load(&entry.unwrap().path()).unwrap();
            seen += 1;
        }
        assert!(seen >= 10, "{seen}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = Mapping::parse(&text);
        }
    }
}
