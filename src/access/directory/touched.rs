//! What entries of the control log touch of the directory.

use crate::access::error::Kind;
use crate::access::service::keys_of;
use crate::access::store::DESCRIBE;
use crate::storage::{Db, StoreError, log};
use std::collections::BTreeSet;

/// Most entries that are followed one by one, and how many keys are read by their ids in any case.
const MOST: usize = 2_000;

/// Of more keys than that, at most one part in so many of all that there are is read by their ids: what is more costs as
/// much as to read all.
const PART: usize = 2;

/// What changes nothing that calls with a key are judged by, and would have all keys of a partner or an app read. What
/// is not here may.
const ASIDE: [(Kind, &str); 5] = [
    (Kind::Partner, "note"),
    (Kind::Partner, DESCRIBE),
    (Kind::App, "rename"),
    (Kind::App, "request_plan"),
    (Kind::App, "reject_plan"),
];

/// The keys and the plans of which anything may have changed, by their ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Touched {
    /// The keys, however they are touched, but by what a plan grants.
    pub(super) keys: Vec<String>,
    /// The plans.
    pub(super) plans: Vec<String>,
}

/// The things that entries name, by their ids.
#[derive(Debug, Default)]
struct Named {
    keys: BTreeSet<String>,
    apps: BTreeSet<String>,
    partners: BTreeSet<String>,
    plans: BTreeSet<String>,
}

impl Named {
    /// Notes what an entry touches; false where that cannot be told, and anything may have changed.
    fn note(&mut self, (kind, id, op): (String, String, String)) -> bool {
        match Kind::of(&kind) {
            Some(kind) if ASIDE.contains(&(kind, &op)) => {}
            // Status, scopes, addresses, expiry, secrets, public keys, the end of tokens, quarantine, its own freeze.
            Some(Kind::Key) => _ = self.keys.insert(id),
            // Status, subscriptions with their plans and ends, the partner that it belongs to, its own freeze.
            Some(Kind::App) => _ = self.apps.insert(id),
            // Status, the days of the contract, its own freeze.
            Some(Kind::Partner) => _ = self.partners.insert(id),
            // What its versions grant. Who is on it is a matter of apps.
            Some(Kind::Plan) => _ = self.plans.insert(id),
            // Nothing that calls with a key are judged by. What becomes of an application that is approved has
            // entries of its own.
            Some(
                Kind::AdminToken
                | Kind::Application
                | Kind::Import
                | Kind::Source
                | Kind::Account
                | Kind::Session
                | Kind::Approval
                | Kind::UsageRun
                | Kind::CustomerAccess
                | Kind::Purpose
                | Kind::Notice,
            ) => {}
            // Written as changes of their apps and plans so far; and what a newer version writes.
            Some(Kind::Subscription | Kind::PlanVersion) | None => return false,
        }
        true
    }
}

/// What may have changed behind one position of the control log up to another; none where the log does not say, or where
/// of `all` keys too many to be read by their ids.
pub(super) async fn behind(
    db: &Db,
    (after, up_to): (i64, i64),
    all: usize,
) -> Result<Option<Touched>, StoreError> {
    // At the start nothing is known; a head that went back is another database, or an older one.
    let behind = usize::try_from(up_to.saturating_sub(after)).unwrap_or(usize::MAX);
    if after == 0 || behind > MOST {
        return Ok(None);
    }
    let entries = log::control_entries(db, after, up_to).await?;
    let mut named = Named::default();
    // One that is missing could have been about anything.
    if entries.len() != behind || !entries.into_iter().all(|entry| named.note(entry)) {
        return Ok(None);
    }
    let Named { mut keys, apps, partners, plans } = named;
    let [apps, partners, plans] = [apps, partners, plans].map(Vec::from_iter);
    let most = MOST.max(all / PART);
    keys.extend(keys_of(db, (&apps, &partners), most).await?);
    Ok((keys.len() <= most).then(|| Touched { keys: keys.into_iter().collect(), plans }))
}
