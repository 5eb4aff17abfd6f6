//! Lists as people read them and as programs do.
//!
//! On a terminal, headings and rows stand in columns below each other. Where standard output is a file or a pipe, a
//! row is its cells with tabs between them, and the headings stand beside, on standard error. A cell that has nothing
//! to say is `-`, so that every row has all columns.

use super::speak::{remark, say};
use std::fmt::Display;
use std::io::{IsTerminal as _, stdout};
use unicode_width::UnicodeWidthStr as _;

/// What stands between two columns.
const GAP: &str = "  ";

/// A row of a table, from whatever can be said.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($cell.to_string()),*] };
}
pub(super) use row;

/// What a cell says of something that may not be there.
pub(super) fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A list that is being said.
pub(super) struct Table {
    /// The rows so far, headings first, where they are held back until their widths are known.
    held: Option<Vec<Vec<String>>>,
}

impl Table {
    /// A list with headings, in capitals and with spaces between them.
    pub(super) fn new(headings: &str) -> Self {
        if stdout().is_terminal() {
            return Self { held: Some(vec![headings.split(' ').map(str::to_owned).collect()]) };
        }
        remark(headings.replace(' ', "\t"));
        Self { held: None }
    }

    /// What is told of one thing: a name and a value in each row.
    pub(super) fn of_one() -> Self {
        Self { held: stdout().is_terminal().then(Vec::new) }
    }

    /// Says a row.
    pub(super) fn row(&mut self, cells: Vec<String>) -> anyhow::Result<()> {
        let cells: Vec<String> = cells.into_iter().map(one_line).collect();
        match &mut self.held {
            Some(rows) => rows.push(cells),
            None => say(cells.join("\t"))?,
        }
        Ok(())
    }

    /// Says what was held back.
    pub(super) fn end(self) -> anyhow::Result<()> {
        aligned(&self.held.unwrap_or_default()).into_iter().try_for_each(say)
    }
}

/// Says one row: what has become of something. Its headings are for people alone.
pub(super) fn say_row(headings: &str, cells: Vec<String>) -> anyhow::Result<()> {
    let mut table = if stdout().is_terminal() { Table::new(headings) } else { Table::of_one() };
    table.row(cells)?;
    table.end()
}

/// Nothing in a cell ends it or its row.
fn one_line(cell: String) -> String {
    if cell.is_empty() {
        return "-".to_owned();
    }
    match cell.contains(char::is_control) {
        true => cell.replace(char::is_control, " "),
        false => cell,
    }
}

/// Rows with their cells below each other.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            match widths.get_mut(at) {
                Some(width) => *width = (*width).max(cell.width()),
                None => widths.push(cell.width()),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
            line.push_str(GAP);
        }
        line.truncate(line.trim_end().len());
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let rows =
            [row!["ID", "NAME", "PLAN"], row!["1", "Maison É", "-"], row!["22", "東京", "x"]];
        assert_eq!(aligned(&rows), ["ID  NAME      PLAN", "1   Maison É  -", "22  東京      x"]);
        assert!(aligned(&[]).is_empty());
    }

    #[test]
    fn a_cell_is_one_line_and_never_nothing() {
        assert_eq!(one_line("a\tb\nc".to_owned()), "a b c");
        assert_eq!(
            (one_line(String::new()), or_dash(None::<u8>)),
            ("-".to_owned(), "-".to_owned())
        );
    }
}
