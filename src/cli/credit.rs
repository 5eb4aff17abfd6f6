//! `comptoir credit`: what partners were given or have paid in advance.

use super::desk::Desk;
use super::table::{Table, or_dash, row, say_row};
use crate::access::error::AccessError;
use crate::access::text::Reason;
use crate::billing::BillingError;
use crate::billing::adjustments::asked::Mark;
use crate::billing::credits::asked::{Asked, MIDDLE, Source};
use crate::billing::credits::entries::entries;
use crate::billing::credits::standing::{self, Standing};
use crate::billing::credits::store::{self, CreditFilter};
use crate::billing::credits::{CreditError, make};
use crate::config::{Config, FourEyes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, CreditGrantId, PartnerId};
use clap::Subcommand;

/// Grants read at once.
const PAGE: u32 = 200;

/// Credits.
#[derive(Debug, Subcommand)]
pub(super) enum CreditCommand {
    /// List grants, the newest first: what was granted, what final statements have drawn, what provisional ones draw, what is
    /// left and what has lapsed.
    List {
        /// Only those of this partner.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Only those that pay for statements of this app.
        #[arg(long)]
        app: Option<AppId>,
    },
    /// Show what is booked of a grant, in double entry.
    Show {
        /// The grant, as `credit list` names it.
        grant: CreditGrantId,
    },
    /// Grant credit to a partner, or to one of its apps.
    Grant(GrantArgs),
    /// End a grant: what closed periods have left of it is drawn by nobody any more, for good.
    End {
        /// The grant, as `credit list` names it.
        grant: CreditGrantId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
}

/// What is granted.
#[derive(Debug, clap::Args)]
pub(super) struct GrantArgs {
    /// The partner.
    partner: PartnerId,
    /// How much, with no more decimals than the currency has.
    amount: String,
    /// The currency (ISO 4217): it pays for statements in this one alone.
    currency: String,
    /// The app whose statements alone it pays for. Without it, it pays for those of all apps of the partner.
    #[arg(long)]
    app: Option<AppId>,
    /// Where it comes from: promotional (given) or prepaid (paid for in advance, outside of statements).
    #[arg(long, default_value = "promotional")]
    source: Source,
    /// 0 to 100: what is lower is drawn first.
    #[arg(long, default_value_t = MIDDLE)]
    priority: u8,
    /// It pays for periods that end later (RFC 3339). Without it, from now on.
    #[arg(long, value_name = "INSTANT")]
    effective_from: Option<Micros>,
    /// It pays for periods that begin earlier (RFC 3339). Without it, it never expires.
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<Micros>,
    /// A reference of your own, once for each partner: granted again with it, nothing is made again.
    #[arg(long, value_parser = mark)]
    reference: Option<Mark<64>>,
    /// What it is, for people.
    #[arg(long)]
    note: Reason,
}

fn mark(text: &str) -> Result<Mark<64>, String> {
    text.to_owned().try_into()
}

impl From<GrantArgs> for Asked {
    fn from(args: GrantArgs) -> Self {
        let GrantArgs { partner, amount, currency, app, source, priority, .. } = args;
        let GrantArgs { effective_from, expires_at, reference, note, .. } = args;
        Self {
            partner_id: partner,
            app_id: app,
            source,
            amount,
            currency,
            priority,
            effective_from,
            expires_at,
            reference,
            note,
        }
    }
}

pub(super) async fn run(config: &Config, command: CreditCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let now = desk.db.now(&desk.clock).await?;
    match command {
        CreditCommand::List { partner, app } => {
            list(&desk, CreditFilter { partner, app }, now).await
        }
        CreditCommand::Show { grant } => show(&desk, grant, now).await,
        CreditCommand::Grant(args) => {
            alone(config)?;
            let mut tx = desk.db.begin().await?;
            let made = make::make_in(&mut tx, &desk.by_at(now).alone(), &args.into()).await?;
            tx.commit().await?;
            let asked = made.asked;
            let head = "ID PARTNER APP SOURCE AMOUNT CURRENCY";
            let app = or_dash(asked.app_id);
            let of =
                row![made.id, asked.partner_id, app, asked.source, asked.amount, asked.currency];
            say_row(head, of)
        }
        CreditCommand::End { grant, reason } => {
            alone(config)?;
            let mut tx = desk.db.begin().await?;
            let by = desk.by_at(now).alone();
            let (grant, end) = make::end_in(&mut tx, &by, grant, &reason).await?;
            tx.commit().await?;
            say_row(
                "ID ENDED LAPSED CURRENCY",
                row![grant.id, end.at, end.voided, grant.asked.currency],
            )
        }
    }
}

/// A shell is one person.
fn alone(config: &Config) -> Result<(), BillingError> {
    match config.admin.four_eyes.contains(&FourEyes::PeriodClose) {
        true => Err(AccessError::SecondPersonAlways.into()),
        false => Ok(()),
    }
}

async fn list(desk: &Desk, filter: CreditFilter, now: Micros) -> anyhow::Result<()> {
    let head = "ID PARTNER APP SOURCE STATE AMOUNT DRAWN PROVISIONAL LEFT LAPSED CURRENCY PRIORITY \
                EXPIRES REFERENCE";
    let (mut before, mut table) = (None, Table::new(head));
    let mut tx = desk.db.snapshot().await?;
    loop {
        let page = store::list(&mut tx, filter, before, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        before = page.last().map(|last| (last.made_at, last.id));
        for standing in standing::of(&mut tx, page, now).await? {
            table.row(cells(&standing, now))?;
        }
        if is_last {
            return table.end();
        }
    }
}

fn cells(it: &Standing, now: Micros) -> Vec<String> {
    let (asked, decimals) = (&it.grant.asked, it.grant.decimals());
    row![
        it.grant.id,
        asked.partner_id,
        or_dash(asked.app_id),
        asked.source,
        it.state(now),
        it.granted.text(decimals),
        it.drawn.text(decimals),
        it.provisional.text(decimals),
        it.left.text(decimals),
        it.lapsed.text(decimals),
        asked.currency,
        asked.priority,
        or_dash(asked.expires_at),
        or_dash(asked.reference.as_ref())
    ]
}

async fn show(desk: &Desk, id: CreditGrantId, now: Micros) -> anyhow::Result<()> {
    let mut tx = desk.db.snapshot().await?;
    let unknown = || BillingError::from(CreditError::Unknown(id));
    let grant = store::find(&mut tx, id).await?.ok_or_else(unknown)?;
    let (decimals, currency) = (grant.decimals(), grant.asked.currency.clone());
    let mut table = Table::new("OPERATION AT ACCOUNT AMOUNT CURRENCY");
    for standing in standing::of(&mut tx, vec![grant], now).await? {
        for it in entries(&standing)? {
            table.row(row![it.operation, it.at, it.account, it.amount.text(decimals), currency])?;
        }
    }
    table.end()
}
