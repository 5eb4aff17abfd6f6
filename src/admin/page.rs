//! Lists of the admin API: pages that name the next one.

use crate::access::store::Walk;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiResult, Code, Params};
use crate::kernel::page::Cursor;
use actix_web::HttpRequest;
use serde::Serialize;
use std::fmt::Display;

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PageOut<T> {
    /// The resources, in the list's order.
    pub items: Vec<T>,
    /// Path and query of the next page; null on the last one.
    #[schema(example = "/admin/v1/partners?limit=50&cursor=c0Ab…")]
    pub next: Option<String>,
}

/// The parameters of every list, as the documents describe them; [`PageRequest`] reads them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most resources in the page, 1 to 200.
    #[param(default = 50, minimum = 1, maximum = 200, example = 50)]
    pub limit: Option<u32>,
    /// The cursor in `next` of the page before.
    #[param(example = "c0Ab12Cd34Ef000000000000Zz90Yx")]
    pub cursor: Option<String>,
}

/// The page that a call asks for.
#[derive(Debug)]
pub struct PageRequest {
    limit: u32,
    after: Option<u64>,
    filters: String,
}

impl PageRequest {
    /// Reads the rest of the parameters and refuses what is wrong with any. `filters` are those
    /// read before, as a canonical query.
    pub fn read(mut params: Params, filters: String) -> Result<Self, ApiError> {
        let limit = params.limit();
        let cursor = params.text("cursor");
        params.finish()?;
        let cursor = cursor.map(|text| Cursor::parse(&text, &filters)).transpose();
        let cursor = cursor
            .map_err(|error| ApiError::new(Code::InvalidCursor, format!("`cursor`: {error}.")))?;
        Ok(Self { limit, after: cursor.map(|cursor| cursor.after), filters })
    }

    /// The key that the page begins behind.
    #[must_use]
    pub fn after(&self) -> Option<u64> {
        self.after
    }

    /// Rows to read: one more than the page has, to know whether another follows.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// The walk to the page through a list by id.
    #[must_use]
    pub fn walk<I: Display>(&self, id: fn(u64) -> I) -> Walk {
        let after = self.after.map(|after| id(after).to_string());
        Walk { after: after.unwrap_or_default(), limit: self.rows() }
    }

    /// The page, of the rows that were read.
    pub fn answer<R, O: Serialize>(
        &self,
        request: &HttpRequest,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> u64,
        out: impl Fn(R) -> O,
    ) -> ApiResult<Answer> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more).map(key);
        let next = last.map(|last| {
            let cursor = Cursor::new(last, 0, &self.filters);
            let and = if self.filters.is_empty() { "" } else { "&" };
            let (path, filters) = (request.path(), &self.filters);
            format!("{path}?{filters}{and}limit={limit}&cursor={cursor}")
        });
        let link = next.as_ref().map(|next| format!("<{next}>; rel=\"next\""));
        let items: Vec<O> = rows.into_iter().map(out).collect();
        let records = items.len() as u32;
        let answer = Answer::json(&PageOut { items, next }, Cache::NoStore, records)?;
        Ok(Answer { link, ..answer })
    }
}
