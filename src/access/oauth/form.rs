//! Parameters of requests, read so that nothing is heard twice or half.
//!
//! A reader that keeps the first or the last of two values of one name can be made to see another request than the
//! one that was judged before it. So nothing is repaired here: what is repeated, badly encoded or out of bounds is
//! refused (RFC 6749 §3.1 and §3.2, OAuth 2.1 §3.2).

use super::assertion;
use std::fmt;
use zeroize::Zeroizing;

/// Most bytes of a query or body.
pub const BYTES_MOST: usize = 64 * 1024;
/// Most parameters.
pub const PARAMETERS_MOST: usize = 64;
/// Most bytes of a name.
pub const NAME_MOST: usize = 64;
/// Most bytes of a value that has no bound of its own in [`LONGER`].
pub const VALUE_MOST: usize = 1_024;
/// Parameters with longer values, and most bytes of these.
pub const LONGER: [(&str, usize); 6] = [
    ("authorization_details", 16_384),
    ("client_assertion", assertion::LONGEST),
    ("redirect_uri", 2_000),
    ("request", 8_192),
    ("scope", 2_000),
    // Access tokens are shown to the endpoints of introspection and revocation.
    ("token", 8_192),
];
/// The parameter that is a document, in which lines may break.
const DOCUMENT: &str = "authorization_details";

/// Parameters by name, each at most once. `Debug` shows names only.
#[derive(Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, Zeroizing<String>)>);

/// Why parameters are not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The body or query is too long: 413.
    #[error("the parameters have more than {BYTES_MOST} bytes in all")]
    TooLarge,
    /// There are too many.
    #[error("there are more than {PARAMETERS_MOST} parameters")]
    TooMany,
    /// A name is empty or too long.
    #[error("a parameter has a name of none or more than {NAME_MOST} bytes")]
    Name,
    /// A value is too long.
    #[error("{0} is too long: it has at most {1} bytes")]
    TooLong(String, usize),
    /// Percent signs without two digits, or bytes that are no UTF-8.
    #[error("a parameter is not encoded as application/x-www-form-urlencoded in UTF-8")]
    Encoding,
    /// NUL or another control character.
    #[error("{0} holds a control character")]
    Control(String),
    /// The same name twice.
    #[error("{0} is there more than once")]
    Repeated(String),
    /// A parameter beside a body.
    #[error("{0} stands in the address: all parameters belong in the body")]
    InAddress(String),
}

impl Parameters {
    /// Reads the query of a GET, or the body of a POST as [`Self::posted`] does.
    pub fn read(text: &[u8]) -> Result<Self, FormError> {
        if text.len() > BYTES_MOST {
            return Err(FormError::TooLarge);
        }
        let mut read = Self::default();
        for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if read.0.len() >= PARAMETERS_MOST {
                return Err(FormError::TooMany);
            }
            let mut sides = part.splitn(2, |byte| *byte == b'=');
            let name = decoded(sides.next().unwrap_or_default())?;
            let value = decoded(sides.next().unwrap_or_default())?;
            read.take(name.to_string(), value)?;
        }
        Ok(read)
    }

    /// Reads the body of a POST. None may stand in the address: there it is logged, and one that is in both would be
    /// heard twice.
    pub fn posted(query: &str, body: &[u8]) -> Result<Self, FormError> {
        if let Some((name, _)) = Self::read(query.as_bytes())?.0.into_iter().next() {
            return Err(FormError::InAddress(name));
        }
        Self::read(body)
    }

    fn take(&mut self, name: String, value: Zeroizing<String>) -> Result<(), FormError> {
        if !(1..=NAME_MOST).contains(&name.len()) {
            return Err(FormError::Name);
        }
        let own = LONGER.iter().find(|(longer, _)| *longer == name);
        let most = own.map_or(VALUE_MOST, |(_, most)| *most);
        let may_break = |c: char| name == DOCUMENT && matches!(c, '\t' | '\n' | '\r');
        if name.chars().any(char::is_control)
            || value.chars().any(|c| c.is_control() && !may_break(c))
        {
            return Err(FormError::Control(name));
        }
        if value.len() > most {
            return Err(FormError::TooLong(name, most));
        }
        if self.0.iter().any(|(known, _)| *known == name) {
            return Err(FormError::Repeated(name));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The value of a parameter. One without a value counts as left out (RFC 6749 §3.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A name or value without its encoding.
fn decoded(text: &[u8]) -> Result<Zeroizing<String>, FormError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, behind) = behind.split_at_checked(2).ok_or(FormError::Encoding)?;
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let value = digits.iter().try_fold(0, |sum, byte| Some(sum * 16 + digit(byte)?));
                let byte = value.and_then(|value| u8::try_from(value).ok());
                bytes.push(byte.ok_or(FormError::Encoding)?);
                rest = behind;
            }
            byte => bytes.push(*byte),
        }
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| FormError::Encoding)?;
    Ok(Zeroizing::new(text.to_owned()))
}
