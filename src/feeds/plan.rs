//! A mapping put to a file's header: from a record of texts to the object of a feed line.

use super::Feed;
use super::decimal::rounded;
use super::fields::{self, Kind};
use super::formats::text::kind_of;
use super::mapping::{Mapping, OnInvalidGtin, Pack};
use crate::catalog::Fault;
use crate::kernel::{Gtin, Micros};
use csv::StringRecord;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How one column becomes one field.
#[derive(Debug)]
struct Step {
    field: Cow<'static, str>,
    kind: Kind,
    column: usize,
    values: BTreeMap<String, String>,
    drop: Vec<String>,
    round: Option<u8>,
    split: String,
    zone: Option<TimeZone>,
    moment: Moment,
}

/// The moment of a day for which a date stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Its first.
    First,
    /// Its last microsecond, of an end that belongs to what ends.
    Last,
    /// The first of the next day, of an end that does not.
    Next,
}

impl Moment {
    fn of(feed: Feed, field: &str) -> Self {
        // A sale ends as the offer does that it is of.
        match (field.rsplit('.').next().unwrap_or(field), feed) {
            ("valid_through", Feed::Promotions) => Self::Next,
            ("valid_through", _) => Self::Last,
            _ => Self::First,
        }
    }

    fn on(self, date: Date) -> Option<DateTime> {
        match self {
            Self::First => Some(date.to_datetime(Time::midnight())),
            Self::Last => Some(date.at(23, 59, 59, 999_999_000)),
            Self::Next => Some(date.tomorrow().ok()?.to_datetime(Time::midnight())),
        }
    }
}

/// A mapping with the places of its columns.
#[derive(Debug)]
pub(super) struct Plan {
    width: usize,
    steps: Vec<Step>,
    constants: Vec<(Cow<'static, str>, Value, bool)>,
    gtin: Option<(usize, OnInvalidGtin)>,
    pack: Option<(usize, Pack)>,
}

impl Plan {
    /// Finds the mapping's columns in a header; all that are missing are named.
    pub(super) fn new(mapping: &Mapping, header: &StringRecord) -> Result<Self, String> {
        let (mut missing, mut repeated) = (Vec::new(), Vec::new());
        let mut place = |name: &str| {
            let mut found = header.iter().enumerate().filter(|(_, column)| column.trim() == name);
            let first = found.next().map(|(place, _)| place);
            if first.is_none() {
                missing.push(format!("`{name}`"));
            }
            if found.next().is_some() {
                repeated.push(format!("`{name}`"));
            }
            first.unwrap_or_default()
        };
        let mut steps = Vec::new();
        for (field, column) in &mapping.columns {
            let Some((field, kind)) = fields::find(mapping.feed, field) else { continue };
            let name = field.as_ref();
            steps.push(Step {
                kind,
                column: place(column),
                values: mapping.values.get(name).cloned().unwrap_or_default(),
                drop: mapping.drop.get(name).cloned().unwrap_or_default(),
                round: mapping.round.get(name).copied(),
                split: mapping.split.get(name).cloned().unwrap_or_else(|| "|".to_owned()),
                zone: mapping.zone.get(name).and_then(|zone| TimeZone::get(zone).ok()),
                moment: Moment::of(mapping.feed, name),
                field,
            });
        }
        let gtin = mapping.gtin_from.as_deref().map(|name| (place(name), mapping.on_invalid_gtin));
        let pack = mapping.pack.clone().map(|pack| (place(&pack.column), pack));
        if !missing.is_empty() {
            let given: Vec<&str> = header.iter().collect();
            return Err(format!(
                "the header lacks {}; it has {}",
                missing.join(", "),
                given.join(", ")
            ));
        }
        if !repeated.is_empty() {
            return Err(format!(
                "the header has {} more than once; rename or remove the column that is not meant",
                repeated.join(", ")
            ));
        }
        let constants = constants(mapping)?;
        Ok(Self { width: header.len(), steps, constants, gtin, pack })
    }

    /// The feed line that a record says.
    pub(super) fn row(&self, record: &StringRecord) -> Result<Value, Fault> {
        if record.len() != self.width {
            let message = format!("has {} columns, the header has {}", record.len(), self.width);
            return Err(Fault::new("", record.as_slice(), "columns", message));
        }
        let mut row = Map::new();
        for step in &self.steps {
            if let Some(value) = step.value(&clean(&record[step.column]))? {
                put(&mut row, &step.field, value);
            }
        }
        if let Some((column, policy)) = &self.gtin {
            gtin(&mut row, record[*column].trim(), *policy);
        }
        if let Some((column, pack)) = &self.pack {
            net_content(&mut row, record[*column].trim(), pack)?;
        }
        for (field, value, beside) in &self.constants {
            let group = field.rsplit_once('.').map_or("", |(group, _)| group);
            if !beside || holds(&row, group) {
                put(&mut row, field, value.clone());
            }
        }
        Ok(Value::Object(row))
    }
}

/// Fields by which a row that is refused still names what it is about.
const NAMING: [&str; 8] =
    ["sku", "gtin", "product_id", "code", "store_code", "store_id", "store_gln", "channel"];

impl Plan {
    /// What of a record that was refused names what it is about.
    pub(super) fn key(&self, record: &StringRecord) -> Value {
        let mut row = Map::new();
        for step in self.steps.iter().filter(|step| NAMING.contains(&step.field.as_ref())) {
            if let Ok(Some(value)) = step.value(&clean(record.get(step.column).unwrap_or_default()))
            {
                put(&mut row, &step.field, value);
            }
        }
        for (field, value, _) in &self.constants {
            if NAMING.contains(&field.as_ref()) {
                put(&mut row, field, value.clone());
            }
        }
        Value::Object(row)
    }
}

/// A cell without the space around it and without the control characters that old systems leave.
fn clean(cell: &str) -> Cow<'_, str> {
    let cell = cell.trim();
    if cell.contains(char::is_control) {
        return Cow::Owned(cell.chars().filter(|c| !c.is_control()).collect());
    }
    Cow::Borrowed(cell)
}

/// The constants, each with whether it stands only beside a value that a column gave.
fn constants(mapping: &Mapping) -> Result<Vec<(Cow<'static, str>, Value, bool)>, String> {
    let mut constants = Vec::new();
    for (name, text) in &mapping.constants {
        let Some((field, kind)) = fields::find(mapping.feed, name) else { continue };
        let group = field.rsplit_once('.').map(|(group, _)| format!("{group}."));
        let beside = group.is_some_and(|g| mapping.columns.keys().any(|c| c.starts_with(&g)));
        let value = typed(&field, kind, text, "|")
            .map_err(|fault| format!("constants.\"{name}\" of the mapping {}", fault.message))?;
        constants.push((field, value, beside));
    }
    Ok(constants)
}

impl Step {
    fn value(&self, text: &str) -> Result<Option<Value>, Fault> {
        let dropped = |word: &String| word.to_lowercase() == text.to_lowercase();
        if text.is_empty() || self.drop.iter().any(dropped) {
            return Ok(None);
        }
        let text = self.values.get(text).map_or(text, String::as_str);
        if let Some(decimals) = self.round {
            let message = "is digits with a point before the decimals, such as 12.90";
            return rounded(text, usize::from(decimals))
                .map(|decimal| Some(Value::String(decimal)))
                .ok_or_else(|| Fault::new(self.field.clone(), text, "malformed", message));
        }
        if let (Kind::Instant, Some(zone)) = (self.kind, &self.zone) {
            return instant(&self.field, text, (zone, self.moment)).map(Some);
        }
        typed(&self.field, self.kind, text, &self.split).map(Some)
    }
}

fn typed(field: &str, kind: Kind, text: &str, split: &str) -> Result<Value, Fault> {
    let malformed = |message: &str| Fault::new(field.to_owned(), text, "malformed", message);
    match kind {
        Kind::Text | Kind::Instant => Ok(Value::String(text.to_owned())),
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(malformed("is true or false; name the file's words in the mapping's values")),
        },
        Kind::Whole => {
            text.parse::<u64>().map(Value::from).map_err(|_| malformed("must be a whole number"))
        }
        Kind::List if split.is_empty() => Ok(json!([text])),
        Kind::List => {
            let entries = text.split(split).map(str::trim).filter(|entry| !entry.is_empty());
            Ok(entries.map(|entry| Value::String(entry.to_owned())).collect())
        }
    }
}

/// An instant as it is, or a date (the moment that is meant) or a date and time in `zone`.
fn instant(field: &str, text: &str, (zone, moment): (&TimeZone, Moment)) -> Result<Value, Fault> {
    if let Ok(at) = text.parse::<Micros>() {
        return Ok(Value::String(at.to_string()));
    }
    // A text with a zone must not be read without it.
    let local = text.get(10..).is_none_or(|rest| !rest.contains(['Z', 'z', '+', '-', '[']));
    let civil = match text.parse::<Date>() {
        Ok(date) if text.len() == 10 => moment.on(date),
        _ => text.parse::<DateTime>().ok().filter(|_| local),
    };
    civil
        .and_then(|civil| zone.to_timestamp(civil).ok())
        .map(|at| Value::String(Micros::from(at).to_string()))
        .ok_or_else(|| {
            let message = "must be a date, a date and time, or an RFC 3339 instant";
            Fault::new(field.to_owned(), text, "malformed", message)
        })
}

/// Puts `value` at a dotted path.
fn put(row: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            row.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = row.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn holds(row: &Map<String, Value>, path: &str) -> bool {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    match row.get(head) {
        Some(Value::Object(inner)) if !rest.is_empty() => holds(inner, rest),
        found => found.is_some(),
    }
}

fn gtin(row: &mut Map<String, Value>, code: &str, policy: OnInvalidGtin) {
    if code.is_empty() {
        return;
    }
    let valid = code.parse::<Gtin>().is_ok();
    if valid || policy == OnInvalidGtin::Reject {
        row.insert("gtin".to_owned(), Value::String(code.to_owned()));
    }
    // The gtin is brought to 14 digits; the identifier keeps the code as it is scanned.
    let kind = if valid { kind_of(code) } else { "internal" };
    row.insert("identifiers".to_owned(), json!([{"type": kind, "value": code}]));
}

/// Splits `800.0 gr` into an amount and a unit.
fn net_content(row: &mut Map<String, Value>, text: &str, pack: &Pack) -> Result<(), Fault> {
    if text.is_empty() {
        return Ok(());
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (value, unit) = (&text[..end], text[end..].trim());
    let Some(unit_code) = pack.units.get(unit).filter(|_| !value.is_empty()) else {
        let units: Vec<&str> = pack.units.keys().map(String::as_str).collect();
        let message =
            format!("must be a number and one of the mapping's units {}", units.join(", "));
        return Err(Fault::new("net_content", text, "unknown_unit", message));
    };
    row.insert("net_content".to_owned(), json!({"value": value, "unit_code": unit_code}));
    if let Some(loose) = &pack.sold_by_weight {
        // What has a barcode of its own was weighed before it came to the shelf.
        let by_weight = loose == text && !row.contains_key("gtin");
        row.insert("is_sold_by_weight".to_owned(), Value::Bool(by_weight));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn products() -> Plan {
        let mapping = Mapping::parse(
            r#"
            feed = "products"
            format = "csv"
            gtin_from = "code"
            on_invalid_gtin = "identifier"
            [columns]
            sku = "code"
            name = "name"
            "brand.name" = "brand"
            [drop]
            "brand.name" = ["SIN MARCA"]
            [pack]
            column = "pack"
            units = { kg = "KGM", gr = "GRM" }
            sold_by_weight = "1.0 kg"
            "#,
        )
        .unwrap();
        Plan::new(&mapping, &StringRecord::from(vec!["code", "brand", "name", "pack"])).unwrap()
    }

    fn row(cells: [&str; 4]) -> Result<Value, &'static str> {
        products().row(&StringRecord::from(cells.to_vec())).map_err(|fault| fault.code)
    }

    #[test]
    fn real_rows_become_products() {
        assert_eq!(
            row(["0000000205870", "Sin Marca", " Ojo\u{96} de Bife ", "1.0 kg"]),
            Ok(json!({"sku": "0000000205870", "name": "Ojo de Bife", "is_sold_by_weight": true,
                "identifiers": [{"type": "internal", "value": "0000000205870"}],
                "net_content": {"value": "1.0", "unit_code": "KGM"}}))
        );
        assert_eq!(
            row(["8480017345462", "DÍA", "Durazno", "800.0 gr"]),
            Ok(json!({"sku": "8480017345462", "gtin": "8480017345462", "name": "Durazno",
                "identifiers": [{"type": "EAN", "value": "8480017345462"}],
                "brand": {"name": "DÍA"}, "is_sold_by_weight": false,
                "net_content": {"value": "800.0", "unit_code": "GRM"}}))
        );
        let rice = row(["7790070411716", "GALLO", "Arroz", "1.0 kg"]).unwrap();
        assert_eq!(rice["is_sold_by_weight"], false);
        assert_eq!(row(["1", "", "a", "3 pz"]), Err("unknown_unit"));
    }

    #[test]
    fn a_day_begins_where_the_store_is() {
        let zone = TimeZone::get("America/Argentina/Buenos_Aires").unwrap();
        let at = |text, moment| instant("at", text, (&zone, moment)).map_err(|fault| fault.code);
        let of = |text| at(text, Moment::First);
        assert_eq!(of("2020-04-13"), Ok(json!("2020-04-13T03:00:00Z")));
        assert_eq!(of("2020-04-13 10:30:00"), Ok(json!("2020-04-13T13:30:00Z")));
        assert_eq!(of("2020-04-13T10:30:00+02:00"), Ok(json!("2020-04-13T08:30:00Z")));
        assert_eq!(of("13/04/2020"), Err("malformed"));
        // A last day is part of what it ends; the end of a promotion is not.
        let through = |feed| at("2020-04-13", Moment::of(feed, "valid_through"));
        assert_eq!(through(Feed::Offers), Ok(json!("2020-04-14T02:59:59.999999Z")));
        let of_sale = Moment::of(Feed::Offers, "sale.valid_through");
        assert_eq!(at("2020-04-13", of_sale), through(Feed::Offers));
        assert_eq!(through(Feed::Promotions), Ok(json!("2020-04-14T03:00:00Z")));
        assert_eq!(at("9999-12-31", Moment::Next), Err("malformed"));
        let noon = at("2020-04-13T12:00:00", Moment::Last);
        assert_eq!(noon, Ok(json!("2020-04-13T15:00:00Z")));
    }

    #[test]
    fn a_header_that_lacks_columns_is_refused_by_name() {
        let mapping = Mapping::parse(
            "feed = \"offers\"\nformat = \"csv\"\n[columns]\nsku = \"a\"\nstore_code = \"b\"",
        );
        let error = Plan::new(&mapping.unwrap(), &StringRecord::from(vec!["b", "c"])).unwrap_err();
        assert_eq!(error, "the header lacks `a`; it has b, c");
    }

    proptest! {
        #[test]
        fn no_record_panics(cells: Vec<String>) {
            let _ = products().row(&StringRecord::from(cells));
        }

        #[test]
        fn no_pack_and_no_time_panics(text: String) {
            let _ = row(["1", "", "a", &text]);
            let _ = instant("as_of", &text, (&TimeZone::UTC, Moment::Next));
        }
    }
}
