//! `comptoir partner`: partner organisations from the shell.

use super::desk::{Desk, show_all};
use super::freezes::{Freeze, Unfreeze, Why, freeze, show_notes, unfreeze};
use super::lines::{PARTNER, partner_line, say_now};
use super::simulate::json_or_file;
use super::speak::{heading, say};
use crate::access::freezes::{Freezable, Frozen};
use crate::access::model::{Name, Partner, Status};
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::{NoteText, add_note, update_partner};
use crate::access::partners::{Contact, Contract};
use crate::access::service::{
    PartnerFilter, Switch, Walk, create_partner, find_partners, get_partner, set_partner_status,
};
use crate::access::text::Reason;
use crate::config::Config;
use crate::kernel::id::PartnerId;
use clap::{Args, Subcommand};

/// Partner organisations.
#[derive(Debug, Subcommand)]
pub(super) enum PartnerCommand {
    /// Create a partner and print its id.
    Create {
        /// Its name.
        #[arg(long)]
        name: Name,
    },
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
    Show { id: PartnerId },
    /// Change what is known of a partner; what is not named stays.
    Update(Box<Update>),
    /// Give a partner another name.
    Rename { id: PartnerId, name: Name },
    /// Stop all use by a partner's apps.
    Suspend(Why<PartnerId>),
    /// Allow it again.
    Resume(Why<PartnerId>),
    /// Stop all use by a partner's apps, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<PartnerId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<PartnerId>),
    /// Write a note about a partner; it can never be changed.
    Note { id: PartnerId, text: NoteText },
    /// Show the notes about a partner, newest first.
    Notes { id: PartnerId },
}

/// What shall be different in a partner.
#[derive(Debug, Args)]
pub(super) struct Update {
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
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<Reason>,
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
        PartnerCommand::Create { name } => say(create_partner(db, by, name).await?.id)?,
        PartnerCommand::List { search, status } => {
            let filter = PartnerFilter { text: search, status };
            let page = async |walk: Walk| Ok(find_partners(db, &filter, &walk).await?);
            let frozen = Frozen::read(db).await?;
            heading(PARTNER);
            show_all(page, |p| p.id.to_string(), |it| partner_line(it, &frozen)).await?;
        }
        PartnerCommand::Show { id } => show(&desk, get_partner(db, id).await?).await?,
        PartnerCommand::Update(update) => {
            let Update { id, name, external_ref, no_external_ref, contacts, contract, reason } =
                *update;
            let patch = PartnerPatch {
                name,
                external_ref: external_ref.map(Some).or(no_external_ref.then_some(None)),
                contacts: contacts.map(|Contacts(contacts)| contacts),
                contract: contract.map(|ContractArg(contract)| contract),
            };
            let by = by.because(reason.as_ref());
            show(&desk, update_partner(db, &by, id, patch).await?).await?;
        }
        PartnerCommand::Rename { id, name } => {
            let patch = PartnerPatch { name: Some(name), ..PartnerPatch::default() };
            say_now(db, update_partner(db, by, id, patch).await?, partner_line).await?;
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
    let by = desk.by().because(why.reason.as_ref());
    say_now(&desk.db, set_partner_status(&desk.db, &by, why.id, switch).await?, partner_line).await
}

/// A partner, and below it what is known of it.
async fn show(desk: &Desk, partner: Partner) -> anyhow::Result<()> {
    let profile = partner.profile.clone();
    say_now(&desk.db, partner, partner_line).await?;
    if let Some(reference) = &profile.external_ref {
        say(format!("external_ref\t{reference}"))?;
    }
    for contact in &profile.contacts {
        let phone = contact.phone.as_ref().map(|it| format!("\t{it}")).unwrap_or_default();
        say(format!("contact\t{}\t{}\t{}{phone}", contact.role, contact.name, contact.email))?;
    }
    match &profile.contract {
        Some(contract) => say(format!("contract\t{}", serde_json::to_string(contract)?)),
        None => Ok(()),
    }
}
