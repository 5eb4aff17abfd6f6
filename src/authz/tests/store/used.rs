//! What is used once.

use super::*;
use crate::authz::once::{ReplayKind, ReplayMark};
use crate::authz::store::expire::expire;
use crate::authz::store::used::note;
use crate::authz::tests::{proof, prove, word};
use serde_json::json;

fn mark(kind: ReplayKind, byte: u8) -> ReplayMark {
    ReplayMark { kind, hash: [byte; 32], expires_at: later(70) }
}

#[tokio::test]
async fn a_use_is_noted_once_until_it_ends() {
    let db = database().await;
    for kind in [ReplayKind::Dpop, ReplayKind::Assertion] {
        let noted = async |byte, now| note(&db, mark(kind, byte), now).await.unwrap();
        assert!(noted(1, NOW).await, "{kind}");
        assert!(!noted(1, NOW).await, "{kind}");
        assert!(noted(2, NOW).await, "{kind}: another");
        assert!(!noted(1, later(70)).await, "{kind}: it ends only then");
        assert!(noted(1, Micros(later(70).0 + 1)).await, "{kind}: it means nothing any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_use_the_same_one_is_first() {
    let db = database().await;
    for (kind, byte) in [(ReplayKind::Dpop, 1), (ReplayKind::Dpop, 2), (ReplayKind::Assertion, 1)] {
        let noted = join_all((0..12).map(|_| note(&db, mark(kind, byte), NOW))).await;
        let first = noted.into_iter().filter(|noted| *noted.as_ref().unwrap()).count();
        assert_eq!(first, 1, "{kind}");
    }
}

#[tokio::test]
async fn a_proof_counts_once_on_all_nodes() {
    let db = database().await;
    let shown = async || {
        let unspent = prove(&proof(1, json!({}), json!({})), None, false).unwrap();
        let is_new = note(&db, unspent.mark().unwrap(), NOW).await.unwrap();
        unspent.noted(is_new)
    };
    assert!(shown().await.is_ok());
    assert_eq!(word(shown().await), "invalid_dpop_proof");
}

#[tokio::test]
async fn proofs_are_forgotten_some_at_a_time() {
    let db = database().await;
    for byte in 1..=5 {
        note(&db, mark(ReplayKind::Dpop, byte), NOW).await.unwrap();
    }
    assert_eq!(expire(&db, 0, 2, later(70)).await.unwrap(), 0);
    let end = Micros(later(70).0 + 1);
    let mut batches = Vec::new();
    for _ in 0..4 {
        batches.push(expire(&db, 0, 2, end).await.unwrap());
    }
    assert_eq!(batches, [2, 2, 1, 0]);
}
