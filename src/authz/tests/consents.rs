//! Consents as tokens are issued by them.

use super::{API, GRANT_ID, NOW, SUMMARY, later, scopes, subject};
use crate::authz::grant::{Decided, InForce};
use crate::consent::category::SensitiveCategories;
use crate::consent::details::CustomerDataDetails;
use crate::consent::ending::Suspensions;
use crate::consent::hash::Hash32;
use crate::consent::head::{ConsentHead, KnownConsent};
use crate::consent::live::{GrantPointer, LiveGrant};
use crate::consent::purpose::{LawfulBasis, NoticeLanguage};
use crate::consent::record::{
    ConsentConditions, ConsentController, ConsentData, ConsentParties, ConsentPurpose,
    ConsentRecord, ConsentValidity, SCHEMA_VERSION, ShownNotice,
};
use crate::consent::scope::OAuthScopes;
use crate::consent::settings::ConsentSettings;
use crate::consent::standing::{ClientStanding, ConsentClient, CustomerStanding, Standings};
use crate::consent::status::ConsentStatus;
use crate::consent::subject::{KnownAs, SubjectRef};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};

pub(super) const DETAILS: &str = r#"[{"type":"retail_customer_data","actions":["read"],
    "datatypes":["purchases.summary"],"purpose_id":"budget-coach","history_months":6,
    "access":"recurring","duration_days":30,"retention_days":30}]"#;

pub(super) fn details() -> CustomerDataDetails {
    CustomerDataDetails::parse(DETAILS, API, SensitiveCategories::everywhere()).unwrap()
}

fn parties() -> ConsentParties {
    ConsentParties {
        subject_ref: SubjectRef(Hash32([1; 32])),
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
    }
}

/// A consent to summaries of purchases, for thirty days.
pub(super) fn grant() -> ConsentRecord {
    ConsentRecord {
        schema_version: SCHEMA_VERSION,
        grant_id: GRANT_ID.parse().unwrap(),
        version: 3,
        supersedes: Some(2),
        status: ConsentStatus::Active,
        suspended_for: Suspensions::NONE,
        tokens_since: None,
        parties: parties(),
        known_as: KnownAs::Sub(subject(1)),
        purpose: ConsentPurpose {
            purpose_id: "budget-coach".parse().unwrap(),
            purpose_code: "https://w3id.org/dpv#ServicePersonalisation".into(),
            purpose_text_hash: Hash32([2; 32]),
            legal_basis: LawfulBasis::Consent,
            service: "Budget Coach".into(),
        },
        data: ConsentData {
            scopes: scopes(&format!("{SUMMARY} offline_access")),
            required: OAuthScopes::NONE,
            authorization_details: details(),
            let_in: SensitiveCategories::NONE,
            history_from: Some(NOW),
        },
        conditions: ConsentConditions {
            deletion_on_withdrawal: true,
            jurisdiction: "FR".into(),
            transfer_countries: Vec::new(),
            rights_url: "https://gw.example/me".into(),
            withdrawal_url: "https://gw.example/me/consents".into(),
        },
        notice: ShownNotice {
            notice_id: "sharing".into(),
            notice_version: 3,
            notice_hash: Hash32([3; 32]),
            notice_lang: NoticeLanguage::Fr,
        },
        expression: None,
        validity: ConsentValidity {
            granted_at: Some(NOW),
            starts_at: Micros(0),
            expires_at: later(30 * 86_400),
            reminder_at: None,
        },
        end: None,
        receipt_jws: None,
    }
}

/// The same but for a change.
pub(super) fn changed(change: impl FnOnce(&mut ConsentRecord)) -> ConsentRecord {
    let mut record = grant();
    change(&mut record);
    record
}

/// The same to these scopes.
pub(super) fn to(text: &str) -> ConsentRecord {
    changed(|record| record.data.scopes = scopes(text))
}

/// How a consent is pointed at.
pub(super) fn pointer(record: &ConsentRecord) -> GrantPointer {
    let client = record.parties.client_id;
    let sub = record.known_as.sub().unwrap();
    GrantPointer { grant_id: record.grant_id, version: record.version, client, sub }
}

/// What is decided about a consent of which all is known that was written; without one there is none.
pub(super) fn decided(record: Option<&ConsentRecord>) -> Decided<'_> {
    let mut known = KnownConsent::default();
    let pointed = record.map_or_else(|| pointer(&grant()), pointer);
    if let Some(record) = record {
        known.apply(ConsentHead::of(record, 1));
    }
    known.confirm(NOW);
    let client = ConsentClient {
        id: pointed.client,
        standing: ClientStanding::Registered,
        scopes: OAuthScopes::all(),
    };
    let standings = Standings { client, customer: CustomerStanding::Open };
    let stale_after = ConsentSettings::default().stale_after();
    let grant = LiveGrant::of(&known, pointed, standings, stale_after, NOW)?;
    let record = record.ok_or(crate::consent::decide::ReadRefused::NoConsent)?;
    Ok(InForce { grant, record })
}
