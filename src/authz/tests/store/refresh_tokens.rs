//! Refresh tokens, and how they and codes are taken back.

use super::*;
use crate::authz::refresh::IDLE_MOST;
use crate::authz::store::expire::expire;
use crate::authz::store::refresh_tokens::{find, put, used};
use crate::authz::store::revoke;
use crate::authz::tests::OTHER_GRANT;

fn hash() -> HandleHash {
    super::hash::<RefreshToken>(1)
}

async fn noted(db: &Db, now: Micros) -> u64 {
    in_tx!(db, tx => used(&mut tx, hash(), now).await.unwrap())
}

async fn used_at(db: &Db) -> Option<Micros> {
    find(db, hash()).await.unwrap().map(|token| token.used_at)
}

fn other_grant() -> GrantId {
    OTHER_GRANT.parse().unwrap()
}

#[tokio::test]
async fn a_refresh_token_is_found_as_it_was_kept_until_it_lies_idle() {
    let db = shop().await;
    issue_both(&db, 1, issued_to()).await;
    assert_eq!(find(&db, hash()).await.unwrap(), Some(refresh_record()));
    assert_eq!(find(&db, super::hash::<AuthorizationCode>(1)).await.unwrap(), None);
    assert_eq!(noted(&db, later(5)).await, 1);
    // A node whose clock is behind takes nothing back.
    assert_eq!(noted(&db, later(3)).await, 1);
    assert_eq!(used_at(&db).await, Some(later(5)));
    let idle = Micros(later(5).0 + IDLE_MOST);
    // With the code, whose time is over for long.
    assert_eq!(expire(&db, 0, 9, idle).await.unwrap(), 1);
    assert_eq!(expire(&db, 0, 9, Micros(idle.0 + 1)).await.unwrap(), 1);
    assert_eq!(noted(&db, idle).await, 0);
}

#[tokio::test]
async fn a_code_gives_one_refresh_token() {
    let db = shop().await;
    issue_both(&db, 1, issued_to()).await;
    let mut tx = db.begin().await.unwrap();
    let (token, code) = (super::hash::<RefreshToken>(2), super::hash::<AuthorizationCode>(1));
    let second = put(&mut tx, token, code, &refresh_record()).await;
    assert!(matches!(second, Err(StoreError::Conflict(_))), "{second:?}");
}

#[tokio::test]
async fn a_client_takes_back_its_own_tokens_alone() {
    let db = shop().await;
    issue_both(&db, 1, issued_to()).await;
    let back = async |client: &str| in_tx!(db, tx => revoke::of_token(&mut tx, hash(), client).await.unwrap());
    assert_eq!(back("c_8a").await, None);
    assert_eq!(noted(&db, NOW).await, 1);
    assert_eq!(back("c_7f").await, Some(issued_to().consent.grant_id));
    assert_eq!((noted(&db, NOW).await, used_at(&db).await), (0, None));
    assert_eq!(back("c_7f").await, None);
}

#[tokio::test]
async fn all_of_a_consent_go_and_none_of_another() {
    let db = shop().await;
    issue_both(&db, 1, issued_to()).await;
    issue_both(&db, 2, by_another(other_grant())).await;
    assert!(put_code(&db, 3, &code()).await);
    let id = issued_to().consent.grant_id;
    let gone = in_tx!(db, tx => revoke::of_grant(&mut tx, id).await.unwrap());
    assert_eq!((gone, counts(&db).await), (3, (1, 1)));
    assert!(find(&db, super::hash::<RefreshToken>(2)).await.unwrap().is_some());
}

#[tokio::test]
async fn all_of_a_client_go_some_at_a_time() {
    let db = shop().await;
    for byte in 1..=3 {
        issue_both(&db, byte, issued_to()).await;
    }
    issue_both(&db, 4, IssuedTo { client_id: "c_8a".into(), ..issued_to() }).await;
    let mut batches = Vec::new();
    for _ in 0..3 {
        batches.push(in_tx!(db, tx => revoke::of_client(&mut tx, "c_7f", 2).await.unwrap()));
    }
    assert_eq!((batches, counts(&db).await), (vec![4, 2, 0], (1, 1)));
}

/// Whoever revokes waits for an exchange that has taken a code, and finds what has come of it.
#[tokio::test]
async fn nothing_comes_of_a_code_behind_a_revocation() {
    let db = shop().await;
    assert!(put_code(&db, 1, &code()).await);
    let of_code = super::hash::<AuthorizationCode>(1);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(stored_codes::take(&mut tx, of_code, NOW).await.unwrap(), 1);
    let exchange = async {
        db.until_one_waits().await;
        assert!(put(&mut tx, hash(), of_code, &refresh_record()).await.unwrap());
        tx.commit().await.unwrap();
    };
    let id = issued_to().consent.grant_id;
    let revocation = async { in_tx!(db, tx => revoke::of_grant(&mut tx, id).await.unwrap()) };
    let ((), gone) = tokio::join!(exchange, revocation);
    assert_eq!((gone, counts(&db).await), (2, (0, 0)));
}
