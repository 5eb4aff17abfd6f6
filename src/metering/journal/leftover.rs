//! What earlier runs have left in the journal's directory.

use super::record::{PAYLOAD, RECORD, State, decode};
use super::{Boot, Harvest, Header, JournalError, MAX_RECORDS};
use crate::storage::write_durably;
use std::fs::{File, TryLockError};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The endings of files that were set aside for a person to look at: without a header that can be read, and unlike what
/// the ledger has under their name.
pub(crate) const UNREADABLE: &str = "unreadable";
pub(crate) const CONFLICT: &str = "conflict";

/// The file that counts the runs.
const EPOCH: &str = "epoch";
/// The file that names the first run that the directory has held, where that is not the node's first.
const FIRST: &str = "epoch.first";

/// A file that no running process holds; locked while this value lives.
#[derive(Debug)]
pub(crate) struct Leftover {
    path: PathBuf,
    file: File,
}

/// What a leftover file turns out to be.
#[derive(Debug)]
pub(crate) enum Content {
    /// A segment with events.
    Events(Harvest),
    /// Made ahead, or closed before its first event.
    Unused,
    /// Holds bytes, and no header that explains them.
    Unreadable,
}

/// The segments that can be locked, oldest first, and how many are in use by a running process.
pub(crate) fn leftovers(dir: &Path) -> Result<(Vec<Leftover>, usize), JournalError> {
    let mut found = Vec::new();
    let mut busy = 0;
    for path in files(dir, "new")?.into_iter().filter(|path| epoch_of(path).is_some()) {
        // A process that died while it made this segment has written nothing into it.
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            std::fs::remove_file(&path).map_err(JournalError::io(&path))?;
        }
    }
    for path in files(dir, "seg")? {
        let opened = File::options().read(true).write(true).open(&path);
        let file = opened.map_err(JournalError::io(&path))?;
        match file.try_lock() {
            Ok(()) => found.push(Leftover { path, file }),
            Err(TryLockError::WouldBlock) => busy += 1,
            Err(TryLockError::Error(source)) => return Err(JournalError::Io { path, source }),
        }
    }
    Ok((found, busy))
}

impl Leftover {
    /// Reads the file in the boot `now`.
    pub(crate) fn content(&self, now: Boot) -> Result<Content, JournalError> {
        let bytes = self.read().map_err(JournalError::io(&self.path))?;
        let Some(header) = bytes.as_deref().and_then(Header::decode) else {
            let unused = bytes.is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0));
            return Ok(if unused { Content::Unused } else { Content::Unreadable });
        };
        let records = bytes.as_deref().unwrap_or_default().as_chunks::<RECORD>().0;
        let records = records.get(1..).unwrap_or_default();
        let records = &records[..records.len().min(header.capacity as usize)];
        // The counter of claims died with the process: the last record written tells.
        let used = records.iter().rposition(|record| record[0] != 0).map_or(0, |last| last + 1);
        if used == 0 {
            return Ok(Content::Unused);
        }
        let slots = records[..used].iter().map(|record| {
            let payload = record[4..4 + PAYLOAD].try_into().ok();
            (record[0], payload)
        });
        Ok(Content::Events(Harvest::gather(header, slots, now)))
    }

    /// Whether it is an earlier segment of the run of `header` and holds the event of this number.
    pub(crate) fn holds(&self, header: Header, seq: u64) -> Result<bool, JournalError> {
        let read = |at: u64| {
            let mut record = [0; RECORD];
            self.file.read_exact_at(&mut record, at).map(|()| record)
        };
        let Ok(Some(own)) = read(0).map(|record| Header::decode(&record)) else {
            return Ok(false);
        };
        let slot = seq.checked_sub(own.first_seq).filter(|slot| *slot < own.capacity.into());
        let Some(slot) = slot else { return Ok(false) };
        if (own.node, own.epoch) != (header.node, header.epoch) || own.segment >= header.segment {
            return Ok(false);
        }
        let record = read((slot + 1) * RECORD as u64).map_err(JournalError::io(&self.path))?;
        let mut payload = [0; PAYLOAD];
        payload.copy_from_slice(&record[4..4 + PAYLOAD]);
        let stands = matches!(
            State::from_byte(record[0]),
            Some(State::Written | State::Complete | State::Aborted)
        );
        Ok(stands && decode(&payload).is_ok_and(|(written_as, _)| written_as == seq))
    }

    /// Removes the file.
    pub(crate) fn remove(&self) -> Result<(), JournalError> {
        std::fs::remove_file(&self.path).map_err(JournalError::io(&self.path))
    }

    /// Puts the file aside under another ending, for a person to look at.
    pub(crate) fn set_aside(&self, ending: &str) -> Result<PathBuf, JournalError> {
        let aside = self.path.with_extension(ending);
        std::fs::rename(&self.path, &aside).map_err(JournalError::io(&self.path))?;
        Ok(aside)
    }

    /// The file's bytes; `None` if it is larger than any segment.
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        use std::io::Read as _;
        let most = (u64::from(MAX_RECORDS) + 1) * RECORD as u64;
        let mut bytes = Vec::new();
        (&self.file).take(most + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= most).then_some(bytes))
    }
}

/// The files of a directory that were set aside, whenever that was.
pub(crate) fn set_aside_in(dir: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let mut found = files(dir, UNREADABLE)?;
    found.extend(files(dir, CONFLICT)?);
    Ok(found)
}

/// The runs whose journals were kept in a directory. Those before are no business of its: a directory that was lost, and
/// begun anew, tells nothing of what it held.
pub fn held_epochs(dir: &Path) -> Result<RangeInclusive<u64>, JournalError> {
    Ok(counter(dir, FIRST)?..=last_epoch(dir)?)
}

/// The number in a file of a journal's directory; 0 where there is no such file.
fn counter(dir: &Path, name: &str) -> Result<u64, JournalError> {
    let path = dir.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u64>().map_err(|_| JournalError::Epoch(path)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(JournalError::Io { path, source }),
    }
}

/// The number of the last run that a journal's directory knows of; 0 where it knows of none.
pub fn last_epoch(dir: &Path) -> Result<u64, JournalError> {
    let counted = counter(dir, EPOCH)?;
    // A segment of a later run means that the counter was lost or restored from an old copy.
    let named = files(dir, "seg")?.iter().filter_map(|path| epoch_of(path)).max().unwrap_or(0);
    Ok(counted.max(named))
}

/// Counts the runs of this journal: the number of this one, never given before. `known` is the last that the
/// ledger knows, which is more than the directory knows where that is an old copy.
pub fn next_epoch(dir: &Path, known: u64) -> Result<u64, JournalError> {
    std::fs::create_dir_all(dir).map_err(JournalError::io(dir))?;
    let last = last_epoch(dir)?;
    let next = last.max(known) + 1;
    if known > last {
        let path = dir.join(FIRST);
        write_durably(&path, next.to_string().as_bytes()).map_err(JournalError::io(&path))?;
    }
    let path = dir.join(EPOCH);
    write_durably(&path, next.to_string().as_bytes()).map_err(JournalError::io(&path))?;
    Ok(next)
}

fn epoch_of(path: &Path) -> Option<u64> {
    let (epoch, _) = path.file_stem()?.to_str()?.split_once('-')?;
    u64::from_str_radix(epoch, 16).ok()
}

/// The files of a directory with an ending, in order of their names, which is that of their age.
fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, JournalError> {
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(JournalError::io(dir))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(JournalError::io(dir))?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
