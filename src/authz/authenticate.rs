//! How clients prove themselves at the endpoints that are called without a browser: one function for all of them.

use super::client::{AuthzClient, ClientAuth, SecurityProfile};
use super::once::{ReplayKind, ReplayMark, Unspent};
use crate::access::oauth::assertion::{self, AssertionError, MeantFor};
use crate::access::oauth::basic::basic;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::Parameters;
use crate::access::oauth::jwk::Verifier;
use crate::kernel::Micros;
use crate::kernel::secret::{self, Secret};

/// What a client shows to prove itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientShown {
    client_id: String,
    proof: ShownProof,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ShownProof {
    Assertion(Secret),
    Secret(Secret),
    Nothing,
}

/// One of the secrets or keys of a client.
#[derive(Debug, Clone)]
pub struct ClientCredential {
    /// Names it among all of the client; of a secret the hash by which it is known again.
    pub hash: [u8; 32],
    /// The public key; none of a secret.
    pub key: Option<Verifier>,
}

/// What is registered of a client.
#[derive(Debug, Clone, Copy)]
pub struct RegisteredClient<'a, 'c> {
    /// The client.
    pub client: &'a AuthzClient,
    /// What it proves itself with; those that work now.
    pub credentials: &'c [ClientCredential],
}

/// A client that has proved itself, and how. There is no other way to one than [`authenticate`].
#[derive(Debug, Clone, Copy)]
pub struct ProvedClient<'a> {
    client: &'a AuthzClient,
    by: ClientAuth,
    held: Option<[u8; 32]>,
}

impl ClientShown {
    /// Reads what a client shows in a form and in all values of the header `Authorization`: one proof, not two (RFC
    /// 6749 §2.3), and for a public client its id.
    pub fn read(form: &Parameters, authorization: &[&[u8]]) -> Result<Self, OAuthError> {
        let wrong = |why: &'static str| OAuthError::new(OAuthCode::InvalidRequest, why);
        if form.get("client_secret").is_some() {
            return Err(wrong("the secret belongs in the header: Authorization: Basic"));
        }
        let shown = match (authorization, form.get("client_assertion")) {
            ([], Some(text)) => Self::assertion(form, text)?,
            ([header], None) => {
                let (client_id, secret) = basic(header).ok_or(OAuthCode::InvalidClient)?;
                Self { client_id, proof: ShownProof::Secret(secret) }
            }
            ([], None) => {
                let id = form.get("client_id").ok_or(OAuthCode::InvalidClient)?;
                Self { client_id: id.to_owned(), proof: ShownProof::Nothing }
            }
            _ => return Err(wrong("the client proves itself in one way, and once")),
        };
        match form.get("client_id") {
            Some(named) if named != shown.client_id => Err(wrong("client_id is another client's")),
            _ => Ok(shown),
        }
    }

    fn assertion(form: &Parameters, text: &str) -> Result<Self, OAuthError> {
        if form.get("client_assertion_type") != Some(assertion::TYPE) {
            let why = format!("client_assertion_type is {}", assertion::TYPE);
            return Err(OAuthError::new(OAuthCode::InvalidRequest, why));
        }
        let client_id = assertion::subject(text).ok_or(OAuthCode::InvalidClient)?;
        Ok(Self { client_id, proof: ShownProof::Assertion(Secret::new(text.to_owned())) })
    }

    /// Who it says that it is. Nothing is proved by that.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    fn by(&self) -> ClientAuth {
        match self.proof {
            ShownProof::Assertion(_) => ClientAuth::PrivateKeyJwt,
            ShownProof::Secret(_) => ClientAuth::ClientSecretBasic,
            ShownProof::Nothing => ClientAuth::None,
        }
    }
}

/// Judges what a client shows. `registered` is the client of that id, where there is one; `hash` makes of a secret what
/// is stored of it. One that is not known, one that proves itself in another way than it is registered with, a wrong
/// secret and a wrong signature are answered alike.
pub fn authenticate<'a>(
    shown: &ClientShown,
    registered: Option<RegisteredClient<'a, '_>>,
    (issuer, hash): (&str, impl FnOnce(&str) -> [u8; 32]),
    now: Micros,
) -> Result<Unspent<ProvedClient<'a>>, OAuthError> {
    let unknown = || OAuthError::from(OAuthCode::InvalidClient);
    let by = shown.by();
    let is_its =
        |it: &RegisteredClient<'_, '_>| it.client.id == shown.client_id && it.client.auth == by;
    let RegisteredClient { client, credentials } = registered.filter(is_its).ok_or_else(unknown)?;
    let (held, mark) = match &shown.proof {
        ShownProof::Nothing => (None, None),
        ShownProof::Secret(text) => {
            let hash = hash(text.reveal());
            let is_it = |it: &&ClientCredential| it.key.is_none() && secret::same(&it.hash, &hash);
            let held = credentials.iter().find(is_it).ok_or_else(unknown)?;
            (Some(held.hash), None)
        }
        ShownProof::Assertion(text) => {
            let key = |it: &ClientCredential| Some((it.hash, it.key.clone()?.in_profile()));
            let keys = credentials.iter().filter_map(key);
            // The address of an endpoint will not do: another server may have named it as its own.
            let meant_for = MeantFor { issuer, endpoint: None };
            let judged = assertion::judge(text.reveal(), (&client.id, keys), meant_for, now);
            let (name, used) = judged.map_err(|error| match error {
                AssertionError::Jws(_) => unknown(),
                AssertionError::Claims(why) => OAuthError::new(OAuthCode::InvalidClient, why),
            })?;
            let kind = ReplayKind::Assertion;
            let mark = ReplayMark { kind, hash: used.hash, expires_at: used.expires_at };
            (Some(name), Some(mark))
        }
    };
    Ok(Unspent::new(ProvedClient { client, by, held }, mark))
}

impl<'a> ProvedClient<'a> {
    /// What is registered of it.
    #[must_use]
    pub fn record(&self) -> &'a AuthzClient {
        self.client
    }

    /// How it has proved itself.
    #[must_use]
    pub fn by(&self) -> ClientAuth {
        self.by
    }

    /// The [`ClientCredential::hash`] of the secret or key by which it did; none of a public client.
    #[must_use]
    pub fn held(&self) -> Option<[u8; 32]> {
        self.held
    }

    /// Whether a client that has proved itself so can take part in a profile (FAPI 2.0 Security Profile §5.3.2.1).
    pub fn fits(&self, profile: SecurityProfile) -> Result<(), OAuthError> {
        if profile == SecurityProfile::Fapi2 && self.by != ClientAuth::PrivateKeyJwt {
            let why = "what is asked for is given only to clients that sign (private_key_jwt)";
            return Err(OAuthError::new(OAuthCode::UnauthorizedClient, why));
        }
        Ok(())
    }

    /// The same of one that can keep a secret.
    pub fn is_confidential(&self) -> Result<(), OAuthError> {
        if self.by.is_confidential() { Ok(()) } else { Err(OAuthCode::UnauthorizedClient.into()) }
    }
}
