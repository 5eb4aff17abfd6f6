//! Posting events to partners (RFC 8935).

use super::store::{self, DueEvent, PushOutcome};
use super::{EventsFailed, PartnerEvents, SET_TYP};
use crate::authz::signing::SigningKey;
use crate::consent::proof::signs::{SignsClaims as _, Unsigned};
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use crate::outbound::Called;
use crate::storage::StoreError;
use futures_util::future::join_all;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Events that are looked at in a round.
const BATCH: u32 = 256;
/// Events that are posted to one app in a round.
const PER_APP: usize = 8;
/// How much later the second attempt comes; each further one twice as late.
const FIRST_AGAIN: i64 = 5 * SECOND;
/// The media type of a token (RFC 8935 §2.1).
const MEDIA_TYPE: &str = "application/secevent+jwt";

/// What a receiver says of a token that it refuses (RFC 8935 §2.3).
#[derive(Deserialize)]
struct PushError {
    err: String,
}

/// What has become of a token.
enum PushVerdict {
    Taken,
    /// It is refused for what it is, in this word: another attempt would be, too.
    Refused(String),
    Away(&'static str),
}

fn verdict(called: &Called, said: &[u8]) -> PushVerdict {
    match called {
        Called::Answered(200..=299, _) => PushVerdict::Taken,
        Called::Answered(400, _) => match serde_json::from_slice::<PushError>(said) {
            Ok(PushError { err }) => PushVerdict::Refused(err),
            Err(_) => PushVerdict::Away("status_400"),
        },
        Called::Answered(..) => PushVerdict::Away("status"),
        Called::Failed(word) => PushVerdict::Away(word),
    }
}

/// When an event is posted again that has failed so often before.
fn again(attempts: i64, called: &Called, now: Micros) -> Micros {
    let doubled = u32::try_from(attempts).unwrap_or(u32::MAX).min(10);
    let delay = (FIRST_AGAIN << doubled).min(HOUR);
    let asked = match called {
        Called::Answered(_, Some(wait)) => wait.from_now(now).min(HOUR),
        _ => 0,
    };
    Micros(now.0.saturating_add(delay.max(asked)))
}

impl PartnerEvents {
    /// Posts what is due, to all apps at a time; how many events were taken.
    pub(super) async fn deliver(&self) -> Result<u64, EventsFailed> {
        let due = store::due(&self.db, self.clock.now(), BATCH).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let signer = self.signers.tokens(self.clock.now()).await?;
        let mut by_app: BTreeMap<String, Vec<DueEvent>> = BTreeMap::new();
        for event in due {
            by_app.entry(event.app_id.clone()).or_default().push(event);
        }
        let posted = by_app.into_values().map(|events| self.post_to_app(&signer, events));
        let mut taken = 0;
        for posted in join_all(posted).await {
            taken += posted?;
        }
        Ok(taken)
    }

    /// Posts to one app, in their order, until one is not taken: the others would not be, either.
    async fn post_to_app(
        &self,
        signer: &SigningKey,
        events: Vec<DueEvent>,
    ) -> Result<u64, EventsFailed> {
        let mut taken = 0;
        for event in events.into_iter().take(PER_APP) {
            match self.post(signer, &event).await? {
                PushVerdict::Taken => taken += 1,
                PushVerdict::Refused(_) => {}
                PushVerdict::Away(_) => break,
            }
        }
        Ok(taken)
    }

    async fn post(
        &self,
        signer: &SigningKey,
        event: &DueEvent,
    ) -> Result<PushVerdict, EventsFailed> {
        let jws = signed(signer, &event.claims)?;
        let headers = [("accept", "application/json".to_owned())];
        let (called, said) =
            self.caller.ask(&event.url, (MEDIA_TYPE, headers.as_slice()), jws).await;
        let verdict = verdict(&called, &said);
        let (jti, app) = (&event.jti, &event.app_id);
        match &verdict {
            PushVerdict::Taken => {}
            PushVerdict::Refused(err) => tracing::warn!(jti, app, err, "an event was refused"),
            PushVerdict::Away(word) => tracing::warn!(jti, app, word, "an event was not taken"),
        }
        self.note(event, &called, &verdict).await?;
        Ok(verdict)
    }

    async fn note(
        &self,
        event: &DueEvent,
        called: &Called,
        verdict: &PushVerdict,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let next_at = again(event.attempts, called, now);
        let (status, error) = match verdict {
            PushVerdict::Taken => ("taken", None),
            PushVerdict::Refused(err) => ("refused", Some(err.as_str())),
            // From then on the partner asks for it.
            PushVerdict::Away(word) if next_at.0 > event.push_until => ("queued", Some(*word)),
            PushVerdict::Away(word) => ("pending", Some(*word)),
        };
        let answer = match called {
            Called::Answered(status, _) => Some(*status),
            Called::Failed(_) => None,
        };
        store::note(&self.db, &event.jti, PushOutcome { status, next_at, answer, error, now }).await
    }
}

/// The token of stored claims.
pub(super) fn signed(signer: &SigningKey, claims: &str) -> Result<String, Unsigned> {
    let claims = serde_json::from_str(claims).map_err(|_| Unsigned)?;
    signer.jws(SET_TYP, &claims)
}
