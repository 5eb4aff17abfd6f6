//! All SQL of the register.

use super::Recipient;
use crate::consent::record::GrantId;
use crate::on_db;
use crate::storage::{Db, StoreError, parsed};
use std::collections::HashMap;

/// How often data was read by each consent, as far as that is kept.
pub(super) async fn accesses(db: &Db) -> Result<HashMap<GrantId, i64>, StoreError> {
    const COUNT: &str = "SELECT grant_id, COUNT(*) FROM customer_accesses GROUP BY grant_id";
    let rows: Vec<(String, i64)> = on_db!(db, c => sqlx::query_as(COUNT).fetch_all(c).await)?;
    rows.into_iter().map(|(id, count)| Ok((parsed("customer_accesses", &id)?, count))).collect()
}

/// The apps that have a purpose, in the order of their ids.
pub(super) async fn recipients(db: &Db) -> Result<Vec<Recipient>, StoreError> {
    const LIST: &str =
        "SELECT a.id, a.name, p.id, p.name FROM apps a JOIN partners p ON p.id = a.partner_id
        WHERE a.id IN (SELECT client_id FROM consent_purposes) ORDER BY a.id";
    let rows: Vec<(String, String, String, String)> =
        on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?;
    let recipient = |(app, app_name, partner, partner_name): (String, String, String, String)| {
        Ok(Recipient {
            app: parsed("apps", &app)?,
            app_name,
            partner: parsed("apps", &partner)?,
            partner_name,
        })
    };
    rows.into_iter().map(recipient).collect()
}
