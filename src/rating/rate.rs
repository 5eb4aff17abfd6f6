//! From quantities to the lines of a bill.

use super::charge::{Charge, ChargeName, Model, Tier, Tiers};
use super::exact::{Exact, Price, Rounding, TooLarge};
use super::list::{FixedAmount, PriceList};
use super::share::Share;
use crate::kernel::Currency;
use crate::kernel::word::words;
use std::num::NonZeroU64;

/// Thousandths in a unit.
pub(super) const MILLI: u128 = 1_000;

words! {
    /// What a line of a bill is.
    pub enum LineKind {
        /// The fee of the period.
        Fee = "fee",
        /// Another amount of each period.
        Recurring = "recurring",
        /// An amount that is asked once.
        OneTime = "one_time",
        /// Units that are included, and those that a flat charge is asked for.
        Included = "included",
        /// Units, or packages, at a price.
        Usage = "usage",
        /// What is charged once: by a flat charge, or by a tier.
        Flat = "flat",
        /// What is taken off a charge.
        Discount = "discount",
        /// What a charge comes to above its most, taken off.
        MaxCap = "max_cap",
        /// What is missing to the least of a charge.
        MinTrueup = "min_trueup",
        /// What was bought to be used up.
        Prepaid = "prepaid",
        /// What corrects something, up or down.
        Adjustment = "adjustment",
        /// What is paid out of what was granted or bought before.
        Credit = "credit",
        /// What the roundings of the other lines leave.
        Rounding = "rounding",
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: LineKind,
    /// The part of the statement that it belongs to, counted from 0; none for what belongs to the whole.
    pub section: Option<usize>,
    /// The charge or the amount that it belongs to; none for the fee and what belongs to the whole.
    pub charge: Option<ChargeName>,
    /// The units of its tier, `(from, up_to]`, where the charge has tiers.
    pub tier: Option<(u64, Option<NonZeroU64>)>,
    /// Thousandths of a unit; of what is asked whatever is used, one unit. None of what counts nothing, as the flat amount of
    /// a tier.
    pub quantity_milli: u128,
    /// Packages that these units began, where the charge sells packages.
    pub packages: Option<u128>,
    /// The price of a unit or a package.
    pub unit_price: Option<Price>,
    /// What it comes to.
    pub exact: Exact,
    /// The same as it is billed.
    pub amount: Exact,
}

/// What a period comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The lines, in the order of the price list.
    pub lines: Vec<Line>,
    /// What all lines come to, before rounding.
    pub exact: Exact,
    /// What is to be paid: the sum of the lines as billed.
    pub total: Exact,
}

/// Rates what was counted for each charge of a list, in thousandths of a unit and in the order of the
/// charges; what is not given was not used. The list was in force all through the period.
pub fn rate(list: &PriceList, quantities: &[u128]) -> Result<Bill, TooLarge> {
    let mut sheet = Sheet::new(list.currency(), list.rounding());
    sheet.section(list, Share::WHOLE, quantities, false)?;
    sheet.bill()
}

/// What is taken of each of some credits, one after the other, to pay an amount.
pub fn draw(amount: Exact, credits: &[Exact]) -> Result<Vec<Exact>, TooLarge> {
    let mut left = amount.max(Exact::ZERO);
    let take = |credit: &Exact| {
        let taken = left.min(*credit).max(Exact::ZERO);
        left = left.minus(taken)?;
        Ok(taken)
    };
    credits.iter().map(take).collect()
}

/// What a line says beside its charge.
#[derive(Clone, Copy)]
struct Draft {
    kind: LineKind,
    tier: Option<(u64, Option<NonZeroU64>)>,
    quantity_milli: u128,
    packages: Option<u128>,
    unit_price: Option<Price>,
    exact: Exact,
}

impl Draft {
    fn new(kind: LineKind, exact: Exact) -> Self {
        Self { kind, tier: None, quantity_milli: 0, packages: None, unit_price: None, exact }
    }

    fn usage(milli: u128, price: Price) -> Result<Self, TooLarge> {
        let exact = price.times(milli)?;
        let line = Self::new(LineKind::Usage, exact);
        Ok(Self { quantity_milli: milli, unit_price: Some(price), ..line })
    }
}

/// A bill under way.
#[derive(Debug)]
pub struct Sheet {
    currency: Currency,
    rounding: Rounding,
    lines: Vec<Line>,
    sections: usize,
}

impl Sheet {
    /// An empty bill.
    #[must_use]
    pub fn new(currency: Currency, rounding: Rounding) -> Self {
        Self { currency, rounding, lines: Vec::new(), sections: 0 }
    }

    /// Adds what a list asks for the part of the period in which it was in force, and for what was counted for
    /// each of its charges meanwhile. `first` says whether what is asked once falls due.
    pub fn section(
        &mut self,
        list: &PriceList,
        share: Share,
        quantities: &[u128],
        first: bool,
    ) -> Result<(), TooLarge> {
        let list = list.prorated(share);
        if !list.fee().is_zero() {
            self.fixed(LineKind::Fee, None, list.fee());
        }
        let once = if first { list.one_time() } else { &[] };
        for (kind, amounts) in [(LineKind::Recurring, list.recurring()), (LineKind::OneTime, once)]
        {
            for FixedAmount { name, amount } in amounts {
                self.fixed(kind, Some(name), *amount);
            }
        }
        for (n, charge) in list.charges().iter().enumerate() {
            self.charge(&list, charge, quantities.get(n).copied().unwrap_or(0))?;
        }
        self.sections += 1;
        Ok(())
    }

    /// Adds a line that belongs to no section.
    pub fn line(&mut self, kind: LineKind, quantity_milli: u128, exact: Exact) {
        let line = Draft { quantity_milli, ..Draft::new(kind, exact) };
        self.push(None, None, line);
    }

    /// Rounds what an amount comes to.
    #[must_use]
    pub fn round(&self, exact: Exact) -> Exact {
        exact.rounded(self.currency.decimals(), self.rounding)
    }

    fn fixed(&mut self, kind: LineKind, name: Option<&ChargeName>, price: Price) {
        let line = Draft::new(kind, price.once());
        // One of it, at the price that it has for the part of the period.
        let line = Draft { quantity_milli: MILLI, unit_price: Some(price), ..line };
        self.push(Some(self.sections), name, line);
    }

    fn add(&mut self, charge: &Charge, draft: Draft) {
        self.push(Some(self.sections), Some(&charge.name), draft);
    }

    fn push(&mut self, section: Option<usize>, charge: Option<&ChargeName>, draft: Draft) {
        let Draft { kind, tier, quantity_milli, packages, unit_price, exact } = draft;
        let (charge, amount) = (charge.cloned(), self.round(exact));
        self.lines.push(Line {
            kind,
            section,
            charge,
            tier,
            quantity_milli,
            packages,
            unit_price,
            exact,
            amount,
        });
    }

    fn charge(&mut self, list: &PriceList, charge: &Charge, milli: u128) -> Result<(), TooLarge> {
        let included = milli.min(u128::from(charge.included) * MILLI);
        if included > 0 {
            let line = Draft::new(LineKind::Included, Exact::ZERO);
            self.add(charge, Draft { quantity_milli: included, ..line });
        }
        let mut sum = Exact::ZERO;
        for line in priced(&charge.model, milli - included)? {
            sum = sum.plus(line.exact)?;
            self.add(charge, line);
        }
        let off = sum.part(list.discount())?;
        if off != Exact::ZERO {
            self.add(charge, Draft::new(LineKind::Discount, Exact::ZERO.minus(off)?));
            sum = sum.minus(off)?;
        }
        if let Some(max) = charge.max.map(Price::once).filter(|max| sum > *max) {
            self.add(charge, Draft::new(LineKind::MaxCap, max.minus(sum)?));
            sum = max;
        }
        let min = charge.min.once();
        if sum < min {
            self.add(charge, Draft::new(LineKind::MinTrueup, min.minus(sum)?));
        }
        Ok(())
    }

    /// The bill, with a line for what the roundings leave.
    pub fn bill(mut self) -> Result<Bill, TooLarge> {
        let exact = Exact::sum(self.lines.iter().map(|line| line.exact))?;
        let billed = Exact::sum(self.lines.iter().map(|line| line.amount))?;
        let total = self.round(exact);
        if total != billed {
            // It changes what is billed, and nothing of what the use came to.
            self.push(None, None, Draft::new(LineKind::Rounding, Exact::ZERO));
            if let Some(line) = self.lines.last_mut() {
                line.amount = total.minus(billed)?;
            }
        }
        Ok(Bill { lines: self.lines, exact, total })
    }
}

/// The lines that a model makes of the units that are not included.
fn priced(model: &Model, milli: u128) -> Result<Vec<Draft>, TooLarge> {
    if milli == 0 {
        return Ok(Vec::new());
    }
    match model {
        Model::Flat(price) => {
            // The units that it is asked for have no price of their own: it is asked once, whatever they are.
            let covered = Draft::new(LineKind::Included, Exact::ZERO);
            let covered = Draft { quantity_milli: milli, ..covered };
            let line = Draft::new(LineKind::Flat, price.once());
            let line = Draft { quantity_milli: MILLI, unit_price: Some(*price), ..line };
            Ok(vec![covered, line])
        }
        Model::PerUnit(price) => Ok(vec![Draft::usage(milli, *price)?]),
        Model::Graduated(tiers) => {
            let mut lines = Vec::new();
            for (from, tier) in tiers.spans() {
                let part = milli.min(end(tier)).saturating_sub(u128::from(from) * MILLI);
                in_tier(from, tier, part, &mut lines)?;
            }
            Ok(lines)
        }
        Model::Volume(tiers) => {
            let mut lines = Vec::new();
            if let Some((from, tier)) = holding(tiers, milli) {
                in_tier(from, tier, milli, &mut lines)?;
            }
            Ok(lines)
        }
        Model::Package { size, price } => {
            let packages = milli.div_ceil(u128::from(size.get()) * MILLI);
            let exact = price.times(packages.checked_mul(MILLI).ok_or(TooLarge)?)?;
            let line = Draft::new(LineKind::Usage, exact);
            let (packages, unit_price) = (Some(packages), Some(*price));
            Ok(vec![Draft { quantity_milli: milli, packages, unit_price, ..line }])
        }
    }
}

/// The last thousandth that is in a tier.
pub(super) fn end(tier: &Tier) -> u128 {
    tier.up_to.map_or(u128::MAX, |up_to| u128::from(up_to.get()) * MILLI)
}

/// The tier that a whole quantity falls into.
pub(super) fn holding(tiers: &Tiers, milli: u128) -> Option<(u64, &Tier)> {
    tiers.spans().find(|(_, tier)| milli <= end(tier))
}

fn in_tier(from: u64, tier: &Tier, milli: u128, lines: &mut Vec<Draft>) -> Result<(), TooLarge> {
    if milli == 0 {
        return Ok(());
    }
    let tier_span = Some((from, tier.up_to));
    lines.push(Draft { tier: tier_span, ..Draft::usage(milli, tier.unit)? });
    if !tier.flat.is_zero() {
        let line = Draft::new(LineKind::Flat, tier.flat.once());
        lines.push(Draft { tier: tier_span, unit_price: Some(tier.flat), ..line });
    }
    Ok(())
}
