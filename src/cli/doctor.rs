//! `comptoir doctor`: what is wrong with this installation, and what to do about it.

mod people;
mod recounts;

use super::speak::{causes, mention};
use crate::access::Pepper;
use crate::access::audit;
use crate::access::mails::Smtp;
use crate::access::pepper::{PepperError, known_fingerprint};
use crate::admin::oidc::provider::Provider;
use crate::app::descriptors::{self, Connections};
use crate::cluster::{self, Redis};
use crate::config::{self, Config, DatabaseUrl, Durability, LimitBackend};
use crate::feeds::store::held::{Import, ImportQuery, ImportStatus, list};
use crate::kernel::Clock;
use crate::kernel::id::InstallationId;
use crate::metering::{gaps, journal, runs};
use crate::storage::{Db, Log, StoreError, log};
use anyhow::Context as _;
use rustix::fs::Access;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

/// Free space under the data directory below which the doctor worries: 1 GiB.
const LOW_DISK: u64 = 1 << 30;
/// Open files below which a busy server runs out of connections.
const FEW_FILES: u64 = 4_096;
/// Most nodes that are looked at.
const MOST_NODES: u32 = 1_000;
/// Most runs that are looked at.
const MOST_RUNS: u32 = 1_000;
/// What to do about files of somebody else.
const GIVE: &str = "give the data directory to the user that runs comptoir, and ask as that user";

/// The findings so far.
#[derive(Default)]
struct Findings {
    wrong: u32,
}

impl Findings {
    fn say(&mut self, well: bool, what: &str, detail: impl std::fmt::Display) {
        self.wrong += u32::from(!well);
        mention(format!("{:<5} {what}: {detail}", if well { "ok" } else { "WRONG" }));
    }

    /// Says what is not wrong in itself, and is to be looked at by people.
    fn note(what: &str, detail: impl std::fmt::Display) {
        mention(format!("note  {what}: {detail}"));
    }

    /// Says how a check went; its value where it went well.
    fn check<T>(&mut self, what: &str, result: anyhow::Result<(T, String)>) -> Option<T> {
        match result {
            Ok((value, detail)) => {
                self.say(true, what, detail);
                Some(value)
            }
            Err(error) => {
                self.say(false, what, causes(&error));
                None
            }
        }
    }
}

/// Exit code 0 where all is well, 1 where something is wrong. It only looks: nothing is made,
/// migrated or repaired.
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
    findings.check("open files", open_files(&config));
    findings.check("access log", access_log(&config.telemetry.access_log));
    findings.check("server", server(&config));
    findings.check("journal", journal(&config));
    findings.check("redis", redis(&config).await);
    findings.check("mail", mail(&config.mail).await);
    findings.check("openid", openid(&config.admin).await);
    let exists = match &config.database.url {
        DatabaseUrl::Sqlite(path) => path.try_exists().unwrap_or(true),
        DatabaseUrl::Postgres(_) => true,
    };
    if !exists {
        findings.say(true, "database", "not there yet: `comptoir serve` makes it");
    } else if let Some(Some(db)) = findings.check("database", database(&config).await) {
        findings.check("pepper", pepper(&config, &db).await);
        findings.check("ledger", ledger(&db).await);
        findings.check("recount", recounts::recount(&config, &db).await);
        findings.check("logs", positions(&db).await);
        findings.check("audit log", audit_log(&db).await);
        match people::twofold(&config, &db).await {
            Ok(Some(detail)) => Findings::note("four eyes", detail),
            Ok(None) => {}
            Err(error) => findings.say(false, "four eyes", causes(&error.into())),
        }
        match held(&db).await {
            Ok(Some(detail)) => Findings::note("feeds", detail),
            Ok(None) => {}
            Err(error) => findings.say(false, "feeds", causes(&error.into())),
        }
        match alone(&config, &db).await {
            Ok(Some(detail)) => Findings::note("limits", detail),
            Ok(None) => {}
            Err(error) => findings.say(false, "limits", causes(&error.into())),
        }
        db.close().await;
    }
    Ok(if findings.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn data_dir(config: &Config) -> anyhow::Result<((), String)> {
    let dir = &config.server.data_dir;
    let name = dir.display();
    match std::fs::metadata(dir) {
        Ok(found) => anyhow::ensure!(
            found.is_dir(),
            "{name} is no directory; move it away, or set another `server.data_dir`"
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(((), format!("{name} is not there yet: `comptoir serve` makes it")));
        }
        Err(error) => anyhow::bail!("{name} cannot be seen ({error}); {GIVE}"),
    }
    rustix::fs::access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| anyhow::anyhow!("{name} cannot be read and written ({error}); {GIVE}"))?;
    Ok(((), format!("{name} can be read and written")))
}

/// Whether the access log can be appended to, or made.
fn access_log(setting: &config::AccessLog) -> anyhow::Result<((), String)> {
    let path = match setting {
        config::AccessLog::Off => return Ok(((), "off".to_owned())),
        config::AccessLog::Stdout => return Ok(((), "on standard output".to_owned())),
        config::AccessLog::File(path) => path,
    };
    let name = path.display();
    let fix = "set another `telemetry.access_log`, or let this user write there";
    // Opening for appending changes nothing; a log that is not there is not made.
    match File::options().append(true).open(path) {
        Ok(_) => return Ok(((), format!("{name} can be written"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => anyhow::bail!("{name} cannot be opened ({error}); {fix}"),
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| anyhow::anyhow!("{name} cannot be made ({error}); {fix}"))?;
    Ok(((), format!("{name} is not there yet: `comptoir serve` makes it")))
}

/// Whether a server holds the data directory.
fn server(config: &Config) -> anyhow::Result<((), String)> {
    let path = config.server.data_dir.join("lock");
    let stopped = match File::open(&path) {
        Ok(lock) => lock.try_lock_shared().is_ok(),
        Err(error) if is_absent(&error) => true,
        Err(error) => anyhow::bail!("{} cannot be read ({error}); {GIVE}", path.display()),
    };
    Ok(((), if stopped { "stopped" } else { "running" }.to_owned()))
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
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

fn open_files(config: &Config) -> anyhow::Result<((), String)> {
    let Some(most) = descriptors::open_files() else { return Ok(((), "no limit".to_owned())) };
    let enough = most >= FEW_FILES;
    anyhow::ensure!(enough, "at most {most}; raise the limit (`ulimit -n`) to {FEW_FILES} or more");
    let partners = Connections::of(&config.server).public;
    let asked = config.server.max_connections;
    anyhow::ensure!(
        asked <= partners,
        "at most {most}, so the partner API takes {partners} connections, not {asked} \
         (`server.max_connections`); raise the limit (`ulimit -n`), or lower the setting"
    );
    Ok(((), format!("at most {most}; the partner API takes {partners} connections at a time")))
}

fn journal(config: &Config) -> anyhow::Result<((), String)> {
    let dir = config.server.data_dir.join(journal::DIR);
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(((), "empty".to_owned())),
        Err(error) => anyhow::bail!("{} cannot be read ({error}); {GIVE}", dir.display()),
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

/// The database, where its schema is this program's.
async fn database(config: &Config) -> anyhow::Result<(Option<Db>, String)> {
    let version = async {
        let db = Db::look(&config.database.url).await?;
        let version = db.schema_version().await?;
        Ok::<_, StoreError>((db, version))
    };
    let (db, version) = version.await.context(
        "it cannot be read; see that it runs, that `database.url` is right, and that this user may read it",
    )?;
    let known = Db::known_schema_version();
    let detail = format!("{}, schema {version} of {known}", db.engine());
    anyhow::ensure!(version <= known, "{detail}: it is of a newer comptoir; upgrade this one");
    if version < known {
        let detail = format!("{detail}: `comptoir migrate` or the next start brings it up");
        return Ok((None, detail));
    }
    Ok((Some(db), detail))
}

/// Whether Redis answers, where one is named.
async fn redis(config: &Config) -> anyhow::Result<((), String)> {
    // Whose names they would be makes no difference to whether it answers.
    let Some(redis) = Redis::new(&config.redis, InstallationId(0))? else {
        return Ok(((), "none: nodes find changes by polling".to_owned()));
    };
    redis.connect().await.context(
        "it does not answer; see that it runs and that `redis.url` is right. Nodes run without it, but \
         slower and with their share of shared limits",
    )?;
    Ok(((), "answers".to_owned()))
}

/// Whether the SMTP server lets this program in, where one is named.
async fn mail(settings: &config::Mail) -> anyhow::Result<((), String)> {
    let Some(smtp) = &settings.smtp else {
        return Ok(((), "no server: mails are files in data_dir/outbox".to_owned()));
    };
    let server = Smtp::new(smtp, &settings.from).context("`mail.smtp` cannot be used")?;
    server.try_out().await.with_context(|| {
        format!(
            "{}:{} takes no mails; see that it runs and that `mail.smtp` is right. Mails wait for three days",
            smtp.host, smtp.port
        )
    })?;
    Ok(((), format!("{}:{} takes mails", smtp.host, smtp.port)))
}

/// Whether the OpenID provider answers as one, where one is named.
async fn openid(settings: &config::Admin) -> anyhow::Result<((), String)> {
    let Some(provider) = Provider::new(settings)? else {
        return Ok(((), "no provider: people come in by their passwords".to_owned()));
    };
    let issuer = provider.settings.issuer.clone();
    provider.try_out(Clock::System.now()).await.with_context(|| {
        format!(
            "nobody comes in by {issuer} now; see that `admin.oidc.issuer` is what the provider calls itself, and \
             that this machine reaches it"
        )
    })?;
    Ok(((), format!("{issuer} answers")))
}

async fn pepper(config: &Config, db: &Db) -> anyhow::Result<((), String)> {
    let known = known_fingerprint(db).await?;
    let pepper = match &config.access.pepper {
        config::Pepper::Given(text) => Pepper::from_hex(text.reveal())?,
        config::Pepper::Generated(path) if known.is_none() && !path.exists() => {
            return Ok(((), "none yet: the first start makes it".to_owned()));
        }
        config::Pepper::Generated(path) => Pepper::load(path)
            .context("without it all keys are refused; put back the one they were made with")?,
    };
    match known {
        Some(known) if known != pepper.fingerprint() => Err(PepperError::Different.into()),
        Some(_) => Ok(((), "the one that the keys were made with".to_owned())),
        None => Ok(((), "no key was made with it yet".to_owned())),
    }
}

async fn ledger(db: &Db) -> anyhow::Result<((), String)> {
    let head = log::head(db, Log::Usage).await?;
    let gaps = gaps::gaps(db, head).await?;
    anyhow::ensure!(
        gaps.is_empty(),
        "{} gaps in the sequence of events: look for segments set aside in the journals of these \
         nodes, and for a database restored from an old backup: {gaps:?}",
        gaps.len()
    );
    let noted = runs::noteworthy(db, MOST_RUNS).await?;
    let now = Clock::System.now();
    let silent: Vec<String> = noted
        .iter()
        .filter(|run| run.is_silent(now))
        .map(|run| format!("{} run {}, which said so last at {}", run.node, run.epoch, run.told_at))
        .collect();
    anyhow::ensure!(
        silent.is_empty(),
        "what these have recorded may be on their disks alone: start them again, or give their data directories to \
         `comptoir usage recover`, or, where these are gone, end them with `comptoir usage lost`: {}",
        silent.join("; ")
    );
    Ok(((), format!("{head} segments without a gap")))
}

/// Whether each of several nodes grants all limits by itself.
async fn alone(config: &Config, db: &Db) -> Result<Option<String>, StoreError> {
    if config.limits.backend != LimitBackend::Local {
        return Ok(None);
    }
    let now = db.now(&Clock::System).await?;
    let nodes = cluster::store::list(db, "", MOST_NODES).await?;
    let alive = nodes.iter().filter(|node| node.is_alive(now)).count();
    Ok((alive > 1).then(|| {
        format!(
            "{alive} nodes run, and each grants every limit by itself, so that a partner gets {alive} times its rate: \
             set `limits.backend` to \"strict\" or \"leased\", with `redis.url`"
        )
    }))
}

async fn audit_log(db: &Db) -> anyhow::Result<((), String)> {
    let chain = audit::verify(db, None).await?.map_err(|broken| {
        anyhow::anyhow!(
            "{broken}; find out who has written to the database, and compare with an export"
        )
    })?;
    Ok(((), format!("{} entries that fit", chain.entries)))
}

/// The newest import whose deletions wait for somebody.
async fn held(db: &Db) -> Result<Option<String>, StoreError> {
    let query = ImportQuery { status: Some(ImportStatus::Held), ..ImportQuery::default() };
    let newest = list(db, &query, 1).await?.into_iter().next();
    Ok(newest.map(|Import { id, feed, held, .. }| {
        format!(
            "{held} deletions of {id} ({feed}) wait for approval, and there may be others: \
             `comptoir feed list --status held` shows them"
        )
    }))
}

async fn positions(db: &Db) -> anyhow::Result<((), String)> {
    let change = log::head(db, Log::Change).await?;
    let control = log::head(db, Log::Control).await?;
    let now = Clock::System.now();
    Ok(((), format!("change {change}, control {control}, clock {now}")))
}
