//! The admin listener towards callers that get it wrong, and what browsers are told on both.

use crate::support::{TestApp, problem};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

async fn answer(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

#[tokio::test]
async fn every_wrong_call_gets_a_problem_that_is_not_stored() {
    let app = TestApp::builder().set("SERVER__MAX_BODY_BYTES", "2048").start().await;
    let partners = app.admin_url("/admin/v1/partners");
    let post = || app.http.post(&partners).bearer_auth(&app.admin_token);
    let json = |request: RequestBuilder| request.header("Content-Type", "application/json");
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(4096));
    let unknown = format!("{partners}?limi=3");
    for (request, status, code) in [
        (app.http.get(app.admin_url("/nothing")), 404, "unknown_path"),
        (
            app.http.get(app.admin_url("/admin/v1/nothing")).bearer_auth(&app.admin_token),
            404,
            "unknown_path",
        ),
        (app.http.get(&partners), 401, "missing_key"),
        (app.http.get(&partners).bearer_auth("nope"), 401, "invalid_key"),
        (app.http.get(&partners).header("Authorization", "Basic eDp5"), 401, "invalid_key"),
        (app.http.get(&unknown).bearer_auth(&app.admin_token), 400, "invalid_parameter"),
        // Which of two was meant cannot be told.
        (
            app.http.get(&partners).bearer_auth(&app.admin_token).bearer_auth("nope"),
            400,
            "invalid_parameter",
        ),
        (json(post()).body("{\"name\":"), 400, "invalid_body"),
        (json(post()).body("{\"name\":5}"), 400, "invalid_body"),
        (json(post()).body(big), 413, "body_too_large"),
        (post().body("{\"name\":\"x\"}"), 415, "unsupported_media_type"),
        (post().header("Content-Type", "text/plain").body("{}"), 415, "unsupported_media_type"),
    ] {
        let answer = answer(request).await;
        let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap());
        assert_eq!(header("cache-control"), Some("no-store"), "{code}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{code}");
        let challenge = (status == 401).then_some("Bearer realm=\"comptoir admin\"");
        assert_eq!(header("www-authenticate"), challenge, "{code}");
        problem(answer, status, code).await;
    }
    let partner = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Fine" }))).await;
    assert_eq!(partner["name"], "Fine", "and a good call still works");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_answered_with_those_it_takes() {
    let app = TestApp::start().await;
    for (url, allow) in [
        (app.admin_url("/admin/v1/partners"), "GET, HEAD, POST"),
        (app.admin_url("/admin/v1/partners/prt_00000000000"), "GET, HEAD, PATCH"),
        (app.admin_url("/healthz"), "GET, HEAD"),
        (app.admin_url("/metrics"), "GET, HEAD"),
        (app.admin_url("/docs/"), "GET, HEAD"),
        (app.admin_url("/openapi/admin.json"), "GET, HEAD"),
        (app.public_url("/docs/"), "GET, HEAD"),
        (app.public_url("/openapi/partner.yaml"), "GET, HEAD"),
        (app.public_url("/v1/products"), "GET, HEAD"),
    ] {
        // A stranger on the public listener brings no key: one would be judged first.
        let call = |method: Method| {
            let request = app.http.request(method, &url);
            if url.contains("/admin/") { request.bearer_auth(&app.admin_token) } else { request }
        };
        let refused = answer(call(Method::PUT)).await;
        assert_eq!(refused.headers()["allow"], allow, "{url}");
        assert_eq!(refused.headers()["cache-control"], "no-store", "{url}");
        problem(refused, 405, "method_not_allowed").await;
        if url.contains("prt_") || url.contains("/v1/products") {
            continue;
        }
        let head = answer(call(Method::HEAD)).await;
        assert_eq!(head.status(), 200, "HEAD {url}");
        assert_eq!(head.bytes().await.unwrap().len(), 0, "HEAD {url}");
    }
}

/// The values of an attribute in a page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("{name}=\"");
    page.split(begin.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_reader_of_the_documents_needs_no_other_host() {
    let app = TestApp::start().await;
    for (docs, document) in [
        (app.public_url("/docs/"), app.public_url("/openapi/partner.json")),
        (app.admin_url("/docs/"), app.admin_url("/openapi/admin.json")),
    ] {
        let start = answer(app.http.get(docs.replace("/docs/", "/"))).await;
        assert_eq!(start.headers()["location"], "/docs/");
        let page = answer(app.http.get(&docs)).await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("http") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        assert_eq!(page.headers()["x-content-type-options"], "nosniff");
        let page = page.text().await.unwrap();
        let mut parts = attributes(&page, "src");
        parts.extend(attributes(&page, "href"));
        assert!(parts.len() >= 5, "{page}");
        for part in parts {
            // A browser that must not sniff runs and styles only what is of the right type.
            let kind = match part.rsplit_once('.').map(|(_, end)| end) {
                Some("js") => "javascript",
                Some("css") => "text/css",
                _ => "image/png",
            };
            assert!(!part.contains("//"), "{part} is of another host");
            let url = format!("{docs}{}", part.trim_start_matches("./"));
            let part = answer(app.http.get(&url)).await;
            assert_eq!(part.status(), 200, "{url}");
            let found = part.headers()["content-type"].to_str().unwrap();
            assert!(found.contains(kind), "{url}: {found}");
        }
        // The policy forbids scripts in the page, so the page must have none.
        assert_eq!(page.matches("<script").count(), attributes(&page, "src").len(), "{page}");
        let setup = answer(app.http.get(format!("{docs}swagger-initializer.js"))).await;
        let setup = setup.text().await.unwrap();
        assert!(setup.contains("\"validatorUrl\": \"none\"") && !setup.contains("://"), "{setup}");
        assert!(setup.contains(document.rsplit_once("/openapi").unwrap().1), "{setup}");
        let document = answer(app.http.get(&document)).await;
        assert_eq!(document.headers()["content-type"], "application/json");
        assert!(!document.headers().contains_key("content-security-policy"));
    }
}
