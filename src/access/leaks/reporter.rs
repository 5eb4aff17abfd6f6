//! Who reports: the public keys that reports are signed with, in the form in which GitHub gives its own out.

use crate::config::ReporterKeys;
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, MINUTE};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use parking_lot::RwLock;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Mutex;

/// Most bytes of a list of keys.
const LIST_MOST: usize = 256 * 1024;
/// How long the list may take to come.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest name of a key and longest signature in characters.
const TEXT_MOST: usize = 500;

/// Keys by their names.
type Keys = HashMap<String, ParsedPublicKey>;

/// Knows the keys of who reports, and gets them anew when one is named that it does not know, and each hour: who reports
/// takes keys back, too.
#[derive(Debug)]
pub(super) struct Reporter {
    from: ReporterKeys,
    http: reqwest::Client,
    known: RwLock<Known>,
    /// When the list was last asked for. Names are not signed, so it is not asked for at each.
    asked_at: Mutex<Option<Micros>>,
}

/// The keys of the last list.
#[derive(Debug, Default)]
struct Known {
    keys: Keys,
    /// When they were asked for.
    at: Option<Micros>,
}

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The bytes are as they were signed.
    Signed,
    /// They are not, or nobody knows the key.
    Unsigned,
    /// The keys cannot be had now, so it cannot be told.
    Unknown,
}

#[derive(Deserialize)]
struct List {
    public_keys: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    key_identifier: String,
    key: String,
}

impl Reporter {
    pub(super) fn new(from: ReporterKeys) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // It could lead to where nobody vouches for the list.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("comptoir/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let (known, asked_at) = (RwLock::default(), Mutex::new(None));
        Ok(Self { from, http, known, asked_at })
    }

    /// Checks a signature over some bytes.
    pub(super) async fn check(
        &self,
        (name, signature): (&str, &str),
        bytes: &[u8],
        now: Micros,
    ) -> Verdict {
        if name.len() > TEXT_MOST || signature.len() > TEXT_MOST {
            return Verdict::Unsigned;
        }
        let Ok(signature) = STANDARD.decode(signature) else { return Verdict::Unsigned };
        let told = || self.known(name, &signature, bytes);
        if let (Some(verdict), true) = (told(), self.is_fresh(now)) {
            return verdict;
        }
        let mut asked_at = self.asked_at.lock().await;
        // Another call may have asked while this one waited.
        if let (Some(verdict), true) = (told(), self.is_fresh(now)) {
            return verdict;
        }
        if asked_at.is_none_or(|at| !(0..MINUTE).contains(&(now.0 - at.0))) {
            *asked_at = Some(now);
            match self.list().await {
                Ok(keys) => *self.known.write() = Known { keys, at: Some(now) },
                Err(why) => {
                    tracing::error!(why, "the keys that sign reports of leaked keys cannot be had");
                    // A list of before holds for the keys that it has.
                    return told().unwrap_or(Verdict::Unknown);
                }
            }
        }
        let unknown = if self.is_fresh(now) { Verdict::Unsigned } else { Verdict::Unknown };
        told().unwrap_or(unknown)
    }

    /// Whether the keys were asked for within the hour.
    fn is_fresh(&self, now: Micros) -> bool {
        self.known.read().at.is_some_and(|at| (0..HOUR).contains(&(now.0 - at.0)))
    }

    fn known(&self, name: &str, signature: &[u8], bytes: &[u8]) -> Option<Verdict> {
        let known = self.known.read();
        let signed = known.keys.get(name)?.verify_sig(bytes, signature).is_ok();
        Some(if signed { Verdict::Signed } else { Verdict::Unsigned })
    }

    async fn list(&self) -> Result<Keys, String> {
        let bytes = match &self.from {
            ReporterKeys::File(path) => {
                let read = tokio::fs::read(path).await;
                read.map_err(|error| format!("{}: {error}", path.display()))?
            }
            ReporterKeys::Url(url) => self.fetch(url).await?,
        };
        let list: List =
            serde_json::from_slice(&bytes).map_err(|error| format!("no list of keys: {error}"))?;
        let mut keys = Keys::new();
        for listed in list.public_keys {
            // One of a kind to come does not take the others away.
            match read(&listed.key) {
                Some(key) => _ = keys.insert(listed.key_identifier, key),
                None => tracing::warn!("a key of the list is none of ECDSA P-256 and is left out"),
            }
        }
        Ok(keys)
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        // Without the address, in which there may be a secret.
        let told = |error: reqwest::Error| error.without_url().to_string();
        let answer = self.http.get(url).send().await.map_err(told)?;
        let answer = answer.error_for_status().map_err(told)?;
        let (mut bytes, mut stream) = (Vec::new(), answer.bytes_stream());
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(told)?);
            if bytes.len() > LIST_MOST {
                return Err(format!("the list has more than {LIST_MOST} bytes"));
            }
        }
        Ok(bytes)
    }
}

/// The key in a PEM text.
fn read(pem: &str) -> Option<ParsedPublicKey> {
    let lines = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(lines.collect::<String>()).ok()?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the message of GitHub's own page on the program.
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq\n\
        kCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==\n\
        -----END PUBLIC KEY-----\n";
    const BODY: &[u8] = br#"[{"token":"some_token","type":"some_type","url":"some_url"}]"#;
    const SIGNATURE: &str = "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=";

    #[tokio::test]
    async fn the_example_of_the_program_is_signed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        let list = serde_json::json!({ "public_keys": [
            { "key_identifier": "to come", "key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n" },
            { "key_identifier": "90a4", "key": KEY, "is_current": true },
        ] });
        let reporter = Reporter::new(ReporterKeys::File(path.clone())).unwrap();
        let at = |minutes: i64| Micros(minutes * MINUTE);
        let check = async |name, signature, body: &[u8], now| {
            reporter.check((name, signature), body, now).await
        };
        assert_eq!(check("90a4", SIGNATURE, BODY, at(0)).await, Verdict::Unknown);
        std::fs::write(&path, list.to_string()).unwrap();
        assert_eq!(
            check("90a4", SIGNATURE, BODY, at(0)).await,
            Verdict::Unknown,
            "asked once a minute"
        );
        assert_eq!(check("90a4", SIGNATURE, BODY, at(1)).await, Verdict::Signed);
        let changed = [BODY, b" "].concat();
        assert_eq!(check("90a4", SIGNATURE, &changed, at(1)).await, Verdict::Unsigned);
        assert_eq!(check("other", SIGNATURE, BODY, at(1)).await, Verdict::Unsigned);
        assert_eq!(check("90a4", "bm8=", BODY, at(1)).await, Verdict::Unsigned);
        assert_eq!(check("90a4", "§", BODY, at(1)).await, Verdict::Unsigned);

        // The list is away for a while, and then without the key.
        std::fs::rename(&path, dir.path().join("away")).unwrap();
        assert_eq!(check("90a4", SIGNATURE, BODY, at(61)).await, Verdict::Signed);
        std::fs::write(&path, r#"{ "public_keys": [] }"#).unwrap();
        assert_eq!(check("90a4", SIGNATURE, BODY, at(62)).await, Verdict::Unsigned);
    }
}
