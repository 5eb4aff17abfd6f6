//! A promotion of one customer is told to no partner, in no form, and neither is that it is there.

use crate::follow::{assert_followed, load};
use crate::support::data::{self, product_id};
use crate::support::{NOON, TestApp, problem};
use comptoir::feeds::{Feed, Guard, Mode, Options, import_with};
use comptoir::kernel::id::PromotionId;
use serde_json::{Value, json};

/// A code that stands in nothing else.
fn code(name: &str) -> String {
    format!("promo-{name}")
}

fn promotion(name: &str, audience: &str) -> Value {
    let mut line = data::promotion(&code(name), &format!("Pour {name}"));
    line["audience"] = json!(audience);
    line
}

fn id(name: &str) -> String {
    PromotionId::derived(&code(name)).to_string()
}

/// An offer of the web shop whose feed names promotions.
fn offer(price: &str, names: &[&str]) -> Value {
    let mut offer = data::offer(0, 0, price);
    offer["channel"] = json!("online");
    offer["promotion_codes"] = names.iter().map(|name| code(name)).collect();
    offer
}

fn delete(name: &str) -> Value {
    json!({ "op": "delete", "code": code(name) })
}

/// All that partners can read of promotions and offers, in every form.
pub(crate) async fn everything(app: &TestApp, key: &str) -> Vec<(String, String)> {
    let product = product_id(0);
    let store = comptoir::kernel::id::StoreId::derived("0000");
    let forms = ["application/json", "application/ld+json", "text/csv", "application/x-ndjson"];
    let paths = [
        "/v1/promotions".to_owned(),
        format!("/v1/promotions?product_id={product}"),
        format!("/v1/promotions?updated_since={NOON}&include_deleted=true"),
        format!("/v1/products/{product}?embed=offers"),
        format!("/v1/products/{product}/offers"),
        format!("/v1/stores/{store}/offers"),
        "/v1/changes?embed=resource&limit=1000".to_owned(),
        "/v1/feeds/google-products?format=tsv".to_owned(),
        "/v1/feeds/google-products?format=rss".to_owned(),
    ];
    let mut told = Vec::new();
    for path in &paths {
        for form in forms {
            let request = app.http.get(app.public_url(path)).bearer_auth(key);
            let answer = request.header("accept", form).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path} as {form}");
            told.push((format!("{path} as {form}"), answer.text().await.unwrap()));
        }
    }
    app.clock.advance(1_000_000);
    app.snapshot().await;
    let (_, _, files) = load(app, key).await;
    told.extend(files);
    told
}

/// Nothing that can be read names what is `hidden`, and something names each that is `told`.
async fn assert_told(app: &TestApp, key: &str, told: &[&str], hidden: &[&str]) {
    let all = everything(app, key).await;
    for name in hidden {
        for (place, text) in &all {
            let names = text.contains(&id(name)) || text.contains(&code(name));
            assert!(!names, "{name} in {place}: {text}");
        }
        problem(app.get(key, &format!("/v1/promotions/{}", id(name))).await, 404, "not_found")
            .await;
    }
    for name in told {
        let naming = |word: &str| all.iter().filter(|(_, text)| text.contains(word)).count();
        // Lists, offers, changes and the two files; the feeds.
        assert!(naming(&id(name)) >= 20, "{name}: {}", naming(&id(name)));
        assert!(naming(&code(name)) >= 10, "{name}: {}", naming(&code(name)));
    }
}

async fn offers_name(app: &TestApp, key: &str) -> Value {
    let path = format!("/v1/products/{}/offers?channel=online", product_id(0));
    let page: Value = app.get(key, &path).await.json().await.unwrap();
    page["items"][0]["promotion_ids"].clone()
}

/// The entries of the change log about promotions: ids, operations and reasons.
async fn entries(app: &TestApp, key: &str) -> Vec<String> {
    let path = "/v1/changes?types=promotion&limit=1000";
    let page: Value = app.get(key, path).await.json().await.unwrap();
    let line = |entry: &Value| {
        let word = |name: &str| entry[name].as_str().unwrap().to_owned();
        format!("{} {} {}", word("id"), word("op"), word("reason"))
    };
    page["items"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn what_is_one_customers_own_is_in_nothing_that_is_told() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await.text;
    app.stock_shelves(2, 1).await;
    let names = ["own", "all", "club"];
    // What is not known might be anybody's.
    app.import(Feed::Offers, &[offer("2.39", &names), data::offer(1, 0, "3")]).await;
    assert_eq!(offers_name(&app, &key).await, json!([]));
    let lines =
        [promotion("own", "personal"), promotion("all", "public"), promotion("club", "member")];
    assert_eq!(app.import(Feed::Promotions, &lines).await.rejected, 0);
    assert_eq!(offers_name(&app, &key).await, json!([id("all"), id("club")]));
    assert_told(&app, &key, &["all", "club"], &["own"]).await;
    // It changes and goes, and comes back: nobody is told.
    let mut changed = promotion("own", "personal");
    changed["value"] = json!("50");
    for line in [changed, delete("own"), promotion("own", "personal")] {
        assert_eq!(app.import(Feed::Promotions, &[line]).await.accepted, 1);
        assert_told(&app, &key, &["all", "club"], &["own"]).await;
    }
    let told = entries(&app, &key).await;
    assert!(told.iter().all(|entry| !entry.contains(&id("own"))), "{told:?}");
    // An offer that is told again keeps what its feed names.
    app.import(Feed::Offers, &[offer("2.19", &names)]).await;
    assert_told(&app, &key, &["all", "club"], &["own"]).await;
    app.import(Feed::Promotions, &[promotion("own", "public")]).await;
    assert_eq!(offers_name(&app, &key).await, json!([id("own"), id("all"), id("club")]));
    assert_told(&app, &key, &["own", "all", "club"], &[]).await;
}

#[tokio::test]
async fn what_is_gone_is_named_by_no_offer() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await.text;
    app.stock_shelves(2, 1).await;
    let names = ["summer", "club"];
    let lines = [promotion("summer", "public"), promotion("club", "member")];
    app.import(Feed::Promotions, &lines).await;
    app.import(Feed::Offers, &[offer("2.39", &names), data::offer(1, 0, "3")]).await;
    assert_eq!(offers_name(&app, &key).await, json!([id("summer"), id("club")]));
    app.snapshot().await;
    let (held, position, _) = load(&app, &key).await;
    let held = (held, position);
    // The newest export is that of the latest instant.
    app.clock.advance(1_000_000);
    // By a line, and by a full feed that names it no more.
    app.import(Feed::Promotions, &[delete("summer")]).await;
    assert_eq!(offers_name(&app, &key).await, json!([id("club")]));
    assert_followed(&app, &key, &held, 100).await;
    app.clock.advance(1_000_000);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", promotion("autumn", "public"))).unwrap();
    let guard = Guard { percent: 100, least: 100 };
    let options = Options { mode: Some(Mode::Full), guard, ..Options::default() };
    let (db, clock) = (&app.db, &app.clock);
    let feed = Feed::Promotions;
    let report = import_with(db, clock, feed, file.path(), &options, None, &mut |_| {}).await;
    assert_eq!(report.unwrap().deleted, 1);
    app.caught_up().await;
    assert_eq!(offers_name(&app, &key).await, json!([]));
    // The same line again says nothing new, and what comes back is named again.
    let report = app.import(Feed::Offers, &[offer("2.39", &names)]).await;
    assert_eq!(report.unchanged, 1);
    app.import(Feed::Promotions, &lines).await;
    assert_eq!(offers_name(&app, &key).await, json!([id("summer"), id("club")]));
    assert_followed(&app, &key, &held, 100).await;
}

#[tokio::test]
async fn what_becomes_one_customers_own_is_gone_and_what_no_longer_is_is_new() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await.text;
    app.stock_shelves(2, 1).await;
    let lines =
        [promotion("turns", "public"), promotion("own", "personal"), promotion("stays", "public")];
    app.import(Feed::Promotions, &lines).await;
    app.import(Feed::Offers, &[offer("2.39", &["turns", "own", "stays"])]).await;
    app.snapshot().await;
    let (held, position, _) = load(&app, &key).await;

    app.clock.advance(60_000_000);
    let at = app.clock.now().to_string();
    app.import(Feed::Promotions, &[promotion("turns", "personal"), promotion("own", "member")])
        .await;
    assert_eq!(offers_name(&app, &key).await, json!([id("own"), id("stays")]));
    assert_followed(&app, &key, &(held.clone(), position.clone()), 2).await;
    let told = entries(&app, &key).await;
    assert!(told.contains(&format!("{} delete deleted", id("turns"))), "{told:?}");
    assert!(told.contains(&format!("{} upsert created", id("own"))), "{told:?}");
    problem(app.get(&key, &format!("/v1/promotions/{}", id("turns"))).await, 410, "gone").await;
    let listed = format!("/v1/promotions?updated_since={NOON}&include_deleted=true");
    let page: Value = app.get(&key, &listed).await.json().await.unwrap();
    let gone: Vec<&Value> =
        page["items"].as_array().unwrap().iter().filter(|item| item["deleted"] == true).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!((&gone[0]["id"], &gone[0]["deleted_at"]), (&json!(id("turns")), &json!(at)));

    // What becomes of it from then on nobody is told, until it is for everybody again. That the others
    // have started is told meanwhile, whenever the clock is looked at.
    let of_it = |told: Vec<String>| -> Vec<String> {
        told.into_iter().filter(|entry| entry.starts_with(&id("turns"))).collect()
    };
    let before = of_it(entries(&app, &key).await);
    app.clock.advance(60_000_000);
    for line in [delete("turns"), promotion("turns", "personal")] {
        app.import(Feed::Promotions, &[line]).await;
        assert_eq!(of_it(entries(&app, &key).await), before);
        let page: Value = app.get(&key, &listed).await.json().await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().any(|item| item["deleted_at"] == at.as_str()), "{page}");
    }
    // A start reads the same from the tables.
    let fresh = comptoir::mirror::Mirror::default();
    fresh.load(&app.db, None).await.unwrap();
    let gone = fresh.catalog.promotion(PromotionId::derived(&code("turns")));
    assert!(matches!(gone, comptoir::catalog::view::Lookup::Gone { replaced_by: None }));
    app.import(Feed::Promotions, &[promotion("turns", "public")]).await;
    assert_eq!(app.get(&key, &format!("/v1/promotions/{}", id("turns"))).await.status(), 200);
    let told = of_it(entries(&app, &key).await);
    assert!(told[before.len()..].contains(&format!("{} upsert created", id("turns"))), "{told:?}");
    app.import(Feed::Promotions, &[delete("own")]).await;
    assert_followed(&app, &key, &(held, position), 3).await;
}
