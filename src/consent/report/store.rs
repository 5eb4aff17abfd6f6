//! All SQL of the register.

use super::Recipient;
use crate::on_db;
use crate::storage::{Db, StoreError, parsed};

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
