//! Opens the parts of the program: database, pepper, keys, journal, read model, and what hangs on them.

use super::Comptoir;
use super::finish::Ledgerbook;
use super::portal;
use super::readiness::Readiness;
use crate::access::Scopes;
use crate::access::applications::{Links, Registration};
use crate::access::audit;
use crate::access::directory::Keyring;
use crate::access::mails::{Post, Sink, Smtp};
use crate::access::operation;
use crate::access::pepper::{Pepper, PepperError, check_pepper, known_fingerprint};
use crate::access::policy::Gate;
use crate::alerts::Alerts;
use crate::authz::events::PartnerEvents;
use crate::authz::http::{AuthzParts, AuthzState, Replays};
use crate::authz::signers::Signers;
use crate::billing::budgets::Watch;
use crate::billing::handoff::Handoffs;
use crate::catalog::DigitalLinks;
use crate::changes::Waits;
use crate::cluster::{Nodes, Redis};
use crate::config::{self, Config, DatabaseUrl, Durability, LimitBackend};
use crate::consent::follow::KnownConsents;
use crate::explain::api::Explainer;
use crate::exports;
use crate::feeds::out::{FeedsOut, Said};
use crate::feeds::sources::Sources;
use crate::hooks::Hooks;
use crate::kernel::id::{InstallationId, NodeId};
use crate::kernel::{Clock, Micros, base62};
use crate::limit::redis::{Mode, Shared};
use crate::limit::{Limiter, LocalLimiter};
use crate::metering::journal::{self, JournalOptions, next_epoch};
use crate::metering::{FoldReport, Folder, Journal, Quotas, runs};
use crate::mirror::{Mirror, Saved};
use crate::storage::{self, Db};
use crate::stores::postal_codes::PostalCodes;
use crate::telemetry::{AccessLog, Gauge, Metrics, Tally};
use anyhow::Context as _;
use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Opens the database of a configuration and brings its schema to this version.
pub async fn open_database(config: &Config) -> anyhow::Result<Db> {
    make_data_dir(&config.server.data_dir)?;
    let db = Db::connect(&config.database.url, config.database.max_connections)
        .await
        .context("the database (`database.url`) cannot be opened")?;
    db.migrate().await?;
    audit::anchor(&db, Clock::System.now()).await?;
    Ok(db)
}

/// The same where it is there already: a command that was called with a wrong directory makes no new one.
pub async fn find_database(config: &Config) -> anyhow::Result<Db> {
    let url = &config.database.url;
    let makes = "`comptoir migrate` makes a new one, and so does a first `comptoir serve`";
    if let DatabaseUrl::Sqlite(path) = url {
        anyhow::ensure!(
            path.exists(),
            "there is no database at {}: if it is elsewhere, name its directory in `server.data_dir`; {makes}",
            path.display()
        );
    }
    let look = Db::look(url).await.context("the database (`database.url`) cannot be opened")?;
    let schema = look.schema_version().await;
    look.close().await;
    anyhow::ensure!(
        schema? > 0,
        "the database (`database.url`) holds nothing of comptoir: if it is another, name it; {makes}"
    );
    open_database(config).await
}

/// The pepper of a configuration, checked against the one that the database was set up with.
pub async fn open_pepper(config: &Config, db: &Db) -> anyhow::Result<Arc<Pepper>> {
    let pepper = match &config.access.pepper {
        config::Pepper::Given(text) => {
            Pepper::from_hex(text.reveal()).context("`access.pepper` cannot be used")?
        }
        config::Pepper::Generated(path) => {
            if !path.exists() && known_fingerprint(db).await?.is_some() {
                return Err(PepperError::Missing(path.clone()).into());
            }
            Pepper::load_or_create(path)?
        }
    };
    check_pepper(db, &pepper).await?;
    Ok(Arc::new(pepper))
}

/// Where postal codes are, if the retailer has said so.
fn postal_codes(config: &Config) -> anyhow::Result<PostalCodes> {
    let Some(path) = &config.stores.postal_codes else { return Ok(PostalCodes::default()) };
    let loaded = PostalCodes::load(path);
    loaded.with_context(|| format!("stores.postal_codes: {}", path.display()))
}

/// A run of this node: its number, its journal where metering is on, and what an earlier one had left, which came
/// into the ledger.
async fn begin_run(
    config: &Config,
    (db, node): (&Db, NodeId),
    clock: &Clock,
) -> anyhow::Result<(u64, Option<Arc<Journal>>, FoldReport)> {
    let dir = config.server.data_dir.join(journal::DIR);
    std::fs::create_dir_all(&dir)?;
    let recovered = runs::recover(&dir, node, db, clock.now()).await?;
    tracing::info!(?recovered, "journal recovered");
    if !recovered.set_aside.is_empty() {
        tracing::error!(
            files = ?recovered.set_aside,
            "files of the journal are kept for a look, and earlier runs stay open: move them out of the directory, and \
             start this node again, or do `comptoir usage recover` while it is stopped"
        );
    }
    let epoch = next_epoch(&dir, runs::newest(db, node).await?)?;
    let journal = open_journal(&config.metering, &dir, node, epoch)?;
    if journal.is_some() {
        let synced = config.metering.durability == Durability::Power;
        runs::begin(db, (node, epoch), clock.now(), synced).await?;
    }
    Ok((epoch, journal, recovered))
}

impl Comptoir {
    /// Opens everything: database, keys, journal (with what a crash left in it), read model.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        check_access_log(&config.telemetry)?;
        let data_dir = config.server.data_dir.clone();
        let lock = lock_data_dir(&data_dir)?;
        let db = open_database(&config).await?;
        let pepper = open_pepper(&config, &db).await?;
        let bootstrap = crate::admin::bootstrap(&db, &pepper, clock.now()).await?;
        let node = storage::node_id(&data_dir)?;
        let (nodes, redis, keyring) = open_access(&config, (&db, &clock), pepper, node).await?;

        // Apart, for what it keeps meanwhile would be kept of the whole start.
        let (epoch, journal, recovered) = Box::pin(begin_run(&config, (&db, node), &clock)).await?;
        let folder = folder(&config.metering, &db, journal.as_ref());
        let quotas =
            open_quotas((&db, &keyring), (node, epoch), journal.as_ref(), clock.now()).await?;

        let (mirror, saved) = open_mirror(&config, &db, node).await?;
        let metrics = open_metrics(&recovered);
        let counted = (journal.clone(), Arc::clone(&keyring));
        let explainer = Explainer::new(keyring.pepper(), (&db, &clock));
        let run = (run_id(node, epoch), &clock);
        let book = Arc::new(ledgerbook(&config.limits, journal, run, (&metrics, explainer)));
        // All this may have taken longer than what was read of the keys holds.
        keyring.follow(&db, clock.now()).await?;
        let hooks = Arc::new(Hooks::new(&config.hooks, (&db, &clock, node), &mirror, counted)?);
        let opened = (&db, &clock, node);
        let alerts = open_alerts((&config, &hooks), opened, &keyring, quotas.is_some())?;
        let (consents, authz) = open_authz(&config, opened, (&keyring, &redis, &metrics)).await?;
        Ok(Self {
            portal: portal::open(&config, (&db, &clock), &keyring, &consents)?,
            gate: Arc::new(Gate::new(Arc::clone(&keyring), config.server.trusted_proxies.clone())),
            waits: Arc::new(Waits::new(&mirror)),
            handoffs: open_handoffs(&config, opened).await?,
            refused: Arc::default(),
            consents,
            authz,
            partner_events: open_events(&config, opened, keyring.pepper())?,
            readiness: Arc::new(Readiness::new(Arc::clone(&keyring), clock.now())),
            demo: db.setting("demo").await?.is_some(),
            registration: open_registration(&config, (&db, &clock), &keyring)?,
            post: Arc::new(open_post(&config, opened, &keyring)?),
            budgets: alerts.as_ref().map(|alerts| Watch::new((&db, &clock), alerts)).map(Arc::new),
            alerts,
            hooks,
            sources: Sources::new(&config.feeds, (&db, &clock, node.to_string()))?.map(Arc::new),
            exports: start_exports(&config, (&db, &clock)).await?,
            feeds: Arc::new(FeedsOut::new((&mirror, &clock), &data_dir, Said::of(&config))?),
            config: Arc::new(config),
            db,
            clock,
            node,
            nodes,
            redis,
            keyring,
            mirror,
            saved,
            folder,
            quotas,
            book,
            metrics,
            bootstrap,
            _lock: lock,
        })
    }
}

/// What this node knows of consents, and the authorization server, with the keys that it signs with.
async fn open_authz(
    config: &Config,
    (db, clock, _): (&Db, &Clock, NodeId),
    (keyring, redis, metrics): (&Arc<Keyring>, &Option<Arc<Redis>>, &Arc<Metrics>),
) -> anyhow::Result<(Arc<KnownConsents>, Arc<AuthzState>)> {
    let consents = Arc::<KnownConsents>::default();
    let state = AuthzState::new(AuthzParts {
        db: db.clone(),
        clock: clock.clone(),
        settings: config.customers.clone(),
        issuer: config.server.public_url.clone(),
        limits: config.oauth.clone(),
        pepper: Arc::clone(keyring.pepper()),
        consents: Arc::clone(&consents),
        replays: Replays::new(db.clone(), redis.clone(), Arc::clone(metrics)),
        metrics: Arc::clone(metrics),
    })?;
    if state.settings.is_on() {
        state.keys.look().await.context("the keys that sign tokens cannot be read")?;
    }
    Ok((consents, Arc::new(state)))
}

/// What tells partners of consents, and signs.
fn open_events(
    config: &Config,
    opened: (&Db, &Clock, NodeId),
    pepper: &Arc<Pepper>,
) -> anyhow::Result<Arc<PartnerEvents>> {
    let issuer = config.server.public_url.trim_end_matches('/');
    let signers = Signers::new(opened.0, pepper, config.customers.authz.access_ttl_s);
    let settings = (&config.hooks, &config.customers.events);
    Ok(Arc::new(PartnerEvents::new(opened, (signers, issuer), settings)?))
}

/// What hands usage off to other systems.
async fn open_handoffs(
    config: &Config,
    (db, clock, node): (&Db, &Clock, NodeId),
) -> anyhow::Result<Arc<Handoffs>> {
    let here = (node, installation(db).await?);
    Ok(Arc::new(Handoffs::new(config, (db, clock), here)?))
}

/// What writes the exports of the node with this configuration.
pub fn export_worker(config: &Config, db: &Db, clock: &Clock) -> anyhow::Result<exports::Worker> {
    let data_dir = &config.server.data_dir;
    let node = storage::node_id(data_dir)?;
    let settings = config.exports.clone();
    Ok(exports::Worker::new(db.clone(), clock.clone(), data_dir, node, settings))
}

/// What takes applications in, where anybody may apply.
fn open_registration(
    config: &Config,
    (db, clock): (&Db, &Clock),
    keyring: &Keyring,
) -> anyhow::Result<Option<Arc<Registration>>> {
    let settings = &config.registration;
    let withheld =
        Scopes::guarded(&config.admin).context("`admin.guarded_scopes` cannot be used")?;
    let open = || {
        let with = (settings, links(config, keyring));
        Registration::new((db, clock), keyring.pepper(), with, withheld)
    };
    Ok(settings.enabled.then(|| Arc::new(open())))
}

/// What sends mails.
fn open_post(
    config: &Config,
    (db, clock, node): (&Db, &Clock, NodeId),
    keyring: &Keyring,
) -> anyhow::Result<Post> {
    let from = &config.mail.from;
    let sink = match &config.mail.smtp {
        None => Sink::Files(config.server.data_dir.join("outbox")),
        Some(smtp) => {
            let smtp = Smtp::new(smtp, from).context("`mail.smtp` cannot be used")?;
            Sink::Smtp(Box::new(smtp))
        }
    };
    Ok(Post::new((db, clock), node.to_string(), links(config, keyring), (from.clone(), sink)))
}

/// The links in mails about applications.
fn links(config: &Config, keyring: &Keyring) -> Links {
    let (base, hours) = (&config.server.public_url, config.registration.link_hours);
    Links::new(keyring.pepper(), base, hours).in_zone(&config.mail.time_zone)
}

/// What looks after usage, where it is metered.
fn open_alerts(
    from: (&Config, &Arc<Hooks>),
    opened: (&Db, &Clock, NodeId),
    keyring: &Arc<Keyring>,
    metered: bool,
) -> anyhow::Result<Option<Arc<Alerts>>> {
    let open = || anyhow::Ok(Arc::new(Alerts::new(from, opened, keyring)?));
    metered.then(open).transpose()
}

/// This node among the others, the Redis that they share, and the keys.
async fn open_access(
    config: &Config,
    (db, clock): (&Db, &Clock),
    pepper: Arc<Pepper>,
    node: NodeId,
) -> anyhow::Result<(Arc<Nodes>, Option<Arc<Redis>>, Arc<Keyring>)> {
    let nodes = Arc::new(Nodes::new(node));
    let redis = open_redis(config, installation(db).await?).await?;
    let limiter = limiter(&config.limits, redis.as_ref(), &nodes)?;
    let keyring = Arc::new(Keyring::new(
        limiter,
        pepper,
        config.access.stale_after,
        config.access.max_clock_skew,
    ));
    keyring.follow(db, clock.now()).await?;
    Ok((nodes, redis, keyring))
}

/// The loaded mirror, and what this node keeps of it: nothing where the settings say so.
async fn open_mirror(
    config: &Config,
    db: &Db,
    node: NodeId,
) -> anyhow::Result<(Arc<Mirror>, Option<Arc<Saved>>)> {
    let links = DigitalLinks::below(&config.server.public_url);
    let mirror = Arc::new(Mirror::new(postal_codes(config)?, links));
    let folder = config.server.data_dir.join("mirror");
    let saves = !config.catalog.save_every.is_zero();
    let saved = saves.then(|| Arc::new(Saved::new(folder, node.to_string())));
    mirror.load(db, saved.as_deref()).await?;
    Ok((mirror, saved))
}

/// What holds callers to their limits.
fn limiter(
    settings: &config::Limits,
    redis: Option<&Arc<Redis>>,
    nodes: &Arc<Nodes>,
) -> anyhow::Result<Limiter> {
    let mode = match settings.backend {
        LimitBackend::Local => return Ok(Limiter::Local(LocalLimiter::default())),
        LimitBackend::Strict => Mode::Strict,
        LimitBackend::Leased => Mode::Leased { most: settings.lease },
    };
    let redis = redis.context("`limits.backend` needs `redis.url`")?;
    let run = base62::encode(getrandom::u64()?, base62::U64_WIDTH);
    Ok(Limiter::Shared(Shared::new(Arc::clone(redis), Arc::clone(nodes), mode, run)))
}

/// The setting in the database that says what all nodes on it are together.
const INSTALLATION: &str = "installation";

fn read_installation(known: &str) -> anyhow::Result<InstallationId> {
    known
        .parse()
        .map_err(|error| anyhow::anyhow!("the setting `{INSTALLATION}` in the database: {error}"))
}

/// What all nodes on this database are together; none where there was no node yet.
pub async fn known_installation(db: &Db) -> anyhow::Result<Option<InstallationId>> {
    db.setting(INSTALLATION).await?.as_deref().map(read_installation).transpose()
}

/// The same, made by the first of them.
async fn installation(db: &Db) -> anyhow::Result<InstallationId> {
    if let Some(known) = known_installation(db).await? {
        return Ok(known);
    }
    let mut tx = db.begin().await?;
    let known = tx.setting_or(INSTALLATION, &InstallationId::random()?.to_string()).await?;
    tx.commit().await?;
    read_installation(&known)
}

/// The Redis of a configuration, if it names one. That it is away keeps no node from starting.
async fn open_redis(
    config: &Config,
    installation: InstallationId,
) -> anyhow::Result<Option<Arc<Redis>>> {
    let redis = Redis::new(&config.redis, installation)?;
    if let Some(redis) = &redis
        && let Err(error) = redis.connect().await
    {
        tracing::warn!(%error, "Redis (`redis.url`) cannot be reached; this node starts without it");
    }
    Ok(redis)
}

/// The quotas of this run, begun with what the ledger has; none where metering is off.
async fn open_quotas(
    (db, keyring): (&Db, &Arc<Keyring>),
    (node, epoch): (NodeId, u64),
    journal: Option<&Arc<Journal>>,
    now: Micros,
) -> anyhow::Result<Option<Arc<Quotas>>> {
    if journal.is_none() {
        return Ok(None);
    }
    let quotas = Quotas::new(db.clone(), Arc::clone(keyring), node, epoch);
    quotas.round(now).await.context("the quotas cannot be read from the ledger")?;
    Ok(Some(Arc::new(quotas)))
}

/// The journal of this run; none where metering is off.
fn open_journal(
    settings: &config::Metering,
    dir: &Path,
    node: NodeId,
    epoch: u64,
) -> anyhow::Result<Option<Arc<Journal>>> {
    if settings.durability == Durability::Off {
        tracing::warn!(
            "metering is off (`metering.durability`): no call is recorded and none is billed"
        );
        return Ok(None);
    }
    let options = JournalOptions {
        records_per_segment: settings.segment_records,
        max_backlog_segments: settings.max_backlog_segments as usize,
        synced: settings.durability == Durability::Power,
    };
    let journal = Journal::open(dir, node, epoch, options)
        .with_context(|| format!("the journal in {} cannot be opened", dir.display()))?;
    Ok(Some(Arc::new(journal)))
}

/// What folds the journal into the ledger, where there is one.
fn folder(
    settings: &config::Metering,
    db: &Db,
    journal: Option<&Arc<Journal>>,
) -> Option<Arc<Folder>> {
    let timeout = settings.completion_timeout;
    journal.map(|journal| Arc::new(Folder::new(db.clone(), Arc::clone(journal), timeout)))
}

/// What records the calls of a run.
fn ledgerbook(
    settings: &config::Limits,
    journal: Option<Arc<Journal>>,
    (run_id, clock): (String, &Clock),
    (metrics, explainer): (&Arc<Metrics>, Explainer),
) -> Ledgerbook {
    Ledgerbook {
        journal,
        run_id,
        explainer: Arc::new(explainer),
        metrics: Arc::clone(metrics),
        clock: clock.clone(),
        unmetered: AtomicU64::new(0),
        with_x_ratelimit: settings.x_ratelimit_headers,
    }
}

/// Names a run of a node.
fn run_id(node: NodeId, epoch: u64) -> String {
    format!("{}.{epoch}", base62::encode(node.0, base62::U64_WIDTH))
}

/// What writes exports, once it has taken up what an earlier run has left.
async fn start_exports(
    config: &Config,
    (db, clock): (&Db, &Clock),
) -> anyhow::Result<Arc<exports::Worker>> {
    let exports = Arc::new(export_worker(config, db, clock)?);
    exports.start().await?;
    Ok(exports)
}

/// The counts for operators, with what a start has found in the journal.
fn open_metrics(found: &FoldReport) -> Arc<Metrics> {
    let metrics = Arc::new(Metrics::new(&operation_ids()));
    let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    metrics.add(Tally::EventsFolded, found.events);
    metrics.set_gauge(Gauge::RecoveredUnconfirmed, gauge(found.unconfirmed));
    metrics.set_gauge(Gauge::RecoveredMissing, gauge(found.missing));
    metrics
}

/// The operations by their ledger code, as the metrics count them.
fn operation_ids() -> Vec<(u16, &'static str)> {
    operation::OPERATIONS.iter().map(|operation| (operation.code, operation.id)).collect()
}

/// Makes the data directory where it is not there yet. What it will hold is its owner's alone.
fn make_data_dir(data_dir: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.with_context(|| {
        format!("the data directory {} (`server.data_dir`) cannot be made", data_dir.display())
    })
}

/// Takes the data directory for this process alone, for as long as the file is held.
pub fn lock_data_dir(data_dir: &Path) -> anyhow::Result<File> {
    make_data_dir(data_dir)?;
    let path = data_dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.with_context(|| format!("{} cannot be made", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another comptoir is running on {}; stop it, or choose another data directory",
            data_dir.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

/// Says early what would keep the workers from writing the access log.
fn check_access_log(settings: &config::Telemetry) -> anyhow::Result<()> {
    AccessLog::open(settings).map(drop).with_context(|| match &settings.access_log {
        config::AccessLog::File(path) => format!(
            "the access log {} (`telemetry.access_log`) cannot be opened; set another path, or let \
             this user write there",
            path.display()
        ),
        config::AccessLog::Off | config::AccessLog::Stdout => {
            "the access log (`telemetry.access_log`) cannot be opened".to_owned()
        }
    })
}
