//! Addresses of requests as DPoP proofs have them (RFC 9449 §4.3): without query and fragment, and in one spelling of
//! those that mean the same (RFC 3986 §6.2.2 and §6.2.3).

use url::Url;

/// An address in the spelling that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Htu(String);

impl Htu {
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
        let path = unescaped(url.path());
        // Scheme and host in small letters, no default port, no dots in the path: by the library.
        let origin = url.origin().ascii_serialization();
        Some(Self(format!("{origin}{path}")))
    }
}

/// A path in which only what has to be is encoded, and that in capital digits.
fn unescaped(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3);
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, digits) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(char::from(byte));
            }
            (Some(_), Some(digits)) => {
                plain.push('%');
                plain.push_str(&digits.to_ascii_uppercase());
            }
            // A percent sign that begins nothing stands for itself.
            _ => {
                plain.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 3..];
    }
    plain.push_str(rest);
    plain
}
