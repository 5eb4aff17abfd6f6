//! An export in a bucket of an object storage. It is written into a directory of this machine first, whole and signed, and sent
//! from there, the manifest last and only where there is none: so who finds a manifest finds all that it names, and what was
//! exported is never written over. The same again, after a failure or for no reason, sends what is missing and nothing else.

use super::directory::{Order, claim, stage};
use super::{ExportError, store};
use crate::billing::keys::{Signer, published};
use crate::billing::manifest::{MANIFEST, Manifest, ROOT, SIGNATURE, detached};
use crate::kernel::clock::SECOND;
use crate::kernel::id::NodeId;
use crate::kernel::{Clock, Micros, hex};
use crate::objects::{Bucket, Unfinished, Whole};
use crate::storage::{Db, lease};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where exports are written before they are sent, below the data directory.
const DIR: &str = "usage-exports";
/// How long another node waits for one that says no more.
const LEASE: i64 = 120 * SECOND;
/// How often that is said anew.
const RENEWED: Duration = Duration::from_secs(30);

/// What exports to a bucket.
#[derive(Debug)]
pub struct Depot<'a> {
    /// The database.
    pub db: &'a Db,
    /// The clock of this machine.
    pub clock: &'a Clock,
    /// What signs.
    pub signer: &'a Signer,
    /// The data directory.
    pub data_dir: &'a Path,
    /// Whose data directory it is. What one of a node's processes has left behind, another takes over at once.
    pub node: NodeId,
}

/// An export that is in a bucket.
#[derive(Debug)]
pub struct Deposited {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Whether it was made now, and not there before.
    pub is_new: bool,
}

impl Depot<'_> {
    /// Exports to a place in a bucket where nothing is, or the same.
    pub async fn deposit(
        &self,
        order: &Order,
        bucket: &Bucket,
        now: Micros,
    ) -> Result<Deposited, ExportError> {
        let place = Staging::of(self.data_dir, bucket)?;
        let _lock = claim(&place.dir).map_err(|error| match error {
            ExportError::Busy(_) => busy(bucket),
            error => error,
        })?;
        let made = self.alone(order, bucket, &place, now).await;
        let _ = fs::remove_dir_all(&place.dir);
        made.map_err(|error| match error {
            ExportError::Write(source) => ExportError::File { path: place.dir, source },
            error => error,
        })
    }

    /// The same while no other node writes there.
    async fn alone(
        &self,
        order: &Order,
        bucket: &Bucket,
        place: &Staging,
        now: Micros,
    ) -> Result<Deposited, ExportError> {
        let lease = format!("usage export {}", bucket.location());
        self.hold(&lease, bucket).await?;
        let made = tokio::select! {
            made = Box::pin(self.make(order, bucket, place, now)) => made,
            lost = self.keep(&lease, bucket) => Err(lost),
        };
        lease::release(self.db, &lease, &self.node.to_string()).await?;
        made
    }

    /// Takes or keeps the lease of a place.
    async fn hold(&self, lease: &str, bucket: &Bucket) -> Result<(), ExportError> {
        let now = self.db.now(self.clock).await?;
        let until = Micros(now.0.saturating_add(LEASE));
        if lease::hold(self.db, (lease, &self.node.to_string()), now, until).await? {
            return Ok(());
        }
        Err(busy(bucket))
    }

    /// Keeps it until it is lost, or cannot be kept.
    async fn keep(&self, lease: &str, bucket: &Bucket) -> ExportError {
        loop {
            tokio::time::sleep(RENEWED).await;
            if let Err(error) = self.hold(lease, bucket).await {
                return error;
            }
        }
    }

    async fn make(
        &self,
        order: &Order,
        bucket: &Bucket,
        place: &Staging,
        now: Micros,
    ) -> Result<Deposited, ExportError> {
        place.unfinished.forget(bucket).await?;
        let names = bucket.list().await?;
        let there = self.there(bucket, &names).await?;
        let made = stage(self.db, self.signer, order, &place.dir, now).await?;
        let occupied = |what| ExportError::Occupied { at: bucket.location().to_string(), what };
        if let Some(other) = there.as_ref().filter(|there| !there.holds_the_same(&made)) {
            return Err(occupied(format!("the export {}, which is another", other.export_id)));
        }
        let own = [MANIFEST, SIGNATURE, ROOT];
        let is_own =
            |name: &str| own.contains(&name) || made.files.iter().any(|file| file.name == name);
        if let Some(other) = names.keys().find(|name| !is_own(name)) {
            return Err(occupied(format!("{other}, which is no part of this export")));
        }
        place.send_files(bucket, &made, &names).await?;
        let is_new = there.is_none();
        if is_new {
            for name in [ROOT, SIGNATURE] {
                bucket.put(name, &fs::read(place.dir.join(name))?).await?;
            }
            if !bucket.put_new(MANIFEST, &fs::read(place.dir.join(MANIFEST))?).await? {
                return Err(occupied("an export that was written meanwhile".to_owned()));
            }
        }
        let manifest = there.unwrap_or(made);
        self.note(order, &manifest, now).await?;
        Ok(Deposited { manifest, is_new })
    }

    /// The export that is there already, if this installation has signed it.
    async fn there(
        &self,
        bucket: &Bucket,
        names: &BTreeMap<String, u64>,
    ) -> Result<Option<Manifest>, ExportError> {
        if !names.contains_key(MANIFEST) {
            return Ok(None);
        }
        let text = bucket.read(MANIFEST).await?.unwrap_or_default();
        let signature = bucket.read(SIGNATURE).await?.unwrap_or_default();
        let keys = published(self.db).await?;
        let signed = detached(&String::from_utf8_lossy(&signature), MANIFEST, &text, &keys);
        match serde_json::from_slice(&text) {
            Ok(manifest) if signed.is_ok() => Ok(Some(manifest)),
            _ => Err(ExportError::Occupied {
                at: bucket.location().to_string(),
                what: format!("a {MANIFEST} that this installation has not signed"),
            }),
        }
    }

    /// Notes it for those that come after it, where an attempt that was cut off has not.
    async fn note(
        &self,
        order: &Order,
        manifest: &Manifest,
        now: Micros,
    ) -> Result<(), ExportError> {
        let Some(subject) = order.question.subject() else { return Ok(()) };
        let root = manifest.merkle_root.as_str();
        let last = store::last_export(self.db, &subject).await?;
        if last.is_none_or(|(_, last)| last != root) {
            let name = (manifest.export_id.as_str(), root);
            store::note_export(self.db, &subject, name, now).await?;
        }
        Ok(())
    }
}

fn busy(bucket: &Bucket) -> ExportError {
    ExportError::BusyBucket(bucket.location().to_string())
}

/// Where an export to a bucket lies on this machine until it is there.
struct Staging {
    dir: PathBuf,
    unfinished: Unfinished,
}

impl Staging {
    /// That of a place in a bucket, always the same, so that what is left behind is found.
    fn of(data_dir: &Path, bucket: &Bucket) -> Result<Self, ExportError> {
        let all = data_dir.join(DIR);
        fs::create_dir_all(&all)
            .map_err(|source| ExportError::File { path: all.clone(), source })?;
        let digest = hex(Sha256::digest(bucket.location().to_string()));
        let name = digest.get(..16).unwrap_or(&digest);
        let unfinished = Unfinished::noted_in(all.join(format!("{name}.unfinished")));
        Ok(Self { dir: all.join(format!("{name}.part")), unfinished })
    }

    /// Sends what is not there as it is here. What another has put there under such a name stays.
    async fn send_files(
        &self,
        bucket: &Bucket,
        manifest: &Manifest,
        names: &BTreeMap<String, u64>,
    ) -> Result<(), ExportError> {
        for file in &manifest.files {
            if names.contains_key(&file.name)
                && let Some(held) = bucket.held(&file.name).await?
            {
                let Some(sha256) = held.sha256 else {
                    let what = format!("a {} that something else has put there", file.name);
                    return Err(ExportError::Occupied { at: bucket.location().to_string(), what });
                };
                if (held.bytes, &sha256) == (file.bytes, &file.sha256) {
                    continue;
                }
            }
            let path = self.dir.join(&file.name);
            let whole = Whole { path: &path, bytes: file.bytes, sha256: &file.sha256 };
            bucket.upload(&file.name, whole, &self.unfinished).await?;
        }
        Ok(())
    }
}
