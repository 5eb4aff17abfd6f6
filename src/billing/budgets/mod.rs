//! Budgets: up to how much a partner, or one of its apps, means to spend in a period, and at which amounts it is told.
//!
//! What is spent is what the statements come to before credits, as they stand: no sum of its own is kept. The id of an alert follows from
//! whose it is, the period and the amount, so it is raised once, whatever nodes, restarts and corrections come in between.
//! A close is looked at for itself: what a period comes to at last is told at the latest then.

mod error;
pub mod model;
mod spend;
pub mod store;
mod watch;

pub use error::BudgetError;
pub use model::{Asked, Budget, Threshold};
pub use watch::Watch;

use crate::access::audit::{Deed, append};
use crate::access::service::{By, get_app, get_partner};
use crate::kernel::id::BudgetId;
use crate::storage::Db;
use serde_json::json;

/// Sets a budget.
pub async fn create(db: &Db, by: &By<'_>, asked: &Asked) -> Result<Budget, BudgetError> {
    let partner = match asked.app_id {
        Some(app) => get_app(db, app, by.now).await?.partner,
        None => get_partner(db, asked.partner()?).await?.id,
    };
    let budget = asked.budget(partner, by.now)?;
    let mut tx = db.begin().await?;
    if !store::insert(&mut tx, &budget).await? {
        return Err(BudgetError::Taken);
    }
    let detail = json!({
        "partner_id": budget.partner_id, "app_id": budget.app_id, "amount": budget.amount,
        "currency": budget.currency, "thresholds": budget.thresholds,
    });
    let subject = budget.id.to_string();
    append(&mut tx, by, Deed { action: "budget.create".to_owned(), subject, detail }).await?;
    tx.commit().await?;
    Ok(budget)
}

/// Takes a budget away.
pub async fn delete(db: &Db, by: &By<'_>, id: BudgetId) -> Result<Budget, BudgetError> {
    let mut tx = db.begin().await?;
    let budget = store::find(&mut tx, id).await?.ok_or(BudgetError::Unknown(id))?;
    store::delete(&mut tx, id).await?;
    let detail = json!({ "partner_id": budget.partner_id, "app_id": budget.app_id });
    let subject = id.to_string();
    append(&mut tx, by, Deed { action: "budget.delete".to_owned(), subject, detail }).await?;
    tx.commit().await?;
    Ok(budget)
}
