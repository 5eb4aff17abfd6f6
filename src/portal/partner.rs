//! The partner's program that asks, as the pages need it.

use super::error::PageError;
use super::state::Portal;
use crate::authz::client::AuthzClient;
use crate::authz::clients::{self, Registered};
use crate::consent::record::ConsentParties;
use crate::consent::standing::{ClientStanding, ConsentClient};
use crate::consent::subject::{InvalidSector, Sector, SubjectRef};
use crate::kernel::id::PartnerId;

/// A partner's program, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct AskingPartner {
    /// What the protocol goes by.
    pub(super) client: AuthzClient,
    /// Whether it can be used.
    pub(super) standing: ClientStanding,
    /// Whose it is.
    pub(super) partner_id: PartnerId,
    /// Partners that may know of each other that they speak of the same customer.
    pub(super) sector: Sector,
    /// The partner's name in its register.
    pub(super) legal_name: String,
    /// Where to reach the partner.
    pub(super) contact: String,
    /// Where the partner says what it does with data.
    pub(super) privacy_url: String,
    /// What the program is called.
    pub(super) app_name: String,
}

impl AskingPartner {
    /// What is registered of a client.
    fn of(registered: Registered) -> Result<Self, PageError> {
        // Apps of one partner know a customer by one name; another partner's know them by others.
        let sector = registered.partner.to_string().parse();
        Ok(Self {
            sector: sector.map_err(|error: InvalidSector| PageError::Inside(error.to_string()))?,
            standing: registered.standing,
            partner_id: registered.partner,
            legal_name: registered.legal_name,
            contact: registered.contact,
            privacy_url: registered.privacy_url,
            app_name: registered.app_name,
            client: registered.client,
        })
    }

    /// The program, as consents go by it.
    pub(super) fn consent_client(&self) -> ConsentClient {
        ConsentClient { id: self.client.app, standing: self.standing, scopes: self.client.scopes }
    }
}

impl Portal {
    /// The program of a client id, if there is one that may ask customers.
    pub(super) async fn partner(&self, client_id: &str) -> Result<AskingPartner, PageError> {
        let found = clients::find(&self.db, client_id, self.now()).await?;
        let usable = found.filter(|it| it.standing == ClientStanding::Registered);
        let unknown = || PageError::Request("client_id names no client".to_owned());
        AskingPartner::of(usable.ok_or_else(unknown)?)
    }

    /// Between whom a consent is.
    pub(super) fn parties(
        &self,
        partner: &AskingPartner,
        subject_ref: SubjectRef,
    ) -> ConsentParties {
        ConsentParties {
            subject_ref,
            partner_id: partner.partner_id,
            client_id: partner.client.app,
            partner_legal_name: partner.legal_name.clone(),
            partner_contact: partner.contact.clone(),
            partner_privacy_url: partner.privacy_url.clone(),
            controller: self.controller(),
        }
    }
}
