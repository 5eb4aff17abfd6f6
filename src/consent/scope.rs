//! OAuth scopes of customer consent: what each is about, and what it needs of a consent.

use crate::kernel::set::WordSet;
use crate::kernel::word::Word;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Who gives a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeHolder {
    /// The retailer, to a partner's program: no customer is asked.
    Machine,
    /// The login itself: it hands out nothing about the customer.
    Login,
    /// The customer.
    Customer,
}

/// What a scope asks of the consent beyond a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeNeeds {
    /// It can reveal health or belief (GDPR Art. 9): its tick stands alone, and is explicit.
    pub special_category: bool,
    /// The customer must have logged in more strongly for it (RFC 9470).
    pub step_up: bool,
}

const PLAIN: ScopeNeeds = ScopeNeeds { special_category: false, step_up: false };
const ARTICLE_9: ScopeNeeds = ScopeNeeds { special_category: true, step_up: true };

macro_rules! oauth_scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $holder:ident, $needs:ident, $key:literal;)*) => {
        /// A scope (RFC 6749 §3.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OAuthScope { $($(#[$doc])* $name,)* }

        impl Word for OAuthScope {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$name)),*];
        }

        impl OAuthScope {
            /// Who gives it.
            #[must_use]
            pub const fn holder(self) -> ScopeHolder {
                match self { $(Self::$name => ScopeHolder::$holder),* }
            }

            /// What it asks of the consent.
            #[must_use]
            pub const fn needs(self) -> ScopeNeeds {
                match self { $(Self::$name => $needs),* }
            }

            /// The key of the words that describe it on the screen. They are the retailer's: no partner can
            /// give others.
            #[must_use]
            pub const fn description_key(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }
        }
    };
}

oauth_scopes! {
    /// Products and categories.
    CatalogRead = "catalog:read", Machine, PLAIN, "scope.catalog";
    /// Prices.
    PricesRead = "prices:read", Machine, PLAIN, "scope.prices";
    /// Stock levels.
    StockRead = "stock:read", Machine, PLAIN, "scope.stock";
    /// Exact counts in stock levels; without it, bands.
    StockQuantity = "stock:quantity", Machine, PLAIN, "scope.stock.quantity";
    /// Promotions.
    PromotionsRead = "promotions:read", Machine, PLAIN, "scope.promotions";
    /// The change log.
    ChangesRead = "changes:read", Machine, PLAIN, "scope.changes";
    /// Snapshots and product feeds.
    ExportsRead = "exports:read", Machine, PLAIN, "scope.exports";
    /// Webhooks.
    SubscriptionsWrite = "subscriptions:write", Machine, PLAIN, "scope.subscriptions";
    /// Stores.
    StoresRead = "stores:read", Machine, PLAIN, "scope.stores";
    /// Looking at grants (Grant Management for OAuth 2.0).
    GrantManagementQuery = "grant_management_query", Machine, PLAIN, "scope.grants.query";
    /// Ending grants (Grant Management for OAuth 2.0).
    GrantManagementRevoke = "grant_management_revoke", Machine, PLAIN, "scope.grants.revoke";
    /// The partner's own usage.
    UsageRead = "usage:read", Machine, PLAIN, "scope.usage";
    /// Given name, language, home store.
    ProfileBasicRead = "customer.profile.basic:read", Customer, PLAIN, "scope.profile.basic";
    /// E-mail address and telephone.
    ProfileContactRead = "customer.profile.contact:read", Customer, PLAIN, "scope.profile.contact";
    /// Postal address.
    ProfileAddressRead = "customer.profile.address:read", Customer, PLAIN, "scope.profile.address";
    /// Of age or not, or a band of ages; never the date of birth.
    ProfileAgeBandRead = "customer.profile.age_band:read", Customer, PLAIN, "scope.profile.age_band";
    /// Tier and balance.
    LoyaltyBasicRead = "customer.loyalty.basic:read", Customer, PLAIN, "scope.loyalty.basic";
    /// The card's number.
    LoyaltyCardRead = "customer.loyalty.card:read", Customer, PLAIN, "scope.loyalty.card";
    /// Points earned and spent.
    LoyaltyHistoryRead = "customer.loyalty.history:read", Customer, PLAIN, "scope.loyalty.history";
    /// Personal offers.
    OffersRead = "customer.offers:read", Customer, PLAIN, "scope.offers.read";
    /// Activating a personal offer.
    OffersActivate = "customer.offers:activate", Customer, PLAIN, "scope.offers.activate";
    /// Totals by month and category.
    PurchasesSummaryRead = "customer.purchases.summary:read", Customer, PLAIN, "scope.purchases.summary";
    /// Date, store and total of each purchase.
    PurchasesOrdersRead = "customer.purchases.orders:read", Customer, PLAIN, "scope.purchases.orders";
    /// What was bought.
    PurchasesItemsRead = "customer.purchases.items:read", Customer, PLAIN, "scope.purchases.items";
    /// Receipts.
    PurchasesReceiptsRead = "customer.purchases.receipts:read", Customer, PLAIN, "scope.purchases.receipts";
    /// Shopping lists.
    ListsRead = "customer.lists:read", Customer, PLAIN, "scope.lists.read";
    /// Changing shopping lists.
    ListsWrite = "customer.lists:write", Customer, PLAIN, "scope.lists.write";
    /// Diet and allergens.
    PreferencesRead = "customer.preferences:read", Customer, ARTICLE_9, "scope.preferences";
    /// An ID token (OpenID Connect Core §3.1.2.1).
    OpenId = "openid", Login, PLAIN, "scope.openid";
    /// A refresh token (OpenID Connect Core §11).
    OfflineAccess = "offline_access", Login, PLAIN, "scope.offline_access";
}

impl OAuthScope {
    /// The name by which `authorization_details` call what the scope reads: `purchases.items`. `None` where
    /// it reads nothing of a customer.
    #[must_use]
    pub fn datatype(self) -> Option<&'static str> {
        self.as_str().strip_prefix("customer.")?.strip_suffix(":read")
    }

    /// The scope that reads a datatype.
    #[must_use]
    pub fn of_datatype(datatype: &str) -> Option<Self> {
        Self::WORDS.iter().map(|(_, scope)| *scope).find(|it| it.datatype() == Some(datatype))
    }
}

impl fmt::Display for OAuthScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for OAuthScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for OAuthScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of(&text).ok_or_else(|| serde::de::Error::custom(InvalidScopes::Unknown(text)))
    }
}

/// A set of scopes.
pub type OAuthScopes = WordSet<OAuthScope>;

/// Why a text is no list of scopes: `invalid_scope`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScopes {
    /// A name that no scope has.
    #[error("`{0}` is no scope")]
    Unknown(String),
    /// It is not of the form that RFC 6749 §3.3 gives: names of printable characters, one space between.
    #[error("scopes are names with one space between")]
    Malformed,
}

impl OAuthScopes {
    /// The scopes that customers give.
    #[must_use]
    pub fn of_customers(self) -> Self {
        self.that(|scope| scope.holder() == ScopeHolder::Customer)
    }

    /// The scopes that only an explicit tick of their own gives.
    #[must_use]
    pub fn special(self) -> Self {
        self.that(|scope| scope.needs().special_category)
    }

    /// The scopes for which the customer must have logged in more strongly.
    #[must_use]
    pub fn step_up(self) -> Self {
        self.that(|scope| scope.needs().step_up)
    }

    /// The scopes of a `scope` parameter. A repeated one counts once.
    pub fn parse(text: &str) -> Result<Self, InvalidScopes> {
        // %x21 / %x23-5B / %x5D-7E
        let may_stand = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let one = |name: &str| {
            if name.is_empty() || !name.bytes().all(may_stand) {
                return Err(InvalidScopes::Malformed);
            }
            OAuthScope::of(name).ok_or_else(|| InvalidScopes::Unknown(name.to_owned()))
        };
        text.split(' ').map(one).collect()
    }
}
