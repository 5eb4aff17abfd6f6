//! RSS 2.0 and Atom with Google's namespace, as a stream: one item in memory at a time.

use super::Fields;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::io::{self, BufRead, Read};

/// Deepest nesting of elements.
const MAX_DEPTH: usize = 64;
/// Longest item, and longest tag, text, comment or CDATA, in bytes.
const MAX_ITEM: usize = 1024 * 1024;

/// An item under way: where it began, what stands in it.
struct Item {
    line: u64,
    depth: usize,
    size: usize,
    fields: Fields,
    /// How many of the fields, from the first, are Google's own.
    own: usize,
    /// The child of the item that is open, and its parts.
    open: Option<(String, Vec<Part>)>,
    text: String,
}

/// A text within a child of an item, and the element that it stands in.
struct Part {
    name: String,
    text: String,
}

/// The parts of elements that have several, in the order in which a table has them between colons.
pub(in crate::feeds) const PARTS: [(&str, &[&str]); 4] = [
    ("product_detail", &["section_name", "attribute_name", "attribute_value"]),
    (
        "loyalty_program",
        &[
            "program_label",
            "tier_label",
            "price",
            "cashback_for_future_use",
            "loyalty_points",
            "member_price_effective_date",
            "shipping_label",
        ],
    ),
    ("structured_title", &["digital_source_type", "content"]),
    ("structured_description", &["digital_source_type", "content"]),
];

const HTML: &str = "html";
/// Where a shop's login or error page came instead of its feed.
const PAGE: &str = "is an HTML page, as of a login or an error, and no feed; look at the address";

/// What a table has between commas. An element is one of them, whatever stands in it.
const LISTS: [&str; 4] = ["product_detail", "product_highlight", "product_type", "certification"];

/// The parts of an element as they stand in a table.
fn joined(name: &str, parts: &[Part]) -> String {
    let column = super::column(name);
    let order = PARTS.iter().find(|(own, _)| *own == column).map(|(_, order)| *order);
    let order = order.filter(|order| parts.iter().all(|part| order.contains(&part.name.as_str())));
    let texts: Vec<&str> = match order {
        Some(order) => {
            let text = |name: &&str| parts.iter().find(|part| part.name == *name);
            order.iter().map(|name| text(name).map_or("", |part| &part.text)).collect()
        }
        None => parts.iter().map(|part| part.text.as_str()).collect(),
    };
    let value = texts.join(":");
    let value = if order.is_some() { value.trim_end_matches(':') } else { &value };
    if LISTS.contains(&column.as_str()) && value.contains([',', '"']) {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
}

/// Hands each `item` or `entry` to `take` until it returns false.
pub(super) fn items(
    bytes: impl BufRead,
    mut take: impl FnMut(u64, usize, Fields) -> bool,
) -> Result<(), String> {
    let mut reader = Reader::from_reader(Counted { inner: bytes, lines: 1, piece: 0 });
    let (mut buffer, mut depth, mut item) = (Vec::new(), 0_usize, None::<Item>);
    let mut any = false;
    loop {
        buffer.clear();
        let event =
            reader.read_event_into(&mut buffer).map_err(|error| format!("is no XML: {error}"))?;
        reader.get_mut().piece = 0;
        let line = reader.get_ref().lines;
        if let Some(item) = &mut item {
            item.grow(event.len())?;
        }
        match event {
            Event::Start(start) => {
                depth += 1;
                bounded(depth, line, start.local_name().as_ref())?;
                any = true;
                match &mut item {
                    Some(item) => item.start(&start, depth),
                    None if is_item(&start) => item = Some(Item::new(line, depth)),
                    None => {}
                }
            }
            Event::Empty(start) => {
                any = true;
                if let Some(item) = &mut item {
                    item.start(&start, depth + 1);
                    item.end(start.local_name().as_ref(), depth + 1);
                }
            }
            Event::End(end) => {
                let ended = item.as_ref().is_some_and(|item| item.depth == depth);
                if ended && let Some(item) = item.take() {
                    if !take(item.line, item.size, item.fields) {
                        return Ok(());
                    }
                } else if let Some(item) = &mut item {
                    item.end(end.local_name().as_ref(), depth);
                }
                depth = depth.saturating_sub(1);
            }
            Event::Text(text) => item.iter_mut().for_each(|item| item.text.push_str(&text)),
            Event::CData(text) => item.iter_mut().for_each(|item| item.text.push_str(&text)),
            Event::GeneralRef(name) => {
                let resolved = resolved(&name).ok_or_else(|| {
                    format!("line {line}: entities of its own are refused; write the characters")
                })?;
                item.iter_mut().for_each(|item| item.text.push(resolved));
            }
            Event::DocType(kind) => return Err(doctype(&kind, line)),
            Event::Eof if depth > 0 || !any => {
                return Err(format!("is cut off at line {line}; fetch the file again"));
            }
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// Why a document with a DOCTYPE is refused.
fn doctype(kind: &str, line: u64) -> String {
    let is_page =
        kind.split_whitespace().next().is_some_and(|name| name.eq_ignore_ascii_case(HTML));
    if is_page {
        PAGE.to_owned()
    } else {
        format!("line {line}: a DOCTYPE is refused; leave it out")
    }
}

/// Refuses what lies too deep, and a page in the place of a feed.
fn bounded(depth: usize, line: u64, name: &str) -> Result<(), String> {
    if depth == 1 && name.eq_ignore_ascii_case(HTML) {
        return Err(PAGE.to_owned());
    }
    if depth > MAX_DEPTH {
        return Err(format!("line {line}: elements lie deeper than {MAX_DEPTH}"));
    }
    Ok(())
}

fn is_item(start: &BytesStart<'_>) -> bool {
    matches!(start.local_name().as_ref(), "item" | "entry")
}

/// The character of a reference that XML itself knows.
fn resolved(name: &BytesRef<'_>) -> Option<char> {
    match &**name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => name.resolve_char_ref().ok().flatten(),
    }
}

impl Item {
    fn new(line: u64, depth: usize) -> Self {
        let (fields, text) = (Fields::default(), String::new());
        Self { line, depth, size: 0, fields, own: 0, open: None, text }
    }

    fn grow(&mut self, by: usize) -> Result<(), String> {
        self.size += by;
        if self.size > MAX_ITEM {
            let line = self.line;
            return Err(format!("the item at line {line} is longer than {MAX_ITEM} bytes"));
        }
        Ok(())
    }

    /// Whether the child at hand is prose, in which elements are markup.
    fn is_prose(&self) -> bool {
        let named = self.open.as_ref().map(|(name, _)| name.as_str());
        matches!(named, Some("description" | "g:description" | "summary" | "content"))
    }

    fn start(&mut self, start: &BytesStart<'_>, depth: usize) {
        if depth > self.depth + 1 && self.is_prose() {
            self.text.push_str(&format!("<{}>", start.local_name().as_ref()));
            return;
        }
        self.text.clear();
        if depth == self.depth + 1 {
            let name = start.name().as_ref().to_owned();
            let href = start.try_get_attribute("href").ok().flatten();
            let href = href.map(|href| href.value.replace("&amp;", "&"));
            let part = |text| Part { name: String::new(), text };
            self.open = Some((name, href.map(part).into_iter().collect()));
        }
    }

    /// Parts of a child, such as those of `g:product_detail`, are joined as they stand in a table.
    fn end(&mut self, name: &str, depth: usize) {
        if depth > self.depth + 1 && self.is_prose() {
            self.text.push_str(&format!("</{name}>"));
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        if let Some((_, parts)) = &mut self.open
            && !text.is_empty()
        {
            parts.push(Part { name: super::column(name), text: text.to_owned() });
        }
        if depth == self.depth + 1
            && let Some((name, parts)) = self.open.take()
        {
            let value = joined(&name, &parts);
            match name.as_str() {
                "summary" | "content" => self.fields.push("description", value),
                // Google's own element says more than the one of RSS or Atom with its name.
                _ if name.starts_with("g:") => {
                    self.fields.0.insert(self.own, (super::column(&name), value));
                    self.own += 1;
                }
                _ => self.fields.push(&name, value),
            }
        }
    }
}

/// Counts lines, and stops at a piece that is too long for memory. Where a piece ends its reader
/// knows: a `<` or `>` may well stand in it.
struct Counted<R> {
    inner: R,
    lines: u64,
    piece: usize,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let read = ready.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece > MAX_ITEM {
            let message = format!("a piece of XML is longer than {MAX_ITEM} bytes");
            return Err(io::Error::other(message));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Ok(ready) = self.inner.fill_buf() {
            let taken = ready.get(..count).unwrap_or(ready);
            self.lines += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.piece += taken.len();
        }
        self.inner.consume(count);
    }
}
