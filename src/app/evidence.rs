//! Where the checkpoints of the ledger of consents are published.

use crate::consent::store::ledger;
use crate::http::ApiResult;
use crate::kernel::clock::SECOND;
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where they are.
pub(super) const PATH: &str = "/.well-known/consent-checkpoints";
/// Checkpoints that are published: the newest ones.
const MOST: u32 = 100;
/// So long they are answered from memory: nobody has to show a key for this.
const HELD: i64 = 5 * SECOND;

/// Mounts the operation.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_consent_checkpoints);
}

/// Signed places of the ledger of consents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CheckpointsOut {
    /// The newest 100, the oldest of them first, each a `consent-checkpoint+jwt` that says place and hash of an entry and is
    /// signed by a key at `/oauth/jwks.json`.
    #[schema(max_items = 100, example = json!([]))]
    checkpoints: Vec<String>,
}

/// What is published.
#[derive(Debug)]
pub(super) struct PublishedCheckpoints {
    db: Db,
    clock: Clock,
    held: Mutex<Option<(Micros, Bytes)>>,
}

impl PublishedCheckpoints {
    /// The checkpoints of a database.
    pub(super) fn new(db: &Db, clock: &Clock) -> Self {
        Self { db: db.clone(), clock: clock.clone(), held: Mutex::new(None) }
    }

    async fn text(&self) -> ApiResult<Bytes> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some((since, text)) = &*held
            && now.0.saturating_sub(since.0).abs() < HELD
        {
            return Ok(text.clone());
        }
        let newest = ledger::newest_checkpoints(&self.db, MOST).await?;
        let checkpoints = newest.into_iter().rev().map(|signed| signed.jws).collect();
        let text = serde_json::to_vec(&CheckpointsOut { checkpoints }).unwrap_or_default();
        let text = Bytes::from(text);
        *held = Some((now, text.clone()));
        Ok(text)
    }
}

/// Checkpoints of the ledger of consents
///
/// The ledger of what customers have agreed to is signed as it stands, each minute in which something has happened. Who keeps
/// these sees whether it was changed since: `comptoir consent verify --checkpoints`. They say nothing of anybody.
#[utoipa::path(
    tag = "consents", operation_id = "get_consent_checkpoints",
    responses((status = 200, description = "The checkpoints.", body = CheckpointsOut)),
    security(()),
)]
#[get("/.well-known/consent-checkpoints")]
async fn get_consent_checkpoints(
    published: web::Data<PublishedCheckpoints>,
) -> ApiResult<HttpResponse> {
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=60"))
        .body(published.text().await?))
}
