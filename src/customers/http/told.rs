//! The one door by which customers' data leaves: documents are given the partner's ids and cut to the scopes, and the note
//! of the access goes with the answer.

use super::guard::CustomerCall;
use super::ids;
use crate::access::operation::Op;
use crate::consent::scope::OAuthScopes;
use crate::customers::accesses::{AccessNote, ToldFields};
use crate::customers::model::{CustomerDocument, cut};
use crate::http::answer::{Cache, JSON, Records};
use crate::http::{ApiError, ApiResult, Code};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK, LOCATION, VARY};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// A page of documents, as it is told.
#[derive(Debug)]
pub(super) struct ToldPage {
    /// The documents.
    pub(super) items: Vec<Value>,
    /// Path and query of the next page.
    pub(super) next: Option<String>,
    /// Those of this one.
    pub(super) own: String,
}

pub(super) fn unwritten(error: &serde_json::Error) -> ApiError {
    tracing::error!(%error, "a customer's document could not be written");
    ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
}

impl<O: Op> CustomerCall<O> {
    /// A document as the partner may see it.
    pub(super) fn cut(&self, kind: CustomerDocument, whole: &impl Serialize) -> ApiResult<Value> {
        let mut whole = serde_json::to_value(whole).map_err(|error| unwritten(&error))?;
        ids::put(kind, &self.ids, &mut whole);
        Ok(cut(kind, &whole, self.read.scopes()))
    }

    /// The answer with one document.
    pub(super) fn one(&self, kind: CustomerDocument, told: &Value) -> ApiResult<HttpResponse> {
        let documents = std::slice::from_ref(told);
        self.answer(&mut HttpResponse::Ok(), (kind, documents), told)
    }

    /// The answer with one version of a list, and where it is if it is new.
    pub(super) fn version(
        &self,
        told: &Value,
        version: i64,
        made_at: Option<String>,
    ) -> ApiResult<HttpResponse> {
        let mut response = match &made_at {
            Some(_) => HttpResponse::Created(),
            None => HttpResponse::Ok(),
        };
        if let Some(place) = made_at {
            response.insert_header((LOCATION, place));
        }
        response.insert_header((ETAG, format!("\"{version}\"")));
        let documents = std::slice::from_ref(told);
        self.answer(&mut response, (CustomerDocument::List, documents), told)
    }

    /// The answer with a page of documents.
    pub(super) fn page(&self, kind: CustomerDocument, page: &ToldPage) -> ApiResult<HttpResponse> {
        let mut response = HttpResponse::Ok();
        if let Some(next) = &page.next {
            response.insert_header((LINK, crate::http::page::link(next)));
        }
        let body = json!({ "items": page.items, "next": page.next, "self": page.own });
        self.answer(&mut response, (kind, &page.items), &body)
    }

    fn answer(
        &self,
        response: &mut HttpResponseBuilder,
        (kind, documents): (CustomerDocument, &[Value]),
        body: &Value,
    ) -> ApiResult<HttpResponse> {
        let body = serde_json::to_vec(body).map_err(|error| unwritten(&error))?;
        response
            .insert_header((CONTENT_TYPE, JSON))
            .insert_header((CACHE_CONTROL, Cache::NoStore.header()))
            .insert_header((VARY, "authorization, dpop"));
        let mut response = response.body(body);
        let records = u32::try_from(documents.len()).unwrap_or(u32::MAX);
        let note = AccessNote::new(&self.api.authz.db, self.told(kind, documents, records));
        response.extensions_mut().insert(Records(records));
        response.extensions_mut().insert(Arc::new(note));
        Ok(response)
    }

    /// What is noted of an answer with these documents.
    fn told(&self, kind: CustomerDocument, documents: &[Value], records: u32) -> ToldFields {
        let granted = self.read.scopes();
        let opened = kind.fields().iter().filter(|field| {
            let is_open = field.opened_by.iter().any(|scope| granted.has(*scope));
            let path: Vec<&str> = field.path.split('.').collect();
            is_open && documents.iter().any(|document| holds(document, &path))
        });
        let opened: Vec<_> = opened.collect();
        let by = opened.iter().flat_map(|field| field.opened_by).copied();
        let scopes: OAuthScopes = by.filter(|scope| granted.has(*scope)).collect();
        ToldFields {
            subject: self.whose.reference,
            grant_id: self.read.grant_id(),
            version: self.read.version(),
            partner: self.partner,
            app: self.app,
            operation: O::OPERATION.id,
            scopes,
            fields: opened.iter().map(|field| field.path).collect(),
            records,
            at: self.at,
        }
    }
}

/// Whether a field stands in a document. Lists have no name on the way.
fn holds(value: &Value, path: &[&str]) -> bool {
    match (value, path) {
        (Value::Array(items), [_, ..]) => items.iter().any(|item| holds(item, path)),
        (_, []) => true,
        (Value::Object(fields), [name, rest @ ..]) => {
            fields.get(*name).is_some_and(|value| holds(value, rest))
        }
        _ => false,
    }
}
