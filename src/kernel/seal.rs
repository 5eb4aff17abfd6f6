//! Bytes that are kept so that only who has the key can read them, for they hold a secret or say who somebody is.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Seals bytes and opens them. What is sealed is bound to what it is about: it opens nowhere else.
#[derive(Debug)]
pub struct ByteSealer(Option<LessSafeKey>);

impl ByteSealer {
    /// The sealer of all who have this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new).ok())
    }

    /// A random nonce and the sealed bytes; none where there is no randomness.
    #[must_use]
    pub fn seal(&self, about: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
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
    #[must_use]
    pub fn open(&self, about: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut opened = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let about = Aad::from(about.as_bytes());
        let length = self.0.as_ref()?.open_in_place(nonce, about, &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }
}
