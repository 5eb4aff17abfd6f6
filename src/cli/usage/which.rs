//! Which billing period a command is about.

use crate::billing::periods::{last_closed, open};
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::storage::Db;
use anyhow::Context as _;
use std::str::FromStr;

/// A period as it is named on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    /// By its id.
    Id(BillingPeriodId),
    /// The last that was closed.
    Last,
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        let id = text.parse().map(Self::Id);
        id.map_err(|_| {
            "must be an id as `usage periods` lists them, or `last` for the last closed one"
                .to_owned()
        })
    }
}

impl Which {
    /// Its id.
    pub(super) async fn id(self, db: &Db) -> anyhow::Result<BillingPeriodId> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Last => last_closed(db).await?.context(
                "no period was closed yet: `comptoir usage periods` lists those that are open",
            ),
        }
    }
}

/// The ids of what was asked for: one period, or all that are open.
pub(super) async fn ids(
    db: &Db,
    which: Option<Which>,
    now: Micros,
) -> anyhow::Result<Vec<BillingPeriodId>> {
    match which {
        Some(which) => Ok(vec![which.id(db).await?]),
        None => Ok(open(db, now).await?),
    }
}
