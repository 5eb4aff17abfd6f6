//! A statement's lines with the prices that made them: what they are called, and in what they are counted.

use crate::access::history::{PriceVersions, price_versions};
use crate::access::operation;
use crate::billing::model::{Section, Statement, StatementLine, UsageLine};
use crate::billing::rate::counts;
use crate::rating::{Charge, Meter, Model};
use crate::storage::{StoreError, Tx};

/// A statement with the price lists that it names.
pub(super) struct Priced<'a> {
    pub(super) statement: &'a Statement,
    versions: PriceVersions,
}

/// A line with what it stands on.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) line: &'a StatementLine,
    pub(super) section: Option<&'a Section>,
    pub(super) charge: Option<&'a Charge>,
}

impl<'a> Priced<'a> {
    pub(super) async fn read(tx: &mut Tx, statement: &'a Statement) -> Result<Self, StoreError> {
        Ok(Self { statement, versions: price_versions(tx, Some(statement.app_id)).await? })
    }

    /// The lines in their order.
    pub(super) fn lines(&self) -> impl Iterator<Item = Told<'_>> {
        self.statement.lines.iter().map(|line| {
            let place = line.section.and_then(|section| (section as usize).checked_sub(1));
            let section = place.and_then(|place| self.statement.sections.get(place));
            Told { line, section, charge: section.and_then(|section| self.charge(section, line)) }
        })
    }

    fn charge(&self, section: &Section, line: &StatementLine) -> Option<&Charge> {
        let mut of_plan = self.versions.get(&section.plan_id)?.iter();
        let version = of_plan.find(|version| version.number == section.plan_version)?;
        let mut charges = version.list.as_ref()?.charges().iter();
        charges.find(|charge| Some(charge.name.as_str()) == line.charge.as_deref())
    }

    /// The charged calls that a line's charge has counted in its section.
    pub(super) fn counted<'b>(&'b self, told: Told<'b>) -> impl Iterator<Item = &'b UsageLine> {
        let Told { line, charge, .. } = told;
        self.statement.usage.iter().filter(move |used| {
            used.billable
                && used.corrects_period.is_none()
                && used.section == line.section
                && charge.is_some_and(|charge| counts(charge, &used.operation))
        })
    }

    /// The calls behind a line: of the first line of a charge, those that the charge has counted; of one that corrects what
    /// was counted, those that it is about; null of all others.
    pub(super) fn event_count(&self, told: Told<'_>) -> Option<i64> {
        let line = told.line;
        if line.reason_code.is_some() {
            return line.quantity.parse().ok().filter(|count| *count != 0);
        }
        if self.source(told).is_some_and(|first| first.line != line.line) || line.meter.is_none() {
            return None;
        }
        let calls = self.counted(told).map(|used| used.requests);
        Some(calls.fold(0, i64::saturating_add)).filter(|count| *count != 0)
    }

    /// The first line of the charge that a line belongs to.
    pub(super) fn source(&self, told: Told<'_>) -> Option<&StatementLine> {
        let Told { line, .. } = told;
        line.charge.as_ref()?;
        let same = |other: &&StatementLine| {
            (other.section, &other.charge) == (line.section, &line.charge) && other.meter.is_some()
        };
        self.statement.lines.iter().find(same)
    }
}

/// What a unit of a meter is called.
fn unit_of(meter: Meter) -> &'static str {
    match meter {
        Meter::Requests => "Requests",
        Meter::Records => "Records",
        Meter::Bytes => "Bytes",
        Meter::Weight => "Units",
    }
}

impl Told<'_> {
    /// What the charge counts, as units.
    pub(super) fn consumed_unit(self) -> Option<&'static str> {
        self.charge.map(|charge| unit_of(charge.meter))
    }

    /// Units in a package, where packages are sold.
    pub(super) fn package(self) -> Option<u64> {
        match &self.charge?.model {
            Model::Package { size, .. } if self.line.packages.is_some() => Some(size.get()),
            _ => None,
        }
    }

    /// What the price is for: a unit, a package of units, a period, or a thing that is asked once.
    pub(super) fn pricing_unit(self) -> Option<String> {
        let line = self.line;
        match line.kind.as_str() {
            "fee" | "recurring" => Some("Periods".to_owned()),
            // A flat charge is asked once in a period, and the flat part of a tier once for the tier.
            "flat" if line.tier_from.is_none() => Some("Periods".to_owned()),
            "usage" | "included" => {
                let unit = self.consumed_unit()?;
                Some(match self.package() {
                    Some(size) => format!("{size} {unit}"),
                    None => unit.to_owned(),
                })
            }
            "one_time" | "flat" | "prepaid" => Some("Units".to_owned()),
            _ => None,
        }
    }

    /// The plan and the version of its prices.
    pub(super) fn plan_version(self) -> Option<String> {
        self.section.map(|section| format!("{}@{}", section.plan_id, section.plan_version))
    }

    /// What is sold, whatever its price; none of what is no use and no purchase.
    pub(super) fn sku(self) -> Option<String> {
        let plan = self.section.map(|section| format!("{}/", section.plan_id));
        Some(format!("{}{}", plan.unwrap_or_default(), self.path()?))
    }

    /// The price of it: its version and its tier.
    pub(super) fn price_id(self) -> Option<String> {
        let line = self.line;
        let version = self.plan_version().map(|version| format!("{version}/"));
        let tier = line.tier_from.map(|from| format!("/{from}"));
        let what = match line.kind.as_str() {
            kind @ ("included" | "flat") => format!("/{kind}"),
            _ => String::new(),
        };
        let (version, tier) = (version.unwrap_or_default(), tier.unwrap_or_default());
        Some(format!("{version}{}{tier}{what}", self.path()?))
    }

    fn path(self) -> Option<String> {
        let line = self.line;
        let what = match line.kind.as_str() {
            kind @ ("fee" | "recurring" | "one_time" | "prepaid") => kind,
            "usage" | "included" | "flat" => "usage",
            _ => return None,
        };
        let charge = line.charge.as_ref().map(|charge| format!("/{charge}"));
        Some(format!("{what}{}", charge.unwrap_or_default()))
    }

    /// The only operation that the charge counts, where it is one.
    pub(super) fn operation(self) -> Option<&'static str> {
        let charge = self.charge?;
        let mut counted = operation::OPERATIONS.iter().filter(|known| counts(charge, known.id));
        let first = counted.next()?;
        counted.next().is_none().then_some(first.id)
    }
}
