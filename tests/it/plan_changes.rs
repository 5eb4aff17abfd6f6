//! Subscriptions of apps to plans: asked for, approved, scheduled, in force at their instant.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::kernel::Micros;
use comptoir::kernel::clock::{DAY, HOUR};
use reqwest::Response;
use serde_json::{Value, json};

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

/// The quota that an answer tells of.
fn policy(answer: &Response) -> String {
    answer.headers()["ratelimit-policy"].to_str().unwrap().to_owned()
}

struct Desk {
    app: TestApp,
    key: TestKey,
    small: String,
    large: String,
}

impl Desk {
    /// An app on a small plan, and a large one that it is not on.
    async fn new() -> Self {
        let app = TestApp::builder().fixed_clock(NOON).start().await;
        app.stock_shelves(1, 1).await;
        let small = app.plan(json!([{ "name": "day", "quota": 100, "window_s": 86_400 }])).await;
        let large = app.plan(json!([{ "name": "day", "quota": 900, "window_s": 86_400 }])).await;
        let key = app.key_under(&small, json!({})).await;
        Self { app, key, small, large }
    }

    async fn offer(&self, plan: &str, approval: &str) {
        let offer = json!({ "approval": approval, "public": false });
        self.app.admin_ok("PUT", &format!("/admin/v1/plans/{plan}/offer"), Some(offer)).await;
    }

    fn subscriptions(&self) -> String {
        format!("/admin/v1/apps/{}/subscriptions", self.key.app_id)
    }

    async fn ask(&self, plan: &str, starts_at: Option<Micros>) -> Response {
        let body = json!({ "plan_id": plan, "starts_at": starts_at });
        self.app.admin("POST", &self.subscriptions(), Some(body)).await
    }

    async fn act(&self, id: &str, action: &str, body: Option<Value>) -> Response {
        self.app.admin("POST", &format!("/admin/v1/subscriptions/{id}/{action}"), body).await
    }

    /// States and plans of the app's subscriptions, oldest first.
    async fn history(&self) -> Vec<(String, String)> {
        let page = self.app.admin_ok("GET", &self.subscriptions(), None).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = page["items"].as_array().unwrap().iter().rev();
        rows.map(|s| (text(&s["state"]), text(&s["plan_id"]))).collect()
    }

    async fn plan(&self) -> Value {
        let path = format!("/admin/v1/apps/{}", self.key.app_id);
        self.app.admin_ok("GET", &path, None).await["plan_id"].clone()
    }

    async fn quota(&self) -> String {
        let answer = self.app.get(&self.key.text, &path()).await;
        assert_eq!(answer.status(), 200);
        policy(&answer)
    }

    fn states(&self, rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(state, plan)| ((*state).to_owned(), (*plan).to_owned())).collect()
    }
}

async fn json_of(response: Response, status: u16) -> Value {
    let (got, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn noon() -> Micros {
    NOON.parse().unwrap()
}

#[tokio::test]
async fn what_is_asked_for_waits_for_a_decision() {
    let desk = Desk::new().await;
    let asked = json_of(desk.ask(&desk.large, None).await, 201).await;
    assert_eq!((&asked["state"], &asked["starts_at"]), (&json!("requested"), &Value::Null));
    assert!(desk.quota().await.contains("q=100"));
    let waiting = desk.app.admin_ok("GET", "/admin/v1/subscriptions", None).await;
    assert_eq!(waiting["items"][0]["id"], asked["id"]);

    let id = asked["id"].as_str().unwrap();
    let rejected = desk.act(id, "reject", Some(json!({ "reason": "Too large" }))).await;
    assert_eq!(json_of(rejected, 200).await["reason"], "Too large");
    let late = desk.act(id, "approve", Some(json!({}))).await;
    problem(late, 409, "conflict").await;

    let again = json_of(desk.ask(&desk.large, None).await, 201).await;
    let id = again["id"].as_str().unwrap();
    desk.app.clock.advance(HOUR);
    let approved = desk.act(id, "approve", None).await;
    assert_eq!(json_of(approved, 200).await["state"], "active");
    assert!(desk.quota().await.contains("q=900"), "in force when it is answered");
    assert_eq!(desk.plan().await, json!(desk.large));
    let (small, large) = (desk.small.as_str(), desk.large.as_str());
    let history = [("ended", small), ("rejected", large), ("active", large)];
    assert_eq!(desk.history().await, desk.states(&history));
}

#[tokio::test]
async fn a_plan_says_what_becomes_of_who_asks() {
    let desk = Desk::new().await;
    desk.offer(&desk.large, "closed").await;
    problem(desk.ask(&desk.large, None).await, 409, "conflict").await;
    desk.offer(&desk.large, "auto").await;
    desk.app.clock.advance(1);
    assert_eq!(json_of(desk.ask(&desk.large, None).await, 201).await["state"], "active");
    assert!(desk.quota().await.contains("q=900"));
    problem(desk.ask(&desk.large, None).await, 409, "conflict").await;
    problem(desk.ask("pln_00000000000", None).await, 400, "invalid_body").await;
    let past = desk.ask(&desk.small, Some(Micros(noon().0 - 1))).await;
    assert_eq!(problem(past, 400, "invalid_body").await["errors"][0]["pointer"], "/starts_at");
    desk.offer(&desk.small, "closed").await;
    let patch = json!({ "plan_id": desk.small });
    let app = format!("/admin/v1/apps/{}", desk.key.app_id);
    desk.app.clock.advance(1);
    desk.app.admin_ok("PATCH", &app, Some(patch)).await;
    assert!(desk.quota().await.contains("q=100"), "the retailer's own hand asks nobody");
}

#[tokio::test]
async fn a_scheduled_change_turns_at_its_instant_without_a_look_at_the_database() {
    let desk = Desk::new().await;
    desk.offer(&desk.large, "auto").await;
    let turn = Micros(noon().0 + DAY);
    let scheduled = json_of(desk.ask(&desk.large, Some(turn)).await, 201).await;
    assert_eq!(scheduled["state"], "scheduled");
    let spent = desk.quota().await;
    assert!(spent.contains("q=100"));
    desk.app.clock.advance(DAY - 1);
    assert!(desk.quota().await.contains("q=100"));
    desk.app.clock.advance(1);
    assert!(desk.quota().await.contains("q=900"), "memory knew it");
    assert_eq!(desk.plan().await, json!(desk.large));
    let (small, large) = (desk.small.as_str(), desk.large.as_str());
    assert_eq!(desk.history().await, desk.states(&[("ended", small), ("active", large)]));
    let usage: Value = desk.app.get(&desk.key.text, "/v1/usage").await.json().await.unwrap();
    assert!(usage.to_string().contains("900"), "{usage}");
}

#[tokio::test]
async fn a_scheduled_change_can_be_taken_back_and_stands_alone() {
    let desk = Desk::new().await;
    desk.offer(&desk.large, "auto").await;
    let turn = Micros(noon().0 + DAY);
    let scheduled = json_of(desk.ask(&desk.large, Some(turn)).await, 201).await;
    let id = scheduled["id"].as_str().unwrap();
    let other = desk.app.plan(json!([{ "name": "day", "quota": 5, "window_s": 60 }])).await;
    let app = format!("/admin/v1/apps/{}", desk.key.app_id);
    let refused = desk.app.admin("PATCH", &app, Some(json!({ "plan_id": other }))).await;
    let said = problem(refused, 409, "conflict").await;
    assert!(said["detail"].as_str().unwrap().contains(id), "{said}");
    let early = desk.app.admin("PATCH", &app, Some(json!({ "plan_id": desk.large }))).await;
    problem(early, 409, "conflict").await;
    let cancelled = desk.act(id, "cancel", Some(json!({ "reason": "Not yet" }))).await;
    let cancelled = json_of(cancelled, 200).await;
    assert_eq!((&cancelled["state"], &cancelled["ends_at"]), (&json!("cancelled"), &Value::Null));
    desk.app.clock.advance(2 * DAY);
    assert!(desk.quota().await.contains("q=100"));
    let (small, large) = (desk.small.as_str(), desk.large.as_str());
    assert_eq!(desk.history().await, desk.states(&[("active", small), ("cancelled", large)]));
    problem(desk.act(id, "cancel", Some(json!({ "reason": "x" }))).await, 409, "conflict").await;
}

#[tokio::test]
async fn the_subscription_of_what_is_frozen_can_be_suspended_and_not_resumed() {
    let desk = Desk::new().await;
    let page = desk.app.admin_ok("GET", &desk.subscriptions(), None).await;
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    let why = Some(json!({ "reason": "Unpaid" }));
    let app = format!("/admin/v1/apps/{}", desk.key.app_id);
    desk.app.admin_ok("POST", &format!("{app}/freeze"), why.clone()).await;
    assert_eq!(json_of(desk.act(&id, "suspend", why).await, 200).await["state"], "suspended");
    problem(desk.act(&id, "resume", None).await, 409, "conflict").await;
}

#[tokio::test]
async fn a_suspended_subscription_refuses_its_app_until_it_is_resumed() {
    let desk = Desk::new().await;
    let page = desk.app.admin_ok("GET", &desk.subscriptions(), None).await;
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    let suspended = desk.act(&id, "suspend", Some(json!({ "reason": "Unpaid" }))).await;
    assert_eq!(json_of(suspended, 200).await["state"], "suspended");
    problem(desk.app.get(&desk.key.text, &path()).await, 403, "suspended").await;
    let app = format!("/admin/v1/apps/{}", desk.key.app_id);
    let moved = desk.app.admin("PATCH", &app, Some(json!({ "plan_id": desk.large }))).await;
    problem(moved, 409, "conflict").await;
    assert_eq!(json_of(desk.act(&id, "resume", None).await, 200).await["state"], "active");
    assert!(desk.quota().await.contains("q=100"));
    // As with keys, apps and partners, nobody has to say why.
    let suspended = json_of(desk.act(&id, "suspend", None).await, 200).await;
    assert_eq!((&suspended["state"], &suspended["reason"]), (&json!("suspended"), &Value::Null));
    problem(desk.app.get(&desk.key.text, &path()).await, 403, "suspended").await;
    let trail = desk.app.admin_ok("GET", "/admin/v1/audit?action=app.suspend_plan", None).await;
    let reasons = [0, 1].map(|n| trail["items"][n]["detail"]["reason"].clone());
    assert_eq!(reasons, [Value::Null, json!("Unpaid")], "{trail}");
}

/// Approvals that come together are in force one after the other, and the schema holds them so.
#[tokio::test]
async fn a_change_of_plan_by_the_clock_lifts_no_suspension() {
    let desk = Desk::new().await;
    desk.offer(&desk.large, "auto").await;
    let later = Micros(desk.app.clock.now().0 + HOUR);
    json_of(desk.ask(&desk.large, Some(later)).await, 201).await;
    let page = desk.app.admin_ok("GET", &desk.subscriptions(), None).await;
    let ids = |n: usize| page["items"][n]["id"].as_str().unwrap().to_owned();
    let (next, first) = (ids(0), ids(1));
    let why = Some(json!({ "reason": "Unpaid" }));
    json_of(desk.act(&first, "suspend", why).await, 200).await;
    assert_eq!(
        desk.history().await,
        desk.states(&[("suspended", &desk.small), ("scheduled", &desk.large)])
    );
    desk.app.clock.advance(HOUR);
    problem(desk.app.get(&desk.key.text, &path()).await, 403, "suspended").await;
    assert_eq!(
        desk.history().await,
        desk.states(&[("ended", &desk.small), ("suspended", &desk.large)])
    );
    json_of(desk.act(&next, "resume", None).await, 200).await;
    assert!(desk.quota().await.contains("q=900"));
}

#[tokio::test]
async fn of_two_changes_at_once_neither_overlaps_the_other() {
    let desk = Desk::new().await;
    let mut plans = Vec::new();
    for quota in 1..=6 {
        plans.push(desk.app.plan(json!([{ "name": "day", "quota": quota, "window_s": 60 }])).await);
    }
    let app = format!("/admin/v1/apps/{}", desk.key.app_id);
    desk.app.clock.advance(1);
    let changes = plans.iter().map(|plan| {
        desk.app.clock.advance(1);
        desk.app.admin("PATCH", &app, Some(json!({ "plan_id": plan })))
    });
    for answer in futures_util::future::join_all(changes).await {
        assert!([200, 409].contains(&answer.status().as_u16()), "{}", answer.text().await.unwrap());
    }
    const CHAIN: &str = "SELECT COUNT(*) FROM app_subscriptions a JOIN app_subscriptions b \
        ON a.app_id = b.app_id AND a.id < b.id AND a.starts_at < COALESCE(b.ends_at, a.starts_at + 1) \
        AND b.starts_at < COALESCE(a.ends_at, b.starts_at + 1)";
    let overlaps: i64 =
        comptoir::on_db!(&desk.app.db, c => sqlx::query_scalar(CHAIN).fetch_one(c).await).unwrap();
    assert_eq!(overlaps, 0);
    const OPEN: &str = "SELECT COUNT(*) FROM app_subscriptions \
                        WHERE starts_at IS NOT NULL AND ends_at IS NULL";
    let open: i64 =
        comptoir::on_db!(&desk.app.db, c => sqlx::query_scalar(OPEN).fetch_one(c).await).unwrap();
    assert_eq!(open, 1);
    // A second one that is open, and a gap, are refused by the schema itself.
    let mut tx = desk.app.db.begin().await.unwrap();
    const SECOND: &str = "INSERT INTO app_subscriptions (id, app_id, number, plan_id, state, \
        requested_by, requested_at, starts_at) SELECT 'aps_00000000001', app_id, 99, plan_id, 'active', \
        'x', 0, 1 FROM app_subscriptions WHERE number = 1";
    let second = comptoir::on_tx!(&mut tx, c => sqlx::query(SECOND).execute(c).await.is_err());
    assert!(second);
    drop(tx);
    let mut tx = desk.app.db.begin().await.unwrap();
    const GAP: &str = "UPDATE app_subscriptions SET ends_at = starts_at + 1 WHERE ends_at IS NULL \
                       AND starts_at IS NOT NULL";
    comptoir::on_tx!(&mut tx, c => sqlx::query(GAP).execute(c).await.map(|_| ())).unwrap();
    assert!(tx.commit().await.is_err(), "an end without a beginning");
}

#[tokio::test]
async fn an_app_goes_to_another_partner_and_its_usage_stays_where_it_was() {
    let mut desk = Desk::new().await;
    let other = desk.app.key_under(&desk.small, json!({})).await;
    for _ in 0..3 {
        desk.quota().await;
    }
    let place = format!("/admin/v1/apps/{}/transfer", desk.key.app_id);
    let to = json!({ "partner_id": other.partner_id });
    let look = json!({ "partner_id": other.partner_id, "dry_run": true });
    // The name is taken there.
    let preview = desk.app.admin_ok("POST", &place, Some(look.clone())).await;
    assert_eq!(
        (&preview["transferred"], &preview["key_ids"]),
        (&json!(false), &json!([desk.key.id]))
    );
    problem(desk.app.admin("POST", &place, Some(to)).await, 409, "conflict").await;
    let new = json!({ "name": format!("new {}", desk.key.id) });
    let new = desk.app.admin_ok("POST", "/admin/v1/partners", Some(new)).await["id"].clone();
    let to = json!({ "partner_id": new });
    for frozen in [
        format!("partners/{}", desk.key.partner_id),
        format!("partners/{}", new.as_str().unwrap()),
        format!("apps/{}", desk.key.app_id),
    ] {
        let why = json!({ "reason": "x" });
        desk.app.admin_ok("POST", &format!("/admin/v1/{frozen}/freeze"), Some(why.clone())).await;
        problem(desk.app.admin("POST", &place, Some(to.clone())).await, 409, "conflict").await;
        desk.app.admin_ok("POST", &format!("/admin/v1/{frozen}/unfreeze"), Some(why)).await;
    }
    let done = desk.app.admin_ok("POST", &place, Some(to.clone())).await;
    assert_eq!((&done["transferred"], &done["to_partner_id"]), (&json!(true), &new));
    problem(desk.app.admin("POST", &place, Some(to)).await, 409, "conflict").await;
    for _ in 0..2 {
        desk.quota().await;
    }
    desk.app.stop().await;
    const SUMS: &str = "SELECT partner_id, CAST(SUM(requests) AS BIGINT) FROM usage_hours \
                        WHERE app_id = $1 GROUP BY partner_id";
    let sums: Vec<(String, i64)> = comptoir::on_db!(&desk.app.db, c => {
        sqlx::query_as(SUMS).bind(&desk.key.app_id).fetch_all(c).await
    })
    .unwrap();
    let sums: std::collections::HashMap<String, i64> = sums.into_iter().collect();
    assert_eq!((sums[&desk.key.partner_id], sums[new.as_str().unwrap()]), (3, 2));
}
