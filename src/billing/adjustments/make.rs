//! Making and reversing adjustments, always by two people.

use super::asked::{Asked, Backfill, MoneyAsked, Rerate, ReversalAsked, Void};
use super::error::AdjustmentError;
use super::model::{Adjustment, Delta, Effect, Kind, Owed};
use super::targets::{Targets, targets};
use super::{BACKFILLED, store};
use crate::access::audit::{Deed, append};
use crate::access::error::AccessError;
use crate::access::operation;
use crate::access::service::By;
use crate::billing::BillingError;
use crate::billing::books::Books;
use crate::billing::lines;
use crate::billing::money;
use crate::kernel::id::{AdjustmentId, PartnerId};
use crate::kernel::{Currency, Micros};
use crate::metering::Sums;
use crate::metering::hours::Group;
use crate::rating::Exact;
use crate::storage::{Log, Tx, advance};
use serde_json::json;

/// What an adjustment changes, and the calls that it takes out of the bill.
struct Made {
    kind: Kind,
    partner: PartnerId,
    effect: Effect,
    voided: Vec<String>,
}

/// The adjustment that was made with a key, if it is the same as the one that is asked for.
pub async fn made_with(tx: &mut Tx, asked: &Asked) -> Result<Option<Adjustment>, BillingError> {
    let key = asked.operation_key.as_str();
    let Some(made) = store::of_key(tx, key).await? else { return Ok(None) };
    if made.asked.as_ref() == Some(asked) {
        return Ok(Some(made));
    }
    Err(AdjustmentError::KeyTaken(key.to_owned(), made.id).into())
}

/// The reversal that was made with a key, if it is the same as the one that is asked for.
pub async fn reversed_with(
    tx: &mut Tx,
    id: AdjustmentId,
    asked: &ReversalAsked,
) -> Result<Option<Adjustment>, BillingError> {
    let key = asked.operation_key.as_str();
    let Some(made) = store::of_key(tx, key).await? else { return Ok(None) };
    let same = made.reverses == Some(id) && made.reason == asked.reason;
    if same && made.reason_code == asked.reason_code.as_str() {
        return Ok(Some(made));
    }
    Err(AdjustmentError::KeyTaken(key.to_owned(), made.id).into())
}

/// Makes an adjustment in a transaction; the one that was made with its key, where that is the same. `seen` is the digest
/// of the calls that people were shown, where it is about calls.
pub async fn make_in(
    tx: &mut Tx,
    by: &By<'_>,
    asked: &Asked,
    seen: Option<&str>,
) -> Result<Adjustment, BillingError> {
    // No plan changes, nothing is closed and no other adjustment is made meanwhile.
    advance(tx, Log::Control, 0).await?;
    if let Some(made) = made_with(tx, asked).await? {
        return Ok(made);
    }
    by.with_another()?;
    let books = Books::read(tx, Some(asked.app_id)).await?;
    let made = effect(tx, &books, asked, by.now).await?;
    if seen.is_some_and(|seen| made.effect.events_digest.as_deref() != Some(seen)) {
        return Err(AdjustmentError::Changed(by.now).into());
    }
    let Made { kind, partner, effect, voided } = made;
    let adjustment = Adjustment {
        id: AdjustmentId::random().map_err(AccessError::from)?,
        operation_key: asked.operation_key.to_string(),
        kind,
        app_id: asked.app_id,
        partner_id: partner,
        reason_code: asked.reason_code.to_string(),
        reason: asked.reason.clone(),
        asked: Some(asked.clone()),
        reverses: None,
        closed_until: books.closed(asked.app_id),
        effect,
        made_by: by.actor.to_owned(),
        made_at: store::instant(tx, by.now).await?,
    };
    written(tx, by, &books, (&adjustment, &voided)).await?;
    Ok(adjustment)
}

/// Takes an adjustment back in a transaction, by another that does the opposite.
pub async fn reverse_in(
    tx: &mut Tx,
    by: &By<'_>,
    id: AdjustmentId,
    asked: &ReversalAsked,
) -> Result<Adjustment, BillingError> {
    advance(tx, Log::Control, 0).await?;
    if let Some(made) = reversed_with(tx, id, asked).await? {
        return Ok(made);
    }
    let found = store::find(tx, id).await?.ok_or(AdjustmentError::Unknown(id))?;
    if found.reverses.is_some() {
        return Err(AdjustmentError::IsReversal(id).into());
    }
    if let Some(reversal) = store::reversal_of(tx, id).await? {
        return Err(AdjustmentError::Reversed(id, reversal).into());
    }
    by.with_another()?;
    let books = Books::read(tx, Some(found.app_id)).await?;
    let adjustment = Adjustment {
        id: AdjustmentId::random().map_err(AccessError::from)?,
        operation_key: asked.operation_key.to_string(),
        reason_code: asked.reason_code.to_string(),
        reason: asked.reason.clone(),
        asked: None,
        reverses: Some(id),
        closed_until: books.closed(found.app_id),
        effect: found.effect.opposite()?,
        made_by: by.actor.to_owned(),
        made_at: store::instant(tx, by.now).await?,
        ..found
    };
    written(tx, by, &books, (&adjustment, &[])).await?;
    Ok(adjustment)
}

/// Writes an adjustment, if there is a period to book it in.
async fn written(
    tx: &mut Tx,
    by: &By<'_>,
    books: &Books,
    (adjustment, voided): (&Adjustment, &[String]),
) -> Result<(), BillingError> {
    let app = adjustment.app_id;
    if adjustment.books() && !books.can_book(app, by.now) {
        return Err(AdjustmentError::NothingToBookIn(app).into());
    }
    store::insert(tx, adjustment, voided).await?;
    let verb = if adjustment.reverses.is_some() { "reverse" } else { "create" };
    let Adjustment { kind, reason_code, reverses, effect, partner_id, .. } = adjustment;
    let owed = effect.owed.as_ref().map(|owed| format!("{} {}", owed.amount, owed.currency));
    let detail = json!({
        "kind": kind, "app_id": app, "partner_id": partner_id, "reason_code": reason_code,
        "reverses": reverses, "owed": owed, "events": effect.events,
        "events_digest": effect.events_digest, "operation_key": adjustment.operation_key,
    });
    let action = format!("adjustment.{verb}");
    append(tx, by, Deed { action, subject: adjustment.id.to_string(), detail }).await?;
    Ok(())
}

/// What an adjustment that is asked for changes.
async fn effect(
    tx: &mut Tx,
    books: &Books,
    asked: &Asked,
    now: Micros,
) -> Result<Made, BillingError> {
    let Asked { credit, debit, void, backfill, rerate, .. } = asked;
    match (credit, debit, void, backfill, rerate) {
        (Some(credit), None, None, None, None) => {
            owing(tx, books, (asked, Kind::Credit, credit), now).await
        }
        (None, Some(debit), None, None, None) => {
            owing(tx, books, (asked, Kind::Debit, debit), now).await
        }
        (None, None, Some(void), None, None) => voided(tx, asked, void).await,
        (None, None, None, Some(backfill), None) => backfilled(books, asked, backfill, now),
        (None, None, Some(void), Some(backfill), None) => {
            let instead = backfilled(books, asked, backfill, now)?;
            replaced(voided(tx, asked, void).await?, instead)
        }
        (None, None, None, None, Some(rerate)) => rerated(tx, books, asked, rerate).await,
        _ => {
            let why = "has exactly one of `credit`, `debit`, `void`, `backfill` and `rerate`, or `void` beside `backfill`";
            Err(AdjustmentError::fault("", "required", why).into())
        }
    }
}

async fn voided(tx: &mut Tx, asked: &Asked, void: &Void) -> Result<Made, BillingError> {
    let Targets { partner, ids, effect } = targets(tx, asked.app_id, void).await?;
    Ok(Made { kind: Kind::Void, partner, effect, voided: ids })
}

/// Calls that are not charged, and what is counted instead.
fn replaced(calls: Made, instead: Made) -> Result<Made, BillingError> {
    if calls.partner != instead.partner {
        let why = "is of a time at which the app was another partner's than in the calls that it replaces";
        return Err(AdjustmentError::fault("/backfill/at", "not_allowed", why).into());
    }
    let Made { partner, mut effect, voided, .. } = calls;
    effect.usage.extend(instead.effect.usage);
    Ok(Made { kind: Kind::Replace, partner, effect, voided })
}

/// Money that is taken off, or added.
async fn owing(
    tx: &mut Tx,
    books: &Books,
    (asked, kind, money): (&Asked, Kind, &MoneyAsked),
    now: Micros,
) -> Result<Made, BillingError> {
    let fault = |pointer, code, why: &str| AdjustmentError::fault(pointer, code, why);
    let [of_amount, of_currency, of_period] = match kind {
        Kind::Debit => ["/debit/amount", "/debit/currency", "/debit/period_id"],
        _ => ["/credit/amount", "/credit/currency", "/credit/period_id"],
    };
    let currency: Currency = money
        .currency
        .parse()
        .map_err(|error| AdjustmentError::fault(of_currency, "malformed", format!("{error}")))?;
    let amount = money::payable(&money.amount, currency)
        .ok_or_else(|| fault(of_amount, "malformed", money::AMOUNT))?;
    let partner = match money.period_id {
        Some(period) => {
            let closed = books.frozen(tx, asked.app_id, period).await?;
            let mut of = closed.iter().filter(|it| it.currency == currency.code());
            let why = "is no closed period in which this app owed something in this currency";
            of.next().ok_or_else(|| fault(of_period, "not_found", why))?.partner_id
        }
        None => books.tenure(asked.app_id, now).map(|tenure| tenure.partner).ok_or_else(|| {
            fault("/app_id", "not_found", "there is no such app, or it has never been on a plan")
        })?,
    };
    let amount = match kind {
        Kind::Debit => amount,
        _ => Exact::ZERO
            .minus(amount)
            .map_err(|error| BillingError::TooLarge(asked.app_id, error))?,
    };
    let owed = Owed {
        amount: amount.text(currency.decimals()),
        currency: currency.code().to_owned(),
        corrects: money.period_id,
    };
    let effect = Effect { owed: Some(owed), ..Effect::default() };
    Ok(Made { kind, partner, effect, voided: Vec::new() })
}

fn backfilled(
    books: &Books,
    asked: &Asked,
    backfill: &Backfill,
    now: Micros,
) -> Result<Made, BillingError> {
    let fault = |pointer, code, why: &str| AdjustmentError::fault(pointer, code, why);
    let Backfill { at, requests, records, bytes, weight_milli, .. } = *backfill;
    let known = operation::by_id(&backfill.operation).filter(|known| !known.is_free());
    let why = "is no operation of the partner API that is ever charged";
    let known = known.ok_or_else(|| fault("/backfill/operation", "not_found", why))?;
    let weight_milli = weight_milli.unwrap_or(requests.saturating_mul(1_000));
    let small = (0..=1_000_000_000_000).contains(&records.max(requests));
    let all = [records, bytes, weight_milli];
    let most = 1_000_000_000_000_000;
    if requests < 1 || !small || all.iter().any(|count| !(0..=most).contains(count)) {
        let why = "has counts that are out of range: 1 to 10^12 calls, 0 to 10^12 records, 0 to 10^15 bytes and as many \
                   thousandths of units, which are a thousand for each call where none are named";
        return Err(fault("/backfill", "out_of_range", why).into());
    }
    let why = "is not in the past, or the app's plan asked nothing then";
    let piece = books.priced_at(asked.app_id, at).filter(|_| at <= now);
    let piece = piece.ok_or_else(|| fault("/backfill/at", "not_allowed", why))?;
    let group = Group {
        partner: piece.partner,
        app: asked.app_id,
        plan: piece.plan,
        plan_version: piece.version,
        operation: known.id.to_owned(),
        status: 200,
        outcome: "served".to_owned(),
        rule: BACKFILLED.to_owned(),
        billable: true,
    };
    let sums = Sums { requests, records, bytes, weight_milli };
    let usage = vec![Delta { at, usage: lines::counted(&group, &sums) }];
    let effect = Effect { usage, ..Effect::default() };
    Ok(Made { kind: Kind::Backfill, partner: piece.partner, effect, voided: Vec::new() })
}

async fn rerated(
    tx: &mut Tx,
    books: &Books,
    asked: &Asked,
    rerate: &Rerate,
) -> Result<Made, BillingError> {
    let fault = |pointer, code, why: &str| AdjustmentError::fault(pointer, code, why);
    let (app, period) = (asked.app_id, rerate.period_id);
    for before in store::rerated(tx, app).await? {
        let of = before.asked.as_ref().and_then(|asked| asked.rerate.as_ref());
        if of.is_some_and(|of| of.period_id == period) {
            return Err(AdjustmentError::RatedAgain(period, before.id).into());
        }
    }
    let list = books.list(tx, (rerate.plan_id, rerate.plan_version)).await?;
    let why = "has no such version, or it asks nothing";
    let list = list.ok_or_else(|| fault("/rerate/plan_id", "not_found", why))?;
    let closed = books.frozen(tx, app, period).await?;
    let code = list.currency().code();
    let of: Vec<_> = closed.into_iter().filter(|it| it.currency == code).collect();
    let [statement] = of.as_slice() else {
        let why = "is no closed period in which this app owed one partner something in the currency of the plan";
        return Err(fault("/rerate/period_id", "not_found", why).into());
    };
    let base = books.base(tx, statement).await?;
    let why = "has periods that are shorter than the closed one, and what was counted in it cannot be told apart by them: take \
               prices whose periods are as long or longer, or make a credit or a debit of what is to change";
    let whole = base.whole_under(&list, books.contract(statement));
    let whole = whole.ok_or_else(|| fault("/rerate/plan_id", "not_allowed", why))?;
    let large = |error| BillingError::TooLarge(app, error);
    let (was, is) = (base.exact().map_err(large)?, base.exact_under(&list, whole).map_err(large)?);
    let owed = Owed {
        amount: is.minus(was).map_err(large)?.text(list.currency().decimals()),
        currency: code.to_owned(),
        corrects: Some(period),
    };
    let effect = Effect { owed: Some(owed), ..Effect::default() };
    let partner = statement.partner_id;
    Ok(Made { kind: Kind::Rerate, partner, effect, voided: Vec::new() })
}
