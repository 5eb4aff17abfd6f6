//! Which resources a subscription is to be about, as a client asks for it.

use crate::hooks::dispatch::Filter;
use crate::http::gtin::{fault_at, together};
use crate::http::{ApiError, ApiResult, Code, FieldError};
use crate::kernel::id::{BrandId, CategoryId, ProductId, StoreId};
use crate::kernel::{Gtin, sentence};
use serde::Deserialize;

/// Most entries of each list in a filter.
const MOST_FILTERS: usize = 1_000;
/// Most wrong GTINs that an answer names.
const MOST_FAULTS: usize = 20;

/// A [`Filter`] whose GTINs are texts still, so that for a wrong one the right one can be told.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AskedFilter {
    store_ids: Vec<StoreId>,
    product_ids: Vec<ProductId>,
    gtins: Vec<String>,
    category_ids: Vec<CategoryId>,
    brand_ids: Vec<BrandId>,
}

impl AskedFilter {
    /// The filter as it is stored.
    pub(super) fn stored(&self) -> ApiResult<String> {
        let lengths = [
            ("store_ids", self.store_ids.len()),
            ("product_ids", self.product_ids.len()),
            ("gtins", self.gtins.len()),
            ("category_ids", self.category_ids.len()),
            ("brand_ids", self.brand_ids.len()),
        ];
        if let Some((name, _)) = lengths.iter().find(|(_, length)| *length > MOST_FILTERS) {
            let message = format!("has at most {MOST_FILTERS} entries");
            return Err(super::refused(&format!("/filter/{name}"), "too_many", message));
        }
        let filter = Filter {
            store_ids: self.store_ids.clone(),
            product_ids: self.product_ids.clone(),
            gtins: self.gtins()?,
            category_ids: self.category_ids.clone(),
            brand_ids: self.brand_ids.clone(),
        };
        serde_json::to_string(&filter)
            .map_err(|_| super::refused("/filter", "malformed", "cannot be stored"))
    }

    fn gtins(&self) -> ApiResult<Vec<Gtin>> {
        let mut gtins = Vec::with_capacity(self.gtins.len());
        let (mut codes, mut faults) = (Vec::new(), Vec::new());
        for (nth, text) in self.gtins.iter().enumerate() {
            match text.parse::<Gtin>() {
                Ok(gtin) => gtins.push(gtin),
                Err(error) => {
                    let (code, fault) = fault_at(&format!("/filter/gtins/{nth}"), text, &error);
                    codes.push(code);
                    faults.push(fault);
                }
            }
        }
        if codes.is_empty() {
            return Ok(gtins);
        }
        faults.truncate(MOST_FAULTS);
        let code = together(&codes).unwrap_or(Code::InvalidBody);
        Err(ApiError::new(code, detail(&faults)).errors(faults))
    }
}

/// What is said of the first fault.
fn detail(faults: &[FieldError]) -> String {
    let Some(FieldError { pointer, message, suggestion, .. }) = faults.first() else {
        return String::new();
    };
    let place = pointer.as_deref().unwrap_or_default();
    match suggestion {
        Some(suggestion) => format!("{place} {message}. Did you mean `{suggestion}`?"),
        None => sentence(format!("{place} {message}")),
    }
}
