//! The columns of FOCUS 1.2 that are written.

use super::super::layout::{Column, Kind, Layout};

/// Digits of costs: those of a price and of thousandths of a unit.
pub(super) const COST: u8 = 15;
/// Digits of what is billed.
pub(super) const BILLED: u8 = 4;
/// Digits of prices.
pub(super) const PRICE: u8 = 12;
/// Digits of quantities.
pub(super) const QUANTITY: u8 = 3;

/// The columns of FOCUS 1.2, and ours.
pub(super) static FOCUS_1_2: Layout = Layout {
    name: "focus_v1_2",
    columns: &[
        Column::of(
            "BilledCost",
            Kind::Decimal(BILLED),
            "What is billed: the rows of an InvoiceId come to the total of the statement.",
        ),
        Column::of("BillingAccountId", Kind::Text, "The partner."),
        Column::of("BillingAccountName", Kind::Text, "Its name."),
        Column::of("BillingCurrency", Kind::Text, "The currency (ISO 4217)."),
        Column::of("BillingPeriodEnd", Kind::Time, "The end of the period, exclusive."),
        Column::of("BillingPeriodStart", Kind::Time, "Its start, inclusive."),
        Column::of("ChargeCategory", Kind::Text, "Usage, Purchase, Credit, Adjustment or Tax."),
        Column::maybe(
            "ChargeClass",
            Kind::Text,
            "Correction where the row corrects a closed period, else null.",
        ),
        Column::of("ChargeDescription", Kind::Text, "What it is for, in words."),
        Column::of("ChargeFrequency", Kind::Text, "Usage-Based, Recurring or One-Time."),
        Column::of("ChargePeriodEnd", Kind::Time, "The end of what it is for, exclusive."),
        Column::of(
            "ChargePeriodStart",
            Kind::Time,
            "Its start: of use, the day of UTC as far as it lies in the period.",
        ),
        Column::maybe(
            "ConsumedQuantity",
            Kind::Decimal(QUANTITY),
            "Units that were used; null where nothing was.",
        ),
        Column::maybe("ConsumedUnit", Kind::Text, "What they are."),
        Column::of(
            "ContractedCost",
            Kind::Decimal(COST),
            "ContractedUnitPrice x PricingQuantity; what is billed where there is no price.",
        ),
        Column::maybe("ContractedUnitPrice", Kind::Decimal(PRICE), "The price that was agreed."),
        Column::of(
            "EffectiveCost",
            Kind::Decimal(BILLED),
            "What is billed, with what was paid in advance taken as it is drawn: neither the payment nor what is drawn of it has any, and what it pays for has all.",
        ),
        Column::maybe(
            "InvoiceId",
            Kind::Text,
            "The statement; null of what was paid in advance, which is on none.",
        ),
        Column::of("InvoiceIssuerName", Kind::Text, "The retailer."),
        Column::of(
            "ListCost",
            Kind::Decimal(COST),
            "ListUnitPrice x PricingQuantity; what is billed where there is no price.",
        ),
        Column::maybe("ListUnitPrice", Kind::Decimal(PRICE), "The price in the plan's list."),
        Column::maybe("PricingCategory", Kind::Text, "Standard where there is a price."),
        Column::maybe(
            "PricingQuantity",
            Kind::Decimal(QUANTITY),
            "How many times the price is asked: units, or the packages that were begun on the day.",
        ),
        Column::maybe("PricingUnit", Kind::Text, "What the price is for."),
        Column::of("ProviderName", Kind::Text, "The retailer."),
        Column::of("PublisherName", Kind::Text, "The retailer."),
        Column::maybe(
            "ResourceId",
            Kind::Text,
            "The operation, where the charge counts one alone.",
        ),
        Column::maybe("ResourceType", Kind::Text, "API Operation, where there is one."),
        Column::of("ServiceCategory", Kind::Text, "Integration."),
        Column::of(
            "ServiceName",
            Kind::Text,
            "The API product that the charge counts; Data API where it counts all.",
        ),
        Column::of("ServiceSubcategory", Kind::Text, "API Management."),
        Column::maybe(
            "SkuId",
            Kind::Text,
            "What is sold, whatever its price: the plan and the charge.",
        ),
        Column::maybe("SkuMeter", Kind::Text, "What the charge counts."),
        Column::maybe("SkuPriceDetails", Kind::Text, "The bounds of the tier, as JSON."),
        Column::maybe(
            "SkuPriceId",
            Kind::Text,
            "The price: the version of the plan, the charge and the tier.",
        ),
        Column::of("SubAccountId", Kind::Text, "The app."),
        Column::of("SubAccountName", Kind::Text, "Its name."),
        Column::of("SubAccountType", Kind::Text, "Application."),
        Column::maybe("Tags", Kind::Text, "Always null, so far."),
        Column::maybe(
            "x_EventCount",
            Kind::Int,
            "Calls behind it: of a charge's day with the first of its rows, of a correction those that it is about.",
        ),
        Column::of(
            "x_StatementRevision",
            Kind::Int,
            "The position of the ledger up to which calls count in the statement.",
        ),
        Column::of(
            "x_StatementState",
            Kind::Text,
            "provisional until the period is closed, then final.",
        ),
        Column::of(
            "x_StatementLine",
            Kind::Int,
            "The line of the statement; of what was paid in advance, the first that draws on it.",
        ),
        Column::of("x_LineType", Kind::Text, "What that line is."),
        Column::maybe("x_CorrectsPeriod", Kind::Text, "The closed period that it corrects."),
        Column::maybe(
            "x_AdjustmentId",
            Kind::Text,
            "The adjustment that two people have agreed on.",
        ),
        Column::of("x_RowHash", Kind::Text, "SHA-256 over the other columns of the row."),
    ],
    hash: "x_RowHash",
    id: "x_RowHash",
    day: "ChargePeriodStart",
    money: Some(("BilledCost", "BillingCurrency")),
};
