//! The texts of the catalogue in English and Spanish, read from a table beside the families: lines of
//! French, English and Spanish; categories first, then beginnings of products' names.

use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The language that the catalogue is written in.
pub const OWN: &str = "fr";

/// French, English, Spanish.
type Line = [&'static str; 3];

static TABLE: LazyLock<[Vec<Line>; 2]> = LazyLock::new(|| {
    let text = include_str!("catalogue/translations.txt");
    let (categories, products) = text.split_once("\n\n").unwrap_or((text, ""));
    [categories, products].map(|part| part.lines().filter_map(read).collect())
});

fn read(line: &'static str) -> Option<Line> {
    let mut fields = line.split('|').map(str::trim);
    Some([fields.next()?, fields.next()?, fields.next()?])
}

/// `translations` of a category; none where the table does not have it.
pub(super) fn of_category(name: &str) -> Value {
    let line = TABLE[0].iter().find(|line| line[0] == name);
    line.map_or_else(|| json!({}), |[_, en, es]| named(en.to_string(), es.to_string()))
}

/// `translations` of a product; none where the table does not have the beginning of its name.
pub(super) fn of_product(name: &str) -> Value {
    let found = TABLE[1].iter().find_map(|line| Some((line, name.strip_prefix(line[0])?)));
    found.map_or_else(
        || json!({}),
        |([_, en, es], rest)| named(format!("{en}{rest}"), format!("{es}{rest}")),
    )
}

fn named(english: String, spanish: String) -> Value {
    let texts = [("en", english), ("es", spanish)];
    texts
        .into_iter()
        .map(|(tag, name)| (tag.to_owned(), json!({ "name": name })))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::super::{families::departments, products::items};
    use super::*;

    #[test]
    fn every_category_and_some_products_speak_three_languages() {
        let names = departments().iter().flat_map(|department| {
            department.shelves.iter().map(|shelf| shelf.name).chain([department.name])
        });
        for name in names {
            assert!(of_category(name)["es"]["name"].is_string(), "{name}");
        }
        for line in &TABLE[1] {
            assert!(items().iter().any(|item| item.name.starts_with(line[0])), "{}", line[0]);
        }
    }
}
