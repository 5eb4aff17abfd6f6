//! A successful answer: stored or rendered bytes with a strong ETag and a cache rule.

use super::encoding::{self, Encoding};
use super::form::Form;
use super::language::Wanted;
use super::linked;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use actix_web::body::BoxBody;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse, Responder};
use bytes::Bytes;
use std::collections::BTreeSet;

/// Media type of all answers but problems.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What an answer depends on beside its URL.
pub const VARIES: HeaderValue =
    HeaderValue::from_static("authorization, x-api-key, accept, accept-encoding, accept-language");

/// How long a partner may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Products, offers: 300 s.
    Short,
    /// Categories, stores: 3,600 s.
    Long,
    /// Stock: 30 s.
    Brief,
    /// As long as it holds: this many seconds.
    Seconds(u32),
    /// Never.
    NoStore,
}

impl Cache {
    /// No longer than this, and not beyond an instant at which it is no longer true.
    #[must_use]
    pub fn until(self, end: Option<Micros>, now: Micros) -> Self {
        let most = match self {
            Self::Short => 300,
            Self::Long => 3_600,
            Self::Brief => 30,
            Self::Seconds(seconds) => seconds,
            Self::NoStore => 0,
        };
        let left = end.map(|end| end.0.saturating_sub(now.0).max(0) / SECOND);
        let left = left.and_then(|left| u32::try_from(left).ok());
        left.filter(|left| *left < most).map_or(self, Self::Seconds)
    }

    /// The `Cache-Control` value.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        // Constants, so that their bytes are checked by the compiler and not at each call.
        const SHORT: HeaderValue = HeaderValue::from_static("private, max-age=300");
        const LONG: HeaderValue = HeaderValue::from_static("private, max-age=3600");
        const BRIEF: HeaderValue = HeaderValue::from_static("private, max-age=30");
        const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
        match self {
            Self::Short => SHORT,
            Self::Long => LONG,
            Self::Brief => BRIEF,
            Self::Seconds(seconds) => {
                let text = format!("private, max-age={seconds}");
                HeaderValue::from_str(&text).unwrap_or(NO_STORE)
            }
            Self::NoStore => NO_STORE,
        }
    }
}

/// How many resources an answer holds: the `records` of its usage event.
#[derive(Debug, Clone, Copy)]
pub struct Records(pub u32);

/// Which part of a file an answer sends: the call costs so much of what the whole file costs.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Bytes that are sent.
    pub sent: u64,
    /// Bytes of the whole file.
    pub of: u64,
}

impl Share {
    /// The share of a weight in thousandths of a unit, a begun thousandth counted whole.
    #[must_use]
    pub fn of_milli(self, milli: u32) -> u32 {
        let whole = u128::from(self.of.max(1));
        let share = (u128::from(milli) * u128::from(self.sent)).div_ceil(whole);
        u32::try_from(share).unwrap_or(milli).min(milli)
    }
}

/// A JSON answer. As a [`Responder`] it becomes 304 when the client holds the same bytes already.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The document.
    pub body: Bytes,
    /// Digest of the document, the value of its ETag.
    pub etag: u64,
    /// How long it may be kept.
    pub cache: Cache,
    /// How many resources it holds.
    pub records: u32,
    /// The `Link` header of a page that has a next one.
    pub link: Option<String>,
    /// A header of its own kind of answer.
    pub beside: Option<(HeaderName, HeaderValue)>,
    /// What the document is written in.
    pub form: Form,
    /// What the resource is in JSON-LD, where it can be had so.
    pub kind: Option<&'static str>,
    /// In which languages its texts are.
    pub texts: Texts,
}

/// In which languages the texts of an answer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Texts {
    /// In all that there are, to be chosen from where the client names languages.
    ToBeChosen,
    /// The same where it has any: it may be no answer with texts of the retailer.
    ToBeChosenIfAny,
    /// In all that there are, whatever the client names.
    AsTheyAre,
    /// In those that were chosen: the value of `Content-Language`, where it is known.
    Chosen(Option<String>),
}

/// The ETag of some bytes.
#[must_use]
pub fn digest(body: &[u8]) -> u64 {
    let mut first = [0u8; 8];
    first.copy_from_slice(&blake3::hash(body).as_bytes()[..8]);
    u64::from_be_bytes(first)
}

/// Length of an ETag's text with its quotes.
const ETAG_LEN: usize = 18;

/// The quoted text of an ETag: 16 hexadecimal digits.
#[must_use]
fn etag_text(etag: u64) -> [u8; ETAG_LEN] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'"'; ETAG_LEN];
    for (i, slot) in text[1..17].iter_mut().enumerate() {
        *slot = HEX[(etag >> (60 - 4 * i)) as usize & 15];
    }
    text
}

/// The header value of an ETag.
#[must_use]
pub fn etag_header(etag: u64) -> HeaderValue {
    HeaderValue::from_bytes(&etag_text(etag)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether an `If-None-Match` value names this ETag (weak comparison, RFC 9110 §13.1.2).
#[must_use]
pub fn matches(if_none_match: &[u8], etag: u64) -> bool {
    let ours = etag_text(etag);
    if_none_match == b"*"
        || if_none_match.split(|b| *b == b',').any(|tag| {
            let tag = tag.trim_ascii();
            tag.strip_prefix(b"W/").unwrap_or(tag) == ours
        })
}

impl Answer {
    /// An answer with its digest taken from the bytes.
    #[must_use]
    pub fn new(body: impl Into<Bytes>, cache: Cache, records: u32) -> Self {
        let body = body.into();
        let (form, texts) = (Form::Json, Texts::ToBeChosenIfAny);
        let (link, beside, kind) = (None, None, None);
        Self { etag: digest(&body), body, cache, records, link, beside, form, kind, texts }
    }

    /// Serialises a document into an answer.
    pub fn json(
        document: &impl serde::Serialize,
        cache: Cache,
        records: u32,
    ) -> Result<Self, super::ApiError> {
        let body = serde_json::to_vec(document).map_err(|error| {
            tracing::error!(%error, "an answer could not be serialised");
            super::ApiError::new(
                super::Code::Internal,
                "The failure has been recorded; quote the request id.",
            )
        })?;
        Ok(Self::new(body, cache, records))
    }
}

impl Answer {
    /// The answer that can be had as JSON-LD too, as a resource of this kind.
    #[must_use]
    pub fn of(self, kind: Option<&'static str>) -> Self {
        Self { kind, ..self.with_texts() }
    }

    /// The answer that tells in which languages its texts are, also where none of them is translated.
    #[must_use]
    pub fn with_texts(self) -> Self {
        Self { texts: Texts::ToBeChosen, ..self }
    }

    /// The answer with all texts, whatever languages the client names.
    #[must_use]
    pub fn with_all_texts(self) -> Self {
        Self { texts: Texts::AsTheyAre, ..self }
    }

    /// The answer in the languages that the client asked for.
    fn in_language_for(self, request: &HttpRequest) -> Self {
        if matches!(self.texts, Texts::AsTheyAre | Texts::Chosen(_)) {
            return self;
        }
        let Some(wanted) = Wanted::of(request) else { return self };
        match wanted.choose(&self.body) {
            Some(chosen) => {
                let texts = Texts::Chosen(wanted.told(&chosen.languages));
                let body = Bytes::from(chosen.document);
                Self { etag: digest(&body), body, texts, ..self }
            }
            None if self.texts == Texts::ToBeChosenIfAny => self,
            None => Self { texts: Texts::Chosen(wanted.told(&BTreeSet::new())), ..self },
        }
    }

    /// The answer in the form that the client asked for.
    fn in_form_for(self, request: &HttpRequest) -> Self {
        let (Some(kind), Some(accept)) = (self.kind, request.headers().get(ACCEPT)) else {
            return self;
        };
        match Form::preferred_of_one(accept.to_str().unwrap_or_default()) {
            Form::JsonLd => {
                let body = Bytes::from(linked::alone(kind, &self.body));
                Self { etag: digest(&body), body, form: Form::JsonLd, ..self }
            }
            Form::Json | Form::Ndjson | Form::Csv | Form::Html => self,
        }
    }

    /// How the body is sent to a client.
    fn encoding(&self, request: &HttpRequest) -> Encoding {
        if self.body.len() <= encoding::LEAST {
            return Encoding::Identity;
        }
        let asked = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        asked.map_or(Encoding::Identity, Encoding::preferred)
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let answer = self.in_language_for(request).in_form_for(request);
        let encoding = answer.encoding(request);
        let etag = encoding.etag(answer.etag);
        // Only what is read can be unchanged (RFC 9110 §13.1.2): a query that is posted is answered.
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        let held = request.headers().get(IF_NONE_MATCH).filter(|_| reads);
        let fresh = held.is_some_and(|tags| matches(tags.as_bytes(), etag));
        let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, etag_header(etag)))
            .insert_header((CACHE_CONTROL, answer.cache.header()))
            .insert_header((VARY, VARIES));
        if let Texts::Chosen(Some(languages)) = answer.texts {
            response.insert_header((CONTENT_LANGUAGE, languages));
        }
        if let Some(link) = answer.link {
            response.insert_header((actix_web::http::header::LINK, link));
        }
        if let Some(beside) = answer.beside {
            response.insert_header(beside);
        }
        let mut response = if fresh {
            response.finish()
        } else {
            response.insert_header((CONTENT_TYPE, answer.form.media_type()));
            let coded = encoding.encode(&answer.body);
            if let (Some(_), Some(name)) = (&coded, encoding.header()) {
                response.insert_header((CONTENT_ENCODING, name));
            }
            response.body(coded.unwrap_or(answer.body))
        };
        response.extensions_mut().insert(Records(answer.records));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_not_kept_beyond_its_end() {
        let until = |end: Option<i64>| Cache::Short.until(end.map(Micros), Micros(5));
        assert_eq!(until(None), Cache::Short);
        assert_eq!(until(Some(300 * SECOND + 5)), Cache::Short);
        assert_eq!(until(Some(300 * SECOND + 4)), Cache::Seconds(299));
        assert_eq!((until(Some(SECOND)), until(Some(0))), (Cache::Seconds(0), Cache::Seconds(0)));
        assert_eq!(Cache::NoStore.until(Some(Micros(0)), Micros(0)), Cache::NoStore);
    }

    #[test]
    fn an_etag_matches_itself_in_any_form() {
        let etag = digest(b"x");
        let text = etag_text(etag);
        let text = std::str::from_utf8(&text).unwrap();
        for held in [text.to_owned(), format!("W/{text}"), format!("\"a\", {text}"), "*".into()] {
            assert!(matches(held.as_bytes(), etag), "{held}");
        }
        for held in ["", "\"\"", "\"0000000000000000\"", &text[1..17]] {
            assert!(!matches(held.as_bytes(), etag), "{held}");
        }
    }
}
