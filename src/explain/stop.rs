//! Who stopped what a call was refused for, and why: from the audit log, as it was at that moment.

use super::api::StopOut;
use super::reason::Reason;
use super::refusal::Refusal;
use crate::access::audit::store::last_of;
use crate::access::terms::Level;
use crate::http::Code;
use crate::storage::{Db, StoreError};
use serde_json::Value;

/// Who stopped it; none where nothing was stopped, or the log does not say.
pub async fn find(db: &Db, refusal: &Refusal) -> Result<Option<StopOut>, StoreError> {
    let what = refusal.reason.as_ref().and_then(Reason::stopped);
    let (Some(what), Some(who)) = (what, refusal.who) else { return Ok(None) };
    let (kind, subject) = match what {
        Level::Partner => ("partner", who.partner().to_string()),
        Level::App | Level::Subscription => ("app", who.app().to_string()),
        Level::Key => ("key", who.key().to_string()),
    };
    let done = match (what, refusal.code == Code::Frozen.as_str()) {
        (_, true) => "freeze",
        (Level::Subscription, false) => "suspend_plan",
        (_, false) => "suspend",
    };
    let entry = last_of(db, &subject, &format!("{kind}.{done}"), refusal.at()).await?;
    let stop = entry.map(|(by, detail, at)| {
        let detail: Value = serde_json::from_str(&detail).unwrap_or_default();
        StopOut { by, at, reason: detail["reason"].as_str().map(str::to_owned) }
    });
    Ok(stop)
}

/// Whether it stands where everybody can read it who may read access: why something is suspended stands in the audit
/// log alone, but for subscriptions.
#[must_use]
pub fn is_open(refusal: &Refusal) -> bool {
    let what = refusal.reason.as_ref().and_then(Reason::stopped);
    refusal.code == Code::Frozen.as_str() || what == Some(Level::Subscription)
}
