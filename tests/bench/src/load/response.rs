//! Just enough of HTTP/1.1 to know when an answer is whole.

use memchr::memmem;

/// The header that names an answer's usage event.
const EVENT_ID: &str = "usage-event-id";

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Bytes of head and body.
    pub bytes: usize,
    /// The id of its usage event, where it has one.
    pub event_id: Option<String>,
    /// Whether the server ends the connection with it.
    pub closes: bool,
}

/// The answer at the start of what was received: `None` while it is not whole, an error where it
/// can never be read.
pub(super) fn parse(received: &[u8]) -> Result<Option<Answer>, &'static str> {
    let Some(end) = memmem::find(received, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end]).map_err(|_| "a head that is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse::<u16>().ok());
    let status = status.ok_or("no status line")?;
    let (mut length, mut event_id, mut closes) = (None, None, false);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse::<usize>().map_err(|_| "no number in content-length")?);
        } else if name.eq_ignore_ascii_case(EVENT_ID) {
            event_id = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        }
    }
    let bodiless = status == 304 || status == 204;
    let length = length.or_else(|| bodiless.then_some(0)).ok_or("an answer without a length")?;
    let bytes = end + 4 + if bodiless { 0 } else { length };
    Ok((received.len() >= bytes).then_some(Answer { status, bytes, event_id, closes }))
}

/// The id of the usage event of an answer of which the head at least was received.
pub(super) fn event_id(received: &[u8]) -> Option<String> {
    let head = received.get(..memmem::find(received, b"\r\n\r\n")?)?;
    let mut headers =
        std::str::from_utf8(head).ok()?.split("\r\n").filter_map(|line| line.split_once(':'));
    let (_, id) = headers.find(|(name, _)| name.eq_ignore_ascii_case(EVENT_ID))?;
    Some(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nUsage-Event-Id: 1.2.3\r\n\r\nabc";

    #[test]
    fn an_answer_is_whole_with_its_last_byte_only() {
        for cut in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..cut]), Ok(None), "cut at {cut}");
            assert_eq!(event_id(&WHOLE[..cut]).is_some(), cut >= WHOLE.len() - 3, "cut at {cut}");
        }
        assert_eq!(event_id(WHOLE).as_deref(), Some("1.2.3"));
        let event_id = Some("1.2.3".to_owned());
        let answer = Answer { status: 200, bytes: WHOLE.len(), event_id, closes: false };
        assert_eq!(parse(WHOLE), Ok(Some(answer)));
    }

    #[test]
    fn not_modified_has_no_body_whatever_its_length_says() {
        let answer = parse(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n").unwrap();
        assert_eq!(answer.map(|a| (a.status, a.bytes)), Some((304, 48)));
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(
            parse(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .unwrap()
                .unwrap()
                .closes
        );
    }
}
