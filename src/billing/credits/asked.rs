//! A grant of credit as it is asked for.

use crate::access::text::Reason;
use crate::billing::adjustments::asked::Mark;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::word::{read_words, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Where a credit comes from.
    #[schema(as = CreditSource)]
    pub enum Source {
        /// It was given.
        Promotional = "promotional",
        /// It was paid for in advance.
        Prepaid = "prepaid",
    }
}

read_words!(Source);

/// Where a grant stands among others that says nothing of it.
pub const MIDDLE: u8 = 50;

fn middle() -> u8 {
    MIDDLE
}

/// A grant of credit as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "CreditGrantIn", as = CreditGrantIn, example = json!({
    "partner_id": "prt_4kPz09aBcDe", "source": "prepaid", "amount": "500.00", "currency": "EUR",
    "expires_at": "2027-12-01T00:00:00Z", "reference": "payment-2026-1187", "note": "Paid in advance for 2027",
}))]
pub struct Asked {
    /// The partner.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub partner_id: PartnerId,
    /// The app whose statements alone it pays for; left out, it pays for those of all apps of the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub app_id: Option<AppId>,
    /// Where it comes from: given, or paid for in advance, outside of statements.
    #[schema(example = "prepaid")]
    pub source: Source,
    /// How much, above zero, with no more decimals than the currency has.
    #[schema(example = "500.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    pub amount: String,
    /// The currency (ISO 4217): it pays for statements in this currency alone.
    #[schema(example = "EUR", min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$")]
    pub currency: String,
    /// Grants of a lower number are drawn first.
    #[serde(default = "middle")]
    #[schema(default = 50, minimum = 0, maximum = 100, example = 50)]
    pub priority: u8,
    /// When it takes effect: it pays for periods that end later. When it is made, where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub effective_from: Option<Micros>,
    /// When it expires: it pays for periods that begin earlier. Never, where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-12-01T00:00:00Z")]
    pub expires_at: Option<Micros>,
    /// A reference of your own, such as the payment's number, once for each partner: asked for again with it, the grant
    /// is not made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_.:-]+$", example = "payment-2026-1187")]
    pub reference: Option<Mark<64>>,
    /// What it is, for people.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "Paid in advance for 2027")]
    pub note: Reason,
}
