//! How the command line speaks: what was asked for on standard output, the rest on standard error.

use crate::access::error::AccessError;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Nobody reads on, as in `comptoir key list | head -1`. That is no failure.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output")]
pub(super) struct HungUp;

/// Says a line of what was asked for. One that cannot be written is an error: it may hold a secret
/// that is shown this once.
pub(super) fn say(text: impl Display) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").map_err(unheard)
}

/// What it means that standard output could not be written.
pub(super) fn unheard(error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => HungUp.into(),
        _ => anyhow::Error::new(error).context("standard output cannot be written"),
    }
}

/// What was said held a secret that is shown this once: where nobody has read it, that is a failure.
pub(super) fn of_secret(said: anyhow::Result<()>) -> anyhow::Result<()> {
    said.map_err(|error| match error.is::<HungUp>() {
        true => anyhow::anyhow!(
            "what was asked for is done, but standard output was closed before all new secrets were told, and they \
             are shown this once: rotate, or revoke, what they are of"
        ),
        false => error,
    })
}

/// Says a line that nobody has to hear: a server goes on without a terminal.
pub(super) fn mention(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Says beside what was asked for what somebody should know of it.
pub(super) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what went wrong.
pub(super) fn complain(error: &anyhow::Error) {
    remark(format!("error: {}", causes(error)));
}

/// What went wrong with its causes; one that its effect has named already is not said twice.
pub(super) fn causes(error: &anyhow::Error) -> String {
    error.chain().map(said).fold(String::new(), |text, cause| {
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

/// What a cause says. The message for a field is written to stand beside the field's name.
fn said(cause: &(dyn Error + 'static)) -> String {
    match cause.downcast_ref() {
        Some(AccessError::Field { field, message }) if !field.is_empty() => {
            format!("`{field}` {message}")
        }
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("no disk").context("a: no disk").context("b");
        assert_eq!(causes(&error), "b: a: no disk");
    }

    #[test]
    fn what_is_wrong_with_a_field_names_it() {
        let message = "lies in the past".to_owned();
        let error = anyhow::Error::from(AccessError::Field { field: "starts_at", message });
        assert_eq!(causes(&error.context("app_1")), "app_1: `starts_at` lies in the past");
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
        assert!(unheard(ErrorKind::BrokenPipe.into()).is::<HungUp>());
        assert!(!unheard(ErrorKind::StorageFull.into()).is::<HungUp>());
    }
}
