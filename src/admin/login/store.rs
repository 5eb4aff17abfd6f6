//! All SQL of attempts to log in, and of the addresses that people come from.

use crate::kernel::Micros;
use crate::kernel::id::AccountId;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};

/// The attempts that are counted for something and the last of them; kept from others until the end of the
/// transaction.
pub(super) async fn take(tx: &mut Tx, counted: &str) -> Result<(i64, Micros), StoreError> {
    const TAKE: &str = "INSERT INTO login_attempts (counted, failures, last_at) VALUES ($1, 0, 0) \
        ON CONFLICT (counted) DO UPDATE SET failures = login_attempts.failures \
        RETURNING failures, last_at";
    let (failures, last_at): (i64, i64) =
        on_tx!(tx, c => sqlx::query_as(TAKE).bind(counted).fetch_one(c).await)?;
    Ok((failures, Micros(last_at)))
}

/// Writes down how many attempts there are.
pub(super) async fn count(
    tx: &mut Tx,
    counted: &str,
    failures: i64,
    now: Micros,
) -> Result<(), StoreError> {
    const COUNT: &str = "UPDATE login_attempts SET failures = $2, last_at = $3 WHERE counted = $1";
    on_tx!(tx, c => {
        sqlx::query(COUNT).bind(counted).bind(failures).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// Lets the last attempt, where it lies in the future, be of now.
pub(super) async fn bring_back(db: &Db, counted: &str, now: Micros) -> Result<(), StoreError> {
    const BACK: &str = "UPDATE login_attempts SET last_at = $2 WHERE counted = $1 AND last_at > $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => { sqlx::query(BACK).bind(counted).bind(now.0).execute(c).await?; });
    tx.commit().await
}

/// Forgets the attempts that are counted for something.
pub(super) async fn forget(tx: &mut Tx, counted: &str) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM login_attempts WHERE counted = $1";
    on_tx!(tx, c => { sqlx::query(FORGET).bind(counted).execute(c).await?; });
    Ok(())
}

/// Forgets the attempts that are counted for something, alone and together with an address.
pub(super) async fn forget_all(tx: &mut Tx, counted: &str) -> Result<(), StoreError> {
    const FORGET: &str =
        "DELETE FROM login_attempts WHERE counted = $1 OR counted LIKE $1 || ' from %'";
    on_tx!(tx, c => { sqlx::query(FORGET).bind(counted).execute(c).await?; });
    Ok(())
}

/// Takes one attempt back.
pub(super) async fn take_back(tx: &mut Tx, counted: &str) -> Result<(), StoreError> {
    const BACK: &str =
        "UPDATE login_attempts SET failures = failures - 1 WHERE counted = $1 AND failures > 0";
    on_tx!(tx, c => { sqlx::query(BACK).bind(counted).execute(c).await?; });
    Ok(())
}

/// Forgets attempts of long ago.
pub(super) async fn forget_old(tx: &mut Tx, before: Micros) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM login_attempts WHERE last_at < $1";
    on_tx!(tx, c => { sqlx::query(FORGET).bind(before.0).execute(c).await?; });
    Ok(())
}

/// Whether somebody has come in to an account from a network.
pub(super) async fn is_known_address(
    db: &Db,
    account: AccountId,
    network: &str,
) -> Result<bool, StoreError> {
    const FIND: &str =
        "SELECT COUNT(*) FROM account_addresses WHERE account_id = $1 AND address = $2";
    let found: i64 = on_db!(db, c => {
        sqlx::query_scalar(FIND).bind(account.to_string()).bind(network).fetch_one(c).await
    })?;
    Ok(found > 0)
}

/// Writes down that somebody has come in to an account from a network. The newest of many are kept.
pub(super) async fn know_address(
    tx: &mut Tx,
    account: AccountId,
    network: &str,
    now: Micros,
) -> Result<(), StoreError> {
    const KNOW: &str = "INSERT INTO account_addresses (account_id, address, seen_at) \
        VALUES ($1, $2, $3) ON CONFLICT (account_id, address) DO UPDATE SET seen_at = $3";
    const KEEP: &str = "DELETE FROM account_addresses WHERE account_id = $1 AND address NOT IN \
        (SELECT address FROM account_addresses WHERE account_id = $1 \
         ORDER BY seen_at DESC, address LIMIT 20)";
    on_tx!(tx, c => {
        let know = sqlx::query(KNOW).bind(account.to_string()).bind(network).bind(now.0);
        know.execute(&mut *c).await?;
        sqlx::query(KEEP).bind(account.to_string()).execute(c).await?;
    });
    Ok(())
}
