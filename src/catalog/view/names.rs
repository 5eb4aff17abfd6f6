//! Names by their words: what a shopper who types the beginning of one may mean.

use super::hash::IdMap;
use crate::catalog::search::{Words, folded};
use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

/// Names of brands or categories by key.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The name that is shown, then those in other languages.
    by_key: IdMap<Vec<Box<str>>>,
    by_word: BTreeSet<(Box<str>, u64)>,
    words: Words,
}

impl Names {
    /// Whether a key has a name.
    pub(super) fn has(&self, key: u64) -> bool {
        self.by_key.contains_key(&key)
    }

    /// The name of a key.
    pub(super) fn get(&self, key: u64) -> Option<&str> {
        self.by_key.get(&key)?.first().map(AsRef::as_ref)
    }

    /// Gives a key names, in the place of those it had: the one to show, then those in other languages.
    pub(super) fn put(&mut self, key: u64, names: &[&str]) {
        self.take_out(key);
        for name in names {
            let words = self.words.of(name);
            self.by_word.extend(words.into_iter().map(|word| (word.into_boxed_str(), key)));
        }
        self.by_key.insert(key, names.iter().map(|name| (*name).into()).collect());
    }

    /// Takes a key's names out.
    pub(super) fn take_out(&mut self, key: u64) {
        for name in self.by_key.remove(&key).unwrap_or_default() {
            for word in self.words.of(&name) {
                self.by_word.remove(&(word.into_boxed_str(), key));
            }
        }
    }

    fn beginning_with<'a>(&'a self, word: &'a str) -> impl Iterator<Item = u64> + 'a {
        let from = (Box::<str>::from(word), 0);
        let words = self.by_word.range((Bound::Included(from), Bound::Unbounded));
        words.take_while(move |(own, _)| own.starts_with(word)).map(|(_, key)| *key)
    }

    /// The keys whose name, the one that is shown, is this; case and accents make no difference.
    pub(super) fn called(&self, name: &str) -> impl Iterator<Item = u64> {
        let asked = folded(name);
        let found = self.find(&Words::new(&[]).of(name)).into_iter();
        found.filter(move |key| self.get(*key).is_some_and(|own| folded(own) == asked))
    }

    /// The keys of which the names have a word that begins with each of some folded words.
    pub(super) fn find(&self, words: &[String]) -> HashSet<u64> {
        let Some((last, others)) = words.split_last() else { return HashSet::new() };
        let mut found: HashSet<u64> = self.beginning_with(last).collect();
        for word in others {
            let also: HashSet<u64> = self.beginning_with(word).collect();
            found.retain(|key| also.contains(key));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_the_beginnings_of_its_words() {
        let mut names = Names::default();
        names.put(1, &["Huiles d'Olive"]);
        names.put(2, &["Café Olé"]);
        names.put(3, &["Perceuses", "Drills", "Taladros"]);
        let find = |names: &Names, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let mut keys: Vec<u64> = names.find(&words).into_iter().collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(find(&names, &["ol"]), [1, 2]);
        assert_eq!(find(&names, &["hui", "ol"]), [1]);
        assert_eq!(find(&names, &["cafe"]), [2]);
        assert!(find(&names, &["x"]).is_empty() && find(&names, &[]).is_empty());
        assert_eq!((find(&names, &["dri"]), names.get(3)), (vec![3], Some("Perceuses")));
        names.put(1, &["Vinaigres"]);
        names.take_out(2);
        names.take_out(3);
        assert!(find(&names, &["dri"]).is_empty());
        assert!(find(&names, &["ol"]).is_empty());
        assert_eq!((find(&names, &["vin"]), names.get(1)), (vec![1], Some("Vinaigres")));
    }
}
