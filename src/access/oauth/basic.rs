//! Ids and secrets of clients in the header `Authorization` (RFC 6749 §2.3.1).

use crate::kernel::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The id and the secret of a header `Authorization: Basic`; none where it is another, or damaged. Neither ids nor
/// secrets of ours hold anything that the form encoding changes.
#[must_use]
pub fn basic(header: &[u8]) -> Option<(String, Secret)> {
    let (scheme, text) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(text.trim_ascii()).ok()?);
    let (id, text) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), Secret::new(text.to_owned())))
}
