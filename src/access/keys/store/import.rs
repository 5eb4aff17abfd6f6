//! Which hashes are known already.

use super::hex;
use crate::access::store::stored;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, fetch};
use std::collections::HashSet;

/// Those of some hashes that a secret has.
pub async fn hashes(
    db: &Db,
    asked: impl Iterator<Item = &[u8; 32]>,
) -> Result<HashSet<[u8; 32]>, StoreError> {
    const KNOWN: &str = "SELECT hash FROM key_secrets WHERE hash IN (";
    let asked: Vec<String> = asked.map(hex).collect();
    let mut known = HashSet::new();
    for some in asked.chunks(ROWS_PER_STATEMENT) {
        for (hash,) in fetch::by_ids::<(String,)>(db, KNOWN, some).await? {
            known.insert(*stored::<blake3::Hash>("key_secrets", &hash)?.as_bytes());
        }
    }
    Ok(known)
}
