//! Assertions by which clients prove themselves.

use super::{ISSUER, NOW, NOW_S, key, later, signed, with};
use crate::access::oauth::assertion::{AssertionUse, TYPE};
use crate::access::oauth::jwk::{Verifier, read_key};
use crate::authz::bits;
use crate::authz::client_assertion::{AssertionError, check};
use crate::authz::jws::JwsError;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

fn keys() -> Vec<Verifier> {
    let stored = |number: u8| read_key(&json!(key(number).public())).unwrap().json;
    [3, 4].map(|number| Verifier::of(&stored(number)).unwrap()).to_vec()
}

fn assertion(header: Value, claims: Value) -> String {
    let header = with(json!({ "alg": "ES256" }), header);
    let usual = json!({ "iss": "c_7f", "sub": "c_7f", "aud": ISSUER, "jti": "a1", "iat": NOW_S, "exp": NOW_S + 60 });
    signed(&key(4), &header, &with(usual, claims))
}

fn judge(text: &str) -> Result<(usize, AssertionUse), AssertionError> {
    check((Some(TYPE), text), ("c_7f", &keys()), ISSUER, NOW)
}

#[test]
fn a_client_proves_itself_with_one_of_its_keys() {
    let kid = key(4).public().thumbprint();
    for header in [
        json!({}),
        json!({ "kid": kid }),
        json!({ "typ": "JWT" }),
        json!({ "typ": "client-authentication+jwt" }),
    ] {
        let (key, held) = judge(&assertion(header, json!({}))).unwrap();
        assert_eq!((key, held.expires_at), (1, later(61)));
    }
    let one = judge(&assertion(json!({}), json!({}))).unwrap().1;
    assert_eq!(
        judge(&assertion(json!({}), json!({ "exp": NOW_S + 60 }))).unwrap().1.hash,
        one.hash
    );
    assert_ne!(judge(&assertion(json!({}), json!({ "jti": "a2" }))).unwrap().1.hash, one.hash);
}

#[test]
fn an_assertion_is_short_and_of_now() {
    for claims in [
        json!({ "exp": NOW_S + 300 }),
        json!({ "iat": NOW_S + 10, "nbf": NOW_S + 10 }),
        json!({ "iat": null }),
    ] {
        assert!(judge(&assertion(json!({}), claims.clone())).is_ok(), "{claims}");
    }
    for claims in [
        json!({ "exp": NOW_S }),
        json!({ "exp": NOW_S + 301 }),
        json!({ "iat": NOW_S + 61 }),
        json!({ "nbf": NOW_S + 61 }),
        json!({ "exp": (NOW_S + 60).to_string() }),
        json!({ "exp": null }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": "j".repeat(129) }),
    ] {
        assert!(judge(&assertion(json!({}), claims.clone())).is_err(), "{claims}");
    }
}

#[test]
fn an_assertion_of_another_kind_is_none() {
    let other = check(
        (Some("urn:other"), &assertion(json!({}), json!({}))),
        ("c_7f", &keys()),
        ISSUER,
        NOW,
    );
    assert_eq!(other, Err(AssertionError::Type));
    let header = |header| judge(&assertion(header, json!({})));
    for typ in ["at+jwt", "dpop+jwt", "secevent+jwt", "consent-receipt+jwt"] {
        assert_eq!(header(json!({ "typ": typ })), Err(JwsError::Type.into()), "{typ}");
    }
    assert_eq!(header(json!({ "alg": "HS256" })), Err(JwsError::Algorithm.into()));
    assert_eq!(header(json!({ "alg": "PS256" })), Err(JwsError::Algorithm.into()));
    assert_eq!(header(json!({ "jwk": key(4).public() })), Err(JwsError::Member("jwk").into()));
    assert_eq!(
        header(json!({ "kid": key(3).public().thumbprint() })),
        Err(JwsError::Signature.into())
    );
    assert_eq!(header(json!({ "kid": "unknown" })), Err(JwsError::Key.into()));
    let long = assertion(json!({}), json!({ "x": "x".repeat(8_192) }));
    assert_eq!(judge(&long), Err(JwsError::TooLong.into()));
}

/// Whether an assertion is taken that is signed by `private` in this way, of a client with this key.
fn is_taken(jwk: &Value, private: &EncodingKey, (name, algorithm): (&str, Algorithm)) -> bool {
    let claims =
        json!({ "iss": "c_7f", "sub": "c_7f", "aud": ISSUER, "jti": "a1", "exp": NOW_S + 60 });
    let header = json!({ "alg": name }).to_string();
    let text = format!("{}.{}", bits::encode(header), bits::encode(claims.to_string()));
    let text = format!("{text}.{}", sign(text.as_bytes(), private, algorithm).unwrap());
    let keys = [Verifier::of(&read_key(jwk).unwrap().json).unwrap()];
    check((Some(TYPE), &text), ("c_7f", &keys), ISSUER, NOW).is_ok()
}

#[test]
fn an_rsa_key_signs_with_pss_and_in_no_other_way() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let n = bits::encode(public.modulus().big_endian_without_leading_zero());
    let e = bits::encode(public.exponent().big_endian_without_leading_zero());
    let jwk = json!({ "kty": "RSA", "n": n, "e": e });
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // The library takes PKCS#1: the octet string at the end of PKCS#8.
    let private = EncodingKey::from_rsa_der(&der.as_ref()[26..]);
    assert!(is_taken(&jwk, &private, ("PS256", Algorithm::PS256)));
    assert!(!is_taken(&jwk, &private, ("RS256", Algorithm::RS256)));
}

#[test]
fn a_key_of_ed25519_signs() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = bits::encode(pair.public_key().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    let private = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
    assert!(is_taken(&jwk, &private, ("EdDSA", Algorithm::EdDSA)));
    assert!(!is_taken(&jwk, &private, ("ES256", Algorithm::EdDSA)));
}
