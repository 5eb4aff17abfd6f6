//! Prefixed ids: `prd_0Ab…` is a 64-bit number in base62 behind three letters that name its kind.
//!
//! Ids of imported things are derived from the retailer's own code, so that a file imported twice,
//! or on two nodes, names the same thing. Ids of things made here are random.

use super::base62;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It has another form; the three letters that were expected.
    #[error("must be an id: `{0}_` and 11 letters or digits behind it")]
    Form(&'static str),
    /// It has the form and is more than 64 bits, so that it was never given out.
    #[error(
        "is no id that can exist: the 11 characters behind `{0}_` are too great a number, so it was mistyped; ids end at `{0}_LygHa16AHYF`"
    )]
    TooGreat(&'static str),
}

/// Length of every id in characters.
pub const ID_LEN: usize = 4 + base62::U64_WIDTH;

fn parse(prefix: &'static str, text: &str) -> Result<u64, InvalidId> {
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|digits| digits.len() == base62::U64_WIDTH)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_alphanumeric()));
    let digits = digits.ok_or(InvalidId::Form(prefix))?;
    base62::decode(digits.as_bytes()).ok_or(InvalidId::TooGreat(prefix))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The letters before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id that stands for the retailer's own `code`, the same on every node and run.
            #[must_use]
            pub fn derived(code: &str) -> Self {
                let hash = blake3::Hasher::new_derive_key(concat!("comptoir id ", $prefix))
                    .update(code.as_bytes())
                    .finalize();
                let mut first = [0u8; 8];
                first.copy_from_slice(&hash.as_bytes()[..8]);
                Self(u64::from_le_bytes(first))
            }

            /// A fresh id; fails only where the system has no randomness.
            pub fn random() -> Result<Self, getrandom::Error> {
                Ok(Self(getrandom::u64()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0u8; base62::U64_WIDTH];
                base62::encode_into(self.0, &mut digits);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A product, derived from its sku.
    ProductId = "prd";
    /// A category, derived from the retailer's category code.
    CategoryId = "cat";
    /// A brand, derived from its name in lower case.
    BrandId = "brd";
    /// A store, derived from its store code.
    StoreId = "sto";
    /// A promotion, derived from the retailer's promotion code.
    PromotionId = "prm";
    /// A partner organisation.
    PartnerId = "prt";
    /// A partner's software.
    AppId = "app";
    /// A plan.
    PlanId = "pln";
    /// A key; the number also stands in the key's text.
    KeyId = "key";
    /// An admin token.
    AdminTokenId = "adm";
    /// A person of the admin API.
    AccountId = "acc";
    /// A session of a person in the admin API.
    SessionId = "ses";
    /// An action that waits for a second person.
    ApprovalId = "apr";
    /// An import of a feed.
    ImportId = "imp";
    /// A snapshot or an export.
    ExportId = "exp";
    /// An export of usage.
    UsageExportId = "uex";
    /// A subscription to changes.
    SubscriptionId = "sub";
    /// A message to a subscription, derived from both.
    DeliveryId = "dlv";
    /// A subscription of an app to a plan.
    AppSubscriptionId = "aps";
    /// An application of who wants to become a partner.
    ApplicationId = "apl";
    /// A mail that waits to be sent.
    MailId = "mai";
    /// A billing period, derived from its bounds and its time zone.
    BillingPeriodId = "per";
    /// What an app owes for a period, derived from period, partner, app and currency.
    StatementId = "stm";
    /// What corrects what an app owes.
    AdjustmentId = "adj";
    /// A total that a billing system is told, derived from whom, what and when it is about.
    HandoffId = "hnd";
    /// Up to how much somebody means to spend.
    BudgetId = "bud";
    /// Credit that a partner was given or has paid in advance.
    CreditGrantId = "crd";
    /// What was told of usage, derived from what it tells.
    AlertId = "alr";
    /// An entry of the audit trail.
    AuditId = "aud";
    /// A running process' durable identity: one per data directory.
    NodeId = "nod";
    /// All nodes on one database.
    InstallationId = "ins";
}

impl BrandId {
    /// The brand that a text means: by its id, or by its name in any case.
    #[must_use]
    pub fn named(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self::derived(&text.trim().to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_that_is_too_great_is_told_from_one_of_another_form() {
        let greatest = PlanId(u64::MAX).to_string();
        assert!(InvalidId::TooGreat("pln").to_string().ends_with(&format!("`{greatest}`")));
        for great in ["pln_LygHa16AHYG", "pln_aaaaaaaaaaa"] {
            assert_eq!(great.parse::<PlanId>(), Err(InvalidId::TooGreat("pln")), "{great}");
        }
        for other in
            ["pln_aaaaaaaaaa", "pln_aaaaaaaaaaaa", "pln_aaaaaaaaaa-", "prt_00000000001", ""]
        {
            assert_eq!(other.parse::<PlanId>(), Err(InvalidId::Form("pln")), "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(n: u64) {
            let id = ProductId(n);
            prop_assert_eq!(id.to_string().parse::<ProductId>(), Ok(id));
            prop_assert!(id.to_string().parse::<StoreId>().is_err());
        }

        #[test]
        fn parse_never_panics(text: String) {
            let _ = text.parse::<ProductId>();
        }
    }
}
