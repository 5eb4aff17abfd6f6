//! Settings of the admin API: its people, their sessions, their OpenID provider.

use super::layers::Layers;
use super::secrets::either;
use super::setting::{FromSetting, Seconds};
use super::values::{BaseUrl, words};
use crate::kernel::secret::Secret;
use std::str::FromStr;
use std::time::Duration;

words! {
    /// Whether people with a password also need one-time codes.
    SecondFactor {
        /// They do.
        Required = "required",
        /// Who has enrolled an app does.
        Optional = "optional",
    }
}

words! {
    /// What a second person must approve.
    FourEyes {
        /// What gives or takes the role owner, and what gives somebody the credentials of an account.
        Owners = "owners",
        /// Actions on many keys at once.
        Bulk = "bulk",
        /// What gives a key a scope of `guarded_scopes`, or approves one for an app to ask customers for.
        CustomerScopes = "customer_scopes",
        /// The closing of a period, and grants of credit.
        PeriodClose = "period_close",
    }
}

/// A scope by its name, or all that begin alike: `customer.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopePattern(String);

impl ScopePattern {
    /// Whether it means a scope.
    #[must_use]
    pub fn covers(&self, scope: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => scope.starts_with(beginning),
            None => scope == self.0,
        }
    }

    /// The name, where it is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        (!self.0.ends_with('*')).then_some(&self.0)
    }
}

impl FromStr for ScopePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._:".contains(&b);
        let name = text.strip_suffix('*').unwrap_or(text);
        let fits = !text.is_empty() && name.bytes().all(plain);
        let fault = "must be a scope such as stock:quantity, or its beginning with * behind it";
        if fits { Ok(Self(text.to_owned())) } else { Err(fault.to_owned()) }
    }
}

impl FromSetting for ScopePattern {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

/// The admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    /// How people reach it, without a slash at the end.
    pub url: String,
    /// How long a session that is not used lasts.
    pub session_idle: Duration,
    /// How long a session lasts at the most.
    pub session_most: Duration,
    /// Whether people with a password also need one-time codes.
    pub second_factor: SecondFactor,
    /// What a second person must approve.
    pub four_eyes: Vec<FourEyes>,
    /// The scopes that a second person must approve, where these are among it.
    pub guarded_scopes: Vec<ScopePattern>,
    /// How long something waits for approval.
    pub approval_life: Duration,
    /// The retailer's OpenID provider, if people come in by it.
    pub oidc: Option<Oidc>,
}

/// An OpenID provider.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// Its issuer identifier.
    pub issuer: String,
    /// What we are to it.
    pub client_id: String,
    /// What proves that; none for a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The claim that roles follow from.
    pub claim: String,
    /// Which of its values is which role.
    pub roles: Vec<Mapping>,
    /// How far the clocks may be apart.
    pub leeway: Duration,
}

/// `ROLE=VALUE`: who has this value in the claim has this role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The role's word.
    pub role: String,
    /// The value.
    pub value: String,
}

impl Admin {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let url = layers.take::<BaseUrl>("admin.url");
        let session_idle = layers.take::<Seconds<60, 86_400>>("admin.session_idle_s");
        let session_most = layers.take::<Seconds<60, 604_800>>("admin.session_most_s");
        let second_factor = layers.take("admin.second_factor");
        let four_eyes = layers.take("admin.four_eyes");
        let guarded_scopes = layers.take("admin.guarded_scopes");
        let approval_life = layers.take::<Seconds<60, 2_592_000>>("admin.approval_life_s");
        let oidc = Oidc::read(layers);
        Some(Self {
            url: url?.into(),
            session_idle: session_idle?.into(),
            session_most: session_most?.into(),
            second_factor: second_factor?,
            four_eyes: four_eyes?,
            guarded_scopes: guarded_scopes?,
            approval_life: approval_life?.into(),
            oidc: oidc?,
        })
    }
}

impl Oidc {
    /// `Some(None)` where there is no provider, `None` after a problem.
    fn read(layers: &mut Layers) -> Option<Option<Self>> {
        let issuer = layers.take::<Issuer>("admin.oidc.issuer");
        let client_id = layers.take::<Text>("admin.oidc.client_id");
        let client_secret = either::<ClientSecret>(
            layers,
            "admin.oidc.client_secret",
            "admin.oidc.client_secret_file",
        );
        let scopes = layers.take::<Vec<Text>>("admin.oidc.scopes");
        let claim = layers.take::<Text>("admin.oidc.claim");
        let roles: Option<Vec<Mapping>> = layers.take("admin.oidc.roles");
        let leeway = layers.take::<Seconds<0, 600>>("admin.oidc.leeway_s");
        let (Issuer(issuer), Text(client_id), roles) = (issuer?, client_id?, roles?);
        let (client_secret, scopes, Text(claim), leeway) =
            (client_secret?, scopes?, claim?, leeway?);
        if issuer.is_empty() {
            return Some(None);
        }
        let mut whole = true;
        for (key, is_empty) in [
            ("admin.oidc.client_id", client_id.is_empty()),
            ("admin.oidc.claim", claim.is_empty()),
            ("admin.oidc.roles", roles.is_empty()),
        ] {
            if is_empty {
                layers.fault(key, "must be set where admin.oidc.issuer is");
                whole = false;
            }
        }
        whole.then(|| {
            Some(Self {
                issuer,
                client_id,
                client_secret: client_secret.map(|ClientSecret(secret)| secret),
                scopes: scopes.into_iter().map(|Text(scope)| scope).collect(),
                claim,
                roles,
                leeway: leeway.into(),
            })
        })
    }
}

/// Any text.
pub(super) struct Text(pub(super) String);

impl FromSetting for Text {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl From<Text> for String {
    fn from(Text(text): Text) -> Self {
        text
    }
}

/// The issuer of a provider, or nothing.
pub(super) struct Issuer(pub(super) String);

impl FromSetting for Issuer {
    fn parse(text: &str) -> Result<Self, String> {
        let fault = "must be the issuer identifier of an OpenID provider: https://…, without ? and #, as \
                     the provider writes it (http only on this machine)";
        let fits = text.is_empty() || (is_protected(text) && !text.contains(['?', '#']));
        if fits { Ok(Self(text.to_owned())) } else { Err(fault.to_owned()) }
    }
}

/// Whether nobody on the way can read or change what an address answers.
#[must_use]
pub fn is_protected(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    (url.scheme() == "https" && url.has_host()) || (url.scheme() == "http" && is_here)
}

/// The client's secret.
pub(super) struct ClientSecret(pub(super) Secret);

impl FromSetting for ClientSecret {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(Secret::new(text.to_owned())))
    }

    fn show(_: &str) -> String {
        super::secrets::HIDDEN.to_owned()
    }
}

impl FromSetting for Mapping {
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').map(|(role, value)| (role.trim(), value.trim()));
        match parts.filter(|(role, value)| !role.is_empty() && !value.is_empty()) {
            Some((role, value)) if ROLES.contains(&role) => {
                Ok(Self { role: role.to_owned(), value: value.to_owned() })
            }
            Some(_) => Err(format!("must begin with a role: {}", ROLES.join(", "))),
            None => Err("must be ROLE=VALUE, such as owner=comptoir-owners".to_owned()),
        }
    }
}

/// The words of the roles, which `admin::roles` defines.
pub const ROLES: [&str; 9] = [
    "owner",
    "key_manager",
    "plan_manager",
    "billing",
    "privacy_officer",
    "support",
    "auditor",
    "read_only",
    "feeds",
];
