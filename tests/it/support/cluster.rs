//! Several processes on one PostgreSQL and one Redis.

use super::data;
use super::process::{Home, Server, wait_until};
use super::redis::RedisServer;
use super::scratch;
use comptoir::on_db;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The pepper of all nodes.
const PEPPER: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";

/// Nodes that serve; killed when dropped.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    pub(crate) home: Home,
    pub(crate) http: reqwest::Client,
    token: String,
    dirs: Vec<TempDir>,
}

/// A key made for a test.
pub(crate) struct Issued {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) app: String,
}

impl Cluster {
    /// Starts `size` nodes with these settings; `None` where no PostgreSQL is named, which they share.
    pub(crate) async fn start(
        size: usize,
        redis: Option<&RedisServer>,
        extra: &[(&str, &str)],
    ) -> Option<Self> {
        if scratch::server().is_none() {
            println!("SKIPPED: several nodes need COMPTOIR_TEST_POSTGRES");
            return None;
        }
        let url = redis.map(RedisServer::url).unwrap_or_default();
        let mut settings = vec![("ACCESS__PEPPER", PEPPER), ("REDIS__URL", url.as_str())];
        settings.extend(extra);
        let mut cluster = Self::of(Home::new(&settings, &[data::product(0)]).await);
        for _ in 0..size {
            cluster.join(&[]);
        }
        let all = size as f64;
        cluster.each_says("comptoir_nodes_alive", |value| value >= all);
        if redis.is_some() {
            cluster.each_says("comptoir_redis_up", |value| value >= 1.0);
        }
        Some(cluster)
    }

    /// One process that counts alone, on the database that the run has.
    pub(crate) async fn alone(extra: &[(&str, &str)]) -> Self {
        let mut cluster = Self::of(Home::new(extra, &[data::product(0)]).await);
        cluster.again();
        cluster
    }

    fn of(home: Home) -> Self {
        let (token, http) = (home.admin_token(), reqwest::Client::new());
        Self { nodes: Vec::new(), home, http, token, dirs: Vec::new() }
    }

    /// Starts the process that is [`Self::alone`], again where it had ended.
    pub(crate) fn again(&mut self) {
        self.nodes.push(self.home.serve());
    }

    /// Starts one more node, with settings of its own.
    pub(crate) fn join(&mut self, extra: &[(&str, &str)]) -> usize {
        let dir = tempfile::tempdir().expect("a temporary folder");
        self.nodes.push(self.home.serve_as(dir.path(), extra));
        self.dirs.push(dir);
        self.nodes.len() - 1
    }

    /// The data directories of the nodes.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(TempDir::path)
    }

    /// Stops all nodes; what each has said.
    pub(crate) fn stop(&mut self) -> Vec<String> {
        self.nodes.drain(..).map(Server::terminate).collect()
    }

    /// A metric of a node, 0 where it is not there.
    pub(crate) fn metric(&self, node: usize, name: &str) -> f64 {
        let (_, text) = self.nodes[node].operator("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until a metric of every node is what is asked for.
    pub(crate) fn each_says(&self, name: &str, fits: impl Fn(f64) -> bool) {
        for node in 0..self.nodes.len() {
            wait_until(name, || fits(self.metric(node, name)));
        }
    }

    pub(crate) fn public(&self, node: usize, path: &str) -> String {
        format!("http://{}{path}", self.nodes[node].public)
    }

    /// Calls the partner API of a node.
    pub(crate) async fn get(&self, node: usize, key: &str) -> reqwest::Response {
        let path = format!("/v1/products/{}", data::product_id(0));
        let call = self.http.get(self.public(node, &path)).bearer_auth(key);
        call.send().await.expect("an answer")
    }

    /// What a node says of a key's limits.
    pub(crate) async fn usage(&self, node: usize, key: &str) -> Value {
        let call = self.http.get(self.public(node, "/v1/usage")).bearer_auth(key);
        let usage: Value = call.send().await.expect("an answer").json().await.expect("JSON");
        usage["limits"].clone()
    }

    /// What the ledger has of an app's calls that are billed.
    pub(crate) async fn billed(&self, app: &str) -> i64 {
        const BILLED: &str = "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours
            WHERE billable AND app_id = $1";
        let billed: Result<i64, _> =
            on_db!(&self.home.db, c => sqlx::query_scalar(BILLED).bind(app).fetch_one(c).await);
        billed.expect("a sum")
    }

    /// Calls the admin API of a node and expects success.
    pub(crate) async fn admin(
        &self,
        node: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let url = format!("http://{}/admin/v1{path}", self.nodes[node].admin);
        let call = self.http.request(method.parse().expect("a method"), url);
        let call = call.bearer_auth(&self.token);
        let call = match body {
            Some(body) => call.json(&body),
            None => call,
        };
        let answer = call.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a text"));
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A live key of a new app of a new partner under these limits, known to every node.
    pub(crate) async fn key(&self, name: &str, plan: Value) -> Issued {
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        let mut body = json!({ "name": name });
        for (field, value) in plan.as_object().expect("an object") {
            body[field] = value.clone();
        }
        let plan = id(&self.admin(0, "POST", "/plans", Some(body)).await);
        let body = json!({ "name": name });
        let partner = id(&self.admin(0, "POST", "/partners", Some(body)).await);
        let body = json!({ "partner_id": partner, "plan_id": plan, "name": name });
        let app = id(&self.admin(0, "POST", "/apps", Some(body)).await);
        let (id, text) = self.another_key(&app).await;
        self.caught_up().await;
        Issued { id, text, app }
    }

    /// Another key of an app: id and text.
    pub(crate) async fn another_key(&self, app: &str) -> (String, String) {
        let body = json!({ "app_id": app, "name": "key", "environment": "live" });
        let key = self.admin(0, "POST", "/keys", Some(body)).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&key["key"]["id"]), text(&key["text"]))
    }

    /// Waits until every node has applied the control log up to its present head.
    pub(crate) async fn caught_up(&self) {
        let head = comptoir::storage::log::head(&self.home.db, comptoir::storage::Log::Control);
        let head = head.await.expect("a head") as f64;
        self.each_says("comptoir_control_position", |position| position >= head);
    }

    /// Revokes a key at one node while all are called with it; for each, how long after the revocation was
    /// asked for the last call was made that it accepted.
    pub(crate) async fn revoke(&self, at: usize, key: &(String, String)) -> Vec<Duration> {
        let begun = Instant::now();
        let calling = (0..self.nodes.len()).map(|node| async move {
            let (mut last, until) = (begun, begun + Duration::from_secs(20));
            loop {
                let made = Instant::now();
                match self.get(node, &key.1).await.status().as_u16() {
                    200 => last = made,
                    401 => return last - begun,
                    other => panic!("node {node}: neither accepted nor refused: {other}"),
                }
                assert!(made < until, "node {node} accepts it still");
            }
        });
        let path = format!("/keys/{}/revoke", key.0);
        let revoking = self.admin(at, "POST", &path, None);
        tokio::join!(futures_util::future::join_all(calling), revoking).0
    }
}
