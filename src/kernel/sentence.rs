//! Messages as sentences.

/// A message with an end: a period, where it does not end with a question or a call already.
#[must_use]
pub fn sentence(message: impl Into<String>) -> String {
    let mut message = message.into();
    if !message.ends_with(['.', '?', '!']) {
        message.push('.');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_once() {
        for (message, whole) in
            [("is late", "is late."), ("swapped?", "swapped?"), ("done.", "done."), ("no!", "no!")]
        {
            assert_eq!(sentence(message), whole);
        }
    }
}
