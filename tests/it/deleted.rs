//! Lists with what was deleted, for partners that keep a copy: the same on every list that has it.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::app::openapi::documents;
use comptoir::catalog::view::Listed;
use comptoir::feeds::Feed;
use comptoir::kernel::clock::HOUR;
use comptoir::kernel::id::PromotionId;
use comptoir::mirror::Mirror;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An hour after [`NOON`], when what the tests look for happens.
const SINCE: &str = "2026-11-22T13:00:00Z";

/// A list, how its items are imported, and what a line of its feed is about.
struct List {
    path: &'static str,
    feed: Feed,
    /// The field that names an item in the feed, and the one that is changed.
    fields: (&'static str, &'static str),
    id: fn(&str) -> String,
    /// A filter of the list.
    filter: &'static str,
}

const LISTS: [List; 3] = [
    List {
        path: "/v1/stores",
        feed: Feed::Stores,
        fields: ("store_code", "name"),
        id: |code| data::store_id(code.parse().unwrap()),
        filter: "country=FR",
    },
    List {
        path: "/v1/categories",
        feed: Feed::Categories,
        fields: ("code", "name"),
        id: data::category_id,
        filter: "parent_id=cat_00000000000",
    },
    List {
        path: "/v1/promotions",
        feed: Feed::Promotions,
        fields: ("code", "title"),
        id: |code| PromotionId::derived(code).to_string(),
        filter: "channel=online",
    },
];

fn code(n: u32) -> String {
    format!("{n:04}")
}

impl List {
    fn line(&self, n: u32, text: &str) -> Value {
        let mut line = match self.feed {
            Feed::Stores => data::store(n),
            Feed::Categories => json!({ "code": code(n) }),
            _ => json!({ "code": code(n), "type": "percent_off", "value": "10" }),
        };
        line[self.fields.1] = json!(text);
        line
    }

    async fn import(&self, app: &TestApp, lines: &[Value]) {
        let report = app.import(self.feed, lines).await;
        assert_eq!(report.rejected, 0, "{report}");
    }

    async fn fill(&self, app: &TestApp) {
        let lines: Vec<Value> = (0..6).map(|n| self.line(n, "Avant")).collect();
        self.import(app, &lines).await;
    }

    /// The second has another text; the third and the fifth are gone.
    async fn change(&self, app: &TestApp) {
        let gone = |n: u32| json!({ "op": "delete", self.fields.0: code(n) });
        self.import(app, &[self.line(1, "Après"), gone(2), gone(4)]).await;
    }

    async fn walk(&self, app: &TestApp, key: &TestKey, query: &str) -> Vec<Value> {
        let (mut items, mut next) = (Vec::new(), Some(format!("{}?{query}", self.path)));
        while let Some(path) = next {
            let answer = app.get(&key.text, &path).await;
            assert_eq!(answer.status(), 200, "{path}");
            let page: Value = answer.json().await.unwrap();
            items.extend(page["items"].as_array().unwrap().clone());
            next = page["next"].as_str().map(str::to_owned);
        }
        items
    }

    fn ids(&self, of: &[u32]) -> BTreeSet<String> {
        of.iter().map(|n| (self.id)(&code(*n))).collect()
    }
}

fn ids(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().set("CATALOG__LANGUAGE", "fr").fixed_clock(NOON).start().await;
    for list in &LISTS {
        list.fill(&app).await;
    }
    app.clock.advance(HOUR);
    for list in &LISTS {
        list.change(&app).await;
    }
    app.caught_up().await;
    let key = app.key(json!({})).await;
    (app, key)
}

#[tokio::test]
async fn what_tells_of_a_deletion_can_be_named_in_fields() {
    let (app, key) = shop().await;
    // There are no products, and none that were deleted.
    for (path, deleted) in [("/v1/products", 0), ("/v1/categories", 2)] {
        let asked = format!("{path}?updated_since={SINCE}&include_deleted=true");
        let answer = app.get(&key.text, &format!("{asked}&fields=id,deleted,deleted_at")).await;
        assert_eq!(answer.status(), 200, "{path}");
        let page: Value = answer.json().await.unwrap();
        let gone = page["items"].as_array().unwrap().iter().filter(|item| item["deleted"] == true);
        assert_eq!(gone.count(), deleted, "{page}");
        let alone = app.get(&key.text, &format!("{path}?fields=deleted")).await;
        problem(alone, 400, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn a_deletion_has_the_shape_that_the_document_tells() {
    let (app, key) = shop().await;
    let document = documents().into_iter().find(|document| document.name == "partner").unwrap();
    let document: Value = serde_json::from_str(&document.json).unwrap();
    let schema = |name: &str| document.pointer(&format!("/components/schemas/{name}")).unwrap();
    let told: BTreeSet<&String> =
        schema("DeletedOut")["properties"].as_object().unwrap().keys().collect();
    for (page, entry) in [
        ("PageOfStores", "StoreOrDeleted"),
        ("PageOfCategories", "CategoryOrDeleted"),
        ("PageOfPromotions", "PromotionOrDeleted"),
        ("PageOfProducts", "ProductOrDeleted"),
    ] {
        let items = &schema(page)["properties"]["items"]["items"]["$ref"];
        assert_eq!(*items, format!("#/components/schemas/{entry}"));
        let either = &schema(entry)["oneOf"];
        assert_eq!(either[1]["$ref"], "#/components/schemas/DeletedOut", "{entry}: {either}");
    }
    for list in &LISTS {
        let asked = format!("updated_since={SINCE}&include_deleted=true");
        let items = list.walk(&app, &key, &asked).await;
        let (gone, there): (Vec<_>, Vec<_>) =
            items.iter().partition(|item| item["deleted"] == true);
        assert_eq!((gone.len(), there.len()), (2, 1), "{}", list.path);
        for item in gone {
            let fields: BTreeSet<&String> = item.as_object().unwrap().keys().collect();
            assert_eq!(fields, told, "{}", list.path);
        }
    }
}

#[tokio::test]
async fn every_list_tells_what_changed_and_what_was_deleted() {
    let (app, key) = shop().await;
    for list in &LISTS {
        let path = list.path;
        assert_eq!(ids(&list.walk(&app, &key, "").await), list.ids(&[0, 1, 3, 5]), "{path}");
        let changed = list.walk(&app, &key, &format!("updated_since={SINCE}")).await;
        assert_eq!(ids(&changed), list.ids(&[1]), "{path}");

        let all = format!("updated_since={NOON}&include_deleted=true&limit=1");
        let items = list.walk(&app, &key, &all).await;
        assert_eq!(items.len(), 6, "{path}");
        assert_eq!(ids(&items), list.ids(&[0, 1, 2, 3, 4, 5]), "{path}");
        let in_order = list.walk(&app, &key, &all.replace("=1", "=200")).await;
        assert_eq!(items, in_order, "{path}");

        let recent = format!("updated_since={SINCE}&include_deleted=true");
        let items = list.walk(&app, &key, &recent).await;
        assert_eq!(ids(&items), list.ids(&[1, 2, 4]), "{path}");
        let gone: Vec<&Value> = items.iter().filter(|item| item["deleted"] == true).collect();
        let expected = |n| {
            let id = (list.id)(&code(n));
            json!({ "id": id, "deleted": true, "deleted_at": SINCE, "replaced_by": null })
        };
        assert!(gone.len() == 2 && [2, 4].iter().all(|n| gone.contains(&&expected(*n))), "{path}");
        let whole = items.iter().find(|item| item.get("deleted").is_none()).unwrap();
        assert_eq!((&whole[list.fields.1], &whole["version"]), (&json!("Après"), &json!(2)));

        // Who holds a copy from an hour ago and takes this in holds what is there now.
        let mut copy: BTreeSet<String> = list.ids(&[0, 1, 2, 3, 4, 5]);
        gone.iter().for_each(|item| _ = copy.remove(item["id"].as_str().unwrap()));
        assert_eq!(copy, ids(&list.walk(&app, &key, "").await), "{path}");
        let later = "updated_since=2026-11-22T13:00:00.000001Z&include_deleted=true";
        assert!(list.walk(&app, &key, later).await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_node_that_starts_later_knows_of_them_too() {
    let (app, _) = shop().await;
    let fresh = Mirror::default();
    fresh.load(&app.db, None).await.unwrap();
    let since = SINCE.parse().unwrap();
    let categories = fresh.catalog.categories_with_deleted(None, since, None, 200).items;
    let promotions = fresh.catalog.promotions_with_deleted(None, since, None, 200).items;
    let stores = fresh.stores.list_with_deleted(since, None, 200, |_| Some(())).items;
    assert_eq!((categories.len(), promotions.len(), stores.len()), (3, 3, 3));
    let gone = stores.iter().filter_map(|item| match item {
        Listed::Deleted { id, at, .. } => Some((id.to_string(), *at)),
        Listed::Present(()) => None,
    });
    assert!(gone.eq(LISTS[0].ids(&[2, 4]).into_iter().map(|id| (id, since))));
}

#[tokio::test]
async fn what_comes_back_is_no_longer_deleted() {
    let (app, key) = shop().await;
    app.clock.advance(HOUR);
    for list in &LISTS {
        list.import(&app, &[list.line(2, "Encore")]).await;
    }
    app.caught_up().await;
    for list in &LISTS {
        let items =
            list.walk(&app, &key, &format!("updated_since={SINCE}&include_deleted=true")).await;
        let gone: Vec<Value> =
            items.iter().filter(|item| item["deleted"] == true).cloned().collect();
        assert_eq!(ids(&items), list.ids(&[1, 2, 4]), "{}", list.path);
        assert_eq!(ids(&gone), list.ids(&[4]), "{}", list.path);
    }
}

#[tokio::test]
async fn deletions_stand_alone_with_an_instant() {
    let (app, key) = shop().await;
    let since = format!("updated_since={SINCE}");
    for list in &LISTS {
        for (query, fault_code) in [
            ("include_deleted=true".to_owned(), "needs_updated_since"),
            (format!("include_deleted=true&{since}&{}", list.filter), "not_combinable"),
            (format!("include_deleted=true&{since}&include_total=true"), "not_combinable"),
        ] {
            let path = format!("{}?{query}", list.path);
            let refused = problem(app.get(&key.text, &path).await, 400, "invalid_parameter").await;
            let fault = &refused["errors"][0];
            assert_eq!(fault["parameter"], "include_deleted", "{path}: {refused}");
            assert_eq!(fault["code"], fault_code, "{path}");
        }
        for query in [format!("{since}&{}", list.filter), format!("{since}&include_deleted=false")]
        {
            let path = format!("{}?{query}", list.path);
            assert_eq!(app.get(&key.text, &path).await.status(), 200, "{path}");
        }
        let first = format!("{}?{since}&include_deleted=true&limit=1", list.path);
        let page: Value = app.get(&key.text, &first).await.json().await.unwrap();
        let elsewhere = page["next"].as_str().unwrap().replace("&include_deleted=true", "");
        let elsewhere = elsewhere.replace("include_deleted=true&", "");
        problem(app.get(&key.text, &elsewhere).await, 400, "invalid_cursor").await;
    }
}

#[tokio::test]
async fn every_form_has_what_was_deleted() {
    let (app, key) = shop().await;
    let get = async |path: &str, accept: &str| {
        let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    };
    for list in &LISTS {
        let path = format!("{}?updated_since={NOON}&include_deleted=true", list.path);
        let plain: Value = serde_json::from_str(&get(&path, "application/json").await).unwrap();
        let lines: Vec<Value> = get(&path, "application/x-ndjson")
            .await
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(json!(lines), plain["items"], "{path}");
        let linked: Value = serde_json::from_str(&get(&path, "application/ld+json").await).unwrap();
        let kinds: BTreeSet<String> = linked["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["@type"].to_string())
            .collect();
        assert_eq!(kinds.len(), 1, "{path}");
        let text = get(&path, "text/csv").await;
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<BTreeMap<String, String>> = rows.deserialize().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 6, "{path}");
        for (row, item) in rows.iter().zip(&lines) {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            assert_eq!((&row["id"], &row["deleted_at"]), (&text("id"), &text("deleted_at")));
            assert_eq!(row["deleted"] == "true", item["deleted"] == true, "{path}");
            assert_eq!(row[list.fields.1], text(list.fields.1), "{path}");
        }
        let without = get(list.path, "text/csv").await;
        assert!(!without.lines().next().unwrap().contains("deleted"), "{path}");
    }
    let path = format!("/v1/categories?updated_since={NOON}&include_deleted=true&fields=name");
    let cut: Value = serde_json::from_str(&get(&path, "application/json").await).unwrap();
    let named = cut["items"].as_array().unwrap().iter().filter(|item| item.get("name").is_some());
    assert!(named.clone().count() == 4 && named.clone().all(|item| item.get("id").is_none()));
}

#[tokio::test]
async fn a_promotion_of_one_customer_is_told_to_nobody_when_it_is_deleted_either() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let promotion = |code: &str, more: Value| {
        let mut line = json!({ "code": code, "title": code, "type": "percent_off", "value": "10" });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let over = promotion("over", json!({ "valid_through": NOON }));
    let lines = [promotion("own", json!({ "audience": "personal" })), over];
    assert_eq!(app.import(Feed::Promotions, &lines).await.rejected, 0);
    app.caught_up().await;
    let key = app.key(json!({})).await;
    let own = PromotionId::derived("own");
    let path = format!("/v1/promotions?updated_since={NOON}&include_deleted=true");
    for _ in 0..2 {
        let page: Value = app.get(&key.text, &path).await.json().await.unwrap();
        // What is over has changed too: who has a copy holds it for current otherwise.
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        assert_eq!(page["items"][0]["code"], "over");
        problem(app.get(&key.text, &format!("/v1/promotions/{own}")).await, 404, "not_found").await;
        app.import(Feed::Promotions, &[json!({ "op": "delete", "code": "own" })]).await;
        app.caught_up().await;
    }
}
