//! Finds totals and sends them.

use super::model::{Handoff, HandoffStatus, Sink};
use super::store::{self, Failure};
use super::systems::{self, Verdict};
use super::totals::Source;
use super::{Billing, Handoffs};
use crate::billing::BillingError;
use crate::billing::books::Books;
use crate::outbound::Called;
use crate::storage::StoreError;
use std::sync::atomic::Ordering;

/// Totals that are read at once to be sent.
const BATCH: u32 = 100;

impl Handoffs {
    /// Finds and sends what is new for a system, if this node is the one that does, until it is told to stop.
    pub async fn round(&self, sink: Sink, stopped: impl Fn() -> bool) -> Result<(), BillingError> {
        if !self.hold(sink).await? {
            return Ok(());
        }
        if let (Sink::Events, Some(receiver)) = (sink, &self.events) {
            return Ok(self.send_events(receiver, stopped).await?);
        }
        let Some(billing) = self.billing.iter().find(|billing| billing.sink == sink) else {
            return Ok(());
        };
        self.find_final(billing).await?;
        self.find_open(billing).await?;
        Ok(self.send_totals(billing, stopped).await?)
    }

    /// Stores the final totals of the periods that were closed since.
    async fn find_final(&self, billing: &Billing) -> Result<(), BillingError> {
        let sink = billing.sink;
        let mut position = self.standing(sink).await?.position;
        loop {
            let mut tx = self.db.snapshot().await?;
            let Some((number, period)) = store::close_behind(&mut tx, position).await? else {
                return Ok(());
            };
            let statements = store::frozen(&mut tx, sink, period).await?;
            let known = store::of_period(&mut tx, sink, period).await?;
            let customers = store::customers(&mut tx, sink).await?;
            drop(tx);
            let meters = &billing.settings.meters;
            let source = Source { sink, customers: &customers, meters, is_final: true };
            let new = source.totals(&statements, known, self.clock.now())?;
            let mut tx = self.db.begin().await?;
            store::put(&mut tx, &new).await?;
            store::moved(&mut tx, sink, number).await?;
            tx.commit().await?;
            position = number;
        }
    }

    /// Stores the totals of open periods as they are now, where it is time.
    async fn find_open(&self, billing: &Billing) -> Result<(), BillingError> {
        let (sink, now) = (billing.sink, self.clock.now());
        let last = self.standing(sink).await?.totalled_at;
        if last.is_some_and(|last| (0..self.every).contains(&now.0.saturating_sub(last.0))) {
            return Ok(());
        }
        // Noted before: who asks for another look meanwhile gets one.
        let mut tx = self.db.begin().await?;
        store::totalled(&mut tx, sink, now).await?;
        tx.commit().await?;
        let mut tx = self.db.snapshot().await?;
        let customers = store::customers(&mut tx, sink).await?;
        if customers.is_empty() {
            return Ok(());
        }
        let meters = &billing.settings.meters;
        let source = Source { sink, customers: &customers, meters, is_final: false };
        let (books, mut new) = (Books::read(&mut tx, None).await?, Vec::new());
        for open in books.open(now) {
            // What is handed off is what was counted, whoever pays for it.
            let statements = books.gross(&mut tx, &open, None).await?;
            let known = store::of_period(&mut tx, sink, open.period.id()).await?;
            new.extend(source.totals(&statements, known, now)?);
        }
        drop(tx);
        let mut tx = self.db.begin().await?;
        store::put(&mut tx, &new).await?;
        Ok(tx.commit().await?)
    }

    /// Sends totals that wait, one after the other, until there are none or the system cannot be spoken to.
    async fn send_totals(
        &self,
        billing: &Billing,
        stopped: impl Fn() -> bool,
    ) -> Result<(), StoreError> {
        let sink = billing.sink;
        if self.standing(sink).await?.next_at > self.clock.now() {
            return Ok(());
        }
        loop {
            let waiting = store::pending(&self.db, sink, BATCH).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            for handoff in waiting {
                if stopped() || !self.hold(sink).await? || !self.send(billing, &handoff).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Sends a total; whether the system can be sent more.
    async fn send(&self, billing: &Billing, handoff: &Handoff) -> Result<bool, StoreError> {
        let request =
            systems::request((billing.system, &billing.settings), &self.installation, handoff);
        let with = (request.media_type, request.headers.as_slice());
        let (called, said) = self.caller.ask(&request.url, with, request.body).await;
        let verdict = match called {
            Called::Answered(status, _) => systems::judge(billing.system, status, &said),
            Called::Failed(_) => Verdict::Away,
        };
        let (now, answer) = (self.clock.now(), Failure::of(&called).answer);
        match verdict {
            Verdict::Taken => {
                let mut tx = self.db.begin().await?;
                store::taken(&mut tx, handoff, (answer, now)).await?;
                store::answered(&mut tx, billing.sink, answer, Some(now)).await?;
                tx.commit().await?;
                self.taken.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            Verdict::Refused(word) => {
                let failure = Failure { answer, error: Some(&word) };
                let mut tx = self.db.begin().await?;
                store::not_taken(&mut tx, handoff, HandoffStatus::Refused, failure).await?;
                store::answered(&mut tx, billing.sink, answer, None).await?;
                tx.commit().await?;
                self.failed.fetch_add(1, Ordering::Relaxed);
                let Handoff { id, sink, app, .. } = handoff;
                tracing::warn!(%id, %sink, %app, answer, word, "a total was refused; see GET /admin/v1/billing/handoffs");
                Ok(true)
            }
            Verdict::Away => {
                self.rest(billing.sink, &called, Some(handoff)).await?;
                Ok(false)
            }
        }
    }
}
