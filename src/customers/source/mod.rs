//! Where customers' data comes from: one seam for what reads it and what changes it.
//!
//! The documents are whole, but for categories that the customer keeps to themselves: which fields are told is decided
//! behind the seam, by [`cut`](fn@super::model::cut). What stands here is asked for one customer, so that nobody's documents
//! are found under another's name.

mod changes;
mod embedded;
mod fill;
mod page;
mod remote;

pub use embedded::EmbeddedCustomers;
pub use page::{CustomerPage, PageBehind, PageOf, PurchaseRange};
pub use remote::RemoteCustomers;

use super::model::{
    CustomerList, CustomerProfile, CustomerPurchase, ListItemSource, LoyaltyAccount,
    LoyaltyTransaction, MonthOfCategory, PersonalPromotion,
};
use crate::config::CustomerSystem;
use crate::consent::category::SensitiveCategories;
use crate::kernel::{Clock, Gtin, Micros};
use crate::storage::{Db, StoreError};
use std::time::Duration;

/// Most lists of a customer.
pub const MOST_LISTS: u32 = 100;
/// Most items of a list.
pub const MOST_ITEMS: usize = 500;
/// Most loyalty accounts of a customer.
pub const MOST_ACCOUNTS: u32 = 20;
/// Most purchases that are added up for one answer.
pub const MOST_SUMMED: usize = 20_000;

/// A list, and which of its versions it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptList {
    /// Grows with each change.
    pub version: i64,
    /// What it says.
    pub list: CustomerList,
}

/// A product that comes into a list by its barcode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedItem {
    /// The barcode.
    pub gtin: Gtin,
    /// How many pieces.
    pub quantity: u32,
    /// The customer's own words.
    pub note: Option<String>,
    /// How it was read.
    pub source: ListItemSource,
    /// The retailer's code of the store where it was read.
    pub store_code: Option<String>,
    /// When it was read.
    pub at: Micros,
}

/// Why a source does not give or take something.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing of this name, or it is somebody else's.
    #[error("there is nothing of this name")]
    NotFound,
    /// It cannot be asked now.
    #[error("the source of customers' data does not answer")]
    Unavailable {
        /// When to ask again.
        retry_after: Duration,
    },
    /// It stands otherwise than who would change it has seen.
    #[error("it has changed since it was looked at")]
    Changed,
    /// No more can be kept.
    #[error("there is room for {most} and no more")]
    Full {
        /// How many there may be.
        most: usize,
    },
    /// More than one answer adds up.
    #[error("these are more than {most} purchases: ask for a shorter time")]
    TooMuch {
        /// How many it may be.
        most: usize,
    },
    /// A defect of the source.
    #[error("the source of customers' data failed: {0}")]
    Failed(#[source] StoreError),
}

/// When a database that is away is asked again.
const BACK_IN: Duration = Duration::from_secs(1);

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Unreached { .. } | StoreError::Full(_) => {
                Self::Unavailable { retry_after: BACK_IN }
            }
            other => Self::Failed(other),
        }
    }
}

/// Where customers' data comes from.
#[derive(Debug, Clone)]
pub enum CustomerSource {
    /// The gateway's own database, filled by feeds.
    Embedded(EmbeddedCustomers),
    /// The retailer's own system, over HTTP.
    Remote(RemoteCustomers),
}

/// Passes a call on to the source that there is.
macro_rules! ask {
    ($source:expr, $it:ident => $call:expr) => {
        match $source {
            CustomerSource::Embedded($it) => $call,
            CustomerSource::Remote($it) => $call,
        }
    };
}

impl CustomerSource {
    /// The source that the settings name: the retailer's own system, or the gateway's database.
    pub fn open(settings: &CustomerSystem, db: &Db, clock: &Clock) -> anyhow::Result<Self> {
        match &settings.url {
            Some(url) => RemoteCustomers::new(url, settings, clock).map(Self::Remote),
            None => Ok(Self::Embedded(EmbeddedCustomers::new(db.clone()))),
        }
    }

    /// Who a customer is.
    pub async fn profile(&self, customer: &str) -> Result<CustomerProfile, SourceError> {
        ask!(self, it => it.profile(customer).await)
    }

    /// A customer's loyalty accounts, in the order of their ids.
    pub async fn loyalty(&self, customer: &str) -> Result<Vec<LoyaltyAccount>, SourceError> {
        ask!(self, it => it.loyalty(customer).await)
    }

    /// The movements of a loyalty account, the newest first.
    pub async fn transactions(
        &self,
        customer: &str,
        account: &str,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<LoyaltyTransaction>, SourceError> {
        ask!(self, it => it.transactions(customer, account, excluded, page).await)
    }

    /// What a customer spent by month and category.
    pub async fn summary(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
    ) -> Result<Vec<MonthOfCategory>, SourceError> {
        ask!(self, it => it.summary(customer, range, excluded).await)
    }

    /// A customer's purchases, in stores and online, the newest first. Those of which nothing is left are not there, and
    /// others are in their place.
    pub async fn purchases(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<CustomerPurchase>, SourceError> {
        ask!(self, it => it.purchases(customer, range, excluded, page).await)
    }

    /// One purchase.
    pub async fn purchase(
        &self,
        customer: &str,
        id: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
    ) -> Result<CustomerPurchase, SourceError> {
        ask!(self, it => it.purchase(customer, id, range, excluded).await)
    }

    /// The purchase whose id something says it is: partners have names of their own for them.
    pub async fn purchase_that(
        &self,
        customer: &str,
        range: PurchaseRange,
        excluded: SensitiveCategories,
        is_it: &dyn Fn(&str) -> bool,
    ) -> Result<CustomerPurchase, SourceError> {
        ask!(self, it => it.purchase_that(customer, range, excluded, is_it).await)
    }

    /// A customer's lists, in the order of their ids.
    pub async fn lists(
        &self,
        customer: &str,
        excluded: SensitiveCategories,
        page: &PageOf,
    ) -> Result<CustomerPage<KeptList>, SourceError> {
        ask!(self, it => it.lists(customer, excluded, page).await)
    }

    /// One list.
    pub async fn list(
        &self,
        customer: &str,
        id: &str,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        ask!(self, it => it.list(customer, id, excluded).await)
    }

    /// Puts a list in the place of the version that was seen, or makes it where none was. Items of categories that are
    /// left out stay in it: who changes the list has not seen them.
    pub async fn put_list(
        &self,
        customer: &str,
        list: CustomerList,
        seen: Option<i64>,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        ask!(self, it => it.put_list(customer, list, seen, excluded).await)
    }

    /// Puts a product into a list; more of it where it is there already. With a version that was seen only into that.
    pub async fn add_scanned(
        &self,
        customer: &str,
        list: &str,
        item: &ScannedItem,
        seen: Option<i64>,
        excluded: SensitiveCategories,
    ) -> Result<KeptList, SourceError> {
        ask!(self, it => it.add_scanned((customer, list), item, seen, excluded).await)
    }

    /// The promotions that are a customer's own and count at an instant or later, in the order of their ids.
    pub async fn promotions(
        &self,
        customer: &str,
        now: Micros,
        page: &PageOf,
    ) -> Result<CustomerPage<PersonalPromotion>, SourceError> {
        ask!(self, it => it.promotions(customer, now, page).await)
    }
}
