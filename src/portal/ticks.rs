//! What a customer has ticked on a screen, and how they have said it.

use super::error::PageError;
use super::query::FormFields;
use super::sessions::LoggedIn;
use super::state::Portal;
use crate::access::policy::Gate;
use crate::consent::ask::ConsentApproval;
use crate::consent::category::{SensitiveCategories, SensitiveCategory};
use crate::consent::hash::Hash32;
use crate::consent::record::{ConsentData, ConsentExpression, ExpressedBy, ip_prefix};
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::word::Word;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpRequest, web};

/// Families of browsers by what they call themselves, the most particular first.
const FAMILIES: [(&str, &str); 5] = [
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];

/// What was ticked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticks {
    pub(super) scopes: OAuthScopes,
    explicit: OAuthScopes,
    let_in: SensitiveCategories,
    days: Option<u16>,
}

/// The words that stand behind a beginning in the names of a form. One that there is not is on no screen.
pub(super) fn ticked<W: Word>(given: &FormFields, beginning: &str) -> Result<Vec<W>, PageError> {
    let word = |name: &str| W::of(name).ok_or(PageError::Tampered);
    given.behind(beginning).map(word).collect()
}

impl Ticks {
    /// Reads a form. What is locked on the screen is ticked, and so is what reads nothing of the customer; what was not
    /// asked for is for the consent itself to refuse.
    pub(super) fn read(given: &FormFields, asked: &ConsentData) -> Result<Self, PageError> {
        let days = given.get("days").map(|text| text.parse().map_err(|_| PageError::Tampered));
        let own: OAuthScopes = ticked::<OAuthScope>(given, "scope:")?.into_iter().collect();
        let explicit = ticked::<OAuthScope>(given, "explicit:")?.into_iter().collect();
        let let_in = ticked::<SensitiveCategory>(given, "category:")?.into_iter().collect();
        let of_no_customer = asked.scopes.without(asked.scopes.of_customers());
        Ok(Self {
            scopes: own.or(asked.required).or(of_no_customer),
            explicit,
            let_in,
            days: days.transpose()?,
        })
    }

    /// What follows from them.
    pub(super) fn approval(
        self,
        expression: ConsentExpression,
        stepped_up: bool,
    ) -> ConsentApproval {
        ConsentApproval {
            scopes: self.scopes,
            explicit: self.explicit,
            let_in: self.let_in,
            stepped_up,
            duration_days: self.days,
            expression,
        }
    }
}

impl Portal {
    /// The network that somebody comes from.
    pub(super) fn network(&self, http: &HttpRequest) -> Option<String> {
        let gate = http.app_data::<web::Data<Gate>>()?;
        gate.client_of(http).map(ip_prefix)
    }
}

/// The family of a browser.
pub(super) fn family(http: &HttpRequest) -> Option<String> {
    let agent = http.headers().get(USER_AGENT)?.to_str().ok()?;
    let found = FAMILIES.iter().find(|(mark, _)| agent.contains(mark));
    Some(found.map_or("other", |(_, family)| family).to_owned())
}

/// How a customer has said it.
pub(super) fn expression(
    who: &LoggedIn,
    (screen_hash, ip_prefix): (Hash32, Option<String>),
    ua_family: Option<String>,
) -> ConsentExpression {
    let login = &who.session.login;
    ConsentExpression {
        screen_hash,
        expressed_by: ExpressedBy::Subject,
        expression_method: "button:allow".to_owned(),
        auth_time: Some(Micros(login.auth_time.saturating_mul(SECOND))),
        acr: login.acr.clone(),
        ip_prefix,
        ua_family,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> FormFields {
        FormFields::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn words_that_are_on_no_screen_are_refused() {
        for bad in ["scope:customer.all%3Aread=1", "category:meat=1", "explicit:=1"] {
            assert!(
                ticked::<OAuthScope>(&given(bad), "scope:").is_err() || !bad.starts_with("scope")
            );
            let other = ticked::<SensitiveCategory>(&given(bad), "category:");
            assert!(other.is_err() || !bad.starts_with("category"));
            let own = ticked::<OAuthScope>(&given(bad), "explicit:");
            assert!(own.is_err() || !bad.starts_with("explicit"));
        }
        let good = given("scope:customer.lists%3Aread=1&other=2");
        assert_eq!(ticked::<OAuthScope>(&good, "scope:"), Ok(vec![OAuthScope::ListsRead]));
    }
}
