//! What costs money: one ordered table, the first rule that applies decides.
//!
//! Bill and quotas ask it. Rates are taken before a call's end is known, and so also by calls that this
//! table makes free: those of test keys (on limits of their own), refusals of input, 304, failures;
//! quotas give back what such a call has taken. A rule's id is stored with every event. Rules are never edited: a new policy is a new version of the ids.

pub mod api;
mod condition;

pub use condition::Condition;

use super::event::{Event, Outcome};
use crate::access::{Environment, Op, op};

/// What a rule may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Live or test.
    pub environment: Environment,
    /// HTTP status.
    pub status: u16,
    /// How the call ended.
    pub outcome: Outcome,
    /// Code in the operation table.
    pub operation: u16,
}

impl From<&Event> for Facts {
    fn from(event: &Event) -> Self {
        Self {
            environment: event.environment,
            status: event.status,
            outcome: event.outcome,
            operation: event.operation,
        }
    }
}

/// One line of the policy.
#[derive(Debug)]
pub struct Rule {
    /// The number in blocks. Never changed, never given twice.
    pub code: u8,
    /// The text in ledgers and exports.
    pub id: &'static str,
    /// Whether such a call is charged.
    pub billable: bool,
    /// What it says, for people.
    pub because: &'static str,
    /// The version of the program that has it first.
    pub since: &'static str,
    /// When it applies.
    pub condition: Condition,
}

/// The policy. The last rule applies to everything, and charges nothing.
pub const RULES: &[Rule] = &[
    free(
        (1, "v1.test_key", FIRST),
        "Calls of test keys cost nothing",
        Condition::Environment(Environment::Test),
    ),
    free(
        (2, "v1.crash_unconfirmed", FIRST),
        "A crash left it unclear whether the answer was handed over",
        Condition::Outcome(Outcome::CrashUnconfirmed),
    ),
    free(
        (3, "v1.client_aborted", FIRST),
        "The answer was not handed over in full",
        Condition::Outcome(Outcome::ClientAborted),
    ),
    free(
        (4, "v1.own_usage", FIRST),
        "What tells of one's own usage costs nothing",
        Condition::Operation(&OWN),
    ),
    free(
        (16, "v1.replayed", SECOND),
        "The write was done, and charged, by an earlier call with the same Idempotency-Key",
        Condition::Outcome(Outcome::Replayed),
    ),
    free(
        (5, "v1.not_modified", FIRST),
        "The caller's copy was still good",
        Condition::Either(&[Condition::Status(&[304]), Condition::Outcome(Outcome::NotModified)]),
    ),
    free(
        (6, "v1.auth_rejected", FIRST),
        "The key or its rights did not suffice",
        Condition::Outcome(Outcome::AuthRejected),
    ),
    free(
        (13, "v1.test_message", SECOND),
        "Messages that try a receiver out cost nothing",
        Condition::Operation(&TEST_MESSAGE),
    ),
    free(
        (17, "v1.consent_events", SECOND),
        "What tells of the will of customers costs nothing",
        Condition::Operation(&CONSENT_EVENTS),
    ),
    free(
        (14, "v1.not_delivered", SECOND),
        "The receiver did not take the message",
        Condition::Outcome(Outcome::NotDelivered),
    ),
    // A message is charged once, when its receiver first takes it.
    charged(
        (15, "v1.delivered", SECOND),
        "The receiver took the message",
        Condition::Both(&[Condition::Operation(&MESSAGE), Condition::Outcome(Outcome::Served)]),
    ),
    free(
        (8, "v1.rate_limited", FIRST),
        "A limit was reached",
        Condition::Either(&[Condition::Status(&[429]), Condition::Outcome(Outcome::RateLimited)]),
    ),
    free(
        (9, "v1.server_error", FIRST),
        "The service failed",
        Condition::Either(&[Condition::StatusFrom(500), Condition::Outcome(Outcome::ServerError)]),
    ),
    free(
        (10, "v1.client_error", FIRST),
        "The call could not be answered as it was made",
        Condition::Either(&[Condition::StatusFrom(400), Condition::Outcome(Outcome::ClientError)]),
    ),
    charged((11, SERVED_RULE, FIRST), "The call was answered", SERVED),
    free((12, "v1.other", FIRST), "No rule charges it", Condition::Always),
];

/// The versions of the program that rules came with.
const FIRST: &str = "0.1.0";
const SECOND: &str = "0.2.0";

/// The rule of calls that were answered with what was asked for.
pub const SERVED_RULE: &str = "v1.served";
const SERVED: Condition =
    Condition::Both(&[Condition::Outcome(Outcome::Served), Condition::Status(&[200, 201, 206])]);

const MESSAGE: [u16; 1] = [op::DeliverMessage::OPERATION.code];
const TEST_MESSAGE: [u16; 1] = [op::DeliverTestMessage::OPERATION.code];

/// What partners have to know, and to do, is free.
const CONSENT_EVENTS: [u16; 2] =
    [op::PollConsentEvents::OPERATION.code, op::ConfirmDeletion::OPERATION.code];

/// What tells a partner of its own use is free.
const OWN: [u16; 10] = [
    op::GetUsage::OPERATION.code,
    op::GetCurrentUsage::OPERATION.code,
    op::ListOwnStatements::OPERATION.code,
    op::GetOwnStatement::OPERATION.code,
    op::ListOwnCredits::OPERATION.code,
    op::ListRefusals::OPERATION.code,
    op::GetRefusal::OPERATION.code,
    op::ListUsageAlerts::OPERATION.code,
    op::ListUsageEvents::OPERATION.code,
    op::GetUsageEventProof::OPERATION.code,
];

/// Code, id, and the version of the program that has the rule first.
type Name = (u8, &'static str, &'static str);

const fn free((code, id, since): Name, because: &'static str, condition: Condition) -> Rule {
    Rule { code, id, billable: false, because, since, condition }
}

const fn charged((code, id, since): Name, because: &'static str, condition: Condition) -> Rule {
    Rule { code, id, billable: true, because, since, condition }
}

/// The rule that decides about a call.
#[must_use]
pub fn rule(facts: Facts) -> &'static Rule {
    // The last rule applies to everything, so the fallback is never taken.
    RULES.iter().find(|rule| rule.condition.holds(facts)).unwrap_or(&RULES[RULES.len() - 1])
}

/// The rule of an id in the ledger.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The rule of a code in a block.
#[must_use]
pub fn by_code(code: u8) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn facts(status: u16, outcome: Outcome) -> Facts {
        let operation = op::GetProduct::OPERATION.code;
        Facts { environment: Environment::Live, status, outcome, operation }
    }

    fn message(status: u16, outcome: Outcome) -> Facts {
        Facts { operation: op::DeliverMessage::OPERATION.code, ..facts(status, outcome) }
    }

    #[test]
    fn codes_and_ids_are_given_once() {
        let codes: HashSet<u8> = RULES.iter().map(|r| r.code).collect();
        let ids: HashSet<&str> = RULES.iter().map(|r| r.id).collect();
        assert_eq!((codes.len(), ids.len()), (RULES.len(), RULES.len()));
    }

    #[test]
    fn each_case_has_its_rule() {
        let own = Facts { operation: op::GetUsage::OPERATION.code, ..facts(200, Outcome::Served) };
        let test = Facts { environment: Environment::Test, ..facts(200, Outcome::Served) };
        for (facts, id) in [
            (facts(200, Outcome::Served), "v1.served"),
            (facts(201, Outcome::Served), "v1.served"),
            (facts(206, Outcome::Served), "v1.served"),
            (facts(202, Outcome::Served), "v1.other"),
            (facts(304, Outcome::NotModified), "v1.not_modified"),
            (facts(404, Outcome::ClientError), "v1.client_error"),
            (facts(403, Outcome::AuthRejected), "v1.auth_rejected"),
            (facts(429, Outcome::RateLimited), "v1.rate_limited"),
            (facts(503, Outcome::ServerError), "v1.server_error"),
            (facts(200, Outcome::ClientAborted), "v1.client_aborted"),
            (facts(200, Outcome::CrashUnconfirmed), "v1.crash_unconfirmed"),
            (own, "v1.own_usage"),
            (test, "v1.test_key"),
            (message(204, Outcome::Served), "v1.delivered"),
            (message(0, Outcome::NotDelivered), "v1.not_delivered"),
            (message(204, Outcome::CrashUnconfirmed), "v1.crash_unconfirmed"),
            (message(204, Outcome::ClientAborted), "v1.client_aborted"),
            (
                Facts {
                    operation: op::DeliverTestMessage::OPERATION.code,
                    ..message(200, Outcome::Served)
                },
                "v1.test_message",
            ),
            (
                Facts { environment: Environment::Test, ..message(200, Outcome::Served) },
                "v1.test_key",
            ),
        ] {
            assert_eq!(rule(facts).id, id, "{facts:?}");
            let billable = matches!(id, "v1.served" | "v1.delivered");
            assert_eq!(rule(facts).billable, billable, "{facts:?}");
        }
    }

    #[test]
    fn no_operation_is_billed_that_no_quota_counts() {
        use crate::access::operation::OPERATIONS;
        for operation in OPERATIONS {
            // A path that is not there is answered with 404, whatever is called.
            let status = if operation.code == op::Unrouted::OPERATION.code { 404 } else { 200 };
            let served = Facts { operation: operation.code, ..facts(status, Outcome::Served) };
            assert_eq!(rule(served).billable, !operation.is_free(), "{}", operation.id);
        }
    }

    proptest! {
        #[test]
        fn only_live_success_is_billable(live: bool, status: u16, outcome in 0..Outcome::ALL.len(), operation in 0..20u16) {
            let environment = if live { Environment::Live } else { Environment::Test };
            let facts = Facts { environment, status, outcome: Outcome::ALL[outcome], operation };
            let billable = live && SERVED.holds(facts) && !OWN.contains(&operation);
            prop_assert_eq!(rule(facts).billable, billable);
        }
    }
}
