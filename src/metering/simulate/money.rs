//! What was counted, as money.

use super::report::{EarnedOut, LineOut};
use super::tally::{Lists, Meters, Tally};
use crate::access::plan::PlanPrices;
use crate::kernel::Currency;
use crate::rating::{Bill, Exact, Line, TooLarge, rate};
use std::num::NonZeroU64;

/// Money of one currency.
#[derive(Debug, Clone)]
pub(super) struct Earned {
    currency: Currency,
    now: Exact,
    then: Exact,
    with_unknown: Exact,
}

impl Earned {
    /// As it is told.
    pub(super) fn out(&self) -> Result<EarnedOut, TooLarge> {
        let text = |exact: Exact| exact.text(self.currency.decimals());
        Ok(EarnedOut {
            currency: self.currency.code(),
            now: text(self.now),
            then: text(self.then),
            difference: text(self.then.minus(self.now)?),
            then_with_unknown_demand: text(self.with_unknown),
        })
    }
}

/// Sums of money, each currency for itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Purse(Vec<Earned>);

impl Purse {
    fn of(&mut self, currency: Currency) -> &mut Earned {
        let place = self.0.iter().position(|earned| earned.currency == currency);
        let place = place.unwrap_or_else(|| {
            let (now, then, with_unknown) = (Exact::ZERO, Exact::ZERO, Exact::ZERO);
            self.0.push(Earned { currency, now, then, with_unknown });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// Adds what another holds.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), TooLarge> {
        for earned in &other.0 {
            let own = self.of(earned.currency);
            own.now = own.now.plus(earned.now)?;
            own.then = own.then.plus(earned.then)?;
            own.with_unknown = own.with_unknown.plus(earned.with_unknown)?;
        }
        Ok(())
    }

    /// As it is told.
    pub(super) fn out(&self) -> Result<Vec<EarnedOut>, TooLarge> {
        self.0.iter().map(Earned::out).collect()
    }
}

/// The bills of an app: under the present prices, and under the proposed ones.
#[derive(Debug)]
pub(super) struct Bills {
    pub(super) purse: Purse,
    pub(super) lines_now: Vec<LineOut>,
    pub(super) lines_then: Vec<LineOut>,
}

/// Rates what was counted for an app.
pub(super) fn bills(tally: &Tally, lists: Lists<'_>) -> Result<Bills, TooLarge> {
    let mut purse = Purse::default();
    let bill = |prices: Option<&PlanPrices>, meters: &Meters| {
        let rated = prices.map(|prices| Ok((prices.0.currency(), rate(&prices.0, &meters.0)?)));
        rated.transpose()
    };
    let now = bill(lists.now, &tally.now_meters)?;
    let then = bill(lists.then, &tally.then_meters)?;
    let all = bill(lists.then, &tally.then_meters.with(&tally.unknown_meters))?;
    for (priced, sum) in [
        (&now, (|earned, total| earned.now = total) as fn(&mut Earned, Exact)),
        (&then, |earned, total| earned.then = total),
        (&all, |earned, total| earned.with_unknown = total),
    ] {
        if let Some((currency, bill)) = priced {
            sum(purse.of(*currency), bill.total);
        }
    }
    Ok(Bills { purse, lines_now: lines(now.as_ref()), lines_then: lines(then.as_ref()) })
}

fn lines(priced: Option<&(Currency, Bill)>) -> Vec<LineOut> {
    let Some((currency, bill)) = priced else { return Vec::new() };
    bill.lines.iter().map(|line| line_out(line, *currency)).collect()
}

fn line_out(line: &Line, currency: Currency) -> LineOut {
    let decimals = currency.decimals();
    LineOut {
        kind: line.kind,
        charge: line.charge.as_ref().map(ToString::to_string),
        tier_from: line.tier.map(|(from, _)| from),
        tier_up_to: line.tier.and_then(|(_, up_to)| up_to.map(NonZeroU64::get)),
        quantity_milli: line.quantity_milli,
        packages: line.packages,
        unit_price: line.unit_price.map(|price| price.text(decimals)),
        amount_exact: line.exact.text(decimals),
        amount: line.amount.text(decimals),
        currency: currency.code(),
    }
}
