//! What of a key refused a call, beside its limits: told to whoever has the refusal id, kept nowhere else.

use crate::access::directory::{KeyRecord, Standing, Unusable};
use crate::access::terms::{Level, Window};
use crate::http::Code;
use crate::kernel::Micros;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the token endpoint says of a client that has not proved itself, or has with what works no more (RFC 6749 §5.2).
pub const INVALID_CLIENT: &str = "invalid_client";
/// Most bytes of a freeze's reason, and of what an admin was told, in an id. The problem document had the whole of it.
const MOST_TOLD: usize = 400;

/// What of a key refused a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The allow-list does not hold the address of the call.
    Address {
        /// The address.
        seen: Seen,
        /// How many blocks the allow-list has.
        blocks: u32,
    },
    /// The key has ended.
    Expired {
        /// When.
        at: Micros,
    },
    /// The partner's contract does not hold.
    Contract {
        /// The first instant at which it holds; `None` for one without a beginning.
        from: Option<Micros>,
        /// The first instant at which it does no more; `None` for one that goes on.
        until: Option<Micros>,
    },
    /// The key, its app or its partner is frozen.
    Frozen {
        /// Which of them.
        what: Level,
        /// What callers are told of it.
        told: Option<String>,
    },
    /// The key, its app, its subscription or its partner is suspended.
    Suspended {
        /// Which of them.
        what: Level,
    },
    /// It was not the key but the secret that was shown.
    Secret(Unusable),
    /// It was no key at all: a call of the admin API, whose caller was told this.
    Told(String),
}

/// The address that a call was seen to come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// This one.
    At(IpAddr),
    /// None that can be told: what a proxy forwarded is no address.
    Unclear,
    /// Not told here: it is in the caller's own id alone.
    Withheld,
}

impl Reason {
    /// What of `key` stands behind a problem's code. `address` is asked for where it matters.
    #[must_use]
    pub fn of(
        key: &KeyRecord,
        code: Code,
        address: impl FnOnce() -> Option<IpAddr>,
    ) -> Option<Self> {
        match code {
            Code::AddressNotAllowed => Some(Self::Address {
                seen: address().map_or(Seen::Unclear, Seen::At),
                blocks: u32::try_from(key.cidrs.len()).unwrap_or(u32::MAX),
            }),
            Code::ExpiredKey => key.expires_at.map(|at| Self::Expired { at }),
            Code::NoContract => {
                let Window { from, until } = key.contract;
                Some(Self::Contract {
                    from: Some(from).filter(|from| *from != Window::default().from),
                    until: Some(until).filter(|until| *until != Window::default().until),
                })
            }
            Code::Frozen | Code::Suspended => match key.standing {
                Standing::Frozen(what) => {
                    Some(Self::Frozen { what, told: key.frozen.0.as_deref().map(shortened) })
                }
                Standing::Suspended(what) => Some(Self::Suspended { what }),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a caller of the admin API was told.
    #[must_use]
    pub fn told(detail: &str) -> Self {
        Self::Told(shortened(detail))
    }

    /// The same without what only the caller may know of itself; `None` where that is all of it.
    #[must_use]
    pub fn without_address(&self) -> Option<Self> {
        match self {
            Self::Address { seen: Seen::At(_), blocks } => {
                Some(Self::Address { seen: Seen::Withheld, blocks: *blocks })
            }
            _ => None,
        }
    }

    /// What is frozen or suspended, where that is the reason.
    #[must_use]
    pub fn stopped(&self) -> Option<Level> {
        match self {
            Self::Frozen { what, .. } | Self::Suspended { what } => Some(*what),
            Self::Address { .. }
            | Self::Expired { .. }
            | Self::Contract { .. }
            | Self::Secret(_)
            | Self::Told(_) => None,
        }
    }

    /// The reason in a sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Address { seen, blocks } => {
                let from = match seen {
                    Seen::At(address) => format!("The call came from {address}"),
                    Seen::Unclear => {
                        "Where the call came from cannot be told: what the proxy forwarded is no address".into()
                    }
                    Seen::Withheld => {
                        "The call came from an address that only its own refusal id tells".into()
                    }
                };
                let list = if *blocks == 1 { "one block" } else { "blocks" };
                let count = if *blocks == 1 { String::new() } else { format!("{blocks} ") };
                format!("{from}; the key's allow-list of {count}{list} does not hold it.")
            }
            Self::Expired { at } => format!("The key reached its expiry at {at}."),
            Self::Contract { from, until } => match (from, until) {
                (Some(from), Some(until)) => {
                    format!("The partner's contract holds from {from} until before {until}.")
                }
                (Some(from), None) => format!("The partner's contract holds from {from}."),
                (_, Some(until)) => format!("The partner's contract held until before {until}."),
                (None, None) => "The partner's contract did not hold.".into(),
            },
            Self::Frozen { what, told: Some(told) } => {
                format!("{what} was frozen. Callers are told: {told}")
            }
            Self::Frozen { what, told: None } => format!("{what} was frozen."),
            Self::Suspended { what } => format!("{what} was suspended."),
            Self::Secret(Unusable::Before(at)) => {
                format!("The secret that was shown works from {at}, and no sooner.")
            }
            Self::Secret(Unusable::Replaced(at)) => {
                format!("The secret that was shown was replaced, and its overlap ended at {at}.")
            }
            Self::Secret(Unusable::TakenBack(at)) => {
                format!("The rotation that made the secret that was shown was taken back at {at}.")
            }
            Self::Told(detail) => detail.clone(),
        }
    }
}

/// What a code says by itself, where nothing of the key or its limits has to be told.
#[must_use]
pub fn of_code(code: &str) -> Option<&'static str> {
    let code = Code::ALL.iter().find(|known| known.as_str() == code)?;
    Some(match code {
        Code::MissingKey => "It showed no key.",
        Code::InvalidKey => "What it showed is no key that works here.",
        Code::MissingToken => "It showed no access token.",
        Code::ConsentEnded => "The consent behind its access token is not in force.",
        Code::InvalidDpopProof => "Its proof of the access token's key does not hold.",
        Code::UseDpopNonce => "Its proof of the access token's key lacks a nonce.",
        Code::InvalidToken => "What it showed is no access token that works.",
        Code::RevokedKey => "The key was revoked and works no more.",
        Code::KeySlowed => "A key that is in quarantine or barred is answered once a second.",
        Code::OperationLimited => {
            "The operation has a limit of its own beside the plan, which was reached."
        }
        Code::Quarantined => "The key was in quarantine, where it can only read.",
        _ => return None,
    })
}

fn shortened(text: &str) -> String {
    if text.len() <= MOST_TOLD {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MOST_TOLD)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let cut = shortened(&"é€".repeat(300));
        assert!(cut.ends_with('…') && cut.len() <= MOST_TOLD + '…'.len_utf8(), "{}", cut.len());
    }

    #[test]
    fn the_address_leaves_and_nothing_else_does() {
        let seen = Seen::At("192.0.2.9".parse().unwrap());
        let reason = Reason::Address { seen, blocks: 2 };
        assert!(reason.in_words().contains("192.0.2.9; the key's allow-list of 2 blocks"));
        let kept = reason.without_address().unwrap();
        assert!(!kept.in_words().contains("192"), "{}", kept.in_words());
        assert_eq!(kept.without_address(), None);
        assert_eq!(Reason::Frozen { what: Level::App, told: None }.without_address(), None);
    }
}
