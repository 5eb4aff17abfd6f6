//! OAuth 2 client credentials (RFC 6749 §4.4): the second way to call, beside keys.
//!
//! A client is a key of another kind: it has the same standing, scopes, addresses, limits and ledger, and
//! only shows itself differently. It proves itself at the token endpoint with a secret
//! (`client_secret_basic`) or a signed assertion (`private_key_jwt`, RFC 7523), and calls with the access
//! token that it gets. All that is asked there is in memory, but for the assertions that were used: the
//! database holds those for all nodes.

pub mod answer;
pub mod api;
pub mod assertion;
pub mod basic;
pub mod client;
pub mod error;
pub mod form;
mod grant;
pub mod jwk;
pub mod jws;
pub mod refusal;
pub mod store;

pub(in crate::access) use client::add_client;
pub use client::{create_client, create_client_in, set_jwks, set_jwks_in};

use super::throttle::Throttle;
use crate::config;
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::storage::Db;
use crate::telemetry::Metrics;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Assertions that are remembered so that a repetition need not ask the database.
const USED_MOST: usize = 10_000;

/// What the token endpoint works with.
#[derive(Debug)]
pub struct OAuth {
    db: Db,
    /// Who issues tokens: the public address. Assertions must be meant for it.
    issuer: String,
    /// Seconds for which a token works.
    life_s: u16,
    by_client: Throttle<KeyId>,
    by_address: Throttle<IpAddr>,
    used: Mutex<HashMap<[u8; 32], Micros>>,
    metrics: Arc<Metrics>,
    explain: Arc<dyn refusal::Explain>,
}

impl OAuth {
    /// A token endpoint of a gateway with this public address.
    #[must_use]
    pub fn new(
        settings: &config::OAuth,
        db: Db,
        issuer: &str,
        metrics: Arc<Metrics>,
        explain: Arc<dyn refusal::Explain>,
    ) -> Self {
        Self {
            db,
            issuer: issuer.to_owned(),
            life_s: u16::try_from(settings.token_life.as_secs()).unwrap_or(600),
            by_client: Throttle::new(settings.per_client_per_minute),
            by_address: Throttle::new(settings.per_address_per_minute),
            used: Mutex::new(HashMap::new()),
            metrics,
            explain,
        }
    }

    /// Whether an assertion is used for the first time, here and on all other nodes.
    async fn is_new(
        &self,
        hash: [u8; 32],
        expires_at: Micros,
        now: Micros,
    ) -> Result<bool, crate::storage::StoreError> {
        {
            let mut used = self.used.lock();
            if used.len() >= USED_MOST {
                used.retain(|_, end| *end > now);
                if used.len() >= USED_MOST {
                    used.clear();
                }
            }
            // One that is over is gone for the database, too.
            if used.insert(hash, expires_at).is_some_and(|end| end >= now) {
                return Ok(false);
            }
        }
        let new = store::use_assertion(&self.db, &hash, expires_at, now).await;
        if new.is_err() {
            // It was not used after all: the client may send it again.
            self.used.lock().remove(&hash);
        }
        new
    }
}
