//! Lines cut from a stream of chunks.

use crate::catalog::Fault;
use bytes::BytesMut;

/// Longest line in bytes.
const LONGEST: usize = 64 * 1024;

/// The lines of a stream, whatever its chunks are. A line that is too long is told once and skipped to
/// its end; memory stays bounded.
#[derive(Debug, Default)]
pub struct Lines {
    rest: BytesMut,
    skipping: bool,
}

impl Lines {
    /// Adds a chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        self.rest.extend_from_slice(chunk);
    }

    /// The next whole line without its end, and whether it can be read.
    pub fn next_line(&mut self) -> Option<Result<BytesMut, Fault>> {
        loop {
            let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') else {
                if self.rest.len() > LONGEST {
                    self.rest.clear();
                    if !std::mem::replace(&mut self.skipping, true) {
                        return Some(Err(too_long()));
                    }
                }
                return None;
            };
            let line = self.rest.split_to(end + 1);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > LONGEST {
                return Some(Err(too_long()));
            }
            return Some(Ok(line));
        }
    }

    /// What stands after the last line feed.
    #[must_use]
    pub fn last(self) -> Option<BytesMut> {
        (!self.skipping && !self.rest.is_empty()).then_some(self.rest)
    }
}

fn too_long() -> Fault {
    Fault::new(
        "",
        "",
        "too_long",
        format!("is longer than {LONGEST} bytes; send one level per line"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &[u8], size: usize) -> Vec<Option<Vec<u8>>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in text.chunks(size) {
            lines.push(chunk);
            while let Some(line) = lines.next_line() {
                found.push(line.ok().map(|line| line.to_vec()));
            }
        }
        found.extend(lines.last().map(|line| Some(line.to_vec())));
        found
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_the_next_is_read() {
        let mut text = vec![b'x'; 3 * LONGEST];
        text.extend_from_slice(b"\nshort\n");
        for size in [1_000, LONGEST + 1, text.len()] {
            assert_eq!(cut(&text, size), [None, Some(b"short\n".to_vec())], "{size}");
        }
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in "[a\n]{0,40}", size in 1usize..10) {
            prop_assert_eq!(cut(text.as_bytes(), size), cut(text.as_bytes(), 100));
            let whole: Vec<u8> = cut(text.as_bytes(), size).into_iter().flatten().flatten().collect();
            prop_assert_eq!(whole, text.as_bytes());
        }
    }
}
