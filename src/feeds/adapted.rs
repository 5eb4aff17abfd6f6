//! Mapping files that name a known format: what the format calls a column, and what the file calls it.

use super::formats::{self, Format, column};
use super::mapping::{Encoding, Mapping, MappingError, toml_fault};
use super::{Mode, Options};
use csv::StringRecord;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The keys of such a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    format: String,
    delimiter: Option<char>,
    encoding: Option<Encoding>,
    mode: Option<Mode>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    #[serde(default)]
    constants: BTreeMap<String, String>,
}

/// How a file differs from its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The format.
    pub(super) format: Format,
    /// The character between columns, where it is not that of the format.
    pub(super) delimiter: Option<u8>,
    /// How its characters are written.
    pub(super) encoding: Option<Encoding>,
    /// Whether the file says all there is.
    pub(super) mode: Option<Mode>,
    /// The format's column to the name that the file gives it.
    columns: BTreeMap<String, String>,
    /// The format's column to the value of every row that has none.
    pub(super) constants: BTreeMap<String, String>,
}

/// A mapping file: for CSV of the retailer's own, or for a known format with columns of other names.
#[derive(Debug, Clone)]
pub enum MappingFile {
    /// Columns become fields of one feed.
    Own(Box<Mapping>),
    /// Columns become those of a format.
    Adapted(Adapted),
}

impl MappingFile {
    /// Reads a mapping file; all problems at once.
    pub fn load(file: &Path) -> Result<Self, MappingError> {
        let error = |problems| MappingError { file: file.to_owned(), problems };
        let text = std::fs::read_to_string(file).map_err(|e| error(vec![e.to_string()]))?;
        Self::parse(&text).map_err(error)
    }

    /// Reads the text of one; all problems at once.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let named = toml::from_str::<toml::Table>(text).ok();
        let named = named.as_ref().and_then(|table| table.get("format")?.as_str());
        match named.map(str::parse::<Format>) {
            Some(Ok(format)) if format != Format::Ndjson => {
                Adapted::parse(format, text).map(Self::Adapted)
            }
            _ => Mapping::parse(text).map(|mapping| Self::Own(Box::new(mapping))),
        }
    }

    /// Has the options import files by it.
    pub fn put_into(self, options: &mut Options) {
        match self {
            Self::Own(mapping) => options.mapping = Some(*mapping),
            Self::Adapted(adapted) => {
                options.format = adapted.format;
                options.adapted = Some(adapted);
            }
        }
    }
}

impl Adapted {
    fn parse(format: Format, text: &str) -> Result<Self, Vec<String>> {
        let keys: Keys = toml::from_str(text).map_err(|error| vec![toml_fault(text, &error)])?;
        let mut problems = Vec::new();
        let fits = |c: char| c.is_ascii() && !matches!(c, '"' | '\r' | '\n');
        if keys.delimiter.is_some_and(|c| !fits(c)) {
            problems.push(
                "delimiter: must be one ASCII character, no quote and no line end".to_owned(),
            );
        }
        let known = formats::columns::of(format);
        for (group, names) in [("columns", &keys.columns), ("constants", &keys.constants)] {
            for name in names.keys().filter(|name| !known.contains(&column(name).as_str())) {
                let meant = crate::kernel::word::nearest(&column(name), &known);
                let hint = meant.map_or_else(
                    || format!("its columns are {}", known.join(", ")),
                    |meant| format!("did you mean `{meant}`?"),
                );
                let format = &keys.format;
                problems.push(format!("{group}.\"{name}\": no column of {format}; {hint}"));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let spelled = |names: BTreeMap<String, String>| {
            names.into_iter().map(|(name, value)| (column(&name), value)).collect()
        };
        Ok(Self {
            format,
            delimiter: keys.delimiter.and_then(|c| u8::try_from(c).ok()),
            encoding: keys.encoding,
            mode: keys.mode,
            columns: spelled(keys.columns),
            constants: spelled(keys.constants),
        })
    }

    /// The format's names of a header's columns. A column whose name another has been given says nothing.
    pub(super) fn names(&self, header: &StringRecord) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = header.iter().map(column).collect();
        for (own, theirs) in &self.columns {
            let places = header.iter().enumerate().filter(|(_, name)| name.trim() == theirs);
            let places: Vec<usize> = places.map(|(place, _)| place).collect();
            let [place] = places[..] else {
                let how = if places.is_empty() { "no" } else { "more than one" };
                let given: String = header.iter().collect::<Vec<_>>().join(", ");
                let given: String = given.chars().take(200).collect();
                return Err(format!("the header has {how} column `{theirs}`; it has {given}"));
            };
            for name in names.iter_mut().filter(|name| *name == own) {
                name.clear();
            }
            names[place].clone_from(own);
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn adapted(text: &str) -> Result<Adapted, String> {
        match MappingFile::parse(text).map_err(|problems| problems.join("; "))? {
            MappingFile::Adapted(adapted) => Ok(adapted),
            MappingFile::Own(_) => Err("of its own".to_owned()),
        }
    }

    #[test]
    fn columns_get_the_names_of_the_format() {
        let text = "format = \"google-products\"\n[columns]\nid = \"Artikel\"\ntitle = \"Name\"";
        let adapted = adapted(text).unwrap();
        let of = |names: &[&str]| adapted.names(&StringRecord::from(names.to_vec()));
        assert_eq!(of(&["Artikel", "Name", "g:price"]).unwrap(), ["id", "title", "price"]);
        assert_eq!(of(&["id", "Name", "Artikel"]).unwrap(), ["", "title", "id"]);
        assert!(of(&["id", "Name"]).unwrap_err().contains("no column `Artikel`"));
        assert!(of(&["Artikel", "Name", "Name"]).unwrap_err().contains("more than one"));
    }

    #[test]
    fn what_is_no_column_of_the_format_is_named() {
        let text =
            "format = \"gs1-csv\"\n[columns]\nproductNam = \"a\"\n[constants]\nlocationGLN = \"1\"";
        let error = adapted(text).unwrap_err();
        assert!(error.contains("did you mean `product_name`"), "{error}");
        assert!(!error.contains("locationGLN"), "{error}");
        assert!(adapted("format = \"acp\"\nfeed = \"products\"").unwrap_err().contains("feed"));
        assert!(adapted("format = \"acp\"\ndelimiter = \"é\"").unwrap_err().contains("delimiter"));
        assert!(adapted("format = \"ndjson\"").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = MappingFile::parse(&text);
            let _ = MappingFile::parse(&format!("format = \"acp\"\n[columns]\nid = {text}"));
        }
    }
}
