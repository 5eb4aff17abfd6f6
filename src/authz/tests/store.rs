//! What is stored is what was given, works once, and tells no secret, on either engine.

mod codes;
mod erasure;
mod keys;
mod refresh_tokens;
mod requests;
mod used;

use super::consents::{changed, decided, grant, pointer};
use super::{
    ISSUE, NOW, code, handle, issued_to, later, push, refresh_record, shown, subject, verifier,
};
use crate::authz::exchange::{CodeRecord, CodeRefused, exchange};
use crate::authz::handles::{AuthorizationCode, HandleHash, HandleKind, RefreshToken};
use crate::authz::issued::IssuedTo;
use crate::authz::refresh::RefreshRecord;
use crate::authz::store::{codes as stored_codes, refresh_tokens as stored_tokens};
use crate::consent::live::GrantPointer;
use crate::consent::record::GrantId;
use crate::consent::store::subjects::{refer, sub_of};
use crate::consent::subject::{Sector, SubjectKey, SubjectRef};
use crate::kernel::Micros;
use crate::storage::testing::{TestDb, database};
use crate::storage::{Db, StoreError};
use crate::{on_db, on_tx};
use futures_util::future::join_all;
use sqlx::AssertSqlSafe;

/// Does something in a transaction of its own.
macro_rules! in_tx {
    ($db:expr, $tx:ident => $body:expr) => {{
        let mut $tx = $db.begin().await.unwrap();
        let done = $body;
        $tx.commit().await.unwrap();
        done
    }};
}
use in_tx;

/// Has a customer known, to the ledger and to the partner.
async fn know(db: &Db, customer: &str, number: u8) -> SubjectRef {
    let sector: Sector = "coach".parse().unwrap();
    in_tx!(db, tx => {
        let key = SubjectKey::new([number; 32]);
        let reference = refer(&mut tx, customer, &key, NOW).await.unwrap();
        sub_of(&mut tx, (&sector, reference), subject(number), NOW).await.unwrap();
        reference
    })
}

/// A database that knows the customer whom all codes and tokens are about.
async fn shop() -> TestDb {
    let db = database().await;
    know(&db, "cus_1", 1).await;
    db
}

/// The hash of a handle.
fn hash<K: HandleKind>(byte: u8) -> HandleHash {
    handle::<K>(byte).hash()
}

async fn put_code(db: &Db, byte: u8, code: &CodeRecord) -> bool {
    in_tx!(db, tx => stored_codes::put(&mut tx, hash::<AuthorizationCode>(byte), code).await.unwrap())
}

/// Takes a code and keeps the refresh token that comes of it, both of that number.
async fn exchanged(db: &Db, byte: u8, token: &RefreshRecord) {
    let (code, refresh) = (hash::<AuthorizationCode>(byte), hash::<RefreshToken>(byte));
    in_tx!(db, tx => {
        assert_eq!(stored_codes::take(&mut tx, code, NOW).await.unwrap(), 1);
        assert!(stored_tokens::put(&mut tx, refresh, code, token).await.unwrap());
    });
}

/// A code and the refresh token that has come of it.
async fn issue_both(db: &Db, byte: u8, to: IssuedTo) {
    assert!(put_code(db, byte, &CodeRecord { to: to.clone(), ..code() }).await);
    exchanged(db, byte, &RefreshRecord { to, ..refresh_record() }).await;
}

/// To whom something was issued by another consent of the customer.
fn by_another(grant_id: GrantId) -> IssuedTo {
    IssuedTo { consent: GrantPointer { grant_id, ..issued_to().consent }, ..issued_to() }
}

/// How many codes and refresh tokens there are.
async fn counts(db: &Db) -> (i64, i64) {
    const COUNT: &str = "SELECT (SELECT COUNT(*) FROM authz_codes),
        (SELECT COUNT(*) FROM authz_refresh_tokens)";
    on_db!(db, c => sqlx::query_as(COUNT).fetch_one(c).await).unwrap()
}

/// Runs a statement, as somebody else would.
async fn tell(db: &Db, sql: &str) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(AssertSqlSafe(sql.to_owned())).execute(c).await.map(|_| ()))?;
    tx.commit().await
}
