//! `comptoir openapi`, `comptoir config`.

use super::speak::say;
use crate::app::openapi::documents;
use crate::config::Config;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to do with the documents.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Args {
    /// Write partner.yaml, admin.yaml and registration.yaml into a folder.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Compare the files in a folder with this program; fails where they differ.
    #[arg(long, value_name = "DIR")]
    check: Option<PathBuf>,
}

/// Settings.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Read all settings and report every problem.
    Check,
    /// Print the settings in force and where each comes from. Secrets are not shown.
    Show,
}

pub(super) fn openapi(args: &Args) -> anyhow::Result<ExitCode> {
    let mut same = true;
    for document in documents() {
        let name = format!("{}.yaml", document.name);
        if let Some(dir) = &args.write {
            std::fs::create_dir_all(dir)?;
            let path = dir.join(name);
            std::fs::write(&path, document.yaml.as_bytes())
                .with_context(|| path.display().to_string())?;
            say(format!("wrote {}", path.display()))?;
        } else if let Some(dir) = &args.check {
            let path = dir.join(name);
            let committed =
                std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let equal = committed == *document.yaml;
            let finding = if equal { "is true" } else { "differs from this program" };
            say(format!("{} {finding}", path.display()))?;
            same &= equal;
        }
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stderr, reason = "the command line speaks to its user")]
pub(super) fn config(file: Option<&Path>, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match (Config::load(file, &super::environment()), command) {
        (Ok(config), ConfigCommand::Check) => {
            super::desk::Shell::of(&config)?;
            say("The settings are valid.")?;
        }
        (Ok(config), ConfigCommand::Show) => say(config.show().trim_end())?,
        (Err(problems), _) => {
            eprint!("{problems}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
