//! What is asked of a customer, and what they may answer.

use super::moves::told;
use super::*;
use crate::consent::change::{ConsentActor, ConsentEventKind as Kind};
use crate::consent::ending::EndedBy;
use crate::consent::purpose::InvalidDocument;
use crate::consent::refused::Tampering;
use crate::consent::scope::OAuthScope;
use crate::consent::status::{ConsentStatus as Status, IllegalMove};

fn approved(approval: ConsentApproval) -> Result<ConsentRecord, ChangeRefused> {
    approve(&pending(), approval, NOW).map(|change| change.record)
}

#[test]
fn a_request_waits_for_its_answer() {
    let change = requested(5);
    assert_eq!((told(&change), change.from), (vec![(Kind::Requested, 1)], None));
    let record = change.record;
    assert_eq!((record.status, record.version, record.supersedes), (Status::Pending, 1, None));
    assert_eq!(record.consent_id(), "05050505-0505-4505-8505-050505050505.1");
    assert_eq!(record.data.scopes, scopes(ASKED));
    assert_eq!(record.data.required, scopes(SUMMARY));
    let datatypes = record.data.authorization_details.datatypes;
    assert_eq!(datatypes, scopes(ASKED).of_customers(), "scopes that read count as datatypes");
    assert_eq!(record.purpose.purpose_text_hash, purpose().address().unwrap());
    assert_eq!(record.notice.notice_hash, notice().address().unwrap());
    assert_eq!((&*record.notice.notice_id, record.notice.notice_version), ("sharing", 3));
    assert!(record.expression.is_none() && record.validity.granted_at.is_none());
    assert_eq!(record.validity.expires_at, later(HOUR));
}

#[test]
fn nothing_is_asked_beyond_client_and_purpose() {
    type Change = fn(&mut ConsentAsked, &mut PurposeDocument);
    let machine: OAuthScopes = OAuthScope::CatalogRead.into();
    let changes: [(Change, ChangeRefused); 12] = [
        (
            |it, _| it.scopes = it.scopes.or(OAuthScope::CatalogRead.into()),
            ChangeRefused::Beyond(machine),
        ),
        (
            |it, _| it.scopes = it.scopes.or(OAuthScope::OpenId.into()),
            ChangeRefused::Beyond(OAuthScope::OpenId.into()),
        ),
        (
            |it, _| it.details.datatypes = OAuthScope::ListsRead.into(),
            ChangeRefused::Beyond(OAuthScope::ListsRead.into()),
        ),
        (
            |_, it| it.scopes = it.scopes.without(scopes(ITEMS)),
            ChangeRefused::Beyond(scopes(ITEMS)),
        ),
        (
            |it, _| {
                it.scopes = OAuthScope::OfflineAccess.into();
                it.details.datatypes = OAuthScopes::NONE;
            },
            ChangeRefused::Nothing,
        ),
        (|it, _| it.details.access = AccessMode::Once, ChangeRefused::OfflineOnce),
        (|it, _| it.details.history_months = 13, ChangeRefused::History(12)),
        (|it, _| it.parties.client_id = AppId(3), ChangeRefused::OtherClient),
        (|_, it| it.client_id = AppId(3), ChangeRefused::OtherClient),
        (|it, _| it.details.duration_days = 181, ChangeRefused::TooLong(180)),
        (|it, _| it.details.retention_days = 31, ChangeRefused::Retention(30)),
        (|it, _| it.details.purpose_id = "ads".parse().unwrap(), ChangeRefused::OtherPurpose),
    ];
    for (change, error) in changes {
        let (mut asked, mut purpose) = (asked(), purpose());
        change(&mut asked, &mut purpose);
        let refused =
            ConsentRecord::request(grant_id(5), &asked, &ceiling(&purpose), later(HOUR), NOW);
        assert_eq!(refused, Err(error));
    }
}

#[test]
fn a_consent_never_lasts_longer_than_a_year() {
    let settings = ConsentSettings { max_days: 1_000, ..ConsentSettings::default() };
    let ask = |purpose_days, asked_days, settings| {
        let purpose = PurposeDocument { max_duration_days: purpose_days, ..purpose() };
        let mut asked = asked();
        asked.details.duration_days = asked_days;
        let ceiling = ConsentCeiling { settings, ..ceiling(&purpose) };
        ConsentRecord::request(grant_id(5), &asked, &ceiling, later(HOUR), NOW).map(|_| ())
    };
    assert_eq!(ask(365, 365, settings), Ok(()));
    assert_eq!(ask(365, 366, settings), Err(ChangeRefused::TooLong(365)));
    assert_eq!(ask(366, 10, settings), Err(ChangeRefused::Document(InvalidDocument::Days)));
    let short = ConsentSettings { max_days: 9, ..settings };
    assert_eq!(ask(365, 10, short), Err(ChangeRefused::TooLong(9)));
}

#[test]
fn the_customer_may_agree_to_less() {
    let mut answer = approval(SUMMARY);
    answer.duration_days = Some(30);
    let change = approve(&pending(), answer, NOW).unwrap();
    assert_eq!(told(&change), [(Kind::Granted, 1)]);
    assert_eq!(change.from, Some(pending().basis()));
    assert_eq!(change.events[0].actor, ConsentActor::Customer);
    let record = change.record;
    assert_eq!((record.status, record.data.scopes), (Status::Active, scopes(SUMMARY)));
    let details = &record.data.authorization_details;
    assert_eq!((details.datatypes, details.duration_days), (scopes(SUMMARY), 30));
    assert_eq!((record.validity.starts_at, record.validity.expires_at), (NOW, days(30)));
    assert_eq!(record.validity.reminder_at, None, "it ends before");
    assert_eq!(record.data.history_from, Some("2026-07-15T08:00:00Z".parse().unwrap()));
}

#[test]
fn the_default_is_ninety_days_and_a_reminder_comes_then() {
    assert_eq!(active().validity.expires_at, days(90));
    assert_eq!(active().validity.reminder_at, None, "that is its end");
    let mut answer = approval(SUMMARY);
    answer.duration_days = Some(120);
    let record = approved(answer).unwrap();
    assert_eq!(
        (record.validity.expires_at, record.validity.reminder_at),
        (days(120), Some(days(90)))
    );
    let mut short = pending();
    short.data.authorization_details.duration_days = 1;
    let record = approve(&short, approval(SUMMARY), NOW).unwrap().record;
    assert_eq!(record.validity.expires_at, days(1), "never longer than was asked for");
}

#[test]
fn an_answer_that_the_screen_cannot_give_is_refused() {
    type Change = fn(&mut ConsentApproval);
    let more: OAuthScopes = OAuthScope::ListsRead.into();
    let changes: [(Change, Tampering); 5] = [
        (|it| it.scopes = it.scopes.or(OAuthScope::ListsRead.into()), Tampering::Scopes(more)),
        (|it| it.scopes = scopes(ITEMS), Tampering::Required(scopes(SUMMARY))),
        (|it| it.duration_days = Some(121), Tampering::Duration(121)),
        (|it| it.duration_days = Some(0), Tampering::Duration(0)),
        (
            |it| it.let_in = SensitiveCategory::Pharmacy.into(),
            Tampering::Categories(SensitiveCategory::Pharmacy.into()),
        ),
    ];
    for (change, how) in changes {
        let mut answer = approval(SUMMARY);
        change(&mut answer);
        assert_eq!(approved(answer), Err(ChangeRefused::Tampered(how)));
        let event = own(&pending()).tampered(how, NOW);
        assert_eq!(
            (event.kind, event.facts["how"].as_str()),
            (Kind::Tampered, Some(&*how.to_string()))
        );
    }
}

#[test]
fn special_categories_need_their_own_tick_and_a_stronger_login() {
    let both = format!("{SUMMARY} {PREFERENCES}");
    let mut answer = approval(&both);
    answer.stepped_up = true;
    assert_eq!(approved(answer.clone()), Err(ChangeRefused::NotExplicit(scopes(PREFERENCES))));
    answer.explicit = scopes(PREFERENCES);
    answer.stepped_up = false;
    assert_eq!(approved(answer.clone()), Err(ChangeRefused::StepUp(scopes(PREFERENCES))));
    answer.stepped_up = true;
    assert_eq!(approved(answer).unwrap().data.scopes, scopes(&both));
}

/// A request that lets the customer let in what it says.
fn asking(excluded: SensitiveCategories, categories: SensitiveCategories) -> ConsentRecord {
    let purpose = PurposeDocument { categories, ..purpose() };
    let mut asked = asked();
    asked.details.exclude_categories = excluded;
    ConsentRecord::request(grant_id(5), &asked, &ceiling(&purpose), later(HOUR), NOW)
        .unwrap()
        .record
}

#[test]
fn categories_come_in_only_where_they_are_ticked() {
    let pharmacy: SensitiveCategories = SensitiveCategory::Pharmacy.into();
    let all = SensitiveCategories::everywhere();
    let asking = asking(all.without(pharmacy), pharmacy);
    let agree = |let_in, stepped_up| {
        let answer = ConsentApproval { let_in, stepped_up, ..approval(SUMMARY) };
        let data = approve(&asking, answer, NOW)?.record.data;
        Ok((data.authorization_details.exclude_categories, data.let_in))
    };
    assert_eq!(agree(SensitiveCategories::NONE, true), Ok((all, SensitiveCategories::NONE)));
    assert_eq!(agree(pharmacy, true), Ok((all.without(pharmacy), pharmacy)));
    assert_eq!(agree(pharmacy, false), Err(ChangeRefused::CategoryStepUp(pharmacy)));
    let baby: SensitiveCategories = SensitiveCategory::Baby.into();
    assert_eq!(agree(pharmacy.or(baby), true), Err(Tampering::Categories(baby).into()));
}

#[test]
fn categories_are_offered_only_where_the_purpose_has_them() {
    let pharmacy: SensitiveCategories = SensitiveCategory::Pharmacy.into();
    let excluded = |excluded, categories| {
        asking(excluded, categories).data.authorization_details.exclude_categories
    };
    let all = SensitiveCategories::everywhere();
    assert_eq!(excluded(SensitiveCategories::NONE, pharmacy), all.without(pharmacy));
    assert_eq!(excluded(SensitiveCategories::NONE, SensitiveCategories::NONE), all);
    let religious = SensitiveCategory::Religious.into();
    let purpose = purpose();
    let mut ceiling = ceiling(&purpose);
    ceiling.settings.sensitive_categories = all.or(religious);
    let record = ConsentRecord::request(grant_id(5), &asked(), &ceiling, later(HOUR), NOW).unwrap();
    let excluded = record.record.data.authorization_details.exclude_categories;
    assert_eq!(excluded, all.or(religious), "what the retailer has added is left out, too");
}

#[test]
fn what_is_given_once_is_over_within_a_day() {
    let ask = |days| {
        let (mut asked, purpose) = (asked(), purpose());
        asked.scopes = scopes(SUMMARY);
        (asked.details.access, asked.details.duration_days) = (AccessMode::Once, days);
        ConsentRecord::request(grant_id(5), &asked, &ceiling(&purpose), later(HOUR), NOW)
    };
    assert_eq!(ask(2), Err(ChangeRefused::TooLong(1)));
    let record = approve(&ask(1).unwrap().record, approval(SUMMARY), NOW).unwrap().record;
    assert_eq!(record.validity.expires_at, days(1));
}

#[test]
fn nobody_asks_or_answers_for_another() {
    let suspended = ConsentClient { standing: ClientStanding::Suspended, ..client() };
    let purpose = purpose();
    let ceiling = ConsentCeiling { client: suspended, ..ceiling(&purpose) };
    let request = ConsentRecord::request(grant_id(5), &asked(), &ceiling, later(HOUR), NOW);
    assert_eq!(request, Err(ChangeRefused::Client));
    let mut answer = approval(SUMMARY);
    answer.expression.expressed_by = ExpressedBy::Guardian;
    assert_eq!(approved(answer), Err(ChangeRefused::Guardian));
    let other = SubjectKey::new([1; 32]).refer("cus_2");
    assert!(OwnedByCustomer::of(&pending(), other).is_none());
    assert!(OwnedByClient::of(&pending(), AppId(3)).is_none());
    assert_eq!(OwnedByClient::of(&pending(), AppId(2)).unwrap().record().grant_id, grant_id(5));
}

#[test]
fn an_answer_comes_in_time_or_not_at_all() {
    let late = approve(&pending(), approval(SUMMARY), later(HOUR));
    assert_eq!(late, Err(ChangeRefused::Over));
    assert_eq!(pending().expire(later(HOUR - 1)), Err(ChangeRefused::NotOver));
    assert_eq!(pending().expire(later(HOUR)).unwrap().record.status, Status::Expired);
    let denied = own(&pending()).deny(NOW).unwrap();
    assert_eq!(told(&denied), [(Kind::Denied, 1)]);
    assert_eq!(denied.events[0].actor, ConsentActor::Customer);
    let refused = pending().refuse(NOW).unwrap();
    assert_eq!(
        (refused.record.status, refused.events[0].actor),
        (Status::Denied, ConsentActor::Retailer)
    );
    assert_eq!(refused.record.end.unwrap().ended_by, EndedBy::Retailer, "not the customer");
    let again = approve(&denied.record, approval(SUMMARY), NOW);
    let wrong = IllegalMove { from: Status::Denied, to: Status::Active };
    assert_eq!(again, Err(ChangeRefused::Move(wrong)), "who changes their mind is asked anew");
}
