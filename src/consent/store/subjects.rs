//! Who customers are: to the ledger, and to the partners of a sector.

use super::NotWritten;
use crate::consent::hash::Hash32;
use crate::consent::record::GrantId;
use crate::consent::subject::{PairwiseSub, Sector, SubjectKey, SubjectRef};
use crate::kernel::Micros;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const SUBJECTS: &str = "consent_subjects";
const SUBS: &str = "consent_subs";

#[derive(FromRow)]
struct SubjectRow {
    customer: String,
    subject_ref: String,
    subject_key: String,
}

impl SubjectRow {
    /// The reference, if it is what the key makes of the customer: who writes another customer into the row of a
    /// reference has no key that fits.
    fn checked(&self) -> Result<SubjectRef, StoreError> {
        let key: Hash32 = parsed(SUBJECTS, &self.subject_key)?;
        let reference = SubjectRef(parsed(SUBJECTS, &self.subject_ref)?);
        if SubjectKey::new(key.0).refer(&self.customer) == reference {
            Ok(reference)
        } else {
            Err(StoreError::corrupt(SUBJECTS, "a reference is not its customer's"))
        }
    }
}

/// How the ledger names a customer: by the key that they have, or by this one from now on. Who would forget them waits for
/// the end of this transaction.
pub async fn refer(
    tx: &mut Tx,
    customer: &str,
    fresh: &SubjectKey,
    now: Micros,
) -> Result<SubjectRef, StoreError> {
    const PUT: &str = "INSERT INTO consent_subjects (customer, subject_ref, subject_key, made_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (customer) DO UPDATE SET customer = excluded.customer
        RETURNING customer, subject_ref, subject_key";
    let row: SubjectRow = on_tx!(tx, c => {
        let put = sqlx::query_as(PUT).bind(customer).bind(fresh.refer(customer).0.to_string());
        put.bind(fresh.kept().as_str()).bind(now.0).fetch_one(c).await?
    });
    row.checked()
}

/// How the ledger names a customer; `None` where nothing was ever asked of them, and once they are forgotten.
pub async fn reference_of(db: &Db, customer: &str) -> Result<Option<SubjectRef>, StoreError> {
    const FIND: &str =
        "SELECT customer, subject_ref, subject_key FROM consent_subjects WHERE customer = $1";
    let row: Option<SubjectRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(customer).fetch_optional(c).await)?;
    row.map(|row| row.checked()).transpose()
}

/// The customer whom the ledger names so; `None` once they are forgotten.
pub async fn customer_of(db: &Db, reference: SubjectRef) -> Result<Option<String>, StoreError> {
    const FIND: &str =
        "SELECT customer, subject_ref, subject_key FROM consent_subjects WHERE subject_ref = $1";
    let row: Option<SubjectRow> = on_db!(db, c => {
        sqlx::query_as(FIND).bind(reference.0.to_string()).fetch_optional(c).await
    })?;
    row.map(|row| row.checked().map(|_| row.customer)).transpose()
}

/// The customer of a consent, and the partners that know them by the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentCustomer {
    /// The customer, as the retailer names them.
    pub customer: String,
    /// As the ledger names them.
    pub reference: SubjectRef,
    /// Whose partners know them by the name that the consent has.
    pub sector: Sector,
}

/// The customer of a consent, if the partner knows them by this name; `None` where there is no such consent, and once the
/// customer is forgotten.
pub async fn customer_by(
    db: &Db,
    grant_id: GrantId,
    sub: &PairwiseSub,
) -> Result<Option<ConsentCustomer>, StoreError> {
    const FIND: &str = "SELECT s.customer, s.subject_ref, s.subject_key, p.sector
        FROM consents c
        JOIN consent_subjects s ON s.subject_ref = c.subject_ref
        JOIN consent_subs p ON p.sub = c.sub AND p.subject_ref = c.subject_ref
        WHERE c.id = $1 AND c.sub = $2";
    let row: Option<(String, String, String, String)> = on_db!(db, c => {
        let find = sqlx::query_as(FIND).bind(grant_id.to_string()).bind(sub.as_str());
        find.fetch_optional(c).await
    })?;
    let Some((customer, subject_ref, subject_key, sector)) = row else { return Ok(None) };
    let row = SubjectRow { customer, subject_ref, subject_key };
    let reference = row.checked()?;
    let sector = parsed(SUBS, &sector)?;
    Ok(Some(ConsentCustomer { customer: row.customer, reference, sector }))
}

/// Whether a customer whom the ledger names so is there.
pub(super) async fn is_known(tx: &mut Tx, reference: SubjectRef) -> Result<bool, StoreError> {
    const FIND: &str = "SELECT COUNT(*) FROM consent_subjects WHERE subject_ref = $1";
    let count: i64 = on_tx!(tx, c => {
        sqlx::query_scalar(FIND).bind(reference.0.to_string()).fetch_one(c).await
    })?;
    Ok(count > 0)
}

/// How the partners of a sector know a customer: by the `sub` that they have there, or by this one from now on.
pub async fn sub_of(
    tx: &mut Tx,
    (sector, reference): (&Sector, SubjectRef),
    fresh: PairwiseSub,
    now: Micros,
) -> Result<PairwiseSub, NotWritten> {
    const PUT: &str = "INSERT INTO consent_subs (sector, subject_ref, sub, made_at)
        SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM consent_subjects WHERE subject_ref = $2)
        ON CONFLICT (sector, subject_ref) DO NOTHING";
    const GET: &str = "SELECT sub FROM consent_subs WHERE sector = $1 AND subject_ref = $2";
    let named = reference.0.to_string();
    let sub: Option<String> = on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(sector.as_str()).bind(&named).bind(fresh.as_str());
        put.bind(now.0).execute(&mut *c).await.map_err(StoreError::from)?;
        let get = sqlx::query_scalar(GET).bind(sector.as_str()).bind(&named);
        get.fetch_optional(c).await.map_err(StoreError::from)?
    });
    match sub {
        Some(sub) => Ok(parsed(SUBS, &sub)?),
        None => Err(NotWritten::Forgotten),
    }
}

/// Deletes the key of a customer and all names that partners know them by; how the ledger names who leads to nobody now.
pub(super) async fn delete(tx: &mut Tx, customer: &str) -> Result<Option<SubjectRef>, StoreError> {
    const DELETE: &str = "DELETE FROM consent_subjects WHERE customer = $1 RETURNING subject_ref";
    let reference: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(DELETE).bind(customer).fetch_optional(c).await)?;
    reference.map(|text| parsed(SUBJECTS, &text).map(SubjectRef)).transpose()
}
