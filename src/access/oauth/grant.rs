//! What a token request asks for and who asks: read from form and header, without the web framework.

use super::OAuth;
use super::answer::Refusal;
use super::assertion::{self, Valid};
use super::basic::basic;
use super::form::{FormError, Parameters};
use crate::access::directory::{KeyRecord, Keyring};
use crate::access::keys::model::KeyKind;
use crate::access::{Scopes, key};
use crate::kernel::id::KeyId;
use crate::kernel::{Micros, secret};
use std::borrow::Cow;
use std::sync::Arc;

/// The parameter with the assertion of a client.
const ASSERTION: &str = "client_assertion";

/// Why a request is refused, and what to say about it.
pub(super) type Refused = (Refusal, Cow<'static, str>);

/// A token request.
pub(super) struct Request(Parameters);

/// A client that has proved itself.
pub(super) struct Proved {
    /// The client.
    pub(super) client: Arc<KeyRecord>,
    /// The assertion by which it did, where it did so: it must be a new one.
    pub(super) assertion: Option<Valid>,
    /// When the secret ends by which it did, where that is known.
    pub(super) until: Option<Micros>,
}

const fn refused(why: Refusal, description: &'static str) -> Refused {
    (why, Cow::Borrowed(description))
}

impl Request {
    /// Reads a form. What is given twice is refused; what is not known is passed over (RFC 6749 §3.2).
    pub(super) fn read(form: &[u8]) -> Result<Self, Refused> {
        let form = Parameters::read(form).map_err(|error| {
            let is_assertion = matches!(&error, FormError::TooLong(name, _) if name == ASSERTION);
            let why = if is_assertion { Refusal::Client } else { Refusal::Request };
            (why, error.to_string().into())
        })?;
        if form.get("client_secret").is_some() {
            let why = "the secret belongs in the header: Authorization: Basic";
            return Err(refused(Refusal::Request, why));
        }
        match form.get("grant_type") {
            Some("client_credentials") => Ok(Self(form)),
            Some(_) => Err(refused(Refusal::Grant, "grant_type must be client_credentials")),
            None => Err(refused(
                Refusal::Request,
                "grant_type is missing: it must be client_credentials",
            )),
        }
    }

    /// The scopes that a client gets: those that it asks for, or all that it has.
    pub(super) fn scopes(&self, client: &KeyRecord) -> Result<Scopes, Refused> {
        let Some(asked) = self.0.get("scope") else { return Ok(client.scopes) };
        let asked: Scopes = asked
            .parse()
            .map_err(|_| refused(Refusal::Scope, "scope names something that is no scope here"))?;
        if !asked.within(client.scopes) {
            return Err(refused(Refusal::Scope, "scope asks for more than the client has"));
        }
        Ok(asked)
    }

    /// The client, by its secret or its assertion: one of them.
    pub(super) fn client(
        &self,
        oauth: &OAuth,
        keyring: &Keyring,
        authorization: Option<&[u8]>,
        now: Micros,
    ) -> Result<Proved, Refused> {
        let proved = match (authorization, self.0.get(ASSERTION)) {
            (Some(_), Some(_)) => {
                let why = "the client proves itself in one way: by a header or by an assertion";
                return Err(refused(Refusal::Request, why));
            }
            (Some(header), None) => by_secret(keyring, header, now)?,
            (None, Some(assertion)) => self.by_assertion(oauth, keyring, assertion, now)?,
            (None, None) => {
                let why = "the client proves itself by Authorization: Basic or by client_assertion";
                return Err(refused(Refusal::Client, why));
            }
        };
        let named = self.0.get("client_id").map(|id| id.parse() == Ok(proved.client.key));
        if named == Some(false) {
            return Err(refused(Refusal::Request, "client_id is another client's"));
        }
        Ok(proved)
    }

    fn by_assertion(
        &self,
        oauth: &OAuth,
        keyring: &Keyring,
        text: &str,
        now: Micros,
    ) -> Result<Proved, Refused> {
        if self.0.get("client_assertion_type") != Some(assertion::TYPE) {
            let why =
                "client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            return Err(refused(Refusal::Request, why));
        }
        let claimed = assertion::claimed(text);
        let unknown = refused(Refusal::Client, "the assertion names no client that is known");
        let client = claimed.and_then(|id| client(keyring, id, now)).ok_or(unknown)?;
        let valid = assertion::check(&client, text, &oauth.issuer, now)
            .map_err(|why| (Refusal::Client, why))?;
        let held = &client.secrets[valid.secret];
        held.note_use(now);
        let until = held.expires_at;
        Ok(Proved { client, assertion: Some(valid), until })
    }
}

fn client(keyring: &Keyring, id: KeyId, now: Micros) -> Option<Arc<KeyRecord>> {
    keyring.current().at(id, now).filter(|key| key.kind == KeyKind::Client).cloned()
}

/// The client whose id and secret stand in a header (RFC 6749 §2.3.1).
fn by_secret(keyring: &Keyring, header: &[u8], now: Micros) -> Result<Proved, Refused> {
    let form = || {
        refused(
            Refusal::Client,
            "the header must be Authorization: Basic, then id:secret in base64",
        )
    };
    let unknown =
        || refused(Refusal::Client, "the client is not known, or its secret is not right");
    let (id, text) = basic(header).ok_or_else(form)?;
    let (id, text): (KeyId, _) = (id.parse().map_err(|_| unknown())?, text.reveal());
    if key::parse_client(text) != Ok(id) {
        return Err(unknown());
    }
    let client = client(keyring, id, now).ok_or_else(unknown)?;
    let hash = key::hash(keyring.pepper(), text);
    let held = client.secrets.iter().find(|held| secret::same(&held.hash, &hash));
    let held = held.filter(|held| held.works(now)).ok_or_else(unknown)?;
    held.note_use(now);
    let until = held.expires_at;
    Ok(Proved { client: Arc::clone(&client), assertion: None, until })
}
