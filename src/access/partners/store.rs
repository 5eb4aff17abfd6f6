//! All SQL of contacts, contracts and notes.

use super::model::Profile;
use crate::access::model::Name;
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const TABLE: &str = "partners";

/// The columns of a partner that hold its profile.
#[derive(FromRow)]
pub(in crate::access) struct ProfileRow {
    external_ref: Option<String>,
    contacts: String,
    contract: Option<String>,
}

impl TryFrom<ProfileRow> for Profile {
    type Error = StoreError;

    fn try_from(row: ProfileRow) -> Result<Self, StoreError> {
        let damaged = |error| StoreError::corrupt(TABLE, error);
        let contract = row.contract.map(|text| serde_json::from_str(&text));
        Ok(Self {
            external_ref: row.external_ref.map(|text| stored(TABLE, &text)).transpose()?,
            contacts: serde_json::from_str(&row.contacts).map_err(damaged)?,
            contract: contract.transpose().map_err(damaged)?,
        })
    }
}

/// Stores a partner's name and profile. A taken name or reference is a conflict.
pub(in crate::access) async fn update(
    tx: &mut Tx,
    id: PartnerId,
    (name, profile): (&Name, &Profile),
    now: Micros,
) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE partners SET name = $2, external_ref = $3, contacts = $4, \
                          contract = $5, contract_from = $6, contract_until = $7, updated_at = $8 \
                          WHERE id = $1";
    let text = |json: Result<String, serde_json::Error>| {
        json.map_err(|error| StoreError::corrupt(TABLE, error))
    };
    let contacts = text(serde_json::to_string(&profile.contacts))?;
    let contract =
        profile.contract.as_ref().map(|it| text(serde_json::to_string(it))).transpose()?;
    let window = profile.contract.as_ref().and_then(super::Contract::window);
    let until = window.map(|window| window.until.0).filter(|until| *until < i64::MAX);
    on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(id.to_string()).bind(name.as_str());
        let update = update.bind(profile.external_ref.as_ref().map(Name::as_str));
        let update = update.bind(contacts).bind(contract);
        let update = update.bind(window.map(|window| window.from.0)).bind(until);
        update.bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// A note about a partner.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Note {
    /// Counts the partner's notes from 1.
    pub number: i64,
    /// Who wrote it.
    pub author: String,
    /// What it says.
    pub body: String,
    /// When it was written, in microseconds.
    pub written_at: i64,
}

/// Adds a note; its number. The partner must be held by the transaction.
pub(super) async fn insert_note(
    tx: &mut Tx,
    id: PartnerId,
    (author, body): (&str, &str),
    now: Micros,
) -> Result<i64, StoreError> {
    const INSERT: &str = "INSERT INTO partner_notes (partner_id, number, author, body, written_at) \
                          VALUES ($1, (SELECT COALESCE(MAX(n.number), 0) + 1 FROM partner_notes n \
                              WHERE n.partner_id = $1), $2, $3, $4) RETURNING number";
    Ok(on_tx!(tx, c => {
        let insert = sqlx::query_scalar(INSERT).bind(id.to_string()).bind(author).bind(body);
        insert.bind(now.0).fetch_one(c).await
    })?)
}

/// A partner's notes before a number, newest first.
pub(super) async fn notes(
    db: &Db,
    id: PartnerId,
    before: i64,
    limit: u32,
) -> Result<Vec<Note>, StoreError> {
    const LIST: &str = "SELECT number, author, body, written_at FROM partner_notes \
                        WHERE partner_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
    Ok(on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(id.to_string()).bind(before);
        list.bind(i64::from(limit)).fetch_all(c).await
    })?)
}

/// Holds a partner until the transaction ends; false where there is none.
pub(in crate::access) async fn lock(tx: &mut Tx, id: PartnerId) -> Result<bool, StoreError> {
    const LOCK: &str = "UPDATE partners SET updated_at = updated_at WHERE id = $1";
    let found = on_tx!(tx, c => {
        sqlx::query(LOCK).bind(id.to_string()).execute(c).await?.rows_affected()
    });
    Ok(found > 0)
}
