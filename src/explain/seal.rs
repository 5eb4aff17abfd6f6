//! Refusal ids: a refusal and its keyed hash, as text that fits a path.

use super::refusal::Refusal;
use crate::access::Pepper;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

/// What the secret is derived for.
const PURPOSE: &str = "comptoir refusal ids";
/// What every id begins with.
const PREFIX: &str = "ref_";
/// Bytes of the hash.
const SUM: usize = blake3::OUT_LEN;
/// Most characters of an id. That of eight limits with the longest names has fewer.
pub const LONGEST: usize = 800;

/// Seals refusals into ids and opens ids.
pub struct Sealer(Zeroizing<[u8; 32]>);

/// The text is no refusal id of this installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no refusal id of this server; copy it whole from `refusal_id` in the problem document")]
pub struct InvalidRefusalId;

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealer]")
    }
}

impl Sealer {
    /// The sealer of all nodes that have this pepper.
    #[must_use]
    pub fn new(pepper: &Pepper) -> Self {
        Self(Zeroizing::new(pepper.derive(PURPOSE, "")))
    }

    fn sum(&self, body: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, body)
    }

    /// The id of a refusal.
    #[must_use]
    pub fn seal(&self, refusal: &Refusal) -> Option<String> {
        let mut bytes = postcard::to_allocvec(refusal).ok()?;
        if let Some(reduced) = &refusal.reduced {
            bytes.extend(postcard::to_allocvec(reduced).ok()?);
        }
        let sum = self.sum(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        Some(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The refusal that an id stands for.
    pub fn open(&self, id: &str) -> Result<Refusal, InvalidRefusalId> {
        let text = id.strip_prefix(PREFIX).filter(|_| id.len() <= LONGEST);
        let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let bytes = bytes.ok_or(InvalidRefusalId)?;
        let (body, sum) = bytes.split_last_chunk::<SUM>().ok_or(InvalidRefusalId)?;
        // Hashes compare in a time that does not tell where they differ.
        if self.sum(body) != *sum {
            return Err(InvalidRefusalId);
        }
        let (mut refusal, rest) =
            postcard::take_from_bytes::<Refusal>(body).map_err(|_| InvalidRefusalId)?;
        if !rest.is_empty() {
            let reduced = postcard::from_bytes(rest).map_err(|_| InvalidRefusalId)?;
            refusal.reduced = Some(reduced);
        }
        Ok(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reason::Reason;
    use super::super::reduced::{Reduced, Shortage};
    use super::super::refusal::{LimitKind, LimitState, Who};
    use super::*;
    use crate::access::terms::Level;
    use proptest::prelude::*;

    fn refusal(limits: usize) -> Refusal {
        let limit = |n: usize| LimitState {
            name: format!("twenty_characters_{n:02}"),
            kind: LimitKind::Rate,
            granted: u32::MAX,
            seconds: u32::MAX,
            remaining: u32::MAX,
            reset_s: u32::MAX,
            violated: true,
        };
        let most = u64::MAX;
        Refusal {
            at: i64::MIN,
            operation: Some(u16::MAX),
            weight_milli: u32::MAX,
            status: 429,
            code: "temporary_reduced_capacity".to_owned(),
            who: Some(Who {
                partner: most,
                app: most,
                key: most,
                live: true,
                plan: most,
                plan_version: u32::MAX,
            }),
            limits: (0..limits).map(limit).collect(),
            reason: None,
            wait_us: Some(u64::MAX),
            reduced: Some(Reduced { why: Shortage::Lent, used_milli: vec![Some(most); limits] }),
        }
    }

    #[test]
    fn the_longest_id_fits() {
        let sealer = Sealer::new(&Pepper::random().unwrap());
        let id = sealer.seal(&refusal(8)).unwrap();
        assert!(id.len() <= LONGEST, "{}", id.len());
        assert_eq!(sealer.open(&id), Ok(refusal(8)));
        // Those that went by the limits themselves say nothing more.
        let exceeded = Refusal { reduced: None, ..refusal(8) };
        assert_eq!(sealer.open(&sealer.seal(&exceeded).unwrap()), Ok(exceeded));
    }

    #[test]
    fn the_longest_reason_fits() {
        let sealer = Sealer::new(&Pepper::random().unwrap());
        let told = Some("x".repeat(403));
        let frozen =
            Refusal { reason: Some(Reason::Frozen { what: Level::Key, told }), ..refusal(0) };
        let id = sealer.seal(&frozen).unwrap();
        assert!(id.len() <= LONGEST, "{}", id.len());
        assert_eq!(sealer.open(&id), Ok(frozen));
    }

    #[test]
    fn an_id_of_another_installation_is_refused() {
        let [ours, theirs] = [(); 2].map(|()| Sealer::new(&Pepper::random().unwrap()));
        assert_eq!(ours.open(&theirs.seal(&refusal(1)).unwrap()), Err(InvalidRefusalId));
    }

    proptest! {
        #[test]
        fn a_changed_id_is_refused(at in 0usize..200, to in "[A-Za-z0-9_-]") {
            let sealer = Sealer::new(&Pepper::random().unwrap());
            let id = sealer.seal(&refusal(2)).unwrap();
            prop_assume!(at < id.len() - 1 && id[at..=at] != to);
            let changed = format!("{}{to}{}", &id[..at], &id[at + 1..]);
            prop_assert_eq!(sealer.open(&changed), Err(InvalidRefusalId));
        }

        #[test]
        fn open_never_panics(text: String, tail in "[A-Za-z0-9_-]{0,100}") {
            let sealer = Sealer::new(&Pepper::random().unwrap());
            let _ = sealer.open(&text);
            let _ = sealer.open(&format!("{PREFIX}{tail}"));
        }
    }
}
