//! Transfers of apps over HTTP.

use super::caller::AdminCaller;
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use crate::access::transfers::{self, Transfer};
use crate::http::{ApiPath, ApiResult, JsonBody};
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(transfer_app);
}

/// Where an app goes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferIn {
    /// The partner whose it becomes.
    #[schema(value_type = String, example = "prt_9sVw27kXyZa")]
    pub partner_id: PartnerId,
    /// Only look at what would go along.
    #[serde(default)]
    #[schema(default = false, example = true)]
    pub dry_run: bool,
}

/// What goes along with an app.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TransferOut {
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// Whose it was.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub from_partner_id: PartnerId,
    /// Whose it becomes.
    #[schema(value_type = String, example = "prt_9sVw27kXyZa")]
    pub to_partner_id: PartnerId,
    /// Whether it was done.
    #[schema(example = false)]
    pub transferred: bool,
    /// The plan that it is on.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Its keys that are not revoked. Who has their texts goes on calling: rotate or revoke them where that is
    /// not the new partner.
    #[schema(value_type = Vec<String>, example = json!(["key_0Ab12Cd34Ef"]))]
    pub key_ids: Vec<KeyId>,
    /// How many webhooks go along, with the addresses that they have.
    #[schema(minimum = 0, example = 1)]
    pub webhooks: i64,
}

impl TransferOut {
    fn new(transfer: Transfer, transferred: bool) -> Self {
        let Transfer { app, to, keys, webhooks } = transfer;
        Self {
            app_id: app.id,
            from_partner_id: app.partner,
            to_partner_id: to,
            transferred,
            plan_id: app.plan,
            key_ids: keys,
            webhooks,
        }
    }
}

/// Give an app to another partner
///
/// Keys, plan and webhooks go along and go on working; the new partner's status and contract hold for them. Usage
/// up to this instant stays with the old partner. With `dry_run`, nothing is done.
#[utoipa::path(
    tag = "apps", operation_id = "transfer_app", request_body = TransferIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "What goes along", body = TransferOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/transfer")]
async fn transfer_app(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<TransferIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let TransferIn { partner_id, dry_run } = body.0;
    if dry_run {
        let preview = transfers::preview(&state.db, &by, id.0, partner_id).await?;
        return done(&TransferOut::new(preview, false));
    }
    let moved = transfers::transfer(&state.db, &by, id.0, partner_id).await?;
    state.applied().await;
    done(&TransferOut::new(moved, true))
}
