//! How Comptoir speaks HTTP: problems, parameters, conditional answers, pages, the documents' base.

pub mod answer;
pub mod body;
pub mod error;
pub mod params;

pub use answer::Answer;
pub use body::{ApiPath, BodyLimit, JsonBody};
pub use error::{ApiError, ApiResult, Code, FieldError};
pub use params::Params;
