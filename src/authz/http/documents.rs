//! What the endpoints take and give, for the documents alone: requests are read by hand, so that a repetition is seen, and
//! answers are the core's.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why the authorization server says no (RFC 6749 §5.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuthErrorOut)]
pub struct ProtocolErrorOut {
    /// The code of the standards: `invalid_request`, `invalid_client`, `invalid_grant`, `unauthorized_client`,
    /// `unsupported_grant_type`, `unsupported_token_type`, `invalid_scope`, `invalid_target`,
    /// `invalid_authorization_details`, `invalid_grant_id`, `invalid_dpop_proof`, `use_dpop_nonce`, `invalid_token`,
    /// `insufficient_scope`, `temporarily_unavailable` or `server_error`.
    #[schema(example = "invalid_grant")]
    pub error: &'static str,
    /// What is wrong and what would be right.
    #[schema(example = "the consent has ended: ask the customer again")]
    pub error_description: String,
    /// A page that explains it.
    #[schema(example = "https://api.example.com/docs/errors/consent-ended")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_uri: Option<String>,
    /// What it can be looked up by, at `/v1/refusals/{refusal_id}`: of clients that are keys of another kind.
    #[schema(example = "ref_AbCd")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_id: Option<String>,
}

/// A token request.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AccessTokenIn)]
pub struct TokenRequestIn {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    #[schema(example = "client_credentials")]
    pub grant_type: String,
    /// Some of the client's scopes, or of those that the refresh token has, with spaces between; all where it is left out.
    #[schema(example = "catalog:read stock:read")]
    pub scope: Option<String>,
    /// The code, with `authorization_code`.
    #[schema(example = "ac_8KxZb0mXv1Yg2Wt3Rq4Pn5Lk6Jh7Gf8Ds9Aa0Qw1Er2AbCdEf")]
    pub code: Option<String>,
    /// What the code was bound to by `code_challenge`: 43 to 128 characters.
    #[schema(example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    pub code_verifier: Option<String>,
    /// Where the code was sent to; compared where it is there.
    #[schema(example = "https://app.example/cb")]
    pub redirect_uri: Option<String>,
    /// The refresh token, with `refresh_token`.
    #[schema(example = "rt_8KxZb0mXv1Yg2Wt3Rq4Pn5Lk6Jh7Gf8Ds9Aa0Qw1Er2AbCdEf")]
    pub refresh_token: Option<String>,
    /// The base address of this API, and no other (RFC 8707).
    #[schema(example = "https://api.example.com")]
    pub resource: Option<String>,
    /// The client's id, where it is not said otherwise.
    #[schema(example = "key_0Ab12Cd34Ef")]
    pub client_id: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for clients that sign.
    #[schema(example = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    pub client_assertion_type: Option<String>,
    /// The signed assertion (RFC 7523): `iss` and `sub` the client's id, `aud` the issuer as a text, `jti` used once,
    /// `exp` at most five minutes ahead. Of clients that are keys of another kind, `aud` may be this endpoint's URL, too.
    #[schema(example = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln")]
    pub client_assertion: Option<String>,
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessTokenOut)]
pub struct IssuedTokensOut {
    /// Send it as `Authorization: Bearer …`, or `Authorization: DPoP …` with a proof, as `token_type` says.
    #[schema(example = "cpt_at_…")]
    pub access_token: String,
    /// `Bearer`, or `DPoP` where it is bound to a key.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds for which it works.
    #[schema(example = 600, minimum = 1, maximum = 3600)]
    pub expires_in: u16,
    /// What it allows, with spaces between.
    #[schema(example = "catalog:read stock:read")]
    pub scope: String,
    /// With it other tokens are had, where `offline_access` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rt_8KxZb0mXv1Yg2Wt3Rq4Pn5Lk6Jh7Gf8Ds9Aa0Qw1Er2AbCdEf")]
    pub refresh_token: Option<String>,
    /// That the customer has logged in, where `openid` was asked for (OpenID Connect Core §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln")]
    pub id_token: Option<String>,
    /// What was granted in detail (RFC 9396).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>, max_items = 1)]
    pub authorization_details: Option<Vec<serde_json::Value>>,
    /// The consent, at `/oauth/grants/{grant_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5b0c2f6e-8a1d-4c3b-9e7f-0a1b2c3d4e5f")]
    pub grant_id: Option<String>,
}

/// What a customer is to be asked.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PushedIn {
    /// Always `code`.
    #[schema(example = "code")]
    pub response_type: String,
    /// The client's id.
    #[schema(example = "budget-coach")]
    pub client_id: String,
    /// One of the client's addresses, exactly as it is registered.
    #[schema(example = "https://app.example/cb")]
    pub redirect_uri: String,
    /// What is asked for, with spaces between.
    #[schema(example = "customer.purchases.summary:read offline_access")]
    pub scope: Option<String>,
    /// The same in detail (RFC 9396): one object of the type `retail_customer_data`, in a list.
    #[schema(
        example = "[{\"type\":\"retail_customer_data\",\"actions\":[\"read\"],\"datatypes\":[\"purchases.summary\"],\"purpose_id\":\"budget-coach\",\"history_months\":6,\"access\":\"recurring\",\"duration_days\":90,\"retention_days\":30}]"
    )]
    pub authorization_details: Option<String>,
    /// What for, by the name that the purpose was registered with.
    #[schema(example = "budget-coach")]
    pub purpose_id: Option<String>,
    /// SHA-256 of the verifier in base64url.
    #[schema(example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    pub code_challenge: String,
    /// Always `S256`.
    #[schema(example = "S256")]
    pub code_challenge_method: String,
    /// What the client wants to hear again.
    #[schema(example = "s1")]
    pub state: Option<String>,
    /// What stands in the ID token.
    #[schema(example = "n1")]
    pub nonce: Option<String>,
    /// The thumbprint of the key that the code is bound to; a proof in `DPoP` says it, too.
    #[schema(example = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")]
    pub dpop_jkt: Option<String>,
    /// How strongly the customer should have logged in, the best first.
    #[schema(example = "urn:loa:2")]
    pub acr_values: Option<String>,
    /// How many seconds ago at the most.
    #[schema(example = "300")]
    pub max_age: Option<String>,
    /// `none`, or some of `login`, `consent` and `select_account`.
    #[schema(example = "consent")]
    pub prompt: Option<String>,
    /// In which languages, the best first.
    #[schema(example = "fr en")]
    pub ui_locales: Option<String>,
    /// `create` a grant, or `replace` the one in `grant_id`.
    #[schema(example = "create")]
    pub grant_management_action: Option<String>,
    /// The grant that becomes what is granted now.
    #[schema(example = "5b0c2f6e-8a1d-4c3b-9e7f-0a1b2c3d4e5f")]
    pub grant_id: Option<String>,
    /// Who the client thinks the customer is.
    #[schema(example = "c.martin@mail.example")]
    pub login_hint: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for clients that sign.
    #[schema(example = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    pub client_assertion_type: Option<String>,
    /// The signed assertion (RFC 7523).
    #[schema(example = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln")]
    pub client_assertion: Option<String>,
}

/// A request that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushedOut {
    /// What stands for it at `/oauth/authorize`.
    #[schema(
        example = "urn:ietf:params:oauth:request_uri:8KxZb0mXv1Yg2Wt3Rq4Pn5Lk6Jh7Gf8Ds9Aa0Qw1Er2AbCdEf"
    )]
    pub request_uri: String,
    /// Seconds for which it does.
    #[schema(example = 300, minimum = 30, maximum = 599)]
    pub expires_in: u16,
}

/// A token, and who has it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AskedTokenIn {
    /// The refresh token or access token.
    #[schema(example = "rt_8KxZb0mXv1Yg2Wt3Rq4Pn5Lk6Jh7Gf8Ds9Aa0Qw1Er2AbCdEf")]
    pub token: String,
    /// `refresh_token` or `access_token`; its form says that, too.
    #[schema(example = "refresh_token")]
    pub token_type_hint: Option<String>,
    /// The client's id, where it is not said otherwise.
    #[schema(example = "budget-coach")]
    pub client_id: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for clients that sign.
    #[schema(example = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    pub client_assertion_type: Option<String>,
    /// The signed assertion (RFC 7523).
    #[schema(example = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln")]
    pub client_assertion: Option<String>,
}

/// What is known of a token. Times are in seconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntrospectionOut {
    /// Whether it works. Where it does not, nothing else is said.
    #[schema(example = true)]
    pub active: bool,
    /// What it allows now, with spaces between.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "customer.purchases.summary:read")]
    pub scope: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "budget-coach")]
    pub client_id: Option<String>,
    /// The customer, by the name that this partner knows; of a token without one, the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0b7e5a52-3a4c-4f6e-8d7c-9a0b1c2d3e4f")]
    pub sub: Option<String>,
    /// `DPoP` or `Bearer`; none of a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "DPoP")]
    pub token_type: Option<String>,
    /// Who has issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://api.example.com")]
    pub iss: Option<String>,
    /// For which API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://api.example.com")]
    pub aud: Option<String>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_800_000_300_i64)]
    pub exp: Option<i64>,
    /// When it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_800_000_000_i64)]
    pub iat: Option<i64>,
    /// The key that it is bound to: `jkt`, its thumbprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub cnf: Option<serde_json::Value>,
    /// The consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5b0c2f6e-8a1d-4c3b-9e7f-0a1b2c3d4e5f")]
    pub grant_id: Option<String>,
    /// How strongly the customer had logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "urn:loa:2")]
    pub acr: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_799_999_900_i64)]
    pub auth_time: Option<i64>,
    /// What it allows in detail (RFC 9396).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>, max_items = 1)]
    pub authorization_details: Option<Vec<serde_json::Value>>,
}

/// The public keys (RFC 7517 §5).
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningKeysOut {
    /// The keys: those that sign, will sign within a day or have signed what may still work, and all that have ever
    /// signed evidence.
    pub keys: Vec<SigningKeyOut>,
}

/// A public key.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningKeyOut {
    /// Always `EC`.
    #[schema(example = "EC")]
    pub kty: &'static str,
    /// Always `P-256`.
    #[schema(example = "P-256")]
    pub crv: &'static str,
    /// Always `ES256`.
    #[schema(example = "ES256")]
    pub alg: &'static str,
    /// Always `sig`.
    #[schema(example = "sig")]
    pub r#use: &'static str,
    /// Names it: its thumbprint (RFC 7638).
    #[schema(example = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")]
    pub kid: String,
    /// A coordinate.
    #[schema(example = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")]
    pub x: String,
    /// The other.
    #[schema(example = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")]
    pub y: String,
}
