//! An object storage as the documents of Amazon S3 say it is: it checks who asks, that what arrives is what was sent, and that
//! the parts of an object are all there. And it fails as storages do.

mod request;
mod signed;

use comptoir::kernel::{Clock, Micros};
use parking_lot::Mutex;
use request::Request;
use signed::checksum;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const BUCKET: &str = "shop-usage";
const REGION: &str = "eu-west-3";

/// Names on a page of a list: few, so that there are several.
const PAGE: usize = 3;
/// Least bytes of a part that is not the last.
const LEAST_PART: usize = 5 << 20;
/// What begins a conversation over TLS, which this storage does not speak.
const TLS_HANDSHAKE: u8 = 22;

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It answers with this status and code, and does nothing.
    Answers(u16, &'static str),
    /// It hangs up when it has read the request, and does nothing.
    HangsUp,
    /// It does what it is asked, and hangs up before it answers.
    CutAfterwards,
    /// It does what it is asked, and hangs up in the middle of its answer.
    CutWithin,
    /// It does what it is asked, and never answers.
    Silent,
}

/// An object with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    /// `content-type`, and what begins with `x-amz-meta-`.
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Upload {
    key: String,
    headers: BTreeMap<String, String>,
    parts: BTreeMap<u32, Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    begun: u32,
    /// How it fails at requests of which it is told with a text.
    faults: VecDeque<(&'static str, Fault)>,
    /// What was asked, such as `PUT a/manifest.json`.
    asked: Vec<String>,
    /// What was said against the rules.
    broken: Vec<String>,
    /// Whether it does not know conditions.
    simple: bool,
    /// How far its clock is ahead.
    ahead: i64,
}

/// An object storage.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

/// An answer: its status, headers and body.
struct Said(u16, BTreeMap<String, String>, Vec<u8>);

fn said(status: u16, body: impl Into<Vec<u8>>) -> Said {
    Said(status, BTreeMap::new(), body.into())
}

fn refusal(status: u16, code: &str) -> Said {
    let region = format!("<Region>{REGION}</Region>");
    let region = if code == "AuthorizationHeaderMalformed" { region.as_str() } else { "" };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>No.</Message>{region}<AWSAccessKeyId>\
         {ACCESS_KEY}</AWSAccessKeyId></Error>"
    );
    said(status, text)
}

impl Storage {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let storage = Self { url, state: Arc::default() };
        let this = storage.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = this.clone();
                tokio::spawn(async move { this.converse(stream).await.ok() });
            }
        });
        storage
    }

    /// The settings that name it, without what every setting begins with.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OBJECT_STORAGE__ENDPOINT", self.url.clone()),
            ("OBJECT_STORAGE__REGION", REGION.to_owned()),
            ("OBJECT_STORAGE__ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("OBJECT_STORAGE__SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("OBJECT_STORAGE__PART_MIB", "5".to_owned()),
        ]
    }

    /// Has it fail at the next request that is told with such a text, once for each fault.
    pub(crate) fn fail(&self, at: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().faults.extend(faults.into_iter().map(|fault| (at, fault)));
    }

    /// Has it fail no more; how many faults were left.
    pub(crate) fn recover(&self) -> usize {
        self.state.lock().faults.drain(..).count()
    }

    pub(crate) fn knows_no_conditions(&self) {
        self.state.lock().simple = true;
    }

    /// Sets its clock so many microseconds ahead.
    pub(crate) fn set_ahead(&self, by: i64) {
        self.state.lock().ahead = by;
    }

    /// Puts something there beside all rules.
    pub(crate) fn place(&self, key: &str, object: Object) {
        self.state.lock().objects.insert(key.to_owned(), object);
    }

    pub(crate) fn remove(&self, key: &str) {
        self.state.lock().objects.remove(key);
    }

    /// All objects. Nothing was said against the rules.
    pub(crate) fn objects(&self) -> BTreeMap<String, Object> {
        let state = self.state.lock();
        assert_eq!(state.broken, [""; 0]);
        state.objects.clone()
    }

    /// Uploads that were begun and are neither whole nor forgotten.
    pub(crate) fn unfinished(&self) -> usize {
        self.state.lock().uploads.len()
    }

    /// What was asked since this was last asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().asked)
    }

    /// Whether something was asked that is told with such a text.
    pub(crate) fn was_asked(&self, text: &str) -> bool {
        self.state.lock().asked.iter().any(|asked| asked.contains(text))
    }

    async fn converse(self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        if stream.fill_buf().await?.first() == Some(&TLS_HANDSHAKE) {
            return stream.get_mut().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
        while let Some(request) = Request::read(&mut stream).await? {
            let told = request.told();
            let fault = {
                let mut state = self.state.lock();
                state.asked.push(told.clone());
                let place = state.faults.iter().position(|(at, _)| told.contains(at));
                place.and_then(|place| state.faults.remove(place)).map(|(_, fault)| fault)
            };
            let answer = match fault {
                Some(Fault::HangsUp) => return Ok(()),
                Some(Fault::Answers(status, code)) => refusal(status, code),
                _ => self.answer(&request),
            };
            let Said(status, headers, body) = answer;
            let is_head = request.method == "HEAD";
            let mut text = format!("HTTP/1.1 {status} x\r\n");
            for (name, value) in &headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            if !headers.contains_key("content-length") {
                text.push_str(&format!("content-length: {}\r\n", body.len()));
            }
            text.push_str("\r\n");
            let bytes = [text.as_bytes(), if is_head { &[] } else { &body }].concat();
            let to = stream.get_mut();
            match fault {
                Some(Fault::CutAfterwards) => return Ok(()),
                Some(Fault::CutWithin) => {
                    to.write_all(&bytes[..bytes.len() - 1]).await?;
                    return Ok(());
                }
                Some(Fault::Silent) => {
                    // Until the client hangs up.
                    let _ = to.read(&mut [0]).await?;
                    return Ok(());
                }
                _ => to.write_all(&bytes).await?,
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Said {
        let mut state = self.state.lock();
        let now = Micros(Clock::System.now().0 + state.ahead);
        if let Err(code) = request.check_signature(now) {
            let status = if code == "AuthorizationHeaderMalformed" { 400 } else { 403 };
            return refusal(status, code);
        }
        let (bucket, key) = request.place();
        if bucket != BUCKET {
            return refusal(404, "NoSuchBucket");
        }
        match state.perform(request, &key) {
            Ok(answer) => answer,
            Err(why) => {
                state.broken.push(format!("{}: {why}", request.told()));
                refusal(400, "InvalidRequest")
            }
        }
    }
}

impl State {
    fn perform(&mut self, request: &Request, key: &str) -> Result<Said, String> {
        let query = |name: &str| request.query(name);
        match (request.method.as_str(), query("uploadId"), query("partNumber")) {
            ("GET", None, None) if key.is_empty() => Ok(self.list(request)),
            ("GET" | "HEAD", None, None) => Ok(self.get(key)),
            ("PUT", None, None) => self.put(request, key),
            ("POST", None, None) if query("uploads").is_some() => {
                self.begun += 1;
                let id = format!("upload/{}+{}", self.begun, key.len());
                let headers = request.kept();
                let upload = Upload { key: key.to_owned(), headers, parts: BTreeMap::new() };
                self.uploads.insert(id.clone(), upload);
                let result = format!(
                    "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>\
                     </InitiateMultipartUploadResult>"
                );
                Ok(said(200, result))
            }
            ("PUT", Some(id), Some(number)) => {
                let sha256 = request.checked()?;
                let number: u32 = number.parse().map_err(|_| "no number".to_owned())?;
                let Some(upload) = self.uploads.get_mut(&id).filter(|upload| upload.key == key)
                else {
                    return Ok(refusal(404, "NoSuchUpload"));
                };
                upload.parts.insert(number, request.body.clone());
                let etag = etag(&request.body);
                let headers = [("etag", etag), ("x-amz-checksum-sha256", sha256)];
                let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
                Ok(Said(200, headers, Vec::new()))
            }
            ("POST", Some(id), None) => self.complete(request, key, &id),
            ("DELETE", Some(id), None) => Ok(match self.uploads.remove(&id) {
                Some(_) => said(204, ""),
                None => refusal(404, "NoSuchUpload"),
            }),
            _ => Err("it is no request of these".to_owned()),
        }
    }

    fn list(&self, request: &Request) -> Said {
        let prefix = request.query("prefix").unwrap_or_default();
        let after = request.query("continuation-token").unwrap_or_default();
        let mut names = self.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        let page: Vec<_> = names.by_ref().filter(|(key, _)| **key > after).take(PAGE).collect();
        let objects: String = page
            .iter()
            .map(|(key, object)| {
                let size = object.bytes.len();
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-11-27T10:00:00.000Z</LastModified><ETag>{}</ETag>\
                     <Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                    etag(&object.bytes)
                )
            })
            .collect();
        let more = names
            .next()
            .and(page.last())
            .map(|(key, _)| format!("<NextContinuationToken>{key}</NextContinuationToken>"));
        said(
            200,
            format!(
                "<ListBucketResult><Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><KeyCount>{}</KeyCount><IsTruncated>{}\
                 </IsTruncated>{}{objects}</ListBucketResult>",
                page.len(),
                more.is_some(),
                more.unwrap_or_default()
            ),
        )
    }

    fn get(&self, key: &str) -> Said {
        let Some(object) = self.objects.get(key) else { return refusal(404, "NoSuchKey") };
        let mut headers = object.headers.clone();
        headers.insert("content-length".to_owned(), object.bytes.len().to_string());
        headers.insert("etag".to_owned(), etag(&object.bytes));
        headers.insert("last-modified".to_owned(), "Fri, 27 Nov 2026 10:00:00 GMT".to_owned());
        Said(200, headers, object.bytes.clone())
    }

    fn put(&mut self, request: &Request, key: &str) -> Result<Said, String> {
        request.checked()?;
        if let Some(condition) = request.headers.get("if-none-match") {
            if self.simple {
                return Ok(refusal(501, "NotImplemented"));
            }
            if condition != "*" {
                return Err(format!("a condition {condition}"));
            }
            if self.objects.contains_key(key) {
                return Ok(refusal(412, "PreconditionFailed"));
            }
        }
        let headers = request.kept();
        self.objects.insert(key.to_owned(), Object { bytes: request.body.clone(), headers });
        Ok(Said(200, BTreeMap::from([("etag".to_owned(), etag(&request.body))]), Vec::new()))
    }

    /// All parts, from the first to the last without a gap, each as it was sent.
    fn complete(&mut self, request: &Request, key: &str, id: &str) -> Result<Said, String> {
        let Some(upload) = self.uploads.get(id).filter(|upload| upload.key == key) else {
            return Ok(refusal(404, "NoSuchUpload"));
        };
        let document = String::from_utf8(request.body.clone()).map_err(|e| e.to_string())?;
        let document = document.replace("&quot;", "\"");
        let told: Vec<&str> = document.split("<Part>").skip(1).collect();
        let of = |part: &str, name: &str| -> Result<String, String> {
            let (_, rest) = part.split_once(&format!("<{name}>")).ok_or(format!("no {name}"))?;
            Ok(rest.split('<').next().unwrap_or_default().to_owned())
        };
        let mut whole = Vec::new();
        for (place, part) in told.iter().enumerate() {
            let number = u32::try_from(place + 1).unwrap();
            let bytes = upload.parts.get(&number).ok_or(format!("part {number} is missing"))?;
            let parts = [of(part, "PartNumber")?, of(part, "ETag")?, of(part, "ChecksumSHA256")?];
            if parts != [number.to_string(), etag(bytes), checksum(bytes)] {
                return Err(format!("part {number} is told as {parts:?}"));
            }
            if bytes.len() < LEAST_PART && place + 1 < told.len() {
                return Ok(refusal(400, "EntityTooSmall"));
            }
            whole.extend_from_slice(bytes);
        }
        if told.len() != upload.parts.len() {
            return Err(format!("{} parts of {}", told.len(), upload.parts.len()));
        }
        let headers = upload.headers.clone();
        self.uploads.remove(id);
        let etag = etag(&whole);
        self.objects.insert(key.to_owned(), Object { bytes: whole, headers });
        let result = format!(
            "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><ETag>{etag}</ETag>\
             </CompleteMultipartUploadResult>"
        );
        Ok(said(200, result))
    }
}

/// What an object is known by; here it is no MD5.
fn etag(bytes: &[u8]) -> String {
    format!("\"{:08x}-{}\"", crc32fast::hash(bytes), bytes.len())
}
