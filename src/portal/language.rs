//! In which language a page is: as somebody has chosen by its link, as the partner's request says, or as the browser asks.

use super::sessions::LANGUAGE;
use super::state::Portal;
use super::words::{PageWords, words};
use crate::consent::purpose::NoticeLanguage;
use crate::http::language::preferred;
use crate::kernel::secret::Secret;
use crate::kernel::word::Word as _;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use std::time::Duration;
use url::form_urlencoded;

/// The parameter by which a language is chosen.
const PARAMETER: &str = "lang";
/// How long that is remembered.
const REMEMBERED: Duration = Duration::from_secs(31_536_000);
/// The languages, as `Accept-Language` names them.
const OFFERED: [&str; 2] = ["fr", "en"];

/// How a page is shown.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// Its language.
    pub(super) language: NoticeLanguage,
    /// Its words.
    pub(super) words: &'static PageWords,
    /// The retailer's name.
    pub(super) retailer: &'a str,
    /// Where the same page is in the other language; `None` for what is not opened again by its address.
    pub(super) elsewhere: Option<String>,
    /// The cookie that remembers what was chosen now.
    pub(super) chosen: Option<HeaderValue>,
}

impl Portal {
    /// How a page is shown that is opened by its address.
    pub(super) fn view(&self, request: &HttpRequest) -> View<'_> {
        self.view_for(request, &[])
    }

    /// The same, where a partner has said in which languages.
    pub(super) fn view_for(&self, request: &HttpRequest, locales: &[String]) -> View<'_> {
        let named = in_query(request);
        let remembered =
            || NoticeLanguage::of(LANGUAGE.read(&self.site, request.headers())?.reveal());
        let of_partner = || locales.iter().find_map(|locale| of_locale(locale));
        let of_browser = || preferred(request.headers(), &OFFERED).and_then(NoticeLanguage::of);
        let language = named.or_else(remembered).or_else(of_partner).or_else(of_browser);
        let language = language.unwrap_or(NoticeLanguage::Fr);
        let chosen = named.and_then(|language| {
            let word = Secret::new(language.as_str().to_owned());
            LANGUAGE.set(&self.site, &word, REMEMBERED).ok()
        });
        let words = words(language);
        let is_read = request.method() == actix_web::http::Method::GET;
        View {
            language,
            words,
            retailer: &self.settings.controller.name,
            elsewhere: is_read.then(|| elsewhere(request, words.other)),
            chosen,
        }
    }
}

fn in_query(request: &HttpRequest) -> Option<NoticeLanguage> {
    let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
    pairs.find(|(name, _)| name == PARAMETER).and_then(|(_, word)| NoticeLanguage::of(&word))
}

/// The language of a tag such as `fr-BE`.
fn of_locale(locale: &str) -> Option<NoticeLanguage> {
    let language = locale.split('-').next().unwrap_or_default().to_ascii_lowercase();
    NoticeLanguage::of(&language)
}

/// The address of a page in another language. It is one of ours, whatever was asked for.
fn elsewhere(request: &HttpRequest, language: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let pairs = form_urlencoded::parse(request.query_string().as_bytes());
    query.extend_pairs(pairs.filter(|(name, _)| name != PARAMETER));
    query.append_pair(PARAMETER, language);
    // A path that begins with two slashes would name another host.
    format!("/{}?{}", request.path().trim_start_matches('/'), query.finish())
}

impl View<'_> {
    /// The same in the language in which a form was shown, where it says which.
    pub(super) fn shown_in(self, language: Option<&str>) -> Self {
        match language.and_then(NoticeLanguage::of) {
            Some(language) => Self { language, words: words(language), ..self },
            None => self,
        }
    }
}
