//! Which part of what is a customer's is asked for: a page, and a time. A cursor names a row as the retailer does, so it is
//! sealed; and it is bound to the list with its filters, to the consent and to its version: what was narrowed since begins
//! anew.

use super::guard::CustomerCall;
use super::told::ToldPage;
use crate::customers::source::{PageBehind, PageOf, PurchaseRange};
use crate::http::{ApiError, ApiResult, Code, FieldError, Params};
use crate::kernel::{Micros, hex};
use actix_web::HttpRequest;
use serde_json::Value;

/// A page of a list, as a call asks for it.
#[derive(Debug)]
pub(super) struct AskedPage {
    path: String,
    query: String,
    /// The query without `cursor` and `limit`, in one order.
    filters: String,
    limit: u32,
    cursor: Option<String>,
}

impl AskedPage {
    /// Reads `limit` and `cursor`, before `params.finish()`.
    pub(super) fn read(request: &HttpRequest, params: &mut Params) -> Self {
        let query = request.query_string();
        let is_place = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            name == "cursor" || name == "limit"
        };
        let mut filters: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !is_place(pair)).collect();
        filters.sort_unstable();
        Self {
            path: request.path().to_owned(),
            query: query.to_owned(),
            filters: filters.join("&"),
            limit: params.limit(),
            cursor: params.text("cursor"),
        }
    }

    /// What a cursor of this list is bound to.
    fn binding<O>(&self, call: &CustomerCall<O>) -> String {
        let (grant, version) = (call.read.grant_id(), call.read.version());
        format!("{}?{} {grant}.{version}", self.path, self.filters)
    }

    /// Which rows that are.
    pub(super) fn page<O>(&self, call: &CustomerCall<O>) -> ApiResult<PageOf> {
        let page = PageOf::first(self.limit);
        let Some(cursor) = &self.cursor else { return Ok(page) };
        let sealed = bytes(cursor);
        let key = sealed.and_then(|it| call.api.places.open(&self.binding(call), &it));
        let behind = key.and_then(|key| PageBehind::of_key(&key));
        behind.map(|behind| page.behind(behind)).ok_or_else(unfit)
    }

    /// The page as it is told, with the address of the next one.
    pub(super) fn told<O>(
        &self,
        call: &CustomerCall<O>,
        items: Vec<Value>,
        next: Option<&PageBehind>,
    ) -> ApiResult<ToldPage> {
        let next = next.map(|behind| self.behind(call, behind)).transpose()?;
        let separator = if self.query.is_empty() { "" } else { "?" };
        let own = format!("{}{separator}{}", self.path, self.query);
        Ok(ToldPage { items, next, own })
    }

    fn behind<O>(&self, call: &CustomerCall<O>, behind: &PageBehind) -> ApiResult<String> {
        let sealed = call.api.places.seal(&self.binding(call), behind.key());
        let sealed = sealed.ok_or_else(|| {
            tracing::error!("no randomness for a cursor");
            ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
        })?;
        let separator = if self.filters.is_empty() { "" } else { "&" };
        let cursor = hex(sealed);
        Ok(format!("{}?{}{separator}limit={}&cursor={cursor}", self.path, self.filters, self.limit))
    }
}

/// The bytes of a text of hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn unfit() -> ApiError {
    let why =
        "is none of this list with these filters and this consent; leave it out to start over";
    ApiError::new(Code::InvalidCursor, format!("`cursor` {why}."))
        .errors(vec![FieldError::parameter("cursor", "malformed", why)])
}

/// Reads `from` and `to`, before `params.finish()`. What is from before the history that the customer has agreed to is not
/// there, whatever is asked for.
pub(super) fn purchases<O>(call: &CustomerCall<O>, params: &mut Params) -> PurchaseRange {
    let from: Option<Micros> = params.value("from");
    let to: Option<Micros> = params.value("to");
    let history = call.read.history_from();
    PurchaseRange { from: Some(from.map_or(history, |from| from.max(history))), to }
}
