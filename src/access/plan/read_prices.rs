//! Reading the price list of a plan, so that an error points at the field and says what would be right.

use super::read::{beside, operations, word, zone};
use super::{ModelWord, PlanPrices};
use crate::access::operation::OPERATIONS;
use crate::kernel::word::Word;
use crate::kernel::{Currency, Object};
use crate::limit::{Anchor, Operations};
use crate::rating::{
    BillingPeriod, Charge, ChargeName, Filter, FixedAmount, InvalidPrices, Meter, Model, Percent,
    Periods, Price, PriceList, Proration, Rounding, Tier, Tiers,
};
use jiff::tz::TimeZone;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::str::FromStr;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFields {
    #[serde(deserialize_with = "currency")]
    currency: Currency,
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<TimeZone>,
    #[serde(default, deserialize_with = "word")]
    period: Option<BillingPeriod>,
    #[serde(default, deserialize_with = "word")]
    anchor: Option<Anchor>,
    #[serde(default, deserialize_with = "word")]
    proration: Option<Proration>,
    #[serde(default, deserialize_with = "word")]
    rounding: Option<Rounding>,
    #[serde(default, deserialize_with = "text")]
    fee: Option<Price>,
    #[serde(default, deserialize_with = "text")]
    discount_percent: Option<Percent>,
    #[serde(default)]
    recurring: Checked<FixedAmount>,
    #[serde(default)]
    one_time: Checked<FixedAmount>,
    #[serde(default)]
    charges: Checked<Charge>,
}

impl<'de> Deserialize<'de> for PlanPrices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(fields) = Object::<ListFields>::deserialize(deserializer)?;
        let periods = Periods {
            length: fields.period.unwrap_or(BillingPeriod::Month),
            anchor: fields.anchor.unwrap_or(Anchor::Calendar),
            zone: fields.time_zone.unwrap_or(TimeZone::UTC),
        };
        let rounding = fields.rounding.unwrap_or(Rounding::HalfEven);
        PriceList::new(fields.currency, periods, rounding)
            .with_fee(fields.fee.unwrap_or_default(), fields.discount_percent.unwrap_or_default())
            .with_proration(fields.proration.unwrap_or(Proration::None))
            .with_amounts(fields.recurring.0, fields.one_time.0)
            .and_then(|list| list.with_charges(fields.charges.0))
            .map(Self)
            .map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChargeFields {
    #[serde(deserialize_with = "name")]
    name: ChargeName,
    #[serde(deserialize_with = "needed_word")]
    meter: Meter,
    #[serde(default, deserialize_with = "api")]
    api: Option<Api>,
    #[serde(default, deserialize_with = "operations")]
    operations: Option<Operations>,
    #[serde(deserialize_with = "needed_word")]
    model: ModelWord,
    #[serde(default)]
    included: u64,
    #[serde(default, deserialize_with = "text")]
    amount: Option<Price>,
    #[serde(default, deserialize_with = "text")]
    unit_price: Option<Price>,
    #[serde(default)]
    tiers: Option<Checked<Tier>>,
    #[serde(default, deserialize_with = "size")]
    package_size: Option<NonZeroU64>,
    #[serde(default, deserialize_with = "text")]
    package_price: Option<Price>,
    #[serde(default, deserialize_with = "text")]
    min: Option<Price>,
    #[serde(default, deserialize_with = "text")]
    max: Option<Price>,
}

/// An API product of the table of operations.
struct Api(&'static str);

/// The fields that a model needs; it takes none of those that others have.
fn fields_of(model: ModelWord) -> &'static [&'static str] {
    match model {
        ModelWord::Flat => &["amount"],
        ModelWord::PerUnit => &["unit_price"],
        ModelWord::Graduated | ModelWord::Volume => &["tiers"],
        ModelWord::Package => &["package_size", "package_price"],
    }
}

impl ChargeFields {
    fn charge<E: Error>(self) -> Result<Charge, E> {
        let model = self.model()?;
        let operations = self.operations.unwrap_or(Operations::ALL);
        let filter = Filter { api: self.api.map(|api| api.0), operations };
        let charge = Charge {
            name: self.name,
            meter: self.meter,
            filter,
            included: self.included,
            model,
            min: self.min.unwrap_or_default(),
            max: self.max,
        };
        charge.check().map_err(E::custom)?;
        Ok(charge)
    }

    fn model<E: Error>(&self) -> Result<Model, E> {
        let given = [
            ("amount", self.amount.is_some()),
            ("unit_price", self.unit_price.is_some()),
            ("tiers", self.tiers.is_some()),
            ("package_size", self.package_size.is_some()),
            ("package_price", self.package_price.is_some()),
        ];
        let own = fields_of(self.model);
        if let Some((field, _)) = given.iter().find(|(f, given)| *given && !own.contains(f)) {
            return Err(beside(field, &format!("a charge of the model {}", self.model)));
        }
        let missing = |field: &str| {
            E::custom(format!(
                "missing field `{field}`: a charge of the model {} has it",
                self.model
            ))
        };
        let tiers = || {
            let Checked(tiers) = self.tiers.clone().ok_or_else(|| missing("tiers"))?;
            Tiers::new(tiers).map_err(E::custom)
        };
        Ok(match self.model {
            ModelWord::Flat => Model::Flat(self.amount.ok_or_else(|| missing("amount"))?),
            ModelWord::PerUnit => {
                Model::PerUnit(self.unit_price.ok_or_else(|| missing("unit_price"))?)
            }
            ModelWord::Graduated => Model::Graduated(tiers()?),
            ModelWord::Volume => Model::Volume(tiers()?),
            ModelWord::Package => Model::Package {
                size: self.package_size.ok_or_else(|| missing("package_size"))?,
                price: self.package_price.ok_or_else(|| missing("package_price"))?,
            },
        })
    }
}

impl<'de> Deserialize<'de> for Checked<Charge> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl Item for Charge {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(fields) = Object::<ChargeFields>::deserialize(deserializer)?;
        fields.charge()
    }

    fn stands_behind(&self, before: &[Self]) -> Result<(), InvalidPrices> {
        self.follows(before)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountFields {
    #[serde(deserialize_with = "name")]
    name: ChargeName,
    #[serde(deserialize_with = "price")]
    amount: Price,
}

impl<'de> Deserialize<'de> for Checked<FixedAmount> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl Item for FixedAmount {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(AmountFields { name, amount }) = Object::deserialize(deserializer)?;
        Ok(Self { name, amount })
    }

    fn stands_behind(&self, before: &[Self]) -> Result<(), InvalidPrices> {
        self.follows(before)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierFields {
    #[serde(default, deserialize_with = "size")]
    up_to: Option<NonZeroU64>,
    #[serde(deserialize_with = "price")]
    unit_price: Price,
    #[serde(default, deserialize_with = "text")]
    flat: Option<Price>,
}

impl<'de> Deserialize<'de> for Checked<Tier> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = deserializer.deserialize_seq(List(PhantomData::<Tier>))?;
        // Said here, so that it points at the list.
        Tiers::new(read.0.clone()).map_err(D::Error::custom)?;
        Ok(read)
    }
}

impl Item for Tier {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(fields) = Object::<TierFields>::deserialize(deserializer)?;
        let flat = fields.flat.unwrap_or_default();
        Ok(Self { up_to: fields.up_to, unit: fields.unit_price, flat })
    }

    fn stands_behind(&self, before: &[Self]) -> Result<(), InvalidPrices> {
        self.follows(before)
    }
}

/// What stands in a list, each behind those before it.
trait Item: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
    fn stands_behind(&self, before: &[Self]) -> Result<(), InvalidPrices>;
}

/// A list whose items can stand together. What an item has against those before is said at its place.
#[derive(Clone)]
struct Checked<T>(Vec<T>);

impl<T> Default for Checked<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for List<T> {
    type Value = Checked<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Checked<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Next(&items))? {
            items.push(item);
        }
        Ok(Checked(items))
    }
}

struct Next<'a, T>(&'a [T]);

impl<'de, T: Item> DeserializeSeed<'de> for Next<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let item = T::read(deserializer)?;
        item.stands_behind(self.0).map_err(D::Error::custom)?;
        Ok(item)
    }
}

/// A text that is parsed, where there is one.
fn text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = InvalidPrices>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Price, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChargeName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
    let code = String::deserialize(deserializer)?;
    let short: String = code.chars().take(40).collect();
    let currency: Currency =
        code.parse().map_err(|error| D::Error::custom(format!("`{short}` {error}")))?;
    if currency.is_money() {
        return Ok(currency);
    }
    Err(D::Error::custom(format!(
        "`{short}` is the ISO 4217 code of no money: take one such as EUR"
    )))
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU64>, D::Error> {
    let size = Option::<u64>::deserialize(deserializer)?;
    let none = || D::Error::custom("0 is too few: it is at least 1");
    size.map(|size| NonZeroU64::new(size).ok_or_else(none)).transpose()
}

fn needed_word<'de, W: Word, D: Deserializer<'de>>(deserializer: D) -> Result<W, D::Error> {
    let word: Option<W> = word(deserializer)?;
    word.ok_or_else(|| D::Error::custom("is none of the words"))
}

fn api<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Api>, D::Error> {
    let Some(api) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let known: BTreeSet<&'static str> = OPERATIONS.iter().map(|operation| operation.api).collect();
    let known: Vec<&'static str> = known.into_iter().filter(|api| *api != "none").collect();
    if let Some(found) = known.iter().find(|known| **known == api) {
        return Ok(Some(Api(found)));
    }
    let short: String = api.chars().take(40).collect();
    let all: Vec<String> = known.iter().map(|api| format!("`{api}`")).collect();
    // In serde's own words, from which the nearest is suggested.
    let unknown = format!("unknown variant `{short}`, expected one of {}", all.join(", "));
    Err(D::Error::custom(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::parse;

    #[derive(Debug, Deserialize)]
    struct Doc {
        #[expect(dead_code, reason = "only what reading refuses is looked at")]
        prices: PlanPrices,
    }

    #[test]
    fn prices_are_read_and_written() {
        let json = concat!(
            r#"{"currency":"EUR","time_zone":"Europe/Paris","period":"quarter","anchor":"contract","#,
            r#""proration":"by_second","rounding":"half_up","fee":"49.00","discount_percent":"12.5","#,
            r#""recurring":[{"name":"support","amount":"20.00"}],"#,
            r#""one_time":[{"name":"setup","amount":"100.00"}],"charges":["#,
            r#"{"name":"flat","meter":"requests","model":"flat","included":0,"amount":"5.00"},"#,
            r#"{"name":"calls","meter":"requests","api":"catalog","operations":["list_products"],"#,
            r#""model":"per_unit","included":10000,"unit_price":"0.0025","min":"5.00","max":"90.00"},"#,
            r#"{"name":"records","meter":"records","model":"graduated","included":0,"tiers":["#,
            r#"{"up_to":100,"unit_price":"0.50","flat":"1.00"},{"unit_price":"0.000000000001"}]},"#,
            r#"{"name":"units","meter":"weight","model":"volume","included":0,"tiers":["#,
            r#"{"unit_price":"1.00"}]},"#,
            r#"{"name":"data","meter":"bytes","model":"package","included":0,"#,
            r#""package_size":1000000000,"package_price":"0.10"}]}"#,
        );
        let prices: PlanPrices = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&prices).unwrap(), json);
        let short: PlanPrices = serde_json::from_str(r#"{"currency":"JPY"}"#).unwrap();
        let whole = concat!(
            r#"{"currency":"JPY","time_zone":"UTC","period":"month","anchor":"calendar","#,
            r#""proration":"none","rounding":"half_even","charges":[]}"#,
        );
        assert_eq!(serde_json::to_string(&short).unwrap(), whole);
        // What may be left out may be null, as the document says.
        let nulls = concat!(
            r#"{"currency":"EUR","fee":null,"discount_percent":null,"charges":[{"name":"a","#,
            r#""meter":"requests","model":"volume","api":null,"operations":null,"amount":null,"#,
            r#""unit_price":null,"package_size":null,"package_price":null,"min":null,"max":null,"#,
            r#""tiers":[{"up_to":null,"unit_price":"1","flat":null}]},{"name":"b","#,
            r#""meter":"requests","model":"flat","amount":"1","tiers":null}]}"#,
        );
        let nulls: PlanPrices = serde_json::from_str(nulls).unwrap();
        assert_eq!(nulls.0.charges().len(), 2);
    }

    fn fault(prices: &str) -> (String, String) {
        let error = parse::<Doc>(format!(r#"{{"prices":{prices}}}"#).as_bytes()).unwrap_err();
        let fault = &error.faults()[0];
        (fault.pointer.clone().unwrap(), fault.message.clone())
    }

    #[test]
    fn a_fault_is_pointed_at_and_says_what_would_be_right() {
        for (prices, pointer, says) in [
            ("{}", "/currency", "is missing"),
            (r#"{"currency":"EURO"}"#, "/currency", "ISO 4217"),
            (r#"{"currency":"XXX"}"#, "/currency", "of no money"),
            (r#"{"currency":"XTS"}"#, "/currency", "of no money"),
            (r#"{"currency":"EUR","fee":1}"#, "/fee", "a text"),
            (r#"{"currency":"EUR","fee":"-1"}"#, "/fee", "such as 0.0025"),
            (r#"{"currency":"EUR","fee":"0.0000000000001"}"#, "/fee", "12 decimals"),
            (r#"{"currency":"EUR","discount_percent":"101"}"#, "/discount_percent", "0 to 100"),
            (r#"{"currency":"EUR","rounding":"up"}"#, "/rounding", "`half_up`"),
            (r#"{"currency":"EUR","period":"week"}"#, "/period", "`quarter`"),
            (
                r#"{"currency":"EUR","one_time":[{"name":"a","amount":"-1"}]}"#,
                "/one_time/0/amount",
                "is no price",
            ),
            (
                r#"{"currency":"EUR","recurring":[{"name":"a","amount":"1"}],"one_time":[{"name":"a","amount":"1"}]}"#,
                "",
                "called `a`",
            ),
            (r#"{"currency":"EUR","time_zone":"Mars"}"#, "/time_zone", "Europe/Paris"),
            (r#"["EUR"]"#, "", "an object"),
        ] {
            let found = fault(prices);
            assert_eq!(found.0, format!("/prices{pointer}"), "{prices}");
            assert!(found.1.contains(says), "{prices}: {}", found.1);
        }
    }

    #[test]
    fn a_fault_in_a_charge_is_pointed_at() {
        let head = r#""name":"b","meter":"requests""#;
        for (charge, pointer, says) in [
            (r#""name":"B!""#.to_owned(), "/name", "1 to 40 of a-z"),
            (format!(r#"{head},"model":"unit""#), "/model", "`per_unit`"),
            (r#""name":"b","meter":"calls""#.to_owned(), "/meter", "`requests`"),
            (format!(r#"{head},"model":"flat""#), "/amount", "of the model flat has it"),
            (
                format!(r#"{head},"model":"flat","amount":"1","unit_price":"1""#),
                "/unit_price",
                "leave it out",
            ),
            (
                format!(r#"{head},"model":"package","package_size":0"#),
                "/package_size",
                "at least 1",
            ),
            (format!(r#"{head},"model":"volume","tiers":[]"#), "/tiers", "no `up_to`"),
            (
                format!(r#"{head},"model":"volume","tiers":[{{"up_to":5,"unit_price":"1"}}]"#),
                "/tiers",
                "no `up_to`",
            ),
            (
                format!(
                    r#"{head},"model":"volume","tiers":[{{"up_to":5,"unit_price":"1"}},{{"up_to":5,"unit_price":"1"}}]"#
                ),
                "/tiers/1",
                "more than that of the tier before, 5",
            ),
            (
                format!(r#"{head},"model":"volume","tiers":[{{"unit_price":"x"}}]"#),
                "/tiers/0/unit_price",
                "is no price",
            ),
            (format!(r#"{head},"model":"flat","api":"none""#), "/api", "`catalog`"),
            (format!(r#"{head},"operations":["x"]"#), "/operations/0", "`list_products`"),
            (
                format!(r#"{head},"model":"flat","amount":"1","min":"2","max":"1""#),
                "",
                "`min` is more than `max`",
            ),
            (
                r#""name":"a","meter":"requests","model":"flat","amount":"1""#.to_owned(),
                "",
                "two charges or amounts are called `a`",
            ),
        ] {
            let first = r#"{"name":"a","meter":"requests","model":"flat","amount":"1"}"#;
            let found = fault(&format!(r#"{{"currency":"EUR","charges":[{first},{{{charge}}}]}}"#));
            assert_eq!(found.0, format!("/prices/charges/1{pointer}"), "{charge}");
            assert!(found.1.contains(says), "{charge}: {}", found.1);
        }
    }
}
