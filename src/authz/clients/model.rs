//! What is registered of an app, and what was decided about it.

use crate::access::model::Name;
use crate::authz::client::{ClientAuth, SecurityProfile};
use crate::authz::redirect::RedirectUri;
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::consent::standing::ClientStanding;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::word::words;

words! {
    /// How it stands with something that an app asks for.
    pub enum AskState {
        /// Nobody has decided.
        Asked = "asked",
        /// It was approved.
        Approved = "approved",
        /// It was refused.
        Refused = "refused",
    }
}

words! {
    /// What kind of thing an app asks for.
    pub enum AskKind {
        /// A scope of customers.
        Scope = "scope",
        /// An address to send customers back to.
        RedirectUri = "redirect_uri",
    }
}

/// Who has decided something, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// When.
    pub at: Micros,
    /// Why.
    pub reason: String,
}

/// Something that an app asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessAsk<T> {
    /// What.
    pub what: T,
    /// How it stands with it.
    pub state: AskState,
    /// Who has asked for it.
    pub asked_by: String,
    /// When.
    pub asked_at: Micros,
    /// What was decided last; none where nothing was.
    pub decided: Option<Decided>,
}

/// What is to be registered of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSpec {
    /// How its clients prove themselves.
    pub auth: ClientAuth,
    /// What its requests keep to, whatever the settings ask for less.
    pub profile: SecurityProfile,
    /// Whether it runs on the customer's device.
    pub native: bool,
    /// The partner's name in its register, as customers read it.
    pub legal_name: Name,
    /// Where customers reach the partner.
    pub contact: String,
    /// Where the partner says what it does with data.
    pub privacy_url: String,
    /// The addresses to send customers back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// The scopes of customers.
    pub scopes: OAuthScopes,
}

/// An app that is registered to ask customers for their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerAccess {
    /// The app.
    pub app: AppId,
    /// Whose it was when it was registered.
    pub partner: PartnerId,
    /// How its clients prove themselves.
    pub auth: ClientAuth,
    /// What its requests keep to.
    pub profile: SecurityProfile,
    /// Whether it runs on the customer's device.
    pub native: bool,
    /// The partner's name in its register.
    pub legal_name: Name,
    /// Where customers reach the partner.
    pub contact: String,
    /// Where the partner says what it does with data.
    pub privacy_url: String,
    /// The scopes that it asks for.
    pub scopes: Vec<AccessAsk<OAuthScope>>,
    /// The addresses that it asks for.
    pub redirect_uris: Vec<AccessAsk<RedirectUri>>,
    /// Who has suspended it; none where it is not.
    pub suspended: Option<Decided>,
    /// When it was registered.
    pub created_at: Micros,
    /// When that was last changed.
    pub updated_at: Micros,
}

impl CustomerAccess {
    /// The scopes of customers that were approved.
    #[must_use]
    pub fn approved_scopes(&self) -> OAuthScopes {
        let approved = self.scopes.iter().filter(|ask| ask.state == AskState::Approved);
        approved.map(|ask| ask.what).collect()
    }

    /// The addresses that were approved.
    #[must_use]
    pub fn approved_redirects(&self) -> Vec<RedirectUri> {
        let approved = self.redirect_uris.iter().filter(|ask| ask.state == AskState::Approved);
        approved.map(|ask| ask.what.clone()).collect()
    }

    /// Whether it can be used.
    #[must_use]
    pub fn standing(&self) -> ClientStanding {
        match self.suspended {
            Some(_) => ClientStanding::Suspended,
            None => ClientStanding::Registered,
        }
    }

    /// Whether what was approved was approved of something else: of another name, or of a client that has to prove less.
    #[must_use]
    pub fn is_another(&self, spec: &AccessSpec) -> bool {
        let is = (self.auth, self.profile, self.native, &self.legal_name, &self.privacy_url);
        is != (spec.auth, spec.profile, spec.native, &spec.legal_name, &spec.privacy_url)
    }
}
