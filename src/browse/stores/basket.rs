//! What a customer wants to buy, and whether a store has all of it.

use crate::access::model::StockDisclosure;
use crate::access::resource::Kind;
use crate::catalog::api::Included;
use crate::catalog::view::CatalogView;
use crate::http::Params;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::{Gtin, Micros};
use crate::stock::embed;
use crate::stock::view::StockView;

/// Most items in a basket.
const MOST: usize = 20;
/// Most of one item, in thousandths.
const MOST_OF_ONE: i64 = 1_000_000_000;

/// The products of a basket with how many of each, in thousandths.
#[derive(Debug)]
pub(super) struct Basket(Vec<(ProductId, Option<Gtin>, i64)>);

impl Basket {
    /// Reads `items`. What is named twice is wanted that often.
    pub(super) fn read(
        params: &mut Params,
        catalog: &CatalogView,
        included: &Included,
    ) -> Option<Self> {
        let texts: Vec<String> = params.list("items", MOST);
        if texts.is_empty() {
            return None;
        }
        let mut items: Vec<(ProductId, Option<Gtin>, i64)> = Vec::with_capacity(texts.len());
        for text in texts {
            let (code, quantity) = text.split_once(':').unwrap_or((&text, "1"));
            let Some(quantity) = thousandths(quantity) else {
                let message = format!(
                    "has `{text}`; behind the colon stands how many, above 0 with at most 3 decimals"
                );
                params.fault("items", "malformed", message);
                continue;
            };
            let Some(id) = product(params, code, catalog, included) else { continue };
            match items.iter_mut().find(|(known, ..)| *known == id) {
                Some((_, _, wanted)) => *wanted = (*wanted + quantity).min(MOST_OF_ONE),
                None => items.push((id, catalog.gtin_of(id).flatten(), quantity)),
            }
        }
        Some(Self(items))
    }

    /// Whether a store has every item.
    pub(super) fn is_in(&self, store: StoreId, stock: &StockView, told: StockDisclosure) -> bool {
        let mut items = self.0.iter();
        items.all(|(id, _, wanted)| embed::has_enough(stock, *id, store, told, *wanted))
    }

    /// The lines of stock of every item, as a JSON array, if the store has all of them.
    pub(super) fn lines(
        &self,
        store: StoreId,
        stock: &StockView,
        (told, now): (StockDisclosure, Micros),
        included: &Included,
    ) -> Option<Vec<u8>> {
        let mut lines = b"[".to_vec();
        for (nth, (product, gtin, wanted)) in self.0.iter().enumerate() {
            let product = (*product, *gtin);
            let line = embed::line_of_enough(stock, product, store, (told, now), *wanted)?;
            if nth > 0 {
                lines.push(b',');
            }
            lines.extend(included.cut(Kind::Stock, line));
        }
        lines.push(b']');
        Some(lines)
    }
}

fn product(
    params: &mut Params,
    code: &str,
    catalog: &CatalogView,
    included: &Included,
) -> Option<ProductId> {
    let grant = included.grant();
    let known = match code.parse::<ProductId>() {
        Ok(id) => Some(id).filter(|id| catalog.has_product_within(grant, *id)),
        Err(_) if code.bytes().all(|byte| byte.is_ascii_digit()) => {
            catalog.id_of_within(grant, params.gtin_among("items", code)?)
        }
        Err(error) => {
            let what = if code.starts_with(ProductId::PREFIX) {
                error.to_string()
            } else {
                "is neither a GTIN nor the id of a product".to_owned()
            };
            params.fault("items", "malformed", format!("has `{code}`, which {what}"));
            return None;
        }
    };
    if known.is_none() {
        params.fault("items", "not_found", format!("has `{code}`, which no product has"));
    }
    known
}

/// A quantity above 0 in thousandths: up to 7 digits, and up to 3 behind a point.
fn thousandths(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').map_or((text, "0"), |(whole, rest)| (whole, rest));
    let are_digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !are_digits(whole, 7) || !are_digits(decimals, 3) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let decimals: i64 = format!("{decimals:0<3}").parse().ok()?;
    let thousandths = whole * 1_000 + decimals;
    (1..=MOST_OF_ONE).contains(&thousandths).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantity_is_above_nothing() {
        assert_eq!((thousandths("2"), thousandths("0.25")), (Some(2_000), Some(250)));
        for bad in ["", "0", "-1", "0.0001", "1.", ".5", "1.5.1", "1e3", "1000001", "NaN", "2 "] {
            assert_eq!(thousandths(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_basket_panics(text: String) {
            let encoded: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("items", &text).finish();
            let all = Included::default();
            let _ = Basket::read(&mut Params::new(&encoded), &CatalogView::default(), &all);
        }
    }
}
