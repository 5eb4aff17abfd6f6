//! A shop whose customers have given consents.

use crate::support::{NOON, PATIENCE, TestApp, TestKey, pause};
use comptoir::authz::signers::Signers;
use comptoir::authz::store::revoke::apply;
use comptoir::consent::ask::{ConsentApproval, ConsentAsked, ConsentCeiling};
use comptoir::consent::category::SensitiveCategories;
use comptoir::consent::change::ConsentChange;
use comptoir::consent::details::{AccessMode, CustomerDataDetails};
use comptoir::consent::hash::Hash32;
use comptoir::consent::own::OwnedByCustomer;
use comptoir::consent::purpose::{
    LawfulBasis, NoticeDocument, NoticeLanguage, NoticeText, PurposeDocument,
};
use comptoir::consent::record::{
    ConsentConditions, ConsentController, ConsentExpression, ConsentParties, ConsentRecord,
    ExpressedBy, GrantId,
};
use comptoir::consent::scope::OAuthScopes;
use comptoir::consent::settings::ConsentSettings;
use comptoir::consent::standing::{ClientStanding, ConsentClient};
use comptoir::consent::store::subjects::{refer, sub_of};
use comptoir::consent::subject::{PairwiseSub, Sector, SubjectKey};
use comptoir::kernel::Micros;
use comptoir::kernel::clock::HOUR;
use comptoir::storage::Db;
use serde_json::json;
use std::time::Instant;

pub(super) const SUMMARY: &str = "customer.purchases.summary:read";
const ITEMS: &str = "customer.purchases.items:read";

/// A shop that may send to this machine, and a partner's key.
pub(super) async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("HOOKS__ALLOW_HTTP", "true")
        .set("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8")
        .start()
        .await;
    let key = app.key(json!({})).await;
    (app, key)
}

pub(super) fn scopes(text: &str) -> OAuthScopes {
    OAuthScopes::parse(text).unwrap()
}

fn words(fr: &str, en: &str) -> NoticeText {
    NoticeText { fr: fr.to_owned(), en: en.to_owned() }
}

pub(super) fn purpose(key: &TestKey) -> PurposeDocument {
    PurposeDocument {
        purpose_id: "budget-coach".parse().unwrap(),
        client_id: key.app_id.parse().unwrap(),
        code: "https://w3id.org/dpv#ServicePersonalisation".to_owned(),
        text: words("Tenir votre budget", "Keep to your budget"),
        legal_basis: LawfulBasis::Consent,
        scopes: scopes(&format!("{SUMMARY} {ITEMS}")),
        categories: SensitiveCategories::NONE,
        required: scopes(SUMMARY),
        max_history_months: 12,
        retention_days: 30,
        max_duration_days: 180,
    }
}

fn details() -> CustomerDataDetails {
    CustomerDataDetails {
        datatypes: scopes(&format!("{SUMMARY} {ITEMS}")),
        purpose_id: "budget-coach".parse().unwrap(),
        history_months: 6,
        access: AccessMode::Recurring,
        duration_days: 90,
        retention_days: 30,
        exclude_categories: SensitiveCategories::everywhere(),
        locations: Vec::new(),
    }
}

fn parties(key: &TestKey, customer: &str, n: u8) -> ConsentParties {
    ConsentParties {
        subject_ref: SubjectKey::new([n; 32]).refer(customer),
        partner_id: key.partner_id.parse().unwrap(),
        client_id: key.app_id.parse().unwrap(),
        partner_legal_name: "Budget Coach SAS".to_owned(),
        partner_contact: "privacy@coach.example".to_owned(),
        partner_privacy_url: "https://coach.example/privacy".to_owned(),
        controller: ConsentController {
            name: "Maison Exemple".to_owned(),
            address: "1 rue du Marché, Lyon".to_owned(),
            contact: "dpo@maison.example".to_owned(),
        },
    }
}

fn asked(key: &TestKey, customer: &str, n: u8) -> ConsentAsked {
    let text = words("Ce que nous partageons", "What we share");
    ConsentAsked {
        parties: parties(key, customer, n),
        sub: PairwiseSub::random([n; 16]),
        service: "Budget Coach".to_owned(),
        scopes: scopes(&format!("{SUMMARY} {ITEMS} offline_access")),
        details: details(),
        conditions: ConsentConditions {
            deletion_on_withdrawal: false,
            jurisdiction: "FR".to_owned(),
            transfer_countries: vec!["FR".to_owned()],
            rights_url: "https://gw.example/me".to_owned(),
            withdrawal_url: "https://gw.example/me/consents".to_owned(),
        },
        notice: NoticeDocument {
            notice_id: "sharing".to_owned(),
            version: 1,
            title: text.clone(),
            text,
        },
        notice_lang: NoticeLanguage::Fr,
    }
}

fn approval(now: Micros) -> ConsentApproval {
    ConsentApproval {
        scopes: scopes(&format!("{SUMMARY} {ITEMS} offline_access")),
        explicit: OAuthScopes::NONE,
        let_in: SensitiveCategories::NONE,
        stepped_up: false,
        duration_days: None,
        expression: ConsentExpression {
            screen_hash: Hash32::of("<html>"),
            expressed_by: ExpressedBy::Subject,
            expression_method: "button:allow".to_owned(),
            auth_time: Some(now),
            acr: None,
            ip_prefix: Some("203.0.113.0/24".to_owned()),
            ua_family: Some("Firefox".to_owned()),
        },
    }
}

/// Writes a move.
pub(super) async fn write(db: &Db, change: &ConsentChange) {
    let mut tx = db.begin().await.unwrap();
    apply(&mut tx, change).await.unwrap();
    tx.commit().await.unwrap();
}

/// A consent that a customer has given to the app of a key; `n` makes its id, and who the customer is.
pub(super) async fn given(app: &TestApp, key: &TestKey, customer: &str, n: u8) -> ConsentRecord {
    let now = app.clock.now();
    let asked = asked(key, customer, n);
    let mut tx = app.db.begin().await.unwrap();
    let reference = refer(&mut tx, customer, &SubjectKey::new([n; 32]), now).await.unwrap();
    assert_eq!(reference, asked.parties.subject_ref);
    let sector: Sector = "coach".parse().unwrap();
    sub_of(&mut tx, (&sector, reference), asked.sub, now).await.unwrap();
    tx.commit().await.unwrap();
    let purpose = purpose(key);
    let scopes = asked.scopes;
    let client =
        ConsentClient { id: purpose.client_id, standing: ClientStanding::Registered, scopes };
    let settings = ConsentSettings::default();
    let ceiling = ConsentCeiling { purpose: &purpose, client, settings };
    let id = GrantId::from_random([n | 0x40; 16]);
    let until = Micros(now.0 + HOUR);
    let requested = ConsentRecord::request(id, &asked, &ceiling, until, now).unwrap();
    write(&app.db, &requested).await;
    let approved = own(&requested.record).approve(approval(now), settings, now).unwrap();
    write(&app.db, &approved).await;
    approved.record
}

/// A consent in its customer's hands.
pub(super) fn own(record: &ConsentRecord) -> OwnedByCustomer<'_> {
    OwnedByCustomer::of(record, record.parties.subject_ref).unwrap()
}

/// The customer ends a consent, and may want the partner to delete what it has.
pub(super) async fn revoke(app: &TestApp, record: &ConsentRecord, delete: bool) {
    write(&app.db, &own(record).revoke(delete, app.clock.now()).unwrap()).await;
}

/// What a node of the shop signs with.
pub(super) async fn signers(app: &TestApp) -> Signers {
    let pepper = comptoir::app::open_pepper(&app.config, &app.db).await.unwrap();
    Signers::new(&app.db, &pepper, 300)
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if is_so().await {
            return;
        }
        pause().await;
    }
    panic!("it did not come to this: {what}");
}
