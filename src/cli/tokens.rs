//! Tokens of the admin API from the shell.

use super::desk::{Desk, show_all};
use super::freezes::Why;
use super::lines::{TOKEN, say_leaks, token_line};
use super::speak::{heading, say};
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
        /// What its holder is to the gateway, joined by commas: owner, key_manager, plan_manager, billing,
        /// privacy_officer, support, auditor, read_only, feeds.
        #[arg(long = "role")]
        roles: Roles,
        /// When it ends (RFC 3339).
        #[arg(long)]
        expires_at: Option<Micros>,
    },
    /// List all tokens.
    List {
        /// Only those that were found where everybody can read them, and are not revoked.
        #[arg(long)]
        leaked: bool,
    },
    /// Show where a token was found that should not be seen, the newest place first.
    Leaks { id: AdminTokenId },
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
        TokenCommand::Create { name, roles, expires_at } => {
            let person = String::new();
            let spec = TokenSpec { name, roles, expires_at, person, made_with: None };
            say(create_token(db, by, &desk.pepper, spec).await?.1.reveal())?;
        }
        TokenCommand::List { leaked } => {
            let page = async |walk: Walk| Ok(list_tokens(db, &walk, leaked).await?);
            heading(TOKEN);
            show_all(page, |t| t.id.to_string(), |token| token_line(token, by.now)).await?;
        }
        TokenCommand::Leaks { id } => say_leaks(&list_leaks(db, Found::Token(id)).await?)?,
        TokenCommand::Suspend(Why { id, reason }) => {
            let by = &by.because(reason.as_ref());
            let token = set_token_status(db, by, id, Switch::Suspend).await?;
            say(token_line(&token, by.now))?;
        }
        TokenCommand::Resume(Why { id, reason }) => {
            let by = &by.because(reason.as_ref());
            let token = set_token_status(db, by, id, Switch::Resume).await?;
            say(token_line(&token, by.now))?;
        }
        TokenCommand::Revoke(Why { id, reason }) => {
            revoke_token(db, &by.because(reason.as_ref()), id).await?;
            say(format!("{id} is revoked"))?;
        }
    }
    Ok(())
}
