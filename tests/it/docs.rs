//! What the documents tell people to type is true.

use comptoir::config::{Config, DEFAULTS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn at_root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn every_setting_is_explained() {
    let shown = Config::embedded().show().to_owned();
    let keys = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let names = lines.map(|line| line.split(" = ").next().unwrap_or_default().to_owned());
        let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        names.sort();
        names
    };
    assert_eq!(
        keys(DEFAULTS),
        keys(&shown),
        "every key is read, and every key read is in the file"
    );
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ")) {
        assert!(pair[0].starts_with("# ") && pair[0].len() > 10, "`{}` is not explained", pair[1]);
    }
}

#[test]
fn the_example_for_production_loads() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = std::fs::read_to_string(at_root("config/production.example.toml")).unwrap();
    for (name, secret) in [
        ("database-url", "postgres://comptoir:secret@db.example/comptoir".to_owned()),
        ("pepper", "0f".repeat(32)),
    ] {
        let file = dir.path().join(name);
        std::fs::write(&file, secret + "\n").unwrap();
        let mounted = format!("/run/secrets/comptoir-{name}");
        assert!(text.contains(&mounted), "the example mounts {mounted}");
        text = text.replace(&mounted, file.to_str().unwrap());
    }
    let file = dir.path().join("production.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(Some(&file), &BTreeMap::new());
    config.unwrap_or_else(|problems| panic!("{problems}"));
}

/// The commands of the README's shell blocks, each on one line.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(at_root("README.md")).expect("there is a README.md");
    let mut commands = Vec::new();
    let mut shell = false;
    for line in readme.replace("\\\n", " ").lines() {
        match line.trim_start().strip_prefix("```") {
            Some(language) => shell = !shell && language == "sh",
            None if shell => commands.push(line.trim().to_owned()),
            None => {}
        }
    }
    commands
}

/// The words of a command as a shell would split them, up to a pipe, a comment or another command.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '#' | ';' | '&' | '>' | ')') => break,
            (None, c) if c.is_whitespace() => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The arguments of every `comptoir …`, also as `cargo run -- …` and inside `$(…)`.
fn calls(command: &str) -> Vec<Vec<String>> {
    let begins = ["comptoir ", "cargo run --release -- ", "cargo run -- "];
    let starts =
        begins.iter().flat_map(|b| command.match_indices(b).map(|(at, b)| (at, at + b.len())));
    starts
        .filter(|(at, _)| command[..*at].chars().next_back().is_none_or(|c| " (/".contains(c)))
        .map(|(_, end)| words(&command[end..]))
        .collect()
}

/// Has the program read the words of a command up to the asking for help behind them: a word, an
/// option or a value that it does not know is refused before the help is given.
fn check(args: &[String]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
    let read = command.args(args).arg("--help").env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "README.md: comptoir {}\n{said}", args.join(" "));
}

#[test]
fn every_command_of_the_readme_is_one() {
    let found: Vec<Vec<String>> = commands().iter().flat_map(|line| calls(line)).collect();
    assert!(found.len() >= 3, "README.md shows how to use the program: {found:?}");
    for args in &found {
        check(args);
    }
}

#[test]
fn a_command_is_found_where_it_stands() {
    let found = calls("K=$(comptoir key create --app \"my app\" | head -1) # comptoir is");
    assert_eq!(found[0], ["key", "create", "--app", "my app"]);
    assert_eq!(calls("./comptoir --config x serve"), [["--config", "x", "serve"]]);
    assert_eq!(calls("cargo run --release -- demo"), [["demo"]]);
    assert!(calls("cd /srv/comptoir-data").is_empty());
}
