//! A ledger that is not what it was is found out, and the first entry at fault named.

use super::given::{given, revoke, shop, signers, until};
use crate::support::{TestApp, tell, unkeep};
use comptoir::consent::proof::receipts;
use comptoir::consent::proof::signs::SignsClaims;
use comptoir::consent::store::ledger;
use comptoir::kernel::clock::MINUTE;
use serde_json::Value;

/// Waits until all of the ledger is signed, and written down beside it.
async fn signed(app: &TestApp) {
    app.clock.advance(2 * MINUTE);
    let head = ledger::last(&app.db).await.unwrap().unwrap().seq;
    until("the ledger is signed", async || {
        let (covered, _) = ledger::last_checkpoint(&app.db).await.unwrap();
        let all = ledger::checkpoints(&app.db, 0, 99).await.unwrap().len();
        let file = app.config.server.data_dir.join("consent-checkpoints");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        covered == head && text.ends_with('\n') && text.lines().count() == all
    })
    .await;
}

async fn verify(app: &TestApp, more: &[&str]) -> (i32, String) {
    let (code, out, err) = app.shell(&[&["consent", "verify"][..], more].concat()).await;
    assert!(code < 2, "{out}{err}");
    (code, out)
}

#[tokio::test]
async fn an_export_that_was_changed_names_its_first_fault() {
    let (app, key) = shop().await;
    revoke(&app, &given(&app, &key, "cus_1", 1).await, false).await;
    given(&app, &key, "cus_2", 2).await;
    signed(&app).await;
    let (code, export, _) = app.shell(&["consent", "export"]).await;
    assert_eq!(code, 0);
    let lines: Vec<&str> = export.lines().collect();
    let first = lines.iter().position(|line| line.contains("\"seq\":1")).unwrap();
    let at = |seq: usize| first + seq - 1;
    assert_eq!(lines.len(), at(5) + 1, "{export}");
    let flipped = lines[at(2)].replacen("granted", "grantee", 1);
    assert_ne!(flipped, lines[at(2)]);
    let without = |n: usize| -> Vec<&str> {
        lines.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, line)| *line).collect()
    };
    let mut swapped = lines.clone();
    swapped.swap(at(3), at(4));
    let mut bit = lines.clone();
    bit[at(2)] = &flipped;
    let file = app.config.server.data_dir.join("ledger.ndjson");
    let name = file.display().to_string();
    let check = async |lines: &[&str]| {
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
        verify(&app, &["--from-file", name.as_str()]).await
    };
    let (code, said) = check(&lines).await;
    assert!(code == 0 && said.contains("5 entries fit"), "{said}");
    for (lines, seq) in
        [(bit, 2), (without(at(2)), 2), (swapped, 3), (without(at(5)), 5), (without(at(1)), 1)]
    {
        let (code, said) = check(&lines).await;
        assert!(code == 1 && said.contains(&format!("entry {seq}:")), "{seq}: {said}");
    }
}

#[tokio::test]
async fn a_database_that_was_changed_names_its_first_fault() {
    let (app, key) = shop().await;
    let record = given(&app, &key, "cus_1", 1).await;
    given(&app, &key, "cus_2", 2).await;
    let signers = signers(&app).await;
    let signer = signers.evidence(app.clock.now()).await.unwrap();
    let by: (&dyn SignsClaims, &str) = (&signer, "https://gw.example");
    let now = app.clock.now();
    receipts::give(&app.db, by, (record.grant_id, None), now).await.unwrap();
    signed(&app).await;
    let (code, said) = verify(&app, &[]).await;
    assert!(code == 0 && said.contains("2 consents and 1 receipts hold"), "{said}");
    unkeep(&app.db, "consent_events", "update").await;
    unkeep(&app.db, "consents", "update").await;
    let id = record.grant_id;
    let row = |more: &str| {
        format!("UPDATE consents SET expires_at = expires_at {more} WHERE id = '{id}'")
    };
    let payload = |from: &str, to: &str| {
        format!(
            "UPDATE consent_events SET payload = replace(payload, '{from}', '{to}') WHERE seq = 2"
        )
    };
    let kind = |kind: &str| format!("UPDATE consent_events SET kind = '{kind}' WHERE seq = 2");
    let receipt = |text: &str| format!("UPDATE consent_versions SET receipt_jws = {text}");
    let hold = |from: &str, to: &str| {
        format!(
            "UPDATE consent_versions SET record = replace(record, '{from}', '{to}') WHERE grant_id = '{id}'"
        )
    };
    let changes = [
        (payload("granted", "grantee"), payload("grantee", "granted")),
        (kind("renewed"), kind("granted")),
        (row("+ 1"), row("- 1")),
        (
            hold("Budget Coach SAS", "Budget Couch SAS"),
            hold("Budget Couch SAS", "Budget Coach SAS"),
        ),
        (receipt("'X' || receipt_jws"), receipt("substr(receipt_jws, 2)")),
    ];
    for (change, back) in changes {
        tell(&app.db, &change).await.unwrap();
        let (code, said) = verify(&app, &[]).await;
        assert!(code == 1 && said.contains("entry 2:"), "{change}: {said}");
        tell(&app.db, &back).await.unwrap();
        assert_eq!(verify(&app, &[]).await.0, 0, "{back}");
    }
}

#[tokio::test]
async fn a_tail_that_was_cut_is_missed_by_the_checkpoint_that_was_written_down() {
    let (app, key) = shop().await;
    given(&app, &key, "cus_1", 1).await;
    revoke(&app, &given(&app, &key, "cus_2", 2).await, false).await;
    signed(&app).await;
    let file = app.config.server.data_dir.join("consent-checkpoints").display().to_string();
    let with = ["--checkpoints", file.as_str()];
    assert_eq!(verify(&app, &with).await.0, 0);
    // Whoever does this has thought of all that is in the database.
    unkeep(&app.db, "consent_events", "delete").await;
    unkeep(&app.db, "consent_checkpoints", "delete").await;
    unkeep(&app.db, "consents", "update").await;
    let id = comptoir::consent::record::GrantId::from_random([2; 16]);
    for statement in [
        "DELETE FROM consent_checkpoints".to_owned(),
        "DELETE FROM partner_events".to_owned(),
        "DELETE FROM consent_events WHERE seq = 5".to_owned(),
        "UPDATE log_heads SET position = 4 WHERE log IN ('consent', 'consent_told')".to_owned(),
        format!("UPDATE consents SET seq = 4, status = 'active' WHERE id = '{id}'"),
    ] {
        tell(&app.db, &statement).await.unwrap();
    }
    let (code, said) = verify(&app, &with).await;
    assert!(code == 1 && said.contains("entry 5:"), "{said}");
}

#[tokio::test]
async fn a_receipt_is_kept_and_says_how_the_consent_ended() {
    let (app, key) = shop().await;
    let record = given(&app, &key, "cus_1", 1).await;
    let signers = signers(&app).await;
    let give = async || {
        let signer = signers.evidence(app.clock.now()).await.unwrap();
        let by: (&dyn SignsClaims, &str) = (&signer, "https://gw.example");
        let of = (record.grant_id, None);
        receipts::give(&app.db, by, of, app.clock.now()).await.unwrap()
    };
    let first = give().await;
    assert_eq!(give().await, first);
    revoke(&app, &record, false).await;
    let ended = give().await;
    assert_ne!(ended, first);
    assert_eq!(give().await, ended);
    let (code, said) = verify(&app, &[]).await;
    assert!(code == 0 && said.contains("1 receipts hold"), "{said}");
}

#[tokio::test]
async fn checkpoints_are_published_and_checked_by_keys_that_were_kept() {
    let (app, key) = shop().await;
    given(&app, &key, "cus_1", 1).await;
    signed(&app).await;
    let url = app.public_url("/.well-known/consent-checkpoints");
    until("the checkpoint is published", async || {
        app.clock.advance(MINUTE);
        let published: Value = app.http.get(&url).send().await.unwrap().json().await.unwrap();
        !published["checkpoints"].as_array().unwrap().is_empty()
    })
    .await;
    let (_, export, _) = app.shell(&["consent", "export"]).await;
    let keys = export.lines().next().unwrap().to_owned();
    let write = |name: &str, text: &str| {
        let file = app.config.server.data_dir.join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let kept = write("keys.json", &keys);
    assert_eq!(verify(&app, &["--keys", kept.as_str()]).await.0, 0);
    let forged = write("forged.json", &keys_of_another());
    let (code, said) = verify(&app, &["--keys", forged.as_str()]).await;
    assert!(code == 1 && said.contains("not known"), "{said}");
}

/// A set with a key that has signed nothing here (RFC 7515, appendix A.3).
fn keys_of_another() -> String {
    serde_json::json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "another", "alg": "ES256", "use": "sig",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }] })
    .to_string()
}
