//! The OpenID provider: what it says of itself, its keys, and the exchange of a code for an ID token.

use super::ProviderSettings;
use super::id_token::{self, ExpectedToken, LoggedOut, ProviderKey, Untrue};
use crate::config::is_protected;
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const LONGEST: usize = 1 << 20;
/// How long what the provider says of itself is taken to hold.
const HOLDS: i64 = HOUR;
/// How far apart looks for new keys are, however many tokens with unknown ones come.
const LOOKS_APART: i64 = 10 * SECOND;

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider does not answer, or not as a provider does.
    #[error("{0}")]
    Away(String),
    /// It does not know the code, or not us.
    #[error("the provider has refused the code: {0}")]
    Refused(String),
    /// Its token is not believed.
    #[error("the ID token {0}")]
    Untrue(#[from] Untrue),
}

impl ProviderError {
    /// The same of what a provider owes to everybody.
    fn away(self) -> Self {
        match self {
            Self::Refused(why) => Self::Away(why),
            other => other,
        }
    }
}

/// What a provider says of itself (OpenID Connect Discovery §3).
#[derive(Debug, Clone, Deserialize)]
pub struct ProviderMetadata {
    issuer: String,
    /// Where people log in.
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether it says in its answer who it is (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// What a login is asked for with.
#[derive(Debug, Clone, Copy)]
pub struct LoginAsked<'a> {
    /// What the answer must bring back.
    pub state: &'a str,
    /// What the ID token must say.
    pub nonce: &'a str,
    /// What the code is exchanged with.
    pub verifier: &'a str,
    /// Further parameters.
    pub further: &'a [(&'static str, String)],
}

#[derive(Debug, Default)]
struct Known {
    metadata: Option<(Arc<ProviderMetadata>, Micros)>,
    keys: Option<(Arc<[ProviderKey]>, Micros)>,
}

/// The provider, as far as it is known.
#[derive(Debug)]
pub struct OpenIdProvider {
    /// Its settings.
    pub settings: ProviderSettings,
    /// Where it sends people back to.
    pub redirect_uri: String,
    http: Client,
    known: Mutex<Known>,
}

impl OpenIdProvider {
    /// A provider that sends people back to an address. It is asked when somebody comes.
    pub fn new(settings: ProviderSettings, redirect_uri: String) -> reqwest::Result<Self> {
        let http = Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("comptoir/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { settings, redirect_uri, http, known: Mutex::default() })
    }

    /// Where somebody is led to log in, with what the answer must have (OpenID Connect Core §3.1.2.1).
    pub async fn place(&self, asked: &LoginAsked<'_>, now: Micros) -> Result<Url, ProviderError> {
        let metadata = self.metadata(now).await?;
        let mut place = Url::parse(&metadata.authorization_endpoint)
            .map_err(|error| ProviderError::Away(error.to_string()))?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(asked.verifier));
        place
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", asked.state)
            .append_pair("nonce", asked.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(asked.further);
        Ok(place)
    }

    /// Whether an answer may be this provider's (RFC 9207 §2.4): the issuer that it names is, and it names one where the
    /// provider says that it does.
    pub async fn is_answer(
        &self,
        issuer: Option<&str>,
        now: Micros,
    ) -> Result<bool, ProviderError> {
        let must_say = self.metadata(now).await?.authorization_response_iss_parameter_supported;
        Ok(issuer.map_or(!must_say, |issuer| issuer == self.settings.issuer))
    }

    /// What the provider says of itself.
    pub async fn metadata(&self, now: Micros) -> Result<Arc<ProviderMetadata>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((metadata, at)) = &known.metadata
            && now.0 - at.0 < HOLDS
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = &self.settings.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let said = self.json(self.http.get(&place)).await.map_err(ProviderError::away)?;
        let metadata: ProviderMetadata = serde_json::from_value(said).map_err(|error| {
            ProviderError::Away(format!("{place} is not what it should be: {error}"))
        })?;
        if metadata.issuer != *issuer {
            let fault = format!("the provider calls itself {:?}, not {issuer:?}", metadata.issuer);
            return Err(ProviderError::Away(fault));
        }
        let places =
            [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if let Some(open) = places.into_iter().find(|place| !is_protected(place)) {
            return Err(ProviderError::Away(format!(
                "the provider names a place without TLS: {open}"
            )));
        }
        let metadata = Arc::new(metadata);
        known.metadata = Some((Arc::clone(&metadata), now));
        Ok(metadata)
    }

    /// Whether the provider tells all that a login needs.
    pub async fn try_out(&self, now: Micros) -> Result<(), ProviderError> {
        let metadata = self.metadata(now).await?;
        let said = self.json(self.http.get(&metadata.jwks_uri)).await;
        if ProviderKey::all(&said.map_err(ProviderError::away)?).is_empty() {
            let place = &metadata.jwks_uri;
            return Err(ProviderError::Away(format!("{place} has no key that this program knows")));
        }
        Ok(())
    }

    /// The keys of now; looked for anew where a token is signed with one that is not known.
    async fn keys(&self, token: &str, now: Micros) -> Result<Arc<[ProviderKey]>, ProviderError> {
        let metadata = self.metadata(now).await?;
        let mut known = self.known.lock().await;
        if let Some((keys, at)) = &known.keys {
            let age = now.0 - at.0;
            let fits = id_token::has_key(token, keys)?;
            if (fits && age < HOLDS) || (!fits && age < LOOKS_APART) {
                return Ok(Arc::clone(keys));
            }
        }
        let said =
            self.json(self.http.get(&metadata.jwks_uri)).await.map_err(ProviderError::away)?;
        let keys: Arc<[ProviderKey]> = ProviderKey::all(&said).into();
        known.keys = Some((Arc::clone(&keys), now));
        Ok(keys)
    }

    /// What the provider says of somebody who came back with a code.
    pub async fn identify(
        &self,
        (code, verifier, nonce): (&str, &str, &str),
        now: Micros,
    ) -> Result<Value, ProviderError> {
        let metadata = self.metadata(now).await?;
        let said = self.json(self.exchange(&metadata, code, verifier)).await?;
        let token = said["id_token"].as_str();
        let token =
            token.ok_or_else(|| ProviderError::Refused("it gave no ID token".to_owned()))?;
        let keys = self.keys(token, now).await?;
        let access_token = said["access_token"].as_str();
        let expected = ExpectedToken { settings: &self.settings, nonce, access_token, now };
        Ok(id_token::verify(token, &keys, &expected)?)
    }

    /// Who has logged out, by a logout token.
    pub async fn logged_out(&self, token: &str, now: Micros) -> Result<LoggedOut, ProviderError> {
        let keys = self.keys(token, now).await?;
        Ok(id_token::verify_logout(token, &keys, &self.settings, now)?)
    }

    /// The call that gives a code for a token (RFC 6749 §4.1.3, RFC 7636 §4.5).
    fn exchange(&self, metadata: &ProviderMetadata, code: &str, verifier: &str) -> RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code").append_pair("code", code);
        form.append_pair("redirect_uri", &self.redirect_uri).append_pair("code_verifier", verifier);
        let request = self.http.post(&metadata.token_endpoint);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let takes = |method: &str| methods.is_some_and(|m| m.iter().any(|one| one == method));
        let client = &self.settings.client_id;
        let request = match &self.settings.client_secret {
            Some(secret) if takes("client_secret_post") && !takes("client_secret_basic") => {
                form.append_pair("client_id", client).append_pair("client_secret", secret.reveal());
                request
            }
            Some(secret) => {
                // Both parts are encoded as a form first (RFC 6749 §2.3.1).
                let encoded = |text: &str| -> String {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                request.basic_auth(encoded(client), Some(encoded(secret.reveal())))
            }
            None => {
                form.append_pair("client_id", client);
                request
            }
        };
        request.body(form.finish())
    }

    /// The JSON that a call is answered with; otherwise what went wrong, without what was sent: whether the
    /// provider does not want what was asked for, or cannot be asked.
    async fn json(&self, request: RequestBuilder) -> Result<Value, ProviderError> {
        let failed = |error: reqwest::Error| {
            ProviderError::Away(format!("the provider does not answer: {error}"))
        };
        let answer = request.send().await.map_err(|error| failed(error.without_url()))?;
        let status = answer.status();
        let mut body = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(|error| failed(error.without_url()))?);
            if body.len() > LONGEST {
                return Err(ProviderError::Away("the provider's answer is too long".to_owned()));
            }
        }
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() && said.is_object() {
            return Ok(said);
        }
        let word = said["error"].as_str().filter(|word| is_error_word(word)).unwrap_or("no reason");
        let said = format!("the provider answers {} ({word})", status.as_u16());
        Err(if status.is_server_error() {
            ProviderError::Away(said)
        } else {
            ProviderError::Refused(said)
        })
    }
}

/// Whether a text may be repeated as a provider's reason.
#[must_use]
pub fn is_error_word(word: &str) -> bool {
    (1..=60).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}
