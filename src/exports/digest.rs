//! A file that knows its length and its digest when it is closed.

use crate::kernel::hex;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A file that is being written.
pub(crate) struct Digested {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Digested {
    /// Makes a file that is not there yet.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        let file = BufWriter::with_capacity(128 * 1024, File::create_new(path)?);
        Ok(Self { file, digest: Sha256::new(), bytes: 0 })
    }

    /// Makes the file durable; its length and its digest in hexadecimal.
    pub(crate) fn close(self) -> std::io::Result<(u64, String)> {
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok((self.bytes, hex(self.digest.finalize())))
    }
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        let (written_bytes, _) = bytes.split_at(written);
        self.digest.update(written_bytes);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
