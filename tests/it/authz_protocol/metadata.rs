//! What is published is what is done.

use super::{Desk, ISSUER, SUMMARY};
use serde_json::{Value, json};

async fn published(desk: &Desk, path: &str) -> Value {
    let answer = desk.app.http.get(desk.app.public_url(path)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert!(answer.headers()["cache-control"].to_str().unwrap().starts_with("public"), "{path}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn attack_35_each_endpoint_and_way_that_is_published_is_there() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let told = published(&desk, "/.well-known/oauth-authorization-server").await;
    assert_eq!(published(&desk, "/.well-known/openid-configuration").await, told);
    assert_eq!(
        (&told["issuer"], &told["require_pushed_authorization_requests"]),
        (&json!(ISSUER), &json!(true))
    );
    let path = |name: &str| told[name].as_str().unwrap().strip_prefix(ISSUER).unwrap().to_owned();
    // Each wants a client before it looks at anything.
    for name in [
        "token_endpoint",
        "pushed_authorization_request_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    ] {
        let reply = desk.post(&path(name), &[("grant_type", "refresh_token")], &[]).await;
        assert_eq!(reply.refusal(), (401, "invalid_client"), "{name}");
        let get = desk.app.http.get(desk.app.public_url(&path(name))).send().await.unwrap();
        assert_eq!(
            (get.status().as_u16(), get.headers()["allow"].to_str().unwrap()),
            (405, "POST")
        );
    }
    let grants = desk.app.public_url(&format!("{}/x", path("grant_management_endpoint")));
    assert_eq!(desk.app.http.get(grants).send().await.unwrap().status(), 401);

    let granted = desk.granted(&partner, 1).await;
    let tokens = desk.tokens(&partner, &granted).await.ok();
    desk.refreshed(&partner, tokens.text("refresh_token")).await.ok();
    desk.own_token(&partner, "grant_management_query").await;
    let proved = json!(["authorization_code", "refresh_token", "client_credentials"]);
    assert_eq!(told["grant_types_supported"], proved);
    let form = [("grant_type", "password"), ("scope", "grant_management_query")];
    let reply = desk.call((&partner, &partner.dpop), "/oauth/token", &form).await;
    assert_eq!(reply.refusal(), (400, "unsupported_grant_type"));
    for scope in ["openid", "offline_access", SUMMARY, "catalog:read"] {
        assert!(told["scopes_supported"].as_array().unwrap().contains(&json!(scope)), "{scope}");
    }
    let methods = json!(["private_key_jwt", "client_secret_basic"]);
    assert_eq!(told["introspection_endpoint_auth_methods_supported"], methods);
    let types = &told["authorization_details_types_supported"];
    assert_eq!(*types, json!(["retail_customer_data"]));
}

#[tokio::test]
async fn the_api_says_who_issues_its_tokens_and_the_keys_check_them() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let told = published(&desk, "/.well-known/oauth-protected-resource").await;
    assert_eq!(
        (&told["resource"], &told["authorization_servers"]),
        (&json!(ISSUER), &json!([ISSUER]))
    );
    assert_eq!(told["bearer_methods_supported"], json!(["header"]));
    let keys = published(&desk, "/oauth/jwks.json").await;
    let token = desk.own_token(&partner, "grant_management_query").await;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let keys = keys["keys"].as_array().unwrap();
    let is_it = |key: &&Value| key["kid"].as_str() == header.kid.as_deref();
    let key = keys.iter().find(is_it).expect("the key is published");
    assert!(key.get("d").is_none());
    let jwk = serde_json::from_value(key.clone()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    rules.set_audience(&[ISSUER]);
    rules.set_issuer(&[ISSUER]);
    // The clock of the test stands still, in the past or the future.
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap().claims;
    assert_eq!(claims["client_id"], partner.id);
}

#[tokio::test]
async fn in_the_sandbox_the_baseline_takes_secrets_and_tokens_without_a_key() {
    let desk = Desk::open_with("baseline").await;
    let partner = desk.partner_with("client_secret_basic", "baseline").await;
    let told = published(&desk, "/.well-known/oauth-authorization-server").await;
    assert_eq!(told["require_pushed_authorization_requests"], false);
    let form = desk.asks(&partner, &[]);
    let pushed = desk.prove(&partner, "/oauth/par", &form, None).await;
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let granted = super::Customer(1).agrees(&desk, &partner, pushed.text("request_uri")).await;
    let code = granted.code();
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", super::VERIFIER)];
    let tokens = desk.prove(&partner, "/oauth/token", &form, None).await.ok();
    assert_eq!(tokens.text("token_type"), "Bearer");
    assert!(tokens.text("refresh_token").starts_with("rt_"));
}
