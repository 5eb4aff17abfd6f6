//! Forms that other sites send (attack 3).

use super::{Shop, Visitor};

/// A form that a page of ours has, and what it changes.
async fn refused(shop: &Shop, visitor: &mut Visitor, path: &str, csrf: &str) {
    let before = shop.entries().await;
    let fields = [("csrf", csrf), ("decision", "allow"), ("sure", "1")];
    // Without the key, with one that is made up, with that of another session, and from another site.
    for wrong in ["", "x", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"] {
        let forged = [("csrf", wrong), fields[1], fields[2]];
        assert_eq!(visitor.post(path, &forged).await.status, 403, "{path} {wrong}");
    }
    let mut other = Visitor::new(&shop.app);
    other.log_in(shop, "/me", &[("sub", "C2".into())]).await;
    let status = other.post(path, &fields).await.status;
    assert_eq!(status, 403, "{path}");
    let mut nobody = Visitor::new(&shop.app);
    assert_eq!(nobody.post(path, &fields).await.status, 403, "{path}");
    for foreign in ["https://evil.example", "null"] {
        let mut framed = visitor.clone();
        framed.origin = Some(foreign.to_owned());
        assert_eq!(framed.post(path, &fields).await.status, 403, "{path} {foreign}");
    }
    assert_eq!(shop.entries().await, before, "{path}: no event is written");
}

#[tokio::test]
async fn a_decision_is_taken_from_its_own_screen_alone() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let (path, csrf) = (screen.form(), screen.field("csrf"));
    refused(&shop, &mut camille, &path, &csrf).await;
    // The key of another request of the same session is none, either.
    let other = camille.get(&shop.request(&[("state", "s2")])).await.location().to_owned();
    let other = camille.get(&other).await.location().to_owned();
    let second = camille.get(&other).await;
    let fields = [("csrf", csrf.as_str()), ("decision", "allow")];
    assert_eq!(camille.post(&second.form(), &fields).await.status, 403);
    camille.post(&path, &fields).await.place();
}

#[tokio::test]
async fn a_consent_is_stopped_from_its_own_page_alone() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let csrf = screen.field("csrf");
    camille.post(&screen.form(), &[("csrf", csrf.as_str()), ("decision", "allow")]).await.place();
    let id = shop.consents("C1").await[0].grant_id.to_string();
    let page = camille.get(&format!("/me/consents/{id}")).await;
    let csrf = page.field("csrf");
    for what in ["revoke", "narrow", "renew"] {
        refused(&shop, &mut camille, &format!("/me/consents/{id}/{what}"), &csrf).await;
    }
    let own = camille.get("/me").await.field("csrf");
    refused(&shop, &mut camille, "/me/erasure", &own).await;
    let stopped =
        camille.post(&format!("/me/consents/{id}/revoke"), &[("csrf", csrf.as_str())]).await;
    assert_eq!(stopped.status, 200, "{}", stopped.body);
}
