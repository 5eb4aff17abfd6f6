//! Where customers are sent back to: addresses that are registered before, and compared as texts.

use serde::{Deserialize, Serialize};
use std::fmt;
use url::{Host, Url};

/// Most bytes of an address.
pub const LENGTH_MOST: usize = 1_000;
/// How the addresses begin on which an app on the customer's device may listen (RFC 8252 §7.3). Not `localhost`, which
/// can be made to name something else (§8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];
/// Parameters of the answer, which an address must not have of its own (RFC 6749 §4.1.2, RFC 9207 §2).
const ANSWER: [&str; 6] = ["code", "error", "error_description", "error_uri", "iss", "state"];

/// An address to which a client has customers sent back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "StoredRedirect", into = "StoredRedirect")]
pub struct RedirectUri(String);

/// An address as it is stored: by what kind it was registered as. A text alone is none, so that nobody reads one that
/// was not registered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredRedirect {
    /// By https.
    Web(String),
    /// On the loopback interface of the customer's device.
    Loopback(String),
}

/// Why an address cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirect {
    /// It is too long, relative, or not printable ASCII.
    #[error("must be an absolute address in ASCII of at most {LENGTH_MOST} characters")]
    Form,
    /// It could be written in another way that means the same.
    #[error(
        "must be in normal form: lower-case host, no default port, no dots or encoded dots in the path"
    )]
    NotNormal,
    /// It is not https.
    #[error(
        "must begin with https://; an app on a device may use http://127.0.0.1 or http://[::1]"
    )]
    Scheme,
    /// It holds a user or password.
    #[error("must not hold a user or password")]
    User,
    /// It holds a fragment (RFC 6749 §3.1.2).
    #[error("must not hold a fragment")]
    Fragment,
    /// It holds a wildcard.
    #[error("must not hold a wildcard: each address is registered by itself")]
    Wildcard,
    /// It has a parameter that the answer has.
    #[error(
        "must not have a parameter of the answer: code, error, error_description, error_uri, iss, state"
    )]
    Answer,
}

impl RedirectUri {
    /// An address as it is registered. Only a `native` client, an app on the customer's device, may use the loopback
    /// interface.
    pub fn register(text: &str, native: bool) -> Result<Self, InvalidRedirect> {
        if text.len() > LENGTH_MOST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidRedirect::Form);
        }
        let url = Url::parse(text).map_err(|_| InvalidRedirect::Form)?;
        if text.contains('*') {
            return Err(InvalidRedirect::Wildcard);
        }
        if text.contains('#') {
            return Err(InvalidRedirect::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRedirect::User);
        }
        let is_loopback = || native && around_port(text).is_some();
        match url.scheme() {
            "https"
                if matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_))) => {}
            "http" if is_loopback() => {}
            _ => return Err(InvalidRedirect::Scheme),
        }
        // An address without a path is the one with `/` to libraries, and another one to who compares texts.
        let is_normal = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
        if !is_normal || text.to_ascii_lowercase().contains("%2e") {
            return Err(InvalidRedirect::NotNormal);
        }
        if url.query_pairs().any(|(name, _)| ANSWER.contains(&&*name)) {
            return Err(InvalidRedirect::Answer);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address that is asked for, if it is one of the registered ones: the same text (RFC 9700 §4.1.3), on the
    /// loopback interface with any port (RFC 8252 §7.3).
    #[must_use]
    pub fn among(registered: &[Self], asked: &str) -> Option<Self> {
        if let Some(same) = registered.iter().find(|known| known.0 == asked) {
            return Some(same.clone());
        }
        let around = around_port(asked)?;
        let is_same = |known: &Self| around_port(&known.0) == Some(around);
        registered.iter().any(is_same).then(|| Self::register(asked, true).ok())?
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address of the loopback interface as what stands before its port and behind it; none of another.
fn around_port(text: &str) -> Option<(&str, &str)> {
    let host = LOOPBACK.into_iter().find(|host| text.starts_with(host))?;
    let rest = &text[host.len()..];
    let Some(port) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
    };
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    let (port, path) = port.split_at(digits);
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    (is_port && (path.is_empty() || path.starts_with(['/', '?']))).then_some((host, path))
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<RedirectUri> for StoredRedirect {
    fn from(uri: RedirectUri) -> Self {
        let is_loopback = around_port(&uri.0).is_some();
        if is_loopback { Self::Loopback(uri.0) } else { Self::Web(uri.0) }
    }
}

impl TryFrom<StoredRedirect> for RedirectUri {
    type Error = InvalidRedirect;

    fn try_from(stored: StoredRedirect) -> Result<Self, InvalidRedirect> {
        match stored {
            StoredRedirect::Web(text) => Self::register(&text, false),
            StoredRedirect::Loopback(text) if around_port(&text).is_some() => {
                Self::register(&text, true)
            }
            StoredRedirect::Loopback(_) => Err(InvalidRedirect::Scheme),
        }
    }
}
