//! Asking the retailer's system: a bound on time, on tries, on calls at a time, and on what is taken for an answer.

use super::breaker::Breaker;
use crate::config::CustomerSystem;
use crate::customers::source::{MOST_ITEMS, SourceError};
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use crate::kernel::{Clock, Micros};
use crate::outbound::{Caller, Fetch, FetchedAnswer, Rules};
use crate::storage::StoreError;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use url::Url;

/// What the documents are of, in errors.
const SYSTEM: &str = "the retailer's system";
/// Most bytes of an answer: a page of purchases with all their lines.
const ANSWER_MOST: usize = 32 << 20;
/// How long a call waits for a place among those that are under way.
const PLACE_PATIENCE: Duration = Duration::from_millis(250);
/// Before the second try of a read; twice as long before each further one.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// When a system is asked again that does not say when.
const BACK_IN: Duration = Duration::from_secs(1);
/// The longest that it is believed to be away.
const AWAY_MOST: i64 = 60 * SECOND;

/// What asks.
#[derive(Debug)]
pub(super) struct SystemWire {
    caller: Caller,
    base: Url,
    authorization: Option<Secret>,
    attempts: u32,
    places: Arc<Semaphore>,
    breaker: Breaker,
    clock: Clock,
}

/// A call of the contract.
#[derive(Debug)]
pub(super) struct SystemCall<'a> {
    pub(super) method: &'static str,
    /// The segments of the path behind the base.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'static str, String)],
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) body: Option<String>,
}

impl<'a> SystemCall<'a> {
    /// A read.
    pub(super) fn get(path: &'a [&'a str], query: &'a [(&'static str, String)]) -> Self {
        Self { method: "GET", path, query, headers: &[], body: None }
    }
}

fn away(wait: Duration) -> SourceError {
    SourceError::Unavailable { retry_after: wait }
}

/// An answer that the contract does not have. What stood in it is not said.
pub(super) fn breach(what: impl std::fmt::Display) -> SourceError {
    SourceError::Failed(StoreError::corrupt(SYSTEM, what))
}

impl SystemWire {
    /// What asks the system at an address.
    pub(super) fn new(
        base: &str,
        settings: &CustomerSystem,
        clock: &Clock,
    ) -> anyhow::Result<Self> {
        let rules =
            Rules { allow_http: settings.allow_http, private: settings.private_targets.clone() };
        let base = rules.check(base)?;
        anyhow::ensure!(!base.cannot_be_a_base(), "the address can have no path");
        let text = settings.token.as_ref().map(|token| format!("Bearer {}", token.reveal()));
        Ok(Self {
            caller: Caller::new(rules, settings.timeout)?,
            base,
            authorization: text.map(Secret::new),
            attempts: settings.attempts,
            places: Arc::new(Semaphore::new(settings.concurrent as usize)),
            breaker: Breaker::default(),
            clock: clock.clone(),
        })
    }

    /// Asks, and reads the document of the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        asked: &SystemCall<'_>,
    ) -> Result<T, SourceError> {
        let url = self.url(asked).ok_or(SourceError::NotFound)?;
        // Whoever has to wait for long is better told than kept: others wait behind.
        let place = timeout(PLACE_PATIENCE, self.places.acquire()).await;
        let _place = place.ok().and_then(Result::ok).ok_or_else(|| away(BACK_IN))?;
        let answer = self.tried(&url, asked).await?;
        match answer.status {
            200 | 201 => serde_json::from_slice(&answer.body).map_err(|error| {
                breach(format!(
                    "no document of its kind, at line {} column {}",
                    error.line(),
                    error.column()
                ))
            }),
            404 => Err(SourceError::NotFound),
            409 => Err(SourceError::Full { most: MOST_ITEMS }),
            412 => Err(SourceError::Changed),
            status => Err(breach(format!("status {status}"))),
        }
    }

    /// The answer of the first try that has one. What changes something is sent once: of a second the first may have been
    /// done.
    async fn tried(&self, url: &Url, asked: &SystemCall<'_>) -> Result<FetchedAnswer, SourceError> {
        let tries = if asked.method == "GET" { self.attempts } else { 1 };
        let mut pause = AGAIN_AFTER;
        for left in (0..tries).rev() {
            self.breaker.admit(self.clock.now()).map_err(away)?;
            match self.once(url, asked).await {
                Ok(answer) => return Ok(answer),
                Err(error) if left == 0 => return Err(error),
                Err(_) => {
                    sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
            }
        }
        Err(away(BACK_IN))
    }

    async fn once(&self, url: &Url, asked: &SystemCall<'_>) -> Result<FetchedAnswer, SourceError> {
        let mut headers: Vec<(&str, &str)> =
            asked.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Some(authorization) = &self.authorization {
            headers.push(("authorization", authorization.reveal()));
        }
        let call = Fetch {
            method: asked.method,
            url: url.as_str(),
            headers: &headers,
            body: asked.body.as_deref(),
            most: ANSWER_MOST,
        };
        let answer = match self.caller.fetch(&call).await {
            Ok(answer) => answer,
            Err(reason) => {
                tracing::warn!(reason, "the retailer's system of customers has not answered");
                self.breaker.failed(self.clock.now());
                return Err(away(BACK_IN));
            }
        };
        if answer.status >= 500 || answer.status == 429 {
            let status = answer.status;
            tracing::warn!(status, "the retailer's system of customers cannot answer");
            self.breaker.failed(self.clock.now());
            return Err(away(wait(&answer, self.clock.now())));
        }
        self.breaker.answered();
        Ok(answer)
    }

    /// The address of a call. None where an id is what a path is walked by: no customer and nothing of theirs has it.
    fn url(&self, asked: &SystemCall<'_>) -> Option<Url> {
        if asked.path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return None;
        }
        let mut url = self.base.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(asked.path);
        if !asked.query.is_empty() {
            url.query_pairs_mut().extend_pairs(asked.query);
        }
        Some(url)
    }
}

/// How long the system wants to be left alone.
fn wait(answer: &FetchedAnswer, now: Micros) -> Duration {
    let micros = answer.wait.map_or(0, |wait| wait.from_now(now)).clamp(0, AWAY_MOST);
    Duration::from_micros(micros.unsigned_abs()).max(BACK_IN)
}
