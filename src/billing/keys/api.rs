//! Where the keys are published.

use super::{Jwks, published};
use crate::http::ApiResult;
use crate::kernel::clock::SECOND;
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, get};
use tokio::sync::Mutex;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where the keys are.
pub const PATH: &str = "/.well-known/comptoir-usage-keys.json";
/// So long they are answered from memory: nobody has to show a key for this, so nobody may ask the database so often.
const HELD: i64 = 5 * SECOND;

/// Mounts the operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_usage_keys);
}

/// The published keys.
#[derive(Debug)]
pub struct Published {
    db: Db,
    clock: Clock,
    held: Mutex<Option<(Micros, Bytes)>>,
}

impl Published {
    /// The keys of a database.
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, held: Mutex::new(None) }
    }

    async fn text(&self) -> ApiResult<Bytes> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some((since, text)) = &*held
            && now.0.saturating_sub(since.0).abs() < HELD
        {
            return Ok(text.clone());
        }
        let keys = published(&self.db).await?;
        let text = Bytes::from(serde_json::to_vec(&keys).unwrap_or_default());
        *held = Some((now, text.clone()));
        Ok(text)
    }
}

/// The keys of usage exports
///
/// The public keys that manifests of usage and proofs of single events are signed with, as a JWKS (RFC 7517): with them
/// `comptoir usage verify` and `comptoir usage verify-proof` check files without this server. The newest comes first; one
/// that signs no more stays here for ever. Empty before the first export or proof.
#[utoipa::path(
    tag = "usage", operation_id = "get_usage_keys",
    responses((status = 200, description = "The keys.", body = Jwks)),
    security(()),
)]
#[get("/.well-known/comptoir-usage-keys.json")]
async fn get_usage_keys(keys: web::Data<Published>) -> ApiResult<HttpResponse> {
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(keys.text().await?))
}
