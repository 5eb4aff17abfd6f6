//! Proofs of keys, at the token endpoint and at a resource.

use super::desk::Signer;
use super::{Desk, Partner, Reply, with};
use serde_json::{Value, json};

/// Asks for a token of the client itself with these headers `DPoP`.
async fn asks(desk: &Desk, partner: &Partner, proofs: &[&str]) -> Reply {
    let assertion = desk.assertion(partner, json!({}));
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "grant_management_query"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    let headers: Vec<(&str, &str)> = proofs.iter().map(|proof| ("DPoP", *proof)).collect();
    desk.post("/oauth/token", &form, &headers).await
}

#[tokio::test]
async fn attack_16_a_proof_is_of_this_request_now_and_once() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let (now, nonce) = (desk.now_s(), desk.nonce(&partner).await);
    let made = |header: Value, mut claims: Value| {
        claims["nonce"] = json!(nonce);
        desk.proof(&partner.dpop, ("POST", "/oauth/token"), (header, claims))
    };
    let refused = |reply: &Reply, what: &str| {
        assert_eq!(reply.status, 400, "{what}");
        assert_eq!(reply.refusal(), (400, "invalid_dpop_proof"), "{what}");
    };
    let secret = with(partner.dpop.jwk.clone(), json!({ "d": "AAAA" }));
    for (header, claims) in [
        (json!({}), json!({ "htm": "GET" })),
        (json!({}), json!({ "htm": "post" })),
        (json!({}), json!({ "htu": "https://api.example.test/oauth/par" })),
        (json!({}), json!({ "htu": "https://evil.test/oauth/token" })),
        (json!({}), json!({ "htu": "http://api.example.test/oauth/token" })),
        (json!({}), json!({ "iat": now - 120 })),
        (json!({}), json!({ "iat": now + 61 })),
        (json!({}), json!({ "iat": now + 11 })),
        (json!({}), json!({ "iat": null })),
        (json!({}), json!({ "jti": null })),
        (json!({}), json!({ "jti": "x".repeat(129) })),
        (json!({ "jwk": secret }), json!({})),
        (json!({ "jwk": Signer::new().jwk }), json!({})),
        (json!({ "jwk": { "kty": "oct", "k": "AAAA" } }), json!({})),
        (json!({ "jwk": null }), json!({})),
        (json!({ "alg": "HS256" }), json!({})),
        (json!({ "alg": "none" }), json!({})),
        (json!({ "typ": "JWT" }), json!({})),
        (json!({ "typ": null }), json!({})),
    ] {
        let what = format!("{header} {claims}");
        refused(&asks(&desk, &partner, &[&made(header, claims)]).await, &what);
    }
    for claims in [
        json!({ "iat": now + 9 }),
        json!({ "iat": now - 59 }),
        json!({ "htu": "https://API.example.test:443/oauth/token?a=b#c" }),
    ] {
        asks(&desk, &partner, &[&made(json!({}), claims)]).await.ok();
    }
    let once = made(json!({}), json!({}));
    asks(&desk, &partner, &[&once]).await.ok();
    refused(&asks(&desk, &partner, &[&once]).await, "used twice");
    let metrics = desk.app.admin_text("/metrics").await;
    assert!(metrics.contains("comptoir_dpop_replay_total 1"), "{metrics}");
    let two = [made(json!({}), json!({})), made(json!({}), json!({}))];
    refused(&asks(&desk, &partner, &[&two[0], &two[1]]).await, "two headers");
    refused(&asks(&desk, &partner, &["x"]).await, "no proof");
    refused(&asks(&desk, &partner, &[]).await, "none");
}

#[tokio::test]
async fn attack_17_a_nonce_that_is_made_up_or_over_brings_a_new_one() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let first = desk.nonce(&partner).await;
    desk.app.clock.advance(301_000_000);
    let made_up = "A".repeat(54);
    for old in ["", "x", made_up.as_str(), first.as_str()] {
        let claims = json!({ "nonce": old });
        let proof = desk.proof(&partner.dpop, ("POST", "/oauth/token"), (json!({}), claims));
        let reply = asks(&desk, &partner, &[&proof]).await;
        assert_eq!(reply.refusal(), (400, "use_dpop_nonce"), "{old}");
        let nonce = reply.headers["dpop-nonce"].to_str().unwrap().to_owned();
        assert_ne!(nonce, old);
        let claims = json!({ "nonce": nonce });
        let proof = desk.proof(&partner.dpop, ("POST", "/oauth/token"), (json!({}), claims));
        asks(&desk, &partner, &[&proof]).await.ok();
    }
}

#[tokio::test]
async fn attack_16_at_a_resource_the_proof_is_of_the_token_too() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    let id = granted.id.to_string();
    let token = desk.own_token(&partner, "grant_management_query").await;
    let other = desk.own_token(&partner, "grant_management_query").await;
    let ath = comptoir::authz::bits::encode(comptoir::authz::bits::sha256(&other));
    for changes in [json!({ "ath": null }), json!({ "ath": ath }), json!({ "htm": "DELETE" })] {
        let proof = desk.token_proof(&partner, ("GET", &id), (&token, changes.clone())).await;
        let reply = desk.grant(("GET", &id), ("DPoP", &token), Some(&proof)).await;
        assert_eq!(reply.refusal(), (401, "invalid_dpop_proof"), "{changes}");
        let challenge = reply.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge}");
    }
    let proof = desk.token_proof(&partner, ("GET", &id), (&token, json!({}))).await;
    desk.grant(("GET", &id), ("DPoP", &token), Some(&proof)).await.ok();
    let again = desk.grant(("GET", &id), ("DPoP", &token), Some(&proof)).await;
    assert_eq!(again.refusal(), (401, "invalid_dpop_proof"), "used twice");
}
