//! From codes and refresh tokens to access tokens, and what is told about those.

use super::consents::{changed, decided, details, grant, pointer, to};
use super::{
    API, BETWEEN, GRANT_ID, NOW, NOW_S, SUMMARY, VERIFIER, claims, client, code, filled, form,
    handle, issue, issued_to, login, proved, proved_key, redeem, refresh_record, scopes, shown,
    subject, thumbprint, verifier, word,
};
use crate::authz::access_token::AccessClaims;
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::exchange::{CodeRecord, CodeRefused, CodeShown, of_client};
use crate::authz::grant::{TokenAnswer, TokenTexts};
use crate::authz::handles::{AuthorizationCode, RefreshToken};
use crate::authz::introspect::Introspection;
use crate::authz::issued::IssuedTo;
use crate::authz::presented::{TokenAbout, asked};
use crate::authz::token_request::{AskedToken, TokenRequest};
use crate::consent::details::AccessMode;
use crate::consent::live::GrantPointer;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::subject::{PairwiseKey, PairwiseSub, Sector};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::AppId;
use serde_json::json;

#[test]
fn a_code_gives_what_the_consent_allows_now() {
    let issue = issue();
    assert_eq!(issue.scopes.to_string(), format!("{SUMMARY} offline_access"));
    assert_eq!(
        (issue.subject.as_str(), issue.client_id.as_str(), issue.life_s),
        (subject(1).as_str(), "c_7f", 300)
    );
    assert_eq!((issue.key, issue.login), (Some(thumbprint(1)), Some(login())));
    // Less than was granted, where the client may have less by now; for no longer than the consent.
    let (mut client, verifier) = (client(), verifier());
    client.scopes = scopes("offline_access");
    let short = changed(|it| it.validity.expires_at = Micros(NOW.0 + 100 * SECOND + 1));
    let given = redeem(&code(), shown(&client, &verifier), Some(&short)).unwrap();
    assert_eq!((given.scopes.to_string(), given.life_s), ("offline_access".to_owned(), 100));
}

#[test]
fn a_code_is_refused_for_all_that_does_not_fit() {
    let (client, verifier) = (client(), verifier());
    let with = |code: &CodeRecord, shown: CodeShown<'_>| redeem(code, shown, Some(&grant()));
    let right = shown(&client, &verifier);
    assert!(
        with(&code(), CodeShown { redirect_uri: Some("https://app.example/cb"), ..right }).is_ok()
    );
    let elsewhere = CodeShown { redirect_uri: Some("https://app.example/cb/"), ..right };
    assert_eq!(word(with(&code(), elsewhere)), "invalid_grant");
    assert_eq!(word(with(&code(), CodeShown { key: None, ..right })), "invalid_dpop_proof");
    let secret = AuthzClient { auth: ClientAuth::ClientSecretBasic, ..client.clone() };
    assert_eq!(word(with(&code(), shown(&secret, &verifier))), "unauthorized_client");
    let over = CodeRecord { expires_at: NOW, ..code() };
    assert_eq!(word(with(&over, right)), "invalid_grant");
    assert!(with(&CodeRecord { expires_at: Micros(NOW.0 + 1), ..code() }, right).is_ok());
}

#[test]
fn a_code_keeps_to_the_stricter_profile() {
    let verifier = verifier();
    let profile = SecurityProfile::Baseline;
    let of = |to: IssuedTo| CodeRecord { to, ..code() };
    let unbound = of(IssuedTo { profile, key: None, ..issued_to() });
    let lax = AuthzClient { profile, ..client() };
    assert_eq!(
        redeem(&unbound, CodeShown { key: None, ..shown(&lax, &verifier) }, Some(&grant()))
            .unwrap()
            .key,
        None
    );
    // One that has to keep to it by now does.
    let strict = client();
    let given =
        redeem(&unbound, CodeShown { key: None, ..shown(&strict, &verifier) }, Some(&grant()));
    assert_eq!(word(given), "invalid_dpop_proof");
    // A public client has nothing but its key.
    let public = AuthzClient { auth: ClientAuth::None, ..lax.clone() };
    assert_eq!(
        word(redeem(
            &unbound,
            CodeShown { key: None, ..shown(&public, &verifier) },
            Some(&grant())
        )),
        "invalid_dpop_proof"
    );
    assert!(redeem(&unbound, shown(&public, &verifier), Some(&grant())).is_ok());
    let bound = of(IssuedTo { profile, ..issued_to() });
    assert_eq!(
        word(redeem(&bound, CodeShown { key: None, ..shown(&lax, &verifier) }, Some(&grant()))),
        "invalid_grant"
    );
}

#[test]
fn the_token_endpoint_reads_three_grants() {
    let (code, token) = (handle::<AuthorizationCode>(1), handle::<RefreshToken>(1));
    let of_code = [
        ("grant_type", "authorization_code"),
        ("code", code.text().reveal()),
        ("code_verifier", VERIFIER),
        ("resource", API),
    ];
    let read = |changes: &[(&str, &str)]| TokenRequest::read(&form(&of_code, changes), API);
    let expected =
        TokenRequest::Code { code: code.clone(), verifier: verifier(), redirect_uri: None };
    assert_eq!(read(&[]), Ok(expected));
    for (changes, error) in [
        (("grant_type", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("grant_type", "implicit"), "unsupported_grant_type"),
        (("code", ""), "invalid_request"),
        (("code", "ac_x"), "invalid_grant"),
        (("code", token.text().reveal()), "invalid_grant"),
        (("code_verifier", ""), "invalid_request"),
        (("code_verifier", "short"), "invalid_request"),
        (("resource", "https://other.example"), "invalid_target"),
    ] {
        assert_eq!(word(read(&[changes])), error, "{changes:?}");
    }
    let of_token = [("grant_type", "refresh_token"), ("refresh_token", token.text().reveal())];
    let read = |changes: &[(&str, &str)]| TokenRequest::read(&form(&of_token, changes), API);
    let scope = Some(scopes(SUMMARY));
    assert_eq!(
        read(&[("scope", SUMMARY)]),
        Ok(TokenRequest::Refresh { token: token.clone(), scope })
    );
    assert_eq!(word(read(&[("refresh_token", "")])), "invalid_request");
    assert_eq!(word(read(&[("refresh_token", code.text().reveal())])), "invalid_grant");
    assert_eq!(word(read(&[("scope", "a  b")])), "invalid_scope");
    let of_client = TokenRequest::read(&form(&[("grant_type", "client_credentials")], &[]), API);
    assert_eq!(of_client, Ok(TokenRequest::Client { scope: None }));
    let asked =
        |text: &str| AskedToken::read(&form(&[("token", text), ("token_type_hint", "x")], &[]));
    assert_eq!(asked(token.text().reveal()), Ok(AskedToken::Refresh(token)));
    assert!(matches!(asked("eyJ"), Ok(AskedToken::Access(_))));
    assert_eq!(word(asked("")), "invalid_request");
}

#[test]
fn a_client_of_its_own_gets_nothing_about_customers() {
    let client = client();
    let key = Some(proved_key(1));
    let given = of_client(proved(&client), None, key).unwrap();
    assert_eq!((given.scopes.to_string(), given.life_s), ("catalog:read".to_owned(), 900));
    let said = AccessClaims::of(&given, BETWEEN, |bytes| filled(0, bytes), NOW).unwrap();
    let said = json!(said);
    assert_eq!(
        (&said["sub"], said.get("grant_id"), said.get("auth_time")),
        (&json!("c_7f"), None, None)
    );
    for asked in [SUMMARY, "offline_access", "openid", "stock:read"] {
        let given = of_client(proved(&client), Some(scopes(asked)), key);
        assert_eq!(word(given), "invalid_scope", "{asked}");
    }
    // Nothing is no answer either.
    let none = AuthzClient { scopes: scopes(SUMMARY), ..client.clone() };
    assert_eq!(word(of_client(proved(&none), None, key)), "invalid_scope");
    assert_eq!(word(of_client(proved(&client), Some(scopes("")), key)), "invalid_scope");
    assert_eq!(word(of_client(proved(&client), None, None)), "invalid_dpop_proof");
    let public = AuthzClient {
        auth: ClientAuth::None,
        profile: SecurityProfile::Baseline,
        ..client.clone()
    };
    assert_eq!(word(of_client(proved(&public), None, key)), "unauthorized_client");
    let secret = AuthzClient { auth: ClientAuth::ClientSecretBasic, ..public };
    let given = of_client(proved(&secret), Some(scopes("catalog:read")), None);
    assert_eq!(given.unwrap().key, None);
}

#[test]
fn an_answer_says_what_was_granted() {
    let issue = issue();
    let answer =
        TokenAnswer::new(&issue, TokenTexts { access: "eyJ", refresh: Some("rt_1"), id: None });
    let expected = json!({
        "access_token": "eyJ", "token_type": "DPoP", "expires_in": 300, "refresh_token": "rt_1",
        "scope": format!("{SUMMARY} offline_access"), "grant_id": GRANT_ID,
        "authorization_details": [details()],
    });
    assert_eq!(json!(answer), expected);
    assert!(!format!("{answer:?}").contains("eyJ"));
    let lax = AuthzClient { profile: SecurityProfile::Baseline, ..client() };
    let bare = of_client(proved(&lax), None, None).unwrap();
    let answer = TokenAnswer::new(&bare, TokenTexts { access: "eyJ", refresh: None, id: None });
    let expected = json!({ "access_token": "eyJ", "token_type": "Bearer", "expires_in": 900, "scope": "catalog:read" });
    assert_eq!(json!(answer), expected);
}

#[test]
fn a_client_is_told_what_its_token_says_now() {
    let client = client();
    let told = |claims: &AccessClaims, grant: Option<&ConsentRecord>, client: &AuthzClient| {
        json!(Introspection::of_access(claims, decided(grant), proved(client), NOW).unwrap())
    };
    let expected = json!({
        "active": true, "scope": format!("{SUMMARY} offline_access"), "client_id": "c_7f", "sub": subject(1),
        "token_type": "DPoP", "iss": BETWEEN.issuer, "aud": API, "exp": NOW_S + 300, "iat": NOW_S,
        "cnf": { "jkt": thumbprint(1) }, "grant_id": GRANT_ID, "acr": "urn:loa:2", "auth_time": NOW_S - 60,
        "authorization_details": [details()],
    });
    assert_eq!(told(&claims(), Some(&grant()), &client), expected);
    let narrowed = told(&claims(), Some(&to("offline_access")), &client);
    assert_eq!(narrowed["scope"], "offline_access");
    assert_eq!(narrowed.get("authorization_details"), None, "nothing is read any more");
    // What the client may not have any more is not told as allowed.
    let less = AuthzClient { scopes: scopes("offline_access catalog:read"), ..client.clone() };
    assert_eq!(told(&claims(), Some(&grant()), &less)["scope"], "offline_access");
    let machine = of_client(proved(&client), None, Some(proved_key(1))).unwrap();
    let machine = AccessClaims::of(&machine, BETWEEN, |bytes| filled(0, bytes), NOW).unwrap();
    let said = told(&machine, None, &client);
    assert_eq!((&said["active"], &said["scope"]), (&json!(true), &json!("catalog:read")));
    assert_eq!(said.get("grant_id"), None);
    assert_eq!(
        told(&machine, None, &AuthzClient { scopes: scopes(SUMMARY), ..client })["scope"],
        ""
    );
}

#[test]
fn a_client_is_told_what_its_refresh_token_gives_now() {
    let client = client();
    let told = |grant: &ConsentRecord, client: &AuthzClient| {
        let decided = decided(Some(grant));
        json!(Introspection::of_refresh(&refresh_record(), decided, proved(client), NOW).unwrap())
    };
    let said = told(&grant(), &client);
    assert_eq!((&said["active"], &said["exp"]), (&json!(true), &json!(NOW_S + 30 * 86_400)));
    assert_eq!((said.get("token_type"), &said["sub"]), (None, &json!(subject(1))));
    let inactive = json!({ "active": false });
    assert_eq!(told(&to(SUMMARY), &client), inactive, "it would give nothing");
    let once = changed(|it| it.data.authorization_details.access = AccessMode::Once);
    assert_eq!(told(&once, &client), inactive);
    let less = AuthzClient { scopes: scopes(SUMMARY), ..client.clone() };
    assert_eq!(told(&grant(), &less), inactive);
    let less = AuthzClient { scopes: scopes("offline_access"), ..client };
    assert_eq!(told(&grant(), &less)["scope"], "offline_access");
}

#[test]
fn a_token_names_whom_it_is_about_and_grants_nothing_by_that() {
    let (client, claims) = (client(), claims());
    let of = |claims: &AccessClaims, client: &AuthzClient| {
        asked(claims, client).map(|asked| (format!("{:?}", asked.about), asked.scopes))
    };
    let name = subject(1);
    let about = TokenAbout::Grant(pointer(&grant()));
    assert_eq!(of(&claims, &client).unwrap(), (format!("{about:?}"), claims.scope));
    assert_eq!(asked(&claims, &client).unwrap().issued_at, NOW_S);
    let less = AuthzClient { scopes: scopes(SUMMARY), ..client.clone() };
    assert_eq!(of(&claims, &less).unwrap().1, scopes(SUMMARY));
    let other = AuthzClient { id: "c_8".into(), ..client.clone() };
    assert_eq!(word(of(&claims, &other)), "invalid_token");
    // A name that is none of ours names nobody.
    let unknown = AccessClaims { sub: "somebody".into(), ..claims.clone() };
    assert_eq!(word(of(&unknown, &client)), "invalid_token");
    // Of another issuer, which knows nothing of consents: whatever it allows is for the consent to allow.
    let foreign = AccessClaims {
        grant_id: None,
        cver: None,
        scope: scopes(&format!("{SUMMARY} catalog:read")),
        ..claims.clone()
    };
    let about = TokenAbout::Foreign { issuer: BETWEEN.issuer, subject: name.as_str() };
    assert_eq!(of(&foreign, &client).unwrap(), (format!("{about:?}"), foreign.scope));
    let machine = AccessClaims { sub: "c_7f".into(), ..foreign };
    let about = format!("{:?}", TokenAbout::Client);
    assert_eq!(of(&machine, &client).unwrap(), (about, scopes("catalog:read")));
}

#[test]
fn a_token_of_another_issuer_stands_for_the_consent_of_its_own_customer() {
    let (key, sector) = (PairwiseKey::new([1; 32]), "coach".parse::<Sector>().unwrap());
    let sub = |issuer, name| PairwiseSub::derived(&key, &sector, issuer, name).unwrap();
    let grant_id: GrantId = GRANT_ID.parse().unwrap();
    let of = |about: TokenAbout<'_>, known: PairwiseSub| {
        about.pointer(AppId(2), (&key, &sector), |sub| (sub == known).then_some(grant_id))
    };
    let about = TokenAbout::Foreign { issuer: "https://id.example", subject: "42" };
    let known = sub("https://id.example", "42");
    let expected = GrantPointer { grant_id, version: 0, client: AppId(2), sub: known };
    assert_eq!(of(about, known), Some(expected));
    for other in [sub("https://id.example", "43"), sub("https://other.example", "42")] {
        assert_eq!(of(about, other), None);
    }
    assert_eq!(of(TokenAbout::Client, known), None);
    let ours = pointer(&grant());
    assert_eq!(of(TokenAbout::Grant(ours), known), Some(ours));
}

#[test]
fn a_code_that_was_used_tells_a_replay_from_a_guess() {
    let (client, verifier) = (client(), verifier());
    let used = CodeRecord { used: true, expires_at: NOW, ..code() };
    let replay = redeem(&used, shown(&client, &verifier), None);
    assert_eq!(replay, Err(CodeRefused::Replayed));
    assert_eq!(word(replay), "invalid_grant");
    let guess = CodeShown { key: Some(proved_key(2)), ..shown(&client, &verifier) };
    let guess = redeem(&used, guess, None);
    assert!(matches!(guess, Err(CodeRefused::Error(_))), "no token is revoked for it");
}
