//! What is asked about a call: one line for each limit that counts it.

use super::super::account::{Account, Ask};
use super::super::subject::Subject;
use super::super::terms::{Level, Terms};
use super::limiter::{Mode, Shared, lock};
use super::wire::{Amount, Line, What};
use crate::kernel::Micros;
use std::sync::Arc;

impl Shared {
    /// The limits that count a call, with what this node knows of each. What is leased for the call is taken
    /// from the leases.
    pub(super) fn lines(&self, subject: &Subject, terms: &Arc<Terms>, ask: &Ask) -> Vec<Line> {
        let mut lines = Vec::with_capacity(terms.limits.list().len());
        lock(subject, terms, ask).each(|account, level| {
            self.rate_lines(account, level, ask, &mut lines);
            self.quota_lines(account, level, ask, &mut lines);
            if self.mode == Mode::Strict {
                place_lines(account, level, ask, &mut lines);
            }
        });
        lines
    }

    fn rate_lines(&self, account: &mut Account, level: &Level, ask: &Ask, lines: &mut Vec<Line>) {
        let longest = level.rates.iter().map(|rate| rate.grant.window_s).max().unwrap_or(0);
        let Account { per, shared, buckets, remote: Some(remote), .. } = account else { return };
        for (placed, bucket) in level.rates.iter().zip(buckets) {
            if !placed.operations.cover(ask.operation) {
                continue;
            }
            let (name, rate) = (placed.name, placed.grant);
            let amount = self.amount(remote, (name, Micros(0)), ask, ask.weight_milli, rate.quota);
            let asks = amount.asks();
            let what = What::Rate {
                rate,
                known: bucket.limbs(rate, ask.now),
                owed: if asks { remote.reserve.tell(name, rate, ask.now) } else { (0, 0) },
                clamp: !*shared,
                ttl_ms: u64::from(longest) * 1_000 + 1_000,
            };
            let key = Arc::clone(&remote.rates);
            lines.push(Line { per: *per, place: placed.place, name, key, amount, what });
        }
    }

    fn quota_lines(&self, account: &mut Account, level: &Level, ask: &Ask, lines: &mut Vec<Line>) {
        let Account { per, counters, remote: Some(remote), .. } = account else { return };
        for (placed, counter) in level.quotas.iter().zip(counters) {
            if !placed.operations.cover(ask.operation) {
                continue;
            }
            counter.roll(ask.now);
            let (known, bounds) = counter.used(ask.now);
            let (name, granted) = (placed.name, placed.grant.quota);
            let amount = self.amount(remote, (name, bounds.start), ask, ask.quota_milli(), granted);
            let key = remote.quota(name, bounds.start);
            let heard = counter.known(ask.now);
            let what = What::Quota { granted, known, heard, bounds };
            lines.push(Line { per: *per, place: placed.place, name, key, amount, what });
        }
    }
}

fn place_lines(account: &mut Account, level: &Level, ask: &Ask, lines: &mut Vec<Line>) {
    let Some(remote) = &account.remote else { return };
    for placed in level.places.iter().filter(|placed| placed.operations.cover(ask.operation)) {
        let name = placed.name;
        let what = What::Place { most: placed.grant.most, known: account.running(name) };
        let amount = Amount { need: 1, wish: 1, hand: 0 };
        let key = remote.place(name);
        lines.push(Line { per: account.per, place: placed.place, name, key, amount, what });
    }
}
