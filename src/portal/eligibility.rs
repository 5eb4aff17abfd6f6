//! Whose account can agree to anything: by what the provider claims and what is known of the customer.

use crate::consent::ending::SuspendedFor;
use crate::customers::model::{AgeBand, CalendarDay, CustomerProfile};
use crate::kernel::word::words;
use serde_json::Value;

words! {
    /// Why an account cannot agree to anything.
    pub(super) enum CustomerBar {
        /// It is blocked.
        Blocked = "blocked",
        /// Its holder is too young.
        Minor = "minor",
        /// Its holder has died.
        Deceased = "deceased",
        /// It is closed, or there is none.
        Closed = "closed",
    }
}

impl CustomerBar {
    /// What consents of such an account are suspended for; `None` where they end.
    pub(super) fn suspends(self) -> Option<SuspendedFor> {
        match self {
            Self::Blocked => Some(SuspendedFor::Blocked),
            Self::Minor => Some(SuspendedFor::Minor),
            Self::Deceased => Some(SuspendedFor::Deceased),
            Self::Closed => None,
        }
    }

    /// Whether its holder still comes to their own page: to see what they share, and to stop it.
    pub(super) fn may_see(self) -> bool {
        matches!(self, Self::Blocked | Self::Minor)
    }
}

/// What is known of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AccountStanding {
    /// Why it cannot agree to anything; `None` where it can.
    pub(super) barred: Option<CustomerBar>,
    /// Whether the provider has said how it stands: then what it was suspended for before is over.
    pub(super) is_told: bool,
    /// Whether its holder is known to be old enough.
    pub(super) is_of_age: bool,
}

/// How an account stands, by the claims of a believed ID token and by the customer's profile. A status that is not known
/// here bars: whoever writes one means something by it.
pub(super) fn standing(
    claims: &Value,
    profile: Option<&CustomerProfile>,
    (min_age, today): (u8, CalendarDay),
) -> AccountStanding {
    let status = claims.get("account_status").filter(|status| !status.is_null());
    let of_status = status.and_then(|status| match status.as_str() {
        Some("active" | "open") => None,
        Some("deceased") => Some(CustomerBar::Deceased),
        Some("closed" | "deleted") => Some(CustomerBar::Closed),
        _ => Some(CustomerBar::Blocked),
    });
    let of_age = is_of_age(claims, profile, (min_age, today));
    let closed = profile.is_none().then_some(CustomerBar::Closed);
    let minor = (of_age == Some(false)).then_some(CustomerBar::Minor);
    AccountStanding {
        barred: of_status.or(closed).or(minor),
        is_told: status.is_some(),
        is_of_age: of_age == Some(true),
    }
}

/// Whether somebody is old enough, where it is known; where one of those who know says that they are not, they are not. A
/// band is too young as a whole where it can be.
fn is_of_age(
    claims: &Value,
    profile: Option<&CustomerProfile>,
    (min_age, today): (u8, CalendarDay),
) -> Option<bool> {
    let by_band = |band: AgeBand| match band {
        AgeBand::Minor => false,
        AgeBand::From18 => min_age <= 18,
        _ => true,
    };
    let claimed = claims["age_band"].as_str().and_then(|band| band.parse::<AgeBand>().ok());
    let born = profile.and_then(|profile| profile.birth_date);
    let kept = profile.and_then(|profile| profile.age_band).filter(|_| born.is_none());
    let all = [
        born.map(|born| born.years_until(today) >= u16::from(min_age)),
        claimed.map(by_band),
        kept.map(by_band),
    ];
    let known: Vec<bool> = all.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.into_iter().all(|is_old| is_old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profile(fields: &Value) -> CustomerProfile {
        let mut whole = json!({ "id": "C1" });
        for (name, value) in fields.as_object().unwrap() {
            whole[name] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    fn barred(claims: &Value, fields: &Value) -> Option<CustomerBar> {
        let today = "2026-11-29".parse().unwrap();
        standing(claims, Some(&profile(fields)), (16, today)).barred
    }

    #[test]
    fn an_account_is_barred_by_what_is_said_of_it() {
        use CustomerBar::{Blocked, Closed, Deceased, Minor};
        let adult = || json!({ "birth_date": "1990-01-01" });
        for (claims, fields, expected) in [
            (json!({}), adult(), None),
            (json!({ "account_status": "active" }), adult(), None),
            (json!({ "account_status": null }), adult(), None),
            (json!({ "account_status": "blocked" }), adult(), Some(Blocked)),
            (json!({ "account_status": "frozen?" }), adult(), Some(Blocked)),
            (json!({ "account_status": true }), adult(), Some(Blocked)),
            (json!({ "account_status": "deceased" }), adult(), Some(Deceased)),
            (json!({ "account_status": "deleted" }), adult(), Some(Closed)),
            (json!({}), json!({ "birth_date": "2010-11-29" }), None),
            (json!({}), json!({ "birth_date": "2010-11-30" }), Some(Minor)),
            (json!({}), json!({ "age_band": "under_18" }), Some(Minor)),
            (json!({ "age_band": "under_18" }), json!({}), Some(Minor)),
            (json!({ "age_band": "under_18" }), adult(), Some(Minor)),
            (json!({ "age_band": "25_34" }), json!({}), None),
            (json!({}), json!({}), None),
        ] {
            assert_eq!(barred(&claims, &fields), expected, "{claims}");
        }
        let today = "2026-11-29".parse().unwrap();
        assert_eq!(standing(&json!({}), None, (16, today)).barred, Some(Closed));
    }
}
