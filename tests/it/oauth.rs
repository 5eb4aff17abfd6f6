//! OAuth clients: tokens for secrets and for signatures, and everything that is tried to get one without.

mod assertions;

use crate::support::schema::tells;
use crate::support::{NOON, TestApp, data, problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000;
const ISSUER: &str = "https://api.example.test";

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).set("SERVER__PUBLIC_URL", ISSUER).start().await;
    app.stock_shelves(2, 1).await;
    app
}

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

/// A client of a new app.
struct Client {
    id: String,
    secret: String,
    app_id: String,
    partner_id: String,
}

async fn client(app: &TestApp, fields: Value) -> Client {
    let key = app.key(json!({})).await;
    let mut body = json!({ "app_id": key.app_id, "name": "client", "environment": "live" });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = app.admin_ok("POST", "/admin/v1/clients", Some(body)).await;
    Client {
        id: made["client"]["id"].as_str().unwrap().to_owned(),
        secret: made["secret"].as_str().unwrap_or_default().to_owned(),
        app_id: key.app_id,
        partner_id: key.partner_id,
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Posts a form to the token endpoint, with a header where one is given.
async fn ask(
    app: &TestApp,
    basic: Option<(&str, &str)>,
    pairs: &[(&str, &str)],
) -> reqwest::Response {
    let mut request = app.http.post(app.public_url("/oauth/token"));
    request = request.header("Content-Type", "application/x-www-form-urlencoded");
    if let Some((id, secret)) = basic {
        request = request.header(
            "Authorization",
            format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        );
    }
    request.body(form(pairs)).send().await.unwrap()
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// A token for a secret.
async fn token(app: &TestApp, client: &Client) -> String {
    let answer = ask(app, Some((&client.id, &client.secret)), &[GRANT]).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    let told: Value = serde_json::from_str(&text).unwrap();
    told["access_token"].as_str().unwrap().to_owned()
}

/// What a refusal says, checked for what all refusals have (RFC 6749 §5.2).
async fn refusal(answer: reqwest::Response) -> String {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    let told: Value = answer.json().await.unwrap();
    let error = told["error"].as_str().unwrap().to_owned();
    assert_eq!(status, if error == "invalid_client" { 401 } else { 400 }, "{told}");
    assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{told}");
    assert!(!told["error_description"].as_str().unwrap().is_empty());
    error
}

#[tokio::test]
async fn a_token_for_a_secret_opens_what_the_client_may() {
    let app = shop().await;
    let client = client(&app, json!({ "scopes": ["catalog:read", "stock:read"] })).await;
    let answer = ask(&app, Some((&client.id, &client.secret)), &[GRANT]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()),
        (200, "no-store")
    );
    let told: Value = answer.json().await.unwrap();
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(told["scope"], "catalog:read stock:read");
    let token = told["access_token"].as_str().unwrap();
    assert_eq!(app.get(token, &path()).await.status(), 200);
    problem(app.get(token, "/v1/stores").await, 403, "insufficient_scope").await;

    let narrow =
        [GRANT, ("scope", "stock:read"), ("resource", "passed over"), ("client_id", &client.id)];
    let narrow = ask(&app, Some((&client.id, &client.secret)), &narrow).await;
    let narrow: Value = narrow.json().await.unwrap();
    assert_eq!(narrow["scope"], "stock:read");
    let refused = app.get(narrow["access_token"].as_str().unwrap(), &path()).await;
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(
        challenge,
        "Bearer realm=\"comptoir\", error=\"insufficient_scope\", scope=\"catalog:read\""
    );
    problem(refused, 403, "insufficient_scope").await;

    // Neither the secret nor the id is a key, and a key is no secret of a client.
    for text in [client.secret.as_str(), &client.id] {
        problem(app.get(text, &path()).await, 401, "invalid_key").await;
    }
    app.clock.advance(600 * SECOND - 1);
    assert_eq!(app.get(token, &path()).await.status(), 200);
    app.clock.advance(1);
    let over = app.get(token, &path()).await;
    assert_eq!(
        over.headers()["www-authenticate"],
        "Bearer realm=\"comptoir\", error=\"invalid_token\""
    );
    problem(over, 401, "invalid_token").await;
}

#[tokio::test]
async fn a_damaged_or_changed_token_is_refused() {
    let app = shop().await;
    let client = client(&app, json!({})).await;
    let token = token(&app, &client).await;
    for at in [8, 20, 40, 70, 85, token.len() - 1] {
        let mut damaged = token.clone().into_bytes();
        damaged[at] = if damaged[at] == b'x' { b'y' } else { b'x' };
        let damaged = String::from_utf8(damaged).unwrap();
        problem(app.get(&damaged, &path()).await, 401, "invalid_token").await;
    }
    for odd in ["cpt_at_", &token[..50], &format!("{token}0")] {
        problem(app.get(odd, &path()).await, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn tokens_end_with_their_secret_whatever_the_clocks_say() {
    let app = shop().await;
    let client = client(&app, json!({})).await;
    let place = format!("/admin/v1/keys/{}", client.id);
    let rotate = async |overlap_s: i64| {
        let body = json!({ "overlap_s": overlap_s });
        let rotated = app.admin_ok("POST", &format!("{place}/rotate"), Some(body)).await;
        rotated["text"].as_str().unwrap().to_owned()
    };
    // Got from a node whose clock is ahead of the one that ends the secret.
    app.clock.advance(5 * SECOND);
    let ahead = token(&app, &client).await;
    app.clock.advance(-5 * SECOND);
    let secret = rotate(0).await;
    problem(app.get(&ahead, &path()).await, 401, "invalid_token").await;
    app.clock.advance(6 * SECOND);
    problem(app.get(&ahead, &path()).await, 401, "invalid_token").await;
    // Ended, it stays so when another ending follows by a clock that is behind.
    app.clock.advance(-20 * SECOND);
    let client = Client { secret, ..client };
    let client = Client { secret: rotate(0).await, ..client };
    problem(app.get(&ahead, &path()).await, 401, "invalid_token").await;
    assert_eq!(app.get(&token(&app, &client).await, &path()).await.status(), 200);

    // One that is got in the overlap is over with the overlap.
    rotate(60).await;
    let answer = ask(&app, Some((&client.id, &client.secret)), &[GRANT]).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["expires_in"], 60);
}

#[tokio::test]
async fn tokens_end_with_what_they_rest_on() {
    let app = shop().await;
    let client = client(&app, json!({})).await;
    let place = format!("/admin/v1/keys/{}", client.id);
    let token1 = token(&app, &client).await;
    for place in [
        place.clone(),
        format!("/admin/v1/apps/{}", client.app_id),
        format!("/admin/v1/partners/{}", client.partner_id),
    ] {
        app.admin_ok("POST", &format!("{place}/suspend"), None).await;
        problem(app.get(&token1, &path()).await, 403, "suspended").await;
        let refused = ask(&app, Some((&client.id, &client.secret)), &[GRANT]).await;
        assert_eq!(refusal(refused).await, "unauthorized_client");
        app.admin_ok("POST", &format!("{place}/resume"), None).await;
        assert_eq!(app.get(&token1, &path()).await.status(), 200);
    }
    // Fewer scopes hold for tokens that are out, too.
    app.admin_ok("PATCH", &place, Some(json!({ "scopes": ["stock:read"] }))).await;
    problem(app.get(&token1, &path()).await, 403, "insufficient_scope").await;
    app.admin_ok("PATCH", &place, Some(json!({ "scopes": ["catalog:read"] }))).await;

    // A secret is rotated as a key's is; to end the old one ends the tokens.
    let rotated =
        app.admin_ok("POST", &format!("{place}/rotate"), Some(json!({ "overlap_s": 60 }))).await;
    let new = Client {
        secret: rotated["text"].as_str().unwrap().to_owned(),
        id: client.id.clone(),
        ..client
    };
    let old = Client {
        id: client.id.clone(),
        secret: client.secret.clone(),
        app_id: String::new(),
        partner_id: String::new(),
    };
    assert!(new.secret.starts_with("cpt_client_"));
    let (token2, token3) = (token(&app, &old).await, token(&app, &new).await);
    app.clock.advance(1);
    app.admin_ok("POST", &format!("{place}/rotation/finish"), None).await;
    for ended in [&token1, &token2, &token3] {
        problem(app.get(ended, &path()).await, 401, "invalid_token").await;
    }
    let refused = ask(&app, Some((&old.id, &old.secret)), &[GRANT]).await;
    assert_eq!(refusal(refused).await, "invalid_client");
    let token4 = token(&app, &new).await;
    assert_eq!(app.get(&token4, &path()).await.status(), 200);
    app.admin_ok("POST", &format!("{place}/revoke"), None).await;
    problem(app.get(&token4, &path()).await, 401, "revoked_key").await;
    let refused = ask(&app, Some((&new.id, &new.secret)), &[GRANT]).await;
    assert_eq!(refusal(refused).await, "invalid_client");
}

#[tokio::test]
async fn a_client_is_held_to_addresses_limits_and_its_end_and_is_metered_as_a_key() {
    let app = shop().await;
    let away = client(&app, json!({ "cidrs": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    let refused = ask(&app, Some((&away.id, &away.secret)), &[GRANT]).await;
    assert_eq!(refusal(refused).await, "unauthorized_client");
    let ending = client(&app, json!({ "expires_at": "2026-11-22T12:00:30Z" })).await;
    let told = ask(&app, Some((&ending.id, &ending.secret)), &[GRANT]).await;
    assert_eq!(told.json::<Value>().await.unwrap()["expires_in"], 30);

    let metered = client(&app, json!({})).await;
    let token = token(&app, &metered).await;
    let answer = app.get(&token, &path()).await;
    for name in ["ratelimit", "ratelimit-policy", "usage-event-id", "x-request-cost"] {
        assert!(answer.headers().contains_key(name), "{name}");
    }
    let subscription = json!({ "url": "https://example.com/x", "events": ["price_changed"] });
    let made = app.http.post(app.public_url("/v1/subscriptions")).bearer_auth(&token);
    let made: Value = made.json(&subscription).send().await.unwrap().json().await.unwrap();
    assert!(made["id"].is_string() || made["code"].is_string(), "{made}");
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/quarantine", metered.id), None).await;
    assert_eq!(app.get(&token, &path()).await.status(), 200);
    assert_eq!(app.get(&token, &path()).await.status(), 429);
}

/// A header, a form, and the word of the refusal.
type Case<'a> = (Option<(&'a str, &'a str)>, Vec<(&'a str, &'a str)>, &'static str);

#[tokio::test]
async fn requests_that_are_not_right_are_told_by_the_standards_words() {
    let app = shop().await;
    let one = client(&app, json!({ "scopes": ["catalog:read"] })).await;
    let other = client(&app, json!({})).await;
    let key = app.key(json!({})).await;
    let basic = Some((one.id.as_str(), one.secret.as_str()));
    let cases: Vec<Case<'_>> = vec![
        (basic, vec![], "invalid_request"),
        (basic, vec![GRANT, GRANT], "invalid_request"),
        (basic, vec![("grant_type", "password")], "unsupported_grant_type"),
        (basic, vec![GRANT, ("scope", "everything")], "invalid_scope"),
        (basic, vec![GRANT, ("scope", "catalog:read stock:read")], "invalid_scope"),
        (basic, vec![GRANT, ("scope", "customer.profile:read")], "invalid_scope"),
        (basic, vec![GRANT, ("client_id", &other.id)], "invalid_request"),
        (basic, vec![GRANT, ("client_secret", &one.secret)], "invalid_request"),
        (basic, vec![GRANT, ("client_assertion", "a.b.c")], "invalid_request"),
        (None, vec![GRANT], "invalid_client"),
        (None, vec![GRANT, ("client_id", &one.id)], "invalid_client"),
        (Some((&one.id, &other.secret)), vec![GRANT], "invalid_client"),
        (Some((&one.id, "")), vec![GRANT], "invalid_client"),
        (Some((&one.id, &key.text)), vec![GRANT], "invalid_client"),
        (Some((&key.id, &key.text)), vec![GRANT], "invalid_client"),
        (Some(("nobody", "x")), vec![GRANT], "invalid_client"),
    ];
    for (basic, pairs, error) in cases {
        assert_eq!(refusal(ask(&app, basic, &pairs).await).await, error, "{pairs:?}");
    }
    for header in ["Basic", "Basic !", "Basic bm8=", "Bearer x", "Digest x"] {
        let request = app.http.post(app.public_url("/oauth/token")).header("Authorization", header);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(form(&[GRANT])).send().await.unwrap();
        assert_eq!(refusal(answer).await, "invalid_client", "{header}");
    }
    let json = app.http.post(app.public_url("/oauth/token")).json(&json!({})).send().await.unwrap();
    assert_eq!(refusal(json).await, "invalid_request");
    let get = app.http.get(app.public_url("/oauth/token")).send().await.unwrap();
    assert_eq!(get.headers()["allow"], "POST");
    problem(get, 405, "method_not_allowed").await;
    let long = app.http.post(app.public_url("/oauth/token")).body("x".repeat(20_000));
    problem(long.send().await.unwrap(), 413, "body_too_large").await;
}

#[tokio::test]
async fn what_is_refused_has_the_headers_that_the_document_names() {
    let app = shop().await;
    let one = client(&app, json!({})).await;
    let document = crate::openapi::document("partner");
    let responses = &document["paths"]["/oauth/token"]["post"]["responses"];
    let basic = Some((one.id.as_str(), one.secret.as_str()));
    for (basic, status) in [(basic, "400"), (None, "401")] {
        let pairs: &[(&str, &str)] = if status == "400" { &[] } else { &[GRANT] };
        let answer = ask(&app, basic, pairs).await;
        assert_eq!(answer.status().as_str(), status);
        for name in ["Usage-Event-Id", "X-Request-Cost"] {
            assert!(responses[status]["headers"][name].is_object(), "{status} {name}");
        }
        tells(answer.headers(), &responses[status], &document, status);
    }
}

/// The refusal that an answer of the token endpoint names, as an admin reads it.
async fn looked_up(app: &TestApp, answer: reqwest::Response) -> (String, Value) {
    let told: Value = answer.json().await.unwrap();
    let id = told["refusal_id"].as_str().expect("an id").to_owned();
    (id.clone(), app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await)
}

#[tokio::test]
async fn why_no_token_was_issued_can_be_looked_up() {
    let app =
        TestApp::builder().fixed_clock(NOON).set("OAUTH__PER_CLIENT_PER_MINUTE", "2").start().await;
    let client = client(&app, json!({})).await;
    let body = json!({ "app_id": client.app_id, "name": "key", "environment": "live" });
    let key = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
    let key = key["text"].as_str().unwrap();

    let unknown = ask(&app, Some((&client.id, "cpt_cs_wrong")), &[GRANT]).await;
    let (id, told) = looked_up(&app, unknown).await;
    assert_eq!((&told["code"], &told["status"]), (&json!("invalid_client"), &json!(401)), "{told}");
    assert!(told["explanation"].as_str().unwrap().contains("has not proved itself"), "{told}");
    assert_eq!(told["key_id"], Value::Null, "it is nobody's: {told}");
    assert_eq!(app.get(key, &format!("/v1/refusals/{id}")).await.status(), 200, "whose has the id");

    let right = Some((client.id.as_str(), client.secret.as_str()));
    for _ in 0..2 {
        assert_eq!(ask(&app, right, &[GRANT]).await.status(), 200);
    }
    let often = ask(&app, right, &[GRANT]).await;
    assert_eq!(often.status(), 429);
    let (id, told) = looked_up(&app, often).await;
    let limit = &told["limits"][0];
    assert_eq!(
        (&limit["name"], &limit["granted"], &limit["violated"]),
        (&json!("tokens"), &json!(2), &json!(true))
    );
    assert_eq!((&told["key_id"], &limit["reset_s"]), (&json!(client.id), &json!(30)), "{told}");
    let own: Value = app.get(key, &format!("/v1/refusals/{id}")).await.json().await.unwrap();
    assert_eq!(own["code"], "operation_limited", "{own}");

    // A request that is at fault says itself what is wrong with it.
    let scope = ask(&app, right, &[GRANT, ("scope", "stores")]).await;
    let told: Value = scope.json().await.unwrap();
    assert_eq!((&told["error"], told.get("refusal_id")), (&json!("invalid_scope"), None));

    app.admin_ok("POST", &format!("/admin/v1/keys/{}/suspend", client.id), None).await;
    let (id, told) = looked_up(&app, ask(&app, right, &[GRANT]).await).await;
    assert_eq!((&told["code"], &told["status"]), (&json!("suspended"), &json!(400)), "{told}");
    let own: Value = app.get(key, &format!("/v1/refusals/{id}")).await.json().await.unwrap();
    assert_eq!(own["code"], "suspended", "{own}");
    let history: Value = app.get(key, "/v1/refusals").await.json().await.unwrap();
    let codes: Vec<&str> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"suspended") && codes.contains(&"operation_limited"), "{history}");
    let history = app.admin_ok("GET", "/admin/v1/refusals?code=invalid_client", None).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
}

#[tokio::test]
async fn tokens_are_asked_for_in_bounds() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("OAUTH__PER_CLIENT_PER_MINUTE", "2")
        .set("OAUTH__PER_ADDRESS_PER_MINUTE", "5")
        .set("OAUTH__TOKEN_LIFE_S", "60")
        .start()
        .await;
    let (one, other) = (client(&app, json!({})).await, client(&app, json!({})).await);
    let told = ask(&app, Some((&one.id, &one.secret)), &[GRANT]).await;
    assert_eq!(told.json::<Value>().await.unwrap()["expires_in"], 60);
    token(&app, &one).await;
    let often = ask(&app, Some((&one.id, &one.secret)), &[GRANT]).await;
    assert_eq!(often.headers()["retry-after"], "30");
    problem(often, 429, "operation_limited").await;
    token(&app, &other).await;
    assert_eq!(
        refusal(ask(&app, Some((&one.id, "wrong")), &[GRANT]).await).await,
        "invalid_client"
    );
    let often = ask(&app, Some((&other.id, &other.secret)), &[GRANT]).await;
    assert_eq!(often.headers()["retry-after"], "12");
    problem(often, 429, "operation_limited").await;
    app.clock.advance(60 * SECOND);
    token(&app, &other).await;
    let metrics = app.admin_text("/metrics").await;
    assert!(metrics.contains("comptoir_tokens_issued_total 4"), "{metrics}");
    assert!(metrics.contains("comptoir_tokens_refused_total 1"), "{metrics}");
}

#[tokio::test]
async fn a_library_can_set_itself_up() {
    let app = shop().await;
    let path = "/.well-known/oauth-authorization-server";
    let told: Value =
        app.http.get(app.public_url(path)).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["issuer"], ISSUER);
    assert_eq!(told["token_endpoint"], format!("{ISSUER}/oauth/token"));
    assert_eq!(told["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(
        told["token_endpoint_auth_signing_alg_values_supported"],
        json!(["ES256", "PS256", "RS256", "EdDSA"])
    );
}

#[tokio::test]
async fn a_forged_header_brings_a_client_nowhere() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("SERVER__TRUSTED_PROXIES", "127.0.0.1/32")
        .start()
        .await;
    app.stock_shelves(1, 1).await;
    let client = client(&app, json!({ "cidrs": ["2001:db8::/32", "192.0.2.0/24"] })).await;
    let ask = async |hops: &str| {
        let request = app.http.post(app.public_url("/oauth/token"));
        let request = request.basic_auth(&client.id, Some(&client.secret));
        let request = request.header("X-Forwarded-For", hops);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        request.body(form(&[GRANT])).send().await.unwrap()
    };
    for hops in ["2001:db8::7, 2001:db9::1", "192.0.2.7, 198.51.100.1", "2001:db8::7, x", "x"] {
        assert_eq!(refusal(ask(hops).await).await, "unauthorized_client", "{hops}");
    }
    let told = ask("198.51.100.1, 2001:db8:0:1::7").await;
    assert_eq!(told.status(), 200);
    let told: Value = told.json().await.unwrap();
    let call = async |hops: &str| {
        let request = app.http.get(app.public_url(&path())).header("X-Forwarded-For", hops);
        request.bearer_auth(told["access_token"].as_str().unwrap()).send().await.unwrap()
    };
    assert_eq!(call("2001:db8::9").await.status(), 200);
    assert_eq!(call("::ffff:192.0.2.9").await.status(), 200);
    problem(call("2001:db8::9, 2001:db9::1").await, 403, "address_not_allowed").await;
}
