//! Settings that hold secrets. Each can stand in a file of its own, and none is ever shown.

use super::layers::Layers;
use super::setting::{FromSetting, Millis, Seconds, Within};
use super::values::FilePath;
use crate::kernel::secret::Secret;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What stands where a secret is.
pub(super) const HIDDEN: &str = "[secret]";

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`.
    Sqlite(PathBuf),
    /// `postgres://…`, with its password.
    Postgres(Secret),
}

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Most connections to it.
    pub max_connections: u32,
}

/// Where Redis is: urls of servers, with their passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisAt {
    /// One server.
    One(Secret),
    /// Some servers of a Redis Cluster, which tell of the others.
    Cluster(Vec<Secret>),
}

/// The Redis of a cluster.
#[derive(Debug, Clone)]
pub struct Redis {
    /// Where it is; none where there is none.
    pub url: Option<RedisAt>,
    /// The certificates that its own has to be signed by; those that this machine trusts where there is none.
    pub ca_file: Option<PathBuf>,
    /// What the names of its keys and channels begin with.
    pub prefix: String,
    /// Longest wait for a connection to it.
    pub connect_timeout: Duration,
    /// Longest wait for its answer.
    pub response_timeout: Duration,
}

/// Under what secret key hashes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pepper {
    /// The operator's, the same on all nodes.
    Given(Secret),
    /// One that is made at the first start and kept in this file.
    Generated(PathBuf),
}

/// Keys.
#[derive(Debug, Clone)]
pub struct Access {
    /// Under what secret key hashes are made.
    pub pepper: Pepper,
    /// Time between looks for changed keys, plans and apps.
    pub control_poll: Duration,
    /// Days for which the history of refusals is kept.
    pub refusals_days: u32,
    /// How long this node judges by what it last knew of them.
    pub stale_after: Duration,
    /// How far this node's clock may be from the database's.
    pub max_clock_skew: Duration,
}

impl Database {
    pub(super) fn read(layers: &mut Layers, data_dir: &Path) -> Option<Self> {
        let url = either(layers, "database.url", "database.url_file");
        let max_connections = layers.take::<Within<1, 1_000>>("database.max_connections");
        let url: Option<DatabaseUrl> = url?;
        let url = url.unwrap_or_else(|| DatabaseUrl::Sqlite(data_dir.join("comptoir.db")));
        Some(Self { url, max_connections: max_connections?.into() })
    }
}

impl Redis {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let url = either::<RedisUrl>(layers, "redis.url", "redis.url_file");
        let ca_file = layers.take::<FilePath>("redis.ca_file");
        let prefix = layers.take::<Prefix>("redis.prefix");
        let connect = layers.take::<Millis<10, 10_000>>("redis.connect_timeout_ms");
        let response = layers.take::<Millis<10, 5_000>>("redis.response_timeout_ms");
        let (url, ca_file) = (url?, Option::<PathBuf>::from(ca_file?));
        if ca_file.is_some() && url.as_ref().is_none_or(|url| !url.tls) {
            let why = "is for a redis.url that begins with rediss:// or rediss+cluster://; leave it empty";
            layers.fault("redis.ca_file", why);
            return None;
        }
        Some(Self {
            url: url.map(|url| url.at),
            ca_file,
            prefix: prefix?.0,
            connect_timeout: connect?.into(),
            response_timeout: response?.into(),
        })
    }
}

impl Access {
    pub(super) fn read(layers: &mut Layers, data_dir: &Path) -> Option<Self> {
        let pepper = either::<PepperText>(layers, "access.pepper", "access.pepper_file");
        let poll = layers.take::<Millis<10, 60_000>>("access.control_poll_ms");
        let refusals_days = layers.take::<Within<1, 365>>("access.refusals_days");
        let stale = layers.take::<Seconds<1, 3_600>>("access.stale_after_s");
        let skew = layers.take::<Seconds<1, 3_600>>("access.max_clock_skew_s");
        let pepper = pepper?.map_or_else(
            || Pepper::Generated(data_dir.join("pepper")),
            |PepperText(secret)| Pepper::Given(secret),
        );
        let (control_poll, stale_after): (Duration, Duration) = (poll?.into(), stale?.into());
        if stale_after < control_poll * 4 {
            let why = "must be at least four times access.control_poll_ms, or a node that is well \
                       refuses calls";
            layers.fault("access.stale_after_s", why);
            return None;
        }
        let (refusals_days, max_clock_skew) = (refusals_days?.into(), skew?.into());
        Some(Self { pepper, control_poll, refusals_days, stale_after, max_clock_skew })
    }
}

/// A secret from its setting or from the file of its twin; `Some(None)` where neither is set, `None`
/// after a problem.
pub(super) fn either<T: FromSetting>(
    layers: &mut Layers,
    key: &str,
    file_key: &str,
) -> Option<Option<T>> {
    let value = layers.take::<Given<T>>(key);
    let Some(path) = layers.take::<FilePath>(file_key) else { return Some(None) };
    let (path, Given(value)): (Option<PathBuf>, _) = (path.into(), value?);
    let Some(path) = path else { return Some(value) };
    if value.is_some() {
        layers.fault(file_key, &format!("must be empty where {key} is set: set one of the two"));
        return None;
    }
    let read = std::fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"));
    let parsed = read.map(Secret::new).and_then(|text| {
        T::parse(text.reveal().trim_end()).map_err(|why| format!("holds a value that {why}"))
    });
    match parsed {
        Ok(value) => Some(Some(value)),
        Err(why) => {
            layers.fault(file_key, &why);
            None
        }
    }
}

/// A secret as others give it out: one word.
pub(super) struct SecretText(pub(super) Secret);

impl FromSetting for SecretText {
    fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(Secret::new(text.to_owned())));
        }
        Err("must be the secret as it was given out, without spaces".to_owned())
    }

    fn show(_: &str) -> String {
        HIDDEN.to_owned()
    }
}

/// A setting that may be empty.
pub(super) struct Given<T>(pub(super) Option<T>);

impl<T: FromSetting> FromSetting for Given<T> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(Self(None)) } else { T::parse(text).map(|value| Self(Some(value))) }
    }

    fn show(text: &str) -> String {
        if text.is_empty() { String::new() } else { T::show(text) }
    }
}

impl FromSetting for DatabaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let postgres = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            None if postgres => Ok(Self::Postgres(Secret::new(text.to_owned()))),
            _ => Err("must be sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME".to_owned()),
        }
    }

    fn show(text: &str) -> String {
        if text.starts_with("sqlite:") {
            return text.to_owned();
        }
        shown(text, &["postgres", "postgresql"])
    }
}

/// What of an address that may hold a password may be shown. Only what stands behind the last `@` and
/// before `?` is no password for sure, and only where no `?` comes first: it may begin a parameter that
/// holds the `@`.
fn shown(text: &str, schemes: &[&str]) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((before, host)))
            if schemes.contains(&scheme) && !before.contains('?') =>
        {
            let host = host.split('?').next().unwrap_or_default();
            format!("{scheme}://{HIDDEN}@{host}")
        }
        _ => HIDDEN.to_owned(),
    }
}

/// Where Redis is, and whether it is spoken to over TLS.
struct RedisUrl {
    at: RedisAt,
    tls: bool,
}

/// The schemes of `redis.url`.
const REDIS: [&str; 4] = ["redis", "rediss", "redis+cluster", "rediss+cluster"];

impl FromSetting for RedisUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let form = "must be redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER] or, for a Redis Cluster, \
                    redis+cluster://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]; with rediss in place of \
                    redis for TLS";
        redis_url(text).ok_or_else(|| form.to_owned())
    }

    fn show(text: &str) -> String {
        shown(text, &REDIS)
    }
}

fn redis_url(text: &str) -> Option<RedisUrl> {
    let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| REDIS.contains(scheme))?;
    let server = |url: String| {
        let parsed = url::Url::parse(&url).ok().filter(url::Url::has_host)?;
        Some((parsed, Secret::new(url)))
    };
    let Some(one) = scheme.strip_suffix("+cluster") else {
        let (_, url) = server(text.to_owned())?;
        return Some(RedisUrl { at: RedisAt::One(url), tls: scheme == "rediss" });
    };
    // What stands behind the last `@` are hosts: a password that holds one is percent-encoded or not.
    let (who, hosts) = rest.rsplit_once('@').map_or(("", rest), |(who, hosts)| (who, hosts));
    let at = if who.is_empty() { "" } else { "@" };
    let urls = hosts.trim_end_matches('/').split(',').map(|host| {
        let (parsed, url) = server(format!("{one}://{who}{at}{host}"))?;
        // A cluster has no numbered databases.
        (parsed.path().len() <= 1 && parsed.query().is_none()).then_some(url)
    });
    let urls = urls.collect::<Option<Vec<_>>>()?;
    Some(RedisUrl { at: RedisAt::Cluster(urls), tls: one == "rediss" })
}

/// What names in Redis begin with.
struct Prefix(String);

impl FromSetting for Prefix {
    fn parse(text: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        // Braces would be a hash tag of their own and put all counters into one slot.
        if !(1..=64).contains(&text.len()) || !text.bytes().all(plain) {
            return Err("must be 1 to 64 letters, digits, or - _ . :".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// The operator's pepper.
struct PepperText(Secret);

impl FromSetting for PepperText {
    fn parse(text: &str) -> Result<Self, String> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("must be 64 hexadecimal digits, such as `openssl rand -hex 32` gives; or \
                        be empty, and one is generated"
                .to_owned());
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    fn show(_: &str) -> String {
        HIDDEN.to_owned()
    }
}
