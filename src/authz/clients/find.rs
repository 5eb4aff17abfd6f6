//! The client of an id.

use super::model::CustomerAccess;
use super::store;
use crate::access::directory::Standing;
use crate::access::keys::model::{KeyKind, SecretForm};
use crate::access::oauth::jwk::Verifier;
use crate::access::service::{KeyRow, KeySecretRow, load_keys};
use crate::access::store::find_app;
use crate::authz::authenticate::{ClientCredential, RegisteredClient};
use crate::authz::client::{AuthzClient, ClientAuth};
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::consent::standing::{ClientStanding, ConsentClient};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError};

/// What every client may ask for beside what its app was approved: to know who logs in, a refresh token, and to look at
/// and end its own grants.
const OF_ALL: [OAuthScope; 4] = [
    OAuthScope::OpenId,
    OAuthScope::OfflineAccess,
    OAuthScope::GrantManagementQuery,
    OAuthScope::GrantManagementRevoke,
];

/// A client, with what it proves itself with and what customers are told of it.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The client.
    pub client: AuthzClient,
    /// What it proves itself with: the secrets and keys that work now and are of the kind that it is registered with.
    pub credentials: Vec<ClientCredential>,
    /// Whether customers' data is open to it.
    pub standing: ClientStanding,
    /// The partner.
    pub partner: PartnerId,
    /// The partner's name in its register.
    pub legal_name: String,
    /// Where customers reach the partner.
    pub contact: String,
    /// Where the partner says what it does with data.
    pub privacy_url: String,
    /// The name of the app.
    pub app_name: String,
}

impl Registered {
    /// The same as [`authenticate`](crate::authz::authenticate::authenticate) takes it.
    #[must_use]
    pub fn as_registered(&self) -> RegisteredClient<'_, '_> {
        RegisteredClient { client: &self.client, credentials: &self.credentials }
    }

    /// The same as consents are judged by.
    #[must_use]
    pub fn consent_client(&self) -> ConsentClient {
        ConsentClient { id: self.client.app, standing: self.standing, scopes: self.client.scopes }
    }
}

/// The client of an id, by what works at `now`. None where there is no such client, where it, its app or its partner is
/// suspended, frozen or at its end, and where its app is not registered for customers' data, or was by another partner.
pub async fn find(db: &Db, client_id: &str, now: Micros) -> Result<Option<Registered>, StoreError> {
    let Ok(id) = client_id.parse::<KeyId>() else { return Ok(None) };
    let rows = load_keys(db, &[id.to_string()], now).await?;
    let Some(row) = rows.into_iter().find(|row| is_usable(row, now)) else { return Ok(None) };
    let Some(access) = store::find(db, row.app).await? else { return Ok(None) };
    let Some(app) = find_app(db, row.app, now).await? else { return Ok(None) };
    if access.partner != app.partner {
        return Ok(None);
    }
    Ok(Some(Registered {
        credentials: credentials(&row.secrets, access.auth, now),
        client: client(&row, &access),
        standing: access.standing(),
        partner: access.partner,
        legal_name: access.legal_name.to_string(),
        contact: access.contact,
        privacy_url: access.privacy_url,
        app_name: app.name.to_string(),
    }))
}

/// An app as consents are judged by it: what of customers' data it may be given, and whether any at all. None where it is
/// not registered for that, or was by another partner.
pub async fn consent_client(db: &Db, app: AppId) -> Result<Option<ConsentClient>, StoreError> {
    let Some(access) = store::find(db, app).await? else { return Ok(None) };
    if !store::is_of(db, app, access.partner).await? {
        return Ok(None);
    }
    let scopes: OAuthScopes = OF_ALL.into_iter().collect();
    let scopes = scopes.or(access.approved_scopes());
    Ok(Some(ConsentClient { id: app, standing: access.standing(), scopes }))
}

fn is_usable(row: &KeyRow, now: Micros) -> bool {
    row.kind == KeyKind::Client
        && row.standing_at(now) == Standing::Good
        && row.expires_at.is_none_or(|at| at > now)
}

fn client(row: &KeyRow, access: &CustomerAccess) -> AuthzClient {
    let of_key = row.scopes.iter().filter_map(|scope| OAuthScope::of(scope.as_str()));
    let scopes: OAuthScopes = of_key.chain(OF_ALL).collect();
    AuthzClient {
        id: row.key.to_string(),
        app: row.app,
        auth: access.auth,
        profile: access.profile,
        redirect_uris: access.approved_redirects(),
        scopes: scopes.or(access.approved_scopes()),
    }
}

/// Those of a client's secrets that it can prove itself with now in the way that it is registered with.
fn credentials(secrets: &[KeySecretRow], auth: ClientAuth, now: Micros) -> Vec<ClientCredential> {
    let works = |secret: &&KeySecretRow| {
        secret.expires_at.is_none_or(|at| at > now) && secret.starts_at.is_none_or(|at| at <= now)
    };
    let credential = |secret: &KeySecretRow| match (auth, secret.form) {
        (ClientAuth::ClientSecretBasic, SecretForm::Text) => {
            Some(ClientCredential { hash: secret.hash, key: None })
        }
        (ClientAuth::PrivateKeyJwt, SecretForm::Jwk) => {
            let key = Verifier::of(secret.jwk.as_deref()?)?;
            Some(ClientCredential { hash: secret.hash, key: Some(key) })
        }
        _ => None,
    };
    secrets.iter().filter(works).filter_map(credential).collect()
}
