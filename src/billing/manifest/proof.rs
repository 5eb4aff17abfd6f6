//! A proof that one row is in an export, which tells nothing else of that export.

use super::model::{Day, MANIFEST, Manifest, ROOT, Root};
use super::tally::day_leaf;
use super::{FORMAT, jws, rows, verify::is_below};
use crate::billing::keys::Jwks;
use crate::billing::merkle::{self, Node, Prover};
use crate::kernel::hex;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What the format is called.
pub const PROOF: &str = "comptoir-usage-proof/1";

/// The proof of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Always `comptoir-usage-proof/1`.
    pub format: String,
    /// What the row is called: an event's id, a statement line's, an adjustment's, or the row's hash.
    pub row_id: String,
    /// The names of what the row says.
    pub columns: Vec<String>,
    /// The row: what its hash is made of.
    pub row: String,
    /// The day that the row is of.
    pub day: String,
    /// Which row of the day it is, from 0.
    pub index: u64,
    /// How many rows the day has.
    pub events: u64,
    /// The hashes from the row's up to the day's root.
    pub path: Vec<String>,
    /// Which day of the export it is, from 0.
    pub day_index: u64,
    /// The hashes from the day's up to the export's root.
    pub day_path: Vec<String>,
    /// The signed root.
    pub root: String,
}

/// Why there is no proof, or why one does not hold.
#[derive(Debug, thiserror::Error)]
pub enum NoProof {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] super::verify::Unreadable),
    /// What is there is damaged.
    #[error("{0}")]
    Damaged(String),
    /// The row is not in the export.
    #[error("the export has no row {0:?}: an event is named by its id, and any row by its hash")]
    NoRow(String),
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>, NoProof> {
    let path = dir.join(name);
    std::fs::read(&path).map_err(|source| super::verify::Unreadable { path, source }.into())
}

/// Makes the proof of a row from an export's directory.
pub fn prove(dir: &Path, id: &str) -> Result<Proof, NoProof> {
    let damaged = |why: &dyn std::fmt::Display| NoProof::Damaged(format!("{MANIFEST}: {why}"));
    let manifest: Manifest =
        serde_json::from_slice(&read(dir, MANIFEST)?).map_err(|why| damaged(&why))?;
    let layout = rows::layout(&manifest.layout).ok_or_else(|| damaged(&"its layout is unknown"))?;
    let root = String::from_utf8_lossy(&read(dir, ROOT)?).into_owned();
    let (mut found, mut counts) = (None, std::collections::BTreeMap::<String, u64>::new());
    rows_of(dir, &manifest, |fact, texts| {
        let count = counts.entry(fact.day()).or_default();
        if found.is_none() && (rows::name(layout, texts) == id || hex(fact.leaf) == id) {
            let mut row = String::new();
            texts.csv(layout.hash_place(), &mut row);
            found = Some((fact.day(), *count, row));
        }
        *count += 1;
    })?;
    let (day, index, row) = found.ok_or_else(|| NoProof::NoRow(id.to_owned()))?;
    let of_day = |known: &Day| known.day == day;
    let day_index = manifest.days.iter().position(of_day);
    let day_index = day_index.ok_or_else(|| damaged(&"it does not name the day"))?;
    let events = counts.get(&day).copied().unwrap_or(0);
    let none = || damaged(&"the day has no such row");
    let mut prover = Prover::new(index, events).ok_or_else(none)?;
    rows_of(dir, &manifest, |fact, _| {
        if fact.day() == day {
            prover.push(fact.leaf);
        }
    })?;
    let mut days = Prover::new(day_index as u64, manifest.days.len() as u64).ok_or_else(none)?;
    manifest.days.iter().for_each(|day| days.push(day_leaf(day)));
    Ok(Proof {
        format: PROOF.to_owned(),
        row_id: id.to_owned(),
        columns: layout.hashed().map(str::to_owned).collect(),
        row,
        day,
        index,
        events,
        path: prover.path().into_iter().map(hex).collect(),
        day_index: day_index as u64,
        day_path: days.path().into_iter().map(hex).collect(),
        root,
    })
}

/// Shows each row of an export.
fn rows_of(
    dir: &Path,
    manifest: &Manifest,
    mut each: impl FnMut(&super::Fact, &crate::billing::export::row::Texts),
) -> Result<(), NoProof> {
    let damaged = |why: String| NoProof::Damaged(why);
    let layout = rows::layout(&manifest.layout)
        .ok_or_else(|| damaged(format!("{MANIFEST}: its layout is unknown")))?;
    for file in &manifest.files {
        if !is_below(&file.name) {
            return Err(damaged(format!("{MANIFEST}: {:?} is no file of a directory", file.name)));
        }
        rows::each(dir, file, layout, |_, texts| {
            each(&rows::fact(layout, texts)?, texts);
            Ok(())
        })
        .map_err(damaged)?;
    }
    Ok(())
}

impl Proof {
    /// Checks that the row is in the export whose root is signed; that root.
    pub fn check(&self, keys: &Jwks) -> Result<Root, NoProof> {
        let damaged = |why: &str| NoProof::Damaged(why.to_owned());
        if self.format != PROOF {
            return Err(NoProof::Damaged(format!("it is no {PROOF}")));
        }
        let root = jws::attached(&self.root, ROOT, keys);
        let root = root.map_err(|why| NoProof::Damaged(format!("its root: {why}")))?;
        let root: Root = serde_json::from_slice(&root).map_err(|_| damaged("its root is none"))?;
        let layout = Some(root.format.as_str()).filter(|format| *format == FORMAT);
        let layout = layout.and_then(|_| rows::layout(&root.layout));
        let layout = layout.ok_or_else(|| damaged("a newer program has made it"))?;
        let path =
            |hashes: &[String]| hashes.iter().map(|hash| node(hash)).collect::<Option<Vec<_>>>();
        let climbed = |leaf, index, count, hashes: &[String]| {
            merkle::root_of(leaf, index, count, &path(hashes)?)
        };
        let leaf = merkle::leaf(self.row.as_bytes());
        let of_day = climbed(leaf, self.index, self.events, &self.path);
        let of_day = of_day.ok_or_else(|| damaged("its path does not lead to a day"))?;
        let day = Day { day: self.day.clone(), events: self.events, root: hex(of_day) };
        let of_all = climbed(day_leaf(&day), self.day_index, root.days, &self.day_path);
        if of_all.map(hex).as_deref() != Some(&*root.merkle_root) {
            return Err(damaged("the row is not in the export whose root is signed"));
        }
        // Only now is the row known to be true; it says what it is called.
        let mut line =
            csv::ReaderBuilder::new().has_headers(false).from_reader(self.row.as_bytes());
        let record = line.records().next().and_then(Result::ok);
        let place = layout.hashed().position(|name| name == layout.id);
        let said = place.and_then(|place| record.as_ref()?.get(place));
        if said != Some(&*self.row_id) && hex(leaf) != self.row_id {
            return Err(damaged("the row is another one"));
        }
        if !layout.hashed().eq(self.columns.iter().map(String::as_str)) {
            return Err(damaged("its columns are not those of the row"));
        }
        Ok(root)
    }
}

fn node(text: &str) -> Option<Node> {
    let hash = blake3::Hash::from_hex(text).ok()?;
    Some(*hash.as_bytes())
}
