//! Freezes: a partner, an app or a key is refused, and nothing of it can be changed but what takes access away,
//! until somebody takes the freeze off and says why. Its status stays what it was, beneath.

pub(super) mod store;

use super::error::{AccessError, Kind};
use super::keys::store::key_exists;
use super::service::{By, change};
use super::store::{app_exists, partner_exists, record};
use super::text::Reason;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, InvalidId, KeyId, PartnerId};
use crate::storage::{Db, StoreError, Tx};
use serde_json::json;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

pub(super) const FREEZE: &str = "freeze";
const UNFREEZE: &str = "unfreeze";

/// What can be frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freezable {
    /// A partner with all its apps.
    Partner(PartnerId),
    /// An app with all its keys.
    App(AppId),
    /// A key.
    Key(KeyId),
}

impl Freezable {
    fn kind(self) -> Kind {
        match self {
            Self::Partner(_) => Kind::Partner,
            Self::App(_) => Kind::App,
            Self::Key(_) => Kind::Key,
        }
    }

    /// The same as two numbers, in the order of the ids' texts.
    #[must_use]
    pub fn pair(self) -> (u64, u64) {
        match self {
            Self::App(id) => (0, id.0),
            Self::Key(id) => (1, id.0),
            Self::Partner(id) => (2, id.0),
        }
    }

    /// What two numbers stand for.
    #[must_use]
    pub fn of_pair((kind, id): (u64, u64)) -> Option<Self> {
        match kind {
            0 => Some(Self::App(AppId(id))),
            1 => Some(Self::Key(KeyId(id))),
            2 => Some(Self::Partner(PartnerId(id))),
            _ => None,
        }
    }

    async fn exists(self, db: &Db) -> Result<bool, StoreError> {
        match self {
            Self::Partner(id) => partner_exists(db, id).await,
            Self::App(id) => app_exists(db, id).await,
            Self::Key(id) => key_exists(db, id).await,
        }
    }
}

impl FromStr for Freezable {
    type Err = InvalidId;

    fn from_str(id: &str) -> Result<Self, InvalidId> {
        let app = id.parse().map(Self::App);
        let other = || id.parse().map(Self::Key).or_else(|_| id.parse().map(Self::Partner));
        app.or_else(|_: InvalidId| other())
    }
}

impl fmt::Display for Freezable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partner(id) => id.fmt(f),
            Self::App(id) => id.fmt(f),
            Self::Key(id) => id.fmt(f),
        }
    }
}

/// Why something is frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Why.
    pub reason: Reason,
    /// Whether who calls is told the reason.
    pub tell_caller: bool,
    /// Who froze it.
    pub by: String,
    /// When.
    pub at: Micros,
}

/// Everything that is frozen, and the apps of partners that are.
#[derive(Debug, Default)]
pub struct Frozen {
    freezes: HashMap<String, Freeze>,
    apps: HashMap<AppId, PartnerId>,
}

impl Frozen {
    /// Reads it.
    pub async fn read(db: &Db) -> Result<Self, StoreError> {
        Self::read_in(&mut db.snapshot().await?).await
    }

    /// Reads it as a transaction sees it.
    pub async fn read_in(tx: &mut Tx) -> Result<Self, StoreError> {
        let freezes = store::all_in(tx).await?;
        let is_partner = |id: &String| matches!(id.parse(), Ok(Freezable::Partner(_)));
        let apps = match freezes.keys().any(is_partner) {
            true => store::apps_of_frozen(tx).await?,
            false => HashMap::new(),
        };
        Ok(Self { freezes, apps })
    }

    /// By what something of these is frozen: the widest of them, and why.
    fn first(&self, of: &[Option<Freezable>]) -> Option<(Freezable, &Freeze)> {
        let found = |what: &Freezable| Some((*what, self.freezes.get(&what.to_string())?));
        of.iter().flatten().find_map(found)
    }

    /// By what a partner is frozen.
    #[must_use]
    pub fn partner(&self, id: PartnerId) -> Option<(Freezable, &Freeze)> {
        self.first(&[Some(Freezable::Partner(id))])
    }

    /// By what an app is frozen, or the partner that it belongs to.
    #[must_use]
    pub fn app(&self, id: AppId) -> Option<(Freezable, &Freeze)> {
        let partner = self.apps.get(&id).copied().map(Freezable::Partner);
        self.first(&[partner, Some(Freezable::App(id))])
    }

    /// By what a key of an app is frozen, or what it belongs to.
    #[must_use]
    pub fn key(&self, id: KeyId, app: AppId) -> Option<(Freezable, &Freeze)> {
        self.app(app).or_else(|| self.first(&[Some(Freezable::Key(id))]))
    }
}

/// Refuses a change of what is frozen, itself or by what it belongs to.
pub(super) async fn forbid(tx: &mut Tx, id: &str, op: &str) -> Result<(), AccessError> {
    if op == UNFREEZE {
        return Ok(());
    }
    match store::frozen_part(tx, id).await? {
        Some(what) => Err(AccessError::Frozen { kind: what.kind(), id: what.to_string() }),
        None => Ok(()),
    }
}

/// What is frozen behind a place, in the order of the ids.
pub async fn list(
    db: &Db,
    after: Option<Freezable>,
    limit: u32,
) -> Result<Vec<(Freezable, Freeze)>, AccessError> {
    let after = after.map_or_else(String::new, |after| after.to_string());
    Ok(store::list(db, &after, limit).await?)
}

/// The freeze of a thing itself, where it is frozen.
pub async fn get(db: &Db, what: Freezable) -> Result<Option<Freeze>, AccessError> {
    if !what.exists(db).await? {
        return Err(AccessError::not_found(what.kind(), what));
    }
    Ok(store::find(db, &what.to_string()).await?)
}

/// Freezes. Doing it again with another reason is refused, for the first one would be lost.
pub async fn freeze(
    db: &Db,
    by: &By<'_>,
    what: Freezable,
    (reason, tell_caller): (Reason, bool),
) -> Result<Freeze, AccessError> {
    get(db, what).await?;
    let freeze = Freeze { reason, tell_caller, by: by.actor.to_owned(), at: by.now };
    let mut tx = db.begin().await?;
    if store::insert(&mut tx, &what.to_string(), &freeze).await? {
        let detail = json!({ "reason": freeze.reason, "tell_caller": tell_caller });
        record(&mut tx, by, change(what.kind(), what, FREEZE, detail)).await?;
        tx.commit().await?;
        return Ok(freeze);
    }
    drop(tx);
    match get(db, what).await? {
        Some(is) if (&is.reason, is.tell_caller) == (&freeze.reason, tell_caller) => Ok(is),
        _ => {
            let why = "It is frozen already, with another reason or another `tell_caller`: unfreeze it first.";
            Err(AccessError::Unfit(why.to_owned()))
        }
    }
}

/// Takes a freeze off.
pub async fn unfreeze(
    db: &Db,
    by: &By<'_>,
    what: Freezable,
    reason: &Reason,
) -> Result<(), AccessError> {
    get(db, what).await?;
    let mut tx = db.begin().await?;
    if store::delete(&mut tx, &what.to_string()).await? {
        let detail = json!({ "reason": reason });
        record(&mut tx, by, change(what.kind(), what, UNFREEZE, detail)).await?;
        tx.commit().await?;
    }
    Ok(())
}
