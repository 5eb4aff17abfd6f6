//! Authorization requests: what a client asks a customer for (RFC 6749 §4.1.1), pushed before (RFC 9126) or, in the
//! baseline profile, in the address of the browser.

mod read;

use super::authenticate::ProvedClient;
use super::client::{AuthzClient, SecurityProfile};
use super::dpop::ProvedKey;
use super::jwk::Thumbprint;
use super::pkce::Challenge;
use super::redirect::RedirectUri;
use super::scopes::claim;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::Parameters;
use crate::consent::category::SensitiveCategories;
use crate::consent::details::CustomerDataDetails;
use crate::consent::purpose::PurposeId;
use crate::consent::record::GrantId;
use crate::consent::scope::OAuthScopes;
use crate::kernel::word::{read_words, words};
use read::{back, rest, wrong};
use serde::{Deserialize, Serialize};

/// Most characters of `state`.
pub const STATE_MOST: usize = 512;
/// Most characters of `nonce` (FAPI 2.0 Security Profile §5.3.2.2).
pub const NONCE_MOST: usize = 64;

words! {
    /// What the customer is to be asked (OpenID Connect Core §3.1.2.1).
    pub enum Prompt {
        /// Nothing: what cannot be answered without is an error.
        None = "none",
        /// To log in, even who has.
        Login = "login",
        /// To consent, even who has.
        Consent = "consent",
        /// Who they are.
        SelectAccount = "select_account",
    }
}

read_words!(Prompt);

/// What becomes of a grant that there is (Grant Management for OAuth 2.0 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum GrantAction {
    /// A new one is made beside it.
    Create,
    /// It becomes what is granted now.
    Replace {
        /// The grant.
        grant_id: GrantId,
    },
}

/// Where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// One of the client's addresses.
    pub redirect_uri: RedirectUri,
    /// What the client wants to hear again.
    pub state: Option<String>,
}

/// A request that is well-formed and within what the client may ask for. `Debug` shows nothing about the customer.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// What the request has to keep to, at the token endpoint, too.
    pub profile: SecurityProfile,
    /// Where the answer goes.
    pub back: Back,
    /// For what.
    #[serde(with = "claim")]
    pub scopes: OAuthScopes,
    /// The same in detail (RFC 9396).
    pub authorization_details: Option<CustomerDataDetails>,
    /// To what end, by the name that it was registered with.
    pub purpose_id: Option<PurposeId>,
    /// What the code is bound to.
    pub challenge: Challenge,
    /// What stands in an ID token.
    pub nonce: Option<String>,
    /// The key that the code is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<Thumbprint>,
    /// How strongly the customer should have logged in, the best first.
    pub acr_values: Vec<String>,
    /// How many seconds ago at the most.
    pub max_age_s: Option<u32>,
    /// What the customer is to be asked.
    pub prompt: Vec<Prompt>,
    /// In which languages, the best first.
    pub ui_locales: Vec<String>,
    /// What becomes of a grant that there is.
    pub grant: Option<GrantAction>,
    /// Who the client thinks the customer is.
    pub login_hint: Option<String>,
}

impl std::fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("AuthorizationRequest");
        shown.field("client_id", &self.client_id).field("scopes", &self.scopes);
        shown.finish_non_exhaustive()
    }
}

/// What requests are held to.
#[derive(Debug, Clone, Copy)]
pub struct RequestRules<'a> {
    /// What all have to keep to.
    pub customers: SecurityProfile,
    /// The base address of the API: the only `resource` that there is (RFC 8707).
    pub resource: &'a str,
    /// What is left out where details do not say what is.
    pub sensitive: SensitiveCategories,
}

/// Why a request in the address of the browser is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct PlainRefused {
    /// Why.
    pub error: OAuthError,
    /// Where the client may be told so. None where it cannot be known that the address is the client's: then the
    /// customer is told and nobody else (RFC 6749 §4.1.2.1).
    pub back: Option<Back>,
}

/// Reads a request that is pushed by a client that has proved itself (RFC 9126 §2.1), with the key of its DPoP proof
/// where it sends one.
pub fn pushed(
    form: &Parameters,
    client: ProvedClient<'_>,
    rules: RequestRules<'_>,
    proof: Option<ProvedKey>,
) -> Result<AuthorizationRequest, OAuthError> {
    let record = client.record();
    let mut request = rest(form, record, rules, back(form, record)?)?;
    match (request.dpop_jkt, proof.map(ProvedKey::thumbprint)) {
        (Some(named), Some(proved)) if named != proved => {
            let why = "dpop_jkt is not the key of the DPoP proof";
            return Err(OAuthError::new(OAuthCode::InvalidDpopProof, why));
        }
        (named, proved) => request.dpop_jkt = named.or(proved),
    }
    client.fits(request.profile)?;
    Ok(request)
}

/// Reads a request that stands in the address of the browser itself. What the profile wants pushed is refused before
/// anything of it is read, and the customer alone is told: nobody has proved that it is the client's.
pub fn plain(
    form: &Parameters,
    client: &AuthzClient,
    rules: RequestRules<'_>,
) -> Result<AuthorizationRequest, PlainRefused> {
    if client.profile_for(rules.customers) == SecurityProfile::Fapi2 {
        let error = wrong("push the request first, and send its request_uri");
        return Err(PlainRefused { error, back: None });
    }
    let back = back(form, client).map_err(|error| PlainRefused { error, back: None })?;
    let told = |error| PlainRefused { error, back: Some(back.clone()) };
    rest(form, client, rules, back.clone()).map_err(told)
}

/// Whether `resource` names this API, where it names any (RFC 8707 §2).
pub fn target(resource: Option<&str>, ours: &str) -> Result<(), OAuthError> {
    if resource.is_some_and(|resource| resource != ours) {
        return Err(OAuthCode::InvalidTarget.into());
    }
    Ok(())
}
