//! Offers as they are stored, for the lines that come about them.

use super::history::Priced;
use crate::catalog::offers::{Offer, OfferKey, PriceType, Sale, Terms, priced};
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Micros, Money};
use crate::storage::StoreError;
use crate::storage::bulk::Statement;

pub(super) static FIND: Statement = Statement::new(
    "WITH k (product_id, store_id, channel) AS (VALUES",
    3,
    ") SELECT o.product_id, o.store_id, o.channel, o.currency, o.price, o.list_price,
         o.member_price, o.price_type, o.unit_price, o.unit_reference, o.tax_included,
         o.valid_from, o.valid_through, COALESCE(o.named_promotions, o.promotion_ids) AS named,
         o.as_of, o.confirmed_at, o.version,
         o.eco_contribution, o.seller, o.reduced_since, o.lowest_price_30d, o.sale, o.turns_at,
         o.deleted_at
       FROM k JOIN offers o ON o.product_id = k.product_id AND o.store_id = k.store_id
         AND o.channel = k.channel",
);

/// An offer as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Stored {
    product_id: String,
    store_id: String,
    channel: String,
    pub(super) currency: String,
    price: i64,
    list_price: Option<i64>,
    member_price: Option<i64>,
    pub(super) price_type: String,
    unit_price: Option<i64>,
    unit_reference: Option<String>,
    tax_included: bool,
    valid_from: Option<i64>,
    pub(super) valid_through: Option<i64>,
    named: String,
    as_of: i64,
    confirmed_at: Option<i64>,
    pub(super) version: i64,
    eco_contribution: Option<i64>,
    seller: Option<String>,
    pub(super) reduced_since: Option<i64>,
    pub(super) lowest_price_30d: Option<i64>,
    #[sqlx(rename = "sale")]
    sale_text: Option<String>,
    /// The sale beside its price, as far as it was read.
    #[sqlx(skip)]
    pub(super) sale: Option<Sale>,
    turns_at: Option<i64>,
    deleted_at: Option<i64>,
}

/// The sale in a column.
pub(super) fn sale_of(text: Option<&str>) -> Result<Option<Sale>, StoreError> {
    let corrupt = |text| StoreError::corrupt("offers", format!("`{text}` is no sale"));
    text.map(|text| Sale::read(text).ok_or_else(|| corrupt(text))).transpose()
}

impl Stored {
    /// Which offer.
    pub(super) fn key(&self) -> Result<OfferKey, StoreError> {
        let corrupt = |error| StoreError::corrupt("offers", error);
        Ok(OfferKey {
            product: self.product_id.parse().map_err(corrupt)?,
            store: self.store_id.parse().map_err(corrupt)?,
            channel: self.channel.parse().map_err(|error| StoreError::corrupt("offers", error))?,
        })
    }

    /// The newest instant of which anything was told of it.
    pub(super) fn told_at(&self) -> i64 {
        self.confirmed_at.map_or(self.as_of, |at| at.max(self.as_of))
    }

    /// What it costs outside a sale.
    pub(super) fn money(&self) -> Result<Money, StoreError> {
        let currency = self.currency.parse();
        let currency = currency.map_err(|error| StoreError::corrupt("offers", error))?;
        Ok(Money { amount: Amount(self.price), currency })
    }

    /// Whether partners are told of it: it is there, and no price of one customer.
    pub(super) fn is_told(&self) -> bool {
        self.deleted_at.is_none() && !self.is_personal()
    }

    fn is_personal(&self) -> bool {
        self.price_type == PriceType::Personal.as_str()
    }

    /// From when on its price was asked, if it ever was: the place of that in the history.
    fn begins(&self) -> i64 {
        self.valid_from.map_or(self.as_of, |from| from.max(self.as_of))
    }

    /// Whether its price was asked at an instant.
    pub(super) fn is_asked(&self, at: Micros) -> bool {
        self.is_told() && self.begins() <= at.0 && self.valid_through.is_none_or(|end| at.0 <= end)
    }

    /// Until when its price was asked, where that had ended before the instant of a line that comes in time.
    pub(super) fn ended_before(&self, as_of: Micros) -> Option<Micros> {
        let through = self.valid_through.unwrap_or(i64::MAX);
        if self.is_personal() || as_of.0 < self.told_at() || through < self.begins() {
            return None;
        }
        let own = (through < as_of.0).then_some(through.saturating_add(1));
        [own, self.deleted_at].into_iter().flatten().min().map(Micros)
    }

    /// Whether it is withdrawn though nothing was told of it behind an instant: a full feed named it no more, or its product
    /// or store was gone.
    pub(super) fn is_gone_since(&self, at: Micros) -> bool {
        self.deleted_at.is_some() && self.as_of == at.0
    }

    /// When its price was to be asked from, where another line came before that.
    pub(super) fn not_begun(&self, offer: &Offer) -> Option<Micros> {
        let gone = self.deleted_at.map_or(offer.as_of.0, |gone| gone.min(offer.as_of.0));
        let is_late = offer.as_of.0 < self.told_at();
        let never = !is_late && !self.is_as(offer.terms.as_deref()) && self.begins() > gone;
        never.then_some(Micros(self.begins()))
    }

    /// The row with its sale read.
    pub(super) fn whole(mut self) -> Result<Self, StoreError> {
        self.sale = sale_of(self.sale_text.as_deref())?;
        Ok(self)
    }

    /// Its price at an instant.
    pub(super) fn at(&self, at: Micros) -> Priced<'_> {
        let (own, list_price) = (Amount(self.price), self.list_price.map(Amount));
        let (price, list_price) = priced(own, list_price, self.sale.as_ref(), at);
        (&self.currency, price, list_price)
    }

    /// The last instant up to which the turns of its price are noted and told.
    fn told_until(&self) -> i64 {
        self.turns_at.map_or(i64::MAX, |due| due.saturating_sub(1))
    }

    /// The price that was told last.
    pub(super) fn told(&self) -> Priced<'_> {
        self.at(Micros(self.told_until()))
    }

    /// The turns of its price before a line's instant that have passed and that nobody has noted yet.
    pub(super) fn missed(&self, as_of: Micros, now: Micros) -> Vec<Micros> {
        if !self.is_told() {
            return Vec::new();
        }
        let span = (self.valid_from.map(Micros), self.valid_through.map(Micros));
        let turns = self.sale.iter().flat_map(|sale| sale.turns_within(span));
        turns.filter(|at| at.0 > self.told_until() && *at < as_of && *at <= now).collect()
    }

    /// The price that the history has at the instant of a line, once what it has missed is noted. A line dated
    /// ahead has noted its price of then, and no turn before.
    pub(super) fn noted_at(&self, as_of: Micros, now: Micros) -> Priced<'_> {
        let caught_up = now.0.min(as_of.0.saturating_sub(1));
        let noted = self.told_until().max(self.as_of).max(caught_up);
        self.at(Micros(noted.min(as_of.0)))
    }

    /// The turns of its price that were noted and that a line says were none: one that is newer than all that
    /// was told, of a sale that is not over. What has been asked to the end stays.
    pub(super) fn denied(&self, as_of: Micros) -> Vec<Micros> {
        let is_over =
            |sale: &&Sale| sale.valid_through.is_some_and(|end| end.0 < self.told_until());
        let sale = self.sale.iter().filter(|_| as_of.0 > self.told_at());
        let turns = sale.filter(|sale| !is_over(sale)).flat_map(Sale::turns);
        turns.filter(|turn| *turn > as_of && turn.0 <= self.told_until()).collect()
    }

    /// The prior price of a reduction in which it is at an instant, where it is in one.
    pub(super) fn prior_at(&self, at: Micros) -> Option<Option<i64>> {
        if let Some(sale) = self.sale.filter(|sale| sale.holds(at)) {
            return Some(sale.lowest_price_30d.map(|amount| amount.0));
        }
        let is_sale = self.price_type == PriceType::Sale.as_str() && self.reduced_since.is_some();
        let holds = self.valid_through.is_none_or(|through| at.0 <= through);
        (is_sale && holds).then_some(self.lowest_price_30d)
    }

    /// Whether it stands as a line says: with these terms, or gone where there are none.
    pub(super) fn is_as(&self, terms: Option<&Terms>) -> bool {
        match terms {
            None => self.deleted_at.is_some(),
            Some(terms) => self.deleted_at.is_none() && self.same(terms),
        }
    }

    /// Whether its terms are these.
    pub(super) fn same(&self, terms: &Terms) -> bool {
        self.currency == terms.price.currency.code()
            && self.price == terms.price.amount.0
            && self.list_price == terms.list_price.map(|a| a.0)
            && self.sale.as_ref().map(Sale::as_told) == terms.sale
            && self.member_price == terms.member_price.map(|a| a.0)
            && self.price_type == terms.price_type.as_str()
            && self.unit_price == terms.unit_price.map(|a| a.0)
            && self.unit_reference == terms.unit_reference
            && self.tax_included == terms.tax_included
            && self.eco_contribution == terms.eco_contribution.map(|a| a.0)
            && self.seller == terms.seller
            && self.valid_from == terms.valid_from.map(|at| at.0)
            && self.valid_through == terms.valid_through.map(|at| at.0)
            && self.named == terms.promotion_ids
    }
}
