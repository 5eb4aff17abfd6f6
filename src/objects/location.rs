//! `s3://BUCKET/PREFIX`: where in an object storage something is.

use std::fmt;
use std::str::FromStr;

/// What such an address begins with.
const SCHEME: &str = "s3://";
/// Longest prefix: a key has at most 1024 bytes, and a name comes behind.
const LONGEST_PREFIX: usize = 800;

/// A bucket, and what the keys in it begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    prefix: String,
}

/// The text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be s3://BUCKET/PREFIX: a bucket of 3 to 63 lower-case letters, digits, '-' and '.', and a prefix whose parts are of \
     letters, digits, '-', '_', '.', '=' and '+', none of them '.' or '..'"
)]
pub struct InvalidLocation;

impl Location {
    /// Whether a text means such an address, well formed or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What keys begin with, without a slash at its end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The address of what has a name there.
    #[must_use]
    pub fn below(&self, name: &str) -> String {
        format!("{self}/{name}").trim_end_matches('/').to_owned()
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidLocation)?;
        let (bucket, prefix) = rest.split_once('/').ok_or(InvalidLocation)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|byte| named(byte) || b"-.".contains(&byte))
            && bucket.bytes().next().is_some_and(named)
            && bucket.bytes().last().is_some_and(named)
            && !bucket.contains("..");
        let is_part = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=+".contains(&byte);
            !matches!(part, "" | "." | "..") && part.bytes().all(plain)
        };
        if !is_bucket || prefix.len() > LONGEST_PREFIX || !prefix.split('/').all(is_part) {
            return Err(InvalidLocation);
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix_are_named() {
        for (text, shown) in [
            ("s3://shop-usage/2026/11", "s3://shop-usage/2026/11"),
            ("s3://a.b3/period=2026-11/", "s3://a.b3/period=2026-11"),
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), shown);
        }
        for text in [
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "s3://bucket//",
            "s3://bucket/a//b",
            "s3://bucket/../b",
            "s3://bucket/a/.",
            "s3://Bucket/a",
            "s3://-ab/a",
            "s3://a..b/c",
            "s3://ab/c",
            "s3://bucket/a b",
            "s3://user:password@bucket/a",
            "s3://bucket/a?b",
            "s3://bucket/é",
            "https://bucket/a",
            "bucket/a",
        ] {
            assert_eq!(text.parse::<Location>(), Err(InvalidLocation), "{text}");
        }
    }
}
