//! Whose account cannot agree to anything (attack 30).

use super::{CALLBACK, Seen, Shop, Visitor};
use crate::support::provider::query;
use comptoir::consent::status::ConsentStatus;
use serde_json::{Value, json};
use url::Url;

/// Where the page of somebody who is barred leads back to.
fn way_back(seen: &Seen) -> Url {
    assert_eq!(seen.status, 403, "{}", seen.body);
    let begins = format!("<a href=\"{CALLBACK}?");
    let (_, behind) = seen.body.split_once(&begins).unwrap_or_else(|| panic!("{}", seen.body));
    let query = behind.split_once('"').unwrap().0.replace("&amp;", "&");
    format!("{CALLBACK}?{query}").parse().unwrap()
}

async fn comes(shop: &Shop, claims: &[(&str, Value)]) -> (Visitor, Seen) {
    let mut visitor = Visitor::new(&shop.app);
    let begun = visitor.get(&shop.request(&[])).await;
    let mut seen = visitor.log_in(shop, begun.location(), claims).await;
    while seen.status == 303 && seen.location().starts_with('/') {
        let next = seen.location().to_owned();
        seen = visitor.get(&next).await;
    }
    (visitor, seen)
}

#[tokio::test]
async fn who_is_barred_sees_why_and_the_partner_does_not() {
    let shop = Shop::open().await;
    let mut told = Vec::new();
    for (claims, why) in [
        (vec![("account_status", json!("blocked"))], "is blocked"),
        (vec![("account_status", json!("deceased"))], "has died"),
        (vec![("account_status", json!("closed"))], "is closed"),
        (vec![("sub", json!("C9"))], "is closed"),
        (vec![("sub", json!("C3"))], "too young"),
        (vec![("age_band", json!("under_18")), ("sub", json!("C2"))], "too young"),
    ] {
        let (_, seen) = comes(&shop, &claims).await;
        let back = way_back(&seen);
        assert!(seen.body.contains(why), "{why}: {}", seen.body);
        assert_eq!(query(&back, "error"), "access_denied");
        told.push(back.to_string());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "the partner hears the same of all: {told:?}");
    for id in ["C1", "C2", "C3", "C9"] {
        assert!(shop.consents(id).await.is_empty(), "{id}");
    }
}

#[tokio::test]
async fn consents_of_an_account_that_is_blocked_hold_nothing_until_it_is_not() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let csrf = screen.field("csrf");
    camille.post(&screen.form(), &[("csrf", csrf.as_str()), ("decision", "allow")]).await.place();
    let status = async || shop.consents("C1").await[0].status;
    assert_eq!(status().await, ConsentStatus::Active);
    let (mut blocked, _) = comes(&shop, &[("account_status", json!("blocked"))]).await;
    assert_eq!(status().await, ConsentStatus::Suspended);
    // Their own page is theirs still: they can stop it, and agree to nothing.
    assert_eq!(blocked.get("/me").await.status, 200);
    comes(&shop, &[]).await;
    assert_eq!(status().await, ConsentStatus::Suspended, "nothing was said of the account");
    comes(&shop, &[("account_status", json!("active"))]).await;
    assert_eq!(status().await, ConsentStatus::Active);
    comes(&shop, &[("account_status", json!("deleted"))]).await;
    assert_eq!(status().await, ConsentStatus::Revoked);
}
