//! Prices that are rather a mistake of an export than a price: nothing at all, or far from the price
//! that the same offer has.

use super::Terms;
use crate::catalog::fault::Fault;
use crate::kernel::Money;

/// How far a price may lie from the one that the same offer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plausible(u32);

impl Default for Plausible {
    /// Real prices have moved by 13 times in a week; a lost decimal point moves them by 100.
    fn default() -> Self {
        Self(100)
    }
}

impl Plausible {
    /// Every price is taken.
    pub const ANY: Self = Self(0);

    /// At most so many times above or below; 0 is any price.
    #[must_use]
    pub const fn times(factor: u32) -> Self {
        Self(factor)
    }

    /// What is wrong with the price of `terms`, `now` being the one that the offer has.
    pub(super) fn check(self, terms: &Terms, now: Option<Money>) -> Result<(), Fault> {
        let price = terms.price;
        if self == Self::ANY {
            return Ok(());
        }
        let refuse = |field: &'static str, code, what: String| {
            let part = if code == "other_currency" { "currency" } else { "amount" };
            let message = with_way(&what);
            let value = match code {
                "zero_price" => "0".to_owned(),
                "other_currency" => price.currency.code().to_owned(),
                _ => price.to_string(),
            };
            Err(Fault::new(field, &value, code, message).within(part))
        };
        for (field, amount) in [
            ("price", Some(price.amount)),
            ("list_price", terms.list_price),
            ("member_price", terms.member_price),
            ("sale.price", terms.sale.map(|sale| sale.price)),
        ] {
            if amount.is_some_and(|amount| amount.0 == 0) {
                return refuse(field, "zero_price", "is zero".to_owned());
            }
        }
        for (field, amount, is_wrong, side) in [
            ("list_price", terms.list_price, terms.list_price < Some(price.amount), "below"),
            ("member_price", terms.member_price, terms.member_price > Some(price.amount), "above"),
        ] {
            if let Some(amount) = amount.filter(|_| is_wrong) {
                let value = Money { amount, ..price }.to_string();
                let message =
                    with_way(&format!("is {side} the price, {price} {}", price.currency.code()));
                return Err(
                    Fault::new(field, &value, "contradicts_price", message).within("amount")
                );
            }
        }
        self.check_sale(terms)?;
        let Some(now) = now.filter(|now| now.amount.0 > 0) else { return Ok(()) };
        if now.currency != price.currency {
            // A number says nothing beside one of another currency.
            let what =
                format!("is another currency than that of the price now, {}", now.currency.code());
            return refuse("price", "other_currency", what);
        }
        let (new, old) = (i128::from(price.amount.0), i128::from(now.amount.0));
        let most = i128::from(self.0);
        let way = if new > old * most { "above" } else { "below" };
        if new > old * most || old > new * most {
            let code = now.currency.code();
            let what = format!("is more than {most} times {way} the price now, {now} {code}");
            return refuse("price", "implausible_price", what);
        }
        Ok(())
    }

    /// What is wrong with the price of a sale beside the one outside it.
    fn check_sale(self, terms: &Terms) -> Result<(), Fault> {
        let Some(sale) = &terms.sale else { return Ok(()) };
        let most = i128::from(self.0);
        if i128::from(terms.price.amount.0) <= i128::from(sale.price.0) * most {
            return Ok(());
        }
        let (price, code) = (terms.price, terms.price.currency.code());
        let what =
            format!("is more than {most} times below the price outside the sale, {price} {code}");
        let value = Money { amount: sale.price, ..price }.to_string();
        let fault = Fault::new("sale.price", &value, "implausible_price", with_way(&what));
        Err(fault.within("amount"))
    }
}

/// What is wrong, and how it gets in where it is right.
fn with_way(what: &str) -> String {
    let way = "if that is right, import the row with --any-price, or upload it with any_price=true";
    format!("{what}; {way} (feeds.max_price_factor)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::offers::PriceType;
    use proptest::prelude::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
    }

    fn terms(price: Money) -> Terms {
        Terms {
            price,
            list_price: None,
            member_price: None,
            price_type: PriceType::Regular,
            unit_price: None,
            unit_reference: None,
            tax_included: true,
            eco_contribution: None,
            seller: None,
            valid_from: None,
            valid_through: None,
            sale: None,
            promotion_ids: String::new(),
        }
    }

    fn code(rule: Plausible, new: &str, now: Option<(&str, &str)>) -> Result<(), &'static str> {
        let now = now.map(|(amount, currency)| money(amount, currency));
        rule.check(&terms(money(new, "EUR")), now).map_err(|fault| fault.code)
    }

    #[test]
    fn a_lost_point_is_seen_and_a_sale_is_none() {
        let hundred = Plausible::default();
        assert_eq!(code(hundred, "12.90", None), Ok(()));
        assert_eq!(code(hundred, "1290.00", Some(("12.90", "EUR"))), Ok(()));
        assert_eq!(code(hundred, "1290.01", Some(("12.90", "EUR"))), Err("implausible_price"));
        assert_eq!(code(hundred, "0.12", Some(("12.90", "EUR"))), Err("implausible_price"));
        assert_eq!(code(hundred, "12.90", Some(("12.90", "USD"))), Err("other_currency"));
        assert_eq!(code(hundred, "129000", Some(("0", "EUR"))), Ok(()));
        assert_eq!(code(hundred, "0", None), Err("zero_price"));
        assert_eq!(code(Plausible::ANY, "0", Some(("12.90", "EUR"))), Ok(()));
        let nothing = Some("0".parse().unwrap());
        let members = Terms { member_price: nothing, ..terms(money("1", "EUR")) };
        let fault = hundred.check(&members, None).unwrap_err();
        assert_eq!((fault.code, fault.field.as_ref()), ("zero_price", "member_price.amount"));
        let fault = hundred.check(&terms(money("5000", "EUR")), Some(money("12.9", "EUR")));
        let message = fault.unwrap_err().message;
        assert!(message.contains("100 times above the price now, 12.90 EUR"), "{message}");
        assert!(message.contains("--any-price") && message.contains("any_price=true"), "{message}");
    }

    #[test]
    fn a_lost_point_of_a_sale_is_seen_beside_its_own_price() {
        let sale = |price: &str| {
            let sale = crate::catalog::offers::Sale {
                price: price.parse().unwrap(),
                unit_price: None,
                valid_from: None,
                valid_through: None,
                lowest_price_30d: None,
            };
            Terms { sale: Some(sale), ..terms(money("129.00", "EUR")) }
        };
        let hundred = Plausible::default();
        assert_eq!(hundred.check(&sale("1.29"), None), Ok(()));
        let fault = hundred.check(&sale("1.28"), None).unwrap_err();
        assert_eq!((fault.code, fault.field.as_ref()), ("implausible_price", "sale.price.amount"));
        assert_eq!(fault.value, "1.28");
        assert!(fault.message.contains("the price outside the sale, 129.00 EUR"), "{fault:?}");
        assert_eq!(Plausible::ANY.check(&sale("0.12"), None), Ok(()));
    }

    proptest! {
        #[test]
        fn no_amount_overflows(new in 0..=i64::MAX, now in 0..=i64::MAX, factor: u32) {
            let of = |amount| Money { amount: crate::kernel::Amount(amount), ..money("1", "EUR") };
            let _ = Plausible::times(factor).check(&terms(of(new)), Some(of(now)));
        }
    }
}
