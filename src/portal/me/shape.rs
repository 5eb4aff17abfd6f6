//! Consents as JSON.

use crate::consent::record::ConsentRecord;
use crate::consent::scope::OAuthScope;
use serde_json::{Value, json};

/// A consent as its customer reads it.
pub(super) fn consent(record: &ConsentRecord) -> Value {
    let (parties, data, details) =
        (&record.parties, &record.data, &record.data.authorization_details);
    let scopes: Vec<OAuthScope> = data.scopes.iter().collect();
    json!({
        "grant_id": record.grant_id,
        "version": record.version,
        "status": record.status,
        "partner": {
            "legal_name": parties.partner_legal_name,
            "contact": parties.partner_contact,
            "privacy_url": parties.partner_privacy_url,
        },
        "service": record.purpose.service,
        "purpose_id": record.purpose.purpose_id,
        "scopes": scopes,
        "required": data.required,
        "excluded_categories": details.exclude_categories,
        "let_in_categories": data.let_in,
        "access": details.access.to_string(),
        "retention_days": details.retention_days,
        "history_from": data.history_from,
        "granted_at": record.validity.granted_at,
        "starts_at": record.validity.starts_at,
        "expires_at": record.validity.expires_at,
        "ended": record.end,
    })
}
