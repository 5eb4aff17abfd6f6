//! Quotas begin with what the ledger has of their period, and follow it: so neither a restart nor a kill
//! resets one, and nodes that share a database share it, a fold interval late.
//!
//! A round reads one state of the database: what came into the ledger since the round before, segment by segment,
//! and then the sums of periods that no counter knows yet. Billed events of this process wait at the counters by
//! segment until their segment was read back, so each is counted once (`limit/counter.rs`). A round that fails
//! has come as far as it came: the next goes on from there.

mod store;

use super::block;
use crate::access::Environment;
use crate::access::directory::Keyring;
use crate::access::operation;
use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use crate::kernel::id::{AppId, KeyId, NodeId, PartnerId};
use crate::limit::{AccountId, Billed, Bounds, Per, Wanted};
use crate::storage::{Db, StoreError, Tx};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Segments behind which all counters begin anew rather than being brought up event by event.
const MOST_SEGMENTS: i64 = 256;
/// Accounts that are summed in one statement.
const ACCOUNTS: usize = 200;

/// What accounts have in a period, by operation, in thousandths of a unit.
type Sums = HashMap<AccountId, HashMap<u16, u64>>;

/// Keeps the quotas of a node at what the ledger has.
#[derive(Debug)]
pub struct Quotas {
    db: Db,
    keyring: Arc<Keyring>,
    node: String,
    epoch: u64,
    /// Up to where the ledger was followed; none while there are no quotas. Held through a round.
    position: Mutex<Option<i64>>,
}

impl Quotas {
    /// Follows the ledger for the quotas of `keyring`; `node` and `epoch` name this run's own segments.
    #[must_use]
    pub fn new(db: Db, keyring: Arc<Keyring>, node: NodeId, epoch: u64) -> Self {
        Self { db, keyring, node: node.to_string(), epoch, position: Mutex::default() }
    }

    /// Brings all quotas to what the ledger has; to be called after each folding and after each change of
    /// keys and plans. Where it fails, the next round makes up for it.
    pub async fn round(&self, now: Micros) -> Result<(), StoreError> {
        let mut position = self.position.lock().await;
        let limiter = self.keyring.limiter().local();
        if !limiter.counts() {
            *position = None;
            return Ok(());
        }
        let mut tx = self.db.snapshot().await?;
        let head = store::head(&mut tx).await?;
        let after = position.get_or_insert(head);
        if head - *after > MOST_SEGMENTS {
            limiter.unseed();
            *after = head;
        }
        while let Some(segment) = store::next_segment(&mut tx, *after, head).await? {
            let (place, own) = (segment.position, self.own(&segment)?);
            let billed = by_account(read(segment.block).await?);
            limiter.take_in(billed, Vec::new(), own, now);
            *after = place;
        }
        let own = store::last_segment(&mut tx, &self.node, self.epoch).await?;
        let mut wanted = limiter.wanted(now);
        // What came into the ledger while no node ran is to be noticed, too.
        wanted.extend(limiter.wanted_of_ended(now));
        let seeds = seeds(&mut tx, wanted, head).await?;
        drop(tx);
        limiter.take_in(HashMap::new(), seeds, own, now);
        *position = Some(head);
        Ok(())
    }

    /// The number of a segment, where it is one of this process.
    fn own(&self, segment: &store::Segment) -> Result<Option<u32>, StoreError> {
        if segment.node != self.node || u64::try_from(segment.epoch) != Ok(self.epoch) {
            return Ok(None);
        }
        let number = u32::try_from(segment.segment);
        number.map(Some).map_err(|error| StoreError::corrupt("usage_segments", error))
    }
}

/// Billed events by the accounts that they count for.
fn by_account(events: Vec<([AccountId; 3], Billed)>) -> HashMap<AccountId, Vec<Billed>> {
    let mut all: HashMap<AccountId, Vec<Billed>> = HashMap::new();
    for (accounts, billed) in events {
        for account in accounts {
            all.entry(account).or_default().push(billed);
        }
    }
    all
}

/// The billed events of a block with the accounts that they count for.
async fn read(block: Vec<u8>) -> Result<Vec<([AccountId; 3], Billed)>, StoreError> {
    let decoding = tokio::task::spawn_blocking(move || block::decode(&block));
    let decoded = decoding.await.map_err(|error| StoreError::corrupt("usage_segments", error))?;
    let events = decoded.map_err(|error| StoreError::corrupt("usage_segments", error))?;
    let billed = events.into_iter().filter(|recorded| recorded.rule.billable).map(|recorded| {
        let event = recorded.event;
        let live = event.environment == Environment::Live;
        let account = |per, id| AccountId { per, id, live };
        let accounts = [
            account(Per::Partner, event.partner.0),
            account(Per::App, event.app.0),
            account(Per::Key, event.key.0),
        ];
        let (at, operation, milli) = (event.started_at, event.operation, event.weight_milli);
        (accounts, Billed { at, operation, milli })
    });
    Ok(billed.collect())
}

/// What the ledger has of the periods that are wanted, up to `head`.
async fn seeds(
    tx: &mut Tx,
    wanted: Vec<Wanted>,
    head: i64,
) -> Result<Vec<(Wanted, Vec<(u16, u64)>)>, StoreError> {
    let mut groups: BTreeMap<(Bounds, Per), Vec<AccountId>> = BTreeMap::new();
    for Wanted { account, bounds } in &wanted {
        groups.entry((*bounds, account.per)).or_default().push(*account);
    }
    let mut begun: HashMap<Micros, Sums> = HashMap::new();
    let mut sums: HashMap<(Bounds, Per), Sums> = HashMap::new();
    for ((bounds, per), accounts) in groups {
        let from = full_hour(bounds.start);
        let mut of_all = summed(tx, per, &accounts, Bounds { start: from, ..bounds }).await?;
        // The ledger sums by full hours of UTC. Some zones begin their days within one.
        if from != bounds.start {
            if !begun.contains_key(&bounds.start) {
                let part = Bounds { start: bounds.start, end: from };
                begun.insert(bounds.start, counted(tx, part, head).await?);
            }
            let part = begun.get(&bounds.start);
            for (account, operations) in part.into_iter().flatten() {
                for (operation, milli) in operations {
                    add(&mut of_all, *account, *operation, *milli);
                }
            }
        }
        sums.insert((bounds, per), of_all);
    }
    let found = |wanted: Wanted| {
        let of_all = sums.get(&(wanted.bounds, wanted.account.per));
        let own = of_all.and_then(|of_all| of_all.get(&wanted.account));
        (wanted, own.into_iter().flatten().map(|(code, milli)| (*code, *milli)).collect())
    };
    Ok(wanted.into_iter().map(found).collect())
}

/// What the ledger has, up to `head`, of periods before `at`: for who looks at a time that is over.
pub(super) async fn before(
    tx: &mut Tx,
    wanted: Vec<Wanted>,
    at: Micros,
    head: i64,
) -> Result<Vec<(Wanted, Vec<(u16, u64)>)>, StoreError> {
    // The ledger sums by full hours, and `at` may lie within one.
    let hour = at.hour();
    let (long, short): (Vec<Wanted>, Vec<Wanted>) =
        wanted.into_iter().partition(|wanted| wanted.bounds.start < hour);
    let until = |end: Micros| move |w: &Wanted| Wanted { bounds: Bounds { end, ..w.bounds }, ..*w };
    let mut found = seeds(tx, long.iter().map(until(hour)).collect(), head).await?;
    let mut parts: Vec<(Micros, Sums)> = Vec::new();
    for wanted in &short {
        let place = wanted.bounds.start;
        found.push((*wanted, Vec::new()));
        if place < at && parts.iter().all(|(start, _)| *start != place) {
            parts.push((place, counted(tx, Bounds { start: place, end: at }, head).await?));
        }
    }
    if hour < at && !long.is_empty() && parts.iter().all(|(start, _)| *start != hour) {
        parts.push((hour, counted(tx, Bounds { start: hour, end: at }, head).await?));
    }
    for ((place, sums), wanted) in found.iter_mut().zip(long.into_iter().chain(short)) {
        *place = wanted;
        let start = wanted.bounds.start.max(hour);
        let part = parts.iter().find(|(begun, _)| *begun == start);
        let own = part.and_then(|(_, of_all)| of_all.get(&wanted.account));
        sums.extend(own.into_iter().flatten().map(|(code, milli)| (*code, *milli)));
    }
    Ok(found)
}

/// The first full hour of UTC that begins at an instant or after it.
fn full_hour(at: Micros) -> Micros {
    let hour = at.hour();
    if hour == at { at } else { Micros(hour.0.saturating_add(HOUR)) }
}

fn add(sums: &mut Sums, account: AccountId, operation: u16, milli: u64) {
    let sum = sums.entry(account).or_default().entry(operation).or_default();
    *sum = sum.saturating_add(milli);
}

/// The sums of full hours.
async fn summed(
    tx: &mut Tx,
    per: Per,
    accounts: &[AccountId],
    span: Bounds,
) -> Result<Sums, StoreError> {
    let mut sums = Sums::new();
    for accounts in accounts.chunks(ACCOUNTS) {
        let named: HashMap<String, AccountId> = accounts.iter().map(|a| (text(a), *a)).collect();
        let ids: Vec<&str> = named.keys().map(String::as_str).collect();
        for row in store::billed_hours(tx, per, &ids, span).await? {
            if let (Some(account), Some(operation)) = (named.get(&row.id), code(&row.operation)) {
                add(&mut sums, *account, operation, u64::try_from(row.milli).unwrap_or(0));
            }
        }
    }
    Ok(sums)
}

/// The id of an account as the ledger writes it.
fn text(account: &AccountId) -> String {
    match account.per {
        Per::Partner => PartnerId(account.id).to_string(),
        Per::App => AppId(account.id).to_string(),
        Per::Key => KeyId(account.id).to_string(),
    }
}

/// The code of an operation that the ledger names; one that this version does not know has its number.
fn code(operation: &str) -> Option<u16> {
    let numbered = || operation.strip_prefix("operation_")?.parse().ok();
    operation::by_id(operation).map(|operation| operation.code).or_else(numbered)
}

/// The sums of a part of an hour, from the events themselves.
async fn counted(tx: &mut Tx, span: Bounds, head: i64) -> Result<Sums, StoreError> {
    let (mut sums, mut after) = (Sums::new(), 0);
    while let Some(segment) = store::next_segment_in(tx, after, head, span).await? {
        after = segment.position;
        for (accounts, billed) in read(segment.block).await? {
            for account in accounts.into_iter().filter(|_| span.hold(billed.at)) {
                add(&mut sums, account, billed.operation, billed.milli.into());
            }
        }
    }
    Ok(sums)
}
