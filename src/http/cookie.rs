//! Cookies of ours, and what keeps the pages of other sites from using them.

use super::{ApiError, Code};
use crate::config;
use crate::kernel::secret::Secret;
use actix_web::http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use std::time::Duration;
use url::Url;

/// What a browser says of where a call comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A listener that browsers reach.
pub trait Site {
    /// The setting that says how.
    const SETTING: &'static str;

    /// How they do, without a slash at the end.
    fn url(&self) -> &str;

    /// Whether by https, so that cookies can be kept to that.
    fn is_secure(&self) -> bool {
        self.url().starts_with("https://")
    }
}

impl Site for config::Admin {
    const SETTING: &'static str = "admin.url";

    fn url(&self) -> &str {
        &self.url
    }
}

impl Site for config::Server {
    const SETTING: &'static str = "server.public_url";

    fn url(&self) -> &str {
        &self.public_url
    }
}

/// A cookie of ours.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    /// Its name.
    pub name: &'static str,
    /// `__Host-` binds it to this host, on https.
    pub secure_name: &'static str,
    /// When it is sent for a call that begins on another site.
    pub same_site: &'static str,
}

impl Cookie {
    fn name(self, site: &impl Site) -> &'static str {
        if site.is_secure() { self.secure_name } else { self.name }
    }

    /// The value in a call.
    #[must_use]
    pub fn read(self, site: &impl Site, headers: &HeaderMap) -> Option<Secret> {
        let name = self.name(site);
        let lines = headers.get_all(COOKIE).filter_map(|line| line.to_str().ok());
        let mut pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(found, _)| found.trim() == name)?.1.trim();
        (!value.is_empty()).then(|| Secret::new(value.to_owned()))
    }

    /// The header that sets it for a time.
    pub fn set(
        self,
        site: &impl Site,
        value: &Secret,
        life: Duration,
    ) -> Result<HeaderValue, ApiError> {
        let secure = if site.is_secure() { "; Secure" } else { "" };
        let text = format!(
            "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite={}{secure}",
            self.name(site),
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
    pub fn forget(self, site: &impl Site) -> Result<HeaderValue, ApiError> {
        self.set(site, &Secret::new(String::new()), Duration::ZERO)
    }
}

/// Refuses a call that comes from the page of another site.
pub fn check_origin<S: Site>(site: &S, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let is_foreign = |site: &str| !matches!(site, "same-origin" | "none");
    let origin = text(&ORIGIN).map(|origin| !is_ours(site, origin, text(&HOST)));
    if origin == Some(true) || (origin.is_none() && text(&FETCH_SITE).is_some_and(is_foreign)) {
        let detail = format!(
            "The call comes from the page of another site. Where a proxy hides the host, set `{}` to the address that \
             people use.",
            S::SETTING
        );
        return Err(ApiError::new(Code::CrossSite, detail));
    }
    Ok(())
}

/// Whether an origin is the listener's: by its setting, or by the host that was called.
fn is_ours(site: &impl Site, origin: &str, host: Option<&str>) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let by_setting = Url::parse(site.url()).is_ok_and(|ours| ours.origin() == url.origin());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    by_setting || (authority.is_some() && authority == host)
}
