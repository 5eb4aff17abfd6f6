//! People of the admin API: how they come in, what keeps others out, how sessions end.

use crate::support::people::{Browser, PASSWORD, code_of};
use crate::support::{NOON, TestApp, problem};
use comptoir::kernel::clock::{MINUTE, SECOND};
use serde_json::{Value, json};

/// A key manager who has been set up.
async fn claire(app: &TestApp) -> Browser {
    Browser::set_up(app, "claire@example.com", &["key_manager"]).await
}

#[tokio::test]
async fn a_new_account_is_set_up_before_anything_else_is_answered() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let body = json!({ "login": "Claire@Example.com", "name": "Claire", "roles": ["key_manager"] });
    let issued = app.admin_ok("POST", "/admin/v1/accounts", Some(body.clone())).await;
    assert_eq!(issued["account"]["login"], "claire@example.com");
    problem(app.admin("POST", "/admin/v1/accounts", Some(body)).await, 409, "conflict").await;
    let first = issued["password"].as_str().unwrap();
    let mut browser = Browser::new(&app);
    let entered = browser.log_in("claire@example.com", first, None).await;
    assert_eq!(entered["setup"], json!(["password", "second_factor"]));
    problem(browser.get("/admin/v1/keys").await, 403, "setup_required").await;
    assert_eq!(browser.ok("GET", "/admin/v1/me", None).await["setup"], entered["setup"]);

    for (new, pointer) in [("short", "/new_password"), ("password1234", "/new_password")] {
        let body = json!({ "password": first, "new_password": new });
        let refused = browser.call("POST", "/admin/v1/me/password", Some(body)).await;
        assert_eq!(problem(refused, 400, "invalid_body").await["errors"][0]["pointer"], pointer);
    }
    let wrong = json!({ "password": "seven green pears", "new_password": PASSWORD });
    let refused = browser.call("POST", "/admin/v1/me/password", Some(wrong)).await;
    assert_eq!(problem(refused, 400, "invalid_body").await["errors"][0]["pointer"], "/password");
    let body = json!({ "password": first, "new_password": PASSWORD });
    assert_eq!(browser.call("POST", "/admin/v1/me/password", Some(body)).await.status(), 204);
    let refused = problem(browser.get("/admin/v1/keys").await, 403, "setup_required").await;
    assert!(refused["detail"].as_str().unwrap().contains("/me/totp"), "{refused}");

    let enrol =
        browser.ok("POST", "/admin/v1/me/totp", Some(json!({ "password": PASSWORD }))).await;
    let secret = enrol["secret"].as_str().unwrap();
    assert!(
        enrol["uri"].as_str().unwrap().starts_with("otpauth://totp/Comptoir:claire%40example.com?")
    );
    let wrong =
        browser.call("POST", "/admin/v1/me/totp/confirm", Some(json!({ "code": "000000" })));
    assert_eq!(problem(wrong.await, 400, "invalid_body").await["errors"][0]["pointer"], "/code");
    let code = json!({ "code": code_of(secret, app.clock.now()) });
    let kept = browser.ok("POST", "/admin/v1/me/totp/confirm", Some(code)).await;
    assert_eq!(kept["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(browser.get("/admin/v1/keys").await.status(), 200);
    problem(browser.get("/admin/v1/tokens").await, 403, "insufficient_role").await;
}

#[tokio::test]
async fn a_session_of_before_the_app_ends_and_a_password_alone_replaces_no_app() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let body = json!({ "login": "claire@example.com", "name": "Claire", "roles": ["owner"] });
    let issued = app.admin_ok("POST", "/admin/v1/accounts", Some(body)).await;
    let first = issued["password"].as_str().unwrap();
    let mut claire = Browser::new(&app);
    claire.log_in("claire@example.com", first, None).await;
    let body = json!({ "password": first, "new_password": PASSWORD });
    assert_eq!(claire.call("POST", "/admin/v1/me/password", Some(body)).await.status(), 204);
    // Who knows the password alone, before there is an app.
    let mut other = Browser::new(&app);
    other.log_in("claire@example.com", PASSWORD, None).await;
    let enrol = |code: Option<String>| json!({ "password": PASSWORD, "code": code });
    let begun = claire.ok("POST", "/admin/v1/me/totp", Some(enrol(None))).await;
    begun["secret"].as_str().unwrap().clone_into(&mut claire.secret);
    let code = json!({ "code": claire.code() });
    let kept = claire.ok("POST", "/admin/v1/me/totp/confirm", Some(code)).await;
    assert_eq!(claire.get("/admin/v1/partners").await.status(), 200);
    problem(other.get("/admin/v1/partners").await, 401, "session_ended").await;

    for wrong in [None, Some("000000".to_owned()), Some(claire.code())] {
        let refused = claire.call("POST", "/admin/v1/me/totp", Some(enrol(wrong))).await;
        let refused = problem(refused, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], "/code");
    }
    let recovery = kept["recovery_codes"][0].as_str().map(str::to_owned);
    let again = claire.ok("POST", "/admin/v1/me/totp", Some(enrol(recovery.clone()))).await;
    assert_ne!(again["secret"], begun["secret"]);
    let refused = claire.call("POST", "/admin/v1/me/totp", Some(enrol(recovery))).await;
    problem(refused, 400, "invalid_body").await;
}

#[tokio::test]
async fn a_login_needs_password_and_code_and_a_code_works_once() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = claire(&app).await;
    let mut browser = Browser::new(&app);
    let mut try_in = async |password: &str, code: Option<&str>| {
        browser.try_log_in("claire@example.com", password, code).await
    };
    problem(try_in(PASSWORD, None).await, 401, "second_factor_required").await;
    problem(try_in(PASSWORD, Some("000000")).await, 401, "invalid_login").await;
    // The code with which the app was enrolled has been used.
    let used = claire.code();
    problem(try_in(PASSWORD, Some(&used)).await, 401, "invalid_login").await;
    app.clock.advance(30 * SECOND);
    let code = claire.code();
    problem(try_in("seven green pears", Some(&code)).await, 401, "invalid_login").await;
    app.clock.advance(MINUTE);
    let code = claire.code();
    assert_eq!(try_in(PASSWORD, Some(&code)).await.status(), 200);
    problem(try_in(PASSWORD, Some(&code)).await, 401, "invalid_login").await;
    let recovery = claire.recovery[3].to_uppercase().replace('-', " ");
    assert_eq!(try_in(PASSWORD, Some(&recovery)).await.status(), 200);
    problem(try_in(PASSWORD, Some(&recovery)).await, 401, "invalid_login").await;
}

#[tokio::test]
async fn who_may_not_come_in_learns_not_why() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = claire(&app).await;
    let mut browser = Browser::new(&app);
    let mut said = Vec::new();
    let suspended = Browser::set_up(&app, "paul@example.com", &["auditor"]).await;
    let path = format!("/admin/v1/accounts/{}/suspend", suspended.account);
    app.admin_ok("POST", &path, None).await;
    for (login, password) in [
        ("claire@example.com", "seven green pears"),
        ("nobody@example.com", PASSWORD),
        ("paul@example.com", PASSWORD),
        ("no login at all", PASSWORD),
        ("", ""),
    ] {
        let code = claire.code();
        let answer = browser.try_log_in(login, password, Some(&code)).await;
        assert!(!answer.headers().contains_key("set-cookie"));
        let mut problem = problem(answer, 401, "invalid_login").await;
        problem["request_id"] = Value::Null;
        said.push(problem.to_string());
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    let trail = app.admin_ok("GET", "/admin/v1/audit?limit=5", None).await;
    let trail = trail["items"].as_array().unwrap();
    let subjects: Vec<&str> = trail.iter().map(|e| e["subject"].as_str().unwrap()).collect();
    let unknown = "unknown";
    assert_eq!(subjects, [unknown, unknown, &suspended.account, unknown, &claire.account]);
    assert!(
        trail.iter().all(|e| e["action"] == "login.fail" && e["detail"]["address"] == "127.0.0.1")
    );
    assert!(!format!("{trail:?}").contains("nobody"), "what was typed may be a password");
}

#[tokio::test]
async fn guessing_has_to_wait_and_keeps_nobody_out_who_comes_from_where_they_come() {
    let app = TestApp::builder().fixed_clock(NOON).set("SERVER__TRUSTED_PROXIES", "127.0.0.1/32");
    let app = app.start().await;
    let claire = claire(&app).await;
    let from = |address: &str| Browser::from(&app, address);
    let guess = async |browser: &mut Browser, login: &str| {
        browser.try_log_in(login, "seven green pears", None).await
    };
    // The same for an account that is there and one that is not.
    for (login, address) in
        [("claire@example.com", "192.0.2.7"), ("nobody@example.com", "192.0.2.8")]
    {
        let mut attacker = from(address);
        for _ in 0..5 {
            problem(guess(&mut attacker, login).await, 401, "invalid_login").await;
        }
        let refused = guess(&mut attacker, login).await;
        assert_eq!(refused.headers()["retry-after"], "1");
        problem(refused, 429, "too_many_attempts").await;
        app.clock.advance(SECOND);
        problem(guess(&mut attacker, login).await, 401, "invalid_login").await;
        let refused = problem(guess(&mut attacker, login).await, 429, "too_many_attempts").await;
        assert!(refused["detail"].as_str().unwrap().contains("wait 2 s"), "{refused}");
    }
    // From a new address even the right password has to wait; from the known one it does not.
    app.clock.advance(30 * SECOND);
    let code = claire.code();
    for _ in 0..20 {
        let mut attacker = from("198.51.100.9");
        guess(&mut attacker, "claire@example.com").await;
    }
    let known = Browser::new(&app).try_log_in("claire@example.com", PASSWORD, Some(&code)).await;
    assert_eq!(known.status(), 200);
    // However long they guess, nobody waits longer than a quarter of an hour.
    for _ in 0..12 {
        app.clock.advance(15 * MINUTE);
        guess(&mut from("198.51.100.9"), "claire@example.com").await;
    }
    app.clock.advance(15 * MINUTE);
    let code = claire.code();
    let answer = from("203.0.113.5").try_log_in("claire@example.com", PASSWORD, Some(&code)).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn many_attempts_at_once_are_judged_one_after_the_other() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let guesses = (0..12).map(|_| async {
        let mut browser = Browser::new(&app);
        browser.try_log_in("claire@example.com", "seven green pears", None).await.status().as_u16()
    });
    let mut statuses = futures_util::future::join_all(guesses).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[401; 5].as_slice(), &[429; 7]].concat());
}

#[tokio::test]
async fn a_session_ends_by_time_by_logout_and_by_others() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let mut claire = claire(&app).await;
    let alive = async |browser: &Browser| browser.get("/admin/v1/me").await.status() == 200;
    app.clock.advance(29 * MINUTE);
    assert!(alive(&claire).await);
    app.clock.advance(29 * MINUTE);
    assert!(alive(&claire).await, "use keeps it");
    app.clock.advance(31 * MINUTE);
    problem(claire.get("/admin/v1/me").await, 401, "session_ended").await;
    claire.log_in_again().await;
    for _ in 0..(12 * 60 / 20 - 1) {
        app.clock.advance(20 * MINUTE);
        assert!(alive(&claire).await);
    }
    app.clock.advance(20 * MINUTE);
    problem(claire.get("/admin/v1/me").await, 401, "session_ended").await;

    claire.log_in_again().await;
    let mut other = Browser::new(&app);
    app.clock.advance(MINUTE);
    other.log_in("claire@example.com", PASSWORD, Some(&claire.code())).await;
    let sessions = claire.ok("GET", "/admin/v1/me/sessions", None).await;
    let sessions = sessions["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let theirs = sessions.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/admin/v1/me/sessions/{}/end", theirs["id"].as_str().unwrap());
    assert_eq!(claire.call("POST", &path, None).await.status(), 204);
    assert!(!alive(&other).await && alive(&claire).await);
    problem(claire.call("POST", &path, None).await, 404, "not_found").await;

    let left = claire.call("POST", "/admin/v1/logout", None).await;
    assert_eq!(left.status(), 204);
    assert!(left.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(!alive(&claire).await, "the cookie is worth nothing, whoever kept it");

    app.clock.advance(MINUTE);
    claire.log_in_again().await;
    let account = format!("/admin/v1/accounts/{}", claire.account);
    app.admin_ok("POST", &format!("{account}/sign_out"), None).await;
    assert!(!alive(&claire).await);
    app.clock.advance(MINUTE);
    claire.log_in_again().await;
    app.admin_ok("POST", &format!("{account}/suspend"), None).await;
    assert!(!alive(&claire).await);
    app.admin_ok("POST", &format!("{account}/resume"), None).await;
    assert!(!alive(&claire).await, "a session that has ended stays so");
}

#[tokio::test]
async fn roles_are_those_of_now_and_a_reset_begins_anew() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = claire(&app).await;
    let account = format!("/admin/v1/accounts/{}", claire.account);
    assert_eq!(claire.get("/admin/v1/keys").await.status(), 200);
    app.admin_ok("PATCH", &account, Some(json!({ "roles": ["feeds"] }))).await;
    problem(claire.get("/admin/v1/keys").await, 403, "insufficient_role").await;
    let reset = app.admin_ok("POST", &format!("{account}/reset"), None).await;
    problem(claire.get("/admin/v1/me").await, 401, "session_ended").await;
    let mut browser = Browser::new(&app);
    let refused = browser.try_log_in("claire@example.com", PASSWORD, Some(&claire.code())).await;
    problem(refused, 401, "invalid_login").await;
    let first = reset["password"].as_str().unwrap();
    let entered = browser.log_in("claire@example.com", first, None).await;
    assert_eq!(entered["setup"], json!(["password", "second_factor"]));
    // The secret of before cannot be made to count again.
    let stale =
        browser.call("POST", "/admin/v1/me/totp/confirm", Some(json!({ "code": claire.code() })));
    problem(stale.await, 400, "invalid_body").await;
    let again = browser.try_log_in("claire@example.com", first, Some(&claire.recovery[0])).await;
    assert_eq!(again.status(), 200, "without an app no code is asked for");
}

#[tokio::test]
async fn another_site_cannot_use_a_session() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let owner = Browser::set_up(&app, "owner@example.com", &["owner"]).await;
    let body = json!({ "name": "Mine" });
    let post = || app.http.post(app.admin_url("/admin/v1/partners")).json(&body);
    let cookie = owner.cookie();
    let ours = app.admin_url("");
    for (headers, status) in [
        (vec![], 403),
        (vec![("x-comptoir-request", "1"), ("origin", "https://evil.example")], 403),
        (vec![("x-comptoir-request", "1"), ("origin", "null")], 403),
        (vec![("x-comptoir-request", "1"), ("sec-fetch-site", "cross-site")], 403),
        (vec![("origin", ours.as_str())], 403),
        (vec![("x-comptoir-request", "1"), ("origin", ours.as_str())], 201),
    ] {
        let request =
            headers.iter().fold(post(), |request, (name, value)| request.header(*name, *value));
        let answer = request.header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.status(), status, "{headers:?}");
        if status == 403 {
            problem(answer, 403, "cross_site").await;
        }
        // What comes close behind another is told with the next one.
        app.clock.advance(60_000_000);
    }
    let refused = app.admin_ok("GET", "/admin/v1/audit?subject=create_partner", None).await;
    let refused = refused["items"].as_array().unwrap().clone();
    assert_eq!(refused.len(), 5, "{refused:?}");
    assert!(refused.iter().all(|entry| entry["detail"]["code"] == "cross_site"), "{refused:?}");
    assert_eq!(owner.get("/admin/v1/partners").await.status(), 200, "reading needs no proof");
    // Nor can it log somebody in as somebody else.
    let login = json!({ "login": "owner@example.com", "password": PASSWORD });
    let login = app.http.post(app.admin_url("/admin/v1/login")).json(&login);
    let refused = login.header("origin", "https://evil.example").send().await.unwrap();
    problem(refused, 403, "cross_site").await;
}

#[tokio::test]
async fn the_cookie_is_kept_to_https_and_the_host_where_people_use_https() {
    let app = TestApp::builder().fixed_clock(NOON).set("ADMIN__URL", "https://admin.shop.example");
    let app = app.start().await;
    let body = json!({ "login": "claire", "name": "Claire", "roles": ["auditor"] });
    let issued = app.admin_ok("POST", "/admin/v1/accounts", Some(body)).await;
    let mut browser = Browser::new(&app);
    let answer = browser.try_log_in("claire", issued["password"].as_str().unwrap(), None).await;
    let set = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(set.starts_with("__Host-comptoir_session="), "{set}");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert!(!set.contains("Domain"), "{set}");
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let token = format!("/admin/v1/tokens/{}/revoke", tokens["items"][0]["id"].as_str().unwrap());
    problem(app.admin("POST", &token, None).await, 409, "conflict").await;
    let owner = Browser::set_up(&app, "owner@example.com", &["owner"]).await;
    app.admin_ok("POST", &token, None).await;
    let account = format!("/admin/v1/accounts/{}", owner.account);
    let refused = owner.call("POST", &format!("{account}/suspend"), None).await;
    problem(refused, 409, "conflict").await;
    let refused = owner.call("PATCH", &account, Some(json!({ "roles": ["auditor"] }))).await;
    problem(refused, 409, "conflict").await;
    assert_eq!(owner.get("/admin/v1/accounts").await.status(), 200);
    // With an owner there, a start makes no token.
    let pepper = comptoir::access::Pepper::random().unwrap();
    let made = comptoir::admin::bootstrap(&app.db, &pepper, app.clock.now());
    assert!(made.await.unwrap().is_none());
}

#[tokio::test]
async fn the_database_holds_nothing_to_come_in_with() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = claire(&app).await;
    let mut held = String::new();
    for table in
        ["accounts", "admin_sessions", "account_recovery_codes", "audit_log", "login_attempts"]
    {
        held += &crate::support::people::rows(&app.db, table).await;
    }
    assert!(held.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{held}");
    let cookie = claire.cookie();
    let (_, cookie) = cookie.split_once('=').unwrap();
    for secret in [PASSWORD, claire.secret.as_str(), cookie]
        .into_iter()
        .chain(claire.recovery.iter().map(String::as_str))
    {
        assert!(!held.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_hash_of_older_settings_works_and_is_made_anew_at_a_login() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
    let app = TestApp::builder().fixed_clock(NOON).set("ADMIN__SECOND_FACTOR", "optional");
    let app = app.start().await;
    let pepper = comptoir::app::open_pepper(&app.config, &app.db).await.unwrap();
    let secret = pepper.derive("comptoir admin password", "");
    let older = Params::new(8_192, 1, 1, None).unwrap();
    let older =
        Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, older).unwrap();
    let hash = older.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string();
    let new = comptoir::admin::accounts::service::NewAccount {
        login: "claire".parse().unwrap(),
        name: "Claire".parse().unwrap(),
        roles: "auditor".parse().unwrap(),
        password: hash.clone(),
        must_change: false,
    };
    let mut tx = app.db.begin().await.unwrap();
    let by = comptoir::access::service::By::new("test", app.clock.now());
    comptoir::admin::accounts::service::create(&mut tx, &by, new).await.unwrap();
    tx.commit().await.unwrap();
    let mut browser = Browser::new(&app);
    problem(browser.try_log_in("claire", "seven green pears", None).await, 401, "invalid_login")
        .await;
    assert!(crate::support::people::rows(&app.db, "accounts").await.contains(&hash));
    browser.log_in("claire", PASSWORD, None).await;
    let held = crate::support::people::rows(&app.db, "accounts").await;
    assert!(!held.contains(&hash) && held.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{held}");
    browser.log_in("claire", PASSWORD, None).await;
    assert_eq!(browser.get("/admin/v1/audit").await.status(), 200, "codes are optional here");
}

#[tokio::test]
async fn a_suspended_person_is_out_with_all_sessions_and_tokens() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let mut claire = Browser::set_up(&app, "claire@example.com", &["owner"]).await;
    let token = json!({ "name": "deploy", "roles": ["auditor"] });
    let made = claire.ok("POST", "/admin/v1/tokens", Some(token.clone())).await;
    assert_eq!(made["token"]["made_by"], json!(claire.account));
    let me = async |text: &Value| {
        let call = app.http.get(app.admin_url("/admin/v1/me")).bearer_auth(text.as_str().unwrap());
        call.send().await.unwrap()
    };
    // One that a token of hers has made is hers, too.
    let owners = json!({ "name": "maker", "roles": ["owner"] });
    let maker = claire.ok("POST", "/admin/v1/tokens", Some(owners)).await;
    let second = app.http.post(app.admin_url("/admin/v1/tokens")).json(&token);
    let second = second.bearer_auth(maker["text"].as_str().unwrap()).send().await.unwrap();
    let second: Value = second.json().await.unwrap();
    let account = format!("/admin/v1/accounts/{}", claire.account);
    app.admin_ok("POST", &format!("{account}/suspend"), None).await;
    problem(claire.get("/admin/v1/me").await, 401, "session_ended").await;
    for text in [&made["text"], &maker["text"], &second["text"]] {
        problem(me(text).await, 403, "suspended").await;
    }
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let theirs = tokens["items"].as_array().unwrap().iter();
    let theirs: Vec<&Value> =
        theirs.filter(|token| token["made_by"] == json!(claire.account)).collect();
    assert!(theirs.len() == 3 && theirs.iter().all(|token| token["status"] == "suspended"));
    let about = format!("/admin/v1/audit?subject={}", claire.account);
    let told = app.admin_ok("GET", &about, None).await["items"][0].clone();
    assert_eq!(told["action"], "account.suspend");
    assert_eq!((&told["detail"]["sessions"], &told["detail"]["tokens"]), (&json!(1), &json!(3)));
    app.admin_ok("POST", &format!("{account}/resume"), None).await;
    assert_eq!(me(&made["text"]).await.status(), 200);
    problem(claire.get("/admin/v1/me").await, 401, "session_ended").await;
    app.clock.advance(60_000_000);
    claire.log_in_again().await;
    assert_eq!(claire.get("/admin/v1/me").await.status(), 200);
}

#[tokio::test]
async fn a_clock_that_is_put_back_keeps_nobody_out() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = claire(&app).await;
    let again = async |status: u16| {
        let (mut browser, code) = (Browser::new(&app), claire.code());
        let answer = browser.try_log_in("claire@example.com", PASSWORD, Some(&code)).await;
        assert_eq!(answer.status(), status);
    };
    app.clock.advance(MINUTE);
    again(200).await;
    app.clock.advance(-60 * MINUTE);
    for _ in 0..5 {
        let mut guess = Browser::new(&app);
        let refused = guess.try_log_in("nobody@example.com", "seven green pears", None).await;
        problem(refused, 401, "invalid_login").await;
    }
    // What was counted in the time that is to come again counts from now on.
    for back in [60, 300] {
        app.clock.advance(-back * MINUTE);
        let mut guess = Browser::new(&app);
        let refused = guess.try_log_in("nobody@example.com", "seven green pears", None).await;
        assert_eq!(refused.headers()["retry-after"], "1");
        problem(refused, 429, "too_many_attempts").await;
        app.clock.advance(SECOND);
    }
    let mut guess = Browser::new(&app);
    let refused = guess.try_log_in("nobody@example.com", "seven green pears", None).await;
    problem(refused, 401, "invalid_login").await;
}
