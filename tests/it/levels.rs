//! Stock levels that tills send into a running gateway.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::changes::Kind;
use comptoir::changes::store::{Wanted, read};
use comptoir::feeds::Feed;
use comptoir::mirror::Mirror;
use comptoir::stock::model::{Availability, LevelKey};
use futures_util::stream;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;

const NDJSON: &str = "application/x-ndjson";

fn ndjson(levels: &[Value]) -> String {
    levels.iter().map(|level| format!("{level}\n")).collect()
}

async fn send(app: &TestApp, body: impl Into<reqwest::Body>) -> reqwest::Response {
    let request = app.http.post(app.admin_url("/admin/v1/stock/levels"));
    let request = request.bearer_auth(&app.admin_token).header("Content-Type", NDJSON);
    request.body(body).send().await.expect("an answer")
}

async fn receipt(app: &TestApp, levels: &[Value]) -> Value {
    let answer = send(app, ndjson(levels)).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

async fn level(app: &TestApp, key: &TestKey, product: u32, store: u32) -> Value {
    let path = format!("/v1/products/{}/stock", data::product_id(product));
    let url = format!("{path}?store_id={}", data::store_id(store));
    let page: Value = app.get(&key.text, &url).await.json().await.expect("JSON");
    page["items"][0].clone()
}

#[tokio::test]
async fn a_level_is_seen_when_it_is_answered_and_the_newest_holds() {
    let app = TestApp::start().await;
    app.stock_shelves(3, 2).await;
    let key = app.key(json!({})).await;
    let at = |second: u32| format!("2026-11-22T09:00:{second:02}Z");
    let all = [
        data::level(0, 0, 9, &at(10)),
        data::level(0, 0, 7, &at(30)),
        data::level(0, 0, 8, &at(20)),
        data::level(1, 1, 0, &at(10)),
    ];
    let told = receipt(&app, &all).await;
    assert_eq!(told, json!({ "written": 2, "unchanged": 2, "rejected": 0, "faults": [] }));
    assert_eq!(level(&app, &key, 0, 0).await["quantity"]["value"], 7);
    assert_eq!(level(&app, &key, 1, 1).await["availability"], "out_of_stock");
    let mut oversold = data::level(0, 0, 0, &at(40));
    oversold["quantity"] = json!(-3);
    let told = receipt(&app, &[oversold]).await;
    assert_eq!((&told["rejected"], &told["faults"][0]["code"]), (&json!(1), &json!("negative")));
    assert!(told["faults"][0]["message"].as_str().unwrap().contains("send 0"), "{told}");
    // The same again, in any order, and what is older: nothing changes.
    let mut again = all.to_vec();
    again.reverse();
    again.push(data::level(0, 0, 1, &at(29)));
    assert_eq!(receipt(&app, &again).await["written"], 0);
    assert_eq!(level(&app, &key, 0, 0).await["quantity"]["value"], 7);
    assert_eq!(receipt(&app, &[data::level(0, 0, 2, &at(31))]).await["written"], 1);
    let now = level(&app, &key, 0, 0).await;
    assert_eq!((&now["quantity"]["value"], &now["availability"]), (&json!(2), &json!("low_stock")));
    assert_eq!(now["as_of"], at(31));
}

#[tokio::test]
async fn bad_lines_are_named_and_stop_no_others() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let mut body = ndjson(&[data::level(0, 0, 3, "2026-11-22T09:00:00Z")]).into_bytes();
    body.extend_from_slice(
        b"\n\xff\xfe\nnonsense\n{\"sku\":\"nothing\",\"store_code\":\"0000\"}\n",
    );
    body.extend_from_slice(format!("{{\"sku\":\"{}\",\"store\":1}}\n", data::sku(1)).as_bytes());
    body.extend(std::iter::repeat_n(b' ', 100_000));
    body.push(b'\n');
    // The last line has no end.
    body.extend_from_slice(data::level(1, 0, 4, "2026-11-22T09:00:00Z").to_string().as_bytes());
    let answer = send(&app, body).await;
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.unwrap();
    assert_eq!((&told["written"], &told["rejected"]), (&json!(2), &json!(5)), "{told}");
    let faults: Vec<(u64, &str)> = told["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["line"].as_u64().unwrap(), fault["code"].as_str().unwrap()))
        .collect();
    let expected = [
        (3, "malformed"),
        (4, "malformed"),
        (5, "unknown_product"),
        (6, "unknown_field"),
        (7, "too_long"),
    ];
    assert_eq!(faults, expected);
    assert_eq!(level(&app, &key, 1, 0).await["quantity"]["value"], 4);
}

#[tokio::test]
async fn what_is_no_stream_of_levels_is_refused() {
    let app = TestApp::start().await;
    let url = app.admin_url("/admin/v1/stock/levels");
    let json = app.http.post(&url).bearer_auth(&app.admin_token).json(&json!({})).send().await;
    problem(json.unwrap(), 415, "unsupported_media_type").await;
    let packed = app.http.post(&url).bearer_auth(&app.admin_token).header("Content-Type", NDJSON);
    let packed = packed.header("Content-Encoding", "gzip").body("x").send().await;
    problem(packed.unwrap(), 415, "unsupported_media_type").await;
    let bare = app.http.post(&url).header("Content-Type", NDJSON).body("x").send().await;
    problem(bare.unwrap(), 401, "missing_key").await;
    assert_eq!(receipt(&app, &[]).await["written"], 0);
}

#[tokio::test]
async fn a_stream_that_goes_on_is_seen_meanwhile_and_many_share_the_writer() {
    let app = TestApp::start().await;
    app.stock_shelves(40, 3).await;
    let key = app.key(json!({})).await;
    let (till, sent) = mpsc::channel::<Result<String, std::io::Error>>(4);
    let body = reqwest::Body::wrap_stream(stream::unfold(sent, async |mut sent| {
        sent.recv().await.map(|chunk| (chunk, sent))
    }));
    let whole = async {
        let answer = send(&app, body).await;
        answer.json::<Value>().await.unwrap()
    };
    let watching = async {
        let line = ndjson(&[data::level(0, 0, 5, "2026-11-22T09:00:00Z")]);
        till.send(Ok(line)).await.unwrap();
        // The stream stays open; its first line is seen all the same.
        let seen = async {
            while level(&app, &key, 0, 0).await["quantity"]["value"] != 5 {
                crate::support::pause().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.expect("a level that is seen");
        let each = (0..8u32).map(|till| {
            let app = &app;
            async move {
                let levels: Vec<Value> = (0..40)
                    .map(|n| {
                        data::level(n, till % 3, 10 + till, &format!("2026-11-22T10:00:0{till}Z"))
                    })
                    .collect();
                receipt(app, &levels).await
            }
        });
        let told = futures_util::future::join_all(each).await;
        for receipt in told {
            let taken =
                receipt["written"].as_u64().unwrap() + receipt["unchanged"].as_u64().unwrap();
            assert_eq!((taken, &receipt["rejected"]), (40, &json!(0)));
        }
        drop(till);
    };
    let (receipt, ()) = tokio::join!(whole, watching);
    assert_eq!(receipt["written"], 1);
    for store in 0..3u32 {
        // The newest of the tills of a store holds, whatever order they came in.
        let newest = 10 + (0..8).filter(|till| till % 3 == store).max().unwrap();
        assert_eq!(level(&app, &key, 7, store).await["quantity"]["value"], newest);
    }
}

#[tokio::test]
async fn levels_are_stored_when_they_are_answered() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    for (quantity, second) in [(5, 0), (0, 1), (9, 2)] {
        let at = format!("2026-11-22T09:00:0{second}Z");
        assert_eq!(receipt(&app, &[data::level(0, 0, quantity, &at)]).await["written"], 1);
    }
    // What another node, or this one after a crash, reads from the database.
    let other = Mirror::default();
    other.load(&app.db, None).await.unwrap();
    let key = LevelKey {
        product: data::product_id(0).parse().unwrap(),
        store: data::store_id(0).parse().unwrap(),
    };
    let held = other.stock.look(|held| held(key).map(|held| (held.quantity, held.availability)));
    assert_eq!(held, Some((Some(9_000), Availability::InStock)));
}

/// What is told of a level beside its count.
fn beside(level: &Value) -> Value {
    let pick = |name: &str| (name.to_owned(), level[name].clone());
    ["max_age_s", "restock_at", "pickup", "instore_location", "source"]
        .map(pick)
        .into_iter()
        .collect()
}

#[tokio::test]
async fn a_till_counts_and_keeps_what_a_feed_has_told() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let at = |second: u32| format!("2026-11-22T09:00:{second:02}Z");
    let count = |quantity: u32, second: u32| json!({ "sku": data::sku(0), "store_code": "0000", "quantity": quantity, "as_of": at(second) });
    let mut full = data::level_in_full(0, 0, &at(0));
    full["source"] = json!(null);
    app.import(Feed::Stock, &[full]).await;
    let mut told = beside(&level(&app, &key, 0, 0).await);
    assert_eq!((&told["pickup"]["sla"], &told["source"]), (&json!("same_day"), &json!("feed")));
    assert_eq!(
        (&told["max_age_s"], &told["instore_location"]["aisle"]),
        (&json!(600), &json!("12"))
    );

    // What a till's line does not have stays; who counted is the till.
    assert_eq!(receipt(&app, &[count(5, 10)]).await["written"], 1);
    told["source"] = json!("pos");
    let seen = level(&app, &key, 0, 0).await;
    assert_eq!((beside(&seen), &seen["quantity"]["value"]), (told.clone(), &json!(5)));
    assert_eq!(receipt(&app, &[count(5, 10)]).await["unchanged"], 1);

    // Null clears, one by one; what is given stands in place of what was. One stream or two is the same.
    let mut first = count(5, 11);
    first["pickup"] = json!(null);
    first["instore_location"] = json!({ "aisle": "7" });
    let mut second = count(4, 12);
    second["max_age_s"] = json!(null);
    let both = [second.clone(), count(9, 9), first.clone(), second.clone()];
    assert_eq!(receipt(&app, &[first]).await["written"], 1);
    assert_eq!(receipt(&app, &[second]).await["written"], 1);
    told["pickup"] = json!(null);
    told["instore_location"] = json!({ "aisle": "7", "bay": null });
    told["max_age_s"] = json!(900);
    assert_eq!(beside(&level(&app, &key, 0, 0).await), told);
    assert_eq!(receipt(&app, &both).await["unchanged"], 4);

    // What is read anew, as after a restart, is what is seen.
    let other = Mirror::default();
    other.load(&app.db, None).await.unwrap();
    let at_zero = LevelKey {
        product: data::product_id(0).parse().unwrap(),
        store: data::store_id(0).parse().unwrap(),
    };
    let stored = other.stock.look(|held| held(at_zero).map(|held| held.detail.to_owned()));
    let stored: Value = serde_json::from_str(&stored.expect("a level")).unwrap();
    let place = &told["instore_location"];
    let restock = &told["restock_at"];
    assert_eq!(stored, json!({ "restock_at": restock, "instore_location": place }));
    // A feed's line without them keeps them as well; one that takes the level away does not.
    app.import(Feed::Stock, &[count(3, 20)]).await;
    told["source"] = json!("feed");
    assert_eq!(beside(&level(&app, &key, 0, 0).await), told);
    app.import(
        Feed::Stock,
        &[json!({ "op": "delete", "sku": data::sku(0), "store_code": "0000", "as_of": at(30) })],
    )
    .await;
    assert_eq!(receipt(&app, &[count(2, 40)]).await["written"], 1);
    let bare = beside(&level(&app, &key, 0, 0).await);
    assert_eq!((&bare["restock_at"], &bare["instore_location"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn lines_of_one_batch_are_laid_over_each_other() {
    let app = TestApp::start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let mut first = data::level_in_full(0, 0, "2026-11-22T09:00:00Z");
    first["source"] = json!("count");
    let count = json!({ "sku": data::sku(0), "store_code": "0000", "quantity": 1, "as_of": "2026-11-22T09:00:01Z" });
    let told = receipt(&app, &[first, count]).await;
    assert_eq!((&told["written"], &told["unchanged"]), (&json!(1), &json!(1)));
    let seen = level(&app, &key, 0, 0).await;
    assert_eq!((&seen["quantity"]["value"], &seen["source"]), (&json!(1), &json!("pos")));
    assert_eq!(seen["instore_location"], json!({ "aisle": "12", "bay": "3" }));
}

#[tokio::test]
async fn a_steady_slow_sender_is_seen_while_it_sends() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    // A line each 100 ms, and never a longer silence, until whoever reads has gone.
    let lines = stream::unfold(0u32, async |n| {
        if n > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let at = format!("2026-11-22T09:{:02}:{:02}Z", n / 60 % 60, n % 60);
        let line = ndjson(&[data::level(0, 0, 5, &at)]);
        Some((Ok::<_, std::io::Error>(line), n + 1))
    });
    let sending = send(&app, reqwest::Body::wrap_stream(lines));
    let seeing = async {
        while level(&app, &key, 0, 0).await["quantity"]["value"] != 5 {
            crate::support::pause().await;
        }
    };
    tokio::select! {
        _ = sending => unreachable!("the stream has no end"),
        seen = tokio::time::timeout(Duration::from_secs(20), seeing) => seen.expect("a level"),
    }
}

#[tokio::test]
async fn a_turn_between_a_feed_and_a_stream_is_told_though_memory_lags() {
    let app =
        TestApp::builder().fixed_clock(NOON).set("CATALOG__STOCK_POLL_MS", "60000").start().await;
    app.stock_shelves(1, 1).await;
    let at = |second: u32| format!("2026-11-22T09:00:0{second}Z");
    assert_eq!(receipt(&app, &[data::level(0, 0, 50, &at(0))]).await["written"], 1);
    // Another node would be seen as late.
    app.import(Feed::Stock, &[data::level(0, 0, 0, &at(1))]).await;
    assert_eq!(receipt(&app, &[data::level(0, 0, 60, &at(2))]).await["written"], 1);
    // What only the table knows to be newer holds.
    app.import(Feed::Stock, &[data::level(0, 0, 70, &at(5))]).await;
    assert_eq!(receipt(&app, &[data::level(0, 0, 1, &at(4))]).await["written"], 0);
    let wanted = Wanted { kinds: vec![Kind::Stock], store: None, limited_to: None };
    let told = read(&app.db, 0, &wanted, 100).await.unwrap().entries;
    let reasons: Vec<&str> = told.iter().filter_map(|entry| entry.reason.as_deref()).collect();
    assert_eq!(reasons, ["created", "availability_changed", "back_in_stock"]);
}

#[tokio::test]
async fn what_else_is_said_of_the_same_instant_is_stored_like_that_of_a_feed() {
    let app = TestApp::start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let first = data::level(0, 0, 5, "2026-11-22T09:00:00Z");
    assert_eq!(receipt(&app, std::slice::from_ref(&first)).await["written"], 1);
    let mut more = first.clone();
    more["restock_at"] = json!("2026-11-24T06:00:00Z");
    assert_eq!(receipt(&app, std::slice::from_ref(&more)).await["written"], 1);
    assert_eq!(level(&app, &key, 0, 0).await["restock_at"], "2026-11-24T06:00:00Z");
    assert_eq!(receipt(&app, std::slice::from_ref(&more)).await["unchanged"], 1);
    more["source"] = json!("count");
    assert_eq!(receipt(&app, &[more]).await["written"], 1);
    assert_eq!(level(&app, &key, 0, 0).await["source"], "count");
}
