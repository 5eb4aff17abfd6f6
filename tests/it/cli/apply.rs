//! `comptoir apply`: a file of access, and what is there.

use super::program::Place;
use crate::support::schema::conforms;
use comptoir::kernel::clock::DAY;
use comptoir::kernel::{Clock, Micros};
use serde_json::Value;
use std::path::Path;

pub(super) const FILE: &str = "partners.yaml";

pub(super) async fn place(text: &str) -> Place {
    let place = Place::new().await;
    place.ok(&["migrate"]);
    place.write(FILE, text);
    place
}

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/partners.example.yaml");
    std::fs::read_to_string(path).unwrap()
}

pub(super) fn apply<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&["apply", "-f", FILE], rest].concat()
}

/// An instant that an app can be put on another plan at.
pub(super) fn next_year() -> String {
    Micros(Clock::System.now().0 + 365 * DAY).to_string()
}

/// What applying the present file would change.
pub(super) fn difference(place: &Place, rest: &[&str]) -> Vec<String> {
    let said = place.ok(&apply(&[&["--dry-run"], rest].concat()));
    said.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_applied_once_and_comes_back_the_same() {
    let place = place(&example()).await;
    let first = difference(&place, &[]);
    assert!(first.contains(&"+ plan Découverte".to_owned()), "{first:?}");
    assert!(
        first.contains(&"+ key Ateliers Vaugirard / Comparateur / tests".to_owned()),
        "{first:?}"
    );
    assert_eq!(first.last().unwrap(), "9 to make, 0 to change, 0 to suspend.");
    assert_eq!(
        difference(&place, &[]),
        first,
        "a dry run changes nothing, and says the same again"
    );

    let said = place.ok(&apply(&[]));
    let keys: Vec<&str> = said.lines().filter(|line| line.contains("\tcpt_")).collect();
    assert_eq!(keys.len(), 3, "{said}");
    assert!(
        keys[1].starts_with("key Ateliers Vaugirard / Comparateur / tests\tcpt_test_"),
        "{said}"
    );
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.");

    let exported = place.ok(&["export", "access"]);
    place.write(FILE, &exported);
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.", "{exported}");
    let secret = keys[0].rsplit('\t').next().unwrap();
    assert!(!exported.contains(secret) && !exported.contains("cpt_"), "{exported}");
    let elsewhere = Place::new().await;
    elsewhere.ok(&["migrate"]);
    elsewhere.write(FILE, &exported);
    elsewhere.ok(&apply(&[]));
    assert_eq!(elsewhere.ok(&["export", "access"]), exported);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_that_of_the_file() {
    let place = Place::new().await;
    let schema: Value = serde_json::from_str(&place.ok(&["apply", "--schema"])).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let document: Value = serde_norway::from_str(&example()).unwrap();
    let defs = serde_json::json!({ "components": { "schemas": schema["$defs"] } });
    conforms(&document, &schema, &defs, "the example");
    for (_, shape) in schema["$defs"].as_object().unwrap() {
        if shape["type"] == "object" {
            assert_eq!(shape["additionalProperties"], false, "{shape}");
        }
    }
}

pub(super) const SMALL: &str = "version: 1
plans:
  - name: A
    limits: [{ name: day, quota: 5, window_s: 60 }]
  - name: B
    limits: [{ name: day, quota: 9, window_s: 60 }]
partners:
  - name: One
    apps:
      - name: Site
        plan: A
        keys:
          - name: k
            scopes: [\"catalog:read\"]
  - name: Two
    apps:
      - name: Site
        plan: B
";

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_a_plan_is_applied_and_comes_back() {
    let limits = "limits: [{ name: day, quota: 5, window_s: 60 }]";
    let file = |data: &str| format!("version: 1\nplans:\n  - name: A\n    {limits}\n{data}");
    let some = "    data: { brand_ids: [Nord], fields: { product: [name] } }\n";
    let place = place(&file(some)).await;
    place.ok(&apply(&[]));
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
    let exported = place.ok(&["export", "access"]);
    let brand = comptoir::kernel::id::BrandId::named("Nord").to_string();
    assert!(exported.contains(&brand), "{exported}");
    place.write(FILE, &exported);
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.", "{exported}");
    // What is left out stays; null is everything.
    place.write(FILE, file(""));
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
    place.write(FILE, file("    data: null\n"));
    place.ok(&apply(&[]));
    assert!(place.ok(&["export", "access"]).contains("data: {}"));
    let document: Value = serde_norway::from_str(&exported).unwrap();
    let schema: Value = serde_json::from_str(&place.ok(&["apply", "--schema"])).unwrap();
    let defs = serde_json::json!({ "components": { "schemas": schema["$defs"] } });
    conforms(&document, &schema, &defs, "what was exported");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_exported_brings_back_what_another_file_has_changed() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    let key = place.ok(&["key", "list"]).split('\t').next().unwrap().to_owned();
    let app =
        place.ok(&["app", "list"]).lines().next().unwrap().split('\t').next().unwrap().to_owned();
    place.ok(&["key", "quarantine", &key]);
    place.ok(&["app", "suspend", &app]);
    let was = place.ok(&["export", "access"]);
    // Another file stops what it does not name, and gives all the rest other members.
    place.write(
        FILE,
        "version: 1\nplans:\n  - name: A\n    limits: [{ name: day, quota: 6, window_s: 60 }]\n    \
         weights: { list_products: 2 }\n    prices: { currency: EUR, fee: \"9\" }\n    \
         data: { brand_ids: [Nord] }\n    description: Other\n    approval: auto\n    public: true\n\
         partners:\n  - name: One\n    external_ref: X\n    contacts: [{ role: technical, name: C, email: c@one.example }]\n    \
         contract: { reference: c, starts_on: 2026-01-01, ends_on: 2099-01-31, time_zone: UTC }\n    apps:\n      \
         - name: Site\n        status: active\n        plan: A\n        \
         next_plan: { plan: B, starts_at: NEXT }\n        keys:\n          - name: k\n            \
         cidrs: [192.0.2.0/24]\n            expires_at: 2099-01-01T00:00:00Z\n            status: suspended\n"
            .replace("NEXT", &next_year()),
    );
    place.ok(&apply(&["--prune"]));
    assert!(place.ok(&["partner", "list"]).contains("suspended\tTwo"));
    assert!(place.ok(&["key", "list"]).contains("suspended"));
    place.write(FILE, &was);
    place.ok(&apply(&[]));
    assert_eq!(place.ok(&["export", "access"]), was);
    assert!(place.ok(&["partner", "list"]).contains("active\tTwo"));
    assert!(place.ok(&["key", "list"]).contains("quarantined"));
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_file_has_changed_is_another_one_for_who_looked_before() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    let key = place.ok(&["key", "list"]).split('\t').next().unwrap().to_owned();
    let bulk = ["key", "bulk", "revoke", "--id", &key];
    let seen = place.ok(&bulk);
    let token = seen.rsplit("--token ").next().unwrap().to_owned();
    place.write(FILE, SMALL.replace("catalog:read", "stock:read"));
    place.ok(&apply(&[]));
    let refused = place.fails(1, &[&bulk[..], &["--token", &token]].concat());
    assert!(refused.contains("have changed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_one_person_where_the_settings_ask_for_two() {
    let mut place = place(SMALL).await;
    place.ok(&apply(&[]));
    place.set("ADMIN__FOUR_EYES", "customer_scopes,bulk");
    place.set("ADMIN__GUARDED_SCOPES", "stock:quantity");
    place.write(FILE, SMALL.replace("catalog:read", "stock:quantity"));
    for rest in [&["--dry-run"][..], &[]] {
        let refused = place.fails(1, &apply(rest));
        assert!(refused.contains("partners.yaml:14: "), "{refused}");
        assert!(refused.contains("second person"), "{refused}");
    }
    let app = place.ok(&["app", "list"]).split('\t').next().unwrap().to_owned();
    for what in ["key", "client"] {
        let refused = place.fails(1, &[what, "create", "--app", &app]);
        assert!(refused.contains("second person to give `stock:quantity`"), "{refused}");
        place.ok(&[what, "create", "--app", &app, "--scope", "catalog:read"]);
    }
    let bulk = ["key", "bulk", "revoke", "--app", &app];
    let token = place.ok(&bulk).rsplit("--token ").next().unwrap().to_owned();
    let refused = place.fails(1, &[&bulk[..], &["--token", &token]].concat());
    assert!(refused.contains("second person"), "{refused}");
    place.set("ADMIN__GUARDED_SCOPES", "stock:qantity");
    let refused = place.fails(1, &["key", "list"]);
    assert!(refused.contains("guarded_scopes") && refused.contains("stock:qantity"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_guarded_scopes_reaches_no_farther_by_one_person() {
    let mut place =
        place(&SMALL.replace(
            "[\"catalog:read\"]",
            "[\"stock:quantity\"]\n            cidrs: [192.0.2.0/24]",
        ))
        .await;
    place.ok(&apply(&[]));
    let key = place.ok(&["key", "list"]).split('\t').next().unwrap().to_owned();
    place.set("ADMIN__FOUR_EYES", "customer_scopes");
    place.set("ADMIN__GUARDED_SCOPES", "stock:quantity");
    let file = std::fs::read_to_string(place.path(FILE)).unwrap();
    place.write(FILE, file.replace("192.0.2.0/24", "192.0.2.0/25"));
    place.ok(&apply(&[]));
    place.write(FILE, file);
    let refused = place.fails(1, &apply(&[]));
    assert!(refused.contains("second person"), "{refused}");
    let refused = place.fails(1, &["key", "rotate", &key]);
    assert!(refused.contains("second person"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_guarded_scopes_gets_no_public_key_by_one_person() {
    let key =
        "{ kty: OKP, crv: Ed25519, kid: old, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }";
    let client = format!("\n            kind: client\n            jwks: {{ keys: [{key}] }}");
    let scopes = format!("[\"stock:quantity\"]{client}");
    let mut place = place(&SMALL.replace("[\"catalog:read\"]", &scopes)).await;
    place.ok(&apply(&[]));
    place.set("ADMIN__FOUR_EYES", "customer_scopes");
    place.set("ADMIN__GUARDED_SCOPES", "stock:quantity");
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
    let file = std::fs::read_to_string(place.path(FILE)).unwrap();
    let other = file.replace("kid: old", "kid: new");
    place.write(FILE, &other);
    for rest in [&["--dry-run"][..], &[]] {
        let refused = place.fails(1, &apply(rest));
        assert!(refused.contains("second person") && refused.contains("jwks"), "{refused}");
    }
    // Where it has such scopes no more, one is enough.
    place.write(FILE, other.replace("stock:quantity", "catalog:read"));
    place.ok(&apply(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_suspended_where_the_file_does_not_name_it() {
    let place = place(SMALL).await;
    place.ok(&apply(&[]));
    let app = place.ok(&["key", "list"]).split('\t').nth(3).unwrap().to_owned();
    // Of the same name as a key.
    place.ok(&["client", "create", "--app", &app, "--name", "k"]);
    let named = place.ok(&["export", "access"]);
    let pruned = difference(&place, &["--prune"]);
    let at = pruned.iter().find(|line| line.contains("client ")).expect("the client is told of");
    assert!(at.ends_with("client One / Site / k"), "{at}");
    assert!(!pruned.iter().any(|line| line.contains("key ")), "{pruned:?}");
    place.write(FILE, &named);
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.", "{named}");
    place.write(FILE, SMALL);
    place.ok(&apply(&["--prune"]));
    let keys = place.ok(&["key", "list"]);
    assert_eq!(keys.matches("suspended").count(), 1, "{keys}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_a_limit_can_never_admit_is_refused_with_its_line() {
    let file = |quota: u32| {
        format!(
            "version: 1\nplans:\n  - name: A\n    weights: {{ list_products: 2.5 }}\n    \
             limits: [{{ name: burst, quota: {quota}, window_s: 1 }}]\n"
        )
    };
    let place = place(&file(2)).await;
    let error = place.fails(1, &apply(&[]));
    assert!(error.contains("partners.yaml:5") && error.contains("limit `burst`"), "{error}");
    place.write(FILE, file(3));
    place.ok(&apply(&[]));
    place.write(FILE, file(2));
    assert!(place.fails(1, &apply(&[])).contains("limit `burst`"));
    place.write(FILE, file(3).replace("name: burst", "name: second"));
    let error = place.fails(1, &apply(&[]));
    assert!(error.contains("`second` is `burst` by another name"), "{error}");
    let plans = place.ok(&["plan", "list"]);
    let id = plans.split('\t').next().unwrap();
    let error = place.fails(1, &["plan", "update", id, "--limit", "burst:2:1"]);
    assert!(error.contains("limit `burst`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_shown_and_done_and_the_rest_is_left_alone() {
    let place = place(SMALL).await;
    place.ok(&apply(&["--keys-out", "keys.txt"]));
    let keys = std::fs::read_to_string(place.path("keys.txt")).unwrap();
    assert!(keys.starts_with("key One / Site / k\tcpt_live_"), "{keys}");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(place.path("keys.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Only what is named; members that are left out stay.
    let id = place.ok(&["partner", "list"]);
    let id = id.lines().find(|line| line.ends_with("\tOne")).unwrap().split('\t').next().unwrap();
    let changed = format!(
        "version: 1\nplans:\n  - name: A\n    limits: [{{ name: day, quota: 6, window_s: 60 }}]\n\
         partners:\n  - id: {id}\n    name: First\n    external_ref: X\n    apps:\n      - name: Site\n        \
         plan: B\n        keys:\n          - name: k\n            cidrs: [192.0.2.0/24]\n"
    );
    place.write(FILE, &changed);
    let said = difference(&place, &[]);
    let expected = [
        "~ plan A",
        "    limits.day.quota 5 -> 6",
        "~ partner First",
        "    name \"One\" -> \"First\"",
        "    external_ref none -> \"X\"",
        "~ app First / Site",
        "    plan \"A\" -> \"B\"",
        "~ key First / Site / k",
        "    cidrs [] -> [\"192.0.2.0/24\"]",
        "0 to make, 4 to change, 0 to suspend.",
    ];
    assert_eq!(said, expected);
    let as_json: Value = serde_json::from_str(&place.ok(&apply(&["--dry-run", "--json"]))).unwrap();
    assert_eq!(
        (as_json["steps"].as_array().unwrap().len(), &as_json["applied"]),
        (4, &false.into())
    );
    let done = place.ok(&apply(&["--reason", "new contract"]));
    assert!(done.starts_with("changed plan A\n    limits.day.quota 5 -> 6\n"), "{done}");
    assert!(done.ends_with("Done: 0 made, 4 changed, 0 suspended."), "{done}");
    assert!(place.ok(&["audit", "export"]).contains("new contract"));
    assert_eq!(place.ok(&apply(&[])), "Nothing to change.");
    let partners = place.ok(&["partner", "list"]);
    assert!(partners.contains("active\tFirst") && partners.contains("active\tTwo"), "{partners}");
    assert!(place.ok(&["key", "list"]).contains("catalog:read"), "scopes stay");

    let pruned = difference(&place, &["--prune"]);
    assert_eq!(
        pruned,
        [
            "- plan B",
            "    approval \"manual\" -> \"closed\"",
            "- partner Two",
            "0 to make, 0 to change, 1 to suspend, 1 to close.",
        ]
    );
    assert_eq!(
        place.ok(&apply(&["--prune"])),
        "closed plan B\n    approval \"manual\" -> \"closed\"\nsuspended partner Two\n\
         Done: 0 made, 0 changed, 1 suspended, 1 closed."
    );
    assert!(place.ok(&["partner", "list"]).contains("suspended\tTwo"));
    assert_eq!(place.ok(&apply(&["--prune"])), "Nothing to change.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_wrong_is_refused_with_its_lines_and_changes_nothing() {
    let place = place(SMALL).await;
    let before = place.ok(&["export", "access"]);
    for (old, new, lines, said) in [
        ("plan: A", "plan: C", &["partners.yaml:11:"][..], "there is no plan `C`"),
        ("name: B", "name: A", &["partners.yaml:5:", "partners.yaml:18:"], "twice"),
        ("name: Two", "name: One", &["partners.yaml:15:"], "twice"),
        ("plan: A", "plann: A", &["partners.yaml:11:"], "plann"),
        ("quota: 5", "quota: -5", &["partners.yaml:4:"], "plans[0].limits"),
        (
            "scopes: [\"catalog:read\"]",
            "scopes: [\"catalog:write\"]",
            &["partners.yaml:14:"],
            "catalog:write",
        ),
        (
            "scopes: [\"catalog:read\"]",
            "expires_at: 2001-01-01T00:00:00Z",
            &["partners.yaml:14:"],
            "past",
        ),
        ("scopes: [\"catalog:read\"]", "id: key_00000000000", &["partners.yaml:14:"], "no key"),
        (
            "  - name: Two",
            "  - name: Two\n    contract: { reference: c, starts_on: 2027-02-01, ends_on: 2027-01-31, time_zone: UTC }",
            &["partners.yaml:16:"],
            "last day",
        ),
        ("version: 1", "version: 7", &["partners.yaml:1:"], "version"),
    ] {
        place.write(FILE, SMALL.replacen(old, new, 1));
        let error = place.fails(1, &apply(&[]));
        for line in lines {
            assert!(error.contains(line), "{new}: {error}");
        }
        assert!(error.contains(said), "{new}: {error}");
        assert_eq!(place.ok(&["export", "access"]), before, "{new}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_there_is_not_ended_by_a_date_that_is_over() {
    let place = place(SMALL).await;
    place.ok(&apply(&["--keys-out", "keys.txt"]));
    let over = "scopes: [\"catalog:read\"]\n            expires_at: 2001-01-01T00:00:00Z";
    let over = SMALL.replacen("scopes: [\"catalog:read\"]", over, 1);
    assert_ne!(over, SMALL);
    place.write(FILE, over);
    let error = place.fails(1, &apply(&["--dry-run"]));
    assert!(error.contains("partners.yaml:15:") && error.contains("past"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_steps_of_which_one_fails_none_is_done() {
    let place = place(SMALL).await;
    place.ok(&apply(&["--keys-out", "keys.txt"]));
    let before = place.ok(&["export", "access"]);
    let list = place.ok(&["partner", "list"]);
    let id = list.lines().find(|line| line.ends_with("\tTwo")).unwrap().split('\t').next().unwrap();
    place.ok(&["partner", "freeze", id, "--reason", "A dispute"]);
    let frozen = format!("{id}\tactive, frozen by {id}\tTwo");
    assert!(place.ok(&["partner", "list"]).lines().any(|line| line == frozen));
    let of_two = format!("\tactive, frozen by {id}\t");
    assert!(place.ok(&["app", "list"]).contains(&of_two));
    assert!(!place.ok(&["key", "list"]).contains("frozen"), "the key is of another partner");
    let changed = SMALL.replace("quota: 5", "quota: 50").replace("name: k", "name: another");
    let changed = changed.replace("name: Two", "name: Two\n    external_ref: T");
    place.write(FILE, &changed);
    let error = place.fails(1, &apply(&["--keys-out", "more.txt"]));
    assert!(error.contains("partner Two") && error.contains("frozen"), "{error}");
    assert_eq!(place.ok(&["export", "access"]), before);
    assert!(!place.path("more.txt").exists(), "no key lies about that is not there");
    place.ok(&["partner", "unfreeze", id, "--reason", "Settled"]);
    let error = place.fails(1, &apply(&["--keys-out", "keys.txt"]));
    assert!(error.contains("keys.txt"), "{error}");
    assert_eq!(place.ok(&["export", "access"]), before);
    place.ok(&apply(&["--keys-out", "more.txt"]));
    assert!(std::fs::read_to_string(place.path("more.txt")).unwrap().contains("another\tcpt_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_a_file_is_told_with_its_lines() {
    let text = "version: 1\nplans:\n  - name: A\n    limits:\n      - {name: d, quota: 0, window_s: 60}\n    \
                stock_disclosure: some\npartners:\n  - nme: P\n    apps:\n      - name: X\n        keys:\n          \
                - {name: k, scopes: [all]}\n";
    let place = place(text).await;
    let error = place.fails(1, &apply(&["--dry-run"]));
    for said in [
        "partners.yaml:5: plans[0].limits[0].quota: ",
        "partners.yaml:6: plans[0].stock_disclosure: ",
        "partners.yaml:8: partners[0].nme: is not known here; did you mean `name`?",
        "partners.yaml:8: partners[0].name: is missing",
        "partners.yaml:10: partners[0].apps[0].plan: is missing",
        "partners.yaml:12: partners[0].apps[0].keys[0].scopes[0]: `all` is no scope",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
    place.write(
        FILE,
        text.replace("quota: 0", "quota: 1")
            .replace("some", "band")
            .replace("nme", "name")
            .replace("        keys:", "        plan: B\n        keys:")
            .replace("[all]", "[]"),
    );
    let error = place.fails(1, &apply(&["--dry-run"]));
    assert!(error.contains("partners.yaml:11: ") && error.contains(":13: "), "{error}");
    assert!(error.contains("names no scope"), "{error}");
}
