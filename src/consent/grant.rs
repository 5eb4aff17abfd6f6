//! The moves of a consent. Each takes a version and gives what the store keeps: the version as it then is, the
//! one that it supersedes, and what the ledger is told. Nothing is written here.

use super::asked::{answered, asked_for, validity, with_scopes};
use super::change::{
    ChangeRefused, ConsentActor, ConsentApproval, ConsentAsked, ConsentCeiling, ConsentChange,
    ConsentEvent, ConsentEventKind as Kind, ConsentLimits, Narrowing, Revocation, Revoker,
    Tampering,
};
use super::ending::{ConsentEnd, EndReason, EndedBy, SuspendedFor};
use super::record::{ConsentRecord, ConsentValidity, GrantId, SCHEMA_VERSION};
use super::status::{ConsentStatus as Status, IllegalMove};
use crate::kernel::Micros;
use serde_json::{Map, Value, json};

fn end(ended_by: EndedBy, end_reason: EndReason, ended_at: Micros) -> ConsentEnd {
    ConsentEnd { ended_at, ended_by, end_reason }
}

impl ConsentRecord {
    /// The first version of a consent that a customer is asked for, to be answered before an instant.
    pub fn request(
        grant_id: GrantId,
        asked: &ConsentAsked,
        ceiling: &ConsentCeiling<'_>,
        answer_by: Micros,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let (purpose, data) = asked_for(asked, ceiling)?;
        let validity = ConsentValidity {
            granted_at: None,
            starts_at: now,
            expires_at: answer_by,
            reminder_at: None,
        };
        let record = Self {
            schema_version: SCHEMA_VERSION,
            grant_id,
            version: 1,
            supersedes: None,
            status: Status::Pending,
            suspended_for: None,
            parties: asked.parties.clone(),
            purpose,
            data,
            conditions: asked.conditions.clone(),
            notice: asked.notice.clone(),
            expression: None,
            validity,
            end: None,
            receipt_jws: None,
        };
        Ok(record.told(Kind::Requested, ConsentActor::Partner, now))
    }

    /// The customer agrees, to all that is asked for or to less.
    pub fn approve(
        &self,
        approval: ConsentApproval,
        limits: ConsentLimits,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.activated(Status::Pending, now)?;
        record.data = answered(&self.data, &approval, limits, now)?;
        record.validity = validity(record.data.authorization_details.duration_days, limits, now);
        record.expression = Some(approval.expression);
        Ok(record.told(Kind::Granted, ConsentActor::Customer, now))
    }

    /// The customer does not agree.
    pub fn deny(&self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Denied)?;
        record.end = Some(end(EndedBy::Customer, EndReason::Denied, now));
        Ok(record.told(Kind::Denied, ConsentActor::Customer, now))
    }

    /// The customer does not agree anew: for the ledger, as the consent stays as it is.
    #[must_use]
    pub fn renewal_denied(&self, now: Micros) -> ConsentEvent {
        self.event(Kind::Denied, ConsentActor::Customer, now)
    }

    /// An answer to this version, or to what would renew it, was not given on the screen: for the ledger, as
    /// nothing else comes of it.
    #[must_use]
    pub fn tampered(&self, how: Tampering, now: Micros) -> ConsentEvent {
        let mut event = self.event(Kind::Tampered, ConsentActor::System, now);
        event.facts.insert("how".to_owned(), how.to_string().into());
        event
    }

    /// The customer agrees anew, on a screen of its own, to more, less or longer: the next version.
    pub fn renew(
        &self,
        asked: &ConsentAsked,
        ceiling: &ConsentCeiling<'_>,
        approval: ConsentApproval,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let superseded = self.superseded(EndReason::Renewed, now)?;
        let (ours, theirs) = (&self.parties, &asked.parties);
        if ours.subject_ref != theirs.subject_ref
            || ours.partner_id != theirs.partner_id
            || ours.client_id != theirs.client_id
            || ours.pairwise_sub != theirs.pairwise_sub
        {
            return Err(ChangeRefused::OtherParties);
        }
        let (purpose, data) = asked_for(asked, ceiling)?;
        if purpose.purpose_id != self.purpose.purpose_id {
            return Err(ChangeRefused::OtherPurpose);
        }
        let data = answered(&data, &approval, ceiling.limits, now)?;
        let days = data.authorization_details.duration_days;
        let mut record = self.following();
        record.parties = theirs.clone();
        record.purpose = purpose;
        record.data = data;
        record.conditions = asked.conditions.clone();
        record.notice = asked.notice.clone();
        record.expression = Some(approval.expression);
        record.validity = validity(days, ceiling.limits, now);
        Ok(record.in_place_of(superseded, Kind::Renewed, now))
    }

    /// The customer takes a part back: the next version, without a screen.
    pub fn narrow(&self, less: Narrowing, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let superseded = self.superseded(EndReason::Narrowed, now)?;
        let locked = less.remove.and(self.data.required);
        if !locked.is_empty() {
            return Err(ChangeRefused::Required(locked));
        }
        let mut data = with_scopes(self.data.clone(), self.data.scopes.without(less.remove));
        let excluded = &mut data.authorization_details.exclude_categories;
        *excluded = excluded.or(less.exclude);
        if data == self.data {
            return Err(ChangeRefused::NotNarrower);
        }
        if data.scopes.of_customers().is_empty() {
            return Err(ChangeRefused::Nothing);
        }
        let removed = self.data.scopes.without(data.scopes);
        let mut record = self.following();
        record.data = data;
        let mut change = record.in_place_of(superseded, Kind::Narrowed, now);
        if let Some(event) = change.events.last_mut() {
            event.facts.insert("scopes_removed".to_owned(), json!(removed));
        }
        Ok(change)
    }

    /// It holds nothing for now.
    pub fn suspend(&self, why: SuspendedFor, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Suspended)?;
        record.suspended_for = Some(why);
        let actor = match why {
            SuspendedFor::Security => ConsentActor::System,
            _ => ConsentActor::Retailer,
        };
        Ok(record.told(Kind::Suspended, actor, now))
    }

    /// It holds again, if its time is not over.
    pub fn resume(&self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.activated(Status::Suspended, now)?;
        record.suspended_for = None;
        Ok(record.told(Kind::Resumed, ConsentActor::Retailer, now))
    }

    /// It is ended.
    pub fn revoke(&self, how: Revocation, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Revoked)?;
        record.suspended_for = None;
        record.end = Some(end(how.by.into(), how.reason, now));
        let actor = match how.by {
            Revoker::Customer => ConsentActor::Customer,
            Revoker::Partner => ConsentActor::Partner,
            Revoker::Retailer => ConsentActor::Retailer,
            Revoker::Security => ConsentActor::System,
        };
        let mut change = record.told(Kind::Revoked, actor, now);
        if let Some(event) = change.events.last_mut() {
            event.facts.insert("delete_requested".to_owned(), how.delete_requested.into());
        }
        Ok(change)
    }

    /// Its time is over.
    pub fn expire(&self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Expired)?;
        if now < self.validity.expires_at {
            return Err(ChangeRefused::NotOver);
        }
        record.suspended_for = None;
        record.end = Some(end(EndedBy::Expiry, EndReason::TimeOver, now));
        Ok(record.told(Kind::Expired, ConsentActor::System, now))
    }

    /// The customer is forgotten, as somebody wants it: what holds is ended, what has ended stays as it ended,
    /// and neither leads to them. The store does the same to all earlier versions
    /// ([`ConsentRecord::forgotten`]), deletes the row of the partner's `sub` and destroys the key of the
    /// reference.
    pub fn erase(&self, by: ConsentActor, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        if self.is_erased() {
            return Err(ChangeRefused::Erased);
        }
        let mut record = self.forgotten();
        let to = match self.status {
            Status::Pending => Some(Status::Denied),
            Status::Active | Status::Suspended => Some(Status::Revoked),
            Status::Revoked | Status::Expired | Status::Superseded | Status::Denied => None,
        };
        if let Some(to) = to {
            record.status = self.status.becomes(to)?;
            record.suspended_for = None;
            record.end = Some(end(EndedBy::Erasure, EndReason::Erased, now));
        }
        Ok(record.told(Kind::Erased, by, now))
    }

    /// The record in another state.
    fn moved(&self, to: Status) -> Result<Self, ChangeRefused> {
        let status = self.status.becomes(to)?;
        Ok(Self { status, ..self.clone() })
    }

    /// The record as it holds, if it stood so before: what is suspended is resumed and not agreed to, and what
    /// is asked for is agreed to and not resumed.
    fn activated(&self, from: Status, now: Micros) -> Result<Self, ChangeRefused> {
        if self.status != from {
            return Err(IllegalMove { from: self.status, to: Status::Active }.into());
        }
        self.still(now)?;
        self.moved(Status::Active)
    }

    /// Refuses what comes too late.
    fn still(&self, now: Micros) -> Result<(), ChangeRefused> {
        if now < self.validity.expires_at { Ok(()) } else { Err(ChangeRefused::Over) }
    }

    /// The record once another version stands in its place.
    fn superseded(&self, reason: EndReason, now: Micros) -> Result<Self, ChangeRefused> {
        let mut record = self.moved(Status::Superseded)?;
        self.still(now)?;
        record.end = Some(end(EndedBy::Customer, reason, now));
        Ok(record)
    }

    /// The next version, with all that it takes over. Its receipt is yet to be signed.
    fn following(&self) -> Self {
        let version = self.version.saturating_add(1);
        Self { version, supersedes: Some(self.version), receipt_jws: None, ..self.clone() }
    }

    fn in_place_of(self, superseded: Self, kind: Kind, now: Micros) -> ConsentChange {
        let before = superseded.event(Kind::Superseded, ConsentActor::Customer, now);
        let mut change = self.told(kind, ConsentActor::Customer, now);
        change.events.insert(0, before);
        change.superseded = Some(superseded);
        change
    }

    fn told(self, kind: Kind, actor: ConsentActor, now: Micros) -> ConsentChange {
        let events = vec![self.event(kind, actor, now)];
        ConsentChange { record: self, superseded: None, events }
    }

    /// What the ledger is told of the record as it now is.
    fn event(&self, kind: Kind, actor: ConsentActor, at: Micros) -> ConsentEvent {
        let mut facts = Map::new();
        let mut fact = |name: &str, value: Value| facts.insert(name.to_owned(), value);
        fact("status", json!(self.status));
        if matches!(kind, Kind::Requested | Kind::Granted | Kind::Renewed | Kind::Narrowed) {
            fact("consent", self.evidence());
        }
        // Why it is suspended is the retailer's to know: a block or a death is no part of the proof.
        if let Some(end) = self.end {
            fact("end", json!(end));
        }
        ConsentEvent {
            grant_id: self.grant_id,
            version: self.version,
            kind,
            actor,
            at,
            subject_ref: self.parties.subject_ref,
            facts,
        }
    }
}
