//! Promotions as a feed tells them.

use super::check::{self, Decimal, MoneyIn, NAME, WORD};
use super::document::{Document, Line, Op};
use super::fault::Fault;
use super::offers::Channel;
use super::translations::{self, PromotionTexts, Translations};
use crate::kernel::id::{BrandId, CategoryId, ProductId, PromotionId, StoreId};
use crate::kernel::{Micros, Money};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// A line of a promotion feed. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromotionIn {
    #[serde(default)]
    op: Op,
    code: String,
    title: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    value: Option<Decimal>,
    #[serde(default)]
    conditions: ConditionsIn,
    #[serde(default)]
    applies_to: AppliesIn,
    store_codes: Option<Vec<String>>,
    store_ids: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    audience: Option<String>,
    coupon_code: Option<String>,
    valid_from: Option<String>,
    valid_through: Option<String>,
    #[serde(default)]
    translations: BTreeMap<String, PromotionTexts>,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    #[serde(default, rename = "updated_at")]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "version")]
    _version: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionsIn {
    min_quantity: Option<u32>,
    min_spend: Option<MoneyIn>,
    #[serde(default)]
    member_only: bool,
    #[serde(default)]
    tier_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AppliesIn {
    skus: Vec<String>,
    product_ids: Vec<String>,
    category_codes: Vec<String>,
    category_ids: Vec<String>,
    brands: Vec<String>,
    brand_ids: Vec<String>,
}

/// A checked promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The retailer's code.
    pub code: String,
    /// Who it is for.
    pub audience: &'static str,
    /// The document.
    pub document: Document,
}

#[derive(Serialize)]
struct Conditions {
    min_quantity: Option<u32>,
    min_spend: Option<Money>,
    member_only: bool,
    tier_ids: Vec<String>,
}

#[derive(Serialize)]
struct Applies {
    product_ids: Vec<ProductId>,
    category_ids: Vec<CategoryId>,
    brand_ids: Vec<BrandId>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: PromotionId,
    code: &'a str,
    title: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Option<Decimal>,
    conditions: Conditions,
    applies_to: Applies,
    store_ids: Vec<String>,
    channels: Vec<Channel>,
    audience: &'static str,
    coupon_code: Option<String>,
    valid_from: Option<Micros>,
    valid_through: Option<Micros>,
    #[serde(skip_serializing_if = "Translations::is_empty")]
    translations: Translations<PromotionTexts>,
}

const KINDS: [&str; 6] = ["percent_off", "amount_off", "buy_x_get_y", "bundle", "points", "coupon"];
/// For one customer: told only with that customer's consent, and so not by the partner API.
const PERSONAL: &str = "personal";
const AUDIENCES: [&str; 3] = ["public", "member", PERSONAL];

impl Promotion {
    /// Whether it is one customer's own.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.audience == PERSONAL
    }
}

impl PromotionIn {
    /// The promotion, or what is wrong with it.
    pub fn check(self) -> Result<Line<Promotion>, Fault> {
        let code = check::code("code", &self.code)?;
        if self.op == Op::Delete {
            return Ok(Line::Delete(code.into()));
        }
        let instant =
            |field, text: Option<String>| text.map(|t| check::parsed(field, &t)).transpose();
        let valid_from = instant("valid_from", self.valid_from)?;
        let valid_through = instant("valid_through", self.valid_through)?;
        check::span(valid_from, valid_through)?;
        let channels = match self.channels {
            None => vec![Channel::InStore, Channel::Online],
            Some(words) => words
                .iter()
                .filter_map(|word| check::one_of("channels", Some(word)).transpose())
                .collect::<Result<_, _>>()?,
        };
        let audience = self.audience.as_deref().unwrap_or("public");
        let audience = check::word("audience", audience, &AUDIENCES)?;
        let kind = check::word("type", self.kind.as_deref().unwrap_or_default(), &KINDS)?;
        let document = Document::new(&Body {
            id: PromotionId::derived(&code),
            code: &code,
            title: check::text("title", &self.title.unwrap_or_default(), NAME)?,
            kind,
            value: value(kind, self.value.as_ref())?,
            conditions: conditions(self.conditions)?,
            applies_to: applies(self.applies_to)?,
            store_ids: stores(self.store_codes, self.store_ids)?,
            channels,
            audience,
            coupon_code: check::optional("coupon_code", self.coupon_code, WORD)?,
            valid_from,
            valid_through,
            translations: translations::checked(self.translations)?,
        })?;
        Ok(Line::Put(Box::new(Promotion { code, audience, document })))
    }
}

/// How much a promotion takes off, or gives: what it is cannot be told without it where that is a share or an
/// amount.
fn value(kind: &str, given: Option<&Decimal>) -> Result<Option<Decimal>, Fault> {
    let Some(given) = given else {
        if ["percent_off", "amount_off"].contains(&kind) {
            let message = format!("is how much it takes off, which `{kind}` cannot do without");
            return Err(Fault::new("value", "", "missing", message));
        }
        return Ok(None);
    };
    let Some(value) = given.normal() else {
        let message = "must be a decimal above zero, such as 25";
        return Err(Fault::new("value", &given.0, "malformed", message));
    };
    if kind == "percent_off" && given.scaled(6).is_none_or(|millionths| millionths > 100_000_000) {
        let message = "is more than 100 percent, which nothing can be reduced by";
        return Err(Fault::new("value", &given.0, "out_of_range", message));
    }
    Ok(Some(value))
}

fn conditions(given: ConditionsIn) -> Result<Conditions, Fault> {
    Ok(Conditions {
        min_quantity: given.min_quantity,
        min_spend: given.min_spend.map(|m| m.price("conditions.min_spend")).transpose()?,
        member_only: given.member_only,
        tier_ids: check::list("conditions.tier_ids", given.tier_ids)?,
    })
}

fn applies(given: AppliesIn) -> Result<Applies, Fault> {
    let brands = check::list("applies_to.brands", given.brands)?;
    let mut brand_ids: Vec<BrandId> = ids("applies_to.brand_ids", &given.brand_ids)?;
    brand_ids.extend(brands.iter().map(|name| BrandId::derived(&name.trim().to_lowercase())));
    let mut product_ids: Vec<ProductId> = ids("applies_to.product_ids", &given.product_ids)?;
    for sku in check::list("applies_to.skus", given.skus)? {
        product_ids.push(ProductId::derived(&check::code("applies_to.skus", &sku)?));
    }
    let mut category_ids: Vec<CategoryId> = ids("applies_to.category_ids", &given.category_ids)?;
    for code in check::list("applies_to.category_codes", given.category_codes)? {
        category_ids.push(CategoryId::derived(&check::code("applies_to.category_codes", &code)?));
    }
    Ok(Applies { product_ids, category_ids, brand_ids })
}

fn ids<T>(field: &'static str, texts: &[String]) -> Result<Vec<T>, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    texts.iter().map(|text| check::parsed(field, text)).collect()
}

/// The stores where it holds; `*`, which is also what nothing means, stands for all.
fn stores(
    codes: Option<Vec<String>>,
    store_ids: Option<Vec<String>>,
) -> Result<Vec<String>, Fault> {
    let all = |values: &Option<Vec<String>>| values.iter().flatten().any(|value| value == "*");
    if all(&codes) || all(&store_ids) || (codes.is_none() && store_ids.is_none()) {
        return Ok(vec!["*".to_owned()]);
    }
    let mut stores: Vec<StoreId> = ids("store_ids", &store_ids.unwrap_or_default())?;
    for code in check::list("store_codes", codes.unwrap_or_default())? {
        stores.push(StoreId::derived(&check::code("store_codes", &code)?));
    }
    Ok(stores.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promotion_comes_back_unchanged() {
        let line = r#"{"code":"P1","title":"-25%","type":"percent_off","value":25,
            "conditions":{"min_spend":{"amount":30,"currency":"EUR"}},
            "applies_to":{"skus":["1"],"brands":["Bosch"]},"store_codes":["0261"]}"#;
        let check = |line: &str| serde_json::from_str::<PromotionIn>(line).unwrap().check();
        let Ok(Line::Put(first)) = check(line) else { panic!("{:?}", check(line)) };
        let body = first.document.body(Micros(0), 1);
        assert!(body.contains(r#""min_spend":{"amount":"30.00","currency":"EUR"}"#), "{body}");
        assert_eq!(check(&body), Ok(Line::Put(first)));
    }
}
