//! `comptoir account`: people of the admin API from the shell. Here nobody can be locked out.

use super::desk::ACTOR;
use super::desk::show_all;
use super::freezes::{Because, Why};
use super::speak::{mention, say};
use super::table::{row, say_row};
use crate::access::model::Name;
use crate::access::service::{By, Switch};
use crate::admin::accounts::model::{Account, Login};
use crate::admin::accounts::password::Password;
use crate::admin::accounts::service::{self, NewAccount};
use crate::admin::accounts::store;
use crate::admin::roles::Roles;
use crate::app::open_pepper;
use crate::config::Config;
use crate::kernel::Clock;
use crate::kernel::id::AccountId;
use crate::storage::Db;
use anyhow::Context as _;
use clap::Subcommand;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, stdin};

/// People of the admin API.
#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Create an account and print its id. Its password is asked for, or read from standard input.
    Create {
        /// What the person comes in with: an e-mail address or a name.
        #[arg(long)]
        login: Login,
        /// What people call them.
        #[arg(long)]
        name: Name,
        /// What they are to the gateway: owner, key_manager, plan_manager, billing, privacy_officer, support,
        /// auditor, read_only or feeds; can be repeated.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<Roles>,
        #[command(flatten)]
        because: Because,
    },
    /// List all accounts.
    List,
    /// Give an account another password, which is asked for, and no second factor.
    Reset(Why<AccountId>),
    /// Let a person in no more, end their sessions, and refuse their tokens.
    Suspend(Why<AccountId>),
    /// Let them in again.
    Resume(Why<AccountId>),
}

/// The columns of accounts.
const ACCOUNT: &str = "ID STATUS LOGIN ROLES NAME";

fn cells(account: &Account) -> Vec<String> {
    let login = account.login().map_or("by provider", Login::as_str);
    row![account.id, account.status, login, account.roles, account.name]
}

pub(super) async fn run(config: &Config, command: AccountCommand) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    let pepper = open_pepper(config, &db).await?;
    match command {
        AccountCommand::Create { login, name, roles, because } => {
            let password =
                new_password(&login)?.hash(&pepper).await.map_err(|error| told(&error))?;
            let by = because.say(By::new(ACTOR, clock.now()));
            let roles = Roles::joined(roles)?;
            let new = NewAccount { login, name, roles, password, must_change: false };
            let mut tx = db.begin().await?;
            let account = service::create(&mut tx, &by, new).await?;
            tx.commit().await?;
            say(account.id)?;
        }
        AccountCommand::List => {
            let page = async |walk| Ok(store::list(&db, &walk).await?);
            show_all(ACCOUNT, page, |account| account.id.to_string(), cells).await?;
        }
        AccountCommand::Reset(Why { id, because }) => {
            let account = service::get(&db, id).await?;
            let login = account
                .login()
                .context("the OpenID provider says who this person is; reset it there")?;
            let hash = new_password(login)?.hash(&pepper).await.map_err(|error| told(&error))?;
            let by = because.say(By::new(ACTOR, clock.now()));
            let mut tx = db.begin().await?;
            let account = service::reset(&mut tx, &by, id, hash, false).await?;
            tx.commit().await?;
            say_row(ACCOUNT, cells(&account))?;
        }
        AccountCommand::Suspend(why) => switch(&db, &clock, why, Switch::Suspend).await?,
        AccountCommand::Resume(why) => switch(&db, &clock, why, Switch::Resume).await?,
    }
    Ok(())
}

async fn switch(db: &Db, clock: &Clock, why: Why<AccountId>, switch: Switch) -> anyhow::Result<()> {
    let by = why.because.say(By::new(ACTOR, clock.now()));
    let mut tx = db.begin().await?;
    let account = service::set_status(&mut tx, &by, why.id, switch).await?;
    tx.commit().await?;
    say_row(ACCOUNT, cells(&account))
}

fn told(error: &crate::http::ApiError) -> anyhow::Error {
    anyhow::anyhow!("{}", error.detail())
}

/// A password that may be somebody's: typed twice and not shown, or the first line of standard input. It is
/// never an argument, which other users of the machine could see.
fn new_password(login: &Login) -> anyhow::Result<Password> {
    let text = if stdin().is_terminal() {
        let text = typed("Password: ")?;
        anyhow::ensure!(typed("Again: ")? == text, "the two are not the same; nothing was done");
        text
    } else {
        first_line()?
    };
    let password = Password::new(text);
    password.check(login).map_err(|weak| anyhow::anyhow!("the password {weak}"))?;
    Ok(password)
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).context("the password cannot be read")?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// The terminal as it was, put back when dropped.
struct Silenced(Termios);

impl Drop for Silenced {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}

/// A line that is typed without being shown.
fn typed(prompt: &str) -> anyhow::Result<String> {
    mention(prompt.trim_end());
    let before = tcgetattr(stdin()).context("the terminal cannot be asked")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    let _silenced = Silenced(before);
    tcsetattr(stdin(), OptionalActions::Flush, &silent)
        .context("the terminal cannot be silenced")?;
    first_line()
}
