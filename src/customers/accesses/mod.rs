//! Which partner was told what of a customer, for the customer to read.
//!
//! An access is written in the way of the call's usage event, between the event and the answer: the event is in the journal
//! and open, then the row is written under its id, then the answer leaves, and with its last byte the event is closed. Only
//! closed events are billed, and an event can only be closed behind its row. So there is a row for whatever is billed and
//! for whatever may have left; where the row cannot be written, nothing leaves, and the event is never billed.

pub mod store;

use crate::consent::record::GrantId;
use crate::consent::scope::OAuthScopes;
use crate::consent::subject::SubjectRef;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::storage::{Db, StoreError};

/// What was told in one answer, before the call has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldFields {
    /// The customer, as the ledger names them.
    pub subject: SubjectRef,
    /// By which consent.
    pub grant_id: GrantId,
    /// The version of it that was in force.
    pub version: u32,
    /// To whom.
    pub partner: PartnerId,
    /// To which of their programs.
    pub app: AppId,
    /// By which operation, as the documents name it.
    pub operation: &'static str,
    /// The scopes by which fields were told.
    pub scopes: OAuthScopes,
    /// The fields that stood in the answer, by their paths in the document.
    pub fields: Vec<&'static str>,
    /// How many documents.
    pub records: u32,
    /// When the call was judged.
    pub at: Micros,
}

/// One access, as the customer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedAccess {
    /// The id of the call, which is that of its usage event.
    pub call_id: String,
    /// By which consent.
    pub grant_id: GrantId,
    /// The version of it that was in force.
    pub version: u32,
    /// To whom.
    pub partner: PartnerId,
    /// To which of their programs.
    pub app: AppId,
    /// By which operation, as the documents name it.
    pub operation: String,
    /// The scopes by which fields were told.
    pub scopes: OAuthScopes,
    /// The fields that stood in the answer.
    pub fields: Vec<String>,
    /// How many documents.
    pub records: u32,
    /// When.
    pub at: Micros,
}

/// What an answer leaves for the layer that records calls.
#[derive(Debug)]
pub struct AccessNote {
    db: Db,
    told: ToldFields,
}

impl AccessNote {
    /// What was told, to be written into this database.
    #[must_use]
    pub fn new(db: &Db, told: ToldFields) -> Self {
        Self { db: db.clone(), told }
    }

    /// Writes it under the id of the call. Where that fails, the answer must not leave.
    pub async fn keep(&self, call_id: &str) -> Result<(), StoreError> {
        store::put(&self.db, call_id, &self.told).await
    }
}
