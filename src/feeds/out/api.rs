//! The partner API of feeds.

use super::write::{Form, Layout};
use super::{Asked, FeedsOut, Kind, Made};
use crate::access::model::StockDisclosure;
use crate::access::{Caller, Scope, Scopes, op};
use crate::exports::download::{self, Sent};
use crate::http::answer::Cache;
use crate::http::{ApiError, ApiResult, Code, Params};
use crate::kernel::id::StoreId;
use crate::kernel::word::Word as _;
use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Seconds for which a feed may be kept whose prices hold so long.
const KEPT_S: u32 = 60;

/// Mounts the operations of feeds.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(download_product_feed).service(download_inventory_feed);
}

/// Product feed
///
/// The products that the web shop offers, as a Google Merchant product feed: what is active and has an
/// online price. With `with_stores` those that only stores sell are in it too, at the price of the first that sells
/// it and kept from Google's destinations online (`excluded_destination`): a local inventory feed is matched with
/// the products of this one. Availability is told to keys with `stock:read`. The key needs `catalog:read` beside
/// `prices:read`. The feed is at most a minute older than the catalog; `If-None-Match` makes it free until
/// it changes, `Range` goes on where a download broke off. In tab-separated cells several values stand
/// between commas, and one that holds a comma itself is left out; RSS has them all. Where your plan leaves out
/// `sku` or `store_code`, our ids stand in their place.
///
/// A row tells what is known of its product, no more. Google wants `description`, `link` and `image_link` of each: of a
/// product that the retailer gave without one of them, or where your plan leaves it out, that cell is empty, and Google
/// refuses the row until a supplemental feed of yours adds it. The row is here all the same, for those who need no link.
///
/// Google's Merchant Center and others that fetch feeds by themselves know a user name and a password: give them
/// any name, and the key as the password (`Authorization: Basic`).
#[utoipa::path(
    operation_id = "download_product_feed", tag = "feeds",
    params(
        ("format" = inline(Option<Layout>), Query, description = "`tsv`, or `rss`; `tsv` where it is left out.", example = "tsv"),
        ("packed" = Option<bool>, Query, description = "Whether the file is packed with gzip.", example = false),
        ("store_id" = Option<String>, Query, description = "The web shop, where there are several.", example = "sto_4Fh2Lp8QaZs"),
        ("with_stores" = Option<bool>, Query, description = "Whether products that only stores sell are in it too. Not beside `store_id`.", example = false),
    ),
    responses(
        (status = 200, description = "The feed.", content((String = "text/tab-separated-values"), (String = "application/rss+xml"), (String = "application/gzip"))),
        (status = 206, description = "The part that was asked for.", content((String = "text/tab-separated-values"), (String = "application/rss+xml"), (String = "application/gzip"))),
        (status = 304, description = "You hold this feed already."),
        (status = 416, description = "The range lies behind the end of the feed."),
    ),
)]
#[get("/v1/feeds/google-products")]
async fn download_product_feed(
    caller: Caller<op::DownloadProductFeed>,
    request: HttpRequest,
    feeds: web::Data<FeedsOut>,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let with_stores = params.flag("with_stores");
    if with_stores && params.was_given("store_id") {
        let message = "tells of all stores; leave it out, or `store_id`";
        params.fault("with_stores", "not_allowed", message);
    }
    let (form, store) = asked(params)?;
    needs(caller.scopes(), Scope::CatalogRead)?;
    let kind = Kind::Products { with_stock: caller.scopes().has(Scope::StockRead), with_stores };
    let made = get(&feeds, Asked { kind, form, store, data: caller.data().cloned() }).await?;
    sent(made, "google-products", (&feeds, &request)).await
}

/// Local inventory feed
///
/// The stock of the stores as a Google local inventory feed: a row for each product in each store that
/// has told its stock. Prices are told to keys with `prices:read`, counts to keys with `stock:quantity`
/// whose plan tells them exactly, prices for members where the retailer has named the loyalty programme. Age, conditional calls, ranges, cells and the key as a password as with the
/// product feed.
#[utoipa::path(
    operation_id = "download_inventory_feed", tag = "feeds",
    params(
        ("format" = inline(Option<Layout>), Query, description = "`tsv`, or `rss`; `tsv` where it is left out.", example = "tsv"),
        ("packed" = Option<bool>, Query, description = "Whether the file is packed with gzip.", example = false),
        ("store_id" = Option<String>, Query, description = "Only this store.", example = "sto_4Fh2Lp8QaZs"),
    ),
    responses(
        (status = 200, description = "The feed.", content((String = "text/tab-separated-values"), (String = "application/rss+xml"), (String = "application/gzip"))),
        (status = 206, description = "The part that was asked for.", content((String = "text/tab-separated-values"), (String = "application/rss+xml"), (String = "application/gzip"))),
        (status = 304, description = "You hold this feed already."),
        (status = 416, description = "The range lies behind the end of the feed."),
    ),
)]
#[get("/v1/feeds/google-local-inventory")]
async fn download_inventory_feed(
    caller: Caller<op::DownloadInventoryFeed>,
    request: HttpRequest,
    feeds: web::Data<FeedsOut>,
) -> ApiResult<HttpResponse> {
    let (form, store) = asked(Params::new(request.query_string()))?;
    let exact = caller.stock_disclosure() == StockDisclosure::Exact
        && caller.scopes().has(Scope::StockQuantity);
    let with_prices = caller.scopes().has(Scope::PricesRead);
    let kind = Kind::Inventory { exact, with_prices };
    let made = get(&feeds, Asked { kind, form, store, data: caller.data().cloned() }).await?;
    sent(made, "google-local-inventory", (&feeds, &request)).await
}

fn asked(mut params: Params) -> ApiResult<(Form, Option<StoreId>)> {
    let layout = params.one_of("format", Layout::WORDS).unwrap_or(Layout::Tsv);
    let form = Form { layout, packed: params.flag("packed") };
    let store = params.value("store_id");
    params.finish()?;
    Ok((form, store))
}

fn needs(scopes: Scopes, scope: Scope) -> ApiResult<()> {
    if scopes.has(scope) {
        return Ok(());
    }
    let scope = scope.as_str();
    let detail = format!("The feed needs the scope `{scope}` too, which the key lacks.");
    Err(ApiError::new(Code::InsufficientScope, detail).required_scope(scope))
}

async fn get(feeds: &FeedsOut, asked: Asked) -> ApiResult<Made> {
    feeds.get(asked).await.map_err(|error| {
        tracing::error!(%error, "a feed could not be written");
        let detail = "The feed cannot be written now. Try again in a moment.";
        ApiError::new(Code::Unavailable, detail)
    })
}

async fn sent(
    made: Made,
    name: &str,
    (feeds, request): (&FeedsOut, &HttpRequest),
) -> ApiResult<HttpResponse> {
    let form = made.asked.form;
    let cache = Cache::Seconds(KEPT_S).until(made.turns, feeds.clock.now()).header();
    let file = Sent {
        name: &format!("{name}.{}", form.ending()),
        media_type: form.media_type(),
        cache: cache.to_str().unwrap_or("no-store"),
        bytes: made.file.written.bytes,
        rows: made.file.written.rows,
        sha256: &made.file.written.sha256,
    };
    download::answer(&made.file.path, file, request.headers()).await
}
