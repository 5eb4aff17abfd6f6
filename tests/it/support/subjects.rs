//! One of everything that the admin API is about, and a body of each schema that it takes.

use super::{TestApp, TestKey};
use comptoir::kernel::Micros;
use comptoir::kernel::id::NodeId;
use comptoir::metering::runs;
use serde_json::{Value, json};

/// What an admin operation is called about: a key with all that it belongs to, and a token.
pub(crate) struct Subjects {
    pub(crate) key: TestKey,
    plan_id: String,
    token_id: String,
    client_id: String,
    account_id: String,
    lost: NodeId,
    other: TestKey,
    other_plan: String,
}

/// A set of one public key (RFC 8037, appendix A).
fn jwks() -> Value {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] })
}

impl Subjects {
    pub(crate) async fn of(app: &TestApp) -> Self {
        let plan_id = app.plan(json!([{ "name": "burst", "quota": 9, "window_s": 1 }])).await;
        let token = app.admin_ok(
            "POST",
            "/admin/v1/tokens",
            Some(json!({ "name": "another", "roles": ["owner"] })),
        );
        let token_id = token.await["token"]["id"].as_str().unwrap().to_owned();
        let other_plan = app.plan(json!([{ "name": "burst", "quota": 8, "window_s": 1 }])).await;
        let (key, other) =
            (app.key_under(&plan_id, json!({})).await, app.key_under(&plan_id, json!({})).await);
        let client = json!({
            "app_id": key.app_id, "name": "signs", "environment": "live", "jwks": jwks(),
        });
        let client = app.admin_ok("POST", "/admin/v1/clients", Some(client)).await;
        let client_id = client["client"]["id"].as_str().unwrap().to_owned();
        let login = format!("of.{}", key.id);
        let account = json!({ "login": login, "name": "Claire", "roles": ["auditor"] });
        let account = app.admin_ok("POST", "/admin/v1/accounts", Some(account)).await;
        let account_id = account["account"]["id"].as_str().unwrap().to_owned();
        // A run that says nothing any more.
        let (lost, begun) = (NodeId::random().unwrap(), "2026-11-22T10:00:00Z".parse::<Micros>());
        runs::begin(&app.db, (lost, 1), begun.unwrap(), false).await.unwrap();
        Self { key, plan_id, token_id, client_id, account_id, lost, other, other_plan }
    }

    pub(crate) fn path(&self, path: &str) -> String {
        path.replace("{partner_id}", &self.key.partner_id)
            .replace("{app_id}", &self.key.app_id)
            .replace("/clients/{key_id}", &format!("/clients/{}", self.client_id))
            .replace("{key_id}", &self.key.id)
            .replace("{plan_id}", &self.plan_id)
            .replace("{token_id}", &self.token_id)
            .replace("{account_id}", &self.account_id)
            .replace("{version}", "1")
            .replace("{node_id}", &self.lost.to_string())
            .replace("{epoch}", "1")
    }

    /// A body of a schema, with every field.
    pub(crate) fn body(&self, schema: &str) -> Value {
        let name = format!("of {}", self.key.id);
        let limits = json!([{ "name": "burst", "quota": 700, "window_s": 3600 }]);
        let data = json!({
            "category_ids": ["drills"], "brand_ids": ["Nord"], "store_ids": ["0001"],
            "fields": { "product": ["name", "gtin"], "stock": ["availability"] },
        });
        match schema {
            "PartnerIn" => json!({ "name": name }),
            "TokenIn" => json!({
                "name": name, "roles": ["billing", "support"], "expires_at": "2030-01-01T00:00:00Z",
            }),
            "AccountIn" => {
                json!({ "login": name.replace(' ', "-"), "name": name, "roles": ["billing"] })
            }
            "AccountPatch" => json!({ "name": name, "roles": ["support"] }),
            "PlanIn" => json!({ "name": name, "limits": limits, "data": data }),
            "PartnerPatchIn" => json!({
                "name": name, "external_ref": self.key.id,
                "contacts": [{
                    "role": "technical", "name": "Ann", "email": "ann@partner.example",
                    "phone": "+33 1 23 45 67 89", "language": "fr",
                }],
                "contract": {
                    "reference": "1", "starts_on": "2026-01-01", "ends_on": "2030-12-31",
                    "time_zone": "Europe/Paris", "notice": "Three months",
                },
            }),
            "BudgetIn" => json!({
                "app_id": self.key.app_id, "amount": "500.00", "currency": "EUR", "percents": [50, 80],
                "amounts": ["10.00"],
            }),
            "FreezeIn" => json!({ "reason": "leaked", "tell_caller": true }),
            "LossIn" => json!({ "reason": "no disk", "gone_at": "2026-11-22T11:00:00Z" }),
            "WhyIn" => json!({ "reason": "unpaid" }),
            "UnfreezeIn" => json!({ "reason": "rotated" }),
            "NoteIn" => json!({ "body": "Asked for more." }),
            "PlanOffer" => {
                json!({ "approval": "manual", "public": true, "description": "To try out" })
            }
            "PlanRequestIn" => {
                json!({ "plan_id": self.other_plan, "starts_at": "2027-01-01T00:00:00Z" })
            }
            "TransferIn" => json!({ "partner_id": self.other.partner_id, "dry_run": true }),
            "PlanPatch" => json!({
                "limits": limits, "weights": {}, "when_degraded": "refuse", "data": data,
            }),
            "AppIn" => {
                json!({ "partner_id": self.key.partner_id, "plan_id": self.plan_id, "name": name })
            }
            "ErasureIn" => json!({ "customer_id": name, "asked_by_customer": true }),
            "EventEndpointIn" => json!({ "url": "https://app.example.com/events" }),
            "AppPatch" => json!({ "plan_id": self.plan_id }),
            "SimulationIn" => json!({ "limits": limits, "apps": [self.key.app_id] }),
            of_keys => self.body_of_keys(of_keys, &name),
        }
    }

    fn body_of_keys(&self, schema: &str, name: &str) -> Value {
        match schema {
            "KeyIn" => json!({
                "app_id": self.key.app_id, "environment": "test", "name": name,
                "scopes": ["catalog:read"], "cidrs": ["192.0.2.0/24"],
                "expires_at": "2030-01-01T00:00:00Z",
            }),
            "RotationIn" => json!({ "overlap_s": 60 }),
            "RotationEndIn" => json!({ "now": false }),
            "KeyPatchIn" => json!({
                "name": name, "scopes": ["stock:read"], "cidrs": ["192.0.2.0/24"],
                "expires_at": "2030-01-01T00:00:00Z",
            }),
            "ClientIn" => json!({
                "app_id": self.key.app_id, "environment": "test", "name": name,
                "scopes": ["catalog:read"], "cidrs": ["192.0.2.0/24"],
                "expires_at": "2030-01-01T00:00:00Z", "jwks": jwks(),
            }),
            "JwksIn" => json!({ "jwks": jwks() }),
            "BulkIn" => json!({
                "action": "rotate", "overlap_s": 60,
                "filter": {
                    "ids": [self.key.id], "partner_id": self.key.partner_id,
                    "app_id": self.key.app_id, "plan_id": self.plan_id, "environment": "live",
                    "scope": "catalog:read", "hint": "x7Qa",
                    "created_before": "2030-01-01T00:00:00Z", "used_before": "2030-01-01T00:00:00Z",
                    "attention": "unused", "within_days": 30,
                },
            }),
            other => panic!("say here what {other} is like"),
        }
    }
}
