//! Accounts by the shell: how the first person comes to be.

use super::program::Place;
use std::io::Write as _;
use std::process::Stdio;

/// Runs a command that reads a password; its exit code and all that it said.
fn with_password(place: &Place, args: &[&str], password: &str) -> (Option<i32>, String) {
    let mut command = place.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that has refused its words reads nothing.
    let _ = child.stdin.take().unwrap().write_all(password.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap().trim_end().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_owner_is_made_by_the_shell_and_comes_in() {
    let place = Place::made().await;
    let create = [
        "account",
        "create",
        "--login",
        "Claire@example.com",
        "--name",
        "Claire",
        "--role",
        "owner",
    ];
    for (password, why) in
        [("short\n", "12 to 256"), ("password1234\n", "tried first"), ("", "12 to 256")]
    {
        let (code, said) = with_password(&place, &create, password);
        assert!(code == Some(1) && said.contains(why), "{said}");
    }
    let (code, id) = with_password(&place, &create, "seven brown pears\nmore\n");
    assert!(code == Some(0) && id.starts_with("acc_"), "{id}");
    let (code, said) = with_password(&place, &create, "seven brown pears\n");
    assert!(code == Some(1) && said.contains("belongs to another account"), "{said}");
    let listed = place.ok(&["account", "list"]);
    assert_eq!(listed, format!("{id}\tactive\tclaire@example.com\towner\tClaire"));
    assert!(place.fails(2, &["account", "create", "--password", "x"]).contains("--password"));

    // With an owner there, no token is printed.
    let (running, _, admin) = place.serve();
    let log_in = async |password: &str| {
        let body = serde_json::json!({ "login": "claire@example.com", "password": password });
        let call =
            reqwest::Client::new().post(format!("http://{admin}/admin/v1/login")).json(&body);
        call.send().await.unwrap().status().as_u16()
    };
    assert_eq!(log_in("seven brown pears").await, 200);
    let (code, said) = with_password(&place, &["account", "reset", &id], "eight green plums");
    assert!(code == Some(0), "{said}");
    assert_eq!(log_in("seven brown pears").await, 401);
    assert_eq!(log_in("eight green plums").await, 200);
    assert!(place.fails(1, &["account", "suspend", &id]).contains("last way in"));
    assert!(place.ok(&["doctor"]).contains("ok    audit log: "));
    assert_eq!(running.stop("-TERM"), Some(0));
    assert!(place.ok(&["token", "list"]).is_empty());
}
