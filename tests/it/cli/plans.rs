//! All of a plan, what keys want to be looked at, and reasons, from the shell.

use super::program::Place;
use serde_json::Value;

const LISTS: &str = r#"{"name":"lists","concurrent":4,"operations":["list_products"]}"#;
const PRICES: &str = r#"{"currency":"EUR","fee":"49.00","charges":[{"name":"calls","meter":"requests","model":"per_unit","unit_price":"0.50"}]}"#;

fn plan(place: &Place, more: &[&str]) -> String {
    let create = ["plan", "create", "--name", "Small", "--limit", "burst:50:1:-list_suggestions"];
    place.ok(&[&create[..], more].concat())
}

/// What a plan shows under a name.
fn shown(place: &Place, args: &[&str], name: &str) -> Vec<String> {
    let said = place.ok(&[&["plan", "show"], args].concat());
    let rows = said.lines().filter_map(|row| row.split_once('\t'));
    rows.filter(|(what, _)| *what == name).map(|(_, value)| value.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_plan_is_set_and_shown() {
    let place = Place::made().await;
    let id = plan(
        &place,
        &[
            "--weight",
            "list_products=2.5",
            "--weight",
            "get_product=3",
            "--limit",
            LISTS,
            "--when-degraded",
            "refuse",
            "--prices",
            PRICES,
            "--reason",
            "first of all",
        ],
    );
    assert_eq!(shown(&place, &[&id], "limit"), ["burst:50:1:-list_suggestions", LISTS]);
    assert_eq!(shown(&place, &[&id], "weight"), ["list_products=2.5", "get_product=3"]);
    assert_eq!(shown(&place, &[&id], "when degraded"), ["refuse"]);
    assert_eq!(
        shown(&place, &[&id], "prices.charges"),
        ["included=0 meter=requests model=per_unit name=calls unit_price=0.50"]
    );
    let update = ["plan", "update", &id];
    let said = place.ok(&[&update[..], &["--name", "Less", "--reason", "a better name"]].concat());
    assert!(said.starts_with(&format!("{id}\t1\tLess\t")), "{said}");
    place.ok(&[&update[..], &["--no-weights", "--when-degraded", "share"]].concat());
    assert_eq!(shown(&place, &[&id], "weight"), [""; 0]);
    assert_eq!(shown(&place, &[&id, "--version", "1"], "when degraded"), ["refuse"]);
    let whole: Value = serde_json::from_str(&place.ok(&["plan", "show", &id, "--json"])).unwrap();
    assert_eq!((&whole["version"], &whole["name"]), (&2.into(), &"Less".into()));

    let versions = place.ok(&["plan", "versions", &id]);
    let versions: Vec<Vec<&str>> = versions.lines().map(|row| row.split('\t').collect()).collect();
    let told: Vec<_> = versions.iter().map(|row| (row[0], row[5], row[6])).collect();
    assert_eq!(told, [("1", "refuse", "list_products=2.5 get_product=3"), ("2", "share", "-")]);
    assert!(place.fails(1, &["plan", "show", &id, "--version", "9"]).contains("version 9"));
    let audit = place.ok(&["audit", "export"]);
    assert!(audit.contains("first of all") && audit.contains("a better name"), "{audit}");

    let other = plan(&place, &[]);
    let taken =
        place.fails(1, &["plan", "update", &other, "--name", "Less", "--weight", "get_product=2"]);
    assert!(taken.contains("Less"), "{taken}");
    assert_eq!(shown(&place, &[&other], "version"), ["1"], "all of it or nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prices_that_hold_and_those_that_wait_are_told() {
    let place = Place::made().await;
    let id = plan(&place, &["--prices", PRICES]);
    let standing = |name: &str| shown(&place, &[&id], name);
    assert_eq!(standing("prices in force"), ["those of version 1"]);
    assert_eq!(standing("prices that wait"), [""; 0]);
    let dearer = PRICES.replace("49.00", "59.00");
    place.ok(&["plan", "update", &id, "--prices", &dearer]);
    assert_eq!(standing("prices in force"), ["those of version 1"]);
    let waits =
        "those of version 2, from each app's next period on, at once for who comes to the plan";
    assert_eq!(standing("prices that wait"), [waits]);
    let versions = || {
        let said = place.ok(&["plan", "versions", &id]);
        let last = |row: &str| row.rsplit('\t').next().unwrap_or_default().to_owned();
        said.lines().map(last).collect::<Vec<_>>()
    };
    assert_eq!(versions(), ["in force", "waits"]);
    assert_eq!(shown(&place, &[&id, "--version", "2"], "prices stand"), ["waits"]);
    place.ok(&["plan", "update", &id, "--prices", &dearer, "--prices-from", "now"]);
    assert_eq!(standing("prices that wait"), [""; 0]);
    assert_eq!(versions(), ["-", "in force", "in force"]);
    let place = Place::made().await;
    let free = plan(&place, &[]);
    assert_eq!(shown(&place, &[&free], "prices in force"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_plan_is_said_in_plain_words() {
    let place = Place::made().await;
    let id = plan(&place, &[]);
    for (args, said) in [
        (&["--limit", "month:10:fortnight"][..], "must be one of `day`, `week`"),
        (&["--limit", "x:10:1:list_product"], "did you mean `list_products`?"),
        (&["--weight", "list_product=1"], "did you mean `list_products`?"),
        (&["--weight", "list_products=many"], "OPERATION=UNITS"),
        (&["--when-degraded", "shair"], "must be one of share, refuse; did you mean share?"),
        (&["--prices", r#"{"currency":5,"fee":6}"#], "currency: must be a text in quotes"),
        (&["--prices", "{"], "it is not JSON"),
        (&[], "--weight"),
    ] {
        let error = place.fails(2, &[&["plan", "update", &id], args].concat());
        assert!(error.contains(said), "{args:?}: {error}");
        for leak in ["line 1 column", "expected", "unknown variant", "invalid type"] {
            assert!(!error.contains(leak), "{args:?}: {error}");
        }
    }
    let great = place.fails(2, &["plan", "show", "pln_aaaaaaaaaaa"]);
    assert!(great.contains("too great a number"), "{great}");
    let tip = place.fails(2, &["plan", "list", "--reasno", "x"]);
    assert!(!tip.contains("--version"), "{tip}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_could_not_be_is_tried_out_with_a_warning() {
    let place = Place::made().await;
    let id = plan(&place, &["--weight", "list_products=5"]);
    let tried = place.run(&["plan", "simulate", &id, "--limit", "burst:2:1"]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    let why = "a call of `list_products` takes 5 units";
    assert!(
        tried.err.contains("`plan update` would refuse this plan") && tried.err.contains(why),
        "{tried:?}"
    );
    assert!(
        tried.out.contains("No calls in this time") && !tried.err.contains("note:"),
        "{tried:?}"
    );
    let refused = place.fails(1, &["plan", "update", &id, "--limit", "burst:2:1"]);
    assert!(refused.contains(why), "{refused}");
    let fits = place.run(&[
        "plan",
        "simulate",
        &id,
        "--weight",
        "list_products=2",
        "--limit",
        "burst:2:1",
    ]);
    assert!(!fits.err.contains("would refuse"), "{fits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_by_what_wants_to_be_looked_at() {
    let place = Place::made().await;
    let plan = plan(&place, &[]);
    let [here, there] =
        ["Here", "There"].map(|name| place.ok(&["partner", "create", "--name", name]));
    let app = place.ok(&["app", "create", "--partner", &here, "--plan", &plan, "--name", "Site"]);
    place.ok(&["key", "create", "--app", &app, "--expires-at", "2100-01-01T00:00:00Z"]);
    let list = |more: &[&str]| place.ok(&[&["key", "list"], more].concat()).lines().count();
    for (attention, days, count) in [
        ("expiring", "3650", 0),
        ("leaked", "90", 0),
        ("unused", "1", 0),
        ("old_secret_quiet", "1", 0),
    ] {
        let found = list(&["--attention", attention, "--within-days", days]);
        assert_eq!(found, count, "{attention}");
    }
    let key = place.ok(&["key", "list"]).split('\t').next().unwrap().to_owned();
    place.ok(&["key", "rotate", &key]);
    assert_eq!(list(&["--attention", "old_secret_quiet"]), 1);
    assert_eq!((list(&["--kind", "client"]), list(&["--kind", "key"])), (0, 1));
    let used = |when| list(&["--used-before", when]);
    assert_eq!((used("2100-01-01T00:00:00Z"), used("2020-01-01T00:00:00Z")), (1, 0));
    for (args, said) in [
        (["--attention", "leakd"], "did you mean leaked?"),
        (["--within-days", "3"], "--attention"),
    ] {
        let error = place.fails(2, &[&["key", "list"], &args[..]].concat());
        assert!(error.contains(said), "{error}");
    }

    // Many keys and an app, with a reason.
    let bulk = ["key", "bulk", "quarantine", "--app", &app, "--reason", "seen abroad"];
    let seen = place.ok(&bulk);
    let token = seen.lines().last().unwrap().strip_prefix("--token ").unwrap();
    place.ok(&[&bulk[..], &["--token", token]].concat());
    let transfer = ["app", "transfer", &app, &there, "--reason", "bought"];
    let dry = place.ok(&[&transfer[..], &["--dry-run"]].concat());
    assert!(dry.contains(&key) && dry.ends_with("what would go along."), "{dry}");
    let done = place.ok(&transfer);
    assert!(done.contains(&key) && done.contains("Done: the app has gone over"), "{done}");
    let audit = place.ok(&["audit", "export"]);
    assert!(audit.contains("seen abroad") && audit.contains("bought"), "{audit}");
    let nobody = place.fails(1, &["app", "transfer", &app, "prt_00000000001"]);
    assert!(nobody.contains("There is no partner `prt_00000000001`"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_given_one_by_one_or_joined() {
    let place = Place::made().await;
    let create = ["token", "create", "--name", "till"];
    place.ok(&[&create[..], &["--role", "billing", "--role", "auditor,feeds"]].concat());
    let listed = place.ok(&["token", "list"]);
    assert!(listed.ends_with("\ttill\tbilling,auditor,feeds\t-"), "{listed}");
    assert!(place.fails(2, &create).contains("--role"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_time_has_passed_carries_a_mark() {
    let place = Place::made().await;
    let [first, second] =
        [plan(&place, &[]), place.ok(&["plan", "create", "--name", "B", "--limit", "b:9:1"])];
    let partner = place.ok(&["partner", "create", "--name", "Boutique"]);
    let app =
        place.ok(&["app", "create", "--partner", &partner, "--plan", &first, "--name", "Site"]);
    let soon = comptoir::kernel::Micros(comptoir::kernel::Clock::System.now().0 + 1_500_000);
    let asked =
        place.ok(&["subscription", "request", &app, &second, "--starts-at", &soon.to_string()]);
    let id = asked.split('\t').next().unwrap();
    let until = std::time::Instant::now() + super::program::PATIENCE;
    loop {
        let listed = place.ok(&["subscription", "list", &app]);
        let row = listed.lines().find(|row| row.starts_with(id)).unwrap().to_owned();
        if row.contains("\trequested (overdue)\t") {
            break;
        }
        assert!(row.contains("\trequested\t") && std::time::Instant::now() < until, "{listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_suspended_with_a_reason_or_without() {
    let place = Place::made().await;
    let (plan, partner) =
        (plan(&place, &[]), place.ok(&["partner", "create", "--name", "Boutique"]));
    let app =
        place.ok(&["app", "create", "--partner", &partner, "--plan", &plan, "--name", "Site"]);
    let listed = place.ok(&["subscription", "list", &app]);
    let id = listed.lines().find(|row| row.starts_with("aps_")).unwrap();
    let id = id.split('\t').next().unwrap();
    for reason in [&[][..], &["--reason", "Unpaid"]] {
        let suspend = [&["subscription", "suspend", id], reason].concat();
        assert!(place.ok(&suspend).contains("\tsuspended\t"), "{reason:?}");
        assert!(place.ok(&["subscription", "resume", id]).contains("\tactive\t"), "{reason:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_offer_what_is_not_given_stays() {
    let place = Place::made().await;
    let id = plan(&place, &[]);
    let offer = |rest: &[&str]| place.ok(&[&["plan", "offer", &id], rest].concat());
    let described = || place.ok(&["export", "access"]).contains("description: For shops");
    assert_eq!(offer(&["--public", "--description", "For shops"]), format!("{id}\tmanual\tpublic"));
    assert_eq!(offer(&["--approval", "auto"]), format!("{id}\tauto\tpublic"));
    assert!(described());
    assert_eq!(offer(&["--public", "false"]), format!("{id}\tauto\tnot public"));
    assert!(described());
    offer(&["--description", "none"]);
    assert!(!described());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_there_is_not_lists_no_refusals() {
    let place = Place::made().await;
    let said = place.fails(2, &["refusal", "list", "--code", "quota_exceded"]);
    assert!(said.contains("none of the codes"), "{said}");
    assert_eq!(place.ok(&["refusal", "list", "--code", "quota_exceeded"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_not_there_is_named_at_once() {
    let mut place = Place::new().await;
    place.set("DATABASE__URL", "postgres://shop@127.0.0.1:1/shop");
    let asked = std::time::Instant::now();
    let said = place.fails(1, &["partner", "list"]);
    assert!(said.contains("does not answer at 127.0.0.1:1"), "{said}");
    // Not for as long as a connection is waited for.
    assert!(asked.elapsed().as_secs() < 8, "{:?}", asked.elapsed());
}
