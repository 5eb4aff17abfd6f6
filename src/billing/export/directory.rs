//! An export as a directory of files with a signed manifest. It appears whole or not at all: it is written beside, made
//! durable, and renamed; of what fails nothing stays.

use super::ExportError;
use super::event_row::USAGE_EVENTS;
use super::events::{Asked, INSTALLATION};
use super::parts::Parts;
use super::write::Format;
use crate::billing::keys::Signer;
use crate::billing::manifest::tally::root;
use crate::billing::manifest::{FORMAT, Gap, MANIFEST, Manifest, ROOT, SIGNATURE};
use crate::exports::digest::Digested;
use crate::exports::write::publish;
use crate::kernel::Micros;
use crate::kernel::id::UsageExportId;
use crate::metering::gaps::holes;
use crate::metering::walk::ExportSeq;
use crate::storage::{Db, Log, emptied, log};
use std::fs::{self, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What is to be exported, and how.
#[derive(Debug)]
pub struct Order<'a> {
    /// Which events.
    pub asked: Asked,
    /// How they are written.
    pub format: Format,
    /// Whether each day of UTC has a file of its own.
    pub by_day: bool,
    /// The directory, which is made.
    pub dir: &'a Path,
}

/// Exports into a directory that is not there yet, or is empty.
pub async fn export_to_directory(
    db: &Db,
    signer: &Signer,
    order: &Order<'_>,
    now: Micros,
) -> Result<Manifest, ExportError> {
    let failed = |source| ExportError::File { path: order.dir.to_owned(), source };
    let dir = std::path::absolute(order.dir).map_err(failed)?;
    if dir.exists() && fs::read_dir(&dir).map_err(failed)?.next().is_some() {
        return Err(ExportError::Exists(dir));
    }
    let mut staged = dir.clone().into_os_string();
    staged.push(".part");
    let staged = PathBuf::from(staged);
    let _lock = claim(&staged)?;
    let written = async {
        let position = log::head(db, Log::Usage).await?;
        let parts = Parts::write(db, &staged, order, position).await?;
        let manifest = manifest(db, order, (position, parts), now).await?;
        sign(&staged, signer, &manifest)?;
        publish(&staged, &dir)?;
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

/// Makes the directory to write in, or takes over that of a process that was killed.
fn claim(staged: &Path) -> Result<fs::File, ExportError> {
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

/// What a finished export says of itself.
async fn manifest(
    db: &Db,
    order: &Order<'_>,
    (position, parts): (i64, Parts),
    now: Micros,
) -> Result<Manifest, ExportError> {
    let Asked { period, after, partner, app } = order.asked;
    let holes = holes(db, position).await?;
    let tally = &parts.tally;
    let (days, of_all) = (tally.days(), (!order.asked.is_of_some()).then_some(&holes));
    Ok(Manifest {
        format: FORMAT.to_owned(),
        export_id: UsageExportId::random()?.to_string(),
        layout: USAGE_EVENTS.name.to_owned(),
        retailer_id: db.setting(INSTALLATION).await?,
        made_at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        from: period.map(|period| period.from).filter(|from| from.0 > i64::MIN),
        to: period.map(|period| period.to).filter(|to| to.0 < i64::MAX),
        partner_id: partner.map(|id| id.to_string()),
        app_id: app.map(|id| id.to_string()),
        after: after.0,
        stable_high_water: ExportSeq::last_of(position).0,
        position,
        merkle_root: root(&days),
        days,
        runs: tally.runs(of_all),
        gaps: holes.gaps.iter().map(Gap::from).collect(),
        total: tally.total,
        billable: tally.billable,
        crash_unconfirmed: tally.unconfirmed,
        files: parts.files,
    })
}
