//! The pepper: the key of all key hashes. It lives outside the database, so that a stolen database
//! is worth nothing, and all nodes of one database must have the same.

use crate::kernel::secret;
use crate::storage::{Db, StoreError, write_durably};
use anyhow::Context as _;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Setting that names the pepper which the stored hashes were made with.
const FINGERPRINT: &str = "pepper_fingerprint";

/// 32 secret bytes, wiped when dropped.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; 32]>);

/// The text is no pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pepper must be 64 hexadecimal digits")]
pub struct InvalidPepper;

/// Why a node may not work on a database.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    /// Every key would be refused, and new ones would work on this node only.
    #[error(
        "the keys in this database were hashed with another pepper: give this node the pepper of \
         the nodes that made them (the file `pepper` in their data directory)"
    )]
    Different,
    /// A new one would be another one.
    #[error(
        "the pepper that the keys in this database were hashed with is missing: put it back as {}",
        .0.display()
    )]
    Missing(PathBuf),
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Pepper {
    /// A fresh pepper.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut bytes[..])?;
        Ok(Self(bytes))
    }

    /// The pepper that 64 hexadecimal digits spell.
    pub fn from_hex(text: &str) -> Result<Self, InvalidPepper> {
        let hash = blake3::Hash::from_hex(text.trim()).map_err(|_| InvalidPepper)?;
        Ok(Self(Zeroizing::new(*hash.as_bytes())))
    }

    /// The pepper in a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::from_hex(&Zeroizing::new(text))
            .with_context(|| format!("{} is damaged; restore it from a backup", path.display()))
    }

    /// The pepper in a file, made at its first use so that only its owner can read it.
    pub fn load_or_create(path: &Path) -> anyhow::Result<Self> {
        if path.try_exists().is_ok_and(|there| !there) {
            let pepper = Self::random()?;
            let text = Zeroizing::new(blake3::Hash::from_bytes(*pepper.0).to_string());
            write_durably(path, text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            return Ok(pepper);
        }
        Self::load(path)
    }

    /// A name of this pepper that tells nothing of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("comptoir pepper fingerprint");
        hasher.update(&self.0[..]);
        hasher.finalize().to_string()
    }

    /// 32 bytes for another use, of which neither the pepper nor what is derived for other names
    /// can be told.
    #[must_use]
    pub fn derive(&self, purpose: &str, name: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(&self.0[..]);
        hasher.update(name.as_bytes());
        *hasher.finalize().as_bytes()
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Pepper {
    fn eq(&self, other: &Self) -> bool {
        secret::same(&self.0, &other.0)
    }
}

impl Eq for Pepper {}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[pepper]")
    }
}

/// The fingerprint of the pepper that a database was set up with, once it was.
pub async fn known_fingerprint(db: &Db) -> Result<Option<String>, StoreError> {
    db.setting(FINGERPRINT).await
}

/// Refuses a pepper that is not the one of this database; the first to come becomes the one.
pub async fn check_pepper(db: &Db, pepper: &Pepper) -> Result<(), PepperError> {
    let ours = pepper.fingerprint();
    let mut tx = db.begin().await?;
    let held = tx.setting_or(FINGERPRINT, &ours).await?;
    tx.commit().await?;
    if held == ours { Ok(()) } else { Err(PepperError::Different) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_file_is_made_once_and_read_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pepper");
        let made = Pepper::load_or_create(&path).unwrap();
        assert_eq!(Pepper::load_or_create(&path).unwrap(), made);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        let error = Pepper::load_or_create(&path).unwrap_err();
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
    }

    #[tokio::test]
    async fn another_pepper_is_refused() {
        let db = crate::storage::testing::database().await;
        let (first, second) = (Pepper::random().unwrap(), Pepper::random().unwrap());
        check_pepper(&db, &first).await.unwrap();
        check_pepper(&db, &first).await.unwrap();
        assert!(matches!(check_pepper(&db, &second).await, Err(PepperError::Different)));
    }
}
