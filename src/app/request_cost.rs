//! What a call costs, in a header of its answer.

use crate::metering::Event;
use crate::metering::billability;
use actix_web::http::header::{HeaderName, HeaderValue};

/// The units that the ledger counts for the call.
pub(super) const COST: HeaderName = HeaderName::from_static("x-request-cost");

// Constants, so that the values that nearly all answers have cost nothing to make.
pub(super) const FREE: HeaderValue = HeaderValue::from_static("0");
const ONE_UNIT: HeaderValue = HeaderValue::from_static("1");

/// Thousandths of a unit that the event of a call costs, as the ledger will decide it when the body has
/// been handed over.
pub(super) fn milli(event: &Event) -> u32 {
    if billability::rule(event.into()).billable { event.weight_milli } else { 0 }
}

/// The header's value.
pub(super) fn header(milli: u32) -> HeaderValue {
    match milli {
        0 => FREE,
        1_000 => ONE_UNIT,
        milli => HeaderValue::from_str(&units(milli)).unwrap_or(FREE),
    }
}

/// Thousandths of a unit as a decimal of the digits that it needs.
fn units(milli: u32) -> String {
    let (whole, rest) = (milli / 1_000, milli % 1_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:03}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_decimals() {
        for (milli, text) in
            [(100, "0.1"), (1_000, "1"), (12_050, "12.05"), (250_000, "250"), (1, "0.001")]
        {
            assert_eq!(units(milli), text);
        }
    }
}
