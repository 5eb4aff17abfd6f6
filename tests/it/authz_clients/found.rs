//! The client that the protocol knows of a registered app.

use super::{CALLBACK, LOYALTY, SUMMARY, asking, place, registration};
use crate::support::{NOON, TestApp, TestKey};
use comptoir::authz::client::{ClientAuth, SecurityProfile};
use comptoir::authz::clients::{KnownClients, Registered, find};
use comptoir::authz::redirect::RedirectUri;
use comptoir::consent::scope::{OAuthScope, OAuthScopes};
use comptoir::consent::standing::ClientStanding;
use comptoir::kernel::id::AppId;
use comptoir::storage::{Log, log};
use serde_json::{Value, json};

/// An OAuth client of an app, with a public key of its own (RFC 8037, appendix A) or with a secret; its id.
async fn client(app: &TestApp, key: &TestKey, signs: bool) -> String {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let mut body = json!({
        "app_id": key.app_id, "name": "front", "environment": "live", "scopes": ["catalog:read"],
    });
    if signs {
        body["jwks"] = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] });
    }
    let made = app.admin_ok("POST", "/admin/v1/clients", Some(body)).await;
    made["client"]["id"].as_str().unwrap().to_owned()
}

async fn found(app: &TestApp, id: &str) -> Option<Registered> {
    find(&app.db, id, app.clock.now()).await.unwrap()
}

async fn decide(app: &TestApp, key: &TestKey, verb: &str, what: Value) {
    let mut body = what;
    body["reason"] = json!("as agreed");
    app.admin_ok("POST", &place(key, verb), Some(body)).await;
}

#[tokio::test]
async fn a_client_has_what_was_approved_of_its_app_and_no_more() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = asking(&app, &[SUMMARY, LOYALTY]).await;
    let (signing, secret) = (client(&app, &key, true).await, client(&app, &key, false).await);
    let before = found(&app, &signing).await.unwrap();
    assert!(
        before.client.redirect_uris.is_empty() && before.client.scopes.of_customers().is_empty()
    );
    let what = json!({ "scopes": [SUMMARY], "redirect_uris": [CALLBACK] });
    decide(&app, &key, "/approve", what).await;
    let after = found(&app, &signing).await.unwrap();
    assert_eq!(after.client.id, signing);
    assert_eq!(after.client.app.to_string(), key.app_id);
    let kind = (after.client.auth, after.client.profile);
    assert_eq!(kind, (ClientAuth::PrivateKeyJwt, SecurityProfile::Fapi2));
    let summary = OAuthScopes::from(OAuthScope::PurchasesSummaryRead);
    assert_eq!(after.client.scopes.of_customers(), summary);
    for scope in [OAuthScope::CatalogRead, OAuthScope::OpenId, OAuthScope::OfflineAccess] {
        assert!(after.client.scopes.has(scope), "{scope}");
    }
    let uris: Vec<&str> = after.client.redirect_uris.iter().map(RedirectUri::as_str).collect();
    assert_eq!(uris, [CALLBACK]);
    assert_eq!(after.credentials.len(), 1);
    assert!(after.credentials[0].key.is_some());
    assert_eq!(
        (after.legal_name.as_str(), after.partner.to_string()),
        ("Budget Coach SAS", key.partner_id.clone())
    );
    // A secret is not what the app is registered with.
    assert!(found(&app, &secret).await.unwrap().credentials.is_empty());
    decide(&app, &key, "/refuse", json!({ "scopes": [SUMMARY] })).await;
    assert!(found(&app, &signing).await.unwrap().client.scopes.of_customers().is_empty());
}

#[tokio::test]
async fn who_is_suspended_frozen_or_no_client_is_not_found() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = asking(&app, &[SUMMARY]).await;
    let id = client(&app, &key, true).await;
    for none in ["", "key_00000000001", &key.app_id, &key.id] {
        assert!(found(&app, none).await.is_none(), "{none}");
    }
    let other = app.key(json!({})).await;
    let unregistered = client(&app, &other, true).await;
    assert!(found(&app, &unregistered).await.is_none());
    // Suspended for customers' data it is known, and has none.
    let why = Some(json!({ "reason": "asked" }));
    app.admin_ok("POST", &place(&key, "/suspend"), why.clone()).await;
    let suspended = found(&app, &id).await.unwrap();
    assert_eq!(suspended.consent_client().standing, ClientStanding::Suspended);
    app.admin_ok("POST", &place(&key, "/resume"), why.clone()).await;
    let resumed = found(&app, &id).await.unwrap();
    assert_eq!(resumed.consent_client().standing, ClientStanding::Registered);
    for (path, verb, back) in [
        (format!("/admin/v1/keys/{id}"), "suspend", "resume"),
        (format!("/admin/v1/apps/{}", key.app_id), "suspend", "resume"),
        (format!("/admin/v1/partners/{}", key.partner_id), "freeze", "unfreeze"),
    ] {
        app.admin_ok("POST", &format!("{path}/{verb}"), why.clone()).await;
        assert!(found(&app, &id).await.is_none(), "{verb} {path}");
        app.admin_ok("POST", &format!("{path}/{back}"), why.clone()).await;
        assert!(found(&app, &id).await.is_some(), "{back} {path}");
    }
}

#[tokio::test]
async fn what_is_known_of_an_app_is_read_anew_when_the_log_has_moved() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = asking(&app, &[SUMMARY]).await;
    let known = KnownClients::default();
    let id: AppId = key.app_id.parse().unwrap();
    let at = async |position| known.get(&app.db, id, position).await.unwrap().unwrap();
    assert!(at(1).await.scopes.of_customers().is_empty());
    decide(&app, &key, "/approve", json!({ "scopes": [SUMMARY] })).await;
    assert!(at(1).await.scopes.of_customers().is_empty(), "the database is not asked");
    let summary = OAuthScopes::from(OAuthScope::PurchasesSummaryRead);
    assert_eq!(at(2).await.scopes.of_customers(), summary);
    assert_eq!(at(2).await.standing, ClientStanding::Registered);
    app.admin_ok("POST", &place(&key, "/suspend"), Some(json!({ "reason": "lost" }))).await;
    assert_eq!(at(3).await.standing, ClientStanding::Suspended);
    // Each change is an entry of the log that nodes follow.
    let before = log::head(&app.db, Log::Control).await.unwrap();
    app.admin_ok("POST", &place(&key, "/resume"), Some(json!({ "reason": "found" }))).await;
    assert!(log::head(&app.db, Log::Control).await.unwrap() > before);
    let other = app.key(json!({})).await;
    let none = known.get(&app.db, other.app_id.parse().unwrap(), 3).await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn what_customers_agreed_with_one_partner_goes_over_to_no_other() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = asking(&app, &[SUMMARY]).await;
    let id = client(&app, &key, true).await;
    let other = json!({ "name": "Another partner" });
    let other = app.admin_ok("POST", "/admin/v1/partners", Some(other)).await;
    let to = json!({ "partner_id": other["id"] });
    let path = format!("/admin/v1/apps/{}/transfer", key.app_id);
    app.admin_ok("POST", &path, Some(to)).await;
    assert!(found(&app, &id).await.is_none());
    let anew = app.admin("PUT", &place(&key, ""), Some(registration(&[SUMMARY]))).await;
    crate::support::problem(anew, 409, "conflict").await;
}
