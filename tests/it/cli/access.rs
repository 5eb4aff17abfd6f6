//! Keys and usage by hand, beside a running server.

use super::program::{PATIENCE, Place};
use std::process::Stdio;
use std::time::Instant;

/// The key of a new app, and its id.
fn key(place: &Place) -> (String, String) {
    let partner = place.ok(&["partner", "create", "--name", "Boutique"]);
    let plan = place.ok(&["plan", "create", "--name", "Small", "--limit", "burst:1000:1"]);
    let app =
        place.ok(&["app", "create", "--partner", &partner, "--plan", &plan, "--name", "Site"]);
    let text = place.ok(&["key", "create", "--app", &app]);
    let id = place.ok(&["key", "list"]).split('\t').next().unwrap().to_owned();
    (text, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lives_and_ends_by_the_command_line() {
    let place = Place::new().await;
    let (running, public, _) = place.serve();
    let (text, id) = key(&place);
    let http = reqwest::Client::new();
    let call = async |key: &str| {
        let call = http.get(format!("http://{public}/v1/products")).bearer_auth(key);
        call.send().await.unwrap().status().as_u16()
    };
    let until = async |key: &str, status: u16| {
        let asked = Instant::now();
        while call(key).await != status {
            assert!(asked.elapsed() < PATIENCE, "{id} did not come to answer {status}");
        }
    };
    until(&text, 200).await;
    assert!(place.ok(&["key", "list"]).ends_with("\t-\t-\t-"));
    let rotated = place.ok(&["key", "rotate", &id]);
    let listed = place.ok(&["key", "list"]);
    let cells: Vec<&str> = listed.split('\t').collect();
    let ends = cells[8].ends_with('Z');
    assert_eq!((cells.len(), ends, cells[7], cells[9]), (10, true, "-", "-"), "{listed}");
    until(&rotated, 200).await;
    assert_eq!(call(&text).await, 200, "the old secret works on for a while");
    place.ok(&["key", "suspend", &id]);
    until(&text, 403).await;
    place.ok(&["key", "resume", &id]);
    until(&text, 200).await;
    assert!(place.ok(&["key", "revoke", &id]).contains("revoked"));
    until(&text, 401).await;
    until(&rotated, 401).await;
    let error = place.fails(1, &["key", "resume", &id]);
    assert!(error.starts_with("error: "), "{error}");
    assert_eq!(running.stop("-TERM"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_many_keys_and_keys_of_another_gateway_by_the_command_line() {
    let place = Place::made().await;
    let (_, id) = key(&place);
    place.ok(&["key", "rotate", &id]);
    assert!(place.fails(1, &["key", "rotate", &id]).contains("under way"));
    place.ok(&["key", "roll-back", &id]);
    place.ok(&["key", "rotate", &id, "--overlap-s", "60"]);
    place.ok(&["key", "finish", &id]);
    assert!(place.fails(1, &["key", "finish", &id]).contains("No rotation"));
    assert!(place.ok(&["key", "quarantine", &id]).contains("quarantined"));
    place.ok(&["key", "resume", &id]);

    let revoke = ["key", "bulk", "revoke", "--id", &id];
    let unused = ["key", "bulk", "revoke", "--attention", "unused", "--within-days", "1"];
    assert!(place.ok(&unused).contains("no key to revoke"), "it is not a day old");
    let seen = place.ok(&revoke);
    assert!(seen.contains(&id) && seen.contains("1 key; to revoke it, repeat"), "{seen}");
    let token = seen.lines().last().unwrap().strip_prefix("--token ").unwrap();
    assert!(place.fails(1, &[&revoke[..], &["--token", "x"]].concat()).contains("preview"));
    let done = place.ok(&[&revoke[..], &["--token", token]].concat());
    assert!(done.contains("revoked"), "{done}");

    let app = place.ok(&["app", "list"]).split('\t').next().unwrap().to_owned();
    let row = |hash: &str| format!("app_id,name,sha256\n{app},old,{hash}\n");
    std::fs::write(place.path("bad.csv"), row("x")).unwrap();
    let refused = place.run(&["key", "import", "bad.csv"]);
    assert!(
        refused.code == Some(1) && refused.out.contains("bad.csv:2\tsha256\tmalformed"),
        "{refused:?}"
    );
    std::fs::write(place.path("good.csv"), row(&"0f".repeat(32))).unwrap();
    assert!(
        place
            .ok(&["key", "import", "good.csv", "--dry-run"])
            .contains("1 key is right; nothing was stored")
    );
    assert!(place.ok(&["key", "import", "good.csv"]).contains("good.csv:2\tkey_"));
    let again = place.run(&["key", "import", "good.csv"]);
    assert!(again.code == Some(1) && again.out.contains("duplicate"), "{again:?}");

    let client = place.ok(&["client", "create", "--app", &app]);
    assert!(client.starts_with("key_") && client.contains("cpt_client_"), "{client}");
    let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    std::fs::write(place.path("jwks.json"), set).unwrap();
    let signs = place.ok(&["client", "create", "--app", &app, "--jwks", "jwks.json"]);
    assert!(!signs.contains("cpt_client_"), "{signs}");
    place.ok(&["client", "set-jwks", signs.trim(), "jwks.json"]);
    assert!(place.fails(1, &["client", "set-jwks", signs.trim(), "good.csv"]).contains("not JSON"));
}

/// Five calls with a key, on record; the month in which they were made.
pub(super) async fn five_calls(place: &Place) -> String {
    let (running, public, _) = place.serve();
    let (text, _) = key(place);
    let http = reqwest::Client::new();
    let asked = Instant::now();
    let mut served = 0;
    while served < 5 {
        let call = http.get(format!("http://{public}/v1/products")).bearer_auth(&text);
        served += u32::from(call.send().await.unwrap().status() == 200);
        assert!(asked.elapsed() < PATIENCE, "the key never came to work");
    }
    running.stop("-TERM");
    comptoir::kernel::Clock::System.now().to_string()[..7].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_named() {
    let place = Place::made().await;
    let all = place.fails(1, &["key", "bulk", "revoke"]);
    assert!(all.contains("`filter` means every key"), "{all}");
    let nobody = place.fails(1, &["subscription", "list", "app_7nRy25kLmNo"]);
    assert!(nobody.contains("There is no app `app_"), "{nobody}");
    let nothing = place.fails(1, &["apply", "-f", "none.yaml"]);
    assert!(nothing.contains("none.yaml cannot be read"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_named_without_its_password() {
    let mut place = Place::new().await;
    let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.set("DATABASE__URL", &format!("postgresql://shop:hunter2@{at}/comptoir"));
    let said = place.fails(1, &["partner", "list"]);
    assert!(said.contains(&format!("PostgreSQL does not answer at {at}")), "{said}");
    assert!(said.contains("refused") && said.contains("check that it runs"), "{said}");
    assert!(!said.contains("hunter2") && !said.contains("pool timed out"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_hangs_up_is_no_failure_and_a_full_disk_is() {
    let place = Place::made().await;
    key(&place);
    let month = ["usage", "export", "--period", "2026-11"];
    for args in [&["key", "list"][..], &["config", "show"], &month, &["doctor"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = place.command(args).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        // Headings of lists go there, so that what is read by programs is lines alone.
        assert!(!err.contains("error"), "{args:?}: {err}");
        assert_eq!(ended.status.code(), Some(0), "{args:?}");
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = place.command(args).stdout(full).output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        if args != ["doctor"] {
            assert_eq!(ended.status.code(), Some(1), "{args:?}");
            assert!(err.contains("standard output cannot be written"), "{args:?}: {err}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_tried_out_on_what_was_called() {
    let place = Place::new().await;
    let month = five_calls(&place).await;
    let plan = place.ok(&["plan", "list"]).split('\t').next().unwrap().to_owned();
    let prices = r#"{"currency":"EUR","charges":[{"name":"calls","meter":"requests","model":"per_unit","unit_price":"0.50"}]}"#;
    let file = place.path("prices.json");
    std::fs::write(&file, prices).unwrap();
    let file = format!("@{}", file.display());
    let simulate = ["plan", "simulate", &plan, "--period", &month, "--limit", "month:2:month"];
    let told = place.ok(&[&simulate[..], &["--prices", &file]].concat());
    assert!(told.contains("\nall\t5\t0\t3\t3\t0\t"), "{told}");
    assert!(told.contains("\nall\tEUR\t0.00\t1.00\t1.00\t"), "{told}");
    assert!(told.contains("\tlimit month\t3\t20"), "{told}");
    let json = place.ok(&[&simulate[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["total"]["refused_then"], 3);
    // Once in force, the prices tell what the use comes to now.
    place.ok(&["plan", "update", &plan, "--prices", prices]);
    let told = place.ok(&simulate);
    assert!(told.contains("\nall\tEUR\t2.50\t1.00\t-1.50\t"), "{told}");
    assert!(
        place.ok(&["plan", "update", &plan, "--prices", "none"]).contains(&format!("{plan}\t3\t"))
    );
    assert!(!place.ok(&simulate).contains("EUR"));
    let error = place.fails(2, &["plan", "update", &plan, "--prices", "{}"]);
    assert!(error.contains("currency: is missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_of_the_data_it_includes() {
    let place = Place::new().await;
    place.ok(&["migrate"]);
    let file = place.path("data.json");
    std::fs::write(&file, r#"{"store_ids":["0261"],"fields":{"product":["name"]}}"#).unwrap();
    let file = format!("@{}", file.display());
    let create = ["plan", "create", "--name", "Some", "--limit", "burst:9:1", "--data", &file];
    let made = place.run(&create);
    assert!(made.err.contains("careful: there is no store `sto_"), "{made:?}");
    let plan = made.out.trim_end().to_owned();
    let store = comptoir::kernel::id::StoreId::derived("0261");
    assert!(place.ok(&["plan", "list"]).contains("\tsome\t"));
    let shown = place.ok(&["plan", "show", &plan]);
    assert!(shown.contains(&format!("data.store_ids\t{store}")), "{shown}");
    assert!(shown.contains("data.fields.product\tname"), "{shown}");
    let other = r#"{"brand_ids":["Nord"]}"#;
    assert!(
        place.ok(&["plan", "update", &plan, "--data", other]).contains(&format!("{plan}\t2\t"))
    );
    let all = place.ok(&["plan", "update", &plan, "--data", "all"]);
    assert!(all.contains("\t3\tSome\texact\tall\t-\tburst:9:1"), "{all}");
    let wrong = r#"{"fields":{"product":["nmae"]}}"#;
    let error = place.fails(2, &["plan", "update", &plan, "--data", wrong]);
    assert!(error.contains("`nmae` is no field of a product"), "{error}");
}
