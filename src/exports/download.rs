//! Sending a file: whole or one range of it, in pieces from the disk.

use super::model::File;
use super::range::{self, Asked};
use crate::http::answer::{Records, Share, VARIES};
use crate::http::{ApiError, ApiResult, Code};
use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use std::io::{Error, ErrorKind, SeekFrom};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// The digest of the whole file (RFC 9530 §3).
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// Bytes read at a time.
const PIECE: usize = 128 * 1024;

/// What is told of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// What it is written in.
    pub(crate) media_type: &'static str,
    /// The value of `Cache-Control`.
    pub(crate) cache: &'a str,
    /// Its length.
    pub(crate) bytes: u64,
    /// How many resources it holds.
    pub(crate) rows: u64,
    /// The digest of its bytes in hexadecimal.
    pub(crate) sha256: &'a str,
}

impl<'a> Sent<'a> {
    /// A file of an export, which never changes.
    pub(super) fn of(file: &'a File) -> Self {
        Self {
            name: &file.name,
            media_type: file.format.media_type(),
            cache: "private, max-age=86400, immutable",
            bytes: file.bytes,
            rows: file.rows,
            sha256: &file.sha256,
        }
    }
}

/// The answer with a file, as far as the call asks for it.
pub(crate) async fn answer(
    path: &Path,
    file: Sent<'_>,
    asked: &HeaderMap,
) -> ApiResult<HttpResponse> {
    let etag = format!("\"{}\"", file.sha256);
    if asked.get(IF_NONE_MATCH).is_some_and(|held| names(held.as_bytes(), &etag)) {
        let mut response = HttpResponse::NotModified();
        return Ok(response
            .insert_header((ETAG, etag))
            .insert_header((CACHE_CONTROL, file.cache))
            .insert_header((VARY, VARIES))
            .finish());
    }
    // A range of another version is of no use: then the whole file is sent (RFC 9110 §13.1.5).
    let same = asked.get(IF_RANGE).is_none_or(|held| held.as_bytes() == etag.as_bytes());
    let range = asked.get(RANGE).filter(|_| same);
    let part = match range.map_or(Asked::Whole, |range| range::asked(range.as_bytes(), file.bytes))
    {
        Asked::Whole => None,
        Asked::Part { first, last } => Some((first, last)),
        Asked::Unsatisfiable => {
            let detail = format!("The file has {} bytes; ask for a range within them.", file.bytes);
            return Err(ApiError::new(Code::RangeNotSatisfiable, detail).file_length(file.bytes));
        }
    };
    let (start, length) = part.map_or((0, file.bytes), |(first, last)| (first, last - first + 1));
    let opened = open(path, file, start).await.map_err(|error| absent(&error, file))?;
    let mut response = match part {
        None => HttpResponse::Ok(),
        Some((first, last)) => {
            let mut response = HttpResponse::PartialContent();
            let total = file.bytes;
            response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{total}")));
            response
        }
    };
    let named = format!("attachment; filename=\"{}\"", file.name);
    response
        .insert_header((CONTENT_TYPE, file.media_type))
        .insert_header((CONTENT_DISPOSITION, named))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, file.cache))
        .insert_header((VARY, VARIES));
    if let Some(digest) = digest(file.sha256) {
        response.insert_header((REPR_DIGEST, digest));
    }
    let mut response = response.body(SizedStream::new(length, pieces(opened, length)));
    let rows = if part.is_none() { u32::try_from(file.rows).unwrap_or(u32::MAX) } else { 0 };
    response.extensions_mut().insert(Records(rows));
    if part.is_some() {
        response.extensions_mut().insert(Share { sent: length, of: file.bytes });
    }
    Ok(response)
}

/// Whether an `If-None-Match` value names this ETag.
fn names(held: &[u8], etag: &str) -> bool {
    let mut tags = held.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    tags.any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

/// A digest in hexadecimal as a field of structured bytes.
fn digest(hex: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    Some(format!("sha-256=:{}:", BASE64_STANDARD.encode(bytes?)))
}

async fn open(path: &Path, file: Sent<'_>, start: u64) -> std::io::Result<tokio::fs::File> {
    let mut opened = tokio::fs::File::open(path).await?;
    if opened.metadata().await?.len() != file.bytes {
        return Err(Error::new(ErrorKind::InvalidData, "the file has another length"));
    }
    opened.seek(SeekFrom::Start(start)).await?;
    Ok(opened)
}

fn absent(error: &Error, file: Sent<'_>) -> ApiError {
    if error.kind() != ErrorKind::NotFound {
        tracing::error!(%error, name = file.name, "a file of an export cannot be read");
    }
    let detail = "The file is not on the node that was asked. Try again: another node may have it.";
    ApiError::new(Code::Unavailable, detail)
}

/// What is left of a file, piece by piece. Ends with an error where the file ends too early, so that
/// the connection is closed and the call is not counted as complete.
fn pieces(
    file: tokio::fs::File,
    length: u64,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = BytesMut::with_capacity(most);
        let read = (&mut file).take(most as u64).read_buf(&mut piece).await?;
        if read == 0 {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        Ok(Some((piece.freeze(), (file, left - read as u64))))
    })
}
