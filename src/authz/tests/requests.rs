//! Authorization requests, how customers come and how answers go back.

use super::consents::{DETAILS, details};
use super::{
    API, CHALLENGE, GRANT_ID, ISSUER, NOW, RULES, SANDBOX, asked, client, handle, later, proved,
    proved_key, push, thumbprint, word,
};
use crate::access::oauth::form::Parameters;
use crate::authz::authorize::{Arrival, AuthorizeError, ErrorTold, granted, refused};
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::handles::RequestUri;
use crate::authz::par::{PushedAnswer, PushedRequest, unknown};
use crate::authz::request::{AuthorizationRequest, GrantAction, Prompt, plain, pushed};
use crate::consent::details::CustomerDataDetails;

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
    assert_eq!(request.grant, Some(GrantAction::Replace { grant_id: GRANT_ID.parse().unwrap() }));
    assert_eq!(
        request.authorization_details,
        Some(CustomerDataDetails { exclude_categories: RULES.sensitive, ..details() })
    );
    assert!(!format!("{request:?}").contains("a@b.example"));
    // It waits in the database meanwhile.
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), request);
    assert!(push(&[("scope", ""), ("authorization_details", DETAILS), ("state", "")]).is_ok());
}

#[test]
fn what_is_wrong_with_a_request_has_its_code() {
    let two = DETAILS.replace("[{", "[{},{");
    let twice = DETAILS.replace("[{", r#"[{"duration_days":365,"#);
    let unknown = DETAILS.replace("[{", r#"[{"all":true,"#);
    let beyond = DETAILS.replace("purchases.summary", "purchases.items");
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
        (&[("authorization_details", "[]")], "invalid_authorization_details"),
        (&[("authorization_details", "[{}]")], "invalid_authorization_details"),
        (&[("authorization_details", &two)], "invalid_authorization_details"),
        (&[("authorization_details", &twice)], "invalid_authorization_details"),
        (&[("authorization_details", &unknown)], "invalid_authorization_details"),
        (&[("authorization_details", &beyond)], "invalid_authorization_details"),
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
    let request = pushed(&form, proved(&client()), RULES, Some(proved_key(1))).unwrap();
    assert_eq!(request.dpop_jkt, Some(thumbprint(1)));
    let named = asked(&[("dpop_jkt", &jkt)]);
    assert_eq!(
        word(pushed(&named, proved(&client()), RULES, Some(proved_key(1)))),
        "invalid_dpop_proof"
    );
    assert!(pushed(&named, proved(&client()), RULES, Some(proved_key(2))).is_ok());
}

#[test]
fn what_needs_the_profile_is_pushed_by_clients_that_sign() {
    let (auth, profile) = (ClientAuth::ClientSecretBasic, SecurityProfile::Baseline);
    let lax = AuthzClient { auth, profile, ..client() };
    assert_eq!(word(pushed(&asked(&[]), proved(&lax), RULES, None)), "unauthorized_client");
    let request = plain(&asked(&[]), &lax, SANDBOX).unwrap();
    assert_eq!(request.profile, SecurityProfile::Baseline);
    assert!(pushed(&asked(&[]), proved(&lax), SANDBOX, None).is_ok());
    // A client that has to keep to it does so in the sandbox, too.
    let strict = AuthzClient { profile: SecurityProfile::Fapi2, ..lax };
    assert_eq!(word(pushed(&asked(&[]), proved(&strict), SANDBOX, None)), "unauthorized_client");
    assert!(plain(&asked(&[]), &strict, SANDBOX).is_err());
}

#[test]
fn an_error_goes_to_the_client_only_where_the_address_is_its_own() {
    let client = AuthzClient { profile: SecurityProfile::Baseline, ..client() };
    let told = |changes: &[(&str, &str)]| plain(&asked(changes), &client, SANDBOX).unwrap_err();
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
    let made = handle::<RequestUri>(3);
    let uri = made.text().reveal();
    let query = format!("client_id=c_7f&request_uri={uri}&redirect_uri=https://evil.example");
    let expected = Arrival::Pushed { client_id: "c_7f".into(), request_uri: made.clone() };
    assert_eq!(Arrival::read(query.as_bytes()), Ok(expected));
    let query = b"client_id=c_7f&scope=a";
    let form = Parameters::read(query).unwrap();
    assert_eq!(Arrival::read(query), Ok(Arrival::Plain { client_id: "c_7f".into(), form }));
    for wrong in [
        &format!("request_uri={uri}"),
        "client_id=c_7f&request_uri=https://evil.example/r",
        &format!("client_id=c_7f&request_uri={uri}x"),
        "client_id=c_7f&client_id=c_7f",
    ] {
        assert_eq!(word(Arrival::read(wrong.as_bytes())), "invalid_request", "{wrong}");
    }
}

#[test]
fn an_answer_stands_behind_what_is_in_the_address() {
    let mut client = client();
    let known = crate::authz::redirect::RedirectUri::register("https://app.example/cb?t=a", false);
    client.redirect_uris.push(known.unwrap());
    let form = asked(&[("redirect_uri", "https://app.example/cb?t=a"), ("state", "a b&c=d")]);
    let back = pushed(&form, proved(&client), RULES, None).unwrap().back;
    let code = handle(1);
    let told = granted(&back, &code, ISSUER);
    let whole = format!(
        "https://app.example/cb?t=a&code={}&state=a+b%26c%3Dd&iss=https%3A%2F%2Fgw.example",
        code.text().reveal()
    );
    assert_eq!(told.reveal(), whole);
    let back = push(&[]).unwrap().back;
    let ErrorTold::Client(place) = refused(AuthorizeError::AccessDenied, Some(&back), true, ISSUER)
    else {
        panic!("the customer has logged in");
    };
    let whole = "https://app.example/cb?error=access_denied&error_description=the+request+was+denied&state=s1&iss=https%3A%2F%2Fgw.example";
    assert_eq!(place.reveal(), whole);
    assert!(!format!("{told:?}").contains("ac_"));
}

#[test]
fn a_pushed_request_waits_for_its_client_until_it_is_decided() {
    let waiting =
        PushedRequest { request: push(&[]).unwrap(), expires_at: later(300), decided: false };
    assert_eq!(waiting.of("c_7f", later(299)), Ok(&waiting.request));
    for (client_id, now, decided) in
        [("c_8", NOW, false), ("c_7f", later(300), false), ("c_7f", NOW, true)]
    {
        let refused = PushedRequest { decided, ..waiting.clone() };
        assert_eq!(refused.of(client_id, now).unwrap_err(), unknown(), "one answer for all");
        assert_eq!(refused.decide(client_id, now).unwrap_err(), unknown());
    }
    // Of two answers one finds a row.
    let decide = || waiting.clone().decide("c_7f", NOW).unwrap();
    assert_eq!(decide().taken(1), Ok(waiting.request.clone()));
    assert_eq!(decide().taken(0), Err(unknown()));
    let reference = handle::<RequestUri>(1);
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
