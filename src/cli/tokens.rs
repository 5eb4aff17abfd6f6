//! Tokens of the admin API from the shell.

use super::desk::{Desk, show_all};
use super::freezes::{Because, Why};
use super::lines::{TOKEN, say_leaks, token_row};
use super::speak::{of_secret, say};
use super::table::say_row;
use crate::access::leaks::{Found, list_leaks};
use crate::access::model::Name;
use crate::access::service::{Switch, Walk};
use crate::admin::roles::Roles;
use crate::admin::store::list_tokens;
use crate::admin::token::{TokenSpec, create_token, revoke_token, set_token_status};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::AdminTokenId;
use clap::Subcommand;

/// Tokens of the admin API.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token and print it, this once.
    Create {
        /// What people call it.
        #[arg(long)]
        name: Name,
        /// What its holder is to the gateway: owner, key_manager, plan_manager, billing, privacy_officer, support,
        /// auditor, read_only or feeds; can be repeated.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<Roles>,
        /// When it ends (RFC 3339).
        #[arg(long, value_name = "TIME")]
        expires_at: Option<Micros>,
        #[command(flatten)]
        because: Because,
    },
    /// List all tokens.
    List {
        /// Only those that were found where everybody can read them, and are not revoked.
        #[arg(long)]
        leaked: bool,
    },
    /// Show where a token was found that should not be seen, the newest place first.
    Leaks {
        /// The token, as `token list` names it.
        id: AdminTokenId,
    },
    /// Refuse a token for now.
    Suspend(Why<AdminTokenId>),
    /// Take it again.
    Resume(Why<AdminTokenId>),
    /// End a token for good.
    Revoke(Why<AdminTokenId>),
}

pub(super) async fn token(config: &Config, command: TokenCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        TokenCommand::Create { name, roles, expires_at, because } => {
            let (person, roles) = (String::new(), Roles::joined(roles)?);
            let spec = TokenSpec { name, roles, expires_at, person, made_with: None };
            let (_, text) = create_token(db, &because.say(*by), &desk.pepper, spec).await?;
            of_secret(say(text.reveal()))?;
        }
        TokenCommand::List { leaked } => {
            let page = async |walk: Walk| Ok(list_tokens(db, &walk, leaked).await?);
            show_all(TOKEN, page, |t| t.id.to_string(), |token| token_row(token, by.now)).await?;
        }
        TokenCommand::Leaks { id } => say_leaks(&list_leaks(db, Found::Token(id)).await?)?,
        TokenCommand::Suspend(why) => switch(&desk, why, Switch::Suspend).await?,
        TokenCommand::Resume(why) => switch(&desk, why, Switch::Resume).await?,
        TokenCommand::Revoke(Why { id, because }) => {
            revoke_token(db, &because.say(*by), id).await?;
            say(format!("{id} is revoked"))?;
        }
    }
    Ok(())
}

async fn switch(desk: &Desk, why: Why<AdminTokenId>, switch: Switch) -> anyhow::Result<()> {
    let by = &why.because.say(desk.by());
    let token = set_token_status(&desk.db, by, why.id, switch).await?;
    say_row(TOKEN, token_row(&token, by.now))
}
