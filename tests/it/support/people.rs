//! People with a browser.

use super::TestApp;
use comptoir::kernel::{Clock, Micros};
use comptoir::storage::Db;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

/// What people here choose.
pub(crate) const PASSWORD: &str = "seven brown pears";

/// What an app that was given a secret shows.
pub(crate) fn code_of(secret: &str, now: Micros) -> String {
    let (mut bits, mut held, mut key) = (0u64, 0, Vec::new());
    for digit in secret.bytes() {
        let value = if digit.is_ascii_digit() { digit - b'2' + 26 } else { digit - b'A' };
        (bits, held) = ((bits << 5 | u64::from(value)) & 0xffff, held + 5);
        if held >= 8 {
            held -= 8;
            key.push((bits >> held & 0xff) as u8);
        }
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(now.0 / 30_000_000).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let word = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// All rows of a table as a text.
pub(crate) async fn rows(db: &Db, table: &str) -> String {
    let sql = match db {
        Db::Postgres(_) => format!("SELECT t::text FROM {table} t"),
        Db::Sqlite { read, .. } => {
            let columns: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                "SELECT name FROM pragma_table_info('{table}')"
            )))
            .fetch_all(read)
            .await
            .unwrap();
            let columns: Vec<String> =
                columns.iter().map(|c| format!("COALESCE(CAST({c} AS TEXT), '')")).collect();
            format!("SELECT {} FROM {table}", columns.join(" || ' ' || "))
        }
    };
    let sql = sqlx::AssertSqlSafe(sql);
    let rows: Vec<String> = match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
    };
    rows.join("\n")
}

/// A person with a browser.
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    clock: Clock,
    address: Option<String>,
    cookie: Option<String>,
    login: String,
    pub(crate) account: String,
    /// Of the app for one-time codes.
    pub(crate) secret: String,
    pub(crate) recovery: Vec<String>,
}

impl Browser {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self {
            http: app.http.clone(),
            base: app.admin_url(""),
            clock: app.clock.clone(),
            address: None,
            cookie: None,
            login: String::new(),
            account: String::new(),
            secret: String::new(),
            recovery: Vec::new(),
        }
    }

    /// A browser behind a proxy, at an address.
    pub(crate) fn from(app: &TestApp, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..Self::new(app) }
    }

    /// Somebody new with these roles, with password and app.
    pub(crate) async fn set_up(app: &TestApp, login: &str, roles: &[&str]) -> Self {
        let body = json!({ "login": login, "name": login, "roles": roles });
        let issued = app.admin_ok("POST", "/admin/v1/accounts", Some(body)).await;
        Self::begin(app, login, issued["password"].as_str().unwrap()).await
    }

    /// Somebody with a first password, who sets the account up.
    pub(crate) async fn begin(app: &TestApp, login: &str, first: &str) -> Self {
        let mut browser = Self::new(app);
        browser.log_in(login, first, None).await;
        let body = json!({ "password": first, "new_password": PASSWORD });
        assert_eq!(browser.call("POST", "/admin/v1/me/password", Some(body)).await.status(), 204);
        let body = json!({ "password": PASSWORD });
        let enrolment = browser.ok("POST", "/admin/v1/me/totp", Some(body)).await;
        enrolment["secret"].as_str().unwrap().clone_into(&mut browser.secret);
        let body = json!({ "code": browser.code() });
        let kept = browser.ok("POST", "/admin/v1/me/totp/confirm", Some(body)).await;
        let kept = kept["recovery_codes"].as_array().unwrap().iter();
        browser.recovery = kept.map(|code| code.as_str().unwrap().to_owned()).collect();
        browser
    }

    /// What the app shows now.
    pub(crate) fn code(&self) -> String {
        code_of(&self.secret, self.clock.now())
    }

    /// The cookie as it is sent.
    pub(crate) fn cookie(&self) -> String {
        self.cookie.clone().unwrap_or_default()
    }

    /// Takes the cookie of an answer.
    pub(crate) fn keep(&mut self, answer: &reqwest::Response) {
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
    }

    /// Takes a cookie as it was set.
    pub(crate) fn take(&mut self, set: &str) {
        self.cookie = set.split(';').next().map(str::to_owned);
    }

    /// A window at another node with the same cookie.
    pub(crate) fn at(&self, node: &TestApp) -> Self {
        Self { base: node.admin_url(""), ..self.copy() }
    }

    /// Another window with the same cookie.
    pub(crate) fn copy(&self) -> Self {
        Self {
            http: self.http.clone(),
            base: self.base.clone(),
            clock: self.clock.clone(),
            address: self.address.clone(),
            cookie: self.cookie.clone(),
            login: self.login.clone(),
            account: self.account.clone(),
            secret: self.secret.clone(),
            recovery: self.recovery.clone(),
        }
    }

    pub(crate) async fn try_log_in(
        &mut self,
        login: &str,
        password: &str,
        code: Option<&str>,
    ) -> reqwest::Response {
        let mut body = json!({ "login": login, "password": password });
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        let mut request = self.http.post(format!("{}/admin/v1/login", self.base)).json(&body);
        if let Some(address) = &self.address {
            request = request.header("x-forwarded-for", address);
        }
        let answer = request.send().await.unwrap();
        self.keep(&answer);
        answer
    }

    pub(crate) async fn log_in(
        &mut self,
        login: &str,
        password: &str,
        code: Option<&str>,
    ) -> Value {
        let answer = self.try_log_in(login, password, code).await;
        assert_eq!(answer.status(), 200, "{login}");
        login.clone_into(&mut self.login);
        let entered: Value = answer.json().await.unwrap();
        entered["account_id"].as_str().unwrap().clone_into(&mut self.account);
        entered
    }

    /// Once more with password and code.
    pub(crate) async fn log_in_again(&mut self) {
        let (login, code) = (self.login.clone(), self.code());
        self.log_in(&login, PASSWORD, Some(&code)).await;
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.call("GET", path, None).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Response {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method.parse().unwrap(), url);
        request = request.header("cookie", self.cookie());
        if method != "GET" {
            request = request.header("x-comptoir-request", "1");
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn ok(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.call(method, path, body).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
