//! Reads the log for the subscriptions and sends what is due.

use super::event::{self, MISSED};
use super::message;
use super::secret::SigningSecret;
use super::store::{self, Attempt, Delivery, New, Subscription};
use crate::access::directory::{Keyring, Standing};
use crate::access::model::StockDisclosure;
use crate::access::{Pepper, Scopes};
use crate::catalog::view::CatalogView;
use crate::changes::store::{Entry, Wanted, floor, read};
use crate::changes::{Kind, resource};
use crate::config;
use crate::kernel::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::kernel::id::{BrandId, CategoryId, NodeId, ProductId, StoreId};
use crate::kernel::{Clock, Gtin, Micros};
use crate::mirror::Mirror;
use crate::outbound::{Called, Caller, Rules};
use crate::storage::{Db, StoreError, lease};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// How long a node that says no more keeps the others from delivering.
const LEASE: i64 = 30 * SECOND;
/// Entries read for a subscription at a time, and messages sent before it is asked again whether it
/// still wants them.
const STRIDE: usize = 200;
const BATCH: i64 = 8;
/// Messages under way to one receiver at a time.
const AT_ONCE: usize = 4;
/// Messages under way to all receivers at a time.
const MOST_AT_ONCE: usize = 64;
/// Messages that may wait for a receiver before reading on for it waits too.
const MOST_WAITING: i64 = 2_000;
/// After the nth failed attempt the next one comes so much later; after the last there is none. In all
/// about three days.
const DELAYS: [i64; 12] = [
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
    12 * HOUR,
    12 * HOUR,
    24 * HOUR,
];

/// A subscription that is being sent to: free for the next round when this is dropped, after a panic too.
struct Sending {
    hooks: Arc<Hooks>,
    id: String,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.hooks.sending.lock().remove(&self.id);
    }
}

/// Which resources a subscription is about. Lists hold together; within a list one must fit; an empty
/// list asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filter {
    /// Stores, offers and stock of these stores only; other resources stay.
    #[schema(value_type = Vec<String>, max_items = 1000, example = json!(["sto_4Fh2Lp8QaZs"]))]
    pub(super) store_ids: Vec<StoreId>,
    /// Products, offers and stock of these products, or of those in `gtins`, only.
    #[schema(value_type = Vec<String>, max_items = 1000, example = json!(["prd_7HqK2mXw9Pz"]))]
    pub(super) product_ids: Vec<ProductId>,
    /// The same by GTIN.
    #[schema(value_type = Vec<String>, max_items = 1000, example = json!(["03276550063551"]))]
    pub(super) gtins: Vec<Gtin>,
    /// Products, offers and stock of what is in these categories, or below them, only. A product
    /// that is gone is in no category.
    #[schema(value_type = Vec<String>, max_items = 1000, example = json!(["cat_5tR81kQmZx2"]))]
    pub(super) category_ids: Vec<CategoryId>,
    /// Products, offers and stock of these brands only.
    #[schema(value_type = Vec<String>, max_items = 1000, example = json!([]))]
    pub(super) brand_ids: Vec<BrandId>,
}

impl Filter {
    fn takes(&self, entry: &Entry, catalog: &CatalogView) -> bool {
        let mut parts = entry.id.split('/');
        let first = parts.next().unwrap_or_default();
        let store = match entry.kind.as_str() {
            "store" => Some(first),
            "offer" | "stock" => parts.next(),
            _ => None,
        };
        let of_store = |id: &str| self.store_ids.iter().any(|own| own.to_string() == id);
        if !self.store_ids.is_empty() && !store.is_none_or(of_store) {
            return false;
        }
        let product: Option<ProductId> = match entry.kind.as_str() {
            "product" | "offer" | "stock" => first.parse().ok(),
            _ => return true,
        };
        let Some(product) = product else { return false };
        let named = || {
            let of_gtin = |gtin: &Gtin| catalog.is_gtin_of(*gtin, product);
            self.product_ids.contains(&product) || self.gtins.iter().any(of_gtin)
        };
        let names_none = self.product_ids.is_empty() && self.gtins.is_empty();
        if !names_none && !named() {
            return false;
        }
        if self.category_ids.is_empty() && self.brand_ids.is_empty() {
            return true;
        }
        let subject = catalog.subject(product);
        let in_category = |id| subject.categories.contains(id);
        let of_brand = |id| subject.brand.as_ref() == Some(id);
        (self.category_ids.is_empty() || self.category_ids.iter().any(in_category))
            && (self.brand_ids.is_empty() || self.brand_ids.iter().any(of_brand))
    }
}

/// What an app may know at present: what all its keys together may.
#[derive(Debug, Clone, Copy)]
struct Rights {
    scopes: Scopes,
    told: StockDisclosure,
}

/// The deliverer of a node.
#[derive(Debug)]
pub struct Hooks {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) pepper: Arc<Pepper>,
    pub(super) caller: Caller,
    pub(super) settings: config::Hooks,
    mirror: Arc<Mirror>,
    keyring: Arc<Keyring>,
    node: String,
    /// Subscriptions that are being sent to.
    sending: Mutex<HashSet<String>>,
    /// Messages that may be under way at a time, to all receivers.
    places: Semaphore,
    delivered: AtomicU64,
    failed: AtomicU64,
}

/// The kinds of entries that a subscription's events come from.
fn kinds(subscription: &Subscription) -> Vec<Kind> {
    let names = subscription.events.split(' ');
    let mut kinds: Vec<Kind> = names.filter_map(event::find).map(|(_, kind)| kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

impl Hooks {
    /// The deliverer of a node.
    pub fn new(
        settings: &config::Hooks,
        (db, clock, node): (&Db, &Clock, NodeId),
        mirror: &Arc<Mirror>,
        keyring: &Arc<Keyring>,
    ) -> reqwest::Result<Self> {
        let private = settings.private_targets.clone();
        Ok(Self {
            caller: Caller::new(Rules { allow_http: settings.allow_http, private })?,
            db: db.clone(),
            clock: clock.clone(),
            pepper: Arc::clone(keyring.pepper()),
            settings: settings.clone(),
            mirror: Arc::clone(mirror),
            keyring: Arc::clone(keyring),
            node: node.to_string(),
            sending: Mutex::default(),
            places: Semaphore::new(MOST_AT_ONCE),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Messages delivered and attempts that failed since this was last asked.
    pub fn take_counts(&self) -> (u64, u64) {
        (self.delivered.swap(0, Ordering::Relaxed), self.failed.swap(0, Ordering::Relaxed))
    }

    /// Reads the log for every subscription and begins to send what is due, if this node is the one
    /// that does. Receivers are not waited for.
    pub async fn round(self: &Arc<Self>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let until = Micros(now.0.saturating_add(LEASE));
        if !lease::hold(&self.db, ("hooks", &self.node), now, until).await? {
            return Ok(());
        }
        let subscriptions = store::active(&self.db).await?;
        if subscriptions.is_empty() {
            return Ok(());
        }
        let rights = self.rights(now);
        for subscription in subscriptions {
            let Some(rights) = rights.get(&subscription.app_id) else { continue };
            // Without all that it needs it waits where it is: nothing is told, and nothing is lost.
            if !kinds(&subscription).iter().all(|kind| rights.scopes.has(kind.scope())) {
                continue;
            }
            if let Err(error) = self.read_on(&subscription, rights.told).await {
                tracing::warn!(%error, id = subscription.id, "a subscription cannot be read on");
                continue;
            }
            if self.sending.lock().insert(subscription.id.clone()) {
                let sending = Sending { hooks: Arc::clone(self), id: subscription.id.clone() };
                tokio::spawn(async move {
                    if let Err(error) = sending.hooks.send_due(&subscription).await {
                        tracing::warn!(%error, "deliveries could not be recorded");
                    }
                });
            }
        }
        Ok(())
    }

    /// Forgets messages that are no longer kept.
    pub async fn forget_old(&self) -> Result<(), StoreError> {
        let kept = i64::from(self.settings.keep_days) * DAY;
        store::forget(&self.db, Micros(self.clock.now().0.saturating_sub(kept))).await
    }

    /// What each app that has a key in force may know.
    fn rights(&self, now: Micros) -> HashMap<String, Rights> {
        let mut rights: HashMap<String, Rights> = HashMap::new();
        for key in self.keyring.current().keys() {
            let over = key.expires_at.is_some_and(|at| at <= now);
            if key.standing != Standing::Good || over {
                continue;
            }
            let new = Rights { scopes: key.scopes, told: key.stock_disclosure };
            let held = rights.entry(key.app.to_string()).or_insert(new);
            held.scopes = held.scopes.iter().chain(key.scopes.iter()).collect();
            held.told = held.told.max(key.stock_disclosure);
        }
        rights
    }

    /// Writes a message for each entry that a subscription wants, as far as the log has come.
    async fn read_on(&self, to: &Subscription, told: StockDisclosure) -> Result<(), StoreError> {
        let (waiting, _) = store::counts(&self.db, &to.id).await?;
        if waiting >= MOST_WAITING {
            return Ok(());
        }
        let wanted: Vec<String> = to.events.split(' ').map(str::to_owned).collect();
        // Filters look at what this node has in memory, so it is read no further than that.
        let in_memory = self.mirror.positions().change;
        let asked = Wanted { kinds: kinds(to), store: None };
        let mut stretch = read(&self.db, to.position, &asked, STRIDE).await?;
        stretch.entries.retain(|entry| entry.position <= in_memory);
        stretch.reached = stretch.reached.min(in_memory);
        let lost = floor(&self.db).await?;
        let now = self.clock.now();
        if lost > to.position {
            // Entries are gone that were never read: the receiver must hear of it.
            let payload = message::about(MISSED, now, lost);
            let new = [New { position: lost, event: MISSED, payload }];
            store::advance(&self.db, &to.id, (to.position, lost), &new, now).await?;
            return Ok(());
        }
        if stretch.reached <= to.position {
            return Ok(());
        }
        let filter: Filter = serde_json::from_str(&to.filter)
            .map_err(|error| StoreError::corrupt("subscriptions", error))?;
        let fitting: Vec<(&Entry, &'static str)> = stretch
            .entries
            .iter()
            .filter_map(|entry| Some((entry, event::of(entry, &wanted)?)))
            .filter(|(entry, _)| filter.takes(entry, &self.mirror.catalog))
            .collect();
        let resources = self.resources(&fitting, told).await?;
        let mut new = Vec::with_capacity(fitting.len());
        for (entry, event) in fitting {
            let resource = resources.get(&(entry.kind.clone(), entry.id.clone()));
            let payload = message::of(event, entry, resource.map(String::as_str))
                .map_err(|error| StoreError::corrupt("change_log", error))?;
            new.push(New { position: entry.position, event, payload });
        }
        store::advance(&self.db, &to.id, (to.position, stretch.reached), &new, now).await?;
        Ok(())
    }

    /// What the resources of some entries are now, by kind and id.
    async fn resources(
        &self,
        entries: &[(&Entry, &'static str)],
        told: StockDisclosure,
    ) -> Result<HashMap<(String, String), String>, StoreError> {
        let mut ids: HashMap<&str, Vec<String>> = HashMap::new();
        for (entry, _) in entries {
            ids.entry(&entry.kind).or_default().push(entry.id.clone());
        }
        let mut found = HashMap::new();
        for (word, ids) in ids {
            let Ok(kind) = word.parse::<Kind>() else { continue };
            let present = resource::present(&self.db, kind, &ids, told).await?;
            found.extend(present.into_iter().map(|(id, body)| ((word.to_owned(), id), body)));
        }
        Ok(found)
    }

    /// Sends what is due for as long as the subscription wants it.
    async fn send_due(&self, to: &Subscription) -> Result<(), StoreError> {
        loop {
            let current = store::find(&self.db, &to.app_id, &to.id).await?;
            let Some(to) = current.filter(|current| current.status == "active") else {
                return Ok(());
            };
            let due = store::due(&self.db, &to.id, self.clock.now(), BATCH).await?;
            if due.is_empty() {
                return Ok(());
            }
            let attempts = due.into_iter().map(|delivery| self.attempt(&to, delivery));
            let mut done = futures_util::stream::iter(attempts).buffer_unordered(AT_ONCE);
            while let Some(recorded) = done.next().await {
                recorded?;
            }
        }
    }

    /// Sends a message once and records what became of it.
    async fn attempt(&self, to: &Subscription, delivery: Delivery) -> Result<(), StoreError> {
        // Never closed.
        let _place = self.places.acquire().await;
        let begun = Instant::now();
        let called = self.send(to, &delivery.id, &delivery.payload).await;
        let duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let attempt = judge(&called, &delivery, now, duration_ms);
        match attempt.status {
            "delivered" => self.delivered.fetch_add(1, Ordering::Relaxed),
            _ => self.failed.fetch_add(1, Ordering::Relaxed),
        };
        store::record(&self.db, &delivery, &attempt).await?;
        if attempt.response_status == Some(410) {
            store::disable(&self.db, &to.id, ("receiver_gone", now.0), now).await?;
        } else if attempt.status == "failed" {
            // One message that is refused while others are taken is given up alone.
            let since = delivery.created_at;
            store::disable(&self.db, &to.id, ("receiver_failing", since), now).await?;
        }
        Ok(())
    }

    /// Sends a message, signed with the secret in force and, during a rotation, the one before.
    pub(super) async fn send(&self, to: &Subscription, id: &str, payload: &str) -> Called {
        let now = self.clock.now();
        let timestamp = now.0 / SECOND;
        let sign = |generation| {
            SigningSecret::new(&self.pepper, &to.id, generation).sign(id, timestamp, payload)
        };
        let mut signatures = sign(to.generation);
        if to.previous_until.is_some_and(|until| now.0 < until) {
            signatures = format!("{signatures} {}", sign(to.generation - 1));
        }
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signatures),
        ];
        self.caller.post(&to.url, &headers, payload.to_owned()).await
    }
}

/// What follows from how a receiver answered.
fn judge(called: &Called, delivery: &Delivery, now: Micros, duration_ms: i64) -> Attempt {
    let (response_status, error, wait) = match *called {
        Called::Answered(status, wait) => (Some(status), None, wait),
        Called::Failed(word) => (None, Some(word), None),
    };
    let delivered = response_status.is_some_and(|status| (200..300).contains(&status));
    let nth = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
    let delay = DELAYS.get(nth).filter(|_| response_status != Some(410));
    let status = match delay {
        _ if delivered => "delivered",
        Some(_) => "pending",
        None => "failed",
    };
    let asked = i64::try_from(wait.unwrap_or(0)).unwrap_or(i64::MAX).saturating_mul(SECOND);
    let delay = delay.map_or(0, |delay| spread(*delay, &delivery.id).max(asked.min(DAY)));
    let next_attempt_at = now.0.saturating_add(delay);
    Attempt { status, next_attempt_at, response_status, error, duration_ms, now }
}

/// A delay up to a tenth longer, by the message, so that what failed together does not come together.
fn spread(delay: i64, id: &str) -> i64 {
    delay + delay / 1_000 * i64::from(crc32fast::hash(id.as_bytes()) % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(attempts: i64) -> Delivery {
        Delivery {
            id: "dlv_1".into(),
            position: 1,
            event: "price.changed".into(),
            payload: "{}".into(),
            status: "pending".into(),
            attempts,
            next_attempt_at: 0,
            response_status: None,
            error: None,
            duration_ms: None,
            created_at: 0,
            finished_at: None,
        }
    }

    #[test]
    fn failures_are_retried_later_and_later_and_then_no_more() {
        let judged = |attempts, called| judge(&called, &delivery(attempts), Micros(0), 1);
        assert_eq!(judged(0, Called::Answered(204, None)).status, "delivered");
        let mut before = 0;
        for attempts in 0..12 {
            let attempt = judged(attempts, Called::Failed("timeout"));
            assert_eq!((attempt.status, attempt.error), ("pending", Some("timeout")));
            assert!(attempt.next_attempt_at >= before);
            before = attempt.next_attempt_at;
        }
        assert_eq!(judged(12, Called::Answered(500, None)).status, "failed");
        assert_eq!(judged(0, Called::Answered(302, None)).status, "pending");
        assert_eq!(judged(0, Called::Answered(410, None)).status, "failed");
        let waited = judged(0, Called::Answered(429, Some(3_600))).next_attempt_at;
        assert_eq!(waited, HOUR);
        assert!(judged(0, Called::Answered(503, Some(u64::MAX))).next_attempt_at <= DAY);
    }
}
