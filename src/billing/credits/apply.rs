//! Credits taken off statements.

use super::draw::{Draw, Purse};
use super::model::Due;
use super::store;
use crate::billing::BillingError;
use crate::billing::as_of::AsOf;
use crate::billing::books::Books;
use crate::billing::model::{Drawn, Statement};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, StatementId};
use crate::limit::Bounds;
use crate::rating::{Exact, TooLarge};
use crate::storage::Tx;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The order in which the open statements of a partner draw.
type Turn = (Micros, Micros, BillingPeriodId, AppId, String);

fn turn(of: &Statement) -> Turn {
    (of.to, of.from, of.period_id, of.app_id, of.currency.clone())
}

/// As of when statements draw.
///
/// What a close has drawn can be made again, as all that stands on its statement: the grants, ends and draws of then are known by
/// the numbers of closes, and what other statements came to that were open then is rated from the books of then. So draws
/// are in the text of a statement that is reconciled byte for byte, rather than beside it: one digest proves what was owed,
/// and a draw that was changed where it is booked is found by what is drawn again.
#[derive(Debug, Clone, Copy)]
pub(in crate::billing) struct Seen {
    /// The books that are looked at.
    pub(in crate::billing) books: AsOf,
    /// The instant up to which periods have begun.
    pub(in crate::billing) until: Micros,
}

impl Seen {
    /// As of now.
    pub(in crate::billing) fn now(now: Micros) -> Self {
        Self { books: AsOf::NOW, until: now }
    }
}

/// The most that credits would pay of statements, whatever these come to.
pub(in crate::billing) type Payable = HashMap<StatementId, Exact>;

/// Takes what credits pay off statements of open periods, which are without credits. Each draws what the statements
/// before it leave, also those of other apps and periods that are not among these.
pub(in crate::billing) async fn apply(
    tx: &mut Tx,
    statements: &mut [Statement],
    seen: Seen,
) -> Result<Payable, BillingError> {
    let mut payable = Payable::new();
    let partners: BTreeSet<PartnerId> = statements.iter().map(|it| it.partner_id).collect();
    let (Some(first), Some(last)) = (partners.first(), partners.last()) else { return Ok(payable) };
    let purses = store::purses(tx, (first == last).then_some(*first), seen.books).await?;
    for (partner, mut purse) in purses {
        let mut own: BTreeMap<Turn, &mut Statement> = statements
            .iter_mut()
            .filter(|statement| statement.partner_id == partner)
            .map(|statement| (turn(statement), statement))
            .collect();
        let Some((last, apps)) = reach(tx, (partner, &purse), &own).await? else { continue };
        let mut all = open(tx, (partner, &apps), &last, seen).await?;
        // What is told is what was rated to be told.
        all.extend(own.iter().map(|(turn, statement)| (turn.clone(), (**statement).clone())));
        let mut drawn = draws(&mut purse, all.values())?;
        for statement in own.values_mut() {
            let Some((most, draws)) = drawn.remove(&statement.id) else { continue };
            payable.insert(statement.id, most);
            let app = statement.app_id;
            let large = |error| BillingError::TooLarge(app, error);
            credit(statement, &purse, &draws).map_err(large)?;
        }
    }
    Ok(payable)
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
        if purse.pays(&Due::of(statement)?) {
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
    seen: Seen,
) -> Result<BTreeMap<Turn, Statement>, BillingError> {
    let mut all = BTreeMap::new();
    for app in apps {
        let books = Books::read_as_of(tx, Some(*app), seen.books).await?;
        for open in books.open(last.0.min(seen.until)) {
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

/// What statements draw, one after the other, and what they could.
fn draws<'a>(
    purse: &mut Purse,
    statements: impl Iterator<Item = &'a Statement>,
) -> Result<HashMap<StatementId, (Exact, Vec<Draw>)>, BillingError> {
    let mut drawn = HashMap::new();
    for statement in statements {
        let large = |error| BillingError::TooLarge(statement.app_id, error);
        let due = Due::of(statement)?;
        let most = purse.most(&due).map_err(large)?;
        drawn.insert(statement.id, (most, purse.draw(&due).map_err(large)?));
    }
    Ok(drawn)
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
