//! What must hold of the demonstration data as a whole, read as an importer reads it.

use super::*;
use crate::kernel::clock::SECOND;
use crate::kernel::gtin::check_digit;
use crate::kernel::{Amount, Gtin};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

fn now() -> Micros {
    "2026-11-22T09:41:07Z".parse().unwrap()
}

fn data() -> &'static Seed {
    static DATA: LazyLock<Seed> = LazyLock::new(|| seed(now(), "https://api.example.com/"));
    &DATA
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("{field} in {line}"))
}

/// Cents of an amount object.
fn cents(money: &Value) -> i64 {
    assert_eq!(money["currency"], "EUR", "{money}");
    let amount: Amount = text(money, "amount").parse().unwrap();
    assert_eq!(amount.0 % 100, 0, "{money} has more than cents");
    amount.0 / 100
}

/// Thousandths of a decimal text.
fn milli(value: &Value) -> i64 {
    let amount: Amount = value.as_str().unwrap().parse().unwrap();
    amount.0 / 10
}

fn instant(line: &Value, field: &str) -> Micros {
    text(line, field).parse().unwrap()
}

/// All values of a field, which must differ from each other.
fn unique<'a>(lines: &'a [Value], field: &str) -> HashSet<&'a str> {
    let values: HashSet<&str> = lines.iter().map(|line| text(line, field)).collect();
    assert_eq!(values.len(), lines.len(), "{field} repeats");
    values
}

fn subset(values: &Value, of: &HashSet<&str>) {
    for value in values.as_array().unwrap() {
        assert!(of.contains(value.as_str().unwrap()), "{value} is unknown");
    }
}

/// The offers now in force: the newest line of each product, store and channel.
fn offers_at(epoch: usize) -> HashMap<(&'static str, &'static str, &'static str), &'static Value> {
    let states = data().offers[..=epoch].iter().flatten();
    states.map(|o| ((text(o, "sku"), text(o, "store_code"), text(o, "channel")), o)).collect()
}

#[test]
fn the_same_minute_gives_the_same_data() {
    let later = Micros(now().0 + 30 * SECOND);
    assert!(seed(later, "https://api.example.com") == *data(), "another second, another seed");
}

#[test]
fn there_is_as_much_as_promised() {
    let data = data();
    assert_eq!((data.products.len(), data.stores.len(), data.customers.len()), (1_200, 40, 200));
    assert!((55..=75).contains(&data.categories.len()), "{}", data.categories.len());
    let current = data.offers[0].len();
    assert!((20_000..=30_000).contains(&current), "{current} offers");
    for changes in &data.offers[1..] {
        let percent = changes.len() * 100 / current;
        assert!((5..=11).contains(&percent), "{percent} % of the offers change");
    }
    assert!((current * 85 / 100..current).contains(&data.stock.len()), "{}", data.stock.len());
    let mut bought: HashMap<&str, usize> = HashMap::new();
    for purchase in &data.purchases {
        *bought.entry(text(purchase, "customer_id")).or_default() += 1;
    }
    assert!(bought.len() == 200 && bought.values().all(|n| (5..=40).contains(n)));
    assert_eq!(data.loyalty.len(), 200);
    assert!((200..=600).contains(&data.lists.len()));
}

#[test]
fn codes_are_unique_and_their_check_digits_right() {
    let data = data();
    unique(&data.categories, "code");
    unique(&data.products, "name");
    unique(&data.promotions, "code");
    for sku in unique(&data.products, "sku") {
        assert!(sku.len() <= 50 && sku.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
    let sold_by_piece = data.products.iter().filter(|p| !p["gtin"].is_null());
    let gtins: Vec<Value> = sold_by_piece.cloned().collect();
    for gtin in unique(&gtins, "gtin") {
        assert!(gtin.len() == 13 && gtin.starts_with("952") && gtin.parse::<Gtin>().is_ok());
    }
    for product in &data.products {
        assert_eq!(product["gtin"].is_null(), product["is_sold_by_weight"] == true, "{product}");
    }
    for gln in unique(&data.stores, "gln") {
        let (body, last) = gln.split_at(12);
        assert_eq!(check_digit(body.as_bytes()).to_string(), last);
    }
    for (lines, prefix) in [
        (&data.customers, "cus_"),
        (&data.purchases, "pur_"),
        (&data.loyalty, "loy_"),
        (&data.lists, "lst_"),
    ] {
        assert!(unique(lines, "id").iter().all(|id| id.starts_with(prefix) && id.len() == 15));
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let data = data();
    let categories = unique(&data.categories, "code");
    let skus = unique(&data.products, "sku");
    let stores = unique(&data.stores, "store_code");
    let promotions = unique(&data.promotions, "code");
    let customers = unique(&data.customers, "id");
    let brands: HashSet<&str> = data.products.iter().map(|p| text(&p["brand"], "name")).collect();
    for category in &data.categories {
        assert!(category["parent_code"].as_str().is_none_or(|code| categories.contains(code)));
    }
    for product in &data.products {
        subset(&product["category_codes"], &categories);
        assert!(product["replaced_by_sku"].as_str().is_none_or(|sku| skus.contains(sku)));
        assert_eq!(product["status"] == "discontinued", !product["replaced_by_sku"].is_null());
    }
    for promotion in &data.promotions {
        subset(&promotion["applies_to"]["skus"], &skus);
        subset(&promotion["applies_to"]["category_codes"], &categories);
        subset(&promotion["applies_to"]["brands"], &brands);
        assert!(instant(promotion, "valid_from") < instant(promotion, "valid_through"));
    }
    let sold = data.offers.iter().flatten().chain(&data.stock);
    for line in sold.chain(data.purchases.iter().flat_map(|p| p["lines"].as_array().unwrap())) {
        assert!(skus.contains(text(line, "sku")));
    }
    for line in data.offers.iter().flatten().chain(&data.stock).chain(&data.purchases) {
        assert!(stores.contains(text(line, "store_code")));
    }
    data.offers.iter().flatten().for_each(|offer| subset(&offer["promotion_codes"], &promotions));
    for line in data.purchases.iter().chain(&data.loyalty).chain(&data.lists) {
        assert!(customers.contains(text(line, "customer_id")));
    }
    for customer in &data.customers {
        assert!(stores.contains(text(customer, "home_store_code")));
    }
    for item in data.lists.iter().flat_map(|list| list["items"].as_array().unwrap()) {
        assert!(skus.contains(text(item, "sku")));
        assert!(item["store_code"].as_str().is_none_or(|code| stores.contains(code)));
    }
}

#[test]
fn there_are_replaced_and_recalled_products_and_variants() {
    let count =
        |field: &str, value: &str| data().products.iter().filter(|p| p[field] == value).count();
    assert!((3..=30).contains(&count("status", "discontinued")));
    assert!((1..=4).contains(&count("status", "recalled")));
    let recalled: HashSet<&str> = data()
        .products
        .iter()
        .filter(|p| p["status"] == "recalled")
        .map(|p| text(p, "sku"))
        .collect();
    assert!(data().offers.iter().flatten().all(|offer| !recalled.contains(text(offer, "sku"))));
    let groups = data().products.iter().filter(|p| !p["item_group_id"].is_null());
    assert!(groups.count() > 100);
}

#[test]
fn prices_fit_their_reductions_and_their_unit_prices() {
    let contents: HashMap<&str, &Value> =
        data().products.iter().map(|p| (text(p, "sku"), &p["net_content"])).collect();
    let percents: HashMap<&str, i64> = data()
        .promotions
        .iter()
        .filter(|p| p["type"] == "percent_off")
        .map(|p| (text(p, "code"), text(p, "value").parse().unwrap()))
        .collect();
    let less = |cents: i64, code: &Value| {
        let percent = percents[code.as_str().unwrap()];
        (cents * (100 - percent) * 2 + 100) / 200
    };
    for offer in data().offers.iter().flatten() {
        let price = cents(&offer["price"]);
        let code = &offer["promotion_codes"][0];
        assert!(price > 0 && instant(offer, "as_of") <= now(), "{offer}");
        assert!(instant(offer, "valid_from") <= instant(offer, "as_of"), "{offer}");
        assert_eq!(offer["price_type"] == "sale", !offer["list_price"].is_null());
        assert_eq!(offer["price_type"] == "sale", !offer["valid_through"].is_null());
        if !offer["list_price"].is_null() {
            let list = cents(&offer["list_price"]);
            assert!(price < list && price == less(list, code), "{offer}");
        }
        if !offer["member_price"].is_null() {
            let member = cents(&offer["member_price"]);
            assert!(member < price && member == less(price, code), "{offer}");
        }
        let (content, unit) = (contents[text(offer, "sku")], &offer["unit_price"]);
        assert_eq!(content.is_null(), unit.is_null(), "{offer}");
        if !unit.is_null() {
            let held = milli(&content["value"]);
            // Grams and millilitres are thousandths of the unit that the price is for.
            let per_thousand = matches!(text(content, "unit_code"), "GRM" | "MLT");
            let thousandths = if per_thousand { held / 1_000 } else { held };
            assert_eq!(cents(unit), (2_000 * price + thousandths) / (2 * thousandths), "{offer}");
        }
    }
}

#[test]
fn only_changed_offers_are_stated_again() {
    for epoch in 1..EPOCHS {
        let before = offers_at(epoch - 1);
        for offer in &data().offers[epoch] {
            let key = (text(offer, "sku"), text(offer, "store_code"), text(offer, "channel"));
            let was = before[&key];
            assert!(instant(was, "as_of") < instant(offer, "as_of"));
            let terms = |o: &Value| (o["price"].clone(), o["list_price"].clone());
            assert_ne!(terms(was), terms(offer), "{offer}");
        }
    }
    assert_eq!(offers_at(EPOCHS - 1).len(), data().offers[0].len());
}

#[test]
fn stock_is_of_what_is_listed_and_of_every_age() {
    let listed: HashSet<_> = offers_at(0).into_keys().map(|(sku, store, _)| (sku, store)).collect();
    let mut seen = HashSet::new();
    let (mut fresh, mut old, mut none, mut low) = (0, 0, 0, 0);
    for level in &data().stock {
        let key = (text(level, "sku"), text(level, "store_code"));
        assert!(listed.contains(&key) && seen.insert(key), "{level}");
        let quantity = level["quantity"].as_f64().unwrap();
        let age = now().0 - instant(level, "as_of").0;
        assert!(quantity >= 0.0 && age > 0, "{level}");
        fresh += usize::from(age < HOUR / 60);
        old += usize::from(age > DAY);
        none += usize::from(quantity == 0.0);
        low += usize::from(quantity > 0.0 && quantity < 4.0);
    }
    assert!([fresh, old, none, low].iter().all(|n| *n > 300), "{fresh} {old} {none} {low}");
    let words: HashSet<_> =
        data().stock.iter().filter_map(|l| l["availability"].as_str()).collect();
    assert_eq!(words, ["preorder", "discontinued", "on_display_to_order"].into());
}

#[test]
fn receipts_add_up_at_the_price_of_the_day() {
    let dates = Dates::at(now());
    let periods: Vec<_> = (0..EPOCHS).map(offers_at).collect();
    for purchase in &data().purchases {
        let at = instant(purchase, "order_date");
        assert!(at < dates.now);
        let (mut gross, mut net) = (0, 0);
        for line in purchase["lines"].as_array().unwrap() {
            let quantity = milli(&line["quantity"]["value"]);
            let of = |price: i64| (2 * price * quantity + 1_000) / 2_000;
            let total = cents(&line["line_total"]);
            let less: i64 = line["discounts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|discount| cents(&discount["amount"]))
                .sum();
            assert_eq!(of(cents(&line["unit_price"])) - less, total, "{line}");
            (gross, net) = (gross + total + less, net + total);
            if let Some(epoch) = dates.epoch(at) {
                let place = (text(purchase, "store_code"), text(purchase, "channel"));
                let offer = periods[epoch][&(text(line, "sku"), place.0, place.1)];
                let member = &offer["member_price"];
                let price = if member.is_null() { &offer["price"] } else { member };
                assert_eq!(of(cents(price)), total, "{line} {offer}");
            }
        }
        let sum = |kind: &str| -> i64 {
            let totals = purchase["totals"].as_array().unwrap().iter();
            totals.filter(|t| t["type"] == kind).map(|t| cents(&t["amount"])).sum()
        };
        assert_eq!((sum("subtotal"), sum("total")), (gross, net), "{purchase}");
        assert_eq!(sum("subtotal") + sum("discount"), sum("total"), "{purchase}");
        assert!(sum("tax") > 0 && sum("tax") * 5 < net, "{purchase}");
    }
}

#[test]
fn a_balance_is_the_sum_of_its_transactions_and_never_negative() {
    for account in &data().loyalty {
        let (mut sum, mut last) = (0, Micros(0));
        for entry in account["transactions"].as_array().unwrap() {
            sum += text(entry, "points").parse::<i64>().unwrap();
            let at = instant(entry, "occurred_at");
            assert!(sum >= 0 && at >= last && at <= now(), "{entry}");
            last = at;
        }
        assert_eq!(text(&account["balances"][0], "available"), sum.to_string());
    }
    let kinds: HashSet<_> = data()
        .loyalty
        .iter()
        .flat_map(|a| a["transactions"].as_array().unwrap())
        .map(|t| text(t, "type"))
        .collect();
    assert_eq!(kinds, ["adjust", "earn", "redeem", "refund"].into());
}

#[test]
fn every_product_has_its_picture() {
    for product in &data().products {
        let sku = text(product, "sku");
        assert!(image_svg(sku).is_some());
        let url = format!("https://api.example.com/demo/images/{sku}.svg");
        assert_eq!(product["images"][0]["url"], url);
    }
}

#[test]
fn the_lines_are_of_a_sane_size() {
    let bytes = |lines: &[Value]| lines.iter().map(|line| line.to_string().len()).sum::<usize>();
    let data = data();
    assert!(bytes(&data.products) < 2_000_000);
    assert!(data.offers.iter().map(|state| bytes(state)).sum::<usize>() < 16_000_000);
    assert!(bytes(&data.stock) < 10_000_000);
    assert!(bytes(&data.purchases) < 10_000_000);
    assert!(data.products.iter().all(|p| p.to_string().len() < 2_000));
}

/// What the embedded store keeps of people is what the API for customers' data can read.
#[test]
fn people_are_of_the_model() {
    use crate::customers::model::{
        CustomerList, CustomerProfile, CustomerPurchase, LoyaltyAccount,
    };
    use serde::de::DeserializeOwned;

    /// Reads lines as they are kept: without whose they are.
    fn read<T: DeserializeOwned>(lines: &[Value]) -> Vec<T> {
        let one = |line: &Value| {
            let mut line = line.clone();
            line.as_object_mut().unwrap().remove("customer_id");
            serde_json::from_value(line.clone()).unwrap_or_else(|e| panic!("{e}: {line}"))
        };
        lines.iter().map(one).collect()
    }
    let data = data();
    let profiles: Vec<CustomerProfile> = read(&data.customers);
    assert!(profiles.iter().all(|it| it.birth_date.is_some() && it.home_store_code.is_some()));
    let purchases: Vec<CustomerPurchase> = read(&data.purchases);
    assert!(purchases.iter().all(|it| it.paid().is_some() && !it.lines.is_empty()));
    let accounts: Vec<LoyaltyAccount> = read(&data.loyalty);
    assert!(accounts.iter().all(|it| !it.balances.is_empty() && !it.transactions.is_empty()));
    let lists: Vec<CustomerList> = read(&data.lists);
    assert!(lists.iter().all(|it| !it.items.is_empty()));
}
