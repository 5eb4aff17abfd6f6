//! Exports of billing periods, made and read back as who gets them would.

use crate::support::TestApp;
use comptoir::access::Pepper;
use comptoir::billing::export::{
    Asked, Billed, Content, Format, Order, Question, export_to_directory,
};
use comptoir::billing::keys::{Jwks, Signer};
use comptoir::billing::manifest::Manifest;
use comptoir::billing::manifest::verify::verify;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A row by the names of its columns; an empty text is nothing.
pub(super) type Record = BTreeMap<String, String>;

fn signer() -> Signer {
    Signer::derived(&Pepper::from_hex(&"5".repeat(64)).unwrap(), 1).unwrap()
}

/// The published keys.
pub(super) fn keys() -> Jwks {
    Jwks { keys: vec![signer().public] }
}

/// An export in a directory of its own.
pub(super) struct Exported {
    dir: TempDir,
    pub(super) manifest: Manifest,
}

/// Exports a billing period.
pub(super) async fn exported(
    app: &TestApp,
    content: &str,
    period: &str,
    (format, by_day): (Format, bool),
) -> Exported {
    let now = app.clock.now();
    let billed = Billed::find(&app.db, period.parse().unwrap(), now).await.unwrap();
    let content: Content = content.parse().unwrap();
    let issuer = Some("Maison".to_owned());
    let question = Question { content, asked: Asked::default(), billed: Some(billed), issuer };
    let dir = tempfile::tempdir().unwrap();
    let order = Order { question, format, by_day };
    let to = dir.path().join("export");
    let manifest = export_to_directory(&app.db, &signer(), &order, &to, now).await.unwrap();
    let exported = Exported { dir, manifest };
    assert_eq!(exported.problems(), Vec::<String>::new());
    exported
}

/// The rows of an export as CSV.
pub(super) async fn rows(app: &TestApp, content: &str, period: &str) -> Vec<Record> {
    exported(app, content, period, (Format::Csv, false)).await.rows()
}

impl Exported {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("export")
    }

    /// What a check finds.
    pub(super) fn problems(&self) -> Vec<String> {
        verify(&self.path(), &keys()).unwrap().problems
    }

    /// The files of rows.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.manifest.files.iter().map(|file| self.path().join(&file.name)).collect()
    }

    /// The digests of the rows of each file.
    pub(super) fn digests(&self) -> Vec<String> {
        self.manifest.files.iter().map(|file| file.rows_digest.clone()).collect()
    }

    /// The rows of files of CSV.
    pub(super) fn rows(&self) -> Vec<Record> {
        self.files().iter().flat_map(|path| records(path)).collect()
    }
}

fn records(path: &Path) -> Vec<Record> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|record| record.unwrap()).collect()
}

/// A decimal as a whole number of 10⁻¹⁵.
pub(super) fn number(text: &str) -> i128 {
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (whole, part) = size.split_once('.').unwrap_or((size, ""));
    let part = part.trim_end_matches('0');
    assert!(whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()), "{text}");
    assert!(!whole.is_empty() && part.len() <= 15, "{text}");
    sign * format!("{whole}{part:0<15}").parse::<i128>().unwrap()
}

/// The sum of a column over some rows.
pub(super) fn sum<'a>(rows: impl IntoIterator<Item = &'a Record>, column: &str) -> i128 {
    rows.into_iter()
        .map(|row| &row[column])
        .filter(|text| !text.is_empty())
        .map(|t| number(t))
        .sum()
}
