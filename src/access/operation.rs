//! The operations of the partner API: one table of id, code, scope and weight.
//!
//! The permission that a handler needs is a type in its signature, `Caller<op::GetProduct>`; the
//! OpenAPI document takes scope and cost from the same table, and the ledger the code.

use super::scope::Scope;
use std::num::NonZeroU32;

/// One operation of the partner API.
#[derive(Debug)]
pub struct Operation {
    /// The number in journals and ledgers. Never changed, never given twice.
    pub code: u16,
    /// The OpenAPI operation id.
    pub id: &'static str,
    /// The API product it belongs to.
    pub api: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path with its parameters in braces; empty for what is no call to a path of this API.
    pub path: &'static str,
    /// The scope it needs; `None` for what every key may do.
    pub scope: Option<Scope>,
    /// What one call takes from the rate and the quota, in thousandths of a unit.
    pub weight_milli: u32,
    /// How many records of the answer make a unit on the bill; `None` where the call is billed by its
    /// weight, whatever it brings.
    pub records_per_unit: Option<NonZeroU32>,
    /// The units that a call billed by records costs at least.
    pub least_units: u32,
}

impl Operation {
    /// Whether it can be called by a signed address, without showing a key.
    #[must_use]
    pub fn takes_signed_addresses(&self) -> bool {
        self.code == op::DownloadExportFile::OPERATION.code
    }

    /// Whether the key may be the password of `Authorization: Basic`: feeds are fetched by programs of others that
    /// know no other way, Google's Merchant Center among them.
    #[must_use]
    pub fn takes_basic(&self) -> bool {
        const PRODUCTS: u16 = op::DownloadProductFeed::OPERATION.code;
        const INVENTORY: u16 = op::DownloadInventoryFeed::OPERATION.code;
        matches!(self.code, PRODUCTS | INVENTORY)
    }

    /// Whether it changes something, and is done once for each `Idempotency-Key`.
    #[must_use]
    pub fn takes_idempotency_keys(&self) -> bool {
        const WRITES: [u16; 7] = [
            op::CreateSubscription::OPERATION.code,
            op::UpdateSubscription::OPERATION.code,
            op::DeleteSubscription::OPERATION.code,
            op::ReplaySubscription::OPERATION.code,
            op::RotateSubscriptionSecret::OPERATION.code,
            op::TestSubscription::OPERATION.code,
            op::CreateExport::OPERATION.code,
        ];
        WRITES.contains(&self.code)
    }

    /// Whether it is about a customer, and takes an access token of their consent in the place of a key.
    #[must_use]
    pub fn is_about_customers(&self) -> bool {
        self.api == "customers"
    }

    /// Whether it may be called with a key that is barred: by its address, expiry, contract, a freeze or a
    /// suspension. So its holder can learn why.
    #[must_use]
    pub fn is_open_to_barred(&self) -> bool {
        self.code == op::GetRefusal::OPERATION.code
    }

    /// Whether it tells how the limits stand or why a call was refused, and so is answered where they are reached.
    #[must_use]
    pub fn tells_of_limits(&self) -> bool {
        const TELL: [u16; 3] = [
            op::GetUsage::OPERATION.code,
            op::ListRefusals::OPERATION.code,
            op::GetRefusal::OPERATION.code,
        ];
        TELL.contains(&self.code)
    }

    /// Whether calls of it are never billed, however they end: no quota counts them. The ledger's rules say
    /// the same.
    #[must_use]
    pub fn is_free(&self) -> bool {
        const UNROUTED: u16 = op::Unrouted::OPERATION.code;
        const USAGE: u16 = op::GetUsage::OPERATION.code;
        const REFUSALS: u16 = op::ListRefusals::OPERATION.code;
        const REFUSAL: u16 = op::GetRefusal::OPERATION.code;
        const ALERTS: u16 = op::ListUsageAlerts::OPERATION.code;
        const STATEMENTS: u16 = op::ListOwnStatements::OPERATION.code;
        const STATEMENT: u16 = op::GetOwnStatement::OPERATION.code;
        const CURRENT: u16 = op::GetCurrentUsage::OPERATION.code;
        const CREDITS: u16 = op::ListOwnCredits::OPERATION.code;
        const EVENTS: u16 = op::ListUsageEvents::OPERATION.code;
        const PROOF: u16 = op::GetUsageEventProof::OPERATION.code;
        const TEST: u16 = op::DeliverTestMessage::OPERATION.code;
        const CONSENTS: u16 = op::PollConsentEvents::OPERATION.code;
        const DELETION: u16 = op::ConfirmDeletion::OPERATION.code;
        const FREE: [u16; 14] = [
            UNROUTED, USAGE, REFUSALS, REFUSAL, ALERTS, STATEMENTS, STATEMENT, CURRENT, CREDITS,
            EVENTS, PROOF, TEST, CONSENTS, DELETION,
        ];
        FREE.contains(&self.code)
    }

    /// What a call weighs on the bill whose answer holds so many records, in thousandths of a unit.
    #[must_use]
    pub fn billed_milli(&self, records: u32) -> u32 {
        match self.records_per_unit {
            None => self.weight_milli,
            Some(per) => {
                let units = records.div_ceil(per.get()).max(self.least_units);
                units.saturating_mul(1_000)
            }
        }
    }
}

/// A type that stands for an operation in a handler's signature.
pub trait Op: 'static {
    /// The operation.
    const OPERATION: &'static Operation;
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $code:literal $id:literal $api:literal $method:literal $path:literal $scope:expr, $weight:literal $(, per $records:literal records $(at least $least:literal)?)?;)*) => {
        /// Every operation, in the order of the documents.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            code: $code, id: $id, api: $api, method: $method, path: $path,
            scope: $scope, weight_milli: $weight,
            records_per_unit: operations!(@per $($records)?),
            least_units: operations!(@least $($($least)?)?),
        }),*];

        /// The types that name operations in handlers.
        pub mod op {
            use super::{Op, Operation, Scope};
            $(
                $(#[$doc])*
                #[derive(Debug)]
                pub enum $name {}

                impl Op for $name {
                    const OPERATION: &'static Operation = &Operation {
                        code: $code, id: $id, api: $api, method: $method, path: $path,
                        scope: $scope, weight_milli: $weight,
                        records_per_unit: operations!(@per $($records)?),
                        least_units: operations!(@least $($($least)?)?),
                    };
                }
            )*
        }
    };
    (@per) => { None };
    (@per $records:literal) => { std::num::NonZeroU32::new($records) };
    (@least) => { 0 };
    (@least $least:literal) => { $least };
}

operations! {
    /// A call to a path or method that is not there, made with a valid key.
    Unrouted = 0 "unrouted" "none" "GET" "" None, 1_000;
    /// A page of products.
    ListProducts = 1 "list_products" "catalog" "GET" "/v1/products" Some(Scope::CatalogRead), 1_000;
    /// A product by its id.
    GetProduct = 2 "get_product" "catalog" "GET" "/v1/products/{product_id}" Some(Scope::CatalogRead), 1_000;
    /// A product by its GTIN.
    GetProductByGtin = 3 "get_product_by_gtin" "catalog" "GET" "/v1/products/gtin/{gtin}" Some(Scope::CatalogRead), 1_000;
    /// A product by its sku.
    GetProductBySku = 4 "get_product_by_sku" "catalog" "GET" "/v1/products/sku/{sku}" Some(Scope::CatalogRead), 1_000;
    /// A page of categories.
    ListCategories = 5 "list_categories" "catalog" "GET" "/v1/categories" Some(Scope::CatalogRead), 1_000;
    /// A category.
    GetCategory = 6 "get_category" "catalog" "GET" "/v1/categories/{category_id}" Some(Scope::CatalogRead), 1_000;
    /// A page of stores.
    ListStores = 7 "list_stores" "stores" "GET" "/v1/stores" Some(Scope::StoresRead), 1_000;
    /// A store.
    GetStore = 8 "get_store" "stores" "GET" "/v1/stores/{store_id}" Some(Scope::StoresRead), 1_000;
    /// The offers of a product.
    ListProductOffers = 9 "list_product_offers" "prices" "GET" "/v1/products/{product_id}/offers" Some(Scope::PricesRead), 1_000;
    /// The stock of a product.
    ListProductStock = 10 "list_product_stock" "stock" "GET" "/v1/products/{product_id}/stock" Some(Scope::StockRead), 1_000, per 10 records at least 1;
    /// The stock of a store.
    ListStoreStock = 11 "list_store_stock" "stock" "GET" "/v1/stores/{store_id}/stock" Some(Scope::StockRead), 1_000, per 10 records at least 1;
    /// The caller's own usage and limits.
    GetUsage = 12 "get_usage" "usage" "GET" "/v1/usage" None, 1_000;
    /// What a shopper may mean.
    ListSuggestions = 13 "list_suggestions" "catalog" "GET" "/v1/suggest" Some(Scope::CatalogRead), 100;
    /// Products by a list of identifiers.
    LookupProducts = 14 "lookup_products" "catalog" "POST" "/v1/products/lookup" Some(Scope::CatalogRead), 1_000, per 1 records;
    /// The tree of categories.
    GetCategoryTree = 16 "get_category_tree" "catalog" "GET" "/v1/categories/tree" Some(Scope::CatalogRead), 1_000;
    /// A page of promotions.
    ListPromotions = 17 "list_promotions" "prices" "GET" "/v1/promotions" Some(Scope::PromotionsRead), 1_000;
    /// A promotion.
    GetPromotion = 18 "get_promotion" "prices" "GET" "/v1/promotions/{promotion_id}" Some(Scope::PromotionsRead), 1_000;
    /// The prices that a product has had.
    ListPriceHistory = 19 "list_price_history" "prices" "GET" "/v1/products/{product_id}/price-history" Some(Scope::PricesRead), 1_000;
    /// The stock of a product near a place.
    ListStock = 20 "list_stock" "stock" "GET" "/v1/stock" Some(Scope::StockRead), 1_000, per 10 records at least 1;
    /// The stock of many products in many stores.
    QueryStock = 21 "query_stock" "stock" "POST" "/v1/stock/query" Some(Scope::StockRead), 5_000, per 10 records;
    /// What changed behind a position.
    ListChanges = 22 "list_changes" "changes" "GET" "/v1/changes" Some(Scope::ChangesRead), 1_000;
    /// The newest snapshot.
    GetLatestExport = 23 "get_latest_export" "exports" "GET" "/v1/exports/latest" Some(Scope::ExportsRead), 1_000;
    /// An export made for the caller.
    CreateExport = 24 "create_export" "exports" "POST" "/v1/exports" Some(Scope::ExportsRead), 1_000;
    /// A snapshot or an export.
    GetExport = 25 "get_export" "exports" "GET" "/v1/exports/{export_id}" Some(Scope::ExportsRead), 1_000;
    /// A file of an export.
    DownloadExportFile = 26 "download_export_file" "exports" "GET" "/v1/exports/{export_id}/files/{file}" Some(Scope::ExportsRead), 1_000;
    /// A new subscription.
    CreateSubscription = 27 "create_subscription" "subscriptions" "POST" "/v1/subscriptions" Some(Scope::SubscriptionsWrite), 1_000;
    /// The app's subscriptions.
    ListSubscriptions = 28 "list_subscriptions" "subscriptions" "GET" "/v1/subscriptions" Some(Scope::SubscriptionsWrite), 1_000;
    /// A subscription.
    GetSubscription = 29 "get_subscription" "subscriptions" "GET" "/v1/subscriptions/{subscription_id}" Some(Scope::SubscriptionsWrite), 1_000;
    /// A subscription changed.
    UpdateSubscription = 30 "update_subscription" "subscriptions" "PATCH" "/v1/subscriptions/{subscription_id}" Some(Scope::SubscriptionsWrite), 1_000;
    /// A subscription deleted.
    DeleteSubscription = 31 "delete_subscription" "subscriptions" "DELETE" "/v1/subscriptions/{subscription_id}" Some(Scope::SubscriptionsWrite), 1_000;
    /// A test of a receiver.
    TestSubscription = 32 "test_subscription" "subscriptions" "POST" "/v1/subscriptions/{subscription_id}/test" Some(Scope::SubscriptionsWrite), 1_000;
    /// A subscription's messages.
    ListDeliveries = 33 "list_deliveries" "subscriptions" "GET" "/v1/subscriptions/{subscription_id}/deliveries" Some(Scope::SubscriptionsWrite), 1_000;
    /// Messages sent again.
    ReplaySubscription = 34 "replay_subscription" "subscriptions" "POST" "/v1/subscriptions/{subscription_id}/replay" Some(Scope::SubscriptionsWrite), 1_000;
    /// A new secret.
    RotateSubscriptionSecret = 35 "rotate_subscription_secret" "subscriptions" "POST" "/v1/subscriptions/{subscription_id}/rotate-secret" Some(Scope::SubscriptionsWrite), 1_000;
    /// The products of the web shop as a feed.
    DownloadProductFeed = 36 "download_product_feed" "feeds" "GET" "/v1/feeds/google-products" Some(Scope::PricesRead), 10_000;
    /// The prices and the stock of the stores as a feed.
    DownloadInventoryFeed = 37 "download_inventory_feed" "feeds" "GET" "/v1/feeds/google-local-inventory" Some(Scope::StockRead), 10_000;
    /// What of the app's calls was refused.
    ListRefusals = 38 "list_refusals" "usage" "GET" "/v1/refusals" None, 100;
    /// Why a call was refused.
    GetRefusal = 39 "get_refusal" "usage" "GET" "/v1/refusals/{refusal_id}" None, 100;
    /// The offers of a store.
    ListStoreOffers = 40 "list_store_offers" "prices" "GET" "/v1/stores/{store_id}/offers" Some(Scope::PricesRead), 1_000;
    /// What the app was told of its own usage.
    ListUsageAlerts = 41 "list_usage_alerts" "usage" "GET" "/v1/usage/alerts" None, 100;
    /// What the app owes, period by period.
    ListOwnStatements = 42 "list_own_statements" "usage" "GET" "/v1/usage/statements" None, 100;
    /// What the app owes for a period.
    GetOwnStatement = 43 "get_own_statement" "usage" "GET" "/v1/usage/statements/{statement_id}" None, 100;
    /// What the open period of the app has come to by now.
    GetCurrentUsage = 46 "get_current_usage" "usage" "GET" "/v1/usage/current" None, 100;
    /// The credits that the app's statements may draw on.
    ListOwnCredits = 47 "list_own_credits" "usage" "GET" "/v1/usage/credits" None, 100;
    /// The app's own events, as they are billed.
    ListUsageEvents = 45 "list_usage_events" "usage" "GET" "/v1/usage/events" None, 1_000;
    /// The proof that a closed period counts one of the app's own events: all events of its day are read for it.
    GetUsageEventProof = 48 "get_usage_event_proof" "usage" "GET" "/v1/usage/events/{event_id}/proof" None, 10_000;
    /// What the app is told of its customers' consents.
    PollConsentEvents = 64 "poll_consent_events" "consents" "POST" "/oauth/events/poll" None, 100;
    /// That what a customer wants to be deleted was.
    ConfirmDeletion = 65 "confirm_deletion" "consents" "POST" "/oauth/events/{jti}/deletion-confirmation" None, 100;
    /// A message to a subscription's receiver: nobody calls it, and it takes from no limit.
    DeliverMessage = 50 "deliver_message" "subscriptions" "POST" "" None, 1_000;
    /// A message that tries a receiver out.
    DeliverTestMessage = 51 "deliver_test_message" "subscriptions" "POST" "" None, 1_000;
    /// Who a customer is, by their consent.
    GetCustomerProfile = 52 "get_customer_profile" "customers" "GET" "/v1/customer/profile" None, 1_000;
    /// A customer's loyalty accounts.
    ListCustomerLoyalty = 53 "list_customer_loyalty" "customers" "GET" "/v1/customer/loyalty" None, 1_000;
    /// Movements of a loyalty account.
    ListCustomerLoyaltyTransactions = 54 "list_customer_loyalty_transactions" "customers" "GET" "/v1/customer/loyalty/transactions" None, 1_000;
    /// What a customer spent.
    GetCustomerPurchaseSummary = 55 "get_customer_purchase_summary" "customers" "GET" "/v1/customer/purchases/summary" None, 1_000;
    /// A page of a customer's purchases.
    ListCustomerPurchases = 56 "list_customer_purchases" "customers" "GET" "/v1/customer/purchases" None, 1_000;
    /// A customer's purchase.
    GetCustomerPurchase = 57 "get_customer_purchase" "customers" "GET" "/v1/customer/purchases/{purchase_id}" None, 1_000;
    /// A page of a customer's lists.
    ListCustomerLists = 58 "list_customer_lists" "customers" "GET" "/v1/customer/lists" None, 1_000;
    /// A customer's list.
    GetCustomerList = 59 "get_customer_list" "customers" "GET" "/v1/customer/lists/{list_id}" None, 1_000;
    /// A new list of a customer.
    CreateCustomerList = 60 "create_customer_list" "customers" "POST" "/v1/customer/lists" None, 1_000;
    /// A list of a customer changed.
    UpdateCustomerList = 61 "update_customer_list" "customers" "PUT" "/v1/customer/lists/{list_id}" None, 1_000;
    /// A product that was scanned into a list.
    AddCustomerListItem = 62 "add_customer_list_item" "customers" "POST" "/v1/customer/lists/{list_id}/items" None, 1_000;
    /// A page of a customer's own promotions.
    ListCustomerPromotions = 63 "list_customer_promotions" "customers" "GET" "/v1/customer/promotions" None, 1_000;
}

/// The methods that a path takes, joined for an `Allow` header; `None` for a path that is not ours.
#[must_use]
pub fn methods_at(path: &str) -> Option<String> {
    let fits = |template: &str| {
        let (mut have, mut want) = (path.split('/'), template.split('/'));
        loop {
            match (have.next(), want.next()) {
                (None, None) => return true,
                (Some(part), Some(slot))
                    if part == slot || (slot.starts_with('{') && !part.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let mut methods: Vec<&str> = Vec::new();
    for operation in OPERATIONS.iter().filter(|o| !o.path.is_empty() && fits(o.path)) {
        // A fixed name and an id may stand in the same place.
        if !methods.contains(&operation.method) {
            methods.push(operation.method);
        }
    }
    (!methods.is_empty()).then(|| methods.join(", ").replace("GET", "GET, HEAD"))
}

/// The operation that a ledger code stands for.
#[must_use]
pub fn by_code(code: u16) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.code == code)
}

/// The operation with an OpenAPI id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_path_tells_its_methods() {
        assert_eq!(methods_at("/v1/products").as_deref(), Some("GET, HEAD"));
        assert_eq!(methods_at("/v1/products/prd_1/offers").as_deref(), Some("GET, HEAD"));
        for nothing in ["", "/", "/v1", "/v1/products/", "/v1/products/a/b/c", "/v2/products"] {
            assert_eq!(methods_at(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn some_are_billed_by_what_they_bring() {
        let billed = |operation: &Operation, records| operation.billed_milli(records);
        for (records, found, cells) in
            [(0, 0, 0), (1, 1_000, 1_000), (10, 10_000, 1_000), (11, 11_000, 2_000)]
        {
            assert_eq!(billed(op::ListStock::OPERATION, records), cells.max(1_000));
            assert_eq!(billed(op::GetProduct::OPERATION, records), 1_000);
            assert_eq!(billed(op::LookupProducts::OPERATION, records), found);
            assert_eq!(billed(op::QueryStock::OPERATION, records), cells);
        }
        assert_eq!(billed(op::LookupProducts::OPERATION, u32::MAX), u32::MAX);
    }

    #[test]
    fn codes_and_ids_are_given_once() {
        let codes: HashSet<u16> = OPERATIONS.iter().map(|o| o.code).collect();
        let ids: HashSet<&str> = OPERATIONS.iter().map(|o| o.id).collect();
        assert_eq!((codes.len(), ids.len()), (OPERATIONS.len(), OPERATIONS.len()));
        // The last one stands for those that are yet to come.
        assert!(codes.iter().all(|code| *code < crate::limit::policy::MOST_OPERATIONS - 1));
    }
}
