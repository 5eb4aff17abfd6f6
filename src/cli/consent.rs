//! `comptoir consent`: what customers have agreed to, and its proof.
//!
//! What is said here names consents, partners and what was agreed to, and no customer: who looks for those of a customer
//! brings the customer's id.

mod verify;

use super::desk::Desk;
use super::speak::say;
use super::table::{Table, or_dash, row, say_row};
use crate::access::service::Walk;
use crate::access::text::Reason;
use crate::authz::ends::revoke_consent;
use crate::authz::events::{self, EventEndpoint};
use crate::authz::signers::evidence_set;
use crate::config::Config;
use crate::consent::ask::RevokedFor;
use crate::consent::proof::file::{ExportBroken, export};
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::status::ConsentStatus;
use crate::consent::store::{read, subjects};
use crate::kernel::id::AppId;
use clap::Subcommand;
use std::io;
use std::process::ExitCode;

/// The columns of consents.
const CONSENT: &str = "ID VERSION STATUS PARTNER APP PURPOSE GRANTED ENDS ENDED-BY";
const ENDPOINT: &str = "APP ADDRESS SINCE";

/// What customers have agreed to.
#[derive(Debug, Subcommand)]
pub(super) enum ConsentCommand {
    /// Check the ledger of consents: hashes, checkpoints, what stands beside it, and receipts. Of one that is not what it was,
    /// the first entry at fault is named, and the exit code is 1.
    Verify(verify::VerifyArgs),
    /// List consents, all or some.
    List {
        /// Only those of a customer, by the id that the retailer has for them.
        #[arg(long)]
        customer: Option<String>,
        /// Only those that were given to an app.
        #[arg(long, conflicts_with = "customer")]
        app: Option<AppId>,
        /// Only those that stand so: pending, active, suspended, revoked, expired or denied.
        #[arg(long)]
        status: Option<ConsentStatus>,
    },
    /// Show a consent, and all that has happened to it.
    Show {
        /// The consent, as `consent list` names it.
        id: GrantId,
    },
    /// End a consent for good.
    Revoke {
        /// The consent, as `consent list` names it.
        id: GrantId,
        /// Why, in a word: requested, account_closed, partner_gone or compromised.
        #[arg(long, default_value = "requested")]
        why: RevokedFor,
        /// Ask the partner to delete what it has.
        #[arg(long)]
        delete: bool,
        /// Why, for the audit log. Name no customer.
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Print the ledger as lines, with the keys and checkpoints to check it by.
    Export,
    /// Where an app takes what it is told of consents.
    #[command(subcommand)]
    Endpoint(EndpointCommand),
}

/// Where apps take what they are told.
#[derive(Debug, Subcommand)]
pub(super) enum EndpointCommand {
    /// Show the address of an app.
    Show {
        /// The app, as `app list` names it.
        app: AppId,
    },
    /// Post what an app is told to an address, as security event tokens (RFC 8935).
    Set {
        /// The app, as `app list` names it.
        app: AppId,
        /// The address.
        url: String,
    },
    /// Post nothing: the app asks for it.
    Remove {
        /// The app, as `app list` names it.
        app: AppId,
    },
}

/// Exit code 1 where the ledger does not hold.
pub(super) async fn run(config: &Config, command: ConsentCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConsentCommand::Verify(args) => return Box::pin(verify::run(config, &args)).await,
        ConsentCommand::List { customer, app, status } => {
            list(&Desk::open(config).await?, (customer, app), status).await?;
        }
        ConsentCommand::Show { id } => show(&Desk::open(config).await?, id).await?,
        ConsentCommand::Revoke { id, why, delete, reason } => {
            let desk = Desk::open(config).await?;
            let (by, reason) = (desk.by(), reason.as_ref());
            let record = revoke_consent(&desk.db, (&by, reason), id, (why, delete)).await?;
            say_row(CONSENT, consent_row(&record))?;
        }
        ConsentCommand::Export => export_ledger(&Desk::open(config).await?).await?,
        ConsentCommand::Endpoint(command) => endpoint(config, command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn consent_row(record: &ConsentRecord) -> Vec<String> {
    let (parties, validity) = (&record.parties, &record.validity);
    row![
        record.grant_id,
        record.version,
        record.status,
        parties.partner_legal_name,
        parties.client_id,
        record.purpose.purpose_id.as_str(),
        or_dash(validity.granted_at),
        validity.expires_at,
        or_dash(record.end.map(|end| end.ended_by)),
    ]
}

async fn list(
    desk: &Desk,
    (customer, app): (Option<String>, Option<AppId>),
    status: Option<ConsentStatus>,
) -> anyhow::Result<()> {
    let db = &desk.db;
    let subject = match &customer {
        Some(customer) => match subjects::reference_of(db, customer).await? {
            Some(subject) => Some(subject),
            // Nothing was ever asked of them, or they are forgotten.
            None => return Table::new(CONSENT).end(),
        },
        None => None,
    };
    let mut table = Table::new(CONSENT);
    let mut walk = Walk { after: String::new(), limit: 200 };
    loop {
        let page = match (subject, app) {
            (Some(subject), _) => read::of_subject(db, subject, &walk).await?,
            (None, Some(app)) => read::of_client(db, app, &walk).await?,
            (None, None) => read::all(db, &walk).await?,
        };
        let Some(last) = page.last() else { return table.end() };
        walk.after = last.grant_id.to_string();
        for record in page.iter().filter(|it| status.is_none_or(|status| it.status == status)) {
            table.row(consent_row(record))?;
        }
    }
}

async fn show(desk: &Desk, id: GrantId) -> anyhow::Result<()> {
    let history = read::history(&desk.db, id).await?;
    let history = history.ok_or_else(|| anyhow::anyhow!("there is no consent {id}"))?;
    if let Some(record) = history.versions.last() {
        let mut table = Table::of_one();
        let details = &record.data.authorization_details;
        for cells in [
            row!["consent", record.consent_id()],
            row!["status", record.status],
            row!["partner", record.parties.partner_legal_name],
            row!["app", record.parties.client_id],
            row!["purpose", record.purpose.purpose_id.as_str()],
            row!["scopes", record.data.scopes],
            row!["left out", details.exclude_categories],
            row!["granted", or_dash(record.validity.granted_at)],
            row!["ends", record.validity.expires_at],
            row!["ended by", or_dash(record.end.map(|end| end.ended_by))],
            row!["ended for", or_dash(record.end.map(|end| end.end_reason))],
            row!["notice", record.notice.notice_id],
            row!["has a receipt", record.receipt_jws.is_some()],
        ] {
            table.row(cells)?;
        }
        table.end()?;
    }
    if let Some(deletion) = events::deletion(&desk.db, id).await? {
        let headings = "DELETION-ASKED DUE CONFIRMED RECORDS";
        let (confirmed, records) = (or_dash(deletion.confirmed_at), or_dash(deletion.records));
        say_row(headings, row![deletion.asked_at, deletion.due_at, confirmed, records])?;
    }
    let mut table = Table::new("SEQ AT VERSION WHAT WHO");
    for entry in &history.entries {
        let at = crate::kernel::Micros(entry.at_ms.saturating_mul(1_000));
        table.row(row![entry.seq, at, entry.version, entry.kind, entry.actor])?;
    }
    table.end()
}

async fn export_ledger(desk: &Desk) -> anyhow::Result<()> {
    let keys = evidence_set(&desk.db, desk.clock.now()).await?;
    // What it is that keeps a line from being said is told as everywhere.
    let mut unsaid = None;
    let take = |line: String| {
        say(line).map_err(|error| {
            unsaid = Some(error);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    };
    match (export(&desk.db, &keys, take).await, unsaid) {
        (Err(ExportBroken::Taken(_)), Some(error)) => Err(error),
        (done, _) => Ok(done?),
    }
}

async fn endpoint(config: &Config, command: EndpointCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let rules = events::rules(&config.hooks);
    let (app, set) = match command {
        EndpointCommand::Show { app } => (app, events::endpoint(&desk.db, app).await?),
        EndpointCommand::Set { app, url } => {
            let by = (&desk.by(), &rules);
            (app, events::set_endpoint(&desk.db, by, app, Some(&url)).await?)
        }
        EndpointCommand::Remove { app } => {
            let by = (&desk.by(), &rules);
            (app, events::set_endpoint(&desk.db, by, app, None).await?)
        }
    };
    let (url, since) = match set {
        Some(EventEndpoint { url, set_at }) => (Some(url), Some(set_at)),
        None => (None, None),
    };
    say_row(ENDPOINT, row![app, or_dash(url), or_dash(since)])
}
