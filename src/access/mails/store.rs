//! All SQL of mails that wait.

use super::Letter;
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{ApplicationId, MailId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};

const TABLE: &str = "outbox";

/// Adds a mail that waits.
pub(super) async fn insert(
    tx: &mut Tx,
    id: MailId,
    (letter, to): (Letter, ApplicationId),
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO outbox (id, kind, subject_id, created_at) VALUES ($1, $2, $3, $4)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(id.to_string()).bind(letter.as_str());
        insert.bind(to.to_string()).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// The mails that wait, the oldest first.
pub(super) async fn waiting(
    db: &Db,
    limit: u32,
) -> Result<Vec<(MailId, Letter, ApplicationId)>, StoreError> {
    const LIST: &str = "SELECT id, kind, subject_id FROM outbox WHERE sent_at IS NULL \
                        ORDER BY created_at, id LIMIT $1";
    let rows: Vec<(String, String, String)> =
        on_db!(db, c => sqlx::query_as(LIST).bind(i64::from(limit)).fetch_all(c).await)?;
    let each = |(id, kind, to): (String, String, String)| {
        Ok((stored(TABLE, &id)?, stored(TABLE, &kind)?, stored(TABLE, &to)?))
    };
    rows.into_iter().map(each).collect()
}

/// Forgets the mails that were sent before an instant.
pub(super) async fn forget(db: &Db, before: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM outbox WHERE sent_at <= $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(DELETE).bind(before.0).execute(c).await?;
    });
    tx.commit().await
}

/// Notes that a mail was sent.
pub(super) async fn sent(db: &Db, id: MailId, now: Micros) -> Result<(), StoreError> {
    const SENT: &str = "UPDATE outbox SET sent_at = $2 WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(SENT).bind(id.to_string()).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}
