//! What is tried against authorization servers (RFC 6819, RFC 8725, RFC 9700), one table for each.

use super::{
    API, CHALLENGE, ISSUE, ISSUER, NOW, ROTATES, SUMMARY, VERIFIER, asked, client, code, form,
    grant, push, refresh_record, scopes, shown, thumbprint, verifier, word,
};
use crate::authz::authorize::{ErrorTold, REDIRECT, arrival, granted, refused};
use crate::authz::client::{AuthzClient, SecurityProfile};
use crate::authz::error::OAuthCode;
use crate::authz::exchange::{CodeRecord, CodeRefused, CodeShown, exchange};
use crate::authz::grant::LiveGrant;
use crate::authz::handles::{Handle, HandleKind};
use crate::authz::pkce::CodeVerifier;
use crate::authz::refresh::{
    NextToken, RefreshRecord, RefreshRefused, RefreshShown, RefreshSuccessor, refresh,
};
use crate::authz::request::{RequestRules, plain};
use crate::authz::token_request::TokenRequest;
use crate::kernel::Micros;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

fn handle(kind: HandleKind, byte: u8) -> Handle {
    let fill = |bytes: &mut [u8]| {
        bytes.fill(byte);
        Ok::<(), ()>(())
    };
    Handle::random(kind, fill).unwrap()
}

#[test]
fn every_answer_names_its_issuer_exactly() {
    let back = push(&[]).unwrap().back;
    let success = granted(&back, &handle(HandleKind::Code, 1), ISSUER);
    let ErrorTold::Client(error) =
        refused(OAuthCode::AccessDenied.into(), Some(&back), true, ISSUER)
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
fn an_injected_code_gives_nothing_and_stays_usable_by_its_client() {
    let (ours, verifier) = (client(), verifier());
    let another = AuthzClient { id: "c_8".into(), ..ours.clone() };
    let guessed = CodeVerifier::read(Some(&"v".repeat(43))).unwrap();
    let right = shown(&ours, &verifier);
    let victims = code();
    for (what, shown) in [
        ("client", CodeShown { client: &another, ..right }),
        ("verifier", CodeShown { verifier: &guessed, ..right }),
        ("key", CodeShown { key: Some(thumbprint(2)), ..right }),
        ("address", CodeShown { redirect_uri: Some("https://app.example/other"), ..right }),
    ] {
        let given = exchange(&victims, shown, Some(&grant()), ISSUE, NOW);
        // Not as a replay, after which tokens are revoked and the code is gone.
        assert_eq!(given, Err(CodeRefused::Error(OAuthCode::InvalidGrant.into())), "{what}");
        assert!(exchange(&victims, right, Some(&grant()), ISSUE, NOW).is_ok());
    }
}

#[test]
fn of_fifty_redemptions_at_once_one_gives_tokens() {
    let (taken, given, replayed) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let redeem = || {
        let (client, verifier) = (client(), verifier());
        // All read the code before any has taken it.
        exchange(&code(), shown(&client, &verifier), Some(&grant()), ISSUE, NOW).unwrap();
        if taken.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            given.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let used = CodeRecord { used: true, ..code() };
        let again = exchange(&used, shown(&client, &verifier), Some(&grant()), ISSUE, NOW);
        assert_eq!(again, Err(CodeRefused::Replayed));
        replayed.fetch_add(1, Ordering::SeqCst);
    };
    std::thread::scope(|scope| (0..50).for_each(|_| drop(scope.spawn(redeem))));
    assert_eq!((given.into_inner(), replayed.into_inner()), (1, 49));
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
    let code = handle(HandleKind::Code, 1);
    let (short, long) = ("v".repeat(42), "v".repeat(129));
    for verifier in ["", &short, &long] {
        let pairs = [("grant_type", "authorization_code"), ("code", code.text().reveal())];
        let read = TokenRequest::read(&form(&pairs, &[("code_verifier", verifier)]), API);
        assert_eq!(word(read), "invalid_request", "{verifier}");
    }
    // There is no code without a challenge, so none for which a verifier would be passed over; and one that is the
    // challenge itself, as `plain` has it, does not fit.
    let (client, plain) = (client(), CodeVerifier::read(Some(CHALLENGE)).unwrap());
    let given = exchange(&super::code(), shown(&client, &plain), Some(&grant()), ISSUE, NOW);
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
        let sandbox = RequestRules { customers: SecurityProfile::Baseline, resource: API };
        let mut client = client();
        client.profile = SecurityProfile::Baseline;
        let told = plain(&asked(&[("redirect_uri", uri)]), &client, sandbox).unwrap_err();
        assert_eq!(
            refused(told.error.clone(), told.back.as_ref(), true, ISSUER),
            ErrorTold::Customer(told.error)
        );
    }
}

#[test]
fn no_error_before_the_login_leads_anywhere() {
    let back = push(&[]).unwrap().back;
    for code in OAuthCode::ALL {
        let told = refused((*code).into(), Some(&back), false, ISSUER);
        // Of a request that forbids to ask for a login, which the client has to hear (RFC 9700 §4.11.2).
        let leaves = *code == OAuthCode::LoginRequired;
        assert_eq!(matches!(told, ErrorTold::Client(_)), leaves, "{code:?}");
        assert!(matches!(refused((*code).into(), None, true, ISSUER), ErrorTold::Customer(_)));
    }
    for name in ["post_login", "next", "redirect_uri"] {
        let query = format!("client_id=c_7f&{name}=https://evil.example");
        let (_, form) = arrival(query.as_bytes()).unwrap();
        assert!(plain(&form, &client(), super::RULES).unwrap_err().back.is_none(), "{name}");
    }
}

#[test]
fn what_was_posted_is_not_posted_on() {
    assert_eq!(REDIRECT, 303);
}

#[test]
fn a_stolen_refresh_token_gives_nothing() {
    let ours = client();
    let another = AuthzClient { id: "c_8".into(), ..ours.clone() };
    let over = LiveGrant { ends_at: NOW, ..grant() };
    let (live, wide) = (grant(), scopes(&format!("{SUMMARY} customer.loyalty.basic:read")));
    let right = RefreshShown { client: &ours, key: Some(thumbprint(1)), scope: None };
    for (what, shown, grant, error) in [
        (
            "another client",
            RefreshShown { client: &another, ..right },
            Some(&live),
            "invalid_grant",
        ),
        (
            "another key",
            RefreshShown { key: Some(thumbprint(2)), ..right },
            Some(&live),
            "invalid_grant",
        ),
        ("no key", RefreshShown { key: None, ..right }, Some(&live), "invalid_grant"),
        ("a revoked consent", right, None, "invalid_grant"),
        ("a consent that has ended", right, Some(&over), "invalid_grant"),
        (
            "a wider scope",
            RefreshShown { scope: Some(&wide), ..right },
            Some(&live),
            "invalid_scope",
        ),
    ] {
        let given = refresh(&refresh_record(), shown, grant, ISSUE, NOW);
        assert_eq!(word(given), error, "{what}");
    }
    assert!(refresh(&refresh_record(), right, Some(&live), ISSUE, NOW).is_ok());
}

#[test]
fn a_lost_answer_is_given_again_and_a_replay_ends_the_grant() {
    let (client, grant, secret) = (client(), grant(), [7; 32]);
    let shown = RefreshShown { client: &client, key: Some(thumbprint(1)), scope: None };
    let use_it = |record: &RefreshRecord, second: i64| {
        let now = Micros(NOW.0 + second * 1_000_000);
        refresh(record, shown, Some(&grant), ROTATES, now).map(|(_, next)| next)
    };
    let token = handle(HandleKind::RefreshToken, 1);
    let mut record = refresh_record();
    assert_eq!(use_it(&record, 0), Ok(NextToken::New));
    let (next, since) = (token.successor(&secret), NOW);
    record.successor = Some(RefreshSuccessor { since, used: false });
    // The answer is lost, and asked for again: the same token, of which only the hash is stored.
    assert_eq!(use_it(&record, 5), Ok(NextToken::Again));
    assert_eq!(token.successor(&secret).hash(), next.hash());
    record.successor = Some(RefreshSuccessor { since, used: true });
    assert_eq!(use_it(&record, 6), Err(RefreshRefused::Compromised));
    assert_eq!(word(use_it(&record, 6)), "invalid_grant");
    // A thief without the client's key ends nothing by that.
    let thief = RefreshShown { key: Some(thumbprint(2)), ..shown };
    let given = refresh(&record, thief, Some(&grant), ROTATES, NOW);
    assert_eq!(given, Err(RefreshRefused::Error(OAuthCode::InvalidGrant.into())));
}
