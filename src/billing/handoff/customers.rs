//! Who apps are in billing systems.

use super::model::{Customer, Named, Sink};
use super::store;
use crate::access::audit::{Deed, append};
use crate::access::error::{AccessError, Kind};
use crate::access::service::By;
use crate::access::store::hold_app;
use crate::kernel::id::{AppId, PartnerId};
use crate::storage::Db;
use serde_json::json;

/// Says who an app is in a billing system, as long as it is its present partner's. From then on the totals of its periods
/// that are not closed are handed off.
pub async fn name(
    db: &Db,
    by: &By<'_>,
    (sink, app): (Sink, AppId),
    customer: &Customer,
) -> Result<Named, AccessError> {
    let customer = customer.as_str().to_owned();
    let mut tx = db.begin().await?;
    let partner = hold_app(&mut tx, app).await?;
    let partner = partner.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    match store::of_customer(&mut tx, sink, &customer).await? {
        Some(whose) if whose != (app, partner) => {
            let (app, partner) = whose;
            return Err(AccessError::Conflict(format!(
                "`{customer}` stands for {app} of {partner}, and the totals of two would replace each other there: \
                 give each app a customer or subscription of its own."
            )));
        }
        _ => {}
    }
    let named = Named { sink, app, partner, customer, named_at: by.now };
    store::name(&mut tx, &named).await?;
    let detail = json!({ "sink": sink, "partner_id": partner, "customer": named.customer });
    let deed = Deed { action: "handoff_customer.set".into(), subject: app.to_string(), detail };
    append(&mut tx, by, deed).await?;
    tx.commit().await?;
    Ok(named)
}

/// Has no more totals of an app handed off to a billing system, whoever's they are. What that has stays there. Whose the
/// app is.
pub async fn unname(
    db: &Db,
    by: &By<'_>,
    (sink, app): (Sink, AppId),
) -> Result<PartnerId, AccessError> {
    let mut tx = db.begin().await?;
    let partner = hold_app(&mut tx, app).await?;
    let partner = partner.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    if store::unname(&mut tx, sink, app).await? {
        let (action, detail) = ("handoff_customer.remove".into(), json!({ "sink": sink }));
        append(&mut tx, by, Deed { action, subject: app.to_string(), detail }).await?;
    }
    tx.commit().await?;
    Ok(partner)
}

/// Has a system spoken to at once, and what it has refused sent again; how many totals that are.
pub async fn retry(db: &Db, by: &By<'_>, sink: Sink) -> Result<u64, AccessError> {
    let mut tx = db.begin().await?;
    let count = store::retry(&mut tx, sink).await?;
    let detail = json!({ "totals": count });
    append(&mut tx, by, Deed { action: "handoff.retry".into(), subject: sink.to_string(), detail })
        .await?;
    tx.commit().await?;
    Ok(count)
}
