//! One change to many keys: looked at first, then done to exactly those that were seen, all or none.
//!
//! A preview gives out a token under a secret of its own that binds the request and every key that it
//! means, with its version. What has changed since makes another token, so that nothing is done to a key
//! that nobody looked at. The request and its token can be stored meanwhile: they wait so for a second person.

use super::model::{Attention, DAYS_MOST, KeyFilter, KeyStatus, OVERLAP_S, Rotation, SecretForm};
use super::rotation::rotate_in;
use super::store;
use super::store::rotation::hold_key;
use super::store::select::{keys as keys_in, owners};
use crate::access::error::{AccessError, Kind};
use crate::access::freezes::Frozen;
use crate::access::key::{HINT_MOST, Pepper, is_hint};
use crate::access::model::Key;
use crate::access::service::{By, change};
use crate::access::store::{Owners, Walk, hold_apps, record};
use crate::access::{Environment, Scope};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::secret::{self, Secret};
use crate::kernel::word::{Word as _, words};
use crate::storage::{Db, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;

/// Most keys that one change is made to: it is one transaction.
pub const KEYS_MOST: usize = 5_000;
/// Seconds for which a preview can be acted on.
const LIFE_S: i64 = 86_400;
/// What the secret of previews is derived for.
const PURPOSE: &str = "comptoir bulk previews";

words! {
    /// What is done to many keys.
    pub enum BulkAction {
        /// Each gets a new secret.
        Rotate = "rotate",
        /// They can read only, once a second.
        Quarantine = "quarantine",
        /// They stop for now.
        Suspend = "suspend",
        /// They work again.
        Resume = "resume",
        /// They end for good.
        Revoke = "revoke",
    }
}

impl BulkAction {
    /// Whether it may take a second person. What only stops keys and can be taken back is done at once.
    #[must_use]
    pub fn matters(self) -> bool {
        !matches!(self, Self::Quarantine | Self::Suspend)
    }
}

impl<'de> Deserialize<'de> for BulkAction {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// A change to many keys.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkIn {
    /// What to do: `rotate`, `quarantine`, `suspend`, `resume` or `revoke`.
    #[schema(example = "rotate")]
    pub action: BulkAction,
    /// Which keys: those that fit everything that is said here.
    pub filter: BulkFilterIn,
    /// For `rotate`: seconds for which the old secrets work on; a day where it is left out.
    #[schema(minimum = 0, maximum = 7_776_000, example = 86_400)]
    pub overlap_s: Option<u32>,
}

/// Which keys are meant; at least one thing must be said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BulkFilterIn {
    /// Those with one of these ids.
    #[schema(value_type = Vec<String>, max_items = 5000, example = json!(["key_0Ab12Cd34Ef"]))]
    pub ids: Vec<KeyId>,
    /// Of this partner's apps.
    #[schema(value_type = Option<String>, example = "prt_7nRy25kLmNo")]
    pub partner_id: Option<PartnerId>,
    /// Of this app.
    #[schema(value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub app_id: Option<AppId>,
    /// Of apps on this plan.
    #[schema(value_type = Option<String>, example = "pln_7nRy25kLmNo")]
    pub plan_id: Option<PlanId>,
    /// `live` or `test` ones.
    #[schema(example = "live")]
    pub environment: Option<Environment>,
    /// That hold this scope.
    #[schema(value_type = Option<String>, example = "stock:read")]
    pub scope: Option<Scope>,
    /// With a secret that has this hint.
    #[schema(example = "x7Qa", min_length = 1, max_length = 12)]
    pub hint: Option<String>,
    /// Made before this instant.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-01-01T00:00:00Z")]
    pub created_before: Option<Micros>,
    /// Last used before this instant, or never and made before it.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-01-01T00:00:00Z")]
    pub used_before: Option<Micros>,
    /// That want to be looked at for this.
    #[schema(inline, example = "unused")]
    pub attention: Option<Attention>,
    /// The days of `attention`: 14 for what ends, 1 for old secrets and 90 for the rest, where it is left out.
    #[schema(minimum = 1, maximum = 3650, example = 90)]
    pub within_days: Option<u32>,
}

impl BulkFilterIn {
    fn read(&self, now: Micros) -> Result<KeyFilter, AccessError> {
        let field = |message: String| Err(AccessError::Field { field: "filter", message });
        if *self == Self::default() {
            return field("means every key; say which, by at least one thing".to_owned());
        }
        if self.ids.len() > KEYS_MOST {
            return field(format!("takes at most {KEYS_MOST} ids"));
        }
        if self.hint.as_ref().is_some_and(|hint| !is_hint(hint)) {
            return field(format!(
                "takes a hint of 1 to {HINT_MOST} characters, none of them a control character"
            ));
        }
        if self.within_days.is_some_and(|days| !(1..=DAYS_MOST).contains(&days)) {
            return field(format!("takes 1 to {DAYS_MOST} days as `within_days`"));
        }
        if self.within_days.is_some() && self.attention.is_none() {
            return field("takes `within_days` with `attention` only".to_owned());
        }
        let attention = self.attention.map(|why| (why, why.time(self.within_days, now)));
        Ok(KeyFilter {
            ids: self.ids.clone(),
            partner: self.partner_id,
            app: self.app_id,
            plan: self.plan_id,
            environment: self.environment,
            scope: self.scope,
            hint: self.hint.clone(),
            created_before: self.created_before,
            used_before: self.used_before,
            attention,
            ..KeyFilter::default()
        })
    }
}

/// What a change would be made to.
#[derive(Debug)]
pub struct Preview {
    /// The keys.
    pub keys: Vec<Key>,
    /// Those that fit the filter but not the change, and ids that fit no key, with the reason.
    pub skipped: Vec<(KeyId, &'static str)>,
    /// What allows the change to exactly these keys; none where there is none.
    pub token: Option<String>,
    /// Until when.
    pub expires_at: Micros,
}

/// A key that was changed, with its new text where it has one.
#[derive(Debug)]
pub struct Changed {
    /// The key as it was before.
    pub key: Key,
    /// The status that it has now.
    pub status: KeyStatus,
    /// Its new text.
    pub text: Option<Secret>,
}

/// Looks at what a change would be made to.
pub async fn preview(
    db: &Db,
    pepper: &Pepper,
    request: &BulkIn,
    now: Micros,
) -> Result<Preview, AccessError> {
    let expires_at = Micros((now.0.div_euclid(SECOND) + LIFE_S) * SECOND);
    let mut tx = db.snapshot().await?;
    let (keys, skipped) = select(&mut tx, request, now).await?;
    let owners = owners(&mut tx, &keys).await?;
    let token = (!keys.is_empty()).then(|| token(pepper, request, (&keys, &owners), expires_at));
    Ok(Preview { keys, skipped, token, expires_at })
}

type Selected = (Vec<Key>, Vec<(KeyId, &'static str)>);

/// The keys that are meant and can be changed so, and those that cannot.
async fn select(tx: &mut Tx, request: &BulkIn, now: Micros) -> Result<Selected, AccessError> {
    rotation(request).times(now)?;
    let filter = request.filter.read(now)?;
    let walk = Walk { after: String::new(), limit: KEYS_MOST as u32 + 1 };
    let found = keys_in(tx, &filter, &walk, now).await?;
    if found.len() > KEYS_MOST {
        let message =
            format!("means more than {KEYS_MOST} keys; narrow it, or suspend the partner");
        return Err(AccessError::Field { field: "filter", message });
    }
    let frozen = Frozen::read_in(tx).await?;
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for key in found {
        let stays = !narrows(request) && frozen.key(key.id, key.spec.app).is_some();
        match unfit(&key, request, now).or(stays.then_some("frozen")) {
            None => keys.push(key),
            Some(why) => skipped.push((key.id, why)),
        }
    }
    if !request.filter.ids.is_empty() {
        skipped.extend(missed(tx, request, (&keys, &skipped), now).await?);
        skipped.sort_unstable();
        skipped.dedup();
    }
    Ok((keys, skipped))
}

/// The ids that are asked for and not among the keys that were found, each with why.
async fn missed(
    tx: &mut Tx,
    request: &BulkIn,
    (keys, skipped): (&[Key], &[(KeyId, &'static str)]),
    now: Micros,
) -> Result<Vec<(KeyId, &'static str)>, AccessError> {
    let found = keys.iter().map(|key| key.id).chain(skipped.iter().map(|(id, _)| *id));
    let found: HashSet<KeyId> = found.collect();
    let ids: Vec<KeyId> =
        request.filter.ids.iter().filter(|id| !found.contains(id)).copied().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let filter = KeyFilter { ids: ids.clone(), ..KeyFilter::default() };
    let walk = Walk { after: String::new(), limit: KEYS_MOST as u32 };
    let there = keys_in(tx, &filter, &walk, now).await?;
    let there: HashSet<KeyId> = there.into_iter().map(|key| key.id).collect();
    let why = |id: &KeyId| if there.contains(id) { "not_in_filter" } else { "unknown" };
    Ok(ids.iter().map(|id| (*id, why(id))).collect())
}

fn rotation(request: &BulkIn) -> Rotation {
    request.overlap_s.unwrap_or(OVERLAP_S).into()
}

/// Whether a change only takes access away, so that frozen keys take it.
fn narrows(request: &BulkIn) -> bool {
    match request.action {
        BulkAction::Resume => false,
        BulkAction::Rotate => request.overlap_s == Some(0),
        BulkAction::Quarantine | BulkAction::Suspend | BulkAction::Revoke => true,
    }
}

/// Why a change cannot be made to a key, or would change nothing.
fn unfit(key: &Key, request: &BulkIn, now: Micros) -> Option<&'static str> {
    let status = match key.status {
        KeyStatus::Revoked => return Some("revoked"),
        status => status,
    };
    match request.action {
        BulkAction::Revoke => None,
        BulkAction::Suspend => (status == KeyStatus::Suspended).then_some("suspended"),
        // A suspended key can do less than one in quarantine.
        BulkAction::Quarantine if status == KeyStatus::Suspended => Some("suspended"),
        BulkAction::Quarantine => (status == KeyStatus::Quarantined).then_some("quarantined"),
        BulkAction::Resume => (status == KeyStatus::Active).then_some("active"),
        BulkAction::Rotate => {
            let signs = key.secrets.iter().any(|secret| secret.form == SecretForm::Jwk);
            let ended = key.spec.expires_at.is_some_and(|at| at <= now);
            let overlaps = request.overlap_s != Some(0) && key.rotation().is_some();
            let why = [(signs, "signs_with_its_own"), (ended, "expired"), (overlaps, "rotating")];
            why.into_iter().find(|(is_so, _)| *is_so).map(|(_, why)| why)
        }
    }
}

/// What binds a request to keys, to the partners whose they are and to an end.
fn token(
    pepper: &Pepper,
    request: &BulkIn,
    (keys, owners): (&[Key], &Owners),
    expires_at: Micros,
) -> String {
    let mut hasher = blake3::Hasher::new_keyed(&pepper.derive(PURPOSE, ""));
    let until = expires_at.0.div_euclid(SECOND);
    let versions: Vec<_> = keys.iter().map(|key| (key.id, key.version)).collect();
    hasher.update(json!([request, until, versions, owners]).to_string().as_bytes());
    format!("{until:x}.{}", hasher.finalize())
}

/// The keys of a preview whose token still holds, the partners whose they are, and until when it does.
pub async fn previewed(
    tx: &mut Tx,
    pepper: &Pepper,
    (request, given): (&BulkIn, &str),
    now: Micros,
) -> Result<(Vec<Key>, Owners, Micros), AccessError> {
    let (keys, _) = select(tx, request, now).await?;
    let owners = owners(tx, &keys).await?;
    if keys.is_empty() {
        return Err(changed_since());
    }
    let until = given.split_once('.').and_then(|(until, _)| i64::from_str_radix(until, 16).ok());
    let until = until.filter(|until| (0..i64::MAX / SECOND).contains(until)).unwrap_or(0);
    let until = Micros(until * SECOND);
    let expected = token(pepper, request, (&keys, &owners), until);
    let digest = |text: &str| *blake3::hash(text.as_bytes()).as_bytes();
    if !secret::same(&digest(&expected), &digest(given)) {
        return Err(changed_since());
    }
    if until <= now {
        let why = "The preview is older than a day: look at it again, and use its new token.";
        return Err(AccessError::Unfit(why.to_owned()));
    }
    Ok((keys, owners, until))
}

/// Makes a change to exactly the keys of a preview, all or none.
pub async fn execute(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    request: &BulkIn,
    given: &str,
) -> Result<Vec<Changed>, AccessError> {
    let mut tx = db.begin().await?;
    let done = execute_in(&mut tx, by, pepper, (request, given)).await?;
    tx.commit().await?;
    Ok(done)
}

/// The same in a transaction.
pub async fn execute_in(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (request, given): (&BulkIn, &str),
) -> Result<Vec<Changed>, AccessError> {
    let (mut keys, owners, _) = previewed(tx, pepper, (request, given), by.now).await?;
    if hold_apps(tx, owners.keys().copied()).await? != owners {
        return Err(changed_since());
    }
    // In the order of the ids as bytes, whichever the database sorts by: so secrets are held by all who hold many.
    keys.sort_unstable_by_key(|key| key.id);
    let (mut done, mut changes) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
    for key in keys {
        let held = hold_key(tx, key.id, Some(key.version), by.now).await?;
        let held = held.ok_or_else(changed_since)?;
        let status = match request.action {
            BulkAction::Rotate => {
                let times = rotation(request);
                let rotated = rotate_in(tx, by, pepper, (key.id, held), &times).await?;
                let (text, change) = rotated;
                changes.push(change);
                done.push(Changed { status: key.status, key, text: Some(text) });
                continue;
            }
            BulkAction::Quarantine => KeyStatus::Quarantined,
            BulkAction::Suspend => KeyStatus::Suspended,
            BulkAction::Resume => KeyStatus::Active,
            BulkAction::Revoke => KeyStatus::Revoked,
        };
        store::set_key_status(tx, key.id, status, by.now).await?;
        let detail = json!({ "bulk": true });
        changes.push(change(Kind::Key, key.id, request.action.as_str(), detail));
        done.push(Changed { key, status, text: None });
    }
    // Taken last, because it keeps other writers of the log waiting.
    for change in changes {
        record(tx, by, change).await?;
    }
    Ok(done)
}

fn changed_since() -> AccessError {
    let why = "This is not the token of a preview of this request, or the keys that it means have changed \
               since: look at a preview again, and use its token.";
    AccessError::Unfit(why.to_owned())
}
