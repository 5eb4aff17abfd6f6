//! Random texts that stand for what is stored here: codes, references of pushed requests, refresh tokens.
//!
//! `<prefix><32 random bytes in base64url><CRC-32 in base62>`. The prefix lets scanners for leaks know a text, and the
//! checksum lets noise be refused before anything is looked up. Of the text only the SHA-256 is meant to be stored: a
//! stolen database opens nothing, and 256 random bits need no key for that.

use super::bits::{self, bits};
use crate::kernel::base62::{self, U32_WIDTH};
use crate::kernel::secret::Secret;
use std::fmt;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// What a text stands for. A text of one kind is none of another.
pub trait HandleKind {
    /// How its texts begin.
    const PREFIX: &'static str;
}

/// An authorization code (RFC 6749 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationCode {}

/// A pushed authorization request (RFC 9126 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestUri {}

/// A refresh token (RFC 6749 §1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshToken {}

impl HandleKind for AuthorizationCode {
    const PREFIX: &'static str = "ac_";
}

impl HandleKind for RequestUri {
    const PREFIX: &'static str = "urn:ietf:params:oauth:request_uri:";
}

impl HandleKind for RefreshToken {
    const PREFIX: &'static str = "rt_";
}

bits! {
    /// What is stored of a handle: its SHA-256.
    HandleHash;
}

/// A handle whose text is whole. Whether it stands for anything is for the database to say.
pub struct Handle<K> {
    text: Secret,
    kind: PhantomData<K>,
}

/// The text is no handle of that kind, or was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of ours, or damaged on the way")]
pub struct InvalidHandle;

impl<K: HandleKind> Handle<K> {
    /// A new handle from the randomness of `fill`, such as `getrandom::fill`.
    pub fn random<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        fill(&mut bytes[..])?;
        // Sized for all of it, so that no reallocation leaves a copy behind.
        let mut text = String::with_capacity(K::PREFIX.len() + bits::WIDTH + U32_WIDTH);
        text.push_str(K::PREFIX);
        text.push_str(&Zeroizing::new(bits::encode(*bytes)));
        let crc = crc32fast::hash(text.as_bytes());
        text.push_str(&base62::encode(u64::from(crc), U32_WIDTH));
        Ok(Self::of(text))
    }

    /// Reads a text.
    pub fn read(text: &str) -> Result<Self, InvalidHandle> {
        let rest = text.strip_prefix(K::PREFIX).ok_or(InvalidHandle)?;
        let (digits, crc) = rest.split_at_checked(bits::WIDTH).ok_or(InvalidHandle)?;
        let body = &text[..text.len() - crc.len()];
        let is_whole = crc.len() == U32_WIDTH
            && base62::decode(crc.as_bytes()) == Some(u64::from(crc32fast::hash(body.as_bytes())));
        if !is_whole || bits::decode_32(digits).is_none() {
            return Err(InvalidHandle);
        }
        Ok(Self::of(text.to_owned()))
    }
}

impl<K> Handle<K> {
    fn of(text: String) -> Self {
        Self { text: Secret::new(text), kind: PhantomData }
    }

    /// The text, for who gets it.
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

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for Handle<K> {
    fn eq(&self, other: &Self) -> bool {
        self.hash() == other.hash()
    }
}

impl<K> Eq for Handle<K> {}

impl<K: HandleKind> fmt::Debug for Handle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", K::PREFIX)
    }
}
