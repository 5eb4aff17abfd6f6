//! The limits in the headers of an answer.

use crate::access::directory::KeyRecord;
use crate::limit::Decision;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

/// The plan's limits (draft-ietf-httpapi-ratelimit-headers-11 §3).
pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them (the same draft, §4).
pub(super) const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// Units of the tightest limit, for clients that know no lists.
pub(super) const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// What is left of it.
pub(super) const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Seconds until it is whole again.
pub(super) const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Tells the caller its limits and what is left of them; `with_trio` also in the three older headers.
pub(super) fn write(
    headers: &mut HeaderMap,
    key: &KeyRecord,
    decision: &Decision,
    with_trio: bool,
) {
    headers.append(POLICY, key.policy_header.clone());
    let mut left = Vec::with_capacity(64);
    decision.write_header(&key.limits, &mut left);
    if let Ok(left) = HeaderValue::from_maybe_shared(Bytes::from(left)) {
        headers.append(LEFT, left);
    }
    if with_trio {
        let tightest = decision.tightest(&key.limits);
        let quota = key.limits.policies().get(tightest).map_or(0, |policy| policy.quota);
        headers.append(X_LIMIT, quota.into());
        headers.append(X_REMAINING, decision.remaining(tightest).into());
        headers.append(X_RESET, decision.reset_s(tightest).into());
    }
}
