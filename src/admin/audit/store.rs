//! Which entries of the audit log are meant, and the SQL that finds them.

use crate::http::Params;
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use crate::on_db;
use crate::storage::{Db, StoreError};
use sqlx::{FromRow, QueryBuilder};

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct AuditRow {
    /// Its place in the log.
    pub(super) position: i64,
    /// Who did it.
    pub(super) actor: String,
    /// What was done: `key.revoke`.
    pub(super) action: String,
    /// The id of what it was done to.
    pub(super) subject: String,
    /// What it became, as JSON.
    pub(super) detail: String,
    /// When, in microseconds.
    pub(super) occurred_at: i64,
}

/// What entries are asked for: those that fit all that is there.
#[derive(Debug, Default)]
pub(super) struct AuditFilter {
    subject: Option<String>,
    partner: Option<PartnerId>,
    actor: Option<String>,
    action: Option<String>,
    from: Option<Micros>,
    until: Option<Micros>,
}

impl AuditFilter {
    /// Reads the filter and notes what is wrong with it.
    pub(super) fn read(params: &mut Params) -> Self {
        let filter = Self {
            subject: params.text("subject"),
            partner: params.value("partner_id"),
            actor: params.text("actor"),
            action: params.text("action"),
            from: params.value("from"),
            until: params.value("to"),
        };
        let is_id = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let is_action =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b"_.".contains(&b));
        if filter.subject.as_deref().is_some_and(|text| !is_id(text)) {
            params.fault("subject", "malformed", "must be an id, like key_0Ab12Cd34Ef");
        }
        if filter.actor.as_deref().is_some_and(|text| !is_id(text)) {
            let message = "must be the id of an account or a token, like adm_9pSz33qRsTu, or a part of the program, \
                           like cli";
            params.fault("actor", "malformed", message);
        }
        if filter.action.as_deref().is_some_and(|text| !is_action(text)) {
            params.fault(
                "action",
                "malformed",
                "must be an action, like key.revoke, or a kind, like key",
            );
        }
        if let (Some(from), Some(until)) = (filter.from, filter.until)
            && from >= until
        {
            params.fault(
                "to",
                "out_of_range",
                "lies behind `from`: entries are from `from` on and before `to`",
            );
        }
        filter
    }
}

/// Narrows a statement to what a filter asks for, once per engine.
macro_rules! narrow {
    ($sql:ident, $filter:ident) => {
        if let Some(subject) = &$filter.subject {
            $sql.push(" AND subject = ").push_bind(subject.clone());
        }
        if let Some(partner) = $filter.partner.map(|id| id.to_string()) {
            $sql.push(" AND subject IN (SELECT ").push_bind(partner.clone());
            $sql.push(" UNION ALL SELECT id FROM apps WHERE partner_id = ").push_bind(partner.clone());
            $sql.push(" UNION ALL SELECT k.id FROM keys k JOIN apps a ON a.id = k.app_id WHERE a.partner_id = ");
            $sql.push_bind(partner).push(")");
        }
        if let Some(actor) = &$filter.actor {
            // What two people have done together is found under both.
            let (first, second) = (format!("{actor} approved by %"), format!("% approved by {actor}"));
            $sql.push(" AND (actor = ").push_bind(actor.clone());
            $sql.push(" OR actor LIKE ").push_bind(first);
            $sql.push(" OR actor LIKE ").push_bind(second).push(")");
        }
        if let Some(action) = &$filter.action {
            $sql.push(" AND (action = ").push_bind(action.clone());
            // A kind stands for all that is done to things of that kind.
            $sql.push(" OR action LIKE ").push_bind(format!("{}.%", action.replace('_', "~_")));
            $sql.push(" ESCAPE '~')");
        }
        if let Some(from) = $filter.from {
            $sql.push(" AND occurred_at >= ").push_bind(from.0);
        }
        if let Some(until) = $filter.until {
            $sql.push(" AND occurred_at < ").push_bind(until.0);
        }
    };
}

/// Entries before a position that a filter asks for, newest first.
pub(super) async fn find(
    db: &Db,
    filter: &AuditFilter,
    before: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    const LIST: &str = "SELECT position, actor, action, subject, detail, occurred_at FROM audit_log \
                        WHERE position < ";
    Ok(on_db!(db, c => {
        let mut sql = QueryBuilder::new(LIST);
        sql.push_bind(before);
        narrow!(sql, filter);
        sql.push(" ORDER BY position DESC LIMIT ").push_bind(i64::from(limit));
        sql.build_query_as().fetch_all(c).await
    })?)
}
