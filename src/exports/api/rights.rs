//! Which files a key may have.

use crate::access::directory::KeyRecord;
use crate::access::model::StockDisclosure;
use crate::access::plan::PlanData;
use crate::exports::model::Resource;
use crate::http::{ApiError, ApiResult, Code};

/// Refuses a resource that the key may not read.
pub(super) fn permitted(resource: Resource, key: &KeyRecord) -> ApiResult<()> {
    let scope = resource.scope().as_str();
    if !key.scopes.has(resource.scope()) {
        let detail =
            format!("The file `{resource}` needs the scope `{scope}`, which the key lacks.");
        return Err(ApiError::new(Code::InsufficientScope, detail).required_scope(scope));
    }
    // Stock files hold bands.
    if resource == Resource::Stock && key.stock_disclosure < StockDisclosure::Band {
        let detail = "The plan tells no quantities in stock, and the files of stock hold them. \
                      Ask for availability by product or store.";
        return Err(ApiError::new(Code::NotInPlan, detail));
    }
    Ok(())
}

/// Refuses files that were written of other data than the plan includes; none is everything.
pub(super) fn within_plan(written: Option<&PlanData>, key: &KeyRecord) -> ApiResult<()> {
    if written == key.granted.data.as_deref() {
        return Ok(());
    }
    let detail = match written {
        None => {
            "The files hold all data, and the plan includes a part of it. Ask for an export of your own \
             with POST /v1/exports."
        }
        Some(_) => {
            "The plan includes other data than when the export was asked for. Ask for another one."
        }
    };
    Err(ApiError::new(Code::NotInPlan, detail))
}
