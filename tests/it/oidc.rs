//! Coming in by the retailer's OpenID provider, and every way of not coming in by it.

use crate::support::people::Browser;
use crate::support::provider::{CLIENT, FakeProvider, Key, by_public_key, query, unsigned};
use crate::support::{NOON, TestApp, problem};
use comptoir::kernel::clock::{HOUR, SECOND};
use reqwest::Response;
use serde_json::{Value, json};
use url::Url;

/// A gateway with a provider that shows one key.
async fn with_provider() -> (TestApp, FakeProvider, Key) {
    with_provider_and("").await
}

/// The same, with what a second person must approve.
async fn with_provider_and(four_eyes: &str) -> (TestApp, FakeProvider, Key) {
    let provider = FakeProvider::start();
    let key = Key::rsa("k1");
    provider.show(&[key.jwk()]);
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("ADMIN__URL", "http://127.0.0.1:8081")
        .set("ADMIN__OIDC__ISSUER", &provider.issuer)
        .set("ADMIN__OIDC__CLIENT_ID", CLIENT.0)
        .set("ADMIN__OIDC__CLIENT_SECRET", CLIENT.1)
        .set("ADMIN__OIDC__ROLES", "owner=admins,auditor=finance")
        .set("ADMIN__FOUR_EYES", four_eyes)
        .start()
        .await;
    (app, provider, key)
}

/// Begins a login: a browser with its cookie, and where it is led.
async fn begin(app: &TestApp) -> (Browser, Url) {
    let mut browser = Browser::new(app);
    let answer = browser.get("/admin/v1/login/oidc").await;
    assert_eq!(answer.status(), 303);
    let set = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly; SameSite=Lax"), "{set}");
    browser.keep(&answer);
    let place = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    (browser, place)
}

/// What the provider says of Claire in answer to a login.
fn claims(app: &TestApp, provider: &FakeProvider, place: &Url) -> Value {
    let now = app.clock.now().0 / SECOND;
    json!({
        "iss": provider.issuer, "aud": CLIENT.0, "sub": "7f3a", "name": "Claire Dubois",
        "iat": now - 5, "exp": now + 300, "nonce": query(place, "nonce"), "groups": ["finance"],
    })
}

/// Comes back from the provider with a code.
async fn come_back(browser: &mut Browser, place: &Url, code: &str) -> Response {
    let path = format!("/admin/v1/login/oidc/callback?code={code}&state={}", query(place, "state"));
    let answer = browser.get(&path).await;
    if answer.status() == 303 {
        let set = answer.headers().get_all("set-cookie").iter().next().unwrap().to_str().unwrap();
        assert!(set.starts_with("comptoir_session=") && set.contains("SameSite=Strict"), "{set}");
        browser.take(set);
    }
    answer
}

/// A whole login with a token that is made of the claims.
async fn log_in(
    (app, provider): (&TestApp, &FakeProvider),
    token: impl FnOnce(Value) -> String,
) -> (Browser, Response) {
    let (mut browser, place) = begin(app).await;
    provider.give(&place, "c0de", token(claims(app, provider, &place)));
    let answer = come_back(&mut browser, &place, "c0de").await;
    (browser, answer)
}

#[tokio::test]
async fn somebody_with_a_role_comes_in_and_is_the_same_person_next_time() {
    let (app, provider, key) = with_provider().await;
    let (_, place) = begin(&app).await;
    assert_eq!(place.path(), "/authorize");
    for (name, value) in [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", CLIENT.0),
        ("redirect_uri", "http://127.0.0.1:8081/admin/v1/login/oidc/callback"),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query(&place, name), value, "{name}");
    }
    let (browser, answer) = log_in((&app, &provider), |claims| key.token(&claims)).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/".parse().unwrap())
    );
    let me = browser.ok("GET", "/admin/v1/me", None).await;
    assert_eq!(
        (&me["name"], &me["roles"], &me["setup"]),
        (&json!("Claire Dubois"), &json!(["auditor"]), &json!([]))
    );
    assert_eq!(browser.get("/admin/v1/audit").await.status(), 200);

    let (again, answer) = log_in((&app, &provider), |mut claims| {
        claims["groups"] = json!(["admins"]);
        key.token(&claims)
    })
    .await;
    assert_eq!(answer.status(), 303);
    let now = again.ok("GET", "/admin/v1/me", None).await;
    assert_eq!(
        (&now["id"], &now["roles"]),
        (&me["id"], &json!(["owner"])),
        "roles are those of now"
    );
    let id = me["id"].as_str().unwrap();
    let account = format!("/admin/v1/accounts/{id}");
    let shown = app.admin_ok("GET", &account, None).await;
    assert_eq!((&shown["issuer"], &shown["login"]), (&json!(provider.issuer), &Value::Null));
    let roles = app.admin("PATCH", &account, Some(json!({ "roles": ["feeds"] }))).await;
    problem(roles, 400, "invalid_body").await;
    let password = json!({ "password": "seven brown pears" });
    problem(again.call("POST", "/admin/v1/me/totp", Some(password)).await, 409, "conflict").await;
    app.admin_ok("POST", &format!("{account}/suspend"), None).await;
    let (_, refused) = log_in((&app, &provider), |claims| key.token(&claims)).await;
    problem(refused, 401, "invalid_login").await;
    let trail = app.admin_ok("GET", &format!("/admin/v1/audit?subject={id}"), None).await;
    let actions: Vec<&str> =
        trail["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["account.suspend", "account.login", "account.update", "account.login", "account.create"]
    );
}

#[tokio::test]
async fn an_owner_of_the_provider_is_one_when_a_second_person_agrees() {
    use crate::four_eyes::{owner, path};
    let (app, provider, key) = with_provider_and("owners").await;
    let other = owner(&app, "other@example.com").await;
    let with = |groups: Value| {
        let key = &key;
        move |mut claims: Value| {
            claims["groups"] = groups;
            key.token(&claims)
        }
    };
    let roles = async |who: &Browser| who.ok("GET", "/admin/v1/me", None).await["roles"].clone();
    let (claire, _) = log_in((&app, &provider), with(json!(["admins"]))).await;
    assert_eq!(roles(&claire).await, json!(["read_only"]), "nobody has agreed yet");
    let (claire, _) = log_in((&app, &provider), with(json!(["admins", "finance"]))).await;
    assert_eq!(roles(&claire).await, json!(["auditor"]));
    let asked = other.ok("GET", "/admin/v1/approvals?waiting=true", None).await;
    let [asked] = asked["items"].as_array().unwrap().as_slice() else { panic!("{asked}") };
    assert_eq!(
        (&asked["action"], &asked["preview"]["by"]),
        (&json!("update_account"), &json!("provider"))
    );
    problem(claire.call("POST", &path(asked, "approve"), None).await, 403, "insufficient_role")
        .await;
    other.ok("POST", &path(asked, "approve"), None).await;
    assert_eq!(roles(&claire).await, json!(["owner", "auditor"]));
    // What only the provider can do is not even asked for.
    let account = format!("/admin/v1/accounts/{}", asked["asked_by"].as_str().unwrap());
    let roles_here = json!({ "roles": ["auditor"] });
    let refused = other.call("PATCH", &account, Some(roles_here)).await;
    problem(refused, 400, "invalid_body").await;
    let refused = other.call("POST", &format!("{account}/reset"), None).await;
    assert_eq!(refused.status(), 400);
    let waiting = other.ok("GET", "/admin/v1/approvals?waiting=true", None).await;
    assert_eq!(waiting["items"], json!([]));
    // Who is one stays one for as long as the provider says so, and is asked about anew after that.
    let (claire, _) = log_in((&app, &provider), with(json!(["admins"]))).await;
    assert_eq!(roles(&claire).await, json!(["owner"]));
    let (claire, _) = log_in((&app, &provider), with(json!(["finance"]))).await;
    assert_eq!(roles(&claire).await, json!(["auditor"]));
    let (claire, _) = log_in((&app, &provider), with(json!(["admins"]))).await;
    assert_eq!(roles(&claire).await, json!(["read_only"]));
    let waiting = async || {
        let waiting = other.ok("GET", "/admin/v1/approvals?waiting=true", None).await;
        waiting["items"].as_array().unwrap().len()
    };
    assert_eq!(waiting().await, 1);
    // What the provider has taken back meanwhile cannot be approved any more.
    let (claire, _) = log_in((&app, &provider), with(json!(["finance"]))).await;
    assert_eq!((roles(&claire).await, waiting().await), (json!(["auditor"]), 0));
    // And who has no role any more is out.
    let (_, refused) = log_in((&app, &provider), with(json!(["nobody"]))).await;
    problem(refused, 401, "invalid_login").await;
    problem(claire.get("/admin/v1/me").await, 401, "session_ended").await;
}

#[tokio::test]
async fn a_password_and_the_provider_do_not_make_two_people_of_one() {
    use crate::four_eyes::{owner, path};
    let (app, provider, key) = with_provider_and("owners").await;
    let local = owner(&app, "claire@example.com").await;
    let other = owner(&app, "other@example.com").await;
    let (claire, _) = log_in((&app, &provider), |mut claims| {
        (claims["groups"], claims["email"]) = (json!(["admins"]), json!("Claire@Example.com"));
        key.token(&claims)
    })
    .await;
    let asked = other.ok("GET", "/admin/v1/approvals?waiting=true", None).await["items"][0].clone();
    let refused = local.call("POST", &path(&asked, "approve"), None).await;
    let refused = problem(refused, 403, "second_person_required").await;
    assert!(refused["detail"].as_str().unwrap().contains("address of mail"), "{refused}");
    other.ok("POST", &path(&asked, "approve"), None).await;
    let account = format!("/admin/v1/accounts/{}", asked["asked_by"].as_str().unwrap());
    assert_eq!(app.admin_ok("GET", &account, None).await["email"], "claire@example.com");
    // Nor the other way round, when she is an owner twice.
    for (asks, approves) in [(&claire, &local), (&local, &claire)] {
        let body = json!({ "name": "deploy", "roles": ["owner"] });
        let asked = asks.ok("POST", "/admin/v1/tokens", Some(body)).await;
        let refused = approves.call("POST", &path(&asked, "approve"), None).await;
        problem(refused, 403, "second_person_required").await;
        other.ok("POST", &path(&asked, "approve"), None).await;
    }
    // Who keeps the provider from telling the address is still who they were; an address that moves is noted.
    let told = async |email: Value| {
        log_in((&app, &provider), |mut claims| {
            (claims["groups"], claims["email"]) = (json!(["admins"]), email);
            key.token(&claims)
        })
        .await;
        let noted = format!("/admin/v1/audit?subject={}", asked["asked_by"].as_str().unwrap());
        let noted = app.admin_ok("GET", &noted, None).await.to_string();
        (app.admin_ok("GET", &account, None).await["email"].clone(), noted)
    };
    let (email, noted) = told(Value::Null).await;
    assert_eq!(email, "claire@example.com");
    assert!(!noted.contains(r#""email":"changed""#), "{noted}");
    let (email, noted) = told(json!("moved@example.com")).await;
    assert_eq!(email, "moved@example.com");
    assert!(noted.contains(r#""email":"changed""#) && !noted.contains("moved@"), "{noted}");
}

#[tokio::test]
async fn who_has_no_role_any_more_has_none_with_a_token_either() {
    let (app, provider, key) = with_provider().await;
    let with = |groups: Value| {
        let key = &key;
        move |mut claims: Value| {
            claims["groups"] = groups;
            key.token(&claims)
        }
    };
    let (claire, _) = log_in((&app, &provider), with(json!(["admins"]))).await;
    let body = json!({ "name": "mine", "roles": ["owner"] });
    let made = claire.ok("POST", "/admin/v1/tokens", Some(body)).await;
    let me = async || {
        let call = app.http.get(app.admin_url("/admin/v1/me"));
        call.bearer_auth(made["text"].as_str().unwrap()).send().await.unwrap()
    };
    let roles = async || me().await.json::<Value>().await.unwrap()["roles"].clone();
    assert_eq!(roles().await, json!(["owner"]));
    log_in((&app, &provider), with(json!(["finance"]))).await;
    assert_eq!(roles().await, json!(["auditor"]));
    log_in((&app, &provider), with(json!(["nobody"]))).await;
    problem(me().await, 403, "suspended").await;
    let account = format!("/admin/v1/accounts/{}", made["token"]["made_by"].as_str().unwrap());
    assert_eq!(app.admin_ok("GET", &account, None).await["status"], "suspended");
    // With a role all is as the provider says, unless somebody here has said otherwise meanwhile.
    log_in((&app, &provider), with(json!(["admins"]))).await;
    assert_eq!(roles().await, json!(["owner"]));
    log_in((&app, &provider), with(json!(["nobody"]))).await;
    app.admin_ok("POST", &format!("{account}/suspend"), None).await;
    let (_, refused) = log_in((&app, &provider), with(json!(["admins"]))).await;
    problem(refused, 401, "invalid_login").await;
    problem(me().await, 403, "suspended").await;
}

type Change = (&'static str, &'static str, fn(i64) -> Value);

/// What is wrong, the claim, and what it says at a time in seconds.
const WRONG: &[Change] = &[
    ("another issuer", "iss", |_| json!("https://evil.example")),
    ("no issuer", "iss", |_| Value::Null),
    ("another audience", "aud", |_| json!("another")),
    ("several audiences", "aud", |_| json!([CLIENT.0, "another"])),
    ("another party", "azp", |_| json!("another")),
    ("no audience", "aud", |_| json!([])),
    ("another login", "nonce", |_| json!("x")),
    ("no nonce", "nonce", |_| Value::Null),
    ("expired", "exp", |now| json!(now - 61)),
    ("no end", "exp", |_| Value::Null),
    ("an odd end", "exp", |_| json!("soon")),
    ("not yet", "iat", |now| json!(now + 61)),
    ("not yet", "nbf", |now| json!(now + 61)),
    ("no subject", "sub", |_| json!("")),
    ("no role", "groups", |_| json!(["staff"])),
    ("no role", "groups", |_| Value::Null),
];

#[tokio::test]
async fn a_token_that_says_something_wrong_lets_nobody_in() {
    let (app, provider, key) = with_provider().await;
    let ec = Key::ec("k2");
    provider.show(&[key.jwk(), ec.jwk()]);
    for (what, claim, value) in WRONG {
        for key in [&key, &ec] {
            // Long enough for who has come with so much that was wrong.
            app.clock.advance(HOUR / 4);
            let now = app.clock.now().0 / SECOND;
            let (browser, refused) = log_in((&app, &provider), |mut claims| {
                claims[*claim] = value(now);
                key.token(&claims)
            })
            .await;
            assert_eq!(refused.status(), 401, "{what}");
            problem(refused, 401, "invalid_login").await;
            assert_eq!(browser.get("/admin/v1/me").await.status(), 401, "{what}");
        }
    }
    // A clock may be a little wrong, and both kinds of keys are good.
    for key in [&key, &ec] {
        app.clock.advance(HOUR / 4);
        let now = app.clock.now().0 / SECOND;
        let (_, answer) = log_in((&app, &provider), |mut claims| {
            claims["exp"] = json!(now - 59);
            claims["aud"] = json!([CLIENT.0]);
            key.token(&claims)
        })
        .await;
        assert_eq!(answer.status(), 303);
    }
    let accounts = app.admin_ok("GET", "/admin/v1/accounts", None).await;
    assert_eq!(accounts["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_that_the_provider_has_not_signed_lets_nobody_in() {
    let (app, provider, key) = with_provider().await;
    let stranger = Key::rsa("k1");
    let as_ec = |claims: &Value| key.token_named(&json!({ "alg": "ES256", "kid": "k1" }), claims);
    let swapped = |claims: &Value| {
        let (token, other) = (key.token(claims), key.token(&json!({ "sub": "x" })));
        format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1)
    };
    type Make<'a> = &'a dyn Fn(&Value) -> String;
    let makes: [(&str, Make<'_>); 8] = [
        ("no signature", &unsigned),
        ("a key that is not the provider's", &|claims| stranger.token(claims)),
        ("the public key as a secret", &|claims| by_public_key(&key, claims)),
        ("an unknown key", &|claims| Key::ec("k9").token(claims)),
        ("another algorithm than the key's", &as_ec),
        ("a signature of something else", &swapped),
        ("no token", &|_| "nonsense".into()),
        ("nothing", &|_| String::new()),
    ];
    for (what, make) in makes {
        let (_, refused) = log_in((&app, &provider), |claims| make(&claims)).await;
        assert_eq!(refused.status(), 401, "{what}");
        problem(refused, 401, "invalid_login").await;
    }
    let (_, answer) = log_in((&app, &provider), |claims| key.token(&claims)).await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it_and_once() {
    let (app, provider, key) = with_provider().await;
    let (mut browser, place) = begin(&app).await;
    let (mut other, _) = begin(&app).await;
    let token = || key.token(&claims(&app, &provider, &place));
    provider.give(&place, "c0de", token());
    problem(come_back(&mut other, &place, "c0de").await, 401, "invalid_login").await;
    problem(come_back(&mut Browser::new(&app), &place, "c0de").await, 401, "invalid_login").await;
    let state = query(&place, "state");
    for path in [
        "?code=c0de".to_owned(),
        "?code=c0de&state=x".to_owned(),
        format!("?code=c0de&state={state}x"),
        format!("?code=other&state={state}"),
        format!("?error=access_denied&state={state}"),
        format!("?code=c0de&state={state}&iss=https://evil.example"),
    ] {
        let refused = browser.get(&format!("/admin/v1/login/oidc/callback{path}")).await;
        let refused = problem(refused, 401, "invalid_login").await;
        let denied = refused["detail"].as_str().unwrap().contains("access_denied");
        assert_eq!(denied, path.contains("access_denied"), "{refused}");
    }
    // With a code of somebody else's login the verifier does not fit.
    let (mut victim, theirs) = begin(&app).await;
    problem(come_back(&mut victim, &theirs, "c0de").await, 401, "invalid_login").await;
    provider.give(&place, "c0de", token());
    let mut again = browser.copy();
    assert_eq!(come_back(&mut browser, &place, "c0de").await.status(), 303);
    problem(come_back(&mut again, &place, "c0de").await, 401, "invalid_login").await;

    let (mut late, place) = begin(&app).await;
    provider.give(&place, "late", key.token(&claims(&app, &provider, &place)));
    app.clock.advance(601 * SECOND);
    problem(come_back(&mut late, &place, "late").await, 401, "invalid_login").await;
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_forgotten() {
    let (app, provider, old) = with_provider().await;
    let come_in = async |key: &Key| {
        log_in((&app, &provider), |claims| key.token(&claims)).await.1.status().as_u16()
    };
    assert_eq!(come_in(&old).await, 303);
    assert_eq!(come_in(&old).await, 303);
    assert_eq!(provider.looks_at_keys(), 1, "what is known is not asked for");
    let new = Key::ec("k2");
    provider.show(&[new.jwk(), json!({ "kty": "odd", "kid": "k3" })]);
    // Tokens with unknown keys make us ask now and then, not each time.
    for _ in 0..5 {
        assert_eq!(come_in(&new).await, 401);
    }
    assert_eq!(provider.looks_at_keys(), 1);
    app.clock.advance(10 * SECOND);
    assert_eq!(come_in(&new).await, 303);
    assert_eq!(provider.looks_at_keys(), 2);
    assert_eq!(come_in(&old).await, 401, "a key that is shown no more signs nobody in");
    app.clock.advance(HOUR);
    assert_eq!(come_in(&new).await, 303);
    assert_eq!(provider.looks_at_keys(), 3);
}

#[tokio::test]
async fn a_provider_that_is_not_as_it_should_be_is_told_to_operators() {
    let (app, provider, _) = with_provider().await;
    for (member, value) in [
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", json!("http://evil.example/token")),
        ("jwks_uri", json!(7)),
    ] {
        let held = json!(format!(
            "{}/{}",
            provider.issuer,
            if member == "jwks_uri" { "keys" } else { "token" }
        ));
        provider.say(member, value);
        let refused = Browser::new(&app).get("/admin/v1/login/oidc").await;
        problem(refused, 503, "unavailable").await;
        provider.say(member, if member == "issuer" { json!(provider.issuer) } else { held });
    }
    assert_eq!(Browser::new(&app).get("/admin/v1/login/oidc").await.status(), 303);
    let none = TestApp::start().await;
    problem(Browser::new(&none).get("/admin/v1/login/oidc").await, 404, "not_found").await;
    let back = Browser::new(&none).get("/admin/v1/login/oidc/callback?code=x&state=y").await;
    problem(back, 404, "not_found").await;
}

#[tokio::test]
async fn what_comes_back_from_no_login_is_written_down_nowhere_and_the_rest_is_bounded() {
    let (app, provider, key) = with_provider().await;
    let entries = async || {
        let trail = app.admin_ok("GET", "/admin/v1/audit?limit=200", None).await;
        let items = trail["items"].as_array().unwrap();
        items.iter().filter(|entry| entry["action"] == "login.fail").count()
    };
    for path in ["", "?code=x&state=y", "?error=access_denied"] {
        let path = format!("/admin/v1/login/oidc/callback{path}");
        problem(Browser::new(&app).get(&path).await, 401, "invalid_login").await;
    }
    assert_eq!(entries().await, 0);

    // A login that was begun is anybody's, too.
    let (browser, place) = begin(&app).await;
    let path = format!("/admin/v1/login/oidc/callback?error=no&state={}", query(&place, "state"));
    for _ in 0..20 {
        problem(browser.get(&path).await, 401, "invalid_login").await;
    }
    for _ in 0..5 {
        problem(browser.get(&path).await, 429, "too_many_attempts").await;
    }
    assert_eq!(entries().await, 20);
    app.clock.advance(SECOND);
    let (_, answer) = log_in((&app, &provider), |claims| key.token(&claims)).await;
    assert_eq!(answer.status(), 303);
}
