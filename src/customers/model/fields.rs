//! Which scope opens which field: one table, and what is not in it is told to nobody.

use crate::consent::scope::OAuthScope;

/// What is told of a customer, in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerDocument {
    /// A [`CustomerProfile`](super::CustomerProfile), as it is told on a day.
    Profile,
    /// A [`LoyaltyAccount`](super::LoyaltyAccount).
    LoyaltyAccount,
    /// A [`LoyaltyTransaction`](super::LoyaltyTransaction).
    LoyaltyTransaction,
    /// A [`MonthOfCategory`](super::MonthOfCategory).
    MonthOfCategory,
    /// A [`CustomerPurchase`](super::CustomerPurchase).
    Purchase,
    /// A [`CustomerList`](super::CustomerList).
    List,
    /// A [`PersonalPromotion`](super::PersonalPromotion).
    Promotion,
}

impl CustomerDocument {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Profile,
        Self::LoyaltyAccount,
        Self::LoyaltyTransaction,
        Self::MonthOfCategory,
        Self::Purchase,
        Self::List,
        Self::Promotion,
    ];
}

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldForm {
    /// A text, a number, a boolean, or a list of them.
    Plain,
    /// An amount with its currency.
    Money,
}

/// A field that is told to who has one of some scopes.
#[derive(Debug, Clone, Copy)]
pub struct FieldScope {
    /// The names on the way to it, with dots between; lists have no name.
    pub path: &'static str,
    /// What stands there.
    pub form: FieldForm,
    /// Each of these opens it.
    pub opened_by: &'static [OAuthScope],
}

macro_rules! opened {
    ($($path:literal: $form:ident by $($scope:ident),+;)*) => {
        &[$(FieldScope {
            path: $path,
            form: FieldForm::$form,
            opened_by: &[$(OAuthScope::$scope),+],
        }),*]
    };
}

impl CustomerDocument {
    /// The fields of the document that can be told, each with what opens it. Names of a customer or of what is theirs are
    /// the retailer's here: partners get their own in their place.
    #[must_use]
    pub const fn fields(self) -> &'static [FieldScope] {
        match self {
            Self::Profile => PROFILE,
            Self::LoyaltyAccount => LOYALTY_ACCOUNT,
            Self::LoyaltyTransaction => LOYALTY_TRANSACTION,
            Self::MonthOfCategory => MONTH_OF_CATEGORY,
            Self::Purchase => PURCHASE,
            Self::List => LIST,
            Self::Promotion => PROMOTION,
        }
    }
}

// Never told: id, family name, day of birth, and since when the retailer knows the customer.
const PROFILE: &[FieldScope] = opened! {
    "given_name": Plain by ProfileBasicRead;
    "locale": Plain by ProfileBasicRead;
    "home_store_code": Plain by ProfileBasicRead;
    "email": Plain by ProfileContactRead;
    "email_verified": Plain by ProfileContactRead;
    "phone": Plain by ProfileContactRead;
    "address.lines": Plain by ProfileAddressRead;
    "address.postal_code": Plain by ProfileAddressRead;
    "address.city": Plain by ProfileAddressRead;
    "address.region": Plain by ProfileAddressRead;
    "address.country": Plain by ProfileAddressRead;
    "age_band": Plain by ProfileAgeBandRead;
    "over_18": Plain by ProfileAgeBandRead;
    "preferences.diets": Plain by PreferencesRead;
    "preferences.allergens": Plain by PreferencesRead;
};

// The transactions are told one by one, under their own scope.
const LOYALTY_ACCOUNT: &[FieldScope] = opened! {
    "id": Plain by LoyaltyBasicRead, LoyaltyCardRead, LoyaltyHistoryRead;
    "program.id": Plain by LoyaltyBasicRead, LoyaltyCardRead;
    "program.name": Plain by LoyaltyBasicRead, LoyaltyCardRead;
    "membership_number": Plain by LoyaltyCardRead;
    "membership_number_masked": Plain by LoyaltyCardRead;
    "tier.id": Plain by LoyaltyBasicRead;
    "tier.name": Plain by LoyaltyBasicRead;
    "tier.valid_through": Plain by LoyaltyBasicRead;
    "balances.currency.code": Plain by LoyaltyBasicRead;
    "balances.currency.name": Plain by LoyaltyBasicRead;
    "balances.available": Plain by LoyaltyBasicRead;
    "balances.pending": Plain by LoyaltyBasicRead;
    "balances.expiring.amount": Plain by LoyaltyBasicRead;
    "balances.expiring.expires_at": Plain by LoyaltyBasicRead;
};

const LOYALTY_TRANSACTION: &[FieldScope] = opened! {
    "id": Plain by LoyaltyHistoryRead;
    "type": Plain by LoyaltyHistoryRead;
    "points": Plain by LoyaltyHistoryRead;
    "purchase_id": Plain by LoyaltyHistoryRead;
    "description": Plain by LoyaltyHistoryRead;
    "occurred_at": Plain by LoyaltyHistoryRead;
};

const MONTH_OF_CATEGORY: &[FieldScope] = opened! {
    "month": Plain by PurchasesSummaryRead;
    "category": Plain by PurchasesSummaryRead;
    "lines": Plain by PurchasesSummaryRead;
    "amount": Money by PurchasesSummaryRead;
};

// That a line is sensitive is never told. The number of an order stands on its receipt, and two partners could join by it.
const PURCHASE: &[FieldScope] = opened! {
    "id": Plain by PurchasesOrdersRead, PurchasesItemsRead, PurchasesReceiptsRead;
    "order_date": Plain by PurchasesOrdersRead, PurchasesItemsRead, PurchasesReceiptsRead;
    "channel": Plain by PurchasesOrdersRead;
    "store_code": Plain by PurchasesOrdersRead;
    "order_status": Plain by PurchasesOrdersRead;
    "totals.type": Plain by PurchasesOrdersRead;
    "totals.rate": Plain by PurchasesOrdersRead;
    "totals.included": Plain by PurchasesOrdersRead;
    "totals.amount": Money by PurchasesOrdersRead;
    "lines.line_id": Plain by PurchasesItemsRead;
    "lines.sku": Plain by PurchasesItemsRead;
    "lines.gtin": Plain by PurchasesItemsRead;
    "lines.name": Plain by PurchasesItemsRead;
    "lines.category": Plain by PurchasesItemsRead;
    "lines.quantity.value": Plain by PurchasesItemsRead;
    "lines.quantity.unit_code": Plain by PurchasesItemsRead;
    "lines.unit_price": Money by PurchasesItemsRead;
    "lines.discounts.promotion_code": Plain by PurchasesItemsRead;
    "lines.discounts.amount": Money by PurchasesItemsRead;
    "lines.line_total": Money by PurchasesItemsRead;
    "lines.returned_quantity": Plain by PurchasesItemsRead;
    "lines.returnable_until": Plain by PurchasesItemsRead;
    "lines.warranty_until": Plain by PurchasesItemsRead;
    "adjustments.type": Plain by PurchasesItemsRead;
    "adjustments.line_id": Plain by PurchasesItemsRead;
    "adjustments.quantity": Plain by PurchasesItemsRead;
    "adjustments.amount": Money by PurchasesItemsRead;
    "adjustments.occurred_at": Plain by PurchasesItemsRead;
    "order_number": Plain by PurchasesReceiptsRead;
    "receipt.number": Plain by PurchasesReceiptsRead;
    "receipt.url": Plain by PurchasesReceiptsRead;
    "loyalty.earned": Plain by LoyaltyHistoryRead;
};

const LIST: &[FieldScope] = opened! {
    "id": Plain by ListsRead, ListsWrite;
    "type": Plain by ListsRead;
    "name": Plain by ListsRead;
    "items.item_id": Plain by ListsRead;
    "items.sku": Plain by ListsRead;
    "items.gtin": Plain by ListsRead;
    "items.quantity": Plain by ListsRead;
    "items.note": Plain by ListsRead;
    "items.added_at": Plain by ListsRead;
    "items.source": Plain by ListsRead;
    "items.store_code": Plain by ListsRead;
};

const PROMOTION: &[FieldScope] = opened! {
    "id": Plain by OffersRead, OffersActivate;
    "state": Plain by OffersRead, OffersActivate;
    "code": Plain by OffersRead;
    "title": Plain by OffersRead;
    "type": Plain by OffersRead;
    "value": Plain by OffersRead;
    "amount": Money by OffersRead;
    "coupon_code": Plain by OffersRead;
    "skus": Plain by OffersRead;
    "gtins": Plain by OffersRead;
    "store_codes": Plain by OffersRead;
    "channels": Plain by OffersRead;
    "valid_from": Plain by OffersRead;
    "valid_through": Plain by OffersRead;
};
