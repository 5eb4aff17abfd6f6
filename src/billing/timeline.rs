//! An app's time cut into pieces, each under one partner, one plan, one price list and in one period.

#[cfg(test)]
mod tests;

use crate::access::history::{History, PriceVersion, PriceVersions, PricesFrom, Tenure};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, PlanId};
use crate::limit::Bounds;
use crate::rating::{Periods, PriceList};
use hashbrown::HashSet;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// A piece of an app's time.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The app.
    pub app: AppId,
    /// Whose it was.
    pub partner: PartnerId,
    /// The plan.
    pub plan: PlanId,
    /// The version whose prices hold.
    pub version: u32,
    /// The prices; none where the plan is free.
    pub list: Option<Arc<PriceList>>,
    /// The piece itself.
    pub span: Bounds,
    /// The period that it lies in.
    pub period: Period,
    /// Whether it is the first of this app, partner and plan, in which what is asked once falls due.
    pub first: bool,
}

/// A period for which statements are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// When it begins and ends.
    pub bounds: Bounds,
    /// What it is a part of, where a change of prices or of a contract has left a part of a period: the whole.
    pub of: Bounds,
    /// The time zone whose days it is made of.
    pub zone: TimeZone,
}

impl Period {
    /// The id of it: what has the same bounds in the same time zone is the same period.
    #[must_use]
    pub fn id(&self) -> BillingPeriodId {
        let Bounds { start, end } = self.bounds;
        BillingPeriodId::derived(&format!("{start} {end} {}", self.zone_name()))
    }

    /// The IANA name of its time zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// What it is a part of, and how many microseconds it has itself: fewer where a change has left a part of a longer one.
    #[must_use]
    pub fn length(&self) -> (Bounds, u64) {
        let Bounds { start, end } = self.bounds;
        (self.of, u64::try_from(end.0.saturating_sub(start.0)).unwrap_or(0))
    }
}

/// The pieces of an app that end after `closed` and have begun at an instant. No period begins before `closed`, the end of the app's last closed one:
/// where a contract has changed since, the first open period is what is left of one. The last piece goes on
/// as if nothing changed until its period ends.
#[must_use]
pub fn pieces(
    history: &History,
    versions: &PriceVersions,
    closed: Micros,
    until: Micros,
) -> Vec<Piece> {
    let mut pieces = known(history, versions, until);
    keep_apart(&mut pieces);
    pieces.retain(|piece| piece.span.start <= until && closed < piece.span.end);
    for piece in &mut pieces {
        piece.span.start = piece.span.start.max(closed);
        piece.period.bounds.start = piece.period.bounds.start.max(closed);
    }
    pieces
}

/// The pieces of an app that have begun at an instant, and what is known ahead to begin before their periods end.
fn known(history: &History, versions: &PriceVersions, until: Micros) -> Vec<Piece> {
    let (mut pieces, mut seen, mut reach) = (Vec::new(), HashSet::new(), until);
    for tenure in &history.tenures {
        let Some(of_plan) = versions.get(&tenure.plan) else { continue };
        let end = tenure.until.unwrap_or(Micros(i64::MAX));
        let mut at = tenure.from;
        while at < end && at <= reach {
            let Some(mut piece) = piece((history.app, tenure), of_plan, at, end) else { break };
            if at <= until {
                reach = reach.max(piece.period.bounds.end);
            }
            at = piece.span.end;
            piece.first = seen.insert((tenure.partner, tenure.plan));
            pieces.push(piece);
        }
    }
    pieces
}

/// Has no two periods of an app overlap: where it comes to prices with other periods in the middle of one, that one ends
/// there, and the next begins there. Free plans owe nothing, so they end no period.
fn keep_apart(pieces: &mut [Piece]) {
    let mut priced: Vec<&mut Piece> =
        pieces.iter_mut().filter(|piece| piece.list.is_some()).collect();
    // Where the pieces of the present period begin.
    let mut first = 0;
    for next in 1..priced.len() {
        let (before, at) = (priced[first].period.clone(), priced[next].span.start);
        let period = &mut priced[next].period;
        if (before.of, &before.zone) == (period.of, &period.zone) {
            *period = before;
            continue;
        }
        period.bounds.start = period.bounds.start.max(before.bounds.end.min(at));
        for piece in &mut priced[first..next] {
            piece.period.bounds.end = before.bounds.end.min(at);
        }
        first = next;
    }
}

/// The pieces of an app that meet a span, where its periods are closed up to an instant.
#[must_use]
pub fn meeting(
    history: &History,
    versions: &PriceVersions,
    closed: Micros,
    span: Bounds,
) -> Vec<Piece> {
    let mut all = pieces(history, versions, closed, span.end);
    all.retain(|piece| piece.span.start < span.end && span.start < piece.span.end);
    all
}

/// The versions of a plan whose prices hold, and those whose prices wait, each by the first and the last number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricesStanding {
    /// Those with the prices that hold for who has been on the plan since its first version.
    pub holds: (u32, u32),
    /// Those with prices that hold for each app from its next period on, and at once for who comes to the plan.
    pub waits: Option<(u32, u32)>,
}

/// How the prices of a plan's versions stand at an instant. Where periods follow contracts, prices wait until no app can have
/// a period that began before them.
#[must_use]
pub fn prices_standing(
    plan: PlanId,
    versions: &PriceVersions,
    now: Micros,
) -> Option<PricesStanding> {
    let of_plan = versions.get(&plan)?;
    // The versions around one that have its prices: most edits change something else.
    let run = |at: usize| {
        let same = |version: &&PriceVersion| version.list == of_plan[at].list;
        let before = of_plan[..at].iter().rev().take_while(same).count();
        let behind = of_plan[at + 1..].iter().take_while(same).count();
        (at - before, at + behind)
    };
    let last = run(of_plan.len().checked_sub(1)?);
    let (from, contract) = (of_plan.first()?.at, of_plan[last.0].at);
    let tenure = Tenure { partner: PartnerId(0), plan, from, until: None, contract };
    let history = History { app: AppId(0), tenures: vec![tenure] };
    let all = pieces(&history, versions, Micros(i64::MIN), now);
    let held = all.iter().find(|piece| piece.span.hold(now))?.version;
    let held = run(of_plan.iter().position(|version| version.number == held)?);
    let numbers = |(first, end): (usize, usize)| (of_plan[first].number, of_plan[end].number);
    Some(PricesStanding { holds: numbers(held), waits: (held != last).then(|| numbers(last)) })
}

/// The piece that begins at an instant.
fn piece(
    (app, tenure): (AppId, &Tenure),
    versions: &[PriceVersion],
    at: Micros,
    end: Micros,
) -> Option<Piece> {
    let known = versions.iter().rposition(|version| version.at <= at).unwrap_or(0);
    let PriceVersion { number, list, .. } = versions.get(known)?;
    let free = Periods::default();
    let periods = list.as_ref().map_or(&free, |list| list.periods());
    let bounds = periods.cycle().around(at, tenure.contract);
    let end = end.min(bounds.end);
    // Other prices that hold at once cut it; what else an edit changes does not.
    let cuts = |version: &&PriceVersion| {
        version.from == PricesFrom::Now
            && at < version.at
            && version.at < end
            && version.list != *list
    };
    let end = versions[known + 1..].iter().find(cuts).map_or(end, |version| version.at);
    Some(Piece {
        app,
        partner: tenure.partner,
        plan: tenure.plan,
        version: *number,
        list: list.clone(),
        span: Bounds { start: at, end },
        period: Period { bounds, of: bounds, zone: periods.zone.clone() },
        first: false,
    })
}
