//! What changes in money: of an adjustment before it is made, and of a period at other prices.

use super::BillingError;
use super::books::Books;
use super::model::Statement;
use super::store::{self, StatementFilter};
use super::view::Whose;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, PlanId, StatementId};
use crate::rating::{Exact, PriceList};
use crate::storage::{Db, Tx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a statement comes to before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "StatementChange")]
pub struct Change {
    /// The statement.
    #[schema(value_type = String, example = "stm_4kPz09aBcDe")]
    pub statement_id: StatementId,
    /// Its period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub period_id: BillingPeriodId,
    /// Who owes it.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub partner_id: PartnerId,
    /// For which app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// In which currency (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
    /// What it comes to now, before credits.
    #[schema(example = "24.08")]
    pub before: String,
    /// What it would come to.
    #[schema(example = "20.00")]
    pub after: String,
    /// The difference: below zero where less would be owed.
    #[schema(example = "-4.08")]
    pub difference: String,
}

impl Change {
    fn new(of: &Statement, before: Exact, after: Exact) -> Result<Self, BillingError> {
        let decimals = of.currency.parse().map_or(2, |c: crate::kernel::Currency| c.decimals());
        let difference = after.minus(before);
        let difference = difference.map_err(|error| BillingError::TooLarge(of.app_id, error))?;
        Ok(Self {
            statement_id: of.id,
            period_id: of.period_id,
            partner_id: of.partner_id,
            app_id: of.app_id,
            currency: of.currency.clone(),
            before: before.text(decimals),
            after: after.text(decimals),
            difference: difference.text(decimals),
        })
    }
}

/// What the provisional statements of an app come to before credits, to be compared with later.
pub async fn totals(
    tx: &mut Tx,
    app: AppId,
    now: Micros,
) -> Result<BTreeMap<String, Statement>, BillingError> {
    let books = Books::read(tx, Some(app)).await?;
    books.provisional(tx, app, now).await
}

/// How statements differ from what they were.
pub fn changes(
    before: &BTreeMap<String, Statement>,
    after: &BTreeMap<String, Statement>,
) -> Result<Vec<Change>, BillingError> {
    let total = |statement: Option<&Statement>| match statement {
        Some(statement) => statement.owed(),
        None => Ok(Exact::ZERO),
    };
    let all: BTreeMap<&String, &Statement> = before.iter().chain(after).collect();
    let mut made = Vec::new();
    for (id, of) in all {
        let (was, is) = (total(before.get(id))?, total(after.get(id))?);
        if was != is {
            made.push(Change::new(of, was, is)?);
        }
    }
    Ok(made)
}

/// The prices that a period is tried out with.
#[derive(Debug, Clone)]
pub enum Prices {
    /// Those of a version of a plan; of the newest, where none is named.
    OfPlan(PlanId, Option<u32>),
    /// These.
    List(Arc<PriceList>),
}

/// What the statements of a period would come to at other prices, before credits: of prices whose periods are longer, the part
/// that it is of one, as it would be asked of a period that was cut. Those whose periods are shorter cannot be tried. Statements in another currency are left
/// out, which is an error where all are, and so are adjustments, which stay as they are. None where there are no such
/// prices.
pub async fn rerated(
    db: &Db,
    (period, whose): (BillingPeriodId, Whose),
    prices: Prices,
    now: Micros,
) -> Result<Option<Vec<Change>>, BillingError> {
    let mut tx = db.snapshot().await?;
    let books = Books::read(&mut tx, whose.app).await?;
    let list = match prices {
        Prices::List(list) => Some(list),
        Prices::OfPlan(plan, version) => books.list(&mut tx, (plan, version)).await?,
    };
    let Some(list) = list else { return Ok(None) };
    let mut made = Vec::new();
    let statements = of_period(&mut tx, &books, (period, whose), now).await?;
    let code = list.currency().code();
    if !statements.is_empty() && statements.iter().all(|statement| statement.currency != code) {
        return Err(BillingError::OtherCurrency(period, code.to_owned()));
    }
    for statement in statements {
        if statement.currency == code {
            let large = |error| BillingError::TooLarge(statement.app_id, error);
            let base = books.base(&mut tx, &statement).await?;
            let rounded =
                |exact: Exact, rounding| exact.rounded(list.currency().decimals(), rounding);
            let before = rounded(base.exact().map_err(large)?, base.rounding);
            let whole = base.whole_under(&list, books.contract(&statement));
            let whole = whole.ok_or(BillingError::ShorterPeriods(period))?;
            let after = rounded(base.exact_under(&list, whole).map_err(large)?, list.rounding());
            made.push(Change::new(&statement, before, after)?);
        }
    }
    Ok(Some(made))
}

async fn of_period(
    tx: &mut Tx,
    books: &Books,
    (period, whose): (BillingPeriodId, Whose),
    now: Micros,
) -> Result<Vec<Statement>, BillingError> {
    let Whose { partner, app } = whose;
    if store::close_of(tx, period).await?.is_some() {
        let filter = StatementFilter { period: Some(period), partner, app };
        let found = store::documents(tx, &filter, "", u32::MAX).await?;
        let frozen = found.iter().map(|(text, digest)| Statement::frozen(text, digest));
        return Ok(frozen.collect::<Result<_, _>>()?);
    }
    let open = books.open(now).into_iter().find(|open| open.period.id() == period);
    let open = open.ok_or(BillingError::UnknownPeriod(period))?;
    let mut made = books.gross(tx, &open, app).await?;
    made.retain(|statement| partner.is_none_or(|partner| statement.partner_id == partner));
    Ok(made)
}
