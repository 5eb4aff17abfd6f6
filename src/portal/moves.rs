//! Moving consents that are there: from how each stands, and again where somebody else was faster.

use super::authorize::BATCH;
use super::eligibility::{AccountStanding, CustomerBar};
use super::error::PageError;
use super::state::Portal;
use crate::access::service::Walk;
use crate::authz::store::revoke;
use crate::consent::ask::{RevokedFor, TokensRevokedFor};
use crate::consent::change::ConsentChange;
use crate::consent::ending::SuspendedFor;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::refused::ChangeRefused;
use crate::consent::status::ConsentStatus;
use crate::consent::store::{NotWritten, read, subjects};
use crate::consent::subject::SubjectRef;

/// Times that a move is made from how a consent stands then.
const TRIES: usize = 5;

/// A consent after a move, and the place of the move in the ledger.
#[derive(Debug, Clone)]
pub(super) struct MovedConsent {
    /// How it now stands.
    pub(super) record: ConsentRecord,
    /// None where the ledger was told nothing.
    pub(super) seq: Option<i64>,
}

impl Portal {
    /// Moves a consent. What does not allow the move is told as it is; a consent that is gone is not there.
    pub(super) async fn moved(
        &self,
        id: GrantId,
        make: impl Fn(&ConsentRecord) -> Result<ConsentChange, ChangeRefused>,
    ) -> Result<Result<MovedConsent, ChangeRefused>, PageError> {
        for _ in 0..TRIES {
            let current = read::current(&self.db, id).await?.ok_or(PageError::NotFound)?;
            let change = match make(&current) {
                Ok(change) => change,
                Err(refused) => return Ok(Err(refused)),
            };
            let mut tx = self.db.begin().await?;
            match revoke::apply(&mut tx, &change).await {
                Ok(seq) => {
                    tx.commit().await?;
                    self.consents.nudge();
                    return Ok(Ok(MovedConsent { record: change.record, seq }));
                }
                Err(NotWritten::Moved) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(PageError::NotNow("the consent changes all the time".to_owned()))
    }

    /// All consents of a customer, in the order of their ids.
    pub(super) async fn consents_of(
        &self,
        subject: SubjectRef,
    ) -> Result<Vec<ConsentRecord>, PageError> {
        let (mut all, mut walk) = (Vec::new(), Walk { after: String::new(), limit: BATCH });
        loop {
            let some = read::of_subject(&self.db, subject, &walk).await?;
            let Some(last) = some.last() else { return Ok(all) };
            walk.after = last.grant_id.to_string();
            all.extend(some);
        }
    }

    /// Brings the consents of a customer to how their account stands: suspended where it cannot be used, ended where it
    /// is closed, and resumed where it can be used again.
    pub(super) async fn settle(
        &self,
        customer: &str,
        stands: AccountStanding,
    ) -> Result<(), PageError> {
        let reference = subjects::reference_of(&self.db, customer).await?;
        let Some(subject) = reference else { return Ok(()) };
        for record in self.consents_of(subject).await? {
            self.settle_one(&record, stands).await?;
        }
        Ok(())
    }

    async fn settle_one(
        &self,
        record: &ConsentRecord,
        stands: AccountStanding,
    ) -> Result<(), PageError> {
        if !matches!(record.status, ConsentStatus::Active | ConsentStatus::Suspended) {
            return Ok(());
        }
        let (id, now) = (record.grant_id, self.now());
        let bar = stands.barred;
        // What was refused has happened meanwhile: somebody else was faster.
        if bar == Some(CustomerBar::Closed) {
            let ended =
                self.moved(id, |it| it.revoke(RevokedFor::AccountClosed, true, now)).await?;
            return note(ended);
        }
        let why = bar.and_then(CustomerBar::suspends);
        if let Some(why) = why.filter(|why| !record.suspended_for.has(*why)) {
            note(self.moved(id, |it| it.suspend(why, now)).await?)?;
        }
        for (over, is_known) in [
            (SuspendedFor::Blocked, stands.is_told),
            (SuspendedFor::Deceased, stands.is_told),
            (SuspendedFor::Minor, stands.is_of_age),
        ] {
            if is_known && why != Some(over) && record.suspended_for.has(over) {
                note(self.moved(id, |it| it.resume(over, now)).await?)?;
            }
        }
        Ok(())
    }

    /// Revokes the tokens of all consents of a customer who has logged out where that ends them.
    pub(super) async fn end_tokens(&self, subject: SubjectRef) -> Result<(), PageError> {
        let now = self.now();
        for record in self.consents_of(subject).await? {
            if matches!(record.status, ConsentStatus::Active | ConsentStatus::Suspended) {
                let make = |it: &ConsentRecord| it.revoke_tokens(TokensRevokedFor::Logout, now);
                note(self.moved(record.grant_id, make).await?)?;
            }
        }
        Ok(())
    }
}

/// Passes over a move that the consent does not allow any more.
fn note(moved: Result<MovedConsent, ChangeRefused>) -> Result<(), PageError> {
    match moved {
        Ok(_) => {}
        Err(refused) => tracing::debug!(%refused, "a consent was not moved"),
    }
    Ok(())
}
