//! The end of a full import: what it did not name is staged, then deleted in batches, or held.

use super::Run;
use crate::feeds::kinds;
use crate::feeds::{Feed, Guard};
use crate::kernel::{Clock, Micros};
use crate::on_tx;
use crate::storage::{Db, StoreError, Tx, one_at_a_time};

/// Deletions in one transaction; of products and stores fewer, for their offers and levels go with them.
const BATCH: i64 = 500;
const BATCH_OF_PRODUCTS: i64 = 50;
const BATCH_OF_STORES: i64 = 1;

/// What is there, and what of it an import did not name.
struct Texts {
    total: &'static str,
    stage: &'static str,
}

// A full file speaks of what was there when its import began: what another import or a till has told
// since is newer, and no mark of this one stands for it.
macro_rules! texts {
    ($table:literal, $key:literal, $told_at:literal, $live:literal) => {
        Texts {
            total: concat!("SELECT count(*) FROM ", $table, " t WHERE $1 <> '' AND ", $live),
            stage: concat!(
                "INSERT INTO import_deletions (import_id, key) SELECT $1, ",
                $key,
                " FROM ",
                $table,
                " t WHERE ",
                $live,
                " AND ",
                $told_at,
                " <= $2 AND NOT EXISTS (SELECT 1 FROM feed_marks m
                 WHERE m.import_id = $1 AND m.key = ",
                $key,
                ")"
            ),
        }
    };
}

fn texts(feed: Feed) -> Texts {
    match feed {
        Feed::Categories => texts!("categories", "t.id", "t.updated_at", "t.deleted_at IS NULL"),
        Feed::Products => texts!("products", "t.id", "t.updated_at", "t.deleted_at IS NULL"),
        Feed::Stores => texts!("stores", "t.id", "t.updated_at", "t.deleted_at IS NULL"),
        Feed::Promotions => texts!("promotions", "t.id", "t.updated_at", "t.deleted_at IS NULL"),
        Feed::Offers => texts!(
            "offers",
            "t.product_id || '/' || t.store_id || '/' || t.channel",
            "t.updated_at",
            "t.deleted_at IS NULL AND EXISTS (SELECT 1 FROM feed_scopes s
             WHERE s.import_id = $1 AND s.scope = t.store_id || '/' || t.channel)"
        ),
        Feed::Stock => texts!(
            "stock_levels",
            "t.product_id || '/' || t.store_id",
            "t.received_at",
            "t.availability <> 'unknown' AND EXISTS (SELECT 1 FROM feed_scopes s
             WHERE s.import_id = $1 AND s.scope = t.store_id)"
        ),
    }
}

/// Up to when a full file speaks of what is there. Offers and levels that others have told since the file came first stay.
fn spoken_of(run: &Run) -> Micros {
    match run.feed {
        Feed::Offers | Feed::Stock => run.told_at,
        Feed::Categories | Feed::Products | Feed::Stores | Feed::Promotions => run.started_at,
    }
}

/// Stages what was there when the import began and it did not name. How many deletions are held for approval; none where they
/// may go ahead. `in_doubt` holds them whatever their number. Nothing of an
/// import that was superseded: it no longer knows all that it has named.
pub(in crate::feeds) async fn stage(
    db: &Db,
    run: &Run,
    guard: Guard,
    in_doubt: bool,
    now: Micros,
) -> Result<Option<u64>, StoreError> {
    const OWN: &str = "UPDATE imports SET status = 'sweeping' WHERE id = $1 AND status = 'running'";
    const CLEAR: [&str; 2] = [
        "DELETE FROM feed_marks WHERE import_id = $1",
        "DELETE FROM feed_scopes WHERE import_id = $1",
    ];
    const STATUS: &str =
        "UPDATE imports SET status = $1, held = $2, finished_at = $3 WHERE id = $4";
    let mut tx = db.begin().await?;
    one_at_a_time(&mut tx, run.feed.as_str()).await?;
    let own = on_tx!(&mut tx, c => {
        sqlx::query(OWN).bind(&run.id).execute(c).await?.rows_affected()
    });
    if own == 0 {
        return Ok(None);
    }
    let texts = texts(run.feed);
    let (total, staged): (i64, u64) = on_tx!(&mut tx, c => {
        let total = sqlx::query_scalar(texts.total).bind(&run.id).fetch_one(&mut *c).await?;
        let stage = sqlx::query(texts.stage).bind(&run.id).bind(spoken_of(run).0);
        let staged = stage.execute(&mut *c).await?;
        (total, staged.rows_affected())
    });
    for statement in CLEAR {
        on_tx!(&mut tx, c => {
            sqlx::query(statement).bind(&run.id).execute(c).await?;
        });
    }
    let hold = staged > 0 && (in_doubt || guard.holds(staged, total.unsigned_abs()));
    let held = if hold { staged } else { 0 };
    on_tx!(&mut tx, c => {
        sqlx::query(STATUS)
            .bind(if hold { "held" } else { "sweeping" })
            .bind(held as i64)
            .bind(now.0)
            .bind(&run.id)
            .execute(c)
            .await?;
    });
    tx.commit().await?;
    Ok(Some(held))
}

/// Deletes what is staged and was not named again meanwhile, levels only where none has come since
/// `until`, when the import began; how many that were.
pub(in crate::feeds) async fn carry_out(
    db: &Db,
    clock: &Clock,
    feed: Feed,
    import: &str,
    until: Micros,
) -> Result<u64, StoreError> {
    const DONE: &str = "DELETE FROM import_deletions WHERE import_id = $1 AND key <= $2";
    const COUNT: &str = "UPDATE imports SET deleted = deleted + $1 WHERE id = $2";
    let mut removed = 0;
    loop {
        let mut tx = db.begin().await?;
        one_at_a_time(&mut tx, feed.as_str()).await?;
        let keys = next(&mut tx, feed, import).await?;
        let Some(last) = keys.last() else { break };
        let count = kinds::remove(&mut tx, feed, &keys, until, clock.now()).await?;
        on_tx!(&mut tx, c => {
            sqlx::query(DONE).bind(import).bind(last).execute(&mut *c).await?;
            sqlx::query(COUNT).bind(count as i64).bind(import).execute(&mut *c).await?;
        });
        tx.commit().await?;
        removed += count;
    }
    Ok(removed)
}

async fn next(tx: &mut Tx, feed: Feed, import: &str) -> Result<Vec<String>, StoreError> {
    const NEXT: &str =
        "SELECT key FROM import_deletions WHERE import_id = $1 ORDER BY key LIMIT $2";
    let most = match feed {
        Feed::Products => BATCH_OF_PRODUCTS,
        Feed::Stores => BATCH_OF_STORES,
        _ => BATCH,
    };
    Ok(on_tx!(tx, c => sqlx::query_scalar(NEXT).bind(import).bind(most).fetch_all(c).await)?)
}
