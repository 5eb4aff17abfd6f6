//! The kinds of resources that partners read: those of the change log, each under the scope that reads it.

use super::{Scope, Scopes};
use crate::kernel::word::{Word as _, words};

words! {
    /// A kind of resource.
    pub enum Kind {
        /// A product.
        Product = "product",
        /// A category.
        Category = "category",
        /// A store.
        Store = "store",
        /// An offer: a price of a product in a store through a channel.
        Offer = "offer",
        /// A promotion.
        Promotion = "promotion",
        /// A stock level: a product in a store.
        Stock = "stock",
    }
}

impl Kind {
    /// What a key needs to see resources of this kind.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::Product | Self::Category => Scope::CatalogRead,
            Self::Store => Scope::StoresRead,
            Self::Offer => Scope::PricesRead,
            Self::Promotion => Scope::PromotionsRead,
            Self::Stock => Scope::StockRead,
        }
    }

    /// The kinds that a key may see.
    #[must_use]
    pub fn seen_with(scopes: Scopes) -> Vec<Self> {
        let all = Self::WORDS.iter().map(|(_, kind)| *kind);
        all.filter(|kind| scopes.has(kind.scope())).collect()
    }
}
