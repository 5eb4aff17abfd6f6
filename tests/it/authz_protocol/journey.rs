//! The whole way of a client, as it should be.

use super::{Customer, Desk, ISSUER, SUMMARY};
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000;

#[tokio::test]
async fn a_client_pushes_exchanges_refreshes_asks_and_gives_back() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    assert_eq!(granted.parameter("state"), "s1");
    let tokens = desk.tokens(&partner, &granted).await.ok();
    let id = granted.id.to_string();
    assert_eq!((tokens.text("token_type"), tokens.text("grant_id")), ("DPoP", id.as_str()));
    assert_eq!(tokens.body["expires_in"], 300);
    assert_eq!(tokens.body["authorization_details"][0]["type"], "retail_customer_data");
    assert_eq!(tokens.body["id_token"], Value::Null, "openid was not asked for");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    assert!(refresh.starts_with("rt_"));

    let known = desk.asked(&partner, access).await.ok();
    assert_eq!(known.body["active"], true);
    assert_eq!(known.body["cnf"]["jkt"], partner.dpop.thumbprint());
    assert_eq!((known.text("iss"), known.text("aud")), (ISSUER, ISSUER));
    assert_eq!(known.text("client_id"), partner.id);
    assert_ne!(known.text("sub"), "cus_1");
    let known = desk.asked(&partner, refresh).await.ok();
    assert_eq!((&known.body["active"], known.text("grant_id")), (&json!(true), id.as_str()));

    desk.app.clock.advance(SECOND);
    let narrow = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", SUMMARY)];
    let narrow = desk.call((&partner, &partner.dpop), "/oauth/token", &narrow).await.ok();
    assert_eq!(narrow.text("scope"), SUMMARY);
    assert_eq!(narrow.body["refresh_token"], Value::Null, "the old one stays");
    let again = desk.refreshed(&partner, refresh).await.ok();
    assert!(again.text("scope").contains("customer.loyalty.basic:read"));

    desk.app.clock.advance(SECOND);
    assert_eq!(desk.gives_back(&partner, refresh).await.status, 200);
    let gone = json!({ "active": false });
    for token in [access, refresh, again.text("access_token")] {
        assert_eq!(desk.asked(&partner, token).await.ok().body, gone);
    }
    // The consent holds on: the customer need not be asked for other tokens, and has not ended anything.
    let query = desk.own_token(&partner, "grant_management_query").await;
    let proof = desk.token_proof(&partner, ("GET", &id), (&query, json!({}))).await;
    let told = desk.grant(("GET", &id), ("DPoP", &query), Some(&proof)).await.ok();
    assert_eq!(told.body["status"], "active");
}

#[tokio::test]
async fn an_id_token_says_that_the_customer_has_logged_in_and_nothing_of_them() {
    use base64::Engine as _;
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let scope = format!("openid {SUMMARY}");
    let reference = desk.pushed(&partner, &[("scope", &scope), ("nonce", "n1")]).await;
    let granted = Customer(1).agrees(&desk, &partner, &reference).await;
    let tokens = desk.tokens(&partner, &granted).await.ok();
    assert_eq!(tokens.body["refresh_token"], Value::Null, "offline_access was not asked for");
    let claims = tokens.text("id_token").split('.').nth(1).unwrap().to_owned();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "auth_time", "exp", "iat", "iss", "nonce", "sub"]);
    assert_eq!((&claims["aud"], &claims["nonce"]), (&json!(partner.id), &json!("n1")));
}

#[tokio::test]
async fn what_a_key_opens_is_given_to_clients_as_before() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let form = [("grant_type", "client_credentials"), ("scope", "catalog:read")];
    let reply = desk.prove(&partner, "/oauth/token", &form, None).await.ok();
    assert_eq!((reply.text("token_type"), &reply.body["expires_in"]), ("Bearer", &json!(600)));
    assert!(reply.text("access_token").starts_with("cpt_at_"));
    // What no key opens is of the other kind, and needs the proof that the client's profile asks for.
    let form = [("grant_type", "client_credentials"), ("scope", "grant_management_query")];
    let reply = desk.prove(&partner, "/oauth/token", &form, None).await;
    assert_eq!(reply.refusal(), (400, "invalid_dpop_proof"));
    assert!(desk.own_token(&partner, "grant_management_query").await.starts_with("ey"));
    for scope in [SUMMARY, "grant_management_query customer.loyalty.basic:read"] {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let reply = desk.call((&partner, &partner.dpop), "/oauth/token", &form).await;
        assert_eq!(reply.refusal(), (400, "invalid_scope"), "{scope}");
    }
}

#[tokio::test]
async fn a_suspended_app_asks_nobody_and_gets_nothing() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    let refresh = desk.tokens(&partner, &granted).await.ok().text("refresh_token").to_owned();
    let place = format!("/admin/v1/apps/{}/customer-access/suspend", partner.app_id);
    desk.app.admin_ok("POST", &place, Some(json!({ "reason": "It is looked into" }))).await;
    let form = desk.asks(&partner, &[]);
    let pushed = desk.call((&partner, &partner.dpop), "/oauth/par", &form).await;
    assert_eq!(pushed.refusal(), (400, "unauthorized_client"));
    let refused = desk.refreshed(&partner, &refresh).await;
    assert_eq!(refused.refusal(), (400, "unauthorized_client"));
    assert_eq!(desk.asked(&partner, &refresh).await.ok().body, json!({ "active": false }));
}

#[tokio::test]
async fn without_customers_data_nothing_of_it_is_there() {
    let app = crate::support::TestApp::start().await;
    for path in [
        "/oauth/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-protected-resource",
    ] {
        let answer = app.http.get(app.public_url(path)).send().await.unwrap();
        crate::support::problem(answer, 404, "unknown_path").await;
    }
    for path in ["/oauth/par", "/oauth/revoke", "/oauth/introspect"] {
        let answer = app.http.post(app.public_url(path)).send().await.unwrap();
        crate::support::problem(answer, 404, "unknown_path").await;
    }
}

#[tokio::test]
async fn a_public_client_has_a_key_or_nothing() {
    let desk = Desk::open_with("baseline").await;
    let (partner, other) = (desk.partner_with("none", "baseline").await, desk.partner().await);
    let granted = desk.granted(&partner, 1).await;
    let code = granted.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", super::VERIFIER),
    ];
    let without = desk.prove(&partner, "/oauth/token", &form, None).await;
    assert_eq!(without.refusal(), (400, "invalid_dpop_proof"));
    let tokens = desk.tokens(&partner, &granted).await.ok();
    assert_eq!(tokens.text("token_type"), "DPoP");
    let refresh = tokens.text("refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let stolen = desk.call((&partner, &other.dpop), "/oauth/token", &form).await;
    assert_eq!(stolen.refusal(), (400, "invalid_grant"));
    desk.refreshed(&partner, refresh).await.ok();
    // Who can say its name alone learns nothing of tokens, and gets none for itself.
    assert_eq!(desk.asked(&partner, refresh).await.refusal(), (401, "invalid_client"));
    let own = [("grant_type", "client_credentials"), ("scope", "grant_management_query")];
    let own = desk.call((&partner, &partner.dpop), "/oauth/token", &own).await;
    assert_eq!(own.refusal(), (400, "unauthorized_client"));
    assert_eq!(desk.gives_back(&partner, refresh).await.status, 200);
    assert_eq!(desk.refreshed(&partner, refresh).await.refusal(), (400, "invalid_grant"));
}
