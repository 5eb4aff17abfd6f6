//! The settings against their documentation, and what broken ones say.

use super::layers::{Layers, flatten};
use super::{AccessLog, Config, DEFAULTS, DatabaseUrl, LogLevel, Pepper};
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
    let mut read: Vec<&str> = layers.taken().iter().map(|taken| taken.key).collect();
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
fn wrong_values_say_what_is_allowed() {
    assert_says("values", &[]);
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
