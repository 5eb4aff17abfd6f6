//! After any moves, in any order, what is stored is what the core says.

use super::follow::ConsentFollower;
use super::*;
use crate::consent::ask::TokensRevokedFor;
use crate::consent::change::ConsentActor;
use crate::consent::evidence::LedgerEntry;
use crate::consent::refused::Tampering;
use crate::consent::store::apply::put_receipt;
use crate::consent::tests::sequences::{Try, attempt, tries};
use proptest::prelude::*;

/// Consents of each run.
const CONSENTS: usize = 3;

/// What is done.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A move from how the consent stands, or from how it stood so many moves before.
    Move(Try, usize),
    /// All its tokens are revoked.
    Tokens,
    /// Something is told of it.
    Note,
    /// Its receipt is signed.
    Receipt,
    /// A node follows, so many at a time.
    Follow(u32),
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step, i64)>> {
    let step = prop_oneof![
        12 => (tries(), prop_oneof![3 => Just(0_usize), 1 => 1_usize..4])
            .prop_map(|(what, before)| Step::Move(what, before)),
        1 => Just(Step::Tokens),
        1 => Just(Step::Note),
        2 => Just(Step::Receipt),
        2 => (1_u32..4).prop_map(Step::Follow),
    ];
    prop::collection::vec((0..CONSENTS, step, 0_i64..10 * DAY), 1..40)
}

/// What the core says of all that was done.
#[derive(Debug, Default)]
struct ConsentModel {
    /// The versions of each consent.
    versions: Vec<Vec<ConsentRecord>>,
    /// How each stood, move by move.
    stood: Vec<Vec<Vec<ConsentRecord>>>,
    heads: HashMap<GrantId, ConsentHead>,
    entries: Vec<LedgerEntry>,
}

impl ConsentModel {
    fn told(&mut self, events: &[crate::consent::change::ConsentEvent]) {
        for event in events {
            let last = self.entries.last().map_or((0, Hash32::ZERO), |it| (it.seq, it.entry_hash));
            self.entries.push(LedgerEntry::behind(last, event).unwrap());
        }
    }

    fn moved(&mut self, which: usize, change: &ConsentChange) {
        self.told(&change.events);
        let versions = &mut self.versions[which];
        for record in change.earlier.iter().chain([&change.record]) {
            let at = record.version as usize - 1;
            let receipt = versions.get(at).and_then(|it| it.receipt_jws.clone());
            let receipt_jws = receipt.filter(|_| record.known_as.sub().is_some());
            let record = ConsentRecord { receipt_jws, ..record.clone() };
            if at == versions.len() { versions.push(record) } else { versions[at] = record }
        }
        self.stood[which].push(versions.clone());
        let id = change.record.grant_id;
        let seq = match (change.events.last(), self.entries.last()) {
            (Some(_), Some(last)) => last.seq,
            _ => self.heads[&id].seq,
        };
        self.heads.insert(id, ConsentHead::of(&change.record, seq));
    }

    fn current(&self, which: usize) -> &ConsentRecord {
        self.versions[which].last().unwrap()
    }

    /// Whether a move is one from how its consent stands.
    fn allows(&self, which: usize, change: &ConsentChange) -> bool {
        let current = self.current(which);
        change.from == Some(current.basis()) && current.known_as.sub().is_some()
    }
}

/// Begins with consents that were asked for.
async fn begun(db: &Db) -> ConsentModel {
    let mut model = ConsentModel::default();
    for which in 0..CONSENTS {
        model.versions.push(Vec::new());
        model.stood.push(Vec::new());
        let change = requested(u8::try_from(which).unwrap());
        write(db, &change).await.unwrap();
        model.moved(which, &change);
    }
    model
}

fn made(versions: &[ConsentRecord], what: Try, now: Micros) -> Option<ConsentChange> {
    let made = match what {
        Try::Erase => ConsentRecord::erase(versions, ConsentActor::Customer, now),
        _ => attempt(versions.last().unwrap(), what, now),
    };
    made.ok()
}

/// Does a step, in the store and in the model.
async fn step(
    db: &Db,
    model: &mut ConsentModel,
    (which, what): (usize, Step),
    now: Micros,
) -> Result<(), TestCaseError> {
    let current = model.current(which).clone();
    let change = match what {
        Step::Move(what, before) => {
            let stood = &model.stood[which];
            made(&stood[stood.len().saturating_sub(before + 1)], what, now)
        }
        Step::Tokens => current.revoke_tokens(TokensRevokedFor::Logout, now).ok(),
        Step::Note => {
            let event = own(&current).tampered(Tampering::Duration(0), now);
            let mut tx = db.begin().await.unwrap();
            ledger::note(&mut tx, &event).await.unwrap();
            tx.commit().await.unwrap();
            model.told(&[event]);
            None
        }
        Step::Receipt => {
            let jws = format!("receipt.{}", model.entries.len());
            let mut tx = db.begin().await.unwrap();
            let put = put_receipt(&mut tx, current.grant_id, current.version, &jws).await.unwrap();
            tx.commit().await.unwrap();
            prop_assert_eq!(put, current.known_as.sub().is_some());
            let last = model.versions[which].last_mut().unwrap();
            last.receipt_jws = put.then_some(jws);
            None
        }
        Step::Follow(_) => None,
    };
    let Some(change) = change else { return Ok(()) };
    let before = contents(db).await;
    match write(db, &change).await {
        Ok(_) => {
            prop_assert!(model.allows(which, &change), "{:?} was written", change);
            model.moved(which, &change);
        }
        Err(NotWritten::Moved) => {
            prop_assert!(!model.allows(which, &change), "{:?} was refused", change);
            prop_assert_eq!(contents(db).await, before);
        }
        Err(other) => prop_assert!(false, "{}", other),
    }
    Ok(())
}

/// Compares all that is stored with the model.
async fn compare(db: &Db, model: &ConsentModel) -> Result<(), TestCaseError> {
    for versions in &model.versions {
        let id = versions[0].grant_id;
        let history = read::history(db, id).await.unwrap().unwrap();
        prop_assert_eq!(&history.versions, versions);
        prop_assert_eq!(Some(&current(db, id).await), versions.last());
        let own = model.entries.iter().filter(|it| it.grant_id == id).cloned();
        prop_assert_eq!(history.entries, own.collect::<Vec<_>>());
    }
    prop_assert_eq!(&ledger::entries(db, 0, 9_999).await.unwrap(), &model.entries);
    let last = model.entries.last().unwrap();
    let checkpoint = LedgerCheckpoint::of(last, "https://gw.example", NOW);
    prop_assert_eq!(verified(db, &[checkpoint]).await, model.entries.len() as u64);
    prop_assert_eq!(whole(db).await, (model.heads.clone(), last.seq));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn what_is_stored_is_what_the_core_says(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = shop().await;
            let mut model = begun(&db).await;
            let (mut follower, mut now) = (ConsentFollower::default(), NOW);
            for (n, (which, what, later)) in steps.into_iter().enumerate() {
                // The first answers come in time.
                now = Micros(now.0 + if n < 6 { 1 } else { later });
                step(&db, &mut model, (which, what), now).await?;
                if let Step::Follow(limit) = what {
                    follower.follow(&db, limit).await;
                    prop_assert_eq!(&follower.heads(), &model.heads);
                }
            }
            follower.follow(&db, 2).await;
            prop_assert_eq!(&follower.heads(), &model.heads);
            compare(&db, &model).await
        })?;
    }
}
