//! Logging in at a provider, and what is tried against it (attacks 1 and 4), and logging out there.

use super::{Shop, Visitor};
use crate::support::provider::{CLIENT, FakeProvider, query};
use comptoir::authz::settings::LogoutReach;
use comptoir::kernel::clock::SECOND;
use serde_json::{Value, json};
use url::Url;

/// Somebody on their way to the provider.
async fn begun(shop: &Shop) -> (Visitor, Url) {
    let mut visitor = Visitor::new(&shop.app);
    let place = visitor.get("/login/start").await.place();
    (visitor, place)
}

#[tokio::test]
async fn a_login_asks_for_what_proves_it() {
    let shop = Shop::open().await;
    let (_, place) = begun(&shop).await;
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT.0),
        ("redirect_uri", "http://127.0.0.1:8080/login/callback/shop"),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
        ("ui_locales", "en"),
    ] {
        assert_eq!(query(&place, name), value, "{name}");
    }
    // Each login has its own.
    let (_, other) = begun(&shop).await;
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(query(&place, name), query(&other, name), "{name}");
    }
}

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it() {
    let shop = Shop::open().await;
    let (mut camille, place) = begun(&shop).await;
    let back = shop.let_in(&place, &[]);
    let (mut other, _) = begun(&shop).await;
    for mut stranger in [other.clone(), Visitor::new(&shop.app)] {
        let refused = stranger.get(&back).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(stranger.cookie("comptoir_customer").is_none());
    }
    let state = query(&place, "state");
    for path in [
        "?code=c0de".to_owned(),
        "?code=c0de&state=".to_owned(),
        format!("?code=c0de&state={state}A"),
        format!("?code=c0de&code=other&state={state}"),
        format!("?state={state}"),
        format!("?error=access_denied&state={state}"),
        format!("?code=unknown&state={state}"),
    ] {
        let refused = other.get(&format!("/login/callback/shop{path}")).await;
        assert_eq!(refused.status, 400, "{path}");
        let refused = camille.get(&format!("/login/callback/shop{path}")).await;
        assert_eq!(refused.status, 400, "{path}");
    }
    assert_eq!(camille.get(&back).await.location(), "/me");
    assert_eq!(camille.get("/me").await.status, 200);
    // A code works once, at the provider.
    assert_eq!(camille.get(&back).await.status, 400);
}

#[tokio::test]
async fn a_login_that_takes_too_long_is_over() {
    let shop = Shop::open().await;
    let (mut late, place) = begun(&shop).await;
    shop.app.clock.advance(601 * SECOND);
    let back = shop.let_in(&place, &[]);
    assert_eq!(late.get(&back).await.status, 400);
}

#[tokio::test]
async fn a_browser_can_have_several_logins_at_once() {
    let shop = Shop::open().await;
    let (mut camille, first) = begun(&shop).await;
    let second = camille.get("/login/start").await.place();
    for place in [second, first] {
        let back = shop.let_in(&place, &[]);
        assert_eq!(camille.get(&back).await.location(), "/me");
    }
}

#[tokio::test]
async fn what_a_token_says_wrong_lets_nobody_in() {
    let shop = Shop::open().await;
    let wrong: [(&str, Value); 7] = [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("azp", json!("another")),
        ("nonce", json!("x")),
        ("exp", json!(1)),
        ("sub", json!("")),
        ("sub", Value::Null),
    ];
    for (claim, value) in wrong {
        let (mut visitor, place) = begun(&shop).await;
        let back = shop.let_in(&place, &[(claim, value)]);
        assert_eq!(visitor.get(&back).await.status, 400, "{claim}");
        assert!(visitor.cookie("comptoir_customer").is_none(), "{claim}");
    }
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused_before_anything_is_asked() {
    let club = FakeProvider::start();
    let further = [
        ("LOGIN__IDP__CLUB__ISSUER", club.issuer.as_str()),
        ("LOGIN__IDP__CLUB__CLIENT_ID", CLIENT.0),
        ("LOGIN__IDP__CLUB__CLIENT_SECRET", CLIENT.1),
        ("LOGIN__IDP__CLUB__TITLE", "The <Club>"),
    ];
    let shop = Shop::open_with("Budget Coach SAS", &further).await;
    club.show(&[shop.key.jwk()]);
    let mut camille = Visitor::new(&shop.app);
    let choice = camille.get("/login/start").await;
    assert_eq!(choice.status, 200);
    assert!(choice.body.contains("The &lt;Club&gt;") && choice.body.contains("p=shop"));
    let at_shop = camille.get("/login/start?p=shop").await.place();
    let at_club = camille.get("/login/start?p=club").await.place();
    assert!(at_club.as_str().starts_with(&club.issuer));
    // The code of one at the address of the other.
    let back = shop.let_in(&at_shop, &[]);
    let mixed = back.replace("/callback/shop", "/callback/club");
    assert_eq!(camille.get(&mixed).await.status, 400);
    assert_eq!((club.looks_at_keys(), shop.provider.looks_at_keys()), (0, 0));
    // Another issuer than that of the address, and none where the provider says that it names itself.
    let named = format!("{back}&iss={}", club.issuer);
    assert_eq!(camille.get(&named).await.status, 400);
    shop.provider.say("authorization_response_iss_parameter_supported", json!(true));
    shop.app.clock.advance(3_601 * SECOND);
    let again = camille.get("/login/start?p=shop").await.place();
    let back = shop.let_in(&again, &[]);
    assert_eq!(camille.get(&back).await.status, 400);
    assert_eq!(shop.provider.looks_at_keys(), 0, "no code was exchanged");
    let named = format!("{back}&iss={}", shop.provider.issuer);
    assert_eq!(camille.get(&named).await.location(), "/me");
    assert_eq!(camille.get("/login/callback/none?code=1&state=2").await.status, 404);
}

#[tokio::test]
async fn a_request_says_how_strongly_and_how_lately() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let wants = [("acr_values", "urn:a urn:b"), ("max_age", "60"), ("prompt", "login")];
    let request = shop.request(&wants);
    let first = camille.get(&request).await.location().to_owned();
    let login = camille.get(&first).await.location().to_owned();
    let place = camille.get(&login).await.place();
    assert_eq!(query(&place, "acr_values"), "urn:a urn:b");
    assert_eq!((query(&place, "max_age"), query(&place, "prompt")), ("60".into(), "login".into()));
    // An older login than was asked for, or one that does not say when, does not do.
    let now = shop.app.clock.now().0 / SECOND;
    for auth_time in [json!(now - 200), Value::Null] {
        let back = shop.let_in(&place, &[("auth_time", auth_time), ("acr", json!("urn:a"))]);
        assert_eq!(camille.get(&back).await.status, 400);
    }
    // A weaker one is the partner's to know.
    let back = shop.let_in(&place, &[("acr", json!("urn:c"))]);
    let on = camille.get(&back).await.location().to_owned();
    let told = camille.get(&on).await.place();
    assert_eq!(query(&told, "error"), "unmet_authentication_requirements");
}

#[tokio::test]
async fn who_logs_out_at_the_provider_is_logged_out_here() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    assert_eq!(camille.log_in(&shop, "/me", &[]).await.status, 200);
    let now = shop.app.clock.now().0 / SECOND;
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let good = json!({
        "iss": shop.provider.issuer, "aud": CLIENT.0, "iat": now, "exp": now + 120, "jti": "j1",
        "sid": "sid-1", "events": { event: {} },
    });
    let mut provider = Visitor::new(&shop.app);
    provider.origin = None;
    let path = "/login/backchannel-logout/shop";
    let changes: [(&str, Value); 6] = [
        ("iss", json!("https://evil.example")),
        ("events", json!({})),
        ("nonce", json!("n")),
        ("jti", Value::Null),
        ("sid", Value::Null),
        ("exp", json!(now - 120)),
    ];
    for (claim, value) in changes {
        let mut claims = good.clone();
        claims[claim] = value;
        let token = shop.key.token(&claims);
        let refused = provider.post(path, &[("logout_token", token.as_str())]).await;
        assert_eq!(refused.status, 400, "{claim}");
    }
    assert_eq!(camille.get("/me").await.status, 200, "nothing has ended");
    let token = shop.key.token(&good);
    assert_eq!(provider.post(path, &[("logout_token", token.as_str())]).await.status, 200);
    assert_eq!(camille.get("/me").await.location(), "/login/start");
    let replayed = provider.post(path, &[("logout_token", token.as_str())]).await;
    assert_eq!(replayed.status, 400);
    let setting = shop.app.config.customers.login.idp[0].on_logout;
    assert_eq!(setting, LogoutReach::Browser);
}
