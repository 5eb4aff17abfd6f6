//! Scopes: what a key may do, as words on the wire and as bits inside.

use crate::config::{Admin, FourEyes};
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

impl Scope {
    /// Whether it is about customers.
    #[must_use]
    pub fn is_about_customers(self) -> bool {
        self.as_str().starts_with("customer.")
    }
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

    /// What a key may do where nobody says: everything but what is about customers.
    #[must_use]
    pub fn usual() -> Self {
        Scope::ALL.iter().copied().filter(|scope| !scope.is_about_customers()).collect()
    }

    /// The scopes that it takes a second person to give, by the settings. A name that is no scope guards
    /// nothing, so it is an error.
    pub fn guarded(settings: &Admin) -> Result<Self, UnknownScope> {
        let patterns = &settings.guarded_scopes;
        let means = |scope: &Scope| patterns.iter().any(|it| it.covers(scope.as_str()));
        let is_known = |name: &str| Scope::ALL.iter().any(|scope| scope.as_str() == name);
        if let Some(name) = patterns.iter().filter_map(|it| it.name()).find(|it| !is_known(it)) {
            return Err(UnknownScope(name.to_owned()));
        }
        if !settings.four_eyes.contains(&FourEyes::CustomerScopes) {
            return Ok(Self::default());
        }
        Ok(Scope::ALL.iter().copied().filter(means).collect())
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

    /// The scopes of this set that another does not hold.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set holds no scope.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
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
        assert!(some.without(some).is_empty() && !Scopes::all().without(some).is_empty());
    }

    #[test]
    fn what_takes_two_people_is_named_or_begins_alike() {
        let mut settings = crate::config::Config::embedded().admin;
        let guarded = |settings: &Admin| Scopes::guarded(settings).map(|it| it.to_string());
        let pattern = |text: &str| text.parse().unwrap();
        settings.guarded_scopes = vec![pattern("stock:*"), pattern("catalog:read")];
        assert_eq!(guarded(&settings), Ok(String::new()), "nothing asks for it");
        settings.four_eyes = vec![FourEyes::CustomerScopes];
        assert_eq!(guarded(&settings), Ok("catalog:read stock:read stock:quantity".to_owned()));
        settings.guarded_scopes = vec![pattern("stock:qantity")];
        assert_eq!(guarded(&settings), Err(UnknownScope("stock:qantity".to_owned())));
    }
}
