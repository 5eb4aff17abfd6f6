//! The parameters of lists of refusals.

use crate::kernel::Micros;
use utoipa::IntoParams;

/// Which part of the history is asked for, as the documents describe it; [`super::api::Explainer::asked`] reads it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RefusalsQuery {
    /// Only minutes that begin at or after this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-22T00:00:00Z")]
    pub from: Option<Micros>,
    /// Only minutes that begin before this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-23T00:00:00Z")]
    pub to: Option<Micros>,
    /// Only refusals with this code of a problem.
    #[param(example = "quota_exceeded")]
    pub code: Option<String>,
}
