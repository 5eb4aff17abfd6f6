//! `comptoir apply` shows all that it does, and undoes nothing of what people have done.

use super::apply::{FILE, SMALL, apply, difference, next_year, place};
use super::program::Place;
use crate::support::{TestApp, until_one_waits};
use comptoir::access::Pepper;
use comptoir::access::apply::run::prepare;
use comptoir::access::apply::{Current, Wanted, read};
use comptoir::access::service::{By, list_plans};
use comptoir::access::store::Walk;
use comptoir::on_tx;
use comptoir::storage::{Db, Tx};
use serde_json::{Value, json};
use std::process::Stdio;

/// The first cell of each row of a list.
fn ids(place: &Place, list: &[&str]) -> Vec<String> {
    let rows = place.ok(list);
    rows.lines().map(|row| row.split('\t').next().unwrap().to_owned()).collect()
}

/// The file with another key beside the first.
fn with_two_keys() -> String {
    SMALL.replacen("          - name: k\n", "          - name: l\n          - name: k\n", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_not_given_back_by_one_person() {
    let mut place = place(&with_two_keys()).await;
    place.ok(&apply(&[]));
    for id in ids(&place, &["key", "list"]) {
        place.ok(&["key", "suspend", &id]);
    }
    let back = place.ok(&["export", "access"]).replace("status: suspended", "status: active");
    place.write(FILE, &back);
    place.set("ADMIN__FOUR_EYES", "bulk");
    for rest in [&["--dry-run"][..], &[]] {
        let refused = place.fails(1, &apply(rest));
        assert_eq!(refused.matches("status: It takes a second person to").count(), 2, "{refused}");
        assert!(refused.contains("partners.yaml:"), "{refused}");
    }
    assert_eq!(place.ok(&["key", "list"]).matches("suspended").count(), 2);
    // In quarantine they would read again.
    place.write(
        FILE,
        back.replace("\n            status: active", "\n            status: quarantined"),
    );
    let refused = place.fails(1, &apply(&[]));
    assert_eq!(refused.matches("status: It takes a second person to").count(), 2, "{refused}");
    // One key is one key, and what only stops is done at once.
    let lines: Vec<&str> = back.lines().collect();
    let of_one = lines.iter().position(|line| line.ends_with("name: l")).unwrap() + 1;
    assert!(lines[of_one].ends_with("status: active"), "{back}");
    place.write(FILE, [&lines[..of_one], &lines[of_one + 1..]].concat().join("\n"));
    place.ok(&apply(&[]));
    assert_eq!(place.ok(&["key", "list"]).matches("suspended").count(), 1);
    place.write(FILE, &back);
    place.set("ADMIN__FOUR_EYES", "");
    place.ok(&apply(&[]));
    assert!(!place.ok(&["key", "list"]).contains("suspended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_revoked_does_not_come_back_by_the_file() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    let [key] = ids(&place, &["key", "list"]).try_into().unwrap();
    place.ok(&["key", "revoke", &key]);
    for rest in [&["--dry-run"][..], &[]] {
        let refused = place.fails(1, &apply(rest));
        let said =
            format!("partners.yaml:13: partners[0].apps[0].keys[0].name: `{key}` is revoked");
        assert!(refused.contains(&said), "{refused}");
    }
    assert_eq!(ids(&place, &["key", "list"]), [key]);
    // Another one has another name, or is of the other kind.
    place.write(FILE, SMALL.replace("name: k", "name: other"));
    place.ok(&apply(&[]));
    place.write(FILE, SMALL.replace("name: k", "name: k\n            environment: test"));
    place.ok(&apply(&[]));
    assert_eq!(ids(&place, &["key", "list"]).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_was_given_away_does_not_come_back_by_the_file() {
    let file = SMALL.replace("  - name: Two\n    apps:\n      - name: Site\n        plan: B\n", "");
    let place = place(&file).await;
    place.ok(&apply(&[]));
    let [app] = ids(&place, &["app", "list"]).try_into().unwrap();
    let two = place.ok(&["partner", "create", "--name", "Two"]);
    place.ok(&["app", "transfer", &app, &two]);
    let refused = place.fails(1, &apply(&[]));
    let said = format!(
        "partners.yaml:10: partners[0].apps[0].name: this app, `{app}`, was given to the partner `Two`"
    );
    assert!(refused.contains(&said), "{refused}");
    assert_eq!((ids(&place, &["app", "list"]).len(), ids(&place, &["key", "list"]).len()), (1, 1));
    place.write(FILE, file.replace("name: Site", "name: Another"));
    place.ok(&apply(&[]));
    assert_eq!(ids(&place, &["app", "list"]).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_renamed_is_the_same_by_its_id() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    let named = place.ok(&["export", "access", "--ids"]);
    let of = |list: &[&str]| ids(&place, list);
    for id in [of(&["key", "list"]), of(&["app", "list"]), of(&["partner", "list"])].concat() {
        assert!(named.contains(&format!("id: {id}")), "{named}");
    }
    place.write(FILE, &named);
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.");
    let [key] = of(&["key", "list"]).try_into().unwrap();
    place.ok(&["key", "update", &key, "--name", "old"]);
    assert_eq!(difference(&place, &[])[..2], ["~ key One / Site / k", "    name \"old\" -> \"k\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_new_things_are_made_with() {
    let key = "scopes: [\"stock:quantity\"]\n            cidrs: [192.0.2.0/24]\n            \
               expires_at: 2099-01-01T00:00:00Z\n            status: suspended\n            environment: test";
    let file = SMALL.replace("scopes: [\"catalog:read\"]", key);
    let file = file.replacen(
        "  - name: A\n",
        "  - name: A\n    public: true\n    approval: auto\n    prices: { currency: EUR, fee: \"9\" }\n",
        1,
    );
    let file = file.replacen(
        "        plan: A\n",
        "        plan: A\n        status: suspended\n        next_plan: { plan: B, starts_at: NEXT }\n",
        1,
    );
    let next = next_year();
    let file = file.replace("NEXT", &next);
    let place = place(&file.replacen("- name: One", "- name: One\n    external_ref: X", 1)).await;
    let said = difference(&place, &[]);
    let prices = said.iter().find(|line| line.starts_with("    prices none -> ")).unwrap();
    assert!(prices.contains("\"fee\":\"9.00\""), "{prices}");
    let plan = format!("    next_plan none -> {{\"plan\":\"B\",\"starts_at\":\"{next}\"}}");
    for line in [
        plan.as_str(),
        "    limits none -> [{\"name\":\"day\",\"quota\":5,\"window_s\":60}]",
        "    public none -> true",
        "    approval none -> \"auto\"",
        "    external_ref none -> \"X\"",
        "    plan none -> \"A\"",
        "    status \"active\" -> \"suspended\"",
        "    scopes none -> \"stock:quantity\"",
        "    cidrs none -> [\"192.0.2.0/24\"]",
        "    environment none -> \"test\"",
        "    expires_at none -> \"2099-01-01T00:00:00Z\"",
        "    status none -> \"suspended\"",
    ] {
        assert!(said.iter().any(|of| of == line), "{line}: {said:#?}");
    }
    let told: Value = serde_json::from_str(&place.ok(&apply(&["--dry-run", "--json"]))).unwrap();
    let steps = told["steps"].as_array().unwrap();
    let key = steps.iter().find(|step| step["what"] == "key One / Site / k").unwrap();
    let scopes = key["changes"].as_array().unwrap().iter().find(|it| it["member"] == "scopes");
    assert_eq!(scopes.unwrap()["to"], "stock:quantity");
    place.ok(&apply(&[]));
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_that_an_app_is_on_is_not_its_next_one() {
    let next = |plan: &str, at: &str| {
        let next = format!("plan: A\n        next_plan: {{ plan: {plan}, starts_at: {at} }}\n");
        SMALL.replacen("plan: A\n", &next, 1)
    };
    let place = place(&next("A", "2090-01-01T00:00:00Z")).await;
    let refused = place.fails(1, &apply(&[]));
    assert!(refused.contains("partners.yaml:12:") && refused.contains("by then"), "{refused}");
    place.write(FILE, next("B", "2090-01-01T00:00:00Z"));
    let refused = place.fails(1, &apply(&[]));
    assert!(refused.contains("partners.yaml:12:") && refused.contains("five years"), "{refused}");
    place.write(FILE, next("B", &next_year()));
    place.ok(&apply(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_one_name_are_told_apart_by_their_environment() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    let app = place.ok(&["key", "list"]).split('\t').nth(3).unwrap().to_owned();
    place.ok(&["key", "create", "--app", &app, "--name", "k", "--env", "test"]);
    let exported = place.ok(&["export", "access"]);
    assert!(!exported.contains("key_"), "{exported}");
    place.write(FILE, &exported);
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.");
    let elsewhere = Place::made().await;
    elsewhere.write(FILE, &exported);
    elsewhere.ok(&apply(&[]));
    assert_eq!(elsewhere.ok(&["export", "access"]), exported);
    // Where an entry does not say which, that is asked.
    place.write(FILE, SMALL);
    let refused = place.fails(1, &apply(&[]));
    assert!(refused.contains("say which by `environment` or `id`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_names_no_partner_suspends_not_all_of_them() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    place.write(FILE, "version: 1\n");
    let refused = place.fails(1, &apply(&["--prune"]));
    assert!(refused.contains("all would be suspended"), "{refused}");
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_new_keys_is_made_where_there_are_some() {
    let place = place(SMALL).await;
    place.ok(&apply(&["--keys-out", "keys.txt"]));
    place.write(FILE, SMALL.replace("quota: 5", "quota: 6"));
    place.ok(&apply(&["--keys-out", "none.txt"]));
    assert!(!place.path("none.txt").exists());
    let keys = std::fs::read(place.path("keys.txt")).unwrap();
    place.write(FILE, SMALL.replace("name: k", "name: l"));
    let refused = place.fails(1, &apply(&["--keys-out", "keys.txt"]));
    assert!(refused.contains("cannot be written, so nothing was changed"), "{refused}");
    assert_eq!(std::fs::read(place.path("keys.txt")).unwrap(), keys);
    assert_eq!(ids(&place, &["key", "list"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_nobody_reads_is_a_failure() {
    let place = place(SMALL).await;
    let mut told = Vec::new();
    let mut unheard = |args: &[&str]| {
        let mut command = place.command(args);
        let (end, out) = std::io::pipe().unwrap();
        drop(end);
        let child = command.stdout(Stdio::from(out)).stderr(Stdio::piped()).spawn().unwrap();
        let said = child.wait_with_output().unwrap();
        told.push((said.status.code(), String::from_utf8(said.stderr).unwrap()));
    };
    unheard(&apply(&[]));
    let [key] = ids(&place, &["key", "list"]).try_into().unwrap();
    unheard(&["key", "rotate", &key]);
    unheard(&["token", "create", "--name", "t", "--role", "read_only"]);
    for (code, said) in &told {
        assert_eq!(*code, Some(1), "{told:?}");
        assert!(said.contains("are shown this once"), "{said}");
    }
    // What is no secret may be cut off.
    told_nothing(&place, &["key", "list"]);
}

/// A command whose output nobody reads, and which is done all the same.
fn told_nothing(place: &Place, args: &[&str]) {
    let (end, out) = std::io::pipe().unwrap();
    drop(end);
    let status = place.command(args).stdout(Stdio::from(out)).stderr(Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(0));
}

#[tokio::test]
async fn what_others_change_meanwhile_keeps_nobody_from_applying_a_file() {
    let app = TestApp::start().await;
    let pepper = Pepper::random().unwrap();
    let by = By::new("cli", app.clock.now());
    let text = SMALL.replace("name: One", "name: One\n    external_ref: X");
    let file = read(&text).unwrap();
    let wanted = Wanted { text: &text, file: &file, prune: false };
    let current = Current::load(&app.db, by.now).await.unwrap();
    let steps = wanted.steps(&current, &by).unwrap();
    // Something that the file is not about, and something that it is.
    app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Another" }))).await;
    app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "One" }))).await;
    let prepared = prepare(&app.db, &by, &pepper, (&wanted, &current, steps)).await.unwrap();
    let shown = prepared.shown.to_string();
    assert!(shown.contains("~ partner One\n    external_ref none -> \"X\"\n"), "{shown}");
    prepared.commit().await.unwrap();
    let walk = Walk { after: String::new(), limit: 9 };
    assert_eq!(list_plans(&app.db, &walk).await.unwrap().len(), 2);

    // What is wrong behind that is told as what is wrong at first.
    let text = SMALL.replace("name: k", "name: l");
    let file = read(&text).unwrap();
    let wanted = Wanted { text: &text, file: &file, prune: false };
    let current = Current::load(&app.db, by.now).await.unwrap();
    let steps = wanted.steps(&current, &by).unwrap();
    let rows = app.admin_ok("GET", "/admin/v1/apps", None).await;
    let rows = rows["items"].as_array().unwrap();
    for row in rows.iter().filter(|row| row["name"] == "Site") {
        let body = json!({ "app_id": row["id"], "environment": "live", "name": "l" });
        let key = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
        let place = format!("/admin/v1/keys/{}/revoke", key["key"]["id"].as_str().unwrap());
        app.admin_ok("POST", &place, None).await;
    }
    let failed = prepare(&app.db, &by, &pepper, (&wanted, &current, steps)).await.unwrap_err();
    assert!(format!("{failed:?}").contains("is revoked"), "{failed:?}");
}

/// Of two transactions that wait for each other the server ends one. SQLite has one writer, so there it cannot be.
#[tokio::test]
async fn who_holds_an_app_and_waits_for_the_log_keeps_nobody_from_applying_a_file() {
    let app = TestApp::start().await;
    if matches!(app.db, Db::Sqlite { .. }) {
        return println!("SKIPPED on SQLite: it has one writer");
    }
    let pepper = Pepper::random().unwrap();
    let by = By::new("cli", app.clock.now());
    let apply = async |text: &str| {
        let file = read(text).unwrap();
        let wanted = Wanted { text, file: &file, prune: false };
        let current = Current::load(&app.db, by.now).await.unwrap();
        let steps = wanted.steps(&current, &by).unwrap();
        let prepared = prepare(&app.db, &by, &pepper, (&wanted, &current, steps)).await.unwrap();
        let shown = prepared.shown.to_string();
        prepared.commit().await.unwrap();
        shown
    };
    apply(SMALL).await;
    let mut other = app.db.begin().await.unwrap();
    let run = async |other: &mut Tx, sql: &'static str| on_tx!(other, c => sqlx::query(sql).execute(c).await.map(drop));
    run(&mut other, "UPDATE apps SET id = id").await.unwrap();
    let suspended = SMALL.replacen("name: Site", "name: Site\n        status: suspended", 1);
    let log = async {
        until_one_waits(&app.db).await;
        const LOG: &str = "UPDATE log_heads SET position = position WHERE log = 'control'";
        // The server ends who has waited for longer, unless this comes late: then it ends this.
        drop(run(&mut other, LOG).await);
        drop(other);
    };
    let (shown, ()) = tokio::join!(apply(&suspended), log);
    assert!(shown.contains("status"), "{shown}");
}
