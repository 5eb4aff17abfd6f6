//! A feed as a file: tabs under a header, or RSS 2.0; packed or not; with its digest.

use super::rows::{REPEATED, Row};
use crate::exports::digest::Digested;
use crate::feeds::formats::xml::PARTS;
use crate::kernel::word::{Word as _, words};
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_xml::escape::escape;
use std::io::{self, Write};
use std::path::Path;

words! {
    /// How a feed is laid out.
    pub(crate) enum Layout {
        /// Tabs under a header.
        Tsv = "tsv",
        /// RSS 2.0.
        Rss = "rss",
    }
}

/// How a feed is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) layout: Layout,
    /// Packed with gzip.
    pub(super) packed: bool,
}

impl Form {
    /// What ends the name of such a file.
    pub(super) fn ending(self) -> String {
        format!("{}{}", self.layout.as_str(), if self.packed { ".gz" } else { "" })
    }

    /// The media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self { packed: true, .. } => "application/gzip",
            Self { layout: Layout::Rss, .. } => "application/rss+xml",
            Self { layout: Layout::Tsv, .. } => "text/tab-separated-values",
        }
    }
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) rows: u64,
    pub(super) sha256: String,
}

/// A feed that is being written.
pub(super) struct Writer {
    out: Sink,
    form: Form,
    columns: &'static [&'static str],
    rows: u64,
}

enum Sink {
    Plain(Digested),
    Packed(GzEncoder<Digested>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Packed(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Packed(out) => out.flush(),
        }
    }
}

impl Writer {
    /// Begins a file.
    pub(super) fn new(
        path: &Path,
        form: Form,
        columns: &'static [&'static str],
        (title, link): (&str, &str),
    ) -> io::Result<Self> {
        let file = Digested::create(path)?;
        let out = if form.packed {
            Sink::Packed(GzEncoder::new(file, Compression::fast()))
        } else {
            Sink::Plain(file)
        };
        let mut writer = Self { out, form, columns, rows: 0 };
        if form.layout == Layout::Rss {
            let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\">\n<channel>\n";
            write!(
                writer.out,
                "{head}<title>{title}</title>\n<link>{}</link>\n<description>{title}</description>\n",
                escape(link)
            )?;
        } else {
            writer.line(columns)?;
        }
        Ok(writer)
    }

    fn line(&mut self, cells: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let mut line = csv::WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
        line.write_record(cells)?;
        let line = line.into_inner().map_err(csv::IntoInnerError::into_error)?;
        self.out.write_all(&line)
    }

    /// Adds an item.
    pub(super) fn row(&mut self, row: &Row) -> io::Result<()> {
        self.rows += 1;
        if self.form.layout == Layout::Tsv {
            let cells: Vec<String> = self.columns.iter().map(|column| cell(row, column)).collect();
            return self.line(&cells);
        }
        self.out.write_all(b"<item>")?;
        for column in self.columns {
            for (_, text) in row.iter().filter(|(name, _)| name == column) {
                write!(self.out, "{}", element(column, &plain(text)))?;
            }
        }
        self.out.write_all(b"</item>\n")
    }

    /// Ends the file; it is on the disk afterwards.
    pub(super) fn finish(mut self) -> io::Result<Written> {
        if self.form.layout == Layout::Rss {
            self.out.write_all(b"</channel>\n</rss>\n")?;
        }
        let file = match self.out {
            Sink::Plain(out) => out,
            Sink::Packed(out) => out.finish()?,
        };
        let (bytes, sha256) = file.close()?;
        Ok(Written { bytes, rows: self.rows, sha256 })
    }
}

/// An attribute as an element, with an element for each of its parts where it has such.
fn element(name: &str, text: &str) -> String {
    let parts = PARTS.iter().find(|(own, _)| *own == name).map(|(_, parts)| *parts);
    let Some(parts) = parts else {
        return format!("<g:{name}>{}</g:{name}>", escape(text));
    };
    let told = parts.iter().zip(text.splitn(parts.len(), ':')).filter(|(_, text)| !text.is_empty());
    let told: String =
        told.map(|(part, text)| format!("<g:{part}>{}</g:{part}>", escape(text))).collect();
    format!("<g:{name}>{told}</g:{name}>")
}

/// The texts of a column in one cell: between commas where there may be several, so that one with a comma
/// is left out; sentences and paths have commas, and so stand between quotes.
fn cell(row: &Row, column: &str) -> String {
    let texts = row.iter().filter(|(name, _)| *name == column).map(|(_, text)| plain(text));
    let texts: Vec<String> = texts.collect();
    if column == "product_highlight" || column == "product_type" && texts.len() > 1 {
        let quoted = texts.iter().map(|text| format!("\"{}\"", text.replace('"', "\"\"")));
        return quoted.collect::<Vec<_>>().join(",");
    }
    let is_list = REPEATED.contains(&column);
    let fitting = texts.into_iter().filter(|text| !is_list || !text.contains(','));
    fitting.collect::<Vec<_>>().join(",")
}

/// A text in one line, without what XML 1.0 cannot hold.
fn plain(text: &str) -> String {
    let is_lost = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    spaced.chars().filter(|c| !is_lost(*c)).collect()
}
