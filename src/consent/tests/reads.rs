//! The decision on a read.

use super::*;
use crate::consent::change::Narrowing;
use crate::consent::decide::{
    ClientStanding, ConsentHead, ConsentRead, CustomerStanding, KnownConsent, ReadAnswer,
    ReadRefused, STALE_AFTER, WithheldBy,
};
use crate::consent::ending::SuspendedFor;
use crate::consent::scope::OAuthScope;
use crate::consent::status::ConsentStatus;
use crate::kernel::clock::SECOND;
use proptest::prelude::*;

fn read() -> ConsentRead {
    ConsentRead {
        client: AppId(2),
        client_standing: ClientStanding::Registered,
        client_scopes: scopes(ASKED),
        customer: CustomerStanding::Open,
        grant_id: grant_id(5),
        token_version: 1,
        token_scopes: scopes(&format!("{SUMMARY} {ITEMS}")),
        needs: scopes(SUMMARY),
    }
}

fn known(record: &ConsentRecord, at: Micros) -> KnownConsent {
    KnownConsent { head: Some(ConsentHead::from(record)), confirmed_at: Some(at) }
}

fn decided(read: &ConsentRead, record: &ConsentRecord, now: Micros) -> Result<String, ReadRefused> {
    let decided = read.decide(&known(record, now), STALE_AFTER, now);
    decided.map(|allowed| allowed.scopes.to_string())
}

#[test]
fn a_read_gets_what_token_consent_and_client_all_allow() {
    let mut read = read();
    read.token_scopes = scopes(&format!("{SUMMARY} {ITEMS} customer.loyalty.basic:read"));
    let consent = active();
    assert_eq!(decided(&read, &consent, NOW), Ok(format!("{SUMMARY} {ITEMS}")));
    read.client_scopes = scopes(SUMMARY);
    let allowed = read.decide(&known(&consent, NOW), STALE_AFTER, NOW).unwrap();
    assert_eq!(allowed.scopes, scopes(SUMMARY));
    assert_eq!((allowed.grant_id, allowed.version), (grant_id(5), 1));
    assert_eq!(allowed.excluded, ExcludedCategories::by_default());
    assert_eq!(allowed.history_from, Some("2026-07-15T08:00:00Z".parse().unwrap()));
}

#[test]
fn who_withholds_a_scope_is_said() {
    let needs = scopes(&format!("{SUMMARY} {ITEMS}"));
    let base = ConsentRead { needs, ..read() };
    let missing = |by| Err(ReadRefused::Scopes { missing: scopes(ITEMS), by });
    let token = ConsentRead { token_scopes: scopes(SUMMARY), ..base };
    assert_eq!(decided(&token, &active(), NOW), missing(WithheldBy::Token));
    let client = ConsentRead { client_scopes: scopes(SUMMARY), ..base };
    assert_eq!(decided(&client, &active(), NOW), missing(WithheldBy::Client));
    let less = Narrowing { remove: scopes(ITEMS), ..Narrowing::default() };
    let narrowed = active().narrow(less, NOW).unwrap().record;
    // The token was issued for the version before: it works on, for less.
    assert_eq!(decided(&base, &narrowed, NOW), missing(WithheldBy::Consent));
    assert_eq!(decided(&read(), &narrowed, NOW), Ok(SUMMARY.to_owned()));
    let refused = ReadRefused::Scopes { missing: scopes(ITEMS), by: WithheldBy::Consent };
    assert_eq!(refused.answer(needs), ReadAnswer::InsufficientScope(needs));
}

#[test]
fn a_consent_holds_from_its_start_to_before_its_end() {
    let consent = active();
    assert_eq!(decided(&read(), &consent, later(-1)), Err(ReadRefused::NotYet));
    let end = consent.validity.expires_at;
    assert!(decided(&read(), &consent, Micros(end.0 - 1)).is_ok());
    assert_eq!(decided(&read(), &consent, end), Err(ReadRefused::Over));
}

#[test]
fn what_is_not_active_allows_nothing() {
    let consent = active();
    let suspended = consent.suspend(SuspendedFor::Blocked, NOW).unwrap().record;
    let revoked = consent.revoke(revocation(), NOW).unwrap().record;
    for record in [pending(), suspended, revoked] {
        let refused = Err(ReadRefused::Status(record.status));
        assert_eq!(decided(&read(), &record, NOW), refused);
    }
    let barred = ConsentRead { customer: CustomerStanding::Barred, ..read() };
    assert_eq!(decided(&barred, &consent, NOW), Err(ReadRefused::Customer));
    let stopped = ConsentRead { client_standing: ClientStanding::Suspended, ..read() };
    assert_eq!(decided(&stopped, &consent, NOW), Err(ReadRefused::Client));
}

#[test]
fn what_cannot_be_known_allows_nothing() {
    let consent = active();
    let unknown = Err(ReadRefused::Unknown);
    let at = |confirmed_at, now| {
        let known = KnownConsent { confirmed_at, ..known(&consent, NOW) };
        read().decide(&known, STALE_AFTER, now).map(|_| ())
    };
    assert_eq!(at(Some(NOW), later(2 * SECOND)), Ok(()));
    assert_eq!(at(Some(NOW), later(2 * SECOND + 1)), unknown);
    assert_eq!(at(Some(later(2 * SECOND + 1)), NOW), unknown, "the clock was set back");
    assert_eq!(at(None, NOW), unknown);
    // Not even that it has ended: what a node says of the past is as old as what it says of the present.
    let none = KnownConsent { head: None, confirmed_at: Some(later(-3 * SECOND)) };
    assert_eq!(read().decide(&none, STALE_AFTER, NOW).map(|_| ()), unknown);
    let newer = ConsentRead { token_version: 2, ..read() };
    assert_eq!(decided(&newer, &consent, NOW).map(|_| ()), unknown, "another node knows more");
    assert_eq!(ReadRefused::Unknown.answer(scopes(SUMMARY)), ReadAnswer::Unavailable);
}

#[test]
fn refusals_that_would_tell_of_the_customer_are_answered_alike() {
    let none = KnownConsent { head: None, confirmed_at: Some(NOW) };
    assert_eq!(read().decide(&none, STALE_AFTER, NOW), Err(ReadRefused::NoConsent));
    let other = ConsentRead { client: AppId(3), ..read() };
    assert_eq!(decided(&other, &active(), NOW), Err(ReadRefused::NoConsent));
    let refusals = [
        ReadRefused::NoConsent,
        ReadRefused::Status(ConsentStatus::Revoked),
        ReadRefused::Status(ConsentStatus::Suspended),
        ReadRefused::Status(ConsentStatus::Superseded),
        ReadRefused::NotYet,
        ReadRefused::Over,
        ReadRefused::Customer,
        ReadRefused::Client,
    ];
    for refusal in refusals {
        assert_eq!(refusal.answer(scopes(SUMMARY)), ReadAnswer::InvalidToken, "{refusal}");
    }
}

/// The scopes whose places in the list have a bit.
fn of_bits(bits: u32) -> OAuthScopes {
    OAuthScopes::all()
        .iter()
        .enumerate()
        .filter(|(n, _)| bits >> n & 1 == 1)
        .map(|(_, it)| it)
        .collect()
}

proptest! {
    #[test]
    fn no_read_gets_more_than_each_of_the_three_allows(token: u32, consent: u32, client: u32, needs in 0_u32..25) {
        let (token, consent, client) = (of_bits(token), of_bits(consent), of_bits(client));
        let needs: OAuthScopes = OAuthScopes::all().iter().nth(needs as usize).into_iter().collect();
        let read = ConsentRead { token_scopes: token, client_scopes: client, needs, ..read() };
        let mut known = known(&active(), NOW);
        known.head = known.head.map(|head| ConsentHead { scopes: consent, ..head });
        let held = |scope: OAuthScope| token.has(scope) && consent.has(scope) && client.has(scope);
        match read.decide(&known, STALE_AFTER, NOW) {
            Ok(allowed) => {
                prop_assert!(needs.within(allowed.scopes));
                for scope in OAuthScopes::all().iter() {
                    prop_assert_eq!(allowed.scopes.has(scope), held(scope), "{}", scope);
                }
            }
            Err(ReadRefused::Scopes { missing, .. }) => {
                prop_assert!(!missing.is_empty() && missing.within(needs));
                prop_assert!(!missing.iter().any(held));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn sets_are_sets(a: u32, b: u32) {
        let (x, y) = (of_bits(a), of_bits(b));
        prop_assert!(x.and(y).within(x) && x.within(x.or(y)));
        prop_assert_eq!(x.without(y).or(x.and(y)), x);
        prop_assert_eq!(x.within(y), x.iter().all(|scope| y.has(scope)));
        if !x.is_empty() {
            prop_assert_eq!(OAuthScopes::parse(&x.to_string()), Ok(x));
        }
    }
}
