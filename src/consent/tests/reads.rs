//! The decision on a read.

use super::*;
use crate::consent::ask::TokensRevokedFor;
use crate::consent::decide::{ConsentRead, ConsentedRead, ReadAnswer, ReadRefused, WithheldBy};
use crate::consent::ending::SuspendedFor;
use crate::consent::head::{ConsentHead, KnownConsent};
use crate::consent::live::{GrantPointer, LiveGrant};
use crate::consent::scope::OAuthScope;
use crate::consent::standing::{CustomerStanding, Standings};
use crate::consent::status::ConsentStatus;
use crate::kernel::clock::SECOND;
use proptest::prelude::*;

/// Seconds since 1970 of [`NOW`].
const NOW_S: i64 = NOW.0 / SECOND;

fn read() -> ConsentRead {
    ConsentRead {
        pointer: GrantPointer { grant_id: grant_id(5), version: 1, client: AppId(2), sub: sub() },
        issued_at: NOW_S,
        token_scopes: scopes(&format!("{SUMMARY} {ITEMS}")),
        needs: scopes(SUMMARY),
    }
}

fn standings() -> Standings {
    Standings { client: client(), customer: CustomerStanding::Open }
}

fn known(head: ConsentHead, at: Micros) -> KnownConsent {
    let mut known = KnownConsent::default();
    assert!(known.apply(head));
    known.confirm(at);
    known
}

/// The decision where the node knows this, with what else is the same for most.
fn decide(
    read: &ConsentRead,
    head: ConsentHead,
    now: Micros,
) -> Result<ConsentedRead, ReadRefused> {
    read.decide(&known(head, now), standings(), ConsentSettings::default(), now)
}

fn decided(read: &ConsentRead, record: &ConsentRecord, now: Micros) -> Result<String, ReadRefused> {
    decide(read, ConsentHead::of(record, 1), now).map(|allowed| allowed.scopes().to_string())
}

fn with(standings: Standings) -> Result<ConsentedRead, ReadRefused> {
    let known = known(ConsentHead::of(&active(), 1), NOW);
    read().decide(&known, standings, ConsentSettings::default(), NOW)
}

#[test]
fn a_read_gets_what_token_consent_and_client_all_allow() {
    let mut read = read();
    read.token_scopes = scopes(&format!("{SUMMARY} {ITEMS} customer.loyalty.basic:read"));
    assert_eq!(decided(&read, &active(), NOW), Ok(format!("{SUMMARY} {ITEMS}")));
    let less = ConsentClient { scopes: scopes(SUMMARY), ..client() };
    let allowed = with(Standings { client: less, ..standings() }).unwrap();
    assert_eq!(allowed.scopes(), scopes(SUMMARY));
    assert_eq!((allowed.grant_id(), allowed.version(), *allowed.sub()), (grant_id(5), 1, sub()));
    assert_eq!(allowed.excluded(), SensitiveCategories::everywhere());
    assert_eq!(allowed.history_from(), "2026-07-15T08:00:00Z".parse().unwrap());
    let head = ConsentHead { history_from: None, ..ConsentHead::of(&active(), 1) };
    assert_eq!(decide(&read, head, NOW).unwrap().history_from(), NOW, "nothing from before");
}

#[test]
fn who_withholds_a_scope_is_said() {
    let needs = scopes(&format!("{SUMMARY} {ITEMS}"));
    let base = ConsentRead { needs, ..read() };
    let missing = |by| Err(ReadRefused::Scopes { missing: scopes(ITEMS), by });
    let token = ConsentRead { token_scopes: scopes(SUMMARY), ..base };
    assert_eq!(decided(&token, &active(), NOW), missing(WithheldBy::Token));
    let less = ConsentClient { scopes: scopes(SUMMARY), ..client() };
    let known = known(ConsentHead::of(&active(), 1), NOW);
    let client = Standings { client: less, ..standings() };
    let client = base.decide(&known, client, ConsentSettings::default(), NOW);
    assert_eq!(client.map(|_| String::new()), missing(WithheldBy::Client));
    let narrowed = own(&active()).narrow(without(scopes(ITEMS)), NOW).unwrap().record;
    // The token was issued for the version before: it works on, for less.
    assert_eq!(decided(&base, &narrowed, NOW), missing(WithheldBy::Consent));
    assert_eq!(decided(&read(), &narrowed, NOW), Ok(SUMMARY.to_owned()));
    let refused = ReadRefused::Scopes { missing: scopes(ITEMS), by: WithheldBy::Consent };
    assert_eq!(refused.answer(needs), ReadAnswer::InsufficientScope(needs));
}

#[test]
fn a_read_that_needs_nothing_of_customers_gets_nothing() {
    let all = ConsentClient { scopes: OAuthScopes::all(), ..client() };
    let head = ConsentHead { scopes: OAuthScopes::all(), ..ConsentHead::of(&active(), 1) };
    let login: OAuthScopes = [OAuthScope::OpenId, OAuthScope::OfflineAccess].into_iter().collect();
    for needs in [OAuthScopes::NONE, login, OAuthScope::CatalogRead.into()] {
        let read = ConsentRead { needs, token_scopes: OAuthScopes::all(), ..read() };
        let standings = Standings { client: all, ..standings() };
        let refused = read.decide(&known(head, NOW), standings, ConsentSettings::default(), NOW);
        assert_eq!(refused, Err(ReadRefused::NeedsNothing), "{needs}");
        assert_eq!(refused.unwrap_err().answer(needs), ReadAnswer::InsufficientScope(needs));
    }
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
    for record in [pending(), suspended, revoked(&consent, NOW)] {
        let refused = Err(ReadRefused::Status(record.status));
        assert_eq!(decided(&read(), &record, NOW), refused);
    }
    let barred = Standings { customer: CustomerStanding::Barred, ..standings() };
    assert_eq!(with(barred), Err(ReadRefused::Customer));
    let stopped = ConsentClient { standing: ClientStanding::Suspended, ..client() };
    assert_eq!(with(Standings { client: stopped, ..standings() }), Err(ReadRefused::Client));
}

#[test]
fn a_token_has_the_consent_of_its_own_client_and_customer_alone() {
    type Change = fn(&mut GrantPointer);
    let changes: [Change; 3] = [
        |it| it.grant_id = grant_id(6),
        |it| it.client = AppId(3),
        |it| it.sub = PairwiseSub::random([0xac; 16]),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut other = read();
        change(&mut other.pointer);
        assert_eq!(decided(&other, &active(), NOW), Err(ReadRefused::NoConsent), "{n}");
        let client = ConsentClient { id: other.pointer.client, ..client() };
        let standings = Standings { client, ..standings() };
        let known = known(ConsentHead::of(&active(), 1), NOW);
        let decided = other.decide(&known, standings, ConsentSettings::default(), NOW);
        assert_eq!(decided, Err(ReadRefused::NoConsent), "{n}");
    }
    let other = ConsentClient { id: AppId(3), ..client() };
    let other = with(Standings { client: other, ..standings() });
    assert_eq!(other, Err(ReadRefused::NoConsent), "looked up for another client");
    let versions = [active()];
    let by = crate::consent::change::ConsentActor::Customer;
    let erased = ConsentRecord::erase(&versions, by, NOW).unwrap().record;
    assert_eq!(decided(&read(), &erased, NOW), Err(ReadRefused::NoConsent), "it is nobody's");
}

#[test]
fn tokens_that_were_revoked_read_nothing_and_others_do() {
    let at = later(10 * SECOND + 1);
    let record = active().revoke_tokens(TokensRevokedFor::Compromised, at).unwrap().record;
    let read_at = |issued_at| {
        let read = ConsentRead { issued_at, ..read() };
        decided(&read, &record, later(20 * SECOND)).map(|_| ())
    };
    assert_eq!(read_at(NOW_S), Err(ReadRefused::Token));
    assert_eq!(read_at(NOW_S + 10), Err(ReadRefused::Token), "in the same second");
    assert_eq!(read_at(NOW_S + 11), Ok(()));
    assert_eq!(ReadRefused::Token.answer(scopes(SUMMARY)), ReadAnswer::InvalidToken);
}

#[test]
fn what_cannot_be_known_allows_nothing() {
    let consent = active();
    let unknown = Err(ReadRefused::Unknown);
    let decide = |known: &KnownConsent, now| {
        read().decide(known, standings(), ConsentSettings::default(), now).map(|_| ())
    };
    let at = |confirmed_at, now| decide(&known(ConsentHead::of(&consent, 1), confirmed_at), now);
    assert_eq!(at(NOW, later(2 * SECOND)), Ok(()));
    assert_eq!(at(NOW, later(2 * SECOND + 1)), unknown);
    assert_eq!(at(later(2 * SECOND + 1), NOW), unknown, "the clock was set back");
    let mut never = KnownConsent::default();
    assert_eq!(decide(&never, NOW), unknown);
    never.apply(ConsentHead::of(&consent, 1));
    assert_eq!(decide(&never, NOW), unknown, "never confirmed");
    // Not even that it has ended: what a node says of the past is as old as what it says of the present.
    let mut none = KnownConsent::default();
    none.confirm(later(-3 * SECOND));
    assert_eq!(decide(&none, NOW), unknown);
    none.confirm(NOW);
    assert_eq!(decide(&none, NOW), Err(ReadRefused::NoConsent));
    let mut newer = read();
    newer.pointer.version = 2;
    assert_eq!(decided(&newer, &consent, NOW).map(|_| ()), unknown, "another node knows more");
    let ended = decided(&newer, &consent, consent.validity.expires_at).map(|_| ());
    assert_eq!(ended, unknown, "it may have been renewed");
    assert_eq!(ReadRefused::Unknown.answer(scopes(SUMMARY)), ReadAnswer::Unavailable);
}

#[test]
fn what_was_written_later_counts_in_whatever_order_it_comes() {
    let (before, after) = (active(), revoked(&active(), NOW));
    let (old, new) = (ConsentHead::of(&before, 7), ConsentHead::of(&after, 8));
    let mut known = KnownConsent::default();
    assert!(known.apply(old) && known.apply(new));
    assert!(!known.apply(old) && !known.apply(new), "late, and again");
    assert_eq!(known.head(), Some(&new));
    let mut reversed = KnownConsent::default();
    assert!(reversed.apply(new) && !reversed.apply(old));
    assert_eq!(reversed, known);
    let other = ConsentHead { grant_id: grant_id(6), seq: 9, ..old };
    assert!(!known.apply(other), "another consent's");
}

#[test]
fn refusals_that_would_tell_of_the_customer_are_answered_alike() {
    let refusals = [
        ReadRefused::NoConsent,
        ReadRefused::Status(ConsentStatus::Revoked),
        ReadRefused::Status(ConsentStatus::Suspended),
        ReadRefused::Status(ConsentStatus::Superseded),
        ReadRefused::NotYet,
        ReadRefused::Over,
        ReadRefused::Customer,
        ReadRefused::Client,
        ReadRefused::Token,
    ];
    for refusal in refusals {
        assert_eq!(refusal.answer(scopes(SUMMARY)), ReadAnswer::InvalidToken, "{refusal}");
    }
}

#[test]
fn a_grant_in_force_says_what_tokens_it_gives() {
    let grant = |head: ConsentHead, client| {
        let (pointer, standings) = (read().pointer, Standings { client, ..standings() });
        LiveGrant::of(&known(head, NOW), pointer, standings, std::time::Duration::ZERO, NOW)
    };
    let head = ConsentHead::of(&active(), 1);
    let live = grant(head, client()).unwrap();
    assert_eq!((live.grant_id(), live.version(), live.client()), (grant_id(5), 1, AppId(2)));
    assert_eq!((*live.subject(), live.ends_at()), (sub(), days(90)));
    assert_eq!(live.scopes(), active().data.scopes);
    assert!(live.is_recurring() && live.has_refresh() && live.accepts(0));
    let fewer = ConsentClient { scopes: scopes(SUMMARY), ..client() };
    let live = grant(head, fewer).unwrap();
    assert_eq!((live.scopes(), live.has_refresh()), (scopes(SUMMARY), false), "the client lost it");
    let datatypes = |record: &ConsentRecord, of: &str| {
        live.details(record, scopes(of)).map(|details| details.datatypes)
    };
    let both = format!("{SUMMARY} {ITEMS}");
    assert_eq!(datatypes(&active(), &both), Some(scopes(SUMMARY)), "as much as the client has");
    assert_eq!(datatypes(&active(), ITEMS), None);
    let narrowed = own(&active()).narrow(without(scopes(ITEMS)), NOW).unwrap().record;
    assert_eq!(datatypes(&narrowed, &both), None, "another version");
    let once = grant(ConsentHead { access: AccessMode::Once, ..head }, client()).unwrap();
    assert!(!once.is_recurring() && !once.has_refresh());
    let pointer = GrantPointer { version: 0, ..read().pointer };
    let foreign =
        LiveGrant::of(&known(head, NOW), pointer, standings(), std::time::Duration::ZERO, NOW);
    assert_eq!(foreign.unwrap().version(), 1, "an issuer of others knows no version");
}

#[test]
fn what_becomes_sensitive_is_left_out_of_what_was_agreed_to_before() {
    let (pharmacy, religious) = (SensitiveCategory::Pharmacy, SensitiveCategory::Religious);
    let excluded = SensitiveCategories::everywhere().without(pharmacy.into());
    let head = ConsentHead { excluded, let_in: pharmacy.into(), ..ConsentHead::of(&active(), 1) };
    let mut settings = ConsentSettings::default();
    let allowed = |settings| {
        let decided = read().decide(&known(head, NOW), standings(), settings, NOW);
        decided.unwrap().excluded()
    };
    assert_eq!(allowed(settings), excluded, "what was ticked in is there");
    settings.sensitive_categories = settings.sensitive_categories.or(religious.into());
    assert_eq!(allowed(settings), excluded.or(religious.into()));
    let dietary = SensitiveCategories::from(SensitiveCategory::Dietary);
    let head = ConsentHead { excluded: dietary, ..head };
    let allowed = decide(&read(), head, NOW).unwrap().excluded();
    assert!(allowed.has(SensitiveCategory::Dietary), "the partner has asked for it to be left out");
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
    fn no_read_gets_more_than_each_of_the_three_allows(token: u32, consent: u32, client: u32, needs in 0_u32..30) {
        let (token, consent, client) = (of_bits(token), of_bits(consent), of_bits(client));
        let needs: OAuthScopes = OAuthScopes::all().iter().nth(needs as usize).into_iter().collect();
        let read = ConsentRead { token_scopes: token, needs, ..read() };
        let known = known(ConsentHead { scopes: consent, ..ConsentHead::of(&active(), 1) }, NOW);
        let client_of = ConsentClient { scopes: client, ..super::client() };
        let standings = Standings { client: client_of, ..standings() };
        let held = |scope: OAuthScope| token.has(scope) && consent.has(scope) && client.has(scope);
        match read.decide(&known, standings, ConsentSettings::default(), NOW) {
            Ok(allowed) => {
                prop_assert!(needs.within(allowed.scopes()));
                for scope in OAuthScopes::all().iter() {
                    prop_assert_eq!(allowed.scopes().has(scope), held(scope), "{}", scope);
                }
            }
            Err(ReadRefused::Scopes { missing, .. }) => {
                prop_assert!(!missing.is_empty() && missing.within(needs));
                prop_assert!(!missing.iter().any(held));
            }
            Err(ReadRefused::NeedsNothing) => prop_assert!(needs.of_customers().is_empty()),
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
