//! Who somebody is whom the OpenID provider names, and what they may do here.

use crate::admin::accounts::model::Login;
use crate::admin::roles::{Role, Roles};
use crate::config;
use crate::kernel::word::Word as _;
use crate::outbound::oidc::id_token::{Untrue, subject};
use serde_json::Value;

/// Who the provider says that somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's name for them, which never changes.
    pub subject: String,
    /// What they are called.
    pub name: String,
    /// Their address of mail, where it is told and could be a login here.
    pub email: Option<Login>,
    /// Their roles; `None` where they have none here.
    pub roles: Option<Roles>,
}

impl Identity {
    /// Who a believed ID token is about.
    pub fn of(claims: &Value, settings: &config::Oidc) -> Result<Self, Untrue> {
        let subject = subject(claims)?;
        let names =
            ["name", "preferred_username", "email", "sub"].map(|claim| claims[claim].as_str());
        let name = names.into_iter().flatten().find(|name| !name.trim().is_empty());
        Ok(Self {
            subject: subject.to_owned(),
            name: name.unwrap_or(subject).to_owned(),
            email: claims["email"].as_str().and_then(|email| email.parse().ok()),
            roles: roles(claims, settings),
        })
    }
}

/// The roles that follow from the claim.
fn roles(claims: &Value, settings: &config::Oidc) -> Option<Roles> {
    // A name may hold dots itself, as those do that are addresses.
    let whole = claims.get(&settings.claim);
    let claim = whole.or_else(|| {
        settings.claim.split('.').try_fold(claims, |claims, member| claims.get(member))
    });
    let has = |value: &str| match claim {
        Some(Value::String(one)) => one == value,
        Some(Value::Array(several)) => several.iter().any(|one| one == value),
        _ => false,
    };
    let mapped = settings.roles.iter().filter(|mapping| has(&mapping.value));
    Roles::new(mapped.filter_map(|mapping| Role::of(&mapping.role))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_settings_know_the_roles() {
        let words: Vec<&str> = Role::WORDS.iter().map(|(word, _)| *word).collect();
        assert_eq!(config::ROLES.to_vec(), words);
    }

    #[test]
    fn roles_follow_from_a_text_a_list_and_what_lies_deeper() {
        let mapping =
            |role: &str, value: &str| config::Mapping { role: role.into(), value: value.into() };
        let mut settings = config::Oidc {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: Vec::new(),
            claim: "groups".into(),
            roles: vec![mapping("owner", "admins"), mapping("billing", "finance")],
            leeway: std::time::Duration::ZERO,
        };
        let of = |claims: Value, settings: &config::Oidc| {
            roles(&claims, settings).map(|r| r.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            of(json!({ "groups": ["finance", "admins", 5] }), &settings),
            some("owner,billing")
        );
        assert_eq!(of(json!({ "groups": "finance" }), &settings), some("billing"));
        for none in [json!({}), json!({ "groups": [] }), json!({ "groups": "finance admins" })] {
            assert_eq!(of(none, &settings), None);
        }
        settings.claim = "realm_access.roles".into();
        assert_eq!(
            of(json!({ "realm_access": { "roles": ["admins"] } }), &settings),
            some("owner")
        );
        assert_eq!(of(json!({ "realm_access.roles": ["admins"] }), &settings), some("owner"));
    }
}
