//! The authorization endpoint: how a customer comes to it, and how the answer goes back (RFC 6749 §4.1.2, RFC 9207).

use super::error::{OAuthCode, OAuthError};
use super::form::Parameters;
use super::handles::{Handle, HandleKind};
use super::par;
use super::request::Back;
use crate::kernel::secret::Secret;
use url::form_urlencoded;

/// The status of every redirect. With 307 the browser would send what the customer has just posted, passwords too, to
/// the client (RFC 9700 §4.12).
pub const REDIRECT: u16 = 303;

/// How a customer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// With a reference to a request that was pushed; all else in the address is passed over (RFC 9126 §4).
    Pushed {
        /// Who has pushed it, as the address says: it must be the one that has.
        client_id: String,
        /// The reference.
        request_uri: Handle,
    },
    /// With the request itself, for [`super::request::plain`].
    Plain {
        /// Who asks, as the address says.
        client_id: String,
    },
}

/// Reads the address by which a customer comes. An error is for the customer alone: nothing is known of a client yet.
pub fn arrival(query: &[u8]) -> Result<(Arrival, Parameters), OAuthError> {
    let form = Parameters::read(query)?;
    let wrong = |why: &'static str| OAuthError::new(OAuthCode::InvalidRequest, why);
    let client_id = form.get("client_id").ok_or_else(|| wrong("client_id is missing"))?.to_owned();
    let arrival = match form.get("request_uri") {
        None => Arrival::Plain { client_id },
        Some(text) => {
            let request_uri = Handle::read(HandleKind::RequestUri, text);
            let request_uri = request_uri.map_err(|_| par::unknown())?;
            Arrival::Pushed { client_id, request_uri }
        }
    };
    Ok((arrival, form))
}

/// Who hears of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorTold {
    /// The customer, on a page of ours.
    Customer(OAuthError),
    /// The client: the browser is sent to this address.
    Client(Secret),
}

/// Where the browser goes with a code.
#[must_use]
pub fn granted(back: &Back, code: &Handle, issuer: &str) -> Secret {
    location(back, &[("code", code.text().reveal())], issuer)
}

/// Who hears of an error. A browser is sent to a client only once the customer has logged in here, or what looks like a
/// link to us would lead anywhere; but for the error of a request that forbids to ask for a login (RFC 9700 §4.11.2).
#[must_use]
pub fn refused(
    error: OAuthError,
    back: Option<&Back>,
    is_logged_in: bool,
    issuer: &str,
) -> ErrorTold {
    let may_leave = is_logged_in || error.code == OAuthCode::LoginRequired;
    let Some(back) = back.filter(|_| may_leave) else { return ErrorTold::Customer(error) };
    let mut answer =
        vec![("error", error.code.as_str()), ("error_description", error.description())];
    answer.extend(error.uri().map(|uri| ("error_uri", uri)));
    ErrorTold::Client(location(back, &answer, issuer))
}

/// The client's address with an answer, `state` and `iss` behind what is in it.
fn location(back: &Back, answer: &[(&str, &str)], issuer: &str) -> Secret {
    let address = back.redirect_uri.as_str();
    let start = if address.contains('?') { '&' } else { '?' };
    let before = format!("{address}{start}");
    let begins = before.len();
    let mut query = form_urlencoded::Serializer::for_suffix(before, begins);
    query.extend_pairs(answer);
    if let Some(state) = &back.state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", issuer);
    Secret::new(query.finish())
}
