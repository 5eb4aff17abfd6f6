//! From codes and refresh tokens to access tokens, and what is told about those.

use super::{
    API, BETWEEN, CHALLENGE, GRANT_ID, ISSUE, ISSUER, NOW, NOW_S, SUMMARY, VERIFIER, claims,
    client, code, form, grant, issue, later, login, refresh_record, scopes, shown, thumbprint,
    verifier, word,
};
use crate::authz::access_token::AccessClaims;
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::error::{OAuthCode, OAuthError};
use crate::authz::exchange::{CodeRecord, CodeRefused, CodeShown, exchange, of_client};
use crate::authz::grant::{IssueRules, LiveGrant, TokenAnswer, TokenTexts, has_refresh_token};
use crate::authz::handles::{Handle, HandleKind};
use crate::authz::introspect::Introspection;
use crate::authz::presented::rights;
use crate::authz::refresh::{
    NextToken, RefreshRecord, RefreshRefused, RefreshRotation, RefreshShown, RefreshSuccessor,
    refresh,
};
use crate::authz::token_request::{AskedToken, TokenRequest};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use serde_json::json;

#[test]
fn a_code_gives_what_the_consent_allows_now() {
    let issue = issue();
    assert_eq!(issue.scopes.to_string(), format!("{SUMMARY} offline_access"));
    assert_eq!(
        (issue.subject.as_str(), issue.client_id.as_str(), issue.life_s),
        ("9d0c", "c_7f", 300)
    );
    assert_eq!((issue.key, issue.login), (Some(thumbprint(1)), Some(login())));
    // Less than was granted, where the client may have less by now; for no longer than the consent.
    let (mut client, verifier) = (client(), verifier());
    client.scopes = scopes("offline_access");
    let short = LiveGrant { ends_at: Micros(NOW.0 + 100 * SECOND + 1), ..grant() };
    let given = exchange(&code(), shown(&client, &verifier), Some(&short), ISSUE, NOW).unwrap();
    assert_eq!((given.scopes.to_string(), given.life_s), ("offline_access".to_owned(), 100));
}

#[test]
fn a_code_is_refused_for_all_that_does_not_fit() {
    let (client, verifier) = (client(), verifier());
    let with =
        |code: &CodeRecord, shown: CodeShown<'_>| exchange(code, shown, Some(&grant()), ISSUE, NOW);
    let right = shown(&client, &verifier);
    assert!(
        with(&code(), CodeShown { redirect_uri: Some("https://app.example/cb"), ..right }).is_ok()
    );
    let elsewhere = CodeShown { redirect_uri: Some("https://app.example/cb/"), ..right };
    assert_eq!(word(with(&code(), elsewhere)), "invalid_grant");
    assert_eq!(word(with(&code(), CodeShown { key: None, ..right })), "invalid_dpop_proof");
    let baseline = CodeRecord { profile: SecurityProfile::Baseline, ..code() };
    assert_eq!(word(with(&baseline, CodeShown { key: None, ..right })), "invalid_grant");
    let unbound = CodeRecord { key: None, ..baseline };
    assert_eq!(with(&unbound, CodeShown { key: None, ..right }).unwrap().key, None);
    let secret = AuthzClient { auth: ClientAuth::ClientSecretBasic, ..client.clone() };
    assert_eq!(word(with(&code(), shown(&secret, &verifier))), "unauthorized_client");
    let over = CodeRecord { expires_at: NOW, ..code() };
    assert_eq!(word(with(&over, right)), "invalid_grant");
    assert!(with(&CodeRecord { expires_at: Micros(NOW.0 + 1), ..code() }, right).is_ok());
}

#[test]
fn the_token_endpoint_reads_three_grants() {
    let handle = |kind| Handle::random(kind, |_| Ok::<(), ()>(())).unwrap();
    let (code, token) = (handle(HandleKind::Code), handle(HandleKind::RefreshToken));
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
    let key = Some(thumbprint(1));
    let given = of_client(&client, None, key).unwrap();
    assert_eq!((given.scopes.to_string(), given.life_s), ("catalog:read".to_owned(), 900));
    let said = json!(AccessClaims::of(&given, BETWEEN, "j".into(), NOW));
    assert_eq!(
        (&said["sub"], said.get("grant_id"), said.get("auth_time")),
        (&json!("c_7f"), None, None)
    );
    for asked in [SUMMARY, "offline_access", "openid", "stock:read"] {
        assert_eq!(word(of_client(&client, Some(&scopes(asked)), key)), "invalid_scope", "{asked}");
    }
    assert_eq!(word(of_client(&client, None, None)), "invalid_dpop_proof");
    let public = AuthzClient {
        auth: ClientAuth::None,
        profile: SecurityProfile::Baseline,
        ..client.clone()
    };
    assert_eq!(word(of_client(&public, None, key)), "unauthorized_client");
    let secret = AuthzClient { auth: ClientAuth::ClientSecretBasic, ..public };
    assert_eq!(of_client(&secret, Some(&scopes("catalog:read")), None).unwrap().key, None);
}

#[test]
fn an_answer_says_what_was_granted() {
    let issue = issue();
    let answer =
        TokenAnswer::new(&issue, TokenTexts { access: "eyJ", refresh: Some("rt_1"), id: None });
    let expected = json!({
        "access_token": "eyJ", "token_type": "DPoP", "expires_in": 300, "refresh_token": "rt_1",
        "scope": format!("{SUMMARY} offline_access"), "grant_id": GRANT_ID,
        "authorization_details": [{ "type": "retail_customer_data", "duration_days": 30 }],
    });
    assert_eq!(json!(answer), expected);
    assert!(!format!("{answer:?}").contains("eyJ"));
    let bare =
        of_client(&AuthzClient { profile: SecurityProfile::Baseline, ..client() }, None, None)
            .unwrap();
    let answer = TokenAnswer::new(&bare, TokenTexts { access: "eyJ", refresh: None, id: None });
    let expected = json!({ "access_token": "eyJ", "token_type": "Bearer", "expires_in": 900, "scope": "catalog:read" });
    assert_eq!(json!(answer), expected);
}

#[test]
fn a_refresh_token_is_bound_to_something() {
    let (offline, none) = (scopes("offline_access"), scopes(SUMMARY));
    let key = Some(thumbprint(1));
    assert!(has_refresh_token(ClientAuth::PrivateKeyJwt, None, &offline));
    assert!(has_refresh_token(ClientAuth::None, key, &offline));
    assert!(!has_refresh_token(ClientAuth::None, None, &offline));
    assert!(!has_refresh_token(ClientAuth::PrivateKeyJwt, key, &none));
    let public = AuthzClient { auth: ClientAuth::None, ..client() };
    let unbound = RefreshRecord { key: None, ..refresh_record() };
    let shown = RefreshShown { client: &public, key, scope: None };
    let given = refresh(&unbound, shown, Some(&grant()), ISSUE, NOW);
    assert_eq!(word(given), "invalid_grant");
}

fn renew(
    token: &RefreshRecord,
    rotation: RefreshRotation,
    now: Micros,
) -> Result<NextToken, RefreshRefused> {
    let client = client();
    let shown = RefreshShown { client: &client, key: Some(thumbprint(1)), scope: None };
    refresh(token, shown, Some(&grant()), IssueRules { rotation, ..ISSUE }, now)
        .map(|(_, next)| next)
}

#[test]
fn a_refresh_token_is_kept_and_goes_where_it_is_not_used() {
    assert_eq!(renew(&refresh_record(), RefreshRotation::None, NOW), Ok(NextToken::Same));
    let idle = |before: i64| RefreshRecord { used_at: Micros(NOW.0 - before), ..refresh_record() };
    assert!(renew(&idle(90 * DAY - 1), RefreshRotation::None, NOW).is_ok());
    assert_eq!(word(renew(&idle(90 * DAY), RefreshRotation::None, NOW)), "invalid_grant");
}

#[test]
fn a_refresh_gives_what_the_consent_allows_now() {
    let client = client();
    let of = |scope: Option<&str>, grant: &LiveGrant| {
        let scope = scope.map(scopes);
        let shown =
            RefreshShown { client: &client, key: Some(thumbprint(1)), scope: scope.as_ref() };
        refresh(&refresh_record(), shown, Some(grant), ISSUE, NOW)
    };
    let narrowed = LiveGrant { scopes: scopes("offline_access"), version: 4, ..grant() };
    let (issue, _) = of(None, &narrowed).unwrap();
    assert_eq!(
        (issue.scopes.to_string(), issue.consent.unwrap().version),
        ("offline_access".to_owned(), 4)
    );
    assert_eq!(of(Some(SUMMARY), &grant()).unwrap().0.scopes.to_string(), SUMMARY);
    assert_eq!(word(of(Some(SUMMARY), &narrowed)), "invalid_scope");
    let over = LiveGrant { ends_at: Micros(NOW.0 + SECOND - 1), ..grant() };
    let told = OAuthError::from(of(None, &over).unwrap_err());
    let page = format!("{ISSUER}/docs/errors/consent-ended");
    assert_eq!((told.code, told.uri()), (OAuthCode::InvalidGrant, Some(&*page)));
}

#[test]
fn a_token_that_was_replaced_stays_so() {
    let replaced = |since: i64, used| RefreshRecord {
        successor: Some(RefreshSuccessor { since: later(-since), used }),
        ..refresh_record()
    };
    // Whatever the setting has become meanwhile.
    for rotation in [RefreshRotation::None, RefreshRotation::Legacy] {
        assert_eq!(renew(&replaced(59, false), rotation, NOW), Ok(NextToken::Again));
        assert_eq!(renew(&replaced(60, false), rotation, NOW), Err(RefreshRefused::Compromised));
        assert_eq!(renew(&replaced(1, true), rotation, NOW), Err(RefreshRefused::Compromised));
    }
}

#[test]
fn a_client_is_told_what_its_token_says_now() {
    let told = |claims: &AccessClaims, grant: Option<&LiveGrant>, client: &str| {
        json!(Introspection::of_access(claims, grant, client, NOW))
    };
    let expected = json!({
        "active": true, "scope": format!("{SUMMARY} offline_access"), "client_id": "c_7f", "sub": "9d0c",
        "token_type": "DPoP", "iss": BETWEEN.issuer, "aud": API, "exp": NOW_S + 300, "iat": NOW_S,
        "cnf": { "jkt": thumbprint(1) }, "grant_id": GRANT_ID, "acr": "urn:loa:2", "auth_time": NOW_S - 60,
        "authorization_details": [{ "type": "retail_customer_data", "duration_days": 30 }],
    });
    assert_eq!(told(&claims(), Some(&grant()), "c_7f"), expected);
    let narrowed = LiveGrant { scopes: scopes("offline_access"), ..grant() };
    assert_eq!(told(&claims(), Some(&narrowed), "c_7f")["scope"], "offline_access");
    let machine = of_client(&client(), None, Some(thumbprint(1))).unwrap();
    let machine = AccessClaims::of(&machine, BETWEEN, "j".into(), NOW);
    assert_eq!(told(&machine, None, "c_7f")["active"], true);
    let refresh = json!(Introspection::of_refresh(&refresh_record(), Some(&grant()), "c_7f", NOW));
    assert_eq!((&refresh["active"], &refresh["exp"]), (&json!(true), &json!(NOW_S + 30 * 86_400)));
    assert_eq!(refresh.get("token_type"), None);
}

#[test]
fn a_token_allows_no_more_than_the_consent_and_the_client() {
    let (client, claims) = (client(), claims());
    let allowed =
        |client: &AuthzClient, grant: Option<&LiveGrant>| rights(&claims, client, grant, NOW);
    assert_eq!(allowed(&client, Some(&grant())).unwrap(), claims.scope);
    // More consent than was there when the token was issued adds nothing to the token.
    let wider = LiveGrant { scopes: client.scopes.clone(), ..grant() };
    assert_eq!(allowed(&client, Some(&wider)).unwrap(), claims.scope);
    let narrowed = LiveGrant { scopes: scopes("offline_access"), ..grant() };
    assert_eq!(allowed(&client, Some(&narrowed)).unwrap().to_string(), "offline_access");
    let less = AuthzClient { scopes: scopes(SUMMARY), ..client.clone() };
    assert_eq!(allowed(&less, Some(&grant())).unwrap().to_string(), SUMMARY);
    let ended = LiveGrant { ends_at: NOW, ..grant() };
    let another = LiveGrant { grant_id: CHALLENGE.into(), ..grant() };
    for refused in [None, Some(&ended), Some(&another)] {
        assert_eq!(word(allowed(&client, refused)), "invalid_token");
    }
    let other = AuthzClient { id: "c_8".into(), ..client.clone() };
    assert_eq!(word(allowed(&other, Some(&grant()))), "invalid_token");
    // Of another issuer, which knows nothing of consents.
    let foreign = AccessClaims {
        grant_id: None,
        cver: None,
        scope: scopes(&format!("{SUMMARY} catalog:read")),
        ..claims.clone()
    };
    assert_eq!(rights(&foreign, &client, None, NOW).unwrap().to_string(), "catalog:read");
    assert_eq!(rights(&foreign, &client, Some(&grant()), NOW).unwrap().to_string(), SUMMARY);
}

#[test]
fn a_code_that_was_used_tells_a_replay_from_a_guess() {
    let (client, verifier) = (client(), verifier());
    let used = CodeRecord { used: true, expires_at: NOW, ..code() };
    let replay = exchange(&used, shown(&client, &verifier), None, ISSUE, NOW);
    assert_eq!(replay, Err(CodeRefused::Replayed));
    assert_eq!(word(replay), "invalid_grant");
    let guess = exchange(
        &used,
        CodeShown { key: Some(thumbprint(2)), ..shown(&client, &verifier) },
        None,
        ISSUE,
        NOW,
    );
    assert!(matches!(guess, Err(CodeRefused::Error(_))), "no token is revoked for it");
}
