//! Reading a feed file: plain or gzip, CSV or NDJSON, in bounded memory.

use super::formats::{self, Format, Translator};
use super::mapping::Mapping;
use super::plan::Plan;
use super::{Feed, ImportError, Options, encoding};
use crate::catalog::Fault;
use crate::kernel::{Micros, hex};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest record in bytes.
const MAX_RECORD: usize = 1024 * 1024;
/// Most blank lines behind each other: packed, they are many in a small file, and each takes its time.
const MOST_BLANK: u32 = 100_000;
/// Characters of a first line that are repeated in the refusal of a file.
const SHOWN: usize = 40;
/// Most columns of a file.
const MAX_COLUMNS: usize = 1_000;
/// Bytes that a byte of a packed file may become, beside the free ones: lists of prices become 20.
const MAX_RATIO: u64 = 200;
const FREE: u64 = 64 * 1024 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const UTF8_MARK: &str = "\u{feff}";

/// An open file and how to read it. It stays open between the passes, so that both read the same.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: File,
    feed: Feed,
    options: Options,
    now: Micros,
}

/// What the first pass found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// Records in the file.
    pub(super) rows: u64,
    /// SHA-256 of the file as it lies on the disk.
    pub(super) sha256: String,
    /// The names of what the file says that its format has no use for.
    pub(super) unread: Vec<String>,
}

/// A record: an NDJSON line, or what the mapping made of a CSV record.
#[derive(Debug)]
pub(super) enum Record<'a> {
    /// A line of JSON.
    Json(&'a str),
    /// What a record says, as a line of the feed.
    Mapped(Value),
    /// Why a record says nothing, and what of it names what it is about.
    Refused(Fault, Value),
}

impl Source {
    pub(super) fn open(
        path: &Path,
        feed: Feed,
        options: &Options,
        now: Micros,
    ) -> Result<Self, ImportError> {
        let file = File::open(path)
            .map_err(|source| ImportError::File { file: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, feed, options: options.clone(), now })
    }

    /// Reads the file to its end; anything that is broken as a whole is an error.
    pub(super) fn check(&mut self, mut seen: impl FnMut(u64)) -> Result<Checked, ImportError> {
        let mut rows = 0;
        let read = self.read(|_, _, _| {
            rows += 1;
            seen(rows);
            true
        });
        let broken = |reason| ImportError::Broken { file: self.path.clone(), reason };
        let (sha256, unread) = read.map_err(broken)?;
        Ok(Checked { rows, sha256, unread })
    }

    /// Hands each record with its line and its bytes to `take` until it returns false. It is an error if the file
    /// is no longer the one that was checked.
    pub(super) fn each(
        &mut self,
        checked: &Checked,
        mut take: impl FnMut(u64, usize, Record<'_>) -> bool,
    ) -> Result<(), ImportError> {
        let mut whole = true;
        let read = self.read(|line, bytes, record| {
            whole = take(line, bytes, record);
            whole
        });
        let is_same = || read.is_ok_and(|(sha256, _)| sha256 == checked.sha256);
        if whole && !is_same() {
            return Err(ImportError::Changed { file: self.path.clone() });
        }
        Ok(())
    }

    /// Reads the file once; the digest of what was read, and what of it the format has no use for.
    fn read(
        &mut self,
        take: impl FnMut(u64, usize, Record<'_>) -> bool,
    ) -> Result<(String, Vec<String>), String> {
        let mut digest = Sha256::new();
        let said = |error: io::Error| error.to_string();
        let most = self.options.max_bytes.unwrap_or(u64::MAX);
        let bytes = rewound(&mut self.file, &mut digest, most).map_err(said)?;
        let bytes = encoding::utf8(bytes, self.options.encoding()).map_err(said)?;
        let mut unread = Vec::new();
        match (&self.options.mapping, self.options.format) {
            (Some(mapping), _) => csv(bytes, mapping, take)?,
            (None, Format::Ndjson) => json_lines(bytes, take)?,
            (None, format) => {
                let store = self.options.store_code.as_deref();
                let adapted = self.options.adapted.as_ref();
                let to = Translator { format, feed: self.feed, store, now: self.now, adapted };
                unread = formats::read::read(bytes, &to, take)?;
            }
        }
        Ok((hex(digest.finalize()), unread))
    }
}

/// A reader that digests what passes.
struct Digesting<'a, R> {
    inner: R,
    digest: &'a mut Sha256,
}

impl<R: Read> Read for Digesting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

/// The content from its first byte, unpacked where it is packed, in bounds.
fn rewound<'a>(
    file: &'a mut File,
    digest: &'a mut Sha256,
    most: u64,
) -> io::Result<Box<dyn Read + 'a>> {
    file.seek(SeekFrom::Start(0))?;
    let packed = file.metadata()?.len();
    let mut bytes = BufReader::with_capacity(1 << 16, Digesting { inner: file, digest });
    if bytes.fill_buf()?.starts_with(&GZIP_MAGIC) {
        let most = most.min(packed.saturating_mul(MAX_RATIO).saturating_add(FREE));
        return Ok(Box::new(Bounded { inner: MultiGzDecoder::new(bytes), left: most, most }));
    }
    Ok(Box::new(Bounded { inner: bytes, left: most, most }))
}

/// Passes bytes through until there are too many.
struct Bounded<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            let most = self.most;
            let message = format!("holds more than {most} bytes once unpacked; send it in parts");
            return Err(io::Error::other(message));
        };
        self.left = left;
        Ok(read)
    }
}

fn csv(
    bytes: impl Read,
    mapping: &Mapping,
    mut take: impl FnMut(u64, usize, Record<'_>) -> bool,
) -> Result<(), String> {
    let mut reader = Reader::new(bytes, u8::try_from(mapping.delimiter).unwrap_or(b','))?;
    let plan = Plan::new(mapping, &reader.header)?;
    while let Some((line, record)) = reader.next()? {
        let bytes = record.as_ref().map_or(0, |record| record.as_slice().len());
        let record = match record {
            Ok(record) => match plan.row(record) {
                Ok(row) => Record::Mapped(row),
                Err(fault) => Record::Refused(fault, plan.key(record)),
            },
            Err(fault) => Record::Refused(fault, Value::Null),
        };
        if !take(line, bytes, record) {
            break;
        }
    }
    Ok(())
}

/// A record with its line, or why it cannot be read.
type Line<'a> = (u64, Result<&'a StringRecord, Fault>);

/// The records of a file with a header, in bounds.
pub(super) struct Reader<R> {
    reader: csv::Reader<RecordLimit<R>>,
    /// The names of the columns.
    pub(super) header: StringRecord,
    record: StringRecord,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(bytes: R, delimiter: u8) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(RecordLimit::new(bytes, delimiter));
        let header = reader.headers().map_err(|e| e.to_string())?.clone();
        if header.len() > MAX_COLUMNS {
            let found = header.len();
            return Err(format!("the header has {found} columns; {MAX_COLUMNS} are the most"));
        }
        Ok(Self { reader, header, record: StringRecord::new() })
    }

    /// The next record with its line, or why it cannot be read; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, String> {
        let mut bytes = std::mem::take(&mut self.record).into_byte_record();
        if !self.reader.read_byte_record(&mut bytes).map_err(|e| e.to_string())? {
            return Ok(None);
        }
        let line = bytes.position().map_or(0, csv::Position::line);
        Ok(Some(match StringRecord::from_byte_record(bytes) {
            Ok(record) => {
                self.record = record;
                (line, Ok(&self.record))
            }
            Err(error) => {
                let bytes = error.into_byte_record();
                (line, Err(not_utf8(bytes.as_slice())))
            }
        }))
    }
}

/// The fault of a row whose bytes are no text.
fn not_utf8(bytes: &[u8]) -> Fault {
    let message = "is not UTF-8; write the file as UTF-8, or name its encoding";
    Fault::new("", &String::from_utf8_lossy(bytes), "encoding", message)
}

pub(super) fn json_lines(
    mut bytes: impl BufRead,
    mut take: impl FnMut(u64, usize, Record<'_>) -> bool,
) -> Result<(), String> {
    let mut line = Vec::new();
    let (mut first, mut blank) = (true, 0_u32);
    for number in 1.. {
        line.clear();
        let most = MAX_RECORD as u64 + 1;
        let read = (&mut bytes).take(most).read_until(b'\n', &mut line);
        if read.map_err(|e| e.to_string())? == 0 {
            break;
        }
        if line.len() > MAX_RECORD {
            return Err(format!("line {number} is longer than {MAX_RECORD} bytes"));
        }
        let Ok(text) = std::str::from_utf8(&line) else {
            if !take(number, line.len(), Record::Refused(not_utf8(&line), Value::Null)) {
                break;
            }
            continue;
        };
        let text = if number == 1 { text.trim_start_matches(UTF8_MARK) } else { text }.trim();
        if text.is_empty() {
            blank += 1;
            if blank > MOST_BLANK {
                return Err(format!(
                    "line {number}: more than {MOST_BLANK} blank lines follow each other; take them out"
                ));
            }
            continue;
        }
        blank = 0;
        if first && !text.starts_with('{') {
            let begin: String = text.chars().take(SHOWN).collect();
            return Err(format!(
                "this is no NDJSON: it begins with `{begin}`, not with an object; give --mapping for CSV"
            ));
        }
        first = false;
        if !line.ends_with(b"\n") && !whole(text) {
            return Err(format!(
                "line {number}, the last, is cut off: it has no line end and is no whole object; \
                 fetch the file again"
            ));
        }
        if !take(number, text.len(), Record::Json(text)) {
            break;
        }
    }
    Ok(())
}

/// Whether the text is one JSON object from its first to its last byte.
fn whole(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Passes bytes through and stops at a record that is too long for memory: it follows quotes as a
/// CSV reader does, for a quoted field may hold line ends.
#[derive(Debug)]
struct RecordLimit<R> {
    inner: R,
    delimiter: u8,
    state: Quoting,
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    FieldStart,
    Plain,
    Quoted,
    /// A quote inside quotes: the end of them, or the first half of a doubled quote.
    QuoteInQuoted,
}

impl<R> RecordLimit<R> {
    fn new(inner: R, delimiter: u8) -> Self {
        Self { inner, delimiter, state: Quoting::FieldStart, length: 0 }
    }

    fn step(&mut self, byte: u8) {
        self.length += 1;
        self.state = match (self.state, byte) {
            (Quoting::FieldStart | Quoting::QuoteInQuoted, b'"') => Quoting::Quoted,
            (Quoting::Quoted, b'"') => Quoting::QuoteInQuoted,
            (Quoting::Quoted, _) => Quoting::Quoted,
            (_, b'\n' | b'\r') => {
                self.length = 0;
                Quoting::FieldStart
            }
            (_, byte) if byte == self.delimiter => Quoting::FieldStart,
            _ => Quoting::Plain,
        };
    }
}

impl<R: Read> Read for RecordLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        for byte in &buffer[..read] {
            self.step(*byte);
            if self.length > MAX_RECORD {
                let message = format!(
                    "a record is longer than {MAX_RECORD} bytes: a quote without its end, or too many columns"
                );
                return Err(io::Error::other(message));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("feed");
        std::fs::write(&path, content).unwrap();
        (dir, path)
    }

    fn opened(path: &Path, mapping: Option<&Mapping>) -> Source {
        Source::open(path, Feed::Categories, &Options::mapped(mapping), Micros(0)).unwrap()
    }

    fn check(content: &[u8], mapping: Option<&Mapping>) -> Result<Checked, String> {
        let (_dir, path) = file(content);
        let mut source = opened(&path, mapping);
        source.check(|_| {}).map_err(|error| match error {
            ImportError::Broken { reason, .. } => reason,
            other => other.to_string(),
        })
    }

    fn mapping() -> Mapping {
        Mapping::parse(
            "feed = \"categories\"\nformat = \"csv\"\n[columns]\ncode = \"a\"\nname = \"b\"",
        )
        .unwrap()
    }

    #[test]
    fn a_line_that_would_eat_memory_is_refused() {
        let long = vec![b'x'; MAX_RECORD + 2];
        assert!(check(&long, None).unwrap_err().contains("longer"));
        let mut open_quote = b"a,b\n1,\"".to_vec();
        open_quote.extend(b"line\n".repeat(MAX_RECORD / 4));
        assert!(check(&open_quote, Some(&mapping())).unwrap_err().contains("quote"));
        let inches = b"a,b\n".iter().copied().chain(b"1,TV 32\"\n".repeat(200_000));
        let inches: Vec<u8> = inches.collect();
        assert_eq!(check(&inches, Some(&mapping())).map(|c| c.rows), Ok(200_000));
    }

    #[test]
    fn what_is_no_ndjson_or_cut_off_is_refused_whole() {
        for other in ["sku,name\n1,Vis\n", "\n<!DOCTYPE html>\n{}\n", "[{}]", "not json\n{}\n"] {
            let error = check(other.as_bytes(), None).unwrap_err();
            assert!(error.contains("no NDJSON") && error.contains("--mapping"), "{error}");
        }
        for cut in ["{}\n{\"sku\":\"1\",\"na", "{}\n1", "{\"sku\":"] {
            let error = check(cut.as_bytes(), None).unwrap_err();
            assert!(error.contains("cut off"), "{error}");
        }
        for whole in ["{}\n{\"a\":1}", "{}\nnot json\n", "{}\r\n", "{}\n\n ", ""] {
            assert!(check(whole.as_bytes(), None).is_ok(), "{whole:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_a_refused_row_and_a_mark_is_not_content() {
        // A row is refused for its bytes, not the file.
        assert_eq!(check(b"{}\n\xff\n", None).map(|c| c.rows), Ok(2));
        assert_eq!(check(b"a,b\n1,\xff\n", Some(&mapping())).map(|c| c.rows), Ok(1));
        assert_eq!(check(b"\xef\xbb\xbfa,b\r\n1,2\r\n", Some(&mapping())).map(|c| c.rows), Ok(1));
    }

    #[test]
    fn a_file_that_changes_under_the_import_is_told() {
        let (_dir, path) = file(b"{\"a\":1}\n{\"a\":2}\n");
        let mut source = opened(&path, None);
        let checked = source.check(|_| {}).unwrap();
        assert!(source.each(&checked, |_, _, _| true).is_ok());
        assert!(source.each(&checked, |_, _, _| false).is_ok(), "who stops early knows why");
        for now in [&b"{\"a\":1}\n{\"a\":3}\n"[..], b"{\"a\":1}\n", b"{\"a\":1}\n\xff\n"] {
            std::fs::write(&path, now).unwrap();
            let error = source.each(&checked, |_, _, _| true).unwrap_err();
            assert!(matches!(error, ImportError::Changed { .. }), "{error}");
        }
    }

    #[test]
    fn a_column_that_stands_twice_is_in_doubt() {
        let error = check(b"a,a,b\n1,2,3\n", Some(&mapping())).unwrap_err();
        assert!(error.contains("`a` more than once"), "{error}");
        assert!(check(b"a,c,c,b\n1,2,3,4\n", Some(&mapping())).is_ok(), "nobody asks for `c`");
    }
}
