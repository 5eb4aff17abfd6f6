//! Assertions that clients prove themselves with, and keys that nobody asked for.

use super::desk::Signer;
use super::{Desk, ISSUER, Partner, Reply, with};
use serde_json::{Value, json};
use std::net::TcpListener;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn shows(desk: &Desk, assertion: &str) -> Reply {
    let form = [
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
        ("token", "rt_none"),
    ];
    desk.post("/oauth/introspect", &form, &[]).await
}

fn claims(desk: &Desk, partner: &Partner, changes: Value) -> Value {
    let now = desk.now_s();
    let usual = json!({ "iss": partner.id, "sub": partner.id, "aud": ISSUER, "jti": desk.draw(), "iat": now, "exp": now + 60 });
    with(usual, changes)
}

#[tokio::test]
async fn attack_21_an_assertion_is_for_us_for_now_and_once() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let now = desk.now_s();
    for changes in [
        json!({ "aud": format!("{ISSUER}/oauth/introspect") }),
        json!({ "aud": format!("{ISSUER}/oauth/token") }),
        json!({ "aud": [ISSUER] }),
        json!({ "aud": null }),
        json!({ "exp": now + 3_600 }),
        json!({ "exp": now }),
        json!({ "exp": null }),
        json!({ "exp": "9999999999" }),
        json!({ "iat": now + 61 }),
        json!({ "nbf": now + 61 }),
        json!({ "nbf": "x" }),
        json!({ "iss": "key_0Ab12Cd34Ef" }),
        json!({ "sub": "key_0Ab12Cd34Ef" }),
        json!({ "jti": null }),
        json!({ "jti": "x".repeat(129) }),
    ] {
        let assertion = desk.assertion(&partner, changes.clone());
        let reply = shows(&desk, &assertion).await;
        assert_eq!(reply.refusal(), (401, "invalid_client"), "{changes}");
        assert!(reply.headers.contains_key("www-authenticate"));
    }
    for changes in [json!({ "iat": now + 9 }), json!({ "iat": null })] {
        shows(&desk, &desk.assertion(&partner, changes)).await.ok();
    }
    let once = desk.assertion(&partner, json!({}));
    shows(&desk, &once).await.ok();
    assert_eq!(shows(&desk, &once).await.refusal(), (401, "invalid_client"), "used twice");
    // Nor elsewhere, on another node or for a token of the other kind.
    let form = [
        ("client_assertion_type", ASSERTION),
        ("client_assertion", once.as_str()),
        ("grant_type", "client_credentials"),
    ];
    let reply = desk.post("/oauth/token", &form, &[]).await;
    assert_eq!(reply.refusal(), (401, "invalid_client"));
}

#[tokio::test]
async fn attack_11_and_12_the_header_of_an_assertion_chooses_nothing() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let stranger = Signer::new();
    let long = "k".repeat(4_096);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = format!("http://{}/keys", listener.local_addr().unwrap());
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "ES256", "b64": false, "crit": ["b64"] }),
        json!({ "alg": "ES256", "crit": ["unknown"], "unknown": 1 }),
        json!({ "alg": "ES256", "kid": "../../pepper" }),
        json!({ "alg": "ES256", "kid": "' OR 1=1 --" }),
        json!({ "alg": "ES256", "kid": long }),
        json!({ "alg": "ES256", "kid": { "a": 1 } }),
        json!({ "alg": "ES256", "jku": here }),
        json!({ "alg": "ES256", "x5u": here }),
        json!({ "alg": "ES256", "jwk": stranger.jwk }),
        json!({ "alg": "ES256", "typ": "at+jwt" }),
        json!({ "alg": "ES256", "typ": "dpop+jwt" }),
    ] {
        let is_named = header["kid"].is_string();
        let signed = partner.signs.jws(&header, &claims(&desk, &partner, json!({})));
        let reply = shows(&desk, &signed).await;
        // A name that says nothing is passed over where the client's key has none.
        if is_named && reply.status == 200 {
            continue;
        }
        assert_eq!(reply.refusal(), (401, "invalid_client"), "{header}");
    }
    let strange = stranger.jws(&json!({ "alg": "ES256" }), &claims(&desk, &partner, json!({})));
    assert_eq!(shows(&desk, &strange).await.refusal(), (401, "invalid_client"));
    assert!(listener.accept().is_err(), "nobody has looked for keys");
    shows(&desk, &desk.assertion(&partner, json!({}))).await.ok();
}

#[tokio::test]
async fn attack_15_no_address_of_a_client_is_ever_called() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = format!("http://{}/keys", listener.local_addr().unwrap());
    // Keys are registered, and no address where they would be.
    let spec = json!({ "app_id": partner.app_id, "name": "by address", "environment": "live", "jwks_uri": here });
    assert_eq!(desk.app.admin("POST", "/admin/v1/clients", Some(spec)).await.status(), 400);
    for name in ["jwks_uri", "request_uri", "client_id", "sector_identifier_uri"] {
        let form = desk.asks(&partner, &[(name, here.as_str())]);
        let reply = desk.call((&partner, &partner.dpop), "/oauth/par", &form).await;
        assert!(matches!(reply.status, 201 | 400), "{name}: {reply:?}");
        assert!(reply.status == 201 || reply.refusal() == (400, "invalid_request"), "{name}");
    }
    assert!(listener.accept().is_err(), "it was called");
}

#[tokio::test]
async fn who_is_not_known_and_who_is_wrong_are_answered_alike() {
    let desk = Desk::open_with("baseline").await;
    let partner = desk.partner_with("client_secret_basic", "baseline").await;
    let unknown = Partner {
        id: "key_0Ab12Cd34Ef".into(),
        ..desk.partner_with("client_secret_basic", "baseline").await
    };
    let wrong = Partner {
        id: partner.id.clone(),
        ..desk.partner_with("client_secret_basic", "baseline").await
    };
    let answers = [desk.asked(&unknown, "rt_none").await, desk.asked(&wrong, "rt_none").await];
    for answer in &answers {
        assert_eq!(answer.refusal(), (401, "invalid_client"));
    }
    assert_eq!(answers[0].body, answers[1].body);
    assert_eq!(answers[0].headers["www-authenticate"], answers[1].headers["www-authenticate"]);
    assert_eq!(desk.asked(&partner, "rt_none").await.ok().body, json!({ "active": false }));
}
