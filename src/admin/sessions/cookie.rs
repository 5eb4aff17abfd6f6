//! The cookie of a session, and what keeps other sites from using it.

use crate::config;
pub use crate::http::cookie::{Cookie, check_origin};
use crate::http::{ApiError, Code};
use actix_web::http::header::{HeaderMap, HeaderName};

/// Must be in each write that a session makes: another site cannot add it without asking us first (CORS),
/// and is never allowed to.
pub const PROOF: HeaderName = HeaderName::from_static("x-comptoir-request");

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

/// Refuses a write that a session makes and that may come from another site.
pub fn check_write(settings: &config::Admin, headers: &HeaderMap) -> Result<(), ApiError> {
    if !headers.contains_key(PROOF) {
        let detail = "Send `X-Comptoir-Request: 1` with every write that a session makes: it shows that \
                      the call does not come from another site.";
        return Err(ApiError::new(Code::CrossSite, detail));
    }
    check_origin(settings, headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::kernel::secret::Secret;
    use actix_web::http::header::HeaderValue;
    use std::time::Duration;

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
