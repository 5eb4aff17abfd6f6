//! `comptoir partner | app | plan | key | token`: access from the shell, on the same rules as the
//! admin API. A running server follows within its poll interval.

use super::freezes::{Freeze, Unfreeze, freeze, show_notes, unfreeze};
use super::keys;
use super::lines::{app_line, key_line, partner_line, plan_line, say_now};
use super::simulate::{self, PricesArg, json_or_file, prices};
use super::speak::say;
use crate::access::Pepper;
use crate::access::freezes::{Freezable, Frozen};
use crate::access::keys::model::{KeyFilter, OVERLAP_S, OldEnds, Rotation};
use crate::access::keys::service::{
    create_key, finish_rotation, list_keys, quarantine_key, revoke_key, roll_back_rotation,
    rotate_key, set_key_status,
};
use crate::access::model::{
    Cidr, Definition, DefinitionPatch, IssuedKey, KeySpec, Name, StockDisclosure,
};
use crate::access::offers::{Approval, Description, Offer, get_offer, set_offer};
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::{NoteText, add_note, update_partner};
use crate::access::plan::{PlanData, PlanLimits};
use crate::access::service::{
    By, Switch, Walk, create_app, create_partner, create_plan, list_apps, list_partners,
    list_plans, set_app_plan, set_app_status, set_partner_status, update_plan,
};
use crate::access::transfers;
use crate::access::{Environment, Scope, Scopes};
use crate::app::open_pepper;
use crate::config::{Config, FourEyes};
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::{Clock, Micros};
use crate::limit::{Limit, Limits};
use crate::storage::Db;
use clap::Subcommand;
use std::sync::Arc;

/// Who the audit trail names for a change made from the shell.
const ACTOR: &str = "cli";
/// Rows read at once by a listing.
const PAGE: u32 = 200;

/// Partner organisations.
#[derive(Debug, Subcommand)]
pub(super) enum PartnerCommand {
    /// Create a partner and print its id.
    Create {
        /// Its name.
        #[arg(long)]
        name: Name,
    },
    /// List all partners.
    List,
    /// Give a partner another name.
    Rename { id: PartnerId, name: Name },
    /// Stop all use by a partner's apps.
    Suspend { id: PartnerId },
    /// Allow it again.
    Resume { id: PartnerId },
    /// Stop all use by a partner's apps, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<PartnerId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<PartnerId>),
    /// Write a note about a partner; it can never be changed.
    Note { id: PartnerId, text: NoteText },
    /// Show the notes about a partner, newest first.
    Notes { id: PartnerId },
}

/// Apps.
#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    /// Create an app under a plan and print its id.
    Create {
        /// Whose app it is.
        #[arg(long)]
        partner: PartnerId,
        /// The plan that it is held to.
        #[arg(long)]
        plan: PlanId,
        /// Its name.
        #[arg(long)]
        name: Name,
    },
    /// List all apps.
    List,
    /// Put an app under another plan.
    SetPlan { id: AppId, plan: PlanId },
    /// Give an app to another partner, with its keys, its plan and its webhooks.
    Transfer {
        id: AppId,
        partner: PartnerId,
        /// Only show what would go along.
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop all use by an app's keys.
    Suspend { id: AppId },
    /// Allow it again.
    Resume { id: AppId },
    /// Stop all use by an app's keys, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<AppId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<AppId>),
}

/// Plans.
#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Create a plan and print its id.
    Create {
        /// Its name.
        #[arg(long)]
        name: Name,
        /// A limit: a rate as NAME:UNITS:SECONDS, such as burst:50:1; a quota as NAME:UNITS:PERIOD, such
        /// as month:100000:month (UTC); any limit as JSON of the admin API. Up to eight, enforced together.
        #[arg(long = "limit", required = true, value_parser = limit)]
        limits: Vec<Limit>,
        /// How much of a quantity in stock its apps may know: exact, band or none.
        #[arg(long, value_name = "LEVEL", default_value = "exact")]
        stock_disclosure: StockDisclosure,
        /// What use costs: a price list as JSON of the admin API, or @FILE to read it from a file.
        #[arg(long, value_name = "JSON", value_parser = prices)]
        prices: Option<PricesArg>,
        /// What of the data its apps may read, as JSON of the admin API, or @FILE to read it from a file;
        /// everything where it is left out.
        #[arg(long, value_name = "JSON", value_parser = data)]
        data: Option<Arc<PlanData>>,
    },
    /// List all plans.
    List,
    /// Say how a plan is offered to those who ask for it.
    Offer {
        id: PlanId,
        /// auto, manual or closed.
        #[arg(long)]
        approval: Approval,
        /// Whether everybody may see it.
        #[arg(long)]
        public: bool,
        /// What everybody may read of it.
        #[arg(long)]
        description: Option<Description>,
    },
    /// Give a plan another definition; what is not named stays. No counter is reset.
    Update {
        id: PlanId,
        /// A limit, as for create; those given replace all.
        #[arg(
            long = "limit",
            required_unless_present_any = ["stock_disclosure", "prices", "data"],
            value_parser = limit
        )]
        limits: Vec<Limit>,
        /// How much of a quantity in stock its apps may know: exact, band or none.
        #[arg(long, value_name = "LEVEL")]
        stock_disclosure: Option<StockDisclosure>,
        /// What use costs from now on: a price list as JSON of the admin API, @FILE, or none.
        #[arg(long, value_name = "JSON", value_parser = prices)]
        prices: Option<PricesArg>,
        /// What of the data its apps may read from now on: JSON of the admin API, @FILE, or all.
        #[arg(long, value_name = "JSON", value_parser = data)]
        data: Option<Arc<PlanData>>,
    },
    /// Try other limits, weights and prices out on past usage: who would have been refused what, and what
    /// it would have earned. Changes nothing.
    Simulate(simulate::Args),
}

/// Keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Create a key and print its text, this once.
    Create {
        /// The app that it is for.
        #[arg(long)]
        app: AppId,
        /// live or test.
        #[arg(long, default_value = "live")]
        env: Environment,
        /// What people call it.
        #[arg(long, default_value = "key")]
        name: Name,
        /// A scope; all but those about customers where none is given.
        #[arg(long = "scope")]
        scopes: Vec<Scope>,
        /// A network that it may be used from, such as 192.0.2.0/24; anywhere where none is given.
        #[arg(long = "cidr")]
        cidrs: Vec<Cidr>,
        /// When it ends (RFC 3339).
        #[arg(long)]
        expires_at: Option<Micros>,
    },
    /// List all keys.
    List,
    /// Stop the use of a key for now.
    Suspend { id: KeyId },
    /// Let a key read only, once a second: it may be in wrong hands.
    Quarantine { id: KeyId },
    /// Allow it again.
    Resume { id: KeyId },
    /// Stop the use of a key, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<KeyId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<KeyId>),
    /// End a key for good.
    Revoke { id: KeyId },
    /// Make a new secret and print it, this once; the old one works on for a while.
    Rotate {
        id: KeyId,
        /// Seconds for which the old secret works on beside the new one.
        #[arg(long, default_value_t = OVERLAP_S, conflicts_with = "cut_over_at")]
        overlap_s: u32,
        /// When the new secret begins to work (RFC 3339); at once where it is not given.
        #[arg(long, value_name = "TIME")]
        starts_at: Option<Micros>,
        /// When the old secret ends (RFC 3339).
        #[arg(long, value_name = "TIME")]
        cut_over_at: Option<Micros>,
    },
    /// Import keys of another gateway by their SHA-256: all of a file, or none.
    Import(keys::ImportArgs),
    /// Do one thing to many keys: first look, then repeat the command with the token that was shown.
    Bulk(keys::BulkArgs),
    /// End the old secret of a rotation now.
    Finish { id: KeyId },
    /// Take a rotation back: the new secret ends now, the old one stays.
    RollBack { id: KeyId },
}

/// A limit as the command line has it: in short, or as JSON of the admin API, which the short form is
/// turned into, so that both are read by one reader.
pub(super) fn limit(text: &str) -> Result<Limit, String> {
    let form = || {
        "a limit is NAME:UNITS:SECONDS, such as burst:50:1, or NAME:UNITS:PERIOD, such as \
         month:100000:month, either with the operations that it counts behind it (:list_suggestions) or \
         those that it leaves out (:-list_suggestions), or JSON"
            .to_owned()
    };
    let json = if text.trim_start().starts_with('{') {
        format!("[{text}]")
    } else {
        let parts: Vec<&str> = text.split(':').collect();
        let [name, quota, window, which @ ..] = parts.as_slice() else { return Err(form()) };
        let quota: u64 = quota.parse().map_err(|_| form())?;
        let length = match window.parse::<u64>() {
            Ok(seconds) => ("window_s", serde_json::Value::from(seconds)),
            Err(_) => ("period", serde_json::Value::from(*window)),
        };
        let mut limit = serde_json::json!({ "name": name, "quota": quota, length.0: length.1 });
        match which {
            [] => {}
            [which] => {
                let (field, names) =
                    which.strip_prefix('-').map_or(("operations", *which), |but| ("except", but));
                limit[field] = names.split(',').collect();
            }
            _ => return Err(form()),
        }
        serde_json::json!([limit]).to_string()
    };
    let read: Result<PlanLimits, _> = serde_json::from_str(&json);
    let PlanLimits(limits) = read.map_err(|error| error.to_string())?;
    limits.list().first().cloned().ok_or_else(form)
}

/// What every command needs.
pub(super) struct Desk {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) pepper: Arc<Pepper>,
    pub(super) four_eyes: Vec<FourEyes>,
    withheld: Scopes,
}

impl Desk {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (db, clock) = super::database(config).await?;
        let pepper = open_pepper(config, &db).await?;
        let (four_eyes, withheld) = (config.admin.four_eyes.clone(), super::withheld(config)?);
        Ok(Self { db, clock, pepper, four_eyes, withheld })
    }

    pub(super) fn by(&self) -> By<'static> {
        By::new(ACTOR, self.clock.now()).withholding(self.withheld)
    }
}

/// Shows every row of a listing, page by page.
pub(super) async fn show_all<T, F>(
    mut page: impl FnMut(Walk) -> F,
    id: fn(&T) -> String,
    line: impl Fn(&T) -> String,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Vec<T>>>,
{
    let mut after = String::new();
    loop {
        let rows = page(Walk { after, limit: PAGE }).await?;
        for row in &rows {
            say(line(row))?;
        }
        match rows.last() {
            Some(last) if rows.len() >= PAGE as usize => after = id(last),
            _ => return Ok(()),
        }
    }
}

pub(super) async fn partner(config: &Config, command: PartnerCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        PartnerCommand::Create { name } => say(create_partner(db, by, name).await?.id)?,
        PartnerCommand::List => {
            let page = async |walk: Walk| Ok(list_partners(db, &walk).await?);
            let frozen = Frozen::read(db).await?;
            show_all(page, |p| p.id.to_string(), |it| partner_line(it, &frozen)).await?;
        }
        PartnerCommand::Rename { id, name } => {
            let patch = PartnerPatch { name: Some(name), ..PartnerPatch::default() };
            say_now(db, update_partner(db, by, id, patch).await?, partner_line).await?;
        }
        PartnerCommand::Freeze(how) => freeze(&desk, Freezable::Partner(how.id), how).await?,
        PartnerCommand::Unfreeze(why) => unfreeze(&desk, Freezable::Partner(why.id), &why).await?,
        PartnerCommand::Note { id, text } => say(add_note(db, by, id, &text).await?.number)?,
        PartnerCommand::Notes { id } => show_notes(db, id).await?,
        PartnerCommand::Suspend { id } => {
            say_now(db, set_partner_status(db, by, id, Switch::Suspend).await?, partner_line)
                .await?;
        }
        PartnerCommand::Resume { id } => {
            say_now(db, set_partner_status(db, by, id, Switch::Resume).await?, partner_line)
                .await?;
        }
    }
    Ok(())
}

pub(super) async fn app(config: &Config, command: AppCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        AppCommand::Create { partner, plan, name } => {
            say(create_app(db, by, partner, plan, name).await?.id)?;
        }
        AppCommand::List => {
            let page = async |walk: Walk| Ok(list_apps(db, None, &walk, by.now).await?);
            let frozen = Frozen::read(db).await?;
            show_all(page, |a| a.id.to_string(), |it| app_line(it, &frozen)).await?;
        }
        AppCommand::SetPlan { id, plan } => {
            say_now(db, set_app_plan(db, by, id, plan).await?, app_line).await?;
        }
        AppCommand::Transfer { id, partner, dry_run } => {
            let done = match dry_run {
                true => transfers::preview(db, by, id, partner).await?,
                false => transfers::transfer(db, by, id, partner).await?,
            };
            for key in &done.keys {
                say(format!("key\t{key}"))?;
            }
            say(format!("webhooks\t{}", done.webhooks))?;
        }
        AppCommand::Freeze(how) => freeze(&desk, Freezable::App(how.id), how).await?,
        AppCommand::Unfreeze(why) => unfreeze(&desk, Freezable::App(why.id), &why).await?,
        AppCommand::Suspend { id } => {
            say_now(db, set_app_status(db, by, id, Switch::Suspend).await?, app_line).await?;
        }
        AppCommand::Resume { id } => {
            say_now(db, set_app_status(db, by, id, Switch::Resume).await?, app_line).await?;
        }
    }
    Ok(())
}

/// Reads what a plan includes: JSON, `@FILE`, or `all`.
fn data(text: &str) -> Result<Arc<PlanData>, String> {
    match text {
        "all" => Ok(Arc::default()),
        text => json_or_file(text).map(Arc::new),
    }
}

pub(super) async fn plan(config: &Config, command: PlanCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        PlanCommand::Create { name, limits, stock_disclosure, prices, data } => {
            let prices = prices.and_then(|PricesArg(prices)| prices);
            let data = data.unwrap_or_default();
            let definition =
                Definition { stock_disclosure, prices, data, ..Limits::new(limits)?.into() };
            say(create_plan(db, by, name, definition).await?.id)?;
        }
        PlanCommand::List => {
            let page = async |walk: Walk| Ok(list_plans(db, &walk).await?);
            show_all(page, |p| p.id.to_string(), plan_line).await?;
        }
        PlanCommand::Offer { id, approval, public, description } => {
            set_offer(db, by, id, &Offer { approval, public, description }).await?;
            let Offer { approval, public, .. } = get_offer(db, id).await?;
            say(format!("{id}\t{approval}\t{}", if public { "public" } else { "not public" }))?;
        }
        PlanCommand::Update { id, limits, stock_disclosure, prices, data } => {
            let limits = (!limits.is_empty()).then(|| Limits::new(limits)).transpose()?;
            let limits = limits.map(PlanLimits);
            let prices = prices.map(|PricesArg(prices)| prices);
            let patch = DefinitionPatch {
                limits,
                stock_disclosure,
                prices,
                data,
                ..DefinitionPatch::default()
            };
            say(plan_line(&update_plan(db, by, id, patch).await?))?;
        }
        PlanCommand::Simulate(args) => simulate::run(db, by.now, args).await?,
    }
    Ok(())
}

/// A key's text alone on standard output, so that a script can take it.
fn say_issued(issued: &IssuedKey) -> anyhow::Result<()> {
    say(issued.text.reveal())
}

pub(super) async fn key(config: &Config, command: KeyCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        KeyCommand::Create { app, env, name, scopes, cidrs, expires_at } => {
            let scopes =
                if scopes.is_empty() { Scopes::usual() } else { scopes.into_iter().collect() };
            let cidrs = cidrs.into_iter().map(|cidr| cidr.0).collect();
            let spec = KeySpec { app, environment: env, name, scopes, cidrs, expires_at };
            say_issued(&create_key(db, by, &desk.pepper, spec).await?)?;
        }
        KeyCommand::List => {
            let page =
                async |walk: Walk| Ok(list_keys(db, &KeyFilter::default(), &walk, by.now).await?);
            let frozen = Frozen::read(db).await?;
            show_all(page, |k| k.id.to_string(), |it| key_line(it, &frozen)).await?;
        }
        KeyCommand::Freeze(how) => freeze(&desk, Freezable::Key(how.id), how).await?,
        KeyCommand::Unfreeze(why) => unfreeze(&desk, Freezable::Key(why.id), &why).await?,
        KeyCommand::Suspend { id } => {
            say_now(db, set_key_status(db, by, id, Switch::Suspend).await?, key_line).await?;
        }
        KeyCommand::Resume { id } => {
            say_now(db, set_key_status(db, by, id, Switch::Resume).await?, key_line).await?;
        }
        KeyCommand::Revoke { id } => say_now(db, revoke_key(db, by, id).await?, key_line).await?,
        KeyCommand::Rotate { id, overlap_s, starts_at, cut_over_at } => {
            let old_ends = cut_over_at.map_or(OldEnds::After(overlap_s), OldEnds::At);
            let rotation = Rotation { starts_at, old_ends };
            say_issued(&rotate_key(db, by, &desk.pepper, id, rotation).await?)?;
        }
        KeyCommand::Import(args) => keys::import(&desk, args).await?,
        KeyCommand::Bulk(args) => keys::bulk(&desk, args).await?,
        KeyCommand::Quarantine { id } => {
            say_now(db, quarantine_key(db, by, id).await?, key_line).await?;
        }
        KeyCommand::Finish { id } => {
            say_now(db, finish_rotation(db, by, id).await?, key_line).await?;
        }
        KeyCommand::RollBack { id } => {
            say_now(db, roll_back_rotation(db, by, id).await?, key_line).await?;
        }
    }
    Ok(())
}
