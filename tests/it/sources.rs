//! Feeds that come by themselves: from folders, and from addresses that are polled.

use crate::support::schema::documented;
use crate::support::{Builder, NOON, TestApp, problem};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use comptoir::config::DatabaseUrl;
use comptoir::kernel::clock::SECOND;
use parking_lot::Mutex;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

const PEPPER: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
const TSV: &str = "id\ttitle\tlink\tprice\tavailability\tproduct_type\n\
    A1\tEnduit\thttps://shop.example/a1\t9.90 EUR\tin_stock\tPeinture > Enduits\n\
    A2\tRouleau\thttps://shop.example/a2\t4.50 EUR\tout_of_stock\tPeinture > Outils\n";

fn source(dir: &Path, name: &str, settings: &str) {
    fs::create_dir_all(dir.join(name)).unwrap();
    fs::write(dir.join(name).join("source.toml"), settings).unwrap();
}

/// The names in a folder, without the instant before them.
fn names(dir: impl AsRef<Path>) -> BTreeSet<String> {
    let Ok(found) = fs::read_dir(dir) else { return BTreeSet::new() };
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.split_once("Z-").map_or(name.clone(), |(_, name)| name.to_owned())
    };
    found.map(name).collect()
}

fn report(dir: impl AsRef<Path>, name: &str) -> Value {
    let mut found = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let path = found.find(|path| path.to_string_lossy().ends_with(name)).unwrap();
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn polling(dir: &Path, poll_ms: u32) -> Builder {
    TestApp::builder()
        .fixed_clock(NOON)
        .set("FEEDS__SOURCES_DIR", &dir.display().to_string())
        .set("FEEDS__SOURCES_POLL_MS", &poll_ms.to_string())
}

async fn watching(dir: &Path) -> TestApp {
    polling(dir, 20).start().await
}

/// Another node on the same database.
async fn beside(app: &TestApp, builder: Builder) -> TestApp {
    let url = match &app.config.database.url {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.reveal().to_owned(),
    };
    let mut other = builder.set("DATABASE__URL", &url).set("ACCESS__PEPPER", PEPPER).start().await;
    other.admin_token.clone_from(&app.admin_token);
    other
}

/// A source as a node tells it, once it is as asked.
async fn told(app: &TestApp, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/admin/v1/sources/{name}");
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let source = app.admin("GET", &path, None).await.json().await.unwrap();
        if fits(&source) {
            return source;
        }
        assert!(Instant::now() < until, "{source}");
        crate::support::pause().await;
    }
}

async fn skus(app: &TestApp) -> BTreeSet<String> {
    app.caught_up().await;
    let key = app.key(json!({})).await.text;
    let page: Value = app.get(&key, "/v1/products?limit=200").await.json().await.unwrap();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["sku"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn files_that_are_put_into_a_folder_are_imported_and_put_away() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    source(dir, "google", "feed = \"all\"\nformat = \"google-products\"\n");
    source(dir, "own", "feed = \"products\"\n");
    let (google, own) = (dir.join("google"), dir.join("own"));
    fs::write(google.join("catalog.tsv"), TSV).unwrap();
    fs::write(google.join("later.tsv.part"), TSV).unwrap();
    fs::write(google.join(".hidden"), TSV).unwrap();
    // A link leads anywhere, and a pipe never ends.
    std::os::unix::fs::symlink("/etc/passwd", google.join("link.tsv")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(google.join("pipe.tsv")).status();
    assert!(made.unwrap().success());
    // What a node left there that was killed.
    fs::create_dir(own.join("working")).unwrap();
    let rows = "{\"sku\":\"B1\",\"name\":\"Vis\"}\n{\"sku\":\"\"}\n";
    fs::write(own.join("working/cut-off.ndjson"), rows).unwrap();
    fs::write(own.join("broken.gz"), b"\x1f\x8b\x08 no gzip").unwrap();
    let app = watching(dir).await;
    app.wait_for_gauge("feed_files_total", 3).await;

    assert_eq!(skus(&app).await, BTreeSet::from(["A1", "A2", "B1"].map(str::to_owned)));
    assert_eq!(names(google.join("done")), set(&["catalog.tsv", "catalog.tsv.report.json"]));
    let left = [".hidden", "done", "later.tsv.part", "link.tsv", "pipe.tsv", "source.toml"];
    let mut left = set(&left);
    left.insert("working".to_owned());
    assert_eq!(names(&google), left);
    let done = report(google.join("done"), "catalog.tsv.report.json");
    assert_eq!((&done["status"], &done["error"]), (&json!("done"), &Value::Null));
    assert_eq!(
        (&done["imports"][1]["feed"], &done["imports"][1]["accepted"]),
        (&json!("products"), &json!(2))
    );
    let beside =
        ["cut-off.ndjson", "cut-off.ndjson.products.rejected.ndjson", "cut-off.ndjson.report.json"];
    assert_eq!(names(own.join("done")), set(&beside));
    assert_eq!(names(own.join("failed")), set(&["broken.gz", "broken.gz.report.json"]));
    let failed = report(own.join("failed"), "broken.gz.report.json");
    assert!(failed["error"].as_str().unwrap().ends_with("nothing was imported"), "{failed}");
    assert!(names(own.join("working")).is_empty());

    // A source that is not described rightly is told of, and holds up no other.
    source(dir, "wrong", "feed = \"prices\"\n");
    app.wait_until_gauge("feed_sources_failing", |failing| failing == 1).await;
    let full = "feed = \"products\"\nformat = \"google-products\"\nmode = \"full\"\n";
    source(dir, "google", full);
    fs::write(google.join("catalog.tsv"), TSV.replace("A2", "A3")).unwrap();
    app.wait_for_gauge("feed_files_total", 4).await;
    // The file says all there is.
    assert_eq!(skus(&app).await, BTreeSet::from(["A1", "A3"].map(str::to_owned)));
    source(dir, "wrong", "feed = \"offers\"\n");
    app.wait_until_gauge("feed_sources_failing", |failing| failing == 0).await;
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

type Shop = (AtomicU16, Mutex<Vec<(bool, bool)>>);

/// Answers with the feed, or that it has not changed, where the caller says who it is.
async fn give(request: HttpRequest, shop: web::Data<Arc<Shop>>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let (known, secret) = (header("if-none-match"), header("authorization"));
    shop.1.lock().push((known == Some("\"v1\""), secret == Some("Bearer s3cret")));
    match shop.0.load(Ordering::SeqCst) {
        200 if known == Some("\"v1\"") => HttpResponse::NotModified().finish(),
        200 => HttpResponse::Ok().insert_header(("etag", "\"v1\"")).body(TSV),
        other => HttpResponse::build(other.try_into().unwrap()).finish(),
    }
}

#[tokio::test]
async fn an_address_is_polled_and_what_is_known_is_not_fetched_again() {
    let shop: Arc<Shop> = Arc::new((AtomicU16::new(200), Mutex::default()));
    let data = web::Data::new(Arc::clone(&shop));
    let server =
        HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(give)));
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let at = server.addrs()[0];
    tokio::spawn(server.run());

    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let settings = format!(
        "feed = \"products\"\nformat = \"google-products\"\nurl = \"http://{at}/feed.tsv\"\n\
         authorization_file = \"secret\"\n"
    );
    source(dir, "shop", &settings);
    fs::write(dir.join("shop/secret"), "Bearer s3cret\n").unwrap();
    let mut app = watching(dir).await;
    app.wait_for_gauge("feed_files_total", 1).await;
    assert_eq!(skus(&app).await, BTreeSet::from(["A1", "A2"].map(str::to_owned)));
    assert_eq!(names(dir.join("shop/done")), set(&["fetched", "fetched.report.json"]));
    app.stop().await;

    // A start polls at once, and knows what it has.
    let mut app = watching(dir).await;
    source(dir, "other", "feed = \"products\"\n");
    fs::write(dir.join("other/z.ndjson"), "{\"sku\":\"Z\",\"name\":\"Z\"}\n").unwrap();
    app.wait_for_gauge("feed_files_total", 1).await;
    app.wait_until_gauge("feed_sources_failing", |failing| failing == 0).await;
    app.stop().await;
    assert_eq!(*shop.1.lock(), [(false, true), (true, true)]);
    assert_eq!(names(dir.join("shop/done")), set(&["fetched", "fetched.report.json"]));

    // Under other settings the same file says something else.
    fs::write(dir.join("shop/source.toml"), settings + "mode = \"full\"\n").unwrap();
    let mut app = watching(dir).await;
    app.wait_for_gauge("feed_files_total", 1).await;
    app.stop().await;
    assert_eq!(shop.1.lock().last(), Some(&(false, true)));

    shop.0.store(500, Ordering::SeqCst);
    let app = watching(dir).await;
    app.wait_until_gauge("feed_sources_failing", |failing| failing == 1).await;
}

/// What a source tells that it leaves out, each with what to do.
fn left_out(source: &Value, feeds: &[&str]) {
    let told = source["left_out"].as_array().unwrap().iter();
    let message = |one: &Value| one["message"].as_str().unwrap().contains("names no store");
    assert!(told.clone().all(message), "{source}");
    assert_eq!(told.map(|one| one["feed"].as_str().unwrap()).collect::<Vec<_>>(), feeds);
}

#[tokio::test]
async fn every_node_tells_how_the_sources_are_and_looks_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    source(dir, "google", "feed = \"all\"\nformat = \"google-products\"\nmode = \"full\"\n");
    let polled = "feed = \"products\"\nurl = \"http://127.0.0.1:1/feed?key=s3cret#part\"\n";
    source(dir, "polled", polled);
    source(dir, "wrong", "feed = \"prices\"\n");
    // An hour goes by between two looks unless somebody asks.
    let app = polling(dir, 3_600_000).set("ACCESS__PEPPER", PEPPER).start().await;
    let held_by = told(&app, "wrong", |source| source["problem"].is_string()).await;
    let idle = beside(&app, polling(dir, 3_600_000)).await;
    let without = beside(&app, TestApp::builder().fixed_clock(NOON)).await;

    let (one, two) = (dir.join("google/catalog.tsv"), dir.join("google/broken.tsv"));
    fs::write(one, TSV).unwrap();
    let asked = without.admin("POST", "/admin/v1/sources/google/look", None).await;
    assert_eq!(asked.status(), 202);
    let asked: Value = asked.json().await.unwrap();
    documented(&asked, "admin", "SourceOut");
    assert_eq!(asked["look_asked_at"], NOON);
    let done = told(&app, "google", |source| source["look_asked_at"].is_null()).await;
    let ids = done["last"]["import_ids"].as_array().unwrap();
    assert_eq!((ids.len(), &done["last"]["status"]), (2, &json!("done")), "{done}");
    assert_eq!(done["last"]["file_name"], "catalog.tsv");
    assert_eq!(done["feeds"], json!(["categories", "products"]));
    left_out(&done, &["offers", "stock"]);
    let kind = (&done["kind"], &done["mode"], &done["format"]);
    assert_eq!(kind, (&json!("folder"), &json!("full"), &json!("google-products")));
    let path = format!("/admin/v1/imports/{}", ids[1].as_str().unwrap());
    let import = without.admin_ok("GET", &path, None).await["import"].clone();
    assert_eq!((&import["accepted"], &import["source"]), (&json!(2), &json!("google")));

    fs::write(two, "no\theader\n").unwrap();
    app.admin_ok("POST", "/admin/v1/sources/google/look", None).await;
    let failed =
        |source: &Value| source["last"]["status"] == "failed" && source["look_asked_at"].is_null();
    let failed = told(&app, "google", failed).await;
    let error = failed["last"]["error"].as_str().unwrap();
    assert!(error.starts_with("broken.tsv: ") && error.contains("lacks id"), "{failed}");

    let listed = app.admin_ok("GET", "/admin/v1/sources", None).await;
    documented(&listed, "admin", "SourcesOut");
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    for other in [&idle, &without] {
        assert_eq!(other.admin_ok("GET", "/admin/v1/sources", None).await, listed);
    }
    let polled = &listed["items"][1];
    assert_eq!((&polled["kind"], &polled["every_s"]), (&json!("polled"), &json!(3600)));
    assert_eq!(polled["address"], "http://127.0.0.1:1/feed");
    left_out(polled, &[]);
    assert_eq!(polled["problem"], "url: could not be reached");
    let wrong = &listed["items"][2];
    assert!(wrong["problem"].as_str().unwrap().contains("feed"), "{wrong}");
    assert_eq!((&wrong["feeds"], &wrong["node"]), (&json!([]), &held_by["node"]));

    // What is a source no more is told no more.
    fs::remove_dir_all(dir.join("wrong")).unwrap();
    app.admin_ok("POST", "/admin/v1/sources/polled/look", None).await;
    told(&app, "wrong", |source| source["code"] == "not_found").await;
    for path in ["/admin/v1/sources/none/look", "/admin/v1/sources/%00/look"] {
        problem(app.admin("POST", path, None).await, 404, "not_found").await;
    }
    let trail = app.admin_ok("GET", "/admin/v1/audit?limit=200", None).await;
    let mut actions = trail["items"].as_array().unwrap().iter().map(|entry| &entry["action"]);
    assert!(actions.any(|action| action == "source.look"), "{trail}");
}

#[tokio::test]
async fn a_look_that_was_asked_for_is_told_with_its_instant() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    source(dir, "own", "feed = \"products\"\n");
    source(dir, "polled", "feed = \"products\"\nurl = \"http://127.0.0.1:1/feed\"\n");
    let app = polling(dir, 3_600_000).start().await;
    told(&app, "polled", |source| source["problem"].is_string()).await;
    // However soon it comes behind another.
    for name in ["polled", "own", "polled"] {
        app.clock.advance(SECOND);
        app.admin_ok("POST", &format!("/admin/v1/sources/{name}/look"), None).await;
        let looked = told(&app, name, |source| source["look_asked_at"].is_null()).await;
        assert_eq!(looked["looked_at"], json!(app.clock.now()), "{looked}");
    }
}

#[tokio::test]
async fn what_was_put_away_long_ago_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    source(dir, "own", "feed = \"products\"\n");
    fs::write(dir.join("own/good.ndjson"), "{\"sku\":\"B1\",\"name\":\"Vis\"}\n").unwrap();
    fs::write(dir.join("own/bad.gz"), b"\x1f\x8b\x08 no gzip").unwrap();
    let app = polling(dir, 20).set("FEEDS__SOURCES_KEEP_DAYS", "3").start().await;
    app.wait_for_gauge("feed_files_total", 2).await;
    let (done, failed) = (dir.join("own/done"), dir.join("own/failed"));
    fs::write(done.join("mine.txt"), "not put away by the program").unwrap();
    let day = Duration::from_secs(86_400).as_micros() as i64;
    for (days, left) in [(2, 2), (2, 0)] {
        app.clock.advance(days * day);
        fs::write(dir.join("own").join(format!("{left}.ndjson")), "").unwrap();
        told(&app, "own", |source| source["last"]["file_name"] == format!("{left}.ndjson")).await;
        // The file above was put away just now; the look that did it has cleared before or after.
        let old = |dir: &Path| {
            fs::read_dir(dir)
                .unwrap()
                .filter(|entry| {
                    let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
                    name.starts_with("2026-11-22")
                })
                .count()
        };
        let until = Instant::now() + crate::support::PATIENCE;
        while (old(&done), old(&failed)) != (left, left) {
            assert!(Instant::now() < until, "{days} {left}: {:?}", names(&done));
            crate::support::pause().await;
        }
    }
    assert!(names(&done).contains("mine.txt"));
}

#[tokio::test]
async fn a_file_of_any_name_is_imported_and_put_away() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    source(dir, "own", "feed = \"products\"\n");
    let odd = [[b'a'; 1].as_slice(), [0xff; 100].as_slice()].concat();
    let long = "\u{4e2d}".repeat(80);
    for (name, sku) in [(odd.as_slice(), "O"), (long.as_bytes(), "L"), (b"z.ndjson", "Z")] {
        let path = dir.join("own").join(std::ffi::OsStr::from_bytes(name));
        fs::write(path, format!("{{\"sku\":\"{sku}\",\"name\":\"N\"}}\n")).unwrap();
    }
    let app = watching(dir).await;
    app.wait_for_gauge("feed_files_total", 3).await;
    assert_eq!(skus(&app).await, BTreeSet::from(["L", "O", "Z"].map(str::to_owned)));
    let done = names(dir.join("own/done"));
    assert_eq!(done.len(), 6, "{done:?}");
    assert!(
        done.contains(&format!("a{}", "_".repeat(100))) && done.contains(&"\u{4e2d}".repeat(60))
    );
    app.wait_until_gauge("feed_sources_failing", |failing| failing == 0).await;
}

/// Files that may not be read are no obstacle for root, so the thread gives up what lets it pass, and
/// with it all that it starts.
fn without_privileges(scenario: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let mut own = capabilities(None).unwrap();
        own.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, own).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(scenario);
    });
    thread.join().unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own");
    source(dir.path(), "own", "feed = \"products\"\n");
    for name in ["a-closed", "b-open"] {
        let row = format!("{{\"sku\":\"{name}\",\"name\":\"N\"}}\n");
        fs::write(own.join(format!("{name}.ndjson")), row).unwrap();
    }
    let closed = own.join("a-closed.ndjson");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    without_privileges(async move {
        let app = watching(dir.path()).await;
        app.wait_for_gauge("feed_files_total", 1).await;
        assert_eq!(skus(&app).await, BTreeSet::from(["b-open".to_owned()]));
        let failing = told(&app, "own", |source| source["problem"].is_string()).await;
        let problem = failing["problem"].as_str().unwrap();
        assert!(problem.starts_with("a-closed.ndjson cannot be read"), "{problem}");
        // It lies where it was, and is imported once it may be read.
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o600)).unwrap();
        app.wait_for_gauge("feed_files_total", 2).await;
        assert_eq!(skus(&app).await, BTreeSet::from(["a-closed", "b-open"].map(str::to_owned)));
        told(&app, "own", |source| source["problem"].is_null()).await;
    });
}

/// Paths that were asked for, whether the address before was told, and whether the secret was.
type Seen = Mutex<Vec<(String, bool, bool)>>;

async fn lead(
    request: HttpRequest,
    seen: web::Data<Seen>,
    other: web::Data<Option<SocketAddr>>,
) -> HttpResponse {
    let has = |name| request.headers().contains_key(name);
    seen.lock().push((request.path().to_owned(), has("referer"), has("authorization")));
    let to = match (request.path(), **other) {
        ("/feed", _) => "/moved".to_owned(),
        ("/moved", Some(other)) => format!("http://{other}/elsewhere"),
        _ => return HttpResponse::Ok().body(TSV),
    };
    HttpResponse::Found().insert_header(("location", to)).finish()
}

/// A server that leads on to another, where there is one.
fn leading(seen: &web::Data<Seen>, to: Option<SocketAddr>) -> SocketAddr {
    let (seen, to) = (seen.clone(), web::Data::new(to));
    let server = HttpServer::new(move || {
        App::new().app_data(seen.clone()).app_data(to.clone()).default_service(web::to(lead))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let at = server.addrs()[0];
    tokio::spawn(server.run());
    at
}

#[tokio::test]
async fn a_redirect_tells_nobody_the_address_before_and_no_other_server_the_secret() {
    let seen = web::Data::new(Seen::default());
    let at = leading(&seen, Some(leading(&seen, None)));
    let dir = tempfile::tempdir().unwrap();
    let settings = format!(
        "feed = \"products\"\nformat = \"google-products\"\nurl = \"http://{at}/feed?token=s3cret\"\n\
         authorization_file = \"secret\"\n"
    );
    source(dir.path(), "shop", &settings);
    fs::write(dir.path().join("shop/secret"), "Bearer s3cret\n").unwrap();
    let app = watching(dir.path()).await;
    app.wait_for_gauge("feed_files_total", 1).await;
    let expected = [("/feed", false, true), ("/moved", false, true), ("/elsewhere", false, false)];
    let seen = seen.lock();
    let seen: Vec<_> = seen.iter().map(|(path, from, key)| (path.as_str(), *from, *key)).collect();
    assert_eq!(seen, expected);
}
