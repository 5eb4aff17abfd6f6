//! The moves of a consent, one by one.

use super::*;
use crate::consent::ask::{RevokedFor, TokensRevokedFor};
use crate::consent::change::{ConsentActor, ConsentBasis, ConsentEventKind as Kind};
use crate::consent::ending::{ConsentEnd, EndReason, EndedBy, SuspendedFor, Suspensions};
use crate::consent::scope::OAuthScope;
use crate::consent::status::ConsentStatus as Status;
use crate::consent::subject::KnownAs;

pub(super) fn told(change: &ConsentChange) -> Vec<(Kind, u32)> {
    change.events.iter().map(|event| (event.kind, event.version)).collect()
}

#[test]
fn renewing_makes_the_next_version_of_the_same_grant() {
    let purpose = purpose();
    let mut asked = asked();
    asked.details.duration_days = 180;
    let mut answer = approval(&format!("{SUMMARY} customer.loyalty.basic:read"));
    answer.duration_days = Some(180);
    let mut before = active();
    before.receipt_jws = Some("eyJ".into());
    let change = own(&before).renew(&asked, &ceiling(&purpose), answer.clone(), days(80)).unwrap();
    assert_eq!(told(&change), [(Kind::Superseded, 1), (Kind::Renewed, 2)]);
    assert_eq!(change.from, Some(before.basis()), "written where that is still so");
    let ([old], new) = (&change.earlier[..], change.record) else { panic!("{:?}", change.earlier) };
    let end = ConsentEnd {
        ended_at: days(80),
        ended_by: EndedBy::Customer,
        end_reason: EndReason::Renewed,
    };
    assert_eq!((old.status, old.version, old.end), (Status::Superseded, 1, Some(end)));
    assert_eq!((new.grant_id, new.version, new.supersedes), (before.grant_id, 2, Some(1)));
    assert_eq!((new.status, new.validity.expires_at), (Status::Active, days(260)));
    assert_eq!((old.receipt_jws.is_some(), new.receipt_jws), (true, None), "to be signed anew");
    assert!(
        new.data.scopes.has(OAuthScope::LoyaltyBasicRead)
            && !new.data.scopes.has(OAuthScope::PurchasesItemsRead)
    );
    assert_eq!(
        own(&before).renew(&asked, &ceiling(&purpose), answer.clone(), days(90)),
        Err(ChangeRefused::Over)
    );
}

#[test]
fn renewing_is_between_the_same_for_the_same() {
    type Change = fn(&mut ConsentAsked, &mut PurposeDocument);
    let changes: [(Change, ChangeRefused); 5] = [
        (|it, _| it.sub = PairwiseSub::random([3; 16]), ChangeRefused::OtherParties),
        (|it, _| it.parties.client_id = AppId(9), ChangeRefused::OtherParties),
        (|it, _| it.parties.partner_id = PartnerId(9), ChangeRefused::OtherParties),
        (
            |it, _| it.parties.subject_ref = SubjectKey::new([1; 32]).refer("cus_2"),
            ChangeRefused::OtherParties,
        ),
        (
            |asked, purpose| {
                purpose.purpose_id = "ads".parse().unwrap();
                asked.details.purpose_id = purpose.purpose_id.clone();
            },
            ChangeRefused::OtherPurpose,
        ),
    ];
    for (change, error) in changes {
        let (mut asked, mut purpose) = (asked(), purpose());
        change(&mut asked, &mut purpose);
        let renewed = own(&active()).renew(&asked, &ceiling(&purpose), approval(SUMMARY), NOW);
        assert_eq!(renewed, Err(error));
    }
    let event = own(&active()).renewal_denied(NOW);
    assert_eq!((event.kind, &event.facts["status"]), (Kind::Denied, &"active".into()));
}

#[test]
fn narrowing_makes_the_next_version_without_a_screen() {
    let remove = scopes(&format!("{ITEMS} customer.lists:read"));
    let change = own(&active()).narrow(without(remove), days(1)).unwrap();
    assert_eq!(told(&change), [(Kind::Superseded, 1), (Kind::Narrowed, 2)]);
    assert_eq!(change.events[1].facts["scopes_removed"], serde_json::json!([ITEMS]));
    let record = change.record;
    assert_eq!(record.data.scopes, scopes(&format!("{SUMMARY} offline_access")));
    assert_eq!(record.data.authorization_details.datatypes, scopes(SUMMARY));
    let before = active();
    assert_eq!(
        (record.validity, record.expression),
        (before.validity.clone(), before.expression.clone())
    );
    let narrow = |remove| own(&before).narrow(without(remove), NOW);
    assert_eq!(narrow(scopes(SUMMARY)), Err(ChangeRefused::Required(scopes(SUMMARY))));
    assert_eq!(narrow(OAuthScope::ListsRead.into()), Err(ChangeRefused::NotNarrower));
    let late = own(&before).narrow(without(scopes(ITEMS)), days(90));
    assert_eq!(late, Err(ChangeRefused::Over));
    let mut free = active();
    free.data.required = OAuthScopes::NONE;
    let all = own(&free).narrow(without(free.data.scopes), NOW);
    assert_eq!(all, Err(ChangeRefused::Nothing));
}

#[test]
fn categories_can_be_left_out_later() {
    let pharmacy: SensitiveCategories = SensitiveCategory::Pharmacy.into();
    let mut open = active();
    open.data.authorization_details.exclude_categories = SensitiveCategories::NONE;
    open.data.let_in = pharmacy;
    let less = Narrowing { exclude: pharmacy, ..Narrowing::default() };
    let record = own(&open).narrow(less, NOW).unwrap().record;
    assert_eq!(record.data.authorization_details.exclude_categories, pharmacy);
    assert_eq!(record.data.let_in, SensitiveCategories::NONE);
    assert_eq!(own(&record).narrow(less, NOW), Err(ChangeRefused::NotNarrower));
}

#[test]
fn suspending_takes_nothing_away_for_good() {
    let change = active().suspend(SuspendedFor::Deceased, NOW).unwrap();
    assert_eq!(told(&change), [(Kind::Suspended, 1)]);
    let written = format!("{:?}", change.events);
    assert!(!written.contains("eceased"), "the ledger does not say why: {written}");
    let suspended = change.record;
    let resume = |now| suspended.resume(SuspendedFor::Deceased, now);
    assert_eq!(resume(days(1)).unwrap().record, active());
    assert_eq!(resume(days(90)), Err(ChangeRefused::Over));
    assert_eq!(suspended.expire(days(90)).unwrap().record.status, Status::Expired);
    let agreed = approve(&suspended, approval(SUMMARY), NOW);
    assert!(matches!(agreed, Err(ChangeRefused::Move(_))), "what is suspended is not agreed to");
    let resumed = pending().resume(SuspendedFor::Deceased, NOW);
    assert!(matches!(resumed, Err(ChangeRefused::Move(_))), "nor resumed what is asked");
}

#[test]
fn what_is_suspended_for_two_reasons_holds_again_after_both() {
    use SuspendedFor::{Blocked, Minor, Partner};
    let once = active().suspend(Blocked, NOW).unwrap().record;
    let change = once.suspend(Partner, days(1)).unwrap();
    assert_eq!(told(&change), [], "it holds as little as before");
    let basis = ConsentBasis {
        version: 1,
        status: Status::Suspended,
        suspended_for: Blocked.into(),
        tokens_since: None,
    };
    assert_eq!(change.from, Some(basis), "another reason in between is not lost");
    let twice = change.record;
    assert_eq!(twice.suspended_for, [Blocked, Partner].into_iter().collect());
    assert_eq!(twice.suspend(Blocked, NOW), Err(ChangeRefused::Suspended));
    assert_eq!(twice.resume(Minor, NOW), Err(ChangeRefused::NotSuspended));
    for (first, second) in [(Blocked, Partner), (Partner, Blocked)] {
        let still = twice.resume(first, days(2)).unwrap();
        assert_eq!((still.record.status, told(&still)), (Status::Suspended, vec![]));
        let free = still.record.resume(second, days(3)).unwrap();
        assert_eq!((&free.record, told(&free)), (&active(), vec![(Kind::Resumed, 1)]));
    }
    assert_eq!(revoked(&twice, NOW).suspended_for, Suspensions::NONE);
}

#[test]
fn revoking_says_who_why_and_whether_data_is_to_be_deleted() {
    use ConsentActor::{Customer, Partner, Retailer, System};
    let consent = active();
    let client = OwnedByClient::of(&consent, AppId(2)).unwrap();
    let by = |why| consent.revoke(why, false, days(1)).unwrap();
    let ends = [
        (
            own(&consent).revoke(true, days(1)).unwrap(),
            Customer,
            EndedBy::Customer,
            EndReason::Requested,
            true,
        ),
        (client.revoke(days(1)).unwrap(), Partner, EndedBy::Partner, EndReason::Requested, false),
        (by(RevokedFor::Requested), Retailer, EndedBy::Retailer, EndReason::Requested, false),
        (
            by(RevokedFor::AccountClosed),
            Retailer,
            EndedBy::Retailer,
            EndReason::AccountClosed,
            false,
        ),
        (by(RevokedFor::PartnerGone), Retailer, EndedBy::Retailer, EndReason::PartnerGone, false),
        (by(RevokedFor::Compromised), System, EndedBy::Security, EndReason::Compromised, false),
    ];
    for (change, actor, ended_by, end_reason, delete) in ends {
        assert_eq!(
            (told(&change), change.from),
            (vec![(Kind::Revoked, 1)], Some(active().basis()))
        );
        let event = &change.events[0];
        assert_eq!((event.actor, &event.facts["delete_requested"]), (actor, &delete.into()));
        let end = ConsentEnd { ended_at: days(1), ended_by, end_reason };
        assert_eq!((change.record.status, change.record.end), (Status::Revoked, Some(end)));
        assert!(change.record.revoke(RevokedFor::Requested, true, days(2)).is_err(), "once only");
    }
}

#[test]
fn tokens_are_revoked_and_the_consent_holds_on() {
    let change = active().revoke_tokens(TokensRevokedFor::Compromised, days(1)).unwrap();
    assert_eq!(told(&change), [(Kind::TokensRevoked, 1)]);
    assert_eq!(change.events[0].facts["why"], "compromised");
    assert_eq!(change.record, ConsentRecord { tokens_since: Some(days(1)), ..active() });
    let renewed = own(&change.record).narrow(without(scopes(ITEMS)), days(2)).unwrap().record;
    assert_eq!(renewed.tokens_since, Some(days(1)), "over versions");
    assert_ne!(change.record.basis(), active().basis(), "a move from before is not written");
    let partner = OwnedByClient::of(&renewed, AppId(2)).unwrap();
    let earlier = partner.revoke_tokens(NOW).unwrap();
    assert_eq!(earlier.events[0].actor, ConsentActor::Partner);
    assert_eq!(earlier.record.tokens_since, Some(days(1)), "none that was revoked comes back");
    for record in [pending(), revoked(&active(), NOW)] {
        let refused = record.revoke_tokens(TokensRevokedFor::Logout, NOW);
        assert_eq!(refused, Err(ChangeRefused::NoTokens));
    }
}

fn erase(versions: &[ConsentRecord], now: Micros) -> Result<ConsentChange, ChangeRefused> {
    ConsentRecord::erase(versions, ConsentActor::Customer, now)
}

#[test]
fn forgetting_ends_what_holds_and_leaves_nothing_that_leads_to_the_customer() {
    let mut signed = active();
    signed.receipt_jws = Some("eyJ".into());
    let change = own(&signed).narrow(without(scopes(ITEMS)), NOW).unwrap();
    let mut versions = change.earlier;
    versions.push(ConsentRecord { receipt_jws: Some("eyJ".into()), ..change.record });
    let change = erase(&versions, days(1)).unwrap();
    assert_eq!(told(&change), [(Kind::Erased, 2)]);
    assert_eq!(change.events[0].actor, ConsentActor::Customer);
    assert_eq!(change.from, Some(versions[1].basis()));
    let end = change.record.end.unwrap();
    assert_eq!((change.record.status, end.ended_by), (Status::Revoked, EndedBy::Erasure));
    let kept = [&change.earlier[0], &change.record];
    assert_eq!(change.earlier.len(), 1);
    for (before, after) in versions.iter().zip(kept) {
        let written = serde_json::to_string(after).unwrap();
        let sub = sub();
        for trace in [sub.as_str(), "203.0.113", "Firefox", "eyJ", "2027-01-15T07:00:00Z"] {
            assert!(serde_json::to_string(before).unwrap().contains(trace), "{trace}");
            assert!(!written.contains(trace), "{trace}");
        }
        assert_eq!(after.known_as, KnownAs::Erased(days(1)));
        assert_eq!(after.evidence(), before.evidence(), "what proves it stays");
    }
    assert_eq!(change.earlier[0].end, versions[0].end, "it ended as it ended");
    let both = [change.earlier[0].clone(), change.record];
    assert_eq!(erase(&both, days(2)), Err(ChangeRefused::Erased));
}

#[test]
fn forgetting_takes_all_versions() {
    let ended = revoked(&active(), NOW);
    let erased = erase(std::slice::from_ref(&ended), days(1)).unwrap().record;
    assert_eq!((erased.status, erased.end), (Status::Revoked, ended.end), "it ended as it ended");
    let denied = erase(&[pending()], NOW).unwrap().record;
    assert_eq!(denied.status, Status::Denied);
    let change = own(&active()).narrow(without(scopes(ITEMS)), NOW).unwrap();
    let (first, second) = (&change.earlier[0], &change.record);
    let other = ConsentRecord { grant_id: grant_id(6), ..first.clone() };
    let orders: [&[&ConsentRecord]; 6] =
        [&[], &[first], &[second], &[second, first], &[first, first, second], &[&other, second]];
    for (n, versions) in orders.into_iter().enumerate() {
        let versions: Vec<_> = versions.iter().map(|it| (*it).clone()).collect();
        assert_eq!(erase(&versions, NOW), Err(ChangeRefused::Versions), "{n}");
    }
}

#[test]
fn a_record_is_read_as_it_is_written() {
    for record in [pending(), active(), revoked(&active(), NOW)] {
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<ConsentRecord>(&text).unwrap(), record);
    }
}
