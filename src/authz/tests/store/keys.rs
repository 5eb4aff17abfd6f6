//! Keys.

use super::*;
use crate::access::Pepper;
use crate::authz::keys::KeyRing;
use crate::authz::store::keys::{
    KeySigns, NoSigningKey, StoredSigningKey, all, evidence, make_due, ring, signer, withdraw,
};
use crate::kernel::clock::DAY;

fn pepper(byte: u8) -> Pepper {
    Pepper::from_hex(&format!("{byte:02x}").repeat(32)).unwrap()
}

/// What is due of the keys of tokens.
fn due(keys: &[StoredSigningKey], now: Micros) -> Option<Micros> {
    KeyRing::new(keys.iter().map(|key| key.times).collect(), 300).due(now)
}

async fn made(db: &Db, now: Micros) -> Option<StoredSigningKey> {
    let of = pepper(1);
    make_due(db, (&of, KeySigns::Tokens), |keys| due(keys, now), now).await.unwrap()
}

#[tokio::test]
async fn a_key_is_made_when_it_is_due_and_follows_the_last() {
    let db = database().await;
    let first = made(&db, NOW).await.unwrap();
    assert_eq!((first.generation, first.times.active_from), (1, NOW));
    assert_eq!(made(&db, later(1)).await, None);
    let soon = Micros(NOW.0 + 89 * DAY);
    let second = made(&db, soon).await.unwrap();
    assert_eq!((second.generation, second.times.active_from.0), (2, NOW.0 + 90 * DAY));
    assert_eq!(all(&db, KeySigns::Tokens).await.unwrap(), [first, second]);
    let keys = ring(&db, 300).await.unwrap();
    assert_eq!(keys.active(soon), Some(&first.times.public));
    assert_eq!(keys.active(Micros(NOW.0 + 90 * DAY)), Some(&second.times.public));
    let published = keys.published(&evidence(&db).await.unwrap(), soon);
    assert_eq!(published.keys, [first.times.public, second.times.public]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes_that_look_at_once_one_makes_it() {
    let db = database().await;
    let made = join_all((0..6).map(|_| made(&db, NOW))).await;
    assert_eq!(made.iter().flatten().count(), 1);
    assert_eq!(all(&db, KeySigns::Tokens).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_signs_on_each_node_with_the_pepper_and_on_no_other() {
    const PUBLIC: &str = "SELECT public FROM authz_keys";
    let db = database().await;
    let key = made(&db, NOW).await.unwrap();
    let own = signer(&pepper(1), KeySigns::Tokens, &key).unwrap();
    assert_eq!(*own.public(), key.times.public);
    for (of, signs) in [(pepper(2), KeySigns::Tokens), (pepper(1), KeySigns::Evidence)] {
        let other = signer(&of, signs, &key);
        assert!(matches!(other, Err(NoSigningKey::OtherPepper(_))), "{other:?}");
    }
    let stored: String = on_db!(&*db, c => sqlx::query_scalar(PUBLIC).fetch_one(c).await).unwrap();
    assert!(!stored.contains("\"d\""), "{stored}");
    // Evidence has keys of its own, from the first on.
    let of = pepper(1);
    let made = make_due(&db, (&of, KeySigns::Evidence), |keys| keys.is_empty().then_some(NOW), NOW);
    let proves = made.await.unwrap().unwrap();
    assert_eq!(proves.generation, 1);
    assert_ne!(proves.times.public, key.times.public);
    assert_eq!(evidence(&db).await.unwrap().active(NOW), Some(&proves.times.public));
}

#[tokio::test]
async fn a_key_is_withdrawn_once_and_another_takes_its_place() {
    let db = database().await;
    let key = made(&db, NOW).await.unwrap();
    let kid = key.times.public.thumbprint().to_string();
    let back = async |at| in_tx!(db, tx => withdraw(&mut tx, &kid, at).await.unwrap());
    assert!(back(later(5)).await);
    assert!(!back(later(6)).await);
    let stored = all(&db, KeySigns::Tokens).await.unwrap();
    assert_eq!(stored[0].times.withdrawn_at, Some(later(5)));
    let next = made(&db, later(5)).await.unwrap();
    assert_eq!((next.generation, next.times.active_from), (2, later(5)));
    for sql in [
        "DELETE FROM authz_keys",
        "UPDATE authz_keys SET withdrawn_at = NULL WHERE generation = 1",
        "UPDATE authz_keys SET public = kid",
    ] {
        let refused = tell(&db, sql).await.expect_err(sql).to_string();
        assert!(refused.contains("is never changed"), "{sql}: {refused}");
    }
}
