//! Authorization requests, how customers come and how answers go back.

use super::{
    API, CHALLENGE, GRANT_ID, ISSUER, NOW, RULES, asked, client, later, push, thumbprint, word,
};
use crate::authz::authorize::{Arrival, ErrorTold, arrival, granted, refused};
use crate::authz::client::{ClientAuth, SecurityProfile};
use crate::authz::error::{OAuthCode, OAuthError};
use crate::authz::handles::{Handle, HandleKind};
use crate::authz::par::{PushedAnswer, PushedRequest, unknown};
use crate::authz::request::{
    AuthorizationRequest, GrantAction, Prompt, RequestRules, plain, pushed,
};

const DETAILS: &str = r#"[{"type":"retail_customer_data","datatypes":["loyalty.basic"]}]"#;

#[test]
fn a_request_is_read_whole() {
    let jkt = thumbprint(1).to_string();
    let request = push(&[
        ("authorization_details", DETAILS),
        ("purpose_id", "budget-coach"),
        ("nonce", &"n".repeat(64)),
        ("dpop_jkt", &jkt),
        ("acr_values", "urn:loa:3 urn:loa:2"),
        ("max_age", "0"),
        ("prompt", "login consent"),
        ("ui_locales", "de-CH en"),
        ("grant_management_action", "replace"),
        ("grant_id", GRANT_ID),
        ("login_hint", "a@b.example"),
        ("response_mode", "query"),
        ("resource", API),
    ])
    .unwrap();
    assert_eq!(request.profile, SecurityProfile::Fapi2);
    assert_eq!(request.back.state.as_deref(), Some("s1"));
    assert_eq!(request.scopes.to_string(), "customer.purchases.summary:read offline_access");
    assert_eq!(request.dpop_jkt, Some(thumbprint(1)));
    assert_eq!(request.acr_values, ["urn:loa:3", "urn:loa:2"]);
    assert_eq!(
        (request.max_age_s, request.prompt.as_slice()),
        (Some(0), &[Prompt::Login, Prompt::Consent][..])
    );
    assert_eq!(request.grant, Some(GrantAction::Replace { grant_id: GRANT_ID.into() }));
    assert_eq!(request.authorization_details.as_ref().unwrap()[0]["type"], "retail_customer_data");
    assert!(!format!("{request:?}").contains("a@b.example"));
    // It waits in the database meanwhile.
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), request);
    assert!(push(&[("scope", ""), ("authorization_details", DETAILS), ("state", "")]).is_ok());
}

#[test]
fn what_is_wrong_with_a_request_has_its_code() {
    let too_many = format!("[{}]", [r#"{"type":"x"}"#; 11].join(","));
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("response_type", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("client_id", "")], "invalid_request"),
        (&[("client_id", "c_8")], "invalid_request"),
        (&[("redirect_uri", "")], "invalid_request"),
        (&[("request_uri", "urn:x")], "invalid_request"),
        (&[("request", "e30.e30.")], "invalid_request"),
        (&[("resource", "https://other.example")], "invalid_target"),
        (&[("scope", "")], "invalid_scope"),
        (&[("scope", "a  b")], "invalid_scope"),
        (&[("scope", "customer.lists:read")], "invalid_scope"),
        (&[("authorization_details", "{")], "invalid_authorization_details"),
        (&[("authorization_details", "{\"type\":\"x\"}")], "invalid_authorization_details"),
        (&[("authorization_details", "[]")], "invalid_authorization_details"),
        (&[("authorization_details", "[{}]")], "invalid_authorization_details"),
        (&[("authorization_details", "[{\"type\":5}]")], "invalid_authorization_details"),
        (&[("authorization_details", "[\"type\"]")], "invalid_authorization_details"),
        (&[("authorization_details", &too_many)], "invalid_authorization_details"),
        (&[("state", "é")], "invalid_request"),
        (&[("state", &"s".repeat(513))], "invalid_request"),
        (&[("nonce", &"n".repeat(65))], "invalid_request"),
        (&[("purpose_id", "a/b")], "invalid_request"),
        (&[("dpop_jkt", "abc")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "+1")], "invalid_request"),
        (&[("max_age", "4294967296")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("prompt", "create")], "invalid_request"),
        (&[("ui_locales", "de  en")], "invalid_request"),
        (&[("grant_management_action", "merge")], "invalid_request"),
        (&[("grant_management_action", "replace")], "invalid_request"),
        (&[("grant_management_action", "create"), ("grant_id", GRANT_ID)], "invalid_request"),
        (&[("grant_id", GRANT_ID)], "invalid_request"),
        (&[("grant_management_action", "replace"), ("grant_id", "' OR 1=1")], "invalid_grant_id"),
    ];
    for (changes, code) in cases {
        assert_eq!(word(push(changes)), *code, "{changes:?}");
    }
}

#[test]
fn the_key_of_the_proof_is_the_key_of_the_code() {
    let (form, jkt) = (asked(&[]), thumbprint(2).to_string());
    let request = pushed(&form, &client(), RULES, Some(thumbprint(1))).unwrap();
    assert_eq!(request.dpop_jkt, Some(thumbprint(1)));
    let named = asked(&[("dpop_jkt", &jkt)]);
    assert_eq!(word(pushed(&named, &client(), RULES, Some(thumbprint(1)))), "invalid_dpop_proof");
    assert!(pushed(&named, &client(), RULES, Some(thumbprint(2))).is_ok());
}

#[test]
fn what_needs_the_profile_is_pushed_by_clients_that_sign() {
    let mut client = client();
    client.auth = ClientAuth::ClientSecretBasic;
    client.profile = SecurityProfile::Baseline;
    assert_eq!(word(pushed(&asked(&[]), &client, RULES, None)), "unauthorized_client");
    let told = plain(&asked(&[]), &client, RULES).unwrap_err();
    assert_eq!((told.error.code, told.back.is_some()), (OAuthCode::InvalidRequest, true));
    let sandbox = RequestRules { customers: SecurityProfile::Baseline, ..RULES };
    assert_eq!(plain(&asked(&[]), &client, sandbox).unwrap().profile, SecurityProfile::Baseline);
    assert!(pushed(&asked(&[]), &client, sandbox, None).is_ok());
    // A client that has to keep to it does so in the sandbox, too.
    client.profile = SecurityProfile::Fapi2;
    assert!(plain(&asked(&[]), &client, sandbox).is_err());
}

#[test]
fn an_error_goes_to_the_client_only_where_the_address_is_its_own() {
    let sandbox = RequestRules { customers: SecurityProfile::Baseline, ..RULES };
    let mut client = client();
    client.profile = SecurityProfile::Baseline;
    let told = |changes: &[(&str, &str)]| plain(&asked(changes), &client, sandbox).unwrap_err();
    for changes in [
        ("client_id", "c_8"),
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", ""),
        ("state", "é"),
    ] {
        assert_eq!(told(&[changes]).back, None, "{changes:?}");
    }
    for changes in
        [("scope", "x"), ("code_challenge", ""), ("response_type", "token"), ("nonce", "é")]
    {
        let back = told(&[changes]).back.unwrap();
        assert_eq!(back.redirect_uri.as_str(), "https://app.example/cb", "{changes:?}");
        assert_eq!(back.state.as_deref(), Some("s1"));
    }
}

#[test]
fn a_customer_comes_with_a_reference_and_all_else_is_passed_over() {
    let made = Handle::random(HandleKind::RequestUri, |bytes| {
        bytes.fill(3);
        Ok::<(), ()>(())
    });
    let made = made.unwrap();
    let uri = made.text().reveal();
    let query = format!("client_id=c_7f&request_uri={uri}&redirect_uri=https://evil.example");
    let expected = Arrival::Pushed { client_id: "c_7f".into(), request_uri: made.clone() };
    assert_eq!(arrival(query.as_bytes()).unwrap().0, expected);
    let plain = arrival(b"client_id=c_7f&scope=a").unwrap();
    assert_eq!(plain.0, Arrival::Plain { client_id: "c_7f".into() });
    assert_eq!(plain.1.get("scope"), Some("a"));
    let cut = &query.replace("&redirect", "x&redirect");
    for wrong in [
        &format!("request_uri={uri}"),
        "client_id=c_7f&request_uri=https://evil.example/r",
        cut,
        "client_id=c_7f&client_id=c_7f",
    ] {
        assert_eq!(word(arrival(wrong.as_bytes())), "invalid_request", "{wrong}");
    }
}

#[test]
fn an_answer_stands_behind_what_is_in_the_address() {
    let mut client = client();
    let known = crate::authz::redirect::RedirectUri::register("https://app.example/cb?t=a", false);
    client.redirect_uris.push(known.unwrap());
    let form = asked(&[("redirect_uri", "https://app.example/cb?t=a"), ("state", "a b&c=d")]);
    let back = pushed(&form, &client, RULES, None).unwrap().back;
    let code = Handle::random(HandleKind::Code, |_| Ok::<(), ()>(())).unwrap();
    let told = granted(&back, &code, ISSUER);
    let whole = format!(
        "https://app.example/cb?t=a&code={}&state=a+b%26c%3Dd&iss=https%3A%2F%2Fgw.example",
        code.text().reveal()
    );
    assert_eq!(told.reveal(), whole);
    let error = OAuthError::new(OAuthCode::AccessDenied, "no");
    let ErrorTold::Client(place) = refused(error, Some(&push(&[]).unwrap().back), true, ISSUER)
    else {
        panic!("the customer has logged in");
    };
    let whole = "https://app.example/cb?error=access_denied&error_description=no&state=s1&iss=https%3A%2F%2Fgw.example";
    assert_eq!(place.reveal(), whole);
    assert!(!format!("{told:?}").contains("ac_"));
}

#[test]
fn a_pushed_request_waits_for_its_client_until_it_is_decided() {
    let waiting =
        PushedRequest { request: push(&[]).unwrap(), expires_at: later(300), decided: false };
    assert_eq!(waiting.of("c_7f", later(299)), Ok(&waiting.request));
    for refused in [
        waiting.of("c_8", NOW),
        waiting.of("c_7f", later(300)),
        PushedRequest { decided: true, ..waiting.clone() }.of("c_7f", NOW),
    ] {
        assert_eq!(refused.unwrap_err(), unknown(), "one answer for all");
    }
    let reference = Handle::random(HandleKind::RequestUri, |_| Ok::<(), ()>(())).unwrap();
    let answer = serde_json::to_value(PushedAnswer::new(&reference, 300)).unwrap();
    assert_eq!(
        (&answer["request_uri"], &answer["expires_in"]),
        (&reference.text().reveal().into(), &300.into())
    );
}

#[test]
fn a_challenge_is_what_the_code_is_bound_to() {
    assert_eq!(push(&[]).unwrap().challenge.to_string(), CHALLENGE);
}
