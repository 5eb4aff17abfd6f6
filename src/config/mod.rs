//! Settings: `config/default.toml`, compiled in, under a file, under the environment.
//!
//! [`Config::load`] reads each setting once, by the type that says what is allowed, and reports all
//! problems together with where each value came from. A `Config` that exists can be served with.

mod admin;
mod alerts;
mod customer_source;
mod customers;
mod handoff;
mod layers;
mod leaks;
mod mail;
mod object_storage;
mod problem;
mod secrets;
mod setting;
mod show;
mod values;

pub use admin::{Admin, FourEyes, Mapping, Oidc, ROLES, ScopePattern, SecondFactor, is_protected};
pub use alerts::{AlertWebhook, Alerts, ContactRole};
pub use customer_source::CustomerSystem;
pub use customers::{
    AuthzMode, AuthzSettings, CONSENT_DAYS_MOST, ConsentSettings, ControllerSettings, CustomersUse,
    Deployment, EventSettings, ExternalIssuer, IdpSettings, LoginSettings, LogoutReach, NonceUse,
    RetentionSettings, SecurityProfile, SettingFault, TokenSettings,
};
pub use handoff::{BillingSystem, ChargeMeter, EventReceiver, Handoff};
pub use leaks::{LeakAction, Leaks, ReporterKeys};
pub use mail::{Mail, Smtp, SmtpTls};
pub use object_storage::{Credentials, ObjectStorage};
pub use problem::{Problem, Problems};
pub use secrets::{Access, Database, DatabaseUrl, Pepper, Redis, RedisAt};
pub use values::{AccessLog, Durability, LimitBackend, LogFormat, LogLevel, Origin};

use crate::kernel::SearchLanguage;
use crate::kernel::in_store::Pattern;
use crate::kernel::language::LanguageTag;
use admin::Text;
use ipnet::IpNet;
use layers::Layers;
use setting::{Millis, Seconds, Within};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use values::{
    BaseUrl, DailyAt, Delays, DirPath, FilePath, Letterhead, LoyaltyProgram, TimeOfDay, Zone,
};

/// The defaults, with an explanation of every key.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Most threads that answer calls: the server takes no more.
pub const MOST_WORKERS: u32 = 512;

/// Declares the settings of a section: field, its type, its key, and the type that parses it.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident [$section:literal] {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal as $parse:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// Reads every key before giving up, so that all problems are found.
            fn read(layers: &mut Layers) -> Option<Self> {
                $(let $field = layers.take::<$parse>(concat!($section, ".", $key));)*
                Some(Self { $($field: $field?.into(),)* })
            }
        }
    };
}

section! {
    /// Listeners and connections.
    Server ["server"] {
        /// Where the partner API listens.
        public_listen: SocketAddr = "public_listen" as SocketAddr,
        /// Where the admin API and the operator's endpoints listen.
        admin_listen: SocketAddr = "admin_listen" as SocketAddr,
        /// How partners reach the partner API, without a slash at the end.
        public_url: String = "public_url" as BaseUrl,
        /// Threads that answer calls; 0 is one for each core.
        workers: u32 = "workers" as Within<0, MOST_WORKERS>,
        /// Directory for everything this node keeps.
        data_dir: PathBuf = "data_dir" as DirPath,
        /// Proxies whose `X-Forwarded-For` is believed.
        trusted_proxies: Vec<IpNet> = "trusted_proxies" as Vec<IpNet>,
        /// Largest body of a request, in bytes.
        max_body_bytes: u32 = "max_body_bytes" as Within<1_024, 1_073_741_824>,
        /// Time for which calls are still taken when the program is told to stop.
        drain: Duration = "drain_s" as Seconds<0, 300>,
        /// Time for calls under way when the program is told to stop.
        shutdown_timeout: Duration = "shutdown_timeout_s" as Seconds<0, 3_600>,
        /// Time for which an idle connection is kept open.
        keep_alive: Duration = "keep_alive_s" as Seconds<1, 3_600>,
        /// Time in which a client has to send the head of a request.
        request_timeout: Duration = "request_timeout_s" as Seconds<1, 300>,
        /// Time for which a body may keep the server waiting; what comes of it prolongs it.
        body_timeout: Duration = "body_timeout_s" as Seconds<1, 3_600>,
        /// Bytes of a body that prolong it by a second.
        body_least_rate: u32 = "body_least_rate" as Within<1, 1_048_576>,
        /// Time for which a stream of levels may send nothing.
        stream_silence: Duration = "stream_silence_s" as Seconds<1, 86_400>,
        /// Most connections to the partner API at a time; 0 is what the limit of open files leaves.
        max_connections: u32 = "max_connections" as Within<0, 1_000_000>,
        /// Most of them from one address; 0 is any.
        max_connections_per_address: u32 = "max_connections_per_address" as Within<0, 1_000_000>,
        /// Origins whose pages may call the partner API; `*` is every origin.
        cors_origins: Vec<Origin> = "cors_origins" as Vec<Origin>,
    }
}

section! {
    /// The read model of the catalog.
    Catalog ["catalog"] {
        /// Time between looks for changed catalog data.
        change_poll: Duration = "change_poll_ms" as Millis<10, 60_000>,
        /// Time between looks for changed stock levels.
        stock_poll: Duration = "stock_poll_ms" as Millis<10, 60_000>,
        /// Time between savings of the mirror; zero for none.
        save_every: Duration = "save_s" as Seconds<0, 86_400>,
        /// The language of texts in feeds that stand outside `translations`.
        language: LanguageTag = "language" as LanguageTag,
        /// How the retailer's in-store codes are read.
        in_store_codes: Vec<Pattern> = "in_store_codes" as Vec<Pattern>,
    }
}

section! {
    /// Full-text search.
    Search ["search"] {
        /// The languages whose endings are known.
        languages: Vec<SearchLanguage> = "languages" as Vec<SearchLanguage>,
    }
}

section! {
    /// Stores.
    Stores ["stores"] {
        /// The file that tells where postal codes are.
        postal_codes: Option<PathBuf> = "postal_codes" as FilePath,
    }
}

section! {
    /// The change log.
    Changes ["changes"] {
        /// Days for which a change is kept.
        retention_days: u32 = "retention_days" as Within<1, 3_650>,
    }
}

section! {
    /// Snapshots and exports.
    Exports ["exports"] {
        /// Whether this node writes snapshots.
        enabled: bool = "enabled" as bool,
        /// When the daily snapshot is written.
        at: jiff::civil::Time = "at" as TimeOfDay,
        /// Where `at` is a time of day.
        time_zone: jiff::tz::TimeZone = "time_zone" as Zone,
        /// Snapshots that are kept.
        keep: u32 = "keep" as Within<1, 365>,
        /// Exports that an app may ask for in 24 hours.
        per_app_daily: u32 = "per_app_daily" as Within<0, 1_000>,
        /// Time for which the addresses of a manifest work without a key.
        url_life: Duration = "url_life_s" as Seconds<60, 604_800>,
    }
}

section! {
    /// Webhooks.
    Hooks ["hooks"] {
        /// Subscriptions that an app may have.
        per_app: u32 = "per_app" as Within<0, 1_000>,
        /// Time between looks for what is to be sent.
        poll: Duration = "poll_ms" as Millis<10, 60_000>,
        /// How long a receiver may take to answer.
        timeout: Duration = "timeout_s" as Seconds<1, 60>,
        /// How long a node that says no more keeps the others from sending.
        lease: Duration = "lease_s" as Seconds<2, 300>,
        /// How much later each further attempt comes; after the last there is none.
        retry: Vec<Duration> = "retry_s" as Delays,
        /// Days for which finished deliveries are kept.
        keep_days: u32 = "keep_days" as Within<1, 365>,
        /// Whether `http` addresses may be subscribed.
        allow_http: bool = "allow_http" as bool,
        /// Networks that may be called although they are not public.
        private_targets: Vec<IpNet> = "private_targets" as Vec<IpNet>,
    }
}

section! {
    /// Imports of feeds.
    Feeds ["feeds"] {
        /// Percent of what is there that a full import deletes without approval.
        max_delete_percent: u32 = "max_delete_percent" as Within<0, 100>,
        /// Deletions below which none wait for approval.
        max_delete_min: u32 = "max_delete_min" as Within<0, 1_000_000>,
        /// Most mebibytes of a file once it is unpacked.
        max_mib: u32 = "max_mib" as Within<1, 1_048_576>,
        /// Times by which a price may be above or below the one that the same offer has; 0 is any.
        max_price_factor: u32 = "max_price_factor" as Within<0, 1_000_000>,
        /// The folder of the sources from which feeds come by themselves.
        sources_dir: Option<PathBuf> = "sources_dir" as FilePath,
        /// Time between looks at the sources.
        sources_poll: Duration = "sources_poll_ms" as Millis<10, 3_600_000>,
        /// Days for which files that were put away are kept; 0 is for ever.
        sources_keep_days: u32 = "sources_keep_days" as Within<0, 3_650>,
        /// Days for which the record of imports is kept; 0 is for ever.
        imports_keep_days: u32 = "imports_keep_days" as Within<0, 3_650>,
        /// The loyalty programme and its tier by which feeds out tell the price for members, with a colon between.
        loyalty_program: Option<String> = "loyalty_program" as LoyaltyProgram,
    }
}

section! {
    /// Limits of callers.
    Limits ["limits"] {
        /// Where limits are counted.
        backend: LimitBackend = "backend" as LimitBackend,
        /// Most units of a batch, where nodes take batches.
        lease: u32 = "lease" as Within<1, 1_000>,
        /// Whether answers carry `X-RateLimit-*` too.
        x_ratelimit_headers: bool = "x_ratelimit_headers" as bool,
    }
}

section! {
    /// Access tokens of OAuth clients.
    OAuth ["oauth"] {
        /// Time for which a token works.
        token_life: Duration = "token_life_s" as Seconds<60, 3_600>,
        /// Tokens that a client may get in a minute.
        per_client_per_minute: u32 = "per_client_per_minute" as Within<1, 100_000>,
        /// Token requests that may come from an address in a minute.
        per_address_per_minute: u32 = "per_address_per_minute" as Within<1, 1_000_000>,
    }
}

section! {
    /// Registration by partners themselves.
    Registration ["registration"] {
        /// Whether anybody may apply.
        enabled: bool = "enabled" as bool,
        /// Hours for which the links in mails work.
        link_hours: u32 = "link_hours" as Within<1, 720>,
        /// Applications that one address may send in an hour.
        per_address_hourly: u32 = "per_address_hourly" as Within<1, 10_000>,
        /// Looks at the plans that one address may take in an hour.
        plans_per_address_hourly: u32 = "plans_per_address_hourly" as Within<1, 1_000_000>,
        /// Links that are not right that one address may send in an hour.
        wrong_links_per_address_hourly: u32 = "wrong_links_per_address_hourly" as Within<1, 1_000_000>,
        /// Days for which applications are kept that were rejected or withdrawn.
        keep_days: u32 = "keep_days" as Within<1, 3_650>,
        /// Applications that may wait.
        waiting_most: u32 = "waiting_most" as Within<1, 100_000>,
    }
}

section! {
    /// Journal and ledger.
    Metering ["metering"] {
        /// What an answered call survives.
        durability: Durability = "durability" as Durability,
        /// Time between syncs of the journal to disk.
        sync_interval: Duration = "sync_interval_ms" as Millis<1, 60_000>,
        /// Records in one journal segment.
        segment_records: u32 = "segment_records" as Within<15, 1_048_575>,
        /// Time between foldings of the journal into the ledger.
        fold_interval: Duration = "fold_interval_ms" as Millis<10, 60_000>,
        /// Time after which a call that was not seen to end is closed as unconfirmed.
        completion_timeout: Duration = "completion_timeout_s" as Seconds<1, 3_600>,
        /// Segments that may wait for the database before billable calls are refused.
        max_backlog_segments: u32 = "max_backlog_segments" as Within<1, 65_536>,
        /// When, by UTC, the sums by hour are counted again each day; none where they are not.
        recount_at: Option<jiff::civil::Time> = "recount_at" as DailyAt,
    }
}

section! {
    /// Periods and statements.
    Billing ["billing"] {
        /// Time after the end of a period before which it cannot be closed.
        grace: Duration = "grace_s" as Seconds<0, 2_678_400>,
        /// Who bills, as statements name it that are printed; empty where that is not said.
        issuer: String = "issuer" as Letterhead,
    }
}

section! {
    /// The pages that customers see.
    Portal ["portal"] {
        /// The notice that customers are shown before they decide.
        notice_id: String = "notice_id" as Text,
        /// Time after which a session that is not used ends.
        session_idle: Duration = "session_idle_s" as Seconds<60, 86_400>,
        /// Time for which a session lasts at most.
        session_most: Duration = "session_most_s" as Seconds<60, 604_800>,
    }
}

section! {
    /// Logs.
    Telemetry ["telemetry"] {
        /// What the program's own log holds.
        log_level: LogLevel = "log_level" as LogLevel,
        /// How it is written.
        log_format: LogFormat = "log_format" as LogFormat,
        /// Where each call is logged.
        access_log: AccessLog = "access_log" as AccessLog,
        /// One call in so many is logged.
        access_log_sample: u32 = "access_log_sample" as Within<1, 1_000_000>,
    }
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listeners and connections.
    pub server: Server,
    /// The database.
    pub database: Database,
    /// The Redis of a cluster.
    pub redis: Redis,
    /// Keys.
    pub access: Access,
    /// The admin API.
    pub admin: Admin,
    /// The read model of the catalog.
    pub catalog: Catalog,
    /// Full-text search.
    pub search: Search,
    /// Stores.
    pub stores: Stores,
    /// The change log.
    pub changes: Changes,
    /// Snapshots and exports.
    pub exports: Exports,
    /// Object storage.
    pub object_storage: ObjectStorage,
    /// Webhooks.
    pub hooks: Hooks,
    /// Imports of feeds.
    pub feeds: Feeds,
    /// Where customers' data comes from.
    pub customer_source: CustomerSystem,
    /// Limits of callers.
    pub limits: Limits,
    /// Access tokens of OAuth clients.
    pub oauth: OAuth,
    /// Reports of leaked keys.
    pub leaks: Leaks,
    /// Registration by partners themselves.
    pub registration: Registration,
    /// Mails.
    pub mail: Mail,
    /// Alerts.
    pub alerts: Alerts,
    /// Journal and ledger.
    pub metering: Metering,
    /// Periods and statements.
    pub billing: Billing,
    /// The hand-off of usage.
    pub handoff: Handoff,
    /// Customers' data: tokens, consents, logins, how long things are kept, what partners are told.
    pub customers: AuthzSettings,
    /// The pages that customers see.
    pub portal: Portal,
    /// Logs.
    pub telemetry: Telemetry,
    shown: String,
}

impl Config {
    /// The defaults, under `file`, under the variables of `env` that begin with `COMPTOIR__`.
    pub fn load(file: Option<&Path>, env: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let mut layers = Layers::new(DEFAULTS);
        if let Some(path) = file {
            layers.file(path);
        }
        layers.environment(env);
        let config = Self::read(&mut layers);
        let problems = layers.into_problems();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }

    /// The defaults alone.
    #[must_use]
    pub fn embedded() -> Self {
        Self::load(None, &BTreeMap::new())
            .unwrap_or_else(|problems| unreachable!("config/default.toml: {problems}"))
    }

    /// The settings in force as TOML, each with its origin behind it, secrets hidden.
    #[must_use]
    pub fn show(&self) -> &str {
        &self.shown
    }

    fn read(layers: &mut Layers) -> Option<Self> {
        let server = Server::read(layers);
        let data_dir = server.as_ref().map_or(Path::new(""), |s| s.data_dir.as_path());
        let database = Database::read(layers, data_dir);
        let redis = Redis::read(layers);
        let access = Access::read(layers, data_dir);
        let admin = Admin::read(layers);
        let catalog = Catalog::read(layers);
        let search = Search::read(layers);
        let stores = Stores::read(layers);
        let changes = Changes::read(layers);
        let exports = Exports::read(layers);
        let object_storage = ObjectStorage::read(layers);
        let hooks = Hooks::read(layers);
        let feeds = Feeds::read(layers);
        let customer_source = CustomerSystem::read(layers);
        let limits = Limits::read(layers);
        let oauth = OAuth::read(layers);
        let leaks = Leaks::read(layers);
        let registration = Registration::read(layers);
        let mail = Mail::read(layers);
        let alerts = Alerts::read(layers);
        need_redis(layers, limits.as_ref(), redis.as_ref());
        let metering = Metering::read(layers);
        let billing = Billing::read(layers);
        let handoff = Handoff::read(layers);
        let beside = (server.as_ref(), database.as_ref(), redis.as_ref());
        let customers = AuthzSettings::read(layers, beside);
        let portal = Portal::read(layers);
        let telemetry = Telemetry::read(layers);
        Some(Self {
            server: server?,
            database: database?,
            redis: redis?,
            access: access?,
            admin: admin?,
            catalog: catalog?,
            search: search?,
            stores: stores?,
            changes: changes?,
            exports: exports?,
            object_storage: object_storage?,
            hooks: hooks?,
            feeds: feeds?,
            customer_source: customer_source?,
            limits: limits?,
            oauth: oauth?,
            leaks: leaks?,
            registration: registration?,
            mail: mail?,
            alerts: alerts?,
            metering: metering?,
            billing: billing?,
            handoff: handoff?,
            customers: customers?,
            portal: portal?,
            telemetry: telemetry?,
            shown: show::toml(layers),
        })
    }
}

/// Counters that nodes share need the Redis that they lie in.
fn need_redis(layers: &mut Layers, limits: Option<&Limits>, redis: Option<&Redis>) {
    let (Some(limits), Some(redis)) = (limits, redis) else { return };
    if limits.backend != LimitBackend::Local && redis.url.is_none() {
        let why = "needs redis.url: set it, or count in each process (local)";
        layers.fault("limits.backend", why);
    }
}

#[cfg(test)]
mod tests;
