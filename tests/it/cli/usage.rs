//! Usage as files: exported, signed, checked and proved.

use super::access::five_calls;
use super::program::Place;
use crate::support::process::SmallDisk;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_exported_signed_and_checked_without_a_database() {
    let place = Place::new().await;
    let month = five_calls(&place).await;
    let export = ["usage", "export", "--period", &month];
    let said = place.run(&export);
    let rows = said.out.lines().filter(|row| row.contains(",list_products,")).count();
    assert_eq!((said.code, rows), (Some(0), 5), "{said:?}");
    assert!(said.err.contains("billable: 5 calls"), "{said:?}");

    let into = |out: &'static str, more: &[&'static str]| {
        place.ok(&[&export[..], &["--out", out], more].concat())
    };
    into("csv", &[]);
    into("ndjson", &["--format", "ndjson"]);
    into("days", &["--format", "parquet", "--by-day"]);
    let csv = place.path("csv/usage_events_v1.csv");
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), said.out);
    std::fs::write(place.path("keys.json"), place.ok(&["usage", "keys"])).unwrap();
    // What signs later does not sign what was signed before.
    let rotated = place.ok(&["usage", "keys", "rotate"]);
    assert!(!std::fs::read_to_string(place.path("keys.json")).unwrap().contains(rotated.trim()));
    assert!(place.ok(&["audit", "export"]).contains("signing_key.rotate"));

    // Nothing of the installation is needed to check.
    let elsewhere = Place::new().await;
    for dir in ["csv", "ndjson", "days"] {
        let dir = place.path(dir).display().to_string();
        let keys = place.path("keys.json").display().to_string();
        let told = elsewhere.ok(&["usage", "verify", &dir, "--keys", &keys]);
        assert!(told.contains(" 5 of them billable"), "{told}");
    }
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.path("csv/manifest.json")).unwrap()).unwrap();
    let last = manifest["stable_high_water"].to_string();
    let later = place.run(&["usage", "export", "--after", &last]);
    assert_eq!((later.code, later.out.lines().count()), (Some(0), 1), "{later:?}");

    let id = said.out.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    let proof = place.ok(&["usage", "proof", id, "--in", "days"]);
    std::fs::write(place.path("proof.json"), &proof).unwrap();
    let proved = place.ok(&["usage", "verify-proof", "proof.json", "--keys", "keys.json"]);
    assert!(proved.contains(id), "{proved}");
    std::fs::write(place.path("forged.json"), proof.replace(",true,", ",false,")).unwrap();
    let forged = place.run(&["usage", "verify-proof", "forged.json", "--keys", "keys.json"]);
    assert!(forged.code == Some(1) && forged.out.starts_with("BAD"), "{forged:?}");

    std::fs::write(&csv, said.out.replacen(",true,", ",false,", 1)).unwrap();
    let tampered = place.run(&["usage", "verify", "csv", "--keys", "keys.json"]);
    assert_eq!(tampered.code, Some(1), "{tampered:?}");
    assert!(tampered.out.contains("BAD: usage_events_v1.csv: row "), "{tampered:?}");
    for words in [["none", "keys.json"], ["csv", "none.json"], ["csv", "csv/manifest.json"]] {
        let said = place.run(&["usage", "verify", words[0], "--keys", words[1]]);
        assert_eq!(said.code, Some(2), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_there_whole_or_not_at_all() {
    let place = Place::new().await;
    let month = five_calls(&place).await;
    let export = ["usage", "export", "--period", &month, "--out"];
    std::fs::create_dir(place.path("empty")).unwrap();
    place.ok(&[&export[..], &["empty"]].concat());
    for (out, why) in [("none/usage", "No such file"), ("empty", "is there already")] {
        let error = place.fails(1, &[&export[..], &[out]].concat());
        assert!(error.contains(out) && error.contains(why), "{error}");
    }
    let parquet = ["usage", "export", "--format", "parquet"];
    assert!(place.fails(1, &parquet).contains("name a directory"));
    let spans =
        ["usage", "export", "--from", "2026-11-02T00:00:00Z", "--to", "2026-11-01T00:00:00Z"];
    assert!(place.fails(1, &spans).contains("--from must be before --to"));

    // Statements are of billing periods, and nothing is asked for here.
    let focus = ["usage", "export", "--layout", "focus-1.2"];
    assert!(place.fails(1, &focus).contains("of a billing period: name it with --period"));
    let of_month = place.fails(1, &[&focus[..], &["--period", &month]].concat());
    assert!(of_month.contains("no billing period begins in"), "{of_month}");
    let unknown = place.fails(1, &["usage", "export", "--period", "per_00000000001"]);
    assert!(unknown.contains("There is no period `per_00000000001`"), "{unknown}");
    let later = place.fails(1, &[&focus[..], &["--period", &month, "--after", "1"]].concat());
    assert!(later.contains("name a --period"), "{later}");
    let next = place.fails(2, &["usage", "columns", "focus-1.3"]);
    assert!(next.contains("version 1.2 alone"), "{next}");
    let columns = place.ok(&["usage", "columns", "focus-1.2"]);
    assert!(columns.starts_with("BilledCost\tdecimal(38,4)\tno\t"), "{columns}");

    let disk = place.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(small) = SmallDisk::mount(&disk, "256k") else {
        println!("left out: this process may not mount a file system");
        return;
    };
    let filler = small.fill();
    for format in ["csv", "ndjson", "parquet"] {
        let error = place.fails(1, &[&export[..], &["disk/usage", "--format", format]].concat());
        assert!(error.contains("disk/usage") && error.contains("No space left"), "{error}");
        let left: Vec<_> = std::fs::read_dir(&disk).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left, std::slice::from_ref(&filler));
    }
    std::fs::remove_file(filler).unwrap();
    place.ok(&[&export[..], &["disk/usage"]].concat());
}
