//! What counts once. The database says whether it is the first time, and what hangs on it cannot be had before that is
//! told: a caller cannot forget to ask.

use super::dpop::DpopError;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::kernel::Micros;
use crate::kernel::word::{read_words, words};

words! {
    /// What is used once.
    pub enum ReplayKind {
        /// An assertion by which a client proves itself (RFC 7523 §3, `jti`).
        Assertion = "assertion",
        /// A proof of a key (RFC 9449 §11.1).
        Dpop = "dpop",
    }
}

read_words!(ReplayKind);

impl ReplayKind {
    /// The answer to a second use.
    fn replayed(self) -> OAuthError {
        match self {
            Self::Assertion => {
                let why = "the assertion was used before: make a new one";
                OAuthError::new(OAuthCode::InvalidClient, why)
            }
            Self::Dpop => DpopError::Replayed.into(),
        }
    }
}

/// By what the second use is seen, on all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayMark {
    /// What was used.
    pub kind: ReplayKind,
    /// Names it among all of its kind.
    pub hash: [u8; 32],
    /// When it ends by itself, and need not be remembered any more.
    pub expires_at: Micros,
}

/// What was proved by something that may be used once, and has to be noted before it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it proves nothing before its use is noted"]
pub struct Unspent<T> {
    content: T,
    mark: Option<ReplayMark>,
}

impl<T> Unspent<T> {
    /// Proved by what has this mark; by nothing that is used once where there is none.
    pub(super) fn new(content: T, mark: Option<ReplayMark>) -> Self {
        Self { content, mark }
    }

    /// What was proved, to be compared with what else there is before it counts.
    pub(super) fn looked_at(&self) -> &T {
        &self.content
    }

    /// What follows from what was proved, by the same mark.
    pub(super) fn map<U>(self, follows: impl FnOnce(T) -> U) -> Unspent<U> {
        Unspent { content: follows(self.content), mark: self.mark }
    }

    /// What is to be noted, where there is anything.
    #[must_use]
    pub fn mark(&self) -> Option<ReplayMark> {
        self.mark
    }

    /// What was proved. `is_new` says whether the mark was noted for the first time; where there is none it says
    /// nothing.
    pub fn noted(self, is_new: bool) -> Result<T, OAuthError> {
        match self.mark {
            Some(mark) if !is_new => Err(mark.kind.replayed()),
            _ => Ok(self.content),
        }
    }
}

/// What follows from a row, once the one statement has changed it that works once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing follows before the row is taken"]
pub struct Untaken<T, E> {
    content: T,
    lost: E,
}

impl<T, E> Untaken<T, E> {
    /// This, or `lost` where another was faster.
    pub(super) fn new(content: T, lost: E) -> Self {
        Self { content, lost }
    }

    /// What follows. `rows` is how many the statement has changed: one, or none where another was faster or the row is
    /// gone.
    pub fn taken(self, rows: u64) -> Result<T, E> {
        if rows == 1 { Ok(self.content) } else { Err(self.lost) }
    }
}
