//! Transfers of apps over HTTP.

use super::approvals::service::{Action, answer, payload, perform};
use super::approvals::{MayWait, respond};
use super::caller::AdminCaller;
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use crate::access::Scope;
use crate::access::transfers::{self, Transfer};
use crate::config::FourEyes;
use crate::http::{ApiPath, ApiResult, JsonBody};
use crate::kernel::id::{AppId, ApplicationId, KeyId, PartnerId, PlanId};
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
    /// What these keys may do, all together.
    #[schema(value_type = Vec<String>, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Vec<Scope>,
    /// How many webhooks go along, with the addresses that they have.
    #[schema(minimum = 0, example = 1)]
    pub webhooks: i64,
    /// The application by which the app was made, where its first key was not taken yet: the link to it is of no use
    /// as long as the app is another partner's. Null where there is none.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub application_id: Option<ApplicationId>,
}

impl TransferOut {
    fn new(transfer: Transfer, transferred: bool) -> Self {
        let Transfer { app, to, keys, scopes, webhooks, application } = transfer;
        Self {
            app_id: app.id,
            from_partner_id: app.partner,
            to_partner_id: to,
            transferred,
            plan_id: app.plan,
            key_ids: keys,
            scopes: scopes.iter().collect(),
            webhooks,
            application_id: application,
        }
    }
}

/// What was looked at and is to be moved.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    app_id: AppId,
    from_partner_id: PartnerId,
    to_partner_id: PartnerId,
    key_ids: Vec<KeyId>,
    scopes: Vec<Scope>,
}

impl Seen {
    fn of(transfer: &Transfer) -> Self {
        Self {
            app_id: transfer.app.id,
            from_partner_id: transfer.app.partner,
            to_partner_id: transfer.to,
            key_ids: transfer.keys.clone(),
            scopes: transfer.scopes.iter().collect(),
        }
    }
}

/// Moves an app with exactly what was seen to go along.
pub const TRANSFER: Action = Action {
    operation: "transfer_app",
    word: FourEyes::CustomerScopes,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let Seen { app_id, from_partner_id, to_partner_id, key_ids, scopes } = payload(what)?;
            let mut seen = transfers::preview_in(tx, by, app_id, to_partner_id).await?;
            seen.app.partner = from_partner_id;
            (seen.keys, seen.scopes) = (key_ids, scopes.into_iter().collect());
            transfers::transfer_in(tx, by, &seen).await?;
            answer(&TransferOut::new(seen, true))
        })
    },
};

/// Give an app to another partner
///
/// Keys, plan and webhooks go along and go on working; the new partner's status and contract hold for them. Usage
/// up to this instant stays with the old partner. With `dry_run`, nothing is done. Where a key has one of the scopes
/// that `admin.guarded_scopes` names, it may take a second person, who approves exactly what goes along now.
#[utoipa::path(
    tag = "apps", operation_id = "transfer_app", request_body = TransferIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "What goes along", body = TransferOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
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
    let preview = transfers::preview(&state.db, &by, id.0, partner_id).await?;
    let seen = answer(&Seen::of(&preview))?;
    let preview = TransferOut::new(preview, false);
    if dry_run {
        return done(&preview);
    }
    let shown = (false, answer(&preview)?);
    let outcome = perform(&state, &caller, &TRANSFER, seen, shown).await?;
    state.applied().await;
    respond(&state, outcome, done)
}
