//! Where it is noted that a proof was used.

use super::{Desk, Partner, Reply};
use crate::support::TestApp;
use crate::support::redis::RedisServer;
use serde_json::{Value, json};

/// Asks a node for a token of the client itself with a proof.
async fn asks(desk: &Desk, node: &TestApp, partner: &Partner, proof: &str) -> (u16, Value) {
    let assertion = desk.assertion(partner, json!({}));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", "grant_management_query")
        .append_pair(
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        .append_pair("client_assertion", &assertion)
        .finish();
    let request = node.http.post(node.public_url("/oauth/token"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let answer = request.header("DPoP", proof).body(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn with_redis_a_proof_is_used_once_on_all_nodes_and_not_at_all_while_it_is_away() {
    let Some(mut redis) = RedisServer::start() else { return };
    let desk = Desk::open_as("fapi2", &[("REDIS__URL", redis.url().as_str())]).await;
    let beside = desk.app.beside().await;
    for node in [&desk.app, &beside] {
        node.wait_for_gauge("redis_up", 1).await;
    }
    let partner = desk.partner().await;
    // A node takes the nonces of all.
    let nonce = desk.nonce(&partner).await;
    let made = || {
        let claims = json!({ "nonce": nonce });
        desk.proof(&partner.dpop, ("POST", "/oauth/token"), (json!({}), claims))
    };
    let proof = made();
    assert_eq!(asks(&desk, &desk.app, &partner, &proof).await.0, 200);
    for node in [&desk.app, &beside] {
        let (status, told) = asks(&desk, node, &partner, &proof).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_dpop_proof")), "{told}");
    }
    assert_eq!(asks(&desk, &beside, &partner, &made()).await.0, 200);
    redis.kill();
    let (status, told) = asks(&desk, &desk.app, &partner, &made()).await;
    assert_eq!((status, &told["error"]), (503, &json!("temporarily_unavailable")), "{told}");
}

#[tokio::test]
async fn a_client_learns_the_next_nonce_from_each_answer_where_it_needs_one() {
    let desk = Desk::open_as("fapi2", &[("AUTHZ__DPOP_NONCE", "required")]).await;
    let partner = desk.partner().await;
    let without = desk.proof(&partner.dpop, ("POST", "/oauth/par"), (json!({}), json!({})));
    let form = desk.asks(&partner, &[]);
    let reply: Reply = desk.prove(&partner, "/oauth/par", &form, Some(&without)).await;
    assert_eq!(reply.refusal(), (400, "use_dpop_nonce"));
    let pushed = desk.call((&partner, &partner.dpop), "/oauth/par", &form).await;
    assert_eq!(pushed.status, 201);
    let next = pushed.headers["dpop-nonce"].to_str().unwrap().to_owned();
    let claims = json!({ "nonce": next });
    let proof = desk.proof(&partner.dpop, ("POST", "/oauth/par"), (json!({}), claims));
    assert_eq!(desk.prove(&partner, "/oauth/par", &form, Some(&proof)).await.status, 201);
}
