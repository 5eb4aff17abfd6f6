//! Grants and tokens in the hands of who has them, and of others.

use super::{Desk, Partner, Reply};
use crate::support::problem;
use serde_json::json;

async fn calls(desk: &Desk, partner: &Partner, method: &str, id: &str) -> Reply {
    let scope = match method {
        "GET" => "grant_management_query",
        _ => "grant_management_revoke",
    };
    let token = desk.own_token(partner, scope).await;
    let proof = desk.token_proof(partner, (method, id), (&token, json!({}))).await;
    desk.grant((method, id), ("DPoP", &token), Some(&proof)).await
}

#[tokio::test]
async fn a_partner_looks_at_its_grant_and_ends_it() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    let tokens = desk.tokens(&partner, &granted).await.ok();
    let id = granted.id.to_string();
    let told = calls(&desk, &partner, "GET", &id).await.ok();
    let expected = "customer.loyalty.basic:read customer.purchases.summary:read offline_access";
    assert_eq!(
        told.body["scopes"][0]["scope"].as_str().map(|text| {
            let mut words: Vec<&str> = text.split(' ').collect();
            words.sort_unstable();
            words.join(" ")
        }),
        Some(expected.to_owned())
    );
    assert_eq!(told.text("status"), "active");
    assert_eq!(told.body["authorization_details"][0]["purpose_id"], "budget-coach");
    assert!(!told.body.to_string().contains("rt_"), "no token");

    assert_eq!(calls(&desk, &partner, "DELETE", &id).await.status, 204);
    let gone = json!({ "active": false });
    for name in ["access_token", "refresh_token"] {
        assert_eq!(desk.asked(&partner, tokens.text(name)).await.ok().body, gone);
    }
    let refused = desk.refreshed(&partner, tokens.text("refresh_token")).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant"));
    assert_eq!(calls(&desk, &partner, "GET", &id).await.ok().text("status"), "revoked");
    assert_eq!(calls(&desk, &partner, "DELETE", &id).await.status, 204, "it stays as it ended");
}

#[tokio::test]
async fn attack_28_the_grant_of_another_client_is_as_little_there_as_none() {
    let desk = Desk::open().await;
    let (partner, other) = (desk.partner().await, desk.partner().await);
    let id = desk.granted(&partner, 1).await.id.to_string();
    let none = "5b0c2f6e-8a1d-4c3b-9e7f-0a1b2c3d4e5f";
    for method in ["GET", "DELETE"] {
        let mut answers = Vec::new();
        for (who, id) in [(&other, id.as_str()), (&partner, none), (&partner, "x")] {
            let reply = calls(&desk, who, method, id).await;
            assert_eq!((reply.status, reply.text("code")), (404, "not_found"));
            answers.push(reply.text("detail").to_owned());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    assert_eq!(calls(&desk, &partner, "GET", &id).await.ok().text("status"), "active");
}

#[tokio::test]
async fn a_token_without_the_scope_does_not_reach_grants() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let id = desk.granted(&partner, 1).await.id.to_string();
    let token = desk.own_token(&partner, "grant_management_query").await;
    let proof = desk.token_proof(&partner, ("DELETE", &id), (&token, json!({}))).await;
    let reply = desk.grant(("DELETE", &id), ("DPoP", &token), Some(&proof)).await;
    assert_eq!(reply.refusal(), (403, "insufficient_scope"));
    let key = desk.app.key(json!({})).await;
    let reply = desk.grant(("GET", &id), ("Bearer", &key.text), None).await;
    assert_eq!(reply.refusal(), (401, "invalid_token"));
    let url = desk.app.public_url(&format!("/oauth/grants/{id}"));
    problem(desk.app.http.put(url).send().await.unwrap(), 405, "method_not_allowed").await;
}

#[tokio::test]
async fn attack_24_what_was_revoked_is_told_to_its_client_alone() {
    let desk = Desk::open().await;
    let (partner, other) = (desk.partner().await, desk.partner().await);
    let granted = desk.granted(&partner, 1).await;
    let refresh = desk.tokens(&partner, &granted).await.ok().text("refresh_token").to_owned();
    assert_eq!(desk.gives_back(&partner, &refresh).await.status, 200);
    let stranger = desk.post("/oauth/introspect", &[("token", &refresh)], &[]).await;
    assert_eq!(stranger.refusal(), (401, "invalid_client"));
    let claimed = [("token", refresh.as_str()), ("client_id", partner.id.as_str())];
    let wrong = desk.post("/oauth/introspect", &claimed, &[]).await;
    assert_eq!(wrong.refusal(), (401, "invalid_client"));
    let gone = json!({ "active": false });
    for who in [&partner, &other] {
        assert_eq!(desk.asked(who, &refresh).await.ok().body, gone);
        assert_eq!(desk.asked(who, "no token").await.ok().body, gone);
    }
}

#[tokio::test]
async fn a_token_that_another_gives_back_goes_on_working() {
    let desk = Desk::open().await;
    let (partner, other) = (desk.partner().await, desk.partner().await);
    let granted = desk.granted(&partner, 1).await;
    let tokens = desk.tokens(&partner, &granted).await.ok();
    for name in ["refresh_token", "access_token"] {
        assert_eq!(desk.gives_back(&other, tokens.text(name)).await.status, 200);
        assert_eq!(desk.asked(&other, tokens.text(name)).await.ok().body["active"], false);
        assert_eq!(desk.asked(&partner, tokens.text(name)).await.ok().body["active"], true);
    }
    assert_eq!(desk.gives_back(&partner, "rt_unknown").await.status, 200);
    let own = desk.own_token(&partner, "grant_management_query").await;
    assert_eq!(desk.gives_back(&partner, &own).await.refusal(), (400, "unsupported_token_type"));
    assert_eq!(desk.gives_back(&partner, tokens.text("access_token")).await.status, 200);
    let refused = desk.refreshed(&partner, tokens.text("refresh_token")).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant"), "all tokens of the consent");
}
