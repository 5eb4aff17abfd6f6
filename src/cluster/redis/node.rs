//! The connection to one server, shared by all that ask it.
//!
//! While it is away, nobody waits for it: who asks is told so at once, and the keeper looks for it again.
//! It counts as away when a connection breaks, and when three answers in a row have not come in time (one
//! that comes in between starts the count anew, so that a blip opens nothing).

use super::{Away, Means};
use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, RedisError,
    ScriptInvocation, cmd,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Answers in a row that may not come in time before a server counts as away.
const MOST_MISSED: u32 = 3;
/// How often a connection that nobody uses is tried.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How soon a server is looked for after it went away, and how seldom at least.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// A connection, and how many of its answers have not come since the last that did.
#[derive(Debug)]
struct Link {
    connection: MultiplexedConnection,
    missed: AtomicU32,
}

/// One server as this node reaches it.
#[derive(Debug)]
pub(super) struct Node {
    client: Client,
    means: Arc<Means>,
    link: ArcSwapOption<Link>,
    lost: Notify,
    /// Whether the log says already that it cannot be reached.
    told: AtomicBool,
}

impl Node {
    /// A server to which nothing is connected yet.
    pub(super) fn new(info: ConnectionInfo, means: &Arc<Means>) -> Result<Self, RedisError> {
        Ok(Self {
            client: Client::open(info)?,
            means: Arc::clone(means),
            link: ArcSwapOption::empty(),
            lost: Notify::new(),
            told: AtomicBool::new(false),
        })
    }

    /// Where it is, and how it is spoken to.
    pub(super) fn info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    /// Whether it answers, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        self.link.load().is_some()
    }

    /// Sends one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let link = self.link.load_full().ok_or(Away::Down)?;
        let answer = command.query_async(&mut link.connection.clone()).await;
        self.learn(&link, answer)
    }

    /// Runs a script, and gives it to the server first where that does not know it.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Away> {
        let link = self.link.load_full().ok_or(Away::Down)?;
        let answer = script.invoke_async(&mut link.connection.clone()).await;
        self.learn(&link, answer)
    }

    /// Learns from how a question went.
    fn learn<T>(&self, link: &Arc<Link>, answer: Result<T, RedisError>) -> Result<T, Away> {
        match answer {
            Ok(answer) => {
                if link.missed.load(Ordering::Relaxed) != 0 {
                    link.missed.store(0, Ordering::Relaxed);
                }
                Ok(answer)
            }
            Err(error) => {
                self.means.failures.fetch_add(1, Ordering::Relaxed);
                Err(self.failed(link, error))
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
        if is_of_replica(&error) {
            self.lose(link, &error);
        }
        Away::Refused(error)
    }

    /// Gives a connection up, unless another has taken its place already.
    fn lose(&self, link: &Arc<Link>, error: &RedisError) {
        let held = self.link.compare_and_swap(link, None);
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, link)) {
            let server = self.info().addr();
            tracing::warn!(%error, %server, "Redis is away; this node goes on without it");
            self.lost.notify_one();
        }
    }

    /// Connects, and connects again whenever the connection is lost.
    pub(super) async fn keep(&self) -> Infallible {
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
                if !self.told.swap(true, Ordering::Relaxed) {
                    let server = self.info().addr();
                    tracing::warn!(%error, %server, "Redis (`redis.url`) cannot be reached; this node goes on without it");
                }
                sleep(again).await;
                again = (again * 2).min(LOOK_AGAIN.1);
            }
        }
    }

    /// Makes the connection that is used from now on, and says so.
    pub(super) async fn connect(&self) -> Result<(), RedisError> {
        self.reach().await?;
        tracing::info!(server = %self.info().addr(), "Redis answers");
        Ok(())
    }

    /// Makes a connection, once the server has answered over it and takes writes.
    pub(super) async fn reach(&self) -> Result<(), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.means.connect_timeout))
            .set_response_timeout(Some(self.means.response_timeout));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await?;
        cmd("PING").query_async::<String>(&mut connection).await?;
        self.takes_writes(&mut connection).await?;
        self.link.store(Some(Arc::new(Link { connection, missed: AtomicU32::new(0) })));
        self.told.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the server is no replica: one that is would be connected to and given up with each call.
    async fn takes_writes(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let mut mark = cmd("SET");
        // Gone after a millisecond.
        mark.arg(format!("{}:mark", self.means.prefix)).arg("").arg("PX").arg(1);
        match mark.query_async::<()>(connection).await {
            Err(error) if is_of_replica(&error) || error.is_io_error() => Err(error),
            // One that is out of memory, or leads other slots than that of the mark, is told of by the calls.
            _ => Ok(()),
        }
    }

    /// A connection of its own that hears a channel.
    pub(super) async fn listen(&self, channel: &str) -> Result<redis::aio::PubSub, RedisError> {
        let listening = async {
            let mut heard = self.client.get_async_pubsub().await?;
            heard.subscribe(channel).await?;
            Ok(heard)
        };
        let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        timeout(self.means.connect_timeout, listening).await.map_err(late)?
    }
}

fn is_of_replica(error: &RedisError) -> bool {
    error.code() == Some("READONLY")
}
