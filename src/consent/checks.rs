//! What may be asked of a customer, and which answers to it count.

use super::ask::{ConsentApproval, ConsentAsked, ConsentCeiling};
use super::category::SensitiveCategories;
use super::details::{AccessMode, CustomerDataDetails, ONCE_DAYS};
use super::purpose::PurposeDocument;
use super::record::{ConsentData, ConsentPurpose, ConsentValidity, ExpressedBy, ShownNotice};
use super::refused::{ChangeRefused, Tampering};
use super::scope::{OAuthScope, OAuthScopes, ScopeHolder};
use super::settings::ConsentSettings;
use super::standing::ClientStanding;
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

/// What is asked for, once it is checked.
pub(super) struct Checked {
    pub(super) purpose: ConsentPurpose,
    pub(super) data: ConsentData,
    pub(super) notice: ShownNotice,
}

/// Checks what a partner asks for, and gives what the record says of it.
pub(super) fn asked_for(
    asked: &ConsentAsked,
    ceiling: &ConsentCeiling<'_>,
) -> Result<Checked, ChangeRefused> {
    let ConsentCeiling { purpose, client, settings } = ceiling;
    if asked.parties.client_id != client.id || purpose.client_id != client.id {
        return Err(ChangeRefused::OtherClient);
    }
    if client.standing == ClientStanding::Suspended {
        return Err(ChangeRefused::Client);
    }
    // A purpose that has an address keeps to what all purposes keep to, such as the longest duration.
    let purpose_text_hash = purpose.address()?;
    let scopes = asked.scopes.or(asked.details.datatypes);
    let login = scopes.that(|scope| scope.holder() == ScopeHolder::Login);
    let beyond = scopes.without(client.scopes.and(purpose.scopes.or(login)));
    if !beyond.is_empty() {
        return Err(ChangeRefused::Beyond(beyond));
    }
    if scopes.of_customers().is_empty() {
        return Err(ChangeRefused::Nothing);
    }
    if asked.details.access == AccessMode::Once && scopes.has(OAuthScope::OfflineAccess) {
        return Err(ChangeRefused::OfflineOnce);
    }
    within(&asked.details, purpose, *settings)?;
    let mut details = asked.details.clone();
    details.datatypes = scopes.that(|scope| scope.datatype().is_some());
    // The screen offers no category that the purpose is not about.
    let foreign = settings.sensitive_categories.without(purpose.categories);
    details.exclude_categories = details.exclude_categories.or(foreign);
    let record = ConsentPurpose {
        purpose_id: purpose.purpose_id.clone(),
        purpose_code: purpose.code.clone(),
        purpose_text_hash,
        legal_basis: purpose.legal_basis,
        service: asked.service.clone(),
    };
    let data = ConsentData {
        scopes,
        required: purpose.required.and(scopes),
        authorization_details: details,
        let_in: SensitiveCategories::NONE,
        history_from: None,
    };
    let notice = ShownNotice::of(&asked.notice, asked.notice_lang)?;
    Ok(Checked { purpose: record, data, notice })
}

/// Checks the numbers of details against those of the purpose.
fn within(
    details: &CustomerDataDetails,
    purpose: &PurposeDocument,
    settings: ConsentSettings,
) -> Result<(), ChangeRefused> {
    if details.purpose_id != purpose.purpose_id {
        return Err(ChangeRefused::OtherPurpose);
    }
    let longest = settings.max_days.min(purpose.max_duration_days);
    let longest = match details.access {
        AccessMode::Once => longest.min(ONCE_DAYS),
        AccessMode::Recurring => longest,
    };
    if details.duration_days > longest {
        return Err(ChangeRefused::TooLong(longest));
    }
    if details.history_months > purpose.max_history_months {
        return Err(ChangeRefused::History(purpose.max_history_months));
    }
    if details.retention_days > purpose.retention_days {
        return Err(ChangeRefused::Retention(purpose.retention_days));
    }
    Ok(())
}

/// Checks an answer against what was on the screen, and gives the data as it was agreed to.
pub(super) fn answered(
    asked: &ConsentData,
    approval: &ConsentApproval,
    settings: ConsentSettings,
    now: Micros,
) -> Result<ConsentData, ChangeRefused> {
    if approval.expression.expressed_by != ExpressedBy::Subject {
        return Err(ChangeRefused::Guardian);
    }
    let (scopes, let_in) = (approval.scopes, approval.let_in);
    let details = &asked.authorization_details;
    let sensitive = settings.sensitive_categories;
    let days = approval.duration_days.unwrap_or(settings.default_days.min(details.duration_days));
    if !scopes.within(asked.scopes) {
        return Err(Tampering::Scopes(scopes.without(asked.scopes)).into());
    }
    if !asked.required.within(scopes) {
        return Err(Tampering::Required(asked.required.without(scopes)).into());
    }
    let offered = sensitive.without(details.exclude_categories);
    if !let_in.within(offered) {
        return Err(Tampering::Categories(let_in.without(offered)).into());
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
    if !approval.stepped_up {
        if !scopes.step_up().is_empty() {
            return Err(ChangeRefused::StepUp(scopes.step_up()));
        }
        if !let_in.is_empty() {
            return Err(ChangeRefused::CategoryStepUp(let_in));
        }
    }
    let mut data = asked.clone();
    let granted = &mut data.authorization_details;
    granted.exclude_categories = details.exclude_categories.or(sensitive.without(let_in));
    granted.duration_days = days;
    data.let_in = let_in;
    data.history_from = Some(months_before(now, details.history_months));
    Ok(with_scopes(data, scopes))
}

/// The data of these scopes alone.
pub(super) fn with_scopes(mut data: ConsentData, scopes: OAuthScopes) -> ConsentData {
    data.scopes = scopes;
    data.authorization_details.datatypes = data.authorization_details.datatypes.and(scopes);
    data
}

/// When a consent of some days that begins now holds.
pub(super) fn validity(days: u16, settings: ConsentSettings, now: Micros) -> ConsentValidity {
    let expires_at = days_after(now, days);
    let reminder_at = days_after(now, settings.reminder_days);
    ConsentValidity {
        granted_at: Some(now),
        starts_at: now,
        expires_at,
        reminder_at: (reminder_at < expires_at).then_some(reminder_at),
    }
}
