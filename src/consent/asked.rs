//! What may be asked of a customer, and which answers to it count.

use super::change::{
    ChangeRefused, ConsentApproval, ConsentAsked, ConsentCeiling, ConsentLimits, Tampering,
};
use super::details::AccessMode;
use super::record::{ConsentData, ConsentPurpose, ConsentValidity};
use super::scope::{OAuthScope, OAuthScopes, ScopeHolder};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use jiff::{Span, tz::TimeZone};

/// So many days later.
fn days_after(at: Micros, days: u16) -> Micros {
    Micros(at.0.saturating_add(i64::from(days) * DAY))
}

/// So many months of the calendar earlier, in UTC; where there is no such day, the instant itself, so that
/// nothing from before is handed over.
fn months_before(at: Micros, months: u16) -> Micros {
    let zoned = at.timestamp().to_zoned(TimeZone::UTC);
    let span = Span::new().try_months(months);
    span.and_then(|span| zoned.checked_sub(span)).map_or(at, |zoned| zoned.timestamp().into())
}

/// Checks what a partner asks for, and gives the data and the purpose of the record.
pub(super) fn asked_for(
    asked: &ConsentAsked,
    ceiling: &ConsentCeiling<'_>,
) -> Result<(ConsentPurpose, ConsentData), ChangeRefused> {
    let ConsentCeiling { purpose, client, limits } = ceiling;
    let details = &asked.details;
    // A purpose that has an address keeps to what all purposes keep to, such as the longest duration.
    let purpose_text_hash = purpose.address()?;
    if details.purpose_id != purpose.purpose_id {
        return Err(ChangeRefused::OtherPurpose);
    }
    let scopes = asked.scopes.or(details.datatypes);
    let login = scopes.that(|scope| scope.holder() == ScopeHolder::Login);
    let beyond = scopes.without(client.and(purpose.scopes.or(login)));
    if !beyond.is_empty() {
        return Err(ChangeRefused::Beyond(beyond));
    }
    if scopes.of_customers().is_empty() {
        return Err(ChangeRefused::Nothing);
    }
    if details.access == AccessMode::Once && scopes.has(OAuthScope::OfflineAccess) {
        return Err(ChangeRefused::OfflineOnce);
    }
    let longest = limits.max_days.min(purpose.max_duration_days);
    if details.duration_days > longest {
        return Err(ChangeRefused::TooLong(longest));
    }
    if details.retention_days > purpose.retention_days {
        return Err(ChangeRefused::Retention(purpose.retention_days));
    }
    let mut details = details.clone();
    details.datatypes = scopes.that(|scope| scope.datatype().is_some());
    let record = ConsentPurpose {
        purpose_id: purpose.purpose_id.clone(),
        purpose_code: purpose.code.clone(),
        purpose_text_hash,
        legal_basis: purpose.legal_basis,
        service: asked.service.clone(),
    };
    let required = purpose.required.and(scopes);
    Ok((
        record,
        ConsentData { scopes, required, authorization_details: details, history_from: None },
    ))
}

/// Checks an answer against what was on the screen, and gives the data as it was agreed to.
pub(super) fn answered(
    asked: &ConsentData,
    approval: &ConsentApproval,
    limits: ConsentLimits,
    now: Micros,
) -> Result<ConsentData, ChangeRefused> {
    let scopes = approval.scopes;
    let details = &asked.authorization_details;
    let days = approval.duration_days.unwrap_or(limits.default_days.min(details.duration_days));
    let let_in = details.exclude_categories.without(approval.exclude);
    if !scopes.within(asked.scopes) {
        return Err(Tampering::Scopes(scopes.without(asked.scopes)).into());
    }
    if !asked.required.within(scopes) {
        return Err(Tampering::Required(asked.required.without(scopes)).into());
    }
    if !let_in.is_empty() {
        return Err(Tampering::Categories(let_in).into());
    }
    if !(1..=details.duration_days).contains(&days) {
        return Err(Tampering::Duration(days).into());
    }
    if scopes.of_customers().is_empty() {
        return Err(ChangeRefused::Nothing);
    }
    let silent = scopes.special().without(approval.explicit);
    if !silent.is_empty() {
        return Err(ChangeRefused::NotExplicit(silent));
    }
    if !approval.stepped_up && !scopes.step_up().is_empty() {
        return Err(ChangeRefused::StepUp(scopes.step_up()));
    }
    let history_from = Some(months_before(now, details.history_months));
    let mut data = asked.clone();
    data.authorization_details.exclude_categories = approval.exclude;
    data.authorization_details.duration_days = days;
    data.history_from = history_from;
    Ok(with_scopes(data, scopes))
}

/// The data of these scopes alone.
pub(super) fn with_scopes(mut data: ConsentData, scopes: OAuthScopes) -> ConsentData {
    data.scopes = scopes;
    data.authorization_details.datatypes = data.authorization_details.datatypes.and(scopes);
    data
}

/// When a consent of some days that begins now holds.
pub(super) fn validity(days: u16, limits: ConsentLimits, now: Micros) -> ConsentValidity {
    let expires_at = days_after(now, days);
    let reminder_at = days_after(now, limits.reminder_days);
    ConsentValidity {
        granted_at: Some(now),
        starts_at: now,
        expires_at,
        reminder_at: (reminder_at < expires_at).then_some(reminder_at),
    }
}
