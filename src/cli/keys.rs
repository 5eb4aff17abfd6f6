//! `comptoir key import | bulk` and `comptoir client`: many keys at once, and keys of another kind.

use super::desk::Desk;
use super::freezes::Because;
use super::json::json;
use super::speak::{of_secret, say};
use super::table::{Table, or_dash, row};
use crate::access::imported::ImportedHasher;
use crate::access::keys::bulk::{self, BulkAction, BulkFilterIn, BulkIn};
use crate::access::keys::import::{self, Format};
use crate::access::keys::model::{Attention, DAYS_MOST};
use crate::access::model::{Cidr, KeySpec, Name};
use crate::access::oauth::{create_client, jwk, set_jwks};
use crate::access::{Environment, Scope, Scopes};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::secret::Secret;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Keys of another gateway.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// A file of JSON lines, or of CSV where its name ends so: `app_id`, `name`, `sha256` or `blake3`, and
    /// where wanted `environment`, `scopes`, `cidrs`, `expires_at`, `hint`.
    file: PathBuf,
    /// Look only, and store nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    because: Because,
}

/// Which keys are meant: those that fit all that is given.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only those of a partner's apps.
    #[arg(long)]
    pub(super) partner: Option<PartnerId>,
    /// Only those of an app.
    #[arg(long)]
    pub(super) app: Option<AppId>,
    /// Only those of apps on a plan.
    #[arg(long)]
    pub(super) plan: Option<PlanId>,
    /// Only live or test ones.
    #[arg(long)]
    pub(super) env: Option<Environment>,
    /// Only those that hold a scope.
    #[arg(long)]
    pub(super) scope: Option<Scope>,
    /// Only those with a secret that ends so.
    #[arg(long)]
    pub(super) hint: Option<String>,
    /// Only those made before (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(super) created_before: Option<Micros>,
    /// Only those last used before, or never and made before it (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(super) used_before: Option<Micros>,
    /// Only those that want to be looked at: expiring (they end soon), old_secret_used and old_secret_quiet (a
    /// rotation is under way, and the old secret was or was not used lately), unused, or leaked (found where
    /// everybody can read them).
    #[arg(long, value_name = "WHY")]
    pub(super) attention: Option<Attention>,
    /// The days of --attention: 14 for what ends, 1 for old secrets and 90 for the rest, where it is left out.
    #[arg(long, value_name = "DAYS", requires = "attention", value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MOST)))]
    pub(super) within_days: Option<u32>,
}

impl Which {
    /// What is meant of many keys, of these ids where any are given.
    fn filter(self, ids: Vec<KeyId>) -> BulkFilterIn {
        let Self {
            partner,
            app,
            plan,
            env,
            scope,
            hint,
            created_before,
            used_before,
            attention,
            within_days,
        } = self;
        BulkFilterIn {
            ids,
            partner_id: partner,
            app_id: app,
            plan_id: plan,
            environment: env,
            scope,
            hint,
            created_before,
            used_before,
            attention,
            within_days,
        }
    }
}

/// One thing that is done to many keys.
#[derive(Debug, Args)]
pub(super) struct BulkArgs {
    /// What to do: rotate, quarantine, suspend, resume or revoke.
    action: BulkAction,
    /// Only those with these ids.
    #[arg(long = "id")]
    ids: Vec<KeyId>,
    #[command(flatten)]
    which: Which,
    /// For rotate: seconds for which the old secrets work on; a day where it is not given.
    #[arg(long)]
    overlap_s: Option<u32>,
    /// Does it: the token that the same command has shown before.
    #[arg(long)]
    token: Option<String>,
    #[command(flatten)]
    because: Because,
}

/// OAuth clients.
#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Create a client and print its id, and where it has one its secret, this once.
    Create {
        /// The app that it is for.
        #[arg(long)]
        app: AppId,
        /// live or test.
        #[arg(long, default_value = "live")]
        env: Environment,
        /// What people call it.
        #[arg(long, default_value = "client")]
        name: Name,
        /// A scope; all but those about customers where none is given.
        #[arg(long = "scope")]
        scopes: Vec<Scope>,
        /// A network that it may be used from; anywhere where none is given.
        #[arg(long = "cidr")]
        cidrs: Vec<Cidr>,
        /// When it ends (RFC 3339).
        #[arg(long, value_name = "TIME")]
        expires_at: Option<Micros>,
        /// A file with public keys of its own (a JWK set); without it, it gets a secret.
        #[arg(long, value_name = "FILE")]
        jwks: Option<PathBuf>,
        #[command(flatten)]
        because: Because,
    },
    /// Give a client other public keys, in place of all that it has.
    SetJwks {
        /// The client, as `key list` names it.
        id: KeyId,
        /// A file with a JWK set.
        file: PathBuf,
        #[command(flatten)]
        because: Because,
    },
}

pub(super) async fn import(desk: &Desk, args: ImportArgs) -> anyhow::Result<()> {
    let name = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("{name} cannot be read"))?;
    let is_csv = args.file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    let rows = import::parse(if is_csv { Format::Csv } else { Format::Ndjson }, &bytes);
    let hasher = ImportedHasher::new(&desk.pepper);
    let report =
        import::import_keys(&desk.db, &args.because.say(desk.by()), &hasher, rows, args.dry_run)
            .await?;
    for fault in &report.faults {
        let field = if fault.field.is_empty() { "row" } else { fault.field };
        say(format!("{name}:{}\t{field}\t{}\t{}", fault.line, fault.code, fault.message))?;
    }
    for (line, id) in report.accepted.iter().filter_map(|(line, id)| Some((line, (*id)?))) {
        say(format!("{name}:{line}\t{id}"))?;
    }
    let (right, wrong) = (report.accepted.len(), report.faults.len());
    match (report.stored, wrong) {
        (true, _) => Ok(()),
        (false, 0) => say(format!("{}; nothing was stored", are(right, "key", "right"))),
        _ => {
            let (wrong, right) = (are(wrong, "row", "at fault"), are(right, "row", "right"));
            anyhow::bail!("{wrong}, {right}; nothing was stored")
        }
    }
}

/// `1 key is right`, `2 keys are right`.
fn are(count: usize, what: &str, how: &str) -> String {
    match count {
        1 => format!("1 {what} is {how}"),
        count => format!("{count} {what}s are {how}"),
    }
}

fn keys(count: usize) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{count} keys") }
}

pub(super) async fn bulk(desk: &Desk, args: BulkArgs) -> anyhow::Result<()> {
    let token = args.token.clone();
    let filter = args.which.filter(args.ids);
    let request = BulkIn { action: args.action, filter, overlap_s: args.overlap_s };
    let (db, pepper, by) = (&desk.db, &desk.pepper, args.because.say(desk.by()));
    let Some(token) = token else {
        let seen = bulk::preview(db, pepper, &request, by.now).await?;
        let mut table = Table::new("ID STATUS APP NAME LAST-USED");
        for key in &seen.keys {
            let used = or_dash(key.last_used_at);
            table.row(row![key.id, key.status, key.spec.app, key.spec.name, used])?;
        }
        for (id, why) in &seen.skipped {
            table.row(row![id, "skipped", why])?;
        }
        table.end()?;
        let count = seen.keys.len();
        let Some(token) = seen.token else {
            return say(format!("no key to {}", request.action));
        };
        let them = if count == 1 { "it" } else { "them" };
        say(format!("{}; to {} {them}, repeat the command with", keys(count), request.action))?;
        return say(format!("--token {token}"));
    };
    if request.action.matters() {
        by.may_change_many()?;
    }
    let mut table = Table::new("ID STATUS SECRET");
    let changed = bulk::execute(db, &by, pepper, &request, &token).await?;
    let has_secrets = changed.iter().any(|changed| changed.text.is_some());
    let rows = changed.into_iter().try_for_each(|changed| {
        let text = or_dash(changed.text.as_ref().map(Secret::reveal));
        table.row(row![changed.key.id, changed.status, text])
    });
    let told = rows.and_then(|()| table.end());
    if has_secrets { of_secret(told) } else { told }
}

fn read_jwks(file: &Path) -> anyhow::Result<Vec<jwk::PublicJwk>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    let set = json(&text).map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
    jwk::read_set(&set).map_err(|why| anyhow::anyhow!("{name}: {why}"))
}

pub(super) async fn client(config: &Config, command: ClientCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        ClientCommand::Create { app, env, name, scopes, cidrs, expires_at, jwks, because } => {
            let scopes =
                if scopes.is_empty() { Scopes::usual() } else { scopes.into_iter().collect() };
            let cidrs = cidrs.into_iter().map(|cidr| cidr.0).collect();
            let spec = KeySpec { app, environment: env, name, scopes, cidrs, expires_at };
            let jwks = jwks.as_deref().map(read_jwks).transpose()?;
            let (client, secret) =
                create_client(db, &because.say(*by), &desk.pepper, spec, jwks).await?;
            let told = say(client.id);
            match secret {
                Some(secret) => of_secret(told.and_then(|()| say(secret.reveal())))?,
                None => told?,
            }
        }
        ClientCommand::SetJwks { id, file, because } => {
            let client =
                set_jwks(db, &because.say(*by), &desk.pepper, id, &read_jwks(&file)?).await?;
            say(format!("{} has {} of its own", client.id, keys(client.secrets.len())))?;
        }
    }
    Ok(())
}
