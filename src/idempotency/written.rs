//! What a write came to.

use crate::http::answer::{Cache, JSON, Records};
use crate::http::{Answer, ApiResult};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder as _};
use serde::{Deserialize, Serialize};

/// The answer to a write. A document is JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written(Kind);

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Done { document: Vec<u8> },
    Created { location: String, document: Vec<u8> },
    Accepted { location: String, document: Vec<u8> },
    Gone,
}

impl Written {
    /// 200: it is so now.
    pub fn done(document: &impl Serialize) -> ApiResult<Self> {
        Ok(Self(Kind::Done { document: json(document)? }))
    }

    /// 201: it was made, and can be found there.
    pub fn created(location: String, document: &impl Serialize) -> ApiResult<Self> {
        Ok(Self(Kind::Created { location, document: json(document)? }))
    }

    /// 202: it will be made, and can be asked for there.
    pub fn accepted(location: String, document: &impl Serialize) -> ApiResult<Self> {
        Ok(Self(Kind::Accepted { location, document: json(document)? }))
    }

    /// 204: it is gone.
    #[must_use]
    pub fn gone() -> Self {
        Self(Kind::Gone)
    }

    /// As it is kept; none where it cannot be written down.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        postcard::to_allocvec(self).ok()
    }

    /// What was kept; none where it is damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// The answer to a call.
    pub(super) fn answer(self, request: &HttpRequest) -> HttpResponse {
        match self.0 {
            Kind::Done { document } => Answer::new(document, Cache::NoStore, 1).respond_to(request),
            Kind::Created { location, document } => {
                placed(HttpResponse::Created(), location, document)
            }
            Kind::Accepted { location, document } => {
                placed(HttpResponse::Accepted(), location, document)
            }
            Kind::Gone => HttpResponse::NoContent()
                .insert_header((CACHE_CONTROL, Cache::NoStore.header()))
                .finish(),
        }
    }
}

fn json(document: &impl Serialize) -> ApiResult<Vec<u8>> {
    Ok(Answer::json(document, Cache::NoStore, 1)?.body.to_vec())
}

fn placed(mut answer: HttpResponseBuilder, location: String, document: Vec<u8>) -> HttpResponse {
    let mut answer = answer
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, Cache::NoStore.header()))
        .insert_header((LOCATION, location))
        .body(document);
    answer.extensions_mut().insert(Records(1));
    answer
}
