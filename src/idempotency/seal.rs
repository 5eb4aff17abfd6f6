//! Answers as they are kept: sealed with what the caller's key and the pepper make, for they may hold a secret that
//! is shown once.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Seals and opens the answer of one key.
#[derive(Debug)]
pub(super) struct Sealer(Option<LessSafeKey>);

impl Sealer {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new).ok())
    }

    /// A random nonce and the sealed bytes; none where there is no randomness.
    pub(super) fn seal(&self, about: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut sealed = bytes;
        let key = self.0.as_ref()?;
        let about = Aad::from(about.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut sealed)
            .ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// What was sealed; none where it is damaged, or was sealed for another.
    pub(super) fn open(&self, about: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut opened = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let about = Aad::from(about.as_bytes());
        let length = self.0.as_ref()?.open_in_place(nonce, about, &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }
}
