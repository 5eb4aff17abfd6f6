//! Messages in the usage of the app that they are for.
//!
//! A message is an event when its receiver first takes it, which is billed, and when it is given up, which
//! is not; what tells an app of its own usage is none. The event is written before the delivery's row is and confirmed after it: so a crash in between
//! leaves a message that is sent again and an event that is free (`crash_unconfirmed`), and none is billed
//! twice.

use super::event::is_own;
use super::store::{Attempt, Delivery, Subscription};
use crate::access::directory::{KeyRecord, Keyring};
use crate::access::plan::billed_milli;
use crate::access::{Op, op};
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::metering::{Event, Journal, JournalFull, Outcome, Receipt};
use std::sync::Arc;

/// Writes the events of a node's messages.
#[derive(Debug)]
pub(super) struct Meter {
    /// None where metering is off.
    journal: Option<Arc<Journal>>,
    keyring: Arc<Keyring>,
}

impl Meter {
    /// A meter that writes into this journal.
    pub(super) fn new(journal: Option<Arc<Journal>>, keyring: Arc<Keyring>) -> Self {
        Self { journal, keyring }
    }

    /// Whether events could not be written now.
    pub(super) fn is_full(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.is_full())
    }

    /// The key that a subscription's messages are counted for: the one that made it, whatever has become
    /// of it since; where none is known, the app's first.
    pub(super) fn payer(&self, to: &Subscription, now: Micros) -> Option<Arc<KeyRecord>> {
        let keys = self.keyring.current();
        if let Some(key) = to.key_id.parse::<KeyId>().ok().and_then(|id| keys.at(id, now)) {
            return Some(Arc::clone(key));
        }
        let own = keys.keys_at(now).filter(|key| key.app.to_string() == to.app_id);
        own.min_by_key(|key| key.key).map(Arc::clone)
    }

    /// The event of a message after an attempt, where this attempt makes it one. Confirm it when the
    /// attempt is recorded.
    pub(super) async fn count(
        &self,
        payer: &KeyRecord,
        delivery: &Delivery,
        attempt: &Attempt,
    ) -> Result<Option<Receipt>, JournalFull> {
        if is_own(&delivery.event) {
            return Ok(None);
        }
        let outcome = match attempt.status {
            "delivered" if delivery.first_delivered_at.is_none() => Outcome::Served,
            "failed" => Outcome::NotDelivered,
            _ => return Ok(None),
        };
        let status = attempt.response_status.unwrap_or(0);
        let sent = Sent { status, outcome, duration_ms: attempt.duration_ms, now: attempt.now };
        self.write(&event::<op::DeliverMessage>(payer, &sent, &delivery.payload)).await
    }

    /// The event of a message that tried a receiver out.
    pub(super) async fn count_test(
        &self,
        payer: &KeyRecord,
        sent: &Sent,
        payload: &str,
    ) -> Result<(), JournalFull> {
        let event = event::<op::DeliverTestMessage>(payer, sent, payload);
        if let Some(receipt) = self.write(&event).await? {
            receipt.complete();
        }
        Ok(())
    }

    /// Writes an event so that it survives what the settings say.
    async fn write(&self, event: &Event) -> Result<Option<Receipt>, JournalFull> {
        let Some(journal) = &self.journal else { return Ok(None) };
        let receipt = journal.append(event)?;
        journal.kept(&receipt).await?;
        Ok(Some(receipt))
    }
}

/// What became of a message.
#[derive(Debug)]
pub(super) struct Sent {
    /// How the receiver answered; 0 where it did not.
    pub(super) status: u16,
    /// Whether it took the message.
    pub(super) outcome: Outcome,
    /// How long that took.
    pub(super) duration_ms: i64,
    /// When it was known.
    pub(super) now: Micros,
}

fn event<O: Op>(payer: &KeyRecord, sent: &Sent, payload: &str) -> Event {
    let duration_us = sent.duration_ms.saturating_mul(1_000);
    Event {
        started_at: sent.now,
        duration_us: u32::try_from(duration_us).unwrap_or(u32::MAX),
        partner: payer.partner,
        app: payer.app,
        key: payer.key,
        plan: payer.granted.plan,
        plan_version: payer.granted.version,
        environment: payer.environment,
        operation: O::OPERATION.code,
        status: sent.status,
        outcome: sent.outcome,
        weight_milli: billed_milli(&payer.granted.terms.weights, O::OPERATION, 1),
        records: 1,
        bytes: payload.len() as u64,
    }
}
