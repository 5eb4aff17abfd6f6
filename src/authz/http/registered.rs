//! What the endpoints need of a client's registration.

use crate::access::Pepper;
use crate::access::key;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::authz::clients::Registered;
use crate::consent::standing::{ClientStanding, CustomerStanding, Standings};

/// What is stored of a client's secret.
#[must_use]
pub fn secret_hash(pepper: &Pepper, secret: &str) -> [u8; 32] {
    key::hash(pepper, secret)
}

/// How both stand between whom a consent is. Consents of customers whose account cannot be used are suspended
/// themselves.
#[must_use]
pub fn standings(client: &Registered) -> Standings {
    Standings { client: client.consent_client(), customer: CustomerStanding::Open }
}

/// Refuses what a client may not do while it is suspended: to give back what it has, and to ask about it, it may.
pub fn is_open(client: &Registered) -> Result<(), OAuthError> {
    match client.standing {
        ClientStanding::Registered => Ok(()),
        ClientStanding::Suspended => {
            let why = "the app is suspended for customers' data: ask the retailer";
            Err(OAuthError::new(OAuthCode::UnauthorizedClient, why))
        }
    }
}
