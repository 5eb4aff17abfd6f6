//! The program put together: what is opened, what is mounted where, what runs beside the calls, and
//! how it stops without losing anything.

mod admin;
mod call_id;
mod connection;
mod consents;
mod control;
mod crowd;
pub mod descriptors;
mod evidence;
mod finish;
mod front;
mod metered;
mod noted;
mod open;
pub mod openapi;
mod portal;
mod public;
mod rate_limit;
mod readiness;
mod request_cost;
mod shield;
mod supervise;
mod tasks;

use crate::access::applications::Registration;
use crate::access::directory::Keyring;
use crate::access::mails::Post;
use crate::access::policy::Gate;
use crate::admin::refused::Refused;
use crate::alerts::Alerts;
use crate::authz::events::PartnerEvents;
use crate::authz::http::AuthzState;
use crate::billing::budgets::Watch;
use crate::billing::handoff::Handoffs;
use crate::changes::Waits;
use crate::cluster::{Nodes, Redis};
use crate::config::Config;
use crate::consent::follow::KnownConsents;
use crate::exports;
use crate::feeds::out::FeedsOut;
use crate::feeds::sources::Sources;
use crate::hooks::Hooks;
use crate::kernel::Clock;
use crate::kernel::id::NodeId;
use crate::kernel::secret::Secret;
use crate::metering::journal::Keeper;
use crate::metering::{Folder, Quotas};
use crate::mirror::{Mirror, Saved};
use crate::portal::Portal;
use crate::storage::{Db, StoreError};
use crate::telemetry::Metrics;
use anyhow::Context as _;
use finish::Ledgerbook;
pub use open::{
    export_worker, find_database, known_installation, lock_data_dir, open_database, open_pepper,
};
use readiness::Readiness;
use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The settings that name the listeners.
const PUBLIC_LISTEN: &str = "server.public_listen";
/// The same for the admin listener.
const ADMIN_LISTEN: &str = "server.admin_listen";

/// Everything open and loaded, ready to serve.
#[derive(Debug)]
pub struct Comptoir {
    config: Arc<Config>,
    db: Db,
    clock: Clock,
    node: NodeId,
    nodes: Arc<Nodes>,
    /// None where the settings name none.
    redis: Option<Arc<Redis>>,
    keyring: Arc<Keyring>,
    consents: Arc<KnownConsents>,
    authz: Arc<AuthzState>,
    partner_events: Arc<PartnerEvents>,
    gate: Arc<Gate>,
    mirror: Arc<Mirror>,
    /// None where the mirror is not saved.
    saved: Option<Arc<Saved>>,
    exports: Arc<exports::Worker>,
    hooks: Arc<Hooks>,
    sources: Option<Arc<Sources>>,
    feeds: Arc<FeedsOut>,
    waits: Arc<Waits>,
    /// None where there is nothing about customers.
    portal: Option<Arc<Portal>>,
    /// None where nobody may apply.
    registration: Option<Arc<Registration>>,
    post: Arc<Post>,
    /// None where metering is off: then nobody knows what was used.
    alerts: Option<Arc<Alerts>>,
    handoffs: Arc<Handoffs>,
    budgets: Option<Arc<Watch>>,
    /// None where metering is off.
    folder: Option<Arc<Folder>>,
    /// None where metering is off: then quotas count what this process serves.
    quotas: Option<Arc<Quotas>>,
    book: Arc<Ledgerbook>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    /// Who was refused what on the admin listener.
    refused: Arc<Refused>,
    bootstrap: Option<Secret>,
    demo: bool,
    /// Held so that no second process works in the same data directory.
    _lock: File,
}

/// How long a stop waits for a database that does not answer, and may just be started anew.
const RETURN_PATIENCE: Duration = Duration::from_secs(5);
/// How long a stop waits for what the database is to do, twice at most.
const DATABASE_PATIENCE: Duration = Duration::from_secs(15);
/// The same where it has not come back: nothing is to be expected then.
const AWAY_PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries of a stop to reach the database.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How long a stop waits for what it saves.
const SAVE_PATIENCE: Duration = Duration::from_secs(60);

/// Where a running Comptoir listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Partners.
    pub public: SocketAddr,
    /// Admins and operators.
    pub admin: SocketAddr,
}

impl Comptoir {
    /// The first admin token, when this start has made it. Show it once.
    pub fn take_bootstrap_token(&mut self) -> Option<Secret> {
        self.bootstrap.take()
    }

    /// Serves until `stop` resolves, then finishes the calls under way and folds their events into
    /// the ledger. `ready` is told the addresses once calls are taken.
    pub async fn serve(
        self,
        ready: impl FnOnce(Addresses),
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let (reload, asked) = tokio::sync::mpsc::channel(16);
        let (public, public_at) = public::server(&self, &reload)?;
        self.nodes.listens_at(public_at);
        let interval = self.config.metering.sync_interval;
        let keeper = self.book.journal.clone().map(|journal| Keeper::start(journal, interval));
        let mut keeper = keeper.transpose()?;
        let mut tasks = tasks::start(&self, asked);
        let (admin, admin_at, mut writing) = admin::server(&self, reload)?;
        let (public_handle, admin_handle) = (public.handle(), admin.handle());
        let mut servers = tokio::spawn(async move { tokio::try_join!(public, admin) });
        let run = async {
            tokio::try_join!(answers(public_at), answers(admin_at))
                .context("the listeners do not answer")?;
            self.readiness.serving();
            ready(Addresses { public: public_at, admin: admin_at });
            stop.await;
            self.readiness.stopping();
            self.drain().await;
            anyhow::Ok(())
        };
        let keeper_failed = async {
            match &mut keeper {
                Some(keeper) => keeper.failed().await,
                None => std::future::pending().await,
            }
        };
        let failure = tokio::select! {
            run = run => run.map(|()| None)?,
            ended = &mut servers => {
                ended??;
                anyhow::bail!("the listeners have stopped by themselves");
            }
            failure = tasks.failed() => Some(failure),
            ended = &mut writing => Some(supervise::failure(ended)),
            () = keeper_failed => Some(anyhow::anyhow!("what writes the journal has failed")),
        };
        self.readiness.stopping();
        if let Some(failure) = &failure {
            let error = format!("{failure:#}");
            tracing::error!(error, "this node can answer no longer and stops; start it again");
        }
        tracing::info!("stopping: no new calls, finishing those under way");
        self.waits.close();
        public_handle.stop(true).await;
        // A database that hangs keeps no program from stopping: what is cut off is rolled back.
        let patience = self.patience().await;
        let is_there = patience == DATABASE_PATIENCE;
        let _ = timeout(patience, async { tokio::join!(tasks.stop(), self.hooks.stop()) }).await;
        // What a failed task has left of the mirror may be half of a change.
        if let Some(saved) = self.saved.as_ref().filter(|_| failure.is_none() && is_there) {
            let _ = timeout(SAVE_PATIENCE, tasks::save_mirror(saved, &self.mirror, &self.db)).await;
        }
        let folded = self.fold_rest(patience).await;
        drop(keeper);
        admin_handle.stop(is_there).await;
        servers.await??;
        self.tell_refused(patience).await;
        let _ = timeout(patience, self.db.close()).await;
        tracing::info!("stopped");
        failure.map_or(folded, Err)
    }

    /// Takes calls for a moment more: who balances them has to see that this node is not ready, and who keeps
    /// connections that they end.
    async fn drain(&self) {
        let moment = self.config.server.drain;
        if !moment.is_zero() {
            tracing::info!("stopping soon: answering the calls that still come");
            sleep(moment).await;
        }
    }

    /// How long the rest of a stop waits for the database. One that is away is waited for here, since all that is
    /// left to do needs it.
    async fn patience(&self) -> Duration {
        let Err(error) = self.db.answers(AWAY_PATIENCE).await else { return DATABASE_PATIENCE };
        let most_s = RETURN_PATIENCE.as_secs();
        tracing::warn!(%error, most_s, "the database does not answer: this stop waits for it");
        let back = async {
            while self.db.answers(AWAY_PATIENCE).await.is_err() {
                sleep(AGAIN_AFTER).await;
            }
        };
        if timeout(RETURN_PATIENCE, back).await.is_ok() {
            return DATABASE_PATIENCE;
        }
        tracing::error!("the database has not come back: this node stops without it");
        AWAY_PATIENCE
    }

    /// Writes down how many refusals are not in the audit log yet.
    async fn tell_refused(&self, patience: Duration) {
        let told = timeout(patience, self.refused.tell_rest(&self.db, self.clock.now())).await;
        if let Err(error) = told.unwrap_or_else(|_| Err(StoreError::late())) {
            tracing::warn!(%error, "how often admins were refused of late is not in the audit log");
        }
    }

    /// Folds what is left in the journal; again, where the database goes away meanwhile. What cannot be folded in time is
    /// told, and stays: so the run stays open until the next start has folded it.
    async fn fold_rest(&self, patience: Duration) -> anyhow::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut last = None;
        let drained = timeout(patience, async {
            loop {
                match folder.drain(self.clock.now()).await {
                    Err(error) if error.may_pass() => last = Some(error),
                    drained => return drained,
                }
                sleep(AGAIN_AFTER).await;
            }
        });
        let drained = match (drained.await, last) {
            (Ok(drained), _) => drained.map(drop).map_err(anyhow::Error::from),
            (Err(_), Some(error)) => Err(error.into()),
            (Err(late), None) => Err(late.into()),
        };
        let folded = drained.context(
            "the last events were not folded; they stay in the journal and are folded at the next start",
        );
        if let Err(error) = &folded {
            tracing::error!("{error:#}");
        }
        folded
    }
}

/// Says early what would keep the listeners from opening.
pub fn check_listeners(config: &Config) -> anyhow::Result<()> {
    listen(config.server.public_listen, PUBLIC_LISTEN)?;
    listen(config.server.admin_listen, ADMIN_LISTEN)?;
    Ok(())
}

/// Resolves when a listener answers a call.
async fn answers(at: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(b"GET /openapi HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    stream.read_u8().await.map(|_| ())
}

/// A listening socket with the backlog of a busy server.
fn listen(at: SocketAddr, setting: &str) -> anyhow::Result<std::net::TcpListener> {
    let socket = if at.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    let listener = socket.bind(at).and_then(|()| socket.listen(1024));
    let listener = listener.with_context(|| {
        format!("cannot listen on {at}: free it, or set another address as `{setting}`")
    })?;
    Ok(listener.into_std()?)
}

#[cfg(test)]
mod tests;
