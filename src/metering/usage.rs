//! A partner's own usage, from the sums by hour.

use super::period::{day_of, month_of};
use super::seal::Sums;
use super::store;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::storage::{Db, StoreError};
use std::collections::BTreeMap;

/// The length of a bucket, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Granularity {
    /// Full hours.
    Hour,
    /// Calendar days.
    Day,
    /// Calendar months.
    Month,
}

/// What rows are kept apart by, beside environment, operation and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum By {
    /// The key that was used.
    Key,
}

/// The word is none of the granularities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a granularity must be hour, day or month")]
pub struct UnknownGranularity;

impl Granularity {
    /// The start of the bucket that holds `at`.
    #[must_use]
    pub fn bucket(self, at: Micros) -> Micros {
        match self {
            Self::Hour => at.hour(),
            Self::Day => day_of(at),
            Self::Month => month_of(at),
        }
    }
}

impl std::str::FromStr for Granularity {
    type Err = UnknownGranularity;

    fn from_str(text: &str) -> Result<Self, UnknownGranularity> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => Err(UnknownGranularity),
        }
    }
}

/// What a row of usage is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    /// Start of the bucket.
    pub start: Micros,
    /// `live` or `test`.
    pub environment: String,
    /// The operation id.
    pub operation: String,
    /// HTTP status.
    pub status: u16,
    /// Whether these calls are charged.
    pub billable: bool,
    /// The key that was used, where keys are kept apart.
    pub key: Option<String>,
}

/// Sums of one bucket, environment, operation, status and billability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// What it is about.
    pub key: UsageKey,
    /// The sums.
    pub sums: Sums,
}

/// An app's usage, in order of the buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// When the ledger last grew; `None` while it is empty. Later calls are not in the rows.
    pub as_of: Option<Micros>,
    /// Only buckets with calls.
    pub rows: Vec<UsageRow>,
}

/// When the newest calls came into the ledger; none where it is empty.
pub async fn newest_fold(db: &Db) -> Result<Option<Micros>, StoreError> {
    store::newest_fold(db).await
}

/// The usage of a partner's app, as long as it has been that partner's, in the hours that start in `[from, to)`: its calls in that span, where both
/// bounds are full hours.
pub async fn usage(
    db: &Db,
    whose: (PartnerId, AppId),
    from: Micros,
    to: Micros,
    (granularity, by): (Granularity, Option<By>),
) -> Result<Usage, StoreError> {
    // Read first: everything that was in the ledger then is in the sums read after.
    let as_of = store::newest_fold(db).await?;
    let mut buckets: BTreeMap<UsageKey, Sums> = BTreeMap::new();
    for hour in store::hour_sums(db, whose, from, to).await? {
        let key = UsageKey {
            start: granularity.bucket(Micros(hour.hour)),
            environment: hour.environment,
            operation: hour.operation,
            status: u16::try_from(hour.status)
                .map_err(|e| StoreError::corrupt("usage_hours", e))?,
            billable: hour.billable,
            key: by.map(|By::Key| hour.key_id),
        };
        let sums = buckets.entry(key).or_default();
        sums.requests = sums.requests.saturating_add(hour.requests);
        sums.records = sums.records.saturating_add(hour.records);
        sums.bytes = sums.bytes.saturating_add(hour.bytes);
        sums.weight_milli = sums.weight_milli.saturating_add(hour.weight_milli);
    }
    let rows = buckets.into_iter().map(|(key, sums)| UsageRow { key, sums }).collect();
    Ok(Usage { as_of, rows })
}
