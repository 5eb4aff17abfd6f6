//! The partner API of changes.

mod look;
mod page;
mod schema;

use super::resource::{self, Told};
use super::store::{self, Entry, Stretch, rows};
use super::successors::{is_deleted_product, successors};
use super::wait::{self, Full, MOST_OF_APP, Waits};
use super::{InPlan, Kind};
use crate::access::{Caller, Scopes, op};
use crate::catalog::view::CatalogView;
use crate::http::hang_up::hung_up;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, Params};
use crate::kernel::Micros;
use crate::kernel::id::StoreId;
use crate::kernel::word::Word as _;
use crate::kernel::word::nearest;
use crate::storage::{Db, Log, log};
use actix_web::{HttpRequest, get, web};
use look::Look;
pub use page::NEXT_POSITION;
use page::Reach;
pub(crate) use page::behind;
use schema::{ChangeOut, Embed, PageOfChanges};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where snapshots are.
const SNAPSHOTS: &str = "/v1/exports/latest";
/// Entries of a page where none are asked for, and the most.
const DEFAULT_LIMIT: u32 = 500;
const MOST: u32 = 1_000;
/// Seconds after which a place to wait is worth asking for again.
const RETRY_S: u64 = 5;

/// Mounts the operation of changes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_changes);
}

/// Changes
///
/// What changed behind a position, in the order in which it happened, deletions included. Take a
/// snapshot from `/v1/exports/latest`, then ask with its `position` as `after`, and go on from each
/// `next_position`: products, categories, stores, promotions and offers are then what the next snapshot has, and
/// of stock the `availability` is; quantities, and when they were counted, are not. With
/// `after=latest` you learn the present end without any change; without `after` you begin at the
/// oldest change that is kept.
///
/// An entry says that a resource changed, not how: `embed=resource` adds what it is now, null where it
/// is gone. The same resource can come again with the same or a newer `version`: applying an entry
/// twice changes nothing. What follows from other resources or from the time of reading (a category's
/// `product_count`, `is_stale` of stock, that an offer has ended) is not in it and makes no entry; only the begin
/// and the end of promotions and of an offer's `sale` do. Stock makes an entry when it is first known and when its
/// `availability` turns, not for each count: one that leaves the availability as it was is no change, so that a newer
/// snapshot, and `embed=resource`, can have another `quantity`, `as_of`, `received_at` and `source` of a level without
/// an entry in between. Follow quantities with `/v1/stores/{store_id}/stock?updated_since=`, store by store, or ask for
/// them with `POST /v1/stock/query`.
/// With a product or a store its offers go (`product_deleted`, `store_deleted`) and its stock becomes unknown; each has
/// an entry of its own.
///
/// An offer has what lists tell of it outside a sale, and `sale`: null, or the `price`, `unit_price`,
/// `lowest_price_30d`, `valid_from` and `valid_through` of a reduction that is to come, under way or over.
///
/// Follow without asking in vain: with `wait_s` a call that finds nothing is held until there is something,
/// or until the time is over; it counts and costs like any other. Allow your client some seconds more. At most
/// 20 calls of an app wait at a time: one more is refused with 429, `waits` in `violated-policies`, and
/// `Retry-After`; with 503 and `Retry-After` where a node has no room for more calls that wait.
///
/// You see the types whose scope your key has: `catalog:read` for products and categories, `prices:read`
/// for offers, `stock:read`, `stores:read`, `promotions:read`. Others are left out, or refused with 403
/// where `types` names them. A page may be shorter than `limit`, even empty, while `has_more` is true.
///
/// Where your plan includes a part of the data alone, so does the log, and fields that it leaves out are absent.
/// What it no longer includes, because a product has another brand or other categories, is deleted for you with
/// the reason `not_in_plan`, and comes with `in_plan` where it does again; of what was deleted all are told. After
/// a change of the plan or of the tree of categories take an export again.
///
/// As JSON lines a page is its entries alone. `Link` leads to the next page while there is more, and
/// `Next-Position` is where to go on later, in every form.
#[utoipa::path(
    operation_id = "list_changes", tag = "changes",
    params(
        ("after" = Option<String>, Query, description = "Only changes behind this position; `latest` for none. Older than the log reaches: 410.", example = "184460"),
        ("types" = Option<Vec<Kind>>, Query, style = Form, explode = false, description = "Only these types, joined by commas.", example = json!(["product", "offer"])),
        ("store_id" = Option<String>, Query, description = "Of stores, offers and stock only those of this store; other types stay.", example = "sto_4Fh2Lp8QaZs"),
        ("embed" = inline(Option<Embed>), Query, description = "`resource`: each entry with what the resource is now.", example = "resource"),
        ("wait_s" = Option<u32>, Query, minimum = 0, maximum = 30, description = "Where there is nothing yet, wait for it up to so many seconds: 0 to 30; 0 where it is left out.", example = 0),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Most changes in the page, 1 to 1000; 500 where it is left out.", example = 500),
    ),
    responses(
        (status = 200, description = "A page of changes.", body = PageOfChanges<'_>, headers(("Next-Position" = String, description = "The next call's `after`."))),
        (status = 304, description = "You hold this page already.", headers(("Next-Position" = String, description = "The next call's `after`."))),
        (status = 410, description = "The log does not reach back to the position."),
    ),
)]
#[get("/v1/changes")]
async fn list_changes(
    caller: Caller<op::ListChanges>,
    request: HttpRequest,
    (db, catalog): (web::Data<Db>, web::Data<CatalogView>),
    waits: web::Data<Waits>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let after = after(&mut params);
    let kinds = kinds(&mut params);
    let store: Option<StoreId> = params.value("store_id");
    let embed = params.one_of("embed", Embed::WORDS).is_some();
    let most = params.whole("limit", 1..=MOST).unwrap_or(DEFAULT_LIMIT);
    let wait_s = params.whole("wait_s", 0..=wait::LONGEST_S).unwrap_or(0);
    let until = wait::end(wait_s);
    params.finish()?;
    let kinds = permitted(kinds, caller.scopes())?;
    let after = match after {
        After::Latest => {
            let head = log::head(&db, Log::Change).await?;
            return Ok(page::answer(&request, &[], Reach { reached: head, head }));
        }
        After::Oldest => store::floor(&db).await?,
        After::Position(position) => position,
    };
    let (data, most) = (caller.data(), most as usize);
    let look = Look { db: &db, waits: &waits, catalog: &catalog, data, kinds, store, most };
    let mut stretch = look.behind(after).await?;
    within(after, &stretch, &db).await?;
    if wait_s > 0 && stretch.is_end() {
        let seat = waits.seat(caller.app()).map_err(no_seat)?;
        while stretch.is_end() && seat.beyond(stretch.reached, until, hung_up(&request)).await {
            // What the log has gained may be of other types: then the wait goes on behind it.
            stretch = look.behind(stretch.reached).await?;
        }
    }
    let resources = if embed {
        let told = Told { stock: caller.stock_disclosure(), data: data.map(Arc::as_ref) };
        Some(resources(&db, &stretch.entries, told).await?)
    } else {
        None
    };
    let included = InPlan::of(data, &catalog);
    let deleted = stretch.entries.iter().filter(|entry| is_deleted_product(entry));
    let deleted: Vec<String> = deleted.map(|entry| entry.id.clone()).collect();
    let successors = successors(&db, &deleted, included.as_ref()).await?;
    let entries = stretch.entries.iter().map(|entry| line(entry, &resources, &successors));
    let lines = entries.collect::<ApiResult<Vec<_>>>()?;
    let reach = Reach { reached: stretch.reached, head: stretch.head };
    Ok(page::answer(&request, &lines, reach))
}

/// Refuses a call that cannot wait. An empty page at once would have its client ask without pause.
fn no_seat(full: Full) -> ApiError {
    let (error, limits) = match full {
        Full::App => {
            let detail = format!(
                "{MOST_OF_APP} calls of this app wait already. Wait for one of them, or ask without `wait_s`."
            );
            (ApiError::new(Code::OperationLimited, detail), vec!["waits".to_owned()])
        }
        Full::Node => {
            let detail =
                "Too many calls wait on this node. Try again in a moment, or ask without `wait_s`.";
            (ApiError::new(Code::Unavailable, detail), Vec::new())
        }
    };
    error.limited(limits, Some(RETRY_S))
}

/// Where a page begins.
enum After {
    Oldest,
    Latest,
    Position(i64),
}

fn after(params: &mut Params) -> After {
    match params.text("after").as_deref() {
        None => After::Oldest,
        Some("latest") => After::Latest,
        Some(text) => match position(text) {
            Some(position) => After::Position(position),
            None => {
                let message =
                    "must be a position: a whole number from `next_position`, or `latest`";
                params.fault("after", "malformed", message);
                After::Oldest
            }
        },
    }
}

/// A position as `next_position` has it: digits alone, of which no log comes to need more.
fn position(text: &str) -> Option<i64> {
    let are_digits = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

fn kinds(params: &mut Params) -> Vec<Kind> {
    let words: Vec<String> = params.list("types", Kind::WORDS.len());
    let mut kinds = Vec::with_capacity(words.len());
    for word in words {
        if let Some(kind) = Kind::of(&word) {
            kinds.push(kind);
            continue;
        }
        let message = format!("has `{word}`, which is none of {}", Kind::all());
        let known: Vec<&str> = Kind::WORDS.iter().map(|(word, _)| *word).collect();
        match nearest(&word, &known) {
            Some(near) => params.fault_with_suggestion("types", "not_allowed", message, near),
            None => params.fault("types", "not_allowed", message),
        }
    }
    kinds
}

/// The kinds asked for, or all that the key may see.
fn permitted(asked: Vec<Kind>, scopes: Scopes) -> ApiResult<Vec<Kind>> {
    if asked.is_empty() {
        return Ok(Kind::seen_with(scopes));
    }
    match asked.iter().find(|kind| !scopes.has(kind.scope())) {
        None => Ok(asked),
        Some(kind) => {
            let scope = kind.scope().as_str();
            let detail =
                format!("The type `{kind}` needs the scope `{scope}`, which the key lacks.");
            Err(ApiError::new(Code::InsufficientScope, detail).required_scope(scope))
        }
    }
}

/// Refuses a position that the log does not reach back to, or has not come to. The floor is read
/// after the entries: what was pruned in between is noticed.
async fn within(after: i64, stretch: &Stretch, db: &Db) -> ApiResult<()> {
    let head = stretch.end;
    if after > head {
        let message = format!("is behind the end of the log, {head}");
        let fault = FieldError::parameter("after", "out_of_range", message);
        let detail = format!("`after` is behind the end of the log, {head}.");
        return Err(ApiError::new(Code::InvalidParameter, detail)
            .errors(vec![fault.suggest(Some(head.to_string()))]));
    }
    let floor = store::floor(db).await?;
    if after < floor {
        let detail = format!(
            "The log reaches back to position {floor} only. Take a snapshot from {SNAPSHOTS} and go on \
             from its position."
        );
        return Err(ApiError::new(Code::PositionExpired, detail).restart(floor, SNAPSHOTS));
    }
    Ok(())
}

/// The documents of all resources of some entries, by kind and id.
type Resources = BTreeMap<Kind, HashMap<String, String>>;

async fn resources(db: &Db, entries: &[Entry], told: Told<'_>) -> ApiResult<Resources> {
    let mut wanted: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.op != "delete") {
        if let Some(kind) = Kind::of(&entry.kind) {
            wanted.entry(kind).or_default().push(entry.id.clone());
        }
    }
    let mut found = Resources::new();
    for (kind, mut ids) in wanted {
        ids.sort_unstable();
        ids.dedup();
        found.insert(kind, resource::present(db, kind, &ids, told).await?);
    }
    Ok(found)
}

/// An entry as it is sent.
fn line(
    entry: &Entry,
    resources: &Option<Resources>,
    successors: &HashMap<String, String>,
) -> ApiResult<Vec<u8>> {
    let (product, store, channel) = rows::parts(&entry.id);
    let is_part = entry.id.contains('/');
    let out = ChangeOut {
        position: entry.position.to_string(),
        kind: &entry.kind,
        id: &entry.id,
        op: &entry.op,
        reason: entry.reason.as_deref(),
        occurred_at: Micros(entry.occurred_at),
        version: entry.version,
        replaced_by: successors
            .get(&entry.id)
            .filter(|_| is_deleted_product(entry))
            .map(String::as_str),
        product_id: is_part.then_some(product),
        store_id: is_part.then_some(store),
        channel: Some(channel).filter(|channel| !channel.is_empty()),
        resource: (),
    };
    let mut text = bytes(&out)?;
    if let Some(resources) = resources {
        let of_kind = Kind::of(&entry.kind).and_then(|kind| resources.get(&kind));
        let document = of_kind.and_then(|found| found.get(&entry.id)).map(String::as_str);
        let document = document.filter(|_| entry.op != "delete").unwrap_or("null");
        text.pop();
        text.extend_from_slice(b",\"resource\":");
        text.extend_from_slice(document.as_bytes());
        text.push(b'}');
    }
    Ok(text)
}

fn bytes(value: &impl serde::Serialize) -> ApiResult<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "a change could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}
