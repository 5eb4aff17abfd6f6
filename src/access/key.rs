//! The text of keys and admin tokens: `cpt_live_<id>_<secret><crc>`.
//!
//! The id (11 base62 digits) finds the row, the secret (43 digits, 256 bits) proves the holder, and
//! the CRC-32 (6 digits) of all before it lets noise be refused before anything is looked up. Only
//! a keyed hash of the whole text is stored.

use super::Environment;
use super::keys::model::KeyKind;
pub use super::pepper::Pepper;
use crate::kernel::base62::{self, U32_WIDTH, U64_WIDTH};
use crate::kernel::id::{AdminTokenId, KeyId};
use crate::kernel::secret::Secret;
use std::fmt;
use zeroize::Zeroizing;

const LIVE: &str = "cpt_live_";
const TEST: &str = "cpt_test_";
pub(super) const ADMIN: &str = "cpt_admin_";
pub(super) const CLIENT: &str = "cpt_client_";
/// How all our texts begin, those of other kinds too.
const OURS: &[u8] = b"cpt_";

/// Digits of the secret: 43 x log2(62) = 256.03 bits.
const SECRET_WIDTH: usize = 43;
/// What follows the prefix: id, underscore, secret, checksum.
const TAIL: usize = U64_WIDTH + 1 + SECRET_WIDTH + U32_WIDTH;
/// Last characters of a text that are shown to tell secrets apart: part of the checksum, so they
/// tell at most 24 of the secret's 256 bits.
const HINT: usize = 4;

/// The text is no key or token: wrong form, or its checksum does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of ours, or damaged on the way")]
pub struct InvalidKeyText;

/// A key's text that is whole. Whether the key exists is for the directory to say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyText<'a> {
    /// Live or test, as the text says.
    pub environment: Environment,
    /// The key it names.
    pub id: KeyId,
    text: &'a [u8],
}

impl<'a> KeyText<'a> {
    /// Reads a key's text without allocating.
    pub fn parse(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Result<Self, InvalidKeyText> {
        let text = text.as_ref();
        let environment = match text.get(..LIVE.len()) {
            Some(prefix) if prefix == LIVE.as_bytes() => Environment::Live,
            Some(prefix) if prefix == TEST.as_bytes() => Environment::Test,
            _ => return Err(InvalidKeyText),
        };
        let id = number(text, LIVE.len()).ok_or(InvalidKeyText)?;
        Ok(Self { environment, id: KeyId(id), text })
    }

    /// What the database holds of this text.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> [u8; 32] {
        hash(pepper, self.text)
    }
}

impl fmt::Debug for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({} {})", self.environment, self.id)
    }
}

/// The admin token that a whole text names.
pub fn parse_admin(text: &str) -> Result<AdminTokenId, InvalidKeyText> {
    let id = text.starts_with(ADMIN).then(|| number(text.as_bytes(), ADMIN.len())).flatten();
    id.map(AdminTokenId).ok_or(InvalidKeyText)
}

/// The client whose secret a whole text is.
pub fn parse_client(text: &str) -> Result<KeyId, InvalidKeyText> {
    let id = text.starts_with(CLIENT).then(|| number(text.as_bytes(), CLIENT.len())).flatten();
    id.map(KeyId).ok_or(InvalidKeyText)
}

/// Whether a text looks like one of ours, whole or not: what other gateways gave out does not.
#[must_use]
pub fn is_ours(text: &[u8]) -> bool {
    text.starts_with(OURS)
}

/// The id after a prefix of `prefix` bytes, if form and checksum hold. The secret's characters need
/// no look of their own: a text with others was never given out, so no hash is its hash.
fn number(bytes: &[u8], prefix: usize) -> Option<u64> {
    if bytes.len() != prefix + TAIL {
        return None;
    }
    let (body, crc) = bytes.split_at(bytes.len() - U32_WIDTH);
    if base62::decode(crc)? != u64::from(crc32fast::hash(body)) {
        return None;
    }
    let (id, rest) = body[prefix..].split_at(U64_WIDTH);
    if rest.first() == Some(&b'_') { base62::decode(id) } else { None }
}

/// A new key and its text.
pub fn generate(environment: Environment) -> Result<(KeyId, Secret), getrandom::Error> {
    let id = KeyId::random()?;
    Ok((id, another(KeyKind::Key, environment, id)?))
}

/// Another text for a key that exists.
pub fn another(
    kind: KeyKind,
    environment: Environment,
    id: KeyId,
) -> Result<Secret, getrandom::Error> {
    let prefix = match (kind, environment) {
        (KeyKind::Client, _) => CLIENT,
        (KeyKind::Key, Environment::Live) => LIVE,
        (KeyKind::Key, Environment::Test) => TEST,
    };
    mint(prefix, id.0)
}

/// A new admin token and its text.
pub fn generate_admin() -> Result<(AdminTokenId, Secret), getrandom::Error> {
    let id = AdminTokenId::random()?;
    Ok((id, mint(ADMIN, id.0)?))
}

fn mint(prefix: &str, id: u64) -> Result<Secret, getrandom::Error> {
    // Sized for the longest text, so that no reallocation leaves a copy behind.
    let mut text = String::with_capacity(CLIENT.len() + TAIL);
    text.push_str(prefix);
    text.push_str(&base62::encode(id, U64_WIDTH));
    text.push('_');
    push_random(&mut text, SECRET_WIDTH)?;
    let crc = crc32fast::hash(text.as_bytes());
    text.push_str(&base62::encode(u64::from(crc), U32_WIDTH));
    Ok(Secret::new(text))
}

/// Appends random base62 digits. Bytes of 248 and above are thrown away: 248 is the largest
/// multiple of 62 in a byte, and keeping the rest would favour the first digits.
fn push_random(text: &mut String, digits: usize) -> Result<(), getrandom::Error> {
    let whole = text.len() + digits;
    let mut random = Zeroizing::new([0u8; 64]);
    while text.len() < whole {
        getrandom::fill(&mut random[..])?;
        for byte in random.iter().filter(|byte| **byte < 248).take(whole - text.len()) {
            let mut digit = [0u8];
            base62::encode_into(u64::from(byte % 62), &mut digit);
            text.push(char::from(digit[0]));
        }
    }
    Ok(())
}

/// What the database holds of a text: a hash that is worth nothing without the pepper.
///
/// Of a whole text the part behind its prefix is hashed: 61 bytes are one block, all of it would be
/// two. The prefix counts all the same, in the checksum at the end.
#[must_use]
pub fn hash(pepper: &Pepper, text: &(impl AsRef<[u8]> + ?Sized)) -> [u8; 32] {
    let text = text.as_ref();
    let part = &text[text.len().saturating_sub(TAIL)..];
    *blake3::keyed_hash(pepper.bytes(), part).as_bytes()
}

/// Most characters of a hint: those of other gateways' keys may be longer than ours.
pub const HINT_MOST: usize = 12;

/// Whether a text can be a hint.
#[must_use]
pub fn is_hint(text: &str) -> bool {
    (1..=HINT_MOST).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The last characters of a text, to tell a key's secrets apart on a screen.
#[must_use]
pub fn hint(text: &Secret) -> String {
    let text = text.reveal();
    text[text.len().saturating_sub(HINT)..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environments() -> impl Strategy<Value = Environment> {
        prop_oneof![Just(Environment::Live), Just(Environment::Test)]
    }

    #[test]
    fn a_token_is_no_key_and_a_key_no_token() {
        let (id, token) = generate_admin().unwrap();
        assert_eq!(parse_admin(token.reveal()), Ok(id));
        assert_eq!(KeyText::parse(token.reveal()), Err(InvalidKeyText));
        let (_, key) = generate(Environment::Live).unwrap();
        assert_eq!(parse_admin(key.reveal()), Err(InvalidKeyText));
    }

    #[test]
    fn the_secret_of_a_client_is_no_key() {
        let id = KeyId(7);
        let text = another(KeyKind::Client, Environment::Live, id).unwrap();
        assert_eq!(parse_client(text.reveal()), Ok(id));
        assert_eq!(KeyText::parse(text.reveal()), Err(InvalidKeyText));
        let (_, key) = generate(Environment::Live).unwrap();
        assert_eq!(parse_client(key.reveal()), Err(InvalidKeyText));
    }

    #[test]
    fn debug_shows_no_secret() {
        let (_, text) = generate(Environment::Test).unwrap();
        let shown = format!("{:?}", KeyText::parse(text.reveal()).unwrap());
        assert!(!shown.contains(&text.reveal()[21..]), "{shown}");
    }

    #[test]
    fn the_hash_depends_on_pepper_and_text() {
        let (a, b) = (Pepper::random().unwrap(), Pepper::random().unwrap());
        assert_ne!(hash(&a, "x"), hash(&b, "x"));
        assert_ne!(hash(&a, "x"), hash(&a, "y"));
        assert_eq!(hash(&a, "x"), hash(&a, "x"));
    }

    proptest! {
        #[test]
        fn round_trip(environment in environments(), number: u64) {
            let text = another(KeyKind::Key, environment, KeyId(number)).unwrap();
            let parsed = KeyText::parse(text.reveal()).unwrap();
            prop_assert_eq!((parsed.environment, parsed.id), (environment, KeyId(number)));
            prop_assert_eq!(text.reveal().len(), LIVE.len() + TAIL);
        }

        #[test]
        fn any_changed_character_is_refused(
            environment in environments(), at in 0..LIVE.len() + TAIL, to in any::<char>(),
        ) {
            let (_, text) = generate(environment).unwrap();
            let mut changed: Vec<char> = text.reveal().chars().collect();
            prop_assume!(changed[at] != to);
            changed[at] = to;
            let changed: String = changed.into_iter().collect();
            prop_assert_eq!(KeyText::parse(&changed), Err(InvalidKeyText));
        }

        #[test]
        fn parse_never_panics(tail: String, exact in "[ -~é]{61}") {
            for prefix in ["", LIVE, TEST, ADMIN, CLIENT] {
                for tail in [&tail, &exact] {
                    let _ = KeyText::parse(&format!("{prefix}{tail}"));
                    let _ = parse_admin(&format!("{prefix}{tail}"));
                    let _ = parse_client(&format!("{prefix}{tail}"));
                }
            }
        }
    }
}
