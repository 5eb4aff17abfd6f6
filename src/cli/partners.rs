//! `comptoir partner`: partner organisations from the shell.

use super::desk::{Desk, show_all};
use super::freezes::{Because, Freeze, Unfreeze, Why, freeze, show_notes, unfreeze};
use super::json::json_or_file;
use super::lines::{PARTNER, partner_row, say_now};
use super::speak::say;
use super::table::{Table, or_dash, row};
use crate::access::freezes::{Freezable, Frozen};
use crate::access::model::{Name, Partner, Status};
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::{NoteText, add_note, update_partner};
use crate::access::partners::{Contact, Contract, Profile};
use crate::access::service::{
    PartnerFilter, Switch, Walk, create_partner_with, find_partners, get_partner,
    set_partner_status,
};
use crate::config::Config;
use crate::kernel::id::PartnerId;
use clap::{Args, Subcommand};
use serde_json::Value;

/// Partner organisations.
#[derive(Debug, Subcommand)]
pub(super) enum PartnerCommand {
    /// Create a partner and print its id.
    Create(Box<Create>),
    /// List all partners, or some of them.
    List {
        /// Only those with this in their name, in your own name for them, or in name or address of a contact.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those that are active or suspended.
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show a partner with its contacts and its contract.
    Show {
        /// The partner, as `partner list` names it.
        id: PartnerId,
    },
    /// Change what is known of a partner; what is not named stays.
    Update(Box<Update>),
    /// Give a partner another name.
    Rename {
        /// The partner, as `partner list` names it.
        id: PartnerId,
        /// Its new name.
        name: Name,
        #[command(flatten)]
        because: Because,
    },
    /// Stop all use by a partner's apps.
    Suspend(Why<PartnerId>),
    /// Allow it again.
    Resume(Why<PartnerId>),
    /// Stop all use by a partner's apps, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<PartnerId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<PartnerId>),
    /// Write a note about a partner; it can never be changed.
    Note {
        /// The partner, as `partner list` names it.
        id: PartnerId,
        /// The note.
        text: NoteText,
    },
    /// Show the notes about a partner, newest first.
    Notes {
        /// The partner, as `partner list` names it.
        id: PartnerId,
    },
}

/// A partner to create.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Its name.
    #[arg(long)]
    name: Name,
    /// What your own system calls it.
    #[arg(long)]
    external_ref: Option<Name>,
    /// Whom to talk to: a list as JSON of the admin API, or @FILE to read it from a file.
    #[arg(long, value_name = "JSON", value_parser = contacts)]
    contacts: Option<Contacts>,
    /// The contract: JSON of the admin API, @FILE, or none.
    #[arg(long, value_name = "JSON", value_parser = contract)]
    contract: Option<ContractArg>,
    #[command(flatten)]
    because: Because,
}

/// What shall be different in a partner.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// The partner, as `partner list` names it.
    id: PartnerId,
    /// Another name.
    #[arg(long)]
    name: Option<Name>,
    /// What your own system calls it.
    #[arg(long, conflicts_with = "no_external_ref")]
    external_ref: Option<Name>,
    /// Your own system does not know it any more.
    #[arg(long)]
    no_external_ref: bool,
    /// Whom to talk to, in place of all: a list as JSON of the admin API, or @FILE to read it from a file.
    #[arg(long, value_name = "JSON", value_parser = contacts)]
    contacts: Option<Contacts>,
    /// The contract: JSON of the admin API, @FILE, or none.
    #[arg(long, value_name = "JSON", value_parser = contract)]
    contract: Option<ContractArg>,
    #[command(flatten)]
    because: Because,
}

/// All contacts of a partner.
#[derive(Debug, Clone)]
struct Contacts(Vec<Contact>);

/// A contract, or none.
#[derive(Debug, Clone)]
struct ContractArg(Option<Contract>);

fn contacts(text: &str) -> Result<Contacts, String> {
    json_or_file(text).map(Contacts)
}

fn contract(text: &str) -> Result<ContractArg, String> {
    match text {
        "none" => Ok(ContractArg(None)),
        text => json_or_file(text).map(Some).map(ContractArg),
    }
}

pub(super) async fn run(config: &Config, command: PartnerCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        PartnerCommand::Create(create) => {
            let Create { name, external_ref, contacts, contract, because } = *create;
            let profile = Profile {
                external_ref,
                contacts: contacts.map_or_else(Vec::new, |Contacts(contacts)| contacts),
                contract: contract.and_then(|ContractArg(contract)| contract),
            };
            say(create_partner_with(db, &because.say(*by), name, profile).await?.id)?;
        }
        PartnerCommand::List { search, status } => {
            let filter = PartnerFilter { text: search, status };
            let page = async |walk: Walk| Ok(find_partners(db, &filter, &walk).await?);
            let frozen = Frozen::read(db).await?;
            show_all(PARTNER, page, |p| p.id.to_string(), |it| partner_row(it, &frozen)).await?;
        }
        PartnerCommand::Show { id } => show(&desk, get_partner(db, id).await?).await?,
        PartnerCommand::Update(update) => {
            let Update { id, name, external_ref, no_external_ref, contacts, contract, because } =
                *update;
            let patch = PartnerPatch {
                name,
                external_ref: external_ref.map(Some).or(no_external_ref.then_some(None)),
                contacts: contacts.map(|Contacts(contacts)| contacts),
                contract: contract.map(|ContractArg(contract)| contract),
            };
            let by = because.say(*by);
            show(&desk, update_partner(db, &by, id, patch).await?).await?;
        }
        PartnerCommand::Rename { id, name, because } => {
            let patch = PartnerPatch { name: Some(name), ..PartnerPatch::default() };
            let partner = update_partner(db, &because.say(*by), id, patch).await?;
            say_now(db, partner, PARTNER, partner_row).await?;
        }
        PartnerCommand::Freeze(how) => freeze(&desk, Freezable::Partner(how.id), how).await?,
        PartnerCommand::Unfreeze(why) => unfreeze(&desk, Freezable::Partner(why.id), &why).await?,
        PartnerCommand::Note { id, text } => say(add_note(db, by, id, &text).await?.number)?,
        PartnerCommand::Notes { id } => show_notes(db, id).await?,
        PartnerCommand::Suspend(why) => switch(&desk, why, Switch::Suspend).await?,
        PartnerCommand::Resume(why) => switch(&desk, why, Switch::Resume).await?,
    }
    Ok(())
}

async fn switch(desk: &Desk, why: Why<PartnerId>, switch: Switch) -> anyhow::Result<()> {
    let by = why.because.say(desk.by());
    let partner = set_partner_status(&desk.db, &by, why.id, switch).await?;
    say_now(&desk.db, partner, PARTNER, partner_row).await
}

/// A partner, and below it what is known of it.
async fn show(desk: &Desk, partner: Partner) -> anyhow::Result<()> {
    let profile = partner.profile.clone();
    say_now(&desk.db, partner, PARTNER, partner_row).await?;
    let mut table = Table::of_one();
    if let Some(reference) = &profile.external_ref {
        table.row(row!["external_ref", reference])?;
    }
    for Contact { role, name, email, phone, language } in &profile.contacts {
        let (phone, language) = (or_dash(phone.as_ref()), or_dash(language.as_ref()));
        table.row(row!["contact", role, name, email, phone, language])?;
    }
    if let Some(contract) = &profile.contract {
        let Value::Object(members) = serde_json::to_value(contract)? else { return table.end() };
        for (name, value) in members {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            table.row(row![format!("contract.{name}"), text])?;
        }
    }
    table.end()
}
