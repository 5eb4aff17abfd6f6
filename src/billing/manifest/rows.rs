//! The rows of an export's files, each checked for itself.

use super::model::File;
use super::tally::Fact;
use crate::billing::export::event_row::USAGE_EVENTS;
use crate::billing::export::layout::{HASH, Layout};
use crate::billing::export::read;
use crate::billing::export::row::Texts;
use crate::kernel::hex;
use crate::metering::{Outcome, Sums};
use std::path::Path;

/// The layout of a name.
pub(super) fn layout(name: &str) -> Option<&'static Layout> {
    Some(&USAGE_EVENTS).filter(|layout| layout.name == name)
}

/// What of a row is counted, or what is wrong with it.
pub(in crate::billing) fn fact(layout: &Layout, texts: &Texts) -> Result<Fact, String> {
    let text = |name: &str| layout.place(name).map_or("", |place| texts.get(place));
    let number = |name: &'static str| {
        text(name).parse::<i64>().map_err(|_| format!("its `{name}` is no number"))
    };
    let leaf = texts.leaf(layout);
    if text(HASH) != hex(leaf) {
        return Err("it is not what its hash was made of".to_owned());
    }
    let fact = Fact {
        export_seq: number("export_seq")?,
        id: text("event_id").parse().map_err(|_| "its `event_id` is none".to_owned())?,
        at: text("occurred_at").parse().map_err(|_| "its `occurred_at` is none".to_owned())?,
        sums: Sums {
            requests: number("requests")?,
            records: number("records")?,
            bytes: number("bytes")?,
            weight_milli: number("weight_milli")?,
        },
        billable: text("billable") == "true",
        unconfirmed: text("outcome") == Outcome::CrashUnconfirmed.as_str(),
        leaf,
    };
    let same = fact.id.node.to_string() == text("node")
        && fact.id.epoch.to_string() == text("epoch")
        && fact.id.seq.to_string() == text("seq");
    if same { Ok(fact) } else { Err("its `event_id` is not of its node, epoch and seq".to_owned()) }
}

/// The id of a row's event, as far as it can be read.
pub(super) fn name(layout: &Layout, texts: &Texts) -> String {
    let id = layout.place("event_id").map_or("", |place| texts.get(place));
    // What cannot be trusted is not repeated without bounds.
    id.chars().filter(|letter| !letter.is_control()).take(64).collect()
}

/// Shows each row of a file, until one is wrong: that is named. A damaged file of Parquet may make the library that reads it
/// panic, which is one way to find that it is damaged.
pub(in crate::billing) fn each(
    dir: &Path,
    file: &File,
    layout: &Layout,
    mut each: impl FnMut(u64, &Texts) -> Result<(), String>,
) -> Result<u64, String> {
    let (mut count, mut wrong) = (0, None);
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        read::rows(&dir.join(&file.name), layout, file.format, |texts| {
            count += 1;
            wrong = each(count, texts).err().map(|why| {
                format!("{}: row {count} (event {}): {why}", file.name, name(layout, texts))
            });
            wrong.is_none()
        })
    }));
    match (wrong, read) {
        (Some(wrong), _) => Err(wrong),
        (None, Ok(Ok(()))) => Ok(count),
        (None, Ok(Err((seen, why)))) => {
            Err(format!("{}: row {}: it cannot be read: {why}", file.name, seen + 1))
        }
        (None, Err(_)) => Err(format!("{}: row {}: it cannot be read", file.name, count + 1)),
    }
}
