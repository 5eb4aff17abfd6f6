//! Redis as this node reaches it: one server, or the leaders of a Redis Cluster.
//!
//! Of a cluster each server is looked after by itself (`node`): where one is away, only what it holds is
//! judged without it. What is asked concerns one slot (`slots`), so it goes to one server, and no question is ever
//! sent twice where its answer is not known: what was taken would be taken twice. Who leads what is asked of
//! any server that answers, every second and when a server says that it moved.

mod address;
mod node;
mod slots;

pub use address::InvalidRedis;
pub use slots::Slot;

use crate::config;
use crate::kernel::id::InstallationId;
use arc_swap::ArcSwap;
use futures_util::future::join_all;
use node::Node;
use redis::{
    ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, ScriptInvocation, Value,
    cmd,
};
use slots::{Map, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

/// How often a cluster is asked who leads what.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon after one look the next may come.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Why Redis gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Away {
    /// There is no connection now.
    #[error("Redis is away")]
    Down,
    /// The connection broke, or no answer came in time.
    #[error("Redis did not answer: {0}")]
    Silent(RedisError),
    /// It answered that it cannot: it is loading, a replica, or out of memory, or the slot has moved.
    #[error("Redis refuses: {0}")]
    Refused(RedisError),
}

/// What all connections have in common.
#[derive(Debug, Default)]
struct Means {
    prefix: String,
    connect_timeout: Duration,
    response_timeout: Duration,
    failures: AtomicU64,
}

/// Redis as this node reaches it.
#[derive(Debug)]
pub struct Redis {
    means: Arc<Means>,
    /// The servers of a cluster that are asked where no other answers; none where there is no cluster.
    seeds: Vec<ConnectionInfo>,
    map: ArcSwap<Map>,
    moved: Notify,
}

impl Redis {
    /// The Redis of a configuration, if it names one. Nothing is connected yet: [`Redis::keep`] does. All names
    /// have the installation in them, so that two on one Redis hear and count nothing of each other's.
    pub fn new(
        settings: &config::Redis,
        installation: InstallationId,
    ) -> Result<Option<Arc<Self>>, InvalidRedis> {
        let Some(at) = &settings.url else { return Ok(None) };
        let means = Arc::new(Means {
            prefix: format!("{}:{installation}", settings.prefix),
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            failures: AtomicU64::new(0),
        });
        let ca_file = settings.ca_file.as_deref();
        let (map, seeds) = match at {
            config::RedisAt::One(url) => {
                let node = Node::new(address::read(url, ca_file)?, &means)?;
                (Map::of_one(node), Vec::new())
            }
            config::RedisAt::Cluster(urls) => {
                let seeds = urls.iter().map(|url| address::read(url, ca_file));
                (Map::default(), seeds.collect::<Result<_, _>>()?)
            }
        };
        let map = ArcSwap::from_pointee(map);
        Ok(Some(Arc::new(Self { means, seeds, map, moved: Notify::new() })))
    }

    /// A name in Redis that is this installation's own.
    #[must_use]
    pub fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.means.prefix)
    }

    /// What all its names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.means.prefix
    }

    /// Longest wait for an answer.
    #[must_use]
    pub fn response_timeout(&self) -> Duration {
        self.means.response_timeout
    }

    /// Whether it answers, as far as is known: of a cluster, whether all leaders do.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let map = self.map.load();
        !map.nodes.is_empty() && map.nodes.iter().all(|node| node.is_up())
    }

    /// Whether the server that leads a slot answers, as far as is known.
    #[must_use]
    pub fn leads(&self, slot: Slot) -> bool {
        self.map.load().leader(slot).is_some_and(|node| node.is_up())
    }

    /// How often it gave no answer since the last time this was asked.
    #[must_use]
    pub fn take_failures(&self) -> u64 {
        self.means.failures.swap(0, Ordering::Relaxed)
    }

    /// Runs a script whose keys all lie in one slot.
    pub async fn run<T: FromRedisValue>(
        &self,
        slot: Slot,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Away> {
        let map = self.map.load_full();
        let leader = map.leader(slot).ok_or(Away::Down)?;
        let answer = leader.run(script).await;
        let Err(Away::Refused(error)) = &answer else { return answer };
        let Some((new, _)) = error.redirect_node() else { return answer };
        // A server that does not lead a slot does nothing, so who leads it now may be asked.
        self.moved.notify_one();
        let is_it = |node: &&Arc<Node>| node.info().addr().to_string() == new;
        match map.nodes.iter().find(is_it).filter(|_| error.code() == Some("MOVED")) {
            Some(node) => node.run(script).await,
            None => answer,
        }
    }

    /// Deletes every name of this installation.
    #[cfg(test)]
    pub(crate) async fn forget_all(&self) {
        for node in &self.map.load_full().nodes {
            let mut keys = cmd("KEYS");
            keys.arg(format!("{}*", self.means.prefix));
            for key in node.ask::<Vec<String>>(&keys).await.unwrap_or_default() {
                let _ = node.ask::<i64>(cmd("DEL").arg(key)).await;
            }
        }
    }

    /// Tells all that hear a channel. The servers of a cluster tell each other.
    pub async fn publish(&self, channel: &str, what: i64) -> Result<(), Away> {
        let mut publish = cmd("PUBLISH");
        publish.arg(channel).arg(what);
        let map = self.map.load_full();
        let node = map.nodes.iter().find(|node| node.is_up()).ok_or(Away::Down)?;
        node.ask::<i64>(&publish).await.map(drop)
    }

    /// A connection of its own that hears a channel.
    pub(super) async fn listen(&self, channel: &str) -> Result<redis::aio::PubSub, RedisError> {
        let map = self.map.load_full();
        let node = map.nodes.iter().find(|node| node.is_up()).or(map.nodes.first());
        node.ok_or_else(nobody)?.listen(channel).await
    }

    /// Connects, and connects again whenever a connection is lost, until the stop.
    pub async fn keep(&self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            () = self.keep_on() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    async fn keep_on(&self) {
        loop {
            let map = self.map.load_full();
            let keeping = join_all(map.nodes.iter().map(|node| node.keep()));
            tokio::select! {
                _ = keeping, if !map.nodes.is_empty() => {}
                () = self.follow(), if !self.seeds.is_empty() => {}
            }
        }
    }

    /// Follows who leads what of a cluster, until it has other leaders.
    async fn follow(&self) {
        loop {
            let _ = timeout(LOOK_EVERY, self.moved.notified()).await;
            if self.look().await {
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Asks who leads what, and whether that are other servers than before.
    async fn look(&self) -> bool {
        let old = self.map.load_full();
        let mut slots = cmd("CLUSTER");
        slots.arg("SLOTS");
        for node in old.nodes.iter().filter(|node| node.is_up()) {
            if let Ok(said) = node.ask::<Value>(&slots).await
                && let Some(new) = self.read(&old, node.info(), &said)
            {
                return self.put(&old, new);
            }
        }
        for seed in &self.seeds {
            let Ok(node) = Node::new(seed.clone(), &self.means) else { continue };
            if node.reach().await.is_ok()
                && let Ok(said) = node.ask::<Value>(&slots).await
                && let Some(new) = self.read(&old, seed, &said)
            {
                return self.put(&old, new);
            }
        }
        false
    }

    /// The map that a server tells; none where it tells none, or belongs to no cluster.
    fn read(&self, old: &Map, teller: &ConnectionInfo, said: &Value) -> Option<Map> {
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        let mut spans = Vec::new();
        for span in slots::spans(said)? {
            let address = address_of(&span, teller.addr());
            let is_it = |node: &&Arc<Node>| *node.info().addr() == address;
            let place = match nodes.iter().position(|node| is_it(&node)) {
                Some(place) => place,
                None => {
                    let info = teller.clone().set_addr(address.clone());
                    let new = || Node::new(info, &self.means).ok().map(Arc::new);
                    nodes.push(old.nodes.iter().find(is_it).cloned().or_else(new)?);
                    nodes.len() - 1
                }
            };
            spans.push((span.first, span.last, place));
        }
        (!nodes.is_empty()).then(|| Map::new(nodes, spans))
    }

    /// Puts a map in force; whether it has other servers.
    fn put(&self, old: &Map, new: Map) -> bool {
        if new.is_as(old) {
            return false;
        }
        let same = new.has_nodes_of(old);
        tracing::info!(leaders = new.nodes.len(), "the slots of the Redis Cluster are known");
        self.map.store(Arc::new(new));
        !same
    }

    /// Makes the connections that are used from now on, once Redis has answered over them.
    pub async fn connect(&self) -> Result<(), RedisError> {
        if !self.seeds.is_empty() {
            self.look().await;
        }
        let map = self.map.load_full();
        if map.nodes.is_empty() {
            return Err(nobody());
        }
        join_all(map.nodes.iter().map(|node| node.connect())).await.into_iter().collect()
    }
}

fn nobody() -> RedisError {
    (ErrorKind::Io, "none of its addresses leads to a Redis Cluster that answers").into()
}

/// The address of who leads a span, spoken to as who told of it.
fn address_of(span: &Span, teller: &ConnectionAddr) -> ConnectionAddr {
    let (port, told) = (span.port, span.host.clone());
    match teller {
        ConnectionAddr::TcpTls { host, insecure, tls_params, .. } => ConnectionAddr::TcpTls {
            host: told.unwrap_or_else(|| host.clone()),
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        ConnectionAddr::Tcp(host, _) => {
            ConnectionAddr::Tcp(told.unwrap_or_else(|| host.clone()), port)
        }
        other => other.clone(),
    }
}
