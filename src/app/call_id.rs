//! The ids of calls: those of their usage events, or numbers of their own.

use crate::metering::Receipt;
use crate::metering::journal::EventId;
use actix_web::http::header::HeaderValue;

/// The text of a call's id.
#[derive(Debug)]
pub(super) struct CallId {
    text: [u8; EventId::MAX_LEN],
    len: usize,
}

impl CallId {
    /// The id of a call's event.
    pub(super) fn of_event(receipt: &Receipt) -> Self {
        let mut text = [0; EventId::MAX_LEN];
        let len = receipt.write_id(&mut text).len();
        Self { text, len }
    }

    /// The id of the `n`th call of a run that has no event.
    pub(super) fn unmetered(run_id: &str, n: u64) -> Self {
        let mut id = Self { text: [0; EventId::MAX_LEN], len: 0 };
        id.push(run_id);
        id.push(".u");
        id.push(itoa::Buffer::new().format(n));
        id
    }

    /// Adds what fits of `part`, which is ASCII.
    fn push(&mut self, part: &str) {
        for (to, byte) in self.text[self.len..].iter_mut().zip(part.bytes()) {
            *to = byte;
            self.len += 1;
        }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }

    /// The text as a header's value.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.text[..self.len]).ok()
    }
}
