//! Categories of goods that reveal more than their price. The settings name them too, so they are defined below both.

pub use crate::kernel::sensitive::{SensitiveCategories, SensitiveCategory};
