//! The moves of a consent that are not its customer's or its partner's own. Each takes a version and gives what the
//! store keeps: how it stood before, how it then is, and what the ledger is told. Nothing is written here.

use super::ask::{ConsentAsked, ConsentCeiling, RevokedFor, TokensRevokedFor};
use super::change::{ConsentActor, ConsentChange, ConsentEvent, ConsentEventKind as Kind};
use super::checks::{Checked, asked_for};
use super::ending::{ConsentEnd, EndReason, EndedBy, SuspendedFor, Suspensions};
use super::record::{ConsentRecord, ConsentValidity, GrantId, SCHEMA_VERSION};
use super::refused::ChangeRefused;
use super::status::{ConsentStatus as Status, IllegalMove};
use super::subject::KnownAs;
use crate::kernel::Micros;
use serde_json::{Map, Value, json};

pub(super) fn end(ended_by: EndedBy, end_reason: EndReason, ended_at: Micros) -> ConsentEnd {
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
        let Checked { purpose, data, notice } = asked_for(asked, ceiling)?;
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
            suspended_for: Suspensions::NONE,
            tokens_since: None,
            parties: asked.parties.clone(),
            known_as: KnownAs::Sub(asked.sub),
            purpose,
            data,
            conditions: asked.conditions.clone(),
            notice,
            expression: None,
            validity,
            end: None,
            receipt_jws: None,
        };
        Ok(record.told(None, Kind::Requested, ConsentActor::Partner, now))
    }

    /// The retailer does not let the customer answer, such as one whose account cannot be used.
    pub fn refuse(&self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Denied)?;
        record.end = Some(end(EndedBy::Retailer, EndReason::Denied, now));
        Ok(record.told(Some(self), Kind::Denied, ConsentActor::Retailer, now))
    }

    /// It holds nothing for now, for this beside all else that it is suspended for.
    pub fn suspend(&self, why: SuspendedFor, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        if self.suspended_for.has(why) {
            return Err(ChangeRefused::Suspended);
        }
        let suspended_for = self.suspended_for.or(why.into());
        if self.status == Status::Suspended {
            return Ok(Self { suspended_for, ..self.clone() }.silent(self));
        }
        let record = Self { suspended_for, ..self.moved(Status::Suspended)? };
        let actor = match why {
            SuspendedFor::Security => ConsentActor::System,
            _ => ConsentActor::Retailer,
        };
        Ok(record.told(Some(self), Kind::Suspended, actor, now))
    }

    /// What it was suspended for is over. It holds again, if its time is not over and it is suspended for nothing else.
    pub fn resume(&self, from: SuspendedFor, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let active = self.activated(Status::Suspended, now)?;
        if !self.suspended_for.has(from) {
            return Err(ChangeRefused::NotSuspended);
        }
        let suspended_for = self.suspended_for.without(from.into());
        if !suspended_for.is_empty() {
            return Ok(Self { suspended_for, ..self.clone() }.silent(self));
        }
        let record = Self { suspended_for, ..active };
        Ok(record.told(Some(self), Kind::Resumed, ConsentActor::Retailer, now))
    }

    /// All its tokens are revoked, and it holds on: the partner can have others by it.
    pub fn revoke_tokens(
        &self,
        why: TokensRevokedFor,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let actor = match why {
            TokensRevokedFor::Logout => ConsentActor::Customer,
            TokensRevokedFor::Compromised => ConsentActor::System,
        };
        Ok(self.without_tokens(actor, now)?.with_fact("why", json!(why)))
    }

    /// The retailer ends it, or the program where it is no longer safe.
    pub fn revoke(
        &self,
        why: RevokedFor,
        delete_requested: bool,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let actor = match why {
            RevokedFor::Compromised => ConsentActor::System,
            RevokedFor::Requested | RevokedFor::AccountClosed | RevokedFor::PartnerGone => {
                ConsentActor::Retailer
            }
        };
        self.revoked(why.ending(), actor, delete_requested, now)
    }

    /// Its time is over.
    pub fn expire(&self, now: Micros) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Expired)?;
        if now < self.validity.expires_at {
            return Err(ChangeRefused::NotOver);
        }
        record.suspended_for = Suspensions::NONE;
        record.end = Some(end(EndedBy::Expiry, EndReason::TimeOver, now));
        Ok(record.told(Some(self), Kind::Expired, ConsentActor::System, now))
    }

    /// The customer is forgotten, as somebody wants it: what holds is ended, what has ended stays as it ended, and no
    /// version leads to them. It takes all versions of the consent in their order. The store deletes the row of the
    /// partner's `sub`, too, and destroys the key of the reference.
    pub fn erase(
        versions: &[Self],
        by: ConsentActor,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let Some((current, earlier)) = versions.split_last() else {
            return Err(ChangeRefused::Versions);
        };
        let is_nth = |(n, it): (u32, &Self)| it.version == n && it.grant_id == current.grant_id;
        let is_whole = (1..).zip(versions).all(is_nth) && current.status != Status::Superseded;
        if !is_whole {
            return Err(ChangeRefused::Versions);
        }
        if current.known_as.sub().is_none() {
            return Err(ChangeRefused::Erased);
        }
        let mut record = current.forgotten(now);
        let to = match current.status {
            Status::Pending => Some(Status::Denied),
            Status::Active | Status::Suspended => Some(Status::Revoked),
            Status::Revoked | Status::Expired | Status::Superseded | Status::Denied => None,
        };
        if let Some(to) = to {
            record.status = current.status.becomes(to)?;
            record.suspended_for = Suspensions::NONE;
            record.end = Some(end(EndedBy::Erasure, EndReason::Erased, now));
        }
        let mut change = record.told(Some(current), Kind::Erased, by, now);
        change.earlier = earlier.iter().map(|it| it.forgotten(now)).collect();
        Ok(change)
    }

    /// The record as somebody has revoked its tokens.
    pub(super) fn without_tokens(
        &self,
        actor: ConsentActor,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        if !matches!(self.status, Status::Active | Status::Suspended) {
            return Err(ChangeRefused::NoTokens);
        }
        let record = Self { tokens_since: self.tokens_since.max(Some(now)), ..self.clone() };
        Ok(record.told(Some(self), Kind::TokensRevoked, actor, now))
    }

    /// The record as somebody has ended it for good.
    pub(super) fn revoked(
        &self,
        (ended_by, reason): (EndedBy, EndReason),
        actor: ConsentActor,
        delete_requested: bool,
        now: Micros,
    ) -> Result<ConsentChange, ChangeRefused> {
        let mut record = self.moved(Status::Revoked)?;
        record.suspended_for = Suspensions::NONE;
        record.end = Some(end(ended_by, reason, now));
        let change = record.told(Some(self), Kind::Revoked, actor, now);
        Ok(change.with_fact("delete_requested", delete_requested.into()))
    }

    /// The record in another state.
    pub(super) fn moved(&self, to: Status) -> Result<Self, ChangeRefused> {
        let status = self.status.becomes(to)?;
        Ok(Self { status, ..self.clone() })
    }

    /// The record as it holds, if it stood so before: what is suspended is resumed and not agreed to, and what
    /// is asked for is agreed to and not resumed.
    pub(super) fn activated(&self, from: Status, now: Micros) -> Result<Self, ChangeRefused> {
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
    pub(super) fn superseded(&self, reason: EndReason, now: Micros) -> Result<Self, ChangeRefused> {
        let mut record = self.moved(Status::Superseded)?;
        self.still(now)?;
        record.end = Some(end(EndedBy::Customer, reason, now));
        Ok(record)
    }

    /// The next version, with all that it takes over. Its receipt is yet to be signed.
    pub(super) fn following(&self) -> Self {
        let version = self.version.saturating_add(1);
        Self { version, supersedes: Some(self.version), receipt_jws: None, ..self.clone() }
    }

    /// The record in the place of the version that was superseded by it.
    pub(super) fn in_place_of(
        self,
        superseded: Self,
        from: &Self,
        kind: Kind,
        now: Micros,
    ) -> ConsentChange {
        let before = superseded.event(Kind::Superseded, ConsentActor::Customer, now);
        let mut change = self.told(Some(from), kind, ConsentActor::Customer, now);
        change.events.insert(0, before);
        change.earlier.push(superseded);
        change
    }

    /// What comes of a move from a version, or from nothing.
    pub(super) fn told(
        self,
        from: Option<&Self>,
        kind: Kind,
        actor: ConsentActor,
        now: Micros,
    ) -> ConsentChange {
        let events = vec![self.event(kind, actor, now)];
        ConsentChange { from: from.map(Self::basis), record: self, earlier: Vec::new(), events }
    }

    /// What comes of a move from a version that holds as much as before.
    fn silent(self, from: &Self) -> ConsentChange {
        let (from, earlier, events) = (Some(from.basis()), Vec::new(), Vec::new());
        ConsentChange { from, record: self, earlier, events }
    }

    /// What the ledger is told of the record as it now is.
    pub(super) fn event(&self, kind: Kind, actor: ConsentActor, at: Micros) -> ConsentEvent {
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

impl ConsentChange {
    /// The same with something more for the ledger.
    pub(super) fn with_fact(mut self, name: &str, value: Value) -> Self {
        if let Some(event) = self.events.last_mut() {
            event.facts.insert(name.to_owned(), value);
        }
        self
    }
}
