//! Pages on the wire: `{"items":[…],"next":"url|null","self":"url"}` and the `Link` header.

use super::answer::{Answer, Cache, Texts};
use super::fields::Fields;
use super::form::{self, Columns, Form};
use super::language::Wanted;
use super::linked;
use super::{ApiError, ApiResult, Code, FieldError, Params};
use crate::kernel::page::{Cursor, InvalidCursor, KeyCursor};
use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What a call asked of a list: which page, of which length, with which filters.
#[derive(Debug)]
pub struct PageRequest {
    path: String,
    query: String,
    /// The query without `cursor` and `limit`, in a fixed order: what the cursor is bound to.
    filters: String,
    cursor: Option<String>,
    limit: u32,
    form: Form,
    languages: Option<Wanted>,
    columns: Option<&'static Columns>,
    fields: Option<Fields>,
    wants_total: bool,
}

impl PageRequest {
    /// Reads `limit` and `cursor`; call it with the other parameters, before `params.finish()`.
    pub fn read(request: &HttpRequest, params: &mut Params) -> Self {
        let query = request.query_string();
        let is_place = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            name == "cursor" || name == "limit"
        };
        let mut filters: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !is_place(pair)).collect();
        filters.sort_unstable();
        let page = Self {
            path: request.path().to_owned(),
            query: query.to_owned(),
            filters: filters.join("&"),
            limit: params.limit(),
            cursor: params.text("cursor"),
            form: request
                .headers()
                .get(ACCEPT)
                .map_or(Form::Json, |accept| Form::preferred(accept.to_str().unwrap_or_default())),
            languages: Wanted::of(request),
            columns: None,
            fields: None,
            wants_total: false,
        };
        page.check_cursor(params);
        page
    }

    /// Notes a cursor that is none of this list, so that it is told beside what is wrong otherwise.
    fn check_cursor(&self, params: &mut Params) {
        let Some(text) = &self.cursor else { return };
        let binding = self.binding();
        if KeyCursor::parse(text, &binding).is_ok() {
            return;
        }
        if let Err(error) = Cursor::parse(text, &binding) {
            params.note_as((Code::InvalidCursor, fault(error)));
        }
    }

    /// The page, which can be CSV with these columns.
    #[must_use]
    pub fn with_columns(self, columns: &'static Columns) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The page, of whose items only these fields were asked for.
    #[must_use]
    pub fn with_fields(self, fields: Option<&Fields>) -> Self {
        Self { fields: fields.cloned(), ..self }
    }

    /// The page of a list that can be counted: reads `include_total`.
    #[must_use]
    pub fn with_total(self, params: &mut Params) -> Self {
        Self { wants_total: params.flag("include_total"), ..self }
    }

    /// Whether all items of the list are to be counted.
    #[must_use]
    pub fn wants_total(&self) -> bool {
        self.wants_total
    }

    /// Most items that the page may hold.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// What a cursor of this list is bound to.
    fn binding(&self) -> String {
        format!("{}?{}", self.path, self.filters)
    }

    /// The id after which the page begins; `None` for the first page.
    pub fn after(&self) -> ApiResult<Option<u64>> {
        Ok(self.after_pair()?.map(|(after, _)| after))
    }

    /// The same for a list ordered by two keys.
    pub fn after_pair(&self) -> ApiResult<Option<(u64, u64)>> {
        let Some(text) = &self.cursor else { return Ok(None) };
        match Cursor::parse(text, &self.binding()) {
            Ok(cursor) => Ok(Some((cursor.after, cursor.and_after))),
            Err(error) => Err(refused(error)),
        }
    }

    /// The key after which the page begins, in a list ordered by keys of bytes.
    pub fn after_key(&self) -> ApiResult<Option<Vec<u8>>> {
        let cursor = self.cursor.as_deref().map(|text| KeyCursor::parse(text, &self.binding()));
        cursor.transpose().map(|cursor| cursor.map(|cursor| cursor.after)).map_err(refused)
    }

    /// Path and query of the page that begins behind these keys.
    #[must_use]
    pub fn next_url(&self, (after, and_after): (u64, u64)) -> String {
        self.url_behind(&Cursor::new(after, and_after, &self.binding()))
    }

    fn url_behind(&self, cursor: &dyn std::fmt::Display) -> String {
        let separator = if self.filters.is_empty() { "" } else { "&" };
        format!("{}?{}{separator}limit={}&cursor={cursor}", self.path, self.filters, self.limit)
    }

    /// The answer that holds `items`, finished JSON documents, and points behind `next`.
    pub fn answer<T: AsRef<[u8]>>(
        &self,
        items: &[T],
        next: Option<(u64, u64)>,
        cache: Cache,
    ) -> ApiResult<Answer> {
        self.answer_counted(items, next, None, cache)
    }

    /// The same with how many items the list has, where they were counted.
    pub fn answer_counted<T: AsRef<[u8]>>(
        &self,
        items: &[T],
        next: Option<(u64, u64)>,
        total: Option<u64>,
        cache: Cache,
    ) -> ApiResult<Answer> {
        let next = next.map(|keys| self.next_url(keys));
        let total = total.map(|total| ("total", total.to_string().into_bytes()));
        self.put_together(items, next.as_deref(), total.as_slice(), cache)
    }

    /// The same for a list ordered by keys of bytes, with members beside the items: names and
    /// finished JSON.
    pub fn answer_beside<T: AsRef<[u8]>>(
        &self,
        items: &[T],
        next: Option<Vec<u8>>,
        beside: &[(&str, Vec<u8>)],
        cache: Cache,
    ) -> ApiResult<Answer> {
        let next = next.map(|key| self.url_behind(&KeyCursor::new(key, &self.binding())));
        self.put_together(items, next.as_deref(), beside, cache)
    }

    fn put_together<T: AsRef<[u8]>>(
        &self,
        items: &[T],
        next: Option<&str>,
        beside: &[(&str, Vec<u8>)],
        cache: Cache,
    ) -> ApiResult<Answer> {
        let mut languages = BTreeSet::new();
        let items = self.in_language(items, &mut languages);
        if let Some((body, form)) = self.in_other_form(&items)? {
            let answer = Answer::new(body, cache, items.len() as u32);
            let texts = self.texts(&languages);
            return Ok(Answer { link: next.map(link), form, texts, ..answer });
        }
        let separator = if self.query.is_empty() { "" } else { "?" };
        let own = format!("{}{separator}{}", self.path, self.query);
        let room = items.iter().map(|item| item.as_ref().len() + 1).sum::<usize>();
        let mut body = Vec::with_capacity(room + own.len() * 2 + 96);
        body.extend_from_slice(b"{\"items\":[");
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                body.push(b',');
            }
            match self.kind_of_items() {
                None => body.extend_from_slice(item.as_ref()),
                Some(kind) => body.extend(linked::inside(kind, item.as_ref())),
            }
        }
        body.extend_from_slice(b"],\"next\":");
        append(&mut body, &next)?;
        body.extend_from_slice(b",\"self\":");
        append(&mut body, &own)?;
        for (name, value) in beside {
            body.extend_from_slice(b",\"");
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(b"\":");
            for value in self.in_language(&[value], &mut languages) {
                body.extend_from_slice(&value);
            }
        }
        body.push(b'}');
        let linked = self.kind_of_items().map(|_| linked::alone("ItemList", &body));
        let form = if linked.is_some() { Form::JsonLd } else { Form::Json };
        let answer = Answer::new(linked.unwrap_or(body), cache, items.len() as u32);
        let texts = self.texts(&languages);
        Ok(Answer { link: next.map(link), form, texts, ..answer })
    }
}

impl PageRequest {
    /// Documents with their texts in the languages that the client asked for; `languages` gains those.
    fn in_language<'a, T: AsRef<[u8]>>(
        &self,
        documents: &'a [T],
        languages: &mut BTreeSet<String>,
    ) -> Vec<Cow<'a, [u8]>> {
        let choose = |document: &[u8]| self.languages.as_ref()?.choose(document);
        let chosen = documents.iter().map(|document| match choose(document.as_ref()) {
            Some(chosen) => {
                languages.extend(chosen.languages);
                Cow::Owned(chosen.document)
            }
            None => Cow::Borrowed(document.as_ref()),
        });
        chosen.collect()
    }

    /// In which languages the texts of the page are, where these were chosen.
    fn texts(&self, languages: &BTreeSet<String>) -> Texts {
        match &self.languages {
            Some(wanted) => Texts::Chosen(wanted.told(languages)),
            None => Texts::AsTheyAre,
        }
    }

    /// What the items are, where the client asked for JSON-LD and they have a name there.
    fn kind_of_items(&self) -> Option<&'static str> {
        (self.form == Form::JsonLd).then_some(self.columns?.kind())
    }

    /// The items in the form that the client asked for, where that is not JSON.
    fn in_other_form<T: AsRef<[u8]>>(&self, items: &[T]) -> ApiResult<Option<(Vec<u8>, Form)>> {
        match (self.form, self.columns) {
            (Form::Ndjson, _) => Ok(Some((form::lines(items), Form::Ndjson))),
            (Form::Csv, Some(columns)) => {
                let within = |fields| columns.within(fields, self.languages.is_some());
                let own = self.fields.as_ref().map(within);
                Ok(Some((own.as_ref().unwrap_or(columns).table(items)?, Form::Csv)))
            }
            (Form::Json | Form::JsonLd | Form::Csv | Form::Html, _) => Ok(None),
        }
    }
}

fn refused(error: InvalidCursor) -> ApiError {
    ApiError::new(Code::InvalidCursor, crate::kernel::sentence(format!("`cursor` {error}")))
        .errors(vec![fault(error)])
}

fn fault(error: InvalidCursor) -> FieldError {
    FieldError::parameter("cursor", "malformed", error.to_string())
}

/// The `Link` header that names the next page.
#[must_use]
pub fn link(next: &str) -> String {
    format!("<{next}>; rel=\"next\"")
}

fn append(body: &mut Vec<u8>, value: &impl serde::Serialize) -> ApiResult<()> {
    serde_json::to_writer(body, value).map_err(|error| {
        tracing::error!(%error, "a page could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn request(uri: &str) -> PageRequest {
        let request = TestRequest::with_uri(uri).to_http_request();
        PageRequest::read(&request, &mut Params::new(request.query_string()))
    }

    #[test]
    fn a_page_points_to_itself_and_the_next() {
        let first = request("/v1/things?b=2&limit=2&a=%221%22");
        let answer = first.answer(&["{}", "1"], Some((7, 0)), Cache::Short).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["self"], "/v1/things?b=2&limit=2&a=%221%22");
        assert_eq!(body["items"], serde_json::json!([{}, 1]));
        assert!(body.get("total").is_none());
        let counted = first.answer_counted(&["1"], None, Some(9), Cache::Short).unwrap();
        assert!(counted.body.ends_with(b",\"total\":9}"), "{:?}", counted.body);
        let next = body["next"].as_str().unwrap();
        assert_eq!(answer.link.unwrap(), format!("<{next}>; rel=\"next\""));
        assert_eq!(request(next).after(), Ok(Some(7)));
        assert_eq!(request(next).limit(), 2);
    }

    #[test]
    fn a_cursor_is_bound_to_path_and_filters() {
        let next = request("/v1/things?a=1").next_url((9, 0));
        let elsewhere = next.replace("/v1/things", "/v1/others");
        for wrong in [next.replace("a=1", "a=2"), elsewhere, "/v1/things?cursor=x".into()] {
            assert_eq!(request(&wrong).after().unwrap_err().code(), Code::InvalidCursor, "{wrong}");
        }
    }
}
