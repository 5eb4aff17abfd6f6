//! The library's requests, made by the HTTP client that the rest of the program has. What is refused for good, or fails, comes
//! back as a fault of ours.

use super::fault::Fault;
use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::redirect::Policy;
use std::error::Error;
use std::io;
use std::time::Duration;
use url::Url;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes that are read of what a storage says of an error.
const MOST_SAID: usize = 64 * 1024;

/// Most bytes of an answer that is read before it is handed on, so that one which breaks off is asked for again. Lists, which do
/// not tell their length, are no longer.
const MOST_WHOLE: u64 = 1 << 20;

/// Makes the client.
#[derive(Debug)]
pub(super) struct Connector {
    /// Longest wait for an answer, and between two pieces of one.
    pub(super) timeout: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout))
            .read_timeout(self.timeout)
            .user_agent(concat!("comptoir/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|error| object_store::Error::Generic {
            store: "S3",
            source: Box::new(error),
        })?;
        Ok(HttpClient::new(Service(client)))
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string());
        let url = url.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        let answer = self.0.execute(request).await.map_err(|error| broken(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = match answer.content_length() {
            _ if !status.is_success() => refused(answer).await?.into(),
            Some(length) if length > MOST_WHOLE => {
                HttpResponseBody::new(reqwest::Body::from(answer).map_err(|error| broken(&error)))
            }
            _ => answer.bytes().await.map_err(|error| broken(&error))?.into(),
        };
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

/// The body of an answer that is no success, where it is for the library to say what it means.
async fn refused(mut answer: reqwest::Response) -> Result<Vec<u8>, HttpError> {
    let status = answer.status().as_u16();
    let region = answer.headers().get("x-amz-bucket-region").and_then(|it| it.to_str().ok());
    let region = region.map(str::to_owned);
    let mut said = Vec::new();
    while said.len() < MOST_SAID {
        // What breaks off has said what it has said.
        let Ok(Some(more)) = answer.chunk().await else { break };
        said.extend_from_slice(&more);
    }
    let (code, told) = error_of(&said);
    match Fault::of_answer(status, &code, region.or(told)) {
        None => Ok(said),
        Some(fault) => Err(HttpError::new(kind(&fault), fault)),
    }
}

/// Code and region of an error document; empty and none where there are none.
fn error_of(said: &[u8]) -> (String, Option<String>) {
    let mut reader = Reader::from_reader(said);
    let (mut name, mut code, mut region) = (String::new(), String::new(), None);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => name = start.name().as_ref().to_owned(),
            Event::Text(text) => {
                // Nothing of a storage's is repeated that is no plain word.
                let word: String = text.chars().filter(char::is_ascii_graphic).take(64).collect();
                match name.as_str() {
                    "Code" => code = word,
                    "Region" => region = Some(word),
                    _ => {}
                }
            }
            Event::End(_) => name.clear(),
            Event::Eof => break,
            _ => {}
        }
    }
    (code, region)
}

/// Which faults the library repeats a request after.
fn kind(fault: &Fault) -> HttpErrorKind {
    match fault {
        Fault::Failing(..) => HttpErrorKind::Request,
        Fault::Unreachable => HttpErrorKind::Connect,
        Fault::Timeout => HttpErrorKind::Timeout,
        Fault::BrokenOff => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    }
}

/// A request that got no answer, or no whole one. The error itself would hold the address.
fn broken(error: &reqwest::Error) -> HttpError {
    let fault = if error.is_timeout() {
        Fault::Timeout
    } else if is_untrusted(error) {
        Fault::Untrusted
    } else if error.is_connect() {
        Fault::Unreachable
    } else {
        Fault::BrokenOff
    };
    HttpError::new(kind(&fault), fault)
}

/// Whether TLS has failed: what rustls finds wrong comes as invalid data, within other errors of input and output.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    if io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData) {
        return true;
    }
    let within = io.and_then(io::Error::get_ref);
    within.is_some_and(|within| is_untrusted(within)) || error.source().is_some_and(is_untrusted)
}
