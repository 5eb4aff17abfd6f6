//! What is there, to be compared with a file.

use super::store;
use crate::access::error::AccessError;
use crate::access::keys::model::{KeyFilter, KeyStatus};
use crate::access::keys::service::list_keys;
use crate::access::model::{App, Key, Name, Partner, Plan};
use crate::access::offers::{self, Offer};
use crate::access::service::{AppFilter, list_apps, list_partners, list_plans};
use crate::access::store::Walk;
use crate::access::subscriptions::service::scheduled;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::storage::{Db, Log, log};
use std::collections::HashMap;

/// Rows read at once.
const PAGE: u32 = 5_000;

/// What is there.
#[derive(Debug)]
pub struct Current {
    /// The position of the control log that it is of.
    pub(super) position: i64,
    /// Plans with how they are offered.
    pub plans: Vec<(Plan, Offer)>,
    /// Partners.
    pub partners: Vec<Partner>,
    /// What begins later, by app.
    pub scheduled: HashMap<AppId, (PlanId, Micros)>,
    apps: HashMap<PartnerId, Vec<App>>,
    keys: HashMap<AppId, Vec<Key>>,
    revoked: HashMap<AppId, Vec<Key>>,
    /// The apps that each partner has given away.
    given: HashMap<PartnerId, Vec<AppId>>,
    jwks: HashMap<KeyId, Vec<String>>,
}

/// Reads every row of a listing.
async fn all<T>(
    mut page: impl AsyncFnMut(Walk) -> Result<Vec<T>, AccessError>,
    id: fn(&T) -> String,
) -> Result<Vec<T>, AccessError> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    loop {
        let mut more = page(Walk { after, limit: PAGE }).await?;
        let full = more.len() >= PAGE as usize;
        after = more.last().map(id).unwrap_or_default();
        rows.append(&mut more);
        if !full {
            return Ok(rows);
        }
    }
}

impl Current {
    /// Reads what is there at `now`.
    pub async fn load(db: &Db, now: Micros) -> Result<Self, AccessError> {
        // Before the rows: what is written in between is noticed when the difference is made so.
        let position = log::head(db, Log::Control).await?;
        let plans =
            all(async |walk| Ok(list_plans(db, &walk).await?), |p| p.id.to_string()).await?;
        let mut known = offers::store::all(db).await?;
        let plans = plans.into_iter().map(|plan| {
            let offer = known.remove(&plan.id).unwrap_or_default();
            (plan, offer)
        });
        let partners =
            all(async |walk| Ok(list_partners(db, &walk).await?), |p| p.id.to_string()).await?;
        let mut apps = HashMap::new();
        let (mut keys, mut revoked) = (HashMap::new(), HashMap::new());
        let list = async |walk| Ok(list_apps(db, &AppFilter::default(), &walk, now).await?);
        for app in all(list, |app| app.id.to_string()).await? {
            apps.entry(app.partner).or_insert_with(Vec::new).push(app);
        }
        let list = async |walk| list_keys(db, &KeyFilter::default(), &walk, now).await;
        for key in all(list, |key: &Key| key.id.to_string()).await? {
            let alive = key.status != KeyStatus::Revoked;
            let of = if alive { &mut keys } else { &mut revoked };
            of.entry(key.spec.app).or_insert_with(Vec::new).push(key);
        }
        let (plans, scheduled) = (plans.collect(), scheduled(db, now).await?);
        let (jwks, given) = (store::jwks(db).await?, store::given(db).await?);
        Ok(Self { position, plans, partners, scheduled, apps, keys, revoked, given, jwks })
    }

    /// The apps of a partner.
    #[must_use]
    pub fn apps_of(&self, id: PartnerId) -> &[App] {
        self.apps.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The keys and clients of an app that are not revoked.
    #[must_use]
    pub fn keys_of(&self, id: AppId) -> &[Key] {
        self.keys.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Those that are.
    #[must_use]
    pub fn revoked_of(&self, id: AppId) -> &[Key] {
        self.revoked.get(&id).map_or(&[], Vec::as_slice)
    }

    /// An app of this name that a partner has given away, with whose it is now.
    #[must_use]
    pub fn given_away(&self, id: PartnerId, name: &Name) -> Option<(AppId, &Partner)> {
        let given = self.given.get(&id)?;
        let is_it = |app: &&App| app.name == *name && given.contains(&app.id);
        let app = self.apps.values().flatten().find(is_it)?;
        let owner = self.partners.iter().find(|partner| partner.id == app.partner)?;
        Some((app.id, owner))
    }

    /// The public keys of a client that signs.
    #[must_use]
    pub fn jwks_of(&self, id: KeyId) -> Option<&[String]> {
        self.jwks.get(&id).map(Vec::as_slice)
    }
}
