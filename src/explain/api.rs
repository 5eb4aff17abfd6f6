//! `GET /v1/refusals`: what of the caller's app was refused, and why.

use super::limit_state::LimitStateOut;
use super::query::RefusalsQuery;
use super::reason::INVALID_CLIENT;
use super::reason::{Reason, Seen};
use super::refusal::Refusal;
use super::store::{self, Asked, Place, Row};
use super::{Sealer, Tally};
use crate::access::Pepper;
use crate::access::caller::Caller;
use crate::access::directory::Unusable;
use crate::access::op;
use crate::access::terms::Level;
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params};
use crate::kernel::clock::DAY;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError};
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// What the handlers need, and what the finishing layer counts with.
#[derive(Debug)]
pub struct Explainer {
    /// Makes ids and opens them.
    pub sealer: Sealer,
    /// What this node has refused since it was last stored.
    pub tally: Tally,
    /// Where the history is.
    pub db: Db,
    /// The time.
    pub clock: Clock,
}

/// Mounts the handlers.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_refusals).service(get_refusal);
}

/// What of a key refused a call. What does not concern the code is null.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ReasonOut {
    /// The address that the call was seen to come from. It is in the `refusal_id` that the caller got and
    /// nowhere else; null under the id of the history, and where what a proxy forwarded is no address.
    #[schema(required = true, value_type = Option<String>, example = "198.51.100.7")]
    address: Option<IpAddr>,
    /// How many blocks the key's allow-list had.
    #[schema(required = true, example = 2)]
    allowed_blocks: Option<u32>,
    /// When the key reached its expiry.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T00:00:00Z")]
    expired_at: Option<Micros>,
    /// When the secret that was shown begins, where it had not begun.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-12-01T00:00:00Z")]
    secret_from: Option<Micros>,
    /// When the secret that was shown ended: by the end of an overlap, or with the rotation that was taken back.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T00:00:00Z")]
    secret_until: Option<Micros>,
    /// The first instant of the partner's contract; null too where it has no beginning.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-01-01T00:00:00Z")]
    contract_from: Option<Micros>,
    /// The first instant behind the contract; null too where it goes on.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2027-01-01T00:00:00Z")]
    contract_until: Option<Micros>,
    /// Why it was frozen, as far as callers are told; long reasons are cut off.
    #[schema(required = true, example = "Unpaid invoices")]
    told: Option<String>,
    /// What was frozen or suspended, as `code` says: the widest where several were.
    #[schema(required = true, example = "app")]
    stopped: Option<Level>,
}

/// Who stopped what a call was refused for.
#[derive(Debug, Serialize, ToSchema)]
pub struct StopOut {
    /// The id of the account or token, or the part of the program.
    #[schema(example = "adm_5pLw38mNoPq")]
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub at: Micros,
    /// Why; null where nobody has said.
    #[schema(required = true, example = "Unpaid invoices")]
    pub reason: Option<String>,
}

impl From<Reason> for ReasonOut {
    fn from(reason: Reason) -> Self {
        let none = Self { stopped: reason.stopped(), ..Self::default() };
        match reason {
            Reason::Address { seen, blocks } => {
                let address = match seen {
                    Seen::At(address) => Some(address),
                    Seen::Unclear | Seen::Withheld => None,
                };
                Self { address, allowed_blocks: Some(blocks), ..none }
            }
            Reason::Expired { at } => Self { expired_at: Some(at), ..none },
            Reason::Contract { from, until } => {
                Self { contract_from: from, contract_until: until, ..none }
            }
            Reason::Frozen { told, .. } => Self { told, ..none },
            Reason::Suspended { .. } | Reason::Told(_) => none,
            Reason::Secret(Unusable::Before(at)) => Self { secret_from: Some(at), ..none },
            Reason::Secret(Unusable::Replaced(at) | Unusable::TakenBack(at)) => {
                Self { secret_until: Some(at), ..none }
            }
        }
    }
}

/// Why a call was refused, as it stood at that moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalOut {
    /// When it was judged.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07.250Z")]
    at: Micros,
    /// The HTTP status.
    #[schema(example = 429)]
    status: u16,
    /// The problem's code; of the token endpoint the `error` of its answer, or the code that calls would have got.
    #[schema(example = "quota_exceeded")]
    code: String,
    /// The refusal in words.
    #[schema(
        example = "get_product was refused with 429 quota_exceeded. `burst` grants 50 units over 1 s and had 0 left, for a call of 1.000."
    )]
    explanation: String,
    /// The operation that was called; null for a path that is none, and for the token endpoint.
    #[schema(required = true, example = "get_product")]
    operation_id: Option<&'static str>,
    /// The scope that the operation needs; null where it needs none.
    #[schema(required = true, example = "catalog:read")]
    required_scope: Option<&'static str>,
    /// What the call weighed on the limits, a decimal with three digits.
    #[schema(example = "1.000")]
    units: String,
    /// The partner; null where no key was proved, and so are the four below.
    #[schema(required = true, example = "prt_4kPz09aBcDe")]
    partner_id: Option<String>,
    /// The app.
    #[schema(required = true, example = "app_7nRy25kLmNo")]
    app_id: Option<String>,
    /// The key.
    #[schema(required = true, example = "key_0Ab12Cd34Ef")]
    key_id: Option<String>,
    /// `live` or `test`.
    #[schema(required = true, example = "live")]
    environment: Option<&'static str>,
    /// The plan that was in force.
    #[schema(required = true, example = "pln_2mQx17fGhIj")]
    plan_id: Option<String>,
    /// Its version.
    #[schema(required = true, example = 3)]
    plan_version: Option<u32>,
    /// Each limit that was asked; empty where the call was refused before.
    limits: Vec<LimitStateOut>,
    /// When the same call alone would have been admitted; null where waiting does not help, or nobody knows.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:08.250Z")]
    admitted_at: Option<Micros>,
    /// What of the key refused the call; null where it was not the key, its app, its subscription or its partner.
    #[schema(required = true)]
    reason: Option<ReasonOut>,
    /// Who has suspended or frozen it, when and why: for the retailer alone, null for partners.
    #[schema(required = true)]
    stop: Option<StopOut>,
}

/// Refusals of one kind in one minute.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalsOut {
    /// Start of the minute.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:00Z")]
    minute: Micros,
    /// The partner; null where no key was proved, and so are app and key.
    #[schema(required = true, example = "prt_4kPz09aBcDe")]
    partner_id: Option<String>,
    /// The app.
    #[schema(required = true, example = "app_7nRy25kLmNo")]
    app_id: Option<String>,
    /// The key.
    #[schema(required = true, example = "key_0Ab12Cd34Ef")]
    key_id: Option<String>,
    /// The operation; null for paths that are none.
    #[schema(required = true, example = "get_product")]
    operation_id: Option<String>,
    /// The problem's code.
    #[schema(example = "quota_exceeded")]
    code: String,
    /// The limits that refused.
    #[schema(example = json!(["burst"]))]
    violated: Vec<String>,
    /// How many calls.
    #[schema(example = 118)]
    count: i64,
    /// A refusal id of the latest: look it up to see why. It does not tell the address of the call.
    #[schema(example = "ref_AbCd")]
    last_refusal_id: String,
    /// When that was.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:58.113Z")]
    last_at: Micros,
}

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<RefusalsOut>);

/// A page of the history of refusals.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageOfRefusals {
    /// The rows, newest minute first.
    pub items: Vec<RefusalsOut>,
    /// Path and query of the next page; null on the last one.
    #[schema(required = true, example = "/v1/refusals?limit=50&cursor=c0Ab")]
    pub next: Option<String>,
    /// Path and query of this page.
    #[serde(rename = "self")]
    #[schema(example = "/v1/refusals?limit=50")]
    pub own: String,
}

impl From<Refusal> for RefusalOut {
    fn from(refusal: Refusal) -> Self {
        let (operation, who) = (refusal.operation(), refusal.who);
        let (whole, milli) = (refusal.weight_milli / 1_000, refusal.weight_milli % 1_000);
        let of_admins = refusal.is_of_admins();
        Self {
            at: refusal.at(),
            status: refusal.status,
            explanation: refusal.in_words(),
            operation_id: operation.map(|operation| operation.id),
            required_scope: operation.and_then(|o| o.scope).map(crate::access::Scope::as_str),
            units: format!("{whole}.{milli:03}"),
            partner_id: who.map(|who| who.partner().to_string()),
            app_id: who.map(|who| who.app().to_string()),
            key_id: who.map(|who| who.key().to_string()),
            environment: who.map(|who| if who.live { "live" } else { "test" }),
            plan_id: who.map(|who| who.plan().to_string()),
            plan_version: who.map(|who| who.plan_version),
            admitted_at: refusal.admitted_at(),
            code: refusal.code,
            limits: LimitStateOut::all(refusal.limits, refusal.reduced.as_ref()),
            reason: refusal.reason.filter(|_| !of_admins).map(Into::into),
            stop: None,
        }
    }
}

impl RefusalOut {
    /// The same for the retailer, with what is known of who stopped it.
    #[must_use]
    pub fn for_retailer(refusal: Refusal, stop: Option<StopOut>) -> Self {
        Self { stop, ..refusal.into() }
    }

    /// The same for the partner, who is told whom to ask.
    fn for_partner(refusal: Refusal) -> Self {
        let is_stopped = refusal.reason.as_ref().is_some_and(|reason| reason.stopped().is_some());
        let mut out = Self::from(refusal);
        if is_stopped {
            out.explanation.push_str(" Ask the retailer.");
        }
        out
    }
}

impl From<Row> for RefusalsOut {
    fn from(row: Row) -> Self {
        let known = |text: String| (!text.is_empty()).then_some(text);
        let limits = row.limits.split(',').filter(|name| !name.is_empty());
        Self {
            minute: Micros(row.minute),
            partner_id: known(row.partner_id),
            app_id: known(row.app_id),
            key_id: known(row.key_id),
            operation_id: known(row.operation),
            code: row.code,
            violated: limits.map(str::to_owned).collect(),
            count: row.refused,
            last_refusal_id: row.last_id,
            last_at: Micros(row.last_at),
        }
    }
}

impl Explainer {
    /// An explainer that opens ids sealed under this pepper.
    #[must_use]
    pub fn new(pepper: &Pepper, (db, clock): (&Db, &Clock)) -> Self {
        let (db, clock) = (db.clone(), clock.clone());
        Self { sealer: Sealer::new(pepper), tally: Tally::default(), db, clock }
    }

    /// What a refusal id stands for.
    pub fn open(&self, id: &str) -> ApiResult<Refusal> {
        self.sealer.open(id).map_err(|error| {
            let shown: String = id.chars().take(40).collect();
            ApiError::new(Code::NotFound, crate::kernel::sentence(format!("`{shown}` {error}")))
        })
    }

    /// The id of a refusal, which is counted.
    pub fn explain(&self, refusal: &Refusal) -> Option<String> {
        let id = self.sealer.seal(refusal);
        // Where a call came from is the caller's to know: what is stored does not have it.
        let stored = refusal.without_address();
        let kept = stored.as_ref().map_or_else(|| id.clone(), |kept| self.sealer.seal(kept));
        if let Some(kept) = &kept {
            self.tally.count(refusal, kept);
        }
        id
    }

    /// A refusal now of what is asked without a key.
    #[must_use]
    pub fn refusal_of_nobody(&self, code: Code) -> Refusal {
        Refusal {
            at: self.clock.now().0,
            operation: None,
            weight_milli: 0,
            status: code.status(),
            code: code.as_str().to_owned(),
            who: None,
            limits: Vec::new(),
            reason: None,
            wait_us: None,
            reduced: None,
        }
    }

    /// The id of a refusal of the admin API. The history is of the partner API, and does not have it.
    #[must_use]
    pub fn explain_to_admins(&self, error: &ApiError) -> Option<String> {
        let reason = Some(Reason::told(error.detail()));
        self.sealer.seal(&Refusal { reason, ..self.refusal_of_nobody(error.code()) })
    }

    /// Reads the span and code of a history from parameters; the last day where none is given.
    pub fn asked(&self, params: &mut Params) -> Asked {
        let now = self.clock.now().0;
        let from = params.value("from").map_or(now.saturating_sub(DAY), |from: Micros| from.0);
        let to = params.value("to").map_or(i64::MAX, |to: Micros| to.0);
        let code = params.text("code");
        let known = |code: &String| {
            Code::ALL.iter().any(|known| known.as_str() == code.as_str())
                || code.as_str() == INVALID_CLIENT
        };
        if code.as_ref().is_some_and(|code| !known(code)) {
            params.fault("code", "not_allowed", "is none of the codes of problem documents");
        }
        Asked { from, to, code, ..Asked::default() }
    }

    /// Stores what this node has counted. What cannot be stored now is kept for the next time.
    pub async fn save(self: &Arc<Self>) {
        let this = Arc::clone(self);
        // Beside the call: one that hangs up in the middle would take with it what was counted.
        let saving = tokio::spawn(async move { this.store().await });
        if let Err(error) = saving.await {
            tracing::error!(%error, "the history of refusals could not be stored");
        }
    }

    async fn store(&self) {
        let counted = self.tally.take();
        if counted.is_empty() {
            return;
        }
        if let Err(error) = store::add(&self.db, &counted).await {
            tracing::warn!(%error, "the history of refusals could not be stored and waits");
            self.tally.put_back(counted);
        }
    }

    /// A page of the history, up to this moment as far as this node goes.
    pub async fn page(self: &Arc<Self>, page: &PageRequest, asked: Asked) -> ApiResult<Answer> {
        self.save().await;
        let behind = page.after_key()?;
        let wrong = || ApiError::new(Code::InvalidCursor, "The cursor is not of this list.");
        let behind = behind.map(|key| Place::from_bytes(&key).ok_or_else(wrong)).transpose()?;
        let limit = u32::try_from(page.limit()).unwrap_or(u32::MAX).saturating_add(1);
        let mut rows = store::list(&self.db, &Asked { behind, limit, ..asked }).await?;
        let more = rows.len() > page.limit();
        rows.truncate(page.limit());
        let next = rows.last().filter(|_| more).map(|last| Place::of(last).to_bytes());
        let items: Result<Vec<Vec<u8>>, _> =
            rows.into_iter().map(|row| serde_json::to_vec(&RefusalsOut::from(row))).collect();
        let items = items.map_err(|error| StoreError::corrupt("refusals", error))?;
        page.answer_beside(&items, next, &[], Cache::NoStore)
    }
}

/// What was refused
///
/// The calls of your app that were refused with 401, 403 or 429, counted by minute, key, operation, code and
/// limits, newest first: the last 24 hours where no span is given. What other nodes have refused comes up to ten
/// seconds later.
/// Each row has the id of its latest refusal, which explains it. Never billed, and answered once a second where a limit is
/// reached.
#[utoipa::path(
    operation_id = "list_refusals", tag = "usage",
    params(
        RefusalsQuery,
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most rows in the page.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "The page", body = PageOfRefusals),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
    )
)]
#[get("/v1/refusals")]
async fn list_refusals(
    caller: Caller<op::ListRefusals>,
    request: HttpRequest,
    explainer: web::Data<Explainer>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let asked = explainer.asked(&mut params);
    let page = PageRequest::read(&request, &mut params).with_columns(&COLUMNS);
    params.finish()?;
    // Of the partner, too: what was refused before a transfer stays with whose app it was.
    let partner = Some(caller.key().partner.to_string());
    let app = Some(caller.app().to_string());
    explainer.page(&page, Asked { partner, app, ..asked }).await
}

/// Why a call was refused
///
/// The rule that refused a call, what of the key it was, and how each limit stood at that moment: for the
/// `refusal_id` in the problem document of a 401, 403 or 429, at any time. Refusals of other apps are not found.
/// A key that is itself refused, by its address, its expiry, the contract, a freeze or a suspension, may ask
/// this once a second; only a revoked one may not. So may one whose limits are reached. Never billed.
#[utoipa::path(
    operation_id = "get_refusal", tag = "usage",
    params(("refusal_id" = String, Path, max_length = 800, description = "`refusal_id` of the problem document.", example = "ref_AbCd")),
    responses(
        (status = 200, description = "The refusal", body = RefusalOut),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
        (status = 404, description = "No refusal of yours has this id."),
    )
)]
#[get("/v1/refusals/{refusal_id}")]
async fn get_refusal(
    caller: Caller<op::GetRefusal>,
    request: HttpRequest,
    id: web::Path<String>,
    explainer: web::Data<Explainer>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let refusal = explainer.open(&id)?;
    let own = caller.whose();
    let is_anothers = refusal.who.is_some_and(|who| (who.partner(), who.app()) != own);
    if is_anothers || refusal.is_of_admins() {
        let detail = "No refusal of yours has this id.";
        return Err(ApiError::new(Code::NotFound, detail));
    }
    Answer::json(&RefusalOut::for_partner(refusal), Cache::NoStore, 1)
}
