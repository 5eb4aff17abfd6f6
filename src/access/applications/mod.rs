//! Applications of who wants to become a partner: written without a key, verified by a link in a mail,
//! decided by the plan's own rule or by somebody, and in the end a key, shown once.

pub mod api;
pub mod door;
pub mod links;
pub mod model;
pub mod pages;
pub mod service;
pub mod store;

pub use door::{Door, Shares};
pub use links::{Links, Token};
pub use model::{Application, State};

use super::Scopes;
use crate::config;
use crate::kernel::Clock;
use crate::storage::Db;
use std::sync::Arc;

/// What registration works with.
#[derive(Debug)]
pub struct Registration {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Signs and checks the links in mails.
    pub links: Links,
    /// Keeps each address to its share.
    pub door: Door,
    /// The key of all key hashes.
    pub pepper: Arc<super::Pepper>,
    /// How it is set up.
    pub settings: config::Registration,
    /// Scopes that no first key has: it takes two people to give them.
    pub withheld: Scopes,
}

impl Registration {
    /// Registration as it is set up, with the links in its mails.
    #[must_use]
    pub fn new(
        (db, clock): (&Db, &Clock),
        pepper: &Arc<super::Pepper>,
        (settings, links): (&config::Registration, Links),
        withheld: Scopes,
    ) -> Self {
        Self {
            db: db.clone(),
            clock: clock.clone(),
            links,
            door: Door::new(Shares {
                applications: settings.per_address_hourly,
                plans: settings.plans_per_address_hourly,
                wrong_links: settings.wrong_links_per_address_hourly,
            }),
            pepper: Arc::clone(pepper),
            settings: settings.clone(),
            withheld,
        }
    }
}
