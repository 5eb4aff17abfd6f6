use super::*;
use crate::catalog::model::Status;
use crate::catalog::offers::PriceType;
use crate::http::answer::digest;
use crate::kernel::gtin::check_digit;
use crate::kernel::id::BrandId;
use crate::kernel::{Amount, Micros};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn deleted(id: ProductId, replaced_by: Option<ProductId>) -> ProductChange {
    ProductChange::Delete(Tombstone { id, gtin: None, replaced_by, at: Micros(0) })
}

fn record(sku: &str, brand: &str, categories: &str) -> ProductRecord {
    let id = ProductId::derived(sku);
    let body = format!("{{\"id\":\"{id}\",\"sku\":\"{sku}\"}}");
    ProductRecord {
        id,
        gtin: None,
        brand: Some(BrandId::derived(brand)),
        categories: categories.to_owned(),
        item_group: None,
        status: Status::Active,
        sold_by_weight: false,
        etag: digest(body.as_bytes()),
        body,
        updated_at: Micros(0),
    }
}

fn upsert(record: ProductRecord) -> ProductChange {
    ProductChange::Upsert(Box::new(record))
}

fn category(code: &str, parent: Option<&str>) -> CategoryChange {
    let id = CategoryId::derived(code);
    CategoryChange::Upsert(CategoryRecord {
        translations: serde_json::Value::Null,
        id,
        parent: parent.map(CategoryId::derived),
        name: code.to_owned(),
        body: format!("{{\"id\":\"{id}\",\"name\":\"{code}\"}}"),
        updated_at: Micros(0),
    })
}

fn offer(sku: &str, store: u64, channel: Channel, price: i64) -> OfferRecord {
    OfferRecord {
        product: ProductId::derived(sku),
        store: StoreId(store),
        channel,
        currency: "EUR".parse().unwrap(),
        price: Amount(price),
        list_price: None,
        member_price: None,
        price_type: PriceType::Regular,
        unit_price: Some(Amount(13_700)),
        unit_reference: Some("1 LTR".to_owned()),
        tax_included: true,
        eco_contribution: None,
        seller: None,
        lowest_price_30d: None,
        valid_from: None,
        valid_through: None,
        sale: None,
        promotions: Vec::new(),
        as_of: Micros(1),
    }
}

/// The ids of a whole walk, and whether each page kept to its limit.
fn walk(view: &CatalogView, query: &ProductQuery, limit: usize) -> Vec<Bytes> {
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = view.list(query, Some(Micros(1)), after, limit);
        assert!(page.items.len() <= limit);
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

#[test]
fn a_product_lives_changes_and_goes() {
    let view = CatalogView::default();
    let (first, other) = (record("1", "Bosch", ""), ProductId::derived("2"));
    let id = first.id;
    assert_eq!(view.product(id), Lookup::Missing);
    let mut second = first.clone();
    second.body = "{\"v\":2}".into();
    second.etag = 2;
    view.apply_products(vec![upsert(first.clone())]);
    assert_eq!(
        view.product(ProductId::derived("1")),
        Lookup::Found { body: first.body.into(), etag: first.etag }
    );
    view.apply_products(vec![upsert(second.clone())]);
    assert_eq!(view.product(id), Lookup::Found { body: second.body.clone().into(), etag: 2 });
    assert_eq!((view.sizes().products, view.sizes().product_body_bytes), (1, 7));
    view.apply_products(vec![deleted(id, Some(other))]);
    assert_eq!(view.product(id), Lookup::Gone { replaced_by: None }, "the other is not there yet");
    assert_eq!((view.sizes().products, view.sizes().product_body_bytes), (0, 0));
    view.apply_products(vec![upsert(record("2", "Bosch", ""))]);
    assert_eq!(view.product(id), Lookup::Gone { replaced_by: Some(other) });
    view.apply_products(vec![upsert(second)]);
    assert!(matches!(view.product(id), Lookup::Found { .. }));
}

#[test]
fn products_that_share_a_gtin_are_all_listed_and_the_active_one_is_found() {
    let view = CatalogView::default();
    let gtin: Gtin = "3276550063551".parse().unwrap();
    let with = |sku, status| ProductRecord { gtin: Some(gtin), status, ..record(sku, "b", "") };
    view.apply_products(vec![
        upsert(with("1", Status::Discontinued)),
        upsert(with("2", Status::Active)),
        upsert(with("3", Status::Discontinued)),
        upsert(record("4", "b", "")),
    ]);
    let Lookup::Found { body, .. } = view.product_by_gtin(gtin) else { panic!("not found") };
    assert!(body.ends_with(b"\"sku\":\"2\"}"));
    let query = ProductQuery { gtins: vec![gtin], ..ProductQuery::default() };
    assert_eq!(walk(&view, &query, 2).len(), 3);
    view.apply_products(vec![deleted(ProductId::derived("2"), None)]);
    assert_eq!(walk(&view, &query, 2).len(), 2);
    assert_eq!(view.gtin_of(ProductId::derived("4")), Some(None));
    assert_eq!(view.gtin_of(ProductId::derived("2")), None);
}

#[test]
fn a_rare_match_is_reached_in_short_pages() {
    let view = CatalogView::default();
    let records = (0..page::MOST_SEEN * 2 + 10).map(|n| record(&n.to_string(), "b", ""));
    view.apply_products(records.map(upsert).collect());
    let statuses = vec![Status::Recalled];
    let recalled = ProductRecord { status: Status::Recalled, ..record("x", "b", "") };
    view.apply_products(vec![upsert(recalled)]);
    let query = ProductQuery { statuses, ..ProductQuery::default() };
    let first = view.list(&query, None, None, 50);
    assert!(first.next.is_some());
    assert_eq!(walk(&view, &query, 50).len(), 1);
}

#[test]
fn a_category_counts_its_products_and_names_its_path() {
    let view = CatalogView::default();
    let (root, leaf) = (CategoryId::derived("root"), CategoryId::derived("leaf"));
    view.apply_categories(vec![category("leaf", Some("root")), category("root", None)]);
    view.apply_products(vec![
        upsert(record("1", "b", &leaf.to_string())),
        upsert(record("2", "b", &format!("{leaf} {root}"))),
    ]);
    let Lookup::Found { body, .. } = view.category(leaf) else { panic!("not found") };
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["level"], &body["product_count"]), (&2.into(), &2.into()));
    assert_eq!(body["path"][0], serde_json::json!({"id": root, "name": "root"}));
    let of_root = CategoryQuery { parent: Some(root), ..CategoryQuery::default() };
    assert_eq!(view.categories(&of_root, None, 10).items.len(), 1);
    assert_eq!(view.with_descendants(&[root]).len(), 2);
    let of = |categories| ProductQuery { categories, ..ProductQuery::default() };
    assert_eq!(walk(&view, &of(vec![root]), 1).len(), 1);
    assert_eq!(walk(&view, &of(view.with_descendants(&[root])), 1).len(), 2);
    view.apply_categories(vec![CategoryChange::Delete(leaf, Micros(0))]);
    assert_eq!(view.category(leaf), Lookup::Gone { replaced_by: None });
    assert_eq!(view.with_descendants(&[root]), [root]);
}

#[test]
fn a_loop_of_parents_ends() {
    let view = CatalogView::default();
    view.apply_categories(vec![category("a", Some("b")), category("b", Some("a"))]);
    assert!(matches!(view.category(CategoryId::derived("a")), Lookup::Found { .. }));
    assert_eq!(view.with_descendants(&[CategoryId::derived("a")]).len(), 2);
}

#[test]
fn offers_are_walked_by_store_and_channel() {
    let view = CatalogView::default();
    let id = ProductId::derived("1");
    view.apply_products(vec![upsert(record("1", "b", "")), upsert(record("2", "b", ""))]);
    let all: Vec<OfferRecord> = (1..=3)
        .flat_map(|store| [Channel::InStore, Channel::Online].map(|c| offer("1", store, c, 23_900)))
        .collect();
    let shuffled = all.iter().rev().cloned();
    view.apply_offers(shuffled.map(|o| OfferChange::Upsert(Box::new(o))).collect());
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = view.offers(None, id, (&[], None, Micros(1)), after, 1);
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
    let wanted = (&[StoreId(2)][..], Some(Channel::Online), Micros(1));
    assert_eq!(view.offers(None, id, wanted, None, 9).items, all[3..4]);
    let in_store = |store| ProductQuery { store: Some(StoreId(store)), ..ProductQuery::default() };
    assert_eq!(walk(&view, &in_store(3), 5).len(), 1);
    assert_eq!(walk(&view, &in_store(4), 5).len(), 0);
    let delete = |channel| OfferChange::Delete(id, StoreId(3), channel);
    view.apply_offers(vec![delete(Channel::Online)]);
    assert_eq!(walk(&view, &in_store(3), 5).len(), 1);
    view.apply_offers(vec![delete(Channel::InStore), delete(Channel::InStore)]);
    assert_eq!(walk(&view, &in_store(3), 5).len(), 0);
    assert_eq!(view.sizes().offers, 4);
}

/// The products that a walk through all strides meets, with what each costs.
fn strides(view: &CatalogView, query: &ProductQuery, now: i64) -> BTreeMap<u64, Option<i64>> {
    let (mut met, mut nth) = (BTreeMap::new(), 0);
    let mut note = |row: &mut Row<'_>| {
        let price = row.price.map(|(price, _)| price.0);
        assert_eq!(met.insert(row.id(), price), None);
    };
    while view.stride(query, nth, Micros(now), &mut note) {
        nth += 1;
    }
    met
}

#[test]
fn strides_meet_each_product_once_and_it_stays_where_it_is() {
    let view = CatalogView::default();
    let add = |n: u32| view.apply_products(vec![upsert(record(&n.to_string(), "b", ""))]);
    (0..5_000).for_each(add);
    let query = ProductQuery::default();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    view.stride(&query, 0, Micros(0), |row| first.push(row.id()));
    (0..5_000).rev().for_each(add);
    view.stride(&query, 0, Micros(0), |row| second.push(row.id()));
    assert_eq!((first.len(), &first, view.returns()), (4_096, &second, 0));
    view.apply_products(vec![deleted(ProductId(first[0]), None)]);
    assert_eq!((strides(&view, &query, 0).len(), view.returns()), (4_999, 0));
    (0..5_000).for_each(add);
    assert_eq!((strides(&view, &query, 0).len(), view.returns()), (5_000, 1));
}

#[test]
fn the_price_that_is_kept_of_a_product_is_that_of_its_offers() {
    let view = CatalogView::default();
    view.apply_products(vec![upsert(record("1", "b", "")), upsert(record("2", "b", ""))]);
    let priced = ProductQuery { wants_prices: true, ..ProductQuery::default() };
    let id = ProductId::derived("1");
    let seen = |now: i64| strides(&view, &priced, now * 1_000_000)[&id.0];
    assert_eq!((seen(5), seen(5)), (None, None));
    let dear = offer("1", 3, Channel::Online, 300);
    let cheap = OfferRecord {
        valid_from: Some(Micros(10_000_000)),
        valid_through: Some(Micros(19_999_999)),
        ..offer("1", 4, Channel::Online, 200)
    };
    let put =
        |offer: &OfferRecord| view.apply_offers(vec![OfferChange::Upsert(Box::new(offer.clone()))]);
    put(&dear);
    assert_eq!((seen(5), seen(12)), (Some(300), Some(300)));
    put(&cheap);
    // In any order: what is kept for one time says nothing of another.
    for (now, price) in [(12, 200), (9, 300), (10, 200), (19, 200), (20, 300), (12, 200), (12, 200)]
    {
        assert_eq!(seen(now), Some(price), "at {now}");
    }
    view.apply_products(vec![upsert(record("1", "c", ""))]);
    assert_eq!(seen(12), Some(200));
    view.apply_offers(vec![OfferChange::Delete(id, StoreId(4), Channel::Online)]);
    assert_eq!(seen(12), Some(300));
    view.apply_products(vec![deleted(id, None), upsert(record("3", "b", ""))]);
    let third = ProductId::derived("3").0;
    assert_eq!(strides(&view, &priced, 12_000_000)[&third], None);
}

#[test]
fn a_hundred_thousand_products_take_little_beside_their_bodies() {
    let view = CatalogView::default();
    let filler = "x".repeat(830);
    let load = |from: u64| {
        let records = (from..from + 500).map(|n| {
            let category = CategoryId(n % 800);
            let mut record =
                record(&n.to_string(), &(n % 3_000).to_string(), &category.to_string());
            let code = (300_000_000_000 + n).to_string();
            record.gtin = format!("{code}{}", check_digit(code.as_bytes())).parse().ok();
            record.body = format!("{{\"id\":\"{}\",\"f\":\"{filler}\"}}", record.id);
            upsert(record)
        });
        view.apply_products(records.collect());
    };
    (0..200).for_each(|batch| load(batch * 500));
    view.settle();
    let sizes = view.sizes();
    let ratio = sizes.product_overhead_bytes as f64 / sizes.product_body_bytes as f64;
    assert_eq!(sizes.products, 100_000);
    assert!(ratio < 0.15, "{ratio} over {sizes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_walk_gives_each_surviving_product_once(
        start in prop::collection::btree_set(0u32..400, 0..200),
        churn in prop::collection::vec((any::<bool>(), 0u32..400), 0..200),
        limit in 1usize..20,
        branded: bool,
    ) {
        let view = CatalogView::default();
        let named = |n: u32| record(&n.to_string(), if n.is_multiple_of(2) { "even" } else { "odd" }, "");
        view.apply_products(start.iter().map(|n| upsert(named(*n))).collect());
        let brands = if branded { vec![BrandId::derived("even")] } else { Vec::new() };
        let query = ProductQuery { brands, ..ProductQuery::default() };
        let mut throughout = start.clone();
        let (mut after, mut seen): (_, BTreeMap<Bytes, usize>) = (None, BTreeMap::new());
        let mut churn = churn.chunks(5);
        loop {
            let page = view.list(&query, None, after, limit);
            for body in page.items {
                *seen.entry(body).or_default() += 1;
            }
            for (add, n) in churn.next().unwrap_or_default() {
                throughout.remove(n);
                let change = if *add {
                    upsert(named(*n))
                } else {
                    deleted(ProductId::derived(&n.to_string()), None)
                };
                view.apply_products(vec![change]);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        prop_assert!(seen.values().all(|times| *times == 1));
        for n in throughout.iter().filter(|n| !branded || n.is_multiple_of(2)) {
            prop_assert!(seen.contains_key(named(*n).body.as_bytes()), "{} is missing", n);
        }
    }

    #[test]
    fn filters_together_take_what_a_full_scan_takes(
        rows in prop::collection::btree_map(0u32..300, (0u8..3, 0u8..4, any::<bool>()), 0..120),
        brands in prop::collection::btree_set(0u8..4, 0..3),
        categories in prop::collection::btree_set(0u8..5, 0..4),
        by_weight: Option<bool>,
        limit in 1usize..30,
    ) {
        let view = CatalogView::default();
        let category = |n: u8| CategoryId::derived(&n.to_string());
        view.apply_products(rows.iter().map(|(n, (brand, cat, by_weight))| upsert(ProductRecord {
            sold_by_weight: *by_weight,
            ..record(&n.to_string(), &brand.to_string(), &format!("{} {}", category(*cat), category(4)))
        })).collect());
        let query = ProductQuery {
            brands: brands.iter().map(|b| BrandId::derived(&b.to_string())).collect(),
            categories: categories.iter().map(|c| category(*c)).collect(),
            sold_by_weight: by_weight,
            ..ProductQuery::default()
        };
        let taken = rows.iter().filter(|(_, (brand, cat, weight))| {
            (brands.is_empty() || brands.contains(brand))
                && (categories.is_empty() || categories.contains(cat) || categories.contains(&4))
                && by_weight.is_none_or(|by_weight| by_weight == *weight)
        });
        let expected: BTreeSet<u64> = taken.map(|(n, _)| ProductId::derived(&n.to_string()).0).collect();
        let expected: Vec<Bytes> = expected.iter().map(|id| match view.product(ProductId(*id)) {
            Lookup::Found { body, .. } => body,
            _ => Bytes::new(),
        }).collect();
        prop_assert_eq!(walk(&view, &query, limit), expected);
    }
}
