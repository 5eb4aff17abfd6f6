//! What the operations on access to customers' data take and answer.

use crate::access::error::AccessError;
use crate::access::model::Name;
use crate::access::text::Reason;
use crate::authz::client::{ClientAuth, SecurityProfile};
use crate::authz::clients::model::{AccessAsk, AccessSpec, AskState, CustomerAccess, Decided};
use crate::authz::clients::service::{AccessDecision, redirects};
use crate::authz::redirect::RedirectUri;
use crate::consent::name::{NameDoubt, name_doubts};
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::word::Word as _;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// What an app is to be registered with.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerAccessIn {
    /// How its OAuth clients prove themselves: `private_key_jwt`, `client_secret_basic`, or `none` for what can keep no
    /// secret.
    #[schema(example = "private_key_jwt")]
    client_auth: ClientAuth,
    /// What its requests keep to, `fapi2` or `baseline`; in production always `fapi2`.
    #[schema(example = "fapi2")]
    profile: SecurityProfile,
    /// Whether it runs on the customer's device, and may have addresses on `http://127.0.0.1`.
    #[serde(default)]
    #[schema(default = false, example = false)]
    native: bool,
    /// The partner's name in its register of companies, as customers read it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Budget Coach SAS")]
    legal_name: Name,
    /// Where customers reach the partner: an address of mail, a telephone number.
    #[schema(min_length = 1, max_length = 1000, example = "privacy@coach.example")]
    contact: String,
    /// Where the partner says what it does with data.
    #[schema(max_length = 1000, example = "https://coach.example/privacy")]
    privacy_url: String,
    /// All addresses to send customers back to, compared as they are written here.
    #[schema(min_items = 1, max_items = 20, example = json!(["https://coach.example/callback"]))]
    redirect_uris: Vec<String>,
    /// All scopes of customers that it asks for.
    #[schema(value_type = Vec<String>, min_items = 1, example = json!(["customer.loyalty.basic:read", "customer.purchases.summary:read"]))]
    scopes: OAuthScopes,
}

impl CustomerAccessIn {
    pub(super) fn read(self) -> Result<AccessSpec, AccessError> {
        let redirect_uris = redirects(&self.redirect_uris, self.native)?;
        let Self { client_auth, profile, native, legal_name, contact, privacy_url, .. } = self;
        Ok(AccessSpec {
            auth: client_auth,
            profile,
            native,
            legal_name,
            contact,
            privacy_url,
            redirect_uris,
            scopes: self.scopes,
        })
    }
}

/// What is decided about, and why.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessDecisionIn {
    /// Scopes that the app asks for.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["customer.purchases.summary:read"]))]
    pub(super) scopes: OAuthScopes,
    /// Addresses that it asks for.
    #[serde(default)]
    #[schema(max_items = 20, example = json!(["https://coach.example/callback"]))]
    pub(super) redirect_uris: Vec<String>,
    /// Why.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "The purpose needs totals by month, and no more")]
    pub(super) reason: Reason,
}

impl AccessDecisionIn {
    pub(super) fn read(self) -> AccessDecision {
        AccessDecision { scopes: self.scopes, redirect_uris: self.redirect_uris }
    }

    pub(super) fn scope_words(&self) -> impl Iterator<Item = &'static str> {
        self.scopes.iter().map(OAuthScope::as_str)
    }
}

/// A scope or an address that an app asks for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AccessAskOut {
    /// The scope or the address.
    #[schema(example = "customer.purchases.summary:read")]
    value: String,
    /// Whether it takes two people to approve it: it can reveal health or belief.
    #[schema(example = false)]
    takes_two: bool,
    /// `asked`, `approved` or `refused`; only what is approved counts.
    #[schema(example = "approved")]
    state: AskState,
    /// Who has asked for it.
    #[schema(example = "acc_9pSz33qRsTu")]
    asked_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    asked_at: Micros,
    /// Who has decided; null where nobody has.
    #[schema(required = true, example = "acc_4kPz09aBcDe")]
    decided_by: Option<String>,
    /// When; null where nobody has.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T10:02:11Z")]
    decided_at: Option<Micros>,
    /// Why; null where nobody has.
    #[schema(required = true, example = "The purpose needs totals by month, and no more")]
    reason: Option<String>,
}

impl AccessAskOut {
    fn of<T: Display>(ask: AccessAsk<T>, takes_two: bool) -> Self {
        let AccessAsk { what, state, asked_by, asked_at, decided } = ask;
        let (decided_by, decided_at, reason) = match decided {
            Some(Decided { by, at, reason }) => (Some(by), Some(at), Some(reason)),
            None => (None, None, None),
        };
        let value = what.to_string();
        Self { value, takes_two, state, asked_by, asked_at, decided_by, decided_at, reason }
    }
}

/// By whom an app's access is suspended, and why.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AccessSuspensionOut {
    /// By whom.
    #[schema(example = "acc_4kPz09aBcDe")]
    by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T10:02:11Z")]
    since: Micros,
    /// Why.
    #[schema(example = "The partner has lost data")]
    reason: String,
}

/// An app that is registered to ask customers for their data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CustomerAccessOut {
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// Whose it is.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// How its OAuth clients prove themselves.
    #[schema(example = "private_key_jwt")]
    client_auth: ClientAuth,
    /// What its requests keep to.
    #[schema(example = "fapi2")]
    profile: SecurityProfile,
    /// Whether it runs on the customer's device.
    #[schema(example = false)]
    native: bool,
    /// The partner's name in its register of companies.
    #[schema(value_type = String, example = "Budget Coach SAS")]
    legal_name: Name,
    /// What somebody should look at in that name before customers read it; empty as a rule.
    #[schema(example = json!([]))]
    name_doubts: Vec<NameDoubt>,
    /// Where customers reach the partner.
    #[schema(example = "privacy@coach.example")]
    contact: String,
    /// Where the partner says what it does with data.
    #[schema(example = "https://coach.example/privacy")]
    privacy_url: String,
    /// The scopes that it asks for.
    scopes: Vec<AccessAskOut>,
    /// The addresses that it asks for.
    redirect_uris: Vec<AccessAskOut>,
    /// By whom its access is suspended; null where it is not.
    #[schema(required = true)]
    suspended: Option<AccessSuspensionOut>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    created_at: Micros,
    /// When that was last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    updated_at: Micros,
}

impl CustomerAccessOut {
    /// A registration as people see it; `retailer` is whom no partner's name may look like.
    pub(super) fn of(access: CustomerAccess, retailer: &str) -> Self {
        let scope = |ask: AccessAsk<OAuthScope>| {
            let takes_two = ask.what.needs().special_category;
            AccessAskOut::of(ask, takes_two)
        };
        let redirect = |ask: AccessAsk<RedirectUri>| AccessAskOut::of(ask, false);
        let suspension = |Decided { by, at, reason }| AccessSuspensionOut { by, since: at, reason };
        Self {
            app_id: access.app,
            partner_id: access.partner,
            client_auth: access.auth,
            profile: access.profile,
            native: access.native,
            name_doubts: name_doubts(access.legal_name.as_str(), retailer),
            legal_name: access.legal_name,
            contact: access.contact,
            privacy_url: access.privacy_url,
            scopes: access.scopes.into_iter().map(scope).collect(),
            redirect_uris: access.redirect_uris.into_iter().map(redirect).collect(),
            suspended: access.suspended.map(suspension),
            created_at: access.created_at,
            updated_at: access.updated_at,
        }
    }
}
