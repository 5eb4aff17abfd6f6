//! Input from body and path. What is wrong with it becomes a problem document that points at the
//! fault.

use super::{ApiError, Code, FieldError, arrival};
use crate::kernel::faults::{Fault, Told, Unread, read_json, schema};
use crate::kernel::{Object, sentence};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;
use utoipa::ToSchema;

/// Most bytes in a body, where the app's data has no [`BodyLimit`].
const DEFAULT_LIMIT: usize = 64 * 1024;
/// Most bytes of a body in which all faults are looked for, which takes a reading for each; in a greater one, the
/// first is told.
const SEARCHED_MOST: usize = 64 * 1024;
/// Most characters of an error message: serde repeats the value that it refuses.
const MESSAGE_MOST: usize = 300;

/// Most bytes that a [`JsonBody`] may have; set it in the app's data.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// Names a write, so that it is done once however often it is sent.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What names the bytes of a body, in the extensions of a call with [`IDEMPOTENCY_KEY`]: a key goes with one call.
#[derive(Debug, Clone, Copy)]
pub struct BodyHash(pub blake3::Hash);

/// The JSON document in the body of a call.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = declares_json(request);
        let body = json.then(|| read(request, payload, limit(request)));
        Box::pin(async move {
            let body = body.ok_or_else(not_json)?.await?;
            read_as(&body, schema::<T>).map(Self)
        })
    }
}

/// The JSON document in the body of a call that may come without one: then it is `{}`.
#[derive(Debug)]
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = declares_json(request);
        let body = read(request, payload, limit(request));
        Box::pin(async move {
            let body = body.await?;
            match (body.trim_ascii().is_empty(), json) {
                (true, _) => read_as(b"{}", schema::<T>).map(Self),
                (false, true) => read_as(&body, schema::<T>).map(Self),
                (false, false) => Err(not_json()),
            }
        })
    }
}

fn limit(request: &HttpRequest) -> usize {
    request.app_data::<BodyLimit>().map_or(DEFAULT_LIMIT, |limit| limit.0)
}

fn declares_json(request: &HttpRequest) -> bool {
    let media_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    is_json(media_type.unwrap_or_default())
}

fn not_json() -> ApiError {
    let detail = "Send the body as JSON, with `Content-Type: application/json`.";
    ApiError::new(Code::UnsupportedMediaType, detail)
}

/// The bytes of a body as they came, at most so many.
#[derive(Debug)]
pub struct RawBody<const MOST: usize>(pub Bytes);

impl<const MOST: usize> FromRequest for RawBody<MOST> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, MOST);
        Box::pin(async move { Ok(Self(body.await?.freeze())) })
    }
}

/// Whether a media type is JSON, with any parameters.
fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|b| *b == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// The bytes of a body, at most so many. One that says itself that it is longer is not waited for.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> impl Future<Output = Result<BytesMut, ApiError>> + use<> {
    let is_too_long = arrival::is_too_long(request.headers(), limit as u64);
    let named = request.headers().contains_key(IDEMPOTENCY_KEY).then(|| request.clone());
    let mut payload = payload.take();
    async move {
        if is_too_long {
            return Err(too_long(limit));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| arrival::broken(&error, "Send it again."))?;
            if body.len() + chunk.len() > limit {
                return Err(too_long(limit));
            }
            body.extend_from_slice(&chunk);
        }
        if let Some(request) = named {
            request.extensions_mut().insert(BodyHash(blake3::hash(&body)));
        }
        Ok(body)
    }
}

fn too_long(limit: usize) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("The body may have at most {limit} bytes."))
}

/// The document in some bytes; the error points at all faults that are told without a schema.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    read_as(body, || Value::Null)
}

/// The same, with a schema that says what is missing.
fn read_as<T: DeserializeOwned>(body: &[u8], schema: impl Fn() -> Value) -> Result<T, ApiError> {
    let read = read_json::<Object<T>>(body, schema, body.len() <= SEARCHED_MOST);
    read.map(|Object(document)| document).map_err(|unread| match unread {
        Unread::NoJson(why) => malformed(&why),
        Unread::Faulty(faults) => faulty(&faults),
    })
}

fn malformed(why: &str) -> ApiError {
    let fault = FieldError::pointer("", "malformed", format!("is not JSON: {why}"));
    ApiError::new(Code::InvalidBody, format!("The body is not JSON: {why}.")).errors(vec![fault])
}

/// The refusal of a body; its detail tells of the first fault.
fn faulty(faults: &[Fault]) -> ApiError {
    let errors: Vec<FieldError> = faults.iter().map(field_error).collect();
    let detail = errors.first().map_or_else(String::new, |first| {
        match first.pointer.as_deref().filter(|place| !place.is_empty()) {
            Some(place) => sentence(format!("{place}: {}", first.message)),
            None => sentence(format!("The body: {}", first.message)),
        }
    });
    ApiError::new(Code::InvalidBody, detail).errors(errors)
}

fn field_error(fault: &Fault) -> FieldError {
    let Told { code, message, suggestion } = fault.told();
    let message: String = message.chars().take(MESSAGE_MOST).collect();
    FieldError::pointer(&fault.pointer(), code, message).suggest(suggestion)
}

/// The one parameter in the path of a call.
#[derive(Debug, Clone, Copy)]
pub struct ApiPath<T>(pub T);

impl<T> FromRequest for ApiPath<T>
where
    T: FromStr,
    T::Err: Display,
{
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (name, text) = request.match_info().iter().next().unwrap_or(("path", ""));
        ready(text.parse().map(Self).map_err(|error: T::Err| {
            let fault = FieldError::parameter(name, "malformed", error.to_string());
            let detail = sentence(format!("`{name}` in the path {error}"));
            ApiError::new(Code::InvalidParameter, detail).errors(vec![fault])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what reading refuses is looked at")]
    struct Doc {
        name: String,
        #[serde(default)]
        parts: Vec<Part>,
        #[serde(default)]
        colour: Option<Colour>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Blue,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what reading refuses is looked at")]
    struct Part {
        size: u8,
    }

    #[test]
    fn the_fault_is_pointed_at() {
        let cases = [
            (r#"{"name":1}"#, "/name", "wrong_type", None),
            (r#"{"parts":[]}"#, "/name", "missing", None),
            (r#"{"name":"a","nme":"b"}"#, "/nme", "unknown", Some("name")),
            (r#"{"name":"a","name":"b"}"#, "/name", "repeated", None),
            (
                r#"{"name":"a","parts":[{"size":1},{"size":300}]}"#,
                "/parts/1/size",
                "malformed",
                None,
            ),
            (r#"{"name":"a","parts":[{"size":1},{}]}"#, "/parts/1/size", "missing", None),
            (r#"{"name":"a","a/b~":1}"#, "/a~1b~0", "unknown", None),
            (r#"{"name":"a","colour":"bleu"}"#, "/colour", "not_allowed", Some("blue")),
            (r#"{"name":"a"} x"#, "", "malformed", None),
            (r#"{"name":"#, "", "malformed", None),
            ("", "", "malformed", None),
            ("[]", "", "wrong_type", None),
            (r#"["a"]"#, "", "wrong_type", None),
        ];
        for (body, pointer, code, suggestion) in cases {
            let error = parse::<Doc>(body.as_bytes()).unwrap_err();
            let problem = error.problem("/", "r");
            assert_eq!(problem.code, "invalid_body");
            let fault = &problem.errors[0];
            let found =
                (fault.pointer.as_deref(), fault.code.as_str(), fault.suggestion.as_deref());
            assert_eq!(found, (Some(pointer), code, suggestion), "{body}: {}", problem.detail);
        }
    }

    #[test]
    fn json_is_told_by_its_media_type() {
        for yes in ["application/json", "Application/JSON; charset=utf-8"] {
            assert!(is_json(yes.as_bytes()), "{yes}");
        }
        for no in ["", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"] {
            assert!(!is_json(no.as_bytes()), "{no}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = parse::<Doc>(&body);
        }
    }
}
