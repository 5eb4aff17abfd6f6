//! The end of a contract's month in three time zones, as it comes while processes run by the clock of the machine. They
//! read their zones from files of these tests, in which a day ends in some seconds.

mod leased;

use crate::support::cluster::Cluster;
use crate::support::redis::RedisServer;
use crate::support::{PATIENCE, data, pause};
use comptoir::kernel::{Clock, Micros};
use futures_util::future::join_all;
use jiff::civil::{Date, date};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

const SECOND: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
const QUOTA: usize = 6;
/// The zones, and whether each is west of Greenwich. Their months end a second after each other.
const ZONES: [(&str, bool); 3] = [("East", false), ("West", true), ("Late", false)];
/// Seconds until the first of them ends: keys are made meanwhile, and used up. Where that takes longer it is tried again,
/// with other zones.
const LEADS: [i64; 3] = [6, 15, 45];

/// A zone as programs read it from a file (TZif version 1, RFC 9636): one offset, for ever.
fn file_of(offset_s: i32) -> Vec<u8> {
    let mut bytes = b"TZif".to_vec();
    bytes.extend_from_slice(&[0; 16]);
    // No indicators, leap seconds and changes; one kind of time, whose name takes four bytes.
    for count in [0_u32, 0, 0, 0, 1, 4] {
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    bytes.extend_from_slice(&offset_s.to_be_bytes());
    bytes.extend_from_slice(b"\0\0TST\0");
    bytes
}

/// A folder with all zones, of which nobody reads more than the names yet.
fn zones() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for attempt in 0..LEADS.len() {
        std::fs::create_dir(dir.path().join(format!("Test{attempt}"))).unwrap();
        for (name, _) in ZONES {
            std::fs::write(dir.path().join(format!("Test{attempt}/{name}")), file_of(0)).unwrap();
        }
    }
    dir
}

/// Lets a day of a zone end at a second; the day that begins then.
fn end_at(file: &Path, is_west: bool, end_s: i64) -> Date {
    let east = (-end_s).rem_euclid(DAY_S);
    let offset_s = i32::try_from(if is_west { east - DAY_S } else { east }).unwrap();
    std::fs::write(file, file_of(offset_s)).unwrap();
    let offset = Offset::from_seconds(offset_s).unwrap();
    offset.to_datetime(Timestamp::from_second(end_s).unwrap()).date()
}

fn now() -> i64 {
    Clock::System.now().0
}

/// A key whose month ends soon.
struct Month {
    quota: usize,
    app: String,
    key: String,
    /// When this month ends, and the next one.
    ends: [i64; 2],
    /// Seconds of this month and of the next one.
    long_s: [i64; 2],
}

/// What a call was told, between two moments.
struct Told {
    is_admitted: bool,
    /// Refused by a node of which others hold what is left of the month.
    is_reduced: bool,
    /// Seconds until the units come back, and of the month.
    reset_s: i64,
    long_s: i64,
    sent: i64,
    received: i64,
}

impl Told {
    /// It names the end of a month, to the second, and how long that month is.
    fn fits(&self, month: &Month, place: usize) {
        assert!(!self.is_reduced);
        // Rounded up, and never none.
        let seconds = |at: i64| (month.ends[place] - at + SECOND - 1).div_euclid(SECOND).max(1);
        let (least, most) = (seconds(self.received), seconds(self.sent));
        assert!((least..=most).contains(&self.reset_s), "{least} to {most}: {}", self.reset_s);
        assert_eq!(self.long_s, month.long_s[place]);
    }
}

impl Month {
    /// A month of a contract that began in another year, on the day of the month that begins next.
    async fn begin(
        cluster: &Cluster,
        (zone, quota): (&str, usize),
        begins: Date,
        end_s: i64,
    ) -> Self {
        let id = |made: &Value| made["id"].as_str().expect("an id").to_owned();
        let first = date(begins.year() - 1, 1, begins.day());
        let months = i64::from(begins.month()) + 11;
        let nth = |n: i64| first.checked_add(n.months()).unwrap();
        assert_eq!(nth(months), begins);
        let [before, behind] = [nth(months - 1), nth(months + 1)];
        let long_s = [before.duration_until(begins), begins.duration_until(behind)];
        let long_s = long_s.map(|long| long.as_secs());

        let limit = json!({
            "name": "month", "quota": quota, "period": "month", "anchor": "contract",
            "time_zone": zone,
        });
        let plan = json!({ "name": zone, "limits": [limit] });
        let plan = id(&cluster.admin(0, "POST", "/plans", Some(plan)).await);
        let contract =
            json!({ "reference": zone, "time_zone": zone, "starts_on": first.to_string() });
        let partner = json!({ "name": zone, "contract": contract });
        let partner = id(&cluster.admin(0, "POST", "/partners", Some(partner)).await);
        let app = json!({ "partner_id": partner, "plan_id": plan, "name": zone });
        let app = id(&cluster.admin(0, "POST", "/apps", Some(app)).await);
        let (_, key) = cluster.another_key(&app).await;
        let ends = [end_s * SECOND, (end_s + long_s[1]) * SECOND];
        Self { quota, app, key, ends, long_s }
    }

    async fn call(&self, cluster: &Cluster, node: usize) -> Told {
        let path = format!("/v1/products/{}", data::product_id(0));
        let call = cluster.http.get(cluster.public(node, &path)).bearer_auth(&self.key);
        let sent = now();
        let answer = call.send().await.unwrap();
        let received = now();
        assert!(!answer.headers().contains_key("comptoir-degraded"), "{answer:?}");
        let is_admitted = answer.status() == 200;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let of = |name: &str, field: &str| -> i64 {
            let text = header(name);
            let mut fields = text.split(';');
            fields.find_map(|one| one.strip_prefix(field)).unwrap().parse().unwrap()
        };
        let (reset_s, long_s) = (of("ratelimit", "t="), of("ratelimit-policy", "w="));
        if !is_admitted {
            assert_eq!(answer.status(), 429);
            assert_eq!(header("retry-after"), reset_s.to_string());
        }
        let body = answer.bytes().await.unwrap();
        let is_reduced = !is_admitted && {
            let problem: Value = serde_json::from_slice(&body).unwrap();
            problem["code"] == "temporary_reduced_capacity"
        };
        Told { is_admitted, is_reduced, reset_s, long_s, sent, received }
    }

    /// Calls all nodes by turns until the month has ended, the next one is used up, and that is told, too.
    async fn pass(&self, cluster: &Cluster) {
        let (mut admitted, mut refused) = (0, 0);
        let until = Instant::now() + PATIENCE;
        for n in 0.. {
            assert!(Instant::now() < until, "{admitted} admitted");
            let told = self.call(cluster, n % cluster.nodes.len()).await;
            if told.is_admitted {
                assert!(told.received >= self.ends[0], "the month has not ended");
                told.fits(self, 1);
                admitted += 1;
            } else if admitted == 0 {
                assert!(told.sent < self.ends[0], "the month has ended");
                told.fits(self, 0);
            } else {
                assert_eq!(admitted, QUOTA, "the new month");
                told.fits(self, 1);
                refused += 1;
            }
            if refused == 2 * cluster.nodes.len() {
                break;
            }
        }
    }

    /// The ledger has both months, and every node counts the new one alone.
    async fn is_kept(&self, cluster: &Cluster) {
        let until = Instant::now() + PATIENCE;
        while cluster.billed(&self.app).await != 2 * self.quota as i64 {
            assert!(Instant::now() < until, "{} in the ledger", cluster.billed(&self.app).await);
            pause().await;
        }
        for node in 0..cluster.nodes.len() {
            let limit = cluster.usage(node, &self.key).await[0].clone();
            assert_eq!(limit["used"], json!(format!("{}.000", self.quota)), "{limit}");
            let [start, end] = self.ends.map(Micros);
            assert_eq!(limit["period_start"], json!(start), "{limit}");
            assert_eq!(limit["period_end"], json!(end), "{limit}");
            assert!(!self.call(cluster, node).await.is_admitted);
        }
    }
}

/// Makes a month in each zone that grants so much; when the first of them ends.
async fn begin_all(
    cluster: &Cluster,
    zones: &Path,
    attempt: usize,
    quota: usize,
) -> (i64, Vec<Month>) {
    let first_s = now() / SECOND + LEADS[attempt];
    let mut months = Vec::new();
    for ((name, is_west), end_s) in ZONES.into_iter().zip(first_s..) {
        let zone = format!("Test{attempt}/{name}");
        let begins = end_at(&zones.join(&zone), is_west, end_s);
        months.push(Month::begin(cluster, (&zone, quota), begins, end_s).await);
    }
    cluster.caught_up().await;
    (first_s, months)
}

/// Uses up a month in each zone and lets all of them end; `false` where one had ended before it was used up.
async fn is_seen(cluster: &Cluster, zones: &Path, attempt: usize) -> bool {
    let (first_s, months) = begin_all(cluster, zones, attempt, QUOTA).await;
    let mut told = Vec::new();
    for (place, month) in months.iter().enumerate() {
        for n in 0..2 * QUOTA {
            told.push((place, month.call(cluster, n % cluster.nodes.len()).await));
        }
    }
    if now() >= (first_s - 1) * SECOND {
        return false;
    }
    for (n, (place, told)) in told.into_iter().enumerate() {
        assert_eq!(told.is_admitted, n % (2 * QUOTA) < QUOTA, "call {n}");
        told.fits(&months[place], 0);
    }
    join_all(months.iter().map(|month| month.pass(cluster))).await;
    for month in &months {
        month.is_kept(cluster).await;
    }
    true
}

async fn months_end(cluster: &Cluster, zones: &Path, in_batches: bool) {
    for (attempt, lead) in LEADS.into_iter().enumerate() {
        let seen = if in_batches {
            leased::is_seen(cluster, zones, attempt).await
        } else {
            is_seen(cluster, zones, attempt).await
        };
        if seen {
            return;
        }
        println!("{lead} s are too few here: once more");
    }
    panic!("the months had ended before they were used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn months_end_once_and_to_the_second_in_one_process() {
    let zones = zones();
    let mut cluster = Cluster::alone(&[]).await;
    cluster.stop();
    cluster.home.set_variable("TZDIR", &zones.path().display().to_string());
    cluster.again();
    months_end(&cluster, zones.path(), false).await;
}

async fn months_end_on_three_nodes(backend: &str) {
    let Some(redis) = RedisServer::start() else { return };
    let zones = zones();
    let settings = [("LIMITS__BACKEND", backend), ("REDIS__RESPONSE_TIMEOUT_MS", "5000")];
    let Some(mut cluster) = Cluster::start(0, Some(&redis), &settings).await else { return };
    cluster.home.set_variable("TZDIR", &zones.path().display().to_string());
    for _ in 0..3 {
        cluster.join(&[]);
    }
    cluster.each_says("comptoir_nodes_alive", |nodes| nodes >= 3.0);
    cluster.each_says("comptoir_redis_up", |up| up >= 1.0);
    months_end(&cluster, zones.path(), backend == "leased").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn months_end_once_and_to_the_second_on_three_nodes() {
    months_end_on_three_nodes("strict").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn months_end_once_and_to_the_second_on_three_nodes_that_take_units_in_batches() {
    months_end_on_three_nodes("leased").await;
}
