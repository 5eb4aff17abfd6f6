//! The records of a format's file, one at a time.

use super::columns::Unread;
use super::{Fields, Format, Translator, acp, column, google, xml};
use crate::catalog::Fault;
use crate::feeds::source::{Reader, Record, json_lines};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::BufRead;

/// Reads the records, and hands what they say to `take` until it returns false. The names of what they say that
/// the format has no use for.
pub(in crate::feeds) fn read(
    mut bytes: impl BufRead,
    to: &Translator<'_>,
    mut take: impl FnMut(u64, usize, Record<'_>) -> bool,
) -> Result<Vec<String>, String> {
    let mut unread = Unread::of(to.format);
    let begin = bytes.fill_buf().map_err(|e| e.to_string())?;
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin);
    let first = begin.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let google = matches!(to.format, Format::GoogleProducts | Format::GoogleLocalInventory);
    let tree = matches!(first, Some(b'<') if google)
        || matches!(first, Some(b'{') if to.format == Format::Acp);
    if tree && to.adapted.is_some() {
        return Err(
            "a mapping adapts the columns under a header, and this file has none".to_owned()
        );
    }
    match first {
        Some(b'<') if google => xml::items(bytes, |line, size, item| {
            unread.look(item.names());
            unread.look(google::no_reduction(to, &item).into_iter());
            give(to, line, size, Ok(item), &mut take)
        }),
        Some(b'{') if to.format == Format::Acp => json_lines(bytes, |line, size, record| {
            let record = match record {
                Record::Json(text) => serde_json::from_str::<Value>(text).map_err(|error| {
                    Fault::new(
                        "",
                        text,
                        "malformed",
                        format!("is no JSON from column {} on", error.column()),
                    )
                }),
                Record::Mapped(value) => Ok(value),
                Record::Refused(fault, _) => Err(fault),
            };
            match record {
                Ok(Value::Object(line_of)) => match acp::records(line_of) {
                    Ok(mut records) => records.all(|record| {
                        unread.look(record.iter().flat_map(Fields::names));
                        let idle = record.iter().flat_map(|said| google::no_reduction(to, said));
                        unread.look(idle);
                        give(to, line, size, record, &mut take)
                    }),
                    Err(fault) => take(line, size, Record::Refused(fault, Value::Null)),
                },
                Ok(other) => {
                    let fault =
                        Fault::new("", &other.to_string(), "malformed", "is no JSON object");
                    take(line, size, Record::Refused(fault, Value::Null))
                }
                Err(fault) => take(line, size, Record::Refused(fault, Value::Null)),
            }
        }),
        _ => table(bytes, to, &mut unread, take),
    }?;
    Ok(unread.names())
}

/// Columns under a header, between tabs or commas.
fn table(
    bytes: impl BufRead,
    to: &Translator<'_>,
    unread: &mut Unread,
    mut take: impl FnMut(u64, usize, Record<'_>) -> bool,
) -> Result<(), String> {
    let google = matches!(to.format, Format::GoogleProducts | Format::GoogleLocalInventory);
    let delimiter = to.adapted.and_then(|adapted| adapted.delimiter);
    let delimiter = delimiter.unwrap_or(if google { b'\t' } else { b',' });
    let mut reader = Reader::new(bytes, delimiter)?;
    let names: Vec<String> = match to.adapted {
        Some(adapted) => adapted.names(&reader.header)?,
        None => reader.header.iter().map(column).collect(),
    };
    let constants = to.adapted.map(|adapted| &adapted.constants);
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !name.is_empty() && !seen.insert(*name)) {
        return Err(format!(
            "the header has `{twice}` more than once; remove the column that is not meant"
        ));
    }
    let needed: &[&str] = match to.format {
        Format::GoogleLocalInventory => &["id", "store_code"],
        Format::Gs1Csv => &["gtin", "sku"],
        Format::Acp => &["id", "item_id"],
        Format::GoogleProducts | Format::Ndjson => &["id"],
    };
    let has = |name: &&str| {
        names.iter().chain(constants.into_iter().flat_map(|c| c.keys())).any(|own| own == name)
    };
    let all = to.format == Format::GoogleLocalInventory;
    let fits = if all { needed.iter().all(has) } else { needed.iter().any(has) };
    if !fits {
        let wanted = needed.join(if all { " and " } else { " or " });
        return Err(of_another_format(to.format, &wanted, &names));
    }
    // Most files have few such columns, and one without a cell says nothing.
    let mut others: Vec<usize> = (0..names.len()).filter(|n| unread.is(&names[*n])).collect();
    while let Some((line, record)) = reader.next()? {
        let size = record.as_ref().map_or(0, |record| record.as_slice().len());
        let fields = record.and_then(|record| {
            if record.len() != names.len() {
                let message =
                    format!("has {} columns, the header has {}", record.len(), names.len());
                return Err(Fault::new("", record.as_slice(), "columns", message));
            }
            others.retain(|n| {
                let says = !record[*n].trim().is_empty();
                unread.look(says.then_some(names[*n].as_str()).into_iter());
                !says
            });
            let cells = names.iter().cloned().zip(record.iter().map(str::to_owned));
            let mut fields = Fields(cells.collect());
            for (name, value) in constants.into_iter().flatten() {
                if fields.get(name).is_none() {
                    fields.push(name, value.as_str());
                }
            }
            Ok(fields)
        });
        unread.look(fields.iter().flat_map(|said| google::no_reduction(to, said)));
        if !give(to, line, size, fields, &mut take) {
            break;
        }
    }
    Ok(())
}

/// Why a table is refused that lacks what every table of a format has.
fn of_another_format(format: Format, wanted: &str, names: &[String]) -> String {
    let begin: String = names.join(", ").chars().take(200).collect();
    format!("this is no {}: its header lacks {wanted}; it has {begin}", format.as_str())
}

/// Hands on what a record says; whether more is wanted.
fn give(
    to: &Translator<'_>,
    line: u64,
    size: usize,
    record: Result<Fields, Fault>,
    take: &mut impl FnMut(u64, usize, Record<'_>) -> bool,
) -> bool {
    let record = match record {
        Ok(record) => record,
        Err(fault) => return take(line, size, Record::Refused(fault, Value::Null)),
    };
    match to.lines(&record) {
        Ok(lines) => lines.into_iter().all(|row| take(line, size, Record::Mapped(row))),
        Err(fault) => take(line, size, Record::Refused(fault, to.key(&record))),
    }
}
