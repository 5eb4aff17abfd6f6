//! Lists of the admin API: pages that name the next one.

use crate::access::store::Walk;
use crate::http::answer::Cache;
use crate::http::page::link;
use crate::http::{Answer, ApiResult, PageRequest, Params};
use actix_web::HttpRequest;
use serde::Serialize;
use std::fmt::Display;

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PageOut<T> {
    /// The resources, in the list's order.
    pub items: Vec<T>,
    /// Path and query of the next page; null on the last one.
    #[schema(required = true, example = "/admin/v1/partners?limit=50&cursor=c0Ab…")]
    pub next: Option<String>,
}

/// The parameters of every list, as the documents describe them; [`read`] reads them.
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

/// Reads which page a call asks for and refuses what is wrong with any parameter: those read
/// before from `params` are the list's filters.
pub fn read(request: &HttpRequest, mut params: Params) -> ApiResult<PageRequest> {
    let page = PageRequest::read(request, &mut params);
    params.finish()?;
    Ok(page)
}

/// Rows to read: one more than the page has, to know whether another follows.
#[must_use]
pub fn rows(page: &PageRequest) -> u32 {
    page.limit() as u32 + 1
}

/// The walk to the page through a list by id.
pub fn walk<I: Display>(page: &PageRequest, id: fn(u64) -> I) -> ApiResult<Walk> {
    let after = page.after()?.map(|after| id(after).to_string());
    Ok(Walk { after: after.unwrap_or_default(), limit: rows(page) })
}

/// The page, of the rows that were read.
pub fn answer<R, O: Serialize>(
    page: &PageRequest,
    rows: Vec<R>,
    key: impl Fn(&R) -> u64,
    out: impl Fn(R) -> O,
) -> ApiResult<Answer> {
    answer_by(page, rows, |row| (key(row), 0), out)
}

/// The same of a list that is ordered by two keys.
pub fn answer_by<R, O: Serialize>(
    page: &PageRequest,
    mut rows: Vec<R>,
    keys: impl Fn(&R) -> (u64, u64),
    out: impl Fn(R) -> O,
) -> ApiResult<Answer> {
    let more = rows.len() > page.limit();
    rows.truncate(page.limit());
    let next = rows.last().filter(|_| more).map(|last| page.next_url(keys(last)));
    let link = next.as_deref().map(link);
    let items: Vec<O> = rows.into_iter().map(out).collect();
    let records = items.len() as u32;
    let answer = Answer::json(&PageOut { items, next }, Cache::NoStore, records)?;
    Ok(Answer { link, ..answer })
}
