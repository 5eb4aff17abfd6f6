//! What a second person is shown of a change to keys: whose they are, and what they are and may do now. What two
//! people agree on is done to that alone.

use super::actions::{Rotate, SetJwks, Update};
use super::clients::ClientIn;
use super::schema::KeyIn;
use crate::access::error::{AccessError, Kind};
use crate::access::keys::service::held_key;
use crate::access::model::{Cidr, Key, KeySpec};
use crate::access::store::hold_app;
use crate::admin::approvals::service::{What, payload};
use crate::http::ApiResult;
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::storage::Tx;
use serde_json::{Value, json};

/// Of a key to be made: the payload, the partner who gets it, and the scopes that are meant.
async fn new(tx: &mut Tx, what: &What<'_>, spec: &KeySpec) -> ApiResult<Value> {
    let partner = hold_app(tx, spec.app).await?;
    let partner = partner.ok_or_else(|| AccessError::reference("app_id", Kind::App, spec.app))?;
    let mut shown = what.payload().clone();
    shown["partner_id"] = json!(partner);
    shown["scopes"] = json!(spec.scopes.iter().collect::<Vec<_>>());
    Ok(shown)
}

pub(super) async fn new_key(tx: &mut Tx, what: &What<'_>) -> ApiResult<Value> {
    new(tx, what, &payload::<KeyIn>(what)?.into()).await
}

pub(super) async fn new_client(tx: &mut Tx, what: &What<'_>) -> ApiResult<Value> {
    new(tx, what, &payload::<ClientIn>(what)?.read()?.0).await
}

/// Of a key that is there: the payload, the partner whose it is, and the key.
async fn there(tx: &mut Tx, what: &What<'_>, (id, now): (KeyId, Micros)) -> ApiResult<Value> {
    let (partner, key) = held_key(tx, id, now).await?;
    let mut shown = what.payload().clone();
    shown["partner_id"] = json!(partner);
    shown["app_id"] = json!(key.spec.app);
    shown["key"] = told(&key);
    Ok(shown)
}

/// A key without what changes by itself, as when it was last used.
fn told(key: &Key) -> Value {
    let spec = &key.spec;
    json!({
        "id": key.id,
        "kind": key.kind,
        "environment": spec.environment,
        "name": spec.name,
        "status": key.status,
        "version": key.version,
        "scopes": spec.scopes.iter().collect::<Vec<_>>(),
        "cidrs": spec.cidrs.iter().copied().map(Cidr).collect::<Vec<_>>(),
        "expires_at": spec.expires_at,
    })
}

pub(super) async fn updated(tx: &mut Tx, what: &What<'_>, now: Micros) -> ApiResult<Value> {
    there(tx, what, (payload::<Update>(what)?.id, now)).await
}

pub(super) async fn rotated(tx: &mut Tx, what: &What<'_>, now: Micros) -> ApiResult<Value> {
    there(tx, what, (payload::<Rotate>(what)?.id, now)).await
}

pub(super) async fn with_jwks(tx: &mut Tx, what: &What<'_>, now: Micros) -> ApiResult<Value> {
    there(tx, what, (payload::<SetJwks>(what)?.id, now)).await
}
