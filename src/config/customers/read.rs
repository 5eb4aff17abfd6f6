//! Reading the settings of customers' data. A bound that a value breaks is told by [`AuthzSettings::faults`]; here is what
//! hangs on the other settings.

use super::{
    AuthzMode, AuthzSettings, ConsentSettings, ControllerSettings, CustomersUse, Deployment,
    EventSettings, ExternalIssuer, LoginSettings, LogoutReach, NonceUse, RetentionSettings,
    SecurityProfile, TokenSettings, idp,
};
use crate::config::admin::Text;
use crate::config::layers::Layers;
use crate::config::secrets::Given;
use crate::config::setting::FromSetting;
use crate::config::{Database, DatabaseUrl, Redis, Server};
use crate::kernel::sensitive::SensitiveCategory;
use crate::kernel::word::UnknownWord;

/// A whole number, whose bounds [`AuthzSettings::faults`] knows.
struct WholeNumber(u16);

impl FromSetting for WholeNumber {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "must be a whole number from 0 to 65535".to_owned())
    }
}

macro_rules! word_settings {
    ($($set:ty),+) => {$(
        impl FromSetting for $set {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: UnknownWord| error.to_string())
            }
        }
    )+};
}

word_settings!(CustomersUse, SecurityProfile, AuthzMode, NonceUse, LogoutReach, SensitiveCategory);

/// A country by its two letters (ISO 3166-1).
struct Country(String);

impl FromSetting for Country {
    fn parse(text: &str) -> Result<Self, String> {
        let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_code || text.is_empty() {
            return Ok(Self(text.to_owned()));
        }
        Err("must be a country's two capital letters (ISO 3166-1), such as FR".to_owned())
    }
}

impl AuthzSettings {
    /// Reads every key before giving up. `server`, `database` and `redis` are what was read of those.
    pub(in crate::config) fn read(
        layers: &mut Layers,
        (server, database, redis): (Option<&Server>, Option<&Database>, Option<&Redis>),
    ) -> Option<Self> {
        let authz = TokenSettings::read(layers);
        let consent = ConsentSettings::read(layers);
        let controller = ControllerSettings::read(layers);
        let min_age = whole(layers, "login.min_age");
        let idp = idp::read_all(layers);
        let retention = RetentionSettings::read(layers);
        let retry_hours = whole(layers, "events.retry_hours");
        let settings = Self {
            authz: authz?,
            consent: consent?,
            controller: controller?,
            login: LoginSettings { idp: idp?, min_age: u8::try_from(min_age?).unwrap_or(u8::MAX) },
            retention: retention?,
            events: EventSettings { retry_hours: retry_hours? },
        };
        let has_nodes = redis.is_some_and(|redis| redis.url.is_some())
            || database.is_some_and(|it| matches!(it.url, DatabaseUrl::Postgres(_)));
        // Proofs that were used are in the database that all nodes have.
        let in_production = settings.in_production();
        let deployment = Deployment { in_production, has_nodes, shares_replays: true };
        let (faults, unset) = (settings.faults(deployment), settings.unset(server));
        for fault in &faults {
            layers.fault(fault.key, &fault.why);
        }
        for (key, why) in &unset {
            layers.fault(key, why);
        }
        (faults.is_empty() && unset.is_empty()).then_some(settings)
    }

    /// What has to be set where there is anything about customers, and is not.
    fn unset(&self, server: Option<&Server>) -> Vec<(&'static str, &'static str)> {
        if !self.is_on() {
            return Vec::new();
        }
        let ControllerSettings { name, address, contact, jurisdiction, rights_url } =
            &self.controller;
        let is_secure = server.is_none_or(|server| server.public_url.starts_with("https://"));
        let of_retailer =
            "must be set where authz.customers is not off: consents name the retailer";
        let all = [
            ("consent.controller_name", !name.is_empty(), of_retailer),
            ("consent.controller_address", !address.is_empty(), of_retailer),
            ("consent.controller_contact", !contact.is_empty(), of_retailer),
            ("consent.jurisdiction", !jurisdiction.is_empty(), of_retailer),
            ("consent.rights_url", !rights_url.is_empty(), of_retailer),
            (
                "login.idp",
                !self.login.idp.is_empty(),
                "must name a provider where authz.customers is not off: a table [login.idp.NAME] with issuer and \
                 client_id",
            ),
            (
                "server.public_url",
                is_secure || !self.in_production(),
                "must begin with https:// where authz.customers is production",
            ),
        ];
        let lacking = all.into_iter().filter(|(_, is_right, _)| !is_right);
        lacking.map(|(key, _, why)| (key, why)).collect()
    }
}

fn whole(layers: &mut Layers, key: &str) -> Option<u16> {
    layers.take::<WholeNumber>(key).map(|WholeNumber(number)| number)
}

fn text(layers: &mut Layers, key: &str) -> Option<String> {
    layers.take::<Text>(key).map(|Text(text)| text)
}

impl TokenSettings {
    fn read(layers: &mut Layers) -> Option<Self> {
        let customers = layers.take("authz.customers");
        let mode = layers.take("authz.mode");
        let issuer = text(layers, "authz.external.issuer");
        let jwks_uri = text(layers, "authz.external.jwks_uri");
        let profile = layers.take::<Given<SecurityProfile>>("authz.customer_profile");
        let code_ttl_s = whole(layers, "authz.code_ttl_s");
        let par_ttl_s = whole(layers, "authz.par_ttl_s");
        let access_ttl_s = whole(layers, "authz.access_ttl_s");
        let dpop_nonce = layers.take("authz.dpop_nonce");
        let external = ExternalIssuer { issuer: issuer?, jwks_uri: jwks_uri? };
        let is_none = external.issuer.is_empty() && external.jwks_uri.is_empty();
        Some(Self {
            customers: customers?,
            mode: mode?,
            external: (!is_none).then_some(external),
            customer_profile: profile?.0,
            code_ttl_s: code_ttl_s?,
            par_ttl_s: par_ttl_s?,
            access_ttl_s: access_ttl_s?,
            dpop_nonce: dpop_nonce?,
        })
    }
}

impl ConsentSettings {
    fn read(layers: &mut Layers) -> Option<Self> {
        let default_days = whole(layers, "consent.default_days");
        let max_days = whole(layers, "consent.max_days");
        let reminder_days = whole(layers, "consent.reminder_days");
        let feed_poll_ms = whole(layers, "consent.feed_poll_ms");
        let max_stale_ms = whole(layers, "consent.max_stale_ms");
        let categories = layers.take::<Vec<SensitiveCategory>>("consent.sensitive_categories");
        Some(Self {
            default_days: default_days?,
            max_days: max_days?,
            reminder_days: reminder_days?,
            feed_poll_ms: feed_poll_ms?,
            max_stale_ms: max_stale_ms?,
            sensitive_categories: categories?.into_iter().collect(),
        })
    }
}

impl ControllerSettings {
    fn read(layers: &mut Layers) -> Option<Self> {
        let name = text(layers, "consent.controller_name");
        let address = text(layers, "consent.controller_address");
        let contact = text(layers, "consent.controller_contact");
        let jurisdiction = layers.take::<Country>("consent.jurisdiction");
        let rights_url = text(layers, "consent.rights_url");
        Some(Self {
            name: name?,
            address: address?,
            contact: contact?,
            jurisdiction: jurisdiction?.0,
            rights_url: rights_url?,
        })
    }
}

impl RetentionSettings {
    fn read(layers: &mut Layers) -> Option<Self> {
        let access_log_days = whole(layers, "retention.access_log_days");
        let interaction_days = whole(layers, "retention.interaction_days");
        let event_years = whole(layers, "retention.event_years");
        Some(Self {
            access_log_days: access_log_days?,
            interaction_days: interaction_days?,
            event_years: event_years?,
        })
    }
}
