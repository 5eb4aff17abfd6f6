//! What rows of usage are, for the documents. They are put together from finished texts.

use crate::kernel::Micros;
use utoipa::ToSchema;

/// A call as the ledger has it: a row of `usage_events_v1`.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a row, whose columns stand in one table")]
pub struct UsageEventOut {
    /// Its number in the order of the ledger, given once and for ever. Numbers rise, and leave some out.
    #[schema(example = 4_194_305)]
    export_seq: i64,
    /// Its id, as `Usage-Event-Id` of the answer named it.
    #[schema(example = "HOejHiaGSWO.2.1")]
    event_id: String,
    /// When the call was accepted.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07.123456Z")]
    occurred_at: Micros,
    /// When it came into the ledger.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07.123456Z")]
    recorded_at: Micros,
    /// The billing period in which it was made; null where the plan asks nothing.
    #[schema(required = true, example = "per_7HqK2mXw9Pz")]
    occurred_period: Option<String>,
    /// The billing period that it is paid for in, a later one where it came late; null where the plan asks nothing.
    #[schema(required = true, example = "per_7HqK2mXw9Pz")]
    booked_period: Option<String>,
    /// The installation, which is one retailer's.
    #[schema(required = true, example = "ins_7HqK2mXw9Pz")]
    retailer_id: Option<String>,
    /// Whose call it was.
    #[schema(example = "prt_4kPz09aBcDe")]
    partner_id: String,
    /// The app that made it.
    #[schema(example = "app_7nRy25kLmNo")]
    app_id: String,
    /// The key that it showed.
    #[schema(example = "key_0Ab12Cd34Ef")]
    key_id: String,
    /// `live` or `test`.
    #[schema(example = "live")]
    environment: String,
    /// The part of the API; null where the path is not there.
    #[schema(required = true, example = "catalog")]
    api: Option<String>,
    /// The operation.
    #[schema(example = "get_product")]
    operation_id: String,
    /// The version of the program that answered; null where it was not kept.
    #[schema(required = true, example = "0.2.0")]
    spec_version: Option<String>,
    /// The method of the operation.
    #[schema(required = true, example = "GET")]
    method: Option<String>,
    /// The path of the operation.
    #[schema(required = true, example = "/v1/products/{product_id}")]
    route_template: Option<String>,
    /// The HTTP status; 0 where a receiver gave none.
    #[schema(example = 200)]
    status: u16,
    /// How the call ended.
    #[schema(example = "served")]
    outcome: String,
    /// Always null: answers come from memory, and no cache is priced on its own.
    #[schema(required = true, example = json!(null))]
    cache: Option<String>,
    /// Always 1.
    #[schema(example = 1)]
    requests: i64,
    /// Resources in the answer.
    #[schema(example = 1)]
    records: i64,
    /// Bytes of the body.
    #[schema(example = 4_200)]
    bytes: i64,
    /// What the call weighs on the bill, in thousandths of a unit, whether it is billed or not.
    #[schema(example = 1_000)]
    weight_milli: i64,
    /// Whether it is billed.
    #[schema(example = true)]
    billable: bool,
    /// The rule that decided so.
    #[schema(example = "v1.served")]
    billability_rule: String,
    /// The plan and its version when the call was accepted.
    #[schema(example = "pln_7HqK2mXw9Pz@3")]
    plan_version: String,
    /// The event whose answer was given again.
    #[schema(required = true, example = json!(null))]
    replay_of: Option<String>,
    /// The event that this one stands in for.
    #[schema(required = true, example = json!(null))]
    adjusts_event_id: Option<String>,
    /// The hash of the row (SHA-256 of a zero byte and its line of CSV without this column).
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
    /// The plan alone.
    #[schema(example = "pln_7HqK2mXw9Pz")]
    plan_id: String,
    /// Microseconds from acceptance to the record.
    #[schema(example = 90)]
    duration_us: i64,
    /// The node that recorded it.
    #[schema(example = "nod_4fT0mQ2rXc9")]
    node: String,
    /// The run of that node.
    #[schema(example = 2)]
    epoch: i64,
    /// Its number in that run.
    #[schema(example = 1)]
    seq: i64,
}

/// A page of rows.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page, which is put together from finished rows")]
pub struct PageOfEvents {
    /// The rows, in the order of their numbers.
    #[schema(max_items = 10000)]
    items: Vec<UsageEventOut>,
    /// The next page is `after` this number.
    #[schema(example = 4_194_305)]
    next: i64,
    /// No event that comes later has a number up to this one: once `next` is here, all that there is was read.
    #[schema(example = 5_242_879)]
    stable_high_water: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::export::event_row::USAGE_EVENTS;
    use crate::billing::export::layout::Kind;
    use utoipa::PartialSchema as _;

    #[test]
    fn the_document_has_each_column_and_its_kind() {
        let schema = serde_json::to_value(UsageEventOut::schema()).unwrap();
        let described = schema["properties"].as_object().unwrap();
        assert_eq!(described.len(), USAGE_EVENTS.columns.len());
        for column in USAGE_EVENTS.columns {
            let kind = match column.kind {
                Kind::Int => "integer",
                Kind::Bool => "boolean",
                Kind::Text | Kind::Time | Kind::Decimal(_) => "string",
            };
            let told = described[column.name]["type"].to_string();
            assert!(told.contains(kind), "{}: {told}", column.name);
            assert_eq!(told.contains("null"), column.optional, "{}", column.name);
        }
    }
}
