//! What a node has told the database of its sources: a look that shows nothing new is told now and
//! then only.

use super::Sources;
use super::store::{self, Looked, Says};
use crate::storage::StoreError;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// How long the instant of a look may lag behind.
const LAG: Duration = Duration::from_secs(10);

/// The sources as they are, and since when the database knows it.
#[derive(Debug, Default)]
pub(super) struct Told {
    sources: BTreeMap<String, (Looked, Option<Instant>)>,
    answered: Vec<(String, i64)>,
}

impl Told {
    fn change(&mut self, name: &str, change: impl FnOnce(&mut Looked)) {
        let new = || (Looked { name: name.to_owned(), says: None, problem: None }, None);
        let (looked, told) = self.sources.entry(name.to_owned()).or_insert_with(new);
        let before = looked.clone();
        change(looked);
        let fresh = told.is_some_and(|at| at.elapsed() < LAG);
        if !fresh || *looked != before {
            *told = None;
        }
    }

    /// Notes what the settings of a source say.
    pub(super) fn says(&mut self, name: &str, says: Option<Says>) {
        self.change(name, |looked| looked.says = says);
    }

    /// Notes what is wrong with a source.
    pub(super) fn problem(&mut self, name: &str, problem: Option<String>) {
        self.change(name, |looked| looked.problem = problem);
    }

    /// Notes that an address was asked, or a look done that somebody has asked for: its instant is told at once.
    pub(super) fn looked(&mut self, name: &str) {
        if let Some((_, told)) = self.sources.get_mut(name) {
            *told = None;
        }
    }

    /// Notes that no source can be looked at.
    pub(super) fn all_fail(&mut self, problem: &str) {
        for (looked, told) in self.sources.values_mut() {
            looked.problem = Some(format!("feeds.sources_dir: {problem}"));
            *told = None;
        }
    }

    /// Notes that a look which was asked for has been done.
    pub(super) fn answered(&mut self, name: &str, at: i64) {
        self.answered.push((name.to_owned(), at));
    }

    /// Takes out what is a source no more.
    pub(super) async fn retain(
        &mut self,
        of: &Sources,
        names: &HashSet<String>,
    ) -> Result<(), StoreError> {
        self.sources.retain(|name, _| names.contains(name));
        let known = store::list(&of.db).await?;
        let gone: Vec<_> = known.iter().filter(|source| !names.contains(&source.name)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut tx = of.db.begin().await?;
        for source in gone {
            store::take_out(&mut tx, &source.name).await?;
        }
        tx.commit().await
    }

    /// Tells the database what it does not know.
    pub(super) async fn send(&mut self, of: &Sources) -> Result<(), StoreError> {
        let news = self.sources.values().filter(|(_, told)| told.is_none());
        let news: Vec<&Looked> = news.map(|(looked, _)| looked).collect();
        if news.is_empty() && self.answered.is_empty() {
            return Ok(());
        }
        let mut tx = of.db.begin().await?;
        store::tell(&mut tx, &news, &of.node, of.clock.now()).await?;
        for (name, at) in &self.answered {
            store::answer(&mut tx, name, *at).await?;
        }
        tx.commit().await?;
        self.answered.clear();
        for (_, told) in self.sources.values_mut() {
            told.get_or_insert_with(Instant::now);
        }
        Ok(())
    }
}
