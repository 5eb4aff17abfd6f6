//! What holds whatever happens to a consent, in whatever order.

use super::*;
use crate::consent::change::ConsentActor;
use crate::consent::ending::SuspendedFor;
use crate::consent::status::ConsentStatus;
use proptest::prelude::*;
use proptest::sample::select;

/// What may be tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum Try {
    Approve(&'static str),
    Deny,
    Renew(&'static str),
    Narrow(&'static str),
    Suspend(SuspendedFor),
    Resume(SuspendedFor),
    Revoke,
    Expire,
    Erase,
}

const TICKED: [&str; 4] = [SUMMARY, ITEMS, "customer.loyalty.basic:read", ASKED];

pub(super) fn tries() -> impl Strategy<Value = Try> {
    let ticked = || select(TICKED.to_vec());
    let why = || select(vec![SuspendedFor::Blocked, SuspendedFor::Minor]);
    prop_oneof![
        3 => ticked().prop_map(Try::Approve),
        1 => Just(Try::Deny),
        2 => ticked().prop_map(Try::Renew),
        2 => ticked().prop_map(Try::Narrow),
        2 => why().prop_map(Try::Suspend),
        2 => why().prop_map(Try::Resume),
        1 => Just(Try::Revoke),
        1 => Just(Try::Expire),
        1 => Just(Try::Erase),
    ]
}

pub(super) fn attempt(
    record: &ConsentRecord,
    what: Try,
    now: Micros,
) -> Result<ConsentChange, ChangeRefused> {
    let purpose = purpose();
    let with = |ticked: &str| {
        let ticked = scopes(ticked).or(scopes(SUMMARY));
        let explicit = ticked.special();
        ConsentApproval { scopes: ticked, explicit, stepped_up: true, ..approval(SUMMARY) }
    };
    match what {
        Try::Approve(ticked) => approve(record, with(ticked), now),
        Try::Deny => own(record).deny(now),
        Try::Renew(ticked) => own(record).renew(&asked(), &ceiling(&purpose), with(ticked), now),
        Try::Narrow(less) => own(record).narrow(without(scopes(less)), now),
        Try::Suspend(why) => record.suspend(why, now),
        Try::Resume(why) => record.resume(why, now),
        Try::Revoke => own(record).revoke(true, now),
        Try::Expire => record.expire(now),
        Try::Erase => ConsentRecord::erase(&all(record), ConsentActor::Customer, now),
    }
}

/// A version behind those that it may have superseded.
fn all(record: &ConsentRecord) -> Vec<ConsentRecord> {
    let superseded = |version| ConsentRecord { version, ..record.clone() };
    (1..record.version).map(superseded).chain([record.clone()]).collect()
}

/// What must hold between a version and what came of it.
fn check(before: &ConsentRecord, what: Try, change: &ConsentChange) -> Result<(), TestCaseError> {
    let after = &change.record;
    if before.status.is_terminal() {
        prop_assert!(matches!(what, Try::Erase), "{:?} moved {}", what, before.status);
        prop_assert_eq!((after.status, after.end), (before.status, before.end));
    } else if let (Try::Renew(_) | Try::Narrow(_), [superseded]) = (what, &change.earlier[..]) {
        prop_assert_eq!(superseded.status, ConsentStatus::Superseded);
        prop_assert_eq!(after.version, before.version + 1);
        prop_assert!(before.status.becomes(superseded.status).is_ok());
    } else {
        let is_still = before.status == ConsentStatus::Suspended && after.status == before.status;
        prop_assert!(is_still || before.status.becomes(after.status).is_ok());
        prop_assert_eq!(change.events.is_empty(), is_still);
        prop_assert_eq!(after.version, before.version);
    }
    prop_assert_eq!(change.from, Some(before.basis()));
    prop_assert_eq!(after.grant_id, before.grant_id);
    prop_assert_eq!(after.end.is_some(), after.status.is_terminal());
    let is_suspended = after.status == ConsentStatus::Suspended;
    prop_assert_eq!(after.suspended_for.is_empty(), !is_suspended);
    prop_assert!(after.data.scopes.within(scopes(ASKED)));
    prop_assert!(after.data.required.within(after.data.scopes));
    if let Some(granted_at) = after.validity.granted_at {
        prop_assert!(after.expression.is_some());
        prop_assert!(after.validity.expires_at.0 - granted_at.0 <= 365 * DAY);
    }
    if !matches!(what, Try::Renew(_)) {
        prop_assert!(after.data.scopes.within(before.data.scopes), "more without a screen");
        let (less, more) = (&after.data.authorization_details, &before.data.authorization_details);
        prop_assert!(less.datatypes.within(more.datatypes));
        prop_assert!(more.exclude_categories.within(less.exclude_categories));
        prop_assert!(less.duration_days <= more.duration_days);
        let had = before.validity.granted_at.is_some();
        prop_assert!(!had || after.validity.expires_at <= before.validity.expires_at);
    }
    if let Some(last) = change.events.last() {
        prop_assert_eq!((last.version, last.grant_id), (after.version, after.grant_id));
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_has_ended_never_comes_back(
        start in select(vec![pending(), active()]),
        tries in prop::collection::vec((tries(), 0_i64..20 * DAY), 1..40)
    ) {
        let (mut record, mut now) = (start, NOW);
        for (n, (what, step)) in tries.into_iter().enumerate() {
            // The first answers come in time.
            now = Micros(now.0 + if n < 2 { 1 } else { step });
            let before = record.clone();
            match attempt(&before, what, now) {
                Ok(change) => {
                    check(&before, what, &change)?;
                    record = change.record;
                }
                Err(ChangeRefused::Move(wrong)) => prop_assert_eq!(wrong.from, before.status),
                Err(_) => {}
            }
        }
    }

    #[test]
    fn details_that_are_written_are_read(months in 0_u16..=120, length in 1_u16..=365, kept in 0_u16..=3_650) {
        let details = CustomerDataDetails {
            history_months: months,
            duration_days: length,
            retention_days: kept,
            ..details()
        };
        let text = serde_json::to_string(&[&details]).unwrap();
        prop_assert_eq!(CustomerDataDetails::parse(&text, "https://gw.example/v1", SensitiveCategories::NONE), Ok(details));
    }
}
