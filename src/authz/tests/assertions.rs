//! Assertions by which clients prove themselves.

use super::{ISSUER, NOW, NOW_S, key, later, signed, with};
use crate::access::oauth::assertion::{self, AssertionError, AssertionUse, MeantFor};
use crate::access::oauth::jwk::{Verifier, read_key};
use crate::access::oauth::jws::JwsError;
use crate::authz::bits;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const MEANT_FOR: MeantFor<'static> = MeantFor { issuer: ISSUER, endpoint: None };

/// The keys of the client by their numbers.
fn keys() -> [(u8, Verifier); 2] {
    let stored = |number: u8| read_key(&json!(key(number).public())).unwrap().json;
    [3, 4].map(|number| (number, Verifier::of(&stored(number)).unwrap()))
}

pub(super) fn assertion(header: Value, claims: Value) -> String {
    let header = with(json!({ "alg": "ES256" }), header);
    let usual = json!({ "iss": "c_7f", "sub": "c_7f", "aud": ISSUER, "jti": "a1", "iat": NOW_S, "exp": NOW_S + 60 });
    signed(&key(4), &header, &with(usual, claims))
}

fn judge(text: &str) -> Result<(u8, AssertionUse), AssertionError> {
    assertion::judge(text, ("c_7f", keys()), MEANT_FOR, NOW)
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
        assert_eq!((key, held.expires_at), (4, later(61)));
    }
    let hash = |claims| judge(&assertion(json!({}), claims)).unwrap().1.hash;
    let one = hash(json!({}));
    assert_eq!(hash(json!({ "exp": NOW_S + 61, "iat": NOW_S - 1 })), one, "the id names it");
    assert_ne!(hash(json!({ "jti": "a2" })), one);
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

/// Whether an assertion is taken that is signed by `private` in this way, of a client with this key: in the profile,
/// and elsewhere.
fn is_taken(jwk: &Value, private: &EncodingKey, (name, algorithm): (&str, Algorithm)) -> [bool; 2] {
    let claims =
        json!({ "iss": "c_7f", "sub": "c_7f", "aud": ISSUER, "jti": "a1", "exp": NOW_S + 60 });
    let header = json!({ "alg": name }).to_string();
    let text = format!("{}.{}", bits::encode(header), bits::encode(claims.to_string()));
    let text = format!("{text}.{}", sign(text.as_bytes(), private, algorithm).unwrap());
    let key = Verifier::of(&read_key(jwk).unwrap().json).unwrap();
    [key.clone().in_profile(), key]
        .map(|key| assertion::judge(&text, ("c_7f", [((), key)]), MEANT_FOR, NOW).is_ok())
}

#[test]
fn an_rsa_key_signs_with_pss_in_the_profile() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let n = bits::encode(public.modulus().big_endian_without_leading_zero());
    let e = bits::encode(public.exponent().big_endian_without_leading_zero());
    let jwk = json!({ "kty": "RSA", "n": n, "e": e });
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // The library takes PKCS#1: the octet string at the end of PKCS#8.
    let private = EncodingKey::from_rsa_der(&der.as_ref()[26..]);
    let (pss, pkcs1) = (("PS256", Algorithm::PS256), ("RS256", Algorithm::RS256));
    for (alg, by_pss, by_pkcs1) in [
        (json!(null), [true, false], [false, true]),
        (json!("RS256"), [true, false], [false, true]),
        // One that says so signs in no other way anywhere.
        (json!("PS256"), [true, true], [false, false]),
    ] {
        let jwk = with(jwk.clone(), json!({ "alg": alg }));
        assert_eq!(is_taken(&jwk, &private, pss), by_pss, "{alg}");
        assert_eq!(is_taken(&jwk, &private, pkcs1), by_pkcs1, "{alg}");
    }
    for alg in ["ES256", "PS384", "none"] {
        assert!(read_key(&with(jwk.clone(), json!({ "alg": alg }))).is_err(), "{alg}");
    }
}

#[test]
fn a_key_of_ed25519_signs() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = bits::encode(pair.public_key().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    let private = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
    assert_eq!(is_taken(&jwk, &private, ("EdDSA", Algorithm::EdDSA)), [true, true]);
    assert_eq!(is_taken(&jwk, &private, ("ES256", Algorithm::EdDSA)), [false, false]);
}
