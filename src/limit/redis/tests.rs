//! The shared counters against a real Redis, which `COMPTOIR_TEST_REDIS` names.

use super::super::conformance::{START, SUBJECT, limits, run, run_all_kinds};
use super::super::{Admission, Ask, Decision, Kind, Limit, Limits, LocalLimiter, Operations};
use super::super::{
    Concurrency, Cycle, Limiter, Per, Quota, Rate, Subject, SubjectId, Terms, Verdict,
};
use super::{IDLE, Mode, Shared};
use crate::cluster::{Nodes, Redis};
use crate::config;
use crate::kernel::Micros;
use crate::kernel::id::{InstallationId, NodeId, PartnerId};
use crate::kernel::secret::Secret;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Nodes that share counters of their own.
struct Shop {
    runtime: Runtime,
    nodes: Vec<Limiter>,
}

#[expect(clippy::print_stderr, reason = "a test says what it skips")]
fn skip() {
    eprintln!("SKIPPED: COMPTOIR_TEST_REDIS names no Redis");
}

impl Shop {
    fn open(size: usize, mode: Mode) -> Option<Self> {
        let named = std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_REDIS");
        let Some((_, url)) = named else {
            skip();
            return None;
        };
        let runtime = Runtime::new().unwrap();
        let prefix = format!("t{:016x}", getrandom::u64().unwrap());
        let node = |n: usize| {
            let redis = config::Redis {
                url: Some(config::RedisAt::One(Secret::new(url.clone()))),
                ca_file: None,
                prefix: prefix.clone(),
                connect_timeout: Duration::from_secs(5),
                response_timeout: Duration::from_secs(5),
            };
            let redis = Redis::new(&redis, InstallationId(1));
            let redis = redis.unwrap().unwrap();
            runtime.block_on(redis.connect()).unwrap();
            let nodes = Arc::new(Nodes::new(NodeId(n as u64)));
            let shared = Shared::new(redis, nodes, mode, n.to_string());
            let mut shared = Arc::into_inner(shared).unwrap();
            shared.by_callers_clock = true;
            Limiter::Shared(Arc::new(shared))
        };
        let nodes = (0..size).map(node).collect();
        Some(Self { runtime, nodes })
    }

    fn subject(&self, node: usize, terms: &Terms) -> Subject {
        self.nodes[node].subject(SUBJECT, terms, |_| false)
    }

    fn take(&self, node: usize, terms: &Arc<Terms>, ask: &Ask) -> Admission {
        let (limiter, subject) = (&self.nodes[node], self.subject(node, terms));
        limiter
            .check(&subject, terms, ask)
            .unwrap_or_else(|_| self.runtime.block_on(limiter.ask(&subject, terms, ask)))
    }

    /// Lets what calls gave back reach Redis.
    fn flush(&self) {
        for limiter in &self.nodes {
            let Limiter::Shared(shared) = limiter else { continue };
            self.runtime.block_on(shared.giver().flush());
        }
    }
}

fn call(weight_milli: u32, now: i64) -> Ask {
    Ask { operation: 1, weight_milli, free: false, now: Micros(now) }
}

fn terms(kind: Kind) -> Arc<Terms> {
    let name = if matches!(kind, Kind::Quota(_)) { "quota" } else { "rate" }.parse().unwrap();
    let limit = Limit { name, per: Per::App, operations: Operations::ALL, kind };
    Arc::new(Terms::from(Limits::new(vec![limit]).unwrap()))
}

#[test]
fn one_node_conforms() {
    let Some(shop) = Shop::open(1, Mode::Strict) else { return };
    run(|terms, ask| shop.take(0, terms, ask).decision);
}

#[test]
fn one_node_conforms_in_all_kinds() {
    let Some(shop) = Shop::open(1, Mode::Strict) else { return };
    let limiter = &shop.nodes[0];
    run_all_kinds(|id, terms, ask| {
        shop.flush();
        let subject = limiter.subject(id, terms, |_| false);
        let asking = || shop.runtime.block_on(limiter.ask(&subject, terms, ask));
        limiter.check(&subject, terms, ask).unwrap_or_else(|_| asking())
    });
}

#[test]
fn three_nodes_by_turns_conform() {
    let Some(shop) = Shop::open(3, Mode::Strict) else { return };
    let mut turn = 0;
    run(|terms, ask| {
        turn += 1;
        shop.take(turn % 3, terms, ask).decision
    });
}

#[test]
fn any_calls_under_any_edits_are_judged_as_in_one_process() {
    let Some(shop) = Shop::open(1, Mode::Strict) else { return };
    let rate = (1u32..2_000_000, 1u32..40_000_000);
    let calls = prop::collection::vec((0usize..3, 0i64..4_000_000_000, 1u32..9_000), 1..40);
    let plans = prop::collection::vec(rate, 3);
    let seen = std::cell::Cell::new(0u64);
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&(plans, calls), |(plans, calls)| {
            // Quotas and windows that one can be carried to another exactly, as people write them.
            let round = |n: u32, most: u32| 10u32.pow(n % most);
            let plan = |(quota, window): &(u32, u32)| {
                limits(&[("all", 3 * round(*quota, 5), 6 * round(*window, 5))])
            };
            let plans: Vec<_> = plans.iter().map(plan).collect();
            let local = LocalLimiter::default();
            seen.set(seen.get() + 1);
            let mut id = SUBJECT;
            id.app.0 = seen.get();
            let limiter = &shop.nodes[0];
            let mut now = START;
            for (plan, pause, weight) in calls {
                now += pause;
                let (terms, ask) = (&plans[plan], call(weight, now));
                let alone = local.subject(id, terms, |_| false).take(terms, &ask).decision;
                let subject = limiter.subject(id, terms, |_| false);
                let shared = match limiter.check(&subject, terms, &ask) {
                    Ok(admission) => admission.decision,
                    Err(_) => shop.runtime.block_on(limiter.ask(&subject, terms, &ask)).decision,
                };
                prop_assert_eq!(shared, alone);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_was_admitted_by_the_share_is_told_once_however_many_ask() {
    let Some(shop) = Shop::open(1, Mode::Strict) else { return };
    let rate = |window_s| terms(Kind::Rate(Rate { quota: 100, window_s }));
    let (terms, longer) = (rate(1_000_000), rate(2_000_000));
    let left = |decision: &Decision| decision.standing(0).remaining;
    assert_eq!(left(&shop.take(0, &terms, &call(1_000, START)).decision), 99);
    let (subject, ask) = (shop.subject(0, &terms), call(1_000, START));
    let Limiter::Shared(shared) = &shop.nodes[0] else { return };
    for _ in 0..10 {
        assert!(shared.by_reserve(&subject, &terms, &ask).decision.allowed());
    }
    let asking = || Arc::clone(shared).ask(subject.clone(), Arc::clone(&terms), ask);
    let asked = (0..20).map(|_| asking());
    let told = shop.runtime.block_on(futures_util::future::join_all(asked));
    assert!(told.iter().all(|admission| admission.decision.allowed()));
    // 1 by Redis, 10 by the share, 20 by Redis.
    assert_eq!(told.iter().map(|admission| left(&admission.decision)).min(), Some(69));
    // The next share begins with what is known now, and is told in its turn, under an edited rate, too.
    assert!(shared.by_reserve(&subject, &terms, &ask).decision.allowed());
    assert_eq!(left(&shop.take(0, &longer, &ask).decision), 67);
}

#[test]
fn calls_under_way_hold_their_places_when_redis_has_forgotten_them() {
    let Some(shop) = Shop::open(1, Mode::Strict) else { return };
    let terms = terms(Kind::Concurrency(Concurrency { most: 2 }));
    let take = || shop.take(0, &terms, &call(1_000, START));
    let held = [take(), take()];
    let Limiter::Shared(shared) = &shop.nodes[0] else { return };
    shop.runtime.block_on(shared.redis.forget_all());
    assert_eq!(take().decision.verdict(), Verdict::Busy);
    drop(held);
    assert!(take().decision.allowed());
}

#[test]
fn places_are_shared_and_come_free_when_calls_end() {
    let Some(shop) = Shop::open(2, Mode::Strict) else { return };
    let terms = terms(Kind::Concurrency(Concurrency { most: 3 }));
    let take = |node: usize| shop.take(node, &terms, &call(1_000, START));
    let mut held: Vec<Admission> = [0, 0, 1].map(take).into();
    assert!(held.iter().all(|admission| admission.decision.allowed()));
    assert_eq!(take(1).decision.verdict(), Verdict::Busy);
    drop(held.pop());
    shop.flush();
    assert!(take(0).decision.allowed());
}

#[test]
fn a_quota_is_shared_and_settles_to_what_calls_cost() {
    let Some(shop) = Shop::open(2, Mode::Strict) else { return };
    let terms = terms(Kind::Quota(Quota { quota: 5, cycle: Cycle::default() }));
    let left = |decision: &Decision| decision.standing(0).remaining;
    let take = |node: usize| shop.take(node, &terms, &call(1_000, START));
    let (first, second) = (take(0), take(1));
    assert_eq!((left(&first.decision), left(&second.decision)), (4, 3));
    // One costs nothing, the other two units more than it took.
    let mut permit = second.permit.unwrap();
    permit.will_cost(3_000);
    permit.settle(None);
    drop((first.permit, permit));
    shop.flush();
    let last = [take(0), take(1), take(0)];
    assert_eq!([0, 1].map(|n| left(&last[n].decision)), [1, 0]);
    assert!(matches!(last[2].decision.verdict(), Verdict::Wait { .. }));
}

#[test]
fn a_quota_that_is_used_up_stays_so_without_redis_and_with_one_that_lost_its_memory() {
    let Some(shop) = Shop::open(2, Mode::Strict) else { return };
    let terms = terms(Kind::Quota(Quota { quota: 10, cycle: Cycle::default() }));
    // When the share binds no more.
    let later = START + 4_000_000;
    let take = |node: usize| shop.take(node, &terms, &call(1_000, later));
    let share = |node: usize, weight| {
        let Limiter::Shared(shared) = &shop.nodes[node] else { panic!("it is shared") };
        let subject = shop.subject(node, &terms);
        shared.by_reserve(&subject, &terms, &call(weight, START))
    };
    let held: Vec<_> =
        (0..8).map(|n| shop.take(n % 2, &terms, &call(1_000, START)).permit.unwrap()).collect();
    // The second node knows of all eight: its share is what is left, and what is more was exceeded by nobody.
    let last = share(1, 2_000);
    assert!(last.decision.allowed());
    let reduced = share(1, 3_000).decision;
    assert!(reduced.is_degraded() && !reduced.is_reduced(), "{reduced:?}");
    // The share binds it now that Redis is there again, and what it refuses is known to be used up.
    let bound = shop.take(1, &terms, &call(1_000, START)).decision;
    assert!(!bound.allowed() && !bound.is_degraded() && !bound.is_reduced(), "{bound:?}");
    assert!(bound.retry_after_s() > Some(3_600) && bound.standing(0).remaining == 0, "{bound:?}");
    drop(last);
    // Emptied, Redis is told what the first node to ask has heard.
    let Limiter::Shared(shared) = &shop.nodes[0] else { return };
    shop.runtime.block_on(shared.redis.forget_all());
    let left = [0, 1, 0, 1].map(take);
    let admitted = left.iter().filter(|admission| admission.decision.allowed()).count();
    assert!((2..=3).contains(&admitted), "{admitted}");
    // Away, it is known to be used up, and not told to come back soon.
    for node in [0, 1] {
        assert!(!take(node).decision.allowed());
        let known = share(node, 1_000).decision;
        assert!(known.is_degraded() && !known.is_reduced(), "{known:?}");
        assert_eq!(known.standing(0).remaining, 0);
        assert!(known.retry_after_s() > Some(3_600), "{known:?}");
    }
    drop((held, left));
}

#[test]
fn a_share_binds_its_node_for_a_while_when_redis_is_back_and_no_longer() {
    for mode in [Mode::Strict, Mode::Leased { most: 5 }] {
        let Some(shop) = Shop::open(1, mode) else { return };
        let terms = terms(Kind::Quota(Quota { quota: 100, cycle: Cycle::default() }));
        let Limiter::Shared(shared) = &shop.nodes[0] else { return };
        shared.nodes.suppose(4);
        let subject = shop.subject(0, &terms);
        let take = |now| shop.take(0, &terms, &call(1_000, now));
        let mut held: Vec<Admission> =
            (0..10).map(|_| shared.by_reserve(&subject, &terms, &call(1_000, START))).collect();
        // Of 25 units, 15 are left, which Redis has to grant, too.
        held.extend((0..20).map(|_| take(START)));
        let admitted = |held: &[Admission]| held.iter().filter(|a| a.decision.allowed()).count();
        assert_eq!(admitted(&held), 25, "{mode:?}");
        let last = held.last().unwrap().decision;
        assert!(last.is_degraded() && last.is_reduced() && last.standing(0).remaining == 0);
        assert!(!take(START + 2_999_999).decision.allowed());
        let after = take(START + 3_000_000).decision;
        assert!(after.allowed() && !after.is_degraded(), "{after:?}");
    }
}

/// Ends a call that was admitted: it costs so much, or is never settled.
fn end(admission: Admission, cost_milli: Option<u32>) {
    let mut permit = admission.permit.unwrap();
    if let Some(milli) = cost_milli {
        permit.will_cost(milli);
        permit.settle(None);
    }
}

#[test]
fn what_calls_do_not_cost_comes_back_to_the_share_that_granted_them() {
    for mode in [Mode::Strict, Mode::Leased { most: 5 }] {
        let Some(shop) = Shop::open(1, mode) else { return };
        let terms = terms(Kind::Quota(Quota { quota: 40, cycle: Cycle::default() }));
        let Limiter::Shared(shared) = &shop.nodes[0] else { return };
        shared.nodes.suppose(4);
        let subject = shop.subject(0, &terms);
        let share = || shared.by_reserve(&subject, &terms, &call(1_000, START));
        let back = || shop.take(0, &terms, &call(1_000, START));
        let left = |admission: &Admission| admission.decision.standing(0).remaining;
        // Ten are its share. Calls that were not modified, or failed, use none of it up, however many they are.
        for n in 0..50 {
            let admission = share();
            assert_eq!(left(&admission), 9, "{mode:?} {n}");
            end(admission, [None, Some(0)][n % 2]);
        }
        // One costs what it took, another two units more, and one is told too late and is free after all.
        end(share(), Some(1_000));
        end(share(), Some(3_000));
        let mut late = share().permit.unwrap();
        late.will_cost(2_000);
        late.settle(Some(7));
        late.take_back(7);
        drop(late);
        assert_eq!(left(&share()), 5, "{mode:?}");
        // Nodes that are not seen any more may have granted their part.
        shared.nodes.suppose(1);
        assert_eq!(left(&share()), 5, "{mode:?}");
        // It is the same of those that Redis has granted while the share binds.
        for _ in 0..50 {
            let admission = back();
            assert!(admission.decision.allowed(), "{mode:?}");
            end(admission, Some(0));
            shop.flush();
        }
        let held: Vec<_> = (0..20).map(|_| back()).collect();
        assert_eq!(held.iter().filter(|a| a.decision.allowed()).count(), 6, "{mode:?}");
        assert!(held[19].decision.is_degraded() && held[19].decision.is_reduced());
    }
}

#[test]
fn units_that_other_nodes_give_back_are_there_again() {
    let Some(shop) = Shop::open(2, Mode::Strict) else { return };
    let terms = terms(Kind::Quota(Quota { quota: 10, cycle: Cycle::default() }));
    let take = |node: usize| shop.take(node, &terms, &call(1_000, START));
    let mut held = Vec::new();
    for _ in 0..4 {
        // The first node hears of a call of the second, which then costs nothing.
        let (free, kept) = (take(1), take(0));
        assert!(free.decision.allowed() && kept.decision.allowed());
        held.push(kept);
        drop(free);
        shop.flush();
    }
    held.extend((0..20).map(|n| take(n % 2)));
    assert_eq!(held.iter().filter(|admission| admission.decision.allowed()).count(), 10);
}

#[test]
fn who_finds_a_quota_leased_to_others_is_not_told_that_it_is_used_up() {
    let Some(shop) = Shop::open(2, Mode::Leased { most: 5 }) else { return };
    let terms = terms(Kind::Quota(Quota { quota: 100, cycle: Cycle::default() }));
    let take = |node: usize| shop.take(node, &terms, &call(1_000, START));
    let mut held = vec![take(0)];
    held.extend((0..95).map(|_| take(1)));
    assert!(held.iter().all(|admission| admission.decision.allowed()));
    // Four lie with the first node. The refusal is repeated without asking, and is the same.
    for refused in [take(1), take(1)] {
        let decision = refused.decision;
        assert!(decision.is_reduced() && !decision.is_degraded(), "{decision:?}");
        assert_eq!((decision.retry_after_s(), decision.standing(0).remaining), (Some(2), 0));
    }
    held.extend((0..4).map(|_| take(0)));
    assert!(held.iter().all(|admission| admission.decision.allowed()));
    // By what the second knows, 95 are used, and five calls weigh more than is left.
    let heavy = shop.take(1, &terms, &call(6_000, START)).decision;
    assert!(!heavy.allowed() && !heavy.is_reduced(), "{heavy:?}");
}

#[test]
fn leases_grant_no_more_than_there_is_and_come_back() {
    let Some(shop) = Shop::open(3, Mode::Leased { most: 10 }) else { return };
    for kind in [
        Kind::Quota(Quota { quota: 100, cycle: Cycle::default() }),
        Kind::Rate(Rate { quota: 100, window_s: 1_000_000 }),
    ] {
        let terms = terms(kind);
        let take = |node: usize| {
            let admission = shop.take(node, &terms, &call(1_000, START));
            let allowed = admission.decision.allowed();
            if let Some(mut permit) = admission.permit {
                permit.will_cost(1_000);
                permit.settle(None);
            }
            allowed
        };
        // The first two nodes hold a batch each, the third takes what is left.
        assert!(take(0) && take(1));
        let rest = (0..300).filter(|_| take(2)).count();
        assert!((80..=98).contains(&rest), "{rest}");
        let held = (0..300).filter(|n| take(n % 2)).count();
        assert_eq!(rest + held, 98);
    }
}

#[test]
fn a_lease_is_made_whole_ahead_of_need_and_no_greater() {
    let Some(shop) = Shop::open(1, Mode::Leased { most: 100 }) else { return };
    let terms = terms(Kind::Rate(Rate { quota: 10_000, window_s: 1_000_000 }));
    let Limiter::Shared(shared) = &shop.nodes[0] else { return };
    let (subject, ask) = (shop.subject(0, &terms), call(1_000, START));
    let granted = || (0..).take_while(|_| shared.check(&subject, &terms, &ask).is_some()).count();
    let renew = || {
        let renewing = Arc::clone(shared).renew(subject.clone(), Arc::clone(&terms), ask);
        shop.runtime.block_on(renewing);
    };
    assert!(shop.take(0, &terms, &ask).decision.allowed());
    for _ in 0..60 {
        assert!(shared.check(&subject, &terms, &ask).is_some());
    }
    renew();
    assert_eq!(granted(), 100);
    renew();
    renew();
    assert_eq!(granted(), 100);
    let left = shop.take(0, &terms, &ask).decision.standing(0).remaining;
    assert_eq!(left, 10_000 - 1 - 60 - 200 - 1);
}

#[test]
fn who_calls_often_waits_once() {
    let Some(shop) = Shop::open(1, Mode::Leased { most: 100 }) else { return };
    let terms = terms(Kind::Rate(Rate { quota: 10_000, window_s: 1_000_000 }));
    let Limiter::Shared(shared) = &shop.nodes[0] else { return };
    let (subject, ask) = (shop.subject(0, &terms), call(1_000, START));
    let asking = || Arc::clone(shared).ask(subject.clone(), Arc::clone(&terms), ask);
    shop.runtime.block_on(async {
        assert!(asking().await.decision.allowed());
        for _ in 0..80 {
            assert!(shared.check(&subject, &terms, &ask).is_some());
        }
        let mut asked = 0;
        while asked < 2 {
            asked += shared.take_counts().asked;
            tokio::task::yield_now().await;
        }
        // It waits for the question that is under way, and then needs none.
        assert!(asking().await.decision.allowed());
        assert_eq!(shared.take_counts().asked, 0);
    });
}

#[test]
fn idle_leases_are_given_back() {
    let Some(shop) = Shop::open(2, Mode::Leased { most: 100 }) else { return };
    let terms = terms(Kind::Rate(Rate { quota: 1_000, window_s: 1_000_000 }));
    let later = START + 3 * IDLE;
    assert!(shop.take(0, &terms, &call(1_000, START)).decision.allowed());
    let Limiter::Shared(first) = &shop.nodes[0] else { return };
    first.return_idle(Micros(later));
    shop.flush();
    let most = (0..2_000).filter(|_| shop.take(1, &terms, &call(1_000, later)).decision.allowed());
    assert_eq!(most.count(), 999);
}

#[test]
fn a_transferred_app_has_one_counter_on_nodes_that_ran_through_it_and_on_new_ones() {
    for mode in [Mode::Strict, Mode::Leased { most: 4 }] {
        let Some(shop) = Shop::open(2, mode) else { return };
        let transferred = SubjectId { partner: PartnerId(SUBJECT.partner.0 + 1), ..SUBJECT };
        let terms = terms(Kind::Rate(Rate { quota: 10, window_s: 36_000 }));
        let admitted = |node: usize, id: SubjectId, most: usize| {
            let limiter = &shop.nodes[node];
            let subject = limiter.subject(id, &terms, |_| false);
            let ask = call(1_000, START);
            let taken = (0..most).take_while(|_| {
                let asking = |_| shop.runtime.block_on(limiter.ask(&subject, &terms, &ask));
                let admission = limiter.check(&subject, &terms, &ask).unwrap_or_else(asking);
                admission.decision.allowed()
            });
            taken.count()
        };
        assert_eq!(admitted(0, SUBJECT, 3), 3);
        assert_eq!(admitted(0, transferred, 4), 4);
        let Limiter::Shared(shared) = &shop.nodes[0] else { return };
        shared.return_idle(Micros(START + IDLE));
        shop.flush();
        assert_eq!(admitted(1, transferred, 100), 3, "{mode:?}");
        assert_eq!(admitted(0, transferred, 100), 0, "{mode:?}");
    }
}
