//! What the token endpoint refuses is looked up like calls are.

use super::api::Explainer;
use super::reason::INVALID_CLIENT;
use super::{LimitKind, LimitState, Reason, Refusal, Who};
use crate::access::oauth::answer::Refusal as Word;
use crate::access::oauth::refusal::{Explain, TokenRefusal, Why};
use crate::http::Code;
use crate::kernel::clock::{MINUTE, SECOND};

impl Explain for Explainer {
    fn refusal_id(&self, refused: &TokenRefusal<'_>) -> Option<String> {
        let TokenRefusal { at, why, client, address } = *refused;
        let (status, code, limits, wait_us) = match why {
            Why::Client => (Word::Client.status(), INVALID_CLIENT, Vec::new(), None),
            Why::Barred(word, code) => (word.status(), code.as_str(), Vec::new(), None),
            Why::Limited { granted, wait_s } => {
                let (code, wait) =
                    (Code::OperationLimited, wait_s.saturating_mul(SECOND.unsigned_abs()));
                (code.status(), code.as_str(), vec![tokens(granted, wait_s)], Some(wait))
            }
        };
        let reason = match (why, client) {
            (Why::Barred(_, code), Some(client)) => Reason::of(client, code, || address),
            _ => None,
        };
        self.explain(&Refusal {
            at: at.0,
            operation: None,
            weight_milli: 1_000,
            status,
            code: code.to_owned(),
            who: client.map(Who::of),
            limits,
            reason,
            wait_us,
            reduced: None,
        })
    }
}

/// The limit on how often tokens are asked for, where it is reached.
fn tokens(granted: u32, wait_s: u64) -> LimitState {
    LimitState {
        name: "tokens".to_owned(),
        kind: LimitKind::Rate,
        granted,
        seconds: u32::try_from(MINUTE / SECOND).unwrap_or_default(),
        remaining: 0,
        reset_s: u32::try_from(wait_s).unwrap_or(u32::MAX),
        violated: true,
    }
}
