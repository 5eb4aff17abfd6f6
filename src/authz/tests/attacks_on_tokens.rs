//! What is tried with tokens, proofs and assertions (RFC 8725, RFC 9449 §11), one table for each.

use super::consents::{changed, decided, grant};
use super::{
    API, BETWEEN, ISSUER, NOW, NOW_S, OTHER_GRANT, SUMMARY, ath, claims, client, issue, key,
    nonces, proof, prove, proved, refresh_record, scopes, server_key, signed, subject, with, word,
};
use crate::access::oauth::assertion::{self, MeantFor};
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::{FormError, Parameters};
use crate::access::oauth::jws::JwsError;
use crate::authz::access_token::{AccessClaims, TokenFlaw, verify};
use crate::authz::bits;
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::htu::Htu;
use crate::authz::id_token::IdClaims;
use crate::authz::introspect::Introspection;
use crate::authz::issued::IssuedTo;
use crate::authz::presented::{ChallengeWants, Scheme, ShownHeaders, TokenRules, challenge, judge};
use crate::authz::refresh::RefreshRecord;
use crate::consent::decide::ReadRefused;
use crate::consent::subject::KnownAs;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::kernel::mac::hmac_sha256;
use serde_json::{Value, json};

/// What our own key has signed.
fn forged(header: Value, changes: Value) -> Result<(), TokenFlaw> {
    let (key, keys) = server_key();
    let header =
        with(json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.public().thumbprint() }), header);
    let token = signed(&key, &header, &with(json!(claims()), changes));
    verify(&token, &keys, BETWEEN, NOW).map(drop)
}

#[test]
fn an_algorithm_is_the_keys_and_not_the_headers() {
    for alg in ["none", "None", "HS256", "RS256", "ES384", "", "es256"] {
        assert_eq!(
            forged(json!({ "alg": alg }), json!({})),
            Err(JwsError::Algorithm.into()),
            "{alg}"
        );
    }
    // Those that there are, but not of this key.
    for alg in ["PS256", "EdDSA"] {
        assert_eq!(
            forged(json!({ "alg": alg }), json!({})),
            Err(JwsError::Algorithm.into()),
            "{alg}"
        );
    }
    for (member, value) in [
        ("b64", json!(false)),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("zip", json!("DEF")),
    ] {
        assert_eq!(
            forged(json!({ member: value }), json!({})),
            Err(JwsError::Member(member).into())
        );
    }
    // Signed by an HMAC with what everybody knows: our public key.
    let (key, keys) = server_key();
    let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": key.public().thumbprint() });
    let text = format!(
        "{}.{}",
        bits::encode(header.to_string()),
        bits::encode(json!(claims()).to_string())
    );
    let secret = bits::sha256(json!(key.public()).to_string());
    let sum = bits::encode(hmac_sha256(&secret, &[text.as_bytes()]));
    let unsigned = text.replace(
        &bits::encode(header.to_string()),
        &bits::encode(with(header, json!({ "alg": "none" })).to_string()),
    );
    for token in [format!("{text}.{sum}"), format!("{unsigned}."), unsigned, format!("{text}.")] {
        assert!(verify(&token, &keys, BETWEEN, NOW).is_err(), "{token}");
    }
}

#[test]
fn a_header_leads_to_no_key() {
    let long = "k".repeat(4_096);
    let strange =
        ["../../../dev/null", "' OR '1'='1", "{\"kid\":1}", "http://127.0.0.1/", "\u{0}", "k"];
    for kid in strange {
        assert_eq!(forged(json!({ "kid": kid }), json!({})), Err(JwsError::Key.into()), "{kid}");
    }
    for kid in [json!({}), json!(1), json!([]), json!("")] {
        assert_eq!(forged(json!({ "kid": kid }), json!({})), Err(JwsError::Kid.into()));
    }
    assert_eq!(forged(json!({ "kid": long }), json!({})), Err(JwsError::Form.into()));
    assert_eq!(forged(json!({ "kid": null }), json!({})), Err(JwsError::Key.into()));
    for member in ["jku", "x5u", "x5c"] {
        let header = json!({ member: "https://evil.example/keys" });
        assert_eq!(forged(header, json!({})), Err(JwsError::Member(member).into()));
    }
    assert_eq!(
        forged(json!({ "jwk": key(2).public() }), json!({})),
        Err(JwsError::Member("jwk").into())
    );
    // Named by its own thumbprint, and not known here.
    let (_, keys) = server_key();
    let token = claims().sign(&key(2)).unwrap();
    assert_eq!(verify(token.reveal(), &keys, BETWEEN, NOW), Err(JwsError::Key.into()));
}

#[test]
fn no_other_token_of_ours_is_an_access_token() {
    let (key, keys) = server_key();
    let mut issue = issue();
    issue.scopes = scopes("openid");
    let id_token = IdClaims::of(&issue, ISSUER, None, NOW).unwrap().sign(&key).unwrap();
    let as_token = |text: &str| verify(text, &keys, BETWEEN, NOW).map(drop);
    assert_eq!(as_token(id_token.reveal()), Err(JwsError::Type.into()));
    // Even with all the claims of one.
    for typ in [
        "JWT",
        "consent-receipt+jwt",
        "consent-checkpoint+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "client-authentication+jwt",
        "",
    ] {
        assert_eq!(forged(json!({ "typ": typ }), json!({})), Err(JwsError::Type.into()), "{typ}");
    }
    assert_eq!(forged(json!({ "typ": null }), json!({})), Err(JwsError::Type.into()));
    for aud in ["c_7f", ISSUER, "https://gw.example/v1/"] {
        assert_eq!(forged(json!({}), json!({ "aud": aud })), Err(TokenFlaw::Audience), "{aud}");
    }
    assert_eq!(as_token(&proof(9, json!({}), json!({}))), Err(JwsError::Member("jwk").into()));
}

#[test]
fn times_are_whole_numbers() {
    for (claim, value) in [
        ("exp", json!("9999999999")),
        ("exp", json!(9999999999.5)),
        ("exp", json!(1e300)),
        ("exp", json!(18446744073709551615u64)),
        ("exp", json!(true)),
        ("exp", json!([])),
        ("exp", json!(null)),
        ("nbf", json!("x")),
        ("nbf", json!("0")),
        ("nbf", json!(0.5)),
        ("iat", json!("0")),
        ("aud", json!(null)),
        ("aud", json!([API, "https://evil.example"])),
    ] {
        assert_eq!(
            forged(json!({}), json!({ claim: value })),
            Err(JwsError::Claims.into()),
            "{claim} {value}"
        );
    }
    for exp in [-1, 0, i64::MIN] {
        assert_eq!(forged(json!({}), json!({ "exp": exp })), Err(TokenFlaw::Expired), "{exp}");
    }
    assert_eq!(forged(json!({}), json!({})), Ok(()));
}

#[test]
fn a_proof_of_something_else_proves_nothing() {
    let token = "eyJ.a.b";
    let right = json!({ "ath": ath(token) });
    let of = |header: Value, claims: Value| {
        prove(&proof(1, header, with(right.clone(), claims)), Some(token), false)
    };
    let first = of(json!({}), json!({})).unwrap();
    // Twice the same: the same mark, of which the database takes one.
    let second = of(json!({}), json!({})).unwrap();
    assert_eq!(first.mark(), second.mark());
    assert_eq!(word(second.noted(false)), "invalid_dpop_proof");
    let private = with(json!(key(1).public()), json!({ "d": bits::encode([1; 32]) }));
    for (header, claims) in [
        (json!({}), json!({ "htu": "https://gw.example/oauth/par" })),
        (json!({}), json!({ "htm": "GET" })),
        (json!({}), json!({ "ath": null })),
        (json!({}), json!({ "iat": NOW_S - 120 })),
        (json!({}), json!({ "iat": NOW_S + 61 })),
        (json!({ "jwk": private }), json!({})),
        (json!({ "alg": "HS256" }), json!({})),
        (json!({ "jwk": { "kty": "oct", "k": "AAAA" }, "alg": "HS256" }), json!({})),
    ] {
        assert_eq!(
            word(of(header.clone(), claims.clone())),
            "invalid_dpop_proof",
            "{header} {claims}"
        );
    }
    assert!(of(json!({}), json!({ "iat": NOW_S + 9 })).is_ok());
    assert!(crate::authz::dpop::only(&[b"a", b"b"]).is_err());
}

#[test]
fn a_nonce_that_is_made_up_or_over_is_asked_for_again() {
    let over = nonces().issue(Micros(NOW.0 - 301_000_000));
    let of_other = crate::authz::nonce::Nonces::new([6; 32]).issue(NOW);
    for nonce in ["", "made up", "AAAA", &over, &of_other] {
        for needed in [true, false] {
            let made = proof(1, json!({}), json!({ "nonce": nonce }));
            assert_eq!(word(prove(&made, None, needed)), "use_dpop_nonce", "{nonce}");
        }
    }
    let fresh = proof(1, json!({}), json!({ "nonce": nonces().issue(NOW) }));
    assert!(prove(&fresh, None, true).is_ok());
}

/// A call of the API with these headers.
fn call(
    authorization: &[&str],
    proofs: &[&str],
    customers: SecurityProfile,
) -> Result<bool, OAuthError> {
    let (_, keys) = server_key();
    let nonces = nonces();
    let rules = TokenRules {
        keys: &keys,
        between: BETWEEN,
        nonces: &nonces,
        needs_nonce: false,
        customers,
    };
    let address = Htu::of(API, "/customer/purchases/summary").unwrap();
    let authorization: Vec<&[u8]> = authorization.iter().map(|text| text.as_bytes()).collect();
    let dpop: Vec<&[u8]> = proofs.iter().map(|text| text.as_bytes()).collect();
    let shown = ShownHeaders { authorization: &authorization, dpop: &dpop };
    let Some(token) = judge(shown, ("GET", &address), &rules, NOW)? else { return Ok(false) };
    // A token that is shown with a proof gives nothing the second time.
    assert_eq!(token.clone().noted(false).is_err(), !dpop.is_empty());
    token.noted(true).map(|token| token.key.is_some() != dpop.is_empty())
}

#[test]
fn a_bound_token_works_with_its_key_alone() {
    let (key, _) = server_key();
    let token = claims().sign(&key).unwrap();
    let token = token.reveal();
    let made = |by, token: &str| {
        let htu = "https://gw.example/v1/customer/purchases/summary";
        proof(by, json!({}), json!({ "htm": "GET", "htu": htu, "ath": ath(token) }))
    };
    let (right, others) = (made(1, token), made(2, token));
    let (dpop, bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
    let of = |authorization: &[&str], proofs: &[&str]| {
        call(authorization, proofs, SecurityProfile::Fapi2)
    };
    assert_eq!(of(&[&dpop], &[&right]), Ok(true));
    assert_eq!(of(&[&format!("dpop  {token}")], &[&right]), Ok(true));
    for (authorization, proofs, error) in [
        (&[&*bearer][..], &[][..], "invalid_token"),
        (&[&*bearer], &[&*right], "invalid_token"),
        (&[&*dpop], &[&*others], "invalid_token"),
        (&[&*dpop], &[], "invalid_dpop_proof"),
        (&[&*dpop], &[&*right, &*right], "invalid_dpop_proof"),
        (&[&*dpop, &*bearer], &[&*right], "invalid_request"),
        (&["DPoP x"], &[&*right], "invalid_token"),
    ] {
        assert_eq!(word(of(authorization, proofs)), error);
    }
    for none in [&[][..], &["Basic YTpi"], &["cpt_live_x"]] {
        assert_eq!(of(none, &[&right]), Ok(false));
    }
    // One that is bound to nothing: shown as it is, and where that will not do for customers not at all.
    let loose = AccessClaims { cnf: None, ..claims() };
    let loose = loose.sign(&key).unwrap();
    let (bearer, dpop) = (format!("Bearer {}", loose.reveal()), format!("DPoP {}", loose.reveal()));
    assert_eq!(call(&[&bearer], &[], SecurityProfile::Baseline), Ok(true));
    assert_eq!(word(of(&[&bearer], &[])), "invalid_token");
    assert_eq!(word(of(&[&dpop], &[&made(1, loose.reveal())])), "invalid_token");
}

#[test]
fn a_refusal_says_how_to_do_better_and_breaks_no_header() {
    let place = "https://gw.example/.well-known/oauth-protected-resource";
    let none = challenge(Scheme::Dpop, None, ChallengeWants::default(), place);
    assert_eq!(none, format!("DPoP resource_metadata=\"{place}\", algs=\"ES256\""));
    let error = OAuthError::new(OAuthCode::InvalidToken, "a \"b\"\r\nX: y");
    let told = challenge(Scheme::Bearer, Some(&error), ChallengeWants::default(), place);
    assert_eq!(told, "Bearer error=\"invalid_token\", error_description=\"a 'b'??X: y\"");
    let wanted =
        ChallengeWants { scope: Some(SUMMARY), acr_values: Some("urn:loa:3"), max_age_s: Some(0) };
    let told = challenge(
        Scheme::Dpop,
        Some(&OAuthCode::InsufficientUserAuthentication.into()),
        wanted,
        place,
    );
    assert!(
        told.contains(&format!("scope=\"{SUMMARY}\", acr_values=\"urn:loa:3\", max_age=\"0\"")),
        "{told}"
    );
}

#[test]
fn an_assertion_for_another_place_time_or_client_proves_nothing() {
    let keys = [key(4).public().verifier().unwrap()];
    let usual = json!({ "iss": "c_7f", "sub": "c_7f", "aud": ISSUER, "jti": "a1", "iat": NOW_S, "exp": NOW_S + 60 });
    let judge = |changes: Value| {
        let text = signed(&key(4), &json!({ "alg": "ES256" }), &with(usual.clone(), changes));
        let meant_for = MeantFor { issuer: ISSUER, endpoint: None };
        assertion::judge(&text, ("c_7f", keys.iter().cloned().enumerate()), meant_for, NOW)
    };
    for changes in [
        json!({ "aud": "https://gw.example/oauth/token" }),
        json!({ "aud": "https://gw.example/oauth/par" }),
        json!({ "aud": [ISSUER] }),
        json!({ "aud": [ISSUER, "https://evil.example"] }),
        json!({ "aud": format!("{ISSUER}/") }),
        json!({ "aud": null }),
        json!({ "exp": NOW_S + 3_600 }),
        json!({ "exp": NOW_S - 1 }),
        json!({ "sub": "c_8" }),
        json!({ "iss": "c_8" }),
        json!({ "sub": "c_8", "iss": "c_8" }),
    ] {
        assert!(judge(changes.clone()).is_err(), "{changes}");
    }
    // The same again has the same name, of which the database takes one.
    let (first, second) = (judge(json!({})).unwrap(), judge(json!({ "exp": NOW_S + 61 })).unwrap());
    assert_eq!(first.1.hash, second.1.hash);
}

#[test]
fn a_stranger_learns_nothing_of_a_token() {
    let (live, ours) = (grant(), client());
    let stranger = AuthzClient { id: "c_8".into(), ..ours.clone() };
    let profile = SecurityProfile::Baseline;
    let public = AuthzClient { auth: ClientAuth::None, profile, ..ours.clone() };
    let (ours, stranger, public) = (proved(&ours), proved(&stranger), proved(&public));
    let grants = [
        changed(|it| it.grant_id = OTHER_GRANT.parse().unwrap()),
        changed(|it| it.known_as = KnownAs::Sub(subject(2))),
        changed(|it| it.parties.client_id = AppId(3)),
    ];
    let revoked = changed(|it| it.tokens_since = Some(NOW));
    let ended = AccessClaims { exp: NOW_S, ..claims() };
    let foreign = AccessClaims { grant_id: None, cver: None, ..claims() };
    let idle = RefreshRecord { used_at: Micros(0), ..refresh_record() };
    let to = IssuedTo { client_id: "c_8".into(), ..refresh_record().to };
    let others = RefreshRecord { to, ..refresh_record() };
    let of_access = |claims: &AccessClaims, grant, client, now| {
        Introspection::of_access(claims, decided(grant), client, now).unwrap()
    };
    let of_refresh = |token: &RefreshRecord, grant, client, now| {
        Introspection::of_refresh(token, decided(grant), client, now).unwrap()
    };
    let mut answers = vec![
        Introspection::inactive(),
        of_access(&claims(), Some(&live), stranger, NOW),
        of_access(&claims(), Some(&live), public, NOW),
        of_access(&claims(), None, ours, NOW),
        of_access(&claims(), Some(&revoked), ours, NOW),
        of_access(&ended, Some(&live), ours, NOW),
        of_access(&foreign, Some(&live), ours, NOW),
        of_refresh(&refresh_record(), Some(&live), stranger, NOW),
        of_refresh(&refresh_record(), Some(&live), public, NOW),
        of_refresh(&refresh_record(), None, ours, NOW),
        of_refresh(&refresh_record(), Some(&revoked), ours, NOW),
        of_refresh(&others, Some(&live), ours, NOW),
        of_refresh(&idle, Some(&live), ours, NOW),
    ];
    for other in &grants {
        answers.push(of_access(&claims(), Some(other), ours, NOW));
        answers.push(of_refresh(&refresh_record(), Some(other), ours, NOW));
    }
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(json!(answer).to_string(), r#"{"active":false}"#, "{n}");
    }
    assert!(of_access(&claims(), Some(&live), ours, NOW).active);
    assert!(of_refresh(&refresh_record(), Some(&live), ours, NOW).active);
    // Where it cannot be known, that is said.
    let unknown = || Err(ReadRefused::Unknown);
    let told = Introspection::of_access(&claims(), unknown(), ours, NOW);
    assert_eq!(word(told), "temporarily_unavailable");
    let told = Introspection::of_refresh(&refresh_record(), unknown(), ours, NOW);
    assert_eq!(word(told), "temporarily_unavailable");
}

#[test]
fn a_parameter_is_heard_once_or_not_at_all() {
    let large = format!("x={}", "x".repeat(1_000_000));
    for (query, body, status) in [
        ("", "scope=a&scope=b", 400),
        ("", "scope=a&scope=a", 400),
        ("scope=a", "scope=a", 400),
        ("scope=a", "", 400),
        ("", "scope=%ff", 400),
        ("", "scope=%00", 400),
        ("", &*large, 413),
    ] {
        let refused = Parameters::posted(query, body.as_bytes()).unwrap_err();
        let told = OAuthError::from(refused);
        assert_eq!(
            (told.code.as_str(), told.code.status()),
            ("invalid_request", status),
            "{query}"
        );
    }
    assert_eq!(Parameters::posted("", b"scope=\xff").err(), Some(FormError::Encoding));
}
