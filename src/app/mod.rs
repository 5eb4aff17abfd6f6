//! The program put together: what is opened, what is mounted where, what runs beside the calls, and
//! how it stops without losing anything.

mod admin;
mod finish;
mod front;
pub mod openapi;
mod public;
mod readiness;
mod tasks;

use crate::access::directory::Keyring;
use crate::access::operation;
use crate::access::pepper::{Pepper, check_pepper};
use crate::access::policy::Gate;
use crate::config::{self, Config};
use crate::kernel::secret::Secret;
use crate::kernel::{Clock, base62};
use crate::limit::{Limiter, LocalLimiter};
use crate::metering::journal::{JournalOptions, Keeper, next_epoch};
use crate::metering::{self, Folder, Journal};
use crate::mirror::Mirror;
use crate::storage::{self, Db};
use crate::telemetry::Metrics;
use anyhow::Context as _;
use finish::Ledgerbook;
use readiness::Readiness;
use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Everything open and loaded, ready to serve.
#[derive(Debug)]
pub struct Comptoir {
    config: Arc<Config>,
    db: Db,
    clock: Clock,
    keyring: Arc<Keyring>,
    gate: Arc<Gate>,
    mirror: Arc<Mirror>,
    folder: Arc<Folder>,
    book: Arc<Ledgerbook>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    bootstrap: Option<Secret>,
    demo: bool,
    /// Held so that no second process works in the same data directory.
    _lock: File,
}

/// Where a running Comptoir listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Partners.
    pub public: SocketAddr,
    /// Admins and operators.
    pub admin: SocketAddr,
}

/// Makes a directory for its owner alone: customers' data and key hashes lie in it.
fn private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Opens the database of a configuration and brings its schema to this version.
pub async fn open_database(config: &Config) -> anyhow::Result<Db> {
    let data_dir = &config.server.data_dir;
    private_dir(data_dir)
        .with_context(|| format!("the data directory {} cannot be made", data_dir.display()))?;
    let db = Db::connect(&config.database.url, config.database.max_connections)
        .await
        .context("the database (`database.url`) cannot be opened")?;
    db.migrate().await?;
    Ok(db)
}

/// The pepper of a configuration, checked against the one that the database was set up with.
pub async fn open_pepper(config: &Config, db: &Db) -> anyhow::Result<Arc<Pepper>> {
    let pepper = match &config.access.pepper {
        config::Pepper::Given(text) => {
            Pepper::from_hex(text.reveal()).context("`access.pepper` cannot be used")?
        }
        config::Pepper::Generated(path) => Pepper::load_or_create(path)?,
    };
    check_pepper(db, &pepper).await?;
    Ok(Arc::new(pepper))
}

impl Comptoir {
    /// Opens everything: database, keys, journal (with what a crash left in it), read model.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let db = open_database(&config).await?;
        let data_dir = config.server.data_dir.clone();
        let lock = lock_data_dir(&data_dir)?;
        let pepper = open_pepper(&config, &db).await?;
        let bootstrap = crate::admin::bootstrap(&db, &pepper, clock.now()).await?;
        let limiter = Limiter::Local(LocalLimiter::default());
        let keyring = Arc::new(Keyring::new(limiter, pepper));
        keyring.follow(&db).await?;
        let gate = Arc::new(Gate::new(Arc::clone(&keyring), config.server.trusted_proxies.clone()));

        let node = storage::node_id(&data_dir)?;
        let journal_dir = data_dir.join("journal");
        std::fs::create_dir_all(&journal_dir)?;
        let recovered = metering::recover(&journal_dir, &db, clock.now()).await?;
        tracing::info!(?recovered, "journal recovered");
        let epoch = next_epoch(&journal_dir)?;
        let options = JournalOptions {
            records_per_segment: config.metering.segment_records,
            max_backlog_segments: config.metering.max_backlog_segments as usize,
        };
        let journal =
            Arc::new(Journal::open(&journal_dir, node, epoch, options).with_context(|| {
                format!("the journal in {} cannot be opened", journal_dir.display())
            })?);
        let folder = Arc::new(Folder::new(
            db.clone(),
            Arc::clone(&journal),
            config.metering.completion_timeout,
        ));

        let mirror = Arc::new(Mirror::default());
        mirror.load(&db).await?;
        let metrics = Arc::new(Metrics::new(&operation_ids()));
        let book = Arc::new(Ledgerbook {
            journal,
            run_id: format!("{}.{epoch}", base62::encode(node.0, base62::U64_WIDTH)),
            metrics: Arc::clone(&metrics),
            clock: clock.clone(),
            unmetered: AtomicU64::new(0),
        });
        let readiness = Arc::new(Readiness::new(clock.now()));
        let demo = db.setting("demo").await?.is_some();
        let config = Arc::new(config);
        Ok(Self {
            config,
            db,
            clock,
            keyring,
            gate,
            mirror,
            folder,
            book,
            metrics,
            readiness,
            bootstrap,
            demo,
            _lock: lock,
        })
    }

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
        let (public, public_at) = public::server(&self)?;
        let keeper =
            Keeper::start(Arc::clone(&self.book.journal), self.config.metering.sync_interval)?;
        let (tasks, reload) = tasks::start(&self);
        let (admin, admin_at) = admin::server(&self, reload)?;
        let (public_handle, admin_handle) = (public.handle(), admin.handle());
        let servers = tokio::spawn(async move { tokio::try_join!(public, admin) });
        self.readiness.serving();
        ready(Addresses { public: public_at, admin: admin_at });
        stop.await;
        tracing::info!("stopping: no new calls, finishing those under way");
        self.readiness.stopping();
        public_handle.stop(true).await;
        tasks.stop().await;
        self.folder.drain(self.clock.now()).await.context("the last events were not folded; they stay in the journal and are folded at the next start")?;
        drop(keeper);
        admin_handle.stop(true).await;
        servers.await??;
        self.db.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The operations by their ledger code, as the metrics count them.
fn operation_ids() -> Vec<&'static str> {
    operation::OPERATIONS.iter().map(|operation| operation.id).collect()
}

/// Takes the data directory for this process alone.
fn lock_data_dir(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "another comptoir is running on {}; stop it, or set another `server.data_dir`",
            data_dir.display()
        )
    })?;
    Ok(file)
}

/// A listening socket with the backlog of a busy server.
fn listen(at: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let socket = if at.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(at).with_context(|| format!("cannot listen on {at}"))?;
    Ok(socket.listen(1024)?.into_std()?)
}
