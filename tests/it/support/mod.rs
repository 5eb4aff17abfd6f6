//! A Comptoir of its own for each test: real listeners on free ports, a database of its own (SQLite
//! in a temporary folder, or PostgreSQL where `COMPTOIR_TEST_POSTGRES` names a server).

pub(crate) mod cluster;
pub(crate) mod data;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod people;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod redis;
pub(crate) mod s3;
pub(crate) mod schema;
#[path = "../../../src/storage/testing/scratch.rs"]
pub(crate) mod scratch;
pub(crate) mod smtp;
pub(crate) mod subjects;

use comptoir::app::{Addresses, Comptoir};
use comptoir::config::Config;
use comptoir::feeds::{Feed, Report, import_values};
use comptoir::kernel::{Clock, Micros};
use comptoir::storage::Db;
use scratch::{Scratch, Template};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinHandle;

static MIGRATED: OnceCell<Template> = OnceCell::const_new();

/// When a test's fixed clock stands, unless the test says otherwise.
pub(crate) const NOON: &str = "2026-11-22T12:00:00Z";

/// Longest wait for anything, for a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks at what is waited for. It leaves the processor to that, and decides nothing.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Runs a statement as somebody who can write to the database.
pub(crate) async fn tell(db: &Db, sql: &str) -> Result<(), sqlx::Error> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match db {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop),
        Db::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
    }
}

/// Lets somebody who owns the database `update` or `delete` rows of a table that it keeps.
pub(crate) async fn unkeep(db: &Db, table: &str, what: &str) {
    let begins = format!("{table}_no_{what}_");
    const SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, length($1)) = $1";
    const POSTGRES: &str = "SELECT tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
         WHERE c.relnamespace = current_schema()::regnamespace AND starts_with(tgname::text, $1)";
    let (triggers, of_table): (Vec<String>, _) = match db {
        Db::Sqlite { read, .. } => {
            (sqlx::query_scalar(SQLITE).bind(begins).fetch_all(read).await.unwrap(), String::new())
        }
        Db::Postgres(pool) => {
            let named = sqlx::query_scalar(POSTGRES).bind(begins).fetch_all(pool).await;
            (named.unwrap(), format!(" ON {table}"))
        }
    };
    for trigger in triggers {
        tell(db, &format!("DROP TRIGGER {trigger}{of_table}")).await.unwrap();
    }
}

/// How a test's Comptoir is set up.
pub(crate) struct Builder {
    settings: BTreeMap<String, String>,
    clock: Clock,
}

/// A running Comptoir.
pub(crate) struct TestApp {
    pub(crate) at: Addresses,
    pub(crate) admin_token: String,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) http: reqwest::Client,
    pub(crate) config: Config,
    settings: BTreeMap<String, String>,
    _dir: TempDir,
    _scratch: Option<Scratch>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<anyhow::Result<()>>>,
}

/// A key made for a test.
pub(crate) struct TestKey {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) app_id: String,
    pub(crate) partner_id: String,
}

/// Settings for a database of the test's own, in `dir` or on the PostgreSQL server; there it lives
/// as long as the second value.
pub(crate) async fn settings(dir: &Path) -> (BTreeMap<String, String>, Option<Scratch>) {
    let scratch = match scratch::server() {
        Some(server) => Some(Scratch::on(&server).await),
        None => None,
    };
    (settings_of(dir, scratch.as_ref()), scratch)
}

/// The same with the schema of this version in it.
pub(crate) async fn migrated(dir: &Path) -> (BTreeMap<String, String>, Option<Scratch>) {
    let migrated = MIGRATED.get_or_init(async || Template::filled(migrate).await).await;
    let scratch = migrated.copy(dir).await;
    (settings_of(dir, scratch.as_ref()), scratch)
}

/// Makes the schema in an empty database.
async fn migrate(url: &str) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut settings = settings_of(dir.path(), None);
    settings.insert("COMPTOIR__DATABASE__URL".to_owned(), url.to_owned());
    let config = Config::load(None, &settings).unwrap_or_else(|problems| panic!("{problems}"));
    let db = Db::connect(&config.database.url, 1).await.expect("the database opens");
    db.migrate().await.expect("the schema");
    db.close().await;
}

fn settings_of(dir: &Path, scratch: Option<&Scratch>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut set =
        |key: &str, value: &str| settings.insert(format!("COMPTOIR__{key}"), value.to_owned());
    set("SERVER__PUBLIC_LISTEN", "127.0.0.1:0");
    set("SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    set("SERVER__WORKERS", "2");
    set("SERVER__DRAIN_S", "0");
    set("SERVER__DATA_DIR", &dir.display().to_string());
    set("ACCESS__CONTROL_POLL_MS", "50");
    set("CATALOG__CHANGE_POLL_MS", "50");
    set("METERING__FOLD_INTERVAL_MS", "50");
    if let Some(scratch) = scratch {
        set("DATABASE__URL", scratch.url());
    }
    settings
}

fn getrandom_u64() -> u64 {
    comptoir::kernel::id::NodeId::random().expect("randomness").0
}

impl Builder {
    /// Sets a setting, named as its environment variable without the prefix.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(format!("COMPTOIR__{key}"), value.to_owned());
        self
    }

    /// Gives the Comptoir a clock that stands still.
    pub(crate) fn fixed_clock(mut self, at: &str) -> Self {
        self.clock = Clock::fixed(at.parse::<Micros>().expect("a time"));
        self
    }

    /// Gives the Comptoir a clock that something else has, too.
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts it in a new folder.
    pub(crate) async fn start(self) -> TestApp {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (mut settings, scratch) = migrated(dir.path()).await;
        settings.extend(self.settings);
        TestApp::start_with(settings, self.clock, dir, scratch).await
    }
}

impl TestApp {
    /// A Comptoir to set up.
    pub(crate) fn builder() -> Builder {
        Builder { settings: BTreeMap::new(), clock: Clock::System }
    }

    /// A Comptoir with the default settings.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    async fn start_with(
        settings: BTreeMap<String, String>,
        clock: Clock,
        dir: TempDir,
        scratch: Option<Scratch>,
    ) -> Self {
        log::listen();
        let config = Config::load(None, &settings).unwrap_or_else(|problems| panic!("{problems}"));
        // Large, and in every future that starts one.
        let opened = Box::pin(Comptoir::open(config.clone(), clock.clone())).await;
        let mut comptoir = opened.expect("Comptoir opens");
        let admin_token =
            comptoir.take_bootstrap_token().map(|t| t.reveal().to_owned()).unwrap_or_default();
        let db = Db::connect(&config.database.url, 2).await.expect("the database opens twice");
        let (stop, stopped) = oneshot::channel();
        let (ready, at) = oneshot::channel();
        let served = tokio::spawn(comptoir.serve(
            move |at| {
                let _ = ready.send(at);
            },
            async move {
                let _ = stopped.await;
            },
        ));
        let at = at.await.expect("Comptoir serves");
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self {
            at,
            admin_token,
            db,
            clock,
            http,
            config,
            settings,
            _dir: dir,
            _scratch: scratch,
            stop: Some(stop),
            served: Some(served),
        }
    }

    /// Another node on the same database and clock, with a data directory of its own.
    pub(crate) async fn beside(&self) -> Self {
        self.beside_with(&[]).await
    }

    /// The same with further settings.
    pub(crate) async fn beside_with(&self, further: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let first = &self.config.server.data_dir;
        let mut settings = self.settings.clone();
        let mut set = |key: &str, value: String| settings.insert(format!("COMPTOIR__{key}"), value);
        set("SERVER__DATA_DIR", dir.path().display().to_string());
        set("ACCESS__PEPPER_FILE", first.join("pepper").display().to_string());
        if self._scratch.is_none() {
            set("DATABASE__URL", format!("sqlite:{}", first.join("comptoir.db").display()));
        }
        for (key, value) in further {
            set(key, (*value).to_owned());
        }
        let mut node = Self::start_with(settings, self.clock.clone(), dir, None).await;
        node.admin_token.clone_from(&self.admin_token);
        node
    }

    /// Stops it as an operator would; everything answered is in the ledger afterwards.
    pub(crate) async fn stop(&mut self) {
        self.stopped().await.expect("a clean stop");
    }

    /// The same, and how it went.
    pub(crate) async fn stopped(&mut self) -> anyhow::Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        match self.served.take() {
            Some(served) => served.await.expect("no panic"),
            None => Ok(()),
        }
    }

    /// Runs a command of the shell on its database, beside it: exit code, and what was said.
    pub(crate) async fn shell(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_comptoir"));
        command.args(args).env_clear().envs(&self.settings).stdin(std::process::Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output());
        let output = run.await.expect("a thread").expect("the program");
        let text = |bytes| String::from_utf8(bytes).expect("a text");
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!err.contains("panicked"), "{args:?}: {err}");
        (output.status.code().expect("a code"), out, err)
    }

    /// Imports lines of a feed and waits until calls see them.
    pub(crate) async fn import(&self, feed: Feed, lines: &[Value]) -> Report {
        let report =
            import_values(&self.db, &self.clock, feed, lines).await.expect("the import runs");
        self.caught_up().await;
        report
    }

    /// Writes a snapshot now; its id.
    pub(crate) async fn snapshot(&self) -> String {
        let worker = comptoir::app::export_worker(&self.config, &self.db, &self.clock);
        let id = worker.expect("a worker").snapshot(None).await.expect("a snapshot");
        id.expect("begun").to_string()
    }

    /// Waits until the read model has followed both logs to their present heads.
    pub(crate) async fn caught_up(&self) {
        use comptoir::storage::{Log, log};
        let change = log::head(&self.db, Log::Change).await.expect("a head");
        let stock = log::head(&self.db, Log::Stock).await.expect("a head");
        self.wait_for_gauge("change_position", change).await;
        self.wait_for_gauge("stock_position", stock).await;
    }

    /// Waits until a metric has reached a value.
    pub(crate) async fn wait_for_gauge(&self, name: &str, at_least: i64) {
        self.wait_until_gauge(name, |value| value >= at_least).await;
    }

    /// Waits until a gauge has a value that is asked for.
    pub(crate) async fn wait_until_gauge(&self, name: &str, fits: impl Fn(i64) -> bool) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let metrics = self.admin_text("/metrics").await;
            let line =
                metrics.lines().find_map(|line| line.strip_prefix(&format!("comptoir_{name} ")));
            if line.and_then(|v| v.parse::<f64>().ok()).is_some_and(|v| fits(v as i64)) {
                return;
            }
            pause().await;
        }
        panic!("{name} did not become what was waited for");
    }

    /// A text from the admin listener.
    pub(crate) async fn admin_text(&self, path: &str) -> String {
        let response = self.http.get(self.admin_url(path)).send().await.expect("an answer");
        response.text().await.expect("a text")
    }

    pub(crate) fn public_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at.public)
    }

    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at.admin)
    }

    /// Calls the partner API with a key.
    pub(crate) async fn get(&self, key: &str, path: &str) -> reqwest::Response {
        let request = self.http.get(self.public_url(path)).bearer_auth(key);
        request.send().await.expect("an answer")
    }

    /// Calls the admin API.
    pub(crate) async fn admin(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Response {
        let method = method.parse().expect("a method");
        let mut request =
            self.http.request(method, self.admin_url(path)).bearer_auth(&self.admin_token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.expect("an answer")
    }

    /// Calls the admin API and expects success.
    pub(crate) async fn admin_ok(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let response = self.admin(method, path, body).await;
        let (status, text) = (response.status(), response.text().await.expect("a text"));
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A plan with one generous limit.
    pub(crate) async fn plan(&self, limits: Value) -> String {
        let name = format!("plan {:x}", getrandom_u64());
        let plan = self
            .admin_ok("POST", "/admin/v1/plans", Some(json!({ "name": name, "limits": limits })))
            .await;
        plan["id"].as_str().expect("an id").to_owned()
    }

    /// A key of a new app of a new partner under a generous plan; `fields` go into the key's body.
    pub(crate) async fn key(&self, fields: Value) -> TestKey {
        let plan_id =
            self.plan(json!([{ "name": "burst", "quota": 1_000_000, "window_s": 1 }])).await;
        self.key_under(&plan_id, fields).await
    }

    /// The same under a given plan.
    pub(crate) async fn key_under(&self, plan_id: &str, fields: Value) -> TestKey {
        let name = format!("partner {:x}", getrandom_u64());
        let partner =
            self.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": name }))).await;
        let partner_id = partner["id"].as_str().expect("an id").to_owned();
        let body = json!({ "partner_id": partner_id, "plan_id": plan_id, "name": "app" });
        let app = self.admin_ok("POST", "/admin/v1/apps", Some(body)).await;
        let app_id = app["id"].as_str().expect("an id").to_owned();
        let mut body = json!({ "app_id": app_id, "name": "key", "environment": "live" });
        for (name, value) in fields.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let key = self.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        TestKey { id: text(&key["key"]["id"]), text: text(&key["text"]), app_id, partner_id }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            log::tell();
        }
        // A test that ends without `stop` leaves its server to the runtime's end.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// The problem document of an answer, checked for what all problems have.
pub(crate) async fn problem(response: reqwest::Response, status: u16, code: &str) -> Value {
    let kind =
        response.headers().get("content-type").map(|v| v.to_str().unwrap_or_default().to_owned());
    let got = response.status().as_u16();
    let text = response.text().await.expect("a text");
    let problem: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{got}: no JSON: {text}"));
    assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{text}");
    assert_eq!(kind.as_deref(), Some("application/problem+json"));
    assert_eq!(problem["status"], status);
    for member in ["type", "title", "detail", "instance", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|t| !t.is_empty()), "{member}: {text}");
    }
    problem
}

/// Returns when a transaction of this database waits for another one.
pub(crate) async fn until_one_waits(db: &Db) {
    const WAITS: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let until = Instant::now() + PATIENCE;
    let Db::Postgres(pool) = db else { panic!("only a server has others that wait") };
    // A connection of its own: those of the pool may be all in use.
    let options = pool.connect_options();
    let mut looking = sqlx::PgConnection::connect_with(&options).await.unwrap();
    while sqlx::query_scalar::<_, i64>(WAITS).fetch_one(&mut looking).await.unwrap() == 0 {
        assert!(Instant::now() < until, "nobody waits");
        pause().await;
    }
}
