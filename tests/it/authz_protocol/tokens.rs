//! Texts that are shown as access tokens, and are none of ours, not of now, or not for this.

use super::desk::{Signer, b64};
use super::{Desk, ISSUER, Partner, Reply, with};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use comptoir::authz::store::keys::{KeySigns, all};
use serde_json::{Value, json};
use std::net::TcpListener;

/// The key that the gateway signs tokens with, as somebody has it who has stolen the pepper.
async fn stolen(desk: &Desk) -> (Signer, String) {
    let stored = all(&desk.app.db, KeySigns::Tokens).await.unwrap().remove(0);
    let name = format!("tokens {}", stored.generation);
    let scalar = desk.pepper().derive("comptoir authorization server, P-256 scalar", &name);
    let jwk = json!(stored.times.public);
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [vec![4], part("x"), part("y")].concat();
    let signs = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signs, &scalar, &point).unwrap();
    (Signer::of(&pair), jwk["kid"].as_str().unwrap().to_owned())
}

/// The claims of a token of the client itself that would open grants.
fn claims(desk: &Desk, partner: &Partner) -> Value {
    let now = desk.now_s();
    json!({
        "iss": ISSUER, "aud": ISSUER, "exp": now + 300, "iat": now, "jti": desk.draw(), "sub": partner.id,
        "client_id": partner.id, "scope": "grant_management_query", "cnf": { "jkt": partner.dpop.thumbprint() },
    })
}

/// Shows a token with a proof that fits it.
async fn shows(desk: &Desk, partner: &Partner, id: &str, token: &str) -> Reply {
    let proof = desk.token_proof(partner, ("GET", id), (token, json!({}))).await;
    desk.grant(("GET", id), ("DPoP", token), Some(&proof)).await
}

#[tokio::test]
async fn attack_11_and_12_the_header_of_a_token_chooses_nothing() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let id = desk.granted(&partner, 1).await.id.to_string();
    let (ours, kid) = stolen(&desk).await;
    let usual = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
    let good = ours.jws(&usual, &claims(&desk, &partner));
    shows(&desk, &partner, &id, &good).await.ok();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = format!("http://{}/keys", listener.local_addr().unwrap());
    let stranger = Signer::new();
    for changes in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256" }),
        json!({ "b64": false, "crit": ["b64"] }),
        json!({ "b64": false }),
        json!({ "crit": ["unknown"], "unknown": 1 }),
        json!({ "kid": "../../pepper" }),
        json!({ "kid": "' OR 1=1 --" }),
        json!({ "kid": "k".repeat(4_096) }),
        json!({ "kid": { "a": 1 } }),
        json!({ "kid": null }),
        json!({ "jku": here }),
        json!({ "x5u": here }),
        json!({ "jwk": ours.jwk }),
        json!({ "jwk": stranger.jwk }),
        json!({ "typ": "JWT" }),
        json!({ "typ": null }),
    ] {
        let token = ours.jws(&with(usual.clone(), changes.clone()), &claims(&desk, &partner));
        let reply = shows(&desk, &partner, &id, &token).await;
        assert_eq!(reply.refusal(), (401, "invalid_token"), "{changes}");
        assert_eq!(desk.asked(&partner, &token).await.ok().body, json!({ "active": false }));
    }
    // By another key under our name, without a signature, and with our public key as a shared secret.
    let forged = stranger.jws(&usual, &claims(&desk, &partner));
    let bare = format!("{}.", good.rsplit_once('.').unwrap().0);
    let shared = with(usual, json!({ "alg": "HS256" }));
    let signed =
        format!("{}.{}", b64(shared.to_string()), b64(claims(&desk, &partner).to_string()));
    let secret = jsonwebtoken::EncodingKey::from_secret(ours.jwk.to_string().as_bytes());
    let mac =
        jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256);
    for token in [forged, bare, format!("{signed}.{}", mac.unwrap())] {
        let reply = shows(&desk, &partner, &id, &token).await;
        assert_eq!(reply.refusal(), (401, "invalid_token"));
    }
    assert!(listener.accept().is_err(), "nobody has looked for keys");
}

#[tokio::test]
async fn attack_13_nothing_else_that_is_signed_is_an_access_token() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let reference = desk.pushed(&partner, &[("scope", "openid customer.loyalty.basic:read")]).await;
    let granted = super::Customer(1).agrees(&desk, &partner, &reference).await;
    let id = granted.id.to_string();
    let tokens = desk.tokens(&partner, &granted).await.ok();
    let (ours, kid) = stolen(&desk).await;
    let of_type = |typ: &str| {
        ours.jws(&json!({ "alg": "ES256", "typ": typ, "kid": kid }), &claims(&desk, &partner))
    };
    for token in [
        tokens.text("id_token").to_owned(),
        desk.assertion(&partner, json!({})),
        of_type("consent-receipt+jwt"),
        of_type("consent-checkpoint+jwt"),
        of_type("secevent+jwt"),
        of_type("dpop+jwt"),
    ] {
        let reply = shows(&desk, &partner, &id, &token).await;
        assert_eq!(reply.refusal(), (401, "invalid_token"));
    }
    // A token about a customer is no token of the client itself.
    let reply = shows(&desk, &partner, &id, tokens.text("access_token")).await;
    assert_eq!(reply.refusal(), (403, "insufficient_scope"));
    let challenge = reply.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("scope=\"grant_management_query\""), "{challenge}");
}

#[tokio::test]
async fn attack_14_times_and_names_are_what_they_should_be() {
    let desk = Desk::open().await;
    let (partner, other) = (desk.partner().await, desk.partner().await);
    let id = desk.granted(&partner, 1).await.id.to_string();
    let (ours, kid) = stolen(&desk).await;
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
    let now = desk.now_s();
    for changes in [
        json!({ "exp": "9999999999" }),
        json!({ "exp": null }),
        json!({ "exp": 9_999_999_999.5 }),
        json!({ "exp": -1 }),
        json!({ "exp": now }),
        json!({ "nbf": "x" }),
        json!({ "nbf": now + 300 }),
        json!({ "iat": now + 300 }),
        json!({ "iat": null }),
        json!({ "aud": null }),
        json!({ "aud": [ISSUER] }),
        json!({ "aud": "https://other.test" }),
        json!({ "iss": "https://other.test" }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "jti": null }),
        json!({ "client_id": other.id }),
        json!({ "cver": 1 }),
    ] {
        let token = ours.jws(&header, &with(claims(&desk, &partner), changes.clone()));
        let reply = shows(&desk, &partner, &id, &token).await;
        assert!(
            matches!(reply.refusal(), (401, "invalid_token") | (403, _)),
            "{changes}: {reply:?}"
        );
        let is_other = changes.get("client_id").is_some();
        assert!(is_other || reply.status == 401, "{changes}: {reply:?}");
    }
}

#[tokio::test]
async fn attack_18_a_bound_token_works_with_its_key_alone() {
    let desk = Desk::open().await;
    let (partner, other) = (desk.partner().await, desk.partner().await);
    let id = desk.granted(&partner, 1).await.id.to_string();
    let token = desk.own_token(&partner, "grant_management_query").await;
    let bearer = desk.grant(("GET", &id), ("Bearer", &token), None).await;
    assert_eq!(bearer.refusal(), (401, "invalid_token"));
    let proof = desk.token_proof(&partner, ("GET", &id), (&token, json!({}))).await;
    let bearer = desk.grant(("GET", &id), ("Bearer", &token), Some(&proof)).await;
    assert_eq!(bearer.refusal(), (401, "invalid_token"));
    let thief = desk.token_proof(&other, ("GET", &id), (&token, json!({}))).await;
    let stolen = desk.grant(("GET", &id), ("DPoP", &token), Some(&thief)).await;
    assert_eq!(stolen.refusal(), (401, "invalid_token"));
    let without = desk.grant(("GET", &id), ("DPoP", &token), None).await;
    assert_eq!(without.refusal(), (401, "invalid_dpop_proof"));
    // What is in the address is not looked at.
    let in_address = desk.app.public_url(&format!("/oauth/grants/{id}?access_token={token}"));
    let answer = desk.app.http.get(in_address).send().await.unwrap();
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 401);
    let metadata = format!("resource_metadata=\"{ISSUER}/.well-known/oauth-protected-resource\"");
    assert!(challenge.contains(&metadata) && !challenge.contains("error="), "{challenge}");
}
