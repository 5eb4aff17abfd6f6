//! Words and settings that are off, and what is said about them.

use super::program::Place;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_and_shown_without_making_anything() {
    let mut place = Place::new().await;
    assert_eq!(place.ok(&["config", "check"]), "The settings are valid.");
    place.set("DATABASE__URL", "postgres://user:hunter2@db.example/shop");
    let shown = place.ok(&["config", "show"]);
    assert!(shown.contains("max_body_bytes = 1048576  # default"), "{shown}");
    assert!(shown.contains("# COMPTOIR__DATABASE__URL") && !shown.contains("hunter2"), "{shown}");
    assert!(place.files().is_empty());

    let error = place.fails(1, &["config", "check", "--config", "none.toml"]);
    assert!(error.contains("none.toml") && error.contains("cannot be read"), "{error}");
    place.write("broken.toml", "[server]\nworkers = 5\n[database\n");
    let error = place.fails(1, &["config", "check", "--config", "broken.toml"]);
    assert!(error.contains("broken.toml:3") && error.contains("is not TOML"), "{error}");
    place.set("SERVER__WORKRES", "5");
    place.set("SERVER__WORKERS", "many");
    for args in [&["config", "show"][..], &["serve"], &["doctor"], &["key", "list"]] {
        let error = place.fails(1, args);
        assert!(error.contains("did you mean COMPTOIR__SERVER__WORKERS?"), "{args:?}: {error}");
        assert!(error.contains("whole number from 0 to 512"), "{args:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_words_are_refused_with_a_hint() {
    let place = Place::new().await;
    let error = place.fails(2, &["frobnicate"]);
    assert!(error.contains("unrecognized subcommand 'frobnicate'"), "{error}");
    let error = place.fails(2, &["usage", "export", "--period", "soon"]);
    assert!(error.contains("2026-11"), "{error}");
    assert!(place.fails(2, &["key"]).contains("revoke"));
    assert!(place.ok(&["--version"]).starts_with("comptoir "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_are_compared_and_written() {
    let place = Place::new().await;
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let said = place.ok(&["openapi", "--check", committed.to_str().unwrap()]);
    assert_eq!(said.matches("is true").count(), 3, "{said}");
    place.ok(&["openapi", "--write", "docs"]);
    let path = place.path("docs/admin.yaml");
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "# more\n").unwrap();
    let said = place.fails(1, &["openapi", "--check", "docs"]);
    assert!(said.contains("docs/partner.yaml is true"), "{said}");
    assert!(said.contains("docs/admin.yaml differs"), "{said}");
    place.fails(1, &["openapi", "--check", "none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_no_price_list_can_have_is_refused() {
    let mut place = Place::new().await;
    place.set("HANDOFF__STRIPE__SECRET", "rk_test_1");
    for wrong in ["[\"unit=unit_calls\"]", "Unit=unit_calls"] {
        place.set("HANDOFF__STRIPE__METERS", wrong);
        let error = place.fails(1, &["config", "check"]);
        assert!(error.contains("CHARGE has 1 to 40 of a-z"), "{wrong}: {error}");
    }
    place.set("HANDOFF__STRIPE__METERS", "unit=unit_calls, other=other_calls");
    assert_eq!(place.ok(&["config", "check"]), "The settings are valid.");
}
