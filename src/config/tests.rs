//! The settings against their documentation, and what broken ones say.

use super::layers::{Layers, flatten};
use super::{AccessLog, Config, DEFAULTS, DatabaseUrl, LogLevel, Pepper, RedisAt};
use crate::kernel::secret::Secret;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What is printed for a broken file is committed beside it.
fn assert_says(case: &str, env: &[(&str, &str)]) {
    let file = format!("tests/it/config/{case}.toml");
    let said = Config::load(Some(Path::new(&file)), &variables(env)).unwrap_err().to_string();
    let expected = std::fs::read_to_string(format!("tests/it/config/{case}.stderr")).unwrap();
    assert_eq!(said, expected, "{said}");
}

#[test]
fn every_key_is_documented_and_read() {
    let documented: Vec<String> = {
        let mut keys: Vec<_> = flatten(DEFAULTS).unwrap().into_iter().map(|e| e.key).collect();
        keys.sort();
        keys
    };
    let mut layers = Layers::new(DEFAULTS);
    assert!(Config::read(&mut layers).is_some());
    let mut read: Vec<&str> = layers.taken().iter().map(|taken| taken.key.as_str()).collect();
    read.sort_unstable();
    assert_eq!(read, documented);

    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ")) {
        assert!(pair[0].starts_with("# "), "no comment above `{}`", pair[1]);
    }
}

#[test]
fn the_example_for_production_uses_real_keys() {
    let example = Path::new("config/production.example.toml");
    let problems = Config::load(Some(example), &BTreeMap::new()).unwrap_err();
    let remedies: Vec<_> = problems.list().iter().map(|p| p.remedy.as_str()).collect();
    // Only its secrets are not on this machine.
    assert_eq!(remedies.len(), 2, "{problems}");
    assert!(remedies.iter().all(|remedy| remedy.starts_with("cannot be read")), "{problems}");
}

#[test]
fn a_variable_wins_over_a_file_over_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let (file, pepper) = (dir.path().join("c.toml"), dir.path().join("pepper"));
    std::fs::write(&pepper, format!("{}\n", "a".repeat(64))).unwrap();
    std::fs::write(
        &file,
        format!(
            "[server]\nkeep_alive_s = 0x10\ntrusted_proxies = [\"10.0.0.0/8\", \"fd00::/8\"]\n\
             [telemetry]\nlog_level = \"warn\"\naccess_log = \"a.log\"\n\
             [access]\npepper_file = {:?}\n[database]\nurl = \"postgres://u:hunter2@db/shop?x=y\"\n",
            pepper.to_str().unwrap()
        ),
    )
    .unwrap();
    let env = variables(&[
        ("COMPTOIR__TELEMETRY__LOG_LEVEL", "debug"),
        ("COMPTOIR__SERVER__CORS_ORIGINS", "https://a.example, https://b.example:8443"),
        ("COMPTOIR_CONFIG", "not ours"),
    ]);
    let config = Config::load(Some(&file), &env).unwrap();
    assert_eq!(config.server.keep_alive, Duration::from_secs(16));
    assert_eq!(config.server.request_timeout, Duration::from_secs(10));
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert!(config.server.cors_origins[1].admits("https://b.example:8443"));
    assert_eq!(config.telemetry.log_level, LogLevel::Debug);
    assert_eq!(config.telemetry.access_log, AccessLog::File(PathBuf::from("a.log")));
    assert!(matches!(&config.access.pepper, Pepper::Given(p) if p.reveal() == "a".repeat(64)));
    assert!(
        matches!(&config.database.url, DatabaseUrl::Postgres(u) if u.reveal().contains("hunter2"))
    );

    let shown = config.show();
    assert!(shown.contains("log_level = \"debug\"  # COMPTOIR__TELEMETRY__LOG_LEVEL\n"), "{shown}");
    assert!(shown.contains("keep_alive_s = 16  # "), "{shown}");
    assert!(shown.contains("url = \"postgres://[secret]@db/shop\"  # "), "{shown}");
    assert!(!format!("{shown}{config:?}").contains("hunter2"));
}

#[test]
fn what_is_shown_can_be_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let (file, defaults) = (dir.path().join("c.toml"), Config::embedded());
    std::fs::write(&file, defaults.show()).unwrap();
    let again = Config::load(Some(&file), &BTreeMap::new()).unwrap();
    let values = |config: &Config| -> Vec<_> {
        flatten(config.show()).unwrap().into_iter().map(|e| (e.key, e.text)).collect()
    };
    assert_eq!(values(&again), values(&defaults));
    assert_eq!(defaults.database.url, DatabaseUrl::Sqlite(PathBuf::from("data/comptoir.db")));
    assert_eq!(defaults.access.pepper, Pepper::Generated(PathBuf::from("data/pepper")));
}

#[test]
fn the_keys_of_reporters_come_by_tls_or_from_this_machine() {
    let fault = |url: &str| {
        let env = [("COMPTOIR__LEAKS__ACTION", "revoke"), ("COMPTOIR__LEAKS__KEYS_URL", url)];
        Config::load(None, &variables(&env)).err().map(|problems| problems.to_string())
    };
    for good in ["https://api.example.com/keys", "http://127.0.0.1:9/keys"] {
        assert_eq!(fault(good), None, "{good}");
    }
    for open in ["http://api.example.com/keys", "ftp://127.0.0.1/keys", "keys"] {
        let said = fault(open).unwrap();
        assert!(said.contains("must be an address with https"), "{said}");
    }
}

#[test]
fn wrong_values_say_what_is_allowed() {
    assert_says("values", &[]);
}

#[test]
fn redis_is_one_server_or_some_of_a_cluster() {
    let load = |url: &str, ca: &str| {
        let set = [("COMPTOIR__REDIS__URL", url), ("COMPTOIR__REDIS__CA_FILE", ca)];
        Config::load(None, &variables(&set)).map(|config| config.redis.url)
    };
    let urls = |urls: &[&str]| urls.iter().map(|url| Secret::new((*url).to_owned())).collect();
    for (text, at) in [
        ("redis://u:p@h:1/2", RedisAt::One(Secret::new("redis://u:p@h:1/2".to_owned()))),
        ("redis+cluster://h1:1,h2/", RedisAt::Cluster(urls(&["redis://h1:1", "redis://h2"]))),
        (
            "rediss+cluster://u:p@h1,h2:9",
            RedisAt::Cluster(urls(&["rediss://u:p@h1", "rediss://u:p@h2:9"])),
        ),
    ] {
        assert_eq!(load(text, "").unwrap(), Some(at));
    }
    for text in [
        "redis+cluster://",
        "redis+cluster://h1,,h2",
        "redis+cluster://h1,h2/1",
        "redis+cluster://h1?x=1",
        "redis+sentinel://h1",
    ] {
        let said = load(text, "").unwrap_err().to_string();
        assert!(said.contains("redis+cluster://[USER:PASSWORD@]"), "{text}: {said}");
    }
    let said = load("redis://h", "/ca.pem").unwrap_err().to_string();
    assert!(said.contains("rediss+cluster://"), "{said}");
    assert!(load("rediss://h", "/ca.pem").is_ok());
}

#[test]
fn wrong_names_say_the_nearest() {
    assert_says(
        "names",
        &[
            ("COMPTOIR__TELEMETRY__LOGLEVEL", "debug"),
            ("COMPTOIR__METERING__SEGMENT_RECORDS", "many"),
            ("COMPTOIR__X", "1"),
            ("COMPTOIR__FOO__BAR", "1"),
        ],
    );
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    assert_says("syntax", &[("COMPTOIR__ACCESS__PEPPER", "short and secret")]);
}

proptest! {
    #[test]
    fn no_file_or_variable_panics(text: String, value: String, key in "[A-Z_]{0,20}") {
        let mut layers = Layers::new(DEFAULTS);
        let env = variables(&[(&format!("COMPTOIR__{key}"), &value), ("COMPTOIR__SERVER__DATA_DIR", &value)]);
        layers.environment(&env);
        let _ = Config::read(&mut layers);
        let _ = flatten(&text);
    }

    #[test]
    fn no_part_of_a_password_is_shown(password in "[A-Za-z0-9:/@?#%]{1,20}", broken: bool, parameter: bool) {
        let scheme = if broken { "postgre" } else { "postgres" };
        let text = if parameter {
            format!("{scheme}://u@h/db?password=<{password}>")
        } else {
            format!("{scheme}://u:<{password}>@h/db")
        };
        let env = variables(&[("COMPTOIR__DATABASE__URL", &text), ("COMPTOIR__SERVER__WORKERS", "x")]);
        let mut layers = Layers::new(DEFAULTS);
        layers.environment(&env);
        let _ = Config::read(&mut layers);
        let said = format!("{}{:?}", super::show::toml(&layers), layers.into_problems());
        prop_assert!(!said.contains('<') && !said.contains('>'), "{}", said);
    }
}

#[test]
fn a_server_of_mails_and_a_receiver_of_alerts_are_whole_or_refused() {
    let load = |pairs: &[(&str, &str)]| Config::load(None, &variables(pairs));
    let host = ("COMPTOIR__MAIL__SMTP__HOST", "smtp.shop.example");
    let password = ("COMPTOIR__MAIL__SMTP__PASSWORD", "hush-hush");
    let user = ("COMPTOIR__MAIL__SMTP__USER", "shop");
    let smtp = load(&[host, user, password]).unwrap().mail.smtp.unwrap();
    assert_eq!((smtp.host.as_str(), smtp.port), ("smtp.shop.example", 465));
    assert!(load(&[user, password]).unwrap().mail.smtp.is_none());
    let open = ("COMPTOIR__MAIL__SMTP__TLS", "none");
    assert_eq!(load(&[host, open]).unwrap().mail.smtp.unwrap().port, 25);
    let url = ("COMPTOIR__ALERTS__WEBHOOK_URL", "https://ops.shop.example/alerts");
    for (wrong, why) in [
        (vec![host, password], "must be set where mail.smtp.password is, and only there"),
        (vec![host, user], "must be set where mail.smtp.password is, and only there"),
        (vec![host, user, password, open], "must be required or starttls where a password"),
        (vec![("COMPTOIR__MAIL__SMTP__HOST", "smtp://x")], "must be the name of a host"),
        (vec![url], "must be set where alerts.webhook_url is"),
        (vec![url, ("COMPTOIR__ALERTS__WEBHOOK_SECRET", "whsec_c2hvcnQ=")], "24 to 64 bytes"),
        (vec![("COMPTOIR__ALERTS__THRESHOLDS", "")], "must be a list of 1 to 10 percentages"),
        (vec![("COMPTOIR__ALERTS__THRESHOLDS", "0")], "from 1 to 1000"),
        (vec![("COMPTOIR__ALERTS__MAIL_CONTACTS", "boss")], "must be one of technical, billing"),
    ] {
        let said = load(&wrong).unwrap_err().to_string();
        assert!(said.contains(why) && !said.contains("hush"), "{said}");
    }
    let given = load(&[("COMPTOIR__ALERTS__THRESHOLDS", "100, 50,50")]).unwrap();
    assert_eq!(given.alerts.thresholds, [50, 100]);
}

#[test]
fn sums_are_counted_again_at_a_time_of_day_or_never() {
    let at =
        |text: &str| Config::load(None, &variables(&[("COMPTOIR__METERING__RECOUNT_AT", text)]));
    assert_eq!(Config::embedded().metering.recount_at, Some(jiff::civil::time(3, 10, 0, 0)));
    assert_eq!(at("23:59").unwrap().metering.recount_at, Some(jiff::civil::time(23, 59, 0, 0)));
    assert_eq!(at("").unwrap().metering.recount_at, None);
    for wrong in ["24:00", "never", "3"] {
        let said = at(wrong).unwrap_err().to_string();
        assert!(said.contains("must be hours and minutes, such as 02:30, or empty"), "{said}");
    }
}
