//! `comptoir demo`: from nothing to three calls that work.

mod partners;
mod provider;
mod source;

use super::serve::stop_signal;
use super::speak::mention;
use crate::access::Pepper;
use crate::access::keys::service::create_key;
use crate::access::model::{Definition, KeySpec, Name};
use crate::access::plan::PlanPrices;
use crate::access::service::{
    AppFilter, By, Walk, create_app, create_partner, create_plan, list_apps, list_partners,
    list_plans,
};
use crate::access::{Environment, Op as _, Scopes, op};
use crate::app::{Addresses, Comptoir, check_listeners, lock_data_dir, open_database, open_pepper};
use crate::billing::credits::make::make_in;
use crate::config::{self, Config, DatabaseUrl};
use crate::customers;
use crate::demo::{self, Seed, seed};
use crate::feeds::{Feed, import_values};
use crate::kernel::Clock;
use crate::kernel::id::{AppId, PartnerId, ProductId, StoreId};
use crate::kernel::secret::Secret;
use crate::limit::{Cycle, Kind, Limit, Limits, Operations, Period, Quota};
use crate::storage::{Db, write_durably};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the demo keeps its data where neither the command line nor the settings say otherwise.
const DATA_DIR: &str = "demo-data";
/// Who the audit trail names for what the demo makes.
const ACTOR: &str = "demo";

/// A newcomer waits for what is told of usage.
const POLL: Duration = Duration::from_secs(1);

/// The plan of the demo's keys.
const PLAN: &str = "Découverte";

/// How to run the demo.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to keep the data: made and seeded where it does not exist, kept as it is where it does.
    /// Without it `server.data_dir`, or `demo-data` where that is not set either.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Seed the data and stop.
    #[arg(long)]
    seed_only: bool,
}

/// The keys that the demo shows again at each start. They open fictional data only.
struct DemoKeys {
    live: String,
    test: String,
}

/// Settles what the demo keeps where: its own folder and links to its own listener, unless the
/// settings say otherwise.
fn settle(config: &mut Config, data_dir: Option<PathBuf>) {
    let Config { server: defaults, catalog, alerts, .. } = Config::embedded();
    let unset = config.server.data_dir == defaults.data_dir;
    let chosen = data_dir.or_else(|| unset.then(|| DATA_DIR.into()));
    if let Some(dir) = chosen {
        let before = std::mem::replace(&mut config.server.data_dir, dir.clone());
        if config.database.url == DatabaseUrl::Sqlite(before.join("comptoir.db")) {
            config.database.url = DatabaseUrl::Sqlite(dir.join("comptoir.db"));
        }
        if config.access.pepper == config::Pepper::Generated(before.join("pepper")) {
            config.access.pepper = config::Pepper::Generated(dir.join("pepper"));
        }
    }
    source::settle(&mut config.feeds, &config.server.data_dir);
    config.registration.enabled = true;
    if config.alerts.poll == alerts.poll {
        config.alerts.poll = POLL;
    }
    if config.catalog.language == catalog.language
        && let Ok(own) = demo::LANGUAGE.parse()
    {
        config.catalog.language = own;
    }
    if config.server.public_url == defaults.public_url {
        config.server.public_url = format!("http://{}", config.server.public_listen);
    }
}

/// `file` is the settings file, which the commands that are shown name too.
pub(super) async fn run(mut config: Config, args: Args, file: Option<&Path>) -> anyhow::Result<()> {
    crate::telemetry::init_logging(&config.telemetry);
    settle(&mut config, args.data_dir);
    let data_dir = config.server.data_dir.clone();
    let clock = Clock::System;
    if !args.seed_only {
        // Before the seeding, which takes a while.
        check_listeners(&config)?;
    }
    let lock = lock_data_dir(&data_dir)?;
    let keys = prepare(&config, &clock).await?;
    drop(lock);
    if args.seed_only {
        return Ok(());
    }
    let stop = stop_signal()?;
    let login = provider::open(&mut config, &clock)?;
    let issuer = login.as_ref().map(|login| login.issuer.clone());
    let handle = login.as_ref().map(|login| login.server.handle());
    if let Some(login) = login {
        tokio::spawn(login.server);
    }
    let mut comptoir = Comptoir::open(config, clock).await?;
    let token = comptoir.take_bootstrap_token();
    let command = command(&data_dir, file);
    let told = move |at| {
        welcome(at, &keys, (token.as_ref(), &command), &data_dir);
        tell_login(at, issuer.as_deref());
    };
    let served = comptoir.serve(told, stop).await;
    if let Some(handle) = handle {
        handle.stop(false).await;
    }
    served
}

/// Seeds what is not seeded yet. Interrupted, it can be run again: what is there stays.
async fn prepare(config: &Config, clock: &Clock) -> anyhow::Result<DemoKeys> {
    let db = open_database(config).await?;
    if db.setting("demo").await?.is_none() {
        mention("Seeding a fictional French retailer (some seconds, this once)…");
        let data = seed(clock.now(), &config.server.public_url);
        import_all(&db, clock, &data).await?;
        let mut tx = db.begin().await?;
        customers::store::put_seed(
            &mut tx,
            &data.customers,
            &data.purchases,
            &data.loyalty,
            &data.lists,
        )
        .await?;
        tx.setting_or("demo", "seeded").await?;
        tx.commit().await?;
    }
    let pepper = open_pepper(config, &db).await?;
    let keys = keys(&config.server.data_dir, &db, clock, &pepper).await?;
    if db.setting("demo partners").await?.is_none() {
        partners::put(&db, &By::new(ACTOR, clock.now()), PLAN).await?;
        let mut tx = db.begin().await?;
        tx.setting_or("demo partners", "seeded").await?;
        tx.commit().await?;
    }
    provider::put(&db, config, clock).await?;
    source::put(&config.server.data_dir)?;
    db.close().await;
    Ok(keys)
}

async fn import_all(db: &Db, clock: &Clock, data: &Seed) -> anyhow::Result<()> {
    let offers: Vec<&[Value]> = data.offers.iter().map(Vec::as_slice).collect();
    let feeds: [(Feed, &[&[Value]]); 6] = [
        (Feed::Categories, &[&data.categories]),
        (Feed::Products, &[&data.products]),
        (Feed::Stores, &[&data.stores]),
        (Feed::Promotions, &[&data.promotions]),
        (Feed::Offers, &offers),
        (Feed::Stock, &[&data.stock]),
    ];
    for (feed, states) in feeds {
        let mut rows = 0;
        for lines in states {
            let report = import_values(db, clock, feed, lines).await?;
            anyhow::ensure!(report.rejected == 0, "the seed has rows that are refused:\n{report}");
            rows += lines.len();
        }
        mention(format!("  {:<11} {rows:>6}", feed.as_str()));
    }
    Ok(())
}

/// The app that the demo's keys are for. A first run that was cut leaves its partner and plan behind:
/// they are taken again.
async fn app(db: &Db, by: &By<'_>, limits: Limits) -> anyhow::Result<AppId> {
    let all = Walk { after: String::new(), limit: 200 };
    let (plan_name, partner_name): (Name, Name) = (PLAN.parse()?, "Prix Malin".parse()?);
    let plan = match list_plans(db, &all).await?.into_iter().find(|p| p.name == plan_name) {
        Some(plan) => plan,
        None => {
            let definition = Definition { prices: Some(prices()?), ..limits.into() };
            create_plan(db, by, plan_name, definition).await?
        }
    };
    let partner = match list_partners(db, &all).await?.into_iter().find(|p| p.name == partner_name)
    {
        Some(partner) => partner,
        None => create_partner(db, by, partner_name).await?,
    };
    grant(db, by, partner.id).await?;
    let apps = list_apps(
        db,
        &AppFilter { partner: Some(partner.id), ..AppFilter::default() },
        &all,
        by.now,
    )
    .await?;
    Ok(match apps.first() {
        Some(app) => app.id,
        None => create_app(db, by, partner.id, plan.id, "Comparateur".parse()?).await?.id,
    })
}

/// Grants a credit, once, so that the statement shows one.
async fn grant(db: &Db, by: &By<'_>, partner: PartnerId) -> anyhow::Result<()> {
    let asked = json!({
        "partner_id": partner, "source": "promotional", "amount": "5.00", "currency": "EUR",
        "reference": "welcome", "note": "Welcome",
    });
    let mut tx = db.begin().await?;
    make_in(&mut tx, by, &serde_json::from_value(asked)?).await?;
    Ok(tx.commit().await?)
}

/// The limits of the demo's keys. One is small, so that a newcomer sees what happens when it is used.
fn limits() -> anyhow::Result<Limits> {
    let history = Limit {
        operations: Operations::only([op::ListPriceHistory::OPERATION.code]),
        kind: Kind::Quota(Quota {
            quota: 10,
            cycle: Cycle { period: Period::Day, ..Cycle::default() },
        }),
        ..Limit::rate("history".parse()?, 10, 1)
    };
    let day = Limit {
        operations: Operations::all_but(SUGGESTIONS),
        ..Limit::rate("day".parse()?, 100_000, 86_400)
    };
    let [burst, suggest] = bursts(50)?;
    Ok(Limits::new(vec![burst, day, history, suggest])?)
}

/// What the plan of the demo's keys costs, so that there are statements to look at.
fn prices() -> anyhow::Result<PlanPrices> {
    let list = json!({
        "currency": "EUR", "time_zone": "Europe/Paris", "fee": "9.00", "proration": "by_second",
        "charges": [{
            "name": "calls", "meter": "requests", "model": "graduated", "included": 3,
            "tiers": [{ "up_to": 100_000, "unit_price": "0.002" }, { "unit_price": "0.0015" }],
        }],
    });
    Ok(serde_json::from_value(list)?)
}

/// What is asked for with every letter that a shopper types.
const SUGGESTIONS: [u16; 1] = [op::ListSuggestions::OPERATION.code];

/// A rate of so many units a second for all calls but suggestions, and one of its own for these: a tenth of a
/// unit each, so that ten times as many a second as its units.
fn bursts(units: u32) -> anyhow::Result<[Limit; 2]> {
    let but = Operations::all_but(SUGGESTIONS);
    let burst = Limit { operations: but, ..Limit::rate("burst".parse()?, units, 1) };
    let only = Operations::only(SUGGESTIONS);
    let suggest =
        Limit { operations: only, ..Limit::rate("suggest".parse()?, units.div_ceil(5), 1) };
    Ok([burst, suggest])
}

/// The demo's keys: those of the first run, from the file that only a demo has.
async fn keys(
    data_dir: &Path,
    db: &Db,
    clock: &Clock,
    pepper: &Pepper,
) -> anyhow::Result<DemoKeys> {
    let path = data_dir.join("demo-keys");
    if let Ok(text) = std::fs::read_to_string(&path) {
        let mut lines = text.lines().map(str::to_owned);
        if let (Some(live), Some(test)) = (lines.next(), lines.next()) {
            return Ok(DemoKeys { live, test });
        }
    }
    let by = By::new(ACTOR, clock.now());
    let app = app(db, &by, limits()?).await?;
    let issue = async |environment: Environment| -> anyhow::Result<String> {
        let spec = KeySpec {
            app,
            environment,
            name: format!("demo {environment}").parse()?,
            scopes: Scopes::usual(),
            cidrs: Vec::new(),
            expires_at: None,
        };
        Ok(create_key(db, &by, pepper, spec).await?.text.reveal().to_owned())
    };
    let keys =
        DemoKeys { live: issue(Environment::Live).await?, test: issue(Environment::Test).await? };
    let text = format!("{}\n{}\n", keys.live, keys.test);
    write_durably(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
    Ok(keys)
}

/// How the program is called for this demo.
fn command(data_dir: &Path, file: Option<&Path>) -> String {
    let settings = file.map_or_else(String::new, |file| format!(" --config '{}'", file.display()));
    format!("COMPTOIR__SERVER__DATA_DIR='{}' comptoir{settings}", data_dir.display())
}

/// Where made-up customers log in.
fn tell_login(at: Addresses, issuer: Option<&str>) {
    if let Some(issuer) = issuer {
        mention(format!(
            "\nMade-up customers log in at the demo's OpenID provider, {issuer}; as one of them, see what you share:\n\
             \n  http://{}/me",
            at.public
        ));
    }
}

/// What a newcomer needs: addresses, keys, three calls.
fn welcome(
    at: Addresses,
    keys: &DemoKeys,
    (token, command): (Option<&Secret>, &str),
    data_dir: &Path,
) {
    let base = format!("http://{}", at.public);
    let (sku, gtin) = demo::showcase().unwrap_or_default();
    let id = ProductId::derived(sku);
    let DemoKeys { live, test } = keys;
    let (sample, folder) = source::places(data_dir);
    let store = StoreId::derived(demo::SHOWROOM);
    let outbox = data_dir.join("outbox");
    let data_dir = data_dir.display();
    let token = token.map_or_else(
        || {
            format!(
                "was shown at the first start; a new one:\n                \
                 {command} token create --name me --role owner"
            )
        },
        |token| format!("{}  (shown this once)", token.reveal()),
    );
    mention(format!(
        "\nComptoir is open.\n\
         \n  Partner API   {base}/v1\
         \n  Reference     {base}/docs/\
         \n  OpenAPI       {base}/openapi/partner.yaml\
         \n  Search        {base}/v1/products?q=huile+d%27olive&fields=name (with a key)\
         \n  Admin API     http://{admin}/docs/\
         \n\n  Live key      {live}\
         \n  Test key      {test}\
         \n  Admin token   {token}\
         \n  Your account  {command} account create --login me@example.com --name Me --role owner\
         \n\nTry:\n\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/products?limit=2'\
         \n  curl -s -H 'Authorization: Bearer {live}' -H 'Accept-Language: en' '{base}/v1/products/gtin/{gtin}?fields=name,categories&embed=category'\
         \n  curl -s -H 'Authorization: Bearer {test}' '{base}/v1/products/{id}/stock?limit=3'\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/products/{id}/price-history?limit=3'\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/changes?types=product&limit=3'\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/stores?postal_code=31000&country=FR&radius_km=500&items={gtin}&limit=2'\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/feeds/google-products?format=rss'\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/products?min_price=20&sort=-price&facets=brand,category_id,price&limit=1'\
         \n\nWithout a key, anybody may see the plans and apply; mails lie in {outbox}:\n\
         \n  curl -s '{base}/v1/plans'\
         \n\nThe plan grants ten price histories a day; when half are used, the partner is told in a mail there:\n\
         \n  for n in 1 2 3 4 5; do curl -so /dev/null -H 'Authorization: Bearer {live}' '{base}/v1/products/{id}/price-history'; done\
         \n\nWhat all of it costs so far; each statement is there as JSON, as CSV and as a page to print:\n\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/usage/statements'\
         \n\nA file that is put into a source is imported within seconds; then call for the price:\n\
         \n  mv '{sample}' '{folder}/'\
         \n  curl -s -H 'Authorization: Bearer {live}' '{base}/v1/products/{id}/offers?store_id={store}'\
         \n\nStop with Ctrl-C; the data stays in {data_dir}.",
        admin = at.admin,
        outbox = outbox.display(),
        sample = sample.display(),
        folder = folder.display(),
    ));
}
