//! Keys as the admin API shows them and takes them.

use crate::access::Environment;
use crate::access::error::AccessError;
use crate::access::freezes::Frozen;
use crate::access::keys::model::{
    KeyKind, KeyPatch, KeyStatus, OVERLAP_S, OldEnds, Rotation, SecretForm, UnderWay,
};
use crate::access::model::{Cidr, IssuedKey, Key, KeySecret, KeySpec, Name};
use crate::access::scope::{Scope, Scopes};
use crate::admin::freezes::FrozenOut;
use crate::kernel::id::{AppId, KeyId};
use crate::kernel::{Micros, given};
use crate::storage::{Db, StoreError, Tx};
use serde::{Deserialize, Serialize};

/// A key to create.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyIn {
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// `live`, or `test` for calls that are never billed.
    #[schema(example = "live")]
    pub environment: Environment,
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "production")]
    pub name: Name,
    /// What it may do; everything but what is about customers where it is left out.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Option<Vec<Scope>>,
    /// Blocks of IPv4 or IPv6 addresses that it may be used from; anywhere where there is none.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    pub cidrs: Vec<Cidr>,
    /// When it ends; never where it is left out.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    pub expires_at: Option<Micros>,
}

impl From<KeyIn> for KeySpec {
    fn from(key: KeyIn) -> Self {
        Self {
            app: key.app_id,
            environment: key.environment,
            name: key.name,
            scopes: key.scopes.map_or_else(Scopes::usual, |scopes| scopes.into_iter().collect()),
            cidrs: key.cidrs.into_iter().map(|cidr| cidr.0).collect(),
            expires_at: key.expires_at,
        }
    }
}

/// How a key's secret is changed. One of `overlap_s` and `cut_over_at` says when the old one ends; where both are
/// left out, a day after the new one has begun.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationIn {
    /// Seconds for which the old secret stays valid beside the new one; 0 ends every older secret when the
    /// new one begins.
    #[schema(minimum = 0, maximum = 7_776_000, example = 86_400)]
    pub overlap_s: Option<u32>,
    /// When the new secret begins to work, up to 90 days ahead; at once where it is left out.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T03:00:00Z")]
    pub starts_at: Option<Micros>,
    /// When the old secret ends, up to 90 days after the new one has begun.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-29T03:00:00Z")]
    pub cut_over_at: Option<Micros>,
}

impl RotationIn {
    pub(super) fn read(self) -> Result<Rotation, AccessError> {
        let Self { overlap_s, starts_at, cut_over_at } = self;
        let old_ends = match (overlap_s, cut_over_at) {
            (Some(seconds), None) => OldEnds::After(seconds),
            (None, Some(at)) => OldEnds::At(at),
            (None, None) => OldEnds::After(OVERLAP_S),
            (Some(_), Some(_)) => {
                let message = "give either `overlap_s` or `cut_over_at`, not both".to_owned();
                return Err(AccessError::Field { field: "overlap_s", message });
            }
        };
        Ok(Rotation { starts_at, old_ends })
    }
}

/// How a rotation is finished.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotationEndIn {
    /// Whether a new secret that is to begin later begins now.
    #[schema(example = false)]
    pub now: bool,
}

/// What shall change in a key; what is left out stays.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPatchIn {
    /// Another name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "production")]
    pub name: Option<Name>,
    /// Other scopes, all of them.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Option<Vec<Scope>>,
    /// Other blocks of addresses, all of them; none for anywhere.
    #[schema(value_type = Option<Vec<String>>, example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    pub cidrs: Option<Vec<Cidr>>,
    /// Another end; null for none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    pub expires_at: Option<Option<Micros>>,
}

impl From<KeyPatchIn> for KeyPatch {
    fn from(patch: KeyPatchIn) -> Self {
        Self {
            name: patch.name,
            scopes: patch.scopes.map(|scopes| scopes.into_iter().collect()),
            cidrs: patch.cidrs.map(|cidrs| cidrs.into_iter().map(|cidr| cidr.0).collect()),
            expires_at: patch.expires_at,
        }
    }
}

/// A secret of a key, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SecretOut {
    /// Tells it apart from the other secrets.
    #[schema(example = "3f0a9c51d2e7")]
    pub id: String,
    /// `text`: one of ours. `sha256`: a text of another gateway. `jwk`: the public key of a client.
    #[schema(example = "text")]
    pub form: SecretForm,
    /// The last characters of the key's text, or the id of a public key.
    #[schema(example = "x7Qa")]
    pub hint: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it begins to work; null for at once.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Micros>,
    /// When a rotation ends it; null where none does.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Micros>,
    /// When it was last used, as far as nodes have reported; null where it never was.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Micros>,
}

impl From<KeySecret> for SecretOut {
    fn from(secret: KeySecret) -> Self {
        let KeySecret { id, form, hint, created_at, starts_at, expires_at, last_used_at } = secret;
        Self { id, form, hint, created_at, starts_at, expires_at, last_used_at }
    }
}

/// A rotation that is under way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RotationOut {
    /// The secret that ends.
    #[schema(example = "3f0a9c51d2e7")]
    pub old_secret: String,
    /// The secret that stays.
    #[schema(example = "81c44bd0aa19")]
    pub new_secret: String,
    /// When the new secret begins, or began, to work.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub starts_at: Micros,
    /// When the old one ends.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-23T09:41:07Z")]
    pub ends_at: Option<Micros>,
    /// Since when the old one is not used any more, as far as nodes have reported: its last use, or its
    /// making where it was never used.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T11:02:44Z")]
    pub old_quiet_since: Micros,
}

impl From<UnderWay<'_>> for RotationOut {
    fn from(UnderWay { old, new }: UnderWay<'_>) -> Self {
        Self {
            old_secret: old.id.clone(),
            new_secret: new.id.clone(),
            starts_at: new.starts_at.unwrap_or(new.created_at),
            ends_at: old.expires_at,
            old_quiet_since: old.last_used_at.unwrap_or(old.created_at),
        }
    }
}

/// A key, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyOut {
    /// Id of the key; its digits also stand in the key's text.
    #[schema(value_type = String, example = "key_0Ab12Cd34Ef")]
    pub id: KeyId,
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// `live` or `test`.
    #[schema(example = "live")]
    pub environment: Environment,
    /// What people call it.
    #[schema(value_type = String, example = "production")]
    pub name: Name,
    /// What it may do.
    #[schema(value_type = Vec<String>, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Vec<Scope>,
    /// Where it may be used from; empty for anywhere.
    #[schema(example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    pub cidrs: Vec<String>,
    /// `key`, whose text comes with each call, or `client`, whose access tokens do.
    #[schema(example = "key")]
    pub kind: KeyKind,
    /// `active`, `quarantined` (it can read, once a second), `suspended` or, for good, `revoked`.
    #[schema(example = "active")]
    pub status: KeyStatus,
    /// Counts its changes: send it back in `If-Match` to change what you have seen and nothing else.
    #[schema(example = 3, minimum = 1)]
    pub version: i64,
    /// When it ends; null for never.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Micros>,
    /// Its secrets that are not over, oldest first: one or, during a rotation, two.
    pub secrets: Vec<SecretOut>,
    /// When it was last used, with any secret that it ever had, as far as nodes have reported; null where it never was.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Micros>,
    /// The rotation that is under way; null where none is.
    #[schema(required = true)]
    pub rotation: Option<RotationOut>,
    /// By what it is frozen, whatever its status; null where it is not.
    #[schema(required = true)]
    pub frozen: Option<FrozenOut>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

impl KeyOut {
    /// A key as it is now.
    pub(super) async fn now(db: &Db, key: Key) -> Result<Self, StoreError> {
        Ok(Self::of(key, &Frozen::read(db).await?))
    }

    /// A key as a transaction sees it.
    pub(super) async fn now_in(tx: &mut Tx, key: Key) -> Result<Self, StoreError> {
        Ok(Self::of(key, &Frozen::read_in(tx).await?))
    }

    /// A key, beside what is frozen.
    pub(crate) fn of(key: Key, frozen: &Frozen) -> Self {
        Self {
            frozen: FrozenOut::of(frozen.key(key.id, key.spec.app)),
            rotation: key.rotation().map(RotationOut::from),
            id: key.id,
            app_id: key.spec.app,
            environment: key.spec.environment,
            name: key.spec.name,
            scopes: key.spec.scopes.iter().collect(),
            cidrs: key.spec.cidrs.iter().map(ToString::to_string).collect(),
            kind: key.kind,
            status: key.status,
            version: key.version,
            expires_at: key.spec.expires_at,
            secrets: key.secrets.into_iter().map(SecretOut::from).collect(),
            last_used_at: key.last_used_at,
            created_at: key.created_at,
            updated_at: key.updated_at,
        }
    }
}

/// A key and its text, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssuedKeyOut {
    /// The key.
    pub key: KeyOut,
    /// The text to send as `Authorization: Bearer …`. It cannot be shown again.
    #[schema(example = "cpt_live_0Ab12Cd34Ef_…")]
    pub text: String,
}

impl IssuedKeyOut {
    /// A key as a transaction sees it, and its text.
    pub(super) async fn now_in(tx: &mut Tx, issued: IssuedKey) -> Result<Self, StoreError> {
        let key = KeyOut::now_in(tx, issued.key).await?;
        Ok(Self { text: issued.text.reveal().to_owned(), key })
    }
}

impl std::fmt::Debug for IssuedKeyOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKeyOut").field("key", &self.key).finish_non_exhaustive()
    }
}
