//! One-time codes (RFC 6238: SHA-1, 6 digits, 30 seconds) and the codes that recover an account.
//!
//! No secret is stored: that of a person's codes follows from the pepper and a number, and of recovery codes
//! there are hashes. So a stolen database lets nobody in.

use crate::access::Pepper;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::AccountId;
use crate::kernel::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Seconds of a time step.
const STEP: i64 = 30;
/// Steps by which a clock may be wrong, either way.
const LEEWAY: i64 = 1;
/// Codes are below this.
const CODES: u32 = 1_000_000;
/// Bytes of a secret, as RFC 4226 §4 recommends.
const SECRET: usize = 20;
/// Recovery codes that are given out.
const RECOVERY: usize = 10;
/// RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Bytes as base32 without padding; of a whole number of 5 bits.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut bits, mut held) = (0u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(BASE32[((bits >> held) & 31) as usize]));
        }
    }
    text
}

/// The secret of a person's one-time codes.
pub struct TotpSecret(Zeroizing<[u8; SECRET]>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl TotpSecret {
    /// The secret with a number of an account.
    #[must_use]
    pub fn new(pepper: &Pepper, account: AccountId, number: i64) -> Self {
        let derived =
            Zeroizing::new(pepper.derive("comptoir totp", &format!("{account} {number}")));
        let mut secret = Zeroizing::new([0; SECRET]);
        secret.copy_from_slice(&derived[..SECRET]);
        Self(secret)
    }

    /// The secret as an app takes it.
    #[must_use]
    pub fn text(&self) -> Secret {
        Secret::new(base32(&self.0[..]))
    }

    /// The address that an app reads from a QR code.
    #[must_use]
    pub fn uri(&self, login: &str) -> Secret {
        let login: String = url::form_urlencoded::byte_serialize(login.as_bytes()).collect();
        let secret = self.text();
        Secret::new(format!(
            "otpauth://totp/Comptoir:{login}?secret={}&issuer=Comptoir&algorithm=SHA1&digits=6&period=30",
            secret.reveal()
        ))
    }

    /// The time step that a code is of, if it is one of now.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Micros) -> Option<i64> {
        let code = code.trim();
        let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        let code: u32 = is_code.then(|| code.parse().ok()).flatten()?;
        let step = now.0.div_euclid(SECOND * STEP);
        (step - LEEWAY..=step + LEEWAY).find(|step| self.code(*step) == code)
    }

    /// The code of a time step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> u32 {
        hotp(&self.0[..], step)
    }
}

fn hotp(secret: &[u8], counter: i64) -> u32 {
    // A key of HMAC may have any length, so there is no secret that is refused.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return CODES };
    mac.update(&counter.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[hash.len() - 1] & 15);
    let word = hash[at..at + 4].iter().fold(0, |word, byte| (word << 8) | u32::from(*byte));
    (word & 0x7fff_ffff) % CODES
}

/// New recovery codes, for a person to keep.
pub fn recovery_codes() -> Result<Vec<Secret>, getrandom::Error> {
    let code = |_| {
        let text = Zeroizing::new(random_text(10)?);
        let parts: Vec<&str> = [&text[..4], &text[4..8], &text[8..12], &text[12..]].into();
        Ok(Secret::new(parts.join("-")))
    };
    (0..RECOVERY).map(code).collect()
}

/// A password that nobody chose.
pub fn random_password() -> Result<Secret, getrandom::Error> {
    Ok(Secret::new(random_text(15)?))
}

/// Random base32 in lower case; 8 characters for 5 bytes.
fn random_text(bytes: usize) -> Result<String, getrandom::Error> {
    let mut random = Zeroizing::new(vec![0; bytes]);
    getrandom::fill(&mut random)?;
    Ok(base32(&random).to_lowercase())
}

/// What the database holds of a recovery code, however it was typed.
#[must_use]
pub fn recovery_hash(pepper: &Pepper, account: AccountId, code: &str) -> String {
    let typed = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let typed = Zeroizing::new(format!("{account} {}", typed.to_lowercase()));
    blake3::Hash::from_bytes(pepper.derive("comptoir recovery code", &typed)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_rfcs() {
        let secret = b"12345678901234567890";
        // RFC 4226, appendix D.
        let codes = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583];
        for (counter, code) in codes.into_iter().enumerate() {
            assert_eq!(hotp(secret, counter as i64), code, "{counter}");
        }
        // RFC 6238, appendix B: the last six of its eight digits.
        for (seconds, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(hotp(secret, seconds / STEP), code, "{seconds}");
        }
        // RFC 4648 §10.
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
    }

    #[test]
    fn a_code_holds_for_the_step_before_and_after() {
        let secret = TotpSecret::new(&Pepper::random().unwrap(), AccountId(1), 1);
        let now = Micros(1_800_000_000_000_000);
        let step = now.0 / SECOND / STEP;
        for (at, fits) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = format!("{:06}", secret.code(step + at));
            assert_eq!(secret.step_of(&code, now).is_some(), fits, "{at}");
        }
        for wrong in ["", "12345", "1234567", "+12345", "12 345", "éé"] {
            assert_eq!(secret.step_of(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_typed() {
        let pepper = Pepper::random().unwrap();
        let code = recovery_codes().unwrap().remove(0);
        let typed = code.reveal().replace('-', " ").to_uppercase();
        let hash = |account, code: &str| recovery_hash(&pepper, AccountId(account), code);
        assert_eq!(hash(1, code.reveal()), hash(1, &typed));
        assert_ne!(hash(1, code.reveal()), hash(2, code.reveal()));
    }
}
