//! The urls of a manifest: they download without a key, for a time, as the key that they were made for.

use crate::support::{NOON, TestApp, TestKey, problem};
use comptoir::billing::export::{Format, export};
use comptoir::kernel::clock::{HOUR, SECOND};
use reqwest::Response;
use serde_json::{Value, json};

struct Shop {
    app: TestApp,
    key: TestKey,
    log: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let log = tempfile::tempdir().unwrap();
        let path = log.path().join("access.log").display().to_string();
        let app = TestApp::builder()
            .fixed_clock(NOON)
            .set("TELEMETRY__ACCESS_LOG", &path)
            .set("SERVER__TRUSTED_PROXIES", "127.0.0.0/8")
            .start()
            .await;
        app.stock_shelves(30, 2).await;
        app.snapshot().await;
        let key = app.key(json!({})).await;
        Self { app, key, log }
    }

    async fn manifest(&self, key: &str) -> Value {
        let answer = self.app.get(key, "/v1/exports/latest").await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// The signed url of the products.
    async fn url(&self) -> String {
        let manifest = self.manifest(&self.key.text).await;
        assert_eq!(manifest["files"][0]["resource"], "products");
        manifest["files"][0]["url"].as_str().unwrap().to_owned()
    }

    async fn without_key(&self, url: &str) -> Response {
        self.app.http.get(self.app.public_url(url)).send().await.unwrap()
    }
}

#[tokio::test]
async fn a_signed_url_downloads_without_a_key_and_counts_as_its_own() {
    let mut shop = Shop::open().await;
    let url = shop.url().await;
    let whole = shop.without_key(&url).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.headers()["x-request-cost"], "1");
    assert!(whole.headers().contains_key("ratelimit"));
    assert!(whole.headers()["repr-digest"].to_str().unwrap().starts_with("sha-256=:"));
    let (etag, event) =
        (whole.headers()["etag"].clone(), whole.headers()["usage-event-id"].clone());
    let whole = whole.bytes().await.unwrap();
    let get = || shop.app.http.get(shop.app.public_url(&url));
    let part = get().header("range", "bytes=10-").header("if-range", &etag).send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), whole.slice(10..));
    assert_eq!(get().header("if-none-match", &etag).send().await.unwrap().status(), 304);
    let head = shop.app.http.head(shop.app.public_url(&url)).send().await.unwrap();
    assert_eq!(head.headers()["content-length"].to_str().unwrap(), whole.len().to_string());
    // The path with a key goes on as before, whatever stands behind it.
    let path = url.split('?').next().unwrap();
    for address in [path, &url] {
        let answer = shop.app.get(&shop.key.text, address).await;
        assert_eq!((answer.status().as_u16(), answer.bytes().await.unwrap()), (200, whole.clone()));
    }
    problem(shop.without_key(path).await, 401, "missing_key").await;

    shop.app.stop().await;
    let mut out = Vec::new();
    let month: comptoir::metering::period::Period = "2026-11".parse().unwrap();
    export(&shop.app.db, month, Format::Ndjson, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let row = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let row = row.into_iter().find(|row| row["event_id"] == event.to_str().unwrap()).unwrap();
    assert_eq!((&row["key_id"], &row["app_id"]), (&json!(shop.key.id), &json!(shop.key.app_id)));
    assert_eq!(
        (&row["operation_id"], &row["bytes"], &row["billable"]),
        (&json!("download_export_file"), &json!(whole.len()), &json!(true))
    );
    // What an address is made of stands in no log.
    let log = std::fs::read_to_string(shop.log.path().join("access.log")).unwrap();
    assert!(log.contains("/v1/exports/{export_id}/files/{file}"), "{log}");
    assert!(!log.contains("signature") && !log.contains("expires"), "{log}");
}

#[tokio::test]
async fn an_address_that_was_changed_is_refused() {
    let shop = Shop::open().await;
    let other = shop.app.key(json!({})).await;
    let url = shop.url().await;
    let (path, query) = url.split_once('?').unwrap();
    let parts: Vec<&str> = query.split('&').collect();
    let [key, expires, signature] = parts.as_slice() else { panic!("{query}") };
    let digit = if signature.ends_with('0') { "1" } else { "0" };
    let flipped = format!("{}{digit}", &signature[..signature.len() - 1]);
    let later = expires.replace("expires=1", "expires=2");
    let stranger = format!("key_id={}", other.id);
    let with = |parts: &[&str]| format!("{path}?{}", parts.join("&"));
    for changed in [
        with(&[key, expires, &flipped]),
        with(&[key, &later, signature]),
        with(&[&stranger, expires, signature]),
        with(&["key_id=key_00000000000", expires, signature]),
        with(&[expires, signature]),
        with(&[key, signature]),
        with(&[key, expires, "signature="]),
        with(&[key, "expires=-1", signature]),
        with(&[key, "expires=99999999999999999999", signature]),
        url.replace("products.", "stores."),
        url.replace("products.ndjson.gz", "products.parquet"),
    ] {
        let refused = problem(shop.without_key(&changed).await, 403, "invalid_signature").await;
        let text = refused.to_string();
        assert!(!text.contains(&signature["signature=".len()..]), "{text}");
    }
    // A signature opens nothing else.
    let elsewhere = format!("/v1/products?{query}");
    problem(shop.without_key(&elsewhere).await, 401, "missing_key").await;
    let more = format!("{url}&x=1");
    problem(shop.without_key(&more).await, 400, "invalid_parameter").await;
    let twice = format!("{url}&{signature}");
    problem(shop.without_key(&twice).await, 400, "invalid_parameter").await;
    assert_eq!(shop.without_key(&url).await.status(), 200);
    let metrics = shop.app.admin_text("/metrics").await;
    assert!(metrics.contains(r#"reason="invalid_signature"} 11"#), "{metrics}");
    assert!(!metrics.contains("signature=") && !metrics.contains("expires="), "{metrics}");
}

#[tokio::test]
async fn an_address_ends_with_its_time_and_the_manifest_holds_meanwhile() {
    let shop = Shop::open().await;
    let manifest = shop.app.get(&shop.key.text, "/v1/exports/latest").await;
    let etag = manifest.headers()["etag"].clone();
    let manifest: Value = manifest.json().await.unwrap();
    let (url, ends) = (&manifest["files"][0]["url"], &manifest["files"][0]["url_expires_at"]);
    let url = url.as_str().unwrap();
    assert_eq!(ends, "2026-11-22T13:00:00Z");
    // The same manifest for a quarter of an hour, so that it need not be sent again.
    shop.app.clock.advance(1);
    let moved = shop.manifest(&shop.key.text).await;
    assert_eq!(moved["files"][0]["url_expires_at"], "2026-11-22T13:15:00Z");
    shop.app.clock.advance(HOUR / 4 - 1);
    assert_eq!(shop.manifest(&shop.key.text).await, moved);
    let held = shop.app.http.get(shop.app.public_url("/v1/exports/latest"));
    let held = held.bearer_auth(&shop.key.text).header("if-none-match", &etag);
    assert_eq!(held.send().await.unwrap().status(), 200);

    shop.app.clock.advance(HOUR * 3 / 4 - SECOND);
    assert_eq!(shop.without_key(url).await.status(), 200);
    shop.app.clock.advance(SECOND);
    let over = problem(shop.without_key(url).await, 403, "expired_signature").await;
    assert!(over["detail"].as_str().unwrap().contains("manifest"), "{over}");
    // A new one goes on with the same file.
    assert_eq!(shop.without_key(&shop.url().await).await.status(), 200);
}

#[tokio::test]
async fn an_address_dies_with_its_key_its_app_and_its_partner() {
    let shop = Shop::open().await;
    let url = shop.url().await;
    let places = [
        format!("keys/{}", shop.key.id),
        format!("apps/{}", shop.key.app_id),
        format!("partners/{}", shop.key.partner_id),
    ];
    for place in &places {
        let place = format!("/admin/v1/{place}");
        shop.app.admin_ok("POST", &format!("{place}/suspend"), None).await;
        problem(shop.without_key(&url).await, 403, "suspended").await;
        shop.app.admin_ok("POST", &format!("{place}/resume"), None).await;
        assert_eq!(shop.without_key(&url).await.status(), 200, "{place}");
    }
    shop.app.admin_ok("POST", &format!("/admin/v1/keys/{}/revoke", shop.key.id), None).await;
    problem(shop.without_key(&url).await, 401, "revoked_key").await;

    // Where the key may not be used, its addresses may not be used either.
    let near = shop.app.key(json!({ "cidrs": ["192.0.2.0/24"] })).await;
    let from = |request: reqwest::RequestBuilder, address: &str| {
        request.header("x-forwarded-for", address).send()
    };
    let manifest = shop.app.http.get(shop.app.public_url("/v1/exports/latest"));
    let manifest = from(manifest.bearer_auth(&near.text), "192.0.2.7").await.unwrap();
    let manifest: Value = manifest.json().await.unwrap();
    let url = shop.app.public_url(manifest["files"][0]["url"].as_str().unwrap());
    assert_eq!(from(shop.app.http.get(&url), "192.0.2.8").await.unwrap().status(), 200);
    let far = from(shop.app.http.get(&url), "198.51.100.7").await.unwrap();
    problem(far, 403, "address_not_allowed").await;
    // The limits are those of the app.
    let plan = shop.app.plan(json!([{ "name": "tiny", "quota": 2, "window_s": 86_400 }])).await;
    let tiny = shop.app.key_under(&plan, json!({})).await;
    let manifest = shop.manifest(&tiny.text).await;
    let url = manifest["files"][0]["url"].as_str().unwrap();
    assert_eq!(shop.without_key(url).await.status(), 200);
    problem(shop.without_key(url).await, 429, "quota_exceeded").await;
}
