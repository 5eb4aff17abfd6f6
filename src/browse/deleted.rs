//! The list of products with those that were deleted, for partners that keep a copy.

use super::schema::ProductOut;
use super::shape::{Shape, Views};
use crate::access::model::StockDisclosure;
use crate::catalog::view::Listed;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params};
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use serde::Serialize;
use std::sync::LazyLock;

/// What may be said beside `include_deleted`: of a deleted product nothing is kept that other
/// filters could judge.
const BESIDE: [&str; 6] =
    ["include_deleted", "updated_since", "fields", "embed", "limit", "cursor"];

/// The columns of the list as CSV: where a product is deleted, only these and its id have a value.
pub(super) static COLUMNS: LazyLock<Columns> =
    LazyLock::new(|| Columns::of::<ProductOut>().and(&["deleted", "deleted_at"]));

/// A deleted product in a list.
#[derive(Debug, Serialize)]
struct TombstoneOut {
    id: ProductId,
    deleted: bool,
    deleted_at: Micros,
    replaced_by: Option<ProductId>,
}

/// The instant since when deleted products are wanted too; `None` where they are not.
pub(super) fn read(params: &mut Params, since: Option<Micros>) -> Option<Micros> {
    if !params.flag("include_deleted") {
        return None;
    }
    if params.has_others(&BESIDE) {
        let message = "goes with `updated_since`, `fields` and `embed` and with no other filter";
        params.fault("include_deleted", "not_combinable", message);
    } else if since.is_none() {
        let message = "needs `updated_since`: since when deleted products are wanted";
        params.fault("include_deleted", "needs_updated_since", message);
    }
    since
}

/// The page of products that changed or were deleted.
pub(super) fn list(
    since: Micros,
    page: &PageRequest,
    shape: &Shape,
    told: StockDisclosure,
    views: &Views,
) -> ApiResult<Answer> {
    let found = views.0.list_with_deleted(since, page.after()?, page.limit());
    let next = found.next_pair();
    let item = |item: Listed| match item {
        Listed::Product(body) => shape.apply(&body, told, views),
        Listed::Deleted { id, at, replaced_by } => {
            let tombstone = TombstoneOut { id, deleted: true, deleted_at: at, replaced_by };
            serde_json::to_vec(&tombstone).map_err(|error| {
                tracing::error!(%error, "a tombstone could not be serialised");
                ApiError::new(
                    Code::Internal,
                    "The failure has been recorded; quote the request id.",
                )
            })
        }
    };
    let items = found.items.into_iter().map(item).collect::<ApiResult<Vec<_>>>()?;
    page.answer(&items, next, shape.cache())
}
