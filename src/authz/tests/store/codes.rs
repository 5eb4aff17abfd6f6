//! Codes.

use super::*;
use crate::authz::client::SecurityProfile;
use crate::authz::grant::CustomerLogin;
use crate::authz::redirect::RedirectUri;
use crate::authz::store::codes::{find, take};
use crate::authz::store::expire::expire;
use crate::authz::store::revoke;
use crate::authz::tests::client;
use crate::kernel::clock::DAY;

fn hash() -> HandleHash {
    super::hash::<AuthorizationCode>(1)
}

async fn taken(db: &Db, now: Micros) -> u64 {
    in_tx!(db, tx => take(&mut tx, hash(), now).await.unwrap())
}

#[tokio::test]
async fn a_code_is_found_as_it_was_kept() {
    let db = shop().await;
    let bare = CodeRecord {
        to: IssuedTo { key: None, profile: SecurityProfile::Baseline, ..issued_to() },
        redirect_uri: RedirectUri::register("http://127.0.0.1/cb", true).unwrap(),
        login: CustomerLogin { auth_time: -1, acr: None },
        nonce: Some("n1".into()),
        ..code()
    };
    for (byte, record) in [(1, code()), (2, bare)] {
        assert!(put_code(&db, byte, &record).await);
        let found = find(&db, super::hash::<AuthorizationCode>(byte)).await.unwrap();
        assert_eq!(found, Some(record));
    }
    assert_eq!(find(&db, super::hash::<AuthorizationCode>(3)).await.unwrap(), None);
    // A refresh token of the same bytes is another text.
    assert_eq!(find(&db, super::hash::<RefreshToken>(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_code_gives_tokens_once() {
    let db = shop().await;
    assert!(put_code(&db, 1, &code()).await);
    let (client, verifier, consent) = (client(), verifier(), grant());
    let found = find(&db, hash()).await.unwrap().unwrap();
    let judged = || {
        let shown = shown(&client, &verifier);
        exchange(&found, shown, decided(Some(&consent)), ISSUE, NOW).unwrap()
    };
    // Both have read it before one of them takes it.
    let (one, other) = (judged(), judged());
    assert_eq!(taken(&db, later(60)).await, 0, "it is over then");
    assert!(one.taken(taken(&db, Micros(later(60).0 - 1)).await).is_ok());
    assert_eq!(other.taken(taken(&db, NOW).await), Err(CodeRefused::Replayed));
    assert!(find(&db, hash()).await.unwrap().unwrap().used);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_takers_one_wins() {
    let db = shop().await;
    assert!(put_code(&db, 1, &code()).await);
    let rows = join_all((0..20).map(|_| taken(&db, NOW))).await;
    assert_eq!(rows.iter().sum::<u64>(), 1, "{rows:?}");
}

#[tokio::test]
async fn a_second_use_ends_what_came_of_the_first_and_nothing_else() {
    let db = shop().await;
    issue_both(&db, 1, issued_to()).await;
    issue_both(&db, 2, issued_to()).await;
    // Also when its time is over: a used code is kept for a while.
    assert_eq!(expire(&db, DAY, 9, Micros(later(60).0 + DAY)).await.unwrap(), 0);
    let replayed = async || in_tx!(db, tx => revoke::of_code(&mut tx, hash()).await.unwrap());
    assert_eq!(replayed().await, Some(issued_to().consent.grant_id));
    assert_eq!(counts(&db).await, (2, 1));
    let other = stored_tokens::find(&db, super::hash::<RefreshToken>(2)).await.unwrap();
    assert_eq!(other, Some(refresh_record()));
    assert!(find(&db, hash()).await.unwrap().unwrap().used, "it is known again");
    assert_eq!(expire(&db, DAY, 9, Micros(later(60).0 + DAY + 1)).await.unwrap(), 2);
    assert_eq!(replayed().await, None);
}

#[tokio::test]
async fn an_exchange_that_is_broken_off_leaves_the_code_to_its_client() {
    let db = shop().await;
    assert!(put_code(&db, 1, &code()).await);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(take(&mut tx, hash(), NOW).await.unwrap(), 1);
    drop(tx);
    assert_eq!(taken(&db, NOW).await, 1);
}
