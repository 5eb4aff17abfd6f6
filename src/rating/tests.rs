//! The arithmetic of bills against a slow reference in fractions, and its bounds.

use super::*;
use crate::kernel::Micros;
use crate::limit::Bounds;
use proptest::prelude::*;
use std::num::NonZeroU64;

/// A fraction, reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ratio(i128, i128);

impl Ratio {
    fn new(over: i128, under: i128) -> Self {
        let (mut a, mut b) = (over.abs().max(1), under.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        if over == 0 { Self(0, 1) } else { Self(over / a, under / a) }
    }

    fn plus(self, other: Self) -> Self {
        Self::new(self.0 * other.1 + other.0 * self.1, self.1 * other.1)
    }

    fn times(self, other: Self) -> Self {
        Self::new(self.0 * other.0, self.1 * other.1)
    }

    fn less(self, other: Self) -> bool {
        self.0 * other.1 < other.0 * self.1
    }

    fn of(exact: Exact) -> Self {
        Self::new(exact.raw(), 10_i128.pow(19))
    }

    /// Millionths.
    fn price(micro: u32) -> Self {
        Self::new(micro.into(), 1_000_000)
    }
}

fn price(micro: u32) -> Price {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000).parse().unwrap()
}

fn list(currency: &str) -> PriceList {
    PriceList::new(currency.parse().unwrap(), Periods::default(), Rounding::HalfEven)
}

fn charge(model: Model) -> Charge {
    let name = "calls".parse().unwrap();
    let (meter, filter) = (Meter::Requests, Filter::ALL);
    Charge { name, meter, filter, included: 0, model, min: Price::ZERO, max: None }
}

fn bill_of(charge: Charge, milli: u128) -> Bill {
    rate(&list("EUR").with_charges(vec![charge]).unwrap(), &[milli]).unwrap()
}

/// Ends of tiers with the millionths of a unit's price and of the flat amount; the last end is not used.
type Plain = Vec<(u64, u32, u32)>;

fn tiers(plain: &Plain) -> Tiers {
    let (mut up_to, last) = (0, plain.len() - 1);
    let tier = |(n, (width, unit, flat)): (usize, &(u64, u32, u32))| {
        up_to += width;
        let up_to = (n < last).then(|| NonZeroU64::new(up_to).unwrap());
        Tier { up_to, unit: price(*unit), flat: price(*flat) }
    };
    Tiers::new(plain.iter().enumerate().map(tier).collect()).unwrap()
}

/// The tier of the thousandth that is the `n`th, counted from 1.
fn tier_of(plain: &Plain, n: u128) -> usize {
    let mut up_to = 0;
    let holds = |(width, ..): &(u64, u32, u32)| {
        up_to += u128::from(*width) * 1_000;
        n <= up_to
    };
    plain.iter().position(holds).unwrap_or(plain.len() - 1).min(plain.len() - 1)
}

/// What a quantity costs, thousandth by thousandth.
fn slow(model: &str, plain: &Plain, milli: u128) -> Ratio {
    let thousandth = Ratio::new(1, 1_000);
    let mut sum = Ratio::new(0, 1);
    let mut begun = vec![false; plain.len()];
    for n in 1..=milli {
        let tier = tier_of(plain, if model == "volume" { milli } else { n });
        let (_, unit, flat) = plain[tier];
        sum = sum.plus(Ratio::price(unit).times(thousandth));
        if !std::mem::replace(&mut begun[tier], true) {
            sum = sum.plus(Ratio::price(flat));
        }
    }
    sum
}

fn plain_tiers() -> impl Strategy<Value = Plain> {
    prop::collection::vec((1u64..3, 0u32..5_000_000, 0u32..3_000_000), 1..5)
}

proptest! {
    #[test]
    fn tiers_are_what_a_slow_reader_makes_of_them(plain in plain_tiers(), milli in 0u128..4_000) {
        for (word, model) in [
            ("graduated", Model::Graduated(tiers(&plain))),
            ("volume", Model::Volume(tiers(&plain))),
        ] {
            let bill = bill_of(charge(model), milli);
            prop_assert_eq!(Ratio::of(bill.exact), slow(word, &plain, milli), "{}", word);
        }
    }

    /// However a quantity is split, its parts cost what it costs: the second part stands on the first.
    #[test]
    fn graduated_prices_do_not_care_how_a_quantity_is_split(
        plain in plain_tiers(), first in 0u128..2_000, second in 0u128..2_000,
    ) {
        let model = Model::Graduated(tiers(&plain));
        let cost = |milli| bill_of(charge(model.clone()), milli).exact;
        let on_top = cost(first + second).minus(cost(first)).unwrap();
        let mut expected = Ratio::new(0, 1);
        let mut begun: Vec<bool> = (0..plain.len())
            .map(|tier| (1..=first).any(|n| tier_of(&plain, n) == tier))
            .collect();
        for n in first + 1..=first + second {
            let tier = tier_of(&plain, n);
            expected = expected.plus(Ratio::price(plain[tier].1).times(Ratio::new(1, 1_000)));
            if !std::mem::replace(&mut begun[tier], true) {
                expected = expected.plus(Ratio::price(plain[tier].2));
            }
        }
        prop_assert_eq!(Ratio::of(on_top), expected);
    }

    /// Included units, then the price, then the discount, then the cap, then the minimum.
    #[test]
    fn the_order_is_fixed(
        units in 0u32..2_000, included in 0u64..500, unit in 0u32..3_000_000,
        percent in 0u16..=10_000, min in 0u32..900, max in 900u32..2_000,
    ) {
        let text = format!("{}.{:02}", percent / 100, percent % 100);
        let priced = Charge {
            included,
            min: price(min * 1_000_000),
            max: Some(price(max * 1_000_000)),
            ..charge(Model::PerUnit(price(unit)))
        };
        let list = list("EUR").with_fee(Price::ZERO, text.parse().unwrap());
        let bill = rate(&list.with_charges(vec![priced]).unwrap(), &[u128::from(units) * 1_000]);
        let bill = bill.unwrap();
        let left = i128::from(u64::from(units).saturating_sub(included));
        let off = Ratio::new(10_000 - i128::from(percent), 10_000);
        let mut expected = Ratio::price(unit).times(Ratio::new(left, 1)).times(off);
        let (least, most) = (Ratio::new(min.into(), 1), Ratio::new(max.into(), 1));
        if most.less(expected) {
            expected = most;
        }
        if expected.less(least) {
            expected = least;
        }
        prop_assert_eq!(Ratio::of(bill.exact), expected);
        // What is billed are the lines, whatever their roundings.
        let billed = Exact::sum(bill.lines.iter().map(|line| line.amount)).unwrap();
        prop_assert_eq!(billed, bill.total);
        prop_assert_eq!(bill.total, bill.exact.rounded(2, Rounding::HalfEven));
        let exact = Exact::sum(bill.lines.iter().map(|line| line.exact)).unwrap();
        prop_assert_eq!(exact, bill.exact);
    }

    #[test]
    fn packages_are_charged_when_they_are_begun(
        count in 0u128..50, size in 1u64..1_000, cost in 0u32..9_000_000,
    ) {
        let size_of = NonZeroU64::new(size).unwrap();
        let model = Model::Package { size: size_of, price: price(cost) };
        let full = count * u128::from(size) * 1_000;
        let cost = |packages: u128| Ratio::price(cost).times(Ratio::new(packages as i128, 1));
        let exact = |milli| Ratio::of(bill_of(charge(model.clone()), milli).exact);
        prop_assert_eq!(exact(full), cost(count));
        prop_assert_eq!(exact(full + 1), cost(count + 1));
        prop_assert_eq!(exact(full + 1_000), cost(count + 1));
        if count > 0 {
            let before = if size == 1 { count - 1 } else { count };
            prop_assert_eq!(exact(full - 1_000), cost(before));
            prop_assert_eq!(exact(full - 1), cost(count));
        }
    }
}

#[test]
fn volume_prices_turn_at_the_end_of_a_tier() {
    let at = |units: u128| {
        let model = Model::Volume(tiers(&vec![(1_000, 10_000, 0), (1, 5_000, 2_000_000)]));
        bill_of(charge(model), units * 1_000).total.text(2)
    };
    assert_eq!([at(999), at(1_000), at(1_001), at(0)], ["9.99", "10.00", "7.00", "0.00"]);
}

#[test]
fn each_currency_has_its_own_decimals() {
    let at = |currency: &str| {
        let priced = charge(Model::PerUnit("0.0005".parse().unwrap()));
        let list = list(currency).with_charges(vec![priced]).unwrap();
        let bill = rate(&list, &[2_469_000]).unwrap();
        bill.total.text(list.currency().decimals())
    };
    // 2469 * 0.0005 = 1.2345
    assert_eq!([at("JPY"), at("EUR"), at("TND")], ["1", "1.23", "1.234"]);
}

#[test]
fn a_thousand_billion_units_are_exact() {
    const MANY: u128 = 1_000_000_000_000_000 * 1_000;
    let total = |unit: &str| {
        let bill = bill_of(charge(Model::PerUnit(unit.parse().unwrap())), MANY);
        bill.exact.text(0)
    };
    assert_eq!(total("0.000000000001"), "1000");
    assert_eq!(total("0.123456789012"), "123456789012000");
    assert_eq!(total("999.999999999999"), "999999999999999000");
    let model = Model::Graduated(tiers(&vec![(1_000, 1, 0), (1, 10_000_000, 0)]));
    assert_eq!(bill_of(charge(model), MANY).exact.text(0), "9999999999990000.001");
    let most = charge(Model::PerUnit("1000000000".parse().unwrap()));
    let list = list("EUR").with_charges(vec![most]).unwrap();
    assert_eq!(rate(&list, &[MANY]), Err(TooLarge));
    assert_eq!(rate(&list, &[u128::MAX]), Err(TooLarge));
}

#[test]
fn a_bill_has_its_lines_in_order_and_says_what_rounding_leaves() {
    let named = |name: &str, charge: Charge| Charge { name: name.parse().unwrap(), ..charge };
    let calls = Charge {
        included: 10,
        max: Some(price(1_000_000)),
        ..charge(Model::Graduated(tiers(&vec![(5, 100_000, 0), (1, 50_000, 2_000_000)])))
    };
    let small = |name| named(name, charge(Model::PerUnit(price(4_000))));
    let list = list("EUR").with_fee(price(49_000_000), "10".parse().unwrap());
    let charges = vec![calls, small("records"), small("bytes"), small("more")];
    let list = list.with_charges(charges).unwrap();
    let bill = rate(&list, &[17_000, 1_000, 1_000, 1_000]).unwrap();
    let lines: Vec<String> = bill
        .lines
        .iter()
        .map(|line| {
            let charge = line.charge.as_ref().map_or("-", ChargeName::as_str);
            format!("{} {charge} {} {}", line.kind, line.quantity_milli, line.amount.text(2))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "fee - 1000 49.00",
            "included calls 10000 0.00",
            "usage calls 5000 0.50",
            "usage calls 2000 0.10",
            "flat calls 0 2.00",
            "discount calls 0 -0.26",
            "max_cap calls 0 -1.34",
            "usage records 1000 0.00",
            "discount records 0 0.00",
            "usage bytes 1000 0.00",
            "discount bytes 0 0.00",
            "usage more 1000 0.00",
            "discount more 0 0.00",
            "rounding - 0 0.01",
        ]
    );
    assert_eq!((bill.exact.text(0), bill.total.text(2)), ("50.0108".into(), "50.01".into()));
}

#[test]
fn nothing_used_costs_the_fee_and_the_minimum() {
    let priced = Charge { min: price(5_000_000), ..charge(Model::Flat(price(9_000_000))) };
    let list = list("EUR").with_fee(price(1_000_000), Percent::default());
    let list = list.with_charges(vec![priced]).unwrap();
    assert_eq!(rate(&list, &[]).unwrap().total.text(2), "6.00");
    assert_eq!(rate(&list, &[1]).unwrap().total.text(2), "10.00");
}

#[test]
fn what_is_no_price_list_says_what_is() {
    let tier = |up_to: Option<u64>| Tier {
        up_to: up_to.and_then(NonZeroU64::new),
        unit: Price::ZERO,
        flat: Price::ZERO,
    };
    for (ends, error) in [
        (vec![], InvalidPrices::Closed),
        (vec![Some(5)], InvalidPrices::Closed),
        (vec![Some(5), Some(5), None], InvalidPrices::Falling(5)),
        (vec![None, None], InvalidPrices::Behind),
        (vec![Some(u64::MAX), None], InvalidPrices::Units(u64::MAX)),
        ((1..=21).map(Some).chain([None]).collect(), InvalidPrices::Tiers),
    ] {
        assert_eq!(Tiers::new(ends.into_iter().map(tier).collect()), Err(error));
    }
    let free = charge(Model::PerUnit(Price::ZERO));
    let bounds = Charge { min: price(2), max: Some(price(1)), ..free.clone() };
    let many: Vec<Charge> = (0..33)
        .map(|n| Charge { name: format!("c{n}").parse().unwrap(), ..free.clone() })
        .collect();
    for (charges, error) in [
        (vec![bounds], InvalidPrices::Bounds),
        (vec![free.clone(), free.clone()], InvalidPrices::Repeated("calls".parse().unwrap())),
        (many, InvalidPrices::Charges),
        (vec![Charge { included: u64::MAX, ..free }], InvalidPrices::Units(u64::MAX)),
    ] {
        assert_eq!(list("EUR").with_charges(charges), Err(error));
    }
}

fn at(text: &str) -> Micros {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// The part of March 2026 in Paris, in which an hour is skipped, that lies before the 16th.
fn half_of_march() -> Share {
    let month = Bounds { start: at("2026-02-28T23:00:00Z"), end: at("2026-03-31T22:00:00Z") };
    assert_eq!(month.seconds(), 2_674_800);
    Share::of(1_296_000_000_000, month)
}

fn prorated(list: PriceList, share: Share, units: u64) -> Bill {
    let mut sheet = Sheet::new(list.currency(), list.rounding());
    let list = list.with_proration(Proration::BySecond);
    sheet.section(&list, share, &[u128::from(units) * 1_000], false).unwrap();
    sheet.bill().unwrap()
}

#[test]
fn a_part_of_a_period_costs_the_part_that_its_seconds_are() {
    let november = Bounds { start: at("2026-10-31T23:00:00Z"), end: at("2026-11-30T23:00:00Z") };
    let half = Share::of(1_296_000_000_000, november);
    let free = |included| Charge { included, ..charge(Model::PerUnit(price(2_000))) };
    let fee = |fee: &str| list("EUR").with_fee(fee.parse().unwrap(), Percent::default());
    let of = |list: PriceList, share, units| {
        prorated(list.with_charges(vec![free(10_000)]).unwrap(), share, units)
    };
    let bill = of(fee("49"), half, 5_001);
    assert_eq!((bill.exact.text(0), bill.total.text(2)), ("24.502".into(), "24.50".into()));
    assert_eq!(of(fee("99"), half, 5_000).total.text(2), "49.50");
    // 49 * 1296000 / 2674800, to twelve decimals; 10000 * the same is 4845.22: nobody gets less than its share.
    let bill = of(fee("49"), half_of_march(), 4_847);
    assert_eq!(bill.lines[0].exact.text(0), "23.741588156124");
    assert_eq!(bill.lines[1].quantity_milli, 4_846_000);
    assert_eq!(bill.total.text(2), "23.74");
    // The whole is the list itself.
    assert_eq!(of(fee("49"), Share::of(u64::MAX, november), 10_000).total.text(2), "49.00");
}

#[test]
fn tiers_minimum_and_cap_shrink_with_the_part() {
    let month = Bounds { start: Micros(0), end: Micros(4) };
    let quarter = Share::of(1, month);
    let graduated = Model::Graduated(tiers(&vec![(1_000, 10_000, 4_000_000), (1, 5_000, 0)]));
    let bill = |charge: Charge, units| {
        prorated(list("EUR").with_charges(vec![charge]).unwrap(), quarter, units)
    };
    // 250 at 0.010 and 1.00 once, 50 at 0.005.
    assert_eq!(bill(charge(graduated), 300).total.text(2), "3.75");
    let bounded = Charge {
        min: price(8_000_000),
        max: Some(price(40_000_000)),
        ..charge(Model::PerUnit(price(1_000_000)))
    };
    assert_eq!(bill(bounded.clone(), 1).total.text(2), "2.00");
    assert_eq!(bill(bounded.clone(), 5).total.text(2), "5.00");
    assert_eq!(bill(bounded, 50).total.text(2), "10.00");
    // Of two tiers that end at the same unit, the second is gone.
    let narrow = Model::Graduated(tiers(&vec![(1, 1_000_000, 0), (1, 2_000_000, 0), (1, 0, 0)]));
    assert_eq!(bill(charge(narrow), 2).total.text(2), "1.00");
}

#[test]
fn amounts_recur_and_fall_due_once() {
    let amount = |name: &str, amount: &str| FixedAmount {
        name: name.parse().unwrap(),
        amount: amount.parse().unwrap(),
    };
    let list = list("EUR").with_fee("10".parse().unwrap(), "50".parse().unwrap());
    let list = list
        .with_amounts(vec![amount("support", "20")], vec![amount("setup", "100")])
        .and_then(|list| list.with_charges(vec![charge(Model::PerUnit(price(1_000_000)))]))
        .unwrap();
    let kinds = |first| {
        let mut sheet = Sheet::new(list.currency(), list.rounding());
        sheet.section(&list, Share::WHOLE, &[], first).unwrap();
        let bill = sheet.bill().unwrap();
        (bill.lines.iter().map(|line| line.kind).collect::<Vec<_>>(), bill.total.text(2))
    };
    let (fee, recurring, once) = (LineKind::Fee, LineKind::Recurring, LineKind::OneTime);
    assert_eq!(kinds(true), (vec![fee, recurring, once], "130.00".into()));
    assert_eq!(kinds(false), (vec![fee, recurring], "30.00".into()));
    let twice = list.clone().with_amounts(vec![amount("calls", "1")], Vec::new());
    assert_eq!(twice, Err(InvalidPrices::Repeated("calls".parse().unwrap())));
}

#[test]
fn credits_pay_one_after_the_other_and_never_below_nothing() {
    let exact = |price: &str| price.parse::<Price>().unwrap().once();
    let drawn = |amount: Exact, credits: &[&str]| {
        let credits: Vec<Exact> = credits.iter().map(|credit| exact(credit)).collect();
        let drawn = draw(amount, &credits).unwrap();
        drawn.into_iter().map(|taken| taken.text(2)).collect::<Vec<_>>()
    };
    assert_eq!(drawn(exact("24.08"), &["10", "100"]), ["10.00", "14.08"]);
    assert_eq!(drawn(exact("5"), &["10", "100"]), ["5.00", "0.00"]);
    assert_eq!(drawn(exact("200"), &["10", "100"]), ["10.00", "100.00"]);
    assert_eq!(drawn(Exact::ZERO.minus(exact("1")).unwrap(), &["10"]), ["0.00"]);
}
