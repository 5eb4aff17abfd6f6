//! What the shell can do beside the admin API, and what it says where there is nothing.

use super::program::{PATIENCE, Place};
use crate::support::redis::RedisServer;
use serde_json::json;
use std::time::Instant;

/// Id of a partner, a plan, an app and its key.
fn shop(place: &Place) -> [String; 4] {
    let partner = place.ok(&["partner", "create", "--name", "Boutique"]);
    let plan = place.ok(&["plan", "create", "--name", "Small", "--limit", "burst:1000:1"]);
    let app =
        place.ok(&["app", "create", "--partner", &partner, "--plan", &plan, "--name", "Site"]);
    place.ok(&["key", "create", "--app", &app]);
    let key = place.ok(&["key", "list"]).split('\t').next().unwrap().to_owned();
    [partner, plan, app, key]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_directory_is_said_and_not_made() {
    let mut place = Place::made().await;
    shop(&place);
    let on_sqlite = place.database_url().is_none();
    place.set("SERVER__DATA_DIR", "dta");
    let before = place.files();
    for args in [
        &["key", "list"][..],
        &["partner", "create", "--name", "X"],
        &["usage", "export", "--period", "2026-11"],
        &["export", "access"],
        &["application", "list"],
        &["import", "products", "none.ndjson"],
        &["account", "list"],
        &["feed", "list"],
    ] {
        if on_sqlite {
            let error = place.fails(1, args);
            let said =
                error.contains("there is no database at dta") && error.contains("comptoir migrate");
            assert!(said || error.contains("none.ndjson cannot be read"), "{args:?}: {error}");
        }
    }
    assert_eq!(place.files(), before, "nothing was made");
    assert!(!on_sqlite || !place.path("dta").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_from_the_shell() {
    let place = Place::made().await;
    let [_, plan, app, key] = shop(&place);
    let listed = place.run(&["key", "list", "--app", &app, "--status", "active", "--env", "live"]);
    assert!(listed.err.starts_with("ID\tSTATUS\tENVIRONMENT\t"), "{listed:?}");
    assert!(listed.out.starts_with(&key), "{listed:?}");
    assert_eq!(place.ok(&["key", "list", "--env", "test"]), "");
    assert_eq!(place.ok(&["app", "list", "--plan", &plan, "--status", "suspended"]), "");

    let said = place.ok(&[
        "key",
        "update",
        &key,
        "--name",
        "shop",
        "--scope",
        "stock:read",
        "--cidr",
        "192.0.2.0/24",
        "--expires-at",
        "2100-01-01T00:00:00Z",
        "--reason",
        "new contract",
    ]);
    assert!(said.contains("\tstock:read\tshop\t") && said.contains("\t2100-01-01"), "{said}");
    let exported = place.ok(&["export", "access"]);
    assert!(exported.contains("192.0.2.0/24"), "{exported}");
    let said = place.ok(&["key", "update", &key, "--no-end", "--anywhere"]);
    assert!(!said.contains("2100-01-01") && said.contains("\tshop\t"), "{said}");
    assert!(!place.ok(&["export", "access"]).contains("192.0.2.0/24"));
    assert!(place.fails(1, &["key", "update", &key]).contains("say what shall change"));
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_are_changed_from_the_shell() {
    let place = Place::made().await;
    let [partner, ..] = shop(&place);
    let contacts =
        json!([{ "role": "billing", "name": "Zoé", "email": "zoe@a.example" }, { "role": "legal", "name": "Ida",
        "email": "ida@a.example", "phone": "+33 1 23 45 67 89", "language": "fr" }]).to_string();
    let said = place.ok(&[
        "partner",
        "update",
        &partner,
        "--external-ref",
        "C-1",
        "--contacts",
        &contacts,
    ]);
    assert!(
        said.contains("external_ref\tC-1")
            && said.contains("contact\tbilling\tZoé\tzoe@a.example\t-\t-"),
        "{said}"
    );
    assert_eq!(place.ok(&["partner", "show", &partner]), said);
    let contract = r#"{"reference":"2026-1","starts_on":"2026-01-01","time_zone":"Europe/Paris"}"#;
    assert!(place.ok(&["partner", "update", &partner, "--contract", contract]).contains("2026-1"));
    let said =
        place.ok(&["partner", "update", &partner, "--contract", "none", "--no-external-ref"]);
    assert!(!said.contains("contract") && !said.contains("external_ref"), "{said}");
    assert!(place.ok(&["partner", "list", "--search", "ZOE"]).starts_with(&partner));
    // One that is made with all of it is as one that was given it.
    let all = ["--external-ref", "C-2", "--contacts", &contacts, "--contract", contract];
    let other = place.ok(&[&["partner", "create", "--name", "Autre"][..], &all].concat());
    let shown = place.ok(&["partner", "show", &other]);
    for row in ["external_ref\tC-2", "contact\tlegal\tIda\t", "contract.reference\t2026-1"] {
        assert!(shown.contains(row), "{row}: {shown}");
    }
    assert_eq!(place.ok(&[&["partner", "update", &other][..], &all].concat()), shown);
    let over = contract.replace("2026-01-01", "2026-02-01\",\"ends_on\":\"2026-01-01");
    let refused = ["partner", "create", "--name", "Third", "--contract", &over];
    assert!(place.fails(1, &refused).contains("has its last day before its first"), "{over}");
    assert_eq!(place.ok(&["partner", "list", "--search", "Third"]), "");
    assert_eq!(place.ok(&["partner", "list", "--search", "nobody"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_with_the_last_use_of_each_secret() {
    let place = Place::made().await;
    let [_, _, app, key] = shop(&place);
    let network = ["--cidr", "127.0.0.0/8", "--cidr", "2001:db8::/32"];
    let create = ["key", "create", "--app", &app, "--name", "shop"];
    let text = place.ok(&[&create[..], &network].concat());
    let listed = place.ok(&["key", "list"]);
    let id = listed.lines().find_map(|line| line.split('\t').next().filter(|id| *id != key));
    let id = id.unwrap().to_owned();
    let next = place.ok(&["key", "rotate", &id]);
    let (running, public, _) = place.serve();
    let call = reqwest::Client::new().get(format!("http://{public}/v1/products"));
    assert_eq!(call.bearer_auth(&text).send().await.unwrap().status(), 200);
    // What was used is stored at the latest then.
    assert_eq!(running.stop("-TERM"), Some(0));

    let said = place.run(&["key", "show", &id]);
    assert!(said.err.contains("SECRET\tFORM\tHINT\tCREATED\tBEGINS\tENDS\tLAST-USED"), "{said:?}");
    let rows: Vec<Vec<&str>> = said.out.lines().map(|line| line.split('\t').collect()).collect();
    let value = |name: &str| -> Vec<&str> {
        rows.iter().filter(|row| row[0] == name).map(|row| row[1]).collect()
    };
    assert_eq!(value("key"), [id.as_str()]);
    assert_eq!((value("name"), value("status")), (vec!["shop"], vec!["active"]));
    assert_eq!(value("cidr"), ["127.0.0.0/8", "2001:db8::/32"]);
    let shown: serde_json::Value =
        serde_json::from_str(&place.ok(&["key", "show", &id, "--json"])).unwrap();
    let secrets: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == 7).collect();
    assert_eq!(secrets.len(), 2, "{said:?}");
    for (secret, told) in secrets.iter().zip(shown["secrets"].as_array().unwrap()) {
        let time = |name: &str| told[name].as_str().unwrap_or("-").to_owned();
        assert_eq!(told["id"], secret[0]);
        assert_eq!([time("expires_at"), time("last_used_at")], secret[5..]);
    }
    // The old one was used and ends, the new one was not and does not.
    assert!(secrets[0][5].ends_with('Z') && secrets[0][6].ends_with('Z'), "{said:?}");
    assert_eq!(secrets[1][5..], ["-", "-"]);
    assert_eq!(shown["cidrs"], json!(["127.0.0.0/8", "2001:db8::/32"]));
    for secret in [&text, &next] {
        assert!(!said.out.contains(secret.as_str()) && !shown.to_string().contains(secret));
    }
    assert!(place.fails(1, &["key", "show", "key_00000000000"]).contains("There is no key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_renamed_from_the_shell() {
    let place = Place::made().await;
    let [partner, plan, app, _] = shop(&place);
    let said = place.ok(&["app", "rename", &app, "Comparer", "--reason", "new brand"]);
    assert_eq!(said, format!("{app}\tactive\t{partner}\t{plan}\tComparer"));
    assert_eq!(place.ok(&["app", "list"]), said);
    let audit = place.ok(&["audit", "export"]);
    let entry = audit.lines().find(|line| line.contains("app.rename")).unwrap();
    assert!(entry.contains("Comparer") && entry.contains("new brand"), "{entry}");
    place.ok(&["app", "create", "--partner", &partner, "--plan", &plan, "--name", "Site"]);
    let taken = place.fails(1, &["app", "rename", &app, "Site"]);
    assert!(taken.contains("`Site` belongs to another app"), "{taken}");
    assert!(place.fails(1, &["app", "rename", "app_00000000000", "X"]).contains("There is no app"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_from_the_shell_are_in_the_audit_log() {
    let place = Place::made().await;
    let [partner, _, app, key] = shop(&place);
    place.ok(&["key", "update", &key, "--name", "shop", "--reason", "new contract"]);
    place.ok(&["key", "suspend", &key, "--reason", "seen abroad"]);
    place.ok(&["app", "suspend", &app, "--reason", "unpaid"]);
    place.ok(&["partner", "suspend", &partner, "--reason", "left"]);
    let audit = place.ok(&["audit", "export"]);
    for reason in ["new contract", "seen abroad", "unpaid", "left"] {
        assert!(audit.contains(reason), "{reason}: {audit}");
    }
    assert_eq!(place.ok(&["key", "leaks", &key]), "");
    assert_eq!(place.ok(&["node", "list"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_listed_and_explained_in_the_shell() {
    let place = Place::new().await;
    let (running, public, _) = place.serve();
    let call = reqwest::Client::new().get(format!("http://{public}/v1/products"));
    let refused: serde_json::Value =
        call.bearer_auth("nonsense").send().await.unwrap().json().await.unwrap();
    let until = Instant::now() + PATIENCE;
    while !place.ok(&["node", "list"]).contains("\talive\t") {
        assert!(Instant::now() < until, "the node says nothing of itself");
    }
    assert_eq!(running.stop("-TERM"), Some(0));
    let listed = place.ok(&["refusal", "list", "--code", "invalid_key"]);
    assert!(listed.contains("\tinvalid_key\tlist_products\t"), "{listed}");
    assert_eq!(place.ok(&["refusal", "list", "--code", "quota_exceeded"]), "");
    let shown = place.ok(&["refusal", "show", refused["refusal_id"].as_str().unwrap()]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["code"], "invalid_key");
    assert!(place.fails(1, &["refusal", "show", "ref_x"]).contains("ref_x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_quarantine_come_back_from_a_file() {
    let place = Place::made().await;
    let [.., app, key] = shop(&place);
    place.ok(&["client", "create", "--app", &app, "--name", "warehouse"]);
    let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    place.write("jwks.json", jwks);
    place.ok(&["client", "create", "--app", &app, "--name", "signer", "--jwks", "jwks.json"]);
    place.ok(&["key", "quarantine", &key]);
    let exported = place.ok(&["export", "access"]);
    for part in ["kind: client", "name: signer", "kid: '2026'", "status: quarantined"] {
        assert!(exported.contains(part), "{part}: {exported}");
    }
    place.write("access.yaml", &exported);
    assert_eq!(place.ok(&["apply", "-f", "access.yaml", "--prune"]), "Nothing to change.");
    // A file that says `active` lifts no quarantine.
    place.write("active.yaml", exported.replace("status: quarantined", "status: active"));
    assert_eq!(place.ok(&["apply", "-f", "active.yaml"]), "Nothing to change.");

    let elsewhere = Place::made().await;
    elsewhere.write("access.yaml", &exported);
    let said = elsewhere.ok(&["apply", "-f", "access.yaml"]);
    let texts: Vec<&str> = said.lines().filter(|line| line.contains("\tcpt_")).collect();
    assert!(
        texts.len() == 2 && texts[1].starts_with("client Boutique / Site / warehouse key_"),
        "{said}"
    );
    assert_eq!(elsewhere.ok(&["export", "access"]), exported);
    // Other public keys, and what cannot be.
    let other = exported.replace("kid: '2026'", "kid: '2027'");
    elsewhere.write("access.yaml", &other);
    assert!(
        elsewhere
            .ok(&["apply", "-f", "access.yaml"])
            .contains("changed client Boutique / Site / signer")
    );
    assert_eq!(elsewhere.ok(&["export", "access"]), other);
    elsewhere.write("access.yaml", other.replace("kind: client", "kind: key"));
    let error = elsewhere.fails(1, &["apply", "-f", "access.yaml"]);
    assert!(error.contains("only a client (`kind: client`) has public keys"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_nothing_of_how_redis_answers() {
    let Some(redis) = RedisServer::start() else { return };
    let mut place = Place::made().await;
    place.set("REDIS__URL", &redis.url());
    let (_running, ..) = place.serve();
    let said = place.run(&["plan", "create", "--name", "A", "--limit", "burst:50:1"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}
