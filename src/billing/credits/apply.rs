//! Credits taken off statements.

use super::draw::{Draw, Purse};
use super::model::Due;
use super::store;
use crate::billing::BillingError;
use crate::billing::books::Books;
use crate::billing::model::{Drawn, Statement};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, StatementId};
use crate::limit::Bounds;
use crate::rating::{Exact, TooLarge};
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The order in which the open statements of a partner draw.
type Turn = (Micros, Micros, BillingPeriodId, AppId, String);

fn turn(of: &Statement) -> Turn {
    (of.to, of.from, of.period_id, of.app_id, of.currency.clone())
}

/// Takes what credits pay off statements of open periods, which are without credits. Each draws what the statements
/// before it leave, also those of other apps and periods that are not among these.
pub(in crate::billing) async fn apply(
    tx: &mut Tx,
    statements: &mut [Statement],
) -> Result<(), BillingError> {
    let partners: BTreeSet<PartnerId> = statements.iter().map(|it| it.partner_id).collect();
    let (Some(first), Some(last)) = (partners.first(), partners.last()) else { return Ok(()) };
    let purses = store::purses(tx, (first == last).then_some(*first)).await?;
    for (partner, mut purse) in purses {
        let mut own: BTreeMap<Turn, &mut Statement> = statements
            .iter_mut()
            .filter(|statement| statement.partner_id == partner)
            .map(|statement| (turn(statement), statement))
            .collect();
        let Some((last, apps)) = reach(tx, (partner, &purse), &own).await? else { continue };
        let mut all = open(tx, (partner, &apps), &last).await?;
        // What is told is what was rated to be told.
        all.extend(own.iter().map(|(turn, statement)| (turn.clone(), (**statement).clone())));
        let mut drawn = draws(&mut purse, all.values())?;
        for statement in own.values_mut() {
            let draws = drawn.remove(&statement.id).unwrap_or_default();
            let app = statement.app_id;
            let large = |error| BillingError::TooLarge(app, error);
            credit(statement, &purse, &draws).map_err(large)?;
        }
    }
    Ok(())
}

/// The last turn of statements that credits may pay for, and the apps whose statements decide what is left for them; none
/// where no credit pays for any.
async fn reach(
    tx: &mut Tx,
    (partner, purse): (PartnerId, &Purse),
    own: &BTreeMap<Turn, &mut Statement>,
) -> Result<Option<(Turn, BTreeSet<AppId>)>, BillingError> {
    let mut last = None;
    for (turn, statement) in own {
        if purse.pays(&due(statement)?) {
            last = Some(turn.clone());
        }
    }
    let Some(last) = last else { return Ok(None) };
    // What an app draws of its own credits depends on what others leave it of those that are shared.
    let apps = if purse.is_shared() {
        store::apps(tx, partner).await?
    } else {
        own.values().map(|statement| statement.app_id).collect()
    };
    Ok(Some((last, apps)))
}

/// The open statements of a partner's apps up to a turn, without credits.
async fn open(
    tx: &mut Tx,
    (partner, apps): (PartnerId, &BTreeSet<AppId>),
    last: &Turn,
) -> Result<BTreeMap<Turn, Statement>, BillingError> {
    let mut all = BTreeMap::new();
    for app in apps {
        let books = Books::read(tx, Some(*app)).await?;
        for open in books.open(last.0) {
            let Bounds { start, end } = open.period.bounds;
            if (end, start, open.period.id()) > (last.0, last.1, last.2) {
                break;
            }
            let made = books.gross(tx, &open, Some(*app)).await?.into_iter();
            let own = made.filter(|statement| statement.partner_id == partner);
            all.extend(own.map(|statement| (turn(&statement), statement)));
        }
    }
    Ok(all)
}

/// What statements draw, one after the other.
fn draws<'a>(
    purse: &mut Purse,
    statements: impl Iterator<Item = &'a Statement>,
) -> Result<HashMap<StatementId, Vec<Draw>>, BillingError> {
    let mut drawn = HashMap::new();
    for statement in statements {
        let large = |error| BillingError::TooLarge(statement.app_id, error);
        drawn.insert(statement.id, purse.draw(&due(statement)?).map_err(large)?);
    }
    Ok(drawn)
}

/// What of a statement may be paid.
fn due(statement: &Statement) -> Result<Due<'_>, StoreError> {
    Ok(Due {
        app: statement.app_id,
        period: Bounds { start: statement.from, end: statement.to },
        currency: &statement.currency,
        amount: statement.total.parse().map_err(|e| StoreError::corrupt("statements", e))?,
    })
}

/// Takes what it draws off a statement.
fn credit(statement: &mut Statement, purse: &Purse, draws: &[Draw]) -> Result<(), TooLarge> {
    for draw in draws {
        let Some(grant) = purse.grant(draw) else { continue };
        let decimals = grant.decimals();
        let taken = Exact::ZERO.minus(draw.amount)?.text(decimals);
        statement.pay(&taken, decimals)?;
        let number = u32::try_from(statement.lines.len() + 1).map_err(|_| TooLarge)?;
        statement.lines.push(crate::billing::lines::credit(grant.id, number, taken));
        statement.credits.push(Drawn {
            grant_id: grant.id,
            source: grant.asked.source,
            amount: draw.amount.text(decimals),
            left: draw.left.text(decimals),
        });
    }
    Ok(())
}
