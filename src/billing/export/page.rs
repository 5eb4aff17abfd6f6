//! A page of rows: how who follows usage gets them, a call at a time.

use super::event_row::{Context, USAGE_EVENTS};
use super::events::{Asked, apps};
use super::row::Row;
use super::write::{Format, Rows};
use super::{ExportError, layout::Layout};
use crate::metering::walk::{ExportSeq, Opened, Walk};
use crate::storage::{Db, Log, StoreError, log};

/// Segments that are looked through for one page. Where few events are asked for, a page may have none and the next some.
const MOST_SEGMENTS: usize = 16;

/// Some rows.
#[derive(Debug)]
pub struct Page {
    /// The rows, in the order of their numbers.
    pub rows: Vec<Row>,
    /// Behind which number the next page begins.
    pub next: i64,
    /// No event that comes later has a number up to this one.
    pub stable_high_water: i64,
}

impl Page {
    /// Whether there may be more already.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.next < self.stable_high_water
    }

    /// The rows in a format.
    pub fn text(&self, format: Format) -> Result<Vec<u8>, ExportError> {
        let mut out = Rows::new(&USAGE_EVENTS, format, Vec::new())?;
        self.rows.iter().try_for_each(|row| out.write(row))?;
        out.finish()
    }

    /// The rows as a document.
    #[must_use]
    pub fn json(&self) -> String {
        let layout: &Layout = &USAGE_EVENTS;
        let mut out = "{\"items\":[".to_owned();
        for (n, row) in self.rows.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            row.texts.json(layout, &mut out);
        }
        let Self { next, stable_high_water, .. } = self;
        out + &format!("],\"next\":{next},\"stable_high_water\":{stable_high_water}}}")
    }
}

/// The first rows of what is asked for.
pub async fn page(db: &Db, asked: Asked, limit: usize) -> Result<Page, StoreError> {
    let through = log::head(db, Log::Usage).await?;
    let stable_high_water = ExportSeq::last_of(through).0;
    let mut context = Context::read(db).await?;
    let mut walk = Walk { span: asked.period, after: asked.after, through };
    let mut rows: Vec<Row> = Vec::new();
    let mut next = asked.after.0.max(stable_high_water);
    for _ in 0..MOST_SEGMENTS {
        let mut tx = db.snapshot().await?;
        let Some(segment) = walk.fetch(&mut tx).await? else {
            return Ok(Page { rows, next, stable_high_water });
        };
        let left = limit - rows.len();
        let opened = beside(move || segment.open()).await?;
        context.learn(&mut tx, &opened, &apps(&opened, &asked, left)).await?;
        drop(tx);
        let found = beside(move || (rows_of(&opened, &asked, &context, left), context)).await;
        let ((last, some), same) = found;
        context = same;
        rows.extend(some);
        if rows.len() >= limit {
            next = last;
            return Ok(Page { rows, next, stable_high_water });
        }
    }
    next = walk.after.0;
    Ok(Page { rows, next, stable_high_water })
}

/// Work for a thread that may be busy.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // A panic in the thread is a panic here.
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// The first rows of a segment, and the number of the last.
fn rows_of(opened: &Opened, asked: &Asked, context: &Context, most: usize) -> (i64, Vec<Row>) {
    let mut last = asked.after.0;
    let placed = opened.events().filter(|placed| asked.asks_for(placed)).take(most);
    let rows = placed.map(|placed| {
        last = placed.export_seq.0;
        context.row(&placed)
    });
    let rows = rows.collect();
    (last, rows)
}
