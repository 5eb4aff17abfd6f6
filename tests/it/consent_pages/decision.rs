//! The screen, and what comes of the answer.

use super::shop::{ISSUER, STRONG};
use super::{BASKET, CALLBACK, LOYALTY, PREFERENCES, SUMMARY, Seen, Shop, Visitor};
use crate::support::provider::query;
use comptoir::authz::handles::{AuthorizationCode, Handle};
use comptoir::authz::store::codes;
use comptoir::consent::scope::{OAuthScope, OAuthScopes};
use comptoir::consent::status::ConsentStatus;
use comptoir::kernel::clock::DAY;
use serde_json::json;

/// What a page must not have, and what it must.
fn checked(seen: &Seen, language: &str) {
    let body = &seen.body;
    assert!(body.contains(&format!("<html lang=\"{language}\">")), "{body}");
    for banned in ["<script", "javascript:", " onclick", " style=", "<img"] {
        assert!(!body.contains(banned), "{banned}: {body}");
    }
    assert_eq!(body.matches("<h1>").count(), 1, "{body}");
    assert!(body.contains("<title>") && body.contains("<main>"), "{body}");
}

#[tokio::test]
async fn a_customer_reads_what_is_asked_and_agrees_to_a_part_of_it() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    checked(&screen, "en");
    for text in [
        "Budget Coach SAS",
        "coach.example",
        "Follow what you spend",
        "What is shared",
        "Camille",
        "privacy@coach.example",
        "dpo@aubier.example",
        "30 days",
    ] {
        assert!(screen.body.contains(text), "{text}: {}", screen.body);
    }
    // What is needed is locked, what can be left out is not ticked, and what is sensitive needs a stronger login.
    assert_eq!(screen.body.matches(" checked disabled>").count(), 1);
    assert!(!screen.body.contains(&format!("name=\"scope:{SUMMARY}\"")));
    assert!(screen.body.contains(&format!("name=\"scope:{LOYALTY}\" value=\"1\">")));
    assert!(!screen.body.contains(&format!("name=\"scope:{PREFERENCES}\"")));
    assert!(screen.body.contains("&amp;up=1"), "{}", screen.body);
    let csrf = screen.field("csrf");
    let loyalty = format!("scope:{LOYALTY}");
    let fields = [
        ("csrf", csrf.as_str()),
        ("shown_in", "en"),
        ("decision", "allow"),
        ("days", "30"),
        (loyalty.as_str(), "1"),
    ];
    let answer = camille.post(&screen.form(), &fields).await;
    let place = answer.place();
    assert!(answer.location().starts_with(CALLBACK));
    assert_eq!((query(&place, "state"), query(&place, "iss")), ("s1".into(), ISSUER.into()));

    let consents = shop.consents("C1").await;
    let [record] = consents.as_slice() else { panic!("one consent") };
    let given: OAuthScopes = [
        OAuthScope::PurchasesSummaryRead,
        OAuthScope::LoyaltyBasicRead,
        OAuthScope::OpenId,
        OAuthScope::OfflineAccess,
    ]
    .into_iter()
    .collect();
    assert_eq!((record.status, record.data.scopes), (ConsentStatus::Active, given));
    assert_eq!(record.validity.expires_at.0, shop.app.clock.now().0 + 30 * DAY);
    let expression = record.expression.as_ref().unwrap();
    assert_eq!(expression.expression_method, "button:allow");
    let code = Handle::<AuthorizationCode>::read(&query(&place, "code")).unwrap();
    let kept = codes::find(&shop.app.db, code.hash()).await.unwrap().unwrap();
    assert_eq!(kept.to.consent.grant_id, record.grant_id);
    assert_eq!((kept.to.client_id, kept.used), (shop.client.clone(), false));

    // The answer counts once, and the request is over.
    let again = camille.post(&screen.form(), &fields).await;
    assert_eq!(again.status, 409, "{}", again.body);
    assert_eq!(shop.consents("C1").await.len(), 1);
}

#[tokio::test]
async fn what_is_agreed_to_already_is_not_asked_for_again() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let (csrf, loyalty) = (screen.field("csrf"), format!("scope:{LOYALTY}"));
    let fields = [("csrf", csrf.as_str()), ("decision", "allow"), (loyalty.as_str(), "1")];
    let place = camille.post(&screen.form(), &fields).await.place();
    let scope = format!("{SUMMARY} {LOYALTY} offline_access");
    let request = shop.request(&[("scope", scope.as_str())]);
    let kept = camille.get(&request).await.location().to_owned();
    let straight = camille.get(&kept).await;
    assert!(straight.location().starts_with(CALLBACK), "{}", straight.location());
    assert_ne!(query(&straight.place(), "code"), query(&place, "code"));
}

#[tokio::test]
async fn the_page_is_in_french_and_in_english() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    camille.language = "fr-FR,fr;q=0.9";
    let screen = camille.screen_for(&shop, &[]).await;
    checked(&screen, "fr");
    assert!(
        screen.body.contains("Suivre vos dépenses") && screen.body.contains("Ne pas autoriser")
    );
    assert_eq!(screen.headers["content-language"], "fr");
    let path = format!("{}?lang=en", screen.form());
    let english = camille.get(&path).await;
    checked(&english, "en");
    // The link is remembered.
    let still = camille.get(&screen.form()).await;
    assert!(still.body.contains("Don&#39;t allow"), "{}", still.body);
    // What was shown in a language is proved in it.
    let (csrf, shown) = (screen.field("csrf"), [("fr", "fr"), ("en", "en")]);
    let fields = [("csrf", csrf.as_str()), ("shown_in", shown[0].1), ("decision", "allow")];
    camille.post(&screen.form(), &fields).await.place();
    let consents = shop.consents("C1").await;
    let [record] = consents.as_slice() else { panic!("one consent") };
    assert_eq!(record.notice.notice_lang.to_string(), "fr");
}

#[tokio::test]
async fn who_does_not_agree_is_led_back_with_nothing() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let csrf = screen.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("decision", "deny")];
    let place = camille.post(&screen.form(), &fields).await.place();
    assert_eq!(query(&place, "error"), "access_denied");
    assert_eq!((query(&place, "state"), query(&place, "iss")), ("s1".into(), ISSUER.into()));
    assert!(place.query_pairs().all(|(name, _)| name != "code"));
    let consents = shop.consents("C1").await;
    let [record] = consents.as_slice() else { panic!("one consent") };
    assert_eq!(record.status, ConsentStatus::Denied);
}

#[tokio::test]
async fn what_is_sensitive_needs_a_strong_login_and_two_ticks() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let link = screen.body.split("href=\"/login/start?").nth(1).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let led = camille.get(&format!("/login/start?{link}")).await;
    assert_eq!(query(&led.place(), "acr_values"), STRONG);
    let callback = shop.let_in(&led.place(), &[("acr", json!(STRONG))]);
    let back = camille.get(&callback).await.location().to_owned();
    let place = camille.get(&back).await.location().to_owned();
    let screen = camille.get(&place).await;
    let csrf = screen.field("csrf");
    let (own, explicit) = (format!("scope:{PREFERENCES}"), format!("explicit:{PREFERENCES}"));
    let one = [("csrf", csrf.as_str()), ("decision", "allow"), (own.as_str(), "1")];
    let asked_again = camille.post(&screen.form(), &one).await;
    assert_eq!(asked_again.status, 200);
    assert!(asked_again.body.contains("role=\"alert\""), "{}", asked_again.body);
    let both = [one[0], one[1], one[2], (explicit.as_str(), "1")];
    camille.post(&screen.form(), &both).await.place();
    let consents = shop.consents("C1").await;
    let [record] = consents.as_slice() else { panic!("one consent") };
    assert!(record.data.scopes.has(OAuthScope::PreferencesRead));
    assert!(!record.data.scopes.has(OAuthScope::ProfileBasicRead), "{BASKET} was not ticked");
}
