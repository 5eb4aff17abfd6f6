//! Making grants of credit, and ending them.

use super::asked::Asked;
use super::error::CreditError;
use super::model::{End, Grant};
use super::store;
use crate::access::audit::{Deed, append};
use crate::access::error::AccessError;
use crate::access::service::By;
use crate::access::store::{find_app_in, partner_exists_in};
use crate::access::text::Reason;
use crate::billing::{BillingError, money};
use crate::kernel::Currency;
use crate::kernel::id::CreditGrantId;
use crate::rating::Exact;
use crate::storage::{Log, StoreError, Tx, advance};
use serde_json::json;

/// Most that a priority may be.
const LAST: u8 = 100;

/// The grant that was made with a reference, if it is the same as the one that is asked for.
pub async fn made_with(tx: &mut Tx, asked: &Asked) -> Result<Option<Grant>, BillingError> {
    let Some(reference) = &asked.reference else { return Ok(None) };
    let made = store::of_reference(tx, asked.partner_id, reference.as_str()).await?;
    let Some(made) = made else { return Ok(None) };
    if made.asked == *asked {
        return Ok(Some(made));
    }
    Err(CreditError::ReferenceTaken(reference.to_string(), made.id).into())
}

/// Makes a grant in a transaction; the one that was made with its reference, where that is the same.
pub async fn make_in(tx: &mut Tx, by: &By<'_>, asked: &Asked) -> Result<Grant, BillingError> {
    // Nothing is closed and no other grant is made meanwhile.
    advance(tx, Log::Control, 0).await?;
    if let Some(made) = made_with(tx, asked).await? {
        return Ok(made);
    }
    check(tx, by, asked).await?;
    let grant = Grant {
        id: CreditGrantId::random().map_err(AccessError::from)?,
        effective_from: asked.effective_from.unwrap_or(by.now),
        asked: asked.clone(),
        made_by: by.actor.to_owned(),
        made_at: by.now,
    };
    store::insert(tx, &grant).await?;
    let Asked { partner_id, app_id, source, amount, currency, priority, .. } = asked;
    let detail = json!({
        "partner_id": partner_id, "app_id": app_id, "source": source,
        "amount": format!("{amount} {currency}"), "priority": priority,
        "effective_from": grant.effective_from, "expires_at": asked.expires_at,
        "reference": asked.reference,
    });
    let subject = grant.id.to_string();
    append(tx, by, Deed { action: "credit_grant.create".to_owned(), subject, detail }).await?;
    Ok(grant)
}

/// Refuses what cannot be granted.
async fn check(tx: &mut Tx, by: &By<'_>, asked: &Asked) -> Result<(), BillingError> {
    let fault = |pointer, code, why: &str| Err(CreditError::fault(pointer, code, why).into());
    let currency: Currency = match asked.currency.parse() {
        Ok(currency) => currency,
        Err(error) => return fault("/currency", "malformed", &format!("{error}")),
    };
    if money::payable(&asked.amount, currency).is_none() {
        return fault("/amount", "malformed", money::AMOUNT);
    }
    if asked.priority > LAST {
        return fault("/priority", "out_of_range", "is 0 to 100; what is lower is drawn first");
    }
    if asked.expires_at.is_some_and(|at| at <= asked.effective_from.unwrap_or(by.now).max(by.now)) {
        let why = "is not in the future, or not behind `effective_from`: nothing could be drawn";
        return fault("/expires_at", "out_of_range", why);
    }
    if !partner_exists_in(tx, asked.partner_id).await? {
        return fault("/partner_id", "not_found", "there is no such partner");
    }
    if let Some(app) = asked.app_id {
        let found = find_app_in(tx, app, by.now).await?;
        if found.is_none_or(|app| app.partner != asked.partner_id) {
            return fault("/app_id", "not_found", "is no app of this partner");
        }
    }
    Ok(())
}

/// Ends a grant in a transaction: what closed periods have left of it is drawn by nobody any more.
pub async fn end_in(
    tx: &mut Tx,
    by: &By<'_>,
    id: CreditGrantId,
    reason: &Reason,
) -> Result<(Grant, End), BillingError> {
    advance(tx, Log::Control, 0).await?;
    let grant = store::find(tx, id).await?.ok_or(CreditError::Unknown(id))?;
    let (booked, ended) =
        store::booked(tx, std::slice::from_ref(&grant)).await?.remove(&id).unwrap_or_default();
    if let Some(end) = ended {
        return Err(CreditError::Ended(id, end.at).into());
    }
    let corrupt = |e| StoreError::corrupt("credit_draws", e);
    let drawn = Exact::sum(booked.iter().map(|booked| booked.amount)).map_err(corrupt)?;
    let left = grant.amount()?.minus(drawn).map_err(corrupt)?;
    if left <= Exact::ZERO {
        return Err(CreditError::Spent(id).into());
    }
    let voided = left.text(grant.decimals());
    let end = End { at: by.now, by: by.actor.to_owned(), reason: reason.clone(), voided };
    store::insert_end(tx, id, &end).await?;
    let detail = json!({
        "partner_id": grant.asked.partner_id, "app_id": grant.asked.app_id,
        "source": grant.asked.source, "voided": format!("{} {}", end.voided, grant.asked.currency),
        "reason": end.reason,
    });
    let deed = Deed { action: "credit_grant.end".to_owned(), subject: id.to_string(), detail };
    append(tx, by, deed).await?;
    Ok((grant, end))
}
