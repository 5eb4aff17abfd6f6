//! What a period holds, event by event and as sums.

use super::{APP, Bench, NOVEMBER, TEN, sample, samples};
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use crate::metering::event::Event;
use crate::metering::seal::Sums;
use crate::metering::usage::{By, Granularity, UsageKey, usage};
use std::collections::BTreeMap;

#[tokio::test]
async fn the_export_is_the_sum_of_the_hours() {
    let bench = Bench::new().await;
    bench.record(&samples(40)).await;
    bench.record(&samples(25)).await;
    let (summary, rows) = bench.export(NOVEMBER).await;
    assert_eq!((rows.len(), summary.total.requests), (65, 65));
    let (from, to) = (TEN, Micros(i64::MAX));
    let key = Some(By::Key);
    for (granularity, by) in [
        (Granularity::Hour, None),
        (Granularity::Hour, key),
        (Granularity::Day, None),
        (Granularity::Month, None),
        (Granularity::Month, key),
    ] {
        let shape = (granularity, by);
        let usage = usage(&bench.db, (PartnerId(2), APP), from, to, shape).await.unwrap();
        assert_eq!(usage.as_of, Some(TEN));
        let mut buckets: BTreeMap<_, Sums> = BTreeMap::new();
        for row in &rows {
            let at: Micros = row["occurred_at"].as_str().unwrap().parse().unwrap();
            let number = |name: &str| row[name].as_i64().unwrap();
            let key = UsageKey {
                start: granularity.bucket(at),
                environment: row["environment"].as_str().unwrap().to_owned(),
                operation: row["operation_id"].as_str().unwrap().to_owned(),
                status: u16::try_from(number("status")).unwrap(),
                billable: row["billable"].as_bool().unwrap(),
                key: by.map(|_| row["key_id"].as_str().unwrap().to_owned()),
            };
            let sums = buckets.entry(key).or_default();
            sums.requests += number("requests");
            sums.records += number("records");
            sums.bytes += number("bytes");
            sums.weight_milli += number("weight_milli");
        }
        assert_eq!(
            usage.rows.into_iter().map(|r| (r.key, r.sums)).collect::<BTreeMap<_, _>>(),
            buckets
        );
    }
}

#[tokio::test]
async fn an_event_is_in_exactly_one_period() {
    let bench = Bench::new().await;
    let december: Micros = "2026-12-01T00:00:00Z".parse().unwrap();
    let at = |at: i64| Event { started_at: Micros(at), ..sample(3) };
    bench.record(&[at(december.0 - 1), at(december.0)]).await;
    for (period, seq) in [("2026-11", 0), ("2026-11-30", 0), ("2026-12", 1), ("2026-12-01", 1)] {
        let (summary, rows) = bench.export(period).await;
        assert_eq!((summary.total.requests, &rows[0]["seq"]), (1, &seq.into()), "{period}");
        assert_eq!(rows.len(), 1);
    }
    assert_eq!(bench.export("2027-01").await.0.total, Sums::default());
}
