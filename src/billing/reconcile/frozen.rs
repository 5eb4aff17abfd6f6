//! What a close has frozen, compared with what is made again.

use crate::billing::close::Close;
use crate::billing::credits;
use crate::billing::evidence::{Evidence, Run};
use crate::billing::manifest::Day;
use crate::billing::model::{Statement, digest};
use crate::billing::proof;
use crate::billing::store::{self, Frozen};
use crate::metering::recount::Differences;
use crate::storage::{StoreError, Tx};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Compares the events that a close has counted with those of the ledger up to it.
pub(super) fn counted(close: &Close, ledger: &Evidence, found: &mut Differences) {
    let Some(kept) = close.evidence.as_ref().filter(|kept| *kept != ledger) else { return };
    let name = format!("close {} of {}", close.number, close.period_id);
    let told = |it: &Evidence| {
        let Evidence { events, all, billable, root, .. } = it;
        format!("{events} events ({all}; charged {billable}), root {root}")
    };
    found.add(format!(
        "{name}: it counts {}; the ledger up to it has {}",
        told(kept),
        told(ledger)
    ));
    for run in kept.runs.iter().filter(|run| !ledger.runs.contains(run)) {
        let Run { node, epoch, first_seq, next_seq, events } = run;
        found.add(format!(
            "{name}: of process {epoch} of {node} it counts {events} events, numbers {first_seq} up to below \
             {next_seq}, and the ledger has others"
        ));
    }
}

/// Compares the days that a close has kept with those of the ledger up to it. None were kept of closes that were made before
/// they were, and a close that has lost all of its days is judged by its root alone, which stands over them.
pub(super) async fn days(
    tx: &mut Tx,
    close: &Close,
    ledger: &[Day],
    found: &mut Differences,
) -> Result<(), StoreError> {
    let kept = proof::store::days_of(tx, close.period_id).await?;
    if kept.is_empty() {
        return Ok(());
    }
    let by_name = |days: &[Day]| -> BTreeMap<String, Day> {
        days.iter().map(|day| (day.day.clone(), day.clone())).collect()
    };
    let (kept, ledger) = (by_name(&kept), by_name(ledger));
    let told = |day: Option<&Day>| {
        day.map_or_else(
            || "none".to_owned(),
            |it| format!("{} events, root {}", it.events, it.root),
        )
    };
    for day in kept.keys().chain(ledger.keys()).collect::<BTreeSet<_>>() {
        let (was, is) = (kept.get(day), ledger.get(day));
        found.unless(was == is, || {
            format!(
                "close {} of {}: of {day} it keeps {}; the ledger up to it has {}",
                close.number,
                close.period_id,
                told(was),
                told(is)
            )
        });
    }
    Ok(())
}

/// Compares the frozen statements of a period with those that were made again, if they could be, and checks the chain of
/// closes. The frozen statements that can be read.
pub(super) async fn compare(
    tx: &mut Tx,
    close: &Close,
    made: Option<&[Statement]>,
    found: &mut Differences,
) -> Result<Vec<Statement>, StoreError> {
    chain(tx, found).await?;
    let mut again: Option<BTreeMap<String, &Statement>> =
        made.map(|made| made.iter().map(|it| (it.id.to_string(), it)).collect());
    let mut statements = Vec::new();
    for frozen in store::frozen_of(tx, close.period_id).await? {
        let Frozen { id, document, digest: kept, .. } = &frozen;
        if digest(document) != *kept {
            found.add(format!("{id}: its text does not have the digest that was frozen with it"));
        }
        let made = again.as_mut().map(|again| again.remove(id));
        match made {
            Some(None) => {
                found.add(format!("{id}: it is frozen, and nothing is owed by what is made again"));
            }
            Some(Some(made)) => texts(made, document, found)?,
            None => {}
        }
        match serde_json::from_str::<Statement>(document) {
            Ok(statement) => {
                found.unless(frozen.is_of(&statement), || {
                    format!("{id}: the columns beside its text are of another statement")
                });
                statements.push(statement);
            }
            Err(why) => found.add(format!("{id}: its text is no statement: {why}")),
        }
    }
    for id in again.into_iter().flatten().map(|(id, _)| id) {
        found.add(format!("{id}: it is owed by what is made again, and was not frozen"));
    }
    drawn(tx, close, &statements, found).await?;
    Ok(statements)
}

/// Compares what statements say they draw of credits with what is booked of these.
async fn drawn(
    tx: &mut Tx,
    close: &Close,
    statements: &[Statement],
    found: &mut Differences,
) -> Result<(), StoreError> {
    let booked = credits::store::draws_in(tx, close.period_id).await?;
    let of = |it: &Statement| {
        let id = it.id.to_string();
        let each = it.credits.iter();
        each.map(|it| (id.clone(), it.grant_id.to_string(), it.amount.clone())).collect::<Vec<_>>()
    };
    let stated: BTreeSet<_> = statements.iter().flat_map(of).collect();
    for (statement, grant, amount) in stated.difference(&booked) {
        found.add(format!("{statement}: it draws {amount} of {grant}, and that is not booked"));
    }
    for (statement, grant, amount) in booked.difference(&stated) {
        found.add(format!("{statement}: {amount} of {grant} is booked, and it does not draw that"));
    }
    Ok(())
}

/// Compares two texts of a statement byte for byte, and names the first member in which they differ.
fn texts(made: &Statement, document: &str, found: &mut Differences) -> Result<(), StoreError> {
    let again = made.document().map_err(|e| StoreError::corrupt("statements", e))?;
    if again == document {
        return Ok(());
    }
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let (was, is) = (parsed(document), parsed(&again));
    let told = first("", &was, &is).unwrap_or_else(|| "it is written otherwise".to_owned());
    found.add(format!("{}: {told}", made.id));
    Ok(())
}

/// The first member, in the order of their names, in which two documents differ.
fn first(path: &str, frozen: &Value, made: &Value) -> Option<String> {
    let none = Value::Null;
    match (frozen, made) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys = b.keys().chain(a.keys().filter(|key| !b.contains_key(*key)));
            keys.find_map(|key| {
                let below = format!("{path}/{key}");
                first(&below, a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none))
            })
        }
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len())).find_map(|n| {
            first(&format!("{path}/{n}"), a.get(n).unwrap_or(&none), b.get(n).unwrap_or(&none))
        }),
        (a, b) if a == b => None,
        (a, b) => Some(format!("`{path}` is {a}, and {b} when it is made again")),
    }
}

/// Checks the chain of closes: each stands on the one before, and has the hash of what it froze.
async fn chain(tx: &mut Tx, found: &mut Differences) -> Result<(), StoreError> {
    let (mut number, mut before) = (0, "0".repeat(64));
    while let Some(close) = store::close_behind(tx, number).await? {
        let name = format!("close {} of {}", close.number, close.period_id);
        found.unless(close.number == number + 1, || {
            format!("{name}: the close before it is missing")
        });
        found.unless(close.prev_hash == before, || {
            format!("{name}: it does not stand on the close before it")
        });
        let digests = store::digests_of(tx, close.period_id).await?;
        let count = i64::try_from(digests.len()).unwrap_or(i64::MAX);
        found.unless(close.statements == count, || {
            format!("{name}: it froze {} statements, and {count} are there", close.statements)
        });
        let own = close.digest(digests.iter().map(|(id, digest)| format!("{id} {digest}")))?;
        found.unless(close.hash == own, || {
            format!(
                "{name}: its hash is not that of its fields and of the digests of its statements"
            )
        });
        (number, before) = (close.number, close.hash);
    }
    Ok(())
}
