//! A node's share of each limit while Redis is away: what was left when it began, and what was granted since.

use super::super::account::{Account, Ask};
use super::super::gcra::{Bucket, Limbs};
use super::super::name::LimitName;
use super::super::policy::{Per, Rate};
use super::give::Hold;
use super::wire::{Line, What};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;

/// How long the share of a quota binds a node when Redis is there again: until the other nodes have found it, too,
/// and the ledger has what they granted meanwhile.
const BINDS_FOR: i64 = 3 * SECOND;
/// How long after it was last asked it binds at most, for who calls seldom: the ledger has caught up by then.
const BINDS_AT_MOST: i64 = 60 * SECOND;

/// The share of a rate that one of `n` nodes grants.
pub(super) fn share(rate: Rate, n: u32) -> Rate {
    Rate { quota: (rate.quota / n.max(1)).max(1), window_s: rate.window_s }
}

/// Thousandths of a unit that one of `n` nodes grants of a quota of which `used` is used by all that it knows. Of one
/// that has fewer units than there are nodes, each grants one while there is one.
fn room(quota: u32, used: u64, n: u32) -> u64 {
    let (full, n) = (u64::from(quota) * 1_000, u64::from(n.max(1)));
    let left = full.saturating_sub(used);
    let least = if full < n * 1_000 { left.min(1_000) } else { 0 };
    (left / n).max(least)
}

/// What is left of this node's share, and what it has admitted from it.
#[derive(Debug, Default)]
pub(super) struct Reserve {
    rates: Vec<RateShare>,
    quotas: Vec<QuotaShare>,
    /// How many shares of quotas have begun.
    turns: u32,
}

/// The share of a quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct QuotaShare {
    pub(super) name: LimitName,
    /// Its number.
    turn: u32,
    /// The beginning of the period.
    pub(super) start: Micros,
    /// What was used of it when the share began, by all that was known.
    base: u64,
    /// How many nodes there were then. One that is not seen any more may have granted its share.
    n: u32,
    /// What was granted since: while its calls are under way what they took, then what they cost.
    spent: u64,
    /// When it was last asked.
    at: Micros,
    /// When Redis was found to be there again.
    back_at: Option<Micros>,
}

impl QuotaShare {
    /// Whether it binds this node still, now that Redis is there again.
    fn binds(&mut self, now: Micros) -> bool {
        let back_at = *self.back_at.get_or_insert(now);
        let within = |from: Micros, micros: i64| now.0.abs_diff(from.0) < micros.unsigned_abs();
        within(back_at, BINDS_FOR) && within(self.at, BINDS_AT_MOST)
    }

    /// Whether it is of the quota and the period that a line asks about.
    fn is_of(&self, line: &Line) -> bool {
        (self.name, self.start) == (line.name, line.start())
    }

    /// Whether it has no room for a call.
    pub(super) fn refuses(&self, quota: u32, milli: u32) -> bool {
        milli > 0 && u64::from(milli) > self.left(quota)
    }

    /// Thousandths of a unit that are left of it.
    pub(super) fn left(&self, quota: u32) -> u64 {
        room(quota, self.base, self.n).saturating_sub(self.spent)
    }

    /// Grants a call so much; none where it weighs nothing.
    pub(super) fn grant(&mut self, per: Per, milli: u32) -> Option<Granted> {
        self.spent = self.spent.saturating_add(milli.into());
        self.granted(per, milli)
    }

    /// What a call is known by that it has granted so much.
    fn granted(&self, per: Per, milli: u32) -> Option<Granted> {
        (milli > 0).then_some(Granted { per, turn: self.turn, milli })
    }
}

/// What a call was granted of the share of a quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granted {
    per: Per,
    turn: u32,
    milli: u32,
}

impl Granted {
    /// What of a call's cost is the share's, of all that it `took`.
    fn part(&self, took: u32, cost: u32) -> u64 {
        (u64::from(self.milli) + u64::from(cost)).saturating_sub(took.into())
    }
}

impl Hold {
    /// The call costs so much: what it took beyond that is given back to the shares of an account that granted it.
    pub(in super::super) fn settle_shares(&self, account: &mut Account, ask: &Ask, cost: u32) {
        let took = ask.quota_milli();
        self.recharge(account, |granted| (granted.milli.into(), granted.part(took, cost)));
    }

    /// The call costs nothing, also where it was settled to a cost before.
    pub(in super::super) fn free_shares(
        &self,
        account: &mut Account,
        ask: &Ask,
        settled: Option<u32>,
    ) {
        let took = ask.quota_milli();
        let held = |granted: &Granted| match settled {
            Some(cost) => granted.part(took, cost),
            None => granted.milli.into(),
        };
        self.recharge(account, |granted| (held(granted), 0));
    }

    /// Has each share count another amount for the call than it did. Not one that has ended: what the next one began
    /// with is not made less.
    fn recharge(&self, account: &mut Account, amounts: impl Fn(&Granted) -> (u64, u64)) {
        let Account { per, remote: Some(remote), .. } = account else { return };
        for granted in self.shares.iter().filter(|granted| granted.per == *per) {
            let mut held = remote.reserve.quotas.iter_mut();
            if let Some(held) = held.find(|held| held.turn == granted.turn) {
                let (from, to) = amounts(granted);
                held.spent = held.spent.saturating_sub(from).saturating_add(to);
            }
        }
    }
}

/// The share of a rate.
#[derive(Debug)]
pub(super) struct RateShare {
    name: LimitName,
    /// The whole rate.
    rate: Rate,
    /// What is taken from the share; none where the next one begins anew.
    taken: Option<Bucket>,
    /// What the shared counter is to be told, of the whole rate.
    pub(super) owed: Bucket,
}

impl RateShare {
    /// Goes on under an edited rate.
    fn follow(&mut self, rate: Rate, now: Micros) {
        if self.rate != rate {
            let carried = |bucket: Bucket| bucket.carried(self.rate, rate, now, true);
            (self.taken, self.owed) = (self.taken.map(carried), carried(self.owed));
            self.rate = rate;
        }
    }
}

impl Reserve {
    pub(super) fn rate(&mut self, name: LimitName, rate: Rate, now: Micros) -> &mut RateShare {
        let place = self.rates.iter().position(|share| share.name == name);
        let place = place.unwrap_or_else(|| {
            self.rates.push(RateShare { name, rate, taken: None, owed: Bucket::default() });
            self.rates.len() - 1
        });
        let share = &mut self.rates[place];
        share.follow(rate, now);
        share
    }

    /// What is taken from the share of a rate. It begins with one part in `n` of the debt that was last known.
    pub(super) fn taken(
        &mut self,
        name: LimitName,
        rate: Rate,
        (known, now): (Bucket, Micros),
        n: u32,
    ) -> &mut Bucket {
        self.rate(name, rate, now).taken.get_or_insert_with(|| known.part(n))
    }

    /// The share of a quota in a period of which so much is known to be used, for one of `n` nodes.
    pub(super) fn quota(
        &mut self,
        name: LimitName,
        start: Micros,
        (base, at): (u64, Micros),
        n: u32,
    ) -> &mut QuotaShare {
        let known = self.quotas.iter().position(|held| held.name == name);
        let place = known.unwrap_or(self.quotas.len());
        if known.is_none_or(|place| self.quotas[place].start != start) {
            let turn = self.turns.wrapping_add(1);
            let new = QuotaShare { name, turn, start, base, n, spent: 0, at, back_at: None };
            self.turns = turn;
            match known {
                Some(place) => self.quotas[place] = new,
                None => self.quotas.push(new),
            }
        }
        let held = &mut self.quotas[place];
        (held.at, held.back_at) = (at, None);
        held
    }

    /// The shares of quotas.
    pub(super) fn quotas(&self) -> &[QuotaShare] {
        &self.quotas
    }

    /// Whether the share of a quota binds this node although Redis is there. The next one begins anew once this one
    /// does not.
    pub(super) fn binds(&mut self, now: Micros) -> bool {
        self.quotas.retain_mut(|held| held.binds(now));
        !self.quotas.is_empty()
    }

    /// The shared counter has granted so much of a quota while its share binds this node.
    pub(super) fn spend(&mut self, line: &Line, milli: u64) {
        let mut quotas = self.quotas.iter_mut();
        if let Some(held) = quotas.find(|held| held.is_of(line)) {
            held.spent = held.spent.saturating_add(milli);
        }
    }

    /// What of it a call is known by that needed so much of the shared counter.
    pub(super) fn granted(&self, line: &Line) -> Option<Granted> {
        let held = self.quotas.iter().find(|held| held.is_of(line))?;
        held.granted(line.per, line.amount.need)
    }

    /// What of a rate was admitted that the shared counter does not know. One call tells it: others that ask
    /// meanwhile would tell it again.
    pub(super) fn tell(&mut self, name: LimitName, rate: Rate, now: Micros) -> Limbs {
        match self.rates.iter_mut().find(|share| share.name == name) {
            Some(share) => {
                share.follow(rate, now);
                std::mem::take(&mut share.owed).limbs(rate, now)
            }
            None => (0, 0),
        }
    }

    /// Keeps for the next call what one has not been able to tell.
    pub(super) fn untell(&mut self, lines: &[Line], per: Per, now: Micros) {
        for line in lines.iter().filter(|line| line.per == per) {
            if let What::Rate { rate, owed, .. } = line.what
                && owed != (0, 0)
            {
                self.rate(line.name, rate, now).owed.owe(owed, rate, now);
            }
        }
    }

    /// The shared counter has been heard of a rate: the next share of it begins anew.
    pub(super) fn settled(&mut self, name: LimitName, now: Micros) {
        self.rates.retain_mut(|share| {
            if share.name == name {
                share.taken = None;
            }
            share.taken.is_some() || !share.owed.settled(share.rate, now)
        });
    }

    /// Whether the shared counters know all that was admitted.
    pub(super) fn is_told(&self, now: Micros) -> bool {
        self.rates.iter().all(|share| share.owed.settled(share.rate, now))
    }
}
