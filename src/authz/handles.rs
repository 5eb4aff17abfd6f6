//! Random texts that stand for what is stored here: codes, references of pushed requests, refresh tokens.
//!
//! `<prefix><32 random bytes in base64url><CRC-32 in base62>`. The prefix lets scanners for leaks know a text, and the
//! checksum lets noise be refused before anything is looked up. Of the text only the SHA-256 is meant to be stored: a
//! stolen database opens nothing, and 256 random bits need no key for that.

use super::bits::{self, bits};
use crate::kernel::base62::{self, U32_WIDTH};
use crate::kernel::secret::Secret;
use zeroize::Zeroizing;

/// What a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleKind {
    /// An authorization code (RFC 6749 §4.1.2).
    Code,
    /// A pushed authorization request (RFC 9126 §2.2).
    RequestUri,
    /// A refresh token (RFC 6749 §1.5).
    RefreshToken,
}

impl HandleKind {
    /// How its texts begin.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Code => "ac_",
            Self::RequestUri => "urn:ietf:params:oauth:request_uri:",
            Self::RefreshToken => "rt_",
        }
    }
}

bits! {
    /// What is stored of a handle: its SHA-256.
    HandleHash;
}

/// A handle whose text is whole. Whether it stands for anything is for the database to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    kind: HandleKind,
    text: Secret,
}

/// The text is no handle of that kind, or was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of ours, or damaged on the way")]
pub struct InvalidHandle;

impl Handle {
    /// A new handle from the randomness of `fill`, such as `getrandom::fill`.
    pub fn random<E>(
        kind: HandleKind,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        fill(&mut bytes[..])?;
        Ok(Self::of(kind, &bytes))
    }

    /// The refresh token that takes the place of this one: the same each time that it is asked for, and known to
    /// nobody without `key`, so that an answer that was lost can be given again although only hashes are stored.
    #[must_use]
    pub fn successor(&self, key: &[u8; 32]) -> Self {
        let text = self.text.reveal().as_bytes();
        let bytes = bits::hmac(key, &[b"comptoir successor of a refresh token\n", text]);
        let bytes = Zeroizing::new(bytes);
        Self::of(HandleKind::RefreshToken, &bytes)
    }

    fn of(kind: HandleKind, bytes: &[u8; 32]) -> Self {
        let prefix = kind.prefix();
        // Sized for all of it, so that no reallocation leaves a copy behind.
        let mut text = String::with_capacity(prefix.len() + bits::WIDTH + U32_WIDTH);
        text.push_str(prefix);
        text.push_str(&Zeroizing::new(bits::encode(bytes)));
        let crc = crc32fast::hash(text.as_bytes());
        text.push_str(&base62::encode(u64::from(crc), U32_WIDTH));
        Self { kind, text: Secret::new(text) }
    }

    /// Reads a text.
    pub fn read(kind: HandleKind, text: &str) -> Result<Self, InvalidHandle> {
        let rest = text.strip_prefix(kind.prefix()).ok_or(InvalidHandle)?;
        let (digits, crc) = rest.split_at_checked(bits::WIDTH).ok_or(InvalidHandle)?;
        let body = &text[..text.len() - crc.len()];
        let is_whole = crc.len() == U32_WIDTH
            && base62::decode(crc.as_bytes()) == Some(u64::from(crc32fast::hash(body.as_bytes())));
        if !is_whole || bits::decode_32(digits).is_none() {
            return Err(InvalidHandle);
        }
        Ok(Self { kind, text: Secret::new(text.to_owned()) })
    }

    /// What it stands for.
    #[must_use]
    pub fn kind(&self) -> HandleKind {
        self.kind
    }

    /// The text, for the client that gets it.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> HandleHash {
        HandleHash(bits::sha256(self.text.reveal()))
    }
}
