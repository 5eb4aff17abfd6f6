//! What the pages work with.

use super::error::PageError;
use super::providers::{self, LoginProvider};
use crate::access::Pepper;
use crate::authz::client::SecurityProfile;
use crate::authz::request::RequestRules;
use crate::authz::settings::AuthzSettings;
use crate::authz::store::requests::RequestSealer;
use crate::config;
use crate::consent::follow::KnownConsents;
use crate::consent::record::ConsentController;
use crate::customers::source::CustomerSource;
use crate::kernel::seal::ByteSealer;
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use std::fmt;
use std::sync::Arc;

/// What seals the state of a login is derived for.
const LOGINS: &str = "comptoir customer logins";
/// What keeps forms of other sites out is derived for.
const FORMS: &str = "comptoir customer forms";

/// What the pages are made with.
#[derive(Debug)]
pub struct PortalParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The key of all that is derived here.
    pub pepper: Arc<Pepper>,
    /// Where customers' data comes from.
    pub customers: CustomerSource,
    /// What this node knows of consents: it is told of those that are moved here.
    pub consents: Arc<KnownConsents>,
}

/// The pages that customers see.
pub struct Portal {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) pepper: Arc<Pepper>,
    pub(super) settings: AuthzSettings,
    pub(super) customers: CustomerSource,
    pub(super) consents: Arc<KnownConsents>,
    /// How customers reach this listener: its cookies are bound to that, and tokens are issued by it.
    pub(super) site: config::Server,
    /// Which notice is shown, and how long sessions last.
    pub(super) about: config::Portal,
    pub(super) providers: Vec<LoginProvider>,
    /// Reads requests that partners have pushed.
    pub(super) requests: RequestSealer,
    /// Seals what a login has to remember.
    pub(super) logins: ByteSealer,
    /// The key of what forms must bring back.
    pub(super) forms: [u8; 32],
    /// What requests about customers have to keep to.
    profile: SecurityProfile,
}

impl fmt::Debug for Portal {
    /// Without its keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("providers", &self.providers).finish_non_exhaustive()
    }
}

/// The state as handlers take it.
pub(super) type PortalAt = actix_web::web::Data<Portal>;

impl Portal {
    /// The pages, where the settings say that there is anything about customers.
    pub fn new(parts: PortalParts, config: &config::Config) -> anyhow::Result<Option<Self>> {
        let settings = config.customers.clone();
        if !settings.is_on() {
            return Ok(None);
        }
        let PortalParts { db, clock, pepper, customers, consents } = parts;
        Ok(Some(Self {
            providers: providers::all(&settings.login.idp, &config.server.public_url)?,
            profile: settings.customers(settings.in_production()),
            requests: RequestSealer::new(&pepper),
            logins: ByteSealer::new(pepper.derive(LOGINS, "")),
            forms: pepper.derive(FORMS, ""),
            site: config.server.clone(),
            about: config.portal.clone(),
            db,
            clock,
            pepper,
            settings,
            customers,
            consents,
        }))
    }

    /// The issuer of tokens, by which partners know who has answered.
    pub(super) fn issuer(&self) -> &str {
        &self.site.public_url
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// What requests are held to.
    pub(super) fn rules(&self) -> RequestRules<'_> {
        RequestRules {
            customers: self.profile,
            resource: self.issuer(),
            sensitive: self.settings.consent.sensitive_categories,
        }
    }

    /// The provider of a name.
    pub(super) fn provider(&self, name: &str) -> Result<&LoginProvider, PageError> {
        self.providers.iter().find(|it| it.name() == name).ok_or(PageError::NotFound)
    }

    /// The retailer, who answers for the data.
    pub(super) fn controller(&self) -> ConsentController {
        ConsentController {
            name: self.settings.controller.name.clone(),
            address: self.settings.controller.address.clone(),
            contact: self.settings.controller.contact.clone(),
        }
    }
}
