//! `comptoir usage keys`.

use crate::billing::keys::{published, rotate};
use crate::cli::desk::Desk;
use crate::cli::speak::say;
use crate::config::Config;

/// The keys that manifests are signed with.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Sign with a new key from now on. The others stay published, so that what they have signed can be checked.
    Rotate,
}

pub(super) async fn run(config: &Config, command: Option<KeysCommand>) -> anyhow::Result<()> {
    match command {
        None => {
            let (db, _) = crate::cli::database(config).await?;
            say(serde_json::to_string_pretty(&published(&db).await?)?)
        }
        Some(KeysCommand::Rotate) => {
            let desk = Desk::open(config).await?;
            let signer = rotate(&desk.db, &desk.by(), &desk.pepper).await?;
            say(signer.public.kid)
        }
    }
}
