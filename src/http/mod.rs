//! How Comptoir speaks HTTP: problems, parameters, conditional answers, pages, the documents' base,
//! and reads beside the workers.

pub mod answer;
pub mod arrival;
pub mod body;
mod codes;
pub mod cookie;
pub mod encoding;
pub mod error;
pub mod fields;
pub mod form;
pub mod gtin;
pub mod hang_up;
pub mod language;
pub mod linked;
pub mod page;
pub mod params;
pub mod path;
#[cfg(test)]
pub(crate) mod testing;
mod turns;

pub use answer::Answer;
pub use body::{ApiPath, BodyLimit, JsonBody, OptionalBody};
pub use codes::Code;
pub use error::{ApiError, ApiResult, FieldError};
pub use page::PageRequest;
pub use params::Params;
pub use turns::Turns;
