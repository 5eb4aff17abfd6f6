//! The rows of an export's files, each checked for itself.

use super::model::File;
use super::tally::{EventFact, Fact, MONEY_SCALE};
use crate::billing::export::Content;
use crate::billing::export::layout::Layout;
use crate::billing::export::read;
use crate::billing::export::row::{Texts, digits};
use crate::kernel::hex;
use crate::metering::journal::EventId;
use crate::metering::{Outcome, Sums};
use std::path::Path;

/// The layout of a name.
pub(super) fn layout(name: &str) -> Option<&'static Layout> {
    Content::ALL.iter().map(|content| content.layout()).find(|layout| layout.name == name)
}

/// What of a row is counted, or what is wrong with it.
pub(in crate::billing) fn fact(layout: &Layout, texts: &Texts) -> Result<Fact, String> {
    let text = |name: &str| layout.place(name).map_or("", |place| texts.get(place));
    let leaf = texts.leaf(layout);
    if text(layout.hash) != hex(leaf) {
        return Err("it is not what its hash was made of".to_owned());
    }
    Ok(Fact {
        at: text(layout.day).parse().map_err(|_| format!("its `{}` is none", layout.day))?,
        event: layout.place("event_id").map(|_| event(&text)).transpose()?,
        sums: layout.place("requests").map_or(Ok(Sums::default()), |_| sums(&text))?,
        billable: text("billable") == "true",
        money: layout.money.map_or(Ok(None), |names| money(names, &text))?,
        leaf,
    })
}

fn number<'a>(text: &impl Fn(&str) -> &'a str, name: &str) -> Result<i64, String> {
    text(name).parse().map_err(|_| format!("its `{name}` is no number"))
}

fn event<'a>(text: &impl Fn(&str) -> &'a str) -> Result<EventFact, String> {
    let id: EventId = text("event_id").parse().map_err(|_| "its `event_id` is none".to_owned())?;
    let same = id.node.to_string() == text("node")
        && id.epoch.to_string() == text("epoch")
        && id.seq.to_string() == text("seq");
    if !same {
        return Err("its `event_id` is not of its node, epoch and seq".to_owned());
    }
    let unconfirmed = text("outcome") == Outcome::CrashUnconfirmed.as_str();
    Ok(EventFact { export_seq: number(text, "export_seq")?, id, unconfirmed })
}

fn sums<'a>(text: &impl Fn(&str) -> &'a str) -> Result<Sums, String> {
    Ok(Sums {
        requests: number(text, "requests")?,
        records: number(text, "records")?,
        bytes: number(text, "bytes")?,
        weight_milli: number(text, "weight_milli")?,
    })
}

/// The currency and the amount of a row; where it has none, nothing.
fn money<'a>(
    (amount, currency): (&str, &str),
    text: &impl Fn(&str) -> &'a str,
) -> Result<Option<(String, i128)>, String> {
    let said = text(amount);
    if said.is_empty() {
        return Ok(None);
    }
    let digits = digits(said, MONEY_SCALE).ok_or_else(|| format!("its `{amount}` is no amount"))?;
    Ok(Some((text(currency).to_owned(), digits)))
}

/// What a row is called, as far as it can be read.
pub(super) fn name(layout: &Layout, texts: &Texts) -> String {
    let id = layout.place(layout.id).map_or("", |place| texts.get(place));
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
            wrong = each(count, texts)
                .err()
                .map(|why| format!("{}: row {count} ({}): {why}", file.name, name(layout, texts)));
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
