//! What tests of handlers share.

use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

/// The field names of a schema, in order.
pub(crate) fn fields<T: PartialSchema>() -> Vec<String> {
    let RefOr::T(Schema::Object(object)) = T::schema() else { return Vec::new() };
    let mut names: Vec<String> = object.properties.keys().cloned().collect();
    names.sort_unstable();
    names
}
