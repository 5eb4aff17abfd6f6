//! The folder of a source: what waits in it, what is under way, and what is done.

use super::settings::FILE;
use crate::kernel::Micros;
use crate::storage;
use rustix::fs::{Mode, OFlags};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most bytes that are kept of a file's name: an instant comes before it and an ending behind.
const LONGEST: usize = 180;
/// Endings of names under which others write what is not whole yet.
const PARTS: [&str; 4] = ["part", "partial", "tmp", "filepart"];

/// How files were at the last look.
pub(super) type Looks = HashMap<PathBuf, (u64, SystemTime)>;

/// A source's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folders below `dir` that hold a `source.toml`, by name.
    pub(super) fn all(dir: &Path) -> io::Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.join(FILE).is_file() {
                found.push(Self(path));
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The source's name.
    pub(super) fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A message about what lies in it, without where on the server that is: who may read of a source need not know.
    pub(super) fn without_place(&self, message: &str) -> String {
        let own = self.0.display();
        message.replace(&format!("{own}/working/"), "").replace(&format!("{own}/"), "")
    }

    /// Where files are while they are imported. A look at the source never finds what is there.
    pub(super) fn working(&self) -> io::Result<PathBuf> {
        self.made("working")
    }

    fn made(&self, name: &str) -> io::Result<PathBuf> {
        let dir = self.0.join(name);
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// The next file to import: one that was cut off, or the first that has not changed since the
    /// last look, which is then under way. Files that the settings name are none. What cannot be read is
    /// passed over, and is the error when nothing else is left.
    pub(super) fn next(&self, looks: &mut Looks, own: &[PathBuf]) -> io::Result<Option<PathBuf>> {
        let working = self.working()?;
        if let Some((cut_off, _)) = files(&working)?.into_iter().next() {
            return Ok(Some(cut_off));
        }
        let mut problem = None;
        for (path, seen) in files(&self.0)? {
            if own.contains(&path) {
                continue;
            }
            if looks.insert(path.clone(), seen) == Some(seen) {
                looks.remove(&path);
                let name = safe_name(&path);
                if let Err(error) = open_plain(&path) {
                    problem.get_or_insert(format!("{name} cannot be read: {error}"));
                    continue;
                }
                let to = working.join(name);
                fs::rename(&path, &to)?;
                return Ok(Some(to));
            }
        }
        looks.retain(|path, _| path.exists());
        problem.map_or(Ok(None), |problem| Err(io::Error::other(problem)))
    }

    /// Puts a file away with a report of what became of it.
    pub(super) fn put_away(
        &self,
        file: &Path,
        (into, at): (&str, &str),
        report: &Value,
    ) -> io::Result<()> {
        let dir = self.made(into)?;
        let name = safe_name(file);
        let mut to = dir.join(format!("{at}-{name}"));
        let mut number = 1;
        while to.exists() {
            number += 1;
            to = dir.join(format!("{at}-{number}-{name}"));
        }
        let text = serde_json::to_vec_pretty(report)?;
        storage::write_durably(&ending(&to, "report.json"), &text)?;
        for feed in crate::feeds::Feed::ALL {
            let rejected = self.rejected(feed.as_str());
            match fs::metadata(&rejected) {
                Ok(found) if found.len() > 0 => {
                    let name = format!("{}.rejected.ndjson", feed.as_str());
                    fs::rename(&rejected, ending(&to, &name))?;
                }
                Ok(_) => fs::remove_file(&rejected)?,
                Err(_) => {}
            }
        }
        fs::rename(file, &to)
    }

    /// Removes what was put away before an instant; how many files.
    pub(super) fn clear(&self, before: Micros) -> io::Result<u64> {
        let mut removed = 0;
        for name in ["done", "failed"] {
            let dir = self.0.join(name);
            if !dir.is_dir() {
                continue;
            }
            for entry in fs::read_dir(dir)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if put_away_at(&name).is_some_and(|at| at < before) {
                    fs::remove_file(&path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Where the refused rows of a feed are written while a file is imported.
    pub(super) fn rejected(&self, feed: &str) -> PathBuf {
        self.0.join("working").join(format!(".{feed}.rejected"))
    }
}

/// When a file was put away, by the name that it got: `2026-11-22T120000Z-catalog.tsv`. Its own time
/// is the one that its sender gave it.
fn put_away_at(name: &str) -> Option<Micros> {
    let (at, _) = name.split_once("Z-")?;
    let (day, time) = at.split_once('T')?;
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    format!("{day}T{hour}:{minute}:{second}Z").parse().ok()
}

/// Opens a file to read it, unless it is a link or no file; waits for nothing.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(
        path,
        flags | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is no plain file"));
    }
    Ok(file)
}

/// A file's name, without what is no text and not longer than others can be put before and behind it.
fn safe_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    let name: String = name.chars().map(|c| if odd(c) { '_' } else { c }).collect();
    name[..name.floor_char_boundary(LONGEST)].to_owned()
}

/// A path with something behind its whole name.
fn ending(path: &Path, what: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(".");
    text.push(what);
    PathBuf::from(text)
}

/// The files in a folder that may be imported, by name, and how they are now. Links, pipes and devices
/// are none, and neither is what is hidden or called a part.
fn files(dir: &Path) -> io::Result<Vec<(PathBuf, (u64, SystemTime))>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_part = path.extension().is_some_and(|ending| PARTS.iter().any(|p| *p == ending));
        if name.starts_with('.') || is_part || path.extension().is_some_and(|e| e == "toml") {
            continue;
        }
        // It may be gone by now.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_file() {
            found.push((path, (meta.len(), meta.modified()?)));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_when_it_was_put_away() {
        for at in ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00.25Z"] {
            let name = format!("{}-A-b.tsv", at.replace(':', ""));
            assert_eq!(put_away_at(&name), at.parse().ok());
        }
        for other in ["catalog.tsv", "Z-", "2026-11-22T12Z-a", "2026-11-22Té0000Z-a", "tZ-TZ-"] {
            assert_eq!(put_away_at(other), None, "{other}");
        }
    }
}
