//! What is done with customers' data, for who answers for it: the register of processing (GDPR art. 30), and how consents
//! stand by purpose and partner. Neither names a customer.

mod store;

use super::ending::EndedBy;
use super::purpose::PurposeDocument;
use super::record::ConsentRecord;
use super::status::ConsentStatus;
use super::store::documents::{PublishedWords, purposes_of};
use super::store::read;
use crate::access::service::Walk;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::storage::{Db, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Consents that are read at once.
const BATCH: u32 = 500;

/// An app that data can be given to, and its partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The app.
    pub app: AppId,
    /// Its name.
    pub app_name: String,
    /// The partner.
    pub partner: PartnerId,
    /// Its name.
    pub partner_name: String,
}

/// How the consents to one purpose of one app stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurposeStanding {
    /// How many stand so.
    by_status: BTreeMap<ConsentStatus, u64>,
    /// How many of those that were given have ended so.
    by_end: BTreeMap<EndedBy, u64>,
    /// When those that hold were given.
    given_at: Vec<Micros>,
    /// Countries to which data goes.
    countries: BTreeSet<String>,
    /// How often data was read by them.
    accesses: i64,
}

impl PurposeStanding {
    fn count(&mut self, record: &ConsentRecord) {
        *self.by_status.entry(record.status).or_default() += 1;
        let given = record.validity.granted_at;
        if let (Some(end), Some(_)) = (record.end, given) {
            *self.by_end.entry(end.ended_by).or_default() += 1;
        }
        if record.status == ConsentStatus::Active {
            self.given_at.extend(given);
            self.countries.extend(record.conditions.transfer_countries.iter().cloned());
        }
    }

    /// How many stand so.
    #[must_use]
    pub fn that_are(&self, status: ConsentStatus) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// How many were given and were ended by somebody.
    #[must_use]
    pub fn ended_by(&self, who: EndedBy) -> u64 {
        self.by_end.get(&who).copied().unwrap_or(0)
    }

    /// How old those that hold are at an instant, in microseconds: half of them are older. `None` where none holds.
    #[must_use]
    pub fn median_age(&self, now: Micros) -> Option<i64> {
        let mut given = self.given_at.clone();
        given.sort_unstable();
        let middle = given.get(given.len() / 2)?;
        Some(now.0.saturating_sub(middle.0).max(0))
    }

    /// How often data was read by them, as far as that is kept.
    #[must_use]
    pub fn accesses(&self) -> i64 {
        self.accesses
    }

    /// Countries to which data goes, of those that hold.
    pub fn countries(&self) -> impl Iterator<Item = &str> {
        self.countries.iter().map(String::as_str)
    }
}

/// A purpose for which an app may be given data, as it is published now, and how the consents to it stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessingActivity {
    /// Who is given data.
    pub recipient: Recipient,
    /// What for: the words that are published now.
    pub purpose: PublishedWords<PurposeDocument>,
    /// How the consents stand, to whichever words they were given.
    pub standing: PurposeStanding,
}

/// All purposes of all apps, in the order of apps and names. It reads all consents.
pub async fn activities(db: &Db) -> Result<Vec<ProcessingActivity>, StoreError> {
    let mut standings = standings(db).await?;
    let mut activities = Vec::new();
    for recipient in store::recipients(db).await? {
        let mut newest = BTreeMap::new();
        // Later versions come behind earlier ones.
        for purpose in purposes_of(db, recipient.app).await? {
            newest.insert(purpose.document.purpose_id.to_string(), purpose);
        }
        for (name, purpose) in newest {
            let standing = standings.remove(&(recipient.app, name)).unwrap_or_default();
            activities.push(ProcessingActivity { recipient: recipient.clone(), purpose, standing });
        }
    }
    Ok(activities)
}

async fn standings(db: &Db) -> Result<BTreeMap<(AppId, String), PurposeStanding>, StoreError> {
    let mut standings: BTreeMap<(AppId, String), PurposeStanding> = BTreeMap::new();
    let accesses = store::accesses(db).await?;
    let mut walk = Walk { after: String::new(), limit: BATCH };
    loop {
        let page = read::all(db, &walk).await?;
        let Some(last) = page.last() else { return Ok(standings) };
        walk.after = last.grant_id.to_string();
        for record in &page {
            let of = (record.parties.client_id, record.purpose.purpose_id.to_string());
            let standing = standings.entry(of).or_default();
            standing.count(record);
            standing.accesses += accesses.get(&record.grant_id).copied().unwrap_or(0);
        }
    }
}
