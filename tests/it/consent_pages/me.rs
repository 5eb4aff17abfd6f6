//! The customer's own page.

use super::{LOYALTY, SUMMARY, Seen, Shop, Visitor};
use comptoir::consent::scope::OAuthScope;
use comptoir::consent::status::ConsentStatus;
use comptoir::consent::store::subjects;
use comptoir::kernel::clock::{HOUR, SECOND};
use serde_json::{Value, json};

/// Camille, who shares two kinds of data; the consent's id.
async fn sharing(shop: &Shop) -> (Visitor, String) {
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(shop, &[]).await;
    let (csrf, loyalty) = (screen.field("csrf"), format!("scope:{LOYALTY}"));
    let fields = [("csrf", csrf.as_str()), ("decision", "allow"), (loyalty.as_str(), "1")];
    camille.post(&screen.form(), &fields).await.place();
    let id = shop.consents("C1").await[0].grant_id.to_string();
    (camille, id)
}

fn document(seen: &Seen) -> Value {
    assert_eq!(seen.status, 200, "{}", seen.body);
    serde_json::from_str(&seen.body).unwrap()
}

#[tokio::test]
async fn a_customer_sees_what_they_share_and_stops_it_everywhere() {
    let shop = Shop::open().await;
    let (mut camille, id) = sharing(&shop).await;
    let page = camille.get("/me").await;
    assert!(page.body.contains("Budget Coach SAS") && !page.body.contains("<script"));
    let path = format!("/me/consents/{id}");
    let detail = camille.get(&path).await;
    for text in ["Follow what you spend", "Your loyalty status and balance", "Stop sharing"] {
        assert!(detail.body.contains(text), "{text}: {}", detail.body);
    }
    let mut program = camille.clone();
    program.accept = "application/json";
    let listed = document(&program.get("/me/consents").await);
    assert_eq!(listed["items"][0]["grant_id"], json!(id));
    let shown = document(&program.get(&path).await);
    assert_eq!(shown["consent"]["status"], "active");
    assert_eq!(shown["csrf"], json!(detail.field("csrf")));
    let csrf = detail.field("csrf");
    let stopped =
        program.post(&format!("{path}/revoke?wait=all"), &[("csrf", csrf.as_str())]).await;
    let stopped = document(&stopped);
    assert_eq!((&stopped["nodes_confirmed"], &stopped["nodes_total"]), (&json!(1), &json!(1)));
    assert!(stopped["effective_at"].is_string(), "{stopped}");
    assert_eq!(shop.consents("C1").await[0].status, ConsentStatus::Revoked);
    // What has ended does not end again, and stays to be seen.
    let again = camille.post(&format!("{path}/revoke"), &[("csrf", csrf.as_str())]).await;
    assert_eq!(again.status, 409);
    assert!(camille.get("/me").await.body.contains("stopped"));
}

#[tokio::test]
async fn a_customer_takes_a_part_back_and_renews_the_rest() {
    let shop = Shop::open().await;
    let (mut camille, id) = sharing(&shop).await;
    let path = format!("/me/consents/{id}");
    let csrf = camille.get(&path).await.field("csrf");
    let (needed, loyalty) = (format!("scope:{SUMMARY}"), format!("scope:{LOYALTY}"));
    let narrow = format!("{path}/narrow");
    let locked = camille.post(&narrow, &[("csrf", csrf.as_str()), (needed.as_str(), "1")]).await;
    assert_eq!(locked.status, 409, "what the purpose needs can only be stopped with it");
    let less = camille.post(&narrow, &[("csrf", csrf.as_str()), (loyalty.as_str(), "1")]).await;
    assert_eq!(less.location(), path);
    let consents = shop.consents("C1").await;
    assert_eq!((consents.len(), consents[0].version), (1, 2));
    assert!(!consents[0].data.scopes.has(OAuthScope::LoyaltyBasicRead));

    let screen = camille.get(&format!("{path}/renew")).await;
    assert_eq!(screen.status, 200, "{}", screen.body);
    assert!(screen.body.contains("value=\"180\""), "as long as the purpose allows");
    let csrf = screen.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("decision", "allow"), ("days", "180")];
    assert_eq!(camille.post(&screen.form(), &fields).await.location(), path);
    let renewed = &shop.consents("C1").await[0];
    assert_eq!((renewed.version, renewed.status), (3, ConsentStatus::Active));
    // Not by who has logged in too long ago.
    shop.app.clock.advance(400 * SECOND);
    let again = camille.get(&format!("{path}/renew")).await;
    assert!(again.location().starts_with("/login/start?p=shop&again=1"), "{}", again.location());
}

#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let shop = Shop::open().await;
    let (_, id) = sharing(&shop).await;
    let mut other = Visitor::new(&shop.app);
    other.log_in(&shop, "/me", &[("sub", json!("C2"))]).await;
    let unknown = "5b0c1a2d-0000-4000-8000-000000000000";
    for behind in ["", "/receipt", "/renew"] {
        let mut answers = Vec::new();
        for id in [id.as_str(), unknown] {
            let seen = other.get(&format!("/me/consents/{id}{behind}")).await;
            assert_eq!(seen.status, 404, "{id}{behind}");
            answers.push(seen.body.replace(id, "ID"));
        }
        assert_eq!(answers[0], answers[1], "{behind}");
        assert_eq!(other.get(&format!("/me/consents/x{behind}")).await.status, 404);
    }
    assert_eq!(other.get("/me").await.body.matches("Budget Coach").count(), 0);
}

#[tokio::test]
async fn all_that_is_known_is_handed_over_to_who_has_just_logged_in() {
    let shop = Shop::open().await;
    let (mut camille, id) = sharing(&shop).await;
    let whole = document(&camille.get("/me/export").await);
    assert_eq!(whole["schema"], "comptoir-customer-export-v1");
    assert_eq!(
        (&whole["profile"]["given_name"], &whole["consents"][0]["grant_id"]),
        (&json!("Camille"), &json!(id))
    );
    assert_eq!(whole["profile"]["preferences"]["diets"], json!(["vegan"]));
    let table = camille.get("/me/export?format=csv").await;
    assert!(table.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(table.body.contains("profile.given_name,Camille"), "{}", table.body);
    assert_eq!(camille.get("/me/export?format=xml").await.status, 400);
    shop.app.clock.advance(400 * SECOND);
    let again = camille.get("/me/export").await;
    assert!(again.location().starts_with("/login/start"), "{}", again.location());
}

#[tokio::test]
async fn who_wants_it_is_forgotten() {
    let shop = Shop::open().await;
    let (mut camille, _) = sharing(&shop).await;
    let csrf = camille.get("/me").await.field("csrf");
    let unsure = camille.post("/me/erasure", &[("csrf", csrf.as_str())]).await;
    assert_eq!(unsure.status, 409);
    let mut other_window = camille.clone();
    let erased = camille.post("/me/erasure", &[("csrf", csrf.as_str()), ("sure", "1")]).await;
    assert_eq!(erased.status, 202, "{}", erased.body);
    assert!(camille.cookie("comptoir_customer").is_none());
    assert_eq!(other_window.get("/me").await.location(), "/login/start", "all sessions end");
    assert!(subjects::reference_of(&shop.app.db, "C1").await.unwrap().is_none());
    // The provider still knows them; here there is nobody of that name.
    let back = camille.log_in(&shop, "/me", &[]).await;
    assert_eq!(back.status, 403, "{}", back.body);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_when_its_customer_says_so() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    assert_eq!(camille.log_in(&shop, "/me", &[]).await.status, 200);
    let first = camille.cookie("comptoir_customer").unwrap().to_owned();
    for _ in 0..3 {
        shop.app.clock.advance(1_500 * SECOND);
        assert_eq!(camille.get("/me").await.status, 200);
    }
    shop.app.clock.advance(1_801 * SECOND);
    assert_eq!(camille.get("/me").await.location(), "/login/start");
    assert_eq!(camille.log_in(&shop, "/me", &[]).await.status, 200);
    // A login makes a new session, and the one before is none any more.
    assert_ne!(camille.cookie("comptoir_customer"), Some(first.as_str()));
    let mut old = Visitor::new(&shop.app);
    old.take_cookie("comptoir_customer", &first);
    assert_eq!(old.get("/me").await.location(), "/login/start");
    let page = camille.get("/me").await;
    let csrf = page.body.rsplit_once("name=\"csrf\" value=\"").unwrap().1;
    let csrf = csrf.split_once('"').unwrap().0.to_owned();
    let mut copy = camille.clone();
    let out = camille.post("/me/logout", &[("csrf", csrf.as_str())]).await;
    assert_eq!(out.status, 200, "{}", out.body);
    assert_eq!(copy.get("/me").await.location(), "/login/start");
    // However much it is used, it ends after a day of work.
    assert_eq!(camille.log_in(&shop, "/me", &[]).await.status, 200);
    for _ in 0..20 {
        shop.app.clock.advance(HOUR / 2 - SECOND);
        camille.get("/me").await;
    }
    assert_eq!(camille.get("/me").await.location(), "/login/start");
}
