//! Each form of an answer has the media type and the headers that the document says, and calls may send what
//! it names.

use crate::openapi::{document, filled, is_open, operations, shop};
use crate::support::TestApp;
use crate::support::schema::{conforms, tells};
use reqwest::{Client, Response};
use serde_json::Value;

/// Media types of a response.
fn forms(response: &Value) -> Vec<String> {
    response["content"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn media_type(answer: &Response) -> String {
    let value = answer.headers()["content-type"].to_str().unwrap();
    value.split(';').next().unwrap().to_owned()
}

/// A call with headers, of which none is sent where its value is empty; redirects are not followed.
async fn call(app: &TestApp, key: &str, url: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = client.get(app.public_url(url));
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    if !key.is_empty() {
        request = request.bearer_auth(key);
    }
    request.send().await.unwrap()
}

/// A document without what JSON-LD adds to it.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let own = members.iter().filter(|(name, _)| !name.starts_with('@'));
            Value::Object(own.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(entries) => entries.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// Whether a call may send a header, as the document says.
fn takes(operation: &Value, name: &str) -> bool {
    let reference = format!("#/components/parameters/{name}");
    operation["parameters"].as_array().is_some_and(|all| all.iter().any(|p| p["$ref"] == reference))
}

#[tokio::test]
async fn every_form_of_an_answer_is_as_documented() {
    let app = shop().await;
    let document = document("partner");
    let key = app.key(serde_json::json!({})).await;
    let export = app.snapshot().await;
    let mut seen = 0;
    for (path, method, operation) in operations(&document) {
        let own = ["{subscription_id}", "{refusal_id}", "{statement_id}", "{event_id}"]
            .iter()
            .any(|part| path.contains(part));
        // Customers' data is off here, and so is what stands before it.
        let of_customers = path.starts_with("/v1/customer/")
            || path.starts_with("/oauth/")
            || ["oauth-protected-resource", "openid-configuration"]
                .iter()
                .any(|name| path.ends_with(name));
        if method != "get" || own || of_customers || path.starts_with("/contexts") {
            continue;
        }
        let url = filled(&path, &export).replace("{file}", "products.ndjson.gz");
        let key = if is_open(&operation) { "" } else { key.text.as_str() };
        let whole = &operation["responses"]["200"];
        let is_file = operation["responses"]["206"].is_object();
        for form in forms(whole) {
            let at = format!("{url} as {form}");
            let answer =
                call(&app, key, &url, &[("accept", &form), ("accept-language", "en")]).await;
            assert_eq!(answer.status(), 200, "{at}");
            tells(answer.headers(), whole, &document, &at);
            let kind = media_type(&answer);
            assert!(kind == form || is_file && forms(whole).contains(&kind), "{at}: {kind}");
            if form == "application/ld+json" {
                let body: Value = answer.json().await.unwrap();
                assert!(body["@context"].is_string() && body["@type"].is_string(), "{at}");
                let schema = &whole["content"]["application/json"]["schema"];
                conforms(&plain(&body), schema, &document, &at);
            }
            seen += 1;
        }
        held(&app, key, &url, &operation, &document).await;
        if is_file {
            part(&app, key, &url, &operation, &document).await;
        }
    }
    assert!(seen > 70, "{seen} forms");
}

/// An answer that is held already is 304, where the document says so and nowhere else.
async fn held(app: &TestApp, key: &str, url: &str, operation: &Value, document: &Value) {
    let first = call(app, key, url, &[]).await;
    let etag = first.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    let documented = &operation["responses"]["304"];
    assert_eq!(etag.is_some(), documented.is_object(), "{url}");
    assert_eq!(takes(operation, "IfNoneMatch"), documented.is_object(), "{url}");
    let Some(etag) = etag else { return };
    // What is told of usage differs from call to call.
    if url.starts_with("/v1/usage") || url.starts_with("/v1/refusals") {
        return;
    }
    let answer = call(app, key, url, &[("if-none-match", &etag), ("accept-language", "en")]).await;
    let status = answer.status();
    if takes(operation, "AcceptLanguage") && status == 200 {
        return;
    }
    assert_eq!(status, 304, "{url}");
    tells(answer.headers(), documented, document, url);
}

/// A range of a file, and one that is behind its end.
async fn part(app: &TestApp, key: &str, url: &str, operation: &Value, document: &Value) {
    assert!(takes(operation, "Range") && takes(operation, "IfRange"), "{url}");
    let answer = call(app, key, url, &[("range", "bytes=0-3")]).await;
    assert_eq!(answer.status(), 206, "{url}");
    tells(answer.headers(), &operation["responses"]["206"], document, url);
    let answer = call(app, key, url, &[("range", "bytes=0-3"), ("if-range", "\"other\"")]).await;
    assert_eq!(answer.status(), 200, "{url}");
    let answer = call(app, key, url, &[("range", "bytes=999999999-")]).await;
    assert_eq!(answer.status(), 416, "{url}");
    tells(answer.headers(), &operation["responses"]["416"], document, url);
}

#[tokio::test]
async fn problems_have_the_headers_of_the_document() {
    let app = shop().await;
    let document = document("partner");
    let key = app.key(serde_json::json!({ "scopes": ["stock:read"] })).await.text;
    let wide = app.key(serde_json::json!({})).await.text;
    for (key, url, path, status) in [
        ("", "/v1/products", "/v1/products", "401"),
        ("", "/v1/feeds/google-products", "/v1/feeds/google-products", "401"),
        (&*key, "/v1/products", "/v1/products", "403"),
        (&wide, "/v1/products?limit=0", "/v1/products", "400"),
        (&wide, "/v1/products/prd_00000000000", "/v1/products/{product_id}", "404"),
        ("", "/01/3276550063552", "/01/{gtin}", "422"),
    ] {
        let answer = call(&app, key, url, &[]).await;
        assert_eq!(answer.status().as_str(), status, "{url}");
        let documented = &document["paths"][path]["get"]["responses"][status];
        tells(answer.headers(), documented, &document, &format!("{url} {status}"));
    }
    let wrong =
        app.http.post(app.public_url("/v1/products")).bearer_auth(&wide).send().await.unwrap();
    assert_eq!(wrong.status(), 405);
    let documented = &document["paths"]["/v1/products"]["get"]["responses"]["405"];
    tells(wrong.headers(), documented, &document, "405");
}

#[tokio::test]
async fn a_code_is_followed_as_documented() {
    let app = shop().await;
    let document = document("partner");
    let responses = &document["paths"]["/01/{gtin}"]["get"]["responses"];
    let url = filled("/01/{gtin}", "");
    let page = call(&app, "", &url, &[]).await;
    assert_eq!(page.status(), 307);
    tells(page.headers(), &responses["307"], &document, &url);
    let links = call(&app, "", &format!("{url}?linkType=linkset"), &[]).await;
    assert_eq!((links.status().as_u16(), &*media_type(&links)), (200, "application/linkset+json"));
    let links: Value = links.json().await.unwrap();
    let told = links["linkset"][0].as_object().unwrap();
    assert!(told.contains_key("anchor") && told.contains_key("describedby"), "{links}");
}
