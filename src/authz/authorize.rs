//! The authorization endpoint: how a customer comes to it, and how the answer goes back (RFC 6749 §4.1.2, RFC 9207).

use super::handles::{AuthorizationCode, Handle, RequestUri};
use super::par;
use super::request::Back;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::Parameters;
use crate::kernel::secret::Secret;
use url::form_urlencoded;

/// The status of every redirect. With 307 the browser would send what the customer has just posted, passwords too, to
/// the client (RFC 9700 §4.12).
pub const REDIRECT: u16 = 303;

/// How a customer comes.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// With a reference to a request that was pushed; all else in the address is passed over (RFC 9126 §4).
    Pushed {
        /// Who has pushed it, as the address says: it must be the one that has.
        client_id: String,
        /// The reference.
        request_uri: Handle<RequestUri>,
    },
    /// With the request itself.
    Plain {
        /// Who asks, as the address says.
        client_id: String,
        /// The request, for [`super::request::plain`].
        form: Parameters,
    },
}

impl Arrival {
    /// Reads the address by which a customer comes. An error is for the customer alone: nothing is known of a client
    /// yet.
    pub fn read(query: &[u8]) -> Result<Self, OAuthError> {
        let form = Parameters::read(query)?;
        let missing = || OAuthError::new(OAuthCode::InvalidRequest, "client_id is missing");
        let client_id = form.get("client_id").ok_or_else(missing)?.to_owned();
        match form.get("request_uri") {
            None => Ok(Self::Plain { client_id, form }),
            Some(text) => {
                let request_uri = Handle::read(text).map_err(|_| par::unknown())?;
                Ok(Self::Pushed { client_id, request_uri })
            }
        }
    }
}

macro_rules! authorize_errors {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Why a customer is sent back without a code. Each has one text, that of its code: what the partner hears
        /// tells nothing of the customer, and nothing of what was in the address.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuthorizeError { $($(#[$doc])* $name,)* }

        impl AuthorizeError {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code of the standard.
            #[must_use]
            pub fn code(self) -> OAuthCode {
                match self { $(Self::$name => OAuthCode::$name),* }
            }
        }
    };
}

authorize_errors! {
    /// The customer does not want it, or may not.
    AccessDenied;
    /// They would have to be asked.
    ConsentRequired;
    /// They would have to do something else.
    InteractionRequired;
    /// What is asked for in detail is not what it should be.
    InvalidAuthorizationDetails;
    /// The grant that is to be replaced is none of the client and this customer.
    InvalidGrantId;
    /// The request is not what it should be.
    InvalidRequest;
    /// It asks for scopes that there are not, or that the client may not have.
    InvalidScope;
    /// It names another API.
    InvalidTarget;
    /// The customer would have to log in.
    LoginRequired;
    /// Something failed here.
    ServerError;
    /// Something that is needed is out of reach for now.
    TemporarilyUnavailable;
    /// The client may not ask so.
    UnauthorizedClient;
    /// The customer has logged in, and not as strongly as the request requires.
    UnmetAuthentication;
    /// It wants something else than a code.
    UnsupportedResponseType;
}

impl From<OAuthCode> for AuthorizeError {
    /// The error with that code; one that has no place in this answer has failed here.
    fn from(code: OAuthCode) -> Self {
        let found = Self::ALL.iter().find(|error| error.code() == code);
        found.copied().unwrap_or(Self::ServerError)
    }
}

/// Who hears of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorTold {
    /// The customer, on a page of ours.
    Customer(AuthorizeError),
    /// The client: the browser is sent to this address.
    Client(Secret),
}

/// Where the browser goes with a code.
#[must_use]
pub fn granted(back: &Back, code: &Handle<AuthorizationCode>, issuer: &str) -> Secret {
    location(back, &[("code", code.text().reveal())], issuer)
}

/// Who hears of an error. A browser is sent to a client only once the customer has logged in here, or what looks like a
/// link to us would lead anywhere; but for the error of a request that forbids to ask for a login (RFC 9700 §4.11.2).
#[must_use]
pub fn refused(
    error: AuthorizeError,
    back: Option<&Back>,
    is_logged_in: bool,
    issuer: &str,
) -> ErrorTold {
    let may_leave = is_logged_in || error == AuthorizeError::LoginRequired;
    let Some(back) = back.filter(|_| may_leave) else { return ErrorTold::Customer(error) };
    let code = error.code();
    let answer = [("error", code.as_str()), ("error_description", code.description())];
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
