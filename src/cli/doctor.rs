//! `comptoir doctor`: what is wrong with this installation, and what to do about it.

use crate::app::open_pepper;
use crate::config::{Config, DatabaseUrl, Durability};
use crate::kernel::Clock;
use crate::metering::gaps;
use crate::storage::{Db, Log, log};
use std::path::Path;
use std::process::ExitCode;

/// Free space under the data directory below which the doctor worries: 1 GiB.
const LOW_DISK: u64 = 1 << 30;
/// Open files below which a busy server runs out of connections.
const FEW_FILES: u64 = 4_096;

/// The findings so far.
#[derive(Default)]
struct Findings {
    wrong: u32,
}

impl Findings {
    #[expect(clippy::print_stdout, reason = "the command line speaks to its user")]
    fn say(&mut self, well: bool, what: &str, detail: impl std::fmt::Display) {
        self.wrong += u32::from(!well);
        println!("{:<5} {what}: {detail}", if well { "ok" } else { "WRONG" });
    }

    /// Says how a check went; its value where it went well.
    fn check<T>(&mut self, what: &str, result: anyhow::Result<(T, String)>) -> Option<T> {
        match result {
            Ok((value, detail)) => {
                self.say(true, what, detail);
                Some(value)
            }
            Err(error) => {
                self.say(false, what, format!("{error:#}"));
                None
            }
        }
    }
}

/// Exit code 0 where all is well, 1 where something is wrong.
pub(super) async fn run(file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    let config = match Config::load(file, &super::environment()) {
        Ok(config) => config,
        Err(problems) => {
            findings.say(false, "settings", format!("\n{problems}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    findings.say(true, "settings", "valid");
    let metered = config.metering.durability != Durability::Off;
    let metering = if metered { "on" } else { "off: no call is recorded, and none is billed" };
    findings.say(metered, "metering", metering);
    findings.check("data directory", data_dir(&config));
    findings.check("disk", disk(&config.server.data_dir));
    findings.check("open files", open_files());
    findings.check("journal", journal(&config));
    let exists = match &config.database.url {
        DatabaseUrl::Sqlite(path) => path.exists(),
        DatabaseUrl::Postgres(_) => true,
    };
    if !exists {
        findings.say(true, "database", "not there yet: `comptoir serve` makes it");
    } else if let Some(db) = findings.check("database", database(&config).await) {
        findings.check("pepper", pepper(&config, &db).await);
        findings.check("ledger", ledger(&db).await);
        findings.check("logs", positions(&db).await);
        db.close().await;
    }
    Ok(if findings.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn data_dir(config: &Config) -> anyhow::Result<((), String)> {
    let dir = &config.server.data_dir;
    if !dir.exists() {
        return Ok(((), format!("{} is not there yet", dir.display())));
    }
    tempfile_in(dir).map_err(|error| {
        anyhow::anyhow!(
            "{} cannot be written ({error}); give it to the user that runs comptoir",
            dir.display()
        )
    })?;
    Ok(((), format!("{} can be written", dir.display())))
}

/// Writes and removes a file.
fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let path = dir.join(".doctor");
    std::fs::write(&path, b"")?;
    std::fs::remove_file(&path)
}

fn disk(dir: &Path) -> anyhow::Result<((), String)> {
    let existing = dir.ancestors().find(|d| d.exists()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let stat = rustix::fs::statvfs(existing)?;
    let free = stat.f_bavail * stat.f_frsize;
    let detail = format!("{} MiB free", free >> 20);
    anyhow::ensure!(free >= LOW_DISK, "{detail}; a full disk refuses billable calls: make room");
    Ok(((), detail))
}

fn open_files() -> anyhow::Result<((), String)> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let most = line.and_then(|line| line.split_whitespace().nth(3)).unwrap_or("unlimited");
    let enough = most.parse::<u64>().map_or(true, |most| most >= FEW_FILES);
    anyhow::ensure!(enough, "at most {most}; raise the limit (`ulimit -n`) to {FEW_FILES} or more");
    Ok(((), format!("at most {most}")))
}

fn journal(config: &Config) -> anyhow::Result<((), String)> {
    let dir = config.server.data_dir.join("journal");
    let Ok(entries) = std::fs::read_dir(&dir) else {
        return Ok(((), "empty".to_owned()));
    };
    let names: Vec<String> =
        entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect();
    let aside = names.iter().filter(|n| n.contains(".seg.")).count();
    anyhow::ensure!(
        aside == 0,
        "{aside} segments were set aside because they are damaged or contradict the ledger; \
         keep them and look at {}",
        dir.display()
    );
    let waiting = names.iter().filter(|n| n.ends_with(".seg")).count();
    Ok(((), format!("{waiting} segments; those of a stopped server are folded at its next start")))
}

async fn database(config: &Config) -> anyhow::Result<(Db, String)> {
    let db = Db::connect(&config.database.url, 2).await?;
    db.ping().await?;
    let version = db.schema_version().await?;
    let known = Db::known_schema_version();
    anyhow::ensure!(
        version <= known,
        "its schema is of a newer comptoir ({version} > {known}); upgrade this one"
    );
    let detail = format!("{}, schema {version} of {known}", db.engine());
    Ok((db, detail))
}

async fn pepper(config: &Config, db: &Db) -> anyhow::Result<((), String)> {
    open_pepper(config, db).await?;
    Ok(((), "the one that the keys were made with".to_owned()))
}

async fn ledger(db: &Db) -> anyhow::Result<((), String)> {
    let head = log::head(db, Log::Usage).await?;
    let gaps = gaps::gaps(db, head).await?;
    anyhow::ensure!(gaps.is_empty(), "{} gaps in the sequence of events: {gaps:?}", gaps.len());
    Ok(((), format!("{head} segments without a gap")))
}

async fn positions(db: &Db) -> anyhow::Result<((), String)> {
    let change = log::head(db, Log::Change).await?;
    let control = log::head(db, Log::Control).await?;
    let now = Clock::System.now();
    Ok(((), format!("change {change}, control {control}, clock {now}")))
}
