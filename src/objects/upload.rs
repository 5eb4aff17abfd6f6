//! Files on their way to a bucket: in one request, or in parts that become an object together or not at all.

use super::{Bucket, ObjectError, described};
use crate::kernel::hex;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path as Key;
use object_store::{ObjectStore as _, PutMultipartOptions, PutOptions};
use sha2::{Digest as _, Sha256};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// Parts that are under way at a time.
const AT_ONCE: usize = 4;
/// Most parts of an object, as S3 has it.
const MOST_PARTS: u64 = 10_000;

/// A file that has all of its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: &'a str,
}

/// What this machine has begun to send in parts: a file with a line for each, so that who comes after a process that was
/// killed can have the storage forget them.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// What is noted in a file, which need not be there.
    #[must_use]
    pub fn noted_in(path: PathBuf) -> Self {
        Self(path)
    }

    fn note(&self, name: &str, id: &str) -> Result<(), ObjectError> {
        let write = || {
            let mut file = std::fs::File::options().create(true).append(true).open(&self.0)?;
            file.write_all(format!("{name}\t{id}\n").as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| self.failed(source))
    }

    /// Nothing is unfinished any more.
    pub fn done(&self) -> Result<(), ObjectError> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> ObjectError {
        ObjectError::File { path: self.0.clone(), source }
    }

    /// Has a storage forget all that is noted.
    pub async fn forget(&self, bucket: &Bucket) -> Result<(), ObjectError> {
        let noted = match std::fs::read_to_string(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            noted => noted.map_err(|source| self.failed(source))?,
        };
        for (name, id) in noted.lines().filter_map(|line| line.split_once('\t')) {
            match bucket.store.abort_multipart(&bucket.key(name)?, &id.to_owned()).await {
                // It was completed, or forgotten before.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(bucket.failed(name)(error)),
            }
        }
        self.done()
    }
}

impl Bucket {
    /// Puts a file there, whatever was there, with what it comes to held against what it should. What fails leaves nothing.
    pub async fn upload(
        &self,
        name: &str,
        file: Whole<'_>,
        unfinished: &Unfinished,
    ) -> Result<(), ObjectError> {
        let on_disk = |source| ObjectError::File { path: file.path.to_owned(), source };
        let mut open = File::open(file.path).await.map_err(on_disk)?;
        if file.bytes <= self.part {
            let bytes = next(&mut open, self.part + 1).await.map_err(on_disk)?;
            file.compare(bytes.len() as u64, &Sha256::digest(&bytes))?;
            let attributes = described(name, file.sha256);
            let options = PutOptions { attributes, ..PutOptions::default() };
            let put = self.store.put_opts(&self.key(name)?, bytes.into(), options).await;
            return put.map(|_| ()).map_err(self.failed(name));
        }
        let (key, attributes) = (self.key(name)?, described(name, file.sha256));
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let id =
            self.store.create_multipart_opts(&key, options).await.map_err(self.failed(name))?;
        let sent = async {
            unfinished.note(name, &id)?;
            let parts = self.parts((name, &key, &id), &mut open, file).await?;
            let completed = self.store.complete_multipart(&key, &id, parts).await;
            completed.map_err(self.failed(name))
        };
        let sent = sent.await;
        match sent {
            Ok(_) => unfinished.done(),
            // The answer was lost, or what was asked again was done already.
            Err(_) if self.has(name, file).await => unfinished.done(),
            Err(error) => {
                // What is not forgotten now is noted, for the next who comes.
                if self.store.abort_multipart(&key, &id).await.is_ok() {
                    unfinished.done()?;
                }
                Err(error)
            }
        }
    }

    async fn has(&self, name: &str, file: Whole<'_>) -> bool {
        let held = self.held(name).await.ok().flatten();
        held.is_some_and(|held| {
            (held.bytes, held.sha256.as_deref()) == (file.bytes, Some(file.sha256))
        })
    }

    /// Sends all parts of a file, some at a time.
    async fn parts(
        &self,
        (name, key, id): (&str, &Key, &String),
        open: &mut File,
        file: Whole<'_>,
    ) -> Result<Vec<PartId>, ObjectError> {
        let on_disk = |source| ObjectError::File { path: file.path.to_owned(), source };
        let size = self.part.max(file.bytes.div_ceil(MOST_PARTS));
        let (mut under_way, mut parts) = (FuturesOrdered::new(), Vec::new());
        let (mut digest, mut read) = (Sha256::new(), 0);
        for index in 0.. {
            let bytes = next(open, size).await.map_err(on_disk)?;
            if bytes.is_empty() {
                break;
            }
            digest.update(&bytes);
            read += bytes.len() as u64;
            under_way.push_back(self.store.put_part(key, id, index, bytes.into()));
            if under_way.len() >= AT_ONCE
                && let Some(sent) = under_way.next().await
            {
                parts.push(sent.map_err(self.failed(name))?);
            }
        }
        while let Some(sent) = under_way.next().await {
            parts.push(sent.map_err(self.failed(name))?);
        }
        file.compare(read, &digest.finalize())?;
        Ok(parts)
    }
}

impl Whole<'_> {
    /// What was read of it has to be what was written.
    fn compare(&self, bytes: u64, sha256: &[u8]) -> Result<(), ObjectError> {
        if bytes == self.bytes && hex(sha256) == self.sha256 {
            return Ok(());
        }
        Err(ObjectError::Changed(self.path.to_owned()))
    }
}

/// The next bytes of a file, fewer only at its end.
async fn next(file: &mut File, most: u64) -> io::Result<Bytes> {
    let mut bytes = BytesMut::new();
    let mut some = file.take(most);
    while some.read_buf(&mut bytes).await? > 0 {}
    Ok(bytes.freeze())
}
