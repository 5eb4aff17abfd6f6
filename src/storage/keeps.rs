//! What the database itself keeps as it was written: triggers that refuse to change or delete rows.
//!
//! Whoever owns the database can take them away; then the chains of hashes over audit log and closes still show what was
//! changed.

use super::{Db, StoreError, Tx};

/// A table whose rows are never deleted, and never changed but where a condition says so.
struct Keep {
    table: &'static str,
    /// What the refusal says.
    says: &'static str,
    /// When a row may not be changed, over `OLD` and `NEW`; always where there is none.
    update: Option<&'static str>,
    /// When a row may not be added, a query over `NEW` that finds something.
    insert: Option<&'static str>,
}

/// The hash of an entry of the audit log may be set once, and that is all.
const AUDIT: &str = "OLD.hash IS NOT NULL OR NEW.position <> OLD.position";
/// A closed period takes no more statements: they are written before their close.
const CLOSED: &str = "SELECT 1 FROM billing_closes WHERE period_id = NEW.period_id";

/// A grant that has ended pays for nothing more, and no statement draws anything once its period is closed.
const DRAWN: &str = "SELECT 1 FROM credit_ends WHERE grant_id = NEW.grant_id \
     UNION ALL SELECT 1 FROM statements s JOIN billing_closes c ON c.period_id = s.period_id \
     WHERE s.id = NEW.statement_id";

const KEEPS: [Keep; 10] = [
    Keep {
        table: "audit_log",
        says: "the audit log is never changed",
        update: Some(AUDIT),
        insert: None,
    },
    Keep { table: "billing_closes", says: "a close is never changed", update: None, insert: None },
    Keep {
        table: "statements",
        says: "what a closed period owes is never changed",
        update: None,
        insert: Some(CLOSED),
    },
    Keep {
        table: "app_past_owners",
        says: "whose an app was is never changed",
        update: None,
        insert: None,
    },
    Keep {
        table: "adjustments",
        says: "an adjustment is never changed",
        update: None,
        insert: None,
    },
    Keep {
        table: "adjustment_bookings",
        says: "where an adjustment was booked is never changed",
        update: None,
        insert: None,
    },
    Keep {
        table: "voided_events",
        says: "what an adjustment is about is never changed",
        update: None,
        insert: None,
    },
    Keep {
        table: "credit_grants",
        says: "a grant of credit is never changed",
        update: None,
        insert: None,
    },
    Keep {
        table: "credit_ends",
        says: "the end of a grant of credit is never changed",
        update: None,
        insert: None,
    },
    Keep {
        table: "credit_draws",
        says: "what was drawn of a credit is never changed",
        update: None,
        insert: Some(DRAWN),
    },
];

impl Keep {
    /// The trigger that is made last: where it is, all are.
    fn mark(&self) -> String {
        format!("{}_no_delete", self.table)
    }

    fn sqlite(&self) -> Vec<String> {
        let Self { table, says, .. } = self;
        let trigger = |what: &str, when: &str| {
            format!(
                "CREATE TRIGGER IF NOT EXISTS {table}_no_{what} BEFORE {what} ON {table} {when} \
                 BEGIN SELECT RAISE(ABORT, '{says}'); END"
            )
        };
        let update = self.update.map(|when| format!("WHEN {when}")).unwrap_or_default();
        let insert = self.insert.map(|query| trigger("insert", &format!("WHEN EXISTS ({query})")));
        let all = [Some(trigger("update", &update)), insert, Some(trigger("delete", ""))];
        all.into_iter().flatten().collect()
    }

    fn postgres(&self) -> Vec<String> {
        let Self { table, says, .. } = self;
        let function = |name: &str, body: &str| {
            format!(
                "CREATE OR REPLACE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ \
                 BEGIN {body} END $$"
            )
        };
        let refuse = format!("RAISE EXCEPTION '{says}';");
        let trigger = |what: &str, rest: &str, name: &str| {
            format!(
                "CREATE OR REPLACE TRIGGER {table}_no_{what} BEFORE {what} ON {table} {rest} \
                 EXECUTE FUNCTION {table}_{name}()"
            )
        };
        let update = self.update.map(|when| format!("WHEN ({when})")).unwrap_or_default();
        let mut all = vec![
            function("keep", &refuse),
            trigger("update", &format!("FOR EACH ROW {update}"), "keep"),
            trigger("truncate", "FOR EACH STATEMENT", "keep"),
        ];
        if let Some(query) = self.insert {
            // A condition of a trigger may not ask other tables there; its function may.
            let body = format!("IF EXISTS ({query}) THEN {refuse} END IF; RETURN NEW;");
            all.push(function("keep_out", &body));
            all.push(trigger("insert", "FOR EACH ROW", "keep_out"));
        }
        all.push(trigger("delete", "FOR EACH ROW", "keep"));
        all
    }
}

/// Makes the triggers that are not there. Where they are, nothing is locked: a start must not wait for who writes.
pub(super) async fn keep(db: &Db) -> Result<(), StoreError> {
    for keep in &KEEPS {
        if !is_kept(db, keep).await? {
            make(db, keep).await?;
        }
    }
    Ok(())
}

async fn is_kept(db: &Db, keep: &Keep) -> Result<bool, StoreError> {
    const SQLITE: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name = $1";
    const POSTGRES: &str = "SELECT COUNT(*) FROM pg_trigger t \
         JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE t.tgname = $1 AND n.nspname = current_schema()";
    let mark = keep.mark();
    let made: i64 = match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(SQLITE).bind(mark).fetch_one(read).await?,
        Db::Postgres(pool) => sqlx::query_scalar(POSTGRES).bind(mark).fetch_one(pool).await?,
    };
    Ok(made > 0)
}

async fn make(db: &Db, keep: &Keep) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    match &mut tx {
        Tx::Sqlite(tx) => {
            for statement in keep.sqlite() {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut **tx).await?;
            }
        }
        Tx::Postgres(tx) => {
            // Of nodes that start together, one makes them.
            let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", keep.table);
            sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut **tx).await?;
            for statement in keep.postgres() {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut **tx).await?;
            }
        }
    }
    tx.commit().await
}
