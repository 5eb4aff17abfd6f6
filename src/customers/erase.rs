//! Forgetting a customer, as it is asked for: one act with all that belongs to it.
//!
//! What is known of the customer is deleted, what they agreed to is ended, and the key by which the ledger names them is
//! destroyed with all names that partners know them by; codes and refresh tokens hang on those names and go with them. All of
//! it is one transaction. Partners learn of it from the ledger, as of every end of a consent, and are asked to delete what
//! they have. The ledger stays as it was and says what was proved, of nobody any more; the audit log says who did it, and
//! which consents it was about, and does not name the customer.

use super::store::forget::forget;
use crate::access::audit::{self, Deed};
use crate::access::service::By;
use crate::consent::change::ConsentActor;
use crate::consent::record::GrantId;
use crate::consent::store::NotWritten;
use crate::kernel::Micros;
use crate::storage::Db;
use serde_json::json;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// When.
    pub at: Micros,
    /// The consents that lead to nobody now; none where the customer had given none, or was forgotten before.
    pub consents: Vec<GrantId>,
}

/// Forgets a customer, as `who` wants it. Of a customer who is not known, or was forgotten before, it is noted all the same:
/// no feed brings them.
pub async fn erase_customer(
    db: &Db,
    by: &By<'_>,
    customer: &str,
    who: ConsentActor,
) -> Result<Erasure, NotWritten> {
    let mut tx = db.begin().await?;
    let consents = forget(&mut tx, customer, who, by.now).await?;
    let detail = json!({ "by": who, "consents": consents });
    let (action, subject) = ("customer.erase".to_owned(), "customers".to_owned());
    audit::append(&mut tx, by, Deed { action, subject, detail }).await?;
    tx.commit().await?;
    Ok(Erasure { at: by.now, consents })
}
