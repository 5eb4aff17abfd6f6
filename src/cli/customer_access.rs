//! `comptoir app consent`: which apps may ask customers for their data, and for what.

use super::desk::{Desk, show_all};
use super::table::{Table, or_dash, row};
use crate::access::error::AccessError;
use crate::access::model::Name;
use crate::access::service::Walk;
use crate::access::text::Reason;
use crate::authz::client::{ClientAuth, SecurityProfile};
use crate::authz::clients::model::{AccessAsk, AccessSpec, AskState, CustomerAccess};
use crate::authz::clients::service::{self, AccessDecision, AccessVerdict};
use crate::authz::clients::store;
use crate::config::{Config, FourEyes};
use crate::consent::name::name_doubts;
use crate::consent::scope::OAuthScope;
use crate::kernel::id::AppId;
use crate::kernel::word::{UnknownWord, Word as _};
use clap::{Args, Subcommand};
use std::fmt::Display;

/// Access to customers' data.
#[derive(Debug, Subcommand)]
pub(super) enum CustomerAccessCommand {
    /// List the apps that ask customers for their data, or those of which something waits for a decision.
    List {
        /// Only those of which something waits.
        #[arg(long)]
        asked: bool,
    },
    /// Show what an app is registered with, and what was decided about it.
    Show {
        /// The app, as `app list` names it.
        id: AppId,
    },
    /// Register an app to ask customers for their data, in place of what is registered.
    ///
    /// What is new waits until it is approved; what is left out is gone. The app's OAuth clients (`client`) are what it proves
    /// itself as.
    Register(Box<Register>),
    /// Approve scopes and addresses that an app asks for.
    Approve(Decide),
    /// Refuse scopes and addresses that an app asks for, also such as were approved.
    Refuse(Decide),
    /// Hand nothing about customers to an app until that is lifted.
    Suspend(Switch),
    /// Lift that.
    Resume(Switch),
}

/// What is registered.
#[derive(Debug, Args)]
pub(super) struct Register {
    /// The app, as `app list` names it.
    id: AppId,
    /// How its clients prove themselves: `private_key_jwt`, `client_secret_basic` or none.
    #[arg(long, default_value = "private_key_jwt")]
    client_auth: ClientAuth,
    /// What its requests keep to: fapi2 or baseline.
    #[arg(long, default_value = "fapi2")]
    profile: SecurityProfile,
    /// It runs on the customer's device, and may have addresses on 127.0.0.1.
    #[arg(long)]
    native: bool,
    /// The partner's name in its register of companies, as customers read it.
    #[arg(long)]
    legal_name: Name,
    /// Where customers reach the partner.
    #[arg(long)]
    contact: String,
    /// Where the partner says what it does with data.
    #[arg(long, value_name = "URL")]
    privacy_url: String,
    /// An address to send customers back to; repeat it for more.
    #[arg(long = "redirect-uri", value_name = "URL", required = true)]
    redirect_uris: Vec<String>,
    /// A scope of customers that it asks for; repeat it for more.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope, required = true)]
    scopes: Vec<OAuthScope>,
}

/// What is decided about, and why.
#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The app, as `app list` names it.
    id: AppId,
    /// A scope that it asks for; repeat it for more.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<OAuthScope>,
    /// An address that it asks for; repeat it for more.
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// Why.
    #[arg(long)]
    reason: Reason,
}

/// Which app, and why.
#[derive(Debug, Args)]
pub(super) struct Switch {
    /// The app, as `app list` names it.
    id: AppId,
    /// Why.
    #[arg(long)]
    reason: Reason,
}

fn scope(text: &str) -> Result<OAuthScope, String> {
    OAuthScope::of(text).ok_or_else(|| UnknownWord::of::<OAuthScope>(text).to_string())
}

/// The columns of a list of apps.
const ACCESS: &str = "APP PARTNER PROFILE STANDING ASKED APPROVED REFUSED";

pub(super) async fn run(
    config: &Config,
    desk: &Desk,
    command: CustomerAccessCommand,
) -> anyhow::Result<()> {
    let (db, by) = (&desk.db, &desk.by());
    let access = match command {
        CustomerAccessCommand::List { asked } => {
            let page = async |walk: Walk| Ok(store::list(db, asked, &walk).await?);
            return show_all(ACCESS, page, |it| it.app.to_string(), cells).await;
        }
        CustomerAccessCommand::Show { id } => service::get(db, id).await?,
        CustomerAccessCommand::Register(what) => {
            let (id, spec) = what.read()?;
            service::register(db, by, id, &spec).await?
        }
        CustomerAccessCommand::Approve(what) => {
            what.may_be_alone(config)?;
            let (decision, verdict) = (what.decision(), AccessVerdict::Approve);
            service::decide(db, by, what.id, (verdict, &decision), &what.reason).await?
        }
        CustomerAccessCommand::Refuse(what) => {
            let (decision, verdict) = (what.decision(), AccessVerdict::Refuse);
            service::decide(db, by, what.id, (verdict, &decision), &what.reason).await?
        }
        CustomerAccessCommand::Suspend(Switch { id, reason }) => {
            service::set_suspended(db, by, id, (true, &reason)).await?
        }
        CustomerAccessCommand::Resume(Switch { id, reason }) => {
            service::set_suspended(db, by, id, (false, &reason)).await?
        }
    };
    say_access(&access, &config.customers.controller.name)
}

impl Register {
    fn read(self) -> Result<(AppId, AccessSpec), AccessError> {
        let spec = AccessSpec {
            auth: self.client_auth,
            profile: self.profile,
            native: self.native,
            legal_name: self.legal_name,
            contact: self.contact,
            privacy_url: self.privacy_url,
            redirect_uris: service::redirects(&self.redirect_uris, self.native)?,
            scopes: self.scopes.into_iter().collect(),
        };
        Ok((self.id, spec))
    }
}

impl Decide {
    fn decision(&self) -> AccessDecision {
        let scopes = self.scopes.iter().copied().collect();
        AccessDecision { scopes, redirect_uris: self.redirect_uris.clone() }
    }

    /// Whether one person may approve it: a shell is one.
    fn may_be_alone(&self, config: &Config) -> Result<(), AccessError> {
        let asks_for_two = config.admin.four_eyes.contains(&FourEyes::CustomerScopes);
        let is_guarded = |scope: &OAuthScope| {
            config.admin.guarded_scopes.iter().any(|pattern| pattern.covers(scope.as_str()))
        };
        let is_open = !asks_for_two || !self.scopes.iter().any(is_guarded);
        if is_open { Ok(()) } else { Err(AccessError::SecondPersonAlways) }
    }
}

fn standing(access: &CustomerAccess) -> &'static str {
    if access.suspended.is_some() { "suspended" } else { "registered" }
}

fn cells(access: &CustomerAccess) -> Vec<String> {
    let scopes = access.scopes.iter().map(|ask| ask.state);
    let states: Vec<_> = scopes.chain(access.redirect_uris.iter().map(|ask| ask.state)).collect();
    let [asked, approved, refused] = [AskState::Asked, AskState::Approved, AskState::Refused]
        .map(|state| states.iter().filter(|it| **it == state).count());
    row![access.app, access.partner, access.profile, standing(access), asked, approved, refused]
}

fn say_access(access: &CustomerAccess, retailer: &str) -> anyhow::Result<()> {
    let mut table = Table::of_one();
    table.row(row!["app", access.app])?;
    table.row(row!["partner", access.partner])?;
    table.row(row!["client auth", access.auth])?;
    table.row(row!["profile", access.profile])?;
    table.row(row!["native", access.native])?;
    table.row(row!["legal name", access.legal_name])?;
    for doubt in name_doubts(access.legal_name.as_str(), retailer) {
        table.row(row!["doubt about the name", doubt])?;
    }
    table.row(row!["contact", access.contact])?;
    table.row(row!["privacy", access.privacy_url])?;
    table.row(row!["standing", standing(access)])?;
    if let Some(why) = &access.suspended {
        table.row(row!["suspended by", why.by, why.at, why.reason])?;
    }
    for ask in &access.scopes {
        table.row(ask_row("scope", ask))?;
    }
    for ask in &access.redirect_uris {
        table.row(ask_row("redirect", ask))?;
    }
    table.end()
}

fn ask_row<T: Display>(kind: &str, ask: &AccessAsk<T>) -> Vec<String> {
    let decided = ask.decided.as_ref();
    let by = or_dash(decided.map(|why| &why.by));
    row![kind, ask.what, ask.state, by, or_dash(decided.map(|why| &why.reason))]
}
