//! Feeds that are sent to the admin API, and deletions that wait there for approval.

use crate::support::schema::documented;
use crate::support::{NOON, TestApp, data, problem};
use comptoir::feeds::{Feed, Guard, ImportError, Mode, Options, Progress, import_with};
use comptoir::kernel::clock::SECOND;
use comptoir::storage::Tx;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;

async fn send(app: &TestApp, path: &str, body: Vec<u8>) -> reqwest::Response {
    let request = app.http.post(app.admin_url(&format!("/admin/v1/feeds/{path}")));
    let request = request.bearer_auth(&app.admin_token);
    request.header("content-type", "application/octet-stream").body(body).send().await.unwrap()
}

async fn sent(app: &TestApp, path: &str, body: Vec<u8>) -> Value {
    let answer = send(app, path, body).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn lines(numbers: std::ops::Range<u32>) -> Vec<u8> {
    numbers
        .flat_map(|n| format!("{{\"sku\":\"S{n}\",\"name\":\"Produit {n}\"}}\n").into_bytes())
        .collect()
}

fn left(app: &TestApp) -> usize {
    let uploads = app.config.server.data_dir.join("uploads");
    std::fs::read_dir(uploads).map_or(0, Iterator::count)
}

/// How many imports a walk gives: each once, as they stand in one page.
async fn walked(app: &TestApp) -> usize {
    let all = app.admin_ok("GET", "/admin/v1/imports", None).await;
    let (mut walked, mut next) = (Vec::new(), json!("/admin/v1/imports?limit=1"));
    while let Some(path) = next.as_str() {
        let page = app.admin_ok("GET", path, None).await;
        walked.extend(page["items"].as_array().unwrap().iter().cloned());
        next = page["next"].clone();
    }
    assert_eq!(json!(walked), all["items"]);
    walked.len()
}

#[tokio::test]
async fn a_full_file_that_deletes_too_much_waits_for_approval() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&lines(0..60)).unwrap();
    let first = sent(&app, "products?file_name=../catalog%2F1.gz", packed.finish().unwrap()).await;
    assert_eq!(first["imports"][0]["accepted"], 60);
    app.caught_up().await;
    let key = app.key(json!({})).await;
    let products = async || -> usize {
        let page: Value = app.get(&key.text, "/v1/products?limit=200").await.json().await.unwrap();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(products().await, 60);

    let second = sent(&app, "products?mode=full", lines(0..10)).await;
    documented(&second, "admin", "UploadOut");
    let import = &second["imports"][0];
    assert_eq!((&import["unchanged"], &import["held"]), (&json!(10), &json!(50)));
    assert_eq!(products().await, 60);
    let path = format!("/admin/v1/imports/{}", import["id"].as_str().unwrap());
    let seen = app.admin_ok("GET", &path, None).await;
    assert_eq!(
        (&seen["import"]["status"], seen["sample"].as_array().unwrap().len()),
        (&json!("held"), 20)
    );
    documented(&seen, "admin", "ImportDetailOut");
    let held = "/admin/v1/imports?status=held&feed=products";
    let waiting = app.admin_ok("GET", held, None).await;
    assert_eq!(waiting["items"], json!([seen["import"]]));
    let (code, listed, _) = app.shell(&["feed", "list", "--status", "held"]).await;
    let id = seen["import"]["id"].as_str().unwrap();
    assert!(code == 0 && listed.contains(id) && listed.lines().count() == 1, "{listed}");
    assert_eq!(seen["import"]["source"], "upload");
    assert!(listed.contains("\tupload\t"), "{listed}");
    let others = app.admin_ok("GET", "/admin/v1/imports?status=held&feed=stores", None).await;
    assert_eq!(others["items"], json!([]));
    let approved = app.admin_ok("POST", &format!("{path}/approve"), None).await;
    assert_eq!(
        (&approved["import"]["status"], &approved["import"]["deleted"]),
        (&json!("approved"), &json!(50))
    );
    app.caught_up().await;
    assert_eq!(products().await, 10);
    let again = app.admin("POST", &format!("{path}/approve"), None).await;
    problem(again, 409, "conflict").await;

    let third = sent(&app, "products?mode=full", lines(100..140)).await;
    let path = format!("/admin/v1/imports/{}", third["imports"][0]["id"].as_str().unwrap());
    let seen = app.admin_ok("GET", &path, None).await;
    if seen["import"]["status"] == "held" {
        app.admin_ok("POST", &format!("{path}/reject"), None).await;
    }
    assert_eq!(app.admin_ok("GET", held, None).await["items"], json!([]));
    assert!(walked(&app).await >= 3);
    let trail = app.admin_ok("GET", "/admin/v1/audit?limit=200", None).await;
    let actions: Vec<&str> =
        trail["items"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
    assert!(
        actions.contains(&"import.upload") && actions.contains(&"import.approve"),
        "{actions:?}"
    );
    assert_eq!(left(&app), 0);
}

#[tokio::test]
async fn a_full_file_that_is_imported_twice_at_once_deletes_nothing_that_it_names() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let file = app.config.server.data_dir.join("catalog.ndjson");
    std::fs::write(&file, lines(0..40)).unwrap();
    let (db, clock, first_file) = (app.db.clone(), app.clock.clone(), file.clone());
    let (stored, first_stored) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    // Held between its last row and its end by a reader of its progress.
    let first = std::thread::spawn(move || {
        let mut stored = Some(stored);
        let mut hold = move |progress| {
            if matches!(progress, Progress::Storing { .. })
                && let Some(stored) = stored.take()
            {
                stored.send(()).unwrap();
                may_go_on.recv().unwrap();
            }
        };
        // A thread beside the one that is held gives the connection back.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let options = full();
        let import =
            import_with(&db, &clock, Feed::Products, &first_file, &options, None, &mut hold);
        runtime.block_on(import)
    });
    first_stored.await.unwrap();
    let second =
        import_with(&app.db, &app.clock, Feed::Products, &file, &full(), None, &mut |_| {})
            .await
            .unwrap();
    assert_eq!((second.unchanged, second.deleted, second.held), (40, 0, 0));
    go_on.send(()).unwrap();
    let first = tokio::task::spawn_blocking(|| first.join().unwrap()).await.unwrap();
    assert!(matches!(first, Err(ImportError::Superseded)), "{first:?}");
    app.caught_up().await;
    let key = app.key(json!({})).await.text;
    let page: Value = app.get(&key, "/v1/products?limit=200").await.json().await.unwrap();
    assert_eq!(page["items"].as_array().unwrap().len(), 40);
    let seen = app.admin_ok("GET", "/admin/v1/imports", None).await;
    let statuses: BTreeSet<&str> =
        seen["items"].as_array().unwrap().iter().filter_map(|i| i["status"].as_str()).collect();
    assert_eq!(statuses, BTreeSet::from(["done", "failed"]));
}

/// A full file without a guard.
fn full() -> Options {
    let guard = Guard { percent: 100, least: u32::MAX };
    Options { mode: Some(Mode::Full), guard, ..Options::default() }
}

#[tokio::test]
async fn what_is_no_feed_is_refused_and_leaves_nothing() {
    let app = TestApp::builder().set("FEEDS__MAX_MIB", "1").start().await;
    for (path, body, status, code) in [
        ("toys", lines(0..1), 400, "invalid_parameter"),
        ("all", lines(0..1), 400, "invalid_parameter"),
        ("products?format=pdf", lines(0..1), 400, "invalid_parameter"),
        ("products?mode=most", lines(0..1), 400, "invalid_parameter"),
        ("products?colour=red", lines(0..1), 400, "invalid_parameter"),
        ("products?format=google-products", b"id\tid\n1\t2\n".to_vec(), 400, "invalid_body"),
        ("products", vec![0x1f, 0x8b, 8, 0, 1], 400, "invalid_body"),
        ("products", vec![b'x'; 2 * 1024 * 1024], 413, "body_too_large"),
    ] {
        problem(send(&app, path, body).await, status, code).await;
    }
    let request =
        app.http.post(app.admin_url("/admin/v1/feeds/products")).bearer_auth(&app.admin_token);
    let typed = request.header("content-type", "application/json").body("{}").send().await.unwrap();
    problem(typed, 415, "unsupported_media_type").await;
    let bare =
        app.http.post(app.admin_url("/admin/v1/feeds/products")).body("{}").send().await.unwrap();
    assert_eq!(bare.status(), 401);
    problem(app.admin("GET", "/admin/v1/imports/imp_x", None).await, 404, "not_found").await;
    assert_eq!(left(&app), 0);
}

/// What the audit log says was done, the newest first.
async fn trail(app: &TestApp, action: &str) -> Vec<Value> {
    let trail = app.admin_ok("GET", "/admin/v1/audit?limit=200", None).await;
    let items = trail["items"].as_array().unwrap().iter();
    items.filter(|entry| entry["action"] == action).cloned().collect()
}

#[tokio::test]
async fn whoever_sends_or_approves_is_recorded_before_anything_is_done() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let answer = send(&app, "products", b"\x1f\x8b\x08 no gzip".to_vec()).await;
    problem(answer, 400, "invalid_body").await;
    let received = trail(&app, "import.receive").await;
    assert_eq!(received.len(), 1);
    let detail = &received[0]["detail"];
    assert_eq!((&detail["feed"], &detail["bytes"]), (&json!("products"), &json!(11)));
    assert_eq!(detail["sha256"].as_str().unwrap().len(), 64);

    sent(&app, "products", lines(0..60)).await;
    let full = sent(&app, "products?mode=full", lines(0..10)).await;
    let id = full["imports"][0]["id"].as_str().unwrap();
    // Nothing can be deleted: the log that tells of it is away.
    let mut tx = app.db.begin().await.unwrap();
    let away = "ALTER TABLE change_log RENAME TO change_log_away";
    match &mut tx {
        Tx::Sqlite(tx) => drop(sqlx::query(away).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::query(away).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
    let answer = app.admin("POST", &format!("/admin/v1/imports/{id}/approve"), None).await;
    assert!(answer.status().is_server_error());
    let approved = trail(&app, "import.approve").await;
    assert_eq!((approved.len(), &approved[0]["detail"]["held"]), (1, &json!(50)));
}

#[tokio::test]
async fn a_long_or_empty_name_of_a_file_is_no_failure() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let long = "%E4%B8%AD".repeat(100);
    sent(&app, &format!("products?file_name={long}"), lines(0..1)).await;
    sent(&app, "products?file_name=%20..", lines(1..2)).await;
    let listed = app.admin_ok("GET", "/admin/v1/imports", None).await;
    let names: BTreeSet<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|i| i["file_name"].as_str())
        .collect();
    assert_eq!(names, BTreeSet::from(["upload", "\u{4e2d}".repeat(66).as_str()]));
}

#[tokio::test]
async fn every_refused_row_can_be_fetched_up_to_a_bound_and_is_counted_beyond() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let bad = |n: u32| format!("{{\"sku\":\"S{n}\"}}\n");
    let file: String = (0..10_030).map(bad).collect();
    let answer = sent(&app, "products", file.into_bytes()).await;
    let import = &answer["imports"][0];
    assert_eq!(
        (&import["rejected"], import["refused"].as_array().unwrap().len()),
        (&json!(10_030), 20)
    );
    let id = import["id"].as_str().unwrap().to_owned();
    let first = format!("/admin/v1/imports/{id}/refused?limit=200");
    let (mut lines, mut path) = (Vec::new(), first.clone());
    loop {
        let page = app.admin_ok("GET", &path, None).await;
        documented(&page, "admin", "RefusedRowsOut");
        assert_eq!((&page["total"], &page["kept"]), (&json!(10_030), &json!(10_000)));
        lines.extend(page["items"].as_array().unwrap().iter().map(|row| row["line"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    assert_eq!(lines, (1..=10_000).map(Value::from).collect::<Vec<_>>());
    assert_eq!(
        app.admin_ok("GET", &format!("/admin/v1/imports/{id}"), None).await["refused"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    // Ten newer imports of the feed later the first few are left; other feeds do not count.
    for n in 0..10 {
        app.clock.advance(1_000_000);
        sent(&app, "categories", b"{\"code\":\"c\",\"name\":\"C\"}\n".to_vec()).await;
        let page = app.admin_ok("GET", &first, None).await;
        assert_eq!(page["kept"], 10_000, "after {n}");
        sent(&app, "products", lines_of(n)).await;
    }
    let page = app.admin_ok("GET", &first, None).await;
    assert_eq!((&page["total"], &page["kept"]), (&json!(10_030), &json!(20)));
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (20, &Value::Null));
    let unknown = app.admin("GET", "/admin/v1/imports/imp_00000000000/refused", None).await;
    problem(unknown, 404, "not_found").await;
}

#[tokio::test]
async fn what_waits_of_an_older_file_is_superseded_by_a_newer_one() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    sent(&app, "products?file_name=all", lines(0..60)).await;
    let full = async |name: &str, numbers| {
        app.clock.advance(SECOND);
        let path = format!("products?mode=full&file_name={name}");
        let sent = sent(&app, &path, lines(numbers)).await;
        format!("/admin/v1/imports/{}", sent["imports"][0]["id"].as_str().unwrap())
    };
    let status = async |path: &str| {
        let import = app.admin_ok("GET", path, None).await["import"].clone();
        json!([import["status"], import["held"]])
    };
    let (other, older) = (full("other", 0..10).await, full("one", 0..10).await);
    // One without a row is rather a failed export.
    let empty = full("one", 0..0).await;
    assert_eq!(status(&older).await, json!(["held", 50]));
    let newer = full("one", 0..11).await;
    // One that waits itself stands in the place of what waited.
    for path in [&older, &empty] {
        assert_eq!(status(path).await, json!(["superseded", 0]));
    }
    assert_eq!(status(&newer).await, json!(["held", 49]));
    app.admin_ok("POST", &format!("{newer}/approve"), None).await;
    assert_eq!(status(&newer).await, json!(["approved", 0]));
    let late = app.admin("POST", &format!("{older}/approve"), None).await;
    problem(late, 409, "conflict").await;
    assert_eq!(status(&other).await[0], "held", "a file of another name is another file");
    // One that deletes nothing that would have to wait decides as well.
    full("other", 0..11).await;
    assert_eq!(status(&other).await, json!(["superseded", 0]));
}

fn lines_of(n: u32) -> Vec<u8> {
    lines(n..n + 1)
}

#[tokio::test]
async fn a_reduction_that_is_none_is_named_as_not_read() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    let unread = async |feed: &str, format: &str, text: String| {
        let answer = sent(&app, &format!("{feed}?format={format}&store=0000"), text.into()).await;
        let import = &answer["imports"][0];
        assert_eq!((&import["feed"], &import["rejected"]), (&json!(feed), &json!(0)), "{answer}");
        import["unread"].clone()
    };
    let (one, two) = (data::sku(0), data::sku(1));
    let google = |sale: &str| {
        let rows = format!("{one}\t5.00 EUR\t{sale} EUR\n{two}\t5.00 EUR\t4.00 EUR\n");
        format!("id\tprice\tsale_price\n{rows}")
    };
    let named = json!(["sale_price (not below price)"]);
    assert_eq!(unread("offers", "google-products", google("6.00")).await, named);
    assert_eq!(unread("offers", "google-products", google("4.50")).await, json!([]));
    let record = |sku: &str, list: u32| {
        let price = |amount: u32| json!({ "amount": amount, "currency": "EUR" });
        json!({ "id": sku, "price": price(500), "list_price": price(list) })
    };
    let acp = |list: u32| format!("{}\n{}\n", record(&one, list), record(&two, 700));
    let named = json!(["list_price (not above price)"]);
    assert_eq!(unread("offers", "acp", acp(400)).await, named);
    assert_eq!(unread("offers", "acp", acp(600)).await, json!([]));
}

#[tokio::test]
async fn prices_that_name_no_store_are_refused_or_said_to_be_left_out() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let gs1 = "gtin,productName,price,priceCurrency,locationGLN\n\
               3276550063551,Perceuse,19.90,EUR,\n\
               5000112611861,Soda,1.90,EUR,3020180000000\n";
    let answer = sent(&app, "all?format=gs1-csv", gs1.into()).await;
    documented(&answer, "admin", "UploadOut");
    assert_eq!(answer["left_out"], json!([]));
    let imports = answer["imports"].as_array().unwrap();
    assert_eq!((&imports[0]["feed"], &imports[0]["accepted"]), (&json!("products"), &json!(2)));
    assert_eq!((&imports[1]["feed"], &imports[1]["rejected"]), (&json!("offers"), &json!(2)));
    let refused: Vec<Value> = imports[1]["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["line"], row["field"], row["code"]]))
        .collect();
    // Whether the GLN is one of a store is asked in the second row alone.
    assert_eq!(refused[0], json!([2, "store_code", "missing"]));
    assert_eq!(refused[1][2], "unknown_store");
    let message = imports[1]["refused"][0]["message"].as_str().unwrap();
    assert!(message.contains("locationGLN") && message.contains("--store"), "{message}");

    let google =
        "id\ttitle\tprice\tavailability\tshipping\nG1\tPerceuse\t19.90 EUR\tin_stock\tFR:::0\n";
    let answer = sent(&app, "all?format=google-products", google.into()).await;
    assert_eq!(answer["imports"][0]["unread"], json!(["shipping"]));
    let left: Vec<&Value> =
        answer["left_out"].as_array().unwrap().iter().map(|one| &one["feed"]).collect();
    assert_eq!(left, ["offers", "stock"]);
    assert!(answer["left_out"][0]["message"].as_str().unwrap().contains("`store`"));
}

#[tokio::test]
async fn a_file_for_a_store_that_is_not_there_is_refused_before_it_is_read() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let google = "id\ttitle\tprice\tavailability\nG1\tPerceuse\t19.90 EUR\tin_stock\n";
    let path = "all?format=google-products&store=web&mode=full";
    let refused = problem(send(&app, path, google.into()).await, 400, "invalid_parameter").await;
    assert_eq!(refused["errors"][0]["parameter"], "store");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("no store has the code `web`") && detail.contains("import"),
        "{detail}"
    );
    assert_eq!(app.admin_ok("GET", "/admin/v1/imports", None).await["items"], json!([]));
    assert_eq!(left(&app), 0);

    // The line that the refusal shows makes the store.
    let begin = detail.find('{').unwrap();
    let line = &detail[begin..=detail.rfind('}').unwrap()];
    let stores = sent(&app, "stores", line.as_bytes().to_vec()).await;
    assert_eq!(stores["imports"][0]["accepted"], 1, "{stores}");
    let answer = sent(&app, path, google.into()).await;
    let taken: Vec<&Value> =
        answer["imports"].as_array().unwrap().iter().map(|one| &one["rejected"]).collect();
    assert!(taken.iter().all(|rejected| **rejected == 0), "{answer}");
}

#[tokio::test]
async fn a_level_of_a_full_file_says_all_there_is() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let place = json!({ "aisle": "21", "bay": null });
    let seen = async || {
        app.caught_up().await;
        let url = format!("/v1/products/{}/stock", data::product_id(0));
        let page: Value = app.get(&key.text, &url).await.json().await.unwrap();
        page["items"][0]["instore_location"].clone()
    };
    let line = |second: u32, more: Value| {
        let at = format!("2026-11-22T09:00:0{second}Z");
        let mut level =
            json!({ "sku": data::sku(0), "store_code": "0000", "quantity": 5, "as_of": at });
        level.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        level.to_string().into_bytes()
    };
    sent(&app, "stock", line(1, json!({ "instore_location": place }))).await;
    assert_eq!(seen().await, place);
    sent(&app, "stock", line(2, json!({}))).await;
    assert_eq!(seen().await, place);
    sent(&app, "stock?mode=full", line(3, json!({}))).await;
    assert_eq!(seen().await, Value::Null);
}

#[tokio::test]
async fn a_file_of_blank_lines_is_refused_early() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![b'\n'; 1_000_000]).unwrap();
    let answer = send(&app, "products", packed.finish().unwrap()).await;
    let refused = problem(answer, 400, "invalid_body").await;
    assert!(refused["detail"].as_str().unwrap().starts_with("line 100001: more than"), "{refused}");
    let few = [vec![b'\n'; 1_000], lines(0..1), vec![b'\n'; 1_000]].concat();
    assert_eq!(sent(&app, "products", few).await["imports"][0]["accepted"], 1);
}
