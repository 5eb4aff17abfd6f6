//! A JSON document in each line, compressed as gzip.

use crate::exports::digest::Digested;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// An NDJSON file.
pub(super) struct Ndjson(GzEncoder<Digested>);

impl Ndjson {
    pub(super) fn new(file: Digested) -> Self {
        Self(GzEncoder::new(file, Compression::new(5)))
    }

    pub(super) fn write(&mut self, document: &str) -> std::io::Result<()> {
        self.0.write_all(document.as_bytes())?;
        self.0.write_all(b"\n")
    }

    pub(super) fn finish(self) -> std::io::Result<Digested> {
        self.0.finish()
    }
}
