//! Calls to addresses that others have chosen, kept away from the network that this program is in.
//!
//! A name is resolved once, here, and only to addresses that were looked at: what a name meant when it
//! was registered, and what it means at a second look, is of no importance. Redirects are not followed.
//!
//! OpenID providers ([`oidc`]) are called beside this: the retailer names them, wherever they are.

mod address;
mod fetch;
pub mod oidc;
mod retry_after;

pub use address::is_public;
pub use fetch::{Fetch, FetchedAnswer};
pub use retry_after::RetryAfter;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest address.
const LONGEST: usize = 2_000;
/// Most bytes that are read of what a refusal says.
const MOST_SAID: usize = 4_096;
const JSON: &str = "application/json";
/// An address that may not be called, in a word.
const FORBIDDEN: &str = "forbidden_address";

/// Which addresses may be called.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Whether `http` may be called, and not `https` alone.
    pub allow_http: bool,
    /// Networks that may be called although they are not public.
    pub private: Vec<IpNet>,
}

/// Why an address may not be called. The text goes on from the name of what holds the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a web address, or not of the scheme that is allowed.
    #[error("is no https address of at most 2000 characters, as it is written with %-escapes")]
    Form,
    /// It holds a user or a password.
    #[error("has a user or password in it; use a secret path or the signature instead")]
    UserInfo,
    /// It leads into a network that is not public.
    #[error("leads to an address that is not public")]
    Address,
}

impl Rules {
    fn admits(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.private.iter().any(|net| net.contains(&ip.to_canonical()))
    }

    /// The address in `text`, if it may be called as far as the text tells.
    pub fn check(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|_| Refused::Form)?;
        let scheme = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
        if !scheme || url.as_str().len() > LONGEST || url.fragment().is_some() {
            return Err(Refused::Form);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        url.host().ok_or(Refused::Form)?;
        if literal(&url).is_some_and(|ip| !self.admits(ip)) {
            return Err(Refused::Address);
        }
        Ok(url)
    }
}

/// The address that a URL has in the place of a name. The parser has made one form of all spellings of it.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
    }
}

/// Whether a URL names an address that is not public. Names are not looked up.
#[must_use]
pub fn names_private(url: &Url) -> bool {
    literal(url).is_some_and(|ip| !is_public(ip))
}

/// Whether a URL leads into networks that are not public alone, as far as its name can be looked up here.
pub async fn leads_private(url: &Url) -> bool {
    let (None, Some(host)) = (literal(url), url.host_str()) else { return names_private(url) };
    let Ok(found) = tokio::net::lookup_host((host, 0)).await else { return false };
    let mut found = found.peekable();
    found.peek().is_some() && found.all(|at| !is_public(at.ip()))
}

/// What resolves names to public addresses only.
#[must_use]
pub fn public_resolver() -> Arc<impl Resolve + 'static> {
    Arc::new(Resolver(Arc::new(Rules::default())))
}

/// A name led to no address that may be called.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
struct Nowhere;

/// Resolves names to those of their addresses that may be called.
#[derive(Debug)]
struct Resolver(Arc<Rules>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(admitted(&rules, found)?.into_iter()) as Addrs)
        })
    }
}

/// Those addresses of a name that may be called.
fn admitted(
    rules: &Rules,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, Nowhere> {
    let admitted: Vec<SocketAddr> = found.filter(|at| rules.admits(at.ip())).collect();
    if admitted.is_empty() { Err(Nowhere) } else { Ok(admitted) }
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// It was answered with this status, and with `Retry-After` where that was said.
    Answered(u16, Option<RetryAfter>),
    /// It was not, for this reason in one word.
    Failed(&'static str),
}

/// Makes the calls.
#[derive(Clone)]
pub struct Caller {
    rules: Arc<Rules>,
    http: reqwest::Client,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller under these rules, which waits so long for an answer.
    pub fn new(rules: Rules, timeout: Duration) -> reqwest::Result<Self> {
        let rules = Arc::new(rules);
        let http = reqwest::Client::builder()
            .dns_resolver(Arc::new(Resolver(Arc::clone(&rules))))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .user_agent(concat!("comptoir/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { rules, http })
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Posts JSON. The body of the answer is not read.
    pub async fn post(&self, url: &str, headers: &[(&str, String)], body: String) -> Called {
        match self.send(url, (JSON, headers), body).await {
            Ok(answer) => answered(&answer),
            Err(word) => Called::Failed(word),
        }
    }

    /// Posts a body of a media type; what became of it and, where it was refused (4xx), the beginning of what was said.
    pub async fn ask(
        &self,
        url: &str,
        with: (&str, &[(&str, String)]),
        body: String,
    ) -> (Called, Vec<u8>) {
        let mut answer = match self.send(url, with, body).await {
            Ok(answer) => answer,
            Err(word) => return (Called::Failed(word), Vec::new()),
        };
        let (called, mut said) = (answered(&answer), Vec::new());
        if answer.status().is_client_error() {
            while said.len() < MOST_SAID {
                // What breaks off has said what it has said.
                let Ok(Some(more)) = answer.chunk().await else { break };
                said.extend_from_slice(&more);
            }
            said.truncate(MOST_SAID);
        }
        (called, said)
    }

    async fn send(
        &self,
        url: &str,
        (media_type, headers): (&str, &[(&str, String)]),
        body: String,
    ) -> Result<reqwest::Response, &'static str> {
        let url = self.rules.check(url).map_err(|_| FORBIDDEN)?;
        let mut request = self.http.post(url).header("content-type", media_type);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.body(body).send().await.map_err(|error| word(&error))
    }
}

fn answered(answer: &reqwest::Response) -> Called {
    let wait = answer.headers().get("retry-after").and_then(|v| v.to_str().ok());
    Called::Answered(answer.status().as_u16(), wait.and_then(RetryAfter::read))
}

/// A failure in one word: its text would hold the address.
fn word(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<Nowhere>() {
            return FORBIDDEN;
        }
        cause = one.source();
    }
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "not_reached"
    } else {
        "broken_off"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_refused_in_every_spelling() {
        let rules = Rules::default();
        for good in [
            "https://example.com/hook?x=1",
            "https://93.184.216.34:8443/",
            "https://[2606:2800::1]/",
        ] {
            assert!(rules.check(good).is_ok(), "{good}");
        }
        for bad in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://0.0.0.0/",
        ] {
            assert_eq!(rules.check(bad), Err(Refused::Address), "{bad}");
        }
        for bad in ["http://example.com/", "ftp://example.com/", "example.com", "", "https://"] {
            assert_eq!(rules.check(bad), Err(Refused::Form), "{bad}");
        }
        assert_eq!(rules.check("https://u:p@example.com/"), Err(Refused::UserInfo));
        // It is stored and checked again as it is sent: each of these becomes six characters.
        let long = |count| format!("https://example.com/{}", "é".repeat(count));
        assert_eq!(rules.check(&long(331)), Err(Refused::Form));
        assert!(rules.check(rules.check(&long(330)).unwrap().as_str()).is_ok());
        let own = Rules { allow_http: true, private: vec!["10.0.0.0/8".parse().unwrap()] };
        assert!(
            own.check("http://10.1.2.3/").is_ok() && own.check("http://[::ffff:10.1.2.3]/").is_ok()
        );
        assert_eq!(own.check("http://127.0.0.1/"), Err(Refused::Address));
    }

    #[test]
    fn of_a_name_that_leads_outside_and_inside_only_the_outside_is_called() {
        let all = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
        };
        let admitted = |text: &str| admitted(&Rules::default(), all(text).into_iter());
        let mixed = "10.0.0.1 93.184.216.34 ::1 ::ffff:127.0.0.1 2606:2800::1";
        assert_eq!(admitted(mixed).unwrap(), all("93.184.216.34 2606:2800::1"));
        assert!(admitted("169.254.169.254 fe80::1 ::ffff:10.0.0.1").is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_called() {
        let rules = Rules { allow_http: true, private: Vec::new() };
        let caller = Caller::new(rules, Duration::from_secs(5)).unwrap();
        let called = caller.post("http://localhost:9/", &[], String::new()).await;
        assert_eq!(called, Called::Failed("forbidden_address"));
    }
}
