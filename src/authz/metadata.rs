//! What clients read about the authorization server (RFC 8414) and about the API (RFC 9728).
//!
//! Each list is that of the code which goes by it: what is published here is what is done.

use super::client::{ClientAuth, SecurityProfile};
use super::dpop::ALGORITHMS;
use super::pkce::METHOD;
use super::token_request::GRANT_TYPES;
use crate::access::oauth::api::ALGORITHMS as TOKEN_ALGORITHMS;
use crate::access::oauth::jwk::PROFILE_ALGORITHMS;
use crate::kernel::word::Word as _;
use serde::Serialize;

/// Where clients learn of the authorization server (RFC 8414 §3).
pub const SERVER_PATH: &str = "/.well-known/oauth-authorization-server";
/// The same for libraries of OpenID Connect (Discovery §4).
pub const OPENID_PATH: &str = "/.well-known/openid-configuration";
/// Where clients learn of the API (RFC 9728 §3).
pub const RESOURCE_PATH: &str = "/.well-known/oauth-protected-resource";
/// Where customers come to.
pub const AUTHORIZE_PATH: &str = "/oauth/authorize";
/// Where requests are pushed.
pub const PAR_PATH: &str = "/oauth/par";
/// Where tokens are issued.
pub const TOKEN_PATH: &str = crate::access::oauth::api::TOKEN_PATH;
/// Where tokens are given back.
pub const REVOKE_PATH: &str = "/oauth/revoke";
/// Where tokens are asked about.
pub const INTROSPECT_PATH: &str = "/oauth/introspect";
/// Where grants are.
pub const GRANTS_PATH: &str = "/oauth/grants";
/// Where the keys are that tokens are signed with.
pub const JWKS_PATH: &str = "/oauth/jwks.json";

/// What is particular to an installation.
#[derive(Debug, Clone, Copy)]
pub struct PublishedFacts<'a> {
    /// The issuer: an address without a slash at its end.
    pub issuer: &'a str,
    /// The base address of the API.
    pub resource: &'a str,
    /// What requests about customers have to keep to.
    pub customers: SecurityProfile,
    /// The scopes that there are.
    pub scopes: &'a [&'a str],
    /// The types of `authorization_details` that there are.
    pub details_types: &'a [&'a str],
    /// How strongly customers can log in.
    pub acr_values: &'a [&'a str],
}

/// The metadata of the authorization server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MetadataOut)]
pub struct ServerMetadata<'a> {
    /// Who issues tokens: `aud` of a signed assertion.
    #[schema(example = "https://api.example.com")]
    issuer: &'a str,
    /// Where customers are sent to.
    #[schema(required = false, example = "https://api.example.com/oauth/authorize")]
    authorization_endpoint: String,
    /// Where tokens are issued.
    #[schema(example = "https://api.example.com/oauth/token")]
    token_endpoint: String,
    /// Where this is explained to people.
    #[schema(example = "https://api.example.com/docs/")]
    service_documentation: String,
    /// Where requests are pushed (RFC 9126).
    #[schema(required = false, example = "https://api.example.com/oauth/par")]
    pushed_authorization_request_endpoint: String,
    /// Whether requests have to be pushed.
    #[schema(required = false, example = true)]
    require_pushed_authorization_requests: bool,
    /// Where tokens are given back (RFC 7009).
    #[schema(required = false, example = "https://api.example.com/oauth/revoke")]
    revocation_endpoint: String,
    /// Where tokens are asked about (RFC 7662).
    #[schema(required = false, example = "https://api.example.com/oauth/introspect")]
    introspection_endpoint: String,
    /// Where grants are.
    #[schema(required = false, example = "https://api.example.com/oauth/grants")]
    grant_management_endpoint: String,
    /// What can be done with grants.
    #[schema(required = false, example = json!(["create", "update", "query", "revoke"]))]
    grant_management_actions_supported: [&'static str; 4],
    /// Where the keys are that tokens are signed with.
    #[schema(required = false, example = "https://api.example.com/oauth/jwks.json")]
    jwks_uri: String,
    /// `code`.
    #[schema(example = json!(["code"]))]
    response_types_supported: [&'static str; 1],
    /// `query`.
    #[schema(required = false, example = json!(["query"]))]
    response_modes_supported: [&'static str; 1],
    /// What tokens are given for.
    #[schema(example = json!(["authorization_code", "refresh_token", "client_credentials"]))]
    grant_types_supported: [&'static str; 3],
    /// `S256` (RFC 7636).
    #[schema(required = false, example = json!(["S256"]))]
    code_challenge_methods_supported: [&'static str; 1],
    /// How clients prove themselves for tokens.
    #[schema(example = json!(["private_key_jwt"]))]
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// How assertions are signed there; `RS256` by clients that are keys alone.
    #[schema(example = json!(["ES256", "PS256", "EdDSA", "RS256"]))]
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    /// How clients prove themselves to give tokens back.
    #[schema(required = false, example = json!(["private_key_jwt"]))]
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    /// How assertions are signed there.
    #[schema(required = false, example = json!(["ES256", "PS256", "EdDSA"]))]
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    /// How clients prove themselves to ask about tokens.
    #[schema(required = false, example = json!(["private_key_jwt"]))]
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    /// How assertions are signed there.
    #[schema(required = false, example = json!(["ES256", "PS256", "EdDSA"]))]
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    /// How proofs of keys are signed (RFC 9449).
    #[schema(required = false, example = json!(["ES256"]))]
    dpop_signing_alg_values_supported: [&'static str; 1],
    /// The types of `authorization_details` (RFC 9396).
    #[schema(required = false, value_type = Vec<String>, example = json!(["retail_customer_data"]))]
    authorization_details_types_supported: &'a [&'a str],
    /// The scopes that there are.
    #[schema(value_type = Vec<String>, example = json!(["openid", "offline_access", "customer.profile:read"]))]
    scopes_supported: &'a [&'a str],
    /// Whether answers to the browser say who has issued them (RFC 9207).
    #[schema(required = false, example = true)]
    authorization_response_iss_parameter_supported: bool,
    /// `pairwise`: each partner knows a customer by another name.
    #[schema(required = false, example = json!(["pairwise"]))]
    subject_types_supported: [&'static str; 1],
    /// How ID tokens are signed.
    #[schema(required = false, example = json!(["ES256"]))]
    id_token_signing_alg_values_supported: [&'static str; 1],
    /// How strongly customers can log in.
    #[schema(required = false, value_type = Vec<String>, example = json!(["urn:example:acr:2fa"]))]
    acr_values_supported: &'a [&'a str],
}

/// The metadata of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ResourceMetadataOut)]
pub struct ResourceMetadata<'a> {
    /// The API: `aud` of its tokens.
    #[schema(example = "https://api.example.com")]
    resource: &'a str,
    /// Who issues tokens for it.
    #[schema(example = json!(["https://api.example.com"]))]
    authorization_servers: [&'a str; 1],
    /// The scopes that there are.
    #[schema(value_type = Vec<String>, example = json!(["openid", "offline_access", "customer.profile:read"]))]
    scopes_supported: &'a [&'a str],
    /// Whether every token is bound to a key: those of a client itself need not be.
    #[schema(example = false)]
    dpop_bound_access_tokens_required: bool,
    /// How proofs of keys are signed (RFC 9449).
    #[schema(example = json!(["ES256"]))]
    dpop_signing_alg_values_supported: [&'static str; 1],
    /// Where a token is shown: in the header.
    #[schema(example = json!(["header"]))]
    bearer_methods_supported: [&'static str; 1],
}

impl<'a> PublishedFacts<'a> {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// About the authorization server.
    #[must_use]
    pub fn server(&self) -> ServerMetadata<'a> {
        // A public client gets nothing where customers are asked by FAPI 2.0 alone.
        let has_public = self.customers == SecurityProfile::Baseline;
        let methods = |has_public: bool| {
            let all = ClientAuth::WORDS.iter();
            let taken = all.filter(move |(_, auth)| has_public || auth.is_confidential());
            taken.map(|(word, _)| *word).collect()
        };
        ServerMetadata {
            issuer: self.issuer,
            authorization_endpoint: self.at(AUTHORIZE_PATH),
            token_endpoint: self.at(TOKEN_PATH),
            service_documentation: self.at("/docs/"),
            pushed_authorization_request_endpoint: self.at(PAR_PATH),
            require_pushed_authorization_requests: self.customers == SecurityProfile::Fapi2,
            revocation_endpoint: self.at(REVOKE_PATH),
            introspection_endpoint: self.at(INTROSPECT_PATH),
            grant_management_endpoint: self.at(GRANTS_PATH),
            grant_management_actions_supported: ["query", "revoke", "create", "replace"],
            jwks_uri: self.at(JWKS_PATH),
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: GRANT_TYPES,
            code_challenge_methods_supported: [METHOD],
            token_endpoint_auth_methods_supported: methods(has_public),
            token_endpoint_auth_signing_alg_values_supported: TOKEN_ALGORITHMS,
            revocation_endpoint_auth_methods_supported: methods(has_public),
            revocation_endpoint_auth_signing_alg_values_supported: PROFILE_ALGORITHMS,
            introspection_endpoint_auth_methods_supported: methods(false),
            introspection_endpoint_auth_signing_alg_values_supported: PROFILE_ALGORITHMS,
            dpop_signing_alg_values_supported: ALGORITHMS,
            authorization_details_types_supported: self.details_types,
            scopes_supported: self.scopes,
            authorization_response_iss_parameter_supported: true,
            subject_types_supported: ["pairwise"],
            id_token_signing_alg_values_supported: ["ES256"],
            acr_values_supported: self.acr_values,
        }
    }

    /// About the API.
    #[must_use]
    pub fn resource(&self) -> ResourceMetadata<'a> {
        ResourceMetadata {
            resource: self.resource,
            authorization_servers: [self.issuer],
            scopes_supported: self.scopes,
            // Tokens about customers are bound; those of a client itself need not be.
            dpop_bound_access_tokens_required: false,
            dpop_signing_alg_values_supported: ALGORITHMS,
            bearer_methods_supported: ["header"],
        }
    }
}

impl<'a> ResourceMetadata<'a> {
    /// The same where another server issues the tokens.
    #[must_use]
    pub fn of_server(self, issuer: &'a str) -> Self {
        Self { authorization_servers: [issuer], ..self }
    }
}
