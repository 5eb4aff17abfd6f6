//! What a product costs in a store in each of three periods, in cents and whole arithmetic.

use super::content::half_up;
use super::products::{Item, on_the_label};
use super::promotions::wave_percent;
use super::rng::Rng;
use super::stores::Store;

/// Periods with prices of their own; the offers of the first are complete, the others changes.
pub(super) const EPOCHS: usize = 3;

/// What members save on the products that have a price for them.
pub(super) const MEMBER_PERCENT: i64 = 10;

/// The one thing that happens to a product's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Nothing,
    /// Reduced during one period.
    Sale(usize),
    /// Another regular price from this period on, in percent of the one before.
    Change(usize, i64),
    /// A lower price for members, all the time.
    MemberPrice,
}

/// The prices of a product in a store during one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Without any reduction.
    pub(super) regular: i64,
    /// What everyone pays.
    pub(super) price: i64,
    /// What members pay, where it is less.
    pub(super) member: Option<i64>,
    /// The wave of sales that reduces the price.
    pub(super) wave: Option<usize>,
}

/// What happens to the price of a product, the same for all variants of a group.
pub(super) fn event(item: &Item) -> Event {
    if item.family.traits.book || !item.is_sold() {
        return Event::Nothing;
    }
    let mut rng = Rng::pair(item.group_key, 1);
    match rng.below(100) {
        0..3 => Event::Sale(0),
        3..6 => Event::Sale(1),
        6..9 => Event::Sale(2),
        9..11 => Event::Change(1, *rng.pick(&[92, 95, 104, 107])),
        11..13 => Event::Change(2, *rng.pick(&[94, 96, 103, 108])),
        13..23 => Event::MemberPrice,
        _ => Event::Nothing,
    }
}

/// The prices in a store, in all periods.
pub(super) fn terms(item: &Item, store: &Store) -> [Terms; EPOCHS] {
    let event = event(item);
    let zone = if item.department.is_daily() { store.price_percent() } else { 100 };
    let usual = match zone {
        100 => item.cents,
        percent => on_the_label(item.cents * percent / 100),
    };
    std::array::from_fn(|epoch| {
        let regular = match event {
            // At least a cent of difference, so that a change is one.
            Event::Change(from, percent) if epoch >= from => {
                match on_the_label(usual * percent / 100) {
                    same if same == usual => usual + if percent > 100 { 6 } else { -6 },
                    other => other,
                }
            }
            _ => usual,
        };
        let less = |percent| half_up(regular * (100 - percent), 100);
        match event {
            Event::Sale(wave) if wave == epoch => {
                let price = less(wave_percent(wave, item.department.code));
                Terms { regular, price, member: None, wave: Some(wave) }
            }
            Event::MemberPrice => {
                Terms { regular, price: regular, member: Some(less(MEMBER_PERCENT)), wave: None }
            }
            _ => Terms { regular, price: regular, member: None, wave: None },
        }
    })
}
