//! Access tokens: what an OAuth client shows in place of a key, for some minutes.
//!
//! `cpt_at_<payload><crc>`: the payload names the client, what the token allows, when it was issued and for
//! how long, and the client's generation of tokens, under a keyed BLAKE3 that every node with the pepper can check. Nothing of it is stored. The
//! CRC-32 at the end lets noise be refused before anything is computed.

use super::{Pepper, Scopes};
use crate::kernel::Micros;
use crate::kernel::base62::{self, U32_WIDTH};
use crate::kernel::clock::SECOND;
use crate::kernel::id::KeyId;
use crate::kernel::secret::{self, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

/// What the secret is derived for. Another layout of the payload is another purpose.
const PURPOSE: &str = "comptoir access tokens 2";
/// How a token begins.
const PREFIX: &str = "cpt_at_";
/// Client, scopes, time of issue: eight bytes each; seconds of life: two; generation: four.
const PAYLOAD: usize = 8 + 8 + 8 + 2 + 4;
/// The payload and its keyed hash.
const BYTES: usize = PAYLOAD + 32;
/// Characters of these in base64.
const DIGITS: usize = (BYTES * 8).div_ceil(6);

/// Issues access tokens and reads them.
pub struct Tokens(Zeroizing<[u8; 32]>);

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The client that it was issued to.
    pub client: KeyId,
    /// What it allows, as far as the client may.
    pub scopes: Scopes,
    /// When it was issued.
    pub issued_at: Micros,
    /// When it ends.
    pub expires_at: Micros,
    /// The client's generation of tokens as the node knew it that issued this one.
    pub generation: u32,
}

/// The text is no token of ours, or was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an access token of ours, or damaged on the way")]
pub struct InvalidTokenText;

/// Whether a text is meant to be a token.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    text.starts_with(PREFIX.as_bytes())
}

impl Tokens {
    /// The tokens of all nodes that have this pepper.
    #[must_use]
    pub fn new(pepper: &Pepper) -> Self {
        Self(Zeroizing::new(pepper.derive(PURPOSE, "")))
    }

    /// A token for a client, in its present generation of tokens.
    #[must_use]
    pub fn issue(
        &self,
        (client, generation): (KeyId, u32),
        scopes: Scopes,
        now: Micros,
        life_s: u16,
    ) -> Secret {
        let mut bytes = Zeroizing::new([0u8; BYTES]);
        let (payload, sum) = bytes.split_at_mut(PAYLOAD);
        payload[..8].copy_from_slice(&client.0.to_be_bytes());
        payload[8..16].copy_from_slice(&scopes.bits().to_be_bytes());
        payload[16..24].copy_from_slice(&now.0.to_be_bytes());
        payload[24..26].copy_from_slice(&life_s.to_be_bytes());
        payload[26..].copy_from_slice(&generation.to_be_bytes());
        sum.copy_from_slice(blake3::keyed_hash(&self.0, payload).as_bytes());
        // Sized for the whole text, so that no reallocation leaves a copy behind.
        let mut text = String::with_capacity(PREFIX.len() + DIGITS + U32_WIDTH);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes[..], &mut text);
        let crc = crc32fast::hash(text.as_bytes());
        text.push_str(&base62::encode(u64::from(crc), U32_WIDTH));
        Secret::new(text)
    }

    /// What a token says. Whether its time is over is for the caller to see.
    pub fn read(&self, text: &[u8]) -> Result<Token, InvalidTokenText> {
        if text.len() != PREFIX.len() + DIGITS + U32_WIDTH || !is_token(text) {
            return Err(InvalidTokenText);
        }
        let (body, crc) = text.split_at(text.len() - U32_WIDTH);
        if base62::decode(crc) != Some(u64::from(crc32fast::hash(body))) {
            return Err(InvalidTokenText);
        }
        let mut bytes = [0u8; BYTES];
        let decoded = URL_SAFE_NO_PAD.decode_slice(&body[PREFIX.len()..], &mut bytes);
        if decoded != Ok(BYTES) {
            return Err(InvalidTokenText);
        }
        let (payload, sum) = bytes.split_at(PAYLOAD);
        let sum: [u8; 32] = sum.try_into().map_err(|_| InvalidTokenText)?;
        if !secret::same(blake3::keyed_hash(&self.0, payload).as_bytes(), &sum) {
            return Err(InvalidTokenText);
        }
        let read = |at: usize, width: usize| {
            payload[at..at + width].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let number = |at| read(at, 8);
        let issued_at = Micros(number(16).cast_signed());
        let life = read(24, 2).cast_signed();
        Ok(Token {
            client: KeyId(number(0)),
            scopes: Scopes::of_bits(number(8)),
            issued_at,
            expires_at: Micros(issued_at.0.saturating_add(life * SECOND)),
            generation: read(26, 4) as u32,
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[tokens]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens() -> Tokens {
        Tokens::new(&Pepper::random().unwrap())
    }

    proptest! {
        #[test]
        fn round_trip(client: u64, generation: u32, at in 0i64..4_000_000_000_000_000, life: u16) {
            let tokens = tokens();
            let text = tokens.issue((KeyId(client), generation), Scopes::all(), Micros(at), life);
            let token = tokens.read(text.reveal().as_bytes()).unwrap();
            prop_assert_eq!((token.client, token.scopes), (KeyId(client), Scopes::all()));
            prop_assert_eq!((token.issued_at, token.generation), (Micros(at), generation));
            prop_assert_eq!(token.expires_at.0 - at, i64::from(life) * SECOND);
        }

        #[test]
        fn any_changed_character_is_refused(at in 0..PREFIX.len() + DIGITS + U32_WIDTH, to: u8) {
            let tokens = tokens();
            let text = tokens.issue((KeyId(7), 0), Scopes::all(), Micros(1), 600);
            let mut changed = text.reveal().as_bytes().to_vec();
            prop_assume!(changed[at] != to);
            changed[at] = to;
            prop_assert_eq!(tokens.read(&changed), Err(InvalidTokenText));
        }

        #[test]
        fn read_never_panics(tail: Vec<u8>, exact in "[ -~]{89}") {
            for tail in [&tail[..], exact.as_bytes()] {
                let _ = tokens().read(tail);
                let _ = tokens().read(&[PREFIX.as_bytes(), tail].concat());
            }
        }
    }

    #[test]
    fn a_payload_that_was_changed_with_its_checksum_is_refused() {
        let (tokens, others) = (tokens(), tokens());
        let text = tokens.issue((KeyId(7), 0), Scopes::default(), Micros(1), 600);
        assert_eq!(others.read(text.reveal().as_bytes()), Err(InvalidTokenText));
        let mut body = text.reveal()[..PREFIX.len() + DIGITS].to_owned();
        body.replace_range(PREFIX.len() + 12..PREFIX.len() + 14, "__");
        let crc = crc32fast::hash(body.as_bytes());
        body.push_str(&base62::encode(u64::from(crc), U32_WIDTH));
        assert_eq!(tokens.read(body.as_bytes()), Err(InvalidTokenText));
    }
}
