//! Lists of products that are filtered by what changes, sorted, counted; and suggestions.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use comptoir::storage::{Log, log};
use serde_json::{Value, json};

async fn body(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn product(n: u32, name: &str, brand: &str, category: &str, class: &str) -> Value {
    json!({
        "sku": data::sku(n), "name": name, "brand": { "name": brand }, "category_codes": [category],
        "condition": if n == 4 { "used" } else { "new" },
        "variant_attributes": [{ "name": "color", "value": if n.is_multiple_of(2) { "Blanc" } else { "noir" } }],
        "additional_property": [{ "property_id": "energy_class", "name": "Classe", "value": class }],
    })
}

/// Five products, two stores; of the fifth there is neither price nor stock.
async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(0, 2).await;
    let products = [
        product(0, "Perceuse à percussion", "Bosch", "drills", "A"),
        product(1, "Perceuse sans fil", "Makita", "drills", "B"),
        product(2, "Visseuse", "Bosch", "tools", "A"),
        product(3, "Élagueuse", "Makita", "tools", "A"),
        product(4, "Perforateur", "Bosch", "drills", "C"),
    ];
    let offers = [
        data::offer(0, 0, "89.90"),
        data::offer(0, 1, "79.90"),
        data::offer(1, 0, "120.00"),
        data::offer(2, 0, "45.00"),
        data::offer(3, 1, "9.90"),
    ];
    let levels = [
        data::level(0, 0, 4, "2026-11-22T11:59:00Z"),
        data::level(1, 0, 0, "2026-11-22T11:59:00Z"),
        data::level(3, 1, 2, "2026-11-22T11:59:00Z"),
    ];
    for (feed, lines) in
        [(Feed::Products, &products[..]), (Feed::Offers, &offers), (Feed::Stock, &levels)]
    {
        let report = app.import(feed, lines).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
    let key = app.key(json!({})).await;
    (app, key)
}

/// The numbers of the products of a list, walked by pages of `limit`.
async fn walk(app: &TestApp, key: &TestKey, query: &str, limit: u32) -> Vec<usize> {
    let mut next = Some(format!("/v1/products?{query}&limit={limit}"));
    let mut found = Vec::new();
    while let Some(path) = next {
        let page = body(app, key, &path).await;
        for item in page["items"].as_array().unwrap() {
            let number = (0..5).position(|n| data::product_id(n) == item["id"]).unwrap();
            found.push(number);
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    found
}

async fn set(app: &TestApp, key: &TestKey, query: &str) -> Vec<usize> {
    let mut found = walk(app, key, query, 2).await;
    found.sort_unstable();
    found
}

#[tokio::test]
async fn filters_look_at_prices_stock_and_properties() {
    let (app, key) = shop().await;
    let (zero, one) = (data::store_id(0), data::store_id(1));
    for (query, expected) in [
        ("min_price=45&max_price=89.9".to_owned(), vec![0, 2]),
        (format!("min_price=80&store_id={one}"), vec![]),
        (format!("max_price=90&store_id={zero}"), vec![0, 2]),
        ("availability=in_stock,low_stock".into(), vec![0, 3]),
        (format!("availability=unknown&store_id={zero}"), vec![2]),
        ("availability=out_of_stock".into(), vec![1]),
        ("channel=in_store".into(), vec![0, 1, 2, 3]),
        ("channel=online".into(), vec![]),
        ("condition=used".into(), vec![4]),
        ("condition=used,new&brand=Makita".into(), vec![1, 3]),
        ("attr.energy_class=a".into(), vec![0, 2, 3]),
        ("attr.energy_class=a,B&attr.color=NOIR".into(), vec![1, 3]),
        ("attr%5Benergy_class%5D=c".into(), vec![4]),
        ("attr.energy_class=x,%20c".into(), vec![4]),
        ("attr.energy_class=A&q=perceuse".into(), vec![0]),
        ("attr.unheard=A".into(), vec![]),
    ] {
        assert_eq!(set(&app, &key, &query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_list_comes_in_the_order_that_was_asked() {
    let (app, key) = shop().await;
    for (sort, expected) in [
        ("name", vec![3, 0, 1, 4, 2]),
        ("-name", vec![2, 4, 1, 0, 3]),
        ("price", vec![3, 2, 0, 1, 4]),
        ("-price", vec![1, 0, 2, 3, 4]),
        ("updated_at,name", vec![3, 0, 1, 4, 2]),
    ] {
        for limit in [1, 2, 5] {
            assert_eq!(walk(&app, &key, &format!("sort={sort}"), limit).await, expected, "{sort}");
        }
    }
    let found = walk(&app, &key, "q=perceuse&sort=-price", 1).await;
    // The third is found by its category and has no price.
    assert_eq!(found, [1, 0, 4]);
    // The price of a store decides where a store is named.
    let (zero, one) = (data::store_id(0), data::store_id(1));
    assert_eq!(walk(&app, &key, &format!("sort=price&store_id={zero}"), 1).await, [2, 0, 1]);
    assert_eq!(walk(&app, &key, &format!("sort=price&store_id={one}"), 1).await, [3, 0]);
}

#[tokio::test]
async fn facets_count_what_one_more_filter_would_leave() {
    let (app, key) = shop().await;
    let all = "facets=brand,category_id,price,availability,condition,status,attr.energy_class";
    let page = body(&app, &key, &format!("/v1/products?{all}&include_total=true&limit=1")).await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]), (1, &json!(5)));
    let facets = &page["facets"];
    let seen = |facets: &Value, name: &str| -> Vec<(String, u64)> {
        let values = facets[name].as_array().unwrap().iter();
        let word = |value: &Value| {
            let shown = value.get("name").or(value.get("value")).or(value.get("from"));
            shown.unwrap().as_str().unwrap().to_owned()
        };
        values.map(|value| (word(value), value["count"].as_u64().unwrap())).collect()
    };
    let expected = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    };
    assert_eq!(seen(facets, "brand"), expected(&[("Bosch", 3), ("Makita", 2)]));
    assert_eq!(seen(facets, "category_id"), expected(&[("Perceuses", 3), ("Outillage", 2)]));
    assert_eq!(
        seen(facets, "price"),
        expected(&[("5.00", 1), ("20.00", 1), ("50.00", 1), ("100.00", 1)])
    );
    assert_eq!(
        seen(facets, "availability"),
        expected(&[("unknown", 2), ("in_stock", 1), ("low_stock", 1), ("out_of_stock", 1)])
    );
    assert_eq!(seen(facets, "condition"), expected(&[("new", 4), ("used", 1)]));
    assert_eq!(seen(facets, "status"), expected(&[("active", 5)]));
    assert_eq!(seen(facets, "attr.energy_class"), expected(&[("A", 3), ("B", 1), ("C", 1)]));
    // The filter on brands does not hold for the facet of brands, and for all others it does.
    let brand = facets["brand"][0]["value"].as_str().unwrap();
    let path = format!("/v1/products?brand={brand}&attr.energy_class=a&{all}&include_total=true");
    let page = body(&app, &key, &path).await;
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(2), 2));
    assert_eq!(seen(&page["facets"], "brand"), expected(&[("Bosch", 2), ("Makita", 1)]));
    assert_eq!(seen(&page["facets"], "attr.energy_class"), expected(&[("A", 2), ("C", 1)]));
    assert_eq!(seen(&page["facets"], "condition"), expected(&[("new", 2)]));
    // Properties are counted in any case, so two spellings are one facet; others keep their own filter.
    let twice = "facets=attr.energy_class,attr.Energy_CLASS,attr.color&attr.color=noir";
    let page = body(&app, &key, &format!("/v1/products?{twice}")).await;
    assert_eq!(page["facets"].as_object().unwrap().len(), 2);
    assert_eq!(seen(&page["facets"], "attr.energy_class"), expected(&[("A", 1), ("B", 1)]));
    assert_eq!(seen(&page["facets"], "attr.color"), expected(&[("Blanc", 3), ("noir", 2)]));
    // Counts are of what a search finds, and as many values come as were asked for.
    let page = body(&app, &key, "/v1/products?q=perceuse&facets=brand&facet_limit=1").await;
    assert_eq!(seen(&page["facets"], "brand").len(), 1);
}

#[tokio::test]
async fn what_no_list_can_do_is_refused_with_what_to_do() {
    let (app, key) = shop().await;
    for (query, name) in [
        ("sort=prix", "sort"),
        ("sort=relevance", "sort"),
        ("sort=name,-name", "sort"),
        ("q=a&sort=-relevance", "sort"),
        ("facets=color", "facets"),
        ("facets=brand&facet_limit=0", "facet_limit"),
        ("facets=brand&facet_limit=101", "facet_limit"),
        ("facet_limit=3", "facet_limit"),
        ("q=a&include_descendants=false", "include_descendants"),
        ("facets=brand&include_descendants=true", "include_descendants"),
        ("min_price=5&max_price=4", "max_price"),
        ("min_price=cheap", "min_price"),
        ("availability=often", "availability"),
        ("condition=broken", "condition"),
        ("attr.=A", "attr"),
        ("attr[color=A", "attr"),
        ("attr%5Bcolor=A", "attr"),
        ("attr[color][gt]=A", "attr"),
        ("attr.color=", "attr"),
        ("attr.color=a&attr.color=b", "attr"),
        ("attribute.color=a", "attribute.color"),
    ] {
        let answer = app.get(&key.text, &format!("/v1/products?{query}")).await;
        let problem = problem(answer, 400, "invalid_parameter").await;
        assert_eq!(problem["errors"][0]["parameter"], name, "{query}");
    }
    // A cursor belongs to its order.
    let first = body(&app, &key, "/v1/products?sort=name&limit=1").await;
    let next = first["next"].as_str().unwrap().replace("sort=name", "sort=-name");
    problem(app.get(&key.text, &next).await, 400, "invalid_cursor").await;
    // Prices and stock are told to those alone who may read them, also by order and count.
    let blind = app.key(json!({ "scopes": ["catalog:read"] })).await;
    for query in [
        "sort=price",
        "max_price=5",
        "facets=price",
        "availability=in_stock",
        "facets=availability",
    ] {
        let answer = app.get(&blind.text, &format!("/v1/products?{query}")).await;
        problem(answer, 403, "insufficient_scope").await;
    }
}

#[tokio::test]
async fn what_was_begun_is_suggested() {
    let (app, key) = shop().await;
    let suggested = async |query: &str| -> Vec<(String, String)> {
        let page = body(&app, &key, &format!("/v1/suggest?{query}")).await;
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| (text(item, "type"), text(item, "text"))).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect()
    };
    assert_eq!(suggested("q=b").await, pairs(&[("brand", "Bosch")]));
    assert_eq!(
        suggested("q=percE").await,
        pairs(&[
            ("category", "Perceuses"),
            ("product", "Perceuse à percussion"),
            ("product", "Perceuse sans fil"),
        ])
    );
    assert_eq!(suggested("q=elag").await, pairs(&[("product", "Élagueuse")]));
    assert_eq!(suggested("q=elageuse").await, pairs(&[("product", "Élagueuse")]), "mistyped");
    // One letter of a next word says little.
    let whole = suggested("q=perceuse&types=product").await;
    assert_eq!(suggested("q=perceuse+f&types=product").await, whole);
    assert_eq!(suggested("q=visseuse+q&types=product").await, pairs(&[("product", "Visseuse")]));
    // The name that begins so comes before a shorter one that has it further on.
    let more = [
        product(5, "Sac de visserie inox et laiton", "Bosch", "tools", "A"),
        product(6, "Visserie pour le sac de chantier et autres", "Bosch", "tools", "A"),
    ];
    app.import(Feed::Products, &more).await;
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
    let begin = suggested("q=sac&types=product").await;
    assert_eq!(begin[0].1, "Sac de visserie inox et laiton", "{begin:?}");
    let begin = suggested("q=visse&types=product").await;
    let names: Vec<&str> = begin.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!((names.len(), names[2]), (3, "Sac de visserie inox et laiton"), "{names:?}");
    assert_eq!(suggested("q=perceuse&types=category").await, pairs(&[("category", "Perceuses")]));
    assert_eq!(suggested("q=perceuse&limit=1&types=product").await.len(), 1);
    assert!(suggested("q=%F0%9F%A6%80").await.is_empty());
    let long = "a".repeat(101);
    for query in ["", "q=", "q=a&limit=0", "q=a&limit=21", "q=a&types=store", &format!("q={long}")]
    {
        let answer = app.get(&key.text, &format!("/v1/suggest?{query}")).await;
        problem(answer, 400, "invalid_parameter").await;
    }
}
