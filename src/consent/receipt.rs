//! The receipt of a consent: the claims of a `consent-receipt+jwt`, which the customer and the partner can keep
//! and anyone can check with the public keys alone.
//!
//! It has the shape that ISO/IEC TS 27560 gives to receipts, in the words of the Data Privacy Vocabulary, profile
//! `receipt-eu-gdpr`. It holds no personal data but the `sub` that this one partner knows the customer by.

use super::ending::EndedBy;
use super::evidence::LedgerEntry;
use super::purpose::LawfulBasis;
use super::record::{ConsentExpression, ConsentRecord, ExpressedBy};
use super::scope::OAuthScope;
use super::status::ConsentStatus;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde_json::{Value, json};

/// The `typ` of its header (RFC 7515 §4.1.9).
pub const RECEIPT_TYP: &str = "consent-receipt+jwt";
/// The profile of the receipt.
const RECEIPT_PROFILE: &str = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr";
/// The profile of the record in it.
const RECORD_PROFILE: &str = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr";

/// Why there is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReceipt {
    /// The customer has not agreed to anything.
    #[error("there is no receipt of what was not agreed to")]
    NotGiven,
    /// The customer is forgotten.
    #[error("there is no receipt for who is forgotten")]
    Erased,
    /// The entry is of something else, or was changed.
    #[error("the entry of the ledger does not prove the record")]
    OtherEntry,
}

/// The claims of a receipt that an issuer signs at an instant; with the entry that proves it in the ledger: the one by
/// which the version came to be, or to its end where it has ended.
pub fn receipt_claims(
    record: &ConsentRecord,
    entry: &LedgerEntry,
    issuer: &str,
    now: Micros,
) -> Result<Value, NoReceipt> {
    let expression = record.expression.as_ref().ok_or(NoReceipt::NotGiven)?;
    let sub = record.known_as.sub().ok_or(NoReceipt::Erased)?;
    if !entry.proves(record) {
        return Err(NoReceipt::OtherEntry);
    }
    let id = record.consent_id();
    Ok(json!({
        "iss": issuer,
        "iat": now.0.div_euclid(SECOND),
        "jti": format!("{id}.{}", entry.seq),
        "sub": sub,
        "aud": record.parties.client_id,
        "@context": context(),
        "@id": format!("urn:uuid:{}#{}", record.grant_id, record.version),
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": id,
        "dct:conformsTo": RECEIPT_PROFILE,
        "dct:created": now,
        "dct:publisher": record.parties.controller.name,
        "dpv:hasRecipient": ["dpv:DataSubject", record.parties.client_id],
        "dpv:hasRecordOfActivity": consent_record(record, expression),
        "ledger": { "seq": entry.seq, "entry_hash": entry.entry_hash },
    }))
}

fn context() -> Value {
    json!({
        "dpv": "https://w3id.org/dpv#",
        "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
        "loc": "https://w3id.org/dpv/loc#",
        "dct": "http://purl.org/dc/terms/",
    })
}

fn consent_record(record: &ConsentRecord, expression: &ConsentExpression) -> Value {
    let (parties, conditions, notice) = (&record.parties, &record.conditions, &record.notice);
    let supersedes = record.supersedes.map(|version| format!("{}.{version}", record.grant_id));
    json!({
        "@type": "dpv:ConsentRecord",
        "dct:identifier": record.consent_id(),
        "dct:conformsTo": RECORD_PROFILE,
        "dct:hasVersion": record.schema_version,
        "dct:replaces": supersedes,
        "dpv:hasDataSubject": record.known_as.sub(),
        "dpv:hasDataController": {
            "@type": "dpv:DataController",
            "dpv:hasName": parties.controller.name,
            "dpv:hasAddress": parties.controller.address,
            "dpv:hasContact": parties.controller.contact,
        },
        "dpv:hasJurisdiction": format!("loc:{}", conditions.jurisdiction),
        "dpv:hasApplicableLaw": "eu-gdpr:GDPR",
        "dpv:hasLegalBasis": basis(record.purpose.legal_basis),
        "dpv:hasRight": { "@id": conditions.rights_url },
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": notice.notice_id,
            "dct:hasVersion": notice.notice_version,
            "dct:language": notice.notice_lang,
            "sha256": notice.notice_hash,
            "screen_sha256": expression.screen_hash,
        },
        "dpv:hasProcess": process(record),
        "dpv:hasConsentStatus": event(record, expression),
    })
}

/// What is done with the data.
fn process(record: &ConsentRecord) -> Value {
    let (parties, purpose, conditions) = (&record.parties, &record.purpose, &record.conditions);
    let details = &record.data.authorization_details;
    let datum = |scope: OAuthScope| {
        let is_required = record.data.required.has(scope);
        let kind = if scope.needs().special_category {
            "dpv:SpecialCategoryPersonalData"
        } else {
            "dpv:PersonalData"
        };
        json!({
            "@type": kind,
            "dct:identifier": scope,
            "dpv:hasNecessity": if is_required { "dpv:Required" } else { "dpv:Optional" },
            "dpv:hasDataSource": "dpv:DataController",
        })
    };
    let data: Vec<Value> = record.data.scopes.of_customers().iter().map(datum).collect();
    let countries: Vec<_> =
        conditions.transfer_countries.iter().map(|it| format!("loc:{it}")).collect();
    json!({
        "@type": "dpv:Process",
        "dpv:hasService": purpose.service,
        "dpv:hasPurpose": {
            "@id": purpose.purpose_code,
            "dct:identifier": purpose.purpose_id,
            "sha256": purpose.purpose_text_hash,
        },
        "dpv:hasRecipient": {
            "@type": "dpv:ThirdParty",
            "dct:identifier": [parties.partner_id.to_string(), parties.client_id.to_string()],
            "dpv:hasName": parties.partner_legal_name,
            "dpv:hasContact": parties.partner_contact,
            "dpv:hasPolicy": parties.partner_privacy_url,
        },
        "dpv:hasPersonalData": data,
        "dpv:hasStorageCondition": {
            "@type": "dpv:StorageDuration",
            "dpv:hasDuration": format!("P{}D", details.retention_days),
            "dpv:hasLocation": countries,
            "deletion_on_withdrawal": conditions.deletion_on_withdrawal,
        },
        "authorization_details": details,
        "history_from": record.data.history_from,
    })
}

/// How the consent stands, since when, and how it was given.
fn event(record: &ConsentRecord, expression: &ConsentExpression) -> Value {
    let entity = match expression.expressed_by {
        ExpressedBy::Subject => "dpv:DataSubject",
        ExpressedBy::Guardian => "dpv:GuardianOfDataSubject",
    };
    json!({
        "@type": [status(record), "dpv:ExplicitlyExpressedConsent"],
        "dct:date": record.validity.granted_at,
        "dpv:hasIndicationMethod": expression.expression_method,
        "dpv:isIndicatedBy": entity,
        "dpv:hasDuration": {
            "starts_at": record.validity.starts_at,
            "expires_at": record.validity.expires_at,
        },
        "dpv:hasWithdrawalMethod": { "@id": record.conditions.withdrawal_url },
        "end": record.end,
    })
}

fn basis(basis: LawfulBasis) -> &'static str {
    match basis {
        LawfulBasis::Consent => "eu-gdpr:A6-1-a",
        LawfulBasis::ExplicitConsent => "eu-gdpr:A9-2-a",
        LawfulBasis::Portability => "eu-gdpr:A20",
    }
}

/// The state in the vocabulary's words: what the customer ends is withdrawn, what others end is revoked.
fn status(record: &ConsentRecord) -> &'static str {
    match record.status {
        ConsentStatus::Pending => "dpv:ConsentRequested",
        ConsentStatus::Active => "dpv:ConsentGiven",
        ConsentStatus::Suspended | ConsentStatus::Superseded => {
            "dpv:ConsentStatusInvalidForProcessing"
        }
        ConsentStatus::Revoked => match record.end.map(|end| end.ended_by) {
            Some(EndedBy::Customer | EndedBy::Erasure) => "dpv:ConsentWithdrawn",
            _ => "dpv:ConsentRevoked",
        },
        ConsentStatus::Expired => "dpv:ConsentExpired",
        ConsentStatus::Denied => "dpv:ConsentRefused",
    }
}
