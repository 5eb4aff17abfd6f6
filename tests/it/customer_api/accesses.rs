//! What is billed and what the customer is shown are one (attack 34).

use super::shop::{CAMILLE, Given, Program, ROBIN, Shop, all, now};
use crate::support::{problem, tell};
use comptoir::consent::category::SensitiveCategories;
use comptoir::consent::change::ConsentActor;
use comptoir::customers::accesses::LoggedAccess;
use comptoir::customers::accesses::store::{AccessesOf, list};
use comptoir::customers::store::forget::forget;
use comptoir::kernel::Micros;
use comptoir::metering::Outcome;
use comptoir::metering::find::find;
use comptoir::metering::journal::EventId;
use comptoir::on_db;
use serde_json::json;
use std::collections::BTreeSet;

/// What the customer of a consent is shown.
async fn shown(shop: &Shop, given: &Given) -> Vec<LoggedAccess> {
    let of = AccessesOf {
        subject: given.subject,
        grant_id: None,
        partner: None,
        from: Micros(0),
        to: Micros(i64::MAX),
        after: None,
        limit: 100,
    };
    list(&shop.app.db, &of).await.unwrap()
}

/// Calls of an app that are billed, by the sums of the ledger.
async fn billed(shop: &Shop, program: &Program) -> i64 {
    const SUM: &str = "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours
        WHERE app_id = $1 AND billable";
    on_db!(&shop.app.db, c => {
        sqlx::query_scalar(SUM).bind(&program.app_id).fetch_one(c).await
    })
    .unwrap()
}

fn id_of(answer: &reqwest::Response) -> String {
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.headers()["usage-event-id"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_billed_call_is_one_that_the_customer_is_shown() {
    let mut shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let what = (all(), SensitiveCategories::NONE);
    let given = shop.consent(&program, CAMILLE, what).await;
    let other = shop.consent(&program, ROBIN, what).await;
    let mut ids = Vec::new();
    for path in ["/v1/customer/profile", "/v1/customer/purchases?limit=1", "/v1/customer/lists"] {
        ids.push(id_of(&shop.get(path, &program, &given).await));
    }
    let new = json!({ "type": "wishlist", "items": [{ "sku": "a" }] });
    let made = ("POST", "/v1/customer/lists");
    ids.push(id_of(&shop.call(made, (&program, &given), (None, Some(new))).await));
    // What tells nothing is neither billed nor shown.
    let missing = shop.get("/v1/customer/lists/AAAAAAAAAAAAAAAAAAAAAA", &program, &given).await;
    problem(missing, 404, "not_found").await;
    problem(shop.get("/v1/customer/profile?x=1", &program, &given).await, 400, "invalid_parameter")
        .await;
    let rows = shown(&shop, &given).await;
    let by_call: BTreeSet<&str> = rows.iter().map(|row| row.call_id.as_str()).collect();
    let called: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(by_call, called, "{rows:?}");
    assert!(shown(&shop, &other).await.is_empty());
    let profile = rows.iter().find(|row| row.operation == "get_customer_profile").unwrap();
    assert_eq!((profile.grant_id, profile.version), (given.record.grant_id, given.record.version));
    assert_eq!((profile.app.to_string(), profile.at), (program.app_id.clone(), now()));
    assert!(profile.fields.iter().any(|field| field == "address.city"), "{profile:?}");
    assert!(profile.fields.iter().all(|field| !field.contains("birth")), "{profile:?}");
    shop.app.stop().await;
    let wanted: BTreeSet<EventId> = ids.iter().map(|id| id.parse().unwrap()).collect();
    let mut tx = shop.app.db.snapshot().await.unwrap();
    let events = find(&mut tx, &wanted).await.unwrap();
    drop(tx);
    assert_eq!(events.len(), ids.len());
    for (id, event, rule) in events {
        assert!(rule.billable && event.outcome == Outcome::Served, "{id}: {}", rule.id);
        assert_eq!(event.app.to_string(), program.app_id);
    }
    assert_eq!(billed(&shop, &program).await, 4, "what is billed is what is shown");
}

#[tokio::test]
async fn what_cannot_be_shown_is_not_told_and_not_billed() {
    let mut shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    shop.read("/v1/customer/profile", &program, &given).await;
    tell(&shop.app.db, "ALTER TABLE customer_accesses RENAME TO elsewhere").await.unwrap();
    let answer = shop.get("/v1/customer/profile", &program, &given).await;
    let refusal = problem(answer, 503, "metering_unavailable").await;
    assert!(!refusal.to_string().contains("Camille"), "{refusal}");
    shop.app.stop().await;
    assert_eq!(billed(&shop, &program).await, 1);
}

#[tokio::test]
async fn calls_are_held_to_the_limits_of_the_clients_plan() {
    let shop = Shop::open().await;
    let plan = shop.app.plan(json!([{ "name": "day", "quota": 2, "window_s": 86_400 }])).await;
    let key = shop.app.key_under(&plan, json!({})).await;
    let program = shop.program_of(key, "coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    for _ in 0..2 {
        let answer = shop.get("/v1/customer/profile", &program, &given).await;
        assert_eq!(answer.headers()["x-request-cost"], "1");
        assert!(answer.headers().contains_key("ratelimit"), "{:?}", answer.headers());
    }
    let over = shop.get("/v1/customer/profile", &program, &given).await;
    problem(over, 429, "quota_exceeded").await;
    assert_eq!(shown(&shop, &given).await.len(), 2);
}

#[tokio::test]
async fn what_was_shown_of_a_customer_is_forgotten_with_them() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    shop.read("/v1/customer/profile", &program, &given).await;
    assert_eq!(shown(&shop, &given).await.len(), 1);
    let mut tx = shop.app.db.begin().await.unwrap();
    let ended = forget(&mut tx, CAMILLE, ConsentActor::Customer, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ended, [given.record.grant_id]);
    assert!(shown(&shop, &given).await.is_empty());
    // Whatever this node still knows of the consent, there is nobody to tell of.
    problem(shop.get("/v1/customer/profile", &program, &given).await, 401, "consent_ended").await;
}
