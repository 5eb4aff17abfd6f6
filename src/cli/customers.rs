//! `comptoir customers`.

use super::desk::Desk;
use super::speak::say;
use super::table::{Table, row};
use crate::config::Config;
use crate::consent::change::ConsentActor;
use crate::customers::erase::erase_customer;
use crate::customers::import::{CustomerFeed, import_file};
use anyhow::Context as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum CustomersCommand {
    /// Import customers' data into the embedded store, from NDJSON, plain or gzip.
    ///
    /// Exit code 0 where every line was taken, 3 where lines were refused. What stood in a refused line is not repeated: it
    /// is a customer's.
    Import {
        /// What the files are about: customers, purchases, loyalty, lists or promotions.
        feed: CustomerFeed,
        /// Files, one document a line; customers before what is theirs.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Forget a customer for good: all that is known of them, and who they are to partners and to the ledger of consents.
    ///
    /// Their consents end, partners are told to delete what they have, and no feed brings the customer back. What was proved
    /// stays proved, of nobody.
    Erase {
        /// The customer, by the id that the retailer has for them.
        customer: String,
        /// The customer has asked for it; otherwise the retailer does it.
        #[arg(long)]
        asked_by_customer: bool,
    },
}

pub(super) async fn run(config: &Config, command: CustomersCommand) -> anyhow::Result<ExitCode> {
    match command {
        CustomersCommand::Import { feed, files } => import(config, feed, &files).await,
        CustomersCommand::Erase { customer, asked_by_customer } => {
            let who = match asked_by_customer {
                true => ConsentActor::Customer,
                false => ConsentActor::Retailer,
            };
            erase(config, &customer, who).await
        }
    }
}

/// Says which consents lead to nobody now, and not of whom.
async fn erase(config: &Config, customer: &str, who: ConsentActor) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(config).await?;
    let erasure = erase_customer(&desk.db, &desk.by(), customer, who).await?;
    let mut table = Table::new("CONSENT ERASED");
    for consent in erasure.consents {
        table.row(row![consent, erasure.at])?;
    }
    table.end()?;
    Ok(ExitCode::SUCCESS)
}

async fn import(
    config: &Config,
    feed: CustomerFeed,
    files: &[PathBuf],
) -> anyhow::Result<ExitCode> {
    // What is wrong with the words is said before anything is stored.
    for file in files {
        let found = std::fs::metadata(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        anyhow::ensure!(found.is_file(), "{} is no file", file.display());
    }
    let (db, _) = super::database(config).await?;
    let most = u64::from(config.feeds.max_mib) * 1024 * 1024;
    let mut rejected = 0;
    for file in files {
        let report = Box::pin(import_file(&db, feed, file, most)).await?;
        rejected += report.rejected;
        say(format!("{}\n{}", file.display(), report.to_string().trim_end()))?;
    }
    db.close().await;
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
