//! Consents in the hands of those between whom they are, and the moves that are theirs. Whoever else asks has none:
//! what is another's is as little there as what never was.

use super::ask::{ConsentApproval, ConsentAsked, ConsentCeiling, Narrowing};
use super::change::{ConsentActor, ConsentChange, ConsentEvent, ConsentEventKind as Kind};
use super::checks::{Checked, answered, asked_for, validity, with_scopes};
use super::ending::{EndReason, EndedBy};
use super::grant::end;
use super::record::ConsentRecord;
use super::refused::{ChangeRefused, Tampering};
use super::settings::ConsentSettings;
use super::status::ConsentStatus as Status;
use super::subject::{KnownAs, SubjectRef};
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use serde_json::json;

/// A consent that is shown to its customer, or moved by them.
#[derive(Debug, Clone, Copy)]
pub struct OwnedByCustomer<'a>(&'a ConsentRecord);

/// A consent that is shown to the partner's program that has it, or ended by it.
#[derive(Debug, Clone, Copy)]
pub struct OwnedByClient<'a>(&'a ConsentRecord);

impl<'a> OwnedByClient<'a> {
    /// The consent, if it was given to this program.
    #[must_use]
    pub fn of(record: &'a ConsentRecord, client: AppId) -> Option<Self> {
        (record.parties.client_id == client).then_some(Self(record))
    }

    /// What it says.
    #[must_use]
    pub fn record(self) -> &'a ConsentRecord {
        self.0
    }

    /// The partner ends it.
    pub fn revoke(self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let by = (EndedBy::Partner, EndReason::Requested);
        self.0.revoked(by, ConsentActor::Partner, false, now)
    }

    /// The partner revokes all its tokens, and the consent holds on (RFC 7009).
    pub fn revoke_tokens(self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        self.0.without_tokens(ConsentActor::Partner, now)
    }
}

impl<'a> OwnedByCustomer<'a> {
    /// The consent, if it is this customer's.
    #[must_use]
    pub fn of(record: &'a ConsentRecord, customer: SubjectRef) -> Option<Self> {
        (record.parties.subject_ref == customer).then_some(Self(record))
    }

    /// What it says.
    #[must_use]
    pub fn record(self) -> &'a ConsentRecord {
        self.0
    }

    /// The customer agrees, to all that is asked for or to less.
    pub fn approve(
        self,
        approval: ConsentApproval,
        settings: ConsentSettings,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.0.activated(Status::Pending, now)?;
        record.data = answered(&self.0.data, &approval, settings, now)?;
        record.validity = validity(record.data.authorization_details.duration_days, settings, now);
        record.expression = Some(approval.expression);
        Ok(record.told(Some(self.0), Kind::Granted, ConsentActor::Customer, now))
    }

    /// The customer does not agree.
    pub fn deny(self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.0.moved(Status::Denied)?;
        record.end = Some(end(EndedBy::Customer, EndReason::Denied, now));
        Ok(record.told(Some(self.0), Kind::Denied, ConsentActor::Customer, now))
    }

    /// The customer does not agree anew: for the ledger, as the consent stays as it is.
    #[must_use]
    pub fn renewal_denied(self, now: Micros) -> ConsentEvent {
        self.0.event(Kind::Denied, ConsentActor::Customer, now)
    }

    /// An answer to this version, or to what would renew it, was not given on the screen: for the ledger, as
    /// nothing else comes of it.
    #[must_use]
    pub fn tampered(self, how: Tampering, now: Micros) -> ConsentEvent {
        let mut event = self.0.event(Kind::Tampered, ConsentActor::System, now);
        event.facts.insert("how".to_owned(), how.to_string().into());
        event
    }

    /// The customer agrees anew, on a screen of its own, to more, less or longer: the next version.
    pub fn renew(
        self,
        asked: &ConsentAsked,
        ceiling: &ConsentCeiling<'_>,
        approval: ConsentApproval,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let superseded = self.0.superseded(EndReason::Renewed, now)?;
        let (ours, theirs) = (&self.0.parties, &asked.parties);
        if ours.subject_ref != theirs.subject_ref
            || ours.partner_id != theirs.partner_id
            || ours.client_id != theirs.client_id
            || self.0.known_as != KnownAs::Sub(asked.sub)
        {
            return Err(ChangeRefused::OtherParties);
        }
        let Checked { purpose, data, notice } = asked_for(asked, ceiling)?;
        if purpose.purpose_id != self.0.purpose.purpose_id {
            return Err(ChangeRefused::OtherPurpose);
        }
        let data = answered(&data, &approval, ceiling.settings, now)?;
        let days = data.authorization_details.duration_days;
        let record = ConsentRecord {
            parties: theirs.clone(),
            purpose,
            data,
            conditions: asked.conditions.clone(),
            notice,
            expression: Some(approval.expression),
            validity: validity(days, ceiling.settings, now),
            ..self.0.following()
        };
        Ok(record.in_place_of(superseded, self.0, Kind::Renewed, now))
    }

    /// The customer takes a part back: the next version, without a screen.
    pub fn narrow(self, less: Narrowing, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let superseded = self.0.superseded(EndReason::Narrowed, now)?;
        let before = &self.0.data;
        let locked = less.remove.and(before.required);
        if !locked.is_empty() {
            return Err(ChangeRefused::Required(locked));
        }
        let mut data = with_scopes(before.clone(), before.scopes.without(less.remove));
        let excluded = &mut data.authorization_details.exclude_categories;
        *excluded = excluded.or(less.exclude);
        data.let_in = data.let_in.without(less.exclude);
        if data == *before {
            return Err(ChangeRefused::NotNarrower);
        }
        if data.scopes.of_customers().is_empty() {
            return Err(ChangeRefused::Nothing);
        }
        let removed = json!(before.scopes.without(data.scopes));
        let record = ConsentRecord { data, ..self.0.following() };
        let change = record.in_place_of(superseded, self.0, Kind::Narrowed, now);
        Ok(change.with_fact("scopes_removed", removed))
    }

    /// The customer ends it, and may want the partner to delete what it has.
    pub fn revoke(
        self,
        delete_requested: bool,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let by = (EndedBy::Customer, EndReason::Requested);
        self.0.revoked(by, ConsentActor::Customer, delete_requested, now)
    }
}
