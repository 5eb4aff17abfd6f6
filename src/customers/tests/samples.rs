//! One of each document with all that it can say. A new field has to be said here before it compiles, and then has to have a
//! place in the table of scopes or among what is never told.

use super::*;
use crate::catalog::offers::Channel;

pub(super) fn profile() -> CustomerProfile {
    CustomerProfile {
        id: "cus_1".to_owned(),
        given_name: some("Camille"),
        family_name: some("Aubert"),
        email: some("camille@example.com"),
        email_verified: Some(true),
        phone: some("+33123456789"),
        address: Some(CustomerAddress {
            lines: vec!["1 rue du Port".to_owned()],
            postal_code: some("44000"),
            city: some("Nantes"),
            region: some("Pays de la Loire"),
            country: some("FR"),
        }),
        birth_date: Some(day("1990-02-28")),
        age_band: Some(AgeBand::From25),
        locale: some("fr-FR"),
        home_store_code: some("0001"),
        preferences: Some(CustomerPreferences {
            diets: vec!["vegetarian".to_owned()],
            allergens: vec!["nuts".to_owned()],
        }),
        created_at: Some(at("2024-01-02T03:04:05Z")),
    }
}

pub(super) fn transaction() -> LoyaltyTransaction {
    LoyaltyTransaction {
        id: "ltx_1".to_owned(),
        kind: LoyaltyMove::Earn,
        points: decimal("12"),
        purchase_id: some("pur_1"),
        description: some("Achat"),
        occurred_at: at("2026-11-04T10:00:00Z"),
    }
}

pub(super) fn account() -> LoyaltyAccount {
    LoyaltyAccount {
        id: "loy_1".to_owned(),
        program: LoyaltyProgram { id: "club".to_owned(), name: some("Club") },
        membership_number: some("1234563021"),
        membership_number_masked: some("••••3021"),
        tier: Some(LoyaltyTier {
            id: "or".to_owned(),
            name: some("Or"),
            valid_through: Some(day("2026-12-31")),
        }),
        balances: vec![LoyaltyBalance {
            currency: LoyaltyUnit { code: "PTS".to_owned(), name: some("points") },
            available: decimal("1200"),
            pending: Some(decimal("40")),
            expiring: vec![ExpiringPoints {
                amount: decimal("300"),
                expires_at: day("2026-12-31"),
            }],
        }],
        transactions: vec![transaction()],
    }
}

pub(super) fn line(id: &str, total: &str, sensitive: Option<SensitiveCategory>) -> PurchaseLine {
    PurchaseLine {
        line_id: id.to_owned(),
        sku: some("10001"),
        gtin: Some("3276550063551".parse().unwrap()),
        name: some("Huile d'olive"),
        category: some("epicerie"),
        sensitive,
        quantity: PurchaseQuantity { value: decimal("2"), unit_code: "C62".to_owned() },
        unit_price: Some(euros("9.90")),
        discounts: vec![LineDiscount { promotion_code: some("W1"), amount: euros("1.00") }],
        line_total: euros(total),
        returned_quantity: Some(decimal("1")),
        returnable_until: Some(at("2026-12-01T10:00:00Z")),
        warranty_until: Some(at("2028-11-01T10:00:00Z")),
    }
}

pub(super) fn total(kind: PurchaseTotalKind, amount: &str) -> PurchaseTotal {
    PurchaseTotal { kind, rate: None, included: None, amount: euros(amount) }
}

pub(super) fn refund(line: Option<&str>, amount: &str) -> PurchaseAdjustment {
    PurchaseAdjustment {
        kind: PurchaseAdjustmentKind::Refund,
        line_id: line.map(str::to_owned),
        quantity: Some(decimal("1")),
        amount: euros(amount),
        occurred_at: at("2026-11-05T10:00:00Z"),
    }
}

pub(super) fn purchase() -> CustomerPurchase {
    CustomerPurchase {
        id: "pur_1".to_owned(),
        order_number: some("0001-20261101-000001"),
        channel: Channel::InStore,
        store_code: some("0001"),
        order_date: at("2026-11-01T10:00:00Z"),
        order_status: Some(PurchaseStatus::Completed),
        lines: vec![line("1", "18.80", Some(SensitiveCategory::Alcohol))],
        totals: vec![PurchaseTotal {
            kind: PurchaseTotalKind::Tax,
            rate: Some(decimal("5.5")),
            included: Some(true),
            amount: euros("0.98"),
        }],
        adjustments: vec![refund(Some("1"), "9.40")],
        receipt: Some(PurchaseReceipt {
            number: some("0001-20261101-000001"),
            url: some("https://shop.example/receipts/1"),
        }),
        loyalty: Some(PurchaseLoyalty { earned: Some(decimal("18")) }),
    }
}

pub(super) fn list() -> CustomerList {
    CustomerList {
        id: "lst_1".to_owned(),
        kind: CustomerListKind::Shopping,
        name: some("Courses"),
        items: vec![ListItem {
            item_id: "itm_1".to_owned(),
            sku: some("10001"),
            gtin: Some("3276550063551".parse().unwrap()),
            sensitive: Some(SensitiveCategory::Baby),
            quantity: 2,
            note: some("la grande"),
            added_at: at("2026-11-01T10:00:00Z"),
            source: Some(ListItemSource::StoreScan),
            store_code: some("0001"),
        }],
    }
}

pub(super) fn promotion() -> PersonalPromotion {
    PersonalPromotion {
        id: "ppr_1".to_owned(),
        code: some("C27"),
        title: some("1 € de moins"),
        kind: PersonalPromotionKind::AmountOff,
        value: Some(decimal("1")),
        amount: Some(euros("1.00")),
        coupon_code: some("51380041013"),
        skus: vec!["10001".to_owned()],
        gtins: vec!["3276550063551".parse().unwrap()],
        store_codes: vec!["0001".to_owned()],
        channels: vec![Channel::InStore],
        state: PersonalPromotionState::Offered,
        valid_from: Some(at("2026-11-01T00:00:00Z")),
        valid_through: Some(at("2026-12-01T00:00:00Z")),
    }
}

pub(super) fn month() -> MonthOfCategory {
    MonthOfCategory {
        month: "2026-11".to_owned(),
        category: some("epicerie"),
        lines: 3,
        amount: euros("12.00"),
    }
}

/// The full document of each kind, as it is before it is cut.
pub(super) fn full(document: CustomerDocument) -> Value {
    match document {
        CustomerDocument::Profile => profile().told_on(day("2026-11-22")).unwrap(),
        CustomerDocument::LoyaltyAccount => json!(account()),
        CustomerDocument::LoyaltyTransaction => json!(transaction()),
        CustomerDocument::MonthOfCategory => json!(month()),
        CustomerDocument::Purchase => json!(purchase()),
        CustomerDocument::List => json!(list()),
        CustomerDocument::Promotion => json!(promotion()),
    }
}
