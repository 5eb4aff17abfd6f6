//! Stores and stock near a place, open, with a whole basket; and how much of a quantity is told.

use crate::support::{TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};

/// Microseconds.
const MINUTE: i64 = 60_000_000;
/// A Sunday in Toulouse: 13:00 there.
const SUNDAY_NOON: &str = "2026-11-22T12:00:00Z";

async fn body(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn refused(app: &TestApp, key: &TestKey, path: &str) -> (u16, String, String) {
    let answer = app.get(&key.text, path).await;
    let status = answer.status().as_u16();
    let problem: Value = answer.json().await.unwrap();
    let error = &problem["errors"][0];
    let name = error["parameter"].as_str().unwrap_or_default().to_owned();
    (status, name, problem["detail"].as_str().unwrap().to_owned())
}

/// A store at a place, open on the given days from 08:30 to 20:30.
fn store(n: u32, (latitude, longitude): (f64, f64), postal_code: &str, days: &[&str]) -> Value {
    let mut store = data::store(n);
    store["geo"] = json!({ "latitude": latitude, "longitude": longitude });
    store["address"]["postal_code"] = json!(postal_code);
    let hours = |day: &&str| json!({ "day_of_week": day, "opens": "08:30", "closes": "20:30" });
    store["opening_hours"] = days.iter().map(hours).collect();
    store
}

/// Toulouse Capitole, Balma 6 km away, Paris, and one whose hours nobody told.
async fn town() -> TestApp {
    let app = TestApp::builder().fixed_clock(SUNDAY_NOON).start().await;
    app.stock_shelves(3, 0).await;
    let stores = [
        store(0, (43.6045, 1.444), "31000", &["sunday", "monday"]),
        store(1, (43.6110, 1.5180), "31130", &["monday"]),
        store(2, (48.8566, 2.3522), "75001", &["sunday"]),
        store(3, (43.6050, 1.4500), "31000", &[]),
    ];
    let report = app.import(Feed::Stores, &stores).await;
    assert_eq!(report.rejected, 0, "{report}");
    app
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn stores_near_a_place_come_the_nearest_first_and_none_from_beyond() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let store = data::store_id;
    let near = body(&app, &key, "/v1/stores?lat=43.6045&lon=1.444&radius_km=10").await;
    assert_eq!(ids(&near), [store(0), store(3), store(1)]);
    let metres: Vec<u64> = near["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["distance_m"].as_u64().unwrap())
        .collect();
    assert_eq!((metres[0], metres[1] / 100, metres[2] / 100), (0, 4, 60));
    let near = body(&app, &key, "/v1/stores?lat=43.6045&lon=1.444&radius_km=6").await;
    assert_eq!(ids(&near), [store(0), store(3)]);
    // Ten kilometres where no radius is given.
    let near = body(&app, &key, "/v1/stores?lat=43.6045&lon=1.444").await;
    assert_eq!(ids(&near).len(), 3);
    // Walked one by one.
    let (mut next, mut walked) =
        (Some("/v1/stores?lat=43.6&lon=1.44&radius_km=500&limit=1".to_owned()), Vec::new());
    while let Some(path) = next {
        let page = body(&app, &key, &path).await;
        walked.extend(ids(&page).into_iter().map(str::to_owned));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(walked, [store(0), store(3), store(1)]);
}

#[tokio::test]
async fn a_postal_code_is_a_place_where_a_radius_is_given() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let store = data::store_id;
    let of_code = body(&app, &key, "/v1/stores?postal_code=31130&country=FR").await;
    assert_eq!(ids(&of_code), [store(1)]);
    assert!(of_code["items"][0].get("distance_m").is_none());
    for path in ["/v1/stores?postal_code=13001&country=FR", "/v1/stores?postal_code=3113"] {
        let (status, name, detail) = refused(&app, &key, path).await;
        assert_eq!((status, name.as_str()), (400, "postal_code"), "{path}");
        assert!(detail.contains("`radius_km`"), "{detail}");
    }
    let elsewhere = body(&app, &key, "/v1/stores?postal_code=31130&city=Lille").await;
    assert!(ids(&elsewhere).is_empty());
    let in_one = body(&app, &key, "/v1/stores?postal_code=31130&city=Lille,TOULOUSE").await;
    assert_eq!(ids(&in_one), [store(1)]);
    for (types, found) in [("supermarket", 4), ("drive,Supermarket", 4), ("drive,online", 0)] {
        let of_type = body(&app, &key, &format!("/v1/stores?type={types}")).await;
        assert_eq!(ids(&of_type).len(), found, "{types}");
    }
    let around = body(&app, &key, "/v1/stores?postal_code=31130&country=fr&radius_km=8").await;
    assert_eq!(ids(&around), [store(1), store(3), store(0)]);
    let unknown = refused(&app, &key, "/v1/stores?postal_code=13001&country=FR&radius_km=8").await;
    assert_eq!((unknown.0, unknown.1.as_str()), (400, "postal_code"), "{unknown:?}");
}

#[tokio::test]
async fn a_file_tells_where_postal_codes_are() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "FR\t31500\tToulouse\t\t\t\t\t\t\t43.6047\t1.4810\t5\n").unwrap();
    let path = file.path().display().to_string();
    let app = TestApp::builder().set("STORES__POSTAL_CODES", &path).start().await;
    app.import(Feed::Stores, &[store(0, (43.6045, 1.444), "31000", &[])]).await;
    let key = app.key(json!({})).await;
    let near = body(&app, &key, "/v1/stores?postal_code=31500&country=FR&radius_km=4").await;
    assert_eq!(ids(&near), [data::store_id(0)]);
}

#[tokio::test]
async fn a_store_tells_whether_it_is_open_and_until_when() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let one = async |n| body(&app, &key, &format!("/v1/stores/{}", data::store_id(n))).await;
    let seen = |store: &Value| {
        (store["open_now"].clone(), store["closes_at"].clone(), store["opens_at"].clone())
    };
    assert_eq!(seen(&one(0).await), (json!(true), json!("2026-11-22T19:30:00Z"), Value::Null));
    assert_eq!(seen(&one(1).await), (json!(false), Value::Null, json!("2026-11-23T07:30:00Z")));
    assert_eq!(seen(&one(3).await), (Value::Null, Value::Null, Value::Null));

    let store = data::store_id;
    let open = body(&app, &key, "/v1/stores?lat=43.6&lon=1.44&open_now=true").await;
    assert_eq!(ids(&open), [store(0)]);
    let monday = "/v1/stores?lat=43.6&lon=1.44&open_at=2026-11-23T07:30Z";
    assert_eq!(ids(&body(&app, &key, monday).await), [store(0), store(1)]);
    let before = "/v1/stores?lat=43.6&lon=1.44&open_at=2026-11-23T07:29:59Z";
    assert!(ids(&body(&app, &key, before).await).is_empty());
    // With the clock the answer and its ETag change, and it was not to be kept longer.
    let path = format!("/v1/stores/{}", store(0));
    app.clock.advance((7 * 60 + 29) * MINUTE);
    let answer = app.get(&key.text, &path).await;
    let tag = answer.headers()["etag"].clone();
    assert_eq!(answer.headers()["cache-control"], "private, max-age=60");
    app.clock.advance(MINUTE);
    let answer = app.get(&key.text, &path).await;
    assert_ne!(answer.headers()["etag"], tag);
    assert_eq!(answer.json::<Value>().await.unwrap()["open_now"], false);
}

#[tokio::test]
async fn a_basket_is_found_where_all_of_it_is() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let levels = [
        data::level(0, 0, 4, "2026-11-22T11:59:00Z"),
        data::level(1, 0, 1, "2026-11-22T11:59:00Z"),
        data::level(0, 1, 9, "2026-11-22T11:59:00Z"),
        data::level(1, 1, 3, "2026-11-22T11:59:00Z"),
        data::level(0, 3, 9, "2026-11-22T11:59:00Z"),
    ];
    let report = app.import(Feed::Stock, &levels).await;
    assert_eq!(report.rejected, 0, "{report}");
    let store = data::store_id;
    let near = "/v1/stores?lat=43.6045&lon=1.444";
    let basket = |a: u32, b: u32| {
        format!("{near}&items={}:{a},{}:{b}", data::gtin13(0), data::product_id(1))
    };
    let found = body(&app, &key, &basket(4, 1)).await;
    assert_eq!(ids(&found), [store(0), store(1)]);
    let lines = found["items"][0]["basket"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["quantity"]["value"], &lines[0]["is_stale"]), (&json!(4), &json!(false)));
    assert_eq!(lines[1]["product_id"], data::product_id(1));
    assert_eq!(ids(&body(&app, &key, &basket(4, 2)).await), [store(1)]);
    assert!(ids(&body(&app, &key, &basket(10, 1)).await).is_empty());
    // Named twice is wanted twice; open as well; the same without a place.
    let twice = format!("{near}&items={0}:2,{0}:3", data::gtin13(0));
    assert_eq!(ids(&body(&app, &key, &twice).await), [store(3), store(1)]);
    assert_eq!(
        ids(&body(&app, &key, &format!("{}&open_now=true", basket(1, 1))).await),
        [store(0)]
    );
    let anywhere = body(&app, &key, &format!("/v1/stores?items={}", data::gtin13(1))).await;
    assert_eq!(ids(&anywhere).len(), 2);

    // Who sees bands cannot find the count out by asking for more and more.
    let bands = app.key(json!({ "scopes": ["stores:read", "stock:read"] })).await;
    assert_eq!(ids(&body(&app, &bands, &basket(3, 1)).await), [store(0), store(1)]);
    assert_eq!(ids(&body(&app, &bands, &basket(4, 1)).await), [store(1)]);
    let blind = app.key(json!({ "scopes": ["stores:read"] })).await;
    let answer = app.get(&blind.text, &basket(1, 1)).await;
    let problem = problem(answer, 403, "insufficient_scope").await;
    assert_eq!(problem["required_scope"], "stock:read");
}

#[tokio::test]
async fn stock_near_a_place_names_every_store() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let levels = [
        data::level(0, 1, 9, "2026-11-22T11:59:00Z"),
        data::level(0, 2, 1, "2026-11-22T11:59:00Z"),
    ];
    app.import(Feed::Stock, &levels).await;
    let near = format!("/v1/stock?gtin={}&lat=43.6045&lon=1.444&radius_km=10", data::gtin13(0));
    let page = body(&app, &key, &near).await;
    let seen: Vec<(&str, &str, bool)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (
                line["store_id"].as_str().unwrap(),
                line["availability"].as_str().unwrap(),
                line["is_stale"].as_bool().unwrap(),
            )
        })
        .collect();
    let (zero, one, three) = (data::store_id(0), data::store_id(1), data::store_id(3));
    let expected = [
        (zero.as_str(), "unknown", true),
        (three.as_str(), "unknown", true),
        (one.as_str(), "in_stock", false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(page["items"][2]["distance_m"].as_u64().unwrap() / 100, 60);
    let there = body(&app, &key, &format!("{near}&availability=in_stock&max_age_s=59")).await;
    assert_eq!(
        (there["items"].as_array().unwrap().len(), &there["items"][0]["is_stale"]),
        (1, &json!(true))
    );
    assert_eq!(there["items"][0]["max_age_s"], 59);
    let code = format!("/v1/stock?product_id={}&postal_code=31130&country=FR", data::product_id(0));
    assert_eq!(body(&app, &key, &code).await["items"].as_array().unwrap().len(), 3);
    let open = format!("{near}&open_now=true");
    assert_eq!(body(&app, &key, &open).await["items"][0]["store_id"], zero);
}

#[tokio::test]
async fn what_is_no_place_is_refused_with_what_to_do() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let gtin = data::gtin13(0);
    for (path, parameter, says) in [
        ("/v1/stores?lat=143.6&lon=43.6".to_owned(), "lat", "swapped"),
        ("/v1/stores?lat=43.6".into(), "lat", "needs `lon`"),
        ("/v1/stores?lon=1.4".into(), "lon", "needs `lat`"),
        ("/v1/stores?lat=NaN&lon=1".into(), "lat", "degrees north"),
        ("/v1/stores?lat=inf&lon=1".into(), "lat", "degrees north"),
        ("/v1/stores?lat=1&lon=181".into(), "lon", "degrees east"),
        ("/v1/stores?lat=1&lon=1&radius_km=0".into(), "radius_km", "above 0"),
        ("/v1/stores?lat=1&lon=1&radius_km=501".into(), "radius_km", "at most 500"),
        ("/v1/stores?radius_km=5".into(), "radius_km", "needs a place"),
        ("/v1/stores?postal_code=31000&radius_km=5".into(), "postal_code", "needs `country`"),
        ("/v1/stores?open_now=true&open_at=2026-11-22T10:00Z".into(), "open_at", "cannot stand"),
        (format!("/v1/stores?items={gtin}:0"), "items", "above 0"),
        (format!("/v1/stores?items={gtin}:-1"), "items", "above 0"),
        ("/v1/stores?items=5000112611861:1".into(), "items", "which no product has"),
        ("/v1/stores?items=prd_nope:1".into(), "items", "`prd_` and 11 letters"),
        ("/v1/stores?items=x".into(), "items", "neither a GTIN nor the id of a product"),
        (format!("/v1/stock?gtin={gtin}"), "lat", "name a place"),
        ("/v1/stock?lat=1&lon=1".into(), "product_id", "names the product"),
        (format!("/v1/stock?gtin={gtin}&lat=1&lon=1&max_age_s=0"), "max_age_s", "1 to 86400"),
    ] {
        let (status, name, detail) = refused(&app, &key, &path).await;
        assert_eq!((status, name.as_str()), (400, parameter), "{path}: {detail}");
        assert!(detail.contains(says), "{path}: {detail}");
    }
    let many = vec![gtin.as_str(); 21].join(",");
    assert_eq!(refused(&app, &key, &format!("/v1/stores?items={many}")).await.0, 400);
    assert_eq!(refused(&app, &key, "/v1/stock?gtin=5000112611861&lat=1&lon=1").await.0, 404);
    assert_eq!(refused(&app, &key, "/v1/stock?gtin=1&lat=1&lon=1").await.0, 422);
}

#[tokio::test]
async fn a_plan_says_how_much_of_a_quantity_is_told() {
    let app = town().await;
    let key = app.key(json!({})).await;
    app.import(Feed::Stock, &[data::level(0, 1, 4, "2026-11-22T11:59:00Z")]).await;
    let path = format!("/v1/products/{}/stock", data::product_id(0));
    let told = async || body(&app, &key, &path).await["items"][0]["quantity"].clone();
    assert_eq!(told().await, json!({ "disclosure": "exact", "value": 4 }));

    let token = &app.admin_token;
    let url = app.admin_url(&format!("/admin/v1/apps/{}", key.app_id));
    let of_app: Value =
        app.http.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    let plan = app.admin_url(&format!("/admin/v1/plans/{}", of_app["plan_id"].as_str().unwrap()));
    for (word, expected) in [
        ("band", json!({ "disclosure": "band", "band": "3-5" })),
        ("none", json!({ "disclosure": "none" })),
    ] {
        let patch = app.http.patch(&plan).bearer_auth(token);
        let answer = patch.json(&json!({ "stock_disclosure": word })).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let plan: Value = answer.json().await.unwrap();
        assert_eq!(
            (&plan["stock_disclosure"], plan["limits"].as_array().is_some()),
            (&json!(word), true)
        );
        assert_eq!(told().await, expected);
        let grid =
            json!({ "product_ids": [data::product_id(0)], "store_ids": [data::store_id(1)] });
        let ask = app.http.post(app.public_url("/v1/stock/query")).bearer_auth(&key.text);
        let grid: Value = ask.json(&grid).send().await.unwrap().json().await.unwrap();
        assert_eq!(grid["items"][0]["quantity"], expected);
        let embedded = format!("/v1/products/{}?embed=stock", data::product_id(0));
        assert_eq!(body(&app, &key, &embedded).await["stock"][0]["quantity"], expected);
    }
    // Stock files hold bands, so they are not for this plan.
    app.snapshot().await;
    let manifest = body(&app, &key, "/v1/exports/latest").await;
    let files = manifest["files"].as_array().unwrap();
    assert!(!files.is_empty() && files.iter().all(|file| file["resource"] != "stock"));
    let answer = app.get(&key.text, "/v1/exports/latest?resource=stock").await;
    problem(answer, 403, "not_in_plan").await;
}

#[tokio::test]
async fn stores_are_found_by_their_codes() {
    let app = town().await;
    let mut known = store(1, (43.6110, 1.5180), "31130", &["monday"]);
    known["gln"] = json!("3020180000000");
    app.import(Feed::Stores, &[known]).await;
    app.caught_up().await;
    let key = app.key(json!({})).await;
    let found = async |query: &str| -> Vec<String> {
        let page = body(&app, &key, &format!("/v1/stores?{query}&include_total=true")).await;
        let names = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["store_code"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        assert_eq!(page["total"], names.len(), "{query}");
        names.sort();
        names
    };
    assert_eq!(found("store_code=0002").await, ["0002"]);
    assert_eq!(found("store_code=0002,0001,9999").await, ["0001", "0002"]);
    // Blanks around a value are none of it, and a list that was cut short is not passed over.
    assert_eq!(found("store_code=0002,+0001+,%209999").await, ["0001", "0002"]);
    assert_eq!(found("gln=4012345000009,+3020180000000").await, ["0001"]);
    for wrong in ["store_code=0002,", "store_code=,", "services=drive,,x", "city=+", "gln=,"] {
        let (status, name, _) = refused(&app, &key, &format!("/v1/stores?{wrong}")).await;
        assert_eq!((status, name.as_str()), (400, wrong.split('=').next().unwrap()), "{wrong}");
    }
    assert_eq!(found("gln=3020180000000").await, ["0001"]);
    assert_eq!(found("gln=3020180000000&store_code=0002").await, [""; 0]);
    assert_eq!(found("gln=4012345000009").await, [""; 0]);
    let (capitole, near) = ("lat=43.6045&lon=1.444&radius_km=50", "store_code=0001,0002");
    assert_eq!(found(&format!("{capitole}&{near}")).await, ["0001"]);
    for (wrong, what) in
        [("302018000000", "13 digits"), ("3020180000001", "expected 0"), ("x", "13")]
    {
        let (status, name, detail) = refused(&app, &key, &format!("/v1/stores?gln={wrong}")).await;
        assert_eq!((status, name.as_str()), (400, "gln"), "{wrong}");
        assert!(detail.contains(what), "{wrong}: {detail}");
    }
    let many = vec!["0001"; 51].join(",");
    let (status, name, _) = refused(&app, &key, &format!("/v1/stores?store_code={many}")).await;
    assert_eq!((status, name.as_str()), (400, "store_code"));
}

/// A customer can walk into none of them.
#[tokio::test]
async fn a_web_shop_is_near_nobody() {
    let app = town().await;
    let key = app.key(json!({})).await;
    let mut bare = data::store(8);
    bare["type"] = json!("online");
    for field in ["geo", "address"] {
        bare.as_object_mut().unwrap().remove(field);
    }
    let mut placed = store(9, (43.6045, 1.444), "31999", &["sunday"]);
    placed["type"] = json!("online");
    let report = app.import(Feed::Stores, &[bare, placed]).await;
    assert_eq!(report.rejected, 0, "{report}");
    let levels = [8, 9].map(|store| data::level(1, store, 40, "2026-11-22T11:59:00Z"));
    app.import(Feed::Stock, &levels).await;
    let shop = body(&app, &key, &format!("/v1/stores/{}", data::store_id(8))).await;
    assert_eq!((&shop["address"], &shop["geo"]), (&Value::Null, &Value::Null));
    let shops = body(&app, &key, "/v1/stores?type=online&include_total=true").await;
    assert_eq!((ids(&shops).len(), &shops["total"]), (2, &json!(2)));
    let here = "lat=43.6045&lon=1.444&radius_km=500";
    for path in [
        format!("/v1/stores?{here}&include_total=true"),
        format!("/v1/stores?{here}&items={}", data::product_id(1)),
        "/v1/stores?postal_code=31000&country=FR&radius_km=500".to_owned(),
        format!("/v1/stock?{here}&product_id={}&limit=200", data::product_id(1)),
    ] {
        let page = body(&app, &key, &path).await.to_string();
        assert!(page.starts_with("{\"items\":"), "{path}");
        for shop in [8, 9].map(data::store_id) {
            assert!(!page.contains(&shop), "{path}");
        }
    }
    // Nor does it tell where a postal code is.
    let (status, name, _) =
        refused(&app, &key, "/v1/stores?postal_code=31999&country=FR&radius_km=5").await;
    assert_eq!((status, name.as_str()), (400, "postal_code"));
}
