//! When a rule applies, as data: what judges a call is what people are shown.

use super::Facts;
use crate::access::{Environment, operation};
use crate::metering::event::Outcome;
use std::fmt;

/// What a rule wants of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// That it was made with such a key.
    Environment(Environment),
    /// That it ended so.
    Outcome(Outcome),
    /// That its status is one of these.
    Status(&'static [u16]),
    /// That its status is this or higher.
    StatusFrom(u16),
    /// That it calls one of these operations, by their codes.
    Operation(&'static [u16]),
    /// One of these.
    Either(&'static [Self]),
    /// All of these.
    Both(&'static [Self]),
}

impl Condition {
    /// Whether it holds of a call.
    #[must_use]
    pub fn holds(self, facts: Facts) -> bool {
        match self {
            Self::Always => true,
            Self::Environment(environment) => facts.environment == environment,
            Self::Outcome(outcome) => facts.outcome == outcome,
            Self::Status(statuses) => statuses.contains(&facts.status),
            Self::StatusFrom(least) => facts.status >= least,
            Self::Operation(codes) => codes.contains(&facts.operation),
            Self::Either(any) => any.iter().any(|one| one.holds(facts)),
            Self::Both(all) => all.iter().all(|one| one.holds(facts)),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Environment(environment) => write!(f, "environment is {}", environment.as_str()),
            Self::Outcome(outcome) => write!(f, "outcome is {outcome}"),
            Self::Status(statuses) => {
                f.write_str("status is ")?;
                joined(f, " or ", statuses)
            }
            Self::StatusFrom(least) => write!(f, "status is {least} or higher"),
            Self::Operation(codes) => {
                f.write_str("operation is ")?;
                let known = codes.iter().filter_map(|code| operation::by_code(*code));
                joined(f, " or ", &known.map(|known| known.id).collect::<Vec<_>>())
            }
            Self::Either(any) => joined(f, ", or ", any),
            Self::Both(all) => joined(f, ", and ", all),
        }
    }
}

fn joined<T: fmt::Display>(f: &mut fmt::Formatter<'_>, between: &str, all: &[T]) -> fmt::Result {
    for (n, one) in all.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        one.fmt(f)?;
    }
    Ok(())
}
