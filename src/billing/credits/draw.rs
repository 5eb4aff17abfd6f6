//! The arithmetic of drawing, pure.

use super::model::{Due, Grant};
use crate::rating::{Exact, TooLarge, draw};

/// A grant with what is left of it.
#[derive(Debug, Clone)]
pub(super) struct Pot {
    pub(super) grant: Grant,
    pub(super) left: Exact,
}

/// The grants of a partner, on which statements draw one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Purse {
    pots: Vec<Pot>,
}

/// What a statement draws on a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draw {
    /// The grant, by its place in the purse.
    pub(super) pot: usize,
    /// How much.
    pub(super) amount: Exact,
    /// What is left of the grant behind it.
    pub(super) left: Exact,
}

impl Purse {
    /// The grants in the order in which they are drawn, without those of which nothing is left.
    pub(super) fn of(mut pots: Vec<Pot>) -> Self {
        pots.retain(|pot| pot.left > Exact::ZERO);
        pots.sort_by_key(|pot| pot.grant.rank());
        Self { pots }
    }

    /// Whether something of a statement is paid, if other statements leave enough.
    pub(super) fn pays(&self, due: &Due<'_>) -> bool {
        self.pots.iter().any(|pot| pot.grant.pays(due))
    }

    /// The most that is paid of a statement, whatever it comes to.
    pub(super) fn most(&self, due: &Due<'_>) -> Result<Exact, TooLarge> {
        Exact::sum(self.pots.iter().filter(|pot| pot.grant.pays(due)).map(|pot| pot.left))
    }

    /// Whether a grant in it pays for statements of several apps.
    pub(super) fn is_shared(&self) -> bool {
        self.pots.iter().any(|pot| pot.grant.asked.app_id.is_none())
    }

    /// A grant by its place.
    pub(super) fn grant(&self, draw: &Draw) -> Option<&Grant> {
        self.pots.get(draw.pot).map(|pot| &pot.grant)
    }

    /// Has a statement draw on the grants that pay for it.
    pub(super) fn draw(&mut self, due: &Due<'_>) -> Result<Vec<Draw>, TooLarge> {
        let mut paying: Vec<(usize, &mut Pot)> =
            self.pots.iter_mut().enumerate().filter(|(_, pot)| pot.grant.pays(due)).collect();
        let lefts: Vec<Exact> = paying.iter().map(|(_, pot)| pot.left).collect();
        let mut draws = Vec::new();
        for ((pot, of), amount) in paying.iter_mut().zip(draw(due.amount, &lefts)?) {
            if amount > Exact::ZERO {
                of.left = of.left.minus(amount)?;
                draws.push(Draw { pot: *pot, amount, left: of.left });
            }
        }
        Ok(draws)
    }
}
