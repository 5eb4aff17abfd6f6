//! Tokens of the admin API from the shell.

use super::access::{Desk, show_all};
use super::lines::token_line;
use super::speak::say;
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
    /// Refuse a token for now.
    Suspend { id: AdminTokenId },
    /// Take it again.
    Resume { id: AdminTokenId },
    /// End a token for good.
    Revoke { id: AdminTokenId },
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
            show_all(page, |t| t.id.to_string(), |token| token_line(token, by.now)).await?;
        }
        TokenCommand::Suspend { id } => {
            let token = set_token_status(db, by, id, Switch::Suspend).await?;
            say(token_line(&token, by.now))?;
        }
        TokenCommand::Resume { id } => {
            let token = set_token_status(db, by, id, Switch::Resume).await?;
            say(token_line(&token, by.now))?;
        }
        TokenCommand::Revoke { id } => {
            revoke_token(db, by, id).await?;
            say(format!("{id} is revoked"))?;
        }
    }
    Ok(())
}
