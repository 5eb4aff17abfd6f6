//! Refusals of the token endpoint, as they can be looked up.

use super::answer;
use crate::access::directory::KeyRecord;
use crate::http::Code;
use crate::kernel::Micros;
use std::fmt;
use std::net::IpAddr;

/// Why no token was issued, as it stood when it was judged.
#[derive(Debug, Clone, Copy)]
pub struct TokenRefusal<'a> {
    /// When it was judged.
    pub at: Micros,
    /// Why.
    pub why: Why,
    /// The client, where it has proved to be that.
    pub client: Option<&'a KeyRecord>,
    /// Where the request came from, where that can be told.
    pub address: Option<IpAddr>,
}

/// Why no token was issued.
#[derive(Debug, Clone, Copy)]
pub enum Why {
    /// `invalid_client`: it has not proved itself; or it has, with what works no more.
    Client,
    /// The client may not be used now, for a reason that calls would be told by this code.
    Barred(answer::Refusal, Code),
    /// Tokens were asked for too often: so many are granted a minute, and so many seconds are to be waited.
    Limited {
        /// Tokens a minute.
        granted: u32,
        /// Seconds.
        wait_s: u64,
    },
}

/// Gives refusals an id by which they can be looked up.
pub trait Explain: fmt::Debug + Send + Sync {
    /// The id; `None` where none can be made.
    fn refusal_id(&self, refusal: &TokenRefusal<'_>) -> Option<String>;
}
