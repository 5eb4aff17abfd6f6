//! What each part of consent promises, alone and with the others.

mod answers;
mod details;
mod ids;
mod ledger;
mod moves;
mod reads;
mod sequences;
mod store;
mod words;

use super::ask::{ConsentApproval, ConsentAsked, ConsentCeiling, Narrowing};
use super::category::{SensitiveCategories, SensitiveCategory};
use super::change::ConsentChange;
use super::details::{AccessMode, CustomerDataDetails};
use super::hash::Hash32;
use super::own::{OwnedByClient, OwnedByCustomer};
use super::purpose::{LawfulBasis, NoticeDocument, NoticeLanguage, NoticeText, PurposeDocument};
use super::record::{
    ConsentConditions, ConsentController, ConsentExpression, ConsentParties, ConsentRecord,
    ExpressedBy, GrantId, ip_prefix,
};
use super::refused::ChangeRefused;
use super::scope::OAuthScopes;
use super::settings::ConsentSettings;
use super::standing::{ClientStanding, ConsentClient};
use super::subject::{PairwiseSub, SubjectKey, SubjectRef};
use super::uuid::Uuid4;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR};
use crate::kernel::id::{AppId, PartnerId};

/// 2027-01-15T08:00:00Z
const NOW: Micros = Micros(1_800_000_000_000_000);
const ASKED: &str = "customer.purchases.summary:read customer.purchases.items:read \
                     customer.loyalty.basic:read customer.preferences:read offline_access";
const SUMMARY: &str = "customer.purchases.summary:read";
const ITEMS: &str = "customer.purchases.items:read";
const PREFERENCES: &str = "customer.preferences:read";

fn scopes(text: &str) -> OAuthScopes {
    OAuthScopes::parse(text).unwrap()
}

fn later(micros: i64) -> Micros {
    Micros(NOW.0 + micros)
}

fn days(days: i64) -> Micros {
    later(days * DAY)
}

fn purpose() -> PurposeDocument {
    PurposeDocument {
        purpose_id: "budget-coach".parse().unwrap(),
        client_id: AppId(2),
        code: "https://w3id.org/dpv#ServicePersonalisation".into(),
        text: NoticeText { fr: "Tenir votre budget".into(), en: "Keep to your budget".into() },
        legal_basis: LawfulBasis::ExplicitConsent,
        scopes: scopes(ASKED).of_customers(),
        categories: SensitiveCategory::Pharmacy.into(),
        required: scopes(SUMMARY),
        max_history_months: 12,
        retention_days: 30,
        max_duration_days: 180,
    }
}

fn details() -> CustomerDataDetails {
    CustomerDataDetails {
        datatypes: scopes(SUMMARY),
        purpose_id: "budget-coach".parse().unwrap(),
        history_months: 6,
        access: AccessMode::Recurring,
        duration_days: 120,
        retention_days: 30,
        exclude_categories: SensitiveCategories::everywhere(),
        locations: Vec::new(),
    }
}

fn client() -> ConsentClient {
    let standing = ClientStanding::Registered;
    ConsentClient { id: AppId(2), standing, scopes: scopes(ASKED) }
}

fn ceiling(purpose: &PurposeDocument) -> ConsentCeiling<'_> {
    ConsentCeiling { purpose, client: client(), settings: ConsentSettings::default() }
}

fn notice() -> NoticeDocument {
    let text = NoticeText { fr: "Ce que nous partageons".into(), en: "What we share".into() };
    NoticeDocument { notice_id: "sharing".into(), version: 3, title: text.clone(), text }
}

fn customer() -> SubjectRef {
    SubjectKey::new([1; 32]).refer("cus_1")
}

fn sub() -> PairwiseSub {
    PairwiseSub::random([0xab; 16])
}

fn asked() -> ConsentAsked {
    ConsentAsked {
        parties: ConsentParties {
            subject_ref: customer(),
            partner_id: PartnerId(1),
            client_id: AppId(2),
            partner_legal_name: "Budget Coach SAS".into(),
            partner_contact: "privacy@coach.example".into(),
            partner_privacy_url: "https://coach.example/privacy".into(),
            controller: ConsentController {
                name: "Maison Exemple".into(),
                address: "1 rue du Marché, Lyon".into(),
                contact: "dpo@maison.example".into(),
            },
        },
        sub: sub(),
        service: "Budget Coach".into(),
        scopes: scopes(ASKED),
        details: details(),
        conditions: ConsentConditions {
            deletion_on_withdrawal: true,
            jurisdiction: "FR".into(),
            transfer_countries: vec!["FR".into(), "DE".into()],
            rights_url: "https://gw.example/me".into(),
            withdrawal_url: "https://gw.example/me/consents".into(),
        },
        notice: notice(),
        notice_lang: NoticeLanguage::Fr,
    }
}

fn approval(ticked: &str) -> ConsentApproval {
    ConsentApproval {
        scopes: scopes(ticked),
        explicit: OAuthScopes::NONE,
        let_in: SensitiveCategories::NONE,
        stepped_up: false,
        duration_days: None,
        expression: ConsentExpression {
            screen_hash: Hash32::of("<html>"),
            expressed_by: ExpressedBy::Subject,
            expression_method: "button:allow".into(),
            auth_time: Some(later(-HOUR)),
            acr: Some("urn:example:loa:2".into()),
            ip_prefix: Some(ip_prefix("203.0.113.9".parse().unwrap())),
            ua_family: Some("Firefox".into()),
        },
    }
}

fn grant_id(n: u8) -> GrantId {
    GrantId::from_random([n; 16])
}

fn requested(n: u8) -> ConsentChange {
    let purpose = purpose();
    ConsentRecord::request(grant_id(n), &asked(), &ceiling(&purpose), later(HOUR), NOW).unwrap()
}

fn pending() -> ConsentRecord {
    requested(5).record
}

/// A consent to totals and lines.
fn active() -> ConsentRecord {
    let ticked = approval(&format!("{SUMMARY} {ITEMS} offline_access"));
    approve(&pending(), ticked, NOW).unwrap().record
}

/// What the customer does with a consent of theirs.
fn own(record: &ConsentRecord) -> OwnedByCustomer<'_> {
    OwnedByCustomer::of(record, customer()).unwrap()
}

fn approve(
    record: &ConsentRecord,
    approval: ConsentApproval,
    now: Micros,
) -> Result<ConsentChange, ChangeRefused> {
    own(record).approve(approval, ConsentSettings::default(), now)
}

fn without(scopes: OAuthScopes) -> Narrowing {
    Narrowing { remove: scopes, ..Narrowing::default() }
}

/// A consent that its customer has ended.
fn revoked(record: &ConsentRecord, now: Micros) -> ConsentRecord {
    own(record).revoke(true, now).unwrap().record
}
