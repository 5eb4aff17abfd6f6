//! Statements over many rows at once, in a few fixed sizes so that each is prepared only once.

use super::{StoreError, Tx};
use crate::on_tx;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// Rows per statement, largest first: at 24 columns 400 rows stay far below the engines' bounds on
/// parameters (SQLite takes 32,766), and any number of rows is made of few statements.
const SIZES: [usize; 4] = [400, 50, 8, 1];

/// One value of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A text or NULL.
    Text(Option<Cow<'a, str>>),
    /// A number or NULL.
    Int(Option<i64>),
    /// A boolean.
    Bool(bool),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl From<String> for Cell<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Cell<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Puts U+FFFD in the place of each NUL: PostgreSQL has none in its texts.
pub fn without_nul(cells: &mut [Cell<'_>]) {
    for cell in cells {
        if let Cell::Text(Some(text)) = cell
            && text.contains('\0')
        {
            *text = text.replace('\0', "\u{fffd}").into();
        }
    }
}

/// A statement around a list of rows: `head ($1, $2), ($3, $4) tail`.
#[derive(Debug)]
pub struct Statement {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    /// For SQLite, for PostgreSQL.
    texts: [OnceLock<[Arc<str>; SIZES.len()]>; 2],
}

impl Statement {
    /// A statement for rows of `columns` cells.
    #[must_use]
    pub const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, texts: [OnceLock::new(), OnceLock::new()] }
    }

    fn text(&self, size: usize, engine: &Tx) -> AssertSqlSafe<Arc<str>> {
        // SQLite looks a `$1` up by name among all parameters; a plain `?` costs nothing.
        let numbered = matches!(engine, Tx::Postgres(_));
        let texts = &self.texts[usize::from(numbered)];
        let texts = texts.get_or_init(|| SIZES.map(|rows| self.render(rows, numbered)));
        AssertSqlSafe(Arc::clone(&texts[size]))
    }

    /// Only parameters are added to the two constant parts, so no input reaches the text.
    fn render(&self, rows: usize, numbered: bool) -> Arc<str> {
        let mut text = String::from(self.head);
        for row in 0..rows {
            text.push_str(if row == 0 { " (" } else { ", (" });
            for column in 1..=self.columns {
                let comma = if column == 1 { "" } else { ", " };
                let number = row * self.columns + column;
                // Writing to a string cannot fail.
                let _ = match numbered {
                    true => write!(text, "{comma}${number}"),
                    false => write!(text, "{comma}?"),
                };
            }
            text.push(')');
        }
        text.push(' ');
        text.push_str(self.tail);
        text.into()
    }

    /// The cells cut into statements: the index of the size, and its cells.
    fn pieces<'c, 'a>(&self, mut cells: &'c [Cell<'a>]) -> Vec<(usize, &'c [Cell<'a>])> {
        let mut pieces = Vec::new();
        for (index, rows) in SIZES.iter().enumerate() {
            while cells.len() >= rows * self.columns {
                let (piece, rest) = cells.split_at(rows * self.columns);
                pieces.push((index, piece));
                cells = rest;
            }
        }
        pieces
    }
}

macro_rules! bound {
    ($query:expr, $cells:expr) => {{
        let mut query = $query;
        for cell in $cells {
            query = match cell {
                Cell::Text(value) => query.bind(value.as_deref()),
                Cell::Int(value) => query.bind(*value),
                Cell::Bool(value) => query.bind(*value),
            };
        }
        query
    }};
}

/// Runs a writing statement over rows laid end to end in `cells`.
pub async fn write(
    tx: &mut Tx,
    statement: &Statement,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    for (size, piece) in statement.pieces(cells) {
        let text = statement.text(size, tx);
        on_tx!(tx, c => {
            bound!(sqlx::query(text), piece).execute(&mut *c).await?;
        });
    }
    Ok(())
}

/// The rows that a reading statement finds for keys laid end to end in `keys`.
pub async fn lookup<T>(
    tx: &mut Tx,
    statement: &Statement,
    keys: &[Cell<'_>],
) -> Result<Vec<T>, StoreError>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut found = Vec::new();
    for (size, piece) in statement.pieces(keys) {
        let text = statement.text(size, tx);
        on_tx!(tx, c => {
            found.extend(bound!(sqlx::query_as::<_, T>(text), piece).fetch_all(&mut *c).await?);
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_text_numbers_every_cell() {
        let statement = Statement::new("INSERT INTO t (a, b) VALUES", 2, "ON CONFLICT DO NOTHING");
        let numbered = "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING";
        assert_eq!(&*statement.render(2, true), numbered);
        let plain = "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING";
        assert_eq!(&*statement.render(2, false), plain);
    }

    proptest! {
        #[test]
        fn pieces_keep_every_cell_in_order(rows in 0usize..350) {
            let statement = Statement::new("", 2, "");
            let cells: Vec<Cell<'_>> = (0..2 * rows as i64).map(Cell::from).collect();
            let joined: Vec<_> =
                statement.pieces(&cells).into_iter().flat_map(|(_, piece)| piece.to_vec()).collect();
            prop_assert_eq!(joined, cells);
        }
    }
}
