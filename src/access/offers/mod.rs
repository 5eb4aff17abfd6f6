//! How plans are offered to those who ask for them.

pub mod store;

use super::error::{AccessError, Kind};
use super::model::Plan;
use super::service::{By, change, get_plan};
use super::store::record;
use super::text::{Text, text};
use crate::kernel::id::PlanId;
use crate::kernel::word::{read_words, words};
use crate::storage::{Db, Tx};
use serde_json::json;

/// Most characters of a plan's description.
pub const DESCRIPTION_MOST: usize = 1_000;

words! {
    /// What becomes of who asks for a plan.
    pub enum Approval {
        /// The plan is theirs at once.
        Auto = "auto",
        /// Somebody decides.
        Manual = "manual",
        /// The plan is not given any more, but by the retailer's own hand.
        Closed = "closed",
    }
}

read_words!(Approval);

/// What a plan's description may be.
pub type Description = Text<DESCRIPTION_MOST>;

/// How a plan is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What becomes of who asks for it.
    pub approval: Approval,
    /// Whether everybody may see it.
    pub public: bool,
    /// What everybody may read of it.
    pub description: Option<Description>,
}

impl Default for Offer {
    fn default() -> Self {
        Self { approval: Approval::Manual, public: false, description: None }
    }
}

/// How a plan is offered; as long as nobody has said it, not in public and by hand.
pub async fn get_offer(db: &Db, plan: PlanId) -> Result<Offer, AccessError> {
    get_plan(db, plan).await?;
    Ok(store::find(db, plan).await?.unwrap_or_default())
}

/// Says how a plan is offered.
pub async fn set_offer(
    db: &Db,
    by: &By<'_>,
    plan: PlanId,
    offer: &Offer,
) -> Result<(), AccessError> {
    if get_offer(db, plan).await? == *offer {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    put_offer(&mut tx, by, plan, offer).await?;
    tx.commit().await?;
    Ok(())
}

/// The same in a transaction.
pub(super) async fn put_offer(
    tx: &mut Tx,
    by: &By<'_>,
    plan: PlanId,
    offer: &Offer,
) -> Result<(), AccessError> {
    store::put(tx, plan, offer, by.now).await?;
    let detail = json!({
        "approval": offer.approval,
        "public": offer.public,
        "description": offer.description.as_ref().map(text),
    });
    record(tx, by, change(Kind::Plan, plan, "offer", detail)).await
}

/// The plans that are offered in public, by name.
pub async fn public_offers(db: &Db) -> Result<Vec<(Plan, Offer)>, AccessError> {
    Ok(store::public(db).await?)
}
