//! `comptoir doctor` finds what is wrong, says what to do, and changes nothing.

use super::program::Place;
use crate::support::provider::{FakeProvider, Key};
use crate::support::smtp::SmtpServer;
use comptoir::config::Config;
use comptoir::kernel::Clock;
use comptoir::storage::Db;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

/// Runs the doctor, which must leave every file as it was.
fn doctor(place: &Place, code: i32) -> String {
    let before = place.files();
    let said = place.run(&["doctor"]);
    assert_eq!(said.code, Some(code), "{said:?}");
    // SQLite keeps the index of its log beside the file while somebody looks.
    let kept = |name: &std::path::PathBuf| !name.to_string_lossy().contains("comptoir.db-");
    let list = |files: std::collections::BTreeMap<_, _>| {
        files.into_iter().filter(|(name, _)| kept(name)).collect::<Vec<_>>()
    };
    assert_eq!(list(place.files()), list(before));
    said.out
}

/// The database of a place, behind the program.
async fn database(place: &Place) -> Db {
    let mut settings = std::collections::BTreeMap::new();
    settings.insert("COMPTOIR__SERVER__DATA_DIR".into(), place.path("data").display().to_string());
    if let Some(url) = place.database_url() {
        settings.insert("COMPTOIR__DATABASE__URL".into(), url.to_owned());
    }
    let config = Config::load(None, &settings).unwrap();
    Db::connect(&config.database.url, 1).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_installation_is_well_at_every_stage() {
    let place = Place::new().await;
    let said = doctor(&place, 0);
    assert!(said.contains("is not there yet: `comptoir serve` makes it"), "{said}");
    let (running, ..) = place.serve();
    let said = place.ok(&["doctor"]);
    assert!(said.contains("ok    server: running") && !said.contains("WRONG"), "{said}");
    assert!(said.contains("ok    pepper: the one that the keys were made with"), "{said}");
    running.stop("-TERM");
    let said = doctor(&place, 0);
    assert!(said.contains("ok    server: stopped"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_pepper_is_found() {
    let mut place = Place::new().await;
    place.ok(&["migrate"]);
    place.ok(&["partner", "list"]);
    place.set("ACCESS__PEPPER", &"ab".repeat(32));
    let said = doctor(&place, 1);
    assert!(said.contains("WRONG pepper") && said.contains("another pepper"), "{said}");
    place.unset("ACCESS__PEPPER");
    std::fs::remove_file(place.path("data/pepper")).unwrap();
    let said = doctor(&place, 1);
    assert!(said.contains("WRONG pepper") && said.contains("put back"), "{said}");
    // Nor does a start make another one, under which no key would work.
    let error = place.fails(1, &["serve"]);
    assert!(error.contains("put it back as"), "{error}");
    assert!(!place.path("data/pepper").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_is_none_is_found() {
    let mut place = Place::new().await;
    place.write("file", "");
    place.set("SERVER__DATA_DIR", "file");
    let said = doctor(&place, 1);
    assert!(said.contains("file is no directory") && said.contains("server.data_dir"), "{said}");
    std::fs::create_dir(place.path("closed")).unwrap();
    std::fs::set_permissions(place.path("closed"), Permissions::from_mode(0o000)).unwrap();
    place.set("SERVER__DATA_DIR", "closed");
    // The superuser is let in everywhere.
    if std::fs::read_dir(place.path("closed")).is_err() {
        let said = place.fails(1, &["doctor"]);
        assert!(said.contains("WRONG data directory"), "{said}");
    }
    std::fs::set_permissions(place.path("closed"), Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_newer_version_is_left_alone() {
    const NEWER: &str = "INSERT INTO _sqlx_migrations \
        (version, description, success, checksum, execution_time) \
        SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    let place = Place::new().await;
    place.ok(&["migrate"]);
    let db = database(&place).await;
    match &db {
        Db::Sqlite { write, .. } => drop(sqlx::query(NEWER).execute(write).await.unwrap()),
        Db::Postgres(pool) => drop(sqlx::query(NEWER).execute(pool).await.unwrap()),
    }
    db.close().await;
    let said = doctor(&place, 1);
    assert!(said.contains("newer comptoir; upgrade this one"), "{said}");
    for args in [&["serve"][..], &["migrate"], &["key", "list"]] {
        let error = place.fails(1, args);
        assert!(error.contains("newer comptoir (9999 > "), "{args:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_log_that_cannot_be_written_is_found_and_refused() {
    let mut place = Place::new().await;
    place.set("TELEMETRY__ACCESS_LOG", "nowhere/access.log");
    let said = doctor(&place, 1);
    assert!(said.contains("WRONG access log") && said.contains("telemetry.access_log"), "{said}");
    let error = place.fails(1, &["serve"]);
    assert!(error.contains("telemetry.access_log"), "{error}");
    place.set("TELEMETRY__ACCESS_LOG", "access.log");
    let said = doctor(&place, 0);
    assert!(said.contains("access.log is not there yet"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_smtp_server_that_takes_no_mails_is_found() {
    let server = SmtpServer::start().await;
    let mut place = Place::new().await;
    place.set("MAIL__SMTP__HOST", "127.0.0.1");
    place.set("MAIL__SMTP__PORT", &server.port.to_string());
    place.set("MAIL__SMTP__TLS", "none");
    let said = doctor(&place, 0);
    assert!(said.contains("ok    mail: 127.0.0.1:") && said.contains("takes mails"), "{said}");
    // Where the server has no TLS, nothing is sent without.
    place.set("MAIL__SMTP__TLS", "starttls");
    let said = doctor(&place, 1);
    assert!(said.contains("WRONG mail: ") && said.contains("STARTTLS is not supported"), "{said}");
    place.set("MAIL__SMTP__TLS", "none");
    place.set("MAIL__SMTP__HOST", "smtp.shop.example");
    place.set("MAIL__SMTP__USER", "shop");
    place.set("MAIL__SMTP__PASSWORD", "hush-hush");
    let said = doctor(&place, 1);
    assert!(said.contains("where a password is sent to another machine"), "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_may_have_two_accounts_are_noted() {
    let mut place = Place::new().await;
    place.ok(&["migrate"]);
    place.set("ADMIN__FOUR_EYES", "owners");
    let insert = async |id: &str, login: Option<&str>, email: Option<&str>| {
        const INSERT: &str = "INSERT INTO accounts (id, login, password, issuer, subject, email, name, roles, \
            status, must_change, totp, totp_pending, totp_step, created_at, updated_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $1, 'owner', 'active', FALSE, 0, 0, 0, 0, 0)";
        let issuer = login.is_none().then_some("https://id.example");
        let db = database(&place).await;
        let mut tx = db.begin().await.unwrap();
        comptoir::on_tx!(&mut tx, c => {
            let insert = sqlx::query(INSERT).bind(id).bind(login).bind(login.map(|_| "-"));
            insert.bind(issuer).bind(issuer.map(|_| id)).bind(email).execute(c).await.unwrap();
        });
        tx.commit().await.unwrap();
        db.close().await;
    };
    insert("acc_00000000001", Some("claire@example.com"), None).await;
    assert!(!doctor(&place, 0).contains("four eyes"), "one kind alone");
    insert("acc_00000000002", None, Some("claire@example.com")).await;
    assert!(!doctor(&place, 0).contains("four eyes"), "it is known that they are one");
    insert("acc_00000000003", Some("root"), None).await;
    let said = doctor(&place, 0);
    assert!(said.contains("note  four eyes: ") && said.contains("(acc_00000000003)"), "{said}");
    place.set("ADMIN__FOUR_EYES", "");
    assert!(!doctor(&place, 0).contains("four eyes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_that_count_limits_each_by_itself_are_noted() {
    let place = Place::new().await;
    place.ok(&["migrate"]);
    let beat = async |node: &str| {
        const BEAT: &str = "INSERT INTO nodes (node, version, address, started_at, seen_at, control_position, \
            journal_segments, journal_events, redis) VALUES ($1, '0', '', $2, $2, 0, 0, 0, 'off')";
        let db = database(&place).await;
        let now = db.now(&Clock::System).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        comptoir::on_tx!(&mut tx, c => {
            sqlx::query(BEAT).bind(node).bind(now.0).execute(c).await.unwrap();
        });
        tx.commit().await.unwrap();
        db.close().await;
    };
    beat("nod_00000000001").await;
    assert!(!doctor(&place, 0).contains("limits"), "one alone");
    beat("nod_00000000002").await;
    let said = doctor(&place, 0);
    assert!(said.contains("note  limits: 2 nodes run"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_openid_provider_that_lets_nobody_in_is_found() {
    let provider = FakeProvider::start();
    let mut place = Place::new().await;
    assert!(doctor(&place, 0).contains("ok    openid: no provider"));
    place.set("ADMIN__OIDC__ISSUER", &provider.issuer);
    place.set("ADMIN__OIDC__CLIENT_ID", "comptoir");
    place.set("ADMIN__OIDC__ROLES", "owner=admins");
    let said = doctor(&place, 1);
    assert!(said.contains("/keys has no key"), "{said}");
    provider.show(&[Key::rsa("one").jwk()]);
    let said = doctor(&place, 0);
    assert!(said.contains(&format!("ok    openid: {} answers", provider.issuer)), "{said}");
    provider.say("issuer", "https://other.example".into());
    let said = doctor(&place, 1);
    assert!(said.contains("WRONG openid: ") && said.contains("admin.oidc.issuer"), "{said}");
    assert!(said.contains("https://other.example"), "{said}");
    place.set("ADMIN__OIDC__ISSUER", "http://127.0.0.1:1");
    let said = doctor(&place, 1);
    assert!(said.contains("nobody comes in by http://127.0.0.1:1 now"), "{said}");
}
