//! The cookie of a session, and what keeps other sites from using it.

use crate::config;
use crate::http::{ApiError, Code};
use crate::kernel::secret::Secret;
use actix_web::http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use std::time::Duration;
use url::Url;

/// Must be in each write that a session makes: another site cannot add it without asking us first (CORS),
/// and is never allowed to.
pub const PROOF: HeaderName = HeaderName::from_static("x-comptoir-request");
/// What a browser says of where a call comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A cookie of ours.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    name: &'static str,
    /// `__Host-` binds it to this host, on https.
    secure_name: &'static str,
    same_site: &'static str,
}

/// The session's.
pub const SESSION: Cookie = Cookie {
    name: "comptoir_session",
    secure_name: "__Host-comptoir_session",
    same_site: "Strict",
};
/// That of a login which is under way at an OpenID provider. `Lax`, because the browser comes back from
/// there.
pub const LOGIN: Cookie =
    Cookie { name: "comptoir_login", secure_name: "__Host-comptoir_login", same_site: "Lax" };

impl Cookie {
    fn name(self, settings: &config::Admin) -> &'static str {
        if settings.is_secure() { self.secure_name } else { self.name }
    }

    /// The value in a call.
    #[must_use]
    pub fn read(self, settings: &config::Admin, headers: &HeaderMap) -> Option<Secret> {
        let name = self.name(settings);
        let lines = headers.get_all(COOKIE).filter_map(|line| line.to_str().ok());
        let mut pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(found, _)| found.trim() == name)?.1.trim();
        (!value.is_empty()).then(|| Secret::new(value.to_owned()))
    }

    /// The header that sets it for a time.
    pub fn set(
        self,
        settings: &config::Admin,
        value: &Secret,
        life: Duration,
    ) -> Result<HeaderValue, ApiError> {
        let secure = if settings.is_secure() { "; Secure" } else { "" };
        let text = format!(
            "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite={}{secure}",
            self.name(settings),
            value.reveal(),
            life.as_secs(),
            self.same_site
        );
        HeaderValue::from_str(&text).map_err(|error| {
            tracing::error!(%error, "a cookie could not be made");
            ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
        })
    }

    /// The header that takes it away.
    pub fn forget(self, settings: &config::Admin) -> Result<HeaderValue, ApiError> {
        self.set(settings, &Secret::new(String::new()), Duration::ZERO)
    }
}

/// Refuses a write that a session makes and that may come from another site.
pub fn check_write(settings: &config::Admin, headers: &HeaderMap) -> Result<(), ApiError> {
    if !headers.contains_key(PROOF) {
        let detail = "Send `X-Comptoir-Request: 1` with every write that a session makes: it shows that \
                      the call does not come from another site.";
        return Err(ApiError::new(Code::CrossSite, detail));
    }
    check_origin(settings, headers)
}

/// Refuses a call that comes from the page of another site.
pub fn check_origin(settings: &config::Admin, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let is_foreign = |site: &str| !matches!(site, "same-origin" | "none");
    let origin = text(&ORIGIN).map(|origin| !is_ours(settings, origin, text(&HOST)));
    if origin == Some(true) || (origin.is_none() && text(&FETCH_SITE).is_some_and(is_foreign)) {
        let detail = "The call comes from the page of another site. Where a proxy hides the host, set \
                      `admin.url` to the address that people use.";
        return Err(ApiError::new(Code::CrossSite, detail));
    }
    Ok(())
}

/// Whether an origin is the admin listener's: by its setting, or by the host that was called.
fn is_ours(settings: &config::Admin, origin: &str, host: Option<&str>) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let by_setting = Url::parse(&settings.url).is_ok_and(|ours| ours.origin() == url.origin());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    by_setting || (authority.is_some() && authority == host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_write_must_come_from_here() {
        let settings = Config::embedded().admin;
        let host = ("host", "shop.example:8081");
        let ok = |pairs: &[(&'static str, &'static str)]| {
            check_write(&settings, &headers(pairs)).is_ok()
        };
        let proof = ("x-comptoir-request", "1");
        assert!(ok(&[host, proof]));
        assert!(ok(&[host, proof, ("origin", "http://shop.example:8081")]));
        assert!(ok(&[host, proof, ("origin", "http://127.0.0.1:8081")]), "admin.url");
        assert!(!ok(&[host]));
        assert!(!ok(&[host, ("origin", "http://shop.example:8081")]));
        for origin in
            ["http://evil.example", "http://shop.example", "null", "shop.example:8081", ""]
        {
            assert!(!ok(&[host, proof, ("origin", origin)]), "{origin}");
        }
        assert!(!ok(&[host, proof, ("sec-fetch-site", "same-site")]));
        assert!(ok(&[host, proof, ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn the_cookie_is_bound_to_its_host_where_that_can_be() {
        let mut settings = Config::embedded().admin;
        let value = Secret::new("abc".to_owned());
        let set = |settings: &config::Admin| {
            let set = SESSION.set(settings, &value, Duration::from_secs(60)).unwrap();
            set.to_str().unwrap().to_owned()
        };
        let plain = "comptoir_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(set(&settings), plain);
        settings.url = "https://admin.shop.example".to_owned();
        assert_eq!(set(&settings), format!("__Host-{plain}; Secure"));
        let sent = headers(&[("cookie", "a=b; comptoir_session=no; __Host-comptoir_session=abc")]);
        assert_eq!(SESSION.read(&settings, &sent), Some(value.clone()));
        assert_eq!(LOGIN.read(&settings, &sent), None);
    }
}
