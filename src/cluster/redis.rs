//! The connection to Redis: one for each node, shared by all that ask.
//!
//! While Redis is away, nobody waits for it: who asks is told so at once, and the keeper looks for it again.
//! It counts as away when a connection breaks, and when three answers in a row have not come in time (one
//! that comes in between starts the count anew, so that a blip opens nothing).

use crate::config;
use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, cmd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

/// Answers in a row that may not come in time before Redis counts as away.
const MOST_MISSED: u32 = 3;
/// How often a connection that nobody uses is tried.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How soon Redis is looked for after it went away, and how seldom at least.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Why Redis gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Away {
    /// There is no connection now.
    #[error("Redis is away")]
    Down,
    /// The connection broke, or no answer came in time.
    #[error("Redis did not answer: {0}")]
    Silent(RedisError),
    /// It answered that it cannot: it is loading, a replica, or out of memory.
    #[error("Redis refuses: {0}")]
    Refused(RedisError),
}

/// A connection, and how many of its answers have not come since the last that did.
#[derive(Debug)]
struct Link {
    connection: MultiplexedConnection,
    missed: AtomicU32,
}

/// Redis as this node reaches it.
#[derive(Debug)]
pub struct Redis {
    client: Client,
    prefix: String,
    connect_timeout: Duration,
    response_timeout: Duration,
    link: ArcSwapOption<Link>,
    lost: Notify,
    failures: AtomicU64,
    told: Mutex<bool>,
}

impl Redis {
    /// The Redis of a configuration, if it names one. Nothing is connected yet: [`Redis::keep`] does.
    pub fn new(settings: &config::Redis) -> Result<Option<Arc<Self>>, RedisError> {
        let Some(url) = &settings.url else { return Ok(None) };
        Ok(Some(Arc::new(Self {
            client: Client::open(url.reveal())?,
            prefix: settings.prefix.clone(),
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            link: ArcSwapOption::empty(),
            lost: Notify::new(),
            failures: AtomicU64::new(0),
            told: Mutex::new(false),
        })))
    }

    /// A name in Redis that is this installation's own.
    #[must_use]
    pub fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    /// What all its names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Longest wait for an answer.
    #[must_use]
    pub fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// Whether it answers, as far as is known.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.load().is_some()
    }

    /// How often it gave no answer since the last time this was asked.
    #[must_use]
    pub fn take_failures(&self) -> u64 {
        self.failures.swap(0, Ordering::Relaxed)
    }

    /// Sends one command.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        self.with(async |mut connection| command.query_async(&mut connection).await).await
    }

    /// Runs what needs a connection, and learns from how it went.
    pub async fn with<T, F>(&self, ask: F) -> Result<T, Away>
    where
        F: AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    {
        let Some(link) = self.link.load_full() else { return Err(Away::Down) };
        match ask(link.connection.clone()).await {
            Ok(answer) => {
                if link.missed.load(Ordering::Relaxed) != 0 {
                    link.missed.store(0, Ordering::Relaxed);
                }
                Ok(answer)
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                Err(self.failed(&link, error))
            }
        }
    }

    fn failed(&self, link: &Arc<Link>, error: RedisError) -> Away {
        if error.is_timeout() {
            if link.missed.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_MISSED {
                self.lose(link, &error);
            }
            return Away::Silent(error);
        }
        if error.is_unrecoverable_error() || error.is_io_error() {
            self.lose(link, &error);
            return Away::Silent(error);
        }
        // A replica stays one for this connection: another may lead to the new leader.
        if error.code() == Some("READONLY") {
            self.lose(link, &error);
        }
        Away::Refused(error)
    }

    /// Gives a connection up, unless another has taken its place already.
    fn lose(&self, link: &Arc<Link>, error: &RedisError) {
        let held = self.link.compare_and_swap(link, None);
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, link)) {
            tracing::warn!(%error, "Redis is away; this node goes on without it");
            self.lost.notify_one();
        }
    }

    /// Connects, and connects again whenever the connection is lost, until the stop.
    pub async fn keep(&self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            () = self.keep_on() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    async fn keep_on(&self) {
        let mut again = LOOK_AGAIN.0;
        loop {
            if self.is_up() {
                again = LOOK_AGAIN.0;
                if timeout(TRY_EVERY, self.lost.notified()).await.is_err() {
                    let _ = self.ask::<String>(&cmd("PING")).await;
                }
                continue;
            }
            if let Err(error) = self.connect().await {
                if !std::mem::replace(&mut *self.told.lock(), true) {
                    tracing::warn!(%error, "Redis (`redis.url`) cannot be reached; this node goes on without it");
                }
                sleep(again).await;
                again = (again * 2).min(LOOK_AGAIN.1);
            }
        }
    }

    /// Makes the connection that is used from now on, once Redis has answered over it.
    pub async fn connect(&self) -> Result<(), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.response_timeout));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await?;
        cmd("PING").query_async::<String>(&mut connection).await?;
        self.link.store(Some(Arc::new(Link { connection, missed: AtomicU32::new(0) })));
        *self.told.lock() = false;
        tracing::info!("Redis answers");
        Ok(())
    }

    /// A connection of its own that hears a channel.
    pub(super) async fn listen(&self, channel: &str) -> Result<redis::aio::PubSub, RedisError> {
        let listening = async {
            let mut heard = self.client.get_async_pubsub().await?;
            heard.subscribe(channel).await?;
            Ok(heard)
        };
        let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        timeout(self.connect_timeout, listening).await.map_err(late)?
    }
}
