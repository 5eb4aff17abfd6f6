//! What the hot path knows of an answered call.

use crate::access::Environment;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};

/// One answered call, as its handler saw it; or one message to a receiver, as its sender did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When the call was accepted; it decides the hour and the period.
    pub started_at: Micros,
    /// From acceptance to the record, in microseconds.
    pub duration_us: u32,
    /// Whose call it was.
    pub partner: PartnerId,
    /// The software that made it.
    pub app: AppId,
    /// The key it showed.
    pub key: KeyId,
    /// The plan in force when it was accepted.
    pub plan: PlanId,
    /// The plan's version, so that a later edit prices nothing anew.
    pub plan_version: u32,
    /// Live or test.
    pub environment: Environment,
    /// Code in the operation table.
    pub operation: u16,
    /// HTTP status; 0 where a receiver gave none.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// What the call weighs on the bill in thousandths of a unit, whether billed or not.
    pub weight_milli: u32,
    /// Resources in the answer.
    pub records: u32,
    /// Bytes of the body.
    pub bytes: u64,
}

/// The text or number names no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an outcome, such as served or rate_limited")]
pub struct UnknownOutcome;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal;)*) => {
        /// How a call ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Outcome { $($(#[$doc])* $name,)* }

        impl Outcome {
            /// Every outcome, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The number in journals and blocks. Never changed, never given twice.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }

            /// The outcome of a code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The word in ledgers and exports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl std::str::FromStr for Outcome {
            type Err = UnknownOutcome;

            fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
                match text { $($text => Ok(Self::$name),)* _ => Err(UnknownOutcome) }
            }
        }
    };
}

outcomes! {
    /// Answered with what was asked for.
    Served = 1 "served";
    /// The caller's copy is still good.
    NotModified = 2 "not_modified";
    /// The call could not be answered as it was made.
    ClientError = 3 "client_error";
    /// The key or its rights did not suffice.
    AuthRejected = 4 "auth_rejected";
    /// A limit of the plan was reached.
    RateLimited = 5 "rate_limited";
    /// This side failed.
    ServerError = 7 "server_error";
    /// The body was not handed over in full.
    ClientAborted = 8 "client_aborted";
    /// The process ended before it could say whether the body was handed over.
    CrashUnconfirmed = 9 "crash_unconfirmed";
    /// A message that its receiver did not take.
    NotDelivered = 10 "not_delivered";
    /// Answered with what an earlier call with the same `Idempotency-Key` was answered with.
    Replayed = 11 "replayed";
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number of an environment in journals and blocks.
pub(super) const fn environment_code(environment: Environment) -> u8 {
    match environment {
        Environment::Live => 1,
        Environment::Test => 2,
    }
}

/// The environment of a code.
pub(super) const fn environment_from_code(code: u8) -> Option<Environment> {
    match code {
        1 => Some(Environment::Live),
        2 => Some(Environment::Test),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use proptest::prelude::*;

    /// Any event that can be told apart, extremes included.
    pub(in crate::metering) fn any_event() -> impl Strategy<Value = Event> {
        let who = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>());
        let what = (any::<bool>(), any::<u16>(), any::<u16>(), 0..Outcome::ALL.len());
        let much = (any::<i64>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>());
        (who, what, much).prop_map(|(who, what, much)| Event {
            started_at: Micros(much.0),
            duration_us: much.1,
            partner: PartnerId(who.0),
            app: AppId(who.1),
            key: KeyId(who.2),
            plan: PlanId(who.3),
            plan_version: who.4,
            environment: if what.0 { Environment::Live } else { Environment::Test },
            operation: what.1,
            status: what.2,
            outcome: Outcome::ALL[what.3],
            weight_milli: much.2,
            records: much.3,
            bytes: much.4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_one_code_and_one_word() {
        for &outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
        assert_eq!(Outcome::from_code(0), None);
    }
}
