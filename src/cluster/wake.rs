//! Wake-ups: a node that finds the control log or the ledger of consents moved tells the others, which then read it at
//! once instead of at their next poll.
//!
//! A message holds a position and nothing else: what changed is read from the database, so that a
//! message that is lost, forged, late or sent twice changes nothing but the time of a look.

use super::redis::{Away, Redis};
use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How soon a channel that was lost is listened to again.
const LISTEN_AGAIN: Duration = Duration::from_millis(250);
/// How long a channel may be silent before it is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(2);

/// Where it is told how far the control log is.
pub const CONTROL: &str = ":control";
/// Where it is told how far the ledger of consents is.
pub const CONSENT: &str = ":consent";

/// What has been heard of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// The latest position.
    pub position: i64,
    /// How often this node began to listen: what was said before it did, it may have missed.
    pub begun: u64,
}

/// The wake-ups of this node for one log.
#[derive(Debug)]
pub struct Wakes {
    redis: Arc<Redis>,
    channel: String,
    heard: watch::Sender<Heard>,
    tell: watch::Sender<i64>,
}

/// Tells every node a position of the control log from a process that is none of them.
pub async fn wake_all(redis: &Redis, position: i64) -> Result<(), Away> {
    redis.publish(&redis.name(CONTROL), position).await
}

impl Wakes {
    /// Wake-ups over a Redis, for the log that is told of at [`CONTROL`] or [`CONSENT`].
    #[must_use]
    pub fn new(redis: Arc<Redis>, log: &str) -> Self {
        let channel = redis.name(log);
        Self { redis, channel, heard: watch::Sender::default(), tell: watch::Sender::new(0) }
    }

    /// What is heard, now and from now on.
    #[must_use]
    pub fn heard(&self) -> watch::Receiver<Heard> {
        self.heard.subscribe()
    }

    /// Tells the other nodes a position that this node has found, unless it is what was told last. It waits
    /// for nothing: [`Wakes::run`] sends.
    pub fn tell(&self, position: i64) {
        // Not only what is further: a position that was forged, or of before a database was put back, would
        // silence this node until the log comes there.
        if position != self.heard.borrow().position {
            self.tell.send_if_modified(|told| std::mem::replace(told, position) != position);
        }
    }

    /// Listens and tells until the stop.
    pub async fn run(&self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            () = self.listen() => {}
            () = self.speak() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    async fn speak(&self) {
        let mut tell = self.tell.subscribe();
        // The sender lives as long as `self`.
        while tell.changed().await.is_ok() {
            let position = *tell.borrow_and_update();
            if let Err(error) = self.redis.publish(&self.channel, position).await {
                tracing::debug!(%error, "the other nodes could not be woken; they poll");
            }
        }
    }

    async fn listen(&self) {
        loop {
            match self.redis.listen(&self.channel).await {
                Ok(listening) => {
                    self.heard.send_modify(|heard| heard.begun += 1);
                    let (sink, stream) = listening.split();
                    self.hear(sink, stream).await;
                }
                Err(error) => tracing::debug!(%error, "wake-ups cannot be heard; this node polls"),
            }
            sleep(LISTEN_AGAIN).await;
        }
    }

    /// Takes in what is said until the connection is lost.
    async fn hear(&self, mut sink: PubSubSink, mut stream: PubSubStream) {
        loop {
            match timeout(SILENCE, stream.next()).await {
                Ok(Some(message)) => {
                    if let Ok(position) = message.get_payload::<i64>() {
                        self.heard.send_modify(|heard| heard.position = position);
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    let pong = timeout(self.redis.response_timeout(), sink.ping::<redis::Value>());
                    if !matches!(pong.await, Ok(Ok(_))) {
                        return;
                    }
                }
            }
        }
    }
}
