//! A request to an object storage, and whether it is from who may ask.

use super::signed::{checksum, decoded, sha256, signature};
use super::{ACCESS_KEY, REGION, SECRET};
use comptoir::kernel::Micros;
use std::collections::BTreeMap;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// How far a clock may be from this one.
const SKEW: i64 = 15 * 60 * 1_000_000;

/// A request as it arrived.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// One request; none where the client has hung up.
    pub(super) async fn read(from: &mut BufReader<TcpStream>) -> std::io::Result<Option<Self>> {
        let (mut first, mut headers) = (String::new(), BTreeMap::new());
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => {
                    headers.insert(name.to_ascii_lowercase(), value.to_owned());
                }
                None if line.trim_end().is_empty() => break,
                None => line.trim_end().clone_into(&mut first),
            }
        }
        let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        from.read_exact(&mut body).await?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        Ok(Some(Self { method, path, query, headers, body }))
    }

    /// Bucket and key.
    pub(super) fn place(&self) -> (String, String) {
        let path = decoded(&self.path);
        let (bucket, key) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        (bucket.to_owned(), key.to_owned())
    }

    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// What it asks for, in words.
    pub(super) fn told(&self) -> String {
        let (_, key) = self.place();
        let part = self.query("partNumber");
        match (self.method.as_str(), self.query("uploadId"), part) {
            ("GET", None, None) if key.is_empty() => "LIST".to_owned(),
            ("POST", None, None) => format!("BEGIN {key}"),
            ("POST", Some(_), None) => format!("COMPLETE {key}"),
            ("DELETE", Some(_), None) => format!("FORGET {key}"),
            ("PUT", Some(_), Some(part)) => format!("PART {part} {key}"),
            (method, _, _) => format!("{method} {key}"),
        }
    }

    /// What is kept beside an object.
    pub(super) fn kept(&self) -> BTreeMap<String, String> {
        let kept = |name: &str| name == "content-type" || name.starts_with("x-amz-meta-");
        let kept = self.headers.iter().filter(|(name, _)| kept(name));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The checksum of the body, which has to be told and right.
    pub(super) fn checked(&self) -> Result<String, String> {
        let expected = checksum(&self.body);
        match self.headers.get("x-amz-checksum-sha256") {
            Some(told) if *told == expected => Ok(expected),
            told => Err(format!("a checksum {told:?}")),
        }
    }

    /// Whether it is signed by who may ask; otherwise what S3 calls the reason.
    pub(super) fn check_signature(&self, now: Micros) -> Result<(), &'static str> {
        let header = |name: &str| self.headers.get(name).map_or("", String::as_str);
        let (date, payload) = (header("x-amz-date"), header("x-amz-content-sha256"));
        let at =
            jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).map_err(|_| "AccessDenied")?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_microsecond();
        if (at - now.0).abs() > SKEW {
            return Err("RequestTimeTooSkewed");
        }
        if payload != sha256(&self.body) {
            return Err("XAmzContentSHA256Mismatch");
        }
        let given = header("authorization").strip_prefix("AWS4-HMAC-SHA256 ").unwrap_or_default();
        let given: BTreeMap<&str, &str> =
            given.split(',').filter_map(|pair| pair.trim().split_once('=')).collect();
        let credential = given.get("Credential").copied().unwrap_or_default();
        let scope: Vec<&str> = credential.split('/').collect();
        let [key, day, region, "s3", "aws4_request"] = scope[..] else {
            return Err("AccessDenied");
        };
        if key != ACCESS_KEY {
            return Err("InvalidAccessKeyId");
        }
        if region != REGION || !date.starts_with(day) {
            return Err("AuthorizationHeaderMalformed");
        }
        let names: Vec<&str> =
            given.get("SignedHeaders").copied().unwrap_or_default().split(';').collect();
        let must = |name: &str| name == "host" || name.starts_with("x-amz-");
        if self.headers.keys().any(|name| must(name) && !names.contains(&name.as_str())) {
            return Err("AccessDenied");
        }
        let headers: Vec<(&str, &str)> = names.iter().map(|name| (*name, header(name))).collect();
        let asked = (self.method.as_str(), self.path.as_str(), self.query.as_str());
        let expected = signature(SECRET, (date, region), asked, &headers, payload);
        if given.get("Signature").copied() == Some(expected.as_str()) {
            Ok(())
        } else {
            Err("SignatureDoesNotMatch")
        }
    }
}
