//! A page of changes in the form that the client asked for.

use crate::http::Answer;
use crate::http::answer::Cache;
use crate::http::form::Form;
use crate::http::page::link;
use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, HeaderName};

/// Where to go on behind a page: the next call's `after`.
pub const NEXT_POSITION: HeaderName = HeaderName::from_static("next-position");

/// How far a page has come, and how far the log has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) reached: i64,
    pub(super) head: i64,
}

impl Reach {
    fn has_more(self) -> bool {
        self.reached < self.head
    }
}

/// The page of these lines, finished JSON documents.
pub(super) fn answer(request: &HttpRequest, lines: &[Vec<u8>], reach: Reach) -> Answer {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let form = Form::preferred_of_lines(accept.unwrap_or_default());
    let Reach { reached, .. } = reach;
    let body = match form {
        Form::Ndjson => lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect(),
        _ => {
            let items = lines.join(&b',');
            let more = reach.has_more();
            let rest = format!("],\"next_position\":\"{reached}\",\"has_more\":{more}}}");
            [b"{\"items\":[", items.as_slice(), rest.as_bytes()].concat()
        }
    };
    // Who holds a copy needs every language.
    let answer = Answer::new(body, Cache::NoStore, lines.len() as u32).with_all_texts();
    let next = reach.has_more().then(|| link(&behind(request, reached)));
    Answer { form, link: next, beside: Some((NEXT_POSITION, reached.into())), ..answer }
}

/// Path and query of the same call behind a position.
pub(crate) fn behind(request: &HttpRequest, position: i64) -> String {
    let is_place = |pair: &&str| pair.split('=').next() == Some("after");
    let query =
        request.query_string().split('&').filter(|pair| !pair.is_empty() && !is_place(pair));
    let after = format!("after={position}");
    let query: Vec<&str> = query.chain([after.as_str()]).collect();
    format!("{}?{}", request.path(), query.join("&"))
}
