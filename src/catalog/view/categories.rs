//! The category tree in memory. A document is its stored body with what follows from the tree.

use super::deleted::{Listed, with_deleted};
use super::grant::Grant;
use super::id_set::IdSet;
use super::names::Names;
use super::page::Page;
use super::products::Products;
use crate::catalog::search::CategoryNames;
use crate::kernel::Micros;
use crate::kernel::id::CategoryId;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Levels beyond which a chain of parents is not followed.
pub(super) const DEEPEST: usize = 32;

/// A category as it is stored.
#[derive(Debug, Clone)]
pub struct CategoryRecord {
    /// Its id.
    pub id: CategoryId,
    /// The category above, `None` for a root.
    pub parent: Option<CategoryId>,
    /// Its name, read from the document.
    pub name: String,
    /// Its texts in other languages, read from the document; null where there are none.
    pub translations: Value,
    /// The document, without `path`, `level` and `product_count`.
    pub body: String,
    /// When it last changed.
    pub updated_at: Micros,
}

impl CategoryRecord {
    /// Its name, then those in other languages.
    fn names(&self) -> Vec<&str> {
        let texts = self.translations.as_object().into_iter().flat_map(|texts| texts.values());
        let others = texts.filter_map(|texts| texts["name"].as_str());
        [self.name.as_str()].into_iter().chain(others).collect()
    }
}

/// What became of a category.
#[derive(Debug, Clone)]
pub enum CategoryChange {
    /// It is, or is now, this.
    Upsert(CategoryRecord),
    /// It was deleted, at this instant.
    Delete(CategoryId, Micros),
}

/// Filters of a list of categories. All must hold.
#[derive(Debug, Default, Clone, Copy)]
pub struct CategoryQuery<'a> {
    /// The children of this one.
    pub parent: Option<CategoryId>,
    /// That changed at or after this instant.
    pub updated_since: Option<Micros>,
    /// That are included.
    pub grant: Option<&'a Grant>,
}

impl CategoryQuery<'_> {
    fn takes(&self, record: &CategoryRecord) -> bool {
        self.updated_since.is_none_or(|since| record.updated_at >= since)
            && self.includes(record.id)
    }

    fn includes(&self, id: CategoryId) -> bool {
        self.grant.is_none_or(|grant| grant.includes_category(id))
    }
}

/// What a category's document depends on beside the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    /// The products that are counted.
    pub(super) products: &'a Products,
    /// What of the tree may be told.
    pub(super) grant: Option<&'a Grant>,
}

impl Beside<'_> {
    /// How many products a category has, where that may be told.
    pub(super) fn count(self, id: u64) -> Option<usize> {
        let tells = self.grant.is_none_or(Grant::tells_counts);
        tells.then(|| self.products.in_category.set(id).map_or(0, IdSet::len))
    }

    /// Whether a category may be told.
    pub(super) fn includes(self, id: CategoryId) -> bool {
        self.grant.is_none_or(|grant| grant.includes_category(id))
    }
}

/// All categories.
#[derive(Debug, Default)]
pub(super) struct Categories {
    pub(super) by_id: BTreeMap<u64, CategoryRecord>,
    pub(super) children: BTreeMap<u64, BTreeSet<u64>>,
    pub(super) names: Names,
    /// When those that were deleted were deleted.
    pub(super) gone: BTreeMap<u64, Micros>,
}

#[derive(Serialize)]
struct Step<'a> {
    id: CategoryId,
    name: &'a str,
    #[serde(skip_serializing_if = "Value::is_null")]
    translations: &'a Value,
}

#[derive(Serialize)]
struct Derived<'a> {
    path: Vec<Step<'a>>,
    level: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_count: Option<usize>,
}

impl<'a> Step<'a> {
    fn of(record: &'a CategoryRecord) -> Self {
        Self { id: record.id, name: &record.name, translations: &record.translations }
    }
}

impl Categories {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn apply(&mut self, change: CategoryChange) {
        let (CategoryChange::Upsert(CategoryRecord { id, .. }) | CategoryChange::Delete(id, _)) =
            &change;
        let id = *id;
        if let Some(old) = self.by_id.remove(&id.0)
            && let Some(siblings) = old.parent.and_then(|p| self.children.get_mut(&p.0))
        {
            siblings.remove(&id.0);
        }
        match change {
            CategoryChange::Upsert(record) => {
                if let Some(parent) = record.parent {
                    self.children.entry(parent.0).or_default().insert(id.0);
                }
                self.gone.remove(&id.0);
                self.names.put(id.0, &record.names());
                self.by_id.insert(id.0, record);
            }
            CategoryChange::Delete(_, at) => {
                self.names.take_out(id.0);
                self.gone.insert(id.0, at);
            }
        }
    }

    /// These categories and all below them.
    pub(super) fn with_descendants(&self, roots: &[CategoryId]) -> Vec<CategoryId> {
        let mut found = BTreeSet::new();
        let mut open: Vec<u64> = roots.iter().map(|id| id.0).collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.children.get(&id).into_iter().flatten());
            }
        }
        found.into_iter().map(CategoryId).collect()
    }

    /// The names of some categories and of those above them.
    pub(super) fn names(&self, ids: &[u64]) -> CategoryNames {
        let records = || ids.iter().filter_map(|id| self.by_id.get(id));
        let own: BTreeSet<&str> = records().flat_map(CategoryRecord::names).collect();
        let steps = records().flat_map(|record| self.path(record));
        let all: BTreeSet<&str> = steps.flat_map(CategoryRecord::names).collect();
        let above = all.difference(&own).map(|name| (*name).to_owned()).collect();
        CategoryNames { own: own.into_iter().map(str::to_owned).collect(), above }
    }

    /// These categories and all above them.
    pub(super) fn with_ancestors(&self, own: &[CategoryId]) -> Vec<CategoryId> {
        let mut found = BTreeSet::new();
        let mut open: Vec<u64> = own.iter().map(|id| id.0).collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.by_id.get(&id).and_then(|record| record.parent).map(|p| p.0));
            }
        }
        found.into_iter().map(CategoryId).collect()
    }

    /// These categories and all above them, by number.
    pub(super) fn with_those_above(&self, own: &[u64]) -> BTreeSet<u64> {
        let own: Vec<CategoryId> = own.iter().copied().map(CategoryId).collect();
        self.with_ancestors(&own).into_iter().map(|id| id.0).collect()
    }

    /// The category and those above it, the root first. A feed can make a loop of parents, one row
    /// at a time; no category comes twice in a path.
    pub(super) fn path<'a>(&'a self, record: &'a CategoryRecord) -> Vec<&'a CategoryRecord> {
        let mut path = vec![record];
        let mut above = record.parent;
        while let Some(next) = above.and_then(|id| self.by_id.get(&id.0)) {
            if path.len() == DEEPEST || path.iter().any(|step| step.id == next.id) {
                break;
            }
            path.push(next);
            above = next.parent;
        }
        path.reverse();
        path
    }

    /// The finished document. Its path names those above it that are included; its level is the same for
    /// all.
    fn document(&self, record: &CategoryRecord, beside: Beside<'_>) -> Option<Bytes> {
        let path = self.path(record);
        let told = path.iter().filter(|step| beside.includes(step.id));
        let derived = Derived {
            level: path.len(),
            path: told.map(|step| Step::of(step)).collect(),
            product_count: beside.count(record.id.0),
        };
        let mut document = record.body.trim_end().strip_suffix('}')?.as_bytes().to_vec();
        document.push(b',');
        let tail = serde_json::to_vec(&derived).ok()?;
        document.extend_from_slice(tail.get(1..)?);
        Some(document.into())
    }

    pub(super) fn get(&self, id: CategoryId, beside: Beside<'_>) -> Option<Bytes> {
        self.document(self.by_id.get(&id.0)?, beside)
    }

    pub(super) fn list(
        &self,
        query: &CategoryQuery<'_>,
        after: Option<u64>,
        limit: usize,
        beside: Beside<'_>,
    ) -> Page<Bytes> {
        let behind = |id: &u64| after.is_none_or(|after| *id > after);
        Page::of_ids(self.ids(query).filter(behind), limit, |id| {
            let record = self.by_id.get(&id).filter(|record| query.takes(record))?;
            self.document(record, beside)
        })
    }

    /// How many categories a query takes.
    pub(super) fn count(&self, query: &CategoryQuery<'_>) -> u64 {
        let records = self.ids(query).filter_map(|id| self.by_id.get(&id));
        records.filter(|record| query.takes(record)).count() as u64
    }

    /// The ids of all categories, or of the children of one, ascending. One that is not included has none.
    fn ids(&self, query: &CategoryQuery<'_>) -> impl Iterator<Item = u64> {
        let parent = query.parent.filter(|parent| query.includes(*parent));
        let children = parent.map(|parent| self.children.get(&parent.0));
        let all = query.parent.is_none().then(|| self.by_id.keys());
        children.flatten().into_iter().flatten().chain(all.into_iter().flatten()).copied()
    }

    pub(super) fn list_with_deleted(
        &self,
        since: Micros,
        place: (Option<u64>, usize),
        beside: Beside<'_>,
    ) -> Page<Listed<CategoryId>> {
        let grant = beside.grant;
        let query = CategoryQuery { updated_since: Some(since), grant, parent: None };
        with_deleted((&self.by_id, &self.gone), since, place, CategoryId, |record| {
            query.takes(record).then(|| self.document(record, beside))?
        })
    }
}
