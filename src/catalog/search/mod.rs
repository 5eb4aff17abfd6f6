//! Full-text search over the products: an index of this node's own, derived from the view.
//!
//! It lies in a folder that can be deleted at any time. Every commit holds the position in the
//! change log that it has come to, so that a start goes on from there, and a token by which the
//! database knows it; an index of another version, or one that cannot be opened, is made anew. Documents hold no text, only what leads to them.

mod asked;
mod document;
mod find;
mod fold;
mod matches;
mod properties;
mod sound;
mod words;

pub use asked::Strictness;
pub use find::{Hit, Wanted};
pub use fold::folded;
pub use properties::ValueCount;

use crate::storage;
use arc_swap::ArcSwapOption;
use document::{Fields, document, schema};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use tantivy::directory::MmapDirectory;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Term};
pub use words::Words;

/// Changes with everything that decides about an index's content: fields, words, languages.
const VERSION: u32 = 10;
/// What the writer may hold, in bytes; tantivy takes no less than 15 MB.
const BUDGET: usize = 16_000_000;
/// Share of a piece of the index that may be deleted before it is made anew.
const MOST_DELETED: f32 = 0.3;

/// A product to be indexed: its id, its document, the names of its categories.
pub type Source = (u64, bytes::Bytes, CategoryNames);

/// What the categories of a product are called, in every language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CategoryNames {
    /// Those it is in itself: they say what it is.
    pub own: Vec<String>,
    /// Those above.
    pub above: Vec<String>,
}

/// What answers searches. Empty until a first index is there.
#[derive(Default)]
pub struct Search {
    open: ArcSwapOption<(IndexReader, Fields, Words)>,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("ready", &self.open.load().is_some()).finish()
    }
}

impl Search {
    /// What an open index answers; `None` where there is none yet or it cannot be read.
    fn ask<T>(
        &self,
        question: impl FnOnce(&tantivy::Searcher, &Fields, &Words) -> tantivy::Result<T>,
    ) -> Option<T> {
        let open = self.open.load();
        let (reader, fields, words) = &**open.as_ref()?;
        match question(&reader.searcher(), fields, words) {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::error!(%error, "the search index could not be read");
                None
            }
        }
    }

    /// The products that `text` finds, in no order, and how strict the search was. A walk through
    /// pages keeps to the strictness it began with.
    pub fn find(&self, text: &str, kept: Option<Strictness>) -> Option<(Vec<Hit>, Strictness)> {
        let mut wanted =
            Wanted { after: None, most: usize::MAX, takes: &mut |_| true, found: None };
        self.ask(|searcher, fields, words| {
            find::find(searcher, (fields, words), text, kept, &mut wanted)
        })
    }

    /// The wanted ones of the products that `text` finds, the best first, and how strict the search
    /// was. What else is found costs little more than being counted.
    pub fn best(
        &self,
        text: &str,
        kept: Option<Strictness>,
        mut wanted: Wanted<'_>,
    ) -> Option<(Vec<Hit>, Strictness)> {
        let (mut hits, strictness) = self.ask(|searcher, fields, words| {
            find::find(searcher, (fields, words), text, kept, &mut wanted)
        })?;
        hits.sort_unstable();
        Some((hits, strictness))
    }

    /// The products of which a property has one of some values; case and accents make no difference.
    pub fn with_property(&self, property: &str, values: &[String]) -> Option<HashSet<u64>> {
        self.ask(|searcher, fields, _| properties::with_values(searcher, fields, property, values))
    }

    /// How many of some products have each value of a property; case and accents make no difference.
    pub fn property_values(
        &self,
        property: &str,
        products: &HashSet<u64>,
    ) -> Option<Vec<ValueCount>> {
        self.ask(|searcher, _, _| properties::values_of(searcher, property, products))
    }

    /// How many products the index holds.
    pub fn len(&self) -> u64 {
        self.open.load().as_ref().map_or(0, |open| open.0.searcher().num_docs())
    }

    /// Whether it holds none, or is not there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The only writer of an index.
pub struct Indexer {
    writer: IndexWriter,
    reader: IndexReader,
    fields: Fields,
    words: Words,
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").finish_non_exhaustive()
    }
}

/// The writer of an index. Pieces of about one size are merged, and one that holds much that is deleted
/// is made anew.
fn writer(index: &Index) -> tantivy::Result<IndexWriter> {
    let writer = index.writer_with_num_threads(1, BUDGET)?;
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(MOST_DELETED);
    writer.set_merge_policy(Box::new(merging));
    Ok(writer)
}

/// What a commit is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// How far it has come in the change log.
    pub position: i64,
    /// What the database knows it by.
    pub token: String,
}

impl Commit {
    /// As it stands with the commit, behind the version and the languages.
    fn note(&self, words: &Words) -> String {
        format!("{VERSION} {} {} {}", words.languages(), self.position, self.token)
    }

    fn read(note: &str, words: &Words) -> Option<Self> {
        let made = format!("{VERSION} {} ", words.languages());
        let (position, token) = note.strip_prefix(&made)?.split_once(' ')?;
        Some(Self { position: position.parse().ok()?, token: token.to_owned() })
    }
}

impl Indexer {
    fn of(index: &Index, (fields, words): (Fields, &Words)) -> tantivy::Result<Self> {
        let writer = writer(index)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { writer, reader, fields, words: words.clone() })
    }

    /// Opens an index at its last commit; `None` where there is none of this version with these
    /// words.
    pub fn open(folder: &Path, words: &Words) -> tantivy::Result<Option<(Self, Commit)>> {
        let (expected, fields) = schema();
        let directory = MmapDirectory::open(folder)?;
        if !Index::exists(&directory)? {
            return Ok(None);
        }
        let index = Index::open(directory)?;
        let payload = index.load_metas()?.payload.unwrap_or_default();
        let Some(commit) = Commit::read(&payload, words) else { return Ok(None) };
        if index.schema() != expected || !index.validate_checksum()?.is_empty() {
            return Ok(None);
        }
        Ok(Some((Self::of(&index, (fields, words))?, commit)))
    }

    /// Makes an empty index in place of whatever the folder holds.
    pub fn create(folder: &Path, words: &Words) -> tantivy::Result<Self> {
        storage::emptied(folder)?;
        let (schema, fields) = schema();
        Self::of(&Index::create_in_dir(folder, schema)?, (fields, words))
    }

    /// Puts products in, over what the index holds of them.
    pub fn put(&mut self, products: &[Source]) -> tantivy::Result<()> {
        products.iter().for_each(|(id, ..)| self.remove(*id));
        self.add(products)
    }

    /// Puts products in of which the index holds nothing.
    pub fn add(&mut self, products: &[Source]) -> tantivy::Result<()> {
        for (id, body, categories) in products {
            if let Some(document) = document(&self.fields, &mut self.words, (*id, body, categories))
            {
                self.writer.add_document(document)?;
            }
        }
        Ok(())
    }

    /// Takes a product out.
    pub fn remove(&mut self, id: u64) {
        self.writer.delete_term(Term::from_field_u64(self.fields.id, id));
    }

    /// Makes everything since the last commit last.
    pub fn commit(&mut self, of: &Commit) -> tantivy::Result<()> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&of.note(&self.words));
        commit.commit()?;
        self.reader.reload()
    }

    /// Makes one piece of all that is committed, since a search costs some of its time for each.
    pub fn settle(self) -> tantivy::Result<Self> {
        let index = self.writer.index().clone();
        // What is being merged cannot be merged with the rest.
        self.writer.wait_merging_threads()?;
        let mut writer = writer(&index)?;
        let pieces = index.searchable_segment_ids()?;
        if pieces.len() > 1 {
            writer.merge(&pieces).wait()?;
        }
        self.reader.reload()?;
        Ok(Self { writer, ..self })
    }

    /// Lets searches see what is committed, now and from now on.
    pub fn serve(&self, search: &Search) {
        let open = (self.reader.clone(), self.fields, self.words.clone());
        search.open.store(Some(Arc::new(open)));
    }
}

#[cfg(test)]
mod tests;
