//! Offers as a feed tells them: what a product costs in a store.

mod plausible;
mod sale;
pub mod store;

pub use plausible::Plausible;
pub use sale::Sale;

use crate::catalog::check::{self, Heard, Measure, MoneyIn, NAME};
use crate::catalog::document::Op;
use crate::catalog::fault::Fault;
use crate::catalog::known::{Known, Names as _};
use crate::kernel::id::{ProductId, PromotionId, StoreId};
use crate::kernel::word::{Word as _, read_words, words};
use crate::kernel::{Amount, Micros, Money};
use sale::SaleIn;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

words! {
    /// Where an offer holds.
    pub enum Channel {
        /// In the shop.
        InStore = "in_store",
        /// On the web.
        Online = "online",
    }
}
read_words!(Channel);

words! {
    /// What kind of price an offer has.
    pub enum PriceType {
        /// The ordinary price.
        Regular = "regular",
        /// Reduced for a time.
        Sale = "sale",
        /// For members of the loyalty programme.
        Member = "member",
        /// For one customer.
        Personal = "personal",
    }
}

/// A line of an offer feed. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferIn {
    #[serde(default)]
    op: Op,
    sku: Option<String>,
    gtin: Option<String>,
    product_id: Option<String>,
    store_code: Option<String>,
    store_id: Option<String>,
    store_gln: Option<String>,
    channel: Option<String>,
    price: Option<MoneyIn>,
    list_price: Option<MoneyIn>,
    member_price: Option<MoneyIn>,
    price_type: Option<String>,
    unit_price: Option<UnitPriceIn>,
    tax_included: Option<bool>,
    valid_from: Option<String>,
    valid_through: Option<String>,
    sale: Option<SaleIn>,
    #[serde(default)]
    promotion_codes: Vec<String>,
    #[serde(default)]
    promotion_ids: Vec<String>,
    as_of: Option<String>,
    // Computed from the history of the prices: an answer sent back in has it, a feed cannot set it.
    #[serde(default, rename = "lowest_price_30d")]
    _lowest: IgnoredAny,
    eco_contribution: Option<MoneyIn>,
    seller: Option<SellerIn>,
    #[serde(default, rename = "updated_at")]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "version")]
    _version: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitPriceIn {
    amount: check::Decimal,
    currency: String,
    reference: Measure,
}

/// Who sells, where it is not the retailer.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SellerIn {
    id: String,
    name: String,
}

impl SellerIn {
    /// The JSON object that the offer keeps.
    fn checked(self) -> Result<String, Fault> {
        let id = check::code("seller.id", &self.id)?;
        let name = check::text("seller.name", &self.name, NAME)?;
        serde_json::to_string(&Self { id, name }).map_err(|error| Fault::unwritable(&error))
    }
}

/// What an offer is of, where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferKey {
    /// The product.
    pub product: ProductId,
    /// The store.
    pub store: StoreId,
    /// The channel.
    pub channel: Channel,
}

/// A checked line about an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Which offer.
    pub key: OfferKey,
    /// Its terms; none where it is withdrawn.
    pub terms: Option<Box<Terms>>,
    /// When that was so.
    pub as_of: Micros,
}

/// The terms of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What it costs.
    pub price: Money,
    /// The price that a reduction is measured from.
    pub list_price: Option<Amount>,
    /// What members pay.
    pub member_price: Option<Amount>,
    /// What kind of price it is.
    pub price_type: PriceType,
    /// The price of the reference amount.
    pub unit_price: Option<Amount>,
    /// `{"value":"1","unit_code":"LTR"}`.
    pub unit_reference: Option<String>,
    /// Whether taxes are in the prices.
    pub tax_included: bool,
    /// What of the price is a contribution for disposal.
    pub eco_contribution: Option<Amount>,
    /// `{"id":"…","name":"…"}`.
    pub seller: Option<String>,
    /// From when it holds.
    pub valid_from: Option<Micros>,
    /// Until when it holds.
    pub valid_through: Option<Micros>,
    /// A lower price for a time, beside the one that holds otherwise.
    pub sale: Option<Sale>,
    /// The ids of the promotions that the feed names, with spaces between.
    pub promotion_ids: String,
}

/// Whether what holds from an instant through another does so at a third. Without a first it has begun, without a
/// last it has no end.
pub(super) fn holds((from, through): (Option<Micros>, Option<Micros>), at: Micros) -> bool {
    from.is_none_or(|from| from <= at) && through.is_none_or(|through| at <= through)
}

impl Terms {
    /// Whether the price is announced as reduced: it is below the one it is measured from, or is
    /// called a sale.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        self.price_type == PriceType::Sale
            || self.list_price.is_some_and(|list| self.price.amount < list)
    }

    /// Whether it is the price of one customer, which partners are told nothing of.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.price_type == PriceType::Personal
    }

    /// From when on it is asked, told of an instant.
    fn begins(&self, as_of: Micros) -> Micros {
        self.valid_from.map_or(as_of, |from| from.max(as_of))
    }

    /// Whether it is asked at an instant.
    fn holds(&self, at: Micros) -> bool {
        holds((self.valid_from, self.valid_through), at)
    }

    /// The price at an instant, with its currency and the price that a reduction is measured from.
    fn at(&self, at: Micros) -> (&str, Amount, Option<Amount>) {
        let sale = self.sale.as_ref();
        let (price, list_price) = priced(self.price.amount, self.list_price, sale, at);
        (self.price.currency.code(), price, list_price)
    }
}

/// What an offer asks at an instant, and the price that a reduction is measured from.
fn priced(
    price: Amount,
    list_price: Option<Amount>,
    sale: Option<&Sale>,
    at: Micros,
) -> (Amount, Option<Amount>) {
    match sale.filter(|sale| sale.holds(at)) {
        Some(sale) => (sale.price, Some(price)),
        None => (price, list_price),
    }
}

impl OfferIn {
    /// The offer, or what is wrong with it. It held when it was heard first, where the line does not say.
    pub fn check(self, known: &Known, heard: Heard) -> Result<Offer, Fault> {
        let key = OfferKey {
            product: known.product(
                self.product_id.as_deref(),
                self.sku.as_deref(),
                self.gtin.as_deref(),
            )?,
            store: known.store(
                self.store_id.as_deref(),
                self.store_code.as_deref(),
                self.store_gln.as_deref(),
            )?,
            channel: check::one_of("channel", self.channel.as_deref())?.unwrap_or(Channel::InStore),
        };
        let as_of = check::as_of(self.as_of.as_deref(), heard, check::PRICE_AHEAD)?;
        let terms = match self.op {
            Op::Delete => None,
            Op::Upsert => Some(Box::new(self.terms()?)),
        };
        Ok(Offer { key, terms, as_of })
    }

    fn terms(self) -> Result<Terms, Fault> {
        let Some(price) = self.price else {
            let message = "give the price as {\"amount\":\"12.90\",\"currency\":\"EUR\"}";
            return Err(Fault::new("price", "", "missing", message));
        };
        let price = price.price("price")?;
        let same = |field: &'static str, money: Option<MoneyIn>| -> Result<_, Fault> {
            let checked = |m: MoneyIn| match field {
                "unit_price" => m.unit_price(field),
                _ => m.price(field),
            };
            let Some(money) = money.map(checked).transpose()? else { return Ok(None) };
            if money.currency == price.currency {
                return Ok(Some(money.amount));
            }
            let message = format!("is in the currency of the price, {}", price.currency.code());
            Err(Fault::new(field, money.currency.code(), "other_currency", message))
        };
        let (unit_money, reference) = match self.unit_price {
            Some(UnitPriceIn { amount, currency, reference }) => {
                (Some(MoneyIn { amount, currency }), Some(reference))
            }
            None => (None, None),
        };
        let reference = reference.map(|m| m.checked("unit_price.reference")).transpose()?;
        let reference = reference.map(|r| format!("{} {}", r.value.0, r.unit_code));
        let sale = self.sale.map(|sale| sale.check(price, reference.as_deref())).transpose()?;
        let valid_from = instant("valid_from", self.valid_from.as_deref())?;
        let valid_through = instant("valid_through", self.valid_through.as_deref())?;
        check::span(valid_from, valid_through)?;
        let price_type = check::one_of("price_type", self.price_type.as_deref())?;
        let price_type = price_type.unwrap_or(PriceType::Regular);
        if sale.is_some() && price_type != PriceType::Regular {
            let message = "is regular beside `sale`: `price` is what holds before and after it";
            return Err(Fault::new("price_type", price_type.as_str(), "not_allowed", message));
        }
        Ok(Terms {
            price,
            list_price: same("list_price", self.list_price)?,
            member_price: same("member_price", self.member_price)?,
            price_type,
            unit_price: same("unit_price", unit_money)?,
            unit_reference: reference,
            tax_included: self.tax_included.unwrap_or(true),
            eco_contribution: same("eco_contribution", self.eco_contribution)?,
            seller: self.seller.map(SellerIn::checked).transpose()?,
            valid_from,
            valid_through,
            sale,
            promotion_ids: promotions(self.promotion_codes, &self.promotion_ids)?,
        })
    }
}

fn instant(field: &'static str, text: Option<&str>) -> Result<Option<Micros>, Fault> {
    text.map(|text| check::parsed(field, text)).transpose()
}

fn promotions(codes: Vec<String>, ids: &[String]) -> Result<String, Fault> {
    let mut all = Vec::new();
    for id in ids {
        all.push(check::parsed::<PromotionId>("promotion_ids", id)?);
    }
    for code in check::list("promotion_codes", codes)? {
        all.push(PromotionId::derived(&check::code("promotion_codes", &code)?));
    }
    Ok(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shape;
    use proptest::prelude::*;

    fn known() -> Known {
        let mut known = Known::default();
        known.products.insert(ProductId::derived("1"));
        known.stores.insert(StoreId::derived("a"));
        known
    }

    fn check(line: &str) -> Result<Offer, Fault> {
        shape::read::<OfferIn>(line)?.check(&known(), Micros(7).into())
    }

    #[test]
    fn prices_are_exact_as_text_and_as_number() {
        let price = |amount: &str| {
            let line = format!(
                r#"{{"sku":"1","store_code":"a","price":{{"amount":{amount},"currency":"EUR"}}}}"#
            );
            check(&line).map(|offer| offer.terms.unwrap().price.amount.0).map_err(|f| f.code)
        };
        assert_eq!(price("\"2.39\""), Ok(23_900));
        assert_eq!(price("2.39"), Ok(23_900));
        assert_eq!(price("\"439.98900000000003\""), Err("malformed"));
        assert_eq!(price("900000000000000.01"), Err("malformed"));
        assert_eq!(price("-1"), Err("negative"));
    }

    #[test]
    fn what_is_unknown_is_named() {
        let code = |line: &str| check(line).unwrap_err().code;
        assert_eq!(code(r#"{"sku":"2","store_code":"a"}"#), "unknown_product");
        assert_eq!(code(r#"{"sku":"1","store_code":"b"}"#), "unknown_store");
        assert_eq!(code(r#"{"store_code":"a"}"#), "missing");
        assert_eq!(
            code(
                r#"{"sku":"1","store_code":"a","price":{"amount":"1","currency":"EUR"},
                "list_price":{"amount":"1","currency":"USD"}}"#
            ),
            "other_currency"
        );
    }

    #[test]
    fn sellers_and_contributions_are_whole() {
        let with = |field: &str| {
            let line = format!(
                r#"{{"sku":"1","store_code":"a","price":{{"amount":"1","currency":"EUR"}},{field}}}"#
            );
            check(&line).map(|_| ()).map_err(|fault| (fault.field.into_owned(), fault.code))
        };
        let refused = |field: &str, code| Err((field.to_owned(), code));
        assert_eq!(with(r#""seller":{"name":"x"}"#), refused("seller.id", "missing_field"));
        assert_eq!(with(r#""seller":{"id":"x","name":" "}"#), refused("seller.name", "missing"));
        let dollars = r#""eco_contribution":{"amount":"1","currency":"USD"}"#;
        assert_eq!(with(dollars), refused("eco_contribution", "other_currency"));
        assert_eq!(with(r#""seller":null,"eco_contribution":null,"lowest_price_30d":{}"#), Ok(()));
    }

    proptest! {
        #[test]
        fn no_line_panics(text: String, amount: f64) {
            let _ = check(&text);
            let line = serde_json::json!({"sku": "1", "store_code": "a", "as_of": text,
                "price": {"amount": amount, "currency": "EUR"}});
            let _ = check(&line.to_string());
        }
    }
}
