//! Lines of a file, one after the other, in bounded memory.

use super::{CustomerImportError, MOST_LINE};
use std::io::{BufRead, Read as _};

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a file that say something, with their numbers.
pub(super) struct NdjsonLines<R> {
    from: R,
    number: u64,
    text: Vec<u8>,
    left: u64,
    most: u64,
}

impl<R: BufRead> NdjsonLines<R> {
    /// The lines of what has at most so many bytes.
    pub(super) fn new(from: R, most: u64) -> Self {
        Self { from, number: 0, text: Vec::new(), left: most, most }
    }

    /// The next line that is not blank, with its number from 1 on.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, CustomerImportError> {
        loop {
            self.text.clear();
            let mut some = self.from.by_ref().take(MOST_LINE as u64 + 1);
            let read = some.read_until(b'\n', &mut self.text)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read > MOST_LINE {
                return Err(CustomerImportError::LongLine(self.number));
            }
            let left = self.left.checked_sub(read as u64);
            self.left = left.ok_or(CustomerImportError::TooLarge(self.most))?;
            if self.number == 1 && self.text.starts_with(UTF8_MARK) {
                self.text.drain(..UTF8_MARK.len());
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some((self.number, self.text.trim_ascii())))
    }
}
