//! The moves of a consent, one by one.

use super::*;
use crate::consent::category::SensitiveCategory;
use crate::consent::change::{ChangeRefused, ConsentActor, ConsentEventKind as Kind, Narrowing};
use crate::consent::ending::{ConsentEnd, EndedBy, SuspendedFor};
use crate::consent::scope::OAuthScope;
use crate::consent::status::ConsentStatus as Status;

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
    let change = before.renew(&asked, &ceiling(&purpose), answer.clone(), days(80)).unwrap();
    assert_eq!(told(&change), [(Kind::Superseded, 1), (Kind::Renewed, 2)]);
    let (old, new) = (change.superseded.unwrap(), change.record);
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
        before.renew(&asked, &ceiling(&purpose), answer.clone(), days(90)),
        Err(ChangeRefused::Over)
    );
}

#[test]
fn renewing_is_between_the_same_for_the_same() {
    type Change = fn(&mut ConsentAsked, &mut PurposeDocument);
    let changes: [(Change, ChangeRefused); 5] = [
        (
            |it, _| it.parties.pairwise_sub = Some(PairwiseSub::random([3; 16])),
            ChangeRefused::OtherParties,
        ),
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
        let renewed = active().renew(&asked, &ceiling(&purpose), approval(SUMMARY), NOW);
        assert_eq!(renewed, Err(error));
    }
    let event = active().renewal_denied(NOW);
    assert_eq!((event.kind, &event.facts["status"]), (Kind::Denied, &"active".into()));
}

#[test]
fn narrowing_makes_the_next_version_without_a_screen() {
    let remove = scopes(&format!("{ITEMS} customer.lists:read"));
    let change = active().narrow(Narrowing { remove, ..Narrowing::default() }, days(1)).unwrap();
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
    let narrow = |remove| before.narrow(Narrowing { remove, ..Narrowing::default() }, NOW);
    assert_eq!(narrow(scopes(SUMMARY)), Err(ChangeRefused::Required(scopes(SUMMARY))));
    assert_eq!(narrow(OAuthScope::ListsRead.into()), Err(ChangeRefused::NotNarrower));
    assert_eq!(
        before.narrow(Narrowing { remove: scopes(ITEMS), ..Narrowing::default() }, days(90)),
        Err(ChangeRefused::Over)
    );
    let mut free = active();
    free.data.required = OAuthScopes::NONE;
    let all = Narrowing { remove: free.data.scopes, ..Narrowing::default() };
    assert_eq!(free.narrow(all, NOW), Err(ChangeRefused::Nothing));
}

#[test]
fn categories_can_be_left_out_later() {
    let mut open = active();
    open.data.authorization_details.exclude_categories = ExcludedCategories::NONE;
    let alcohol = Narrowing { exclude: SensitiveCategory::Alcohol.into(), ..Narrowing::default() };
    let record = open.narrow(alcohol, NOW).unwrap().record;
    assert_eq!(record.data.authorization_details.exclude_categories.to_string(), "alcohol");
    assert_eq!(record.narrow(alcohol, NOW), Err(ChangeRefused::NotNarrower));
}

#[test]
fn suspending_takes_nothing_away_for_good() {
    let change = active().suspend(SuspendedFor::Deceased, NOW).unwrap();
    assert_eq!(told(&change), [(Kind::Suspended, 1)]);
    let written = format!("{:?}", change.events);
    assert!(!written.contains("eceased"), "the ledger does not say why: {written}");
    let suspended = change.record;
    assert_eq!(suspended.resume(days(1)).unwrap().record, active());
    assert_eq!(suspended.resume(days(90)), Err(ChangeRefused::Over));
    assert_eq!(suspended.expire(days(90)).unwrap().record.status, Status::Expired);
    let agreed = suspended.approve(approval(SUMMARY), ConsentLimits::default(), NOW);
    assert!(matches!(agreed, Err(ChangeRefused::Move(_))), "what is suspended is not agreed to");
    assert!(
        matches!(pending().resume(NOW), Err(ChangeRefused::Move(_))),
        "nor resumed what is asked"
    );
}

#[test]
fn revoking_says_who_and_whether_data_is_to_be_deleted() {
    let change = active().revoke(revocation(), days(1)).unwrap();
    assert_eq!(told(&change), [(Kind::Revoked, 1)]);
    let event = &change.events[0];
    assert_eq!(
        (event.actor, &event.facts["delete_requested"]),
        (ConsentActor::Customer, &true.into())
    );
    let end = ConsentEnd {
        ended_at: days(1),
        ended_by: EndedBy::Customer,
        end_reason: EndReason::Requested,
    };
    assert_eq!((change.record.status, change.record.end), (Status::Revoked, Some(end)));
    assert!(change.record.revoke(revocation(), days(2)).is_err(), "once only");
}

#[test]
fn forgetting_ends_what_holds_and_leaves_nothing_that_leads_to_the_customer() {
    let mut signed = active();
    signed.receipt_jws = Some("eyJ".into());
    let change = signed.erase(ConsentActor::Customer, days(1)).unwrap();
    assert_eq!(told(&change), [(Kind::Erased, 1)]);
    assert_eq!(change.events[0].actor, ConsentActor::Customer);
    let record = change.record;
    assert_eq!((record.status, record.end.unwrap().ended_by), (Status::Revoked, EndedBy::Erasure));
    let kept = serde_json::to_string(&record).unwrap();
    let sub = signed.parties.pairwise_sub.clone().unwrap();
    for trace in [sub.as_str(), "203.0.113", "Firefox", "eyJ", "2027-01-15T07:00:00Z"] {
        assert!(serde_json::to_string(&signed).unwrap().contains(trace), "{trace}");
        assert!(!kept.contains(trace), "{trace}");
    }
    assert_eq!(record.evidence(), signed.evidence(), "what proves it stays");
    assert_eq!(record.erase(ConsentActor::Customer, days(2)), Err(ChangeRefused::Erased));
    let ended = active().revoke(revocation(), NOW).unwrap().record;
    let end = ended.end;
    let erased = ended.erase(ConsentActor::Customer, days(1)).unwrap().record;
    assert_eq!((erased.status, erased.end), (Status::Revoked, end), "it ended as it ended");
    assert_eq!(pending().erase(ConsentActor::Customer, NOW).unwrap().record.status, Status::Denied);
}

#[test]
fn a_record_is_read_as_it_is_written() {
    for record in [pending(), active(), active().revoke(revocation(), NOW).unwrap().record] {
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<ConsentRecord>(&text).unwrap(), record);
    }
}
