//! The limits in the headers of an answer.

use crate::access::directory::KeyRecord;
use crate::limit::decision::LeftText;
use crate::limit::{Decision, Limit};
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

/// Says that the nodes cannot count together for a moment, so that limits are granted in shares.
pub(super) const DEGRADED: HeaderName = HeaderName::from_static("comptoir-degraded");

/// Tells the caller its limits and what is left of them; `with_trio` also in the three older headers.
pub(super) fn write(
    headers: &mut HeaderMap,
    key: &KeyRecord,
    decision: &Decision,
    with_trio: bool,
) {
    let limits = &key.granted.terms.limits;
    if limits.list().is_empty() {
        return;
    }
    let policy = match key.granted.terms.ends() {
        false => Ok(key.granted.policy_header.clone()),
        // How long a period is differs from one to the next.
        true => {
            let header = limits.policy_header(|place| decision.standing(place).period_s);
            HeaderValue::from_maybe_shared(Bytes::from(header))
        }
    };
    if let Ok(policy) = policy {
        headers.append(POLICY, policy);
    }
    let mut left = LeftText::new();
    decision.write_header(limits, &mut left);
    if let Ok(left) = HeaderValue::from_bytes(&left) {
        headers.append(LEFT, left);
    }
    if decision.is_degraded() {
        headers.append(DEGRADED, HeaderValue::from_static("limits"));
    }
    if with_trio {
        let tightest = decision.tightest(limits);
        let granted = limits.list().get(tightest).map_or(0, Limit::granted);
        let standing = decision.standing(tightest);
        headers.append(X_LIMIT, granted.into());
        headers.append(X_REMAINING, standing.remaining.into());
        headers.append(X_RESET, standing.reset_s.into());
    }
}
