//! Writing resources that are stored as documents: what changed gets its next version and an entry
//! in the change log.

use crate::catalog::document::{Deleted, Document, Line};
use crate::catalog::fault::{Fate, Fault};
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use crate::on_tx;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{StoreError, Tx};
use hashbrown::HashMap;
use serde_json::{Value, json};

/// The statements of a resource's table.
#[derive(Debug)]
pub struct Statements {
    /// Finds `id, hash, version, deleted` by id, `hidden` where partners may not be told of it, and `body`
    /// where [`Resource::turned`] looks at it, or where what is gone may get a successor.
    pub find: &'static Statement,
    /// Finds `id, body` by id of what is not deleted.
    pub bodies: &'static Statement,
    /// Puts rows of [`Resource::cells`] followed by body, hash, version and updated_at.
    pub upsert: &'static Statement,
    /// Sets deleted_at and updated_at `$1` and version `$2` of the row with id `$3`, and body `$4` where it is one.
    pub delete: &'static str,
}

/// A kind of resource that is stored as a document.
pub trait Resource {
    /// Its word in the change log.
    const KIND: &'static str;
    /// The field that names it in a feed.
    const CODE_FIELD: &'static str;
    /// The fault of a deletion that names nothing.
    const UNKNOWN: &'static str;
    /// Its statements.
    fn statements() -> Statements;
    /// The id that a code stands for.
    fn id_of(code: &str) -> String;
    /// The retailer's code.
    fn code(&self) -> &str;
    /// Its document.
    fn document(&self) -> &Document;
    /// The columns before the body, in the statement's order, from the id on.
    fn cells(&self) -> Vec<Cell<'_>>;
    /// Whether partners may be told of it. The change log knows nothing of what they may not be told of: when
    /// that begins it is gone, and when that ends it is new.
    fn is_told(&self) -> bool {
        true
    }
    /// Why the change log has it, where it was there with another document.
    fn turned(&self, _before: &str) -> &'static str {
        "updated"
    }
}

impl<T: Resource> Line<T> {
    /// The retailer's code of what the line is about.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Put(resource) => resource.code(),
            Self::Delete(deleted) => &deleted.code,
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Stored {
    id: String,
    hash: String,
    version: i64,
    deleted: bool,
    #[sqlx(default)]
    hidden: bool,
    #[sqlx(default)]
    body: String,
}

impl Stored {
    /// Whether partners have been told that it is there.
    fn is_told(&self) -> bool {
        !self.deleted && !self.hidden
    }

    /// The entry that says that it is gone, where partners know that it was there.
    fn gone<T: Resource>(&self, version: i64, reason: &'static str) -> Option<Change> {
        self.is_told().then(|| deleted::<T>(self.id.clone(), reason, version))
    }

    /// Whether what has come in its place, where that is told, is what its document says already.
    fn names_no_other(&self, successor: Option<ProductId>) -> bool {
        let Some(successor) = successor else { return true };
        let known = serde_json::from_str::<Value>(&self.body).ok();
        known.is_some_and(|body| body["replaced_by"] == json!(successor))
    }
}

/// The entry that says that something is gone.
fn deleted<T: Resource>(id: String, reason: &'static str, version: i64) -> Change {
    Change { kind: T::KIND, id, deleted: true, reason, version }
}

/// Stores a batch: changed documents get their next version and an entry in the change log. Of
/// lines about the same thing the last holds. `fates` comes in with the refusals known so far.
pub async fn put<T: Resource>(
    tx: &mut Tx,
    lines: &[Line<T>],
    fates: &mut [Fate],
    now: Micros,
) -> Result<(), StoreError> {
    let wanted = last_of_each(lines, fates);
    let mut stored = stored::<T>(tx, &wanted).await?;
    let mut cells = Vec::new();
    let mut changes = Vec::new();
    let mut put = None;
    for (id, at) in wanted {
        let before = stored.remove(&id);
        match &lines[at] {
            Line::Put(resource) => {
                let document = resource.document();
                let version = match &before {
                    Some(b) if !b.deleted && b.hash == document.hash() => continue,
                    Some(b) => b.version + 1,
                    None => 1,
                };
                cells.extend(resource.cells());
                cells.extend([
                    document.body(now, version).into(),
                    document.hash().into(),
                    version.into(),
                    now.0.into(),
                ]);
                changes.extend(told::<T>(before.as_ref(), resource, id, version));
            }
            Line::Delete(gone) => {
                let (Deleted { code, replaced_by, .. }, reason) = (gone, gone.reason());
                let Some(before) = before else {
                    if first_put(&mut put, lines, fates)
                        .get(code.as_str())
                        .is_some_and(|put| *put < at)
                    {
                        continue;
                    }
                    let message = "names nothing that could be deleted; check the code";
                    fates[at] = Fate::Refused(Fault::new(T::CODE_FIELD, code, T::UNKNOWN, message));
                    continue;
                };
                if before.deleted && before.names_no_other(*replaced_by) {
                    continue;
                }
                let version = before.version + 1;
                let successor = replaced_by.map(|id| json!({ "replaced_by": id }).to_string());
                delete::<T>(tx, &id, (version, successor.as_deref()), now).await?;
                let again = before.deleted.then(|| deleted::<T>(id, reason, version));
                changes.extend(again.or_else(|| before.gone::<T>(version, reason)));
            }
        }
        fates[at] = Fate::Written;
    }
    bulk::write(tx, T::statements().upsert, &cells).await?;
    changes::append(tx, &changes, now).await
}

/// The first acceptable line that puts each thing: of what is deleted behind it, and was not there, there is nothing to be
/// told. Looked for once, and only where it is asked for.
fn first_put<'a, 'b, T: Resource>(
    put: &'b mut Option<HashMap<&'a str, usize>>,
    lines: &'a [Line<T>],
    fates: &[Fate],
) -> &'b HashMap<&'a str, usize> {
    put.get_or_insert_with(|| {
        let taken = |at: &usize| {
            matches!(lines[*at], Line::Put(_)) && !matches!(fates[*at], Fate::Refused(_))
        };
        // From behind, so that the first stays.
        (0..lines.len()).rev().filter(taken).map(|at| (lines[at].code(), at)).collect()
    })
}

/// The documents of what is there of these ids, as JSON.
pub async fn bodies<T: Resource>(
    tx: &mut Tx,
    ids: &[String],
) -> Result<HashMap<String, String>, StoreError> {
    let keys: Vec<Cell<'_>> = ids.iter().map(|id| id.as_str().into()).collect();
    let rows: Vec<(String, String)> = bulk::lookup(tx, T::statements().bodies, &keys).await?;
    Ok(rows.into_iter().collect())
}

/// The entry about a resource that is put.
fn told<T: Resource>(
    before: Option<&Stored>,
    resource: &T,
    id: String,
    version: i64,
) -> Option<Change> {
    if !resource.is_told() {
        return before?.gone::<T>(version, "deleted");
    }
    let before = before.filter(|before| before.is_told());
    let reason = before.map_or("created", |before| resource.turned(&before.body));
    Some(Change { kind: T::KIND, id, deleted: false, reason, version })
}

/// Deletes what is there of these ids, for a reason that the change log tells; how many there were.
pub async fn remove<T: Resource>(
    tx: &mut Tx,
    ids: &[String],
    reason: &'static str,
    now: Micros,
) -> Result<u64, StoreError> {
    let wanted: Vec<(String, usize)> = ids.iter().map(|id| (id.clone(), 0)).collect();
    let mut live: Vec<Stored> =
        stored::<T>(tx, &wanted).await?.into_values().filter(|row| !row.deleted).collect();
    live.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut changes = Vec::with_capacity(live.len());
    for row in &live {
        let version = row.version + 1;
        delete::<T>(tx, &row.id, (version, None), now).await?;
        changes.extend(row.gone::<T>(version, reason));
    }
    changes::append(tx, &changes, now).await?;
    Ok(live.len() as u64)
}

/// Id and place of the last acceptable line about each thing, ordered by id so that writers that
/// run at once take row locks in one order.
fn last_of_each<T: Resource>(lines: &[Line<T>], fates: &[Fate]) -> Vec<(String, usize)> {
    let mut last = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        if !matches!(fates[at], Fate::Refused(_)) {
            last.insert(line.code(), at);
        }
    }
    let mut wanted: Vec<_> = last.into_iter().map(|(code, at)| (T::id_of(code), at)).collect();
    wanted.sort_unstable();
    wanted
}

async fn stored<T: Resource>(
    tx: &mut Tx,
    wanted: &[(String, usize)],
) -> Result<HashMap<String, Stored>, StoreError> {
    let keys: Vec<Cell<'_>> = wanted.iter().map(|(id, _)| id.as_str().into()).collect();
    let rows: Vec<Stored> = bulk::lookup(tx, T::statements().find, &keys).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

async fn delete<T: Resource>(
    tx: &mut Tx,
    id: &str,
    (version, body): (i64, Option<&str>),
    now: Micros,
) -> Result<(), StoreError> {
    let statement = T::statements().delete;
    on_tx!(tx, c => {
        sqlx::query(statement).bind(now.0).bind(version).bind(id).bind(body).execute(c).await?;
    });
    Ok(())
}
