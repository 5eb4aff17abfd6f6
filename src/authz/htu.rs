//! Addresses of requests as DPoP proofs have them (RFC 9449 §4.3): without query and fragment, and in one spelling of
//! those that mean the same (RFC 3986 §6.2.2 and §6.2.3).

use std::fmt;
use url::Url;

/// An address in the spelling that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Htu(String);

impl Htu {
    /// The address of a request as clients see it: a path below the public base address, which has no slash at its end;
    /// none where the two are no address. The header `Host` is no part of it: whoever sends the request writes that.
    #[must_use]
    pub fn of(public_base: &str, path: &str) -> Option<Self> {
        path.starts_with('/').then(|| Self::read(&format!("{public_base}{path}")))?
    }

    /// Reads an absolute `http` or `https` address; none where it is another, or holds a user.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        // What the library would silently take out or turn round.
        if text.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
            return None;
        }
        let mut url = Url::parse(text).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return None;
        }
        url.set_query(None);
        url.set_fragment(None);
        let path = unescaped(url.path())?;
        // Scheme and host in small letters, no default port, no dots in the path: by the library.
        let origin = url.origin().ascii_serialization();
        Some(Self(format!("{origin}{path}")))
    }
}

impl fmt::Display for Htu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path in which only what has to be is encoded, and that in capital digits; none where a percent sign begins
/// nothing.
fn unescaped(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let digits = Some(digits).filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            plain.push(char::from(byte));
        } else {
            plain.push('%');
            plain.push_str(&digits.to_ascii_uppercase());
        }
        plain.push_str(rest);
    }
    Some(plain)
}
