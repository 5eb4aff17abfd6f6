//! Bodies in chunks of 1 MiB: no allocation per body, and a body is served without a copy.

use bytes::{Bytes, BytesMut};

const CHUNK: usize = 1 << 20;

/// Where new bodies go. A chunk is freed when the last body in it is gone.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunk: BytesMut,
}

impl Arena {
    /// Keeps a copy of `body`.
    pub(super) fn keep(&mut self, body: &[u8]) -> Bytes {
        if self.chunk.capacity() < body.len() {
            self.chunk = BytesMut::with_capacity(CHUNK.max(body.len()));
        }
        self.chunk.extend_from_slice(body);
        self.chunk.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_kept_side_by_side_and_whole() {
        let mut arena = Arena::default();
        let bodies: Vec<Vec<u8>> =
            (0..5_000usize).map(|n| vec![n as u8; n % 900]).chain([vec![7; 3 << 20]]).collect();
        let kept: Vec<Bytes> = bodies.iter().map(|body| arena.keep(body)).collect();
        assert!(kept.iter().zip(&bodies).all(|(kept, body)| kept == body));
        let (first, second) = (&kept[1], &kept[2]);
        assert_eq!(first.as_ptr() as usize + first.len(), second.as_ptr() as usize);
    }
}
