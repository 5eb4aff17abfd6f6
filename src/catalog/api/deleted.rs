//! Lists with what was deleted, for partners that keep a copy.

use crate::catalog::view::Listed;
use crate::http::fields::Known;
use crate::http::form::Columns;
use crate::http::{ApiError, ApiResult, Code, Params};
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use serde::Serialize;
use std::fmt::Display;
use utoipa::{PartialSchema, ToSchema};

/// What may always be said beside `include_deleted`: of what was deleted nothing is kept that filters
/// could judge.
const BESIDE: [&str; 4] = ["include_deleted", "updated_since", "limit", "cursor"];

/// The columns of a list of `T` as CSV: where a resource is deleted, only these and its id have a value.
#[must_use]
pub fn columns<T: ToSchema + PartialSchema>() -> Columns {
    const OF_DELETED: [&str; 4] = ["id", "deleted", "deleted_at", "replaced_by"];
    Columns::of::<T>().and(&["deleted", "deleted_at"]).keeping(&OF_DELETED)
}

/// The fields that `fields` takes in a list of `T` with what was deleted.
#[must_use]
pub fn known<T: ToSchema + PartialSchema>() -> Known {
    let known = Known::of::<T>().with("deleted", Known::default());
    known.with("deleted_at", Known::default())
}

/// What tells of a deleted resource in a list with `include_deleted`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedOut {
    /// The id that it had.
    #[schema(example = "prd_7HqK2mXw9Pz")]
    id: String,
    /// Always true.
    #[schema(example = true)]
    deleted: bool,
    /// When it was deleted.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T04:00:00Z")]
    deleted_at: Micros,
    /// The product that stands in its place, of a product that has one.
    #[schema(required = true, value_type = Option<String>, example = "prd_0Kd83bVnM1c")]
    replaced_by: Option<ProductId>,
}

/// The instant since when deleted resources are wanted too; `None` where they are not. `shapes` names the
/// parameters of the list that say how a resource is shown, and not which.
pub fn read(params: &mut Params, since: Option<Micros>, shapes: &[&str]) -> Option<Micros> {
    if !params.flag("include_deleted") {
        return None;
    }
    if let Some(other) = params.other(&[&BESIDE, shapes].concat()) {
        let other: String = other.chars().take(100).collect();
        let names = ["updated_since"].iter().chain(shapes).map(|name| format!("`{name}`"));
        let names: Vec<String> = names.collect();
        let message = match names.as_slice() {
            [others @ .., last] if !others.is_empty() => {
                format!("{} and {last}", others.join(", "))
            }
            alone => alone.concat(),
        };
        let message =
            format!("goes with {message} and with no other filter, so not with `{other}`");
        params.fault("include_deleted", "not_combinable", message);
    } else if since.is_none() {
        let message = "needs `updated_since`: since when what was deleted is wanted";
        params.fault("include_deleted", "needs_updated_since", message);
    }
    since
}

/// The items of a list as they are sent; `present` makes the documents of those that are there.
pub fn items<I: Display, T, D: From<Vec<u8>>>(
    found: Vec<Listed<I, T>>,
    mut present: impl FnMut(T) -> ApiResult<D>,
) -> ApiResult<Vec<D>> {
    let item = |item: Listed<I, T>| match item {
        Listed::Present(resource) => present(resource),
        Listed::Deleted { id, at, replaced_by } => {
            let id = id.to_string();
            let gone = DeletedOut { id, deleted: true, deleted_at: at, replaced_by };
            serde_json::to_vec(&gone).map(D::from).map_err(|error| {
                tracing::error!(%error, "a tombstone could not be serialised");
                ApiError::new(
                    Code::Internal,
                    "The failure has been recorded; quote the request id.",
                )
            })
        }
    };
    found.into_iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beside_is_named() {
        let refused = |query: &str, shapes: &[&str]| {
            let mut params = Params::new(query);
            read(&mut params, Some(Micros(0)), shapes);
            params.finish_with_others().map_err(|error| error.to_string())
        };
        let asked = "include_deleted=true&brand=x&fields=id";
        for (shapes, names) in [
            (&[][..], "with `updated_since` and with no other"),
            (&["fields"], "with `updated_since` and `fields` and with no other"),
            (&["fields", "embed"], "with `updated_since`, `fields` and `embed` and with no other"),
        ] {
            let error = refused(asked, shapes).unwrap_err();
            let found = error.contains(names) && error.contains("not with `");
            assert!(found, "{error}");
        }
        assert_eq!(refused("include_deleted=true&fields=id&limit=1", &["fields"]), Ok(()));
        assert_eq!(refused("brand=x", &[]), Ok(()));
    }
}
