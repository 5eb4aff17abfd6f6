//! The states of a consent and the moves between them. What has ended never comes back: who changes their
//! mind gives another consent.

use crate::kernel::word::{read_words, words};

words! {
    /// How a version of a consent stands.
    pub enum ConsentStatus {
        /// It is asked for.
        Pending = "pending",
        /// It holds.
        Active = "active",
        /// It holds nothing for now.
        Suspended = "suspended",
        /// It was ended.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
        /// A later version stands in its place.
        Superseded = "superseded",
        /// It was not given.
        Denied = "denied",
    }
}
read_words!(ConsentStatus);

/// A move that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a consent that is {from} cannot become {to}")]
pub struct IllegalMove {
    /// How it stands.
    pub from: ConsentStatus,
    /// How it would stand.
    pub to: ConsentStatus,
}

impl ConsentStatus {
    /// The states that can follow; none where it has ended.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Active, Self::Denied, Self::Expired],
            Self::Active => &[Self::Suspended, Self::Revoked, Self::Expired, Self::Superseded],
            Self::Suspended => &[Self::Active, Self::Revoked, Self::Expired],
            Self::Revoked | Self::Expired | Self::Superseded | Self::Denied => &[],
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        self.next().is_empty()
    }

    /// The state after a move.
    pub fn becomes(self, to: Self) -> Result<Self, IllegalMove> {
        if self.next().contains(&to) { Ok(to) } else { Err(IllegalMove { from: self, to }) }
    }
}
