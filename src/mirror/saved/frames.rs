//! A file of batches: each as postcard behind its length in 4 bytes, all of it compressed by zstd with a
//! checksum, and a length of 0 at the end, so that a file that was cut short is known as such.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::path::Path;
use zstd::stream::{read, write};

/// Quick, at a third of the size.
const LEVEL: i32 = 1;

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

/// A file that is written.
pub(super) struct Writer(write::Encoder<'static, File>);

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let mut encoder = write::Encoder::new(File::create(path)?, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self(encoder))
    }

    /// Writes a batch.
    pub(super) fn write<T: Serialize + ?Sized>(&mut self, batch: &T) -> Result<()> {
        let bytes = postcard::to_allocvec(batch).map_err(damaged)?;
        let length = u32::try_from(bytes.len()).map_err(damaged)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(&bytes)
    }

    /// Ends the file, durably.
    pub(super) fn finish(mut self) -> Result<()> {
        self.0.write_all(&0u32.to_le_bytes())?;
        self.0.finish()?.sync_all()
    }
}

/// A file that is read.
pub(super) struct Reader {
    from: read::Decoder<'static, BufReader<File>>,
    batch: Vec<u8>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self { from: read::Decoder::new(File::open(path)?)?, batch: Vec::new() })
    }

    /// The next batch, which may borrow from the file; none at its end.
    pub(super) fn next<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        self.batch.clear();
        if length == 0 {
            // What is behind the last batch is the checksum, which is looked at here.
            let rest = self.from.read_to_end(&mut self.batch)?;
            return if rest == 0 { Ok(None) } else { Err(damaged("goes on behind its end")) };
        }
        // Grows as it is filled, so that a length that is damaged takes no memory.
        let read = (&mut self.from).take(length.into()).read_to_end(&mut self.batch)?;
        if read < length as usize {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        postcard::from_bytes(&self.batch).map(Some).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<Vec<Vec<String>>> {
        let mut reader = Reader::open(path)?;
        let mut batches = Vec::new();
        while let Some(batch) = reader.next::<Vec<&str>>()? {
            batches.push(batch.into_iter().map(str::to_owned).collect());
        }
        Ok(batches)
    }

    #[test]
    fn a_file_comes_back_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("batches");
        let batches: Vec<Vec<String>> =
            (0..40).map(|n| (0..n).map(|m| format!("{n} {m} é")).collect()).collect();
        let mut writer = Writer::create(&path).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
        assert_eq!(read(&path).unwrap(), batches);
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(read(&path).is_err(), "{length} of {} bytes", bytes.len());
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            std::fs::write(&path, &other).unwrap();
            // A flag of the frame that means nothing may be turned; nothing else is believed.
            if let Ok(read) = read(&path) {
                assert_eq!(read, batches, "byte {at}");
            }
        }
    }
}
