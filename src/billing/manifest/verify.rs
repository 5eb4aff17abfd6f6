//! The check of an export, with nothing but its directory and the published keys.

use super::model::{File, MANIFEST, Manifest, ROOT, Root, SIGNATURE};
use super::tally::{Fact, Tally, Totals, root};
use super::{FORMAT, jws, rows};
use crate::billing::export::layout::Layout;
use crate::billing::keys::Jwks;
use crate::kernel::hex;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Component, Path, PathBuf};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What does not fit, the first of each file; none where all is as it was signed.
    pub problems: Vec<String>,
    /// The key that signed.
    pub kid: String,
    /// The manifest.
    pub manifest: Option<Manifest>,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read: {source}")]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    std::fs::read(path).map_err(|source| Unreadable { path: path.to_owned(), source })
}

/// Checks the export in a directory.
pub fn verify(dir: &Path, keys: &Jwks) -> Result<Report, Unreadable> {
    let bytes = read(&dir.join(MANIFEST))?;
    let signature = read(&dir.join(SIGNATURE))?;
    let signed_root = read(&dir.join(ROOT))?;
    let mut report = Report::default();
    match jws::detached(&String::from_utf8_lossy(&signature), MANIFEST, &bytes, keys) {
        Ok(kid) => report.kid = kid,
        Err(why) => report.problem(format!("{MANIFEST} or {SIGNATURE}: {why}")),
    }
    let manifest: Manifest = match serde_json::from_slice(&bytes) {
        Ok(manifest) => manifest,
        Err(why) => {
            report.problem(format!("{MANIFEST}: it cannot be read: {why}"));
            return Ok(report);
        }
    };
    if manifest.format != FORMAT {
        report.problem(format!("{MANIFEST}: its format is not {FORMAT}; a newer program made it"));
        return Ok(report);
    }
    match jws::attached(&String::from_utf8_lossy(&signed_root), ROOT, keys) {
        Ok(root) if serde_json::from_slice::<Root>(&root).ok() == Some(manifest.root()) => {}
        Ok(_) => report.problem(format!("{ROOT}: it is of another export")),
        Err(why) => report.problem(format!("{ROOT}: {why}")),
    }
    let Some(tally) = report.files(dir, &manifest) else { return Ok(report) };
    report.unknown_files(dir, &manifest)?;
    if report.problems.is_empty() {
        report.sums(&manifest, &tally);
    }
    report.manifest = Some(manifest);
    Ok(report)
}

impl Report {
    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Each file for itself; what they add up to.
    fn files(&mut self, dir: &Path, manifest: &Manifest) -> Option<Tally> {
        let Some(layout) = rows::layout(&manifest.layout) else {
            self.problem(format!("{MANIFEST}: its layout is unknown; a newer program made it"));
            return None;
        };
        let mut tally = Tally::remembering();
        for file in &manifest.files {
            if !is_below(&file.name) {
                self.problem(format!("{MANIFEST}: {:?} is no file of a directory", file.name));
                continue;
            }
            let bytes_fit = hashed(&dir.join(&file.name)).and_then(|found| {
                let signed = (file.bytes, file.sha256.clone());
                if found == signed { Ok(()) } else { Err(differs(file, &found)) }
            });
            let rows_fit = check_rows(dir, file, layout, &mut tally);
            match (bytes_fit, rows_fit) {
                (Ok(()), Ok(())) => {}
                // The row says more than the file.
                (_, Err(row)) => self.problem(row),
                (Err(why), Ok(())) => self.problem(format!("{}: {why}", file.name)),
            }
        }
        Some(tally)
    }

    /// What lies there and nobody signed.
    fn unknown_files(&mut self, dir: &Path, manifest: &Manifest) -> Result<(), Unreadable> {
        let mut known: BTreeSet<PathBuf> =
            manifest.files.iter().map(|file| dir.join(&file.name)).collect();
        known.extend([MANIFEST, SIGNATURE, ROOT].map(|name| dir.join(name)));
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            let failed = |source| Unreadable { path: folder.clone(), source };
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                if entry.file_type().map_err(failed)?.is_dir() {
                    folders.push(entry.path());
                } else if !known.contains(&entry.path()) {
                    let name = entry.path();
                    let name = name.strip_prefix(dir).unwrap_or(&name).display();
                    self.problem(format!("{name}: it is not in the manifest"));
                }
            }
        }
        Ok(())
    }

    /// What all files come to.
    fn sums(&mut self, manifest: &Manifest, tally: &Tally) {
        let days = tally.days();
        if days != manifest.days || root(&days) != manifest.merkle_root {
            self.problem(format!("{MANIFEST}: the roots of days are not those of the rows"));
        }
        let Totals { total, billable, .. } = &tally.totals;
        let totals = (total, billable, &tally.totals.amounts(), tally.unconfirmed);
        let Manifest { total, billable, amounts, crash_unconfirmed, .. } = manifest;
        if totals != (total, billable, amounts, *crash_unconfirmed) {
            self.problem(format!("{MANIFEST}: the totals are not those of the rows"));
        }
        if manifest
            .crash_unconfirmed_ids
            .as_ref()
            .is_some_and(|ids| *ids != tally.unconfirmed_ids())
        {
            self.problem(format!(
                "{MANIFEST}: the events without a known end are not those of the rows"
            ));
        }
        let mut runs = manifest.runs.clone();
        runs.iter_mut().for_each(|run| run.others = None);
        if runs != tally.runs(None) {
            self.problem(format!("{MANIFEST}: the runs are not those of the rows"));
        }
        for run in &manifest.runs {
            let gaps =
                manifest.gaps.iter().filter(|gap| (&gap.node, gap.epoch) == (&run.node, run.epoch));
            let missing: u64 = gaps.map(|gap| gap.within(run.first_seq, run.next_seq)).sum();
            let Some(others) = run.others else { continue };
            let accounted = [run.events, others.missing, others.unreleased, others.elsewhere];
            let accounted = accounted.into_iter().fold(0, u64::saturating_add);
            if accounted != run.next_seq.saturating_sub(run.first_seq) || missing != others.missing
            {
                self.problem(format!(
                    "{MANIFEST}: run {} of {} does not account for all of its numbers",
                    run.epoch, run.node
                ));
            }
        }
        for gap in manifest.gaps.iter().filter(|gap| tally.has_of(gap)) {
            self.problem(format!(
                "{MANIFEST}: an event of {} run {} lies in a gap, from {}",
                gap.node, gap.epoch, gap.from_seq
            ));
        }
    }
}

/// Whether a name leads to a file below the directory.
#[must_use]
pub fn is_below(name: &str) -> bool {
    let mut parts = Path::new(name).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Length and SHA-256 of a file.
fn hashed(path: &Path) -> Result<(u64, String), String> {
    let hash = || {
        let (mut file, mut digest) = (BufReader::new(std::fs::File::open(path)?), Sha256::new());
        let mut bytes = 0;
        loop {
            let some = file.fill_buf()?;
            if some.is_empty() {
                return io::Result::Ok((bytes, hex(digest.finalize())));
            }
            digest.update(some);
            let read = some.len();
            bytes += read as u64;
            file.consume(read);
        }
    };
    hash().map_err(|error| format!("it cannot be read: {error}"))
}

fn differs(file: &File, found: &(u64, String)) -> String {
    if found.0 == file.bytes {
        "its bytes are not those that were signed (sha256)".to_owned()
    } else {
        format!("it has {} bytes in place of {}", found.0, file.bytes)
    }
}

/// The rows of a file, one after another, and what they come to.
fn check_rows(dir: &Path, file: &File, layout: &Layout, tally: &mut Tally) -> Result<(), String> {
    let (mut digest, mut first, mut last) = (Sha256::new(), None, None);
    let mut totals = Totals::default();
    let rows = rows::each(dir, file, layout, |_, texts| {
        let fact: Fact = rows::fact(layout, texts)?;
        let number = fact.event.map(|event| event.export_seq);
        if last.is_some() && number <= last {
            return Err("its `export_seq` does not rise".to_owned());
        }
        if file.day.as_ref().is_some_and(|day| *day != fact.day()) {
            return Err("it is of another day".to_owned());
        }
        if !tally.add(&fact) {
            return Err("its event was there before".to_owned());
        }
        first = first.or(number);
        last = number;
        digest.update(fact.leaf);
        totals.add(&fact);
        Ok(())
    })?;
    let digest = hex(digest.finalize());
    let found = (rows, &digest, first, last, &totals.total, &totals.billable, &totals.amounts());
    let signed = (
        file.rows,
        &file.rows_digest,
        file.min_export_seq,
        file.max_export_seq,
        &file.total,
        &file.billable,
        &file.amounts,
    );
    if found == signed {
        Ok(())
    } else {
        Err(format!(
            "{}: its rows are not those that were signed, {rows} of {}",
            file.name, file.rows
        ))
    }
}
