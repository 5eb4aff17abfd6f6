//! Access tokens and ID tokens: what they say, and which are believed.

use super::{
    API, BETWEEN, GRANT_ID, ISSUER, NOW, NOW_S, SUMMARY, claims, issue, later, scopes, server_key,
    signed, subject, thumbprint, with,
};
use crate::access::oauth::jws::JwsError;
use crate::authz::access_token::{AccessClaims, Between, TokenFlaw, verify};
use crate::authz::id_token::IdClaims;
use proptest::prelude::*;
use serde_json::{Value, json};

fn judge(header: Value, changes: Value) -> Result<AccessClaims, TokenFlaw> {
    let (key, keys) = server_key();
    let header =
        with(json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.public().thumbprint() }), header);
    verify(&signed(&key, &header, &with(json!(claims()), changes)), &keys, BETWEEN, NOW)
}

#[test]
fn a_token_says_whose_consent_it_stands_for_and_nothing_about_the_person() {
    let (key, keys) = server_key();
    let token = claims().sign(&key).unwrap();
    let read = verify(token.reveal(), &keys, BETWEEN, NOW).unwrap();
    assert_eq!(read, claims());
    let said = json!(read);
    let expected = json!({
        "iss": ISSUER, "aud": API, "exp": NOW_S + 300, "iat": NOW_S, "jti": "A".repeat(22), "sub": subject(1),
        "client_id": "c_7f", "scope": format!("{SUMMARY} offline_access"), "grant_id": GRANT_ID, "cver": 3,
        "cnf": { "jkt": thumbprint(1) }, "auth_time": NOW_S - 60, "acr": "urn:loa:2",
    });
    assert_eq!(said, expected);
}

#[test]
fn a_token_is_believed_as_long_as_it_works() {
    let (key, keys) = server_key();
    let token = claims().sign(&key).unwrap();
    let at = |seconds| verify(token.reveal(), &keys, BETWEEN, later(seconds));
    assert!(at(299).is_ok() && at(-60).is_ok());
    assert_eq!(at(300), Err(TokenFlaw::Expired));
    assert_eq!(at(-61), Err(TokenFlaw::Early));
    let elsewhere = |between| verify(token.reveal(), &keys, between, NOW);
    assert_eq!(
        elsewhere(Between { issuer: "https://gw.example/", ..BETWEEN }),
        Err(TokenFlaw::Issuer)
    );
    assert_eq!(elsewhere(Between { audience: ISSUER, ..BETWEEN }), Err(TokenFlaw::Audience));
    assert_eq!(verify(token.reveal(), &[], BETWEEN, NOW), Err(JwsError::Key.into()));
}

#[test]
fn a_token_lacks_nothing_that_it_must_say() {
    for claim in ["iss", "aud", "exp", "iat", "jti", "sub", "client_id"] {
        assert_eq!(
            judge(json!({}), json!({ claim: null })),
            Err(JwsError::Claims.into()),
            "{claim}"
        );
    }
    for changes in [
        json!({ "sub": "" }),
        json!({ "jti": "" }),
        json!({ "client_id": "" }),
        json!({ "cver": null }),
        json!({ "grant_id": null }),
    ] {
        assert_eq!(judge(json!({}), changes.clone()), Err(TokenFlaw::Incomplete), "{changes}");
    }
    for changes in [
        json!({ "aud": [API] }),
        json!({ "scope": ["a"] }),
        json!({ "cnf": {} }),
        json!({ "cnf": { "jkt": "x" } }),
        json!({ "cver": -1 }),
    ] {
        assert_eq!(judge(json!({}), changes.clone()), Err(JwsError::Claims.into()), "{changes}");
    }
    // What is not known is passed over; what begins by now has begun.
    assert!(judge(json!({}), json!({ "nbf": NOW_S, "other": {} })).is_ok());
    assert_eq!(judge(json!({}), json!({ "nbf": NOW_S + 61 })), Err(TokenFlaw::Early));
    assert!(judge(json!({ "typ": "application/at+jwt" }), json!({})).is_ok());
    // Words that mean nothing here give nothing.
    let said = judge(json!({}), json!({ "scope": format!("profile {SUMMARY} x:read") }));
    assert_eq!(said.unwrap().scope, scopes(SUMMARY));
    assert_eq!(judge(json!({}), json!({ "scope": null })).unwrap().scope, scopes(""));
}

#[test]
fn an_id_token_says_that_a_customer_has_logged_in() {
    let mut issue = issue();
    assert_eq!(IdClaims::of(&issue, ISSUER, None, NOW), None, "nobody has asked for one");
    issue.scopes = scopes("openid");
    let said = json!(IdClaims::of(&issue, ISSUER, Some("n1"), NOW).unwrap());
    let expected = json!({
        "iss": ISSUER, "aud": "c_7f", "sub": subject(1), "exp": NOW_S + 300, "iat": NOW_S,
        "auth_time": NOW_S - 60, "acr": "urn:loa:2", "nonce": "n1",
    });
    assert_eq!(said, expected);
    issue.login = None;
    assert_eq!(IdClaims::of(&issue, ISSUER, None, NOW), None);
}

proptest! {
    #[test]
    fn a_changed_character_is_seen(at in any::<prop::sample::Index>(), to in "[ -~]") {
        let (key, keys) = server_key();
        let token = claims().sign(&key).unwrap();
        let (whole, at) = (token.reveal(), at.index(token.reveal().len()));
        prop_assume!(whole[at..=at] != to);
        let changed = format!("{}{to}{}", &whole[..at], &whole[at + 1..]);
        prop_assert!(verify(&changed, &keys, BETWEEN, NOW).is_err());
    }

    #[test]
    fn no_claims_panic(exp in any::<i64>(), iat in any::<i64>(), nbf in any::<i64>(), now in any::<i64>()) {
        let (key, keys) = server_key();
        let said = AccessClaims { exp, iat, nbf: Some(nbf), ..claims() };
        let _ = verify(said.sign(&key).unwrap().reveal(), &keys, BETWEEN, crate::kernel::Micros(now));
    }
}
