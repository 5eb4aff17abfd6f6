//! How Comptoir speaks HTTP: problems, parameters, conditional answers, pages, the documents' base.

pub mod answer;
pub mod error;
pub mod params;

pub use answer::Answer;
pub use error::{ApiError, ApiResult, Code, FieldError};
pub use params::Params;
