//! What corrects closed periods, as lines of the next one.
//!
//! Nothing closed is changed. What comes later is worth what the closed period comes to with it, less what it came to
//! without: so included units, tiers, caps and minimums of that period hold, under the list that held then.

use super::BillingError;
use super::adjustments::Adjustment;
use super::as_of::AsOf;
use super::base::Base;
use super::late::{Late, holding};
use super::lines;
use super::model::{Statement, StatementLine, UsageLine};
use super::rate::{listed, piece_of};
use super::store::{self, ShutPeriod};
use super::timeline::{Piece, meeting};
use crate::access::history::{History, PriceVersions};
use crate::kernel::id::{AdjustmentId, BillingPeriodId, PartnerId};
use crate::kernel::{Currency, Micros};
use crate::limit::Bounds;
use crate::metering::hours::{Counted, Group};
use crate::rating::{Exact, PriceList, Rounding, TooLarge};
use crate::storage::Tx;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a line of calls that came late is there.
pub(super) const LATE: &str = "late";

/// What corrects a closed period, or is owed beside what was counted.
#[derive(Debug, Clone)]
pub(super) struct Correction {
    pub(super) partner: PartnerId,
    pub(super) currency: Currency,
    pub(super) rounding: Rounding,
    pub(super) corrects: Option<BillingPeriodId>,
    pub(super) source: Source,
    /// What it comes to.
    pub(super) exact: Exact,
    /// What was counted late, or is counted otherwise.
    pub(super) usage: Vec<UsageLine>,
}

/// What a correction comes of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) adjustment: Option<AdjustmentId>,
    pub(super) reason_code: String,
}

impl Source {
    fn late() -> Self {
        Self { adjustment: None, reason_code: LATE.to_owned() }
    }
}

impl Correction {
    /// Writes what it is into its line.
    pub(super) fn tell(&self, line: &mut StatementLine) {
        let charged = self.usage.iter().filter(|line| line.billable);
        let calls: i64 = charged.map(|line| line.requests).fold(0, i64::saturating_add);
        line.quantity = calls.to_string();
        line.corrects_period = self.corrects;
        line.adjustment_id = self.source.adjustment;
        line.reason_code = Some(self.source.reason_code.clone());
    }
}

/// All that corrects the closed periods of an app and is not booked: calls that came late, then adjustments.
pub(super) async fn corrections(
    tx: &mut Tx,
    (history, versions): (&History, &PriceVersions),
    (late, adjustments): (&Late, &[&Adjustment]),
    as_of: AsOf,
) -> Result<Vec<Correction>, BillingError> {
    let of_adjustments = adjustments.iter().flat_map(|adjustment| adjustment.late());
    let earliest = late.keys().copied().chain(of_adjustments.map(|delta| delta.at)).min();
    // Statements of periods that end behind it: of those that are corrected, and of all that has corrected them before.
    let since = earliest.unwrap_or(Micros(i64::MAX));
    let mut closed = Closed::read(tx, (history, versions), since, as_of).await?;
    let mut made = Vec::new();
    for (from, counted) in late {
        made.extend(closed.counted(*from, counted, &Source::late())?);
    }
    for adjustment in adjustments {
        made.extend(closed.adjusted(adjustment)?);
    }
    Ok(made)
}

/// The closed periods of an app that something corrects.
struct Closed<'a> {
    history: &'a History,
    versions: &'a PriceVersions,
    periods: Vec<ShutPeriod>,
    statements: Vec<Statement>,
    bases: BTreeMap<(BillingPeriodId, PartnerId, &'static str), Base>,
}

impl<'a> Closed<'a> {
    /// Those that end after an instant.
    async fn read(
        tx: &mut Tx,
        (history, versions): (&'a History, &'a PriceVersions),
        since: Micros,
        as_of: AsOf,
    ) -> Result<Self, BillingError> {
        let periods = store::shut_periods(tx, history.app, as_of).await?;
        let statements = store::frozen_since(tx, history.app, since, as_of).await?;
        Ok(Self { history, versions, periods, statements, bases: BTreeMap::new() })
    }

    /// What an adjustment changes of them, and the money that it is about.
    fn adjusted(&mut self, adjustment: &Adjustment) -> Result<Vec<Correction>, BillingError> {
        let mut made: Vec<Correction> = adjustment.money()?.into_iter().collect();
        let mut of_periods: BTreeMap<Micros, Counted> = BTreeMap::new();
        for delta in adjustment.late() {
            let Some(period) = holding(&self.periods, delta.at) else { continue };
            let (group, sums) = adjustment.counted(delta);
            of_periods.entry(period.from).or_default().entry(group).or_default().plus(&sums);
        }
        for (from, counted) in of_periods {
            made.extend(self.counted(from, &counted, &adjustment.source())?);
        }
        Ok(made)
    }

    /// What is counted in the closed period that holds an instant, beside what was.
    fn counted(
        &mut self,
        at: Micros,
        counted: &Counted,
        source: &Source,
    ) -> Result<Vec<Correction>, BillingError> {
        let Some(period) = holding(&self.periods, at).copied() else {
            return Ok(Vec::new());
        };
        let bounds = Bounds { start: period.from, end: period.to };
        let pieces = meeting(self.history, self.versions, Micros(i64::MIN), bounds);
        let mut of: BTreeMap<(PartnerId, &'static str), Vec<Priced<'_>>> = BTreeMap::new();
        for group in counted.keys() {
            // What was called while the plan was free is free.
            let Some(list) = held(&pieces, self.versions, group) else { continue };
            of.entry((group.partner, list.currency().code())).or_default().push((group, list));
        }
        let app = self.history.app;
        let mut made = Vec::new();
        for ((partner, _), groups) in of {
            let base = self.base(period.id, partner, &groups[0].1)?;
            let correction = corrected(base, partner, (&groups, counted), source);
            made.push(correction.map_err(|error| BillingError::TooLarge(app, error))?);
        }
        Ok(made)
    }

    /// What a partner's statement of a period stands on by now, in the currency of a list.
    fn base(
        &mut self,
        period: BillingPeriodId,
        partner: PartnerId,
        list: &PriceList,
    ) -> Result<&mut Base, BillingError> {
        use std::collections::btree_map::Entry;
        let code = list.currency().code();
        match self.bases.entry((period, partner, code)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let own = |it: &&Statement| it.partner_id == partner && it.currency == code;
                let own: Vec<&Statement> = self.statements.iter().filter(own).collect();
                let closed = own.iter().find(|it| it.period_id == period);
                let mut base = match closed {
                    Some(closed) => Base::of(closed, self.versions)?,
                    None => Base::nothing(period, list),
                };
                for later in &own {
                    base.add_usage(later, self.versions, Some(period))?;
                }
                Ok(place.insert(base))
            }
        }
    }
}

/// What is summed, with the prices that hold for it.
type Priced<'a> = (&'a Group, Arc<PriceList>);

/// The prices that hold for calls of a closed period.
fn held(pieces: &[Piece], versions: &PriceVersions, group: &Group) -> Option<Arc<PriceList>> {
    match piece_of(pieces, group) {
        Some(piece) => piece.list.clone(),
        None => listed(versions, group),
    }
}

/// Adds to what a closed statement stands on; what that makes of it.
fn corrected(
    base: &mut Base,
    partner: PartnerId,
    (groups, counted): (&[Priced<'_>], &Counted),
    source: &Source,
) -> Result<Correction, TooLarge> {
    let before = base.exact()?;
    let corrects = Some(base.period);
    let mut usage = Vec::with_capacity(groups.len());
    for (group, list) in groups {
        let sums = &counted[*group];
        let section = base.add(group, list, sums);
        let adjustment_id = source.adjustment;
        let line = lines::counted(group, sums);
        usage.push(UsageLine { section, corrects_period: corrects, adjustment_id, ..line });
    }
    let (currency, rounding) = (base.currency, base.rounding);
    let exact = base.exact()?.minus(before)?;
    let source = source.clone();
    Ok(Correction { partner, currency, rounding, corrects, source, exact, usage })
}
