//! Content codings: what a client takes, what it gets, and that it is the same document.

use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::feeds::Feed;
use serde_json::json;
use std::io::Read as _;

async fn get(app: &TestApp, key: &TestKey, path: &str, accept: &str) -> reqwest::Response {
    let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
    request.header("Accept-Encoding", accept).send().await.expect("an answer")
}

fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => {
            flate2::read::GzDecoder::new(body).read_to_end(&mut plain).expect("gzip");
        }
        "br" => brotli::BrotliDecompress(&mut &body[..], &mut plain).expect("br"),
        "zstd" => plain = zstd::decode_all(body).expect("zstd"),
        other => panic!("{other}"),
    }
    plain
}

#[tokio::test]
async fn long_answers_come_in_the_coding_that_the_client_takes() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(60, 1).await;
    let mut long = data::product(0);
    long["description"] = json!({ "plain": "Une description qui n'en finit pas. ".repeat(100) });
    app.import(Feed::Products, &[long]).await;
    let key = app.key(json!({})).await;
    let product = format!("/v1/products/{}", data::product_id(0));
    for path in ["/v1/products?limit=50", product.as_str()] {
        let plain = get(&app, &key, path, "identity").await;
        assert!(!plain.headers().contains_key("content-encoding"), "{path}");
        let mut etags = vec![plain.headers()["etag"].clone()];
        let whole = plain.bytes().await.unwrap();
        for coding in ["gzip", "br", "zstd"] {
            let answer = get(&app, &key, path, coding).await;
            assert_eq!(answer.headers()["content-encoding"], coding, "{path}");
            assert!(answer.headers()["vary"].to_str().unwrap().contains("accept-encoding"));
            let length: usize =
                answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
            let etag = answer.headers()["etag"].clone();
            let body = answer.bytes().await.unwrap();
            assert_eq!(length, body.len(), "{path} {coding}");
            assert!(body.len() * 2 < whole.len(), "{path} {coding}: {length} of {}", whole.len());
            assert_eq!(decoded(coding, &body), whole, "{path} {coding}");

            let held = app.http.get(app.public_url(path)).bearer_auth(&key.text);
            let held = held.header("Accept-Encoding", coding).header("If-None-Match", &etag);
            let held = held.send().await.unwrap();
            assert_eq!(
                (held.status().as_u16(), &held.headers()["etag"]),
                (304, &etag),
                "{path} {coding}"
            );
            let head = app.http.head(app.public_url(path)).bearer_auth(&key.text);
            let head = head.header("Accept-Encoding", coding).send().await.unwrap();
            assert_eq!(head.headers()["etag"], etag, "HEAD {path} {coding}");
            etags.push(etag);
        }
        etags.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        etags.dedup();
        assert_eq!(etags.len(), 4, "each coding has an ETag of its own: {path}");
    }
}

#[tokio::test]
async fn short_answers_and_clients_that_take_nothing_get_plain_bytes() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(60, 1).await;
    let key = app.key(json!({})).await;
    let short = get(&app, &key, &format!("/v1/products/{}", data::product_id(1)), "gzip").await;
    assert!(!short.headers().contains_key("content-encoding"));
    for accept in ["", "gzip;q=0", "*;q=0", "compress", "gzip;q=nonsense", ";;;,,,"] {
        let answer = get(&app, &key, "/v1/products?limit=50", accept).await;
        assert!(!answer.headers().contains_key("content-encoding"), "{accept}");
        assert!(answer.json::<serde_json::Value>().await.unwrap()["items"].is_array(), "{accept}");
    }
}
