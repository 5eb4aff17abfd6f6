//! What is handed off to whom.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, HandoffId, PartnerId};
use crate::kernel::word::words;
use serde::Deserialize;
use std::str::FromStr;

/// Longest name of a customer, in characters.
const LONGEST_CUSTOMER: usize = 255;

words! {
    /// A system that usage is handed off to.
    #[derive(Deserialize)]
    pub enum Sink {
        /// Totals, as meter events.
        Stripe = "stripe",
        /// Totals, as events.
        Lago = "lago",
        /// Every event of the ledger, as CloudEvents.
        Events = "events",
    }
}

words! {
    /// What has become of a total.
    pub enum HandoffStatus {
        /// It is to be sent.
        Pending = "pending",
        /// The system has it.
        Taken = "taken",
        /// The system has refused it for what it is: something has to be put right before it is sent again.
        Refused = "refused",
    }
}

/// The total of a charge in a period, as a system is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// Its id, which follows from whom, what and when it is about.
    pub id: HandoffId,
    /// To whom.
    pub sink: Sink,
    /// The billing period.
    pub period: BillingPeriodId,
    /// Its start, inclusive.
    pub from: Micros,
    /// Its end, exclusive.
    pub to: Micros,
    /// Whose use.
    pub partner: PartnerId,
    /// Of which app.
    pub app: AppId,
    /// The charge of the price lists.
    pub charge: String,
    /// Who that is there.
    pub customer: String,
    /// What the charge is counted as there.
    pub name: String,
    /// Units since the period began, with up to three decimals.
    pub total: String,
    /// The time that it is told with, in seconds since 1970.
    pub stamp: i64,
    /// Whether the period is closed, so that no other total follows.
    pub is_final: bool,
    /// What has become of it.
    pub status: HandoffStatus,
    /// When it was found.
    pub decided_at: Micros,
    /// How often it was sent in vain.
    pub tries: i64,
    /// The status of the last answer; none where there was none.
    pub answer: Option<i64>,
    /// Why it was not taken, in a word.
    pub error: Option<String>,
    /// The total that was taken last, and when.
    pub taken: Option<(String, Micros)>,
}

/// How a system is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The last close whose totals were noted; of a receiver of events, the number of the last one that it has taken.
    pub position: i64,
    /// When the totals of open periods were last looked at.
    pub totalled_at: Option<Micros>,
    /// How often it failed since it last took something.
    pub failures: i64,
    /// Until when it rests.
    pub next_at: Micros,
    /// When it last took something.
    pub taken_at: Option<Micros>,
    /// The status of the last answer; none where there was none.
    pub answer: Option<i64>,
    /// Why it failed, in a word.
    pub error: Option<String>,
}

/// Who an app is in a billing system: a text of 1 to 255 visible characters of ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Customer(String);

/// Why a text names no customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible characters of ASCII, as the billing system writes it")]
pub struct InvalidCustomer;

impl Customer {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Customer {
    type Err = InvalidCustomer;

    fn from_str(text: &str) -> Result<Self, InvalidCustomer> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=LONGEST_CUSTOMER).contains(&text.len());
        if plain && fits { Ok(Self(text.to_owned())) } else { Err(InvalidCustomer) }
    }
}

impl TryFrom<String> for Customer {
    type Error = InvalidCustomer;

    fn try_from(text: String) -> Result<Self, InvalidCustomer> {
        text.parse()
    }
}

/// Who an app of a partner is in a billing system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where.
    pub sink: Sink,
    /// The app.
    pub app: AppId,
    /// The partner whose it is, or was.
    pub partner: PartnerId,
    /// The name there.
    pub customer: String,
    /// Since when.
    pub named_at: Micros,
}
