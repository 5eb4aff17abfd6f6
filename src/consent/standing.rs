//! How those between whom a consent is stand beside it.

use super::scope::OAuthScopes;
use crate::kernel::id::AppId;

/// How a customer's account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerStanding {
    /// It can be used.
    Open,
    /// It cannot: it is blocked or closed, or its holder too young or dead.
    Barred,
}

/// How a partner's program stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientStanding {
    /// It can be used.
    Registered,
    /// It is suspended.
    Suspended,
}

/// A partner's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentClient {
    /// Which.
    pub id: AppId,
    /// How it stands.
    pub standing: ClientStanding,
    /// What it may ever be given.
    pub scopes: OAuthScopes,
}

/// Both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standings {
    /// The partner's program.
    pub client: ConsentClient,
    /// The customer.
    pub customer: CustomerStanding,
}
