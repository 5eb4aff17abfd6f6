//! Finding what partners are to be told.

use super::store::{self, NewEvent};
use super::told::{
    DELETE_WITHIN, EXPIRING_BEFORE, PartnerNotice, claims, deletion_due, expiring, told,
};
use super::{EventsFailed, PartnerEvents};
use crate::consent::record::GrantId;
use crate::consent::store::{ledger, read};
use crate::consent::uuid::Uuid4;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::AppId;
use crate::storage::StoreError;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Entries that are read at once.
const BATCH: u32 = 200;
/// How long before a deletion is due its partner is reminded, in microseconds.
const REMIND_BEFORE: i64 = 7 * DAY;

const _: () = assert!(REMIND_BEFORE < DELETE_WITHIN, "a reminder comes after what it is of");

impl PartnerEvents {
    /// Writes all that partners are to be told by now.
    pub(super) async fn find(&self) -> Result<(), EventsFailed> {
        while self.read_on().await? {}
        self.find_expiring().await?;
        self.find_unconfirmed().await
    }

    /// Reads the ledger on; whether there was anything.
    async fn read_on(&self) -> Result<bool, EventsFailed> {
        let from = store::position(&self.db).await?;
        let entries = ledger::entries(&self.db, from, BATCH).await?;
        let Some(to) = entries.last().map(|entry| entry.seq) else { return Ok(false) };
        let (mut records, mut new) = (HashMap::new(), Vec::new());
        for entry in &entries {
            let id = entry.grant_id;
            let record = match records.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(read::current(&self.db, id).await?),
            };
            let Some(record) = record else { continue };
            let Some(notice) = told(entry, record) else { continue };
            let whose = (record.parties.client_id, id);
            new.extend(self.event(format!("entry {}", entry.seq), whose, &notice)?);
        }
        let mut tx = self.db.begin().await?;
        // Another node was faster; it has told what this one would.
        if !store::advance(&mut tx, from, to).await? {
            return Ok(false);
        }
        for event in &new {
            store::put(&mut tx, event, self.times()).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn find_expiring(&self) -> Result<(), EventsFailed> {
        let now = self.clock.now();
        let before = Micros(now.0.saturating_add(EXPIRING_BEFORE));
        for id in store::expiring(&self.db, (now, before), BATCH).await? {
            let Some(record) = read::current(&self.db, id).await? else { continue };
            let source = format!("expiring {id} {}", record.version);
            let whose = (record.parties.client_id, id);
            let event = self.event(source, whose, &expiring(&record, now))?;
            self.put_alone(event, None).await?;
        }
        Ok(())
    }

    async fn find_unconfirmed(&self) -> Result<(), EventsFailed> {
        let now = self.clock.now();
        let before = Micros(now.0.saturating_add(REMIND_BEFORE));
        for open in store::unconfirmed(&self.db, before, BATCH).await? {
            let source = format!("deletion {}", open.grant);
            let notice = deletion_due(open.due_at, now);
            let event = self.event(source, (open.app, open.grant), &notice)?;
            self.put_alone(event, Some(open.grant)).await?;
        }
        Ok(())
    }

    /// Writes an event by itself, and that a partner was reminded of a deletion where it is that.
    async fn put_alone(
        &self,
        event: Option<NewEvent>,
        reminds: Option<GrantId>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        if let Some(event) = &event {
            store::put(&mut tx, event, self.times()).await?;
        }
        if let Some(grant) = reminds {
            store::reminded(&mut tx, grant, self.clock.now()).await?;
        }
        tx.commit().await
    }

    fn times(&self) -> (Micros, Micros) {
        let now = self.clock.now();
        (now, Micros(now.0.saturating_add(self.push_for)))
    }

    /// The event of a notice; `None` where it says nothing.
    fn event(
        &self,
        source: String,
        (app, grant): (AppId, GrantId),
        notice: &PartnerNotice,
    ) -> Result<Option<NewEvent>, getrandom::Error> {
        let Some((kind, _)) = notice.kinds.first() else { return Ok(None) };
        let mut random = [0u8; 16];
        getrandom::fill(&mut random)?;
        let jti = Uuid4::from_random(random).to_string();
        let claims = claims((&self.issuer, &jti), (app, grant), notice, self.clock.now());
        Ok(Some(NewEvent {
            source,
            app,
            grant,
            kind: *kind,
            claims: claims.to_string(),
            delete_by: notice.delete_by,
            jti,
        }))
    }
}
