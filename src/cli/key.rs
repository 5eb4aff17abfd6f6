//! `comptoir key`: keys from the shell, one at a time. What is done to many is in [`super::keys`].

mod show;

use super::desk::{Desk, show_all};
use super::freezes::{Because, Freeze, Unfreeze, Why, freeze, unfreeze};
use super::keys;
use super::lines::{KEY, key_row, say_leaks, say_now};
use super::speak::{of_secret, say};
use crate::access::freezes::{Freezable, Frozen};
use crate::access::keys::model::{
    KeyFilter, KeyKind, KeyPatch, KeyStatus, OVERLAP_S, OldEnds, Rotation,
};
use crate::access::keys::service::{
    Begun, create_key, edit_key, finish_rotation, get_key, list_keys, quarantine_key, revoke_key,
    roll_back_rotation, rotate_key, set_key_status,
};
use crate::access::leaks::{Found, list_leaks};
use crate::access::model::{Cidr, IssuedKey, KeySpec, Name};
use crate::access::service::{Switch, Walk};
use crate::access::{Environment, Scope, Scopes};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId};
use clap::{Args, Subcommand};

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
        #[arg(long, value_name = "TIME")]
        expires_at: Option<Micros>,
        #[command(flatten)]
        because: Because,
    },
    /// List all keys, or some of them.
    List(ListArgs),
    /// Show a key with its secrets, and when each was last used. No text of a secret is shown.
    Show {
        /// The key, as `key list` names it.
        id: KeyId,
        /// As JSON of the admin API.
        #[arg(long)]
        json: bool,
    },
    /// Change a key; what is not named stays, and so does its text.
    Update(Box<Update>),
    /// Show where a key was found that should not be seen, the newest place first.
    Leaks {
        /// The key, as `key list` names it.
        id: KeyId,
    },
    /// Stop the use of a key for now.
    Suspend(Why<KeyId>),
    /// Let a key read only, once a second: it may be in wrong hands.
    Quarantine(Why<KeyId>),
    /// Allow it again.
    Resume(Why<KeyId>),
    /// Stop the use of a key, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<KeyId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<KeyId>),
    /// End a key for good.
    Revoke(Why<KeyId>),
    /// Make a new secret and print it, this once; the old one works on for a while.
    Rotate {
        /// The key, as `key list` names it.
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
        #[command(flatten)]
        because: Because,
    },
    /// Import keys of another gateway by their SHA-256: all of a file, or none.
    Import(keys::ImportArgs),
    /// Do one thing to many keys: first look, then repeat the command with the token that was shown.
    Bulk(keys::BulkArgs),
    /// End the old secret of a rotation now.
    Finish {
        #[command(flatten)]
        why: Why<KeyId>,
        /// Also where the new secret begins later: it then begins now.
        #[arg(long)]
        now: bool,
    },
    /// Take a rotation back: the new secret ends now, the old one stays.
    RollBack(Why<KeyId>),
}

/// Which keys are listed.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    which: keys::Which,
    /// Only keys, or only OAuth clients: key or client.
    #[arg(long)]
    kind: Option<KeyKind>,
    /// Only those that are active, quarantined, suspended or revoked.
    #[arg(long)]
    status: Option<KeyStatus>,
}

impl ListArgs {
    fn filter(self, now: Micros) -> KeyFilter {
        let Self { which, kind, status } = self;
        let keys::Which {
            partner,
            app,
            plan,
            env: environment,
            scope,
            hint,
            created_before,
            used_before,
            attention,
            within_days,
        } = which;
        let attention = attention.map(|attention| (attention, attention.time(within_days, now)));
        KeyFilter {
            ids: Vec::new(),
            partner,
            app,
            plan,
            environment,
            kind,
            status,
            scope,
            hint,
            created_before,
            used_before,
            attention,
        }
    }
}

/// What shall be different in a key.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// The key, as `key list` names it.
    id: KeyId,
    /// What people call it.
    #[arg(long)]
    name: Option<Name>,
    /// A scope; those given replace all.
    #[arg(long = "scope")]
    scopes: Vec<Scope>,
    /// A network that it may be used from; those given replace all.
    #[arg(long = "cidr", conflicts_with = "anywhere")]
    cidrs: Vec<Cidr>,
    /// It may be used from anywhere.
    #[arg(long)]
    anywhere: bool,
    /// When it ends (RFC 3339).
    #[arg(long, value_name = "TIME", conflicts_with = "no_end")]
    expires_at: Option<Micros>,
    /// It has no end.
    #[arg(long)]
    no_end: bool,
    #[command(flatten)]
    because: Because,
}

impl Update {
    fn patch(&self) -> KeyPatch {
        let given = |scopes: &Vec<Scope>| scopes.iter().copied().collect();
        let cidrs = || self.cidrs.iter().map(|cidr| cidr.0).collect();
        KeyPatch {
            name: self.name.clone(),
            scopes: Some(&self.scopes).filter(|scopes| !scopes.is_empty()).map(given),
            cidrs: (self.anywhere || !self.cidrs.is_empty()).then(cidrs),
            expires_at: self.expires_at.map(Some).or(self.no_end.then_some(None)),
        }
    }
}

/// A key's text alone on standard output, so that a script can take it.
fn say_issued(issued: &IssuedKey) -> anyhow::Result<()> {
    of_secret(say(issued.text.reveal()))
}

pub(super) async fn run(config: &Config, command: KeyCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        KeyCommand::Create { app, env, name, scopes, cidrs, expires_at, because } => {
            let scopes =
                if scopes.is_empty() { Scopes::usual() } else { scopes.into_iter().collect() };
            let cidrs = cidrs.into_iter().map(|cidr| cidr.0).collect();
            let spec = KeySpec { app, environment: env, name, scopes, cidrs, expires_at };
            say_issued(&create_key(db, &because.say(*by), &desk.pepper, spec).await?)
        }
        KeyCommand::List(args) => {
            let filter = args.filter(by.now);
            let page = async |walk: Walk| Ok(list_keys(db, &filter, &walk, by.now).await?);
            let frozen = Frozen::read(db).await?;
            show_all(KEY, page, |k| k.id.to_string(), |it| key_row(it, &frozen)).await
        }
        KeyCommand::Show { id, json } => show::show(&desk, id, json).await,
        KeyCommand::Update(update) => {
            let by = update.because.say(*by);
            let key = edit_key(db, &by, update.id, None, update.patch()).await?;
            say_now(db, key, KEY, key_row).await
        }
        KeyCommand::Leaks { id } => {
            get_key(db, id, by.now).await?;
            say_leaks(&list_leaks(db, Found::Key(id)).await?)
        }
        KeyCommand::Freeze(how) => freeze(&desk, Freezable::Key(how.id), how).await,
        KeyCommand::Unfreeze(why) => unfreeze(&desk, Freezable::Key(why.id), &why).await,
        KeyCommand::Rotate { id, overlap_s, starts_at, cut_over_at, because } => {
            let old_ends = cut_over_at.map_or(OldEnds::After(overlap_s), OldEnds::At);
            let (rotation, by) = (Rotation { starts_at, old_ends }, because.say(*by));
            say_issued(&rotate_key(db, &by, &desk.pepper, id, rotation).await?)
        }
        KeyCommand::Import(args) => keys::import(&desk, args).await,
        KeyCommand::Bulk(args) => keys::bulk(&desk, args).await,
        KeyCommand::Suspend(why) => act(&desk, Act::Switch(Switch::Suspend), why).await,
        KeyCommand::Resume(why) => act(&desk, Act::Switch(Switch::Resume), why).await,
        KeyCommand::Quarantine(why) => act(&desk, Act::Quarantine, why).await,
        KeyCommand::Revoke(why) => act(&desk, Act::Revoke, why).await,
        KeyCommand::Finish { why, now } => {
            let begun = if now { Begun::Now } else { Begun::Already };
            act(&desk, Act::Finish(begun), why).await
        }
        KeyCommand::RollBack(why) => act(&desk, Act::RollBack, why).await,
    }
}

/// What is done to a key without more being said.
enum Act {
    Switch(Switch),
    Quarantine,
    Revoke,
    Finish(Begun),
    RollBack,
}

async fn act(desk: &Desk, act: Act, Why { id, because }: Why<KeyId>) -> anyhow::Result<()> {
    let (db, by) = (&desk.db, because.say(desk.by()));
    let key = match act {
        Act::Switch(switch) => set_key_status(db, &by, id, switch).await?,
        Act::Quarantine => quarantine_key(db, &by, id).await?,
        Act::Revoke => revoke_key(db, &by, id).await?,
        Act::Finish(begun) => finish_rotation(db, &by, id, begun).await?,
        Act::RollBack => roll_back_rotation(db, &by, id).await?,
    };
    say_now(db, key, KEY, key_row).await
}
