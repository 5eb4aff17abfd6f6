//! The keys that sign tokens and evidence: their public halves and their instants.
//!
//! The private halves are stored nowhere. Each is derived from the pepper, what it signs and its generation, so all nodes
//! sign alike, and a stolen database signs nothing.

use crate::access::Pepper;
use crate::authz::jwk::EcJwk;
use crate::authz::keys::{KeyRing, KeyTimes};
use crate::authz::signing::{CannotSign, SigningKey};
use crate::consent::evidence_keys::{EvidenceKey, EvidenceKeys};
use crate::kernel::Micros;
use crate::kernel::word::words;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use zeroize::Zeroizing;

const KEYS: &str = "authz_keys";
/// What private keys are derived for.
const PURPOSE: &str = "comptoir authorization server, P-256 scalar";
/// Generations that are tried until one gives a key: next to none does not.
const TRIES: i64 = 4;

words! {
    /// What a key signs.
    pub enum KeySigns {
        /// Access tokens and ID tokens.
        Tokens = "tokens",
        /// Receipts and checkpoints, which are checked years later.
        Evidence = "evidence",
    }
}

/// A key as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// The number that it is derived with.
    pub generation: i64,
    /// Its public half and its instants.
    pub times: KeyTimes,
}

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NoSigningKey {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The library refused.
    #[error(transparent)]
    Refused(#[from] CannotSign),
    /// The published key is not the one that is derived here.
    #[error(
        "the key {0} was derived from another pepper: give this node the pepper of the nodes that made it"
    )]
    OtherPepper(String),
}

#[derive(Debug, FromRow)]
struct SigningKeyRow {
    generation: i64,
    public: String,
    active_from: i64,
    withdrawn_at: Option<i64>,
}

const LIST: &str = "SELECT generation, public, active_from, withdrawn_at FROM authz_keys
    WHERE signs = $1 ORDER BY generation";

/// The keys that sign something, the oldest first.
pub async fn all(db: &Db, signs: KeySigns) -> Result<Vec<StoredSigningKey>, StoreError> {
    let rows: Vec<SigningKeyRow> =
        on_db!(db, c => sqlx::query_as(LIST).bind(signs.to_string()).fetch_all(c).await)?;
    rows.into_iter().map(StoredSigningKey::try_from).collect()
}

/// The keys of tokens, with the stages that follow from their instants where access tokens work for so many seconds.
pub async fn ring(db: &Db, access_life_most_s: u16) -> Result<KeyRing, StoreError> {
    let keys = all(db, KeySigns::Tokens).await?;
    Ok(KeyRing::new(keys.iter().map(|key| key.times).collect(), access_life_most_s))
}

/// The keys of evidence.
pub async fn evidence(db: &Db) -> Result<EvidenceKeys<EcJwk>, StoreError> {
    let key = |key: &StoredSigningKey| {
        let KeyTimes { public, active_from, withdrawn_at } = key.times;
        EvidenceKey { public, active_from, withdrawn_at }
    };
    Ok(EvidenceKeys::new(all(db, KeySigns::Evidence).await?.iter().map(key).collect()))
}

/// Makes the next key where one is due; `due` says of those that there are from when on it signs, if it is. Of nodes that
/// look at once one makes it, and the others find it there.
pub async fn make_due(
    db: &Db,
    (pepper, signs): (&Pepper, KeySigns),
    due: impl FnOnce(&[StoredSigningKey]) -> Option<Micros>,
    now: Micros,
) -> Result<Option<StoredSigningKey>, NoSigningKey> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let rows: Vec<SigningKeyRow> = on_tx!(&mut tx, c => {
        sqlx::query_as(LIST).bind(signs.to_string()).fetch_all(c).await.map_err(StoreError::from)?
    });
    let keys =
        rows.into_iter().map(StoredSigningKey::try_from).collect::<Result<Vec<_>, StoreError>>()?;
    let Some(active_from) = due(&keys) else { return Ok(None) };
    let (generation, signer) = next(pepper, signs, keys.last().map_or(0, |key| key.generation))?;
    let times = KeyTimes { public: *signer.public(), active_from, withdrawn_at: None };
    let key = StoredSigningKey { generation, times };
    insert(&mut tx, signs, &key, now).await?;
    tx.commit().await?;
    Ok(Some(key))
}

/// Withdraws a key that somebody else has or may have; false where there is none of that name, or it was before.
pub async fn withdraw(tx: &mut Tx, kid: &str, now: Micros) -> Result<bool, StoreError> {
    const WITHDRAW: &str =
        "UPDATE authz_keys SET withdrawn_at = $2 WHERE kid = $1 AND withdrawn_at IS NULL";
    let withdrawn = on_tx!(tx, c => {
        sqlx::query(WITHDRAW).bind(kid).bind(now.0).execute(c).await?.rows_affected()
    });
    Ok(withdrawn == 1)
}

/// The private half of a key that is stored.
pub fn signer(
    pepper: &Pepper,
    signs: KeySigns,
    key: &StoredSigningKey,
) -> Result<SigningKey, NoSigningKey> {
    let signer = derived(pepper, signs, key.generation)?;
    if *signer.public() == key.times.public {
        Ok(signer)
    } else {
        Err(NoSigningKey::OtherPepper(key.times.public.thumbprint().to_string()))
    }
}

fn derived(pepper: &Pepper, signs: KeySigns, generation: i64) -> Result<SigningKey, CannotSign> {
    let scalar = Zeroizing::new(pepper.derive(PURPOSE, &format!("{signs} {generation}")));
    SigningKey::of_scalar(&scalar)
}

/// The next generation that gives a key, and that key.
fn next(pepper: &Pepper, signs: KeySigns, last: i64) -> Result<(i64, SigningKey), CannotSign> {
    let mut tries = (last + 1)..=(last + TRIES);
    let key =
        |generation: i64| derived(pepper, signs, generation).ok().map(|key| (generation, key));
    tries.find_map(key).ok_or(CannotSign)
}

/// Lets one writer at a time make a key. Writers of SQLite wait for each other anyway.
async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    const LOCK: &str = "LOCK TABLE authz_keys IN SHARE ROW EXCLUSIVE MODE";
    if let Tx::Postgres(tx) = tx {
        sqlx::query(LOCK).execute(&mut **tx).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    signs: KeySigns,
    key: &StoredSigningKey,
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO authz_keys (signs, generation, kid, public, active_from, made_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let KeyTimes { public, active_from, .. } = key.times;
    let text = serde_json::to_string(&public).map_err(|error| StoreError::corrupt(KEYS, error))?;
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(signs.to_string()).bind(key.generation);
        let insert = insert.bind(public.thumbprint().to_string()).bind(&text);
        insert.bind(active_from.0).bind(now.0).execute(c).await?;
    });
    Ok(())
}

impl TryFrom<SigningKeyRow> for StoredSigningKey {
    type Error = StoreError;

    fn try_from(row: SigningKeyRow) -> Result<Self, StoreError> {
        let jwk: serde_json::Value =
            serde_json::from_str(&row.public).map_err(|error| StoreError::corrupt(KEYS, error))?;
        let public = EcJwk::read(&jwk).map_err(|error| StoreError::corrupt(KEYS, error))?;
        let (active_from, withdrawn_at) = (Micros(row.active_from), row.withdrawn_at.map(Micros));
        Ok(Self {
            generation: row.generation,
            times: KeyTimes { public, active_from, withdrawn_at },
        })
    }
}
