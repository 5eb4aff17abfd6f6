//! DPoP proofs, their nonces and the addresses in them.

use super::{ISSUER, NOW, NOW_S, ath, key, later, nonces, proof, prove, thumbprint, with, word};
use crate::access::oauth::error::OAuthError;
use crate::authz::dpop::{DpopError, ProvedKey, only};
use crate::authz::htu::Htu;
use crate::authz::jwk::{EcJwk, Thumbprint};
use crate::authz::nonce::Nonces;
use crate::authz::once::Unspent;
use crate::kernel::Micros;
use proptest::prelude::*;
use serde_json::{Value, json};

fn said(claims: Value) -> Result<Unspent<ProvedKey>, OAuthError> {
    prove(&proof(1, json!({}), claims), None, false)
}

#[test]
fn a_proof_names_its_key_and_itself_and_counts_once() {
    let mark = |claims| said(claims).unwrap().mark().unwrap();
    let first = mark(json!({}));
    assert_eq!(first.expires_at, later(61));
    // The same again is the same, and another is another.
    assert_eq!(mark(json!({ "iat": NOW_S - 5 })).hash, first.hash);
    assert_ne!(mark(json!({ "jti": "j2" })).hash, first.hash);
    let of_other = prove(&proof(2, json!({}), json!({})), None, false).unwrap();
    assert_ne!(of_other.mark().unwrap().hash, first.hash);
    assert_eq!(of_other.noted(true).unwrap().thumbprint(), thumbprint(2));
    let again = said(json!({})).unwrap().noted(false);
    assert_eq!(word(again), "invalid_dpop_proof");
}

#[test]
fn a_proof_is_of_now() {
    // Parts of a second are allowed (RFC 7519 §2).
    for iat in [json!(NOW_S - 60), json!(NOW_S + 10), json!(NOW_S as f64 + 9.5)] {
        assert!(said(json!({ "iat": iat })).is_ok(), "{iat}");
    }
    for iat in [
        json!(NOW_S - 61),
        json!(NOW_S + 11),
        json!(0),
        json!(-1),
        json!(1e300),
        json!(NOW_S.to_string()),
        json!(null),
    ] {
        assert_eq!(word(said(json!({ "iat": iat }))), "invalid_dpop_proof", "{iat}");
    }
}

#[test]
fn a_proof_is_for_one_request() {
    for htu in [
        "https://gw.example/oauth/token?x=1",
        "https://gw.example/oauth/token#x",
        "HTTPS://GW.example:443/oauth/./token",
        "https://gw.example/oauth/tok%65n",
    ] {
        assert!(said(json!({ "htu": htu })).is_ok(), "{htu}");
    }
    for htu in [
        "https://gw.example/oauth/par",
        "http://gw.example/oauth/token",
        "https://gw.example:8443/oauth/token",
        "https://gw.example/oauth/token/",
        "https://gw.example/oauth%2Ftoken",
        "https://evil@gw.example/oauth/token",
        "/oauth/token",
        "",
    ] {
        assert_eq!(word(said(json!({ "htu": htu }))), "invalid_dpop_proof", "{htu}");
    }
    for htm in ["GET", "post", ""] {
        assert_eq!(word(said(json!({ "htm": htm }))), "invalid_dpop_proof", "{htm}");
    }
    for jti in [String::new(), "j".repeat(129)] {
        assert_eq!(word(said(json!({ "jti": jti }))), "invalid_dpop_proof");
    }
    assert!(said(json!({ "jti": "é".repeat(128) })).is_ok());
    for lacking in ["jti", "htm", "htu", "iat"] {
        assert_eq!(word(said(json!({ lacking: null }))), "invalid_dpop_proof", "{lacking}");
    }
}

#[test]
fn an_address_has_one_spelling() {
    let read = |path: &str| Htu::read(&format!("https://gw.example/{path}"));
    for (one, same) in [
        ("%c3%a9", "%C3%A9"),
        ("%2f%2F", "%2F%2f"),
        ("%7Ea", "~a"),
        ("a/../b", "b"),
        ("%25%32", "%252"),
    ] {
        assert_eq!(read(one), read(same), "{one}");
        assert!(read(one).is_some());
    }
    for (one, other) in [("%2F", "/"), ("A", "a"), ("a/", "a")] {
        assert_ne!(read(one), read(other), "{one}");
    }
    for none in ["é", "a b", "a\\b", "a\tb", "a%", "%4", "%%34", "%zz"] {
        assert_eq!(read(none), None, "{none}");
    }
}

#[test]
fn an_address_is_that_of_the_public_base_and_the_path() {
    let of = |base: &str, path: &str| Htu::of(base, path).map(|address| address.to_string());
    assert_eq!(of(ISSUER, "/oauth/token").unwrap(), "https://gw.example/oauth/token");
    assert_eq!(
        of("https://gw.example:443/api", "/v1/a?x=1").unwrap(),
        "https://gw.example/api/v1/a"
    );
    // What would change the host is no path.
    for path in ["@evil.example/", ".evil.example/", "", "oauth/token", ":8443/"] {
        assert_eq!(of(ISSUER, path), None, "{path}");
    }
}

#[test]
fn a_proof_is_for_one_access_token() {
    let of = |claims| prove(&proof(1, json!({}), claims), Some("at.1"), false);
    assert!(of(json!({ "ath": ath("at.1") })).is_ok());
    for ath in [json!(null), json!(ath("at.2")), json!(format!("{}=", ath("at.1"))), json!("at.1")]
    {
        assert_eq!(word(of(json!({ "ath": ath }))), "invalid_dpop_proof", "{ath}");
    }
}

#[test]
fn only_a_public_key_of_p256_proves_anything() {
    let jwk = json!(key(1).public());
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    let headers = [
        json!({ "typ": "JWT" }),
        json!({ "typ": null }),
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "EdDSA" }),
        json!({ "alg": null }),
        json!({ "jwk": null }),
        json!({ "jwk": 5 }),
        json!({ "jwk": rsa }),
        json!({ "jwk": { "kty": "oct", "k": "c2VjcmV0" } }),
        json!({ "jwk": with(jwk.clone(), json!({ "d": "AQAB" })) }),
        json!({ "jwk": with(jwk.clone(), json!({ "alg": "HS256" })) }),
        json!({ "jwk": with(jwk.clone(), json!({ "use": "enc" })) }),
        json!({ "jwk": with(jwk.clone(), json!({ "x": jwk["y"] })) }),
        json!({ "jwk": with(jwk.clone(), json!({ "crv": "P-384" })) }),
        // Another's, without whose private half it was signed.
        json!({ "jwk": key(2).public() }),
        json!({ "crit": ["b64"] }),
        json!({ "b64": false }),
        json!({ "jku": ISSUER }),
        json!({ "x5u": ISSUER }),
        json!({ "kid": 5 }),
    ];
    for header in headers {
        let made = proof(1, header.clone(), json!({}));
        assert_eq!(word(prove(&made, None, false)), "invalid_dpop_proof", "{header}");
    }
    let whole = proof(1, json!({}), json!({}));
    let long = proof(1, json!({}), json!({ "x": "x".repeat(4_000) }));
    for wrong in
        ["", "a.b", "a.b.c", &format!("{whole}."), &format!("{whole}A"), &whole[1..], &long]
    {
        assert_eq!(word(prove(wrong, None, false)), "invalid_dpop_proof");
    }
    assert!(prove(&whole, None, false).is_ok());
}

#[test]
fn a_request_has_one_proof() {
    assert_eq!(only(&[]), Ok(None));
    assert_eq!(only(&[b"a"]), Ok(Some("a")));
    assert_eq!(only(&[b"a", b"a"]), Err(DpopError::Several));
    assert!(only(&[b"\xff"]).is_err());
}

#[test]
fn a_nonce_is_taken_for_a_time_and_from_us() {
    let (ours, issued) = (nonces(), nonces().issue(NOW));
    for (seconds, taken) in [(-11, false), (-10, true), (0, true), (300, true), (301, false)] {
        assert_eq!(ours.takes(&issued, later(seconds)), taken, "{seconds}");
    }
    assert!(!Nonces::new([6; 32]).takes(&issued, NOW));
    assert_ne!(ours.issue(later(1)), issued);
    let longer = format!("{issued}AAAA");
    for wrong in ["", "AAAA", &issued[1..], &longer, &issued.replace('A', "B")] {
        assert!(!ours.takes(wrong, NOW), "{wrong}");
    }
    assert_eq!(format!("{ours:?}"), "[nonces]");
}

#[test]
fn a_nonce_that_is_there_is_looked_at() {
    let with_nonce =
        |nonce: Value, needed| prove(&proof(1, json!({}), json!({ "nonce": nonce })), None, needed);
    let fresh = nonces().issue(NOW);
    assert!(with_nonce(json!(fresh), true).is_ok() && with_nonce(json!(fresh), false).is_ok());
    assert_eq!(word(with_nonce(json!(null), true)), "use_dpop_nonce");
    assert!(with_nonce(json!(null), false).is_ok());
}

#[test]
fn thumbprints_are_those_of_the_standard() {
    // RFC 9449 §4.2 has the key, §6.1 its thumbprint.
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    });
    let read = EcJwk::read(&jwk).unwrap();
    let known = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    assert_eq!(read.thumbprint().to_string(), known);
    assert_eq!(known.parse::<Thumbprint>().unwrap(), read.thumbprint());
    // What is published is read again, and says no more than that.
    let published = json!(read);
    assert_eq!(EcJwk::read(&published).unwrap(), read);
    assert_eq!(published["kid"], known);
}

proptest! {
    #[test]
    fn no_address_panics_and_its_spelling_is_stable(text in "https?://[a-z]{1,3}[ -~]{0,20}|(https?://)?\\PC{0,20}|https://a/([%./a]|%[0-9a-f]{2}){0,8}") {
        if let Some(read) = Htu::read(&text) {
            let again = Htu::read(&read.to_string());
            prop_assert_eq!(again, Some(read));
        }
    }

    #[test]
    fn encoding_what_need_not_be_changes_nothing(path in "[a-zA-Z0-9._~-]{1,12}", at in any::<prop::sample::Index>()) {
        prop_assume!(path != "." && path != "..");
        let at = at.index(path.len());
        let hex = format!("{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..]);
        let read = |path: &str| Htu::read(&format!("https://gw.example/{path}")).unwrap();
        prop_assert_eq!(read(&path), read(&hex));
    }

    #[test]
    fn no_proof_panics(text in "\\PC{0,60}|[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}", second: i64) {
        prop_assert!(prove(&text, None, false).is_err());
        let _ = nonces().takes(&text, Micros(second));
        let _ = nonces().takes(&nonces().issue(Micros(second)), NOW);
    }
}
