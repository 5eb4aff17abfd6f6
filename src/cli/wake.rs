//! Wakes the running nodes where a command has changed what they follow, so that they need not find it by polling.

use super::speak::remark;
use crate::app::known_installation;
use crate::cluster::Redis;
use crate::cluster::wake::wake_all;
use crate::config::Config;
use crate::storage::{Db, Log, log};
use anyhow::Context as _;

/// The control log as it was before a command.
pub(super) struct Before {
    db: Db,
    position: i64,
}

impl Before {
    /// None where there is no Redis to wake nodes through, and where the database cannot be looked at: the command
    /// itself says so.
    pub(super) async fn of(config: &Config) -> Option<Self> {
        config.redis.url.as_ref()?;
        let db = Db::look(&config.database.url).await.ok()?;
        let position = log::head(&db, Log::Control).await.ok()?;
        Some(Self { db, position })
    }

    /// Wakes the nodes if the log has moved since, whether or not the command has done all that it was to do.
    /// Where they cannot be woken, the change holds all the same.
    pub(super) async fn wake(self, config: &Config) {
        if let Err(error) = self.try_to_wake(config).await {
            let poll_ms = config.access.control_poll.as_millis();
            remark(format!(
                "note: the running nodes could not be told through Redis; they find the change within {poll_ms} ms \
                 ({error:#})"
            ));
        }
        self.db.close().await;
    }

    async fn try_to_wake(&self, config: &Config) -> anyhow::Result<()> {
        let position = log::head(&self.db, Log::Control).await?;
        if position == self.position {
            return Ok(());
        }
        // Where there was no node yet, nobody waits.
        let Some(installation) = known_installation(&self.db).await? else { return Ok(()) };
        let Some(redis) = Redis::new(&config.redis, installation)? else { return Ok(()) };
        redis.connect().await.context("Redis (`redis.url`) cannot be reached")?;
        Ok(wake_all(&redis, position).await?)
    }
}
