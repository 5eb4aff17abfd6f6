//! All SQL of the hand-off.

use super::model::{Handoff, HandoffStatus, Named, Sink, Standing};
use super::totals::{Customers, MIXED};
use crate::billing::model::Statement;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::kernel::word::Word as _;
use crate::outbound::Called;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const HANDOFFS: &str = "handoffs";
const CUSTOMERS: &str = "handoff_customers";

#[derive(FromRow)]
struct StandingRow {
    position: i64,
    totalled_at: Option<i64>,
    failures: i64,
    next_at: i64,
    taken_at: Option<i64>,
    answer: Option<i64>,
    error: Option<String>,
}

impl From<StandingRow> for Standing {
    fn from(row: StandingRow) -> Self {
        let StandingRow { position, totalled_at, failures, next_at, taken_at, answer, error } = row;
        let (totalled_at, taken_at) = (totalled_at.map(Micros), taken_at.map(Micros));
        Self { position, totalled_at, failures, next_at: Micros(next_at), taken_at, answer, error }
    }
}

/// How a system is; none where nothing was looked for it yet.
pub async fn standing(db: &Db, sink: Sink) -> Result<Option<Standing>, StoreError> {
    const FIND: &str = "SELECT position, totalled_at, failures, next_at, taken_at, answer, error \
                        FROM handoff_sinks WHERE name = $1";
    let row: Option<StandingRow> = on_db!(db, c => {
        sqlx::query_as(FIND).bind(sink.as_str()).fetch_optional(c).await
    })?;
    Ok(row.map(Standing::from))
}

/// Begins with a system, at a position.
pub(super) async fn begin(tx: &mut Tx, sink: Sink, position: i64) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO handoff_sinks (name, position) VALUES ($1, $2) \
                          ON CONFLICT (name) DO NOTHING";
    on_tx!(tx, c => {
        sqlx::query(INSERT).bind(sink.as_str()).bind(position).execute(c).await?;
    });
    Ok(())
}

/// The number of the last close.
pub(super) async fn last_close(tx: &mut Tx) -> Result<i64, StoreError> {
    const LAST: &str = "SELECT COALESCE(MAX(number), 0) FROM billing_closes";
    Ok(on_tx!(tx, c => sqlx::query_scalar(LAST).fetch_one(c).await)?)
}

/// The first close behind one: its number and its period.
pub(super) async fn close_behind(
    tx: &mut Tx,
    number: i64,
) -> Result<Option<(i64, BillingPeriodId)>, StoreError> {
    const NEXT: &str = "SELECT number, period_id FROM billing_closes WHERE number > $1 \
                        ORDER BY number LIMIT 1";
    let row: Option<(i64, String)> =
        on_tx!(tx, c => sqlx::query_as(NEXT).bind(number).fetch_optional(c).await)?;
    row.map(|(number, id)| Ok((number, parsed("billing_closes", &id)?))).transpose()
}

/// The frozen statements of a period whose apps have a customer in a system.
pub(super) async fn frozen(
    tx: &mut Tx,
    sink: Sink,
    period: BillingPeriodId,
) -> Result<Vec<Statement>, StoreError> {
    const LIST: &str = "SELECT s.document, s.digest FROM statements s JOIN handoff_customers h \
        ON h.sink = $1 AND h.app_id = s.app_id AND h.partner_id = s.partner_id \
        WHERE s.period_id = $2 ORDER BY s.id";
    let rows: Vec<(String, String)> = on_tx!(tx, c => {
        sqlx::query_as(LIST).bind(sink.as_str()).bind(period.to_string()).fetch_all(c).await
    })?;
    rows.iter().map(|(text, digest)| Statement::frozen(text, digest)).collect()
}

/// Notes that all up to a position is done with.
pub(super) async fn moved(tx: &mut Tx, sink: Sink, position: i64) -> Result<(), StoreError> {
    const MOVE: &str = "UPDATE handoff_sinks SET position = $2 WHERE name = $1 AND position < $2";
    on_tx!(tx, c => {
        sqlx::query(MOVE).bind(sink.as_str()).bind(position).execute(c).await?;
    });
    Ok(())
}

/// Notes when the totals of open periods were looked at.
pub(super) async fn totalled(tx: &mut Tx, sink: Sink, at: Micros) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE handoff_sinks SET totalled_at = $2 WHERE name = $1";
    on_tx!(tx, c => {
        sqlx::query(NOTE).bind(sink.as_str()).bind(at.0).execute(c).await?;
    });
    Ok(())
}

/// Notes that a system has answered, and when it has taken what it was told, if it has.
pub(super) async fn answered(
    tx: &mut Tx,
    sink: Sink,
    answer: Option<u16>,
    taken_at: Option<Micros>,
) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE handoff_sinks SET failures = 0, next_at = 0, answer = $2, error = NULL, \
                        taken_at = COALESCE($3, taken_at) WHERE name = $1";
    on_tx!(tx, c => {
        let note = sqlx::query(NOTE).bind(sink.as_str()).bind(answer.map(i64::from));
        note.bind(taken_at.map(|at| at.0)).execute(c).await?;
    });
    Ok(())
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) answer: Option<u16>,
    pub(super) error: Option<&'a str>,
}

impl Failure<'_> {
    /// How a call was answered, and why not, where it was not.
    pub(super) fn of(called: &Called) -> Self {
        match *called {
            Called::Answered(status, _) => Self { answer: Some(status), error: None },
            Called::Failed(word) => Self { answer: None, error: Some(word) },
        }
    }
}

/// Notes that a system cannot be spoken to, and until when it rests.
pub(super) async fn rests(
    tx: &mut Tx,
    sink: Sink,
    failure: Failure<'_>,
    until: Micros,
) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE handoff_sinks SET failures = failures + 1, next_at = $2, answer = $3, \
                        error = $4 WHERE name = $1";
    on_tx!(tx, c => {
        let note = sqlx::query(NOTE).bind(sink.as_str()).bind(until.0);
        note.bind(failure.answer.map(i64::from)).bind(failure.error).execute(c).await?;
    });
    Ok(())
}

/// Has a system spoken to at once, and what it has refused sent again; how many totals that are.
pub async fn retry(tx: &mut Tx, sink: Sink) -> Result<u64, StoreError> {
    const WAKE: &str = "UPDATE handoff_sinks SET next_at = 0 WHERE name = $1";
    const AGAIN: &str = "UPDATE handoffs SET status = 'pending', tries = 0, answer = NULL, error = NULL \
                         WHERE sink = $1 AND status = 'refused' AND error <> $2";
    Ok(on_tx!(tx, c => {
        sqlx::query(WAKE).bind(sink.as_str()).execute(&mut *c).await?;
        let again = sqlx::query(AGAIN).bind(sink.as_str()).bind(MIXED);
        again.execute(c).await?.rows_affected()
    }))
}

#[derive(FromRow)]
struct Row {
    id: String,
    sink: String,
    period_id: String,
    partner_id: String,
    app_id: String,
    charge: String,
    starts_at: i64,
    ends_at: i64,
    customer: String,
    name: String,
    total: String,
    stamp: i64,
    is_final: bool,
    status: String,
    decided_at: i64,
    tries: i64,
    answer: Option<i64>,
    error: Option<String>,
    taken_total: Option<String>,
    taken_at: Option<i64>,
}

impl TryFrom<Row> for Handoff {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(HANDOFFS, &row.id)?,
            sink: parsed(HANDOFFS, &row.sink)?,
            period: parsed(HANDOFFS, &row.period_id)?,
            from: Micros(row.starts_at),
            to: Micros(row.ends_at),
            partner: parsed(HANDOFFS, &row.partner_id)?,
            app: parsed(HANDOFFS, &row.app_id)?,
            charge: row.charge,
            customer: row.customer,
            name: row.name,
            total: row.total,
            stamp: row.stamp,
            is_final: row.is_final,
            status: parsed(HANDOFFS, &row.status)?,
            decided_at: Micros(row.decided_at),
            tries: row.tries,
            answer: row.answer,
            error: row.error,
            taken: row.taken_total.zip(row.taken_at.map(Micros)),
        })
    }
}

/// The totals of a period that are known.
pub(super) async fn of_period(
    tx: &mut Tx,
    sink: Sink,
    period: BillingPeriodId,
) -> Result<Vec<Handoff>, StoreError> {
    const LIST: &str = "SELECT * FROM handoffs WHERE sink = $1 AND period_id = $2";
    let rows: Vec<Row> = on_tx!(tx, c => {
        sqlx::query_as(LIST).bind(sink.as_str()).bind(period.to_string()).fetch_all(c).await
    })?;
    rows.into_iter().map(Handoff::try_from).collect()
}

/// Stores totals, in the place of those that they follow.
pub(super) async fn put(tx: &mut Tx, handoffs: &[Handoff]) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO handoffs (id, sink, period_id, partner_id, app_id, charge, starts_at, ends_at, \
        customer, name, total, stamp, is_final, status, decided_at, tries, answer, error, taken_total, taken_at) ";
    const REPLACE: &str = " ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, name = excluded.name, \
        total = excluded.total, stamp = excluded.stamp, is_final = excluded.is_final, status = excluded.status, \
        decided_at = excluded.decided_at, tries = excluded.tries, answer = excluded.answer, error = excluded.error";
    for some in handoffs.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(INSERT);
            insert.push_values(some, |mut row, it| {
                let (taken, taken_at) = it.taken.clone().unzip();
                row.push_bind(it.id.to_string())
                    .push_bind(it.sink.as_str())
                    .push_bind(it.period.to_string())
                    .push_bind(it.partner.to_string())
                    .push_bind(it.app.to_string())
                    .push_bind(&it.charge)
                    .push_bind(it.from.0)
                    .push_bind(it.to.0)
                    .push_bind(&it.customer)
                    .push_bind(&it.name)
                    .push_bind(&it.total)
                    .push_bind(it.stamp)
                    .push_bind(it.is_final)
                    .push_bind(it.status.as_str())
                    .push_bind(it.decided_at.0)
                    .push_bind(it.tries)
                    .push_bind(it.answer)
                    .push_bind(&it.error)
                    .push_bind(taken)
                    .push_bind(taken_at.map(|at| at.0));
            });
            insert.push(REPLACE);
            insert.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// Totals that are to be sent, what was not tried yet first.
pub(super) async fn pending(db: &Db, sink: Sink, most: u32) -> Result<Vec<Handoff>, StoreError> {
    const LIST: &str = "SELECT * FROM handoffs WHERE sink = $1 AND status = 'pending' \
                        ORDER BY tries, stamp, id LIMIT $2";
    let rows: Vec<Row> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(sink.as_str()).bind(i64::from(most)).fetch_all(c).await
    })?;
    rows.into_iter().map(Handoff::try_from).collect()
}

/// Notes that a total was taken, unless a newer one has its place by now.
pub(super) async fn taken(
    tx: &mut Tx,
    handoff: &Handoff,
    (answer, at): (Option<u16>, Micros),
) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE handoffs SET status = 'taken', answer = $3, error = NULL, taken_total = total, \
                        taken_at = $4 WHERE id = $1 AND stamp = $2";
    on_tx!(tx, c => {
        let note = sqlx::query(NOTE).bind(handoff.id.to_string()).bind(handoff.stamp);
        note.bind(answer.map(i64::from)).bind(at.0).execute(c).await?;
    });
    Ok(())
}

/// Notes that a total was not taken, in the same way.
pub(super) async fn not_taken(
    tx: &mut Tx,
    handoff: &Handoff,
    status: HandoffStatus,
    failure: Failure<'_>,
) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE handoffs SET status = $3, tries = tries + 1, answer = $4, error = $5 \
                        WHERE id = $1 AND stamp = $2";
    on_tx!(tx, c => {
        let note = sqlx::query(NOTE).bind(handoff.id.to_string()).bind(handoff.stamp);
        let note = note.bind(status.as_str()).bind(failure.answer.map(i64::from));
        note.bind(failure.error).execute(c).await?;
    });
    Ok(())
}

/// Which totals are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Of one system.
    pub sink: Option<Sink>,
    /// Of one app.
    pub app: Option<AppId>,
    /// Of one period.
    pub period: Option<BillingPeriodId>,
    /// With which this has become.
    pub status: Option<HandoffStatus>,
}

/// Totals behind an id, in the order of their ids.
pub async fn page(
    db: &Db,
    asked: &Asked,
    after: &str,
    limit: u32,
) -> Result<Vec<Handoff>, StoreError> {
    let rows: Vec<Row> = on_db!(db, c => {
        let mut list = sqlx::QueryBuilder::new("SELECT * FROM handoffs WHERE id > ");
        list.push_bind(after);
        if let Some(sink) = asked.sink {
            list.push(" AND sink = ").push_bind(sink.as_str());
        }
        if let Some(app) = asked.app {
            list.push(" AND app_id = ").push_bind(app.to_string());
        }
        if let Some(period) = asked.period {
            list.push(" AND period_id = ").push_bind(period.to_string());
        }
        if let Some(status) = asked.status {
            list.push(" AND status = ").push_bind(status.as_str());
        }
        list.push(" ORDER BY id LIMIT ").push_bind(i64::from(limit));
        list.build_query_as().fetch_all(c).await
    })?;
    rows.into_iter().map(Handoff::try_from).collect()
}

/// How many totals of a system have this status.
pub async fn count(db: &Db, sink: Sink, status: HandoffStatus) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM handoffs WHERE sink = $1 AND status = $2";
    Ok(on_db!(db, c => {
        sqlx::query_scalar(COUNT).bind(sink.as_str()).bind(status.as_str()).fetch_one(c).await
    })?)
}

/// Who the apps of partners are in a system.
pub(super) async fn customers(tx: &mut Tx, sink: Sink) -> Result<Customers, StoreError> {
    const LIST: &str = "SELECT app_id, partner_id, customer FROM handoff_customers WHERE sink = $1";
    let rows: Vec<(String, String, String)> =
        on_tx!(tx, c => sqlx::query_as(LIST).bind(sink.as_str()).fetch_all(c).await)?;
    let each = |(app, partner, customer): (String, String, String)| {
        Ok(((parsed(CUSTOMERS, &app)?, parsed(CUSTOMERS, &partner)?), customer))
    };
    rows.into_iter().map(each).collect()
}

/// Whose a customer of a system is.
pub(super) async fn of_customer(
    tx: &mut Tx,
    sink: Sink,
    customer: &str,
) -> Result<Option<(AppId, PartnerId)>, StoreError> {
    const FIND: &str =
        "SELECT app_id, partner_id FROM handoff_customers WHERE sink = $1 AND customer = $2";
    let row: Option<(String, String)> = on_tx!(tx, c => {
        sqlx::query_as(FIND).bind(sink.as_str()).bind(customer).fetch_optional(c).await
    })?;
    let each = |(app, partner): (String, String)| {
        Ok((parsed(CUSTOMERS, &app)?, parsed(CUSTOMERS, &partner)?))
    };
    row.map(each).transpose()
}

/// Says who an app is, as long as it is a partner's. The totals of open periods are looked at anew.
pub(super) async fn name(tx: &mut Tx, named: &Named) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO handoff_customers (sink, app_id, partner_id, customer, named_at) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sink, app_id, partner_id) \
        DO UPDATE SET customer = excluded.customer, named_at = excluded.named_at";
    const LOOK: &str = "UPDATE handoff_sinks SET totalled_at = NULL WHERE name = $1";
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(named.sink.as_str()).bind(named.app.to_string());
        let put = put.bind(named.partner.to_string()).bind(&named.customer);
        put.bind(named.named_at.0).execute(&mut *c).await?;
        sqlx::query(LOOK).bind(named.sink.as_str()).execute(c).await?;
    });
    Ok(())
}

/// Takes away who an app is, whoever's it was; whether it was anybody.
pub(super) async fn unname(tx: &mut Tx, sink: Sink, app: AppId) -> Result<bool, StoreError> {
    const DELETE: &str = "DELETE FROM handoff_customers WHERE sink = $1 AND app_id = $2";
    Ok(on_tx!(tx, c => {
        let delete = sqlx::query(DELETE).bind(sink.as_str()).bind(app.to_string());
        delete.execute(c).await?.rows_affected() > 0
    }))
}

/// Who apps are in a system, behind an app of a partner, in the order of their ids.
pub async fn named(
    db: &Db,
    sink: Sink,
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<Named>, StoreError> {
    const LIST: &str = "SELECT app_id, partner_id, customer, named_at FROM handoff_customers \
        WHERE sink = $1 AND (app_id > $2 OR (app_id = $2 AND partner_id > $3)) \
        ORDER BY app_id, partner_id LIMIT $4";
    let rows: Vec<(String, String, String, i64)> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(sink.as_str()).bind(after.0).bind(after.1);
        list.bind(i64::from(limit)).fetch_all(c).await
    })?;
    let each = |(app, partner, customer, at): (String, String, String, i64)| {
        let (app, partner) = (parsed(CUSTOMERS, &app)?, parsed(CUSTOMERS, &partner)?);
        Ok(Named { sink, app, partner, customer, named_at: Micros(at) })
    };
    rows.into_iter().map(each).collect()
}
