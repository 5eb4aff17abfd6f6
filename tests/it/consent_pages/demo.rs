//! The demo's provider: a real one for made-up customers, and none where customers are real.

use crate::support::NOON;
use comptoir::demo::provider::{CLIENT_ID, PEOPLE, serve};
use comptoir::kernel::{Clock, Micros};
use comptoir::outbound::oidc::{LoginAsked, OpenIdProvider, ProviderSettings};
use std::net::TcpListener;
use std::time::Duration;
use url::{Url, form_urlencoded};

const BACK: &str = "http://127.0.0.1:8080/login/callback/demo";

fn here() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn clock() -> Clock {
    Clock::fixed(NOON.parse::<Micros>().unwrap())
}

#[tokio::test]
async fn the_provider_of_the_demo_is_not_for_real_customers() {
    let refused = serve(here(), BACK.to_owned(), true, clock()).err().unwrap();
    assert!(refused.to_string().contains("production"), "{refused}");
    let open = TcpListener::bind("0.0.0.0:0").unwrap();
    let refused = serve(open, BACK.to_owned(), false, clock()).err().unwrap();
    assert!(refused.to_string().contains("this machine alone"), "{refused}");
}

#[tokio::test]
async fn made_up_customers_log_in_by_a_real_code_with_pkce() {
    let (server, issuer) = serve(here(), BACK.to_owned(), false, clock()).unwrap();
    let handle = server.handle();
    let served = tokio::spawn(server);
    let settings = ProviderSettings {
        issuer: issuer.clone(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: None,
        scopes: vec!["openid".to_owned()],
        leeway: Duration::ZERO,
    };
    let provider = OpenIdProvider::new(settings, BACK.to_owned()).unwrap();
    let now = clock().now();
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let asked = LoginAsked { state: "s", nonce: "n", verifier, further: &[] };
    let place = provider.place(&asked, now).await.unwrap();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let page = http.get(place.clone()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors")
    );
    let page = page.text().await.unwrap();
    assert!(page.contains("Demonstration") && !page.contains("<script"), "{page}");
    for person in PEOPLE {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(place.query_pairs()).append_pair("person", person.key);
        let answer = http.post(format!("{issuer}/authorize")).body(form.finish()).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 303);
        let back: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
        let code = crate::support::provider::query(&back, "code");
        assert_eq!(crate::support::provider::query(&back, "iss"), issuer);
        let other = ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "n");
        if person.key == "minor" {
            // Not with another verifier; and the code is gone then.
            assert!(provider.identify((&code, other.0, other.1), now).await.is_err());
            assert!(provider.identify((&code, verifier, "n"), now).await.is_err());
            continue;
        }
        let claims = provider.identify((&code, verifier, "n"), now).await.unwrap();
        assert_eq!(claims["sub"], person.id());
        assert_eq!(claims["account_status"], person.account_status);
    }
    let evil = place.as_str().replace("8080", "8081");
    assert_eq!(http.get(evil).send().await.unwrap().status(), 400);
    handle.stop(false).await;
    served.await.unwrap().unwrap();
}
