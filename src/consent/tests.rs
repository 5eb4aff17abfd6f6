//! What each part of consent promises, alone and with the others.

mod answers;
mod ids;
mod ledger;
mod moves;
mod reads;
mod sequences;
mod words;

use super::category::ExcludedCategories;
use super::change::{
    ConsentApproval, ConsentAsked, ConsentCeiling, ConsentChange, ConsentLimits, Revocation,
    Revoker,
};
use super::details::{AccessMode, CustomerDataDetails};
use super::ending::EndReason;
use super::hash::Hash32;
use super::purpose::{LawfulBasis, NoticeLanguage, NoticeText, PurposeDocument};
use super::record::{
    ConsentConditions, ConsentController, ConsentExpression, ConsentParties, ConsentRecord,
    ExpressedBy, GrantId, ShownNotice, ip_prefix,
};
use super::scope::OAuthScopes;
use super::subject::{PairwiseSub, SubjectKey};
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
        code: "https://w3id.org/dpv#ServicePersonalisation".into(),
        text: NoticeText { fr: "Tenir votre budget".into(), en: "Keep to your budget".into() },
        legal_basis: LawfulBasis::ExplicitConsent,
        scopes: scopes(ASKED).of_customers(),
        required: scopes(SUMMARY),
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
        exclude_categories: ExcludedCategories::by_default(),
        locations: Vec::new(),
    }
}

fn ceiling(purpose: &PurposeDocument) -> ConsentCeiling<'_> {
    ConsentCeiling { purpose, client: scopes(ASKED), limits: ConsentLimits::default() }
}

fn asked() -> ConsentAsked {
    ConsentAsked {
        parties: ConsentParties {
            subject_ref: SubjectKey::new([1; 32]).refer("cus_1"),
            pairwise_sub: Some(PairwiseSub::random([0xab; 16])),
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
        notice: ShownNotice {
            notice_id: "sharing".into(),
            notice_version: 3,
            notice_hash: Hash32::of("notice"),
            notice_lang: NoticeLanguage::Fr,
        },
    }
}

fn approval(ticked: &str) -> ConsentApproval {
    ConsentApproval {
        scopes: scopes(ticked),
        explicit: OAuthScopes::NONE,
        stepped_up: false,
        exclude: ExcludedCategories::by_default(),
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
    pending().approve(ticked, ConsentLimits::default(), NOW).unwrap().record
}

fn revocation() -> Revocation {
    Revocation { by: Revoker::Customer, reason: EndReason::Requested, delete_requested: true }
}
