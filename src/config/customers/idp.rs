//! The retailer's OpenID providers, by which customers log in: a table `[login.idp.NAME]` each, and one of what holds for
//! all that do not say otherwise.

use super::LogoutReach;
use crate::config::admin::{ClientSecret, Issuer, Text};
use crate::config::layers::{IDP, Layers, UNNAMED};
use crate::config::secrets::either;
use crate::config::setting::{Seconds, Within};
use crate::kernel::secret::Secret;
use serde::Deserialize;
use std::time::Duration;

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdpSettings {
    /// What it is called here, in addresses too.
    pub name: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// What we are to it.
    pub client_id: String,
    /// What proves that; none for a public client.
    #[serde(skip)]
    pub client_secret: Option<Secret>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What customers call it; empty for its name.
    pub title: String,
    /// The claim of the ID token by which the retailer knows the customer.
    pub customer_claim: String,
    /// How far the clocks may be apart.
    pub leeway: Duration,
    /// What ends when a customer logs out there.
    pub on_logout: LogoutReach,
    /// How strongly customers have to log in; any will do where there is none.
    pub required_acr: Vec<String>,
    /// By which of these a login counts as a strong one; none does where there is none.
    pub step_up_acr: Vec<String>,
    /// How many seconds ago at the most; 0 is any time.
    pub max_age_s: u32,
}

impl Default for IdpSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: vec!["openid".to_owned()],
            title: String::new(),
            customer_claim: "sub".to_owned(),
            leeway: Duration::from_secs(60),
            on_logout: LogoutReach::Browser,
            required_acr: Vec::new(),
            step_up_acr: Vec::new(),
            max_age_s: 0,
        }
    }
}

/// All providers that are named, in the order of their names; `None` after a problem.
pub(super) fn read_all(layers: &mut Layers) -> Option<Vec<IdpSettings>> {
    let named = layers.name_idps();
    let usual = read(layers, UNNAMED);
    let all: Vec<_> = named.iter().map(|name| read(layers, name)).collect();
    if !nothing_of_one(layers, &usual?) {
        return None;
    }
    let all = all.into_iter().collect::<Option<Vec<_>>>()?;
    let mut whole = true;
    for idp in &all {
        for (setting, is_right, why) in [
            ("issuer", !idp.issuer.is_empty(), "must be set: the provider's issuer identifier"),
            ("client_id", !idp.client_id.is_empty(), "must be set: what the gateway is there"),
            (
                "scopes",
                idp.scopes.iter().any(|scope| scope == "openid"),
                "must have openid: customers log in by OpenID Connect",
            ),
            ("customer_claim", !idp.customer_claim.is_empty(), "must name a claim, such as sub"),
        ] {
            if !is_right {
                layers.fault(&key(&idp.name, setting), why);
                whole = false;
            }
        }
    }
    // Two names of one provider would be two customers of one.
    for (at, idp) in all.iter().enumerate() {
        if all[..at].iter().any(|other| other.issuer == idp.issuer) {
            let why = "is the issuer of another provider, too: each is named once";
            layers.fault(&key(&idp.name, "issuer"), why);
            whole = false;
        }
    }
    whole.then_some(all)
}

fn key(name: &str, setting: &str) -> String {
    format!("{IDP}{name}.{setting}")
}

/// Whether what holds for all has nothing that only one provider can have.
fn nothing_of_one(layers: &mut Layers, usual: &IdpSettings) -> bool {
    let mut whole = true;
    for (setting, is_set) in [
        ("issuer", !usual.issuer.is_empty()),
        ("client_id", !usual.client_id.is_empty()),
        ("client_secret", usual.client_secret.is_some()),
    ] {
        if is_set {
            let why = "must be empty here: it belongs to a provider of its own, [login.idp.NAME]";
            layers.fault(&key(UNNAMED, setting), why);
            whole = false;
        }
    }
    whole
}

/// One table, each of its settings read before giving up.
fn read(layers: &mut Layers, name: &str) -> Option<IdpSettings> {
    let at = |setting: &str| key(name, setting);
    let issuer = layers.take::<Issuer>(&at("issuer"));
    let client_id = layers.take::<Text>(&at("client_id"));
    let secret = either::<ClientSecret>(layers, &at("client_secret"), &at("client_secret_file"));
    let scopes = layers.take::<Vec<Text>>(&at("scopes"));
    let title = layers.take::<Text>(&at("title"));
    let customer_claim = layers.take::<Text>(&at("customer_claim"));
    let leeway = layers.take::<Seconds<0, 600>>(&at("leeway_s"));
    let on_logout = layers.take(&at("on_logout"));
    let required_acr = layers.take::<Vec<Text>>(&at("required_acr"));
    let step_up_acr = layers.take::<Vec<Text>>(&at("step_up_acr"));
    let max_age_s = layers.take::<Within<0, 31_536_000>>(&at("max_age_s"));
    let texts = |texts: Vec<Text>| texts.into_iter().map(|Text(text)| text).collect();
    Some(IdpSettings {
        name: name.to_owned(),
        issuer: issuer?.0,
        client_id: client_id?.0,
        client_secret: secret?.map(|ClientSecret(secret)| secret),
        scopes: texts(scopes?),
        title: title?.0,
        customer_claim: customer_claim?.0,
        leeway: leeway?.into(),
        on_logout: on_logout?,
        required_acr: texts(required_acr?),
        step_up_acr: texts(step_up_acr?),
        max_age_s: max_age_s?.into(),
    })
}
