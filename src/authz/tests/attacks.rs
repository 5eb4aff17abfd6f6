//! What is tried against authorization servers (RFC 6819, RFC 8725, RFC 9700), one table for each.

use super::consents::{changed, decided, details, grant};
use super::{
    CHALLENGE, ISSUER, NOW, RULES, SANDBOX, SUMMARY, VERIFIER, asked, client, code, form, handle,
    later, proved, proved_key, push, redeem, refresh_record, refreshing, renew, scopes, shown,
    subject, verifier, word,
};
use crate::access::oauth::error::OAuthCode;
use crate::authz::authorize::{Arrival, AuthorizeError, ErrorTold, granted, refused};
use crate::authz::client::{AuthzClient, SecurityProfile};
use crate::authz::exchange::{CodeRecord, CodeRefused, CodeShown, exchange};
use crate::authz::handles::AuthorizationCode;
use crate::authz::pkce::CodeVerifier;
use crate::authz::refresh::RefreshShown;
use crate::authz::request::plain;
use crate::authz::token_request::TokenRequest;
use crate::consent::decide::ReadRefused;
use crate::consent::subject::KnownAs;
use crate::kernel::id::AppId;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[test]
fn every_answer_names_its_issuer_exactly() {
    let back = push(&[]).unwrap().back;
    let success = granted(&back, &handle(1), ISSUER);
    let ErrorTold::Client(error) = refused(AuthorizeError::AccessDenied, Some(&back), true, ISSUER)
    else {
        panic!("the customer has logged in");
    };
    for place in [success, error] {
        let place = url::Url::parse(place.reveal()).unwrap();
        let said: Vec<String> = place
            .query_pairs()
            .filter(|(name, _)| name == "iss")
            .map(|(_, iss)| iss.into_owned())
            .collect();
        assert_eq!(said, [ISSUER]);
    }
}

#[test]
fn an_injected_code_gives_nothing_and_takes_nothing() {
    let (ours, verifier) = (client(), verifier());
    let another = AuthzClient { id: "c_8".into(), ..ours.clone() };
    let guessed = CodeVerifier::read(Some(&"v".repeat(43))).unwrap();
    let right = shown(&ours, &verifier);
    let used = CodeRecord { used: true, ..code() };
    let live = grant();
    for (what, shown) in [
        ("client", CodeShown { client: proved(&another), ..right }),
        ("verifier", CodeShown { verifier: &guessed, ..right }),
        ("key", CodeShown { key: Some(proved_key(2)), ..right }),
        ("address", CodeShown { redirect_uri: Some("https://app.example/other"), ..right }),
    ] {
        // There is nothing to take; and of a code that was taken it is no replay, for which tokens would be revoked.
        for victims in [&code(), &used] {
            let given = exchange(victims, shown, decided(Some(&live)), super::ISSUE, NOW);
            assert_eq!(given, Err(CodeRefused::Error(OAuthCode::InvalidGrant.into())), "{what}");
        }
    }
    assert!(redeem(&code(), right, Some(&grant())).is_ok());
    assert_eq!(redeem(&used, right, Some(&grant())), Err(CodeRefused::Replayed));
}

#[test]
fn a_code_gives_nothing_by_another_consent_than_its_own() {
    let (client, verifier) = (client(), verifier());
    let grants = [
        changed(|it| it.grant_id = super::OTHER_GRANT.parse().unwrap()),
        changed(|it| it.known_as = KnownAs::Sub(subject(2))),
        changed(|it| it.parties.client_id = AppId(3)),
    ];
    for other in &grants {
        let given = redeem(&code(), shown(&client, &verifier), Some(other));
        assert_eq!(word(given), "invalid_grant");
        let given = renew(&refresh_record(), refreshing(&client), Some(other));
        assert_eq!(word(given), "invalid_grant");
    }
}

#[test]
fn what_was_written_while_all_tokens_were_revoked_gives_nothing() {
    let (client, verifier) = (client(), verifier());
    for (second, gives) in [(-1, true), (0, false), (1, false)] {
        let revoked = changed(|it| it.tokens_since = Some(later(second)));
        let given = redeem(&code(), shown(&client, &verifier), Some(&revoked));
        assert_eq!(given.is_ok(), gives, "{second}");
        let given = renew(&refresh_record(), refreshing(&client), Some(&revoked));
        assert_eq!(given.is_ok(), gives, "{second}");
    }
}

#[test]
fn where_nothing_can_be_known_of_a_consent_nothing_is_said_of_it() {
    let (client, verifier) = (client(), verifier());
    let unknown = || Err(ReadRefused::Unknown);
    let of_code = exchange(&code(), shown(&client, &verifier), unknown(), super::ISSUE, NOW);
    let of_token =
        super::refresh(&refresh_record(), refreshing(&client), unknown(), super::ISSUE, NOW);
    for told in [of_code.map(drop).map_err(Into::into), of_token.map(drop)] {
        assert_eq!(
            (word(told.clone()), told.unwrap_err().code.status()),
            ("temporarily_unavailable", 503)
        );
    }
}

#[test]
fn of_fifty_redemptions_at_once_one_gives_tokens() {
    let (taken, given, replayed) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let (client, live) = (client(), grant());
    let redeem = || {
        let verifier = verifier();
        // All read the code before any has taken it, and all but one find no row to change.
        let judged =
            exchange(&code(), shown(&client, &verifier), decided(Some(&live)), super::ISSUE, NOW)
                .unwrap();
        let rows = u64::from(!taken.swap(true, Ordering::SeqCst));
        match judged.taken(rows) {
            Ok(_) => given.fetch_add(1, Ordering::SeqCst),
            Err(why) => {
                assert_eq!(why, CodeRefused::Replayed);
                replayed.fetch_add(1, Ordering::SeqCst)
            }
        }
    };
    std::thread::scope(|scope| (0..50).for_each(|_| drop(scope.spawn(redeem))));
    assert_eq!((given.into_inner(), replayed.into_inner()), (1, 49));
}

#[test]
fn a_token_that_is_revoked_while_it_is_used_gives_nothing() {
    let client = client();
    let live = grant();
    let judge = || {
        super::refresh(
            &refresh_record(),
            refreshing(&client),
            decided(Some(&live)),
            super::ISSUE,
            NOW,
        )
    };
    assert!(judge().unwrap().taken(1).is_ok());
    assert_eq!(word(judge().unwrap().taken(0)), "invalid_grant");
}

#[test]
fn a_downgrade_of_pkce_is_refused_at_both_ends() {
    for changes in [
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("code_challenge_method", "plain"),
        ("code_challenge", VERIFIER.trim_end_matches('k')),
    ] {
        assert_eq!(word(push(&[changes])), "invalid_request", "{changes:?}");
    }
    let code = handle::<AuthorizationCode>(1);
    let (short, long) = ("v".repeat(42), "v".repeat(129));
    for verifier in ["", &short, &long] {
        let pairs = [("grant_type", "authorization_code"), ("code", code.text().reveal())];
        let read = TokenRequest::read(&form(&pairs, &[("code_verifier", verifier)]), super::API);
        assert_eq!(word(read), "invalid_request", "{verifier}");
    }
    // There is no code without a challenge, so none for which a verifier would be passed over; and one that is the
    // challenge itself, as `plain` has it, does not fit.
    let (client, plain) = (client(), CodeVerifier::read(Some(CHALLENGE)).unwrap());
    let given = redeem(&super::code(), shown(&client, &plain), Some(&grant()));
    assert_eq!(word(given), "invalid_grant");
}

#[test]
fn an_address_that_only_resembles_a_registered_one_is_refused() {
    for uri in [
        "https://app.example/c",
        "https://app.example/cbx",
        "https://app.example/cb/",
        "https://app.example/cb/../cb",
        "https://app.example/CB",
        "https://APP.example/cb",
        "https://user@app.example/cb",
        "https://app.example@evil.example/cb",
        "https://app.example/c%62",
        "https://app.example/%2e/cb",
        "https://app.example/cb?x=1",
        "https://app.example/cb?",
        "https://app.example/cb#",
        "https://app.example:8443/cb",
        "https://app.example:443/cb",
        "http://app.example/cb",
        "https://app.example.evil.example/cb",
        "https://app.example/cb ",
    ] {
        assert_eq!(word(push(&[("redirect_uri", uri)])), "invalid_request", "{uri}");
        let client = AuthzClient { profile: SecurityProfile::Baseline, ..client() };
        let told = plain(&asked(&[("redirect_uri", uri)]), &client, SANDBOX).unwrap_err();
        assert_eq!((told.error.code, told.back), (OAuthCode::InvalidRequest, None), "{uri}");
    }
}

#[test]
fn no_error_before_the_login_leads_anywhere() {
    let back = push(&[]).unwrap().back;
    for error in AuthorizeError::ALL.iter().copied() {
        let told = refused(error, Some(&back), false, ISSUER);
        // Of a request that forbids to ask for a login, which the client has to hear (RFC 9700 §4.11.2).
        let leaves = error == AuthorizeError::LoginRequired;
        assert_eq!(matches!(told, ErrorTold::Client(_)), leaves, "{error:?}");
        assert_eq!(refused(error, None, true, ISSUER), ErrorTold::Customer(error));
    }
    let client = AuthzClient { profile: SecurityProfile::Baseline, ..client() };
    for name in ["post_login", "next", "redirect_uri"] {
        let query = format!("client_id=c_7f&{name}=https://evil.example");
        let Arrival::Plain { form, .. } = Arrival::read(query.as_bytes()).unwrap() else {
            panic!("it has no reference");
        };
        assert_eq!(plain(&form, &client, SANDBOX).unwrap_err().back, None, "{name}");
    }
}

#[test]
fn what_the_client_hears_of_an_error_is_nothing_of_the_request() {
    let back = push(&[("state", "")]).unwrap().back;
    for code in OAuthCode::ALL {
        let error = AuthorizeError::from(*code);
        let ErrorTold::Client(place) = refused(error, Some(&back), true, ISSUER) else {
            panic!("the customer has logged in");
        };
        let place = url::Url::parse(place.reveal()).unwrap();
        let said: Vec<_> = place
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let fixed = [
            ("error", error.code().as_str()),
            ("error_description", error.code().description()),
            ("iss", ISSUER),
        ];
        assert_eq!(said, fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    // What has no place there has failed here: no error of the token endpoint is told to a browser.
    for code in [OAuthCode::InvalidClient, OAuthCode::InvalidGrant, OAuthCode::UseDpopNonce] {
        assert_eq!(AuthorizeError::from(code), AuthorizeError::ServerError);
    }
    assert_eq!(AuthorizeError::from(OAuthCode::InvalidScope), AuthorizeError::InvalidScope);
}

#[test]
fn what_must_be_pushed_leads_nowhere_where_it_is_not() {
    for (changes, rules, profile) in [
        (("state", "s1"), RULES, SecurityProfile::Baseline),
        (("state", "s1"), SANDBOX, SecurityProfile::Fapi2),
        (("scope", "x"), SANDBOX, SecurityProfile::Fapi2),
    ] {
        let client = AuthzClient { profile, ..client() };
        let told = plain(&asked(&[changes]), &client, rules).unwrap_err();
        assert_eq!((told.error.code, told.back), (OAuthCode::InvalidRequest, None));
    }
}

#[test]
fn a_stolen_refresh_token_gives_nothing() {
    let ours = client();
    let another = AuthzClient { id: "c_8".into(), ..ours.clone() };
    let over = changed(|it| it.validity.expires_at = NOW);
    let (live, wide) = (grant(), scopes(&format!("{SUMMARY} customer.loyalty.basic:read")));
    let right = refreshing(&ours);
    let stranger = RefreshShown { client: proved(&another), ..right };
    let with_other_key = RefreshShown { key: Some(proved_key(2)), ..right };
    for (what, shown, grant, error) in [
        ("another client", stranger, Some(&live), "invalid_grant"),
        ("another key", with_other_key, Some(&live), "invalid_grant"),
        ("no key", RefreshShown { key: None, ..right }, Some(&live), "invalid_dpop_proof"),
        ("a revoked consent", right, None, "invalid_grant"),
        ("a consent that has ended", right, Some(&over), "invalid_grant"),
        (
            "a wider scope",
            RefreshShown { scope: Some(wide), ..right },
            Some(&live),
            "invalid_scope",
        ),
    ] {
        assert_eq!(word(renew(&refresh_record(), shown, grant)), error, "{what}");
    }
    let given = renew(&refresh_record(), right, Some(&live)).unwrap();
    assert_eq!(given.authorization_details, Some(details()));
}
