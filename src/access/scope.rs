//! Scopes: what a key may do, as words on the wire and as bits inside.

use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal $what:literal;)*) => {
        /// A right that a key can hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope { $($(#[$doc])* $name,)* }

        impl Scope {
            /// All scopes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What it allows, for the documents.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $what),* }
            }
        }
    };
}

scopes! {
    /// Products and categories.
    CatalogRead = "catalog:read" "Read products and categories";
    /// Offers and prices.
    PricesRead = "prices:read" "Read offers and prices";
    /// Stores.
    StoresRead = "stores:read" "Read stores";
    /// Stock levels.
    StockRead = "stock:read" "Read stock availability";
    /// Exact counts in stock levels; without it, bands.
    StockQuantity = "stock:quantity" "See exact quantities in stock levels instead of bands";
    /// Promotions.
    PromotionsRead = "promotions:read" "Read promotions";
    /// The change log.
    ChangesRead = "changes:read" "Follow what changed in catalog, prices, stores and stock";
    /// Snapshot files and product feeds.
    ExportsRead = "exports:read" "Download snapshots and product feeds";
    /// Webhooks.
    SubscriptionsWrite = "subscriptions:write" "Subscribe an address to changes";
}

/// The word names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope; scopes are {list}", list = Scope::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
        found.copied().ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u64);

impl Scopes {
    /// Every scope there is.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// The set as bits, in the order of [`Scope::ALL`]: access tokens hold them.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set of some bits; what stands for no scope is left out.
    #[must_use]
    pub fn of_bits(bits: u64) -> Self {
        Self(bits).and(Self::all())
    }

    /// The scopes that both sets hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all scopes of this set are in another.
    #[must_use]
    pub fn within(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// Whether the set holds a scope.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u64) != 0
    }

    /// The scopes in the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u64))
    }
}

impl fmt::Display for Scopes {
    /// The words, with a space between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split_whitespace().map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_keeps_its_place() {
        // Access tokens that are under way hold the place, not the word: add new scopes at the end.
        let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let first = [
            "catalog:read",
            "prices:read",
            "stores:read",
            "stock:read",
            "stock:quantity",
            "promotions:read",
            "changes:read",
            "exports:read",
            "subscriptions:write",
        ];
        assert_eq!(words[..first.len()], first);
    }

    #[test]
    fn sets_are_cut_and_compared() {
        let some: Scopes = [Scope::CatalogRead, Scope::StockRead].into_iter().collect();
        assert!(some.within(Scopes::all()) && !Scopes::all().within(some));
        assert_eq!(Scopes::of_bits(u64::MAX), Scopes::all());
        assert_eq!(Scopes::of_bits(some.bits()), some);
    }
}
