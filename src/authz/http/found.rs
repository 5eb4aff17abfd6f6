//! The consent behind a code or token, from its row: this is asked for seldom, and what the row says is never too old.

use super::registered::standings;
use super::state::AuthzState;
use crate::authz::clients::Registered;
use crate::authz::grant::{Decided, InForce};
use crate::consent::decide::ReadRefused;
use crate::consent::head::{ConsentHead, KnownConsent};
use crate::consent::live::{GrantPointer, LiveGrant};
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::store::read;
use crate::kernel::Micros;

/// A consent as it was found.
#[derive(Debug)]
pub struct FoundConsent {
    record: Option<ConsentRecord>,
    known: KnownConsent,
}

impl FoundConsent {
    /// Reads a consent. Where the database does not answer, nothing is known of it.
    pub async fn of(state: &AuthzState, id: GrantId) -> Self {
        let at = state.clock.now();
        let mut known = KnownConsent::default();
        let record = match read::current(&state.db, id).await {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(%error, "the consent behind a token could not be read");
                return Self { record: None, known };
            }
        };
        if let Some(record) = &record {
            // Nothing else is known of it, so its place in the feed says nothing.
            known.apply(ConsentHead::of(record, 0));
        }
        known.confirm(at);
        Self { record, known }
    }

    /// What is decided about it for what a client shows.
    pub fn decided(
        &self,
        state: &AuthzState,
        (pointer, client): (GrantPointer, &Registered),
        now: Micros,
    ) -> Decided<'_> {
        let stale_after = state.settings.consent.stale_after();
        let grant = LiveGrant::of(&self.known, pointer, standings(client), stale_after, now)?;
        let record = self.record.as_ref().ok_or(ReadRefused::NoConsent)?;
        Ok(InForce { grant, record })
    }
}
