//! Files of keys as rows: NDJSON, or CSV with a line of names.

use super::{Digest, Fault, Row};
use crate::access::Scopes;
use crate::access::key::{HINT_MOST, is_hint};
use crate::access::model::{Cidr, KeySpec, Name};
use crate::kernel::Micros;
use crate::kernel::faults::Told;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object in each line.
    Ndjson,
    /// Rows under a line of names.
    Csv,
}

/// A row as it stands in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RowIn {
    app_id: Option<String>,
    name: Option<String>,
    sha256: Option<String>,
    blake3: Option<String>,
    environment: Option<String>,
    scopes: Option<Several>,
    cidrs: Option<Several>,
    expires_at: Option<String>,
    hint: Option<String>,
}

/// Several words: a list, or one text with spaces or commas between.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Several {
    List(Vec<String>),
    Text(String),
}

impl Several {
    fn words(&self) -> Vec<&str> {
        match self {
            Self::List(words) => words.iter().map(String::as_str).collect(),
            Self::Text(text) => {
                text.split([' ', ',', '\t']).filter(|word| !word.is_empty()).collect()
            }
        }
    }
}

/// The rows of a file, each right or at fault.
#[must_use]
pub fn parse(format: Format, bytes: &[u8]) -> Vec<Result<Row, Fault>> {
    match format {
        Format::Ndjson => ndjson(bytes),
        Format::Csv => csv(bytes),
    }
}

fn malformed(line: u64, message: impl Display) -> Fault {
    Fault { line, field: "", code: "malformed", message: message.to_string() }
}

fn ndjson(bytes: &[u8]) -> Vec<Result<Row, Fault>> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let read = |(text, line): (&[u8], u64)| {
        // Its message may repeat what stands there, so only its place is told.
        let row = serde_json::from_slice::<RowIn>(text);
        row.map_err(|error| malformed(line, told(&error))).and_then(|row| row.read(line))
    };
    lines.map(read).collect()
}

/// What is wrong with a line of JSON, without a value that stands there: it may be the hash of a key.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("duplicate field") {
        return Told::of(&text).message;
    }
    if text.starts_with("unknown field") {
        return format!("has a field that is none of ours, at column {}", error.column());
    }
    format!("is no JSON object of a key, at column {}", error.column())
}

fn csv(bytes: &[u8]) -> Vec<Result<Row, Fault>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let names = match reader.headers() {
        Ok(names) => names.clone(),
        Err(error) => return vec![Err(malformed(1, error))],
    };
    let read = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| {
            malformed(error.position().map_or(0, csv::Position::line), "is no row of CSV")
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells: HashMap<&str, &str> =
            names.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty()).collect();
        let row = RowIn::of_cells(&cells).map_err(|name| {
            // The name itself is not told: where the line of names is missing, it may be the hash of a key.
            let place = names.iter().position(|known| known == name).map_or(0, |at| at + 1);
            malformed(
                line,
                format!("column {place} has a name in the first line that is none of ours"),
            )
        });
        row?.read(line)
    };
    reader.records().map(read).collect()
}

fn field<T>(line: u64, field: &'static str, text: Option<&str>) -> Result<Option<T>, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error: T::Err| Fault {
        line,
        field,
        code: "malformed",
        message: error.to_string(),
    })
}

fn needed<T>(line: u64, field: &'static str, value: Option<T>) -> Result<T, Fault> {
    let missing = || Fault { line, field, code: "missing", message: "is missing".to_owned() };
    value.ok_or_else(missing)
}

impl RowIn {
    fn of_cells<'a>(cells: &HashMap<&'a str, &str>) -> Result<Self, &'a str> {
        let mut row = Self::default();
        for (name, cell) in cells {
            let text = Some((*cell).to_owned());
            match *name {
                "app_id" => row.app_id = text,
                "name" => row.name = text,
                "sha256" => row.sha256 = text,
                "blake3" => row.blake3 = text,
                "environment" => row.environment = text,
                "scopes" => row.scopes = text.map(Several::Text),
                "cidrs" => row.cidrs = text.map(Several::Text),
                "expires_at" => row.expires_at = text,
                "hint" => row.hint = text,
                other => return Err(other),
            }
        }
        Ok(row)
    }

    fn read(self, line: u64) -> Result<Row, Fault> {
        let scopes = match &self.scopes {
            None => Scopes::usual(),
            Some(several) => {
                let scopes = field(line, "scopes", Some(&several.words().join(" ")))?;
                scopes.unwrap_or_default()
            }
        };
        let mut cidrs: Vec<IpNet> = Vec::new();
        for word in self.cidrs.iter().flat_map(Several::words) {
            cidrs.extend(field::<Cidr>(line, "cidrs", Some(word))?.map(|cidr| cidr.0));
        }
        let hint = self.hint.clone().unwrap_or_default();
        if !hint.is_empty() && !is_hint(&hint) {
            let message = format!("has at most {HINT_MOST} characters, the last ones of the key");
            return Err(Fault { line, field: "hint", code: "too_long", message });
        }
        let environment = field(line, "environment", self.environment.as_deref())?;
        let spec = KeySpec {
            app: needed(line, "app_id", field(line, "app_id", self.app_id.as_deref())?)?,
            environment: environment.unwrap_or(crate::access::Environment::Live),
            name: needed(line, "name", field::<Name>(line, "name", self.name.as_deref())?)?,
            scopes,
            cidrs,
            expires_at: field::<Micros>(line, "expires_at", self.expires_at.as_deref())?,
        };
        Ok(Row { line, spec, digest: self.digest(line)?, hint })
    }

    fn digest(&self, line: u64) -> Result<Digest, Fault> {
        let fault = |field, code, message: &str| {
            Err(Fault { line, field, code, message: message.to_owned() })
        };
        match (&self.sha256, &self.blake3) {
            (Some(text), None) => match sha256(text) {
                Some(hash) => Ok(Digest::Sha256(hash)),
                None => fault(
                    "sha256",
                    "malformed",
                    "is no SHA-256: 64 hexadecimal digits, or base64 of 32 bytes",
                ),
            },
            (None, Some(text)) => match blake3::Hash::from_hex(text) {
                Ok(hash) => Ok(Digest::Stored(*hash.as_bytes())),
                Err(_) => fault("blake3", "malformed", "is no keyed BLAKE3: 64 hexadecimal digits"),
            },
            _ => fault("sha256", "missing", "give either `sha256` or `blake3`"),
        }
    }
}

/// A SHA-256 in hexadecimal digits or base64 of either alphabet.
fn sha256(text: &str) -> Option<[u8; 32]> {
    if let Ok(hash) = blake3::Hash::from_hex(text) {
        return Some(*hash.as_bytes());
    }
    let text = text.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const BASE64: &str = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";

    #[test]
    fn both_formats_say_the_same() {
        let app = "app_00000000001";
        let json = format!(
            "{{\"app_id\":\"{app}\",\"name\":\"old\",\"sha256\":\"{HASH}\",\"scopes\":[\"stock:read\"],\
             \"cidrs\":[\"192.0.2.0/24\"]}}\n\n{{\"app_id\":\"{app}\",\"name\":\"b\",\"sha256\":\"{BASE64}\"}}\n"
        );
        let csv = format!(
            "app_id,name,sha256,scopes,cidrs\n{app},old,{HASH},stock:read,192.0.2.0/24\n{app},b,{BASE64},,\n"
        );
        for (format, text) in [(Format::Ndjson, &json), (Format::Csv, &csv)] {
            let rows: Vec<Row> =
                parse(format, text.as_bytes()).into_iter().map(Result::unwrap).collect();
            let scopes = [crate::access::Scope::StockRead].into_iter().collect();
            assert_eq!((rows[0].spec.scopes, rows[1].spec.scopes), (scopes, Scopes::usual()));
            assert_eq!(rows[0].spec.cidrs.len(), 1);
            let digest = |row: &Row| match row.digest {
                Digest::Sha256(hash) => hash,
                Digest::Stored(_) => panic!("another digest"),
            };
            assert_eq!(digest(&rows[0]), digest(&rows[1]));
        }
    }

    #[test]
    fn a_fault_names_line_and_field_and_no_value() {
        let lines = [
            (r#"{"name":"x"}"#, "app_id", "missing"),
            (r#"{"app_id":"app_1","name":"x"}"#, "app_id", "malformed"),
            (r#"{"app_id":"app_00000000001","name":"x"}"#, "sha256", "missing"),
            (r#"{"app_id":"app_00000000001","name":"x","sha256":"S3CRET"}"#, "sha256", "malformed"),
            (r#"{"app_id":"app_00000000001","name":"x","scopes":"all"}"#, "scopes", "malformed"),
            (r#"{"sha256":"S3CRET""#, "", "malformed"),
            (r#"{"sha256":{"S3CRET":1}}"#, "", "malformed"),
            (r#"{"S3CRET":1}"#, "", "malformed"),
        ];
        for (line, field, code) in lines {
            let fault = parse(Format::Ndjson, line.as_bytes()).remove(0).unwrap_err();
            assert_eq!((fault.line, fault.field, fault.code), (1, field, code), "{line}");
            assert!(!fault.message.contains("S3CRET"), "{}", fault.message);
        }
        // Without its line of names the first row stands for them.
        let csv = format!("app_00000000001,old,{HASH}\napp_00000000001,b,{BASE64}\n");
        let fault = parse(Format::Csv, csv.as_bytes()).remove(0).unwrap_err();
        let place = (1..=3).any(|n| fault.message.starts_with(&format!("column {n} ")));
        assert!(place && !fault.message.contains(HASH), "{}", fault.message);
    }

    proptest! {
        #[test]
        fn no_file_panics(bytes: Vec<u8>) {
            let _ = parse(Format::Ndjson, &bytes);
            let _ = parse(Format::Csv, &bytes);
        }
    }
}
