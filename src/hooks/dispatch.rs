//! Reads the log for the subscriptions and sends what is due.

use super::event::{self, MISSED};
use super::message;
use super::meter::Meter;
use super::retry::{Schedule, Tried};
use super::rights::Rights;
use super::secret::SigningSecret;
use super::store::{self, Attempt, Delivery, New, Notice, Subscription};
use crate::access::Pepper;
use crate::access::directory::{KeyRecord, Keyring};
use crate::catalog::view::CatalogView;
use crate::changes::resource::{self, Told};
use crate::changes::store::{Entry, Wanted, floor, read};
use crate::changes::{InPlan, Kind, is_deleted_product, successors};
use crate::config;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::{AppId, BrandId, CategoryId, NodeId, ProductId, StoreId};
use crate::kernel::{Clock, Gtin, Micros};
use crate::metering::Journal;
use crate::mirror::Mirror;
use crate::outbound::{Called, Caller, Rules};
use crate::storage::{Db, StoreError, Tx, lease};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// Entries read for a subscription at a time.
const STRIDE: usize = 1_000;
/// Messages sent before a subscription is asked again whether it still wants them.
const BATCH: i64 = 8;
/// Messages under way to one receiver at a time.
const AT_ONCE: usize = 4;
/// Messages under way to all receivers at a time.
const MOST_AT_ONCE: u32 = 64;
/// Messages under way to the receivers of one app at a time, so that slow ones keep nobody else waiting.
const PER_APP_AT_ONCE: usize = 8;
/// A message that arrived but could not be counted is sent again after so long.
const UNCOUNTED: i64 = 60 * SECOND;
/// Messages that may wait for a receiver before reading on for it waits too.
const MOST_WAITING: i64 = 2_000;

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

/// The deliverer of a node.
#[derive(Debug)]
pub struct Hooks {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) pepper: Arc<Pepper>,
    pub(super) caller: Caller,
    pub(super) settings: config::Hooks,
    pub(super) schedule: Schedule,
    pub(super) meter: Meter,
    mirror: Arc<Mirror>,
    keyring: Arc<Keyring>,
    node: String,
    /// Subscriptions that are being sent to.
    sending: Mutex<HashSet<String>>,
    /// Messages that may be under way at a time, to all receivers.
    places: Semaphore,
    /// The same to those of each app.
    app_places: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Subscriptions whose last attempt failed: they get one message at a time.
    failing: Mutex<HashSet<String>>,
    delivered: AtomicU64,
    failed: AtomicU64,
}

/// The kinds of entries that a subscription's events come from.
fn kinds(subscription: &Subscription) -> Vec<Kind> {
    let names = subscription.events.split(' ');
    let mut kinds: Vec<Kind> = names.filter_map(|name| event::find(name)?.1).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Whether rights are all that a subscription's events need.
fn suffice(rights: &Rights, subscription: &Subscription) -> bool {
    kinds(subscription).iter().all(|kind| rights.scopes.has(kind.scope()))
}

impl Hooks {
    /// The deliverer of a node, which counts messages in a journal where there is one.
    pub fn new(
        settings: &config::Hooks,
        (db, clock, node): (&Db, &Clock, NodeId),
        mirror: &Arc<Mirror>,
        (journal, keyring): (Option<Arc<Journal>>, Arc<Keyring>),
    ) -> reqwest::Result<Self> {
        let private = settings.private_targets.clone();
        let rules = Rules { allow_http: settings.allow_http, private };
        Ok(Self {
            caller: Caller::new(rules, settings.timeout)?,
            db: db.clone(),
            clock: clock.clone(),
            pepper: Arc::clone(keyring.pepper()),
            settings: settings.clone(),
            schedule: Schedule::new(&settings.retry),
            meter: Meter::new(journal, Arc::clone(&keyring)),
            mirror: Arc::clone(mirror),
            keyring,
            node: node.to_string(),
            sending: Mutex::default(),
            places: Semaphore::new(MOST_AT_ONCE as usize),
            app_places: Mutex::default(),
            failing: Mutex::default(),
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
        let (began, now) = (Instant::now(), self.clock.now());
        let lease = i64::try_from(self.settings.lease.as_micros()).unwrap_or(i64::MAX);
        let until = Micros(now.0.saturating_add(lease));
        if !lease::hold(&self.db, ("hooks", &self.node), now, until).await? {
            return Ok(());
        }
        let subscriptions = store::active(&self.db).await?;
        if subscriptions.is_empty() {
            return Ok(());
        }
        let rights = Rights::of_apps(&self.keyring, now);
        let rights_of = |to: &Subscription| {
            let app: AppId = to.app_id.parse().ok()?;
            // Without all that it needs it waits where it is: nothing is told, and nothing is lost.
            rights.get(&app).filter(|rights| suffice(rights, to))
        };
        let mut behind = subscriptions;
        // One that is far behind is read on again and again, but never before all others have had their turn.
        while !behind.is_empty() {
            let mut further = Vec::new();
            for mut subscription in behind {
                let Some(rights) = rights_of(&subscription) else { continue };
                match self.read_on(&subscription, rights).await {
                    Ok(reached) => {
                        self.begin_to_send(&subscription);
                        if let Some(position) = reached {
                            subscription.position = position;
                            further.push(subscription);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, id = subscription.id, "a subscription cannot be read on");
                    }
                }
            }
            behind = if began.elapsed() < self.settings.poll { further } else { Vec::new() };
        }
        Ok(())
    }

    /// Begins to send what is due to a subscription, where that is not going on already.
    fn begin_to_send(self: &Arc<Self>, to: &Subscription) {
        if self.sending.lock().insert(to.id.clone()) {
            let (sending, to) =
                (Sending { hooks: Arc::clone(self), id: to.id.clone() }, to.clone());
            tokio::spawn(async move {
                if let Err(error) = sending.hooks.send_due(&to).await {
                    tracing::warn!(%error, "deliveries could not be recorded");
                }
            });
        }
    }

    /// Writes what an app is told of its own usage, for each of its subscriptions that wants it.
    pub async fn tell(&self, tx: &mut Tx, notice: &Notice<'_>) -> Result<(), StoreError> {
        let now = self.clock.now();
        store::tell(tx, notice, (now, self.schedule.end(now))).await
    }

    /// Forgets messages that are no longer kept.
    pub async fn forget_old(&self) -> Result<(), StoreError> {
        let kept = i64::from(self.settings.keep_days) * DAY;
        store::forget(&self.db, Micros(self.clock.now().0.saturating_sub(kept))).await
    }

    /// What a subscription may be told at present; none where that is less than it needs.
    fn rights_to(&self, to: &Subscription) -> Option<Rights> {
        let rights = Rights::of_app(&self.keyring, &to.app_id, self.clock.now())?;
        suffice(&rights, to).then_some(rights)
    }

    /// The places of an app. Those of apps to which nothing is sent are forgotten.
    fn places_of(&self, app: &str) -> Arc<Semaphore> {
        let mut places = self.app_places.lock();
        places.retain(|_, places| Arc::strong_count(places) > 1);
        let new = || Arc::new(Semaphore::new(PER_APP_AT_ONCE));
        Arc::clone(places.entry(app.to_owned()).or_insert_with(new))
    }

    /// Writes a message for each entry that a subscription wants, in the next stretch of the log; the position
    /// reached, where there is more behind it.
    async fn read_on(&self, to: &Subscription, rights: &Rights) -> Result<Option<i64>, StoreError> {
        // Filters look at what this node has in memory, so it is read no further than that.
        let in_memory = self.mirror.positions().change;
        if to.position >= in_memory || store::crowded(&self.db, &to.id, MOST_WAITING).await? {
            return Ok(None);
        }
        let wanted: Vec<String> = to.events.split(' ').map(str::to_owned).collect();
        let limited_to = rights.data.is_some().then_some(in_memory);
        let asked = Wanted { kinds: kinds(to), store: None, limited_to };
        let mut stretch = read(&self.db, to.position, &asked, STRIDE).await?;
        stretch.entries.retain(|entry| entry.position <= in_memory);
        stretch.reached = stretch.reached.min(in_memory);
        let lost = floor(&self.db).await?;
        let now = self.clock.now();
        let times = (now, self.schedule.end(now));
        if lost > to.position && !asked.kinds.is_empty() {
            // Entries are gone that were never read: the receiver must hear of it.
            let payload = message::about(MISSED, now, lost);
            let new = [New { position: lost, event: MISSED, payload }];
            let moved = store::advance(&self.db, &to.id, (to.position, lost), &new, times).await?;
            return Ok(moved.then_some(lost));
        }
        let reached = stretch.reached;
        if reached <= to.position {
            return Ok(None);
        }
        let filter: Filter = serde_json::from_str(&to.filter)
            .map_err(|error| StoreError::corrupt("subscriptions", error))?;
        let mut entries = stretch.entries;
        let included = InPlan::of(rights.data.as_ref(), &self.mirror.catalog);
        if let Some(included) = &included {
            entries = entries.into_iter().filter_map(|entry| included.entry(entry)).collect();
        }
        let fitting: Vec<(&Entry, &'static str)> = entries
            .iter()
            .filter_map(|entry| Some((entry, event::of(entry, &wanted)?)))
            .filter(|(entry, _)| filter.takes(entry, &self.mirror.catalog))
            .collect();
        let new = self.messages(&fitting, included.as_ref(), rights.of_resources()).await?;
        let moved = store::advance(&self.db, &to.id, (to.position, reached), &new, times).await?;
        Ok((moved && reached < in_memory).then_some(reached))
    }

    /// The messages about some entries.
    async fn messages(
        &self,
        entries: &[(&Entry, &'static str)],
        included: Option<&InPlan<'_>>,
        told: Told<'_>,
    ) -> Result<Vec<New>, StoreError> {
        let resources = self.resources(entries, told).await?;
        let deleted = entries.iter().filter(|(entry, _)| is_deleted_product(entry));
        let deleted: Vec<String> = deleted.map(|(entry, _)| entry.id.clone()).collect();
        let successors = successors(&self.db, &deleted, included).await?;
        let mut new = Vec::with_capacity(entries.len());
        for &(entry, event) in entries {
            let resource = resources.get(&(entry.kind.clone(), entry.id.clone()));
            // What is gone for who has this plan may be there all the same.
            let resource = resource.filter(|_| entry.op != "delete").map(String::as_str);
            let successor = successors.get(&entry.id).filter(|_| is_deleted_product(entry));
            let payload = message::of(event, entry, successor.map(String::as_str), resource)
                .map_err(|error| StoreError::corrupt("change_log", error))?;
            new.push(New { position: entry.position, event, payload });
        }
        Ok(new)
    }

    /// What the resources of some entries are now, by kind and id.
    async fn resources(
        &self,
        entries: &[(&Entry, &'static str)],
        told: Told<'_>,
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

    /// Sends what is due for as long as the subscription wants it and it can be counted.
    async fn send_due(&self, to: &Subscription) -> Result<(), StoreError> {
        while !self.places.is_closed() && !self.meter.is_full() {
            let current = store::find(&self.db, &to.app_id, &to.id).await?;
            let Some(to) = current.filter(|current| current.status == "active") else {
                self.failing.lock().remove(&to.id);
                break;
            };
            // Keys may be gone since, and with them what it may be told.
            if self.rights_to(&to).is_none() {
                break;
            }
            let Some(payer) = self.meter.payer(&to, self.clock.now()) else { break };
            let due = store::due(&self.db, &to.id, self.clock.now(), BATCH).await?;
            if due.is_empty() {
                break;
            }
            let attempts = due.into_iter().map(|delivery| self.attempt(&to, &payer, delivery));
            let at_once = if self.failing.lock().contains(&to.id) { 1 } else { AT_ONCE };
            let mut done = futures_util::stream::iter(attempts).buffer_unordered(at_once);
            while let Some(recorded) = done.next().await {
                recorded?;
            }
        }
        Ok(())
    }

    /// Sends no more, and resolves when what is under way has ended and is recorded.
    pub async fn stop(&self) {
        // Whoever asks for a place from now on comes after this, and then there are none.
        let _all = self.places.acquire_many(MOST_AT_ONCE).await;
        self.places.close();
    }

    /// Sends a message once and records what became of it.
    async fn attempt(
        &self,
        to: &Subscription,
        payer: &KeyRecord,
        delivery: Delivery,
    ) -> Result<(), StoreError> {
        let app_places = self.places_of(&to.app_id);
        // Never closed.
        let _own_place = app_places.acquire().await;
        // None where the program is stopping.
        let Ok(_place) = self.places.acquire().await else { return Ok(()) };
        // It may have waited long for them. What is not told now is told when it may be.
        let Some(rights) = self.rights_to(to) else { return Ok(()) };
        let begun = Instant::now();
        let payload = rights.within(&delivery.payload, &delivery.event, &self.mirror.catalog);
        let called = self.send(to, &delivery.id, &payload).await;
        let duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let Delivery { id, attempts, retry_until, .. } = &delivery;
        let tried = Tried { id, attempts: *attempts, retry_until: *retry_until };
        let mut attempt = self.schedule.judge(&called, tried, now, duration_ms);
        let counted = self.meter.count(payer, &delivery, &attempt).await;
        let receipt = counted.unwrap_or_else(|full| {
            tracing::warn!(%full, id = delivery.id, "a message could not be counted and is sent again");
            attempt = Attempt { status: "pending", error: Some("not_counted"), ..attempt };
            attempt.next_attempt_at = now.0.saturating_add(UNCOUNTED);
            None
        });
        if attempt.status == "delivered" {
            self.failing.lock().remove(&to.id);
            self.delivered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.failing.lock().insert(to.id.clone());
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        if store::record(&self.db, &delivery, &attempt).await?
            && let Some(receipt) = receipt
        {
            receipt.complete();
        }
        if attempt.response_status == Some(410) {
            store::disable(&self.db, &to.id, ("receiver_gone", now.0), now).await?;
        } else if attempt.status == "failed" {
            // One message that is refused while others are taken since its first attempt, or the first after
            // a replay, is given up alone.
            let since = self.schedule.begin(delivery.retry_until);
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
