//! Categories that would stand above themselves.

use super::document::Resource as _;
use crate::catalog::categories::Category;
use crate::catalog::document::Line;
use crate::catalog::fault::{Fate, Fault};
use crate::on_tx;
use crate::storage::{StoreError, Tx};
use hashbrown::HashMap;

/// Codes that a message names of a loop.
const NAMED: usize = 10;

/// A category as it is known: its code, and the one above it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    code: String,
    above: Option<String>,
}

/// Refuses the lines that would close a loop, the stored categories and the other lines of the batch
/// considered. All lines of a loop are refused, for nobody knows which of them is wrong.
pub(super) async fn refuse(
    tx: &mut Tx,
    lines: &[Line<Category>],
    fates: &mut [Fate],
) -> Result<(), StoreError> {
    const ALL: &str = "SELECT id, code, parent_id FROM categories WHERE deleted_at IS NULL";
    let has_parent = |line: &Line<Category>| matches!(line, Line::Put(c) if c.parent_id.is_some());
    if !lines.iter().any(has_parent) {
        return Ok(());
    }
    let rows: Vec<(String, String, Option<String>)> =
        on_tx!(tx, c => sqlx::query_as(ALL).fetch_all(c).await?);
    let stored = rows.into_iter().map(|(id, code, above)| (id, Known { code, above }));
    for (at, path) in closed(&stored.collect(), lines) {
        let Line::Put(category) = &lines[at] else { continue };
        let message = format!(
            "would stand above itself: {path}; correct the parent of one of them. If a later row \
             does that, import the file once more"
        );
        let fault = Fault::new("parent_code", &category.code, "category_loop", message);
        fates[at] = Fate::Refused(fault);
    }
    Ok(())
}

/// The lines that close a loop, each with the loop's codes.
fn closed(stored: &HashMap<String, Known>, lines: &[Line<Category>]) -> Vec<(usize, String)> {
    let mut refused: Vec<(usize, String)> = Vec::new();
    loop {
        // What is refused leaves its category as it is stored, which may close another loop.
        let taken = |at: usize| !refused.iter().any(|(other, _)| *other == at);
        let (mut tree, mut line_of) = (stored.clone(), HashMap::new());
        for (at, line) in lines.iter().enumerate().filter(|(at, _)| taken(*at)) {
            let id = Category::id_of(line.code());
            match line {
                Line::Put(category) => {
                    let above = category.parent_id.map(|id| id.to_string());
                    tree.insert(id.clone(), Known { code: category.code.clone(), above });
                    line_of.insert(id, at);
                }
                Line::Delete(_) => {
                    tree.remove(&id);
                    line_of.remove(&id);
                }
            }
        }
        let found: Vec<(usize, String)> = loops(&tree)
            .into_iter()
            .flat_map(|ring| {
                let path = path(&tree, &ring);
                let lines: Vec<usize> =
                    ring.iter().filter_map(|id| line_of.get(*id).copied()).collect();
                lines.into_iter().map(move |at| (at, path.clone()))
            })
            .collect();
        if found.is_empty() {
            return refused;
        }
        refused.extend(found);
    }
}

/// The loops of a tree that is none.
fn loops(tree: &HashMap<String, Known>) -> Vec<Vec<&str>> {
    // The walk from which a category was seen first.
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut found = Vec::new();
    for (walk, start) in tree.keys().enumerate() {
        let (mut way, mut at) = (Vec::new(), Some(start.as_str()));
        while let Some((id, known)) = at.and_then(|id| tree.get_key_value(id)) {
            match seen.get(id.as_str()) {
                Some(other) if *other == walk => {
                    let begin = way.iter().position(|step| step == id).unwrap_or_default();
                    found.push(way.split_off(begin));
                    break;
                }
                Some(_) => break,
                None => {}
            }
            seen.insert(id, walk);
            way.push(id.as_str());
            at = known.above.as_deref();
        }
    }
    found
}

/// The codes of a loop, upwards from its first in the order of codes and back to it.
fn path(tree: &HashMap<String, Known>, ring: &[&str]) -> String {
    let code = |id: &&str| tree.get(*id).map_or("", |known| known.code.as_str());
    let mut codes: Vec<&str> = ring.iter().map(code).collect();
    let first = (0..codes.len()).min_by_key(|at| codes[*at]).unwrap_or_default();
    codes.rotate_left(first);
    let back = codes.first().copied().unwrap_or_default();
    let more = if codes.len() > NAMED { "… > " } else { "" };
    codes.truncate(NAMED);
    format!("{} > {more}{back}", codes.join(" > "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::categories::CategoryIn;
    use crate::catalog::shape;
    use proptest::prelude::*;

    fn line(code: &str, above: Option<&str>) -> Line<Category> {
        let line = serde_json::json!({"code": code, "name": "n", "parent_code": above});
        shape::read_value::<CategoryIn>(&line).unwrap().check().unwrap()
    }

    fn stored(edges: &[(&str, Option<&str>)]) -> HashMap<String, Known> {
        let known = |(code, above): &(&str, Option<&str>)| {
            let above = above.map(Category::id_of);
            (Category::id_of(code), Known { code: (*code).to_owned(), above })
        };
        edges.iter().map(known).collect()
    }

    #[test]
    fn loops_are_found_whatever_rows_close_them() {
        let tree = stored(&[("a", None), ("b", Some("a")), ("c", Some("b"))]);
        let of = |lines: &[Line<Category>]| {
            let mut found = closed(&tree, lines);
            found.sort();
            found
        };
        let loop_of = |at, path: &str| (at, path.to_owned());
        assert_eq!(of(&[line("a", Some("c"))]), [loop_of(0, "a > c > b > a")]);
        let two = [line("x", Some("y")), line("z", Some("x")), line("y", Some("x"))];
        assert_eq!(of(&two), [loop_of(0, "x > y > x"), loop_of(2, "x > y > x")]);
        // A parent and its child change places.
        assert_eq!(of(&[line("a", Some("b")), line("b", None)]), []);
        assert_eq!(of(&[line("a", Some("c")), Line::Delete("b".to_owned().into())]), []);
        // What is refused leaves the stored parent, which closes another loop.
        let chain = [
            line("c", Some("a")),
            line("a", Some("c")),
            line("d", Some("e")),
            line("e", Some("d")),
        ];
        assert_eq!(of(&chain).len(), 4);
        let left = [line("b", Some("d")), line("d", Some("b")), line("a", Some("b"))];
        assert_eq!(of(&left).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn what_is_left_is_a_tree(edges in proptest::collection::vec((0..8u8, 0..8u8), 0..20)) {
            let lines: Vec<Line<Category>> = edges
                .iter()
                .filter(|(code, above)| code != above)
                .map(|(code, above)| line(&format!("c{code}"), Some(&format!("c{above}"))))
                .collect();
            let refused = closed(&HashMap::new(), &lines);
            let taken = |at: &usize| !refused.iter().any(|(other, _)| other == at);
            let tree: HashMap<String, Known> = (0..lines.len())
                .filter(taken)
                .map(|at| {
                    let Line::Put(category) = &lines[at] else { unreachable!() };
                    let above = category.parent_id.map(|id| id.to_string());
                    (Category::id_of(&category.code), Known { code: category.code.clone(), above })
                })
                .collect();
            prop_assert!(loops(&tree).is_empty());
        }
    }
}
