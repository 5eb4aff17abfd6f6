//! The command line: what an operator, an admin or billing staff can do from a shell.

mod account;
mod applications;
mod apply;
mod approvals;
mod apps;
mod audit;
mod consent;
mod consent_words;
mod contract;
mod credit;
mod customer_access;
mod customers;
mod demo;
mod desk;
mod doctor;
mod export;
mod feed;
mod freezes;
mod handoff;
mod import;
mod json;
mod key;
mod keys;
mod limits;
mod lines;
mod nodes;
mod partners;
mod plans;
mod refusals;
mod serve;
mod simulate;
mod speak;
mod subscriptions;
mod table;
mod tokens;
mod usage;
mod wake;

use crate::config::Config;
use crate::kernel::Clock;
use crate::storage::Db;
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How lists are said.
const LISTS: &str = "Lists stand in columns on a terminal. Where their output is a file or a pipe, cells are separated by \
                     tabs, for cut and awk, and the headings stand on standard error; - is a cell with nothing in it.";

/// A retailer's counter for its data: catalog, prices, stores and stock as a governed, metered API.
#[derive(Debug, Parser)]
#[command(name = "comptoir", version, after_help = LISTS)]
struct Cli {
    /// Settings file (TOML). Without it, the built-in defaults; `COMPTOIR__SECTION__KEY` overrides both.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the partner API and the admin API until SIGTERM or SIGINT.
    ///
    /// The stop answers what is under way and folds what was recorded: exit code 0. What cannot be folded, because the
    /// database stays away, is kept in the journal for the next start: exit code 1. So it is at a second signal, which ends
    /// the process at once.
    Serve,
    /// Serve a fictional French retailer: seeds an empty data directory, prints keys to try.
    Demo(demo::Args),
    /// Import a feed of the retailer.
    Import(import::Args),
    /// Customers' data in the embedded store.
    #[command(subcommand)]
    Customers(customers::CustomersCommand),
    /// What customers have agreed to, and its proof.
    #[command(subcommand)]
    Consent(consent::ConsentCommand),
    /// What apps want customers' data for, in versions that never change.
    #[command(subcommand)]
    Purpose(consent_words::PurposeCommand),
    /// What customers are told before they decide, in versions that never change.
    #[command(subcommand)]
    Notice(consent_words::NoticeCommand),
    /// Imports that were made, and deletions that they hold for approval.
    #[command(subcommand)]
    Feed(feed::FeedCommand),
    /// Snapshots of the catalog, and access, as files.
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// Compare a file of partners, plans, apps and keys with what is there, and make it so.
    Apply(apply::Args),
    /// Partner organisations.
    #[command(subcommand)]
    Partner(partners::PartnerCommand),
    /// Apps of partners.
    #[command(subcommand)]
    App(apps::AppCommand),
    /// Applications of who wants to become a partner.
    #[command(subcommand)]
    Application(applications::ApplicationCommand),
    /// Subscriptions of apps to plans.
    #[command(subcommand)]
    Subscription(subscriptions::SubscriptionCommand),
    /// Plans: the limits that apps are held to.
    #[command(subcommand)]
    Plan(plans::PlanCommand),
    /// Keys of apps.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// OAuth clients of apps. All that is done to keys is done to them by `key`, by their ids.
    #[command(subcommand)]
    Client(keys::ClientCommand),
    /// What waits for a second person.
    #[command(subcommand)]
    Approval(approvals::ApprovalCommand),
    /// Calls that were refused, and why.
    #[command(subcommand)]
    Refusal(refusals::RefusalCommand),
    /// The running processes of this installation.
    #[command(subcommand)]
    Node(nodes::NodeCommand),
    /// Tokens of the admin API.
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// People of the admin API.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// The audit log: who did what.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Usage: what was answered, and what of it is billed.
    #[command(subcommand)]
    Usage(usage::UsageCommand),
    /// Credits: what partners were given or have paid in advance, and what statements draw of it.
    #[command(subcommand)]
    Credit(credit::CreditCommand),
    /// The hand-off of usage to billing systems.
    #[command(subcommand)]
    Handoff(handoff::HandoffCommand),
    /// The OpenAPI documents.
    Openapi(contract::Args),
    /// Settings.
    #[command(subcommand)]
    Config(contract::ConfigCommand),
    /// Bring the database's schema to this version.
    Migrate,
    /// Look for what is wrong with this installation.
    Doctor,
}

/// Runs the program and says how it went: 0 done, 1 failed, 2 the words were off.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(&error.into()),
        };
    let outcome = runtime.block_on(dispatch(cli));
    // What still runs beside is nobody's any more, as an index that is being made: the next start makes it.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if error.is::<speak::HungUp>() {
        return ExitCode::SUCCESS;
    }
    speak::complain(error);
    ExitCode::FAILURE
}

impl Command {
    /// Whether it may change what running nodes follow, beside them.
    fn works_beside_nodes(&self) -> bool {
        !matches!(
            self,
            Self::Serve
                | Self::Demo(_)
                | Self::Openapi(_)
                | Self::Config(_)
                | Self::Migrate
                | Self::Doctor
                | Self::Usage(_)
                | Self::Handoff(_)
        )
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let file = cli.config.as_deref();
    if !cli.command.works_beside_nodes() {
        return Box::pin(obey(file, cli.command)).await;
    }
    let config = load(file)?;
    let before = wake::Before::of(&config).await;
    let done = Box::pin(obey(file, cli.command)).await;
    if let Some(before) = before {
        before.wake(&config).await;
    }
    done
}

async fn obey(file: Option<&Path>, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => Box::pin(serve::run(load(file)?)).await?,
        Command::Demo(args) => Box::pin(demo::run(load(file)?, args, file)).await?,
        Command::Import(args) => return import::run(load(file)?, args).await,
        Command::Customers(command) => return customers::run(&load(file)?, command).await,
        Command::Consent(command) => return consent::run(&load(file)?, command).await,
        Command::Purpose(command) => consent_words::purpose(&load(file)?, command).await?,
        Command::Notice(command) => consent_words::notice(&load(file)?, command).await?,
        Command::Feed(command) => feed::run(&load(file)?, command).await?,
        Command::Export(command) => export::run(&load(file)?, command).await?,
        Command::Apply(args) => apply::run(&load(file)?, args).await?,
        Command::Application(command) => applications::run(&load(file)?, command).await?,
        Command::Subscription(command) => subscriptions::run(&load(file)?, command).await?,
        Command::Partner(command) => partners::run(&load(file)?, command).await?,
        Command::App(command) => apps::run(&load(file)?, command).await?,
        Command::Plan(command) => plans::run(&load(file)?, command).await?,
        Command::Key(command) => key::run(&load(file)?, command).await?,
        Command::Approval(command) => approvals::run(&load(file)?, command).await?,
        Command::Refusal(command) => refusals::run(&load(file)?, command).await?,
        Command::Node(command) => nodes::run(&load(file)?, command).await?,
        Command::Client(command) => keys::client(&load(file)?, command).await?,
        Command::Token(command) => tokens::token(&load(file)?, command).await?,
        Command::Account(command) => account::run(&load(file)?, command).await?,
        Command::Audit(command) => return audit::run(&load(file)?, command).await,
        Command::Usage(command) => return usage::run(file, command).await,
        Command::Credit(command) => credit::run(&load(file)?, command).await?,
        Command::Handoff(command) => handoff::run(&load(file)?, command).await?,
        Command::Openapi(args) => return contract::openapi(&args),
        Command::Config(command) => return contract::config(file, &command),
        Command::Migrate => serve::migrate(&load(file)?).await?,
        Command::Doctor => return doctor::run(file).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The effective settings; all problems with them at once otherwise.
fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    Config::load(file, &environment()).map_err(|problems| anyhow::anyhow!("{problems}"))
}

/// The variables that can carry settings.
fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars().filter(|(name, _)| name.starts_with("COMPTOIR__")).collect()
}

/// The database of a command that works beside, or without, a running server. It has to be there.
async fn database(config: &Config) -> anyhow::Result<(Db, Clock)> {
    crate::telemetry::init_logging_of_command(&config.telemetry);
    Ok((crate::app::find_database(config).await?, Clock::System))
}
