//! What is given back to the shared counters: what a call did not cost, places of calls that have ended,
//! and leased units that lie idle. Calls do not wait for it, and what cannot be given back is let go: quotas
//! then count what was under way when Redis went away, and places come free by themselves.

use super::super::gcra::Limbs;
use super::super::name::LimitName;
use super::super::policy::Rate;
use super::share::Granted;
use super::wire::{HOLD_MS, Line, What};
use crate::cluster::{Redis, Slot};
use hashbrown::HashMap;
use parking_lot::Mutex;
use redis::Script;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

/// How often calls that are under way say so.
const RENEW_EVERY: Duration = Duration::from_millis(HOLD_MS / 3);
/// Most keys in one script: Redis does nothing else meanwhile.
const AT_ONCE: usize = 200;

#[derive(Debug)]
enum Gift {
    Rate { field: LimitName, rate: Rate, cost: Limbs },
    Quota { milli: i64 },
    Place { member: Arc<str> },
    Renewal { member: Arc<str> },
}

/// What waits to be given back.
#[derive(Debug)]
pub struct Giver {
    redis: Arc<Redis>,
    script: Script,
    gifts: Mutex<Vec<(Arc<str>, Gift)>>,
    /// Places that calls under way hold.
    held: Mutex<HashMap<Arc<str>, Vec<Arc<str>>>>,
    wake: Notify,
}

impl Giver {
    pub(super) fn new(redis: Arc<Redis>) -> Arc<Self> {
        Arc::new(Self {
            redis,
            script: Script::new(include_str!("give.lua")),
            gifts: Mutex::default(),
            held: Mutex::default(),
            wake: Notify::new(),
        })
    }

    fn give(&self, key: Arc<str>, gift: Gift) {
        self.gifts.lock().push((key, gift));
        self.wake.notify_one();
    }

    pub(super) fn quota(&self, key: Arc<str>, milli: i64) {
        if milli != 0 {
            self.give(key, Gift::Quota { milli });
        }
    }

    pub(super) fn rate(&self, key: Arc<str>, field: LimitName, rate: Rate, milli: u32) {
        let cost = rate.cost_limbs(milli);
        self.give(key, Gift::Rate { field, rate, cost });
    }

    /// Gives back until the stop, and what is there then.
    pub async fn run(&self, mut stopped: watch::Receiver<bool>) {
        let mut renewals = interval(RENEW_EVERY);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                _ = renewals.tick() => self.renew(),
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            self.flush().await;
        }
        self.flush().await;
    }

    fn renew(&self) {
        let held = self.held.lock();
        let renewals = held.iter().flat_map(|(member, keys)| {
            let renewal =
                |key: &Arc<str>| (Arc::clone(key), Gift::Renewal { member: Arc::clone(member) });
            keys.iter().map(renewal)
        });
        self.gifts.lock().extend(renewals);
    }

    /// Gives back what waits.
    pub async fn flush(&self) {
        let gifts = std::mem::take(&mut *self.gifts.lock());
        if gifts.is_empty() {
            return;
        }
        let mut by_slot: HashMap<Slot, Vec<(Arc<str>, Gift)>> = HashMap::new();
        for (key, gift) in gifts {
            by_slot.entry(Slot::of(&key)).or_default().push((key, gift));
        }
        for (slot, gifts) in by_slot {
            for gifts in gifts.chunks(AT_ONCE) {
                let mut call = self.script.prepare_invoke();
                for (n, (key, gift)) in gifts.iter().enumerate() {
                    call.key(&**key);
                    write(&mut call, n + 1, gift);
                }
                if let Err(error) = self.redis.run::<i64>(slot, &call).await {
                    tracing::debug!(%error, "what calls did not use could not be given back");
                }
            }
        }
    }
}

fn write(call: &mut redis::ScriptInvocation<'_>, key: usize, gift: &Gift) {
    match gift {
        Gift::Rate { field, rate, cost } => {
            call.arg("r").arg(key).arg(field.as_str()).arg(rate.quota).arg(rate.window_s);
            call.arg(cost.0).arg(cost.1);
        }
        Gift::Quota { milli } => {
            call.arg("q").arg(key).arg(*milli);
        }
        Gift::Place { member } => {
            call.arg("c").arg(key).arg(&**member);
        }
        Gift::Renewal { member } => {
            call.arg("k").arg(key).arg(&**member).arg(HOLD_MS);
        }
    }
}

/// What a call holds of the shared counters until it has ended.
#[derive(Debug)]
pub struct Hold {
    giver: Arc<Giver>,
    /// Thousandths of a unit taken, by quota.
    quotas: Vec<(Arc<str>, u32)>,
    places: Vec<Arc<str>>,
    member: Option<Arc<str>>,
    /// What the shares of this node have granted it.
    pub(super) shares: Vec<Granted>,
}

impl Hold {
    /// What a call holds of these limits, by whichever way it came to be let in.
    pub(super) fn new(
        giver: &Arc<Giver>,
        lines: &[Line],
        member: &str,
        shares: Vec<Granted>,
    ) -> Self {
        let member: Arc<str> = member.into();
        let (mut quotas, mut places) = (Vec::new(), Vec::new());
        for line in lines {
            let key = || Arc::clone(&line.key);
            match line.what {
                What::Rate { .. } => {}
                What::Quota { .. } => quotas.push((key(), line.amount.need + line.amount.hand)),
                What::Place { .. } => places.push(key()),
            }
        }
        if !places.is_empty() {
            giver.held.lock().insert(Arc::clone(&member), places.clone());
        }
        Self { giver: Arc::clone(giver), quotas, places, member: Some(member), shares }
    }

    /// What a call holds that was let in from leases.
    pub(super) fn of_quotas(giver: &Arc<Giver>, quotas: Vec<(Arc<str>, u32)>) -> Self {
        let (places, shares) = (Vec::new(), Vec::new());
        Self { giver: Arc::clone(giver), quotas, places, member: None, shares }
    }

    /// What a call holds that was let in by the shares of this node.
    pub(super) fn of_shares(giver: &Arc<Giver>, shares: Vec<Granted>) -> Self {
        Self { shares, ..Self::of_quotas(giver, Vec::new()) }
    }

    /// The call has cost so much.
    pub(in super::super) fn settle(&self, milli: u32) {
        for (key, taken) in &self.quotas {
            // What was not taken, since no quota counts it, is not given back either.
            if *taken > 0 {
                self.giver.quota(Arc::clone(key), i64::from(*taken) - i64::from(milli));
            }
        }
    }

    /// What was settled is free after all.
    pub(in super::super) fn give_back(&self, milli: u32) {
        for (key, _) in self.quotas.iter().filter(|(_, taken)| *taken > 0) {
            self.giver.quota(Arc::clone(key), milli.into());
        }
    }

    /// The call has ended; one that was not settled costs nothing.
    pub(in super::super) fn end(&self, settled: bool) {
        if !settled {
            self.settle(0);
        }
        if let Some(member) = self.member.as_ref().filter(|_| !self.places.is_empty()) {
            self.giver.held.lock().remove(member);
            for key in &self.places {
                self.giver.give(Arc::clone(key), Gift::Place { member: Arc::clone(member) });
            }
        }
    }
}
