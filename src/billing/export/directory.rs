//! An export as a directory of files with a signed manifest. It appears whole or not at all: it is written beside, made
//! durable, and renamed; of what fails nothing stays.

use super::billed::Billed;
use super::event_row::INSTALLATION;
use super::events::Asked;
use super::parts::Parts;
use super::question::Question;
use super::row::Row;
use super::write::Format;
use super::{ExportError, store};
use crate::billing::keys::Signer;
use crate::billing::manifest::tally::root;
use crate::billing::manifest::{
    FORMAT, Fact, Gap, MANIFEST, Manifest, ROOT, SIGNATURE, Tally, Totals,
};
use crate::exports::digest::Digested;
use crate::exports::write::publish;
use crate::kernel::Micros;
use crate::kernel::id::UsageExportId;
use crate::metering::gaps::holes;
use crate::metering::walk::ExportSeq;
use crate::storage::{Db, emptied};
use std::fs::{self, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What is to be exported, and how.
#[derive(Debug)]
pub struct Order {
    /// What is asked for.
    pub question: Question,
    /// How rows are written.
    pub format: Format,
    /// Whether each day of UTC has a file of its own.
    pub by_day: bool,
}

/// Exports into a directory that is not there yet, or is empty.
pub async fn export_to_directory(
    db: &Db,
    signer: &Signer,
    order: &Order,
    dir: &Path,
    now: Micros,
) -> Result<Manifest, ExportError> {
    let failed = |source| ExportError::File { path: dir.to_owned(), source };
    let dir = std::path::absolute(dir).map_err(failed)?;
    if dir.exists() && fs::read_dir(&dir).map_err(failed)?.next().is_some() {
        return Err(ExportError::Exists(dir));
    }
    let mut staged = dir.clone().into_os_string();
    staged.push(".part");
    let staged = PathBuf::from(staged);
    let _lock = claim(&staged)?;
    let written = async {
        let manifest = stage(db, signer, order, &staged, now).await?;
        publish(&staged, &dir)?;
        if let Some(subject) = order.question.subject() {
            let name = (manifest.export_id.as_str(), manifest.merkle_root.as_str());
            store::note_export(db, &subject, name, now).await.inspect_err(|_| {
                let _ = fs::remove_dir_all(&dir);
            })?;
        }
        Ok(manifest)
    };
    let written = written.await.map_err(|error| match error {
        ExportError::Write(source) => failed(source),
        error => error,
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&staged);
    }
    written
}

/// Writes all that an export has into a directory that is there.
pub(super) async fn stage(
    db: &Db,
    signer: &Signer,
    order: &Order,
    staged: &Path,
    now: Micros,
) -> Result<Manifest, ExportError> {
    let position = order.question.through(db).await?;
    let manifest = write(db, staged, order, position, now).await?;
    sign(staged, signer, &manifest)?;
    Ok(manifest)
}

/// Makes the directory to write in, or takes over that of a process that was killed.
pub(super) fn claim(staged: &Path) -> Result<fs::File, ExportError> {
    let failed = |source| ExportError::File { path: staged.to_owned(), source };
    match fs::create_dir(staged) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let lock = fs::File::open(staged).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ExportError::Busy(staged.to_owned())),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    emptied(staged).map_err(failed)?;
    Ok(lock)
}

/// Writes the manifest last, behind what signs it.
fn sign(staged: &Path, signer: &Signer, manifest: &Manifest) -> Result<(), ExportError> {
    let mut text = serde_json::to_vec_pretty(manifest).map_err(io::Error::from)?;
    text.push(b'\n');
    let root = serde_json::to_vec(&manifest.root()).map_err(io::Error::from)?;
    let root = signer.attached(ROOT, &root)?;
    let signature = signer.detached(MANIFEST, &text)?;
    for (name, bytes) in
        [(ROOT, root.as_bytes()), (SIGNATURE, signature.as_bytes()), (MANIFEST, &text)]
    {
        let mut file = Digested::create(&staged.join(name))?;
        file.write_all(bytes)?;
        file.close()?;
    }
    Ok(())
}

/// Writes the files; what the export says of itself.
async fn write(
    db: &Db,
    staged: &Path,
    order: &Order,
    position: i64,
    now: Micros,
) -> Result<Manifest, ExportError> {
    let Order { question, format, by_day } = order;
    let Asked { period, after, partner, app, .. } = question.asked;
    // Of one partner or app, numbers lie apart, and to remember them would take memory for each event.
    let is_of_some = question.asked.is_of_some();
    let tally = if is_of_some { Tally::default() } else { Tally::remembering() };
    let mut parts = Parts::new(staged.to_owned(), (question.content, *format), *by_day, tally);
    let rows = |fact: &Fact, row: &Row| parts.write(fact, row);
    question.rows(db, (position, *by_day), now, rows).await?;
    let (files, tally) = parts.close()?;
    let (days, holes) = (tally.days(), holes(db, position).await?);
    let merkle_root = root(&days);
    let (amounts, runs) = (tally.totals.amounts(), tally.runs((!is_of_some).then_some(&holes)));
    let Totals { total, billable, .. } = tally.totals;
    let span = question.billed.as_ref().map(|billed| billed.span).or(period);
    Ok(Manifest {
        format: FORMAT.to_owned(),
        export_id: UsageExportId::random()?.to_string(),
        layout: question.content.layout().name.to_owned(),
        retailer_id: db.setting(INSTALLATION).await?,
        made_at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        period: question.billed.as_ref().map(Billed::told),
        supersedes: superseded(db, question, &merkle_root).await?,
        from: span.map(|span| span.from).filter(|from| from.0 > i64::MIN),
        to: span.map(|span| span.to).filter(|to| to.0 < i64::MAX),
        partner_id: partner.map(|id| id.to_string()),
        app_id: app.map(|id| id.to_string()),
        after: after.0,
        stable_high_water: ExportSeq::last_of(position).0,
        position,
        merkle_root,
        days,
        runs,
        gaps: holes.gaps.iter().map(Gap::from).collect(),
        total,
        billable,
        amounts,
        crash_unconfirmed: tally.unconfirmed,
        crash_unconfirmed_ids: Some(tally.unconfirmed_ids()),
        files,
    })
}

/// The export before of the same, where it holds something else.
async fn superseded(
    db: &Db,
    question: &Question,
    root: &str,
) -> Result<Option<String>, ExportError> {
    let Some(subject) = question.subject() else { return Ok(None) };
    let last = store::last_export(db, &subject).await?;
    Ok(last.filter(|(_, before)| before != root).map(|(id, _)| id))
}
