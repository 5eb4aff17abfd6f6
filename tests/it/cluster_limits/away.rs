//! Quotas where Redis dies or forgets: what was used stays used, and what is admitted above is within the bound.

use super::{LEASED, STRICT, all_at_once, all_in_batches, call, quota};
use crate::support::cluster::Cluster;
use crate::support::process::wait_until;
use crate::support::redis::RedisServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// So seldom that nodes know nothing of each other but what Redis tells.
const HARDLY_FOLDED: (&str, &str) = ("METERING__FOLD_INTERVAL_MS", "60000");
pub(super) const NODES: usize = 3;
/// How long the share of a quota binds a node after it has found Redis again.
pub(super) const SHARES_BIND_FOR: Duration = Duration::from_secs(3);
/// Callers that call one node each as quickly as it answers.
pub(super) const CALLERS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_used_up_stays_so_when_redis_is_killed() {
    let Some(mut redis) = RedisServer::start() else { return };
    let settings = [STRICT[0], STRICT[1], HARDLY_FOLDED];
    let Some(cluster) = Cluster::start(NODES, Some(&redis), &settings).await else { return };
    let key = cluster.key("used up", quota(300)).await;
    assert_eq!(all_at_once(&cluster, &key, 600).await, 300);
    for node in 0..NODES {
        assert_eq!(call(&cluster, node, &key.text).await, ("exceeded", false));
    }
    redis.kill();
    // Until then a node repeats what Redis has just told it.
    cluster.each_says("comptoir_redis_up", |up| up == 0.0);
    for n in 0..600 {
        assert_eq!(call(&cluster, n % NODES, &key.text).await, ("exceeded", true), "{n}");
    }
    let answer = cluster.get(0, &key.text).await;
    let after = answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
    let limit = answer.headers()["ratelimit"].to_str().unwrap();
    // The year's end, and not in some seconds.
    assert!(after > 60 && limit == format!("\"quota\";r=0;t={after}"), "{after}: {limit}");
    redis.restart();
    nothing_is_left_once_redis_is_back(&cluster, &key.text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_used_up_stays_so_when_redis_is_back_where_units_are_leased() {
    let Some(mut redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(NODES, Some(&redis), &LEASED).await else { return };
    let key = cluster.key("used up", quota(300)).await;
    let until = Instant::now() + 2 * crate::support::PATIENCE;
    let mut admitted = 0;
    while admitted < 300 {
        assert!(Instant::now() < until, "{admitted}");
        admitted += all_in_batches(&cluster, &key, 100).await;
    }
    // Until the ledger has them, other nodes may hold what is left by all that one knows.
    for node in 0..NODES {
        while call(&cluster, node, &key.text).await != ("exceeded", false) {
            assert!(Instant::now() < until, "{node}");
            crate::support::pause().await;
        }
    }
    redis.kill();
    cluster.each_says("comptoir_redis_up", |up| up == 0.0);
    // A node repeats for a second what Redis has just told it; then its share is asked.
    for node in 0..NODES {
        while call(&cluster, node, &key.text).await != ("exceeded", true) {
            assert!(Instant::now() < until, "{node}");
            crate::support::pause().await;
        }
    }
    redis.restart();
    nothing_is_left_once_redis_is_back(&cluster, &key.text).await;
}

/// Shares bind the nodes still, beside a Redis that was started anew: who has exceeded the quota is told that, and not
/// that there is too little capacity.
async fn nothing_is_left_once_redis_is_back(cluster: &Cluster, key: &str) {
    cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    for n in 0..300 {
        assert_eq!(call(cluster, n % NODES, key).await, ("exceeded", false), "{n}");
    }
    let answer = cluster.get(1, key).await;
    let after = answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
    let limit = answer.headers()["ratelimit"].to_str().unwrap();
    assert!(after > 60 && limit == format!("\"quota\";r=0;t={after}"), "{after}: {limit}");
}

/// The most of a quota's use that each node is seen to have heard from Redis.
#[derive(Default)]
pub(super) struct Heard([AtomicU32; NODES]);

impl Heard {
    /// Takes in what an answer says that Redis has granted.
    pub(super) fn by(&self, node: usize, answer: &reqwest::Response, granted: u32) {
        let limit = answer.headers()["ratelimit"].to_str().unwrap();
        let left = limit.split_once(";r=").unwrap().1.split(';').next().unwrap();
        self.0[node].fetch_max(granted - left.parse::<u32>().unwrap(), SeqCst);
    }

    /// What may be admitted above the quota, by what was heard: for each node one part in n of what others had admitted
    /// since it heard. A call of which Redis has told and whose answer was on its way counts for one that was
    /// admitted.
    pub(super) fn bound(&self, by_redis: usize) -> usize {
        let heard: Vec<usize> = self.0.iter().map(|heard| heard.load(SeqCst) as usize).collect();
        let used = heard.iter().copied().max().unwrap_or(0).max(by_redis);
        heard.iter().map(|heard| used - heard).sum::<usize>() / NODES
    }
}

/// What the callers were answered.
#[derive(Default)]
struct Told {
    /// Admitted by Redis, and by a share.
    by_redis: AtomicUsize,
    by_share: AtomicUsize,
    heard: Heard,
    /// Nothing happens any more: who is refused again and again may stop.
    over: AtomicBool,
}

impl Told {
    /// Calls a node until nothing happens any more and it has refused so often, by a share where Redis is `lost`.
    async fn hammer(
        &self,
        cluster: &Cluster,
        (node, key): (usize, &str),
        (granted, lost): (u32, bool),
    ) {
        let mut refused = 0;
        while refused < 10 {
            let answer = cluster.get(node, key).await;
            let degraded = answer.headers().contains_key("comptoir-degraded");
            if answer.status() != 200 {
                assert_eq!(answer.status(), 429);
                refused += u32::from(degraded == lost && self.over.load(SeqCst));
                continue;
            }
            let admitted = if degraded { &self.by_share } else { &self.by_redis };
            admitted.fetch_add(1, SeqCst);
            if !degraded {
                self.heard.by(node, &answer, granted);
            }
        }
    }

    fn admitted(&self) -> usize {
        self.by_redis.load(SeqCst) + self.by_share.load(SeqCst)
    }
}

/// Callers at all nodes of a cluster, all called with one key.
struct Run {
    redis: RedisServer,
    cluster: Arc<Cluster>,
    told: Arc<Told>,
    hammering: Vec<tokio::task::JoinHandle<()>>,
}

impl Run {
    /// Begins under a quota; `lost` says whether Redis will not be there in the end.
    async fn begin(granted: u32, lost: bool, settings: &[(&str, &str)]) -> Option<Self> {
        let redis = RedisServer::start()?;
        let cluster = Arc::new(Cluster::start(NODES, Some(&redis), settings).await?);
        let key = Arc::new(cluster.key("in mid-run", quota(granted)).await.text);
        let told = Arc::new(Told::default());
        let hammering = (0..CALLERS).map(|n| {
            let (cluster, key, told) = (Arc::clone(&cluster), Arc::clone(&key), Arc::clone(&told));
            let hammer = async move {
                told.hammer(&cluster, (n % NODES, &key), (granted, lost)).await;
            };
            tokio::spawn(hammer)
        });
        let hammering = hammering.collect();
        Some(Self { redis, cluster, told, hammering })
    }

    fn once_admitted(&self, calls: usize) {
        wait_until("so many are admitted", || self.told.admitted() >= calls);
    }

    /// Lets the callers come to their end: how many Redis admitted, and how many shares.
    async fn end(&mut self) -> (usize, usize) {
        self.told.over.store(true, SeqCst);
        for hammering in self.hammering.drain(..) {
            hammering.await.unwrap();
        }
        (self.told.by_redis.load(SeqCst), self.told.by_share.load(SeqCst))
    }
}

const QUOTA: u32 = 900;

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_in_mid_run_lets_in_no_more_than_the_stated_bound() {
    let settings = [STRICT[0], STRICT[1], HARDLY_FOLDED];
    let Some(mut run) = Run::begin(QUOTA, true, &settings).await else { return };
    run.once_admitted(300);
    run.redis.kill();
    let (by_redis, by_share) = run.end().await;
    let above = run.told.heard.bound(by_redis);
    println!(
        "killed: {by_redis} by Redis and {by_share} by shares of {QUOTA}; at most {above} above"
    );
    assert!(by_redis >= 300 && by_share > 0);
    assert!(by_redis + by_share <= QUOTA as usize + above, "{by_redis} + {by_share}");
    // Nor is it far below: each node may have lost one unit to rounding, and calls under way their units.
    assert!(by_redis + by_share + NODES + CALLERS >= QUOTA as usize, "{by_redis} + {by_share}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_in_mid_run_lets_in_no_more_than_a_batch_of_each_node_where_units_are_leased()
{
    let settings = [LEASED[0], LEASED[1], HARDLY_FOLDED];
    let Some(mut run) = Run::begin(QUOTA, true, &settings).await else { return };
    run.once_admitted(300);
    run.redis.kill();
    let (leased, by_share) = run.end().await;
    println!("killed: {leased} from leases and {by_share} by shares of {QUOTA}");
    assert!(leased >= 300 && by_share > 0);
    // A batch is a tenth of the limit over three nodes. How far others were when a node last heard is batches, too.
    assert!(leased + by_share <= QUOTA as usize + QUOTA as usize / 10, "{leased} + {by_share}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_emptied_in_mid_run_forgets_no_more_than_a_moment() {
    let settings = [STRICT[0], STRICT[1], HARDLY_FOLDED];
    let Some(mut run) = Run::begin(QUOTA, false, &settings).await else { return };
    for calls in [250, 500] {
        run.once_admitted(calls);
        run.redis.ask(&["FLUSHALL"]);
    }
    let (admitted, by_share) = run.end().await;
    println!("emptied twice: {admitted} of {QUOTA} admitted");
    // What others admit while a node waits for one answer, each time: some calls of each caller at most.
    assert!((QUOTA as usize..=QUOTA as usize + 2 * 5 * CALLERS).contains(&admitted), "{admitted}");
    assert_eq!(by_share, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_hangs_in_mid_run_and_comes_back_grants_its_shares_once() {
    let Some(mut run) = Run::begin(QUOTA, false, &STRICT).await else { return };
    run.once_admitted(300);
    run.redis.pause();
    // In the middle of their shares, so that much of the quota is left when Redis goes on.
    run.once_admitted(500);
    let by_redis = run.told.by_redis.load(SeqCst);
    let mut above = run.told.heard.bound(by_redis);
    let resumed = Instant::now();
    run.redis.resume();
    run.cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    let (more, by_share) = run.end().await;
    // A machine so busy that nodes find Redis, and the ledger the calls, only when shares bind no more: then what these
    // granted may be granted once more, and that is all.
    if resumed.elapsed() >= SHARES_BIND_FOR {
        above = by_share;
    }
    println!("hung: {more} by Redis and {by_share} by shares of {QUOTA}; at most {above} above");
    assert!(by_share > 0 && more > by_redis, "{more}, {by_share}");
    // Calls under way are asked together whether there is room in the share.
    assert!(more + by_share <= QUOTA as usize + above + CALLERS, "{more} + {by_share}");
}
