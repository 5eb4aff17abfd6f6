//! Pages of what is a customer's.

use crate::kernel::Micros;
use crate::kernel::page::{DEFAULT_LIMIT, MAX_LIMIT};

/// The last row of a page: the next one begins behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageBehind {
    /// Its instant, where rows are in the order of time; 0 where they are in that of ids.
    pub at: Micros,
    /// Its id.
    pub id: String,
}

impl PageBehind {
    /// Behind a row in the order of time.
    #[must_use]
    pub fn at(at: Micros, id: &str) -> Self {
        Self { at, id: id.to_owned() }
    }

    /// Behind a row in the order of ids.
    #[must_use]
    pub fn id(id: &str) -> Self {
        Self::at(Micros(0), id)
    }

    /// As the key of a [`KeyCursor`](crate::kernel::page::KeyCursor).
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        [&self.at.0.to_be_bytes()[..], self.id.as_bytes()].concat()
    }

    /// What a key stands for; `None` for one that was never given out.
    #[must_use]
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let (at, id) = key.split_first_chunk::<8>()?;
        let id = std::str::from_utf8(id).ok().filter(|id| !id.contains('\0'))?;
        Some(Self::at(Micros(i64::from_be_bytes(*at)), id))
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf {
    /// The last row of the page before; none for the first page.
    pub after: Option<PageBehind>,
    /// Rows that are asked for.
    limit: u32,
}

impl Default for PageOf {
    fn default() -> Self {
        Self::first(DEFAULT_LIMIT)
    }
}

impl PageOf {
    /// The first page of so many rows: at least one, at most [`MAX_LIMIT`].
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit: limit.clamp(1, MAX_LIMIT) }
    }

    /// The page behind a row.
    #[must_use]
    pub fn behind(self, after: PageBehind) -> Self {
        Self { after: Some(after), ..self }
    }

    /// The page that follows another; `None` behind the last.
    #[must_use]
    pub fn next<T>(&self, page: &CustomerPage<T>) -> Option<Self> {
        page.next.clone().map(|after| self.clone().behind(after))
    }

    /// Rows of a page.
    #[must_use]
    pub fn rows(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    /// Rows to be read: one more than a page has, which shows whether there is another page.
    #[must_use]
    pub fn and_one(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The id behind which the page begins, in the order of ids.
    #[must_use]
    pub fn after_id(&self) -> &str {
        self.after.as_ref().map_or("", |after| after.id.as_str())
    }
}

/// A page of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerPage<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Behind which row the next one begins; none where it is the last.
    pub next: Option<PageBehind>,
}

impl<T> CustomerPage<T> {
    /// The page of the first rows; there is another where there are more.
    #[must_use]
    pub fn of(mut rows: Vec<T>, page: &PageOf, place: impl Fn(&T) -> PageBehind) -> Self {
        let more = rows.len() > page.rows();
        rows.truncate(page.rows());
        let next = rows.last().filter(|_| more).map(place);
        Self { rows, next }
    }
}

/// From when and until when purchases are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurchaseRange {
    /// The first instant.
    pub from: Option<Micros>,
    /// The instant behind the last.
    pub to: Option<Micros>,
}

impl PurchaseRange {
    /// The first instant, and that behind the last.
    #[must_use]
    pub fn bounds(self) -> (Micros, Micros) {
        (self.from.unwrap_or(Micros(i64::MIN)), self.to.unwrap_or(Micros(i64::MAX)))
    }

    /// Whether an instant is in it.
    #[must_use]
    pub fn holds(self, at: Micros) -> bool {
        let (from, to) = self.bounds();
        (from..to).contains(&at)
    }
}
