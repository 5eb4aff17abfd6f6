//! Files that are fetched from an address when they have changed.

use super::folder::Folder;
use super::settings::Remote;
use crate::kernel::hex;
use crate::outbound;
use crate::storage;
use reqwest::header::{
    AUTHORIZATION, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use url::Url;

/// How long a connection may take, and how long a sender may be silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// The file that is being fetched.
const PART: &str = ".fetched.part";
/// How long a file may take at least and at most, for all other sources wait for it; in between, as long as
/// the time between two polls.
const SHORTEST: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(3_600);
/// Redirects that are followed; `Authorization` goes to no other host.
const REDIRECTS: usize = 5;

/// What was fetched last, kept beside the source so that a start fetches nothing twice.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// Of the settings under which it was imported: under others it is imported again.
    settings: String,
    etag: Option<String>,
    last_modified: Option<String>,
    sha256: String,
}

/// A file that was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Where it lies: under way, so that it is imported next.
    pub(super) file: PathBuf,
    /// What the next poll needs to know of it, once it is imported.
    pub(super) last: Last,
}

/// What fetches. Whoever runs this program chooses the first address, which may lie in a network of his own;
/// where it is public, whoever answers must not choose one within by a redirect.
#[derive(Debug)]
pub(super) struct Http {
    anywhere: Client,
    public: Client,
}

impl Http {
    pub(super) fn new() -> reqwest::Result<Self> {
        Ok(Self {
            anywhere: builder(false).build()?,
            public: builder(true).dns_resolver(outbound::public_resolver()).build()?,
        })
    }

    /// What fetches from an address.
    async fn client(&self, url: &Url) -> &Client {
        if outbound::leads_private(url).await { &self.anywhere } else { &self.public }
    }
}

fn builder(is_public: bool) -> ClientBuilder {
    let policy = move |attempt: Attempt<'_>| {
        let leads = match leads(attempt.previous(), attempt.url()) {
            Ok(()) if is_public && outbound::names_private(attempt.url()) => {
                Err("leads to an address that is not public")
            }
            leads => leads,
        };
        match leads {
            Ok(()) => attempt.follow(),
            Err(why) => attempt.error(why),
        }
    };
    Client::builder()
        .redirect(Policy::custom(policy))
        // It would tell the next one the address, in which there may be a secret.
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE)
        .user_agent(concat!("comptoir/", env!("CARGO_PKG_VERSION")))
}

/// Whether a redirect is followed: not too many, and none that gives up encryption. `Authorization`
/// stays behind where host or port are others.
fn leads(previous: &[Url], next: &Url) -> Result<(), &'static str> {
    if previous.len() > REDIRECTS {
        return Err("too many redirects");
    }
    let was_safe = previous.iter().any(|url| url.scheme() == "https");
    match next.scheme() {
        "https" => Ok(()),
        "http" if !was_safe => Ok(()),
        _ => Err("leads from https to something else"),
    }
}

impl Last {
    fn path(folder: &Folder) -> PathBuf {
        folder.path().join(".fetched.json")
    }

    /// What is known under these settings; nothing where that cannot be read.
    fn load(folder: &Folder, settings: &str) -> Self {
        let text = std::fs::read(Self::path(folder)).unwrap_or_default();
        let last: Self = serde_json::from_slice(&text).unwrap_or_default();
        if last.settings == settings { last } else { Self::default() }
    }

    /// Remembers it.
    pub(super) fn save(&self, folder: &Folder) -> io::Result<()> {
        storage::write_durably(&Self::path(folder), &serde_json::to_vec(self)?)
    }
}

/// Fetches a file where it has changed since the last that was imported, unless that takes too long. The
/// error names no address, for there may be a secret in it.
pub(super) async fn fetch(
    http: &Http,
    folder: &Folder,
    remote: &Remote,
    most: u64,
) -> Result<Option<Fetched>, String> {
    let time = remote.every.clamp(SHORTEST, LONGEST);
    let fetched = within(time, fetch_now(http, folder, remote, most)).await;
    if fetched.is_err()
        && let Ok(working) = folder.working()
    {
        let _ = std::fs::remove_file(working.join(PART));
    }
    fetched
}

async fn within<T>(
    time: Duration,
    fetching: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    tokio::time::timeout(time, fetching).await.unwrap_or_else(|_| {
        let minutes = time.as_secs() / 60;
        Err(format!(
            "had not sent the whole file after {minutes} minutes; send it packed or in parts"
        ))
    })
}

async fn fetch_now(
    http: &Http,
    folder: &Folder,
    remote: &Remote,
    most: u64,
) -> Result<Option<Fetched>, String> {
    let known = Last::load(folder, &remote.settings);
    let mut request = http.client(&remote.url).await.get(remote.url.clone());
    for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    if let Some(secret) = &remote.authorization {
        let mut value = HeaderValue::from_str(secret.reveal())
            .map_err(|_| "authorization_file: holds no line of text".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let answer = request.send().await.map_err(|e| spoken(&e))?;
    match answer.status().as_u16() {
        304 => return Ok(None),
        200 => {}
        other => return Err(format!("was answered with status {other}")),
    }
    let (etag, last_modified) =
        (text(answer.headers(), &ETAG), text(answer.headers(), &LAST_MODIFIED));
    let working = folder.working().map_err(|error| error.to_string())?;
    let part = working.join(PART);
    let sha256 = store(answer, &part, most).await?;
    let settings = remote.settings.clone();
    let last = Last { settings, etag, last_modified, sha256 };
    if last.sha256 == known.sha256 {
        let kept = last.save(folder).and_then(|()| std::fs::remove_file(&part));
        return kept.map(|()| None).map_err(|error| error.to_string());
    }
    let file = working.join("fetched");
    std::fs::rename(&part, &file).map_err(|error| error.to_string())?;
    Ok(Some(Fetched { file, last }))
}

/// Writes a body to a file; its SHA-256 in hex.
async fn store(mut answer: reqwest::Response, to: &Path, most: u64) -> Result<String, String> {
    let disk = |error: io::Error| error.to_string();
    let mut file = File::create(to).await.map_err(disk)?;
    let (mut hash, mut length) = (Sha256::new(), 0u64);
    while let Some(chunk) = answer.chunk().await.map_err(|e| spoken(&e))? {
        length += chunk.len() as u64;
        if length > most {
            return Err("sends more than `feeds.max_mib`".to_owned());
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(disk)?;
    }
    file.sync_all().await.map_err(disk)?;
    Ok(hex(hash.finalize()))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// A failure without the address.
fn spoken(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "took too long"
    } else if error.is_connect() {
        "could not be reached"
    } else if error.is_redirect() {
        "leads on too often, to an address that is no https, or from a public one into a private network"
    } else {
        "broke off"
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let drips = std::future::pending::<Result<(), String>>();
        let error = within(Duration::from_millis(1), drips).await.unwrap_err();
        assert!(error.contains("had not sent the whole file"), "{error}");
        assert_eq!(within(LONGEST, async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_public_address_leads_into_no_private_network() {
        let http = Http::new().unwrap();
        let url = |text: &str| Url::parse(text).unwrap();
        for (first, is_public) in
            [("https://1.1.1.1/", true), ("http://10.0.0.5/", false), ("http://[::1]/", false)]
        {
            let client = http.client(&url(first)).await;
            assert_eq!(std::ptr::eq(client, &http.public), is_public, "{first}");
        }
        let within = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = within.local_addr().unwrap().port();
        // The first address stands for one to which a redirect led.
        let refused = http.public.get(format!("http://localhost:{port}/")).send().await;
        assert!(refused.unwrap_err().is_connect());
        within.set_nonblocking(true).unwrap();
        assert!(within.accept().is_err(), "nobody has called");
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = server.local_addr().unwrap();
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (mut stream, _) = server.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let found = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
            );
            stream.write_all(found.as_bytes()).await.unwrap();
        });
        let refused = http.public.get(format!("http://{at}/")).send().await;
        assert!(refused.unwrap_err().is_redirect());
        assert!(within.accept().is_err(), "nobody has called");
    }

    #[test]
    fn a_redirect_never_gives_up_encryption() {
        let url = |text: &str| Url::parse(text).unwrap();
        let leads = |from: &[&str], to: &str| {
            let from: Vec<Url> = from.iter().map(|text| url(text)).collect();
            leads(&from, &url(to)).is_ok()
        };
        assert!(leads(&["http://a.example/"], "http://b.example/"));
        assert!(leads(&["http://a.example/"], "https://a.example/"));
        assert!(leads(&["https://a.example/"], "https://b.example/"));
        assert!(!leads(&["https://a.example/"], "http://a.example/"));
        assert!(!leads(&["http://a.example/", "https://a.example/"], "http://a.example/"));
        assert!(!leads(&["https://a.example/"], "ftp://a.example/"));
        assert!(leads(&["https://a.example/"; 5], "https://a.example/"));
        assert!(!leads(&["https://a.example/"; 6], "https://a.example/"));
    }
}
