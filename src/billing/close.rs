//! Closing a period: its statements are frozen, once and for good.
//!
//! A close stands on a position of the ledger: what is folded later is late, and corrects a later period. It is refused
//! where the sums by hour are not those of the events (`recounted`), and while anything of the period may be missing, and
//! names it; two people may close it all the same with what is missing, which then stands in the close. Closes are a
//! chain: each has a hash over itself, its statements and the close before.

use super::BillingError;
use super::adjustments;
use super::books::{Books, Open};
use super::credits;
use super::evidence::Evidence;
use super::model::Statement;
use super::names;
use super::proof;
use super::recounted::Recounted;
use super::store;
use crate::access::audit::{Deed, append};
use crate::access::service::By;
use crate::kernel::Micros;
use crate::kernel::hex;
use crate::kernel::id::{BillingPeriodId, NodeId};
use crate::metering::period;
use crate::metering::runs::{Incomplete, Lack, incomplete};
use crate::storage::{Db, Log, StoreError, Tx, advance, log};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// Something that may be missing of a period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(
    title = "CloseException",
    example = json!({
        "kind": "gap",
        "node": "nod_2PfPExBmnuI",
        "epoch": 7,
        "from_seq": 48_211,
        "before_seq": 48_214
    })
)]
pub struct Exception {
    /// What it is.
    #[schema(example = "silent")]
    pub kind: Lack,
    /// The node.
    #[schema(value_type = String, example = "nod_2PfPExBmnuI")]
    pub node: NodeId,
    /// The number of the process on that node.
    #[schema(example = 7)]
    pub epoch: u64,
    /// The first number of a call that may be missing.
    #[schema(example = 48_211)]
    pub from_seq: u64,
    /// Of a gap, the first number behind it. Absent of all others, of which nobody knows how many there were, and in closes of
    /// versions before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 48_214)]
    pub before_seq: Option<u64>,
}

impl Exception {
    /// Whether it is meant by another: who names a gap by its first number alone means all of it.
    fn is_meant(&self, named: &Self) -> bool {
        *self == Self { before_seq: named.before_seq.or(self.before_seq), ..named.clone() }
    }
}

/// So many exceptions, as it is told.
#[must_use]
pub fn exceptions_told(count: usize) -> String {
    format!("{count} exception{}", if count == 1 { "" } else { "s" })
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, node, epoch, from_seq, before_seq } = self;
        let what = match kind {
            Lack::Running => "goes on and has yet to say that the period is complete",
            Lack::Silent => "has neither ended nor said anything for a minute",
            Lack::Lost => "was given up",
            Lack::Gap => "has numbers that no call is known for",
            Lack::TailUnsure => "may have lost its last moments with the power",
        };
        let to = before_seq.map_or_else(|| "on".to_owned(), |before| format!("to below {before}"));
        write!(
            f,
            "process {epoch} of {node} {what}: calls from number {from_seq} {to} may be missing"
        )
    }
}

/// A close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Counts the closes from 1.
    pub number: i64,
    /// The period.
    pub period_id: BillingPeriodId,
    /// Its start.
    pub from: Micros,
    /// Its end.
    pub to: Micros,
    /// Its time zone.
    pub time_zone: String,
    /// The last position of the ledger that counts in it.
    pub position: i64,
    /// When it was closed.
    pub closed_at: Micros,
    /// By whom.
    pub closed_by: String,
    /// What may be missing all the same.
    pub exceptions: Vec<Exception>,
    /// The events that it counts; none of closes that were made before this was kept.
    pub evidence: Option<Evidence>,
    /// How many statements it froze.
    pub statements: i64,
    /// The hash of the close before; zeros for the first.
    pub prev_hash: String,
    /// Its own.
    pub hash: String,
}

/// What a close would freeze.
#[derive(Debug)]
pub struct Draft {
    /// The period with its apps.
    pub open: Open,
    /// The statements.
    pub statements: Vec<Statement>,
    /// What may be missing.
    pub exceptions: Vec<Exception>,
    /// What it stands on.
    pub position: i64,
    /// The period that has to be closed before it, where there is one.
    pub behind: Option<BillingPeriodId>,
}

impl Draft {
    /// The same, where it is its turn to be closed.
    pub fn in_turn(self) -> Result<Self, BillingError> {
        match self.behind {
            Some(before) => Err(BillingError::EarlierOpen(before)),
            None => Ok(self),
        }
    }
}

/// How a close is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The period.
    pub period: BillingPeriodId,
    /// What may be missing of it, as it was named; two people have to want it.
    pub exceptions: Vec<Exception>,
    /// How long after its end a period can be closed at the earliest, in microseconds.
    pub grace: i64,
    /// Who bills, as printed statements name it from then on; empty where that is not said.
    pub issuer: String,
}

/// What a close would freeze now. Nothing is changed.
pub async fn draft(db: &Db, period: BillingPeriodId, now: Micros) -> Result<Draft, BillingError> {
    let mut tx = db.snapshot().await?;
    let position = log::head_in(&mut tx, Log::Usage).await?;
    draft_in(&mut tx, period, now, position).await
}

/// Closes a period in a transaction. What was `recounted` of it before is not counted again while everybody waits.
pub async fn close_in(
    tx: &mut Tx,
    by: &By<'_>,
    asked: &Asked,
    recounted: &Recounted,
) -> Result<Close, BillingError> {
    // Nothing of plans, apps and contracts changes while it is at it, and nothing is folded: journals wait.
    advance(tx, Log::Control, 0).await?;
    let position = advance(tx, Log::Usage, 0).await?;
    let Draft { open, statements, exceptions, .. } =
        draft_in(tx, asked.period, by.now, position).await?.in_turn()?;
    let bounds = open.period.bounds;
    let earliest = Micros(bounds.end.0.saturating_add(asked.grace));
    if by.now < earliest {
        return Err(BillingError::Early(earliest));
    }
    let mut named = asked.exceptions.clone();
    named.sort_unstable();
    named.dedup();
    let are_meant = named.len() == exceptions.len()
        && exceptions.iter().zip(&named).all(|(found, named)| found.is_meant(named));
    if !are_meant {
        return Err(BillingError::Incomplete(exceptions));
    }
    if !exceptions.is_empty() {
        by.with_another()?;
    }
    let span = period::Period { from: bounds.start, to: bounds.end };
    let (evidence, days) = recounted.holds(tx, (asked.period, span), position).await?;
    let digests = store::insert_statements(tx, &statements).await?;
    credits::store::book(tx, &statements).await?;
    names::freeze(tx, asked.period, (&statements, &asked.issuer)).await?;
    let last = store::last_close(tx).await?;
    let mut close = Close {
        number: last.as_ref().map_or(1, |last| last.number + 1),
        period_id: asked.period,
        from: bounds.start,
        to: bounds.end,
        time_zone: open.period.zone_name().to_owned(),
        position,
        closed_at: by.now,
        closed_by: by.actor.to_owned(),
        exceptions,
        evidence: Some(evidence),
        statements: i64::try_from(statements.len()).unwrap_or(i64::MAX),
        prev_hash: last.map_or_else(|| "0".repeat(64), |last| last.hash),
        hash: String::new(),
    };
    let ids = statements.iter().map(|statement| statement.id);
    close.hash = close.digest(ids.zip(&digests).map(|(id, digest)| format!("{id} {digest}")))?;
    proof::store::insert_days(tx, asked.period, &days).await?;
    store::insert_close(tx, &close).await?;
    adjustments::store::book(tx, &statements).await?;
    let detail = json!({
        "number": close.number, "from": close.from, "to": close.to, "position": position,
        "statements": close.statements, "exceptions": close.exceptions,
        "events": close.evidence.as_ref().map(|evidence| evidence.events), "hash": close.hash,
    });
    let subject = asked.period.to_string();
    append(tx, by, Deed { action: "billing_period.close".to_owned(), subject, detail }).await?;
    Ok(close)
}

impl Close {
    /// Who asked for it, and who approved it where it took two people.
    #[must_use]
    pub fn people(&self) -> (&str, Option<&str>) {
        let both = self.closed_by.split_once(" approved by ");
        both.map_or((self.closed_by.as_str(), None), |(one, other)| (one, Some(other)))
    }

    /// SHA-256 over the close before, this one with its evidence and its statements, each as id and digest, in the order of
    /// the ids.
    pub fn digest(&self, statements: impl Iterator<Item = String>) -> Result<String, StoreError> {
        let exceptions = serde_json::to_string(&self.exceptions)
            .map_err(|e| StoreError::corrupt("billing_closes", e))?;
        let mut hasher = Sha256::new();
        let Self { number, period_id, from, to, time_zone, position, closed_at, .. } = self;
        hasher.update(format!(
            "{}\n{number}\n{period_id}\n{}\n{}\n{time_zone}\n{position}\n{}\n{}\n{exceptions}\n",
            self.prev_hash, from.0, to.0, closed_at.0, self.closed_by
        ));
        if let Some(evidence) = &self.evidence {
            let evidence = serde_json::to_string(evidence)
                .map_err(|e| StoreError::corrupt("billing_closes", e))?;
            hasher.update(format!("{evidence}\n"));
        }
        for statement in statements {
            hasher.update(statement);
            hasher.update("\n");
        }
        Ok(hex(hasher.finalize()))
    }
}

async fn draft_in(
    tx: &mut Tx,
    period: BillingPeriodId,
    now: Micros,
    position: i64,
) -> Result<Draft, BillingError> {
    if let Some(close) = store::close_of(tx, period).await? {
        return Err(BillingError::Closed(close.closed_at));
    }
    let books = Books::read(tx, None).await?;
    let open = books.open(now).into_iter().find(|open| open.period.id() == period);
    let open = open.ok_or(BillingError::UnknownPeriod(period))?;
    let behind = books.before(&open).map(|before| before.period.id());
    let statements = books.statements(tx, &open, None).await?;
    let bounds = open.period.bounds;
    let span = period::Period { from: bounds.start, to: bounds.end };
    let exceptions = lacking(tx, span, now).await?;
    Ok(Draft { open, statements, exceptions, position, behind })
}

/// What of a span may be missing, so that it cannot be called complete.
pub(super) async fn lacking(
    tx: &mut Tx,
    span: period::Period,
    now: Micros,
) -> Result<Vec<Exception>, StoreError> {
    let lacking = incomplete(tx, span, now).await?.into_iter().filter(Incomplete::hinders);
    let exception = |it: Incomplete| {
        let Incomplete { lack: kind, node, epoch, from_seq, before_seq, .. } = it;
        Exception { kind, node, epoch, from_seq, before_seq }
    };
    let mut exceptions: Vec<Exception> = lacking.map(exception).collect();
    exceptions.sort_unstable();
    exceptions.dedup();
    Ok(exceptions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_meant_by_its_first_number_and_not_by_another_end() {
        let gap = |before_seq| Exception {
            kind: Lack::Gap,
            node: NodeId(9),
            epoch: 4,
            from_seq: 17,
            before_seq,
        };
        let found = gap(Some(20));
        assert!(found.is_meant(&found) && found.is_meant(&gap(None)));
        assert!(!found.is_meant(&gap(Some(21))) && !gap(None).is_meant(&found));
        assert!(found.to_string().ends_with("calls from number 17 to below 20 may be missing"));
        // The hash of a close that was made before ends were kept is over this text.
        let text = serde_json::to_string(&gap(None)).unwrap();
        assert!(text.ends_with(r#""epoch":4,"from_seq":17}"#), "{text}");
        assert_eq!(serde_json::from_str::<Exception>(&text).unwrap(), gap(None));
    }
}
