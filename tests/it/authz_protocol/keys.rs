//! The keys that sign: the same on all nodes, and one after the other.

use super::Desk;
use crate::support::{PATIENCE, pause};
use comptoir::authz::http::SigningKeys;
use comptoir::authz::keys::{PREPUBLISHED, SIGNS};
use comptoir::authz::store::keys::{KeySigns, all, withdraw};
use comptoir::kernel::{Clock, Micros};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

fn node(desk: &Desk, clock: &Clock) -> SigningKeys {
    SigningKeys::new((desk.app.db.clone(), clock.clone()), Arc::new(desk.pepper()), 300)
}

fn signs(keys: &SigningKeys, at: Micros) -> String {
    keys.signer(at).expect("a key signs").public().thumbprint().to_string()
}

#[tokio::test]
async fn each_key_is_published_a_day_before_it_signs_and_all_nodes_sign_alike() {
    let desk = Desk::open().await;
    let clock = Clock::fixed(desk.app.clock.now());
    let (one, other) = (node(&desk, &clock), node(&desk, &clock));
    one.look().await.unwrap();
    other.look().await.unwrap();
    let start = clock.now();
    let first = signs(&one, start);
    assert_eq!(signs(&other, start), first);
    assert_eq!(all(&desk.app.db, KeySigns::Tokens).await.unwrap().len(), 1, "made at the start");

    clock.advance(SIGNS - PREPUBLISHED);
    one.look().await.unwrap();
    other.look().await.unwrap();
    assert_eq!(other.verifiers().len(), 2);
    assert!(other.published(clock.now()).keys.len() >= 2);
    assert_eq!(signs(&other, clock.now()), first, "the next one does not sign yet");
    clock.advance(PREPUBLISHED);
    let second = signs(&other, clock.now());
    assert_ne!(second, first);
    assert_eq!(signs(&one, clock.now()), second);
    one.look().await.unwrap();
    assert_eq!(one.verifiers().len(), 2, "what the first has signed works yet");
    clock.advance(2 * 900 * 1_000_000);
    one.look().await.unwrap();
    assert_eq!(one.verifiers().len(), 1);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_signs_and_checks_no_more() {
    let desk = Desk::open().await;
    let clock = Clock::fixed(desk.app.clock.now());
    let node = node(&desk, &clock);
    node.look().await.unwrap();
    let kid = signs(&node, clock.now());
    let mut tx = desk.app.db.begin().await.unwrap();
    assert!(withdraw(&mut tx, &kid, clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    node.look().await.unwrap();
    assert_ne!(signs(&node, clock.now()), kid);
    assert!(node.verifiers().iter().all(|key| key.kid.as_deref() != Some(kid.as_str())));
}

#[tokio::test]
async fn a_node_beside_takes_the_tokens_of_the_first() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let beside = desk.app.beside().await;
    let keys = async |base: String| -> Value {
        let answer = desk.app.http.get(format!("{base}/oauth/jwks.json")).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let until = Instant::now() + PATIENCE;
    let first = keys(desk.app.public_url("")).await;
    assert!(first["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
    while keys(beside.public_url("")).await != first {
        assert!(Instant::now() < until, "the nodes publish other keys");
        pause().await;
    }
    let token = desk.own_token(&partner, "grant_management_query").await;
    let form = [("token", token.as_str())];
    let assertion = desk.assertion(&partner, serde_json::json!({}));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .append_pair(
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        .append_pair("client_assertion", &assertion)
        .finish();
    let asked = desk.app.http.post(beside.public_url("/oauth/introspect"));
    let asked = asked.header("Content-Type", "application/x-www-form-urlencoded").body(form);
    let told: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(told["active"], true, "{told}");
}
