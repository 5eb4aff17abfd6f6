//! Import of keys that another gateway gave out, by the SHA-256 of their texts: partners go on with the
//! keys that they have. A batch is stored whole or not at all.

mod rows;

pub use rows::{Format, parse};

use super::model::{KeyKind, SecretForm};
use super::service::{check_bounds, check_scopes, insert, told};
use super::store::{self, import as known};
use crate::access::Scopes;
use crate::access::error::{AccessError, Kind};
use crate::access::imported::ImportedHasher;
use crate::access::model::{KeySecret, KeySpec};
use crate::access::service::{By, change};
use crate::access::store::{existing_apps, hold_apps, record};
use crate::kernel::id::{AppId, KeyId};
use crate::storage::Db;
use std::collections::{BTreeSet, HashSet};

/// Most keys in a batch: they are stored in one transaction.
pub const ROWS_MOST: usize = 10_000;

/// A key to import.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its line in the file.
    pub line: u64,
    /// What it shall be.
    pub spec: KeySpec,
    /// What is known of its text.
    pub digest: Digest,
    /// Its last characters, where they are told.
    pub hint: String,
}

/// What is known of a foreign key's text.
#[derive(Debug, Clone, Copy)]
pub enum Digest {
    /// Its SHA-256.
    Sha256([u8; 32]),
    /// What is stored of it: keyed BLAKE3 of its SHA-256, made with this pepper.
    Stored([u8; 32]),
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its line in the file.
    pub line: u64,
    /// The field at fault.
    pub field: &'static str,
    /// What kind of fault.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Report {
    /// Whether it was stored: not where a row is at fault, or where it was only looked at.
    pub stored: bool,
    /// Rows that are right: their lines, and the ids of their keys where they were stored.
    pub accepted: Vec<(u64, Option<KeyId>)>,
    /// What is wrong with the others.
    pub faults: Vec<Fault>,
}

/// Imports a batch, or with `dry_run` only says what would become of it.
pub async fn import_keys(
    db: &Db,
    by: &By<'_>,
    hasher: &ImportedHasher,
    rows: Vec<Result<Row, Fault>>,
    dry_run: bool,
) -> Result<Report, AccessError> {
    if rows.len() > ROWS_MOST {
        let message = format!("holds more than {ROWS_MOST} keys; import it in parts");
        return Err(AccessError::Field { field: "", message });
    }
    let mut report = Report::default();
    let mut right = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Ok(row) => right.push((stored(hasher, row.digest), row)),
            Err(fault) => report.faults.push(fault),
        }
    }
    let taken = known::hashes(db, right.iter().map(|(hash, _)| hash)).await?;
    let apps = existing_apps(db, apps_of(&right)).await?;
    let mut seen = HashSet::new();
    right.retain(|(hash, row)| {
        let fault = fault(by, row, apps.contains(&row.spec.app)).or_else(|| {
            let known = taken.contains(hash) || !seen.insert(*hash);
            known.then(|| {
                fault_at(row, "sha256", "duplicate", "is the hash of a key that is here already")
            })
        });
        let fits = fault.is_none();
        report.faults.extend(fault);
        fits
    });
    report.faults.sort_by_key(|fault| fault.line);
    if dry_run || !report.faults.is_empty() {
        report.accepted = right.into_iter().map(|(_, row)| (row.line, None)).collect();
        return Ok(report);
    }
    report.accepted = store_all(db, by, right).await?;
    report.stored = true;
    Ok(report)
}

fn stored(hasher: &ImportedHasher, digest: Digest) -> [u8; 32] {
    match digest {
        Digest::Sha256(sha256) => hasher.of_digest(&sha256),
        Digest::Stored(hash) => hash,
    }
}

fn fault_at(row: &Row, field: &'static str, code: &'static str, message: &str) -> Fault {
    Fault { line: row.line, field, code, message: message.to_owned() }
}

/// What is wrong with a row by itself.
fn fault(by: &By<'_>, row: &Row, has_app: bool) -> Option<Fault> {
    if !has_app {
        return Some(fault_at(row, "app_id", "not_found", "names no app; create it first"));
    }
    if let Err(error) = by.may_give(Scopes::default(), row.spec.scopes) {
        return Some(fault_at(row, "scopes", "second_person_required", &error.to_string()));
    }
    let bounds = check_scopes(row.spec.scopes)
        .and_then(|()| check_bounds(&row.spec.cidrs, row.spec.expires_at, by.now));
    match bounds {
        Err(AccessError::Field { field, message }) => {
            Some(fault_at(row, field, "not_allowed", &message))
        }
        _ => None,
    }
}

/// The apps that rows name.
fn apps_of(rows: &[([u8; 32], Row)]) -> BTreeSet<AppId> {
    rows.iter().map(|(_, row)| row.spec.app).collect()
}

async fn store_all(
    db: &Db,
    by: &By<'_>,
    rows: Vec<([u8; 32], Row)>,
) -> Result<Vec<(u64, Option<KeyId>)>, AccessError> {
    let mut tx = db.begin().await?;
    hold_apps(&mut tx, apps_of(&rows)).await?;
    let (mut ids, mut changes) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (hash, row) in rows {
        let id = KeyId::random()?;
        let secret = KeySecret {
            id: store::secret_id(&hash),
            form: SecretForm::Sha256,
            hint: row.hint,
            created_at: by.now,
            starts_at: None,
            expires_at: None,
            last_used_at: None,
        };
        let key = insert(&mut tx, by, (id, KeyKind::Key, row.spec), vec![secret]).await?;
        store::insert_secret(&mut tx, id, &hash, &key.secrets[0]).await?;
        changes.push(change(Kind::Key, id, "import", told(&key)));
        ids.push((row.line, Some(id)));
    }
    for change in changes {
        record(&mut tx, by, change).await?;
    }
    tx.commit().await?;
    Ok(ids)
}
