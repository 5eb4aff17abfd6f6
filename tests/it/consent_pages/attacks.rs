//! What else is tried against the pages (attacks 9, 10, 25, 26, 27 and 29).

use super::shop::{ISSUER, register};
use super::{LOYALTY, SUMMARY, Seen, Shop, Visitor};
use crate::support::people::rows;
use crate::support::provider::query;
use comptoir::consent::status::ConsentStatus;

#[tokio::test]
async fn nobody_is_led_anywhere_before_the_address_is_proved() {
    let shop = Shop::open().await;
    let mut visitor = Visitor::new(&shop.app);
    for changes in [
        &[("client_id", "key_00000000001")][..],
        &[("client_id", "")],
        &[("redirect_uri", "https://evil.example/")],
        &[("redirect_uri", "https://coach.example/callback/")],
        &[("redirect_uri", "https://coach.example/callback?x=1")],
        &[("redirect_uri", "https://COACH.example/callback")],
        &[("redirect_uri", "http://coach.example/callback")],
        &[("redirect_uri", "https://coach.example@evil.example/callback")],
        &[("redirect_uri", "")],
    ] {
        let refused = visitor.get(&shop.request(changes)).await;
        assert_eq!(refused.status, 400, "{changes:?}");
        assert!(refused.headers.get("location").is_none(), "{changes:?}");
    }
    // Nor with what is wrong in the request, as long as nobody has logged in.
    for changes in [&[("response_type", "token")][..], &[("code_challenge", "")], &[("scope", "x")]]
    {
        let refused = visitor.get(&shop.request(changes)).await;
        assert_eq!((refused.status, refused.headers.get("location")), (400, None), "{changes:?}");
    }
    let unknown =
        "urn:ietf:params:oauth:request_uri:E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM000000";
    let path = format!("/oauth/authorize?client_id={}&request_uri={unknown}", shop.client);
    assert_eq!(visitor.get(&path).await.status, 400);
    // Who has a reference of another client has none.
    let kept = visitor.get(&shop.request(&[])).await.location().to_owned();
    let foreign = kept.replace(&shop.client, "key_00000000001");
    assert_eq!(visitor.get(&foreign).await.status, 400);
}

#[tokio::test]
async fn where_a_login_leads_is_not_for_a_caller_to_say() {
    let shop = Shop::open().await;
    for further in ["next", "post_login", "redirect", "to", "return_to"] {
        let mut camille = Visitor::new(&shop.app);
        let path = format!("/login/start?{further}=https%3A%2F%2Fevil.example%2F");
        let place = camille.get(&path).await.place();
        let back = shop.let_in(&place, &[]);
        assert_eq!(camille.get(&back).await.location(), "/me", "{further}");
    }
    let mut camille = Visitor::new(&shop.app);
    assert_eq!(camille.get("/login/start?i=https://evil.example").await.status, 400);
    // The link to the other language is one of this site, too.
    let page = camille.get("//evil.example/..;/login/start?x=1").await;
    assert!(!page.body.contains("href=\"//"), "{}", page.body);
}

#[tokio::test]
async fn a_request_that_forbids_to_ask_is_answered_without_a_page() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let silent = shop.request(&[("prompt", "none")]);
    let kept = camille.get(&silent).await.location().to_owned();
    let told = camille.get(&kept).await.place();
    assert_eq!(
        (query(&told, "error"), query(&told, "iss")),
        ("login_required".into(), ISSUER.into())
    );
    camille.log_in(&shop, "/me", &[]).await;
    let kept = camille.get(&silent).await.location().to_owned();
    let told = camille.get(&kept).await.place();
    assert_eq!(query(&told, "error"), "consent_required");
    assert!(shop.consents("C1").await.is_empty(), "nothing new is ever released by it");
}

fn guarded(seen: &Seen, what: &str) {
    let header = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(header("x-frame-options"), "DENY", "{what}");
    assert_eq!(header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(header("cache-control"), "no-store", "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
}

#[tokio::test]
async fn no_page_can_be_framed_and_no_answer_repeats_a_post() {
    let club = crate::support::provider::FakeProvider::start();
    let further = [
        ("LOGIN__IDP__CLUB__ISSUER", club.issuer.as_str()),
        ("LOGIN__IDP__CLUB__CLIENT_ID", "comptoir"),
    ];
    let shop = Shop::open_with("Budget Coach SAS", &further).await;
    let mut camille = Visitor::new(&shop.app);
    guarded(&camille.get("/login/start").await, "the choice of a provider");
    guarded(&camille.get("/oauth/authorize").await, "an error");
    guarded(&camille.get("/login/callback/shop?code=x").await, "an error of a login");
    let place = camille.get("/login/start?p=shop").await.place();
    let back = shop.let_in(&place, &[]);
    camille.get(&back).await;
    let kept = camille.get(&shop.request(&[])).await.location().to_owned();
    let screen = camille.get(&kept).await.location().to_owned();
    let screen = camille.get(&screen).await;
    guarded(&screen, "the screen");
    let policy = screen.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://coach.example;"), "{policy}");
    for page in ["/me", "/me/consents", "/me/accesses", "/me/consents/nothing"] {
        guarded(&camille.get(page).await, page);
    }
    let csrf = screen.field("csrf");
    let decided =
        camille.post(&screen.form(), &[("csrf", csrf.as_str()), ("decision", "allow")]).await;
    assert_eq!(decided.status, 303);
    assert_eq!(decided.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn a_partner_cannot_pass_for_somebody_else() {
    // Marks of direction are refused where a name is registered; joiners are not.
    let name = "Retailer <b>Support</b>\u{200d}";
    let shop = Shop::open_as(name).await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    assert!(
        screen.body.contains("<bdi>Retailer &lt;b&gt;Support&lt;/b&gt;</bdi>"),
        "{}",
        screen.body
    );
    for hidden in ["<b>", "\u{200d}"] {
        assert!(!screen.body.contains(hidden), "{hidden:?}");
    }
    // The address is what it is, and the words of a scope are the retailer's program's own.
    assert!(screen.body.contains("<strong>coach.example</strong>"), "{}", screen.body);
    assert!(screen.body.contains("Your spending by month and category"), "{}", screen.body);
}

#[tokio::test]
async fn an_answer_that_no_screen_gives_is_noted_and_counts_for_nothing() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let scope = format!("{SUMMARY} offline_access");
    let begun = camille.get(&shop.request(&[("scope", scope.as_str())])).await;
    let at = camille.log_in(&shop, begun.location(), &[]).await.location().to_owned();
    let screen = camille.get(&at).await;
    let csrf = screen.field("csrf");
    let more = format!("scope:{LOYALTY}");
    for further in
        [(more.as_str(), "1"), ("days", "181"), ("days", "0"), ("category:pharmacy", "1")]
    {
        let fields = [("csrf", csrf.as_str()), ("decision", "allow"), further];
        let refused = camille.post(&screen.form(), &fields).await;
        assert_eq!(refused.status, 400, "{further:?}");
        assert!(refused.headers.get("location").is_none());
    }
    let consents = shop.consents("C1").await;
    let [record] = consents.as_slice() else { panic!("one consent") };
    assert_eq!(record.status, ConsentStatus::Pending);
    let events = rows(&shop.app.db, "consent_events").await;
    let noted = events.lines().filter(|line| line.contains("tampered")).count();
    assert_eq!(noted, 4, "{events}");
    // What no form can have is refused before.
    for further in [("days", "soon"), ("scope:customer.everything:read", "1"), ("decision", "")] {
        let fields = [("csrf", csrf.as_str()), ("decision", "allow"), further];
        let refused = camille.post(&screen.form(), &fields).await;
        assert_eq!(refused.status, 400, "{further:?}");
    }
    // The right answer still counts.
    camille.post(&screen.form(), &[("csrf", csrf.as_str()), ("decision", "allow")]).await.place();
    assert_eq!(shop.consents("C1").await[0].status, ConsentStatus::Active);
}

#[tokio::test]
async fn two_partners_know_a_customer_by_two_names() {
    let shop = Shop::open().await;
    let mut camille = Visitor::new(&shop.app);
    let screen = camille.screen_for(&shop, &[]).await;
    let csrf = screen.field("csrf");
    camille.post(&screen.form(), &[("csrf", csrf.as_str()), ("decision", "allow")]).await.place();
    let other = register(&shop.app, "Panier Malin").await;
    let kept =
        camille.get(&shop.request(&[("client_id", other.as_str())])).await.location().to_owned();
    let at = camille.get(&kept).await.location().to_owned();
    let screen = camille.get(&at).await;
    let csrf = screen.field("csrf");
    camille.post(&screen.form(), &[("csrf", csrf.as_str()), ("decision", "allow")]).await.place();
    let consents = shop.consents("C1").await;
    let subs: Vec<_> = consents.iter().map(|it| it.known_as.sub().unwrap()).collect();
    assert_eq!(subs.len(), 2);
    assert_ne!(subs[0], subs[1]);
    assert_ne!(consents[0].grant_id, consents[1].grant_id);
}
