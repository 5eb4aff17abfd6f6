//! What the database itself keeps as it was written: triggers that refuse to change, replace or delete rows.
//!
//! Sums by hour are added to for ever, since calls may come late: of closed periods they never shrink, and what was added
//! that is not of the events is found by a close and by `usage reconcile`.
//!
//! Whoever owns the database can take them away; then the chains of hashes over audit log and closes still show what was
//! changed.

use super::{Db, StoreError, Tx};

/// Changes with how triggers are made, so that they are made anew.
const FORM: u32 = 1;

/// A table whose rows are never deleted, and never changed but where a condition says so.
#[derive(Debug)]
struct Keep {
    table: &'static str,
    /// What the refusal says.
    says: &'static str,
    /// When a row may not be changed, over `OLD` and `NEW`; always where there is none.
    update: Option<&'static str>,
    /// When a row may not be deleted, over `OLD`; always where there is none.
    delete: Option<&'static str>,
    /// When a row may not be added, a query over `NEW` that finds something.
    insert: Option<&'static str>,
    /// What no two rows share, as a condition over a row that is there and `NEW`. On SQLite `INSERT OR REPLACE` deletes
    /// such a row without asking the triggers that keep it, so none may be added. None where the program adds to rows that
    /// are there.
    same: Option<&'static str>,
}

/// A table whose rows are never changed.
const fn never(table: &'static str, says: &'static str, same: &'static str) -> Keep {
    Keep { table, says, update: None, delete: None, insert: None, same: Some(same) }
}

/// The hash of an entry of the audit log may be set once, and that is all.
const AUDIT: &str = "OLD.hash IS NOT NULL OR NEW.position <> OLD.position";
/// A closed period takes no more statements, and no more days: they are written before their close.
const CLOSED: &str = "SELECT 1 FROM billing_closes WHERE period_id = NEW.period_id";

/// A grant that has ended pays for nothing more, and no statement draws anything once its period is closed.
const DRAWN: &str = "SELECT 1 FROM credit_ends WHERE grant_id = NEW.grant_id \
     UNION ALL SELECT 1 FROM statements s JOIN billing_closes c ON c.period_id = s.period_id \
     WHERE s.id = NEW.statement_id";

/// A key that signs may be retired once, and that is all.
const SIGNING: &str = "OLD.retired_at IS NOT NULL OR NEW.kid <> OLD.kid OR NEW.generation <> OLD.generation \
    OR NEW.public <> OLD.public OR NEW.made_at <> OLD.made_at";
/// A key of the authorization server may be withdrawn once, and that is all.
const AUTHZ_KEY: &str = "OLD.withdrawn_at IS NOT NULL OR NEW.signs <> OLD.signs OR NEW.generation <> OLD.generation \
    OR NEW.kid <> OLD.kid OR NEW.public <> OLD.public OR NEW.active_from <> OLD.active_from \
    OR NEW.made_at <> OLD.made_at";
/// Of an hour that a closed period has a part of.
macro_rules! in_closed_hour {
    () => {
        "EXISTS (SELECT 1 FROM billing_closes \
         WHERE ends_at > OLD.hour AND starts_at < OLD.hour + 3600000000)"
    };
}
/// Sums by hour stay what they are of, and grow.
const SHRINKS: &str = concat!(
    "(NEW.requests < OLD.requests OR NEW.records < OLD.records OR NEW.bytes < OLD.bytes \
     OR NEW.weight_milli < OLD.weight_milli OR NEW.billable <> OLD.billable OR NEW.hour <> OLD.hour \
     OR NEW.app_id <> OLD.app_id OR NEW.partner_id <> OLD.partner_id OR NEW.key_id <> OLD.key_id \
     OR NEW.environment <> OLD.environment OR NEW.operation <> OLD.operation OR NEW.status <> OLD.status \
     OR NEW.outcome <> OLD.outcome OR NEW.rule <> OLD.rule OR NEW.plan_id <> OLD.plan_id \
     OR NEW.plan_version <> OLD.plan_version) AND ",
    in_closed_hour!()
);

/// A process that records calls goes on: what it has recorded and accounted for only grows.
const UNTOLD: &str = "NEW.node <> OLD.node OR NEW.epoch <> OLD.epoch OR NEW.started_at <> OLD.started_at \
    OR NEW.next_seq < OLD.next_seq OR NEW.accounted < OLD.accounted";

/// Whose a consent is never changes, what has ended or was taken back does not come back, and who is forgotten stays so.
const CONSENT: &str = "NEW.id <> OLD.id OR NEW.client_id <> OLD.client_id OR NEW.partner_id <> OLD.partner_id \
    OR NEW.subject_ref <> OLD.subject_ref OR NEW.seq < OLD.seq OR NEW.version < OLD.version \
    OR OLD.status IN ('revoked', 'expired', 'denied') AND NEW.status <> OLD.status \
    OR OLD.tokens_since IS NOT NULL AND (NEW.tokens_since IS NULL OR NEW.tokens_since < OLD.tokens_since) \
    OR OLD.erased_at IS NOT NULL";
/// A version may end, get its receipt and lose what leads to its customer.
const CONSENT_VERSION: &str = "NEW.grant_id <> OLD.grant_id OR NEW.version <> OLD.version";

const KEEPS: [Keep; 25] = [
    Keep {
        update: Some(AUDIT),
        ..never("audit_log", "the audit log is never changed", "position = NEW.position")
    },
    never(
        "billing_closes",
        "a close is never changed",
        "number = NEW.number OR period_id = NEW.period_id",
    ),
    Keep {
        insert: Some(CLOSED),
        ..never(
            "billing_close_days",
            "the days of a close are never changed",
            "period_id = NEW.period_id AND day = NEW.day",
        )
    },
    Keep {
        insert: Some(CLOSED),
        ..never(
            "statements",
            "what a closed period owes is never changed",
            "id = NEW.id OR period_id = NEW.period_id AND partner_id = NEW.partner_id \
             AND app_id = NEW.app_id AND currency = NEW.currency",
        )
    },
    never(
        "billing_names",
        "what a closed period calls partners, apps and the retailer is never changed",
        "period_id = NEW.period_id AND subject_id = NEW.subject_id",
    ),
    never(
        "usage_exports",
        "which export was made of what is never changed",
        "number = NEW.number OR export_id = NEW.export_id",
    ),
    never(
        "app_past_owners",
        "whose an app was is never changed",
        "app_id = NEW.app_id AND until_at = NEW.until_at",
    ),
    never(
        "adjustments",
        "an adjustment is never changed",
        "id = NEW.id OR operation_key = NEW.operation_key OR reverses = NEW.reverses",
    ),
    never(
        "adjustment_bookings",
        "where an adjustment was booked is never changed",
        "adjustment_id = NEW.adjustment_id AND statement_id = NEW.statement_id",
    ),
    never(
        "voided_events",
        "what an adjustment is about is never changed",
        "event_id = NEW.event_id AND adjustment_id = NEW.adjustment_id",
    ),
    never(
        "usage_segments",
        "the ledger is never changed",
        "node = NEW.node AND epoch = NEW.epoch AND segment = NEW.segment OR position = NEW.position",
    ),
    never(
        "plan_versions",
        "a version of a plan is never changed",
        "plan_id = NEW.plan_id AND version = NEW.version",
    ),
    Keep {
        update: Some(SIGNING),
        ..never(
            "signing_keys",
            "a key that signs is never changed",
            "kid = NEW.kid OR generation = NEW.generation",
        )
    },
    Keep {
        update: Some(AUTHZ_KEY),
        ..never(
            "authz_keys",
            "a key of the authorization server is never changed",
            "kid = NEW.kid OR signs = NEW.signs AND generation = NEW.generation",
        )
    },
    Keep {
        update: Some(SHRINKS),
        delete: Some(in_closed_hour!()),
        same: None,
        ..never("usage_hours", "sums by hour of a closed period are never made smaller", "")
    },
    Keep {
        update: Some(UNTOLD),
        same: None,
        ..never("usage_runs", "what a process has recorded is never untold", "")
    },
    never("credit_grants", "a grant of credit is never changed", "id = NEW.id"),
    never(
        "credit_ends",
        "the end of a grant of credit is never changed",
        "grant_id = NEW.grant_id",
    ),
    Keep {
        insert: Some(DRAWN),
        ..never(
            "credit_draws",
            "what was drawn of a credit is never changed",
            "grant_id = NEW.grant_id AND statement_id = NEW.statement_id",
        )
    },
    Keep {
        update: Some(CONSENT),
        ..never(
            "consents",
            "whose a consent is and that it has ended is never changed",
            "id = NEW.id OR seq = NEW.seq",
        )
    },
    Keep {
        update: Some(CONSENT_VERSION),
        ..never(
            "consent_versions",
            "a version of a consent is never taken away",
            "grant_id = NEW.grant_id AND version = NEW.version",
        )
    },
    never("consent_events", "the ledger of consents is never changed", "seq = NEW.seq"),
    never("consent_checkpoints", "what was signed is never changed", "seq = NEW.seq"),
    never(
        "consent_purposes",
        "a purpose that was published is never changed",
        "client_id = NEW.client_id AND purpose_id = NEW.purpose_id AND version = NEW.version",
    ),
    never(
        "consent_notices",
        "a notice that was published is never changed",
        "notice_id = NEW.notice_id AND version = NEW.version",
    ),
];

impl Keep {
    /// Ends the names of its triggers: another for other conditions, so that those of another version are known as such.
    fn mark(&self) -> String {
        let digest = blake3::hash(format!("{FORM} {self:?}").as_bytes()).to_hex();
        digest[..8].to_owned()
    }

    /// The name of the trigger that looks at what is done.
    fn name(&self, what: &str) -> String {
        format!("{}_no_{what}_{}", self.table, self.mark())
    }

    /// The names of all its triggers, in their order.
    fn names(&self, db: &Db) -> Vec<String> {
        let last = match db {
            Db::Sqlite { .. } => self.same.map(|_| "replace"),
            Db::Postgres(_) => Some("truncate"),
        };
        let insert = self.insert.map(|_| "insert");
        let mut names: Vec<String> = ["delete", "update"]
            .into_iter()
            .chain(insert)
            .chain(last)
            .map(|what| self.name(what))
            .collect();
        names.sort_unstable();
        names
    }

    fn sqlite(&self) -> Vec<String> {
        let Self { table, says, .. } = self;
        let trigger = |name: &str, what: &str, when: &str| {
            format!(
                "CREATE TRIGGER {} BEFORE {what} ON {table} {when} \
                 BEGIN SELECT RAISE(ABORT, '{says}'); END",
                self.name(name)
            )
        };
        let when = |when: Option<&str>| when.map(|when| format!("WHEN {when}")).unwrap_or_default();
        let insert =
            |name: &str, query: &str| trigger(name, "insert", &format!("WHEN EXISTS ({query})"));
        let all = [
            Some(trigger("update", "update", &when(self.update))),
            self.insert.map(|query| insert("insert", query)),
            Some(trigger("delete", "delete", &when(self.delete))),
            self.same.map(|same| insert("replace", &format!("SELECT 1 FROM {table} WHERE {same}"))),
        ];
        all.into_iter().flatten().collect()
    }

    fn postgres(&self) -> Vec<String> {
        let (Self { table, says, .. }, mark) = (self, self.mark());
        let function = |name: &str, body: &str| {
            format!(
                "CREATE OR REPLACE FUNCTION {table}_{name}_{mark}() RETURNS trigger LANGUAGE plpgsql AS $$ \
                 BEGIN {body} END $$"
            )
        };
        let refuse = format!("RAISE EXCEPTION '{says}';");
        let trigger = |what: &str, rest: &str, name: &str| {
            format!(
                "CREATE TRIGGER {} BEFORE {what} ON {table} {rest} \
                 EXECUTE FUNCTION {table}_{name}_{mark}()",
                self.name(what)
            )
        };
        // A condition of a trigger may not ask other tables there; its function may.
        let unless = |when: Option<String>, goes_on: &str| match when {
            Some(when) => format!("IF {when} THEN {refuse} END IF; RETURN {goes_on};"),
            None => refuse.clone(),
        };
        let owned = |when: Option<&str>| when.map(str::to_owned);
        let mut all = vec![
            function("keep", &refuse),
            function("keep_as", &unless(owned(self.update), "NEW")),
            function("keep_in", &unless(owned(self.delete), "OLD")),
            trigger("update", "FOR EACH ROW", "keep_as"),
            trigger("truncate", "FOR EACH STATEMENT", "keep"),
        ];
        if let Some(query) = self.insert {
            let body = unless(Some(format!("EXISTS ({query})")), "NEW");
            all.push(function("keep_out", &body));
            all.push(trigger("insert", "FOR EACH ROW", "keep_out"));
        }
        all.push(trigger("delete", "FOR EACH ROW", "keep_in"));
        all
    }
}

/// Makes the triggers that are not there, in place of those of another version. Where they are, nothing is locked: a start
/// must not wait for who writes.
pub(super) async fn keep(db: &Db) -> Result<(), StoreError> {
    for keep in &KEEPS {
        if made(db, keep).await? != keep.names(db) {
            make(db, keep).await?;
        }
    }
    Ok(())
}

/// The names of triggers that keep a table, in their order.
const SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = $1 \
     AND substr(name, 1, length($1) + 4) = $1 || '_no_' ORDER BY name";
const POSTGRES: &str = "SELECT t.tgname::text FROM pg_trigger t \
     JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relname = $1 AND n.nspname = current_schema() \
     AND substr(t.tgname, 1, length($1) + 4) = $1 || '_no_' ORDER BY t.tgname COLLATE \"C\"";

async fn made(db: &Db, keep: &Keep) -> Result<Vec<String>, StoreError> {
    Ok(match db {
        Db::Sqlite { read, .. } => {
            sqlx::query_scalar(SQLITE).bind(keep.table).fetch_all(read).await?
        }
        Db::Postgres(pool) => sqlx::query_scalar(POSTGRES).bind(keep.table).fetch_all(pool).await?,
    })
}

async fn make(db: &Db, keep: &Keep) -> Result<(), StoreError> {
    let table = keep.table;
    let mut tx = db.begin().await?;
    match &mut tx {
        Tx::Sqlite(tx) => {
            let old: Vec<String> =
                sqlx::query_scalar(SQLITE).bind(table).fetch_all(&mut **tx).await?;
            let drop = old.iter().map(|name| format!("DROP TRIGGER {name}"));
            for statement in drop.chain(keep.sqlite()) {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut **tx).await?;
            }
        }
        Tx::Postgres(tx) => {
            // Of nodes that start together, one makes them after the other.
            let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
            sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut **tx).await?;
            let old: Vec<String> =
                sqlx::query_scalar(POSTGRES).bind(table).fetch_all(&mut **tx).await?;
            if old == keep.names(db) {
                return Ok(());
            }
            let drop = old.iter().map(|name| format!("DROP TRIGGER {name} ON {table}"));
            for statement in drop.chain(keep.postgres()) {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut **tx).await?;
            }
        }
    }
    tx.commit().await
}
