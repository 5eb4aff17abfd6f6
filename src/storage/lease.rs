//! Leases: what one node at a time does.

use super::{Db, StoreError};
use crate::kernel::Micros;
use crate::on_tx;

/// Takes or keeps a lease until an instant; whether it is this node's now. Both instants are by this node's clock;
/// held against each other are those of the clock that all nodes share, so theirs need not agree.
pub async fn hold(
    db: &Db,
    (name, node): (&str, &str),
    now: Micros,
    until: Micros,
) -> Result<bool, StoreError> {
    const HOLD: &str = "INSERT INTO leases (name, node, held_until) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET node = excluded.node, held_until = excluded.held_until
        WHERE leases.node = excluded.node OR leases.held_until < $4";
    let mut tx = db.begin().await?;
    let length = until.0.saturating_sub(now.0);
    let now = tx.now(now).await?;
    let until = Micros(now.0.saturating_add(length));
    let held = on_tx!(&mut tx, c => {
        let hold = sqlx::query(HOLD).bind(name).bind(node).bind(until.0).bind(now.0);
        hold.execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(held == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock::{Clock, HOUR, MINUTE, SECOND};
    use crate::storage::testing::database;

    #[tokio::test]
    async fn a_node_whose_clock_is_ahead_takes_no_lease_that_is_held() {
        let db = database().await;
        let shares_a_clock = matches!(*db, Db::Postgres(_));
        let here = Clock::System.now();
        let ask = async |node: &str, ahead: i64, length: i64| {
            let now = Micros(here.0 + ahead);
            hold(&db, ("mails", node), now, Micros(now.0 + length)).await.unwrap()
        };
        assert!(ask("a", 0, MINUTE).await);
        assert!(!ask("b", SECOND, MINUTE).await);
        // On SQLite there is one machine, so one clock.
        assert_eq!(ask("b", HOUR, MINUTE).await, !shares_a_clock);
        assert!(ask("a", 2 * HOUR, -MINUTE).await);
        assert!(ask("b", 2 * HOUR, MINUTE).await);
    }
}
