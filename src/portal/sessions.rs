//! A customer's session: a random text in a cookie, of which the database knows the hash.

use super::error::PageError;
use super::state::Portal;
use super::store::{self, CustomerSession};
use crate::authz::bits;
use crate::http::cookie::{Cookie, check_origin};
use crate::kernel::Micros;
use crate::kernel::clock::{MINUTE, SECOND};
use crate::kernel::mac::hmac_sha256;
use crate::kernel::secret::{self, Secret};
use actix_web::HttpRequest;
use zeroize::Zeroizing;

/// The session's. `Lax`: a customer comes from the partner's site, and is known then.
pub(super) const SESSION: Cookie =
    Cookie { name: "comptoir_customer", secure_name: "__Host-comptoir_customer", same_site: "Lax" };
/// That of logins which are under way.
pub(super) const LOGIN: Cookie = Cookie {
    name: "comptoir_customer_login",
    secure_name: "__Host-comptoir_customer_login",
    same_site: "Lax",
};
/// The language that somebody has chosen.
pub(super) const LANGUAGE: Cookie =
    Cookie { name: "comptoir_language", secure_name: "__Host-comptoir_language", same_site: "Lax" };
/// How often it is noted that a session is used.
const NOTED_EVERY: i64 = MINUTE;

/// A customer with the text of their session.
#[derive(Clone)]
pub(super) struct LoggedIn {
    /// The text.
    pub(super) text: Secret,
    /// Who.
    pub(super) session: CustomerSession,
    /// The retailer's id of them.
    pub(super) customer: String,
}

/// A text that nobody can guess.
pub(super) fn random_text() -> Result<Secret, getrandom::Error> {
    let mut random = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut random[..])?;
    Ok(Secret::new(bits::encode(*random)))
}

impl Portal {
    fn idle(&self) -> i64 {
        i64::try_from(self.about.session_idle.as_micros()).unwrap_or(i64::MAX)
    }

    /// When a session that begins now ends, used or not.
    pub(super) fn session_end(&self, now: Micros) -> Micros {
        let most = i64::try_from(self.about.session_most.as_micros()).unwrap_or(i64::MAX);
        Micros(now.0.saturating_add(most))
    }

    /// Who is logged in, where anybody is.
    pub(super) async fn logged_in(
        &self,
        request: &HttpRequest,
    ) -> Result<Option<LoggedIn>, PageError> {
        let Some(text) = SESSION.read(&self.site, request.headers()) else { return Ok(None) };
        let Some(session) = store::find(&self.db, &text).await? else { return Ok(None) };
        let now = self.now();
        let idle_for = now.0.saturating_sub(session.used_at.0);
        if now >= session.ends_at || idle_for > self.idle() {
            return Ok(None);
        }
        let found = crate::consent::store::subjects::customer_of(&self.db, session.subject).await?;
        let Some(customer) = found else { return Ok(None) };
        if idle_for > NOTED_EVERY {
            store::touch(&self.db, &text, now).await?;
        }
        Ok(Some(LoggedIn { text, session, customer }))
    }

    /// Forgets sessions that have ended, some at a time; how many there were.
    pub async fn forget_ended(&self, limit: u32) -> Result<u64, crate::storage::StoreError> {
        let now = self.now();
        let idle_since = Micros(now.0.saturating_sub(self.idle()));
        store::expire(&self.db, idle_since, now, limit).await
    }

    /// What a form has to bring back: it is of this session, and of what the form is about.
    pub(super) fn form_key(&self, who: &LoggedIn, about: &str) -> String {
        bits::encode(self.form_mac(who, about))
    }

    fn form_mac(&self, who: &LoggedIn, about: &str) -> [u8; 32] {
        let parts: [&[u8]; 3] = [who.text.reveal().as_bytes(), b"\x1f", about.as_bytes()];
        hmac_sha256(&self.forms, &parts)
    }

    /// Refuses a form that was not sent from its own page.
    pub(super) fn check_form(
        &self,
        request: &HttpRequest,
        (who, about): (&LoggedIn, &str),
        shown: Option<&str>,
    ) -> Result<(), PageError> {
        check_origin(&self.site, request.headers())?;
        let shown = shown.and_then(bits::decode_32).ok_or(PageError::Forged)?;
        let is_its = secret::same(&self.form_mac(who, about), &shown);
        if is_its { Ok(()) } else { Err(PageError::Forged) }
    }
}

impl LoggedIn {
    /// Whether they have logged in within some seconds.
    pub(super) fn is_fresh(&self, most_s: i64, now: Micros) -> bool {
        now.0.div_euclid(SECOND).saturating_sub(self.session.login.auth_time) <= most_s
    }
}
