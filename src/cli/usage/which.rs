//! Which billing period a command is about.

use crate::billing::export::Billed;
use crate::billing::periods::{last_closed, open};
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::metering::period::Period;
use crate::storage::Db;
use anyhow::Context as _;
use std::str::FromStr;

/// A period as it is named on the command line.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// By its id.
    Id(BillingPeriodId),
    /// The last that was closed.
    Last,
    /// The one that begins in a month or on a day.
    Begins(String),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        if text.parse::<Period>().is_ok() {
            return Ok(Self::Begins(text.to_owned()));
        }
        let id = text.parse().map(Self::Id);
        id.map_err(|_| {
            "must be an id as `usage periods` lists them, `last` for the last closed one, or the month in which one begins, such \
             as 2026-11"
                .to_owned()
        })
    }
}

impl Which {
    /// Its id.
    pub(super) async fn id(&self, db: &Db, now: Micros) -> anyhow::Result<BillingPeriodId> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Begins(text) => Ok(beginning_in(db, text, now).await?.id),
            Self::Last => last_closed(db).await?.context(
                "no period was closed yet: `comptoir usage periods` lists those that are open",
            ),
        }
    }
}

/// The ids of what was asked for: one period, or all that are open.
pub(super) async fn ids(
    db: &Db,
    which: Option<&Which>,
    now: Micros,
) -> anyhow::Result<Vec<BillingPeriodId>> {
    match which {
        Some(which) => Ok(vec![which.id(db, now).await?]),
        None => Ok(open(db, now).await?),
    }
}

/// The one billing period that begins in a month or on a day.
pub(super) async fn beginning_in(db: &Db, text: &str, now: Micros) -> anyhow::Result<Billed> {
    let mut found = Billed::beginning_in(db, text, now).await?;
    let told = |billed: &Billed| {
        format!("{} ({} to {}, {})", billed.id, billed.span.from, billed.span.to, billed.time_zone)
    };
    let all: Vec<String> = found.iter().map(told).collect();
    match found.pop() {
        Some(one) if found.is_empty() => Ok(one),
        Some(_) => anyhow::bail!(
            "several billing periods begin in {text}: name one by its id, {}",
            all.join(", ")
        ),
        None => anyhow::bail!(
            "no billing period begins in {text}: `GET /admin/v1/billing/periods` lists those that there are"
        ),
    }
}
